"""Corners that honest zones seldom show: the rule of each was taken out once, and no test noticed (``make prove``)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dns.name
from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.algorithms import DEFAULT_POLICY, DigestType
from danelaw.core.dnssec.anchors import Anchor, Anchors
from danelaw.core.dnssec.authenticate import Verifier
from danelaw.core.dnssec.canonical import plain_wire
from danelaw.core.dnssec.keys import DNSKEY, make_ds
from danelaw.core.dnssec.rrsig import RRSIG, verify
from danelaw.core.dnssec.validate import Validation, drive
from danelaw.core.dnssec.zonekeys import ZoneKeyCache
from danelaw.core.model import Message, Question, Record, RRset, Security
from fault_garden.damages import PLAINLY, signed
from fault_garden.garden import Garden, Layout, Reply, plant

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def planted(layout: Layout = PLAINLY) -> Garden:
    return plant(layout, dns.name.root, NOW)


def validation(garden: Garden, asked: str, cache: ZoneKeyCache | None = None) -> Validation:
    question = garden.question(asked)
    return Validation(question.name, question.type, garden.anchors, DEFAULT_POLICY, NOW, cache)


def test_keys_are_kept_no_longer_than_those_of_the_zone_above() -> None:
    """What leads to a zone's keys may be gone by then (RFC 4035 §5.3.3)."""
    garden, cache = planted(), ZoneKeyCache()
    bed, at = garden.bed("net."), (garden.name("net."), int(T.DNSKEY))
    bed.rrsets[at] = replace(bed.rrsets[at], ttl=50)
    assert drive(validation(garden, "www A", cache), garden.answer).state is Security.SECURE
    zone = garden.name("example.net.")
    assert cache.closest(zone, zone, NOW + timedelta(seconds=49)) is not None
    assert cache.closest(zone, zone, NOW + timedelta(seconds=50)) is None


def test_below_a_name_that_does_not_exist_no_zone_is_looked_for() -> None:
    """The first batch of questions tells; there is no second."""
    garden, asked = planted(), set()
    deep = garden.question(".".join("abcdefghijklmnop") + ".nope A")

    def answer(question: Question) -> Reply:
        asked.add(question)
        return Message(1, 0x8180, 0, (question,)) if question == deep else garden.answer(question)

    checked = Validation(deep.name, deep.type, garden.anchors, DEFAULT_POLICY, NOW)
    assert drive(checked, answer).state is Security.BOGUS
    below = [one for one in asked if one.type == T.DS and len(one.name) > len(garden.name("example.net."))]
    assert 0 < len(below) <= 8


def test_an_anchor_that_cannot_be_used_gives_way_to_the_one_above() -> None:
    garden = planted()
    zone = garden.name("example.net.")
    weak = Anchor(zone, frozenset({make_ds(zone, garden.bed("example.net.").keys[0].dnskey, DigestType.SHA1)}))
    garden.anchors = Anchors((*garden.anchors.zones, weak))
    assert drive(validation(garden, "www A"), garden.answer).state is Security.SECURE
    garden.anchors = Anchors((weak,))
    verdict = drive(validation(garden, "www A"), garden.answer)
    assert (verdict.state, verdict.reasons[0].code) == (Security.INDETERMINATE, "ANCHOR_UNSUPPORTED")


def test_few_proofs_are_looked_at_in_one_reply() -> None:
    """Whoever sends a crowd of signed proofs gets none of them verified beyond the first."""
    garden, verified = planted(), 0
    asked = garden.question("www TXT")
    honest = garden.answer(asked)
    assert isinstance(honest, Message)
    proofs = [one for one in honest.authority if one.owner == asked.name]
    crowd = [replace(one, owner=Name((b"%d" % n, *asked.name.labels))) for n in range(90) for one in proofs]

    def counted(rrsig: RRSIG, rrset: RRset, key: DNSKEY) -> bool:
        nonlocal verified
        verified += rrset.type == T.NSEC
        return verify(rrsig, rrset, key)

    def answer(question: Question) -> Reply:
        told = garden.answer(question)
        return replace(honest, authority=(*crowd, *honest.authority)) if question == asked else told

    checked = Validation(
        asked.name, asked.type, garden.anchors, DEFAULT_POLICY, NOW, verifier=Verifier(signature=counted)
    )
    assert drive(checked, answer).state is Security.BOGUS
    assert verified <= 20


def test_a_dname_that_came_of_a_wildcard_leads_nowhere() -> None:
    """RFC 6672 §3.3 warns of it: a liar could choose at which name it stands, and so where it leads."""
    garden = planted(Layout(more="*.wd 600 DNAME new\n"))
    asked = garden.question("host.x.wd TXT")
    at = garden.name("x.wd")
    shown = garden.bed("example.net.").records(garden.name("*.wd"), int(T.DNAME), at)
    proof = garden.bed("example.net.").expansion(at, garden.name("wd"))
    cname = Record(asked.name, int(T.CNAME), 1, 600, plain_wire(garden.name("host.new")))
    forged = Message(1, 0x8180, 0, (asked,), (*shown, cname), tuple(proof))

    def answer(question: Question) -> Reply:
        return forged if question == asked else garden.answer(question)

    verdict = drive(validation(garden, "host.x.wd TXT"), answer)
    assert (verdict.state, verdict.reasons[0].code) == (Security.BOGUS, "DNAME_FROM_WILDCARD")


def test_a_dname_that_somebody_slips_in_does_not_spoil_what_is_signed() -> None:
    garden = planted()
    asked = garden.question("alias A")
    stray = Record(garden.name("net."), int(T.DNAME), 1, 600, plain_wire(garden.name("org.")))

    def answer(question: Question) -> Reply:
        told = garden.answer(question)
        return replace(told, answer=(stray, *told.answer)) if question == asked and isinstance(told, Message) else told

    assert drive(validation(garden, "alias A"), answer).state is Security.SECURE


def test_who_signs_above_the_only_anchor_is_not_asked_for() -> None:
    """No chain leads from the anchor up (RFC 4035 §5)."""
    garden = planted()
    signed("www A", by=lambda one: one.bed("net.").keys[1])(garden)
    zone = garden.name("example.net.")
    garden.anchors = Anchors((Anchor(zone, frozenset({make_ds(zone, garden.bed("example.net.").keys[0].dnskey)})),))
    assert drive(validation(garden, "www A"), garden.answer).state is Security.BOGUS
