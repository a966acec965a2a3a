"""Rolls of zone keys under the gate (I2): each step allowed or refused, and what stands against it.

RFC 6781 §4.1.1: during any stage, the chain of trust validates for any combination of data in the zone and in caches.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import dns.name
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.crypto import CURVES
from danelaw.core.dnssec.keys import REVOKE_FLAG, ZoneKey, make_ds
from danelaw.core.dnssec.rrsig import make
from danelaw.core.model import Answer, RRset
from danelaw.core.rollover.actions import (
    Action,
    Conflict,
    DestroyZoneKey,
    Failure,
    Outcome,
    Receipt,
    SignZone,
    SubmitDS,
)
from danelaw.core.rollover.facts import Roster, Sight, ZoneKeyPair, ZoneKeys
from danelaw.core.rollover.gate import Allowed, Judgement, Refused, judge
from danelaw.core.rollover.reach import Reach
from danelaw.core.rollover.zone_trust import DNSKEY_TYPE, DS_TYPE, SOA_TYPE, served_content, zone_keys
from rollover_history import HOST, LIMITS, NS1, NS2, NS3, ZONE, A, History, absent, at

NET = dns.name.from_text("net.")
P256, P384 = Algorithm.ECDSAP256SHA256, Algorithm.ECDSAP384SHA384


def zone_key(number: int, flags: int, algorithm: Algorithm = P256) -> ZoneKey:
    return ZoneKey.of(ZONE, flags, algorithm, ec.derive_private_key(number, CURVES[algorithm]))


K1, K2, Z1, Z2 = zone_key(1, 257), zone_key(2, 257), zone_key(3, 256), zone_key(4, 256)
KB, ZB = zone_key(5, 257, P384), zone_key(6, 256, P384)


def rdatas(*keys: ZoneKey) -> frozenset[bytes]:
    return frozenset(key.dnskey.to_rdata() for key in keys)


@dataclass(frozen=True)
class Served:
    """What a version of the zone publishes and is signed by; ``dnskey_by`` and ``rest_by``: which keys sign what."""

    published: tuple[ZoneKey, ...]
    dnskey_by: tuple[ZoneKey, ...]
    rest_by: tuple[ZoneKey, ...]

    def answers(self, ttl: int, soa_ttl: int) -> tuple[RRset, RRset]:
        keys = RRset(ZONE, DNSKEY_TYPE, ttl, rdatas(*self.published))
        soa = RRset(ZONE, SOA_TYPE, soa_ttl, frozenset({bytes(22)}))
        return signed(keys, *self.dnskey_by), signed(soa, *self.rest_by)


def signed(rrset: RRset, *by: ZoneKey) -> RRset:
    made = (make(rrset, ZONE, key, at(-86400), at(14 * 86400)) for key in by)
    return replace(rrset, rrsigs=frozenset(made))


FIRST = Served((K1, Z1), (K1,), (Z1,))
CSK = Served((K1,), (K1,), (K1,))


def sign(*published: ZoneKey, by: tuple[ZoneKey, ...] | None = None) -> SignZone:
    return SignZone.by(ZONE, rdatas(*published), rdatas(*(by if by is not None else published)))


def ds(*keys: ZoneKey) -> RRset:
    return RRset(ZONE, DS_TYPE, 30, frozenset(make_ds(ZONE, key.dnskey).to_rdata() for key in keys))


def delegated(history: History, start: float, end: float, serial: int, answer: Answer) -> History:
    """One authority of the parent zone, seen every ten seconds."""
    for second in range(int(start), int(end) + 1, 10):
        history.log.append(Roster(at(second), NET, frozenset({NS3}), NS3))
        history.log.append(Sight(at(second), NET, NS3, serial, ZONE, DS_TYPE, answer))
    return history


def versions(
    *served: Served, last: float = 0, ttl: int = 30, soa_ttl: int = 30, under: Answer | None = None
) -> History:
    """Each version has been served for long, the ``last`` one since so many seconds; its DS all the time.

    At ``last`` everything of the version before is held for 65 s more, from where it was seen to be gone.
    """
    history = History().roster(-2000, NS1, NS2, primary=NS1)
    for number, version in enumerate(served):
        current = number == len(served) - 1
        start = 0 if current and len(served) > 1 else -1000 * (len(served) - number)
        end = last if current else start + 990 if number < len(served) - 2 else -10
        history.sees(start, end, number + 1, *version.answers(ttl, soa_ttl))
    pairs = tuple(ZoneKeyPair(rdata) for rdata in sorted(rdatas(K1, K2, KB, Z1, Z2, ZB)))
    history.log.append(ZoneKeys(at(-2000), ZONE, rdatas(K1), rdatas(Z1), pairs=pairs))
    return delegated(history, -2000, last, 1, ds(K1) if under is None else under)


def verdict(action: Action, history: History, second: float) -> Judgement:
    return judge(action, history.facts(), Reach(), at(second), LIMITS)


def codes(judgement: Judgement) -> set[str]:
    return {fault.code for fault in judgement.because} if isinstance(judgement, Refused) else set()


DOUBLE = Served((K1, K2, Z1), (K1, K2), (Z1,))
NEW_ALGORITHM = Served((K1, KB, Z1, ZB), (K1, KB), (Z1, ZB))

STEPS = {
    # ZSK, by pre-publication: RFC 6781 §4.1.1.1
    "a ZSK is published": (sign(K1, Z1, Z2, by=(K1, Z1)), [FIRST], set()),
    "a ZSK signs that is not published": (sign(K1, Z1, by=(K1, Z2)), [FIRST], {"KEYS_HELD", "KEYS_UNSIGNED"}),
    "a ZSK is replaced at once": (sign(K1, Z2), [FIRST], {"KEYS_HELD", "SIGNATURES_HELD"}),
    "a ZSK signs as soon as it is published": (
        sign(K1, Z1, Z2, by=(K1, Z2)), [FIRST, Served((K1, Z1, Z2), (K1,), (Z1,))], {"KEYS_HELD"},
    ),
    "a ZSK goes as soon as it has stopped": (
        sign(K1, Z2), [Served((K1, Z1, Z2), (K1,), (Z1,)), Served((K1, Z1, Z2), (K1,), (Z2,))], {"SIGNATURES_HELD"},
    ),
    "two ZSKs sign": (sign(K1, Z1, Z2), [FIRST], set()),
    # KSK, by double signature: RFC 6781 §4.1.2
    "a KSK is published and signs": (sign(K1, K2, Z1), [FIRST], set()),
    "a KSK is replaced at once": (sign(K2, Z1), [FIRST], {"DS_HELD"}),
    "a KSK goes while the DS names it": (sign(K2, Z1), [DOUBLE], {"DS_HELD"}),
    "a KSK stays, and signs no more": (sign(K1, K2, Z1, by=(K2, Z1)), [DOUBLE], {"DS_HELD"}),
    # CSK: RFC 6781 §4.1.3
    "a CSK is published and signs": (sign(K1, K2), [CSK], set()),
    "a CSK is replaced at once": (sign(K2), [CSK], {"DS_HELD", "KEYS_HELD", "SIGNATURES_HELD"}),
    # algorithms: RFC 6781 §4.1.4
    "an algorithm signs before it is published": (sign(K1, Z1, by=(K1, Z1, ZB)), [FIRST], set()),
    "an algorithm is published at once": (sign(K1, KB, Z1, ZB), [FIRST], {"SIGNATURES_HELD"}),
    "an algorithm is published as soon as it signs": (
        sign(K1, KB, Z1, ZB), [FIRST, Served((K1, Z1), (K1,), (Z1, ZB))], {"SIGNATURES_HELD"},
    ),
    "an algorithm is published and does not sign": (
        sign(K1, KB, Z1, by=(K1, Z1)), [FIRST], {"KEYS_UNSIGNED", "SIGNATURES_HELD"},
    ),
    "an algorithm stops before it is withdrawn": (
        sign(K1, KB, Z1, ZB, by=(KB, ZB)), [NEW_ALGORITHM], {"DS_HELD", "KEYS_HELD", "KEYS_UNSIGNED"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("action", "served", "expected"), STEPS.values(), ids=STEPS)
def test_what_may_be_held_decides_on_a_step(action: SignZone, served: list[Served], expected: set[str]) -> None:
    judgement = verdict(action, versions(*served), 0)
    assert codes(judgement) == expected
    assert isinstance(judgement, Allowed) or {fault.rule for fault in judgement.because} == {"I2"}


WAITS = {
    "until every DNSKEY RRset has the ZSK that is to sign": (
        sign(K1, Z1, Z2, by=(K1, Z2)), [FIRST, Served((K1, Z1, Z2), (K1,), (Z1,))], {}, 65,
    ),
    "by the TTL of the DNSKEY RRset": (
        sign(K1, Z1, Z2, by=(K1, Z2)), [FIRST, Served((K1, Z1, Z2), (K1,), (Z1,))], {"ttl": 40}, 85,
    ),
    "until no signature by the old ZSK is left": (
        sign(K1, Z2), [Served((K1, Z1, Z2), (K1,), (Z1,)), Served((K1, Z1, Z2), (K1,), (Z2,))], {}, 65,
    ),
    "by the largest TTL of the zone": (
        sign(K1, Z2), [Served((K1, Z1, Z2), (K1,), (Z1,)), Served((K1, Z1, Z2), (K1,), (Z2,))], {"soa_ttl": 50}, 105,
    ),
    "until everything is signed by the algorithm that is to be published": (
        sign(K1, KB, Z1, ZB), [FIRST, Served((K1, Z1), (K1,), (Z1, ZB))], {}, 65,
    ),
    "until no DNSKEY RRset names the algorithm that is to stop": (
        sign(KB, ZB), [NEW_ALGORITHM, Served((KB, ZB), (KB,), (Z1, ZB))], {"under": ds(KB)}, 65,
    ),
    "until every DNSKEY RRset has the KSK that the DS is to name": (
        SubmitDS(ZONE, ds(K1), ds(K2)), [FIRST, DOUBLE], {}, 65,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("action", "served", "how", "end"), WAITS.values(), ids=WAITS)
def test_a_step_waits(action: Action, served: list[Served], how: dict[str, object], end: float) -> None:
    history = versions(*served, last=end, **how)  # type: ignore[arg-type]  # the names are those of versions
    judgement = verdict(action, history, end - 0.1)
    assert isinstance(judgement, Refused)
    assert judgement.earliest == at(end)
    assert verdict(action, history, end) == Allowed()


def test_a_ksk_goes_when_nobody_can_hold_a_ds_that_names_it() -> None:
    history = delegated(versions(DOUBLE).sees(10, 80, 1, *DOUBLE.answers(30, 30)), 10, 80, 2, ds(K2))
    assert codes(verdict(sign(K2, Z1), history, 74.9)) == {"DS_HELD"}
    assert verdict(sign(K2, Z1), history, 75) == Allowed()


def test_a_ds_of_a_new_algorithm_is_handed_over_only_when_its_keys_sign() -> None:
    """RFC 4035 §2.2: the DNSKEY RRset is signed by each algorithm in the DS RRset."""
    assert codes(verdict(SubmitDS(ZONE, ds(K1), ds(K1, KB)), versions(FIRST), 0)) == {"DS_MISMATCH"}
    assert verdict(SubmitDS(ZONE, ds(K1), ds(K1, KB)), versions(NEW_ALGORITHM), 0) == Allowed()


def test_keys_that_were_not_signed_by_the_new_ksk_are_not_under_its_ds() -> None:
    """The same DNSKEY RRset, signed by one key more."""
    idle = Served((K1, K2, Z1), (K1,), (Z1,))
    change = SubmitDS(ZONE, ds(K1), ds(K2))
    assert codes(verdict(change, versions(idle, DOUBLE, last=64), 64.9)) == {"DS_MISMATCH"}
    assert verdict(change, versions(idle, DOUBLE, last=64), 65) == Allowed()


@pytest.mark.parametrize("seen", [True, False], ids=["seen in the zone", "told by who keeps it"])
def test_signatures_are_held_by_the_largest_ttl_of_anything_in_the_zone(seen: bool) -> None:
    """RFC 6781 §4.1.1.1: the Maximum Zone TTL."""
    switched = Served((K1, Z1, Z2), (K1,), (Z1,)), Served((K1, Z1, Z2), (K1,), (Z2,))
    history = versions(*switched, last=110)
    if seen:
        history.sees(-500, -490, 1, RRset(HOST, A, 50, frozenset({bytes(4)})), by=[NS1])
    else:
        history.log.append(ZoneKeys(at(-500), ZONE, rdatas(K1), rdatas(Z1, Z2), longest_ttl=50))
    assert codes(verdict(sign(K1, Z2), history, 104.9)) == {"SIGNATURES_HELD"}
    assert verdict(sign(K1, Z2), history, 105) == Allowed()


def test_the_first_ds_waits_for_signatures_that_not_all_of_the_keys_under_it_validate() -> None:
    """The ZSK was replaced at once while there was no DS; the KSK, which the DS is to name, was there before."""
    none = absent(ZONE, DS_TYPE)
    history = versions(FIRST, Served((K1, Z2), (K1,), (Z2,)), last=70, under=none)
    assert codes(verdict(SubmitDS(ZONE, none, ds(K1)), history, 64.9)) == {"SIGNATURES_HELD"}
    assert verdict(SubmitDS(ZONE, none, ds(K1)), history, 65) == Allowed()


# -- whose signatures ------------------------------------------------------------------------------------------------


def signers(made: bytes) -> set[ZoneKey]:
    """Whose signature over the SOA this RRSIG is taken to be."""
    keys, soa = FIRST.answers(30, 30)
    history = (
        History().roster(0, NS1, primary=NS1).sees(0, 0, 1, keys, replace(soa, rrsigs=frozenset({made})), by=[NS1])
    )
    content = served_content(history.facts(), ZONE, at(0), LIMITS)
    assert content is not None
    return {key for key in (K1, Z1) if key.dnskey in content.signers}


SOA = FIRST.answers(30, 30)[1]
BY_Z1 = make(SOA, ZONE, Z1, at(-100), at(100))


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (BY_Z1, {Z1}),
        (make(SOA, ZONE, K1, at(-100), at(100)), {K1}),
        (make(SOA, ZONE, Z2, at(-100), at(100)), set()),
        (make(SOA, ZONE, Z1, at(-100), at(-50)), set()),
        (make(SOA, ZONE, Z1, at(50), at(100)), set()),
        (make(SOA, NET, Z1, at(-100), at(100)), set()),
        (BY_Z1[:-1] + bytes((BY_Z1[-1] ^ 1,)), set()),
        (b"short", set()),
    ],
    ids=["the ZSK's", "the KSK's", "a stranger's", "over", "to come", "another zone's", "damaged", "malformed"],
)
def test_a_signature_is_a_keys_if_it_verifies_and_is_in_time(made: bytes, expected: set[ZoneKey]) -> None:
    assert signers(made) == expected


@pytest.mark.parametrize("flags", [257 | REVOKE_FLAG, 1, 0])
def test_what_is_revoked_or_no_zone_key_signs_nothing(flags: int) -> None:
    assert zone_keys([replace(K1.dnskey, flags=flags).to_rdata(), b"bad"]) == frozenset()


# -- whoever refuses already loses nothing ---------------------------------------------------------------------------


def test_keys_that_somebody_else_took_out_may_be_put_back() -> None:
    """The zone is bogus for all who ask now; for those who still hold the old keys nothing changes."""
    foreign = versions(FIRST, Served((K2, Z2), (K2,), (Z2,)))
    assert verdict(sign(K1, K2, Z1, Z2), foreign, 0) == Allowed()
    assert "DS_HELD" not in codes(verdict(sign(K2, Z2), foreign, 0))


def test_who_still_holds_good_keys_is_not_taken_what_they_validate() -> None:
    """The KSK was replaced by other hands, the ZSK was not: old DNSKEY RRsets still validate what is served."""
    foreign = versions(FIRST, Served((K2, Z1), (K2,), (Z1,)))
    assert codes(verdict(sign(K2, Z2), foreign, 0)) == {"KEYS_HELD"}


def test_old_keys_that_do_not_validate_what_is_served_hold_nothing_up() -> None:
    """The ZSK was replaced by other hands: who holds the old DNSKEY RRset refuses all until it is gone, either way."""
    foreign = versions(FIRST, Served((K1, Z2), (K1,), (Z2,)))
    assert verdict(sign(K1, K2, Z2), foreign, 0) == Allowed()


def test_old_keys_that_the_ds_does_not_lead_to_hold_nothing_up() -> None:
    foreign = versions(Served((K2, Z1), (K2,), (Z1,)), Served((K1, Z1, Z2), (K1,), (Z1,)))
    assert verdict(sign(K1, Z1, Z2, by=(K1, Z2)), foreign, 0) == Allowed()


def test_a_ds_that_leads_nowhere_is_replaced_whatever_is_held() -> None:
    foreign = versions(FIRST, Served((K2, Z2), (K2,), (Z2,)), under=ds(KB))
    assert verdict(SubmitDS(ZONE, ds(KB), ds(K2)), foreign, 0) == Allowed()


def test_without_a_ds_keys_change_at_will() -> None:
    assert verdict(sign(K2, Z2), versions(FIRST, under=absent(ZONE, DS_TYPE)), 0) == Allowed()


# -- what is not known ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (sign(K1, Z1, Z2, by=(K1, Z1)), set()),
        (sign(K1, K2, Z1), set()),
        (sign(K1, Z1, Z2), set()),
        (sign(K1, Z2), {"HISTORY_UNKNOWN"}),
        (sign(K1, Z1, Z2, by=(K1, Z2)), {"HISTORY_UNKNOWN"}),
        (sign(K1, KB, Z1, ZB), {"HISTORY_UNKNOWN"}),
    ],
)
def test_with_an_unknown_history_keys_are_only_added(action: SignZone, expected: set[str]) -> None:
    history = History().roster(0, NS1, NS2, primary=NS1).sees(0, 10, 1, *FIRST.answers(30, 30))
    faults = codes(verdict(action, delegated(history, -2000, 10, 1, ds(K1)), 10))
    assert ("HISTORY_UNKNOWN" in faults) == bool(expected)
    assert bool(faults) == bool(expected)


@pytest.mark.parametrize("asked", [False, True], ids=["no parent is asked", "the parent's history is unknown"])
def test_under_an_unknown_ds_the_zsk_is_rolled_and_the_ksk_stays(asked: bool) -> None:
    switched = Served((K1, Z1, Z2), (K1,), (Z2,))
    history = versions(Served((K1, Z1, Z2), (K1,), (Z1,)), switched, last=80)
    history.log = [f for f in history.log if not (isinstance(f, Sight | Roster) and f.zone == NET)]
    code = "HISTORY_UNKNOWN" if asked else "PARENT_UNSEEN"
    if asked:
        delegated(history, 0, 80, 1, ds(K1))
    assert verdict(sign(K1, Z2), history, 80) == Allowed()
    assert codes(verdict(sign(K2, Z2), history, 80)) >= {code}


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Receipt(2), {"KEYS_HELD"}),
        (Receipt(), {"KEYS_HELD"}),
        (Failure("TIMEOUT", "no reply"), {"KEYS_HELD"}),
        (Conflict(absent(ZONE, DNSKEY_TYPE)), set()),
    ],
)
def test_what_was_signed_and_not_seen_yet_may_be_held(outcome: Outcome, expected: set[str]) -> None:
    """A signing that took the new ZSK out again may still take effect: then the new one may not sign."""
    history = versions(Served((K1, Z1, Z2), (K1,), (Z1,)))
    history.does(-5, sign(K1, Z1), outcome)
    assert codes(verdict(sign(K1, Z1, Z2, by=(K1, Z2)), history, 0)) == expected


def test_what_was_signed_and_not_seen_yet_may_be_held_when_its_key_goes() -> None:
    history = versions(Served((K1, Z1, Z2), (K1,), (Z1,)))
    history.does(-5, sign(K1, Z1, Z2, by=(K1, Z2)), Failure("TIMEOUT", "no reply"))
    assert codes(verdict(sign(K1, Z1), history, 0)) == {"SIGNATURES_HELD"}


def test_a_zone_of_which_only_the_keys_were_seen_keeps_them() -> None:
    history = History().roster(-500, NS1, NS2, primary=NS1).sees(-500, 0, 1, FIRST.answers(30, 30)[0])
    assert codes(verdict(sign(K1, Z2), delegated(history, -2000, 0, 1, ds(K1)), 0)) == {"ZONE_UNSEEN"}


def test_a_zone_that_nobody_has_seen_is_not_signed() -> None:
    assert codes(verdict(sign(K1, Z1), History(), 0)) == {"ZONE_UNSEEN"}


def test_a_revoked_key_vouches_for_nothing() -> None:
    """RFC 5011 §2.1."""
    revoked = replace(K1.dnskey, flags=K1.dnskey.flags | REVOKE_FLAG).to_rdata()
    action = SignZone.by(ZONE, rdatas(K2, Z1) | {revoked}, rdatas(K2, Z1))
    assert codes(verdict(action, versions(DOUBLE), 0)) == {"DS_HELD"}


def test_with_an_unknown_history_even_an_idle_key_stays() -> None:
    """Signatures of it from before may be held."""
    idle = Served((K1, Z1, Z2), (K1,), (Z1,))
    history = History().roster(0, NS1, NS2, primary=NS1).sees(0, 10, 1, *idle.answers(30, 30))
    assert codes(verdict(sign(K1, Z1), delegated(history, -2000, 10, 1, ds(K1)), 10)) == {"HISTORY_UNKNOWN"}


# -- destroying -------------------------------------------------------------------------------------------------------


def destruction(key: ZoneKey, history: History, second: float, *published: ZoneKey) -> set[str]:
    pairs = tuple(ZoneKeyPair(rdata) for rdata in sorted(rdatas(K1, K2, Z1, Z2)))
    ksks = frozenset(rdata for rdata in rdatas(*published) if rdata[1] & 1)
    history.log.append(ZoneKeys(at(second), ZONE, ksks, rdatas(*published) - ksks, pairs=pairs))
    return codes(verdict(DestroyZoneKey(ZONE, key.dnskey.to_rdata()), history, second))


@pytest.mark.parametrize(
    ("key", "second", "expected"),
    [
        (Z2, 64.9, {"KEY_PUBLISHED"}),
        (Z2, 65, set()),
        (Z1, 65, {"KEY_IN_USE"}),
        (KB, 65, {"NOT_STORED"}),
    ],
)
def test_a_key_is_destroyed_when_nobody_can_hold_it(key: ZoneKey, second: float, expected: set[str]) -> None:
    history = versions(Served((K1, Z1, Z2), (K1,), (Z1,)), FIRST, last=65)
    assert destruction(key, history, second, K1, Z1) == expected


def test_a_key_that_a_ds_may_name_is_kept() -> None:
    assert destruction(K2, versions(FIRST, under=ds(K1, K2)), 0, K1, Z1) == {"DS_HELD"}
    assert destruction(K2, versions(FIRST, under=ds(K1)), 0, K1, Z1) == set()
