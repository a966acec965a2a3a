"""What lenient clients accept is not taken from them because stricter ones refuse it anyway (ADR 0007)."""

from __future__ import annotations

from danelaw.core.model import GenerationId
from danelaw.core.rollover.actions import Action, Publish, Switch
from danelaw.core.rollover.gate import Refused, judge
from rollover_history import (
    LIMITS,
    LINEAGE,
    LOCAL,
    NEW,
    OLD,
    ZONE,
    absent,
    at,
    chain_of,
    reach,
    record,
    rrset,
    served,
)
from tlsa_chains import issue


def test_who_is_served_only_because_it_minds_no_names_is_not_lost() -> None:
    """RFC 7671 §5.1: names are not checked under DANE-EE. That some clients do check them harms nobody else."""
    bare = chain_of(issue("a name of old"))
    there = rrset(record(bare))
    facts = served(there).presents(10, 10, bare).facts()

    def codes(action: Action) -> set[str]:
        judgement = judge(action, facts, reach(), at(21), LIMITS)
        return {fault.code for fault in judgement.because} if isinstance(judgement, Refused) else set()

    assert codes(Publish(ZONE, there, rrset(record(OLD)))) == {"CHAIN_UNMATCHED"}
    assert codes(Publish(ZONE, there, absent())) == {"NO_FALLBACK"}
    assert codes(Switch(LINEAGE, LOCAL, GenerationId(2), NEW)) == {"ANSWER_HELD"}
    assert codes(Publish(ZONE, there, rrset(record(bare), record(NEW)))) == set()
