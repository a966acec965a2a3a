"""Zone epochs (I2): what may be signed, and when the DS may be handed over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import dns.name
import dns.rdatatype
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.keys import ZoneKey, make_ds
from danelaw.core.dnssec.rrsig import make
from danelaw.core.model import Absence, Answer, RRset
from danelaw.core.rollover.actions import Action, Conflict, Failure, Outcome, Receipt, SignZone, SubmitDS
from danelaw.core.rollover.epochs import DNSKEY_TYPE, DS_TYPE, signatures_end
from danelaw.core.rollover.facts import Roster, Sight, ZoneKeys
from danelaw.core.rollover.gate import Allowed, Judgement, Refused, judge
from danelaw.core.rollover.reach import Reach
from rollover_history import HOST, LIMITS, NS1, NS2, NS3, ZONE, A, History, absent, at

NET = dns.name.from_text("net.")


def zone_key(flags: int) -> ZoneKey:
    return ZoneKey.of(ZONE, flags, Algorithm.ECDSAP256SHA256, ec.generate_private_key(ec.SECP256R1()))


KSK, ZSK, OTHER = zone_key(257), zone_key(256), zone_key(257)
KEYS = frozenset({KSK.dnskey.to_rdata(), ZSK.dnskey.to_rdata()})
UNSIGNED = absent(ZONE, DNSKEY_TYPE)
NO_DS = absent(ZONE, DS_TYPE)
OTHER_KEYS = frozenset({OTHER.dnskey.to_rdata()})


def dnskeys(*keys: ZoneKey, by: ZoneKey = KSK, ttl: int = 30, days: float = 14) -> RRset:
    """The DNSKEY RRset, signed by one key for so many days from the start of the history."""
    plain = RRset(ZONE, DNSKEY_TYPE, ttl, frozenset(key.dnskey.to_rdata() for key in keys))
    return replace(plain, rrsigs=frozenset({make(plain, ZONE, by, at(-1000), at(86400 * days))}))


def ds(key: ZoneKey = KSK, digest: int = 2) -> RRset:
    return RRset(ZONE, DS_TYPE, 30, frozenset({make_ds(ZONE, key.dnskey, digest).to_rdata()}))


SIGNED = dnskeys(KSK, ZSK)
HAND_OVER = SubmitDS(ZONE, NO_DS, ds())


def verdict(action: Action, history: History, second: float) -> Judgement:
    return judge(action, history.facts(), Reach(), at(second), LIMITS)


def codes(judgement: Judgement) -> set[str]:
    return {fault.code for fault in judgement.because} if isinstance(judgement, Refused) else set()


def parent(history: History, start: float, end: float, serial: int, answer: Answer) -> History:
    """One authority of the parent zone, seen every ten seconds."""
    second = start
    while second <= end:
        history.log.append(Roster(at(second), NET, frozenset({NS3}), NS3))
        history.log.append(Sight(at(second), NET, NS3, serial, ZONE, DS_TYPE, answer))
        second += 10
    return history


def ours() -> History:
    """A zone in a file, of which all TTLs are known."""
    history = History().roster(-500, NS1, NS2, primary=NS1)
    history.log.append(ZoneKeys(at(-500), ZONE, frozenset(), frozenset(), longest_ttl=30))
    return history


def signed(ttl: int = 30, until: float = 300, of: Callable[[], History] = ours) -> History:
    """Unsigned until -10; signed at 0 by the first authority and at 20 by the second."""
    history = of().sees(-500, -10, 1, UNSIGNED, absent(HOST, A, ttl))
    history.sees(0, until, 2, SIGNED, by=[NS1]).sees(0, 10, 1, UNSIGNED, by=[NS2])
    return history.sees(20, until, 2, SIGNED, by=[NS2])


# -- handing over the DS ---------------------------------------------------------------------------------------------


def test_the_ds_waits_until_nobody_holds_an_unsigned_answer() -> None:
    judgement = verdict(HAND_OVER, signed(), 84.9)
    assert codes(judgement) == {"UNSIGNED_HELD"}
    assert isinstance(judgement, Refused)
    assert judgement.earliest == at(20 + 65)
    assert {fault.rule for fault in judgement.because} == {"I2"}
    assert verdict(HAND_OVER, signed(), 85) == Allowed()


def test_of_a_zone_that_its_server_keeps_the_longest_ttl_is_assumed() -> None:
    """Not all of it is looked at; what is not may have been held since before it was signed."""
    history = signed(of=lambda: History().roster(-500, NS1, NS2, primary=NS1))
    assert codes(verdict(HAND_OVER, history, 224.9)) == {"UNSIGNED_HELD"}
    assert verdict(HAND_OVER, history, 225) == Allowed()


def test_the_longest_ttl_seen_in_the_zone_counts() -> None:
    """What is held unsigned is not the DNSKEY's absence, but any RRset of the zone."""
    assert codes(verdict(HAND_OVER, signed(ttl=100), 224.9)) == {"UNSIGNED_HELD"}
    assert verdict(HAND_OVER, signed(ttl=100), 225) == Allowed()


def test_the_ds_waits_for_an_authority_that_still_serves_the_unsigned_zone() -> None:
    history = History().roster(-500, NS1, NS2, primary=NS1).sees(-500, -10, 1, UNSIGNED)
    history.sees(0, 300, 2, SIGNED, by=[NS1]).sees(0, 300, 1, UNSIGNED, by=[NS2])
    judgement = verdict(HAND_OVER, history, 300)
    assert codes(judgement) == {"UNSIGNED_HELD"}
    assert isinstance(judgement, Refused)
    assert judgement.earliest is None


def test_the_ds_waits_for_the_history_to_be_known() -> None:
    history = History().roster(0, NS1, NS2, primary=NS1).sees(0, 400, 2, SIGNED)
    assert codes(verdict(HAND_OVER, history, 204.9)) == {"HISTORY_UNKNOWN"}
    assert verdict(HAND_OVER, history, 205) == Allowed()


def test_before_the_history_answers_may_have_had_the_longest_ttl_that_was_seen() -> None:
    history = History().roster(0, NS1, NS2, primary=NS1).sees(0, 700, 2, SIGNED, absent(HOST, A, 300))
    assert codes(verdict(HAND_OVER, history, 604.9)) == {"HISTORY_UNKNOWN"}
    assert verdict(HAND_OVER, history, 605) == Allowed()


def test_the_ds_waits_for_a_silent_authority() -> None:
    history = History().roster(-500, NS1, NS2, NS3, primary=NS1).sees(-500, 300, 2, SIGNED)
    assert "HISTORY_UNKNOWN" in codes(verdict(HAND_OVER, history, 300))


def test_a_zone_that_nobody_answers_for_gets_no_ds() -> None:
    assert codes(verdict(HAND_OVER, History(), 0)) == {"ZONE_UNSEEN", "HISTORY_UNKNOWN"}


@pytest.mark.parametrize(
    ("served", "handed", "expected"),
    [
        (SIGNED, ds(KSK), set()),
        (SIGNED, ds(KSK, 4), set()),
        (SIGNED, replace(ds(), rdatas=ds(KSK).rdatas | ds(OTHER).rdatas), set()),
        (SIGNED, ds(OTHER), {"DS_MISMATCH"}),
        (SIGNED, ds(ZSK), {"DS_MISMATCH"}),  # the ZSK is there, and does not sign the DNSKEY RRset
        (dnskeys(KSK, ZSK, by=ZSK), ds(KSK), {"DS_MISMATCH"}),
        (dnskeys(ZSK), ds(KSK), {"DS_MISMATCH"}),
        (replace(SIGNED, rrsigs=frozenset()), ds(KSK), {"DS_MISMATCH"}),
        (replace(SIGNED, rrsigs=frozenset({b"short"})), ds(KSK), {"DS_MISMATCH"}),
        (SIGNED, replace(ds(), rdatas=frozenset({b"x"})), {"DS_MISMATCH"}),
        (replace(SIGNED, rdatas=SIGNED.rdatas | {b"x"}), ds(KSK), {"DS_MISMATCH"}),
        (SIGNED, replace(ds(), rdatas=frozenset()), {"DS_MISMATCH"}),
    ],
)
def test_the_ds_leads_to_a_key_that_signs_the_dnskey_rrset(served: RRset, handed: RRset, expected: set[str]) -> None:
    """RFC 4035 §5.2."""
    history = History().roster(-500, NS1, NS2, primary=NS1).sees(-500, 0, 2, served)
    assert codes(verdict(SubmitDS(ZONE, NO_DS, handed), history, 0)) == expected


def test_the_ds_waits_until_nobody_holds_keys_that_it_does_not_lead_to() -> None:
    history = ours().sees(-500, -10, 1, dnskeys(OTHER, ZSK, by=OTHER))
    history.sees(0, 100, 2, SIGNED)
    assert codes(verdict(HAND_OVER, history, 64.9)) == {"DS_MISMATCH"}
    assert verdict(HAND_OVER, history, 65) == Allowed()


def test_a_ds_is_not_withdrawn() -> None:
    assert codes(verdict(SubmitDS(ZONE, ds(), NO_DS), signed(), 300)) == {"DS_WITHDRAWAL"}


def signed_address(by: ZoneKey, *, signer: dns.name.Name = ZONE, days: tuple[float, float] = (-1, 14)) -> RRset:
    plain = RRset(HOST, A, 30, frozenset({b"\xc6\x33\x64\x01"}))
    begin, end = (at(86400 * day) for day in days)
    return replace(plain, rrsigs=frozenset({make(plain, signer, by, begin, end)}))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (signed_address(ZSK), set()),
        (signed_address(KSK), set()),
        (replace(signed_address(ZSK), rrsigs=frozenset()), {"RRSET_UNSIGNED"}),
        (replace(signed_address(ZSK), rrsigs=frozenset({b"short"})), {"RRSET_UNSIGNED"}),
        (signed_address(OTHER), {"RRSET_UNSIGNED"}),
        (signed_address(ZSK, signer=NET), {"RRSET_UNSIGNED"}),
        (signed_address(ZSK, days=(-3, -1)), {"RRSET_UNSIGNED"}),
        (signed_address(ZSK, days=(1, 14)), {"RRSET_UNSIGNED"}),
        (signed_address(ZSK, days=(-1, 0.0001)), {"RRSET_UNSIGNED"}),  # it ends before caches forget the RRset
    ],
)
def test_the_ds_waits_until_all_that_is_seen_of_the_zone_is_signed(address: RRset, expected: set[str]) -> None:
    """Under a DS each of these would be bogus (RFC 4035 §5.3.1)."""
    history = History().roster(-500, NS1, NS2, primary=NS1).sees(-500, 0, 1, SIGNED, address)
    assert codes(verdict(HAND_OVER, history, 0)) == expected


@pytest.mark.parametrize(
    ("begin", "end", "signer"),
    [(-86400, -3600, ZONE), (-86400, 60, ZONE), (3 * 86400, 14 * 86400, ZONE), (-86400, 86400, NET)],
)
def test_the_ds_waits_for_a_dnskey_signature_that_lasts(begin: float, end: float, signer: dns.name.Name) -> None:
    made = make(SIGNED, signer, KSK, at(begin), at(end))
    history = History().roster(-500, NS1, NS2, primary=NS1)
    history.sees(-500, 0, 1, replace(SIGNED, rrsigs=frozenset({made})))
    assert "DS_MISMATCH" in codes(verdict(HAND_OVER, history, 0))


# -- signing ---------------------------------------------------------------------------------------------------------


def unsigned() -> History:
    return History().roster(-500, NS1, NS2, primary=NS1).sees(-500, 0, 1, UNSIGNED)


def test_an_unsigned_zone_may_be_signed_whatever_the_parent_says() -> None:
    assert verdict(SignZone(ZONE, KEYS), unsigned(), 0) == Allowed()
    assert verdict(SignZone(ZONE, KEYS), parent(unsigned(), -500, 0, 1, ds()), 0) == Allowed()


def test_a_zone_may_be_signed_again_by_the_same_keys() -> None:
    assert verdict(SignZone(ZONE, KEYS), parent(signed(), -500, 300, 1, ds()), 300) == Allowed()


def test_keys_do_not_change_while_the_parent_was_not_asked() -> None:
    assert codes(verdict(SignZone(ZONE, OTHER_KEYS), signed(), 300)) == {"PARENT_UNSEEN", "ZONE_UNSEEN"}


def test_keys_do_not_change_under_a_ds() -> None:
    history = parent(signed(), -500, 300, 1, ds())
    assert codes(verdict(SignZone(ZONE, OTHER_KEYS), history, 300)) == {"DS_HELD", "ZONE_UNSEEN"}


def test_keys_may_change_where_nobody_can_hold_a_ds() -> None:
    history = parent(signed(), -500, 300, 1, NO_DS)
    assert verdict(SignZone(ZONE, OTHER_KEYS), history, 300) == Allowed()


def test_keys_do_not_change_while_a_withdrawn_ds_may_be_cached() -> None:
    history = parent(parent(signed(), -500, 190, 1, ds()), 200, 300, 2, NO_DS)
    assert codes(verdict(SignZone(ZONE, OTHER_KEYS), history, 264.9)) == {"DS_HELD", "ZONE_UNSEEN"}
    assert verdict(SignZone(ZONE, OTHER_KEYS), history, 265) == Allowed()


def test_keys_do_not_change_while_the_parents_history_is_unknown() -> None:
    history = parent(signed(), 200, 300, 1, NO_DS)
    assert codes(verdict(SignZone(ZONE, OTHER_KEYS), history, 300)) == {"HISTORY_UNKNOWN", "ZONE_UNSEEN"}


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Receipt(7), {"DS_HELD", "ZONE_UNSEEN"}),
        (Receipt(), {"DS_HELD", "ZONE_UNSEEN"}),  # a registrar took it, and its zone shows it some day
        (Failure("TIMEOUT", "no reply"), {"DS_HELD", "ZONE_UNSEEN"}),
        (Conflict(NO_DS), set()),
    ],
)
def test_keys_do_not_change_while_a_ds_is_on_its_way(outcome: Outcome, expected: set[str]) -> None:
    history = parent(signed(), -500, 300, 1, NO_DS).does(290, HAND_OVER, outcome)
    assert codes(verdict(SignZone(ZONE, OTHER_KEYS), history, 300)) == expected


# -- when signatures are due -----------------------------------------------------------------------------------------


def due(*answers: RRset) -> datetime | None:
    return signatures_end(History().roster(0, NS1, primary=NS1).sees(0, 10, 1, *answers, by=[NS1]).facts(), ZONE)


def test_signatures_are_due_before_the_last_quarter_of_their_time() -> None:
    assert due(SIGNED) == at(-1000 + (1000 + 86400 * 14) * 3 / 4)
    assert due() is None
    assert due(replace(SIGNED, rrsigs=frozenset())) is None


def test_of_several_signatures_the_first_to_be_due_counts() -> None:
    soa = RRset(ZONE, int(dns.rdatatype.SOA), 30, frozenset({b"\x00\x00" + bytes(20)}))
    early = replace(soa, rrsigs=frozenset({make(soa, ZONE, ZSK, at(-1000), at(86400))}))
    assert due(SIGNED, early) == at(-1000 + (1000 + 86400) * 3 / 4)


def test_a_malformed_signature_is_due_for_nothing() -> None:
    assert due(replace(SIGNED, rrsigs=SIGNED.rrsigs | {b"short"})) == at(-1000 + (1000 + 86400 * 14) * 3 / 4)


def test_the_absence_of_keys_has_no_signatures() -> None:
    history = History().roster(0, NS1, primary=NS1).sees(0, 10, 1, Absence(ZONE, DNSKEY_TYPE, 30), by=[NS1])
    assert signatures_end(history.facts(), ZONE) is None
