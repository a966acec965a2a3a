"""Rdata as text, as interfaces for people and programs take it, and back."""

from __future__ import annotations

import dns.exception
import dns.rdata
import dns.rdatatype
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

from danelaw.core.dnssec.canonical import canonical_rdata


def type_text(type: int) -> str:
    return str(dns.rdatatype.to_text(RdataType.make(type)))


def rdata_text(type: int, rdata: bytes) -> str:
    """The presentation format of one record's data, on one line, names absolute.

    Where it has none, as a malformed record or one of an unknown type, the generic form (RFC 3597 §5).
    """
    try:
        parsed = dns.rdata.from_wire(RdataClass.IN, RdataType.make(type), rdata, 0, len(rdata))
        if parsed.to_wire() == rdata and not isinstance(parsed, dns.rdata.GenericRdata):
            # Some readers take hexadecimal and base64 in one piece only.
            return str(parsed.to_text(chunksize=0))
    except dns.exception.DNSException:
        pass
    return rf"\# {len(rdata)} {rdata.hex()}".rstrip()


def rdata_of(type: int, text: str) -> bytes:
    """The canonical rdata (RFC 4034 §6.2) that a text stands for. Raises ``ValueError``."""
    try:
        parsed = dns.rdata.from_text(RdataClass.IN, RdataType.make(type), text, relativize=False)
        wire = parsed.to_wire() or b""
    except (dns.exception.DNSException, UnicodeError) as error:
        raise ValueError(f"{type_text(type)} {text!r}: {error}") from error
    return canonical_rdata(type, wire)
