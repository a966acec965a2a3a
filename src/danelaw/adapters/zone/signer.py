"""Signing one zone: from its source and its keys to the served file, keeping what was proved before.

Reading, comparing and writing text is work in the size of the zone; making and verifying signatures is work in the size
of what has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain, islice
from pathlib import Path
from typing import Final

from dns.name import Name
from dns.rdatatype import RdataType

from danelaw.adapters.zone.differences import ahead, plain
from danelaw.adapters.zone.disk import must_be_file, remove_leftovers, staged
from danelaw.adapters.zone.edit import raise_serial
from danelaw.adapters.zone.entries import ENCODING
from danelaw.adapters.zone.key_directory import needed_keys, set_times
from danelaw.adapters.zone.master_file import ZoneSource, parse_zone, read_zone, zone_text
from danelaw.adapters.zone.reader import text_of
from danelaw.adapters.zone.signing import ZoneFile
from danelaw.adapters.zone.state import State, chain_text, digest, read_state
from danelaw.core.dnssec.bind_keys import KeyTimes
from danelaw.core.dnssec.keys import DNSKEY, DS, ZoneKey, ds_matches
from danelaw.core.dnssec.sign import SignedZone, UnsignableError, unsigned_zone
from danelaw.core.dnssec.signing_keys import SigningKeys
from danelaw.core.dnssec.signing_report import SigningReport, first_expiration, key_roles
from danelaw.core.dnssec.signing_times import SPARE, SigningTimes
from danelaw.core.dnssec.zone_advice import SOATimers, key_advice, zone_advice
from danelaw.core.dnssec.zone_check import zone_faults
from danelaw.core.dnssec.zonemd import zonemd_faults
from danelaw.core.model import DanelawError, RRset

_HEADING: Final = "written by Danelaw"

_AT_APEX: Final = frozenset({RdataType.CDS, RdataType.CDNSKEY, RdataType.ZONEMD})
"""What signing may make there, and the operator too."""

Zone = Mapping[tuple[Name, int], RRset]


@dataclass(frozen=True, slots=True)
class Served:
    """The served file: its zone, None if none can be read; ``state`` if it is the one that was proved, else why not."""

    zone: ZoneSource | None
    state: State | None
    why_not: str = ""
    rrsets: Zone = field(default_factory=dict)

    @property
    def serials(self) -> tuple[int, ...]:
        return () if self.zone is None else (self.zone.serial,)


def look(files: ZoneFile, apex: Name) -> Served:
    """What is served. Whatever is damaged is said, and trusted in nothing. Raises ``ZONE_UNREADABLE``."""
    try:
        there = files.served.exists()
    except OSError as error:
        said = f"cannot look for {files.served}"
        raise DanelawError("ZONE_UNREADABLE", said, evidence=error.strerror or str(error)) from error
    if not there:
        return Served(None, None, f"{files.served} is not there yet")
    state = read_state(files.state)
    try:
        zone = read_zone(files.served, apex)
        rrsets = zone.rrsets()
    except DanelawError as error:
        return Served(None, None, f"{files.served} cannot be read: {error.message}")
    if isinstance(state, str):
        return Served(zone, None, state, rrsets)
    if state.served != digest(zone.text.encode(ENCODING)):
        return Served(zone, None, f"{files.served} is not as it was written here", rrsets)
    return Served(zone, state, rrsets=rrsets)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What keys are asked to do: DNSKEY rdata of those to be published, of those to sign, and of those now served."""

    published: frozenset[bytes]
    signing: frozenset[bytes]
    served: frozenset[bytes]

    def times(self, key: ZoneKey, times: KeyTimes, now: datetime) -> KeyTimes:
        """The times by which the key does as it is asked to. A revoked one stays so, and so does one that nobody has
        spoken of: it was added since."""
        rdata = key.dnskey.to_rdata()
        spoken_of = rdata in self.published | self.signing | self.served or times.signs_unpublished(now)
        if key.dnskey.revoked or times.revoked(now) or not spoken_of:
            return times
        return times.changed(now, published=rdata in self.published, signs=rdata in self.signing)


class Signer:
    """Signs one zone as of ``now``."""

    def __init__(self, files: ZoneFile, apex: Name, now: datetime) -> None:
        self._files = files
        self._apex = apex
        self._now = now
        self._keys: list[tuple[ZoneKey, KeyTimes]] = []
        self._new_times: list[tuple[ZoneKey, KeyTimes]] = []

    def sign(
        self,
        source: ZoneSource,
        served: Served,
        *,
        wanted: frozenset[bytes] | None = None,
        signing: frozenset[bytes] | None = None,
        delegated: frozenset[bytes] | None = None,
        there: ZoneSource | None = None,
        full: bool = False,
        concerned: tuple[Name, int] | None = None,
    ) -> SigningReport:
        """Writes the source under a new serial, and the served file from it; nothing where there is nothing to do.

        ``wanted``: what the DNSKEY RRset must be. ``signing``: the keys that sign, and do so by their times too
        once the zone is in place; None: those that do by their times. ``delegated``: DS rdata, and CDS records name the
        keys that it leads to, and these alone; None: those that they name by their times. ``there``: what the source's
        file holds, where that is not ``source``. ``full``: nothing is kept. ``concerned``: the owner and type that the
        caller itself has changed.

        Nothing is put in place before all of it is made and checked. Killed between the files, the old zone is served,
        and the next run finds the served file behind the source, or the state behind both.
        """
        there = there or source
        keys = self._usable(wanted, signing, delegated, served)
        asked, times = self._files.signing, self._files.signing.times
        brought = plain(source)
        try:
            zone = unsigned_zone(self._apex, brought.values(), keys, asked.parameters)
        except UnsignableError as error:
            hint = ""
            if not keys.ksks:
                hint = f"danelaw zone keygen {self._apex.to_text(omit_final_dot=True)} --ksk --keys {self._files.keys}"
            said = f"{self._apex} cannot be signed"
            raise DanelawError("ZONE_UNSIGNABLE", said, evidence=str(error), hint=hint) from error
        soa = zone.rrsets[self._apex, int(RdataType.SOA)]
        expire, longest = _reach(zone.rrsets, soa)
        span = times.span(self._now, expire, longest)
        why_full = "it was asked for" if full else self._why_full(served, keys)
        previous = {} if why_full else served.rrsets
        went_live = ahead(source, served.zone, concerned) if served.zone else ()

        def report(serial: int, signed: SignedZone | None, rrsets: Iterable[RRset]) -> SigningReport:
            first = first_expiration(rrsets, self._now)
            return SigningReport(
                zone=self._apex,
                served_before=served.zone.serial if served.zone else None,
                serial=serial,
                changed=signed is not None,
                keys=key_roles(keys),
                signed=len(signed.anew) if signed else 0,
                kept=signed.kept if signed else sum(bool(rrset.rrsigs) for rrset in served.rrsets.values()),
                full=why_full if signed else "",
                first_expiration=first,
                again_by=self._again_by(first, expire + longest),
                validity=span.expiration - self._now,
                asked_validity=asked.validity,
                advice=(
                    *key_advice(self._apex, served.rrsets, keys),
                    *zone_advice(soa, longest, span.expiration - self._now, asked.nsec3),
                ),
                edited=went_live if signed else (),
            )

        if previous and source.text == there.text and zone.is_in(previous, span):
            self._set_times()
            return report(source.serial, None, served.rrsets.values())
        raised = raise_serial(source, served.serials, self._now)
        new_soa = replace(soa, rdatas=frozenset({raised.soa.rdata}))
        signed = zone.with_serial_of(new_soa).sign(span, previous)
        made = {type for owner, type in zone.rrsets.keys() - brought.keys() if owner == self._apex and type in _AT_APEX}
        self._write(there, raised, signed, previous, lambda served: State.of(served, asked, _algorithms(keys), made))
        self._set_times()
        return report(raised.serial, signed, signed.rrsets)

    def _usable(
        self,
        wanted: frozenset[bytes] | None,
        signing: frozenset[bytes] | None,
        delegated: frozenset[bytes] | None,
        served: Served,
    ) -> SigningKeys:
        before = self._keys = needed_keys(self._files.keys, self._apex)
        there = served.rrsets.get((self._apex, int(RdataType.DNSKEY)))
        if wanted is not None and signing is not None:
            asked = _Asked(wanted, signing, there.rdatas if there else frozenset())
            self._keys = [(key, asked.times(key, times, self._now)) for key, times in self._keys]
            if self._files.signing.cds and there is None:
                self._keys = [(key, self._unasked(key, times)) for key, times in self._keys]
        if delegated is not None:
            leading = [DS.from_rdata(rdata) for rdata in sorted(delegated)]
            self._keys = [(key, self._named(key, times, leading)) for key, times in self._keys]
        self._new_times = [new for new, old in zip(self._keys, before, strict=True) if new != old]
        keys = SigningKeys.at(self._keys, self._now, cds=self._files.signing.cds)
        if wanted is not None and keys.dnskeys != wanted:
            raise DanelawError(
                "KEYS_CHANGED",
                f"the keys in {self._files.keys} are not those that {self._apex} is signed by, so nothing was changed",
                evidence=f"there: {_tags(keys.dnskeys)}; expected: {_tags(wanted)}",
                hint="put the keys back as they were; other keys are for the zone's own signing, which is judged",
            )
        asleep = [key for key, times in self._keys if key.dnskey.is_sep and not times.signs(self._now)]
        if asleep and not keys.ksks:
            raise DanelawError(
                "KEY_NOT_ACTIVE",
                f"no key in {self._files.keys} may sign the keys of {self._apex} at {self._now:%Y-%m-%dT%H:%M:%SZ}",
                evidence=f"by the times in their files these do not: {_tags(key.dnskey.to_rdata() for key in asleep)}",
                hint="see their times with dnssec-settime -p all, and set them with it",
            )
        return keys

    def _unasked(self, key: ZoneKey, times: KeyTimes) -> KeyTimes:
        """Of a zone that is not signed yet no DS may be asked for: who holds unsigned answers would refuse them."""
        unsaid = times.sync_publish is None and times.sync_delete is None
        return times.asked_for(self._now, named=False) if key.dnskey.is_sep and unsaid else times

    def _named(self, key: ZoneKey, times: KeyTimes, leading: Sequence[DS]) -> KeyTimes:
        if not key.dnskey.is_sep or not times.published(self._now) or times.revoked(self._now):
            return times
        return times.asked_for(self._now, named=any(ds_matches(ds, self._apex, key.dnskey) for ds in leading))

    def _set_times(self) -> None:
        for key, times in self._new_times:
            set_times(self._files.keys, key, times)

    def _why_full(self, served: Served, keys: SigningKeys) -> str:
        if served.state is None:
            return served.why_not
        if served.state.chain != (chain := chain_text(self._files.signing)):
            return f"its names are now chained by {chain}, and were by {served.state.chain}"
        if served.state.algorithms != _algorithms(keys):
            return "the algorithms of its keys are others than before"
        return ""

    def _again_by(self, first: datetime, needed: timedelta) -> datetime:
        """Before a secondary could come to serve a dead signature, or, if that is past, a day before the first dies."""
        for_signatures = first - needed if first - needed > self._now else first - SPARE
        changes = (times.next_change(self._now) for _, times in self._keys)
        return min([for_signatures, *(change for change in changes if change is not None)])

    def _write(
        self,
        there: ZoneSource,
        raised: ZoneSource,
        signed: SignedZone,
        previous: Zone,
        state: Callable[[bytes], State],
    ) -> None:
        text = written(self._files, signed.rrsets)
        prove(self._files, self._apex, text, signed.rrsets, self._now, previous)
        served = text.encode(ENCODING)
        put_in_place(
            there,
            (self._files.file, raised.text.encode(ENCODING)),
            (self._files.served, served),
            (self._files.state, state(served).to_bytes()),
        )


def renewal(served: Zone, apex: Name, times: SigningTimes, now: datetime) -> datetime | None:
    """When signing renews the first signature of what is ``served``; None where it has none."""
    soa = served.get((apex, int(RdataType.SOA)))
    if soa is None or not soa.rrsigs:
        return None
    keep_until = times.span(now, *_reach(served, soa)).keep_until
    return None if keep_until is None else first_expiration(served.values(), now) - (keep_until - now)


def _reach(zone: Zone, soa: RRset) -> tuple[timedelta, timedelta]:
    """The SOA's EXPIRE and the longest TTL: how far signatures must reach."""
    return SOATimers.of(soa).expire, timedelta(seconds=max(rrset.ttl for rrset in zone.values()))


def serve_plain(files: ZoneFile, there: ZoneSource, source: ZoneSource, served: Served, now: datetime) -> int:
    """Writes the source under a new serial, and the served file from it, unsigned; gives the serial. ``there``: what
    the source's file holds."""
    raised = raise_serial(source, served.serials, now)
    rrsets = tuple(plain(raised).values())
    text = written(files, rrsets)
    _read_back(files, raised.apex, text, rrsets)
    put_in_place(there, (files.file, raised.text.encode(ENCODING)), (files.served, text.encode(ENCODING)))
    return raised.serial


def written(files: ZoneFile, rrsets: Iterable[RRset]) -> str:
    return zone_text(rrsets, f"{_HEADING} from {files.file}; changes made here are lost")


def must_be_replaceable(files: ZoneFile, apex: Name) -> None:
    """What stands in the served file's place must be such a file, ours or somebody else's, whatever was done to it.

    Raises ``SIGNED_IS_FOREIGN``, ``FILE_UNWRITABLE``, ``ZONE_UNREADABLE``.
    """
    must_be_file(files.served)
    if files.state.exists() or not files.served.exists():
        return
    text = text_of(files.served)
    if not text or text.startswith(f"; {_HEADING}"):
        return
    try:
        parse_zone(text, files.served, apex)
    except DanelawError as error:
        raise DanelawError(
            "SIGNED_IS_FOREIGN",
            f"{files.served} is there and is no zone file of {apex}, so it is not replaced",
            evidence=error.message,
            hint="name another file for the signed zone, or remove that one",
        ) from error


def prove(files: ZoneFile, apex: Name, text: str, rrsets: Sequence[RRset], now: datetime, previous: Zone) -> None:
    """Raises ``ZONE_SELF_CHECK`` unless the text, read back, is the zone that was meant and every name is right."""
    back = _read_back(files, apex, text, rrsets).values()
    faults = list(islice(chain(zone_faults(apex, back, now, proved=previous), zonemd_faults(apex, back)), 3))
    if faults:
        raise _not_right(apex, "; ".join(map(str, faults)))


def _read_back(files: ZoneFile, apex: Name, text: str, rrsets: Sequence[RRset]) -> Zone:
    back = parse_zone(text, files.served, apex).rrsets()
    if back != {(rrset.owner, rrset.type): rrset for rrset in rrsets}:
        raise _not_right(apex, "it reads back differently")
    return back


def _not_right(apex: Name, evidence: str) -> DanelawError:
    said = f"what was to be served of {apex} is not right, so nothing was changed"
    return DanelawError("ZONE_SELF_CHECK", said, evidence=evidence)


def put_in_place(there: ZoneSource, *files: tuple[Path, bytes]) -> None:
    """Replaces the files, in this order, once the content of all lies ready beside them.

    The lock of the zone is held meanwhile, of which editors know nothing. Raises ``SOURCE_CHANGED`` where the source is
    not what was read, ``there``: what somebody wrote meanwhile would be lost.
    """
    for path, _ in files:
        remove_leftovers(path)
    with ExitStack() as stack:
        puts = [stack.enter_context(staged(path, data, 0o644)) for path, data in files]
        if text_of(there.path) != there.text:
            raise DanelawError(
                "SOURCE_CHANGED",
                f"somebody wrote {there.path} while it was worked on, so nothing was changed",
                hint="it is read anew at the next pass; a command is to be typed again",
            )
        for put in puts:
            put()


def _algorithms(keys: SigningKeys) -> tuple[int, ...]:
    return tuple(sorted({key.dnskey.algorithm for key in keys.ksks}))


def _tags(dnskeys: Iterable[bytes]) -> str:
    keys = map(DNSKEY.from_rdata, dnskeys)
    return ", ".join(sorted(f"{'KSK' if key.is_sep else 'ZSK'} {key.tag}" for key in keys)) or "none"
