"""CDS and CDNSKEY records name what the parent shall have (RFC 7344 §4): at each step of a roll, as the table says."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from dns.rdatatype import RdataType as T
from test_zone_files import NOTHING, ZONE, Bench, tlsa
from test_zone_rolls_in_files import P256, P384, Roller

from danelaw.adapters.zone.asking import AskedByCDS
from danelaw.adapters.zone.file_zones import Signing
from danelaw.adapters.zone.key_directory import KSK_FLAGS, make_key, read_keys
from danelaw.core.dnssec.keys import DNSKEY, make_ds
from danelaw.core.model import Absence, RRset
from danelaw.core.rollover.actions import Conflict, Receipt, SubmitDS
from danelaw.core.rollover.zone_rolls import STEPS, RollKind, Which


def asking(path: Path) -> Bench:
    return Bench(path, signing=Signing(cds=True))


def ds(*keys: bytes) -> frozenset[bytes]:
    return frozenset(make_ds(ZONE, DNSKEY.from_rdata(key)).to_rdata() for key in keys)


def asked(bench: Bench) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """What the zone asks for: the DS, and the keys."""
    served = bench.served()
    cds, cdnskey = (served.get((ZONE, int(type))) for type in (T.CDS, T.CDNSKEY))
    return cds.rdatas if cds else frozenset(), cdnskey.rdatas if cdnskey else frozenset()


def ask(bench: Bench, wanted: frozenset[bytes]) -> Receipt | Conflict:
    change = SubmitDS(ZONE, Absence(ZONE, T.DS, 30), RRset(ZONE, T.DS, 30, wanted))
    return asyncio.run(AskedByCDS(bench.zones, bench).submit_ds(change))


@pytest.fixture
def roller(tmp_path: Path) -> Roller:
    return Roller(asking(tmp_path))


def test_a_zone_that_is_not_signed_yet_asks_for_nothing(roller: Roller) -> None:
    """Resolvers may hold its unsigned answers: RFC 6781 has the DS last."""
    assert asked(roller.bench) == (frozenset(), frozenset())


def test_it_asks_for_its_ds_when_that_may_be_handed_over(roller: Roller) -> None:
    reloads = len(roller.bench.reloads)
    receipt = ask(roller.bench, ds(roller.ksk))
    assert asked(roller.bench) == (ds(roller.ksk), frozenset({roller.ksk}))
    assert receipt == Receipt(roller.bench.serial, "asked for by CDS records")
    assert len(roller.bench.reloads) == reloads + 1


def test_who_asks_again_changes_nothing(roller: Roller) -> None:
    ask(roller.bench, ds(roller.ksk))
    before = roller.bench.content()
    assert ask(roller.bench, ds(roller.ksk)) == Receipt(roller.bench.serial, "asked for by CDS records")
    assert roller.bench.content() == before


@pytest.mark.parametrize("kind", RollKind)
def test_at_each_step_the_zone_asks_for_the_ds_that_the_table_says(kind: RollKind, roller: Roller) -> None:
    """RFC 7583 §3.3.1, the Double-KSK method: the new key is signed with before the parent hears of it."""
    bench = roller.bench
    ask(bench, ds(roller.ksk))
    old = {roller.zsk} if kind is RollKind.ZSK else {roller.ksk}
    algorithm = P256
    if kind is RollKind.ALGORITHM:
        old, algorithm = {roller.ksk, roller.zsk}, P384
    new = {roller.make(sep=DNSKEY.from_rdata(key).is_sep, algorithm=algorithm) for key in old}
    kept = {roller.ksk, roller.zsk} - old
    of = {Which.OLD: old, Which.NEW: new, Which.BOTH: old | new}
    before = Which.OLD
    for step in STEPS[kind]:
        points = [key for key in kept | of[step.delegated] if DNSKEY.from_rdata(key).is_sep]
        roller.sign(kept | of[step.published], kept | of[step.signing])
        if step.delegated is not before:
            ask(bench, ds(*points))
        before = step.delegated
        assert asked(bench) == (ds(*points), frozenset(points)), step.name


def test_whoever_publishes_meanwhile_asks_for_the_same(roller: Roller) -> None:
    ask(roller.bench, ds(roller.ksk))
    new = roller.make(sep=True)
    roller.sign({roller.ksk, roller.zsk, new}, {roller.ksk, roller.zsk, new})
    assert isinstance(roller.bench.publish(NOTHING, tlsa(1)), Receipt)
    assert asked(roller.bench)[1] == {roller.ksk}
    ask(roller.bench, ds(new))
    assert isinstance(roller.bench.publish(tlsa(1), tlsa(2)), Receipt)
    assert asked(roller.bench)[1] == {new}


def test_keys_whose_times_say_nothing_are_asked_for_where_the_zone_is_signed_by_them(tmp_path: Path) -> None:
    """As danelaw zone sign --cds has it, for who hands over the DS by himself."""
    bench = asking(tmp_path)
    make_key(bench.files.keys, ZONE, KSK_FLAGS, bench.now_is)
    asyncio.run(bench.zones.serve(ZONE, bench.now_is))
    (key,) = (pair.dnskey.to_rdata() for pair, _ in read_keys(bench.files.keys, ZONE))
    assert asked(bench) == (ds(key), frozenset({key}))
