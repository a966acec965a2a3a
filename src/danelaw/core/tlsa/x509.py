"""Certificates as a client reads them: names, dates, who issued whom. One that cannot be read is None, not an error."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from dns.name import Name

from danelaw.core.model import Instant, Reason
from danelaw.core.tlsa.constraints import DN, Constraints, Names, barred
from danelaw.core.tlsa.kept import kept

_SHOWN: Final = 8
"""How many of a certificate's names are told."""

# What reads certificates is imported where it is used: that takes longer than all that ``danelaw tlsa`` has to do
# without it.


@dataclass(frozen=True, slots=True)
class Validity:
    """A span of time, from ``start`` up to but not including ``end``."""

    start: Instant
    end: Instant

    def covers(self, at: Instant, skew: timedelta = timedelta(0)) -> bool:
        """Whether a clock that is wrong by up to ``skew``, either way, finds itself inside at the instant ``at``."""
        return self.start <= at - skew and at + skew < self.end

    def meet(self, other: Validity) -> Validity:
        """What both have in common; ``end`` is not after ``start`` where that is nothing."""
        return Validity(max(self.start, other.start), min(self.end, other.end))


ALWAYS: Final = Validity(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says (RFC 5280 §4).

    ``subject``, ``issuer`` and ``spki`` are DER, cut out as they stand; ``subject_name`` and ``issuer_name`` are what
    the first two say; ``key_id`` and ``issuer_key_id`` are its key's and its issuer's identifiers, where it has them;
    ``issuer_serial`` is what it tells of its issuer's certificate: who issued that, and its serial number.
    ``ca``: it says that it is one; ``signs_certificates``: and its key usage agrees. Of those that do not say what they
    are, ``old_root``: it is self-signed, and of version 1; ``silent_root``: it is self-signed; ``ca_by_key_usage``: its
    key usage lets it sign. ``path_length``: None means no limit. ``server_auth`` and ``any_purpose`` tell of its
    extended key usage, and are both true where it has none; ``authenticates``: its key usage, if any, has a bit that
    TLS servers need. ``weak``: the digest of its signature, if nobody should rely on it. ``unknown``: a critical
    extension that is not understood.
    """

    der: bytes
    subject: bytes
    issuer: bytes
    spki: bytes
    key_id: bytes | None
    issuer_key_id: bytes | None
    serial: int
    issuer_serial: tuple[DN | None, int] | None
    validity: Validity
    common_name: str
    all_names: Names
    issuer_name: DN
    ca: bool
    signs_certificates: bool
    old_root: bool
    silent_root: bool
    ca_by_key_usage: bool
    path_length: int | None
    server_auth: bool
    any_purpose: bool
    authenticates: bool
    constraints: Constraints | None
    weak: str | None
    unknown: str | None

    @property
    def names(self) -> tuple[str, ...]:
        """The dNSNames of the subject alternative name, in lower case."""
        return self.all_names.dns

    @property
    def subject_name(self) -> DN:
        return self.all_names.subject

    def says_otherwise(self, issuer: Certificate, *, exact: bool) -> bool:
        """Whether it says that another than this one signed it, by its key's identifier or, ``exact``, its number."""
        if None not in (self.issuer_key_id, issuer.key_id) and self.issuer_key_id != issuer.key_id:
            return True
        if not exact or self.issuer_serial is None:
            return False
        above, serial = self.issuer_serial
        return serial != issuer.serial or above not in (None, issuer.issuer_name)

    @property
    def self_issued(self) -> bool:
        return self.subject_name == self.issuer_name

    def __str__(self) -> str:
        return self.common_name or (self.names[0] if self.names else "certificate without a name")


@kept(2048)
def parse(der: bytes) -> Certificate | None:
    """Read a certificate; None where it cannot be read well enough to judge a path through it."""
    from danelaw.core.tlsa.reading import read

    return read(der)


@kept(2048)
def weak_key(spki: bytes) -> str | None:
    """What is so weak about a key, a SubjectPublicKeyInfo in DER, that TLS libraries refuse it; None if nothing is."""
    from danelaw.core.tlsa import reading

    return reading.weakness(spki)


def signed_by(child: Certificate, issuer: Certificate) -> bool:
    """Whether the issuer's key made the child's signature, and the names agree (RFC 5280 §6.1.3)."""
    return child.issuer_name == issuer.subject_name and signed_with(child, issuer.spki)


def signed_with(child: Certificate, spki: bytes) -> bool:
    """Whether this key, a SubjectPublicKeyInfo in DER, made the child's signature, whatever the issuer's name."""
    return _signed((child.der, spki))


@kept(4096)
def _signed(child_and_key: tuple[bytes, bytes]) -> bool:
    from danelaw.core.tlsa import reading

    return reading.verifies(*child_and_key)


def name_matches(presented: str, name: Name, *, partial_wildcards: bool = False) -> bool:
    """Whether a dNSName covers a DNS name (RFC 9525 §6.3): ``*`` is the whole left-most label and stands for one.

    ``partial_wildcards``: it may be the beginning or the end of that label, save of an A-label.
    """
    return _is_among((presented.lower(),), name, partial_wildcards=partial_wildcards)


def _is_among(presented: tuple[str, ...], name: Name, *, partial_wildcards: bool) -> bool:
    """Whether one of the dNSNames, in lower case, covers a DNS name. They may be as many as a server likes."""
    wanted = name.to_text(omit_final_dot=True).lower()
    _, dot, above = wanted.partition(".")
    if ("*" not in wanted and wanted in presented) or (dot and "*" not in above and f"*.{above}" in presented):
        return True
    return partial_wildcards and any(_covers_by_a_part(one, wanted) for one in presented if "*" in one)


def _covers_by_a_part(presented: str, wanted: str) -> bool:
    pattern, _, beyond = presented.partition(".")
    label, dot, above = wanted.partition(".")
    before, _, after = pattern.partition("*")
    return (
        bool(dot)
        and beyond == above
        and "*" not in above + after
        and "*" in pattern
        and not (before and after)
        and not (pattern.startswith("xn--") or label.startswith("xn--"))
        and label.startswith(before)
        and label.endswith(after)
    )


def names_match(
    certificate: Certificate,
    names: tuple[Name, ...],
    *,
    common_name: bool = False,
    broad_wildcards: bool = True,
    partial_wildcards: bool = False,
) -> Reason | None:
    """None if the certificate's subject alternative name covers every one of the names (RFC 9525 §6).

    ``common_name``: where it has no dNSName, what its common name covers counts (RFC 7672 §3.2.3).
    ``broad_wildcards``: ``*.example`` counts. ``partial_wildcards``: so does ``w*.example.net``.
    """
    presented = certificate.names
    if not presented and common_name and certificate.common_name:
        presented = (certificate.common_name.lower(),)
    if not broad_wildcards:
        presented = tuple(one for one in presented if "*" not in one or one.count(".") > 1)
    for name in names:
        if not _is_among(presented, name, partial_wildcards=partial_wildcards):
            listed = ", ".join((*presented[:_SHOWN], *("…" for _ in presented[_SHOWN : _SHOWN + 1]))) or "no DNS name"
            wanted = name.to_text(omit_final_dot=True)
            return Reason("NAME_MISMATCH", "RFC 9525 §6", str(certificate), f"{wanted} is not among: {listed}")
    return None


def constrained(issuer: Certificate, below: Certificate) -> str | None:
    """The first name of a certificate below it that the issuer may not certify (RFC 5280 §4.2.1.10)."""
    return barred(issuer.constraints, below.all_names) if issuer.constraints is not None else None
