"""The primary was restored from a backup, and secondaries are ahead of it: what is written starts from what it holds.

Found by the exhaustive explorer: the planner took the secondaries' word for what is published. Its writes conflicted,
pass after pass, or it had none to make and waited for the primary to serve what that would never have again.
"""

from __future__ import annotations

from danelaw.core.model import ChallengeType
from danelaw.core.rollover.actions import Publish
from danelaw.core.rollover.planner import DesiredService, plan
from danelaw.core.tlsa import Combination
from rollover_history import (
    AAAA,
    HOST,
    LIMITS,
    LINEAGE,
    LOCAL,
    NEW,
    NS1,
    NS2,
    OLD,
    SERVICE,
    WEB1,
    WEB2,
    ZONE,
    History,
    absent,
    addresses,
    at,
    reach,
    record,
    rrset,
    served,
)

DESIRED = DesiredService(
    SERVICE, (LINEAGE,), ZONE, (HOST,), (Combination(3, 1, 1),), 30, (LOCAL,), ChallengeType.HTTP_01
)
BEFORE, UNION = rrset(record(OLD)), rrset(record(OLD), record(NEW))


def restored() -> History:
    """The union was published as serial 2; since then the primary has been back at serial 1."""
    history = served(BEFORE, until=-200)
    both = (addresses(WEB1, WEB2), absent(HOST, AAAA))
    history.sees(-190, -100, 2, UNION, *both)
    history.sees(-90, 0, 1, BEFORE, *both, by=[NS1]).sees(-90, 0, 2, UNION, *both, by=[NS2])
    history.presents(-190, 0, OLD).judged(0)
    return history


def test_the_union_is_published_again_at_a_primary_that_lost_it() -> None:
    planned = plan(DESIRED, restored().facts(), reach(), at(0), LIMITS)
    assert planned == Publish(ZONE, BEFORE, UNION)


def test_while_the_primary_is_silent_the_secondaries_are_believed() -> None:
    history = served(BEFORE, until=-200)
    both = (addresses(WEB1, WEB2), absent(HOST, AAAA))
    history.sees(-190, 0, 2, UNION, *both, by=[NS2]).presents(-190, 0, OLD).judged(0)
    assert not isinstance(plan(DESIRED, history.facts(), reach(), at(0), LIMITS), Publish)
