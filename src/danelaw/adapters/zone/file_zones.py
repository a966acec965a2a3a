"""Zones in files behind the ``Zones`` port: the operator's source file, a key directory, and the file that is served.

Danelaw alone writes the served file: the signed zone, from the first signing on. What is in it was judged; what lies
in the source and among the keys since then was not, so an update puts neither live.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from dns.name import Name
from dns.rdatatype import RdataType

from danelaw.adapters.zone.differences import ahead, content, differ
from danelaw.adapters.zone.disk import locked
from danelaw.adapters.zone.key_directory import (
    KSK_FLAGS,
    ZSK_FLAGS,
    destroy_key,
    make_key,
    read_keys,
    set_times,
)
from danelaw.adapters.zone.master_file import ZoneSource, read_zone
from danelaw.adapters.zone.signer import Signer, look, renewal, serve_plain
from danelaw.adapters.zone.signing import Signing, ZoneFile
from danelaw.adapters.zone.state import read_state
from danelaw.core.dnssec.algorithms import DEFAULT_POLICY, Algorithm
from danelaw.core.dnssec.bind_keys import NEVER, KeyTimes
from danelaw.core.dnssec.keys import DNSKEY, REVOKE_FLAG, ZoneKey
from danelaw.core.dnssec.rrsig import RRSIG
from danelaw.core.dnssec.signing_keys import SigningKeys
from danelaw.core.dnssec.signing_report import SigningReport
from danelaw.core.model import DanelawError, Instant, RRset
from danelaw.core.rollover.actions import Conflict, Receipt
from danelaw.ports import Blocking, Clock, Commands, ZoneKeyFacts

__all__ = ["FileZones", "Signing", "ZoneFile"]

T = TypeVar("T")

Edit = Callable[[ZoneSource], ZoneSource | Conflict]
"""Gives the zone as it shall be, the same one where nothing needs to change, or why nothing may."""


@dataclass(frozen=True, slots=True)
class _Look:
    """``edited``: the source is ahead of the served file. ``longest_ttl``: of either, in seconds. ``due``: when the
    first signature of the latter is to be renewed. ``signed_by``: algorithm and tag of the keys that have signed RRsets
    of these types at the apex.
    """

    edited: bool
    longest_ttl: int = 0
    due: Instant | None = None
    signed_by: Mapping[int, frozenset[tuple[int, int]]] = field(default_factory=dict)


class FileZones:
    """Implements ``ports.Zones``. ``limit``: how long file work may take; ``reload_limit``: and a reload."""

    def __init__(
        self,
        zones: Mapping[Name, ZoneFile],
        clock: Clock,
        blocking: Blocking,
        commands: Commands,
        *,
        limit: timedelta = timedelta(seconds=60),
        reload_limit: timedelta | None = None,
    ) -> None:
        self._zones = dict(zones)
        self._clock = clock
        self._blocking = blocking
        self._commands = commands
        self._limit = limit
        self._reload_limit = reload_limit or limit
        self._turns = {zone: asyncio.Lock() for zone in zones}
        self._looked: dict[Name, tuple[object, _Look]] = {}

    async def keys(self, zone: Name) -> Sequence[ZoneKeyFacts]:
        """Every key of the zone, by algorithm and tag, and what it does now. Raises ``KEYS_UNREADABLE``."""
        files, now = self._of(zone), self._clock.now()
        return await self._blocking.call(partial(_listed, files, zone, now), self._limit)

    async def edited(self, zone: Name) -> bool:
        """Whether source and served file differ in anything but the serial and what signing makes.

        Read again only when one of the two has changed. Raises as reading the files does.
        """
        return (await self._blocking.call(partial(self._look, zone), self._limit)).edited

    async def due(self, zone: Name) -> Instant | None:
        """When the first signature of the served file is to be made anew, or now if other keys are to sign by now.

        None where nothing is served signed. Raises as ``edited`` and ``keys`` do.
        """
        files, now = self._of(zone), self._clock.now()

        def ask() -> Instant | None:
            seen = self._look(zone)
            if seen.due is None:
                return None
            keys = SigningKeys.at(read_keys(files.keys, zone), now, cds=files.signing.cds)
            signing = {type: frozenset(_label(key.dnskey) for key in keys.signers(type)) for type in seen.signed_by}
            return seen.due if signing == seen.signed_by else min(seen.due, now)

        return await self._blocking.call(ask, self._limit)

    async def longest_ttl(self, zone: Name) -> int:
        """The largest TTL in the served file and the source. Raises as ``edited`` does."""
        return (await self._blocking.call(partial(self._look, zone), self._limit)).longest_ttl

    async def make_keys(self, zone: Name, algorithm: int | None = None) -> Sequence[ZoneKeyFacts]:
        """Makes what is missing of a KSK and a ZSK, and gives all keys of the zone."""
        files, created = self._of(zone), self._clock.now()
        chosen = Algorithm(algorithm) if algorithm is not None else DEFAULT_POLICY.sign_default

        def make() -> list[ZoneKeyFacts]:
            have = {key.dnskey.is_sep for key, _ in read_keys(files.keys, zone)}
            for flags, is_sep in ((KSK_FLAGS, True), (ZSK_FLAGS, False)):
                if is_sep not in have:
                    make_key(files.keys, zone, flags, created, chosen)
            return _listed(files, zone, created)

        async with self._turns[zone]:
            return await self._exclusively(files, make)

    async def make_key(self, zone: Name, sep: bool, algorithm: int) -> ZoneKeyFacts:
        """Makes one more key, that neither is published nor signs. Raises as making keys does."""
        files, created = self._of(zone), self._clock.now()
        flags = KSK_FLAGS if sep else ZSK_FLAGS

        def make() -> ZoneKeyFacts:
            key = make_key(files.keys, zone, flags, created, Algorithm(algorithm), idle=True)
            if sep and files.signing.cds:  # the parent is to hear of it when it is handed over, and not before
                set_times(files.keys, key, KeyTimes(created=created.replace(microsecond=0), sync_publish=NEVER))
            return _facts(key, KeyTimes(created=created.replace(microsecond=0)), created)

        async with self._turns[zone]:
            return await self._exclusively(files, make)

    async def destroy_key(self, zone: Name, key: bytes) -> None:
        """Removes the files of a key. Raises ``KEY_IN_USE`` for one that is published or signs by its times."""
        files, now = self._of(zone), self._clock.now()

        def destroy() -> None:
            for pair, times in read_keys(files.keys, zone):
                seen = _facts(pair, times, now)
                if seen.dnskey != key:
                    continue
                if seen.published or seen.signs:
                    raise DanelawError("KEY_IN_USE", f"{zone} is signed with key {seen.tag}, so it is kept")
                destroy_key(files.keys, pair)

        async with self._turns[zone]:
            await self._exclusively(files, destroy)

    async def sign(
        self, zone: Name, keys: frozenset[bytes], now: Instant, signing: frozenset[bytes] | None = None
    ) -> Receipt:
        """Signs the source so that ``keys`` (DNSKEY rdata) are published, under a serial never served, and reloads.

        ``signing`` sign it, all keys if None, and do so from then on by their times. The operator's edits of what
        services are reached by go live with it, and the receipt names them. What is right already is not written again.
        Raises ``DanelawError``: as ``serve`` does, and ``KEYS_CHANGED``.
        """
        files = self._of(zone)

        def work() -> Receipt:
            report = Signer(files, zone, now).sign(
                read_zone(files.file, zone),
                look(files, zone),
                wanted=keys,
                signing=keys if signing is None else signing,
            )
            return Receipt(report.serial, f"with what was edited: {', '.join(report.edited)}" if report.edited else "")

        async with self._turns[zone]:
            return await self._reloaded(files, await self._exclusively(files, work))

    async def ask(self, zone: Name, ds: frozenset[bytes], now: Instant) -> Receipt:
        """Lets CDS and CDNSKEY records ask the parent for the DS of the keys that ``ds`` (DS rdata) leads to, and of no
        others, from now on by the keys' times (RFC 7344 §4); reloads if that changes anything. Raises as ``update``."""
        files = self._of(zone)

        def work() -> tuple[Receipt, bool]:
            source, served = read_zone(files.file, zone), look(files, zone)
            dnskeys = served.rrsets.get((zone, int(RdataType.DNSKEY)))
            differences = ahead(source, served.zone) if served.zone is not None else ("all of it",)
            if dnskeys is None or differences:
                raise _ahead(files, differences)
            report = Signer(files, zone, now).sign(source, served, wanted=dnskeys.rdatas, delegated=ds)
            return Receipt(report.serial, "asked for by CDS records"), report.changed

        async with self._turns[zone]:
            receipt, changed = await self._exclusively(files, work)
            return await self._reloaded(files, receipt) if changed else receipt

    async def serve(
        self,
        zone: Name,
        now: Instant,
        *,
        edit: Callable[[ZoneSource], ZoneSource] | None = None,
        full: bool = False,
        concerned: tuple[Name, int] | None = None,
    ) -> SigningReport:
        """Edits the source, signs it with the directory's keys as their times say, and reloads: for the operator.

        Nothing is written where nothing is edited and no signature is near its end. ``full``: nothing is kept.
        ``concerned``: what ``edit`` changes, an owner and a type. Raises ``DanelawError``: ``KEYS_MISSING``,
        ``KEYS_UNREADABLE``, ``KEY_NOT_ACTIVE``, ``ZONE_UNSIGNABLE``, ``ZONE_ALREADY_SIGNED``, ``ZONE_SELF_CHECK``,
        ``SOURCE_CHANGED``, ``ZONE_LOCKED``, ``ZONE_LOCK_UNUSABLE``, ``ZONE_TIMEOUT``, ``FILE_UNWRITABLE``,
        ``SIGNED_IS_SOURCE``, ``RELOAD_FAILED``, and those of reading and editing the file.
        """
        files = self._of(zone)

        def work() -> SigningReport:
            there = read_zone(files.file, zone)
            source = edit(there) if edit else there
            return Signer(files, zone, now).sign(source, look(files, zone), there=there, full=full, concerned=concerned)

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
            served = look(files, zone)
            if served.zone is None:
                raise DanelawError(
                    "SOURCE_AHEAD",
                    f"what is served of {zone} is not known",
                    evidence=served.why_not,
                    hint="bring it back, from a secondary for instance, or let the zone be signed anew first",
                )
            if differences := ahead(source, served.zone, concerned):
                raise _ahead(files, differences)
            dnskeys = served.rrsets.get((zone, int(RdataType.DNSKEY)))
            if dnskeys is not None:
                return Receipt(
                    Signer(files, zone, now).sign(edited, served, wanted=dnskeys.rdatas, there=source).serial
                )
            if edited.text == source.text and content(served.zone) == source.rrsets():
                return Receipt(source.serial)
            return Receipt(serve_plain(files, source, edited, served, now))

        async with self._turns[zone]:
            done = await self._exclusively(files, work)
            return done if isinstance(done, Conflict) else await self._reloaded(files, done)

    # -- inside -------------------------------------------------------------------------------------------------

    def _look(self, zone: Name) -> _Look:
        files = self._of(zone)
        stamps = _stamp(files.file), _stamp(files.served)
        known = self._looked.get(zone)
        if known is not None and known[0] == stamps:
            return known[1]
        source = read_zone(files.file, zone)
        seen = _Look(edited=True, longest_ttl=_longest(source.rrsets()))
        if files.served.exists():
            state = read_state(files.state)
            made = frozenset() if isinstance(state, str) else state.types_made
            served = read_zone(files.served, zone)
            rrsets, now = served.rrsets(), self._clock.now()
            seen = _Look(
                differ(source, served, made),
                max(_longest(rrsets), seen.longest_ttl),
                renewal(rrsets, zone, files.signing.times, now),
                {
                    type: frozenset((made.algorithm, made.key_tag) for made in map(RRSIG.from_rdata, rrset.rrsigs))
                    for type in (RdataType.SOA, RdataType.DNSKEY)
                    if (rrset := rrsets.get((zone, int(type))))
                },
            )
        self._looked[zone] = (stamps, seen)
        return seen

    def _of(self, zone: Name) -> ZoneFile:
        if zone not in self._zones:
            raise DanelawError("ZONE_UNKNOWN", f"no files are configured for the zone {zone}")
        files = self._zones[zone]
        if files.served.resolve() == files.file.resolve():
            raise DanelawError(
                "SIGNED_IS_SOURCE",
                f"the signed zone cannot take the place of its source {files.file}",
                hint="name another file to be served, such as the source's name with .signed",
            )
        return files

    async def _exclusively(self, files: ZoneFile, work: Callable[[], T]) -> T:
        def alone() -> T:
            with locked(files.lock, files.file):
                return work()

        try:
            return await self._blocking.call(alone, self._limit)
        except TimeoutError as error:
            raise DanelawError("ZONE_TIMEOUT", f"work on {files.file} took longer than {self._limit}") from error

    async def _reloaded(self, files: ZoneFile, done: T) -> T:
        if files.reload:
            hint = "the zone's files are written; once the cause is gone the next pass goes on"
            try:
                result = await self._commands.run(files.reload, self._reload_limit)
            except TimeoutError as error:
                raise DanelawError("RELOAD_FAILED", f"{files.reload[0]} took too long", hint=hint) from error
            if result.status:
                said = f"{' '.join(files.reload)} ended with status {result.status}"
                raise DanelawError("RELOAD_FAILED", said, evidence=result.output, hint=hint)
        return done


def _ahead(files: ZoneFile, differences: Sequence[str]) -> DanelawError:
    return DanelawError(
        "SOURCE_AHEAD",
        f"{files.file} holds edits that are not served, and that nobody has judged",
        evidence=", ".join(differences),
        hint="put them back, or let the zone be signed anew first: they go live with that",
    )


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file does."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _label(key: DNSKEY) -> tuple[int, int]:
    return key.algorithm, key.tag


def _listed(files: ZoneFile, zone: Name, now: Instant) -> list[ZoneKeyFacts]:
    return [_facts(key, times, now) for key, times in read_keys(files.keys, zone)]


def _facts(key: ZoneKey, times: KeyTimes, now: Instant) -> ZoneKeyFacts:
    """A revoked key is published as such, and vouches for nothing any more."""
    dnskey, revoked = key.dnskey, key.dnskey.revoked or times.revoked(now)
    if revoked:
        dnskey = replace(dnskey, flags=dnskey.flags | REVOKE_FLAG)
    signs = not revoked and (times.signs(now) or times.signs_unpublished(now))
    return ZoneKeyFacts(dnskey.to_rdata(), dnskey.tag, dnskey.is_sep, times.published(now), signs, times.created)


def _longest(rrsets: Mapping[tuple[Name, int], RRset]) -> int:
    return max((rrset.ttl for rrset in rrsets.values()), default=0)
