"""What a campaign came to, as a table: Lee et al.'s rows, what clients made of it, and how long it took."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from danelaw.core.rollover.feasibility import told
from danelaw.worlds.sim.campaign import Tally
from danelaw.worlds.sim.habits import LEE


@dataclass(frozen=True, slots=True)
class Row:
    """``depth``: of what it is a part. ``measured``: by which name Lee et al. give it. ``passing``: it changes with how
    long this or that takes, and a page is not to be written anew for that."""

    title: str
    text: Callable[[Tally], str]
    depth: int = 0
    measured: str | None = None
    passing: bool = False


ROWS: Final = (
    Row("operators", lambda t: f"{t.worlds}"),
    Row("wrong at least once", lambda t: _part(t.wrong_once, t.worlds), 1, "wrong"),
    Row("new TLSA too late", lambda t: _part(t.late_once, t.wrong_once), 2, "late"),
    Row("no new TLSA at all", lambda t: _part(t.missing_once, t.wrong_once), 2, "missing"),
    Row("old one gone too early", lambda t: _part(t.early_once, t.wrong_once), 2, "early"),
    Row("rollovers", lambda t: f"{t.rollovers}"),
    Row("to another key", lambda t: f"{t.keys}", 1),
    Row("of these wrong", lambda t: _part(t.wrong, t.keys), 2),
    Row("connections", lambda t: f"{t.connections}", passing=True),
    Row("connections refused", lambda t: _part(t.refused, t.connections)),
    Row("longest outage", lambda t: span(t.outage)),
    Row("faults injected", lambda t: f"{t.faults}"),
    Row("time of a rollover", lambda t: span(t.took / max(t.rollovers, 1)), passing=True),
    Row("of which it must wait", lambda t: span(t.least / max(t.rollovers, 1)), 1, passing=True),
)

MEASURED: Final = "Lee et al."
_LONG: Final = 600.0
_DASH: Final = "\N{EN DASH} "


def cells(tallies: Mapping[str, Tally]) -> list[list[str]]:
    """Rows of texts: the heads first, the titles to the left. What was measured stands beside the naive operator's."""
    by_hand = "naive" in tallies
    found = [["", *tallies, *([MEASURED] if by_hand else [])]]
    for row in ROWS:
        measured = [_measured(row.measured)] if by_hand else []
        found.append([row.title, *map(row.text, tallies.values()), *measured])
    return found


def table(tallies: Mapping[str, Tally]) -> list[str]:
    """For a terminal."""
    heads, *rows = cells(tallies)
    indented: Sequence[Sequence[str]] = [
        heads, *([" " * 2 * row.depth + cell[0], *cell[1:]] for row, cell in zip(ROWS, rows, strict=True))
    ]  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*indented, strict=True)]
    return ["  ".join((line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:]))).rstrip() for line in indented]


def markdown(tallies: Mapping[str, Tally]) -> str:
    """For a page: without what is passing."""
    heads, *rows = cells(tallies)
    lines = [f"| {' | '.join(heads)} |", f"|---|{'---:|' * (len(heads) - 1)}"]
    for row, (title, *texts) in zip(ROWS, rows, strict=True):
        if not row.passing:
            lines.append(f"| {_DASH * row.depth}{title} | {' | '.join(texts)} |")
    return "\n".join(lines) + "\n"


def span(seconds: float) -> str:
    """Seconds and their tenths; from ten minutes on, in words."""
    return f"{seconds:.1f} s" if seconds < _LONG else told(timedelta(seconds=round(seconds)))


def _part(count: int, of: int) -> str:
    return f"{count} ({100 * count / of:.0f} %)" if count else "0"


def _measured(name: str | None) -> str:
    if name is None:
        return ""
    least, most = LEE[name]
    return f"{least}-{most} %" if least else f"to {most} %"
