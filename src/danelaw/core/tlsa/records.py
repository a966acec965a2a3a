"""TLSA records as values: their parameters, their two forms, and whether a client can use them at all."""

from __future__ import annotations

import string
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from danelaw.core.model import Reason
from danelaw.core.tlsa.der import is_certificate, is_spki

TLSA: Final = 52
"""The RR type (RFC 6698 §7.1)."""


class CertificateUsage(IntEnum):
    """TLSA certificate usages (RFC 6698 §2.1.1; acronyms RFC 7218 §2.1). Complete as of 2026-11."""

    PKIX_TA = 0
    PKIX_EE = 1
    DANE_TA = 2
    DANE_EE = 3  # neither names nor dates are checked: RFC 7671 §5.1
    PRIV_CERT = 255


class Selector(IntEnum):
    """TLSA selectors (RFC 6698 §2.1.2; acronyms RFC 7218 §2.2). Complete as of 2026-11."""

    CERT = 0
    SPKI = 1
    PRIV_SEL = 255


class MatchingType(IntEnum):
    """TLSA matching types (RFC 6698 §2.1.3; acronyms RFC 7218 §2.3). Complete as of 2026-11."""

    FULL = 0
    SHA2_256 = 1
    SHA2_512 = 2
    PRIV_MATCH = 255


_ACRONYMS: Final[tuple[dict[int, str], dict[int, str], dict[int, str]]] = (
    {0: "PKIX-TA", 1: "PKIX-EE", 2: "DANE-TA", 3: "DANE-EE", 255: "PrivCert"},
    {0: "Cert", 1: "SPKI", 255: "PrivSel"},
    {0: "Full", 1: "SHA2-256", 2: "SHA2-512", 255: "PrivMatch"},
)
_VALUES: Final = tuple({acronym.lower(): value for value, acronym in table.items()} for table in _ACRONYMS)
_PRIVATE: Final = 255
_DIGEST_OCTETS: Final = {MatchingType.SHA2_256: 32, MatchingType.SHA2_512: 64}


class MalformedTLSA(ValueError):  # noqa: N818 - says what the record is, as RFC 6698 §4.1 does
    """The octets or the text are not a TLSA record's."""


@dataclass(frozen=True, slots=True, order=True)
class Combination:
    """Certificate usage, selector and matching type: the parameters of a record.

    Plain numbers, each 0 to 255, because a zone may hold records of parameters that nobody here knows.
    """

    usage: int
    selector: int
    mtype: int

    def __post_init__(self) -> None:
        if not all(0 <= value <= 255 for value in (self.usage, self.selector, self.mtype)):
            raise MalformedTLSA(f"each parameter is one octet: {self}")

    @classmethod
    def from_text(cls, text: str) -> Combination:
        """Parse ``3 1 1``, or acronyms in any case (RFC 7218 §2): ``DANE-EE SPKI SHA2-256``.

        Raises ``MalformedTLSA``.
        """
        words = text.split()
        if len(words) != 3:
            raise MalformedTLSA(f"three parameters are needed, such as 3 1 1: {text!r}")
        return cls(*(_parameter(word, table) for word, table in zip(words, _VALUES, strict=True)))

    @property
    def known(self) -> bool:
        """Whether all three values are assigned, and not for private use."""
        return self.usage <= 3 and self.selector <= 1 and self.mtype <= 2

    @property
    def acronyms(self) -> str:
        """``DANE-EE SPKI SHA2-256``; a number where a value has no acronym."""
        values = (self.usage, self.selector, self.mtype)
        return " ".join(table.get(value, str(value)) for value, table in zip(values, _ACRONYMS, strict=True))

    def __str__(self) -> str:
        return f"{self.usage} {self.selector} {self.mtype}"


def _parameter(word: str, acronyms: dict[str, int]) -> int:
    if word.isascii() and word.isdigit():
        return int(word) if len(word) <= 3 else _too_large(word)
    value = acronyms.get(word.lower())
    if value is None:
        raise MalformedTLSA(f"{word!r} is neither a number nor one of {', '.join(sorted(acronyms))}")
    return value


def _too_large(word: str) -> int:
    raise MalformedTLSA(f"each parameter is one octet: {word}")


@dataclass(frozen=True, slots=True)
class TLSARecord:
    """One TLSA record's data. ``data`` is the certificate association data (RFC 6698 §2.1.4)."""

    combination: Combination
    data: bytes

    @classmethod
    def from_rdata(cls, rdata: bytes) -> TLSARecord:
        """Parse wire rdata (RFC 6698 §2.1). Raises ``MalformedTLSA`` where the three parameters are not there."""
        if len(rdata) < 3:
            raise MalformedTLSA(f"three octets of parameters are needed, {len(rdata)} are there")
        return cls(Combination(rdata[0], rdata[1], rdata[2]), rdata[3:])

    @classmethod
    def from_text(cls, text: str) -> TLSARecord:
        """Parse the presentation form (RFC 6698 §2.2): whitespace is allowed in the hexadecimal digits.

        Raises ``MalformedTLSA``.
        """
        words = text.split()
        digits = "".join(words[3:])
        if not set(digits) <= set(string.hexdigits) or len(digits) % 2:
            raise MalformedTLSA("the association data is not a whole number of octets in hexadecimal")
        return cls(Combination.from_text(" ".join(words[:3])), bytes.fromhex(digits))

    def to_rdata(self) -> bytes:
        return bytes((self.combination.usage, self.combination.selector, self.combination.mtype)) + self.data

    def to_text(self) -> str:
        """The presentation form (RFC 6698 §2.2), on one line."""
        return f"{self.combination} {self.data.hex()}".rstrip()

    def brief(self) -> str:
        """The presentation form with at most eight octets of data: for reports."""
        shown = self.data[:8].hex()
        return f"{self.combination} {shown}…" if len(self.data) > 8 else f"{self.combination} {shown}".rstrip()


def unusable(record: TLSARecord) -> Reason | None:
    """Why no client can use this record; None if one may (RFC 6698 §4.1).

    Parameters that are unknown, and association data that is malformed for its parameters, make a record unusable,
    never fatal (RFC 7671 §10.3).
    """
    combination, blamed = record.combination, record.brief()
    parameters = (
        ("USAGE", combination.usage, 3, "certificate usage"),
        ("SELECTOR", combination.selector, 1, "selector"),
        ("MATCHING_TYPE", combination.mtype, 2, "matching type"),
    )
    for name, value, largest, said in parameters:
        if value == _PRIVATE:
            return Reason(f"PRIVATE_{name}", "RFC 7218 §2", blamed, f"{said} {value} is for private use")
        if value > largest:
            return Reason(f"UNKNOWN_{name}", "RFC 6698 §4.1", blamed, f"{said} {value} is not assigned")
    if not record.data:
        return Reason("EMPTY_DATA", "RFC 6698 §4.1", blamed, "no certificate association data")
    octets = _DIGEST_OCTETS.get(MatchingType(combination.mtype))
    if octets is not None:
        if len(record.data) == octets:
            return None
        detail = f"{len(record.data)} octets where the digest has {octets}"
        return Reason("DIGEST_LENGTH", "RFC 7671 §9", blamed, detail)
    if combination.selector == Selector.CERT:
        return None if is_certificate(record.data) else _not_der(blamed, "certificate")
    return None if is_spki(record.data) else _not_der(blamed, "SubjectPublicKeyInfo")


def _not_der(blamed: str, wanted: str) -> Reason:
    return Reason("MALFORMED_DATA", "RFC 6698 §4.1", blamed, f"the association data is not a {wanted} in DER")
