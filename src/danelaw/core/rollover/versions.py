"""Versions of an RRset: which there were, and when the last authority left each behind.

A version is SOA serial, rdata and TTL. An authority has left it behind at its first sight above the version's serial
since its last sight at or below it; what no sight vouches for stays possible, for the retention.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise, zip_longest
from typing import Final

import dns.rdatatype
from dns.name import Name

from danelaw.core.model import IP, Answer, Instant, RRset
from danelaw.core.model.dns import SERIAL_HALF
from danelaw.core.rollover.actions import Publish, Receipt, SubmitDS
from danelaw.core.rollover.fold import Deed, Facts, Span
from danelaw.core.rollover.history import Seen, above, in_order, rdatas_of

_OF_EPOCHS: Final = frozenset({int(dns.rdatatype.DNSKEY), int(dns.rdatatype.SOA)})

NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Version:
    """``known``: until when it may have been current: when something else was first seen where it was seen last, or the
    write; None: some authority goes on to serve it, as a sight vouches.
    """

    serial: int
    answer: Answer
    known: Instant | None

    def expires(self, seen: Seen) -> Instant:
        """After this no secondary serves it."""
        return NEVER if self.known is None else self.known + seen.limits.retention


def versions_of(seen: Seen, written: Iterable[tuple[Deed, Answer]]) -> tuple[Version, ...]:
    """Every version of an RRset that was seen, or written and not seen yet."""
    found: dict[tuple[int, frozenset[bytes] | None, int, frozenset[bytes]], Version] = {}

    def note(serial: int, answer: Answer, known: Instant | None) -> None:
        key = (serial, rdatas_of(answer), answer.ttl, signed_by(answer))
        before = found.get(key)
        if before is not None:
            known = None if known is None or before.known is None else max(known, before.known)
            if before.answer is not answer:
                answer = max(before.answer, answer, key=signature_end)
        found[key] = Version(serial, answer, known)

    for ip, spans in seen.spans.items():
        vouched = ip in seen.servers and ip not in seen.silent
        for span, later in zip_longest(spans, spans[1:]):
            if span.serial is not None:
                known = later.first if later is not None else span.last
                note(span.serial, span.answer, None if later is None and vouched else known)
    for deed, answer in written:
        if isinstance(deed.outcome, Receipt) and deed.outcome.serial is not None and deed.done is not None:
            note(deed.outcome.serial, answer, deed.done)
    return tuple(found.values())


def foremost(versions: Sequence[Version]) -> Sequence[Version]:
    """Without those that are held no longer than a later one of the same content.

    Each authority left the later serial last, and until when an answer may be held is told of a content, not of a
    version: of years of serials that changed something else, one is looked at. Where serials lie so far apart that
    their order goes round in a circle (RFC 1982 §3.2), each is looked at.
    """
    serials = [version.serial for version in versions]
    if serials and max(serials) - min(serials) >= SERIAL_HALF:
        return versions
    kept: dict[tuple[frozenset[bytes] | None, int, int, frozenset[bytes]], list[Version]] = {}
    for version in versions:
        answer = version.answer
        same = kept.setdefault((rdatas_of(answer), answer.type, answer.ttl, signed_by(answer)), [])
        if not any(outlives(other, version) for other in same):
            same[:] = [other for other in same if not outlives(version, other)]
            same.append(version)
    return [version for same in kept.values() for version in same]


def outlives(later: Version, earlier: Version) -> bool:
    """Whether a version is held for as long as an earlier one of the same content, or longer."""
    return (
        later.serial > earlier.serial
        and (later.known is None or (earlier.known is not None and later.known >= earlier.known))
        and signature_end(later.answer) >= signature_end(earlier.answer)
    )


def gone_at(version: Version, seen: Seen) -> tuple[Instant | None, str]:
    """When the last authority left a version behind; None while one may still serve it.

    Nobody serves what was last current longer ago than the retention: secondaries let it expire (RFC 1035 §3.3.13), and
    a silent primary is another matter (U).
    """
    expired = version.expires(seen)
    latest: Instant | None = None
    because = ""
    for ip in in_order(seen.servers.union(seen.refusing)):
        at, why = left_at(version, ip, seen) if ip in seen.servers else _refused_at(version, ip, seen)
        if at is None and seen.now <= expired:
            return None, why
        if at is None or at > expired:
            at, why = expired, f"{ip} may have served it until it expired at {clock(expired)}"
        if latest is None or at > latest:
            latest, because = at, why
    if latest is None:
        return None, "no authority is known"
    return latest, because


def left_at(version: Version, ip: IP, seen: Seen) -> tuple[Instant | None, str]:
    spans = seen.spans.get(ip)
    if not spans:
        return None, f"{ip} has never answered"
    expired = version.expires(seen)
    if ip in seen.silent and spans[-1].last <= expired:
        return None, f"{ip} is silent since {clock(spans[-1].last)} and may serve any version since"
    if not above(spans[-1].serial, version.serial):
        return None, f"{ip} serves serial {spans[-1].serial}"
    low = _last_low(version, spans)
    at = spans[low + 1].first
    for before, after in pairwise(spans):
        gap = after.first - before.last > seen.limits.max_gap
        if gap and after.first > at and before.last <= expired:
            at = after.first
    return at, f"{ip} was first seen above serial {version.serial} at {clock(at)}"


def _refused_at(version: Version, ip: IP, seen: Seen) -> tuple[Instant, str]:
    """When an authority that refuses now left a version behind: not after the first refusal."""
    since, spans = seen.refusing[ip].first, seen.spans.get(ip, ())
    low = _last_low(version, spans)
    gaps = [b.first for a, b in pairwise(spans) if b.first - a.last > seen.limits.max_gap]
    if low == len(spans) - 1 or since - spans[-1].last > seen.limits.max_gap:
        at = since
    else:
        at = max([spans[low + 1].first, *gaps])
    return at, f"{ip} has refused to answer since {clock(since)}"


def _last_low(version: Version, spans: Sequence[Span]) -> int:
    """Which span was the last at or below the version's serial; -1: none."""
    return max((i for i, span in enumerate(spans) if not above(span.serial, version.serial)), default=-1)


def writes(facts: Facts, zone: Name, owner: Name, type: int) -> tuple[tuple[Deed, Answer], ...]:
    """What was written to an RRset: by a ``Publish`` into its zone, or, for a DS, handed to its parent."""
    index = facts.kept.get(writes)
    if not isinstance(index, _Index) or index.deeds is not facts.deeds:
        index = facts.kept[writes] = _Index.of(facts.deeds)
    published = index.published.get((zone, owner, type), ())
    handed = index.handed.get((owner, type), ())
    both = sorted((*published, *handed), key=lambda entry: entry[0]) if handed else published
    return tuple((deed, answer) for _, deed, answer in both)


@dataclass(frozen=True, slots=True)
class _Index:
    """Writes by what was written to, each with its number: for as long as no more is done."""

    deeds: tuple[Deed, ...]
    published: Mapping[tuple[Name, Name, int], Sequence[tuple[int, Deed, Answer]]]
    handed: Mapping[tuple[Name, int], Sequence[tuple[int, Deed, Answer]]]

    @classmethod
    def of(cls, deeds: tuple[Deed, ...]) -> _Index:
        published: dict[tuple[Name, Name, int], list[tuple[int, Deed, Answer]]] = {}
        handed: dict[tuple[Name, int], list[tuple[int, Deed, Answer]]] = {}
        for number, deed in enumerate(deeds):
            match deed.action:
                case Publish(zone, _, new):
                    published.setdefault((zone, new.owner, new.type), []).append((number, deed, new))
                case SubmitDS(child, _, new) if child == new.owner:
                    handed.setdefault((child, new.type), []).append((number, deed, new))
        return cls(deeds, published, handed)


def signature_end(answer: Answer) -> Instant:
    """When the last signature expires: no client accepts the answer for long after that. Far off where none bounds."""
    return _last_end(answer.rrsigs) if isinstance(answer, RRset) and answer.rrsigs else NEVER


@lru_cache(maxsize=4096)
def _last_end(rrsigs: frozenset[bytes]) -> Instant:
    if any(len(sig) < 18 for sig in rrsigs):
        return NEVER
    # RFC 4034 §3.1.5: the expiration field, seconds since the epoch; read as they stand until 2106.
    last = max(int.from_bytes(sig[8:12], "big") for sig in rrsigs)
    return datetime.fromtimestamp(last, UTC)


def signed_by(answer: Answer) -> frozenset[bytes]:
    """Algorithms and tags of the keys that sign what zone epochs are told by (RFC 4034 §3.1); of the rest that is no
    matter: its version says it."""
    if not isinstance(answer, RRset) or answer.type not in _OF_EPOCHS:
        return frozenset()
    return _signers(answer.rrsigs)


@lru_cache(maxsize=4096)
def _signers(rrsigs: frozenset[bytes]) -> frozenset[bytes]:
    return frozenset(sig[2:3] + sig[16:18] for sig in rrsigs)


def clock(at: Instant) -> str:
    # As %H:%M:%S has it, which takes ten times as long.
    clock = f"{at.hour:02}:{at.minute:02}:{at.second:02}"
    return clock if at.microsecond == 0 else f"{clock}.{at.microsecond // 100_000}"
