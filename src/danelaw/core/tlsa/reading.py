"""Reading certificates, and verifying what they are signed with: all that the cryptographic library does for paths."""

from __future__ import annotations

import warnings
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from danelaw.core.tlsa.constraints import DN, Constraints, Names, Subtrees
from danelaw.core.tlsa.der import MalformedDER, certificate_fields
from danelaw.core.tlsa.x509 import ALWAYS, Certificate, Validity

# What a server sends is judged here; what the library makes of it on its own is nothing for a user's terminal.
for _said in ("Parsed a ", "Attribute's length ", "Country code "):
    warnings.filterwarnings("ignore", message=_said, category=UserWarning)

_SMALLEST_RSA: Final = 2048
_SMALLEST_CURVE: Final = 224
_SECOND: Final = timedelta(seconds=1)
_UNDERSTOOD: Final = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.NAME_CONSTRAINTS,
        ExtensionOID.CERTIFICATE_POLICIES,
    }
)


def read(der: bytes) -> Certificate | None:
    """What a certificate says; None where it cannot be read, whatever the octets are."""
    try:
        fields = certificate_fields(der)
        loaded = x509.load_der_x509_certificate(der)
        extensions = loaded.extensions
        validity = Validity(loaded.not_valid_before_utc, _after(loaded.not_valid_after_utc))
        common_names = loaded.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        found = {extension.oid: extension.value for extension in extensions}
        names = _names(loaded.subject, found.get(ExtensionOID.SUBJECT_ALTERNATIVE_NAME))
        issuer_name = _dn(loaded.issuer)
        weak = _weak(loaded)
    except (
        MalformedDER,
        ValueError,
        TypeError,  # attributes of a name whose values are of a type that is not theirs
        UnsupportedAlgorithm,
        x509.DuplicateExtension,
        x509.InvalidVersion,
        x509.UnsupportedGeneralNameType,
    ):
        return None
    basic = found.get(ExtensionOID.BASIC_CONSTRAINTS)
    usage = found.get(ExtensionOID.KEY_USAGE)
    purposes = found.get(ExtensionOID.EXTENDED_KEY_USAGE)
    own = found.get(ExtensionOID.SUBJECT_KEY_IDENTIFIER)
    issuers = found.get(ExtensionOID.AUTHORITY_KEY_IDENTIFIER)
    may_sign = not isinstance(usage, x509.KeyUsage) or usage.key_cert_sign
    is_ca = isinstance(basic, x509.BasicConstraints) and basic.ca
    return Certificate(
        der=der,
        subject=fields.subject,
        issuer=fields.issuer,
        spki=fields.spki,
        key_id=own.digest if isinstance(own, x509.SubjectKeyIdentifier) else None,
        issuer_key_id=issuers.key_identifier if isinstance(issuers, x509.AuthorityKeyIdentifier) else None,
        serial=loaded.serial_number,
        issuer_serial=_issuer_serial(issuers),
        validity=validity,
        common_name=str(common_names[0].value) if common_names else "",
        all_names=names,
        issuer_name=issuer_name,
        ca=is_ca,
        signs_certificates=is_ca and may_sign,
        silent_root=basic is None and may_sign and names.subject == issuer_name,
        old_root=loaded.version is x509.Version.v1 and names.subject == issuer_name,
        ca_by_key_usage=basic is None and isinstance(usage, x509.KeyUsage) and may_sign,
        path_length=basic.path_length if isinstance(basic, x509.BasicConstraints) else None,
        server_auth=not isinstance(purposes, x509.ExtendedKeyUsage) or ExtendedKeyUsageOID.SERVER_AUTH in purposes,
        any_purpose=not isinstance(purposes, x509.ExtendedKeyUsage)
        or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in purposes,
        authenticates=not isinstance(usage, x509.KeyUsage)
        or usage.digital_signature
        or usage.key_encipherment
        or usage.key_agreement,
        constraints=_constraints(found.get(ExtensionOID.NAME_CONSTRAINTS)),
        weak=weak,
        unknown=next((e.oid.dotted_string for e in extensions if e.critical and e.oid not in _UNDERSTOOD), None),
    )


def verifies(der: bytes, spki: bytes) -> bool:
    """Whether a key made a certificate's signature: one verification, which is what costs time.

    The certificate is one that ``read`` could read. A key that cannot be used has signed nothing.
    """
    child = x509.load_der_x509_certificate(der)
    try:
        key = load_der_public_key(spki)
        digest, parameters = child.signature_hash_algorithm, child.signature_algorithm_parameters
        match key, parameters:
            case rsa.RSAPublicKey(), padding.PKCS1v15() | padding.PSS() if digest is not None:
                key.verify(child.signature, child.tbs_certificate_bytes, parameters, digest)
            case ec.EllipticCurvePublicKey(), ec.ECDSA():
                key.verify(child.signature, child.tbs_certificate_bytes, parameters)
            case ((ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey()), None):
                key.verify(child.signature, child.tbs_certificate_bytes)
            case _:
                return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _weak(loaded: x509.Certificate) -> str | None:
    digest = loaded.signature_hash_algorithm
    return digest.name if isinstance(digest, hashes.MD5 | hashes.SHA1) else None


def _after(last: datetime) -> datetime:
    """The first instant after a notAfter, which is itself still valid (RFC 5280 §4.1.2.5)."""
    return last + _SECOND if last <= ALWAYS.end - _SECOND else ALWAYS.end


def weakness(spki: bytes) -> str | None:
    """What OpenSSL at the security level of most systems, 2, has against a key: less strength than 112 bits have."""
    try:
        key = load_der_public_key(spki)
    except (UnsupportedAlgorithm, ValueError):
        return None
    match key:
        case rsa.RSAPublicKey() if key.key_size < _SMALLEST_RSA:
            return f"its key is RSA of {key.key_size} bits"
        case ec.EllipticCurvePublicKey() if key.key_size < _SMALLEST_CURVE:
            return f"its key is on a curve of {key.key_size} bits"
        case _:
            return None


def _issuer_serial(identifier: x509.ExtensionType | None) -> tuple[DN | None, int] | None:
    if not isinstance(identifier, x509.AuthorityKeyIdentifier) or identifier.authority_cert_serial_number is None:
        return None
    names = (one.value for one in identifier.authority_cert_issuer or () if isinstance(one, x509.DirectoryName))
    above = next(names, None)
    return (None if above is None else _dn(above)), identifier.authority_cert_serial_number


def _names(subject: x509.Name, san: x509.ExtensionType | None) -> Names:
    """The names of a certificate, from its subject, a mail address among them, and its subject alternative name."""
    mail = frozenset({x509.RFC822Name.__name__} if subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS) else ())
    if not isinstance(san, x509.SubjectAlternativeName):
        return Names(subject=_dn(subject), others=mail)
    sorted_out = _sorted_out(list(san))
    addresses = tuple(
        one.value for one in san if isinstance(one, x509.IPAddress) and isinstance(one.value, IPv4Address | IPv6Address)
    )
    return Names(sorted_out.dns, addresses, _dn(subject), sorted_out.others | mail)


def _constraints(value: x509.ExtensionType | None) -> Constraints | None:
    """The name constraints extension, read; None where there is none."""
    if not isinstance(value, x509.NameConstraints):
        return None
    return Constraints(_sorted_out(value.permitted_subtrees or []), _sorted_out(value.excluded_subtrees or []))


def _sorted_out(names: list[x509.GeneralName]) -> Subtrees:
    dns, networks, subjects, others = [], [], [], set()
    for name in names:
        match name:
            case x509.DNSName():
                dns.append(name.value.lower())
            case x509.IPAddress():
                if isinstance(name.value, IPv4Network | IPv6Network):
                    networks.append(name.value)
            case x509.DirectoryName():
                subjects.append(_dn(name.value))
            case _:
                others.add(type(name).__name__)
    return Subtrees(tuple(dns), tuple(networks), tuple(subjects), frozenset(others))


def _dn(name: x509.Name) -> DN:
    return tuple(
        frozenset((attribute.oid.dotted_string, " ".join(str(attribute.value).casefold().split())) for attribute in rdn)
        for rdn in name.rdns
    )
