"""What a runner would do next: it looks as a runner does, and then neither acts nor records what it has seen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass

from danelaw.app.known import Known
from danelaw.app.observe import Observer
from danelaw.app.toolbox import Subjects, Toolbox
from danelaw.core.model import DanelawError, Instant, Limits, SubjectName
from danelaw.core.rollover import clock
from danelaw.core.rollover.doubts import doubted
from danelaw.core.rollover.facts import Fact
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.gate import Counterexample, Judgement, judge, violations
from danelaw.core.rollover.planner import Desired, Plan, Settled, Wait, plan
from danelaw.core.rollover.reach import Reach


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What comes next for a subject, and what the gate says to it; None: there is nothing to judge."""

    subject: SubjectName
    at: Instant
    plan: Plan
    judgement: Judgement | None
    violations: tuple[Counterexample, ...]


async def foresee(
    tools: Toolbox, subjects: Subjects, limits: Limits, wanted: Collection[SubjectName], known: Known
) -> AsyncIterator[Foreseen]:
    """Looks at every subject that is wanted, one after the other. ``known``: what is recorded so far."""
    here = tools.clock
    read = clock.compared(await known.clocks(tools.boot), here.now(), tools.boot, here.monotonic(), limits)
    seen: dict[SubjectName, Sequence[Fact]] = {}

    async def around(subject: SubjectName) -> tuple[Facts, Reach]:
        """With what was seen just now, and nobody records."""
        facts, group = await known.around(subject)
        fresh = (fact for one in group.subjects for fact in seen.get(one, ()))
        return facts.add(*([read] if read is not None else []), *sorted(fresh, key=lambda fact: fact.at)), group.reach

    for subject, desired in subjects.desired.items():
        if subject not in wanted:
            continue
        try:
            facts, reach = await around(subject)
            seen[subject] = await Observer(tools, reach, limits).observe(desired, facts)
            known.learnt(subject, seen[subject])
            facts, reach = await around(subject)
        except DanelawError as error:  # as the engine does: what cannot be looked at holds up no other subject
            now = here.now()
            yield Foreseen(subject, now, Wait(error.code, str(error), now, None), None, ())
            continue
        yield foreseen(desired, facts, reach, here.now(), limits)


def foreseen(desired: Desired, known: Facts, reach: Reach, now: Instant, limits: Limits) -> Foreseen:
    """What comes next by all that is known, were it looked at ``now``."""
    planned = plan(desired, known, reach, now, limits)
    planned = doubted(planned, desired.zone, known, limits)
    judgement = None
    if not isinstance(planned, Wait | Settled):
        judgement = judge(planned, known, reach, now, limits)
    mine = Reach(tuple(one for one in reach.endpoints if one.service == desired.subject))
    return Foreseen(desired.subject, now, planned, judgement, violations(known, mine, now, limits))
