"""Signing and publishing zones in files, step by step and across kills."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import dns.name
import pytest
from dns.rdatatype import RdataType as T

from danelaw.adapters.publish.zonefile import ZonefilePublisher
from danelaw.adapters.zone import disk, key_directory, signer
from danelaw.adapters.zone.file_zones import FileZones, Signing, ZoneFile
from danelaw.adapters.zone.key_directory import KSK_FLAGS, ZSK_FLAGS, make_key, read_keys
from danelaw.adapters.zone.master_file import read_zone
from danelaw.core.dnssec.keys import DNSKEY
from danelaw.core.dnssec.sign import UnsignedZone, unsigned_zone
from danelaw.core.dnssec.signing_report import first_expiration
from danelaw.core.dnssec.zone_check import zone_faults
from danelaw.core.model import Absence, Answer, DanelawError, RRset
from danelaw.core.rollover.actions import Conflict, Publish, Receipt
from danelaw.ports import CommandResult

R = TypeVar("R")
ZONE = dns.name.from_text("example.net.")
OWNER = dns.name.from_text("_443._tcp.www.example.net.")
START = datetime(2026, 11, 23, 12, tzinfo=UTC)
RELOAD = ("reload", "example.net")
SOURCE = """\
$TTL 30 ; an operator's remark
@ SOA ns1 host 2016122202 3600 900 1209600 60
  NS ns1
ns1 A 192.0.2.1
"""


def tlsa(octet: int, ttl: int = 30) -> RRset:
    return RRset(OWNER, T.TLSA, ttl, frozenset({b"\x03\x01\x01" + bytes((octet,)) * 32}))


NOTHING = Absence(OWNER, T.TLSA, 30)


class Inline:
    """Lets others run before it works, and notes how many calls were under way at most."""

    def __init__(self) -> None:
        self.under_way = self.most = 0

    async def call(self, fn: Callable[[], R], limit: timedelta) -> R:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        return fn()


@dataclass
class Bench:
    """A zone in a folder, a clock that the test sets, and a name server that notes its reloads."""

    folder: Path
    now_is: datetime = START
    status: int = 0
    reloads: list[tuple[str, ...]] = field(default_factory=list)
    signing: Signing = field(default_factory=Signing)

    def __post_init__(self) -> None:
        self.file = self.folder / "example.net.zone"
        self.file.write_text(SOURCE)
        self.files = ZoneFile(self.file, self.folder / "keys", self.folder / "served", RELOAD, self.signing)
        self.blocking = Inline()
        self.zones = FileZones({ZONE: self.files}, self, self.blocking, self)
        self.publisher = ZonefilePublisher(self.zones, self)

    def now(self) -> datetime:
        return self.now_is

    def monotonic(self) -> float:
        return self.now_is.timestamp()

    async def sleep_until(self, when: datetime) -> None:
        self.now_is = max(self.now_is, when)

    async def run(self, argv: Sequence[str], limit: timedelta) -> CommandResult:
        self.reloads.append(tuple(argv))
        return CommandResult(self.status, "what the server said")

    def keys(self) -> frozenset[bytes]:
        return frozenset(key.dnskey for key in asyncio.run(self.zones.keys(ZONE)) if key.published)

    def sign(self, keys: frozenset[bytes] | None = None) -> Receipt:
        """As the engine does: by the keys that sign by their times, or else by all of those given."""
        signing = frozenset(key.dnskey for key in asyncio.run(self.zones.keys(ZONE)) if key.published and key.signs)
        if keys is None:
            return asyncio.run(self.zones.sign(ZONE, self.keys(), self.now_is, signing))
        return asyncio.run(self.zones.sign(ZONE, keys, self.now_is))

    def make_keys(self) -> None:
        asyncio.run(self.zones.make_keys(ZONE))

    def plain(self) -> None:
        """As it is on the first day: unsigned, and served as it stands."""
        self.files.served.write_bytes(self.file.read_bytes())

    def edit(self, old: str, new: str) -> None:
        """The operator's editor."""
        text = self.file.read_text()
        assert text.count(old) == 1
        self.file.write_text(text.replace(old, new))

    def content(self) -> tuple[bytes, bytes, int]:
        """What an act that was refused leaves as it was."""
        return self.file.read_bytes(), self.files.served.read_bytes(), len(self.reloads)

    def publish(self, expect: Answer, replace: Answer) -> Receipt | Conflict:
        return asyncio.run(self.publisher.publish(Publish(ZONE, expect, replace)))

    def served(self) -> dict[tuple[dns.name.Name, int], RRset]:
        return read_zone(self.files.served, ZONE).rrsets()

    @property
    def serial(self) -> int:
        return read_zone(self.files.served, ZONE).serial


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def signed(bench: Bench) -> Bench:
    bench.make_keys()
    bench.sign()
    return bench


def test_keys_are_made_once_a_ksk_and_a_zsk_and_only_their_owner_reads_them(bench: Bench) -> None:
    first = asyncio.run(bench.zones.make_keys(ZONE))
    assert asyncio.run(bench.zones.make_keys(ZONE)) == first == asyncio.run(bench.zones.keys(ZONE))
    assert {DNSKEY.from_rdata(key.dnskey).algorithm for key in first} == {13}
    assert {(key.ksk, DNSKEY.from_rdata(key.dnskey).flags) for key in first} == {(True, 257), (False, 256)}
    modes = {path.suffix: stat.S_IMODE(path.stat().st_mode) for path in bench.files.keys.iterdir()}
    assert modes == {".key": 0o644, ".private": 0o600}
    assert {path.name for path in bench.files.keys.iterdir()} == {
        f"Kexample.net.+013+{key.tag:05d}{suffix}" for key in first for suffix in (".key", ".private")
    }


def test_the_first_keys_are_of_another_algorithm_where_that_is_wanted(bench: Bench) -> None:
    keys = asyncio.run(bench.zones.make_keys(ZONE, 15))
    assert {DNSKEY.from_rdata(key.dnskey).algorithm for key in keys} == {15}


def test_making_keys_goes_on_where_it_was_killed(bench: Bench) -> None:
    ksk = make_key(bench.files.keys, ZONE, KSK_FLAGS, START)
    bench.make_keys()
    keys = [key for key, _ in read_keys(bench.files.keys, ZONE)]
    assert len(keys) == 2
    assert ksk in keys


def test_a_new_keys_tag_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = make_key(tmp_path, ZONE, ZSK_FLAGS, START)
    fresh = key_directory._generate(first.dnskey.algorithm)  # type: ignore[arg-type]  # an int that is in the enum
    offered = [first.private, fresh]
    monkeypatch.setattr(key_directory, "_generate", lambda algorithm: offered.pop(0))
    assert make_key(tmp_path, ZONE, ZSK_FLAGS, START).private is fresh


def test_only_the_zones_own_keys_are_read(bench: Bench) -> None:
    bench.make_keys()
    make_key(bench.files.keys, dns.name.from_text("www.example.net."), KSK_FLAGS, START)
    assert len(asyncio.run(bench.zones.keys(ZONE))) == 2


def test_signing_serves_a_right_zone_and_leaves_the_source_but_its_serial(signed: Bench) -> None:
    assert list(zone_faults(ZONE, signed.served().values(), START)) == []
    assert signed.file.read_text() == SOURCE.replace("2016122202", "2026112300")
    assert signed.serial == 2026112300
    assert signed.reloads == [RELOAD]


def test_no_serial_is_served_twice(signed: Bench) -> None:
    signed.edit("ns1 A 192.0.2.1", "ns1 A 192.0.2.2")
    assert signed.sign().serial == 2026112301
    signed.file.write_text(SOURCE)  # the operator's editor wrote an old copy back
    assert signed.sign().serial == 2026112302
    signed.files.served.unlink()
    assert signed.sign().serial == 2026112303


def test_signing_without_keys_is_refused_and_changes_nothing(bench: Bench) -> None:
    bench.plain()
    before = bench.files.served.read_bytes(), bench.file.read_bytes()
    with pytest.raises(DanelawError, match="KEYS_MISSING"):
        bench.sign()
    assert before == (bench.files.served.read_bytes(), bench.file.read_bytes())


def test_a_source_with_dnssec_records_is_refused(bench: Bench) -> None:
    bench.make_keys()
    bench.file.write_text(SOURCE + "www DNSKEY 257 3 13 AAAA\n")
    with pytest.raises(DanelawError, match="ZONE_ALREADY_SIGNED"):
        bench.sign()


def test_a_key_whose_time_has_not_come_stops_signing(bench: Bench) -> None:
    make_key(bench.files.keys, ZONE, KSK_FLAGS, START + timedelta(days=1))
    with pytest.raises(DanelawError, match="KEY_NOT_ACTIVE"):
        bench.sign()


def test_a_failed_reload_is_told_with_what_the_server_said(signed: Bench) -> None:
    signed.status = 3
    with pytest.raises(DanelawError) as caught:
        signed.publish(NOTHING, tlsa(1))
    assert (caught.value.code, caught.value.evidence) == ("RELOAD_FAILED", "what the server said")
    signed.status = 0
    assert signed.publish(NOTHING, tlsa(1)) == Receipt(signed.serial), "the next try goes on"
    assert signed.reloads == [RELOAD] * 3


def test_before_the_first_signing_the_zone_is_served_plain_even_with_keys_there(bench: Bench) -> None:
    bench.plain()
    bench.make_keys()
    assert isinstance(bench.publish(NOTHING, tlsa(1)), Receipt)
    assert {type for _, type in bench.served()} == {T.SOA, T.NS, T.A, T.TLSA}


def test_a_served_file_that_is_lost_is_made_anew_by_signing_and_by_nothing_else(signed: Bench) -> None:
    signed.files.served.unlink()
    with pytest.raises(DanelawError, match="SOURCE_AHEAD"):
        signed.publish(NOTHING, tlsa(1))
    assert not signed.files.served.exists()
    assert tlsa(1) not in read_zone(signed.file, ZONE).rrsets().values()
    signed.sign()
    assert isinstance(signed.publish(NOTHING, tlsa(1)), Receipt)


def keys_replaced(bench: Bench) -> None:
    for path in list(bench.files.keys.iterdir()):
        path.rename(bench.folder / path.name)
    bench.make_keys()


def key_added(bench: Bench) -> None:
    make_key(bench.files.keys, ZONE, ZSK_FLAGS, START)


def key_gone(bench: Bench) -> None:
    for path in list(bench.files.keys.iterdir()):
        if path.suffix == ".key" and " 256 " in path.read_text():
            path.rename(bench.folder / path.name)


CHANGES_OF_KEYS = pytest.mark.parametrize("change", [keys_replaced, key_added, key_gone])


@CHANGES_OF_KEYS
def test_a_zone_is_signed_by_the_keys_that_were_judged_or_not_at_all(
    signed: Bench, change: Callable[[Bench], None]
) -> None:
    judged, before = signed.keys(), signed.content()
    change(signed)
    with pytest.raises(DanelawError, match="KEYS_CHANGED"):
        signed.sign(judged)
    assert signed.content() == before
    signed.sign(signed.keys())
    assert signed.served()[ZONE, T.DNSKEY].rdatas == signed.keys()


@CHANGES_OF_KEYS
def test_publishing_never_changes_the_keys_of_a_signed_zone(signed: Bench, change: Callable[[Bench], None]) -> None:
    before = signed.content()
    change(signed)
    with pytest.raises(DanelawError, match="KEYS_CHANGED"):
        signed.publish(NOTHING, tlsa(1))
    assert signed.content() == before
    signed.sign(signed.keys())
    assert isinstance(signed.publish(NOTHING, tlsa(1)), Receipt)


def test_publishing_without_keys_is_refused(signed: Bench) -> None:
    signed.files.keys.rename(signed.folder / "elsewhere")
    before = signed.content()
    with pytest.raises(DanelawError, match="KEYS_MISSING"):
        signed.publish(NOTHING, tlsa(1))
    assert signed.content() == before


OTHER = "_25._tcp.example.net."
EDITS = pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("ns1 A 192.0.2.1\n", "ns1 A 192.0.2.2\n", "ns1.example.net. A"),
        ("ns1 A 192.0.2.1\n", "ns1 3600 A 192.0.2.1\n", "ns1.example.net. A"),
        ("ns1 A 192.0.2.1\n", "ns1 A 192.0.2.1\nns1 AAAA 2001:db8::1\n", "ns1.example.net. AAAA"),
        ("ns1 A 192.0.2.1\n", "ns1 A 192.0.2.1\nwww CNAME ns1\n", "www.example.net. CNAME"),
        ("ns1 A 192.0.2.1\n", "ns1 A 192.0.2.1\nftp DNAME ns1\n", "ftp.example.net. DNAME"),
        ("ns1 A 192.0.2.1\n", f"ns1 A 192.0.2.1\n{OTHER} TLSA 3 1 1 00\n", f"{OTHER} TLSA"),
        ("_26._tcp TLSA 3 1 1 01\n", "", "_26._tcp.example.net. TLSA"),
    ],
    ids=["address", "its TTL", "second address", "alias", "tree of aliases", "record", "record gone"],
)


@pytest.fixture(params=["signed", "plain"])
def served(request: pytest.FixtureRequest, bench: Bench) -> Bench:
    bench.edit("ns1 A", "_26._tcp TLSA 3 1 1 01\nns1 A")
    bench.plain()
    if request.param == "signed":
        bench.make_keys()
        bench.sign()
    return bench


@EDITS
def test_publishing_puts_no_edit_live_that_services_depend_on(served: Bench, old: str, new: str, named: str) -> None:
    served.edit(old, new)
    before = served.content()
    with pytest.raises(DanelawError) as caught:
        served.publish(NOTHING, tlsa(1))
    assert (caught.value.code, caught.value.evidence) == ("SOURCE_AHEAD", named)
    assert served.content() == before
    served.file.write_text(served.file.read_text().replace(new, old) if new else f"{served.file.read_text()}{old}")
    assert isinstance(served.publish(NOTHING, tlsa(1)), Receipt)


@EDITS
def test_signing_puts_edits_live_and_names_them(bench: Bench, old: str, new: str, named: str) -> None:
    bench.edit("ns1 A", "_26._tcp TLSA 3 1 1 01\nns1 A")
    bench.make_keys()
    assert bench.sign().note == ""
    bench.edit(old, new)
    assert bench.sign().note == f"with what was edited: {named}"
    assert bench.publish(NOTHING, tlsa(1)) == Receipt(bench.serial)


def test_other_edits_of_the_operator_hold_nothing_up(served: Bench) -> None:
    served.edit("  NS ns1\n", "  NS ns1\n  MX 10 ns1 ; a remark\nnotes TXT hello\n")
    assert isinstance(served.publish(NOTHING, tlsa(1)), Receipt)
    assert (ZONE, T.MX) in served.served()


def test_an_edit_of_the_rrset_in_hand_is_what_was_judged_or_a_conflict(signed: Bench) -> None:
    signed.publish(NOTHING, tlsa(1))
    signed.edit("01" * 32, "02" * 32)
    assert signed.publish(tlsa(1), tlsa(3)) == Conflict(tlsa(2))
    assert isinstance(signed.publish(tlsa(1), tlsa(2)), Receipt)
    assert signed.served()[OWNER, T.TLSA].rdatas == tlsa(2).rdatas


def test_publishing_replaces_one_rrset_and_signs_it(signed: Bench) -> None:
    assert signed.publish(NOTHING, tlsa(1)) == Receipt(2026112301)
    assert signed.publish(tlsa(1), tlsa(2)) == Receipt(2026112302)
    assert signed.served()[OWNER, T.TLSA].rdatas == tlsa(2).rdatas
    assert list(zone_faults(ZONE, signed.served().values(), START)) == []
    assert signed.publish(tlsa(2), NOTHING) == Receipt(2026112303)
    assert (OWNER, T.TLSA) not in signed.served()
    assert signed.file.read_text() == SOURCE.replace("2016122202", "2026112303")


@pytest.mark.parametrize(("there", "expect"), [(NOTHING, tlsa(1)), (tlsa(1), NOTHING), (tlsa(1), tlsa(2))])
def test_an_expectation_that_does_not_hold_changes_nothing(signed: Bench, there: Answer, expect: Answer) -> None:
    if isinstance(there, RRset):
        signed.publish(NOTHING, there)
    before = signed.file.read_bytes(), signed.files.served.read_bytes(), list(signed.reloads)
    assert signed.publish(expect, tlsa(3)) == Conflict(there)
    assert before == (signed.file.read_bytes(), signed.files.served.read_bytes(), signed.reloads)


def test_ttl_and_signatures_are_no_part_of_the_expectation(signed: Bench) -> None:
    signed.publish(NOTHING, tlsa(1))
    seen = RRset(OWNER, T.TLSA, 3, tlsa(1).rdatas, frozenset({b"some signature"}))
    assert isinstance(signed.publish(seen, tlsa(2)), Receipt)


def test_publishing_again_only_reloads(signed: Bench) -> None:
    first = signed.publish(NOTHING, tlsa(1))
    before = signed.files.served.read_bytes()
    assert signed.publish(NOTHING, tlsa(1)) == first
    assert signed.files.served.read_bytes() == before
    assert signed.reloads == [RELOAD] * 3


def test_publishing_again_renews_what_is_wrong_with_the_served_file(signed: Bench) -> None:
    signed.publish(NOTHING, tlsa(1))
    signed.now_is += timedelta(days=21)
    assert list(zone_faults(ZONE, signed.served().values(), signed.now_is))
    signed.publish(NOTHING, tlsa(1))
    assert list(zone_faults(ZONE, signed.served().values(), signed.now_is)) == []


class Killed(BaseException):
    """Stands for a kill: nothing may handle it."""


@pytest.mark.parametrize("renames", [0, 1])
def test_a_kill_between_the_writes_leaves_a_zone_that_the_next_run_completes(
    signed: Bench, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    left = [None] * renames
    rename = Path.replace

    def dying(self: Path, target: Path) -> Path:
        if not left:
            raise Killed
        left.pop()
        return rename(self, target)

    old = signed.served()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", dying)
        with pytest.raises(Killed):
            signed.publish(NOTHING, tlsa(1))
    assert signed.served() == old
    assert list(zone_faults(ZONE, old.values(), START)) == []
    assert isinstance(signed.publish(NOTHING, tlsa(1)), Receipt)
    assert signed.served()[OWNER, T.TLSA].rdatas == tlsa(1).rdatas
    assert not [path for path in signed.folder.iterdir() if path.name.startswith(".")], "no temporary file stays"


@pytest.mark.parametrize("written", ["", f"{OWNER} 30 TLSA 3 1 1 {'01' * 32}\n"], ids=["withdrawn", "by the operator"])
def test_a_change_that_the_source_holds_already_is_just_served(signed: Bench, written: str) -> None:
    """A killed withdrawal leaves nothing in the block; the operator may have written what is to be published."""
    before, wanted = (NOTHING, tlsa(1)) if written else (tlsa(1), NOTHING)
    if not written:
        signed.publish(NOTHING, tlsa(1))
    signed.file.write_text(SOURCE + written)
    assert isinstance(signed.publish(before, wanted), Receipt)
    assert ((OWNER, T.TLSA) in signed.served()) == bool(written)


def test_what_a_killed_run_left_in_the_block_goes_live_with_the_next_change(
    signed: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.replace

    def dying(self: Path, target: Path) -> Path:
        if target == signed.files.served:
            raise Killed
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", dying)
        with pytest.raises(Killed):
            signed.publish(NOTHING, tlsa(1))
    assert (OWNER, T.TLSA) not in signed.served()
    other = dns.name.from_text(OTHER)
    signed.publish(Absence(other, T.TLSA, 60), RRset(other, T.TLSA, 30, tlsa(2).rdatas))
    assert {(OWNER, T.TLSA), (other, T.TLSA)} <= signed.served().keys()


def test_a_signer_that_errs_is_found_out_before_anything_is_written(
    signed: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = unsigned_zone

    def erring(*args: Any) -> UnsignedZone:
        zone = right(*args)
        return replace(zone, rrsets={place: rrset for place, rrset in zone.rrsets.items() if rrset.type != T.NSEC})

    monkeypatch.setattr(signer, "unsigned_zone", erring)
    before = signed.file.read_bytes(), signed.files.served.read_bytes()
    with pytest.raises(DanelawError, match="ZONE_SELF_CHECK"):
        signed.sign()
    assert before == (signed.file.read_bytes(), signed.files.served.read_bytes())


def test_one_writer_at_a_time(signed: Bench) -> None:
    lock = signed.folder / "example.net.zone.danelaw-lock"
    with lock.open("r+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(DanelawError, match="ZONE_LOCKED"):
            signed.publish(NOTHING, tlsa(1))
    assert isinstance(signed.publish(NOTHING, tlsa(1)), Receipt)


@pytest.mark.parametrize("first", [Bench.plain, Bench.sign])
@pytest.mark.parametrize(
    "act",
    [
        lambda bench: bench.publish(NOTHING, tlsa(1)),
        lambda bench: bench.sign(),
        lambda bench: asyncio.run(bench.zones.serve(ZONE, bench.now_is, full=True)),
    ],
)
def test_what_somebody_writes_meanwhile_is_not_lost(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, first: Callable[[Bench], object], act: Callable[[Bench], object]
) -> None:
    """An editor takes no lock, and a large zone takes its time."""
    bench.make_keys()
    first(bench)
    bench.now_is += timedelta(days=9)  # there is something to be signed again
    written = signer.written

    def meanwhile(*args: Any) -> str:
        bench.edit("an operator's remark", "another one")
        return written(*args)

    monkeypatch.setattr(signer, "written", meanwhile)
    served, reloads = bench.content()[1:]
    with pytest.raises(DanelawError) as caught:
        act(bench)
    assert caught.value.code == "SOURCE_CHANGED"
    monkeypatch.undo()
    there, *now = bench.content()
    assert (b"another one" in there, now) == (True, [served, reloads])
    act(bench)
    assert "another one" in bench.file.read_text()
    assert len(bench.reloads) == reloads + 1


def test_a_lock_file_that_is_a_link_is_not_followed(signed: Bench) -> None:
    lock, before = signed.folder / "example.net.zone.danelaw-lock", signed.content()
    lock.unlink()
    lock.symlink_to("foreign")
    with pytest.raises(DanelawError, match="ZONE_LOCK_UNUSABLE"):
        signed.publish(NOTHING, tlsa(1))
    assert not (signed.folder / "foreign").exists()
    assert signed.content() == before


@pytest.mark.parametrize(("mode", "good"), [(0o600, True), (0o640, True), (0o644, False), (0o660, False)])
def test_a_private_key_that_is_open_to_others_is_not_used(signed: Bench, mode: int, good: bool) -> None:
    for path in signed.files.keys.glob("*.private"):
        path.chmod(mode)
    if good:
        assert len(signed.keys()) == 2
    else:
        with pytest.raises(DanelawError, match="KEYS_UNREADABLE") as caught:
            signed.keys()
        assert (caught.value.evidence, "chmod 600" in caught.value.hint) == (f"its mode is {mode:04o}", True)


def test_two_changes_at_once_take_turns(signed: Bench) -> None:
    other = RRset(dns.name.from_text("_25._tcp.example.net."), T.TLSA, 30, tlsa(1).rdatas)

    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(signed.publisher.publish(Publish(ZONE, NOTHING, tlsa(1))))
            group.create_task(signed.publisher.publish(Publish(ZONE, Absence(other.owner, T.TLSA, 60), other)))

    asyncio.run(both())
    assert signed.blocking.most == 1
    assert {(OWNER, T.TLSA), (other.owner, T.TLSA)} <= signed.served().keys()


@pytest.mark.parametrize(
    ("owner", "type"), [("example.net.", T.SOA), ("example.net.", T.DNSKEY), ("example.org.", T.TLSA)]
)
def test_some_records_are_not_for_publishers(signed: Bench, owner: str, type: int) -> None:
    name = dns.name.from_text(owner)
    with pytest.raises(DanelawError, match="NOT_PUBLISHABLE"):
        signed.publish(Absence(name, type, 60), RRset(name, type, 30, frozenset({b"x"})))


def test_a_zone_that_is_not_configured_is_named(signed: Bench) -> None:
    with pytest.raises(DanelawError, match="ZONE_UNKNOWN"):
        asyncio.run(signed.zones.keys(dns.name.from_text("example.org.")))


def test_a_replaced_file_keeps_its_permissions_and_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "real").chmod(0o640)
    (tmp_path / "link").symlink_to("real")
    disk.write_atomically(tmp_path / "link", b"new", 0o600)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"
    assert stat.S_IMODE((tmp_path / "real").stat().st_mode) == 0o640
    assert {path.name for path in tmp_path.iterdir()} == {"link", "real"}


# -- the operator's edits ---------------------------------------------------------------------------------------------


def edited(bench: Bench) -> bool:
    return asyncio.run(bench.zones.edited(ZONE))


def test_what_was_signed_is_not_edited(bench: Bench) -> None:
    bench.make_keys()
    bench.sign()
    assert not edited(bench)
    assert not edited(bench)


def test_an_edit_is_noticed_once_it_is_saved_and_over_once_it_is_signed(bench: Bench) -> None:
    bench.make_keys()
    bench.sign()
    assert not edited(bench)
    bench.file.write_text(bench.file.read_text() + 'added IN TXT "by the operator"\n')
    assert edited(bench)
    bench.sign()
    assert not edited(bench)


def test_a_raised_serial_alone_is_no_edit(bench: Bench) -> None:
    bench.make_keys()
    bench.sign()
    text = bench.file.read_text()
    serial = str(bench.serial)
    assert text.count(serial) == 1
    bench.file.write_text(text.replace(serial, str(bench.serial + 1)))
    assert not edited(bench)


def test_a_lost_served_file_counts_as_an_edit(bench: Bench) -> None:
    bench.make_keys()
    bench.sign()
    bench.files.served.unlink()
    assert edited(bench)


# -- what is due ------------------------------------------------------------------------------------------------------


def due(bench: Bench) -> datetime | None:
    return asyncio.run(bench.zones.due(ZONE))


def test_what_is_not_signed_is_not_to_be_signed_again(bench: Bench) -> None:
    assert due(bench) is None
    bench.plain()
    assert due(bench) is None


def test_signing_renews_something_from_when_it_is_due_and_nothing_before(bench: Bench) -> None:
    bench.make_keys()
    serial = bench.sign().serial
    first = due(bench)
    assert first is not None
    bench.now_is = first - timedelta(seconds=1)
    assert bench.sign().serial == serial
    bench.now_is = first
    assert bench.sign().serial != serial
    again = due(bench)
    assert again is not None
    assert again > first


def test_a_zone_that_is_signed_when_it_is_due_never_holds_a_signature_near_its_end(bench: Bench) -> None:
    """Also those that the last signing just left alone, while the ones of DNSKEY and SOA were renewed."""
    bench.edit("1209600", "3600")
    bench.edit("ns1 A", "".join(f"www{number} A 192.0.2.7\n" for number in range(40)) + "ns1 A")
    bench.make_keys()
    bench.sign()
    left = []
    while bench.now_is < START + timedelta(days=60):
        first = due(bench)
        assert first is not None
        assert first > bench.now_is
        bench.now_is = first
        zone = read_zone(bench.files.served, ZONE).rrsets().values()
        left.append(first_expiration(zone, bench.now_is) - bench.now_is)
        bench.sign()
    assert min(left) >= timedelta(days=14) / 3


def test_when_another_key_is_to_sign_the_zone_is_due(bench: Bench) -> None:
    bench.make_keys()
    bench.sign()
    (zsk,) = (key for key, _ in read_keys(bench.files.keys, ZONE) if not key.dnskey.is_sep)
    file = bench.files.keys / f"K{ZONE}+013+{zsk.tag:05}.key"
    private = file.with_suffix(".private")
    private.write_text(
        re.sub(r"(?m)^Activate: .*", f"Activate: {START + timedelta(hours=2):%Y%m%d%H%M%S}", private.read_text())
    )
    file.write_text(
        re.sub(r"(?m)^; Activate: .*", f"; Activate: {START + timedelta(hours=2):%Y%m%d%H%M%S}", file.read_text())
    )
    assert due(bench) == START
    bench.sign()
    assert due(bench) != START
    bench.now_is = START + timedelta(hours=2)
    assert due(bench) == bench.now_is


# -- what is no file --------------------------------------------------------------------------------------------------


def test_what_is_no_file_is_not_replaced_by_one(tmp_path: Path) -> None:
    """Whoever writes as root would else make a file of /dev/null."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DanelawError) as caught:
        disk.write_atomically(tmp_path / "pipe", b"new", 0o644)
    assert (caught.value.code, caught.value.evidence) == ("FILE_UNWRITABLE", "it is not a regular file")
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@pytest.mark.parametrize("text", [None, "$INCLUDE /dev/zero\n"], ids=["itself", "included"])
def test_a_device_is_not_read(bench: Bench, text: str | None) -> None:
    """Some give octets for as long as there is memory."""
    path = Path("/dev/zero")
    if text is not None:
        path = bench.file
        path.write_text(SOURCE + text)
    with pytest.raises(DanelawError, match="it is a device") as caught:
        read_zone(path, ZONE)
    assert caught.value.code == "ZONE_UNREADABLE"


def test_who_names_the_zone_file_by_a_link_takes_the_same_lock(bench: Bench) -> None:
    link = bench.folder / "elsewhere" / "link"
    link.parent.mkdir()
    link.symlink_to(bench.file)
    assert replace(bench.files, file=link).lock == bench.files.lock


def test_whoever_may_not_give_files_away_keeps_the_group_by_which_others_read_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "zone").write_text("old")
    owner = (tmp_path / "zone").stat()
    asked = []

    def fchown(descriptor: int, user: int, group: int) -> None:
        asked.append((user, group))
        if user != -1:
            raise PermissionError

    monkeypatch.setattr(os, "fchown", fchown)
    disk.write_atomically(tmp_path / "zone", b"new", 0o644)
    assert asked == [(owner.st_uid, owner.st_gid), (-1, owner.st_gid)]
    assert (tmp_path / "zone").read_text() == "new"


@pytest.mark.parametrize(("mode", "lock"), [(0o664, 0o660), (0o644, 0o600)])
def test_a_group_that_edits_the_zone_shares_its_lock(bench: Bench, mode: int, lock: int) -> None:
    bench.file.chmod(mode)
    bench.make_keys()
    made = bench.files.lock.stat()
    assert stat.S_IMODE(made.st_mode) == lock
    assert made.st_gid == bench.file.stat().st_gid
