"""Whether a store of facts still is the one that was last written to: an older copy knows not what happened since.

What a store holds is all that vouches for what caches may hold. One that was put back from a backup, or that belongs
to another machine, lacks what was published and seen meanwhile. Beside the credentials, which it does not take along,
stands what was recorded last; where the store has less than that, history begins anew.
"""

from __future__ import annotations

from dataclasses import dataclass

from danelaw.core.model import Instant, SubjectName
from danelaw.core.rollover.facts import Began
from danelaw.core.rollover.fold import Facts


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a store had got. ``store``: what tells it from every other; ``number``: of the last fact in it."""

    store: str
    number: int


def interruption(kept: Mark, last: Mark | None) -> str | None:
    """Why the store cannot go on from where it ends; None: it can. ``last``: what was marked outside of it, if it was.

    A mark that is behind the store is no reason: it is written after the facts are.
    """
    if last is None or (last.store == kept.store and last.number <= kept.number):
        return None
    if last.store != kept.store:
        return "this is another store than the one that was written to last"
    return f"the store is an older copy: {last.number - kept.number} facts that were recorded are not in it"


def begun_anew(subject: SubjectName, facts: Facts, reason: str, at: Instant) -> tuple[Began, ...]:
    """What is to be recorded of a subject then: nothing earlier is vouched for, nor of any zone that it has to do with.

    ``facts``: those of the subject.
    """
    zones = (SubjectName(zone.to_text()) for zone in facts._rosters)
    return tuple(Began(at, begins, reason) for begins in sorted({subject, *zones}))
