"""Signing and publishing zones in files, step by step and across kills."""

from __future__ import annotations

import asyncio
import fcntl
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import dns.name
import pytest
from dns.rdatatype import RdataType as T

from danelaw.adapters.publish.zonefile import ZonefilePublisher
from danelaw.adapters.zone import disk, file_zones, key_directory
from danelaw.adapters.zone.file_zones import FileZones, ZoneFile
from danelaw.adapters.zone.key_directory import KSK_FLAGS, ZSK_FLAGS, make_key, read_keys
from danelaw.adapters.zone.master_file import read_zone
from danelaw.core.dnssec.keys import DNSKEY
from danelaw.core.dnssec.sign import sign_zone
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

    def __post_init__(self) -> None:
        self.file = self.folder / "example.net.zone"
        self.file.write_text(SOURCE)
        self.files = ZoneFile(self.file, self.folder / "keys", self.folder / "served", RELOAD)
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

    def sign(self) -> Receipt:
        return asyncio.run(self.zones.sign(ZONE, self.now_is))

    def make_keys(self) -> None:
        asyncio.run(self.zones.make_keys(ZONE))

    def plain(self) -> Receipt:
        return asyncio.run(self.zones.publish_plain(ZONE, self.now_is))

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
    assert {(key.ksk, DNSKEY.from_rdata(key.dnskey).flags) for key in first} == {(True, 257), (False, 256)}
    modes = {path.suffix: stat.S_IMODE(path.stat().st_mode) for path in bench.files.keys.iterdir()}
    assert modes == {".key": 0o644, ".private": 0o600}
    assert {path.name for path in bench.files.keys.iterdir()} == {
        f"Kexample.net.+013+{key.tag:05d}{suffix}" for key in first for suffix in (".key", ".private")
    }


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


def test_a_signed_zone_never_loses_its_signatures(signed: Bench) -> None:
    with pytest.raises(DanelawError, match="ZONE_IS_SIGNED"):
        signed.plain()
    signed.files.served.unlink()
    signed.publish(NOTHING, tlsa(1))
    assert (ZONE, T.DNSKEY) in signed.served()


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
    signed.now_is += timedelta(days=15)
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


def test_a_signer_that_errs_is_found_out_before_anything_is_written(
    signed: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = sign_zone

    def erring(*args: object, **kwargs: object) -> tuple[RRset, ...]:
        zone = right(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they came
        return tuple(rrset for rrset in zone if rrset.type != T.NSEC)

    monkeypatch.setattr(file_zones, "sign_zone", erring)
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
