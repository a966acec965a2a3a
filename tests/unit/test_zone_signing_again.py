"""Signing a zone in a file again: what is kept, when all is made anew, and what a full disk leaves."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import dns.name
import pytest
from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.adapters.zone.edit import replace_rrset
from danelaw.adapters.zone.file_zones import FileZones, ZoneFile
from danelaw.adapters.zone.key_directory import KSK_FLAGS, ZSK_FLAGS, make_key, read_keys
from danelaw.adapters.zone.master_file import ZoneSource, parse_zone, read_zone
from danelaw.core.dnssec import crypto, rrsig
from danelaw.core.dnssec import keys as core_keys
from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.nsec3_chain import NSEC3Chain
from danelaw.core.dnssec.signing_report import KeyRole, SigningReport, first_expiration
from danelaw.core.dnssec.zone_check import zone_faults
from danelaw.core.dnssec.zonemd import zonemd_faults
from danelaw.core.model import DanelawError, RRset
from danelaw.ports import CommandResult

R = TypeVar("R")
ZONE = dns.name.from_text("example.net.")
OWNER = dns.name.from_text("_443._tcp.www.example.net.")
START = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOSTS = 12
SOURCE = """\
$TTL 300
@ SOA ns1 host 1 3600 900 604800 60
  NS ns1
ns1 A 192.0.2.1
sub NS ns.sub
ns.sub A 192.0.2.2
""" + "".join(f"host{number} A 192.0.2.3\n" for number in range(HOSTS))


@dataclass
class Work:
    """How many signatures were made, and how many verified."""

    made: int = 0
    verified: int = 0


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    counted, sign, verify = Work(), crypto.sign_bytes, crypto.verify_bytes

    def signing(*args: Any) -> bytes:
        counted.made += 1
        return sign(*args)

    def verifying(*args: Any) -> bool:
        counted.verified += 1
        return verify(*args)

    monkeypatch.setattr(core_keys, "sign_bytes", signing)
    monkeypatch.setattr(rrsig, "verify_bytes", verifying)
    return counted


@dataclass
class Bench:
    """A zone in a folder, signed by the operator's command; no name server needs to be told."""

    folder: Path
    now_is: datetime = START
    files: ZoneFile = field(init=False)

    def __post_init__(self) -> None:
        self.files = ZoneFile(self.folder / "zone", self.folder / "keys", self.folder / "signed")
        self.files.file.write_text(SOURCE)

    def now(self) -> datetime:
        return self.now_is

    def monotonic(self) -> float:
        return self.now_is.timestamp()

    async def sleep_until(self, when: datetime) -> None:
        raise AssertionError("zones wait for nothing")

    async def call(self, fn: Callable[[], R], limit: timedelta) -> R:
        return fn()

    async def run(self, argv: Sequence[str], limit: timedelta) -> CommandResult:
        raise AssertionError("there is no server to reload")

    def serve(self, edit: Callable[[ZoneSource], ZoneSource] | None = None, *, full: bool = False) -> SigningReport:
        zones = FileZones({ZONE: self.files}, self, self, self)
        return asyncio.run(zones.serve(ZONE, self.now_is, edit=edit, full=full))

    def expirations(self) -> dict[tuple[Name, int], datetime]:
        """The first of each RRset's signatures to expire."""
        rrsets = read_zone(self.files.served, ZONE).rrsets()
        return {place: first_expiration([rrset], self.now_is) for place, rrset in rrsets.items() if rrset.rrsigs}

    def edit(self, old: str, new: str) -> None:
        text = self.files.file.read_text()
        assert text.count(old) == 1
        self.files.file.write_text(text.replace(old, new))

    def change(self, **changes: Any) -> None:
        self.files = replace(self.files, signing=replace(self.files.signing, **changes))

    def zone(self) -> dict[tuple[dns.name.Name, int], RRset]:
        return read_zone(self.files.served, ZONE).rrsets()

    def is_right(self) -> bool:
        zone = self.zone().values()
        return not [*zone_faults(ZONE, zone, self.now_is), *zonemd_faults(ZONE, zone)]

    def content(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.iterdir() if path.is_file()}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    for flags in (KSK_FLAGS, ZSK_FLAGS):
        make_key(tmp_path / "keys", ZONE, flags, START - DAY)
    return Bench(tmp_path)


@pytest.fixture
def signed(bench: Bench) -> Bench:
    bench.serve()
    return bench


def tlsa(octet: int) -> Callable[[ZoneSource], ZoneSource]:
    rrset = RRset(OWNER, T.TLSA, 30, frozenset({b"\x03\x01\x01" + bytes((octet,)) * 32}))
    return lambda source: replace_rrset(source, rrset)


# -- what is kept ---------------------------------------------------------------------------------------------------


def test_the_first_signing_signs_and_verifies_everything(bench: Bench, work: Work) -> None:
    report = bench.serve()
    assert report.changed
    assert "is not there yet" in report.full
    assert work.made == report.signed == 2 * (HOSTS + 1) + 5
    assert work.verified >= work.made
    assert bench.is_right()


def test_a_changed_tlsa_costs_signatures_in_its_own_number(signed: Bench, work: Work) -> None:
    """The new RRset and its NSEC, the NSEC before it, and the SOA."""
    signed.serve(tlsa(1))
    assert (work.made, work.verified <= 2 * 4) == (4, True)
    work.made = work.verified = 0
    report = signed.serve(tlsa(2))
    assert (work.made, work.verified <= 2 * 2) == (2, True)
    assert (report.signed, report.kept, report.full) == (2, 2 * (HOSTS + 1) + 5, "")
    assert signed.is_right()


def test_where_nothing_changed_nothing_is_written_signed_or_verified(signed: Bench, work: Work) -> None:
    before, inodes = signed.content(), [path.stat().st_ino for path in signed.folder.iterdir()]
    signed.now_is += DAY
    report = signed.serve()
    assert (report.changed, report.served_before, report.signed) == (False, report.serial, 0)
    assert (work.made, work.verified) == (0, 0)
    assert signed.content() == before
    assert [path.stat().st_ino for path in signed.folder.iterdir()] == inodes


def test_signatures_near_their_end_are_made_anew_and_no_others(signed: Bench, work: Work) -> None:
    """With the first that is due those go that would be within a day."""
    first = signed.serve()
    before = signed.expirations()
    signed.now_is = first.again_by - DAY - timedelta(seconds=1)
    assert not signed.serve().changed
    signed.now_is += timedelta(seconds=1)
    report = signed.serve()
    assert report.changed
    assert report.serial != first.serial
    assert 0 < report.signed < report.signed + report.kept
    assert work.made == report.signed
    after = signed.expirations()
    anew = {place for place in before if before[place] != after[place]} - {(ZONE, int(T.SOA))}
    assert anew == {place for place in before if before[place] <= min(before.values()) + DAY} - {(ZONE, int(T.SOA))}
    assert report.first_expiration > first.first_expiration
    assert report.again_by > first.again_by
    assert signed.is_right()


@pytest.mark.slow
def test_signed_daily_it_never_holds_what_a_cut_off_secondary_could_serve_dead(signed: Bench) -> None:
    """EXPIRE is a week, the largest TTL five minutes."""
    for _ in range(20):
        signed.now_is += DAY
        report = signed.serve()
        assert report.first_expiration > signed.now_is + timedelta(days=8)
        assert signed.is_right()


def test_a_zone_not_signed_for_long_is_made_whole_again(signed: Bench) -> None:
    signed.now_is += 100 * DAY
    report = signed.serve()
    assert report.kept == 0
    assert signed.is_right()


def test_the_same_input_and_instant_give_the_same_bytes(bench: Bench, tmp_path: Path) -> None:
    bench.serve()
    first = bench.content()
    bench.files.served.unlink()
    bench.files.state.unlink()
    bench.files.file.write_text(SOURCE)
    bench.serve()
    assert bench.content() == first


def test_full_keeps_nothing(signed: Bench, work: Work) -> None:
    report = signed.serve(full=True)
    assert (report.changed, report.kept, report.full) == (True, 0, "it was asked for")
    assert work.made == report.signed


def test_an_edit_that_changes_no_record_is_written_when_it_was_asked_for(signed: Bench) -> None:
    """Such as a record of the operator's that moves into Danelaw's block."""
    remark = "; a remark\n"
    report = signed.serve(lambda source: parse_zone(source.text + remark, source.path, ZONE))
    assert report.changed
    assert signed.files.file.read_text().endswith(remark)


def test_an_edit_of_comments_alone_is_left_for_later(signed: Bench) -> None:
    signed.edit("ns1 A 192.0.2.1\n", "ns1 A 192.0.2.1 ; a remark\n")
    assert not signed.serve().changed
    assert "; a remark" in signed.files.file.read_text()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("host7 A 192.0.2.3\n", ""),
        ("host7 A 192.0.2.3\n", "host7 600 A 192.0.2.3\n"),
        ("host7 A 192.0.2.3\n", "host7 A 192.0.2.3\nhost7 NS ns1\n"),
        ("ns.sub A 192.0.2.2\n", "ns.sub A 192.0.2.9\n"),
        ("sub NS ns.sub\n", ""),
        ("sub NS ns.sub\n", "sub NS ns.sub\nsub DS 1 13 2 " + "ab" * 32 + "\n"),
        ("host9 A 192.0.2.3\n", "host9 A 192.0.2.3\na.b.c.host9 A 192.0.2.3\n"),
        (" 60\n", " 90\n"),
    ],
    ids=["gone", "TTL", "a delegation", "glue", "no delegation", "a DS", "deep", "the TTL of denials"],
)
@pytest.mark.slow
@pytest.mark.parametrize("chain", [None, NSEC3Chain(), NSEC3Chain(opt_out=True)], ids=["NSEC", "NSEC3", "opt-out"])
def test_every_edit_goes_live_rightly(bench: Bench, chain: NSEC3Chain | None, old: str, new: str) -> None:
    bench.change(nsec3=chain, zonemd=True)
    bench.serve()
    bench.edit(old, new)
    report = bench.serve()
    assert (report.changed, report.full) == (True, "")
    assert bench.is_right()
    kept = bench.zone()
    bench.serve(full=True)

    def bare(zone: dict[tuple[dns.name.Name, int], RRset]) -> dict[tuple[dns.name.Name, int], RRset]:
        skipped = (T.SOA, T.ZONEMD)
        return {place: replace(r, rrsigs=frozenset()) for place, r in zone.items() if place[1] not in skipped}

    assert bare(bench.zone()) == bare(kept)


# -- when all is made anew ------------------------------------------------------------------------------------------


def damaged(text: str) -> Callable[[Bench], None]:
    def harm(bench: Bench) -> None:
        bench.files.state.write_text(text)

    return harm


def of_another_version(bench: Bench) -> None:
    bench.files.state.write_text(json.dumps(json.loads(bench.files.state.read_text()) | {"format": 0}))


def without_a_field(bench: Bench) -> None:
    content = json.loads(bench.files.state.read_text())
    bench.files.state.write_text(json.dumps({name: content[name] for name in content if name != "algorithms"}))


def with_an_odd_type(bench: Bench) -> None:
    bench.files.state.write_text(json.dumps(json.loads(bench.files.state.read_text()) | {"made": ["no such"]}))


def a_record_changed(bench: Bench) -> None:
    text, old = bench.files.served.read_text(), "host7.example.net. 300 IN A 192.0.2.3"
    bench.files.served.write_text(text.replace(old, old.replace("2.3", "2.9")))


def a_signature_changed(bench: Bench) -> None:
    text = bench.files.served.read_text()
    found = re.search(r"host7\.example\.net\. 300 IN RRSIG A .*?([A-Za-z]{6})", text)
    assert found
    bench.files.served.write_text(text[: found.start(1)] + found[1].swapcase() + text[found.end(1) :])


def a_signature_gone(bench: Bench) -> None:
    lines, gone = bench.files.served.read_text().splitlines(keepends=True), "host7.example.net. 300 IN RRSIG"
    bench.files.served.write_text("".join(line for line in lines if not line.startswith(gone)))


def cut_short(bench: Bench) -> None:
    data = bench.files.served.read_bytes()
    bench.files.served.write_bytes(data[: len(data) // 2 + 7])


def emptied(bench: Bench) -> None:
    bench.files.served.write_bytes(b"")


def a_comment_added(bench: Bench) -> None:
    bench.files.served.write_text(bench.files.served.read_text() + "; hello\n")


FOREIGN = [
    (lambda bench: bench.files.state.unlink(), "no state"),
    (damaged(""), "damaged"),
    (damaged("{}"), "another version"),
    (damaged("[1]"), "damaged"),
    (damaged("[" * 70_000), "damaged"),
    (damaged('{"format": 1, "served": 5}'), "damaged"),
    (of_another_version, "another version"),
    (without_a_field, "damaged"),
    (with_an_odd_type, "damaged"),
    (a_record_changed, "not as it was written"),
    (a_signature_changed, "not as it was written"),
    (a_signature_gone, "not as it was written"),
    (cut_short, "signed"),
    (emptied, "cannot be read"),
    (a_comment_added, "not as it was written"),
    (lambda bench: bench.files.served.unlink(), "not there yet"),
]


@pytest.mark.parametrize(("harm", "why"), FOREIGN, ids=[getattr(harm, "__name__", why) for harm, why in FOREIGN])
def test_whatever_happened_to_the_files_the_zone_is_signed_whole_and_right(
    signed: Bench, work: Work, harm: Callable[[Bench], None], why: str
) -> None:
    before = signed.serve().serial
    harm(signed)
    report = signed.serve()
    assert why in report.full
    assert (report.changed, report.kept, report.signed) == (True, 0, work.made)
    assert work.verified >= work.made
    assert report.serial > before
    assert signed.is_right()
    assert not signed.serve().changed


@pytest.mark.parametrize(
    ("first", "then", "why"),
    [
        ({}, {"nsec3": NSEC3Chain()}, "chained by NSEC3 0 -, and were by plain NSEC"),
        ({"nsec3": NSEC3Chain()}, {"nsec3": None}, "chained by plain NSEC"),
        ({"nsec3": NSEC3Chain()}, {"nsec3": NSEC3Chain(b"\xaa")}, "chained by NSEC3 0 aa"),
        ({"nsec3": NSEC3Chain()}, {"nsec3": NSEC3Chain(opt_out=True)}, "opt-out"),
    ],
)
def test_another_chain_is_made_from_the_start(
    bench: Bench, first: dict[str, Any], then: dict[str, Any], why: str
) -> None:
    bench.change(**first)
    bench.serve()
    bench.change(**then)
    report = bench.serve()
    assert why in report.full
    assert report.kept == 0
    assert bench.is_right()


def test_another_algorithm_signs_from_the_start(signed: Bench) -> None:
    for flags in (KSK_FLAGS, ZSK_FLAGS):
        make_key(signed.files.keys, ZONE, flags, START - DAY, Algorithm.ED25519)
    assert "algorithms" in signed.serve().full
    assert signed.is_right()


# -- what signing adds and takes away -------------------------------------------------------------------------------


def test_cds_and_zonemd_come_and_go_as_they_are_asked_for(signed: Bench) -> None:
    made = {(ZONE, int(type)) for type in (T.CDS, T.CDNSKEY, T.ZONEMD)}
    assert not signed.zone().keys() & made
    signed.change(cds=True, zonemd=True)
    assert signed.serve().changed
    assert signed.zone().keys() >= made
    assert signed.is_right()
    assert not signed.serve().changed
    assert not asyncio.run(FileZones({ZONE: signed.files}, signed, signed, signed).edited(ZONE))
    signed.change(cds=False, zonemd=False)
    assert signed.serve().changed
    assert not signed.zone().keys() & made


def test_what_the_operator_wrote_of_cds_stays(signed: Bench) -> None:
    signed.edit("ns1 A", "@ CDS 0 0 0 00\nns1 A")
    signed.change(cds=True)
    signed.serve()
    assert signed.zone()[ZONE, T.CDS].rdatas == {bytes(5)}
    signed.edit("@ CDS 0 0 0 00\n", "")
    assert asyncio.run(FileZones({ZONE: signed.files}, signed, signed, signed).edited(ZONE))


def test_a_key_that_comes_and_goes_by_its_times(signed: Bench) -> None:
    """A ZSK is published, then takes over, then the old one is gone: each time the report says when to come back."""
    ((old, _),) = ((key, times) for key, times in read_keys(signed.files.keys, ZONE) if not key.dnskey.is_sep)
    new = make_key(signed.files.keys, ZONE, ZSK_FLAGS, START - DAY)

    def set_times(tag: int, **times: datetime) -> None:
        (path,) = signed.files.keys.glob(f"*+{tag:05d}.private")
        kept = [line for line in path.read_text().splitlines() if line.split(":")[0] not in times]
        path.write_text("\n".join([*kept, *(f"{name}: {when:%Y%m%d%H%M%S}" for name, when in times.items()), ""]))

    set_times(new.tag, Activate=START + 2 * DAY)
    set_times(old.tag, Inactive=START + 2 * DAY, Delete=START + 5 * DAY)
    report = signed.serve()
    roles = {key.tag: role for key, role in report.keys if not key.is_sep}
    assert roles == {old.tag: KeyRole.ZSK, new.tag: KeyRole.PUBLISHED}
    assert report.again_by == START + 2 * DAY
    signed.now_is += 2 * DAY
    report = signed.serve()
    assert report.advice == ()
    roles = {key.tag: role for key, role in report.keys if not key.is_sep}
    assert roles == {new.tag: KeyRole.ZSK, old.tag: KeyRole.PUBLISHED}
    assert {rrsig.RRSIG.from_rdata(rdata).key_tag for rdata in signed.zone()[ZONE, T.SOA].rrsigs} == {new.tag}
    assert report.again_by == START + 5 * DAY
    assert signed.is_right()
    signed.now_is += 3 * DAY
    report = signed.serve()
    assert old.tag not in {key.tag for key, _ in report.keys}
    assert report.advice == ()
    assert signed.is_right()


@pytest.mark.parametrize("kept", [True, False], ids=["the old one stays", "the old one goes"])
def test_a_zsk_that_takes_over_without_having_been_seen_is_advised_of(signed: Bench, kept: bool) -> None:
    """Signed by both it would do, and does once the new one has been published."""
    (old,) = (key for key, _ in read_keys(signed.files.keys, ZONE) if not key.dnskey.is_sep)
    for path in list(signed.files.keys.glob(f"*+{old.tag:05d}.*")):
        if not kept:
            path.unlink()
        elif path.suffix == ".private":
            path.write_text(path.read_text() + "Inactive: 20261101000000\n")
    make_key(signed.files.keys, ZONE, ZSK_FLAGS, START - DAY)
    report = signed.serve()
    assert [advice.code for advice in report.advice] == ["KEYS_REPLACED"]
    assert signed.is_right()
    assert signed.serve().advice == ()


def test_a_zsk_that_signs_beside_the_old_one_is_no_matter(signed: Bench) -> None:
    make_key(signed.files.keys, ZONE, ZSK_FLAGS, START - DAY)
    assert signed.serve().advice == ()


def test_advice_is_given_and_stands_in_no_ones_way(bench: Bench) -> None:
    bench.edit("604800 60", "1 60")
    assert [advice.code for advice in bench.serve().advice] == ["SOA_EXPIRE_SHORT"]
    assert bench.is_right()


def test_a_long_expire_stretches_the_validity_and_that_is_told(bench: Bench) -> None:
    report = bench.serve()
    assert report.validity == report.asked_validity == 14 * DAY
    bench.edit("604800 60", "2419200 60")
    report = bench.serve()
    assert report.validity > 28 * DAY
    assert report.asked_validity == 14 * DAY
    assert report.first_expiration > START + 28 * DAY
    assert bench.is_right()


@pytest.mark.parametrize("link", [False, True])
def test_the_source_is_never_overwritten_by_the_signed_zone(bench: Bench, link: bool) -> None:
    before = bench.files.file.read_bytes()
    if link:
        bench.files.served.symlink_to(bench.files.file)
    else:
        bench.files = replace(bench.files, served=bench.files.file)
    with pytest.raises(DanelawError, match="SIGNED_IS_SOURCE"):
        bench.serve()
    assert bench.files.file.read_bytes() == before


# -- disks that take nothing ----------------------------------------------------------------------------------------


def refused(number: int) -> Callable[..., Any]:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return refuse


def full_device(patch: pytest.MonkeyPatch, number: int) -> None:
    """What is written goes to the device that has no room."""
    fdopen = os.fdopen

    def full(descriptor: int, *args: Any) -> Any:
        os.close(descriptor)
        return fdopen(os.open("/dev/full", os.O_WRONLY), *args)

    patch.setattr(os, "fdopen", full)


@pytest.mark.parametrize(
    ("number", "refuse"),
    [
        pytest.param(
            errno.ENOSPC,
            full_device,
            marks=pytest.mark.skipif(
                not os.access("/dev/full", os.W_OK), reason="no /dev/full that we may write to here"
            ),
        ),
        (errno.EIO, lambda patch, number: patch.setattr(os, "fsync", refused(number))),
        (errno.EDQUOT, lambda patch, number: patch.setattr(os, "fsync", refused(number))),
        (errno.EROFS, lambda patch, number: patch.setattr("tempfile.mkstemp", refused(number))),
        (errno.EACCES, lambda patch, number: patch.setattr("tempfile.mkstemp", refused(number))),
        (errno.EROFS, lambda patch, number: patch.setattr(Path, "replace", refused(number))),
    ],
    ids=["no room", "a failing disk", "quota", "read-only", "not ours", "read-only at the end"],
)
def test_a_disk_that_takes_no_more_leaves_the_old_zone_and_nothing_else(
    signed: Bench, monkeypatch: pytest.MonkeyPatch, number: int, refuse: Callable[[pytest.MonkeyPatch, int], None]
) -> None:
    before = signed.content()
    with monkeypatch.context() as patch:
        refuse(patch, number)
        with pytest.raises(DanelawError) as caught:
            signed.serve(tlsa(1))
    assert caught.value.code == "FILE_UNWRITABLE"
    assert os.strerror(number) in caught.value.evidence
    assert caught.value.hint
    assert signed.content() == before
    assert signed.serve(tlsa(1)).changed
    assert signed.is_right()
