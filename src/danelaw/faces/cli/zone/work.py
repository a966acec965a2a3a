"""What ``sign``, ``add`` and ``remove`` have in common: where the zone is, and what happens once it is signed."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Protocol

import click

from danelaw import wiring
from danelaw.app.config import Config, load
from danelaw.app.served import ServerSays, all_serve
from danelaw.app.zone_place import configuration, configured
from danelaw.app.zone_sections import FileZoneConfig
from danelaw.core.model import DanelawError, Instant, domain_name
from danelaw.faces.cli import interruption, terminal
from danelaw.faces.cli.arguments import forwarder, instant, server
from danelaw.faces.cli.zone import telling
from danelaw.ports import Authorities, ZoneDesk, ZoneWork

_LEAST_RELOAD: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Where:
    """The options that say where the zone is and who serves it."""

    zone: str
    file: Path | None
    keys: Path | None
    signed: Path | None
    reload: str | None
    config: Path | None
    servers: tuple[str, ...]
    resolvers: tuple[str, ...]
    wait: float
    now: str | None
    json_form: bool


_PATH: Final = click.Path(path_type=Path)
_WHERE: Final = (
    click.option("--file", metavar="ZONEFILE", type=_PATH, help="The zone file that you edit."),
    click.option("--keys", metavar="DIR", type=_PATH, help="Where the zone's keys are."),
    click.option(
        "-o", "--output", "signed", metavar="SIGNED", type=_PATH, help="The signed zone; ZONEFILE.signed if not given."
    ),
    click.option(
        "--reload",
        metavar="COMMAND",
        help="What makes the name server load it, such as 'rndc reload example.net'. No shell sees it.",
    ),
    click.option(
        "--config",
        metavar="FILE",
        type=_PATH,
        help="A danelaw.toml that says all of the above. Without --file it is looked for.",
    ),
)
_SERVED: Final = (
    click.option(
        "--server",
        "servers",
        multiple=True,
        metavar="IP[@PORT]",
        help="Who must serve the new serial in the end, instead of every address that the DNS has for the zone.",
    ),
    click.option(
        "--resolver",
        "resolvers",
        multiple=True,
        metavar="IP[@PORT]",
        help="Whom to ask for these, also tls://IP or https://HOST/PATH#IP. The system's if not given.",
    ),
    click.option(
        "--wait",
        type=click.FloatRange(min=0),
        default=60.0,
        show_default=True,
        metavar="SECONDS",
        help="How long another process may be at the zone, and then how long the servers may take; 0: ask none.",
    ),
    click.option("--now", metavar="INSTANT", help="Sign as of this instant, such as 2026-11-23T12:00:00Z."),
    click.option("--json", "json_form", is_flag=True, help="Give the result as JSON."),
)


class _Command(Protocol):
    def __call__(self, where: Where, /, *arguments: Any, **options: Any) -> None: ...


def placed(command: _Command) -> Callable[..., None]:
    """Gives a command these options, gathered in its first argument."""

    @functools.wraps(command)
    def gathered(
        zone: str,
        *,
        file: Path | None,
        keys: Path | None,
        signed: Path | None,
        reload: str | None,
        config: Path | None,
        servers: tuple[str, ...],
        resolvers: tuple[str, ...],
        wait: float,
        now: str | None,
        json_form: bool,
        **others: Any,
    ) -> None:
        command(
            Where(zone, file, keys, signed, reload, config, servers, resolvers, wait, now, json_form),
            **others,
        )

    found: Callable[..., None] = gathered
    for option in reversed((*_WHERE, *_SERVED)):
        found = option(found)
    return found


def located(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the options that say where the zone is, by the names that they have in ``Where``."""
    for option in reversed(_WHERE):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class Found:
    """The zone that is meant, and the configuration that says so, if one does."""

    zone: FileZoneConfig
    config: Config | None


def find(where: Where, by_options: Callable[[Path, Path], FileZoneConfig], also: Sequence[str] = ()) -> Found:
    """The zone's files by the options, or by a configuration. ``also``: further options that only files go with."""
    name = domain_name(where.zone)
    if where.file is not None:
        if where.config is not None:
            raise click.UsageError("--file and --config: the one or the other says where the zone is")
        if where.keys is None:
            raise click.UsageError("--keys is missing: the directory of the zone's keys")
        return Found(by_options(where.file, where.keys), None)
    said = {"--keys": where.keys, "-o": where.signed, "--reload": where.reload}
    if given := [*(option for option, value in said.items() if value is not None), *also]:
        raise click.UsageError(f"{' and '.join(given)}: that needs --file; a configuration says it by itself")
    path = configuration(where.config, os.environ)
    if path is None:
        raise click.UsageError("which zone file? Name it with --file and its keys with --keys, or use --config")
    config = load(path)
    return Found(configured(config, path, name), config)


def carry_out(
    where: Where, found: Found, do: Callable[[ZoneDesk, Instant], Awaitable[ZoneWork]], heading: telling.Heading
) -> None:
    """Do the work, tell of it, and see that it is served. Ends the command."""
    patience = timedelta(seconds=where.wait)
    asked = [forwarder(text) for text in where.resolvers]
    servers = [server(text) for text in where.servers]
    if len({ip for ip, _ in servers}) < len(servers):
        raise click.UsageError("--server: each address once")
    look = patience and (found.zone.reload or asked or servers)
    authorities = wiring.authorities(found.config, asked, servers) if look else None
    at = instant(where.now) or wiring.clock().now()
    terminal.need_output()
    desk = wiring.zone_desk(
        found.zone,
        patience,
        max(patience, _LEAST_RELOAD),
        functools.partial(telling.wait_for_lock, found.zone.zone),
        as_before=found.config is None,
    )
    interruption.run(_carried_out(where, found.zone, do(desk, at), authorities, heading))


async def _carried_out(
    where: Where,
    zone: FileZoneConfig,
    work: Awaitable[ZoneWork],
    authorities: Authorities | None,
    heading: telling.Heading,
) -> None:
    done = await work
    if not where.json_form:
        telling.tell(done, zone, heading)
    said: tuple[ServerSays, ...] | None = None
    problem: DanelawError | None = None
    if authorities is not None:
        try:
            said = await all_serve(
                zone.zone,
                done.signing.serial,
                authorities,
                wiring.clock(),
                timedelta(seconds=where.wait),
                telling.Waiting(done.signing.serial),
            )
        except DanelawError as error:
            if error.code not in terminal.UNDECIDED:
                raise
            problem = error
    if where.json_form:
        terminal.data(json.dumps(telling.as_json(done, zone, said, heading), indent=2))
    elif said is not None:
        telling.tell_served(said)
    if said is not None and not all(one.good for one in said):
        problem = telling.not_served(zone, done.signing.serial, said, where.wait)
    if problem is not None:
        terminal.error(problem)
        raise click.exceptions.Exit(3)
