"""``danelaw accept``: clients may be refused, for the reasons that are named and no others, for a time."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

import click

from danelaw.core.model import DanelawError
from danelaw.core.model.instants import rfc3339, to_second
from danelaw.core.rollover.acceptance import ACCEPTABLE, NEVER, acceptance
from danelaw.core.rollover.gate import Refused
from danelaw.core.rollover.planner import Wait
from danelaw.core.rollover.words import Accepted
from danelaw.faces.cli import saying, terminal
from danelaw.faces.cli.configured import of_one_subject
from danelaw.faces.cli.saying import Case
from danelaw.faces.cli.terminal import Ink

MOST: Final = timedelta(days=30)


@click.command()
@of_one_subject
@click.argument("codes", nargs=-1)
@click.option("--for", "length", metavar="TIME", help="How long: 30m, 36h, 14d; 30 days at the most.")
@click.option("--reason", metavar="TEXT", help="Why: status and history show it.")
@click.option("--undo", is_flag=True, help="Take back what was accepted.")
def accept(
    service: str,
    codes: tuple[str, ...],
    named: Path | None,
    length: str | None,
    reason: str | None,
    *,
    undo: bool,
    json_form: bool,
) -> None:
    """Accept that clients of SERVICE are refused, for what CODES name: the only way past the gate.

    The codes are those in which the gate's refusals end: danelaw plan tells them. It holds for nothing else, for this
    service or zone alone, and ends when all is settled, or with its time; it takes the place of what was accepted
    before. Without CODES: what stands against the next step, what may be accepted, and what nobody may accept, and why.

    Exit status: 0 it is recorded; 2 it is not.
    """
    terminal.need_output()
    if undo and (codes or length or reason):
        raise click.UsageError("--undo takes back all that was accepted, and needs nothing else")
    if bool(codes) != (length is not None):
        raise click.UsageError("--for how long?" if codes else "which CODES?")
    wanted = frozenset(code.upper() for code in codes)
    _may_be(wanted)
    why = saying.reason(reason, needed=bool(wanted))
    lasts = saying.holding(length, MOST) if length is not None else timedelta(0)

    async def work(case: Case) -> None:
        if not wanted and not undo:
            _explain(case, json_form=json_form)
            return
        before = acceptance(case.facts, case.subject, case.now)
        if undo and before is None:
            raise DanelawError("NOTHING_ACCEPTED", f"nothing is accepted for {case.subject}")
        word = Accepted(case.now, case.subject, wanted, case.now + lasts, saying.who(), why)
        case = await case.say(word)
        if json_form:
            when = {"at": rfc3339(word.at), "until": rfc3339(word.until), "by": word.by, "reason": why}
            saying.as_json(case, {"word": "accept", "undo": undo, "codes": sorted(wanted), **when})
            return
        terminal.show(Ink(case.subject, bold=True), "  nothing is accepted" if undo else "  accepted")
        _table((code, ACCEPTABLE[code]) for code in sorted(wanted))
        if not undo:
            saying.line("until", f"{to_second(word.until)}, or until all is settled")
        if before is not None:
            saying.line("instead of", f"{', '.join(sorted(before.codes))}, by {before.by}")
        saying.follow_up(case)

    saying.about(named, service, work)


def _may_be(wanted: Iterable[str]) -> None:
    for code in sorted(wanted):
        if code in NEVER:
            why = f"nobody may accept {code}: {NEVER[code]}"
            raise DanelawError("NEVER_ACCEPTED", why, hint="what may be accepted is told by danelaw accept SERVICE")
        if code not in ACCEPTABLE:
            near = difflib.get_close_matches(code, ACCEPTABLE, n=1)
            raise DanelawError(
                "CODE_UNKNOWN",
                f"{code} is nothing that may be accepted",
                evidence=f"what may be: {', '.join(sorted(ACCEPTABLE))}",
                hint=f"did you mean {near[0]}?" if near else "the codes are those in which refusals end: danelaw plan",
            )


def _against(case: Case) -> Mapping[str, str]:
    """What stands against the next step now, by code."""
    found = case.follows()
    if isinstance(found.judgement, Refused):
        return {one.code: one.because for one in found.judgement.because}
    return {found.plan.code: found.plan.because} if isinstance(found.plan, Wait) else {}


def _explain(case: Case, *, json_form: bool) -> None:
    now, held = _against(case), acceptance(case.facts, case.subject, case.now)
    if json_form:
        told = {
            "subject": case.subject,
            "now": now,
            "accepted": sorted(held.codes) if held is not None else [],
            "acceptable": dict(ACCEPTABLE),
            "never": dict(NEVER),
        }
        terminal.data(json.dumps({"schema": saying.SCHEMA, "word": "accept", **told}, indent=2))
        return
    terminal.show(Ink(case.subject, bold=True), "  what stands against the next step")
    _table(now.items() or [("", "nothing")])
    if held is not None:
        _table([("accepted", f"{', '.join(sorted(held.codes))}, by {held.by}, until {to_second(held.until)}")])
    terminal.show()
    terminal.show(Ink("What may be accepted, and what it means", bold=True))
    _table(sorted(ACCEPTABLE.items()))
    terminal.show()
    terminal.show(Ink("What nobody may accept, and why", bold=True))
    _table(sorted(NEVER.items()))


def _table(rows: Iterable[tuple[str, str]]) -> None:
    for code, means in rows:
        terminal.show_hanging(f"  {code:<20} ", means)
