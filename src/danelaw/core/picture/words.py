"""Records, keys and dates in words, fit for a terminal and for XML: nothing in them is obeyed by either."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.name import Name
from dns.rdatatype import RdataType

from danelaw.core.dnssec.algorithms import Algorithm, DigestType
from danelaw.core.dnssec.keys import REVOKE_FLAG, SEP_FLAG
from danelaw.core.model import Instant, JudgedKey, JudgedRRset, JudgedSignature, JudgedZone, Security
from danelaw.core.model.length import in_words
from danelaw.core.verdict.printable import printable
from danelaw.core.verdict.printable import shown as shown

STATE: Final = {state: state.value.upper() for state in Security}

_DIGESTS: Final[dict[int, str]] = {
    DigestType.SHA1: "SHA-1",
    DigestType.SHA256: "SHA-256",
    DigestType.GOST: "GOST R 34.11-94",
    DigestType.SHA384: "SHA-384",
    DigestType.GOST12: "GOST R 34.11-2012",
    DigestType.SM3: "SM3",
}


def plain(name: Name) -> str:
    """The name as it goes over the wire, A-labels and all; the root is a dot."""
    return printable(name.to_text())


def zone_name(name: Name) -> str:
    return ". (the root)" if len(name) == 1 else shown(name)


def type_name(type: int) -> str:
    return dns.rdatatype.to_text(RdataType.make(type))


def algorithm(number: int) -> str:
    """The mnemonic, or the number of an algorithm that has none here."""
    known = {int(member): member.name for member in Algorithm}
    return known.get(number, f"algorithm {number}")


def digest_type(number: int) -> str:
    return _DIGESTS.get(number, f"digest type {number}")


def rdata(type: int, wire: bytes) -> str:
    """Presentation form; that of unknown types (RFC 3597 §5) where the rdata has not the form of its type."""
    try:
        found = dns.rdata.from_wire(dns.rdataclass.IN, RdataType.make(type), wire, 0, len(wire))
        return printable(found.to_text())
    except (dns.exception.DNSException, ValueError):
        return f"\\# {len(wire)} {wire.hex()}"


def rdatas(type: int, wires: Collection[bytes]) -> tuple[str, ...]:
    """Every record, in the order of the octets."""
    return tuple(rdata(type, wire) for wire in sorted(wires))


def middle(text: str, longest: int) -> str:
    """The text, or its beginning and its end where it is longer."""
    if len(text) <= longest:
        return text
    head = (longest - 1) * 2 // 3
    return f"{text[:head]}…{text[len(text) - (longest - 1 - head) :]}"


def life(signature: JudgedSignature, now: Instant) -> str:
    """How a signature's dates stand to ``now``."""
    if signature.expiration < now:
        return f"expired {signature.expiration:%Y-%m-%d}, {in_words(now - signature.expiration)} ago"
    if signature.inception > now:
        return f"not valid before {signature.inception:%Y-%m-%d %H:%M}, in {in_words(signature.inception - now)}"
    return f"expires {signature.expiration:%Y-%m-%d}, in {in_words(signature.expiration - now)}"


def role(key: JudgedKey, zone: JudgedZone, signed: Iterable[JudgedRRset]) -> str:
    """KSK, ZSK or CSK, by the SEP flag and by what the key was seen to sign.

    The flag has no bearing on validation (RFC 4034 §2.1.1). ``signed``: the RRsets of the zone, its keys aside.
    """
    keys = zone.dnskey.signatures if zone.dnskey is not None else ()
    signs_keys = any(made_by(signature, key) for signature in keys)
    signs_data = any(made_by(signature, key) for rrset in signed for signature in rrset.signatures)
    sep = bool(key.flags & SEP_FLAG)
    combined = (signs_keys and signs_data) or len(zone.keys) == 1
    name = "CSK" if combined else "KSK" if sep else "ZSK"
    return f"revoked {name}" if key.flags & REVOKE_FLAG else name


def made_by(signature: JudgedSignature, key: JudgedKey) -> bool:
    """Whether the signature claims to be this key's. Tags are not unique (RFC 4034 appendix B)."""
    return (signature.key_tag, signature.algorithm) == (key.tag, key.algorithm)


def key_line(key: JudgedKey) -> str:
    size = f", {key.bits} bits" if key.bits is not None else ""
    return f"{algorithm(key.algorithm)}{size}"


def absent(type: int) -> str:
    return f"no {type_name(type)}"


NSEC_TYPES: Final = (int(RdataType.NSEC), int(RdataType.NSEC3))
