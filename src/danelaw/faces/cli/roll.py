"""``danelaw roll``: another key for a service, safely; in an emergency as soon as that may be."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import click

from danelaw.app.issuer_sections import WatchConfig
from danelaw.app.promise import terms_of
from danelaw.app.service_sections import ServiceConfig
from danelaw.core.model import DanelawError, Lineage
from danelaw.core.model.instants import rfc3339, to_second
from danelaw.core.rollover.course import requested, stands_by
from danelaw.core.rollover.facts import Requested
from danelaw.core.rollover.feasibility import Feasible, Span, feasible, told
from danelaw.core.rollover.plans import DesiredService, Outlook
from danelaw.core.rollover.steps import Step
from danelaw.core.rollover.succession import Strategy
from danelaw.faces.cli import saying, terminal
from danelaw.faces.cli.configured import of_one_subject
from danelaw.faces.cli.saying import Case
from danelaw.faces.cli.terminal import Ink

MEANS = (
    "The key that serves now is trusted no longer, and another takes its place as soon as that refuses nobody: one that"
    " stands by, settled, at once; else a new one, when its record has settled.",
    "As soon as every server presents the new certificate, the old one is revoked at the CA, with the reason"
    " keyCompromise, and the old records are withdrawn without the days that they would linger else.",
    "Until then clients go on to believe the old key. If that is worse than to refuse clients whose caches hold the old"
    " records alone, accept it by name: danelaw accept SERVICE ANSWER_HELD --for 1d --reason …",
)
"""What an emergency is, before it is asked for."""


@click.command()
@of_one_subject
@click.option("--emergency", is_flag=True, help="The present key is trusted no longer; its certificate is revoked.")
@click.option("--lineage", type=click.Choice(["ecdsa", "rsa"]), help="Of a service with two keys, this one alone.")
@click.option("--yes", is_flag=True, help="Do not ask whether that is meant, in an emergency.")
def roll(service: str, named: Path | None, lineage: str | None, *, emergency: bool, yes: bool, json_form: bool) -> None:
    """Give SERVICE another key now, by the same safe steps as ever.

    What is asked for is recorded, with your name, and the runner does it: publish the new key's record, wait until no
    cache holds an answer without it, switch, withdraw the old one. A key that stands by is long published already, so
    that only its certificate is waited for.

    With --emergency the old key is trusted no longer: its certificate is revoked as soon as no server presents it, and
    its records do not linger. Even so no client is refused, unless you accept that: danelaw accept.

    Exit status: 0 it is recorded, or was before; 2 it is not.
    """
    terminal.need_output()
    if emergency and not yes:
        _confirm(service)

    async def work(case: Case) -> None:
        lines = _lines(case.service, lineage)
        _made_here(case)
        fresh = _fresh(case, lines, emergency=emergency)
        by = saying.who()
        if fresh:
            case = await case.say(*(Requested(case.now, line, by, emergency) for line in fresh))
        answer = Answer(case, lines, fresh, emergency)
        if json_form:
            answer.as_json()
        else:
            answer.tell()

    saying.about(named, service, work)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was asked for of these lineages, of some of them afresh."""

    case: Case
    lines: tuple[Lineage, ...]
    fresh: tuple[Lineage, ...]
    emergency: bool

    def tell(self) -> None:
        terminal.show(Ink(self.case.subject, bold=True), "  another key", ", in an emergency" if self.emergency else "")
        for line, word in self._words():
            again = "" if line in self.fresh else ", already"
            saying.line("asked", f"{line.algorithm.value.upper()}{again}, by {word.by}, {to_second(word.at)}")
        path = self._path()
        for span in path:
            saying.line(span.step.value, f"{told(span.takes)} at the most: {span.of}")
        if path:
            total = sum((span.takes for span in path), timedelta())
            saying.line("in all", f"{told(total)} at the most, where everything answers")
        saying.follow_up(self.case)

    def as_json(self) -> None:
        asked = [
            {
                "algorithm": line.algorithm.value,
                "at": rfc3339(word.at),
                "by": word.by,
                "emergency": word.emergency,
                "recorded": line in self.fresh,
            }
            for line, word in self._words()
        ]
        path = [{"step": s.step.value, "seconds": s.takes.total_seconds(), "of": s.of} for s in self._path()]
        saying.as_json(self.case, {"word": "roll", "requests": asked, "timetable": path})

    def _stands_by(self, line: Lineage) -> bool:
        desired, holding = self.case.desired, self.case.facts.holding(line)
        assert isinstance(desired, DesiredService)  # noqa: S101  # for the type checker: its lineages are a service's
        outlook = Outlook(self.case.facts, self.case.subjects.reach, self.case.now, self.case.config.limits)
        return holding is not None and stands_by(desired, outlook, holding)

    def _words(self) -> Sequence[tuple[Lineage, Requested]]:
        known = ((line, self.case.facts.requested(line)) for line in self.lines)
        return [(line, word) for line, word in known if word is not None]

    def _path(self) -> Sequence[Span]:
        """How long each step takes at the most. The records of a key that stands by have settled long ago."""
        service = self.case.service
        found = feasible(replace(terms_of(service, self.case.config), strategy=Strategy.STAGED, lifetime=None))
        if not isinstance(found, Feasible):
            return ()
        ready = all(map(self._stands_by, self.lines))
        return [s for s in found.spans if not (ready and s.step in (Step.PUBLISH, Step.VISIBLE, Step.SETTLE))]


def _confirm(service: str) -> None:
    for paragraph in MEANS:
        terminal.paragraph(paragraph.replace("SERVICE", service))
    if not sys.stdin.isatty():
        raise DanelawError(
            "NOBODY_TO_ASK",
            "there is nobody to ask whether that is meant",
            hint=f"danelaw roll {service} --emergency --yes",
        )
    click.confirm(f"Give {service} another key in an emergency?", abort=True, err=True)


def _lines(service: ServiceConfig, wanted: str | None) -> tuple[Lineage, ...]:
    lines = tuple(line for line in service.lineages if wanted in (None, line.algorithm.value))
    if not lines:
        has = ", ".join(line.algorithm.value for line in service.lineages)
        said = f"{service.subject} has no {str(wanted).upper()} key"
        raise DanelawError("LINEAGE_UNKNOWN", said, evidence=f"it has {has}", hint="leave --lineage out")
    return lines


def _made_here(case: Case) -> None:
    issuer = case.service.issuer
    if isinstance(case.config.issuers[issuer], WatchConfig):
        raise DanelawError(
            "KEYS_MADE_ELSEWHERE",
            f"the keys of {case.subject} are made by another client, which {issuer!r} follows",
            hint="have that client issue with a new key, such as: certbot renew --force-renewal --new-key",
        )


def _fresh(case: Case, lines: Sequence[Lineage], *, emergency: bool) -> tuple[Lineage, ...]:
    """Those that were not asked for before; of what was, it may turn out that the key is trusted no longer."""
    desired = case.desired
    assert isinstance(desired, DesiredService)  # noqa: S101  # for the type checker: its lineages are a service's
    outlook = Outlook(case.facts, case.subjects.reach, case.now, case.config.limits)
    fresh = []
    for line in lines:
        holding = case.facts.holding(line)
        before = requested(desired, outlook, holding) if holding is not None else None
        if before is None or (emergency and not before.emergency):
            fresh.append(line)
    return tuple(fresh)
