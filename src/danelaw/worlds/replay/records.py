"""Records and questions as scenario files write them, rdata kept raw: also such as no server should send."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import dns.dnssec
import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.ttl
from dns.name import Name
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.canonical import plain_wire
from danelaw.core.model import Question, Record

DEFAULT_TTL: Final = 3600
"""Seconds, where a record names none."""


class UnreadableRecordError(ValueError):
    """Text that is no record or question."""


def uncommented(text: str) -> str:
    """A line without what follows a ``;`` (RFC 1035 §5.1)."""
    kept = []
    for char, bare in _characters(text):
        if bare and char == ";":
            break
        kept.append(char)
    return "".join(kept)


def open_parentheses(text: str) -> int:
    """How many parentheses are open at the end of a text without comments (RFC 1035 §5.1)."""
    marks = [char for char, bare in _characters(text) if bare]
    return marks.count("(") - marks.count(")")


def read_question(text: str, origin: Name) -> Question:
    """``name [class] type``; raises ``UnreadableRecordError``."""
    words = text.split()
    try:
        klass = RdataClass.IN if len(words) == 2 else dns.rdataclass.from_text(words[1])
        if len(words) not in (2, 3):
            raise UnreadableRecordError(f"no question: {text}")
        return Question(dns.name.from_text(words[0], origin), dns.rdatatype.from_text(words[-1]), int(klass))
    except (dns.exception.DNSException, ValueError, IndexError) as error:
        raise UnreadableRecordError(f"no question: {text} ({error})") from error


def read_name(text: str) -> Name:
    """An absolute name; raises ``UnreadableRecordError``."""
    try:
        return dns.name.from_text(text)
    except (dns.exception.DNSException, ValueError) as error:
        raise UnreadableRecordError(f"no name: {text} ({error})") from error


def read_record(text: str, origin: Name = dns.name.root, ttl: int = DEFAULT_TTL) -> Record:
    """``name [TTL] [class] type rdata`` without comments; raises ``UnreadableRecordError``.

    DNSKEY, DS and RRSIG are taken whatever their lengths are.
    """
    flat = "".join(" " if bare and char in "()" else char for char, bare in _characters(text))
    owner_text, rest = _first(flat)
    klass = RdataClass.IN
    try:
        owner = dns.name.from_text(owner_text, origin)
        while True:
            word, after = _first(rest)
            if word[:1].isdigit():
                ttl = dns.ttl.from_text(word)
            elif (found := _class(word)) is not None:
                klass = found
            else:
                break
            rest = after
        type = dns.rdatatype.from_text(word)
        return Record(owner, int(type), int(klass), ttl, _rdata(klass, type, after.strip(), origin))
    except (dns.exception.DNSException, ValueError, IndexError, OverflowError) as error:
        raise UnreadableRecordError(f"no record: {flat.strip()} ({error})") from error


def _characters(text: str) -> Iterator[tuple[str, bool]]:
    """Each character, and whether it stands bare: outside of quotes, and not behind a backslash."""
    quoted = escaped = False
    for char in text:
        yield char, not (quoted or escaped)
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == '"':
            quoted = not quoted


def _first(text: str) -> tuple[str, str]:
    words = text.split(maxsplit=1)
    return (words[0] if words else "", words[1] if len(words) > 1 else "")


def _class(word: str) -> RdataClass | None:
    try:
        return dns.rdataclass.from_text(word)
    except dns.rdataclass.UnknownRdataclass:
        return None


def _rdata(klass: RdataClass, type: T, text: str, origin: Name) -> bytes:
    words = text.split()
    if words[:1] == [r"\#"]:
        return _generic(words[1:])
    if type in (T.DNSKEY, T.CDNSKEY):
        flags, protocol, algorithm, *key = words
        return int(flags).to_bytes(2) + bytes((int(protocol), _algorithm(algorithm))) + _base64(key)
    if type in (T.DS, T.CDS, T.DLV):
        tag, algorithm, digest_type, *digest = words
        return int(tag).to_bytes(2) + bytes((_algorithm(algorithm), int(digest_type))) + bytes.fromhex("".join(digest))
    if type == T.RRSIG:
        return _rrsig(words, origin)
    return dns.rdata.from_text(klass, type, text, origin, relativize=False).to_wire(origin=None) or b""


def _rrsig(words: list[str], origin: Name) -> bytes:
    covered, algorithm, labels, ttl, expiration, inception, tag, signer, *signature = words
    return (
        int(dns.rdatatype.from_text(covered)).to_bytes(2)
        + bytes((_algorithm(algorithm), int(labels)))
        + dns.ttl.from_text(ttl).to_bytes(4)
        + _time(expiration).to_bytes(4)
        + _time(inception).to_bytes(4)
        + int(tag).to_bytes(2)
        + plain_wire(dns.name.from_text(signer, origin))
        + _base64(signature)
    )


def _generic(words: list[str]) -> bytes:
    """``\\# length hex`` (RFC 3597 §5)."""
    rdata = bytes.fromhex("".join(words[1:]))
    if len(rdata) != int(words[0]):
        raise UnreadableRecordError(f"{len(rdata)} octets where {words[0]} are announced")
    return rdata


def _algorithm(word: str) -> int:
    return int(word) if word.isdigit() else int(dns.dnssec.algorithm_from_text(word))


def _base64(words: list[str]) -> bytes:
    try:
        return base64.b64decode("".join(words), validate=True)
    except binascii.Error as error:
        raise UnreadableRecordError(str(error)) from error


def _time(word: str) -> int:
    """Seconds since 1970 modulo 2^32, or ``YYYYMMDDHHmmSS`` (RFC 4034 §3.2)."""
    if len(word) != 14:
        return int(word)
    return int(datetime.strptime(word, "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()) & 0xFFFFFFFF
