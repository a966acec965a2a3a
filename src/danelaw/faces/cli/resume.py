"""``danelaw resume``: a pause ends before its time."""

from __future__ import annotations

from pathlib import Path

import click

from danelaw.core.model import DanelawError
from danelaw.core.model.instants import rfc3339, to_second
from danelaw.core.rollover.pauses import pause as pause_of
from danelaw.core.rollover.words import Paused
from danelaw.faces.cli import saying, terminal
from danelaw.faces.cli.configured import of_one_subject
from danelaw.faces.cli.saying import Case
from danelaw.faces.cli.terminal import Ink


@click.command()
@of_one_subject
def resume(service: str, named: Path | None, *, json_form: bool) -> None:
    """Go on with SERVICE, a service or a zone that is paused.

    It was looked at all the time, so what is due is done with the next pass.

    Exit status: 0 it is recorded; 2 it is not, or there is no pause.
    """
    terminal.need_output()

    async def work(case: Case) -> None:
        before = pause_of(case.facts, case.subject, case.now)
        if before is None:
            raise DanelawError(
                "NOT_PAUSED",
                f"{case.subject} is not paused",
                hint=f"see what it waits for: danelaw status {case.subject}",
            )
        case = await case.say(Paused(case.now, case.subject, case.now, saying.who()))
        if json_form:
            saying.as_json(case, {"word": "resume", "at": rfc3339(case.now), "paused_since": rfc3339(before.at)})
        else:
            terminal.show(Ink(case.subject, bold=True), "  goes on")
            saying.line("paused", f"by {before.by}, {to_second(before.at)}")
            saying.follow_up(case)

    saying.about(named, service, work)
