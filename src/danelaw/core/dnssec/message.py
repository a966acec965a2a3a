"""Reading DNS messages with every rdata raw, and making queries (RFC 1035 §4, RFC 6891).

A malformed record inside a readable frame is still a record: the rest of the message stays usable, and the signature
over its RRset too. What a reply says of one RRset is ``as_answer``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from dns.name import Name
from dns.rcode import Rcode
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.canonical import CanonicalKey, canonical_key, plain_wire
from danelaw.core.model import Absence, Answer, Message, Question, Record, RRset

_HEADER: Final = 12
_COUNTS: Final = struct.Struct("!6H")
"""The header: id, flags, and how many records there are in each section (RFC 1035 §4.1.1)."""
_FIXED: Final = struct.Struct("!HHIH")
"""Type, class, TTL and length of a record (RFC 1035 §4.1.3)."""
_IN: Final = int(RdataClass.IN)
_MAX_NAME: Final = 255
_MAX_LABELS: Final = 127
_RECURSION_DESIRED: Final = 0x0100
_CHECKING_DISABLED: Final = 0x0010
_TRUNCATED: Final = 0x0200
_DNSSEC_OK: Final = 0x8000

_NAME, _STRING, _REST = "name", "string", "rest"
_LAYOUTS: Final[dict[int, tuple[int | str, ...]]] = {
    T.NS: (_NAME,),
    T.MD: (_NAME,),
    T.MF: (_NAME,),
    T.CNAME: (_NAME,),
    T.SOA: (_NAME, _NAME, 20),
    T.MB: (_NAME,),
    T.MG: (_NAME,),
    T.MR: (_NAME,),
    T.PTR: (_NAME,),
    T.MINFO: (_NAME, _NAME),
    T.MX: (2, _NAME),
    T.RP: (_NAME, _NAME),
    T.AFSDB: (2, _NAME),
    T.RT: (2, _NAME),
    T.SIG: (18, _NAME, _REST),
    T.PX: (2, _NAME, _NAME),
    T.NXT: (_NAME, _REST),
    T.SRV: (6, _NAME),
    T.NAPTR: (4, _STRING, _STRING, _STRING, _NAME),
}
"""Rdata whose names a sender may have compressed: those of RFC 1035, and those that RFC 3597 §4 says to decompress all
the same. Numbers are octets."""


class MessageError(ValueError):
    """The header or the framing of the records is unreadable. Never about what one rdata holds."""


def read_message(wire: bytes) -> Message:
    """The message in ``wire``. Raises ``MessageError`` if its header, names or record lengths cannot be followed.

    Of a truncated message (TC) what can be read is kept; octets after the last record are passed over.
    """
    if len(wire) < _HEADER:
        raise MessageError(f"{len(wire)} octets hold no header")
    identity, flags, *counts = _COUNTS.unpack_from(wire)
    reader = _Reader(wire)
    sections: list[list[Record]] = [[], [], []]
    question: list[Question] = []
    try:
        question.extend(reader.question() for _ in range(counts[0]))
        for section, count in zip(sections, counts[1:], strict=True):
            for _ in range(count):
                section.append(reader.record())
    except MessageError:
        if not flags & _TRUNCATED:
            raise
    answer, authority, additional = sections
    options = [record for record in additional if record.type == T.OPT]
    return Message(
        id=identity,
        flags=flags,
        rcode=(flags & 0xF) | (options[0].ttl >> 24 << 4 if options else 0),
        question=tuple(question),
        answer=tuple(answer),
        authority=tuple(authority),
        additional=tuple(record for record in additional if record.type != T.OPT),
    )


class _Reader:
    """A cursor over one message. Most records share their owner with another: each name is made once."""

    def __init__(self, wire: bytes) -> None:
        self._wire = wire
        self._at = _HEADER
        self._names: dict[tuple[bytes, ...], Name] = {}
        self._pointed: dict[bytes, Name] = {}

    def question(self) -> Question:
        name = self._owner()
        type, klass = int.from_bytes(self._take(2)), int.from_bytes(self._take(2))
        return Question(name, type, klass)

    def record(self) -> Record:
        owner, wire = self._owner(), self._wire
        start = self._at + _FIXED.size
        if start > len(wire):
            raise self._cut_short()
        type, klass, ttl, length = _FIXED.unpack_from(wire, self._at)
        end = start + length
        if end > len(wire):
            self._at = start
            raise self._cut_short()
        self._at = end
        if klass == _IN and type in _LAYOUTS:
            return Record(owner, type, klass, ttl, self._decompressed(_LAYOUTS[type], start, end))
        return Record(owner, type, klass, ttl, wire[start:end])

    def _take(self, octets: int) -> bytes:
        end = self._at + octets
        if end > len(self._wire):
            raise self._cut_short()
        taken = self._wire[self._at : end]
        self._at = end
        return taken

    def _cut_short(self) -> MessageError:
        return MessageError(f"the message ends within a field at octet {self._at}")

    def _owner(self) -> Name:
        """Most owners are a pointer and nothing else: where it leads, always to before it, is read once."""
        pointer = self._wire[self._at : self._at + 2]
        known = self._pointed.get(pointer)
        if known is not None:
            self._at += 2
            return known
        labels, self._at = self._labels(self._at)
        key = tuple(labels)
        name = self._names.get(key)
        if name is None:
            name = self._names[key] = Name(key)
        if pointer[0] >= 0xC0:
            self._pointed[pointer] = name
        return name

    def _labels(self, at: int) -> tuple[list[bytes], int]:
        """The labels of the name at ``at``, the root's included, and where the name ends (RFC 1035 §4.1.4).

        A pointer must lead to before the part of the name that it stands in, so that every name ends; the number of
        pointers is bounded by that of labels, so that it ends soon.
        """
        wire, size = self._wire, len(self._wire)
        labels: list[bytes] = []
        end, part, octets, pointers = 0, at, 0, 0
        while True:
            if at >= size:
                raise MessageError(f"a name runs out of the message at octet {at}")
            length = wire[at]
            if length >= 0xC0:
                if at + 1 >= size:
                    raise MessageError(f"a name runs out of the message at octet {at}")
                target = (length & 0x3F) << 8 | wire[at + 1]
                pointers += 1
                if target >= part or pointers > _MAX_LABELS:
                    raise MessageError(f"the pointer at octet {at} leads nowhere")
                end = end or at + 2
                at = part = target
                continue
            if length > 63:
                raise MessageError(f"unknown label type at octet {at}")
            octets += 1 + length
            if at + 1 + length > size or octets > _MAX_NAME:
                raise MessageError(f"the name at octet {at} is too long")
            labels.append(wire[at + 1 : at + 1 + length])
            at += 1 + length
            if not length:
                return labels, end or at

    def _decompressed(self, layout: tuple[int | str, ...], at: int, end: int) -> bytes:
        """The rdata from ``at`` to ``end`` with its names uncompressed; as it stands if it does not fit ``layout``."""
        raw = self._wire[at:end]
        parts: list[bytes] = []
        for step in layout:
            if step == _NAME:
                try:
                    labels, after = self._labels(at)
                except MessageError:
                    return raw
                parts.extend(bytes((len(label),)) + label for label in labels)
            else:
                if step == _REST:
                    after = end
                elif step == _STRING:
                    after = at + 1 + (self._wire[at] if at < end else 0)
                else:
                    after = at + int(step)
                parts.append(self._wire[at:after])
            if after > end:
                return raw
            at = after
        return b"".join(parts) if at == end else raw


def make_query(
    name: Name,
    type: int,
    *,
    id: int,
    recursion_desired: bool,
    dnssec_ok: bool = True,
    checking_disabled: bool = True,
    payload: int = 1232,
) -> bytes:
    """A query in wire form, with an OPT record; ``payload`` is the UDP size offered (RFC 6891 §6.2.3).

    DO asks for signatures (RFC 4035 §3.2.1), CD for what a forwarder's own validation would hold back (RFC 6840 §5.9).
    """
    flags = _RECURSION_DESIRED * recursion_desired | _CHECKING_DISABLED * checking_disabled
    header = b"".join(field.to_bytes(2) for field in (id, flags, 1, 0, 0, 1))
    question = plain_wire(name) + type.to_bytes(2) + _IN.to_bytes(2)
    options = b"\x00" + T.OPT.to_bytes(2) + payload.to_bytes(2) + (_DNSSEC_OK * dnssec_ok).to_bytes(4) + b"\x00\x00"
    return header + question + options


def rrsets(records: Iterable[Record], signatures: Iterable[Record] | None = None) -> list[RRset]:
    """The RRsets of class IN in ``records``, in order of first appearance, with the RRSIGs over them.

    ``signatures``: the records to look for RRSIGs in, if other than ``records``: a server may put them into another
    section. The TTL is the least of the records' (RFC 2181 §5.2); one with its top bit set counts as 0 (RFC 2181 §8).
    """
    records = tuple(records)
    covering: dict[tuple[CanonicalKey, int], list[bytes]] = {}
    for record in records if signatures is None else signatures:
        if record.type == T.RRSIG and record.klass == _IN and len(record.rdata) >= 2:
            key = canonical_key(record.owner), int.from_bytes(record.rdata[:2])
            covering.setdefault(key, []).append(record.rdata)
    found: dict[tuple[CanonicalKey, int], list[Record]] = {}
    for record in records:
        if record.type != T.RRSIG and record.klass == _IN:
            found.setdefault((canonical_key(record.owner), record.type), []).append(record)
    return [
        RRset(
            alike[0].owner,
            alike[0].type,
            min(record.ttl if record.ttl < 1 << 31 else 0 for record in alike),
            frozenset(record.rdata for record in alike),
            frozenset(covering.get(key, ())),
        )
        for key, alike in found.items()
    ]


def answer_rrsets(message: Message) -> list[RRset]:
    """The RRsets of the answer section, RRSIGs from wherever they stand."""
    return rrsets(message.answer, (*message.answer, *message.authority, *message.additional))


def authority_rrsets(message: Message) -> list[RRset]:
    """The RRsets of the authority section, RRSIGs from wherever they stand."""
    return rrsets(message.authority, (*message.authority, *message.answer, *message.additional))


def as_answer(message: Message, name: Name, type: int) -> Answer | None:
    """What a reply says of one RRset: the RRset, the CNAME in its place, or its absence.

    None when it says nothing: a referral, an error, another question's reply, or, for a DS, a denial by the child's
    side (RFC 4035 §3.1.4.1). A CNAME is followed no further; one that was made of a DNAME lasts as long as that, since
    caches make it anew, whatever TTL the server gave it (RFC 6672 §3.1). Whether the reply is authoritative is the
    caller's to judge.
    """
    if message.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN) or message.truncated:
        return None
    if message.question and (message.question[0].name, message.question[0].type) != (name, type):
        return None
    found = answer_rrsets(message)
    here = {rrset.type: rrset for rrset in found if rrset.owner == name}
    if type in here:
        return here[type]
    if T.CNAME in here:
        makers = (
            rrset.ttl
            for rrset in found
            if rrset.type == T.DNAME and name != rrset.owner and name.is_subdomain(rrset.owner)
        )
        return replace(here[T.CNAME], ttl=max(here[T.CNAME].ttl, *makers, 0))
    return as_absence(message, name, type)


def as_absence(message: Message, name: Name, type: int) -> Absence | None:
    """The denial in a reply that has no answer, unless it is a referral.

    ``ttl`` is ``max(min(SOA TTL, SOA MINIMUM), NSEC TTL)``: a cache may use the NSEC itself (RFC 2308 §5, RFC 8198). A
    denial without SOA may not be cached: 0.
    """
    authority = authority_rrsets(message)
    soas = [rrset for rrset in authority if rrset.type == T.SOA and name.is_subdomain(rrset.owner)]
    proofs = [rrset for rrset in authority if rrset.type in (T.NSEC, T.NSEC3)]
    if type == T.DS and len(name) > 1 and any(rrset.owner == name for rrset in soas):
        return None
    if not soas:
        delegates = any(rrset.type == T.NS for rrset in authority)
        denies = message.rcode == Rcode.NXDOMAIN or (message.authoritative and not delegates)
        return absence(name, type, proofs) if denies and not message.answer else None
    return absence(name, type, (*soas, *proofs))


def absence(name: Name, type: int, proof: Iterable[RRset]) -> Absence:
    """The absence that SOA and NSEC or NSEC3 RRsets prove, with its TTL, which is 0 without the SOA."""
    proof = frozenset(proof)
    negative = [min(rrset.ttl, *map(_minimum, rrset.rdatas)) for rrset in proof if rrset.type == T.SOA]
    held = [rrset.ttl for rrset in proof if rrset.type != T.SOA]
    return Absence(name, type, max(negative + held) if negative else 0, proof)


def soa_serial(message: Message) -> int | None:
    """The serial of the SOA that the message answers with or denies with, if any (RFC 1035 §3.3.13)."""
    for record in (*message.answer, *message.authority):
        if record.type == T.SOA and record.klass == _IN and len(record.rdata) >= 22:
            return int.from_bytes(record.rdata[-20:-16])
    return None


def _minimum(soa: bytes) -> int:
    return int.from_bytes(soa[-4:]) if len(soa) >= 22 else 0
