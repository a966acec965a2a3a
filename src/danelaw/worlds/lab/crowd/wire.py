"""Queries and replies. TLSA and DS are taken as opaque rdata, so that a malformed one is still a signed record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, cast

import dns.entropy
import dns.exception
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.wire
from dns.name import Name
from dns.rdataclass import IN
from dns.rdatatype import DS, OPT, RRSIG, TLSA
from dns.rdtypes.ANY.RRSIG import RRSIG as Signature  # noqa: N811  # the rdata's class; the type's number has its name

OPAQUE: Final = frozenset({TLSA, DS})
"""dnspython rejects a whole message for one of these with a digest of the wrong length."""
PAYLOAD: Final = 1232
RESPONSE, AUTHORITATIVE, TRUNCATED, RCODE = 0x8000, 0x0400, 0x0200, 0x000F
RECURSION_DESIRED, AUTHENTIC_DATA, CHECKING_DISABLED = 0x0100, 0x0020, 0x0010
"""Masks of the header's second word (RFC 1035 §4.1.1; CD is of RFC 4035 §3.2.2)."""


class GarbledError(ValueError):
    """A reply whose framing cannot be read, or that answers another question."""


@dataclass(frozen=True, slots=True)
class Records:
    """An RRset as it came, with the RRSIGs that cover it, from whichever section they stood in."""

    owner: Name
    type: int
    ttl: int
    rdatas: tuple[dns.rdata.Rdata, ...]
    sigs: tuple[Signature, ...] = ()

    def __str__(self) -> str:
        return f"{self.owner} {type_text(self.type)}"


@dataclass(frozen=True, slots=True)
class Reply:
    rcode: int
    authoritative: bool
    truncated: bool
    answer: tuple[Records, ...]
    authority: tuple[Records, ...]
    additional: tuple[Records, ...]
    authentic: bool = False
    """The AD bit: what a resolver says of its own checks, and worth no more than the way to that resolver."""


def type_text(type: int) -> str:
    return dns.rdatatype.to_text(dns.rdatatype.RdataType.make(type))


def rdata_text(rdata: dns.rdata.Rdata) -> str:
    """As in a master file; a TLSA with its three numbers, however malformed it is (RFC 6698 §2.2)."""
    wire = rdata.to_wire() or b""
    if rdata.rdtype != TLSA or len(wire) < 3:
        return rdata.to_text()
    return f"{wire[0]} {wire[1]} {wire[2]} {wire[3:].hex()}"


def find(section: Iterable[Records], owner: Name, type: int) -> Records | None:
    return next((records for records in section if records.type == type and records.owner == owner), None)


def of_type(section: Iterable[Records], type: int) -> Iterator[Records]:
    return (records for records in section if records.type == type)


def query(name: Name, type: int, flags: int = 0) -> tuple[int, bytes]:
    """The id and the wire form of a query with DO set (RFC 4035 §4.1), and ``flags`` (masks, as above) beside it."""
    id = dns.entropy.random_16()
    return id, id.to_bytes(2, "big") + _query_body(name, type, flags)


@lru_cache(maxsize=256)
def _query_body(name: Name, type: int, flags: int) -> bytes:
    message = dns.message.make_query(
        name, dns.rdatatype.RdataType.make(type), use_edns=0, payload=PAYLOAD, want_dnssec=True, flags=flags
    )
    return message.to_wire()[2:]


_Read = tuple[Name, int, int, dns.rdata.Rdata]


def read_reply(wire: bytes, id: int, name: Name, type: int) -> Reply:
    """The reply to the query (``id``, ``name``, ``type``). Raises GarbledError."""
    if wire[:2] != id.to_bytes(2, "big"):
        raise GarbledError("not a reply to this query")
    return _read_body(wire[2:], name, type)


@lru_cache(maxsize=4096)
def _read_body(body: bytes, name: Name, type: int) -> Reply:
    """Without the id: the same octets always say the same, whoever of the crowd reads them."""
    try:
        parser = dns.wire.Parser(b"\0\0" + body)
        _, flags, questions, *counts = parser.get_struct("!HHHHHH")
        if not flags & RESPONSE or questions != 1:
            raise GarbledError("not a reply to this query")
        asked = (dns.name.from_wire_parser(parser), *parser.get_struct("!HH"))
        if asked != (name, type, IN):
            raise GarbledError(f"a reply about {asked[0]}")
        sections = [list(_records(parser, count)) for count in counts]
    except dns.exception.DNSException as error:
        raise GarbledError(f"unreadable: {error}") from error
    signatures = [record for section in sections for record in section if record[1] == RRSIG]
    answer, authority, additional = (_grouped(section, signatures) for section in sections)
    return Reply(
        rcode=flags & RCODE,
        authoritative=bool(flags & AUTHORITATIVE),
        truncated=bool(flags & TRUNCATED),
        answer=answer,
        authority=authority,
        additional=additional,
        authentic=bool(flags & AUTHENTIC_DATA),
    )


def _records(parser: dns.wire.Parser, count: int) -> Iterator[_Read]:
    for _ in range(count):
        owner = dns.name.from_wire_parser(parser)
        type, klass, ttl, length = parser.get_struct("!HHIH")
        with parser.restrict_to(length):
            if type in OPAQUE or type == OPT:
                rdata: dns.rdata.Rdata = dns.rdata.GenericRdata(IN, type, parser.get_remaining())
            else:
                rdata = dns.rdata.from_wire_parser(klass, type, parser)
        if klass == IN and type != OPT:
            yield owner, type, ttl if ttl < 1 << 31 else 0, rdata  # RFC 2181 §8


def _grouped(section: list[_Read], signatures: list[_Read]) -> tuple[Records, ...]:
    groups: dict[tuple[Name, int], list[_Read]] = {}
    for record in section:
        if record[1] != RRSIG:
            groups.setdefault((record[0], record[1]), []).append(record)
    return tuple(
        Records(
            owner=owner,
            type=type,
            ttl=min(ttl for _, _, ttl, _ in group),
            rdatas=tuple(dict.fromkeys(rdata for _, _, _, rdata in group)),
            sigs=tuple(
                cast(Signature, rdata)
                for signed, _, _, rdata in signatures
                if signed == owner and cast(Signature, rdata).type_covered == type
            ),
        )
        for (owner, type), group in groups.items()
    )
