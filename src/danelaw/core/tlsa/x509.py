"""Certificates as a client reads them: names, dates, who issued whom. One that cannot be read is None, not an error."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from dns.name import Name

from danelaw.core.model import Instant, Reason
from danelaw.core.tlsa.der import MalformedDER, certificate_fields

if TYPE_CHECKING:
    # Where it is used it is imported: that takes longer than all that ``danelaw tlsa`` has to do without it.
    from cryptography import x509

_SECOND: Final = timedelta(seconds=1)


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

    ``subject``, ``issuer`` and ``spki`` are DER, cut out as they stand. ``names`` are the dNSNames of the subject
    alternative name, in lower case; ``permitted`` and ``excluded`` are dNSName constraints, ``permitted`` None where
    there is none. ``path_length``: None means no limit. ``unknown``: a critical extension that is not understood.
    """

    der: bytes
    subject: bytes
    issuer: bytes
    spki: bytes
    validity: Validity
    common_name: str
    names: tuple[str, ...]
    ca: bool
    signs_certificates: bool
    path_length: int | None
    server_auth: bool
    permitted: tuple[str, ...] | None
    excluded: tuple[str, ...]
    unknown: str | None

    @property
    def self_issued(self) -> bool:
        return self.subject == self.issuer

    def __str__(self) -> str:
        return self.common_name or (self.names[0] if self.names else "certificate without a name")


@lru_cache(maxsize=4096)
def _loaded(der: bytes) -> x509.Certificate:
    from cryptography import x509

    return x509.load_der_x509_certificate(der)


@lru_cache(maxsize=4096)
def parse(der: bytes) -> Certificate | None:
    """Read a certificate; None where it cannot be read well enough to judge a path through it."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

    try:
        fields = certificate_fields(der)
        loaded = _loaded(der)
        extensions = loaded.extensions
        validity = Validity(loaded.not_valid_before_utc, _after(loaded.not_valid_after_utc))
        common_names = loaded.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except (MalformedDER, ValueError, x509.DuplicateExtension, UnsupportedAlgorithm):
        return None
    found = {extension.oid: extension.value for extension in extensions}
    san = found.get(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    basic = found.get(ExtensionOID.BASIC_CONSTRAINTS)
    usage = found.get(ExtensionOID.KEY_USAGE)
    purposes = found.get(ExtensionOID.EXTENDED_KEY_USAGE)
    constraints = found.get(ExtensionOID.NAME_CONSTRAINTS)
    is_ca = isinstance(basic, x509.BasicConstraints) and basic.ca
    permitted, excluded = _dns_constraints(constraints)
    return Certificate(
        der=der,
        subject=fields.subject,
        issuer=fields.issuer,
        spki=fields.spki,
        validity=validity,
        common_name=str(common_names[0].value) if common_names else "",
        names=tuple(name.lower() for name in san.get_values_for_type(x509.DNSName))
        if isinstance(san, x509.SubjectAlternativeName)
        else (),
        ca=is_ca,
        signs_certificates=is_ca and (not isinstance(usage, x509.KeyUsage) or usage.key_cert_sign),
        path_length=basic.path_length if isinstance(basic, x509.BasicConstraints) else None,
        server_auth=not isinstance(purposes, x509.ExtendedKeyUsage)
        or ExtendedKeyUsageOID.SERVER_AUTH in purposes
        or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in purposes,
        permitted=permitted,
        excluded=excluded,
        unknown=next((e.oid.dotted_string for e in extensions if e.critical and e.oid not in _understood()), None),
    )


@lru_cache(maxsize=1)
def _understood() -> frozenset[x509.ObjectIdentifier]:
    from cryptography.x509.oid import ExtensionOID

    return frozenset(
        {
            ExtensionOID.BASIC_CONSTRAINTS,
            ExtensionOID.KEY_USAGE,
            ExtensionOID.EXTENDED_KEY_USAGE,
            ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
            ExtensionOID.NAME_CONSTRAINTS,
            ExtensionOID.CERTIFICATE_POLICIES,
        }
    )


def _after(last: datetime) -> datetime:
    """The first instant after a notAfter, which is itself still valid (RFC 5280 §4.1.2.5)."""
    return last + _SECOND if last <= ALWAYS.end - _SECOND else ALWAYS.end


def _dns_constraints(value: x509.ExtensionType | None) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    from cryptography import x509

    if not isinstance(value, x509.NameConstraints):
        return None, ()
    permitted = tuple(n.value.lower() for n in value.permitted_subtrees or () if isinstance(n, x509.DNSName))
    excluded = tuple(n.value.lower() for n in value.excluded_subtrees or () if isinstance(n, x509.DNSName))
    return permitted or None, excluded


@lru_cache(maxsize=4096)
def signed_by(child: Certificate, issuer: Certificate) -> bool:
    """Whether the issuer's key made the child's signature, and the names agree (RFC 5280 §6.1.3)."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        _loaded(child.der).verify_directly_issued_by(_loaded(issuer.der))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def name_matches(presented: str, name: Name) -> bool:
    """Whether a dNSName covers a DNS name (RFC 9525 §6.3): ``*`` is the whole left-most label and stands for one."""
    wanted = name.to_text(omit_final_dot=True).lower()
    presented = presented.lower()
    if not presented.startswith("*."):
        return presented == wanted and "*" not in presented
    _, dot, rest = wanted.partition(".")
    return bool(dot) and rest == presented[2:] and "*" not in rest


def names_match(certificate: Certificate, names: tuple[Name, ...]) -> Reason | None:
    """None if the certificate's subject alternative name covers every one of the names (RFC 9525 §6).

    The common name is not looked at.
    """
    for name in names:
        if not any(name_matches(presented, name) for presented in certificate.names):
            listed = ", ".join(certificate.names) or "no DNS name"
            wanted = name.to_text(omit_final_dot=True)
            return Reason("NAME_MISMATCH", "RFC 9525 §6", str(certificate), f"{wanted} is not among: {listed}")
    return None


def constrained(issuer: Certificate, leaf: Certificate) -> str | None:
    """The first name of the leaf that the issuer may not certify (RFC 5280 §4.2.1.10); None if there is none."""
    for name in leaf.names:
        bare = name.removeprefix("*.")
        if issuer.permitted is not None and not any(_within(bare, tree) for tree in issuer.permitted):
            return name
        if any(_within(bare, tree) for tree in issuer.excluded):
            return name
    return None


def _within(name: str, tree: str) -> bool:
    tree = tree.removeprefix(".")
    return not tree or name == tree or name.endswith("." + tree)
