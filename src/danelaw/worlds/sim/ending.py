"""What came of a scenario, and whether that is what it expects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from danelaw.core.model import Instant
from danelaw.core.rollover.actions import Action
from danelaw.core.rollover.planner import Wait
from danelaw.core.rollover.progress import Pass, Progress
from danelaw.worlds.sim.adversary import Event
from danelaw.worlds.sim.clients import Connection
from danelaw.worlds.sim.lee import Ledger
from danelaw.worlds.sim.scenario import Scenario, is_action


@dataclass(frozen=True, slots=True)
class Ending:
    """What came of it. ``told``: what the runner told and what happened, in order, each with its instant.

    ``harmed``: from when to when clients may have been refused because of other hands: until all was at rest again.
    ``took``: seconds from the story's begin until all was settled, None if it never was; ``spent``: those of each
    roll that ended, from its begin until all was at rest. ``unmet``: what was expected and did not come, in sentences.
    """

    scenario: Scenario
    began: Instant
    took: float | None
    told: tuple[tuple[Instant, Progress | Event], ...]
    connections: tuple[Connection, ...]
    ledger: Ledger
    spent: tuple[float, ...]
    unmet: tuple[str, ...]
    harmed: tuple[tuple[Instant, Instant], ...] = ()

    @property
    def refused(self) -> tuple[Connection, ...]:
        """But for those whom other hands may have harmed."""
        return tuple(c for c in self.connections if c.refused and not self.by_others(c.at))

    @property
    def refused_by_others(self) -> int:
        return sum(c.refused and self.by_others(c.at) for c in self.connections)

    def by_others(self, at: Instant) -> bool:
        return any(begin <= at <= end for begin, end in self.harmed)

    @property
    def passes(self) -> list[Pass]:
        return [told.ended for _, told in self.told if isinstance(told, Progress) and told.ended is not None]

    @property
    def actions(self) -> list[Action]:
        return [told.acting for _, told in self.told if isinstance(told, Progress) and told.acting is not None]

    @property
    def waits(self) -> set[str]:
        return {p.plan.code for p in self.passes if isinstance(p.plan, Wait)}


def unmet(ending: Ending, missed: Sequence[str], records: int) -> list[str]:
    """What was expected and did not come, in sentences. ``missed``: the events that did not come, told likewise;
    ``records``: how many TLSA records there are in the end."""
    expect = ending.scenario.expect
    found: list[str] = []
    refused = ending.refused
    reasons = Counter(c.reason for c in refused)
    if expect.refused != "any" and len(refused) > expect.refused:
        why = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        found.append(f"{len(refused)} of {len(ending.connections)} connections were refused ({why})")
    if expect.reasons and (others := set(reasons) - set(expect.reasons)):
        found.append(f"connections were refused for {', '.join(sorted(others))}")
    if expect.refused_until is not None:
        end = ending.began + timedelta(seconds=expect.refused_until)
        late = [c for c in refused if c.at > end]
        if late:
            found.append(f"connections were refused later than {expect.refused_until:g} s after the begin: {len(late)}")
    naive = ending.scenario.strategy == "naive"
    if expect.settles and ending.took is None:
        last = {p.subject: p.plan for p in ending.passes}
        plans = "; ".join(f"{subject}: {_plan(plan)}" for subject, plan in last.items())
        found += [f"not settled within {expect.within:g} s; at last {plans}", *missed]
    if not expect.settles and ending.took is not None:
        found.append(f"all was settled after {ending.took:.1f} s")
    if not naive:
        found += [f"nobody waited for {code}" for code in expect.waits if code not in ending.waits]
        for name in expect.actions:
            if not any(is_action(action, name) for action in ending.actions):
                found.append(f"there was no {name}")
        found += [f"there was a {n}" for n in expect.never if any(is_action(a, n) for a in ending.actions)]
        violated = any(p.violations for p in ending.passes)
        if expect.violations is not None and violated != expect.violations:
            found.append("violations were reported" if violated else "no violation was reported")
    if expect.records is not None and records != expect.records:
        found.append(f"there are {records} TLSA records, not {expect.records}")
    return found


def _plan(plan: object) -> str:
    return f"{plan.code}, {plan.because}" if isinstance(plan, Wait) else type(plan).__name__
