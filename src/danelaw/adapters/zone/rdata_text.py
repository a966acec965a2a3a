"""Rdata from and to presentation form, such that every octet string survives.

dnspython knows the types; what it would refuse (a TLSA or DS whose digest has a wrong length) is read here, and what it
cannot write is written in the generic form (RFC 3597 §5).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import dns.dnssectypes
import dns.exception
import dns.name
import dns.rdata
import dns.rdatatype
from dns.name import Name
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType


class RdataTextError(ValueError):
    """The words are no rdata of the type."""


def _octet(word: str) -> bytes:
    return int(word).to_bytes(1)


def _short(word: str) -> bytes:
    return int(word).to_bytes(2)


def _algorithm(word: str) -> bytes:
    return dns.dnssectypes.Algorithm.from_text(word).to_bytes(1)


_DIGESTS: Final[dict[int, tuple[Callable[[str], bytes], ...]]] = {
    RdataType.TLSA: (_octet, _octet, _octet),  # RFC 6698 §2.2
    RdataType.SMIMEA: (_octet, _octet, _octet),
    RdataType.DS: (_short, _algorithm, _octet),  # RFC 4034 §5.3
    RdataType.CDS: (_short, _algorithm, _octet),
}
"""Fixed fields of the types that end in hexadecimal of any length."""


def rdata_from_words(type: int, words: Sequence[str], origin: Name) -> bytes:
    """Uncompressed wire rdata. ``words`` in ASCII, as written. Raises ``RdataTextError``."""
    try:
        if words[:1] == ["\\#"]:
            rdata = bytes.fromhex("".join(words[2:]))
            if len(words) < 2 or len(rdata) != int(words[1]):
                raise RdataTextError("generic rdata of another length than it says (RFC 3597 §5)")
            return rdata
        if fields := _DIGESTS.get(type):
            if not "".join(words[len(fields) :]):
                raise RdataTextError("too few fields")
            fixed = b"".join(read(word) for read, word in zip(fields, words, strict=False))
            return fixed + bytes.fromhex("".join(words[len(fields) :]))
        parsed = dns.rdata.from_text(RdataClass.IN, RdataType.make(type), " ".join(words), origin, relativize=False)
        return parsed.to_generic().data
    except (dns.exception.DNSException, ValueError, OverflowError) as error:
        raise RdataTextError(str(error) or "malformed") from error


def record_text(type: int, rdata: bytes) -> str:
    """Type and rdata in presentation form, with absolute names, on one line."""
    named = RdataType.make(type)
    try:
        text = dns.rdata.from_wire(RdataClass.IN, named, rdata, 0, len(rdata)).to_text()
        if rdata_from_words(type, text.split(" "), dns.name.root) == rdata:
            return f"{dns.rdatatype.to_text(named)} {text}"
    except (dns.exception.DNSException, ValueError):
        pass  # the generic form is for this
    return f"TYPE{type} \\# {len(rdata)} {rdata.hex()}".rstrip()
