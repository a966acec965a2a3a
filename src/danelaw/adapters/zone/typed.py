"""A record as people type it on a command line, less strict about dots and quotes than in a master file.

A shell has taken the quotes away, and nobody who types a whole name means it to be continued by the zone's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import dns.exception
import dns.name
import dns.rdatatype
from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.adapters.zone.entries import split_words
from danelaw.adapters.zone.fields import ttl_seconds, type_number
from danelaw.adapters.zone.names import MisreadError, Names
from danelaw.adapters.zone.rdata_text import RdataTextError, read_rdata
from danelaw.core.dnssec.sign import MADE_BY_SIGNING
from danelaw.core.model import DanelawError
from danelaw.core.tlsa import TLSARecord, unusable
from danelaw.ports import RecordChange

_OF_STRINGS: Final = frozenset({T.TXT, T.SPF})
_WITH_STRINGS: Final = frozenset({*_OF_STRINGS, T.CAA, T.HINFO, T.NAPTR, T.URI})
_NEEDS_QUOTES: Final = re.compile(r"[\s;()]")
_LONGEST_STRING: Final = 255
_HARMLESS: Final = frozenset({"PRIVATE_USAGE", "PRIVATE_SELECTOR", "PRIVATE_MATCHING_TYPE"})
"""Reasons for which no client at large can use a TLSA record, and that its owner knows of."""

_EXAMPLES: Final = {
    T.A: "192.0.2.1",
    T.AAAA: "2001:db8::1",
    T.CAA: '0 issue "letsencrypt.org"',
    T.CNAME: "www",
    T.MX: "10 mail",
    T.NS: "ns1",
    T.SRV: "0 5 443 www",
    T.TLSA: "3 1 1 and 64 hexadecimal digits",
    T.TXT: "'v=spf1 -all'",
}


@dataclass(frozen=True, slots=True)
class TypedRecord:
    """What was typed, read. ``ttl`` in seconds; ``rdata`` None: whatever there is of the owner and type."""

    owner: Name
    type: int
    ttl: int | None
    rdata: bytes | None


class _TypedNames(Names):
    """A name that ends with the zone's own is complete, also without a dot at its end."""

    def _read(self, word: str) -> Name:
        if not word.endswith("."):
            try:
                whole = dns.name.from_text(word)
            except dns.exception.DNSException:
                return super()._read(word)
            if whole.is_subdomain(self.origin):
                return whole
        return super()._read(word)


def read_change(apex: Name, change: RecordChange) -> TypedRecord:
    """Raises ``DanelawError``: ``BAD_NAME``, ``ZONE_OUT_OF_ZONE``, ``BAD_TYPE``, ``BAD_RECORD``."""
    owner, type = _owner(apex, change.owner), _type(change.type)
    rdata = _rdata(apex, type, change.rdata) if change.rdata else None
    if rdata is not None and type == T.TLSA and not change.remove:
        _check_tlsa(rdata)
    return TypedRecord(owner, type, _ttl(change.ttl), rdata)


def _owner(apex: Name, text: str) -> Name:
    hint = f"write it relative to the zone, as www, or whole, as www.{apex.to_text(omit_final_dot=True)}; @ is {apex}"
    try:
        word = text if text.isascii() else dns.name.from_text(text, None, dns.name.IDNA_2008_Practical).to_text()
        owner = _TypedNames(apex).name(word).canonicalize()
    except (MisreadError, dns.exception.DNSException, UnicodeError) as error:
        raise DanelawError("BAD_NAME", f"{text!r} is no owner name", evidence=str(error), hint=hint) from error
    if not owner.is_subdomain(apex):
        raise DanelawError("ZONE_OUT_OF_ZONE", f"{owner} is not in the zone {apex}", hint=hint)
    return owner


def _type(text: str) -> int:
    hint = "write a type of records, such as A, MX, TLSA or TYPE65280"
    try:
        type = type_number(text.upper())
    except MisreadError as error:
        raise DanelawError("BAD_TYPE", f"there is no type {text!r}", hint=hint) from error
    if type in (0, T.OPT) or 128 <= type <= 255:  # RFC 6895 §3.1
        raise DanelawError("BAD_TYPE", f"{text.upper()} is no type of records that zones hold", hint=hint)
    if type in MADE_BY_SIGNING or type == T.ZONEMD:
        said = f"{text.upper()} records are made by signing, so they are not kept in the zone file"
        raise DanelawError(
            "BAD_TYPE", said, hint="keys come from the key directory, and the rest from danelaw zone sign"
        )
    if type == T.SOA:
        hint = "edit its numbers in the file, then run danelaw zone sign: the serial rises by itself"
        raise DanelawError("BAD_TYPE", "a zone has one SOA record, which is not added or removed", hint=hint)
    return type


def _ttl(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return ttl_seconds(text)
    except MisreadError as error:
        raise DanelawError(
            "BAD_RECORD", f"{text!r} is no TTL", evidence=str(error), hint="write seconds, or a time such as 1h30m"
        ) from error


def _rdata(apex: Name, type: int, arguments: Sequence[str]) -> bytes:
    mnemonic = dns.rdatatype.to_text(T.make(type))
    example = _EXAMPLES.get(T.make(type), "")
    hint = f"data of type {mnemonic} are such as: {example}" if example else ""
    words = [word for argument in arguments for word in _words(type, argument, alone=len(arguments) == 1)]
    if not words:
        raise DanelawError("BAD_RECORD", f"there are no data for the {mnemonic} record", hint=hint)
    try:
        return read_rdata(type, words, _TypedNames(apex))
    except RdataTextError as error:
        said = f"these are no data of type {mnemonic}"
        raise DanelawError("BAD_RECORD", said, evidence=str(error), hint=hint) from error


def _words(type: int, argument: str, *, alone: bool) -> Iterator[str]:
    """One argument's words. One with quotes is read as in a master file, one that must have had them gets them back."""
    text = "".join(c if c < "\x80" else "".join(f"\\{octet:03d}" for octet in c.encode()) for c in argument)
    quote = type in _WITH_STRINGS and (type in _OF_STRINGS or not alone)
    if '"' in text or not quote or text.startswith("\\#"):
        if ";" in text and '"' not in text:
            said = f'a remark has no place in a record: "{argument}"'
            raise DanelawError("BAD_RECORD", said, hint="leave out what begins with the semicolon, or quote it twice")
        yield from split_words(text)
    elif len(text) > _LONGEST_STRING and type in _OF_STRINGS and "\\" not in text:
        for at in range(0, len(text), _LONGEST_STRING):
            yield f'"{text[at : at + _LONGEST_STRING]}"'
    elif not text or _NEEDS_QUOTES.search(text):
        yield f'"{text}"'
    else:
        yield text


def _check_tlsa(rdata: bytes) -> None:
    reason = unusable(TLSARecord.from_rdata(rdata))
    if reason is not None and reason.code not in _HARMLESS:
        raise DanelawError(
            "BAD_RECORD",
            "no client could use this TLSA record",
            evidence=f"{reason.detail} ({reason.section})",
            hint="a record of your server's key is 3 1 1 and the 64 hexadecimal digits of its SHA-256",
        )
