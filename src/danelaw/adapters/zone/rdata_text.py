"""Rdata from and to presentation form, such that every octet string survives.

The usual types are read by the table below, which tells what is wrong at which word; the others by dnspython. What has
no usual text (a TLSA record that is too short) is written in the generic form (RFC 3597 §5).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import dns.exception
import dns.name
import dns.rdata
from dns.name import Name
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType as T

from danelaw.adapters.zone.entries import split_words
from danelaw.adapters.zone.fields import (
    ALGORITHM,
    BARE_STRING,
    BASE64,
    COVERED,
    HASH,
    HEXADECIMAL,
    INSTANT,
    IPV4,
    IPV6,
    LONG,
    NAME,
    OCTET,
    PERIOD,
    SALT,
    SHORT,
    STRING,
    STRINGS,
    TAG,
    TYPES,
    Field,
    Rest,
    hexadecimal,
    type_text,
)
from danelaw.adapters.zone.names import MisreadError, Names


class RdataTextError(ValueError):
    """The words are no rdata of the type. ``at``: which of them is not what was expected, counted from 0."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


_DS: Final = (SHORT, ALGORITHM, OCTET, HEXADECIMAL)  # RFC 4034 §5.3
_TLSA: Final = (OCTET, OCTET, OCTET, HEXADECIMAL)  # RFC 6698 §2.2
_DNSKEY: Final = (SHORT, OCTET, ALGORITHM, BASE64)  # RFC 4034 §2.2

_LAYOUTS: Final[dict[int, tuple[Field | Rest, ...]]] = {
    T.A: (IPV4,),
    T.AAAA: (IPV6,),
    T.NS: (NAME,),
    T.CNAME: (NAME,),
    T.DNAME: (NAME,),
    T.PTR: (NAME,),
    T.SOA: (NAME, NAME, LONG, PERIOD, PERIOD, PERIOD, PERIOD),
    T.MX: (SHORT, NAME),
    T.SRV: (SHORT, SHORT, SHORT, NAME),
    T.NAPTR: (SHORT, SHORT, STRING, STRING, STRING, NAME),
    T.HINFO: (STRING, STRING),
    T.RP: (NAME, NAME),
    T.TXT: (STRINGS,),
    T.SPF: (STRINGS,),
    T.CAA: (OCTET, TAG, BARE_STRING),
    T.SSHFP: (OCTET, OCTET, HEXADECIMAL),
    T.TLSA: _TLSA,
    T.SMIMEA: _TLSA,
    T.OPENPGPKEY: (BASE64,),
    T.DS: _DS,
    T.CDS: _DS,
    T.DNSKEY: _DNSKEY,
    T.CDNSKEY: _DNSKEY,
    T.RRSIG: (COVERED, ALGORITHM, OCTET, LONG, INSTANT, INSTANT, SHORT, NAME, BASE64),  # RFC 4034 §3.2
    T.NSEC: (NAME, TYPES),  # RFC 4034 §4.2
    T.NSEC3: (OCTET, OCTET, SHORT, SALT, HASH, TYPES),  # RFC 5155 §3.3
    T.NSEC3PARAM: (OCTET, OCTET, SHORT, SALT),
    T.ZONEMD: (LONG, OCTET, OCTET, HEXADECIMAL),  # RFC 8976 §2.3
}
"""What follows the type, word by word; a ``Rest`` stands at the end."""


def rdata_from_words(type: int, words: Sequence[str], origin: Name) -> bytes:
    """Uncompressed wire rdata. ``words`` in ASCII, as written. Raises ``RdataTextError``."""
    return read_rdata(type, words, Names(origin))


def read_rdata(type: int, words: Sequence[str], names: Names) -> bytes:
    """As ``rdata_from_words``, with names that may be known already."""
    if words and words[0] == "\\#":
        return _generic(words)
    layout = _LAYOUTS.get(type)
    if layout is None:
        return _by_dnspython(type, words, names.origin)
    parts, at = [], 0
    for part in layout:
        if at == len(words) and not (isinstance(part, Rest) and part.may_lack):
            raise RdataTextError(f"expected {part.expected}, found the end of the record", at)
        try:
            if isinstance(part, Rest):
                parts.append(part.read(words[at:]))
                at = len(words)
            else:
                parts.append(part.read(words[at], names))
                at += 1
        except ValueError as error:
            raise RdataTextError(_unlike(part.expected, words[at], error), at) from error
    if at < len(words):
        raise RdataTextError(f"expected the end of the record, found {quoted(words[at])}", at)
    rdata = b"".join(parts)
    if len(rdata) > 65535:
        raise RdataTextError(f"the record has {len(rdata)} octets of data, and may have 65535", 0)
    return rdata


def _unlike(expected: str, word: str, error: ValueError) -> str:
    why = f" ({error})" if isinstance(error, MisreadError) and str(error) else ""
    return f"expected {expected}, found {quoted(word)}{why}"


def quoted(word: str) -> str:
    """For a message."""
    shown = word.strip('"')
    return f'"{shown[:60]}…"' if len(shown) > 60 else f'"{shown}"'


def _generic(words: Sequence[str]) -> bytes:
    """``\\# length hexadecimal`` (RFC 3597 §5)."""
    if len(words) < 2 or not words[1].isdigit() or len(words[1]) > 5:
        raise RdataTextError("expected the number of octets after \\#", min(1, len(words) - 1))
    try:
        rdata = hexadecimal(words[2:])
    except ValueError as error:
        raise RdataTextError("expected octets in hexadecimal after \\# and their number", 2) from error
    if len(rdata) != int(words[1]):
        raise RdataTextError(f"{words[1]} octets are announced, and there are {len(rdata)}", 1)
    return rdata


def _by_dnspython(type: int, words: Sequence[str], origin: Name) -> bytes:
    try:
        parsed = dns.rdata.from_text(RdataClass.IN, T.make(type), " ".join(words), origin, relativize=False)
        return parsed.to_generic().data
    except (dns.exception.DNSException, ValueError, OverflowError) as error:
        mnemonic = dns.rdatatype.to_text(T.make(type))
        raise RdataTextError(
            f"malformed {mnemonic} record: {error or 'its fields are not as they should be'}", 0
        ) from error


def record_text(type: int, rdata: bytes) -> str:
    """Type and rdata in presentation form, with absolute names, on one line."""
    mnemonic = type_text(type)
    layout = _LAYOUTS.get(type)
    try:
        text = _text_by_dnspython(type, rdata) if layout is None else _text(layout, rdata)
    except ValueError:  # the generic form is for this
        return f"TYPE{type} \\# {len(rdata)} {rdata.hex()}".rstrip()
    return f"{mnemonic} {text}".rstrip()


def _text(layout: tuple[Field | Rest, ...], rdata: bytes) -> str:
    """Raises ``ValueError`` where the rdata is not of this form."""
    at, texts = 0, []
    for part in layout:
        if isinstance(part, Rest):
            texts.append(part.write(rdata[at:]))
            at = len(rdata)
        else:
            text, at = part.write(rdata, at)
            texts.append(text)
    if at != len(rdata):
        raise MisreadError("the rdata goes on")
    return " ".join(texts)


def _text_by_dnspython(type: int, rdata: bytes) -> str:
    """Raises ``ValueError`` also where the text would be read as something else."""
    try:
        text = dns.rdata.from_wire(RdataClass.IN, T.make(type), rdata, 0, len(rdata)).to_text()
    except dns.exception.DNSException as error:
        raise MisreadError(str(error)) from error
    if rdata_from_words(type, split_words(text), dns.name.root) != rdata:
        raise MisreadError("it does not read back")
    return text
