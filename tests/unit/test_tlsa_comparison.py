"""TLSA records held against what the DNS says: a verdict for each owner, the worst of all, the exit status."""

from __future__ import annotations

from typing import Final

import pytest
from dns.name import from_text

from danelaw.app.tlsa_records import Comparison, Holding, compare, exit_status, verdict
from danelaw.core.model import RRset, Security, Validated
from danelaw.core.tlsa import TLSA, TLSARecord

OWNER: Final = from_text("_443._tcp.www.example.net")
NEW: Final = TLSARecord.from_text("3 1 1 " + "aa" * 32)
OLD: Final = TLSARecord.from_text("3 1 1 " + "bb" * 32)
CA: Final = TLSARecord.from_text("2 0 1 " + "cc" * 32)


def seen(state: Security, *held: TLSARecord) -> Comparison:
    """The DNS holds these, and the new record and the CA's are wanted."""
    rrset = RRset(OWNER, TLSA, 300, frozenset(record.to_rdata() for record in held))
    return compare(OWNER, [NEW, CA], Validated(OWNER, TLSA, state, (rrset,) if held else ()))


@pytest.mark.parametrize(
    ("comparison", "holding", "missing", "beside"),
    [
        (seen(Security.SECURE, NEW, CA), Holding.HELD, (), ()),
        (seen(Security.SECURE, NEW, CA, OLD), Holding.HELD, (), (OLD,)),
        (seen(Security.SECURE, NEW), Holding.OTHERS, (CA,), ()),
        (seen(Security.SECURE, OLD), Holding.OTHERS, (CA, NEW), (OLD,)),
        (seen(Security.SECURE), Holding.NONE, (CA, NEW), ()),
        (seen(Security.INSECURE, NEW, CA), Holding.INSECURE, (), ()),
        (seen(Security.INSECURE, OLD), Holding.OTHERS, (CA, NEW), (OLD,)),
        (seen(Security.INSECURE), Holding.NONE, (CA, NEW), ()),
        (seen(Security.BOGUS, NEW, CA), Holding.BOGUS, (), ()),
        (seen(Security.BOGUS), Holding.BOGUS, (CA, NEW), ()),
        (seen(Security.INDETERMINATE), Holding.UNKNOWN, (CA, NEW), ()),
    ],
)
def test_what_is_held_what_is_missing_and_what_else_is_there(
    comparison: Comparison, holding: Holding, missing: tuple[TLSARecord, ...], beside: tuple[TLSARecord, ...]
) -> None:
    assert (comparison.holding, comparison.missing, comparison.beside) == (holding, missing, beside)


def test_a_record_too_short_to_be_one_is_no_other_record() -> None:
    rrset = RRset(OWNER, TLSA, 300, frozenset({NEW.to_rdata(), b"\3"}))
    assert compare(OWNER, [NEW], Validated(OWNER, TLSA, Security.SECURE, (rrset,))).beside == ()


GOOD: Final = seen(Security.SECURE, NEW, CA)
UNKNOWN: Final = seen(Security.INDETERMINATE)


@pytest.mark.parametrize(
    ("comparisons", "status", "word"),
    [
        ([GOOD], 0, "valid"),
        ([GOOD, UNKNOWN], 3, "undecided"),
        ([GOOD, UNKNOWN, seen(Security.SECURE)], 1, "none"),
        ([seen(Security.INSECURE, NEW, CA), seen(Security.SECURE)], 1, "insecure"),
        ([seen(Security.INSECURE, NEW, CA), seen(Security.SECURE, OLD)], 1, "mismatch"),
        ([seen(Security.BOGUS), seen(Security.SECURE, OLD)], 1, "bogus"),
    ],
)
def test_the_worst_decides_and_what_is_wrong_goes_before_what_is_not_known(
    comparisons: list[Comparison], status: int, word: str
) -> None:
    assert (exit_status(comparisons), verdict(comparisons)) == (status, word)
