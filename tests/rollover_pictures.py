"""What docs/explanation/why-a-rollover-cannot-break.md shows of the code.

The table of steps and its pictures, what the gate says, and what fits into the life of a certificate.

``python tests/rollover_pictures.py`` writes them anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import Final

from danelaw.core.model import CredentialFacts, GenerationId, Limits, Security
from danelaw.core.rollover.actions import Switch
from danelaw.core.rollover.facts import Holding, Judged, Presented, Roster, Sight
from danelaw.core.rollover.feasibility import LETS_ENCRYPT, Feasible, Terms, feasible, told
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.gate import Refused, judge
from danelaw.core.rollover.steps import RENEWAL, STEPS, Row, Step
from danelaw.core.rollover.succession import Strategy
from danelaw.core.tlsa.credential import leaf_spki
from danelaw.faces.cli.simulate_table import markdown
from danelaw.faces.cli.simulation import SimulatedCompany
from danelaw.worlds.sim.campaign import STRATEGIES, Tally, campaign
from danelaw.worlds.sim.service import issue
from rollover_history import (
    AAAA,
    ENDPOINT,
    HOST,
    LINEAGE,
    LOCAL,
    NS1,
    NS2,
    PLAIN,
    SOA,
    WEB1,
    WEB2,
    ZONE,
    absent,
    addresses,
    reach,
    record,
    rrset,
)

FOLDER: Final = Path(__file__).parent.parent / "docs" / "explanation"
PAGE: Final = FOLDER / "why-a-rollover-cannot-break.md"

NOTHING: Final = "\N{EN DASH}"

_TTL: Final = 3600
_PUBLISHED: Final = datetime(2027, 3, 2, 12, 0, tzinfo=UTC)
"""When the primary has the union; the secondary follows half an hour later."""
_LAG: Final = timedelta(minutes=30)
_OLD, _NEW = (issue(number, (HOST,), _PUBLISHED - timedelta(days=40 - number), timedelta(days=45)) for number in (1, 2))
"""Of the simulator's CA, whose keys are always the same."""
_STORED: Final = tuple(
    CredentialFacts(GenerationId(number), LINEAGE, spki, chain, _PUBLISHED - timedelta(days=40 - number))
    for number, chain in enumerate((_OLD, _NEW), 1)
    if (spki := leaf_spki(chain)) is not None
)


# -- what the gate says -----------------------------------------------------------------------------------------------


def lagging(now: datetime) -> Facts:
    """Three days of looking every ten minutes, to ``now``; a secondary lags behind the primary by half an hour."""
    old, union = rrset(record(_OLD), ttl=_TTL), rrset(record(_OLD), record(_NEW), ttl=_TTL)
    facts = Facts(Limits().max_gap)
    at = _PUBLISHED - timedelta(days=3)
    while at <= now:
        facts = facts.add(Roster(at, ZONE, frozenset({NS1, NS2}), NS1))
        for server, since in ((NS1, _PUBLISHED), (NS2, _PUBLISHED + _LAG)):
            serial, tlsa = (2, union) if at >= since else (1, old)
            for answer in (tlsa, addresses(WEB1, WEB2), absent(HOST, AAAA)):
                facts = facts.add(Sight(at, ZONE, server, serial, answer.owner, answer.type, answer))
        facts = facts.add(*(Presented(at, ENDPOINT, ip, PLAIN, _OLD) for ip in (WEB1, WEB2)))
        facts = facts.add(Holding(at, LINEAGE, _STORED, GenerationId(1)), Judged(at, ZONE, SOA, Security.SECURE))
        at += timedelta(minutes=10)
    return facts


def said(now: datetime) -> str:
    """What the gate says to the switch, as a person reads it."""
    judgement = judge(Switch(LINEAGE, LOCAL, GenerationId(2), _NEW), lagging(now), reach(), now, Limits())
    if not isinstance(judgement, Refused):
        return f"{now:%H:%M}  switch to generation 2: allowed"
    fault = judgement.because[0]
    kinds = "kind" if len(fault.kinds) == 1 else "kinds"
    earliest = f"{judgement.earliest:%H:%M}" if judgement.earliest else "unknown"
    lines = (
        f"{now:%H:%M}  switch to generation 2: refused, by rule {fault.rule}",
        f"       {fault}",
        f"       who would be refused: {len(fault.kinds)} {kinds} of client that connect to {fault.address}",
        f"       not before: {earliest}",
    )
    return "\n".join(lines)


def counterexample() -> str:
    """At the time at which a clock that started with the primary has run out, and when the last hold has."""
    naive = _PUBLISHED + 2 * timedelta(seconds=_TTL) + timedelta(minutes=10)
    return f"```text\n{said(naive)}\n\n{said(naive + _LAG)}\n```\n"


# -- tables -----------------------------------------------------------------------------------------------------------


def steps() -> str:
    rows = ["| step | what comes about | what the gate compares | if it goes wrong |", "|---|---|---|---|"]
    for number, row in enumerate(STEPS, 1):
        judged = NOTHING if row.judged.startswith("nothing") else row.judged
        rows.append(f"| {number}. {row.step.value} | {row.what} | {judged} | {row.trouble} |")
    return "\n".join(rows) + "\n"


def waits() -> str:
    rows = ["| step | waits | refusals |", "|---|---|---|"]
    for row in STEPS:
        cells = (", ".join(f"`{code}`" for code in codes) or NOTHING for codes in (row.waits, row.refusals))
        rows.append(f"| {row.step.value} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def fits() -> str:
    """What is left of a certificate's life after the last step of a renewal, at the worst."""
    heads = [f"{strategy.value}, TTL {ttl} s" for strategy in Strategy for ttl in (3600, 86400)]
    rows = [f"| profile | lives for | {' | '.join(heads)} |", f"|---|---:|{'---:|' * len(heads)}"]
    for profile in LETS_ENCRYPT:
        cells = []
        for strategy in Strategy:
            for ttl in (3600, 86400):
                verdict = feasible(Terms(strategy, Limits(), ttl, profile.shortest, timedelta(hours=1)))
                fine = isinstance(verdict, Feasible) and verdict.slack is not None
                cells.append(told(verdict.slack) if fine else "refused")  # type: ignore[union-attr,arg-type] # as ``fine`` says
        rows.append(f"| `{profile.name}` | {told(profile.shortest)} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


OPERATORS_PLAYED: Final = 10
ROLLS_EACH: Final = 2


def lee() -> str:
    """A campaign that is over soon: what ``danelaw simulate`` prints, but for what is passing."""
    found: dict[str, Tally] = {}
    for strategy in STRATEGIES:
        worlds = (campaign(strategy, seed, ROLLS_EACH, SimulatedCompany)[0] for seed in range(OPERATORS_PLAYED))
        found[strategy] = sum(worlds, Tally())
    return markdown(found)


BLOCKS: Final[dict[str, Callable[[], str]]] = {
    "steps": steps,
    "waits": waits,
    "counterexample": counterexample,
    "fits": fits,
    "lee": lee,
}
SLOW: Final = frozenset({"lee"})
"""Of the blocks, those that take their time."""


# -- the picture ------------------------------------------------------------------------------------------------------

_WIDTH, _LEFT, _TOP, _HIGH = 1060, 150, 76, 84
_INK, _DONE, _WAITED, _GATE, _ELSE = "#445", "#eef4fb", "#fdf6e3", "#2b5d92", "#8a4b00"


def picture() -> str:
    """The steps, what is judged and what if not, and which of them a renewal passes under each strategy."""
    height = _TOP + _HIGH * len(STEPS)
    title = "The steps of every change, and which of them each strategy takes at a renewal"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"'
        ' role="img" aria-labelledby="title" font-family="system-ui,sans-serif" font-size="13">',
        f'<title id="title">{title}</title>',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        *(line for column, strategy in enumerate(Strategy) for line in _column(column, strategy)),
        *(line for number, row in enumerate(STEPS) for line in _box(number, row)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _column(column: int, strategy: Strategy) -> Iterator[str]:
    x = 28 + 42 * column
    at = f'x="{x - 8}" y="{_TOP - 14}" transform="rotate(-40 {x - 8} {_TOP - 14})"'
    yield f'<text {at} fill="{_INK}">{strategy.value}</text>'
    for number, step in enumerate(Step):
        taken = step in RENEWAL[strategy]
        y = _TOP + _HIGH * number + 34
        yield f'<circle cx="{x}" cy="{y}" r="8" stroke="{_GATE}" fill="{_GATE if taken else "white"}"/>'


def _box(number: int, row: Row) -> Iterator[str]:
    y, text = _TOP + _HIGH * number, _LEFT + 150
    fill = _DONE if row.does else _WAITED
    yield (
        f'<rect x="{_LEFT}" y="{y}" width="{_WIDTH - _LEFT - 10}" height="{_HIGH - 16}" rx="6" fill="{fill}"'
        f' stroke="{_INK}"/>'
    )
    if number:
        yield f'<path d="M{_LEFT + 60} {y - 16}v12m-5 -6l5 6l5 -6" stroke="{_INK}" fill="none"/>'
    judged = row.judged.removeprefix("nothing: ") if row.judged.startswith("nothing") else f"gate: {row.judged}"
    yield f'<text x="{_LEFT + 12}" y="{y + 22}" font-weight="600" fill="{_INK}">{number + 1}. {row.step.value}</text>'
    yield f'<text x="{text}" y="{y + 22}" fill="{_INK}">{escape(row.what)}</text>'
    yield f'<text x="{text}" y="{y + 40}" fill="{_GATE}">{escape(judged)}</text>'
    yield f'<text x="{text}" y="{y + 58}" fill="{_ELSE}">if not: {escape(row.trouble)}</text>'


# -- who holds and presents what, meanwhile ---------------------------------------------------------------------------

_NAMES, _COLUMN, _ROW = 272, 96, 26


@dataclass(frozen=True, slots=True)
class Lane:
    """What holds from the beginning of one step to the end of another; None: since before, or for good."""

    what: str
    since: Step | None
    until: Step | None
    old: bool


LANES: Final = (
    Lane("the old record is published", None, Step.WITHDRAW, old=True),
    Lane("the new record is published", Step.PUBLISH, None, old=False),
    Lane("some cache may lack the new record", None, Step.SETTLE, old=True),
    Lane("some cache may hold the old record", None, Step.SETTLED_AGAIN, old=True),
    Lane("some server may present the old key", None, Step.CONFIRM, old=True),
    Lane("some server may present the new key", Step.SWITCH, None, old=False),
)
MONTHS: Final = "months: renewals keep the key"


def lives() -> str:
    """A change of the key under ``staged`` and ``standby``: the same steps, and the wait at another place."""
    staged: list[Step | str] = list(Step)
    standby = [*staged[: staged.index(Step.SWITCH)], MONTHS, *staged[staged.index(Step.SWITCH) :]]
    tall = 70 + _ROW * len(LANES)
    width, height = _NAMES + _COLUMN * (len(standby) + 1) + 60, 2 * tall + 10
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        ' role="img" aria-labelledby="title" font-family="system-ui,sans-serif" font-size="13">',
        '<title id="title">What is published, held and presented while a key changes: staged, and by a standby</title>',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        *_panel(10, "staged", Step.PREPARE, staged),
        *_panel(10 + tall, "standby", Step.SWITCH, standby),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _panel(top: int, name: str, due: Step | str, columns: list[Step | str]) -> Iterator[str]:
    def left(of: Step | str) -> int:
        """A long time is drawn twice as wide as a step."""
        before = columns[: columns.index(of)]
        return _NAMES + _COLUMN * (len(before) + (MONTHS in before))

    end = left(columns[-1]) + _COLUMN + 40
    yield f'<text x="10" y="{top + 16}" font-weight="600" fill="{_INK}">{name}</text>'
    for column in columns:
        wide = 2 * _COLUMN if column == MONTHS else _COLUMN
        text = column.value if isinstance(column, Step) else column
        middle = left(column) + wide // 2
        yield f'<text x="{middle}" y="{top + 34}" text-anchor="middle" font-size="12" fill="{_INK}">{text}</text>'
        bottom = top + 44 + _ROW * len(LANES)
        yield f'<path d="M{left(column)} {top + 40}V{bottom}" stroke="#ccd" fill="none"/>'
    at, what = left(due), "here the key is due to change"
    yield f'<path d="M{at} {top + 20}V{top + 44 + _ROW * len(LANES)}" stroke="{_ELSE}" stroke-width="2" fill="none"/>'
    yield f'<text x="{at + 4}" y="{top + 16}" font-size="12" fill="{_ELSE}">{what}</text>'
    for number, lane in enumerate(LANES):
        y = top + 46 + _ROW * number
        begin = left(lane.since) if lane.since is not None else _NAMES
        stop = left(lane.until) + _COLUMN if lane.until is not None else end
        fill = "#e8b36b" if lane.old else "#6ba3d6"
        yield f'<text x="10" y="{y + 15}" fill="{_INK}">{lane.what}</text>'
        yield f'<rect x="{begin}" y="{y}" width="{stop - begin}" height="{_ROW - 6}" rx="3" fill="{fill}"/>'


PICTURES: Final[dict[str, Callable[[], str]]] = {"rollover-steps": picture, "rollover-lives": lives}


def block(page: str, name: str) -> str:
    """What stands in the page between the marks of a block."""
    found = re.search(rf"<!-- made: {name} -->\n\n(.*?)\n<!-- end -->", page, flags=re.DOTALL)
    if found is None:
        raise LookupError(f"the page has no block {name!r}")
    return found.group(1)


if __name__ == "__main__":
    for name, draw in PICTURES.items():
        (FOLDER / f"{name}.svg").write_text(draw(), encoding="utf-8")
    text = PAGE.read_text(encoding="utf-8")
    for name, write in BLOCKS.items():
        text = text.replace(
            f"<!-- made: {name} -->\n\n{block(text, name)}\n<!-- end -->",
            f"<!-- made: {name} -->\n\n{write()}\n<!-- end -->",
        )
    PAGE.write_text(text, encoding="utf-8")
