"""What a certificate signing request must be before the CA signs (RFC 8555 §7.4)."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from danelaw.worlds.lab.ca.jws import AccountKey
from danelaw.worlds.lab.ca.pki import LeafKey, weakness
from danelaw.worlds.lab.ca.problem import Problem


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """A request that was found good: its key is all that is taken from it."""

    key: LeafKey


def parse(der: bytes, names: tuple[str, ...], account: AccountKey) -> CertificateRequest:
    """Raises ``badCSR`` unless the request is signed, for exactly ``names``, with a strong key of its own."""
    try:
        request = x509.load_der_x509_csr(der)
        if not request.is_signature_valid:
            raise Problem("badCSR", "the CSR's signature does not verify")
        asked = _names(request)
        key = request.public_key()
    except (ValueError, TypeError, InvalidSignature, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise Problem("badCSR", f"unreadable CSR: {error}") from error
    if asked != set(names):
        raise Problem("badCSR", f"the CSR is for {sorted(asked)}, the order for {sorted(names)}")
    weak = weakness(key)
    if weak is not None or not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        raise Problem("badCSR", weak or "this type of key is not certified")
    if key == account.key:
        raise Problem("badCSR", "the certificate's key must not be the account's (RFC 8555 §11.1)")
    return CertificateRequest(key)


def _names(request: x509.CertificateSigningRequest) -> set[str]:
    names = {
        attribute.value.lower()
        for attribute in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        if isinstance(attribute.value, str)
    }
    try:
        san = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return names
    if any(not isinstance(name, x509.DNSName) for name in san):
        raise Problem("badCSR", "the CSR asks for more than DNS names")
    return names | {name.lower() for name in san.get_values_for_type(x509.DNSName)}
