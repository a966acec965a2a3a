"""What a check found, told: to people, to programs, to those who watch.

Outcomes are rendered as they come, so that what was seen need not be kept, and told in the order asked for.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import partial
from typing import Final, Protocol, TypeAlias

from danelaw.core.exposition import Sample
from danelaw.core.model import DanelawError
from danelaw.core.verdict import Level, TargetReport, Verdict, check_json, target_json, target_transcript
from danelaw.core.verdict import prometheus as metrics
from danelaw.core.verdict.json_form import SCHEMA, escaped
from danelaw.core.verdict.nagios import Outcome, plugin
from danelaw.core.verdict.printable import printable
from danelaw.core.verdict.saved import to_line
from danelaw.core.verdict.target import WORST_FIRST
from danelaw.faces.cli import terminal
from danelaw.faces.cli.output_file import OutputFile
from danelaw.faces.cli.terminal import Ink

Told: TypeAlias = Callable[[], None]
"""Holds what is to be printed, and not the outcome, which is large."""

_COLOURS: Final = {
    Verdict.VALID: "green",
    Verdict.MISMATCH: "red",
    Verdict.BOGUS: "red",
    Verdict.INSECURE: "yellow",
    Verdict.NONE: "yellow",
    Verdict.UNDECIDED: "magenta",
}
_LEVELS: Final = {Level.ERROR: "red", Level.WARNING: "yellow", Level.INFO: "cyan"}
_WIDEST: Final = max(len(verdict.value) for verdict in Verdict)
_FAILED: Final = "error"
_UNSEEN: Final[dict[str, object]] = {
    "at": None,
    "verdict": Verdict.UNDECIDED.value,
    "good": False,
    "findings": [],
    "lookup": None,
    "endpoints": [],
    "leftOut": 0,
}
"""The fields of a target's document where nothing was seen."""


class Teller(Protocol):
    def prepare(self, outcome: Outcome) -> Told:
        """Render an outcome; what is returned tells it, when its turn has come."""
        ...

    def end(self, unfinished: Sequence[str]) -> int | None:
        """All is told, but for the targets that were not finished. An exit status, where it is not the usual one."""
        ...


class Transcripts:
    """Each report as people read it."""

    def __init__(self) -> None:
        self._verdicts: Counter[str] = Counter()

    def prepare(self, outcome: Outcome) -> Told:
        if not isinstance(outcome, TargetReport):
            return partial(self._failed, *outcome)
        return partial(self._show, outcome.verdict, target_transcript(outcome))

    def end(self, unfinished: Sequence[str]) -> None:
        _summary(self._verdicts, unfinished)

    def _show(self, verdict: Verdict, lines: Sequence[str]) -> None:
        if self._verdicts:
            _line("")
        self._verdicts[verdict.value] += 1
        _line(lines[0], _COLOURS[verdict], bold=True)
        for line in lines[1:]:
            _line(line, _colour(line))

    def _failed(self, target: str, error: DanelawError) -> None:
        self._verdicts[_FAILED] += 1
        _tell_error(target, error)


class Brief:
    """One line for each target."""

    def __init__(self) -> None:
        self._verdicts: Counter[str] = Counter()

    def prepare(self, outcome: Outcome) -> Told:
        if not isinstance(outcome, TargetReport):
            return partial(self._failed, *outcome)
        codes = ", ".join(dict.fromkeys(f.code for f in outcome.findings if f.level is not Level.INFO))
        return partial(self._show, outcome.verdict, outcome.case.subject, codes)

    def end(self, unfinished: Sequence[str]) -> None:
        _summary(self._verdicts, unfinished)

    def _show(self, verdict: Verdict, target: str, codes: str) -> None:
        self._verdicts[verdict.value] += 1
        said = f"  {printable(target)}" + (f"  {codes}" if codes else "")
        terminal.show(Ink(f"{verdict.value:<{_WIDEST}}", fg=_COLOURS[verdict]), _shown(said))

    def _failed(self, target: str, error: DanelawError) -> None:
        self._verdicts[_FAILED] += 1
        terminal.show(Ink(f"{_FAILED:<{_WIDEST}}", fg="red"), _shown(f"  {printable(target)}  {error.code}"))
        _tell_error(target, error)


class Whole:
    """One JSON document on all targets."""

    def __init__(self) -> None:
        self._parts: list[dict[str, object]] = []
        self._errors: list[dict[str, object]] = []

    def prepare(self, outcome: Outcome) -> Told:
        if not isinstance(outcome, TargetReport):
            return partial(self._errors.append, _error_json(*outcome))
        return partial(self._parts.append, check_json([outcome]))

    def end(self, unfinished: Sequence[str]) -> None:
        missing = [Verdict.UNDECIDED.value] if self._errors or unfinished or not self._parts else []
        verdicts = [*(part["verdict"] for part in self._parts), *missing]
        document = {
            "schema": SCHEMA,
            "verdict": next(verdict.value for verdict in WORST_FIRST if verdict.value in verdicts),
            "good": not missing and all(part["good"] for part in self._parts),
            "findings": self._all("findings"),
            "targets": self._all("targets"),
            "errors": self._errors,
            "unfinished": [printable(target) for target in unfinished],
        }
        terminal.data(json.dumps(document, indent=2))

    def _all(self, field: str) -> list[object]:
        return [each for part in self._parts if isinstance(listed := part[field], list) for each in listed]


class Lines:
    """One JSON document for each target, on a line of its own."""

    def prepare(self, outcome: Outcome) -> Told:
        if isinstance(outcome, TargetReport):
            document = {**target_json(outcome), "error": None}
        else:
            said = _error_json(*outcome)
            document = {"schema": SCHEMA, "target": said.pop("target"), **_UNSEEN, "error": said}
        return partial(terminal.data, json.dumps(document))

    def end(self, unfinished: Sequence[str]) -> None:
        """Whoever reads lines knows what he asked for."""


class Plugin:
    """What a plugin of Nagios says."""

    def __init__(self, notice: timedelta, *, opportunistic: bool) -> None:
        self._notice = notice
        self._opportunistic = opportunistic
        self._outcomes: list[Outcome] = []

    def prepare(self, outcome: Outcome) -> Told:
        return partial(self._outcomes.append, outcome)

    def end(self, unfinished: Sequence[str]) -> int:
        cut = [(target, DanelawError("TIMEOUT", "interrupted before it was finished")) for target in unfinished]
        status, lines = plugin([*self._outcomes, *cut], self._notice, opportunistic=self._opportunistic)
        for line in lines:
            _line(line)
        return int(status)


class Silent:
    """Where standard output is for something else: what cannot be checked is told all the same."""

    def prepare(self, outcome: Outcome) -> Told:
        if isinstance(outcome, TargetReport):
            return _nothing
        return partial(_tell_error, *outcome)

    def end(self, unfinished: Sequence[str]) -> None:
        pass


class Metrics:
    """A file for Prometheus. ``file``: None for standard output."""

    def __init__(self, file: OutputFile | None) -> None:
        self._file = file
        self._samples: list[Sample] = []

    def prepare(self, outcome: Outcome) -> Told:
        one = metrics.samples(outcome) if isinstance(outcome, TargetReport) else metrics.failed(*outcome)
        return partial(self._samples.extend, one)

    def end(self, unfinished: Sequence[str]) -> None:
        """What was not finished is not in it: the old figures are better than half of the new ones."""
        text = metrics.text(self._samples)
        if self._file is None:
            terminal.raw(text)
        elif unfinished:
            self._file.give_up()
        else:
            self._file.write(text)
            self._file.close()


class Saved:
    """What was seen, kept. ``file``: None for standard output. Of what was not finished there is nothing to keep."""

    def __init__(self, file: OutputFile | None) -> None:
        self._file = file

    def prepare(self, outcome: Outcome) -> Told:
        if not isinstance(outcome, TargetReport):
            return _nothing
        return partial(self._keep, to_line(outcome.evidence))

    def end(self, unfinished: Sequence[str]) -> None:
        if self._file is not None:
            self._file.close()

    def _keep(self, line: str) -> None:
        if self._file is None:
            terminal.data(line)
        else:
            self._file.write(f"{line}\n")


def _nothing() -> None:
    pass


def _error_json(target: str, error: DanelawError) -> dict[str, object]:
    said = {"target": target, "code": error.code, "message": error.message, "evidence": error.evidence}
    return escaped({**said, "hint": error.hint})


def _tell_error(target: str, error: DanelawError) -> None:
    terminal.error(DanelawError(error.code, f"{target}: {error.message}", evidence=error.evidence, hint=error.hint))


def _summary(verdicts: Counter[str], unfinished: Sequence[str]) -> None:
    total = sum(verdicts.values())
    if total > 1:
        words = [*(verdict.value for verdict in reversed(WORST_FIRST)), _FAILED]
        told = ", ".join(f"{verdicts[word]} {word}" for word in words if verdicts[word])
        terminal.say(f"{total} targets: {told}")
    if unfinished:
        terminal.say(f"not finished: {_listed(unfinished)}")


def _listed(targets: Iterable[str]) -> str:
    first, *more = targets
    return first + (f" and {len(more)} more" if more else "")


def _colour(line: str) -> str | None:
    """Findings begin with their level."""
    return next((colour for level, colour in _LEVELS.items() if line.startswith(f"{level.name} ")), None)


def _line(text: str, colour: str | None = None, *, bold: bool = False) -> None:
    terminal.show(Ink(_shown(text), fg=colour, bold=bold))


def _shown(text: str) -> str:
    """What standard output cannot show is spelled out."""
    if not terminal.plain_only(text):
        return text
    return text.replace("…", "...").encode("ascii", "backslashreplace").decode("ascii")
