"""Whether a store is the one that was written to last."""

from __future__ import annotations

import pytest

from danelaw.core.model import SubjectName
from danelaw.core.rollover.continuity import Mark, begun_anew, interruption
from danelaw.core.rollover.facts import Began, Roster
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.parts import assembled, part_names, parts
from rollover_history import LIMITS, NS1, SERVICE, ZONE, at

KEPT = Mark("a", 10)


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (None, None),  # the first run, or one from before there were marks
        (Mark("a", 10), None),
        (Mark("a", 9), None),  # the process died before it could write the mark
        (Mark("a", 11), "older copy: 1 facts"),
        (Mark("b", 10), "another store"),
        (Mark("b", 1), "another store"),  # it is younger than this one, and yet the last
    ],
)
def test_a_store_goes_on_unless_more_was_recorded_than_it_has(last: Mark | None, said: str | None) -> None:
    reason = interruption(KEPT, last)
    assert (reason is None) if said is None else (reason is not None and said in reason)


def test_a_subject_begins_anew_with_every_zone_that_it_has_to_do_with() -> None:
    parent = ZONE.parent()
    facts = Facts(LIMITS.max_gap).add(*(Roster(at(0), zone, frozenset({NS1})) for zone in (ZONE, parent)))
    begun = begun_anew(SERVICE, facts, "because", at(9))
    assert set(begun) == {
        Began(at(9), subject, "because") for subject in (SERVICE, SubjectName("example.net."), SubjectName("net."))
    }
    assert begun_anew(SERVICE, Facts(LIMITS.max_gap), "because", at(9)) == (Began(at(9), SERVICE, "because"),)


def test_a_fold_is_its_parts() -> None:
    facts = Facts(LIMITS.max_gap).add(Roster(at(0), ZONE, frozenset({NS1})))
    assert assembled(LIMITS.max_gap, parts(facts)) == facts
    assert set(parts(facts)) == set(part_names())


def test_a_fold_lacks_no_part() -> None:
    some = parts(Facts(LIMITS.max_gap))
    del some["deeds"]
    with pytest.raises(KeyError, match="deeds"):
        assembled(LIMITS.max_gap, some)
