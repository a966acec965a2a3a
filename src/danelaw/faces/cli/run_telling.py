"""What ``danelaw run`` tells, as it happens: what is done, what is awaited, what is wrong."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dns.name import Name

from danelaw.app.standing import ails
from danelaw.core.model import Limits, SubjectName
from danelaw.core.model.instants import rfc3339
from danelaw.core.rollover.actions import Action, Failure, Receipt, SubmitDS
from danelaw.core.rollover.delegation import asks_by_cds
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.planner import Plan, Settled, Wait
from danelaw.core.rollover.progress import Pass, Progress
from danelaw.faces.cli import handing_over, terminal, words
from danelaw.faces.cli.terminal import Ink

_BEFORE: Final = "told before, and not done yet"
SCHEMA: Final = "danelaw/run/1"
_WIDE: Final = 12


@dataclass(frozen=True, slots=True)
class Told:
    """``ports.Parent``: whoever reads what the run tells hands the DS over, and the parent's servers are watched."""

    zone: Name
    teller: Teller
    facts: Callable[[], Awaitable[Facts]]
    """What is recorded: whoever was told once is not told every few minutes, in whatever process."""

    async def submit_ds(self, change: SubmitDS) -> Receipt:
        known = await self.facts()
        if any(deed.action == change and isinstance(deed.outcome, Receipt) for deed in known.deeds):
            return Receipt(note=_BEFORE)
        self.teller.hand_over(change, by_cds=asks_by_cds(change, known))
        return Receipt(note="told to whoever reads this")


@dataclass(slots=True)
class Teller:
    """``quiet``: only what is wrong is told, and a DS that somebody has to hand over."""

    quiet: bool
    json_form: bool
    limits: Limits
    _awaited: dict[SubjectName, object] = field(default_factory=dict)
    _refused: dict[SubjectName, frozenset[str]] = field(default_factory=dict)
    """What was told last of whose clients, by the subject whose pass told it."""

    def __call__(self, progress: Progress) -> None:
        ended = progress.ended
        if ended is None:
            return
        if self.json_form:
            self._note(ended)
            terminal.data(json.dumps(pass_json(ended)))
            return
        if isinstance(ended.plan, Wait):
            self._wait(ended, ended.plan)
        elif isinstance(ended.plan, Settled):
            self._settled(ended, ended.plan)
        else:
            if isinstance(ended.outcome, Receipt) and ended.outcome.note == _BEFORE:
                return
            self._awaited.pop(ended.subject, None)
            failed = isinstance(ended.outcome, Failure)
            if failed or not self.quiet:
                rest = words.particulars(ended.plan, ended.outcome)
                self._line(ended, words.verb(ended.plan), rest, fg="red" if failed else None)
            if isinstance(ended.outcome, Failure) and ended.outcome.hint:
                terminal.say(Ink("hint: ", bold=True), ended.outcome.hint)
            if ended.mended and not self.quiet:
                self._line(ended, "note", ended.mended, fg="yellow")
            for one in () if self.quiet else ended.despite:
                self._line(ended, "in spite of", str(one), fg="yellow")
        self._violations(ended)

    def hand_over(self, change: SubmitDS, *, by_cds: bool) -> None:
        """On standard error, so that it comes by mail from cron although all else is quiet."""
        text = handing_over.asked(change)
        terminal.say(Ink(f"{text[0].upper()}{text[1:]}:", bold=True))
        for line in handing_over.lines(change):
            terminal.say(f"  {line}")
        if by_cds:
            terminal.say(handing_over.BY_CDS)

    def reloaded(self, path: Path, limits: Limits) -> None:
        self.limits = limits
        self._awaited.clear()
        self._refused.clear()
        if not self.quiet:
            terminal.say(f"{path} is read again")

    def close(self, last: Mapping[SubjectName, Pass]) -> int:
        """The last word, and the exit status: 1 where something is wrong, else 3 where something is not known."""
        wrong = [one for one in last.values() if is_wrong(one, self.limits)]
        unknown = [one for one in last.values() if one not in wrong and is_unknown(one)]
        if not self.quiet and not self.json_form:
            settled = sum(isinstance(one.plan, Settled) for one in last.values())
            waiting = len(last) - settled - len(wrong) - len(unknown)
            counted = ((settled, "settled"), (waiting, "waiting"), (len(wrong), "wrong"), (len(unknown), "not known"))
            refused = ["clients are refused"] if self._refused else []
            tail = "" if settled == len(last) and not self._refused else "; more by: danelaw status"
            terminal.show(", ".join([*(f"{count} {what}" for count, what in counted if count), *refused]) + tail)
        return 1 if wrong or self._refused else 3 if unknown else 0

    def _wait(self, ended: Pass, wait: Wait) -> None:
        """Each thing that is awaited gets one line."""
        wrong = wait.blind or bool(ails(wait, ended.at, self.limits))
        phase = (wait.code, words.ends_soon(wait, ended.at), wrong)
        if self._awaited.get(ended.subject) == phase:
            return
        self._awaited[ended.subject] = phase
        if wrong or not self.quiet:
            held = f"; held back: {words.next_step(wait.held)}" if wait.held is not None else ""
            rest = f"{words.waiting(wait, ended.at)}{held} [{wait.code}]"
            if wait.code in rest[: -len(wait.code) - 2]:
                rest = rest.removesuffix(f" [{wait.code}]")
            self._line(ended, "wait", rest, fg="red" if wrong else None)

    def _settled(self, ended: Pass, settled: Settled) -> None:
        if self._awaited.get(ended.subject) == settled.notes:
            return
        self._awaited[ended.subject] = settled.notes
        if not self.quiet:
            due = f", until {settled.until:%Y-%m-%d %H:%M} UTC" if settled.until is not None else ""
            self._line(ended, "settled", f"all is as it should be{due}")
            for note in settled.notes:
                self._line(ended, "note", note, fg="yellow")

    def _violations(self, ended: Pass) -> None:
        """Of all services that the pass was about: each when it begins."""
        told = self._note(ended)
        for one in dict.fromkeys(map(str, ended.violations)):
            if one not in told:
                terminal.hanging((*self._head(ended, "refused", "red"),), one)

    def _note(self, ended: Pass) -> frozenset[str]:
        """What was told before of those whom the pass is about. A pass that could not look is about nobody."""
        before = frozenset(one for subject in ended.about for one in self._refused.pop(subject, ()))
        if ended.violations:
            self._refused[ended.subject] = frozenset(map(str, ended.violations))
        return before

    def _line(self, ended: Pass, verb: str, rest: str, fg: str | None = None) -> None:
        """What is wrong goes to standard error, all else to standard output."""
        about = rest if rest.startswith(ended.subject) else f"{ended.subject}: {rest}"
        head = self._head(ended, verb, fg)
        if fg == "red":
            terminal.hanging(head, about)
        else:
            terminal.show_hanging("".join(part if isinstance(part, str) else part.text for part in head), about)

    def _head(self, ended: Pass, verb: str, fg: str | None) -> tuple[str | Ink, ...]:
        return f"{ended.at:%H:%M:%S}  ", Ink(f"{verb:<{_WIDE}}", fg=fg, bold=True), " "


def is_wrong(ended: Pass, limits: Limits) -> bool:
    """Whether a step failed, or somebody has to do something."""
    return isinstance(ended.outcome, Failure) or bool(ails(ended.plan, ended.at, limits))


def is_unknown(ended: Pass) -> bool:
    """Whether the pass could not look at all that there is."""
    return isinstance(ended.plan, Wait) and ended.plan.blind


def pass_json(ended: Pass) -> dict[str, object]:
    """A line of ``danelaw run --json``."""
    return {
        "schema": SCHEMA,
        "at": rfc3339(ended.at),
        "subject": ended.subject,
        **plan_json(ended.plan),
        **({"outcome": outcome_json(ended)} if ended.outcome is not None else {}),
        "refused_by_gate": [str(one) for one in ended.refused.because] if ended.refused is not None else [],
        "despite": [str(one) for one in ended.despite],
        "mended": ended.mended or None,
        "violations": list(dict.fromkeys(map(str, ended.violations))),
        "next": rfc3339(ended.next_at),
    }


def plan_json(found: Plan) -> dict[str, object]:
    """What is done, awaited, or settled. ``step``: in the mould of every change."""
    if isinstance(found, Wait):
        return {
            "kind": "wait",
            "code": found.code,
            "because": found.because,
            "step": found.step.value if found.step is not None else None,
            "since": rfc3339(found.since),
            "earliest": rfc3339(found.until),
            "held": _action_json(found.held) if found.held is not None else None,
        }
    if isinstance(found, Settled):
        return {"kind": "settled", "until": rfc3339(found.until), "notes": list(found.notes)}
    return {"kind": "action", **_action_json(found)}


def _action_json(action: Action) -> dict[str, object]:
    return {
        "action": type(action).__name__,
        "verb": words.verb(action),
        "what": words.particulars(action, None),
    }


def outcome_json(ended: Pass) -> dict[str, object]:
    failed = {"code": ended.outcome.code, "hint": ended.outcome.hint} if isinstance(ended.outcome, Failure) else {}
    return {"ok": not failed, "says": words.result(ended.outcome), **failed}
