"""``danelaw pause``: a service or a zone is left as it is for a time, and looked at as ever."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

import click

from danelaw.app.pausing import endangered, outlasts
from danelaw.core.model.instants import rfc3339, to_second
from danelaw.core.rollover.pauses import pause as pause_of
from danelaw.core.rollover.plans import Outlook
from danelaw.core.rollover.words import Paused
from danelaw.faces.cli import saying, terminal
from danelaw.faces.cli.configured import of_one_subject
from danelaw.faces.cli.saying import Case
from danelaw.faces.cli.terminal import Ink

MOST: Final = timedelta(days=30)


@click.command()
@of_one_subject
@click.option("--for", "length", metavar="TIME", default="1d", show_default=True, help="How long: 30m, 36h, 14d.")
@click.option("--reason", default="", metavar="TEXT", help="Why, for whoever asks: status and history show it.")
def pause(service: str, named: Path | None, length: str, reason: str, *, json_form: bool) -> None:
    """Do nothing to SERVICE, a service or a zone, for a time: while you work on the server, say.

    It is looked at as ever, so that nothing has to be waited for again afterwards, and what is wrong is told. No step
    is taken: no key, certificate, record or reload. The pause ends by itself, after a day unless you say otherwise and
    30 days at the most, or with danelaw resume. Said again, the new time holds.

    Exit status: 0 it is recorded; 1 so, but a certificate, or a signature of the
    zone, ends before the pause does; 2 it is not.
    """
    terminal.need_output()
    why = saying.reason(reason, needed=False)
    lasts = saying.holding(length, MOST)

    async def work(case: Case) -> bool:
        before = pause_of(case.facts, case.subject, case.now)
        word = Paused(case.now, case.subject, case.now + lasts, saying.who(), why)
        case = await case.say(word)
        outlook = Outlook(case.facts, case.subjects.reach, case.now, case.config.limits)
        dangers = endangered(case.desired, outlook, word.until)
        if json_form:
            when = {"at": rfc3339(word.at), "until": rfc3339(word.until), "by": word.by, "reason": why}
            saying.as_json(case, {"word": "pause", **when, "endangers": list(dangers)})
        else:
            terminal.show(Ink(case.subject, bold=True), "  paused")
            saying.line("until", to_second(word.until))
            if before is not None:
                saying.line("instead of", f"the pause of {before.by} until {to_second(before.until)}")
            for danger in dangers:
                saying.line("in danger", danger)
            saying.line("type", f"danelaw resume {case.subject}, to end it before")
        return outlasts(case.desired, outlook, word.until)

    raise click.exceptions.Exit(1 if saying.about(named, service, work) else 0)
