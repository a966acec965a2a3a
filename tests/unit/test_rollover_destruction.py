"""Keys that nobody can need any more are destroyed, whatever else is published."""

from __future__ import annotations

import pytest

from danelaw.core.model import GenerationId
from danelaw.core.rollover.actions import DestroyKey
from danelaw.core.rollover.gate import Allowed, Refused, judge
from rollover_history import LIMITS, LINEAGE, NEW, OLD, at, reach, record, rrset, served


@pytest.mark.parametrize(
    ("published", "destroyed"),
    [
        pytest.param([record(OLD)], True, id="another key"),
        pytest.param([record(OLD), record(OLD, "2 1 1")], True, id="and the CA of both"),
        pytest.param([record(OLD), record(OLD, "0 1 1")], True, id="and the CA of both, under PKIX"),
        pytest.param([record(OLD), record(NEW)], False, id="the key"),
        pytest.param([record(OLD), record(NEW, "1 0 1")], False, id="the certificate of the key, under PKIX"),
    ],
)
def test_a_key_is_kept_for_the_records_that_name_it_and_not_for_its_ca(
    published: list[object], destroyed: bool
) -> None:
    """Found by the exhaustive explorer: beside a record of its CA no old key was ever destroyed."""
    facts = served(rrset(*published)).facts()  # type: ignore[arg-type] # all are records
    judgement = judge(DestroyKey(LINEAGE, GenerationId(2)), facts, reach(), at(0), LIMITS)
    assert isinstance(judgement, Allowed if destroyed else Refused)
