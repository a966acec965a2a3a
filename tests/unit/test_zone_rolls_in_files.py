"""Rolls of zone keys in files: the times in BIND's key files say what each key does, also to whoever signs next."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from dns.rdatatype import RdataType as T
from test_zone_files import NOTHING, START, ZONE, Bench, tlsa

from danelaw.adapters.zone.key_directory import read_keys
from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.bind_keys import NEVER, KeyState, KeyTimes
from danelaw.core.dnssec.keys import DNSKEY
from danelaw.core.dnssec.rrsig import RRSIG
from danelaw.core.dnssec.zone_check import zone_faults
from danelaw.core.model import Absence, DanelawError
from danelaw.core.rollover.actions import Receipt
from danelaw.ports import ZoneKeyFacts

P256, P384 = Algorithm.ECDSAP256SHA256, Algorithm.ECDSAP384SHA384
MINUTE = timedelta(minutes=1)


@dataclass
class Roller:
    """A zone that was signed with a KSK and a ZSK a minute ago."""

    bench: Bench

    def __post_init__(self) -> None:
        self.bench.make_keys()
        self.bench.sign()
        self.ksk, self.zsk = sorted(self.keys, key=lambda rdata: not DNSKEY.from_rdata(rdata).is_sep)
        self.bench.now_is += MINUTE

    @property
    def keys(self) -> dict[bytes, ZoneKeyFacts]:
        return {key.dnskey: key for key in asyncio.run(self.bench.zones.keys(ZONE))}

    def make(self, sep: bool, algorithm: int = P256) -> bytes:
        return asyncio.run(self.bench.zones.make_key(ZONE, sep, algorithm)).dnskey

    def sign(self, published: set[bytes], signing: set[bytes]) -> Receipt:
        """One step; a minute later the next may follow."""
        receipt = asyncio.run(self.bench.zones.sign(ZONE, frozenset(published), self.bench.now_is, frozenset(signing)))
        assert list(zone_faults(ZONE, self.bench.served().values(), self.bench.now_is)) == []
        self.bench.now_is += MINUTE
        return receipt

    def signers(self, type: int) -> set[bytes]:
        rrset = self.bench.served()[ZONE, type]
        labels = {(made.algorithm, made.key_tag) for made in map(RRSIG.from_rdata, rrset.rrsigs)}
        return {
            rdata for rdata in self.keys if (DNSKEY.from_rdata(rdata).algorithm, DNSKEY.from_rdata(rdata).tag) in labels
        }

    @property
    def published(self) -> set[bytes]:
        return set(self.bench.served()[ZONE, int(T.DNSKEY)].rdatas)

    def state(self, rdata: bytes) -> KeyState:
        (times,) = (t for key, t in read_keys(self.bench.files.keys, ZONE) if key.dnskey.to_rdata() == rdata)
        return times.state(self.bench.now_is)


@pytest.fixture
def roller(tmp_path: Path) -> Roller:
    return Roller(Bench(tmp_path))


def test_a_new_key_does_nothing_until_it_is_told_to(roller: Roller) -> None:
    new = roller.make(sep=False)
    assert (roller.keys[new].published, roller.keys[new].signs) == (False, False)
    assert roller.keys[new].created == roller.bench.now_is
    assert roller.state(new) is KeyState.GENERATED
    before = roller.published
    roller.bench.sign()
    assert roller.published == before == {roller.ksk, roller.zsk}


def test_a_zsk_is_published_signs_and_goes(roller: Roller) -> None:
    """RFC 6781 §4.1.1.1; the states are RFC 7583's."""
    ksk, old, new = roller.ksk, roller.zsk, roller.make(sep=False)
    roller.sign({ksk, old, new}, {ksk, old})
    assert (roller.published, roller.signers(T.SOA)) == ({ksk, old, new}, {old})
    assert (roller.state(old), roller.state(new)) == (KeyState.ACTIVE, KeyState.PUBLISHED)
    roller.sign({ksk, old, new}, {ksk, new})
    assert (roller.published, roller.signers(T.SOA)) == ({ksk, old, new}, {new})
    assert (roller.state(old), roller.state(new)) == (KeyState.RETIRED, KeyState.ACTIVE)
    roller.sign({ksk, new}, {ksk, new})
    assert (roller.published, roller.signers(T.SOA), roller.signers(T.DNSKEY)) == ({ksk, new}, {new}, {ksk})
    assert roller.state(old) is KeyState.REMOVED
    asyncio.run(roller.bench.zones.destroy_key(ZONE, old))
    assert set(roller.keys) == {ksk, new}
    assert not [path for path in roller.bench.files.keys.iterdir() if str(DNSKEY.from_rdata(old).tag) in path.name]


def test_an_algorithm_signs_before_it_is_published_and_until_after_it_is_withdrawn(roller: Roller) -> None:
    """RFC 6781 §4.1.4."""
    old = {roller.ksk, roller.zsk}
    ksk, zsk = roller.make(sep=True, algorithm=P384), roller.make(sep=False, algorithm=P384)
    roller.sign(old, old | {ksk, zsk})
    assert (roller.published, roller.signers(T.SOA)) == (old, {roller.zsk, zsk})
    assert roller.signers(T.DNSKEY) == {roller.ksk}
    assert (roller.keys[zsk].published, roller.keys[zsk].signs) == (False, True)
    roller.sign(old | {ksk, zsk}, old | {ksk, zsk})
    assert (roller.published, roller.signers(T.DNSKEY)) == (old | {ksk, zsk}, {roller.ksk, ksk})
    roller.sign({ksk, zsk}, old | {ksk, zsk})
    assert (roller.published, roller.signers(T.SOA), roller.signers(T.DNSKEY)) == ({ksk, zsk}, {roller.zsk, zsk}, {ksk})
    roller.sign({ksk, zsk}, {ksk, zsk})
    assert (roller.published, roller.signers(T.SOA)) == ({ksk, zsk}, {zsk})
    assert {roller.state(key) for key in old} == {KeyState.REMOVED}


@pytest.mark.parametrize("step", ["published", "switched", "signs unpublished"])
def test_who_publishes_meanwhile_signs_as_the_step_says(roller: Roller, step: str) -> None:
    ksk, old = roller.ksk, roller.zsk
    new = roller.make(sep=False, algorithm=P384 if step == "signs unpublished" else P256)
    published = {ksk, old} if step == "signs unpublished" else {ksk, old, new}
    signing = {"published": {ksk, old}, "switched": {ksk, new}, "signs unpublished": {ksk, old, new}}[step]
    roller.sign(published, signing)
    assert isinstance(roller.bench.publish(NOTHING, tlsa(1)), Receipt)
    assert (roller.published, roller.signers(T.SOA)) == (published, signing - {ksk})
    assert isinstance(roller.bench.publish(tlsa(1), Absence(NOTHING.owner, NOTHING.type, 30)), Receipt)


def test_a_key_in_use_is_not_destroyed(roller: Roller) -> None:
    with pytest.raises(DanelawError, match="KEY_IN_USE"):
        asyncio.run(roller.bench.zones.destroy_key(ZONE, roller.zsk))
    assert roller.zsk in roller.keys


def test_a_key_that_is_gone_is_no_error_to_destroy(roller: Roller) -> None:
    new = roller.make(sep=False)
    for _ in range(2):
        asyncio.run(roller.bench.zones.destroy_key(ZONE, new))
    assert new not in roller.keys


def test_a_key_that_is_not_there_is_not_signed_with(roller: Roller) -> None:
    new = roller.make(sep=False)
    asyncio.run(roller.bench.zones.destroy_key(ZONE, new))
    before = roller.bench.content()
    with pytest.raises(DanelawError, match="KEYS_CHANGED"):
        roller.sign({roller.ksk, roller.zsk, new}, {roller.ksk, roller.zsk})
    assert roller.bench.content() == before
    assert roller.state(roller.zsk) is KeyState.ACTIVE


def test_the_longest_ttl_is_that_of_anything_in_the_zone(roller: Roller) -> None:
    assert asyncio.run(roller.bench.zones.longest_ttl(ZONE)) == 30
    roller.bench.edit("ns1 A 192.0.2.1", "ns1 A 192.0.2.1\nlong 86400 TXT long")
    assert asyncio.run(roller.bench.zones.longest_ttl(ZONE)) == 86400
    roller.bench.sign()
    roller.bench.edit("\nlong 86400 TXT long", "")
    assert asyncio.run(roller.bench.zones.longest_ttl(ZONE)) == 86400


# -- times ------------------------------------------------------------------------------------------------------------

NOTHING_YET = KeyTimes(created=START)
ACTIVE = KeyTimes.at_once(START)
LATER = START + MINUTE


@pytest.mark.parametrize(
    ("times", "published", "signs", "expected"),
    [
        (NOTHING_YET, False, False, NOTHING_YET),
        (NOTHING_YET, True, False, KeyTimes(START, LATER)),
        (NOTHING_YET, True, True, KeyTimes(START, LATER, LATER)),
        (NOTHING_YET, False, True, KeyTimes(START, NEVER, LATER)),
        (ACTIVE, True, True, ACTIVE),
        (ACTIVE, True, False, KeyTimes(START, START, START, inactive=LATER)),
        (ACTIVE, False, True, KeyTimes(START, NEVER, START)),
        (ACTIVE, False, False, KeyTimes(START, START, START, inactive=LATER, delete=LATER)),
        (KeyTimes(START, NEVER, START), True, True, KeyTimes(START, LATER, START)),
        (KeyTimes(START, NEVER, START), False, False, KeyTimes(START, NEVER, START, inactive=LATER, delete=LATER)),
        (KeyTimes(START, START, START, inactive=START), True, True, ACTIVE),
        (
            KeyTimes(START, START, START, inactive=START, delete=START),
            True,
            False,
            KeyTimes(START, START, START, inactive=START),
        ),
        (KeyTimes(), True, True, KeyTimes()),
        (KeyTimes(), False, False, KeyTimes(inactive=LATER, delete=LATER)),
    ],
)
def test_times_are_changed_as_little_as_is_needed(
    times: KeyTimes, published: bool, signs: bool, expected: KeyTimes
) -> None:
    changed = times.changed(LATER, published=published, signs=signs)
    assert changed == expected
    assert changed.published(LATER) is published
    assert (changed.signs(LATER) or changed.signs_unpublished(LATER)) is signs


@pytest.mark.parametrize("when", [LATER, datetime(2104, 12, 31, tzinfo=START.tzinfo)])
def test_a_key_that_is_never_published_is_due_for_nothing(when: datetime) -> None:
    assert KeyTimes(START, NEVER, START).next_change(when) is None
