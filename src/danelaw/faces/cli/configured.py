"""What the commands for a configured host have in common: which configuration, and which of its subjects."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

from danelaw import wiring
from danelaw.app.config import Config, load
from danelaw.app.known import Known
from danelaw.app.subject_names import named, short
from danelaw.app.toolbox import Subjects
from danelaw.app.zone_place import PLACES, configuration
from danelaw.core.model import DanelawError, SubjectName
from danelaw.ports import LastingStore

_OPTIONS: Final = (
    click.option(
        "--config",
        "named",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="The configuration; else $DANELAW_CONFIG, ./danelaw.toml or /etc/danelaw/danelaw.toml.",
    ),
    click.option("--json", "json_form", is_flag=True, help="Give the result as JSON."),
)


def of_configuration(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command what all of these take: ``service``, ``named`` and ``json_form``."""
    return _with_options(click.argument("service", required=False)(command))


def of_one_subject(command: Callable[..., None]) -> Callable[..., None]:
    """As ``of_configuration``, for what has to be said of one service, or zone."""
    return click.argument("service")(_with_options(command))


def of_many(what: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """As ``of_configuration``, for a command that takes some of something, one at least."""

    def with_these(command: Callable[..., None]) -> Callable[..., None]:
        return click.argument(what, nargs=-1, required=True)(_with_options(command))

    return with_these


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def config_path(named: Path | None) -> Path:
    """The configuration file. Raises ``DanelawError("CONFIG_MISSING")``."""
    path = configuration(named, os.environ)
    if path is None:
        raise DanelawError(
            "CONFIG_MISSING",
            "there is no configuration",
            evidence=f"neither {' nor '.join(PLACES)} is there, and $DANELAW_CONFIG is not set",
            hint="name it with --config FILE; docs/reference/configuration.md says what is in it",
        )
    return path


def found(named: Path | None) -> tuple[Path, Config]:
    """The configuration file, and what it says.

    Raises ``DanelawError``: ``CONFIG_MISSING`` where there is none, ``CONFIG_EMPTY`` where it names neither a service
    nor a zone, and as ``load`` does.
    """
    path = config_path(named)
    config = load(path)
    if not config.zones and not config.services:
        raise DanelawError(
            "CONFIG_EMPTY",
            f"{path} names no service and no zone, so there is nothing to do",
            evidence=f"there is no file in {path.absolute().parent / 'services.d'}",
            hint="docs/reference/configuration.md says what is in a service's file",
        )
    return path, config


def recorded(config: Config, subjects: Subjects, store: LastingStore | None) -> Known:
    """What is known of the subjects of a configuration, from the store alone; nothing where there is none."""
    return Known(store or wiring.memory_store(config.limits), subjects)


def store_of(config: Config) -> LastingStore | None:
    """The store, unless no runner has made it yet: whoever only reads makes none."""
    return wiring.lasting_store(config, wiring.blocking()) if config.store.exists() else None


def names_of(config: Config) -> tuple[SubjectName, ...]:
    """Every subject of a configuration, zones before services."""
    return (*(zone.subject for zone in config.zones), *(service.subject for service in config.services))


def chosen(config: Config, service: str | None) -> tuple[SubjectName, ...]:
    """The subjects that are meant: all, or the one that is named, as far as needed to tell which.

    Raises ``DanelawError("SERVICE_UNKNOWN")``.
    """
    every = names_of(config)
    if service is None:
        return every
    wanted = service.strip().lower()
    fitting = named(every, wanted) or tuple(name for name in every if wanted and name.lower().startswith(wanted))
    if len(fitting) == 1:
        return fitting
    near = difflib.get_close_matches(wanted, sorted(map(short, every)), n=1, cutoff=0.5)
    raise DanelawError(
        "SERVICE_UNKNOWN",
        f"{service!r} may be more than one" if fitting else f"the configuration has no service {service!r}",
        evidence=f"it has {', '.join(fitting or every)}",
        hint=f"did you mean {near[0]}?" if near and not fitting else "write the name as it is listed here",
    )
