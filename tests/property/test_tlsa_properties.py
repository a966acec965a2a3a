"""What holds for every TLSA RRset and every chain, and for any octets at all."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import dns.name
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from danelaw.core.model import Absence, Answer, Chain, HandshakeFailure, RRset
from danelaw.core.tlsa import (
    TLSA,
    Combination,
    Fallback,
    Profile,
    Reference,
    TLSARecord,
    Verdict,
    associate,
    client_kinds,
    combinations_of,
    match,
    pkix_valid,
    records_of,
    refused,
    safe_match,
    unusable,
    validity_changes,
)
from danelaw.core.tlsa.der import MalformedDER, certificate_fields, is_spki
from danelaw.core.tlsa.x509 import parse
from tlsa_chains import DAY, INTERMEDIATE, LEAF, NOW, RENEWED, ROOT, issue

pytestmark = pytest.mark.slow

WWW: Final = dns.name.from_text("www.example.net.")
OTHER: Final = dns.name.from_text("other.example.net.")
OWNER: Final = dns.name.from_text("_443._tcp.www.example.net.")
SKEW: Final = timedelta(hours=1)
SHORT_LIVED: Final = issue("leaf", INTERMEDIATE, names=("www.example.net",), end=NOW + 2 * DAY)
CHAINS: Final = (
    Chain((LEAF.der, INTERMEDIATE.der)),
    Chain((RENEWED.der, INTERMEDIATE.der, ROOT.der)),
    Chain((SHORT_LIVED.der, INTERMEDIATE.der)),
    Chain((LEAF.der, LEAF.der)),
)
PARAMETERS: Final = tuple(map(Combination.from_text, ("3 1 1", "3 1 2", "3 0 2", "3 1 0", "2 0 1", "2 1 2", "1 1 1")))
ALL: Final = client_kinds(frozenset(PARAMETERS))
RECORDS: Final = tuple(
    [associate(c, chain) for c in PARAMETERS for chain in CHAINS[:3]]
    + [TLSARecord(c, b"\x2a" * 32) for c in PARAMETERS]  # of the right length for some, of nobody's key
    + [TLSARecord(Combination(4, 1, 1), b"x" * 32), TLSARecord(Combination(3, 1, 3), b"x")]
)
references = st.sampled_from(
    [
        Reference((WWW,), (ROOT.der,)),
        Reference((WWW,)),
        Reference((WWW, OTHER), (ROOT.der,)),
        Reference((OTHER,), (ROOT.der,), smtp_or_srv=True),
        Reference((WWW,), (ROOT.der,), opportunistic=True),
    ]
)
record_sets = st.frozensets(st.sampled_from(RECORDS), max_size=6)
chains = st.sampled_from(CHAINS)
instants = st.sampled_from([NOW, NOW - 31 * DAY, NOW + 2 * DAY - SKEW, NOW + 2 * DAY, NOW + 90 * DAY])


def rrset(records: frozenset[TLSARecord]) -> RRset:
    return RRset(OWNER, TLSA, 300, frozenset(record.to_rdata() for record in records))


answers = st.one_of(record_sets.map(rrset), st.just(Absence(OWNER, TLSA, 300)))


def usable_in(answer: Answer, reference: Reference) -> frozenset[Combination]:
    barred = (0, 1) if reference.opportunistic else ()
    return frozenset(
        record.combination
        for record in records_of(answer)
        if unusable(record) is None and record.combination.usage not in barred
    )


@given(answers, chains, instants, references)
def test_each_kind_refuses_exactly_what_matching_for_it_alone_refuses(
    answer: Answer, chain: Chain, at: datetime, reference: Reference
) -> None:

    who = refused(answer, chain, at, reference, ALL, SKEW)
    all_names = pkix_valid(chain, reference.names, reference.roots, at) is None
    a_name = any(pkix_valid(chain, (name,), reference.roots, at) is None for name in reference.names)
    for kind in ALL:
        well = reference.opportunistic or (a_name if kind.lenient else all_names)
        profile = Profile(
            kind.supported, kind.agility, strict=not kind.lenient, skew=timedelta(0) if kind.lenient else SKEW
        )
        verdict = match(records_of(answer), chain, reference, at, profile).verdict
        if verdict is Verdict.NOTHING_USABLE:
            assert (kind in who) == (not (well and kind.fallback is Fallback.PKIX))
        else:
            assert (kind in who) == (verdict is Verdict.MISMATCH)


@given(record_sets, st.sampled_from(RECORDS), chains, references)
def test_adding_a_record_turns_away_no_client_without_agility_that_a_record_let_in(
    records: frozenset[TLSARecord], added: TLSARecord, chain: Chain, reference: Reference
) -> None:
    before, after = rrset(records), rrset(records | {added})
    there = usable_in(before, reference)
    anew = refused(after, chain, NOW, reference, ALL, SKEW) - refused(before, chain, NOW, reference, ALL, SKEW)
    assert not {kind for kind in anew if not kind.agility and kind.supported & there}


@given(record_sets, st.sampled_from(RECORDS), chains, references)
def test_adding_a_record_of_a_combination_already_present_turns_nobody_away(
    records: frozenset[TLSARecord], added: TLSARecord, chain: Chain, reference: Reference
) -> None:
    before, after = rrset(records), rrset(records | {added})
    assume(usable_in(after, reference) == usable_in(before, reference))
    known = client_kinds(combinations_of(after)) | ALL
    assert refused(after, chain, NOW, reference, known, SKEW) <= refused(before, chain, NOW, reference, known, SKEW)


@given(record_sets, chains, references)
def test_a_match_is_safe_when_every_kind_that_finds_something_usable_accepts(
    records: frozenset[TLSARecord], chain: Chain, reference: Reference
) -> None:
    answer = rrset(records)
    there = usable_in(answer, reference)
    who = {kind for kind in refused(answer, chain, NOW, reference, ALL, SKEW) if kind.supported & there}
    assert safe_match(answer, chain, NOW, reference, SKEW) == (bool(there) and not who)


@given(st.lists(chains, min_size=2, max_size=3, unique=True), st.sets(st.sampled_from(PARAMETERS), min_size=1))
def test_the_union_of_all_associations_under_the_same_parameters_is_safe_for_each_chain(
    served: list[Chain], parameters: set[Combination]
) -> None:
    complete = [chain for chain in served if INTERMEDIATE.der in chain.ders]
    assume(complete)
    union = rrset(frozenset(associate(c, chain) for c in parameters for chain in complete))
    reference = Reference((WWW,), (ROOT.der,))
    assert all(safe_match(union, chain, NOW, reference, SKEW) for chain in complete)


@given(answers, st.one_of(chains, st.just(HandshakeFailure("CLOSED"))), references)
def test_kinds_are_judged_each_by_itself(answer: Answer, chain: Chain | HandshakeFailure, reference: Reference) -> None:
    one_by_one = {k for k in ALL if refused(answer, chain, NOW, reference, frozenset({k}), SKEW)}
    assert refused(answer, chain, NOW, reference, ALL, SKEW) == one_by_one


@given(answers, chains, references, st.lists(st.integers(-40 * 24, 100 * 24), min_size=2, max_size=6))
def test_judgements_change_only_at_the_instants_foretold(
    answer: Answer, chain: Chain, reference: Reference, hours: list[int]
) -> None:
    changes = validity_changes(answer, chain, reference, SKEW)
    assert list(changes) == sorted(set(changes))
    epochs: dict[int, object] = {}
    for at in (NOW + timedelta(hours=h) for h in hours):
        who = refused(answer, chain, at, reference, ALL, SKEW)
        assert epochs.setdefault(sum(change <= at for change in changes), who) == who


@given(st.binary(max_size=80))
def test_rdata_survives_the_round_trip_and_says_whether_it_is_usable(rdata: bytes) -> None:
    assume(len(rdata) >= 3)
    record = TLSARecord.from_rdata(rdata)
    assert record.to_rdata() == rdata
    assert TLSARecord.from_text(record.to_text()) == record
    assert (unusable(record) is None) <= record.combination.known


@given(st.integers(0, len(LEAF.der) - 1), st.binary(max_size=4), st.integers(0, 8))
def test_a_spoilt_certificate_is_unreadable_or_judged_but_never_an_error(at: int, put: bytes, cut: int) -> None:
    spoilt = LEAF.der[:at] + put + LEAF.der[at + cut :]
    try:
        assert is_spki(certificate_fields(spoilt).spki)
    except MalformedDER:
        assert parse(spoilt) is None
    presented = Chain((spoilt, INTERMEDIATE.der))
    reference = Reference((WWW,), (ROOT.der,))
    for chain in (presented, Chain((LEAF.der, spoilt, INTERMEDIATE.der))):
        for record in RECORDS:
            assert match([record], chain, reference, NOW).verdict in Verdict
    if spoilt != LEAF.der and len(spoilt) > 0:
        assert match([associate(Combination(3, 0, 1), CHAINS[0])], presented, reference, NOW).by is None


@given(st.binary(max_size=200))
def test_any_octets_are_read_without_an_error(data: bytes) -> None:
    assert parse(data) is None or certificate_fields(data)
    assert match(RECORDS, Chain((data,)), Reference((WWW,), (data,)), NOW).verdict is not Verdict.NOTHING_USABLE
