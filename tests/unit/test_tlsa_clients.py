"""Which kinds of client refuse: what each RRset means to a world in which nobody knows who will come."""

from __future__ import annotations

import random
from datetime import timedelta

import dns.name
import pytest

from danelaw.core.model import Absence, Answer, Chain, HandshakeFailure, RRset
from danelaw.core.tlsa import (
    TLSA,
    ClientKind,
    Combination,
    Fallback,
    Reference,
    TLSARecord,
    associate,
    client_kinds,
    combinations_of,
    records_of,
    refused,
    safe_match,
    tlsa_owner,
    validity_changes,
)
from tlsa_chains import DAY, INTERMEDIATE, LEAF, NOW, RENEWED, ROOT, issue

WWW = dns.name.from_text("www.example.net.")
OTHER = dns.name.from_text("other.example.net.")
OWNER = tlsa_owner(443, "tcp", WWW)
SKEW = timedelta(hours=1)
OLD, NEW = Chain((LEAF.der, INTERMEDIATE.der)), Chain((RENEWED.der, INTERMEDIATE.der))
WEB = Reference((WWW,), (ROOT.der,))
SELF_SIGNED_WEB = Reference((WWW,))
SMTP = Reference((WWW,), opportunistic=True)
ABSENT = Absence(OWNER, TLSA, 300)
FAILED = HandshakeFailure("TLS_ALERT")

ALL = client_kinds(frozenset(map(Combination.from_text, ("3 1 1", "3 0 2", "3 1 2", "2 0 1"))))


def record(combination: str, chain: Chain) -> TLSARecord:
    return associate(Combination.from_text(combination), chain)


def rrset(*records: TLSARecord) -> RRset:
    return RRset(OWNER, TLSA, 300, frozenset(record.to_rdata() for record in records))


def kind(
    *supported: str, agility: bool = False, fallback: Fallback = Fallback.REFUSE, lenient: bool = False
) -> ClientKind:
    return ClientKind(frozenset(map(Combination.from_text, supported)), agility, fallback, lenient)


def refusing(answer: Answer, chain: Chain | HandshakeFailure, reference: Reference = WEB) -> frozenset[ClientKind]:
    return refused(answer, chain, NOW, reference, ALL, SKEW)


def finding_something(kinds: frozenset[ClientKind], answer: Answer) -> set[ClientKind]:
    return {kind for kind in kinds if kind.supported & combinations_of(answer)}


@pytest.mark.parametrize("count", [0, 1, 4, 8])
def test_kinds_are_every_support_times_agility_times_fallback_times_manner(count: int) -> None:
    combinations = [Combination(usage, selector, 1) for usage in range(4) for selector in (0, 1)]
    assert len(client_kinds(frozenset(combinations[:count]))) == 8 * 2**count


EVERY = [Combination(usage, selector, m) for usage in range(4) for selector in (0, 1) for m in (0, 1, 2)]


def test_above_eight_combinations_kinds_support_two_at_most() -> None:
    assert len(client_kinds(frozenset(EVERY))) == 8 * (1 + 24 + 24 * 23 // 2)


@pytest.mark.parametrize("seed", range(40))
def test_kinds_of_two_combinations_tell_as_much_as_all_kinds(seed: int) -> None:
    """Whether some kind refuses one RRset and not the other, chains and records drawn at random."""
    rng = random.Random(seed)  # noqa: S311 # cases that can be repeated
    combinations = [c for c in EVERY if c.usage in (1, 3) or c.mtype]
    universe = rng.sample(combinations, 5)

    def answer() -> RRset:
        return rrset(*(record(str(c), rng.choice((OLD, NEW))) for c in rng.sample(universe, rng.randint(1, 5))))

    one, other = answer(), answer()
    every = client_kinds(frozenset(universe))
    pairs = frozenset(kind for kind in every if len(kind.supported) <= 2)

    def anew(kinds: frozenset[ClientKind]) -> bool:
        refusals = [refused(a, OLD, NOW, WEB, kinds, timedelta(0)) for a in (one, other)]
        return bool(refusals[1] - refusals[0])

    assert anew(every) == anew(pairs)


def test_clients_may_differ_in_known_combinations_only() -> None:
    unknown = TLSARecord(Combination(3, 1, 9), b"x" * 32)
    answer = rrset(record("3 1 1", OLD), unknown, TLSARecord(Combination(2, 0, 1), b"short"))
    assert combinations_of(answer) == {Combination(3, 1, 1), Combination(2, 0, 1)}
    assert combinations_of(ABSENT) == frozenset()


# Rows: answer; whether every kind that finds something in it accepts the old chain, and the new one
UNIONS = {
    "3 1 1 of the old key": (rrset(record("3 1 1", OLD)), True, False),
    "3 0 2 of the old certificate": (rrset(record("3 0 2", OLD)), True, False),
    "3 1 1 of both": (rrset(record("3 1 1", OLD), record("3 1 1", NEW)), True, True),
    "2 0 1 of the common issuer": (rrset(record("2 0 1", OLD)), True, True),
    "3 0 2 old, 3 1 1 new": (rrset(record("3 0 2", OLD), record("3 1 1", NEW)), False, False),
    "3 1 1 old, 3 1 2 new": (rrset(record("3 1 1", OLD), record("3 1 2", NEW)), False, False),
    "3 1 1 old, 2 0 1": (rrset(record("3 1 1", OLD), record("2 0 1", OLD)), True, False),
    "3 1 1 and 3 1 2 of both": (
        rrset(*(record(c, chain) for c in ("3 1 1", "3 1 2") for chain in (OLD, NEW))),
        True,
        True,
    ),
    "an unusable record beside": (rrset(record("3 1 1", OLD), TLSARecord(Combination(3, 1, 2), b"x")), True, False),
    "an unknown record beside": (rrset(record("3 1 1", OLD), TLSARecord(Combination(9, 9, 9), b"x")), True, False),
}


@pytest.mark.parametrize("case", UNIONS.values(), ids=UNIONS.keys())
def test_each_combination_has_to_match_by_itself(case: tuple[RRset, bool, bool]) -> None:
    """RFC 7671 §8: ``{3 0 2 old, 3 1 1 new}`` is no safe union."""
    answer, old_safe, new_safe = case
    usable = rrset(*(r for r in records_of(answer) if r.combination.known and len(r.data) > 1))
    for chain, safe in ((OLD, old_safe), (NEW, new_safe)):
        assert safe_match(answer, chain, NOW, WEB, SKEW) == safe
        assert (not finding_something(refusing(answer, chain), usable)) == safe


def test_who_refuses_a_mixed_union_is_named() -> None:
    mixed = rrset(record("3 0 2", OLD), record("3 1 1", NEW))
    who = refusing(mixed, OLD)
    assert kind("3 1 1") in who
    assert kind("3 0 2") not in who
    assert kind("3 0 2", "3 1 1") not in who
    who = refusing(mixed, NEW)
    assert kind("3 0 2") in who
    assert kind("3 1 1") not in who


def test_an_agile_client_refuses_where_only_the_weaker_digest_matches() -> None:
    answer = rrset(record("3 1 1", OLD), record("3 1 2", NEW))
    who = refusing(answer, OLD)
    assert kind("3 1 1", "3 1 2", agility=True) in who
    assert kind("3 1 1", "3 1 2", agility=False) not in who
    assert kind("3 1 1", agility=True) not in who


ANYTHING = rrset(TLSARecord(Combination(3, 1, 1), b"short"))
PKIX, REFUSE = Fallback.PKIX, Fallback.REFUSE
FALLBACKS = {
    # answer, presented, reference: the fallbacks under which a client accepts
    "absent, PKIX-valid": (ABSENT, OLD, WEB, {PKIX}),
    "absent, no root": (ABSENT, OLD, SELF_SIGNED_WEB, set()),
    "absent, one name of two": (ABSENT, OLD, Reference((WWW, OTHER), (ROOT.der,)), set()),
    "unusable, PKIX-valid": (ANYTHING, OLD, WEB, {PKIX}),
    "unusable, no root": (ANYTHING, OLD, SELF_SIGNED_WEB, set()),
    "unsupported, PKIX-valid": (rrset(record("1 0 1", NEW)), OLD, WEB, {PKIX}),
    "empty RRset": (rrset(), OLD, WEB, {PKIX}),
    "absent, no TLS": (ABSENT, FAILED, WEB, set()),
    "absent, port 25": (ABSENT, OLD, SMTP, {PKIX}),
    "absent, port 25, no TLS": (ABSENT, FAILED, SMTP, {PKIX}),
    "unusable, port 25": (ANYTHING, OLD, SMTP, {PKIX}),
    "unusable, port 25, no TLS": (ANYTHING, FAILED, SMTP, set()),
    "PKIX usage, port 25": (rrset(record("1 1 1", NEW)), OLD, SMTP, {PKIX}),
}


@pytest.mark.parametrize("case", FALLBACKS.values(), ids=FALLBACKS.keys())
def test_where_nothing_is_usable_the_fallback_decides(
    case: tuple[Answer, Chain | HandshakeFailure, Reference, set[Fallback]],
) -> None:
    """RFC 6698 §4.1, RFC 7671 §10.3."""
    answer, chain, reference, accepting = case
    who = {kind for kind in refusing(answer, chain, reference) if not kind.lenient}
    assert who == {kind for kind in ALL if kind.fallback not in accepting and not kind.lenient}
    assert not safe_match(answer, chain, NOW, reference, SKEW)


@pytest.mark.parametrize("reference", [WEB, SMTP])
def test_a_failed_handshake_is_refused_by_every_kind_where_records_may_be_seen(reference: Reference) -> None:
    assert refusing(rrset(record("3 1 1", OLD)), FAILED, reference) == ALL


def test_a_failed_handshake_is_refused_even_beside_rdata_too_short_to_be_a_record() -> None:
    stump = RRset(OWNER, TLSA, 300, frozenset({b"\x03"}))
    assert refusing(stump, FAILED, SMTP) == ALL


def test_a_kind_that_supports_nothing_present_falls_back_although_others_match() -> None:
    who = refusing(rrset(record("3 1 1", OLD)), OLD, WEB)
    assert who == {k for k in ALL if Combination(3, 1, 1) not in k.supported and k.fallback is REFUSE}


NAMELESS = Chain((issue("a name of old").der,))
SOON = issue("leaf", INTERMEDIATE, names=("www.example.net",), end=NOW + timedelta(minutes=30))
SHORT = Chain((SOON.der, INTERMEDIATE.der))
MANNERS = {
    # answer, presented, reference: whether a lenient kind accepts, and a strict one
    "no name under DANE-EE": (rrset(record("3 1 1", NAMELESS)), NAMELESS, WEB, True, False),
    "no name under DANE-EE, port 25": (rrset(record("3 1 1", NAMELESS)), NAMELESS, SMTP, True, True),
    "one name of two under DANE-TA": (rrset(record("2 0 1", OLD)), OLD, Reference((WWW, OTHER)), True, False),
    "no name under DANE-TA": (rrset(record("2 0 1", OLD)), OLD, Reference((OTHER,)), False, False),
    "half an hour before the end": (rrset(record("2 0 1", SHORT)), SHORT, WEB, True, False),
    "absent, one name of two": (ABSENT, OLD, Reference((WWW, OTHER), (ROOT.der,)), True, False),
    "another key": (rrset(record("3 1 1", NEW)), OLD, WEB, False, False),
}


@pytest.mark.parametrize("case", MANNERS.values(), ids=MANNERS.keys())
def test_lenient_kinds_accept_what_publishers_may_not_count_on(
    case: tuple[Answer, Chain, Reference, bool, bool],
) -> None:
    """Both are judged as they are: who is served today is not to be lost because a stricter one is not."""
    answer, chain, reference, lenient, strict = case
    fallback = PKIX if answer is ABSENT else REFUSE
    kinds = [kind("3 1 1", "2 0 1", fallback=fallback, lenient=manner) for manner in (True, False)]
    who = refused(answer, chain, NOW, reference, frozenset(kinds), SKEW)
    assert [k not in who for k in kinds] == [lenient, strict]


EXPIRING = issue("leaf", INTERMEDIATE, names=("www.example.net",), end=NOW + timedelta(minutes=30))


def test_dates_are_judged_with_skewed_clocks_where_dane_checks_them() -> None:
    chain = Chain((EXPIRING.der, INTERMEDIATE.der))
    assert kind("2 0 1") in refusing(rrset(record("2 0 1", chain)), chain)
    assert kind("3 1 1") not in refusing(rrset(record("3 1 1", chain)), chain)
    assert refused(rrset(record("2 0 1", chain)), chain, NOW, WEB, frozenset({kind("2 0 1")}), timedelta(0)) == set()


def test_a_fallback_to_pkix_is_judged_at_the_time_itself() -> None:
    chain = Chain((EXPIRING.der, INTERMEDIATE.der))
    falling = frozenset({kind(fallback=PKIX)})
    assert refused(ABSENT, chain, NOW, WEB, falling, SKEW) == set()
    assert refused(ABSENT, chain, NOW + timedelta(hours=1), WEB, falling, SKEW) == falling


def test_what_clients_cannot_be_counted_on_for_does_not_count() -> None:
    root_not_sent = TLSARecord(Combination(2, 1, 1), associate(Combination(3, 1, 1), Chain((ROOT.der,))).data)
    assert not safe_match(rrset(root_not_sent), OLD, NOW, WEB, SKEW)
    assert safe_match(rrset(root_not_sent), Chain((*OLD.ders, ROOT.der)), NOW, WEB, SKEW)
    misnamed = Reference((WWW, OTHER), (ROOT.der,))
    assert not safe_match(rrset(record("3 1 1", OLD)), OLD, NOW, misnamed, SKEW)
    assert safe_match(rrset(record("3 1 1", OLD)), OLD, NOW, Reference((OTHER,), smtp_or_srv=True), SKEW)


def test_the_changes_of_a_judgement_are_foretold() -> None:
    chain = Chain((EXPIRING.der, INTERMEDIATE.der))
    answer = rrset(record("2 0 1", chain), record("3 1 1", chain))
    changes = validity_changes(answer, chain, WEB, SKEW)
    second = timedelta(seconds=1)
    start, end = NOW - 30 * DAY, NOW + timedelta(minutes=30) + second
    assert changes == (start, start + SKEW, end - SKEW, end)
    before = refused(answer, chain, end - SKEW - second, WEB, ALL, SKEW)
    assert before != refused(answer, chain, end - SKEW, WEB, ALL, SKEW)
    assert validity_changes(answer, FAILED, WEB, SKEW) == ()


def test_a_kind_can_be_read() -> None:
    assert str(kind("3 1 1", "2 0 1", agility=True)) == "supports 2 0 1, 3 1 1; agile; else refuse"
    assert str(kind(fallback=PKIX)) == "supports nothing; not agile; else pkix"
