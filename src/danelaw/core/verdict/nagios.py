"""Reports as Nagios, Icinga and their kin read what a plugin says: one line of status with performance data behind a
bar, then lines of long text, and an exit status of their own."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import accumulate
from typing import Final, TypeAlias

from danelaw.core.model import DanelawError, Instant
from danelaw.core.verdict.figures import certificate_ends, signature_end, tlsa_ttl
from danelaw.core.verdict.printable import clip, printable
from danelaw.core.verdict.report import Finding, Level
from danelaw.core.verdict.target import UNDECIDED, WRONG, TargetReport, exit_status
from danelaw.core.verdict.target_transcript import headline

Outcome: TypeAlias = TargetReport | tuple[str, DanelawError]
"""Of one target: what is said of it, or its name and why it could not be checked."""

LONGEST: Final = 4000
"""Characters of long text: monitors cut off what plugins say after 8 KiB, in which a character may take several."""
LONGEST_FIGURES: Final = 3000
"""Characters of performance data: a figure that is cut off is another figure."""
LONGEST_LINE: Final = 600
MOST_NAMED: Final = 5
MOST_DETAILS: Final = 2


class Status(enum.IntEnum):
    """A plugin's exit status."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


_WORST_FIRST: Final = (Status.CRITICAL, Status.UNKNOWN, Status.WARNING, Status.OK)


def plugin(outcomes: Sequence[Outcome], notice: timedelta, *, opportunistic: bool) -> tuple[Status, tuple[str, ...]]:
    """The status, and the lines to print. ``notice``: how long before its end a certificate is a warning.

    CRITICAL where the exit status of ``danelaw check`` would be 1; UNKNOWN where something was not learnt or could not
    be asked; WARNING for findings of that level.
    """
    statuses = [_status(outcome, opportunistic) for outcome in outcomes]
    worst = next((status for status in _WORST_FIRST if status in statuses), Status.UNKNOWN)
    head = _one(outcomes[0]) if len(outcomes) == 1 else _many(list(zip(outcomes, statuses, strict=True)))
    figures = " ".join(_fitting(list(_figures(outcomes, notice)), LONGEST_FIGURES))
    first = _plain(f"DANELAW {worst.name} - {head}") + (f" | {figures}" if figures else "")
    long = [_plain(line) for outcome in outcomes for line in _long(outcome, alone=len(outcomes) == 1)]
    told = _fitting(long, LONGEST)
    more = (f"… and {len(long) - len(told)} lines more",) if len(told) < len(long) else ()
    return worst, (first, *told, *more)


def _fitting(pieces: Sequence[str], room: int) -> Sequence[str]:
    """As many of the first pieces as there is room for, with a character between them."""
    return pieces[: sum(length <= room for length in accumulate(len(piece) + 1 for piece in pieces))]


def unknown(why: str) -> str:
    """The line for a check that did not even begin."""
    return _plain(f"DANELAW {Status.UNKNOWN.name} - {' '.join(why.split())}")


def _plain(text: str) -> str:
    """On one line, and without bars, behind which a monitor looks for performance data."""
    shown = printable(text).replace("|", "\\x7c")
    return shown if len(shown) <= LONGEST_LINE else shown[:LONGEST_LINE] + "…"


def _status(outcome: Outcome, opportunistic: bool) -> Status:
    if not isinstance(outcome, TargetReport):
        return Status.UNKNOWN
    status = exit_status([outcome], opportunistic)
    if status == WRONG:
        return Status.CRITICAL
    if status == UNDECIDED:
        return Status.UNKNOWN
    return Status.WARNING if any(f.level is Level.WARNING for f in outcome.findings) else Status.OK


def _one(outcome: Outcome) -> str:
    if not isinstance(outcome, TargetReport):
        target, error = outcome
        return f"{target}: {error}"
    codes = _codes(outcome)
    return headline(outcome) + (f" ({codes})" if codes else "")


def _many(outcomes: Sequence[tuple[Outcome, Status]]) -> str:
    counts = [(sum(found is status for _, found in outcomes), status.name.lower()) for status in _WORST_FIRST]
    told = ", ".join(f"{count} {word}" for count, word in counts if count)
    bad = [outcome for status in _WORST_FIRST[:-1] for outcome, found in outcomes if found is status]
    named = "; ".join(f"{_subject(outcome)} {_why(outcome)}".strip() for outcome in bad[:MOST_NAMED])
    more = f"; and {len(bad) - MOST_NAMED} more" if len(bad) > MOST_NAMED else ""
    return f"{told} of {len(outcomes)}" + (f": {named}{more}" if bad else "")


def _subject(outcome: Outcome) -> str:
    return outcome.case.subject if isinstance(outcome, TargetReport) else outcome[0]


def _why(outcome: Outcome) -> str:
    return _codes(outcome) if isinstance(outcome, TargetReport) else outcome[1].code


def _codes(report: TargetReport) -> str:
    """Of what is wrong, or, where nothing is, of what is worth a warning."""
    for level in (Level.ERROR, Level.WARNING):
        found = dict.fromkeys(finding.code for finding in report.findings if finding.level is level)
        if found:
            return ", ".join(found)
    return ""


def _long(outcome: Outcome, *, alone: bool) -> Iterator[str]:
    if not isinstance(outcome, TargetReport):
        target, error = outcome
        yield f"UNKNOWN {target}: {error}" + (f"; hint: {error.hint}" if error.hint else "")
        return
    if not alone:
        yield headline(outcome)
    for finding in outcome.findings:
        if finding.level is not Level.INFO:
            yield _line(finding)


def _line(finding: Finding) -> str:
    at = f" at {finding.address}" if finding.address is not None else ""
    said = f"{clip(finding.subject)}: {clip(finding.sentence)}"
    details = "".join(f"; {clip(detail)}" for detail in finding.details[:MOST_DETAILS])
    return f"{finding.level.name} {finding.code}{at}: {said}{details}; remedy: {finding.remedy}"


# -- performance data -----------------------------------------------------------------------------------------------


def _figures(outcomes: Sequence[Outcome], notice: timedelta) -> Iterator[str]:
    for outcome in outcomes:
        if isinstance(outcome, TargetReport):
            yield from _of_target(outcome, notice, "" if len(outcomes) == 1 else f"{outcome.case.subject} ")


def _of_target(report: TargetReport, notice: timedelta, prefix: str) -> Iterator[str]:
    """Seconds left when the look began, of the endpoint that has the fewest."""
    at = report.evidence.at
    ends = [end for endpoint in report.reports for end in certificate_ends(endpoint).values()]
    yield from _left(f"{prefix}certificate", ends, at, f"{int(notice.total_seconds())}:")
    expirations = [signature_end(endpoint) for endpoint in report.reports]
    yield from _left(f"{prefix}rrsig", [end for end in expirations if end is not None], at, "")
    ttls = [ttl for endpoint in report.reports if (ttl := tlsa_ttl(endpoint)) is not None]
    if ttls:
        yield f"{_label(f'{prefix}tlsa_ttl')}={max(ttls)}s;;;0"


def _left(label: str, ends: Iterable[Instant], at: Instant, warning: str) -> Iterator[str]:
    """``warning``: a range of the monitoring plugins' guidelines, ``14:`` being below 14; critical is below 0."""
    seconds = [int((end - at).total_seconds()) for end in ends]
    if seconds:
        yield f"{_label(label)}={min(seconds)}s;{warning};0:"


def _label(text: str) -> str:
    """A label may hold anything but quotes, bars and equals signs."""
    plain = "".join("_" if c in "'=|" else c for c in printable(text))
    return f"'{plain}'" if " " in plain else plain
