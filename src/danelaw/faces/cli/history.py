"""``danelaw history``: what was done, when, and on which evidence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final, get_args

import click

from danelaw import wiring
from danelaw.app.config import Config
from danelaw.core.model import DanelawError, Instant, SubjectName
from danelaw.core.model.counting import counted
from danelaw.core.model.instants import rfc3339
from danelaw.core.rollover.actions import Action, Failure
from danelaw.core.rollover.facts import Began, ClockRead, Dated, Done, Fact, Intended, Requested, RequestedZoneRoll
from danelaw.core.rollover.pauses import says_paused
from danelaw.core.rollover.waivers import says_waived
from danelaw.core.rollover.words import Accepted, Adopted, Disowned, Paused, RequestedRemoval, Waived
from danelaw.faces.cli import interruption, terminal, words
from danelaw.faces.cli.arguments import duration, instant
from danelaw.faces.cli.configured import chosen, found, of_configuration, store_of
from danelaw.faces.cli.history_evidence import evidence
from danelaw.ports import Event

SCHEMA: Final = "danelaw/history/1"
_DEEDS: Final = (Intended, Done)
_WORDS: Final = (Requested, RequestedZoneRoll, Waived, Accepted, Paused, Adopted, Disowned, RequestedRemoval)
_TOLD: Final[tuple[type[Fact], ...]] = (*_DEEDS, *_WORDS, Began, ClockRead)
"""What somebody did, or said, or what history begins with. What was seen is told with --seen."""
_SEEN: Final[tuple[type[Fact], ...]] = tuple(kind for kind in get_args(Fact) if kind is not Dated)
"""All but what time it was by a CA's clock, which each pass asks for."""


@click.command()
@of_configuration
@click.option("--since", metavar="TIME", help="Only from here on: 14d, 36h, or 2026-11-23T12:00:00Z.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="The newest so many.")
@click.option("--seen", is_flag=True, help="Also each thing that was seen for the first time: the evidence.")
def history(
    service: str | None, named: Path | None, since: str | None, limit: int, *, seen: bool, json_form: bool
) -> None:
    """Tell what was done to every service, or to SERVICE alone: newest last.

    Each step, with what came of it; what the operator decided and asked for; and from when on history is vouched for.
    From the store alone. With --seen what was seen stands between the steps: each was taken on what is told before it.

    Exit status: 0 good; 2 the configuration or the store cannot be read.
    """
    terminal.need_output()
    _, config = found(named)
    subject = chosen(config, service)[0] if service is not None else None
    events = interruption.run(_read(config, subject, _since(since), limit, seen=seen))
    if json_form:
        terminal.data(json.dumps({"schema": SCHEMA, "events": [_json(one) for one in events]}, indent=2))
        return
    for line in _lines(events, alone=subject is not None):
        terminal.show_hanging(*line, 24)
    if not events:
        terminal.say(
            "nothing is recorded" + (" of that time" if since is not None else " yet; begin with: danelaw run")
        )


async def _read(
    config: Config, subject: SubjectName | None, since: Instant | None, limit: int, *, seen: bool
) -> Sequence[Event]:
    store = store_of(config)
    if store is None:
        return ()
    try:
        return await store.history(subject, since, limit, _SEEN if seen else _TOLD)
    finally:
        await store.close()


def _since(text: str | None) -> Instant | None:
    """A time ago, or an instant. Raises ``DanelawError("BAD_INSTANT")``."""
    if text is None:
        return None
    try:
        return wiring.clock().now() - duration(text)
    except DanelawError:
        return instant(text)
    except OverflowError as error:
        raise DanelawError(
            "BAD_INSTANT", f"{text!r} is longer ago than there are dates", hint="write it as 14d or 36h"
        ) from error


def _lines(events: Sequence[Event], *, alone: bool) -> list[tuple[str, str]]:
    """An intent whose outcome comes next is told by that."""
    found: list[tuple[str, str]] = []
    ended: set[Action] = set()
    for event in reversed(events):
        fact = event.fact
        if isinstance(fact, Done):
            ended.add(fact.action)
        elif isinstance(fact, Intended) and fact.action in ended:
            ended.remove(fact.action)
            if not fact.despite:
                continue
        if isinstance(fact, ClockRead) and not fact.by:
            continue
        rest = _rest(fact)
        about = "" if alone or rest.startswith(event.subject) else f"{event.subject}: "
        found.append((f"{fact.at:%Y-%m-%d %H:%M:%S}  ", f"{_verb(fact)}: {about}{rest}"))
    return found[::-1]


def _verb(fact: Fact) -> str:
    match fact:
        case Intended(action=action):
            return f"about to {words.verb(action)}"
        case Done(action=action, outcome=outcome):
            return f"{words.verb(action)} failed" if isinstance(outcome, Failure) else words.verb(action)
        case Requested(emergency=True):
            return "emergency"
        case Requested() | RequestedZoneRoll():
            return "asked"
        case Began():
            return "history begins"
        case ClockRead():
            return "clock"
        case Waived(at=said, until=until):
            return "waived" if until > said else "waits again"
        case Paused(at=said, until=until):
            return "paused" if until > said else "resumed"
        case Accepted():
            return "accepted"
        case Adopted():
            return "adopted"
        case Disowned():
            return "disowned"
        case RequestedRemoval():
            return "asked to remove"
        case _:
            return "seen"


def _rest(fact: Fact) -> str:
    match fact:
        case Intended(action=action, despite=despite):
            return "; ".join((words.particulars(action, None), *(f"in spite of: {one}" for one in despite)))
        case Done(action=action, outcome=outcome):
            return words.particulars(action, outcome)
        case Requested(lineage=lineage, by=by):
            return f"a new {lineage.algorithm.value.upper()} key now, by {by}"
        case RequestedZoneRoll(zone=zone, role=role, by=by):
            return f"another {role.name} for {zone}, by {by}"
        case Began(reason=reason):
            return f"nothing earlier is vouched for: {reason}"
        case ClockRead(by=by):
            return f"set by {_span(by)}"
        case Waived(at=said, until=until, address=address, by=by):
            return says_waived(fact) if until > said else f"for {address}, by {by}"
        case Paused(at=said, until=until, by=by):
            return says_paused(fact) if until > said else f"by {by}"
        case Accepted(codes=codes, until=until, by=by, reason=why):
            what = f"{', '.join(sorted(codes))} until {until:%Y-%m-%d %H:%M} UTC" if codes else "nothing any more"
            return f"{what}, by {by}" + (f": {why}" if why else "")
        case Adopted(records=records, by=by) | Disowned(records=records, by=by):
            return f"{counted(len(records), 'TLSA record')}, by {by}"
        case RequestedRemoval(records=records, by=by):
            return f"{counted(len(records), 'TLSA record')} of others, by {by}"
        case _:
            return evidence(fact)


def _span(by: timedelta) -> str:
    return f"{by.total_seconds():+g} s"


def _json(event: Event) -> dict[str, object]:
    fact = event.fact
    told: dict[str, object] = {
        "number": event.number,
        "at": rfc3339(fact.at),
        "subject": event.subject,
        "kind": type(fact).__name__,
        "verb": _verb(fact),
        "what": _rest(fact),
    }
    if isinstance(fact, Intended | Done):
        told["action"] = type(fact.action).__name__
    if isinstance(fact, Intended):
        told["despite"] = list(fact.despite)
    if isinstance(fact, Done):
        failed = isinstance(fact.outcome, Failure)
        told["ok"] = not failed
        told["code"] = fact.outcome.code if isinstance(fact.outcome, Failure) else None
    return told
