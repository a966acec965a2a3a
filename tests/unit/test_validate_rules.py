"""Rules that only contrived zones and callers show: each was found untested by taking it out (``make prove``)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dns.name
import pytest
from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.algorithms import DEFAULT_POLICY
from danelaw.core.dnssec.authenticate import Bounds, Verifier
from danelaw.core.dnssec.keys import DNSKEY, DS, ds_matches
from danelaw.core.dnssec.rrsig import RRSIG, verify
from danelaw.core.dnssec.validate import Validation, drive
from danelaw.core.dnssec.zonekeys import ZoneKeyCache
from danelaw.core.model import Message, Question, Record, RRset, Security, Validated
from fault_garden import honest
from fault_garden.beds import sign
from fault_garden.damages import PLAINLY, stored
from fault_garden.garden import Garden, Layout, Reply, plant
from fault_garden.keys import same_tag
from fault_garden.signatures import outlived

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def planted(layout: Layout = PLAINLY) -> Garden:
    return plant(layout, dns.name.root, NOW)


def verdict(garden: Garden, asked: str, bounds: Bounds | None = None) -> Validated:
    question = garden.question(asked)
    return drive(
        Validation(question.name, question.type, garden.anchors, DEFAULT_POLICY, NOW, bounds=bounds), garden.answer
    )


def signed_www(garden: Garden, type_covered: int = T.A) -> tuple[RRSIG, RRset, DNSKEY]:
    """www A with a signature that is right for its fields, which need not be."""
    rrset, key = garden.rrset("www A"), garden.bed("example.net.").keys[1]
    return RRSIG.from_rdata(sign(rrset, key, (NOW, NOW), type_covered=type_covered)), rrset, key.dnskey


def test_a_signature_that_is_right_is_still_none_of_another_type() -> None:
    """RFC 4035 §5.3.1: the type covered must be the RRset's."""
    garden = planted()
    assert verify(*signed_www(garden))
    assert not verify(*signed_www(garden, type_covered=T.AAAA))


def test_the_signers_name_is_signed_in_lower_case() -> None:
    """RFC 4034 §3.1.8.1. In what letters it comes is all the same."""
    rrsig, rrset, key = signed_www(planted())
    assert verify(replace(rrsig, signer=dns.name.from_text("EXAMPLE.Net.")), rrset, key)


def test_the_asterisk_of_a_wildcard_is_no_label_of_its_signature() -> None:
    """RFC 4034 §3.1.3: a Labels field that counts it is above the owner's number of labels."""
    garden = planted()
    assert verdict(garden, "*.wild TXT").state is Security.SECURE
    garden.put("*.wild TXT", garden.rrset("*.wild TXT").rdatas, labels=4)
    assert verdict(garden, "*.wild TXT").state is Security.BOGUS


def test_hashing_is_bounded() -> None:
    """CVE-2023-50868. Each name costs six iterations here."""
    garden = planted(honest.SALTED)
    assert verdict(garden, "a.b.nope A").state is Security.SECURE
    found = verdict(garden, "a.b.nope A", Bounds(hashes=6))
    assert (found.state, found.reasons[0].code) == (Security.BOGUS, "WORK_LIMIT")


def test_digests_of_keys_are_bounded() -> None:
    """Keys and DS records of one tag: each is tried with each (CVE-2023-50387)."""
    garden, tried = planted(), 0
    key = garden.bed("example.net.").keys[0].dnskey
    (ds,) = map(DS.from_rdata, garden.rrset("example.net. DS").rdatas)
    garden.put("example.net. DNSKEY", [one.to_rdata() for one in (key, *same_tag(key, 19))])
    garden.put("example.net. DS", [replace(ds, digest=bytes((number,)) * 32).to_rdata() for number in range(20)])

    def digest(ds: DS, owner: Name, key: DNSKEY) -> bool:
        nonlocal tried
        tried += 1
        return ds_matches(ds, owner, key)

    asked = garden.question("www A")
    validation = Validation(
        asked.name, asked.type, garden.anchors, DEFAULT_POLICY, NOW, verifier=Verifier(digest=digest)
    )
    found = drive(validation, garden.answer)
    assert (found.state, found.reasons[0].code) == (Security.BOGUS, "WORK_LIMIT")
    assert tried <= Bounds().signatures


@pytest.mark.parametrize("signer", ["plain.net.", "net.", "."])
def test_an_unsigned_zone_that_a_signature_names_is_no_way_around_a_trust_anchor(signer: str) -> None:
    """The island's own anchor says that it is signed, whatever zone above it a forger names (RFC 6840 §5.10)."""
    garden = planted(Layout(island=True))
    asked = garden.question("www.island.plain.net. A")
    forged = RRset(asked.name, T.A, 600, frozenset({bytes(4)}))
    rrsig = sign(forged, garden.bed("example.net.").keys[1], (NOW, NOW), signer=garden.name(signer))
    answer = (Record(asked.name, T.A, 1, 600, bytes(4)), Record(asked.name, T.RRSIG, 1, 600, rrsig))

    def forging(question: Question) -> Reply:
        reply = garden.answer(question)
        return replace(reply, answer=answer) if isinstance(reply, Message) and question == asked else reply

    validation = Validation(asked.name, asked.type, garden.anchors, DEFAULT_POLICY, NOW)
    assert drive(validation, forging).state is Security.BOGUS


def test_the_tags_of_keys_are_not_made_anew_for_each_record_that_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of keys, of DS records and of signatures fit into messages: their product is not to be paid for."""
    garden, made = planted(), 0
    junk = [DNSKEY(256, 3, 13, number.to_bytes(2)) for number in range(300)]
    (ds,) = map(DS.from_rdata, garden.rrset("example.net. DS").rdatas)
    others = sorted(set(range(2000)) - {key.tag for key in junk})[:300]
    rrsig = RRSIG.from_rdata(next(iter(garden.rrset("www A").rrsigs)))
    strangers = {replace(rrsig, key_tag=tag).to_rdata() for tag in others}
    garden.put("example.net. DNSKEY", [*garden.rrset("example.net. DNSKEY").rdatas, *(key.to_rdata() for key in junk)])
    garden.put("example.net. DS", [replace(ds, tag=tag).to_rdata() for tag in (ds.tag, *others)])
    stored("www A", lambda rrset: replace(rrset, rrsigs=rrset.rrsigs | strangers))(garden)
    to_rdata = DNSKEY.to_rdata

    def counted(key: DNSKEY) -> bytes:
        nonlocal made
        made += 1
        return to_rdata(key)

    monkeypatch.setattr(DNSKEY, "to_rdata", counted)
    assert verdict(garden, "www A").state is Security.SECURE
    assert made < 20 * len(junk)


def raised(garden: Garden, asked: Question) -> Reply:
    """The honest reply with TTLs above the signed ones."""
    reply = garden.answer(asked)
    return outlived(reply) if isinstance(reply, Message) and asked.type in (T.DNSKEY, T.DS) else reply


@pytest.mark.parametrize(("age", "good"), [(599, True), (600, False)])
def test_keys_are_kept_no_longer_than_their_signed_ttl(age: int, good: bool) -> None:
    """RFC 4035 §5.3.3, whatever TTL they came with."""
    garden, cache = planted(), ZoneKeyCache()
    asked = garden.question("www A")
    validation = Validation(asked.name, asked.type, garden.anchors, DEFAULT_POLICY, NOW, cache)
    assert drive(validation, lambda question: raised(garden, question)).state is Security.SECURE
    held = cache.closest(asked.name, garden.name("example.net."), NOW + timedelta(seconds=age))
    assert (held is not None) == good


@pytest.mark.parametrize(("earlier", "good"), [(0, True), (1, False)])
def test_keys_are_not_kept_for_a_time_before_they_were_judged(earlier: int, good: bool) -> None:
    """Their signatures need not have been valid yet (RFC 4035 §5.3.1)."""
    garden, cache = planted(), ZoneKeyCache()
    asked = garden.question("www A")
    validation = Validation(asked.name, asked.type, garden.anchors, DEFAULT_POLICY, NOW, cache)
    assert drive(validation, garden.answer).state is Security.SECURE
    held = cache.closest(asked.name, garden.name("example.net."), NOW - timedelta(seconds=earlier))
    assert (held is not None) == good
