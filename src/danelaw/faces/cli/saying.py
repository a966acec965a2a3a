"""What the commands by which an operator says something have in common: who says it, for how long, what follows."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from danelaw import wiring
from danelaw.app.config import Config
from danelaw.app.foresight import Foreseen, foreseen
from danelaw.app.operators_words import record
from danelaw.app.service_sections import ServiceConfig
from danelaw.app.toolbox import Subjects
from danelaw.core.model import DanelawError, Instant, SubjectName
from danelaw.core.rollover.facts import Fact
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.planner import Desired
from danelaw.faces.cli import interruption, terminal
from danelaw.faces.cli.arguments import duration
from danelaw.faces.cli.configured import chosen, found, recorded, store_of
from danelaw.faces.cli.plan import foreseen_json, tell
from danelaw.ports import LastingStore

SCHEMA: Final = "danelaw/word/1"
_NOBODY: Final = "somebody"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Case:
    """What something is said about: a subject of a configuration, and all that is recorded of it and its group.

    ``subjects``: those of its group.
    """

    path: Path
    config: Config
    store: LastingStore
    subjects: Subjects
    subject: SubjectName
    facts: Facts
    now: Instant

    @property
    def desired(self) -> Desired:
        return self.subjects.desired[self.subject]

    @property
    def service(self) -> ServiceConfig:
        """Raises ``DanelawError("NOT_A_SERVICE")`` for a zone."""
        for service in self.config.services:
            if service.subject == self.subject:
                return service
        raise DanelawError(
            "NOT_A_SERVICE",
            f"{self.subject} is a zone, and this is said of services",
            hint="name one of those that danelaw status lists; for a zone's keys there is: danelaw zone roll",
        )

    async def say(self, *words: Fact) -> Case:
        """The same case with the words, which are recorded by then."""
        await record(self.store, self.subject, *words)
        return await opened(self.path, self.config, self.store, self.subject)

    def follows(self) -> Foreseen:
        """What comes next, by what is recorded."""
        return foreseen(self.desired, self.facts, self.subjects.reach, self.now, self.config.limits)


def about(named: Path | None, name: str, work: Callable[[Case], Coroutine[Any, Any, T]]) -> T:
    """What ``work`` gives, with the store open meanwhile.

    Raises ``DanelawError``: ``NOTHING_RECORDED`` where no runner has made a store yet, and as ``found`` and ``chosen``.
    """
    path, config = found(named)
    (subject, *others) = chosen(config, name)
    assert not others  # noqa: S101  # for the reader: a name that is given is of one subject
    store = store_of(config)
    if store is None:
        raise DanelawError(
            "NOTHING_RECORDED",
            f"nothing has been done for {subject} yet, so there is nothing to say of it",
            evidence=f"{config.store} is not there",
            hint=f"danelaw run {subject}",
        )

    async def opening() -> T:
        try:
            return await work(await opened(path, config, store, subject))
        finally:
            await store.close()

    return interruption.run(opening())


async def opened(path: Path, config: Config, store: LastingStore, subject: SubjectName) -> Case:
    every = wiring.subjects_of(config)
    facts, group = await recorded(config, every, store).around(subject)
    subjects = Subjects({one: every.desired[one] for one in group.subjects}, group.reach)
    return Case(path, config, store, subjects, subject, facts, wiring.clock().now())


def who() -> str:
    """The login name, and on whose behalf where that is another."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError, ImportError):  # of a user whom the machine has no name for
        name = f"user {os.getuid()}" if hasattr(os, "getuid") else _NOBODY
    before = os.environ.get("SUDO_USER", "")
    return f"{before} ({name})" if before and before != name else name


def holding(text: str, most: timedelta) -> timedelta:
    """How long a word holds. Raises ``DanelawError``: ``BAD_DURATION``, also for none; ``DURATION_TOO_LONG``."""
    given = duration(text)
    if not given:
        raise DanelawError("BAD_DURATION", f"{text!r} is no time at all", hint="write it as 30m, 36h or 14d")
    if given > most:
        raise DanelawError(
            "DURATION_TOO_LONG",
            f"{text} is longer than this may hold: {most.days} days",
            hint="say it again before it ends, if it is needed still",
        )
    return given


def reason(given: str | None, *, needed: bool) -> str:
    """Why something is said. Raises ``click.UsageError`` where that is not said."""
    said = " ".join((given or "").split())
    if needed and not said:
        raise click.UsageError("--reason is missing: whoever reads this in a month will be glad of it")
    return said


def line(what: str, rest: str) -> None:
    """One line of the answer, as ``danelaw plan`` and ``danelaw status`` have them."""
    terminal.show_hanging(f"  {what:<12} ", rest)


def follow_up(case: Case) -> None:
    """What comes next, and who does it."""
    tell(case.follows())
    seconds = int(case.config.limits.pass_interval.total_seconds())
    line("who", f"the next pass heeds it: within {seconds} seconds where danelaw run --watch is at work")
    line("type", f"danelaw run {case.subject}, where none is; danelaw status {case.subject}")


def as_json(case: Case, said: dict[str, object]) -> None:
    """The whole answer: what was said, and what comes next."""
    next_step = foreseen_json(case.follows(), case.config.limits)
    terminal.data(json.dumps({"schema": SCHEMA, "subject": case.subject, **said, "plan": next_step}, indent=2))
