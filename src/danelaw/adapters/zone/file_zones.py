"""Zones in files behind the ``Zones`` port: the operator's source file, a key directory, and the file that is served.

Danelaw alone writes the served file: the signed zone, from the first signing on. What is in it was judged; what lies
in the source and among the keys since then was not, so an update puts neither live.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

import dns.rdatatype
from dns.name import Name
from dns.rdatatype import RdataType

from danelaw.adapters.zone.disk import locked, staged
from danelaw.adapters.zone.edit import in_block, raise_serial
from danelaw.adapters.zone.entries import ENCODING
from danelaw.adapters.zone.key_directory import KSK_FLAGS, ZSK_FLAGS, make_key, read_keys
from danelaw.adapters.zone.master_file import ZoneSource, parse_zone, read_zone, zone_text
from danelaw.core.dnssec.keys import DNSKEY, ZoneKey
from danelaw.core.dnssec.sign import MADE_BY_SIGNING, UnsignableError, sign_zone
from danelaw.core.dnssec.zone_check import zone_faults
from danelaw.core.model import DanelawError, Instant, RRset
from danelaw.core.rollover.actions import Conflict, Receipt
from danelaw.ports import Blocking, Clock, Commands, ZoneKeyFacts

T = TypeVar("T")

OF_SERVICES: Final = frozenset({RdataType.A, RdataType.AAAA, RdataType.CNAME, RdataType.DNAME, RdataType.TLSA})
"""What clients reach and judge a service by."""


@dataclass(frozen=True, slots=True)
class ZoneFile:
    """Where one zone is kept.

    ``file``: the operator's source. ``served``: what the name server loads. ``reload``: the program that makes it do
    so; empty: none is needed. ``dnskey_ttl`` in seconds, None: the SOA's.
    """

    file: Path
    keys: Path
    served: Path
    reload: tuple[str, ...] = ()
    dnskey_ttl: int | None = None


@dataclass(frozen=True, slots=True)
class SigningTimes:
    """Signatures count from ``backdated`` before signing, for clocks that are slow, until ``validity`` after it."""

    backdated: timedelta = timedelta(hours=1)
    validity: timedelta = timedelta(days=14)


Edit = Callable[[ZoneSource], ZoneSource | Conflict]
"""Gives the zone as it shall be, the same one where nothing needs to change, or why nothing may."""


class FileZones:
    """Implements ``ports.Zones``. ``limit``: how long file work, and then a reload, may take each."""

    def __init__(
        self,
        zones: Mapping[Name, ZoneFile],
        clock: Clock,
        blocking: Blocking,
        commands: Commands,
        *,
        times: SigningTimes = SigningTimes(),
        limit: timedelta = timedelta(seconds=60),
    ) -> None:
        self._zones = dict(zones)
        self._clock = clock
        self._blocking = blocking
        self._commands = commands
        self._times = times
        self._limit = limit
        self._turns = {zone: asyncio.Lock() for zone in zones}
        self._compared: dict[Name, tuple[object, bool]] = {}

    async def keys(self, zone: Name) -> Sequence[ZoneKeyFacts]:
        """The zone's keys, by algorithm and tag. Raises ``KEYS_UNREADABLE``."""
        directory = self._of(zone).keys
        return [_facts(key) for key, _ in await self._blocking.call(partial(read_keys, directory, zone), self._limit)]

    async def edited(self, zone: Name) -> bool:
        """Whether source and served file differ in anything but the serial and what signing makes.

        Read again only when one of the two has changed. Raises as reading the files does.
        """
        files = self._of(zone)

        def differ() -> bool:
            stamps = _stamp(files.file), _stamp(files.served)
            known = self._compared.get(zone)
            if known is not None and known[0] == stamps:
                return known[1]
            there = files.served.exists()
            answer = not there or _but_serial(read_zone(files.file, zone)) != _but_serial(read_zone(files.served, zone))
            self._compared[zone] = (stamps, answer)
            return answer

        return await self._blocking.call(differ, self._limit)

    async def make_keys(self, zone: Name) -> Sequence[ZoneKeyFacts]:
        """Makes what is missing of a KSK and a ZSK, and gives all keys of the zone."""
        files, created = self._of(zone), self._clock.now()

        def make() -> list[ZoneKeyFacts]:
            have = {key.dnskey.is_sep for key, _ in read_keys(files.keys, zone)}
            for flags, is_sep in ((KSK_FLAGS, True), (ZSK_FLAGS, False)):
                if is_sep not in have:
                    make_key(files.keys, zone, flags, created)
            return [_facts(key) for key, _ in read_keys(files.keys, zone)]

        async with self._turns[zone]:
            return await self._exclusively(files, make)

    async def sign(self, zone: Name, keys: frozenset[bytes], now: Instant) -> Receipt:
        """Signs the source with ``keys`` (DNSKEY rdata), under a serial that was never served, and reloads.

        They must be all that the directory holds. The operator's edits of what services are reached by go live with
        it, and the receipt names them. Raises ``DanelawError``: ``KEYS_MISSING``, ``KEYS_UNREADABLE``,
        ``KEYS_CHANGED``, ``KEY_NOT_ACTIVE``, ``ZONE_UNSIGNABLE``, ``ZONE_ALREADY_SIGNED``, ``ZONE_LOCKED``,
        ``ZONE_LOCK_UNUSABLE``, ``ZONE_TIMEOUT``, ``RELOAD_FAILED``, and those of reading and editing the file.
        """
        files = self._of(zone)

        def work() -> Receipt:
            source = read_zone(files.file, zone)
            ahead = _ahead(source, read_zone(files.served, zone)) if files.served.exists() else ()
            serial = self._write(source, files, now, keys)
            return Receipt(serial, f"with what was edited: {', '.join(ahead)}" if ahead else "")

        async with self._turns[zone]:
            return await self._reloaded(files, await self._exclusively(files, work))

    async def update(self, zone: Name, concerned: tuple[Name, int], now: Instant, edit: Edit) -> Receipt | Conflict:
        """Edits the RRset ``concerned``, an owner and a type, and serves it, signed if the zone is served signed.

        Where ``edit`` changes nothing and the served file is right, the name server is just told to reload. Raises as
        ``sign`` does; ``KEYS_CHANGED`` if the directory's keys are not those that are served; ``SOURCE_AHEAD`` if
        edits of what services are reached by would go live with it.
        """
        files = self._of(zone)

        def work() -> Receipt | Conflict:
            source = read_zone(files.file, zone)
            edited = edit(source)
            if isinstance(edited, Conflict):
                return edited
            served = _served(files, zone)
            dnskey = served.rrsets().get((zone, int(RdataType.DNSKEY)))
            keys = dnskey.rdatas if dnskey else None
            if edited == source and _up_to_date(source, served, files, now, keys):
                return Receipt(source.serial)
            if ahead := _ahead(source, served, concerned):
                raise DanelawError(
                    "SOURCE_AHEAD",
                    f"{files.file} holds edits that are not served, and that nobody has judged",
                    evidence=", ".join(ahead),
                    hint="put them back, or let the zone be signed anew first: they go live with that",
                )
            return Receipt(self._write(edited, files, now, keys))

        async with self._turns[zone]:
            done = await self._exclusively(files, work)
            return done if isinstance(done, Conflict) else await self._reloaded(files, done)

    # -- inside -------------------------------------------------------------------------------------------------

    def _of(self, zone: Name) -> ZoneFile:
        if zone not in self._zones:
            raise DanelawError("ZONE_UNKNOWN", f"no files are configured for the zone {zone}")
        return self._zones[zone]

    async def _exclusively(self, files: ZoneFile, work: Callable[[], T]) -> T:
        def alone() -> T:
            with locked(files.file.with_name(f"{files.file.name}.danelaw-lock")):
                return work()

        try:
            return await self._blocking.call(alone, self._limit)
        except TimeoutError as error:
            raise DanelawError("ZONE_TIMEOUT", f"work on {files.file} took longer than {self._limit}") from error

    async def _reloaded(self, files: ZoneFile, written: Receipt) -> Receipt:
        if files.reload:
            hint = "the zone's files are written; once the cause is gone the next pass goes on"
            try:
                result = await self._commands.run(files.reload, self._limit)
            except TimeoutError as error:
                raise DanelawError("RELOAD_FAILED", f"{files.reload[0]} took too long", hint=hint) from error
            if result.status:
                said = f"{' '.join(files.reload)} ended with status {result.status}"
                raise DanelawError("RELOAD_FAILED", said, evidence=result.output, hint=hint)
        return written

    def _write(self, source: ZoneSource, files: ZoneFile, now: datetime, keys: frozenset[bytes] | None) -> int:
        """Writes the source under a new serial, and the served file from it; gives the serial. No ``keys``: unsigned.

        Nothing is put in place before all of it is made and checked. Killed between the two, the old zone is served
        and the next run finds the served file behind the source.
        """
        served = (read_zone(files.served, source.apex).serial,) if files.served.exists() else ()
        raised = raise_serial(source, served, now)
        rrsets = tuple(_plain(raised).values()) if keys is None else self._signed(raised, files, now, keys)
        text = zone_text(rrsets, f"written by Danelaw from {files.file}; changes made here are lost")
        _prove(text, rrsets, files, raised.apex, now, signed=keys is not None)
        with (
            staged(files.served, text.encode(ENCODING), 0o644) as put_served,
            staged(files.file, raised.text.encode(ENCODING), 0o644) as put_source,
        ):
            put_source()
            put_served()
        return raised.serial

    def _signed(
        self, source: ZoneSource, files: ZoneFile, now: datetime, wanted: frozenset[bytes]
    ) -> tuple[RRset, ...]:
        there = read_keys(files.keys, source.apex)
        if not there:
            raise DanelawError("KEYS_MISSING", f"{files.keys} holds no keys of {source.apex}")
        keys = []
        if frozenset(key.dnskey.to_rdata() for key, _ in there) != wanted:
            raise DanelawError(
                "KEYS_CHANGED",
                f"the keys in {files.keys} are not those that {source.apex} is signed by, so nothing was changed",
                evidence=f"there: {_tags(key.dnskey for key, _ in there)}; "
                f"expected: {_tags(map(DNSKEY.from_rdata, wanted))}",
                hint="put the keys back as they were; other keys are for the zone's own signing, which is judged",
            )
        for key, times in there:
            if not times.active(now):
                raise DanelawError(
                    "KEY_NOT_ACTIVE",
                    f"the times in the files of key {key.tag} do not let it sign {source.apex} now",
                    hint="every key in the directory signs; move the others away",
                )
            keys.append(key)
        try:
            return sign_zone(
                source.apex,
                _plain(source).values(),
                [key for key in keys if key.dnskey.is_sep],
                [key for key in keys if not key.dnskey.is_sep],
                now - self._times.backdated,
                now + self._times.validity,
                dnskey_ttl=files.dnskey_ttl,
            )
        except UnsignableError as error:
            raise DanelawError("ZONE_UNSIGNABLE", f"{source.apex} cannot be signed", evidence=str(error)) from error


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file does."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _tags(keys: Iterable[DNSKEY]) -> str:
    return ", ".join(sorted(f"{'KSK' if key.is_sep else 'ZSK'} {key.tag}" for key in keys)) or "none"


def _facts(key: ZoneKey) -> ZoneKeyFacts:
    return ZoneKeyFacts(key.dnskey.to_rdata(), key.tag, key.dnskey.is_sep)


def _plain(source: ZoneSource) -> dict[tuple[Name, int], RRset]:
    """The source's RRsets, none of which signing makes."""
    rrsets = source.rrsets()
    for owner, type in rrsets:
        if type in MADE_BY_SIGNING:
            raise DanelawError(
                "ZONE_ALREADY_SIGNED",
                f"{source.path} holds DNSSEC records of its own, such as those at {owner}",
                hint="keep the unsigned zone in this file, without $INCLUDE of key files: keys are found by themselves",
            )
    return rrsets


def _served(files: ZoneFile, zone: Name) -> ZoneSource:
    """What is served. Raises ``SOURCE_AHEAD`` where that is not known: neither records nor keys could be compared."""
    if not files.served.exists():
        raise DanelawError(
            "SOURCE_AHEAD",
            f"what is served of {zone} is not known",
            evidence=f"{files.served} is not there",
            hint="bring it back, from a secondary for instance, or let the zone be signed anew first",
        )
    return read_zone(files.served, zone)


def _ahead(source: ZoneSource, served: ZoneSource, but: tuple[Name, int] | None = None) -> tuple[str, ...]:
    """Where the source and the served file differ in what services are reached by.

    What stands in Danelaw's block is Danelaw's own: whoever is killed between the two files leaves such a difference.
    """
    wanted, live, ours = _content(source), _content(served), in_block(source)
    return tuple(
        f"{owner} {dns.rdatatype.to_text(RdataType.make(type))}"
        for owner, type in sorted(wanted.keys() | live.keys())
        if type in OF_SERVICES
        and (owner, type) != but
        and (owner, type) not in ours
        and wanted.get((owner, type)) != live.get((owner, type))
    )


def _content(zone: ZoneSource) -> dict[tuple[Name, int], RRset]:
    """The RRsets that signing does not make, without their signatures."""
    rrsets = zone.rrsets()
    return {key: replace(rrset, rrsigs=frozenset()) for key, rrset in rrsets.items() if key[1] not in MADE_BY_SIGNING}


def _but_serial(zone: ZoneSource) -> dict[tuple[Name, int], RRset]:
    """``_content``, with the serial of the SOA taken out (RFC 1035 §3.3.13: five numbers end its rdata)."""
    content = _content(zone)
    key = (zone.apex, int(RdataType.SOA))
    if key in content:
        rdatas = frozenset(rdata[:-20] + rdata[-16:] for rdata in content[key].rdatas)
        content[key] = replace(content[key], rdatas=rdatas)
    return content


def _up_to_date(
    source: ZoneSource, served: ZoneSource, files: ZoneFile, now: datetime, keys: frozenset[bytes] | None
) -> bool:
    """Whether the served file says what the source does, serial and all, rightly signed by just the keys there are."""
    if keys is None or _content(served) != source.rrsets():
        return _content(served) == source.rrsets()
    there = frozenset(key.dnskey.to_rdata() for key, _ in read_keys(files.keys, source.apex))
    return there == keys and next(zone_faults(source.apex, served.rrsets().values(), now), None) is None


def _prove(text: str, rrsets: Sequence[RRset], files: ZoneFile, apex: Name, now: datetime, *, signed: bool) -> None:
    """Raises ``ZONE_SELF_CHECK`` unless the text, read back, is the zone that was meant and every name is right."""
    back = parse_zone(text, files.served, apex).rrsets()
    faults = list(islice(zone_faults(apex, back.values(), now), 3)) if signed else []
    if faults or back != {(rrset.owner, rrset.type): rrset for rrset in rrsets}:
        raise DanelawError(
            "ZONE_SELF_CHECK",
            f"what was to be served of {apex} is not right, so nothing was changed",
            evidence="; ".join(map(str, faults)) or "it reads back differently",
        )
