"""What records are made of: certificates, keys and signing requests, in PEM or DER, told apart by their content.

Of a private key only the public half leaves this module, and no text of its errors quotes what was read.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, replace
from typing import Final

from danelaw.core.model import Chain, DanelawError
from danelaw.core.tlsa.associate import EE_USAGES, associate, from_spki
from danelaw.core.tlsa.der import MalformedDER, certificate_fields, children, content, is_certificate, is_spki
from danelaw.core.tlsa.outline import Outline, outline, requested_names
from danelaw.core.tlsa.records import CertificateUsage, Combination, TLSARecord

LARGEST: Final = 1 << 20
"""Octets of a file that is still looked at: a chain of a hundred certificates has a fifth of that."""

LONGEST_RDATA: Final = 65535

_INTEGER: Final = 0x02
_OCTET_STRING: Final = 0x04
_OBJECT_IDENTIFIER: Final = 0x06
_SEQUENCE: Final = 0x30
_SEQUENCES: Final = (_SEQUENCE, _SEQUENCE)
_EXTENSION_REQUEST: Final = bytes.fromhex("06092a864886f70d01090e")
_RSASSA_PSS: Final = bytes.fromhex("06092a864886f70d01010a")
_UTF8_MARK: Final = b"\xef\xbb\xbf"

CERTIFICATE: Final = "a certificate"
PRIVATE_KEY: Final = "a private key"
ENCRYPTED_KEY: Final = "an encrypted private key"
PUBLIC_KEY: Final = "a public key"
REQUEST: Final = "a certificate signing request"


@dataclass(frozen=True, slots=True)
class Material:
    """``spki``: the public key, in DER. ``chain``: the certificates in their order, None where there are none.

    ``names``: the DNS names that the leaf bears, or that a request asks for; None where nothing tells.
    """

    spki: bytes
    chain: Chain | None = None
    names: tuple[str, ...] | None = None

    @property
    def leaf(self) -> Outline | None:
        return outline(self.chain.ders[0]) if self.chain is not None else None


@dataclass(frozen=True, slots=True)
class _Piece:
    """One object of a file. ``what`` is one of the words above, or another that names what it seems to be."""

    what: str
    der: bytes


def record_for(combination: Combination, material: Material) -> TLSARecord:
    """The record of a combination. Under usages 0 and 2 it names the CA that issued the leaf, or the first certificate
    itself, where that is a CA's.

    Raises ``DanelawError`` as ``associate`` and ``from_spki`` do, and ``RECORD_TOO_LARGE``.
    """
    if material.chain is None:
        record = from_spki(combination, material.spki)
    elif combination.usage in EE_USAGES or not names_own_ca(material):
        record = associate(combination, material.chain)
    else:
        own = replace(combination, usage=int(CertificateUsage.DANE_EE)) if combination.known else combination
        record = replace(associate(own, material.chain), combination=combination)
    octets = len(record.to_rdata())
    if octets > LONGEST_RDATA:
        raise DanelawError(
            "RECORD_TOO_LARGE",
            f"a {combination} record of it does not fit into the DNS",
            evidence=f"{octets} octets, and {LONGEST_RDATA} is the most",
            hint="use matching type 1",
        )
    return record


def names_own_ca(material: Material) -> bool:
    """Whether the first certificate is a CA's, so that usages 0 and 2 are about itself."""
    leaf = material.leaf
    return leaf is not None and leaf.ca


# -- what was given ---------------------------------------------------------------------------------------------------


def read_certificates(data: bytes, source: str) -> Material:
    """A certificate, or a chain with the server's own first; keys beside them, as some servers want them, are passed
    by.

    ``source`` names the file in errors. Raises ``DanelawError``: ``EMPTY_INPUT``, ``NOT_A_CERTIFICATE``,
    ``CHAIN_ORDER``.
    """
    pieces = _pieces(data, source, "NOT_A_CERTIFICATE")
    ders = tuple(piece.der for piece in pieces if piece.what == CERTIFICATE)
    if not ders:
        raise _wrong("NOT_A_CERTIFICATE", source, pieces, _instead(pieces))
    return certificates(Chain(ders), source)


def certificates(chain: Chain, source: str) -> Material:
    """A chain as it was sent or kept. Raises ``DanelawError``: ``NOT_A_CERTIFICATE``, ``CHAIN_ORDER``."""
    outlines = [_outlined(der, source) for der in chain.ders]
    if not outlines:
        raise DanelawError("NOT_A_CERTIFICATE", f"{source} presents no certificate", hint="give its key with --key")
    issued = next((at for at, one in enumerate(outlines) if not one.ca), 0)
    if issued:
        raise DanelawError(
            "CHAIN_ORDER",
            f"{source} does not begin with the server's certificate",
            evidence=f"the first certificate is a CA's, and number {issued + 1} is not",
            hint="put the server's own certificate first, as a server has to send it",
        )
    return Material(certificate_fields(chain.ders[0]).spki, chain, outlines[0].names)


def read_key(data: bytes, source: str) -> Material:
    """A private key, of which only the public half is kept, or a public key.

    Raises ``DanelawError``: ``EMPTY_INPUT``, ``NOT_A_KEY``, ``KEY_ENCRYPTED``, ``SEVERAL_KEYS``.
    """
    pieces = _pieces(data, source, "NOT_A_KEY")
    keys = [piece for piece in pieces if piece.what in (PRIVATE_KEY, PUBLIC_KEY, ENCRYPTED_KEY)]
    if len(keys) > 1:
        raise DanelawError(
            "SEVERAL_KEYS", f"{source} holds {len(keys)} keys", hint="give a file for each, or a certificate"
        )
    if not keys:
        raise _wrong("NOT_A_KEY", source, pieces, _instead(pieces))
    if keys[0].what == ENCRYPTED_KEY:
        raise DanelawError(
            "KEY_ENCRYPTED",
            f"the private key in {source} is encrypted",
            hint=f"its public half is enough: openssl pkey -in {source} -pubout | danelaw tlsa … --key -",
        )
    return Material(_public_half(keys[0], source))


def read_request(data: bytes, source: str) -> Material:
    """A certificate signing request (RFC 2986). Its own signature is checked: it proves that the key is the right one.

    Raises ``DanelawError``: ``EMPTY_INPUT``, ``NOT_A_REQUEST``.
    """
    pieces = _pieces(data, source, "NOT_A_REQUEST")
    found = [piece.der for piece in pieces if piece.what == REQUEST]
    if len(found) != 1:
        hint = "give a file for each" if found else _instead(pieces)
        raise _wrong("NOT_A_REQUEST", source, pieces, hint)
    _demand_signed(found[0], source)
    try:
        parts = children(children(found[0])[0][1])
        return Material(parts[2][1], None, _requested(parts) or None)
    except (MalformedDER, IndexError) as error:
        raise DanelawError("NOT_A_REQUEST", f"{source} cannot be read", evidence=str(error)) from error


def demand_same_key(material: Material, key: Material, source: str) -> None:
    """Raises ``DanelawError("KEY_MISMATCH")`` where the key is not that of the certificate or the request."""
    if not _same(material.spki, key.spki):
        raise DanelawError(
            "KEY_MISMATCH",
            f"the key in {source} is not that of the {'request' if material.chain is None else 'certificate'}",
            hint="one of the two files is of another generation: a server with both would not start",
        )


def _outlined(der: bytes, source: str) -> Outline:
    try:
        return outline(der)
    except MalformedDER as error:
        raise DanelawError(
            "NOT_A_CERTIFICATE", f"a certificate in {source} cannot be read", evidence=str(error)
        ) from error


def _requested(parts: list[tuple[int, bytes]]) -> tuple[str, ...]:
    for _, attribute in (piece for _, held in parts[3:] for piece in children(held)):
        (_, oid), (_, values) = children(attribute)[:2]
        if oid == _EXTENSION_REQUEST:
            return requested_names(content(values))
    return ()


# -- keys, for which a library is needed ------------------------------------------------------------------------------


def _public_half(key: _Piece, source: str) -> bytes:
    if is_spki(key.der):
        return key.der
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_der_private_key,
        load_der_public_key,
    )

    try:
        if key.what == PUBLIC_KEY:  # PKCS #1
            public = load_der_public_key(key.der)
        else:
            public = load_der_private_key(key.der, None).public_key()
        spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return _with_own_algorithm(key.der, spki)
    except (ValueError, TypeError, IndexError, UnsupportedAlgorithm) as error:
        raise DanelawError(
            "NOT_A_KEY",
            f"the key in {source} cannot be used",
            evidence=type(error).__name__,  # no more: a library's words might quote the key
            hint="give the certificate with --cert, or the public key: openssl pkey -pubout",
        ) from error


def _with_own_algorithm(pkcs8: bytes, spki: bytes) -> bytes:
    """A key that is for RSASSA-PSS alone (RFC 4055 §1.2) says so in its certificate too; the library forgets it."""
    parts = children(pkcs8)
    if len(parts) < 2 or parts[1][0] != _SEQUENCE or children(parts[1][1])[0][1] != _RSASSA_PSS:
        return spki
    inner = parts[1][1] + children(spki)[1][1]
    length = len(inner).to_bytes((len(inner).bit_length() + 7) // 8, "big")
    return bytes((_SEQUENCE, 0x80 | len(length))) + length + inner  # an RSA key is too long for the short form


def _demand_signed(request: bytes, source: str) -> None:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        signed = x509.load_der_x509_csr(request).is_signature_valid
    except (ValueError, TypeError, x509.InvalidVersion, UnsupportedAlgorithm) as error:
        raise DanelawError("NOT_A_REQUEST", f"{source} cannot be read", evidence=str(error)) from error
    if not signed:
        raise DanelawError(
            "NOT_A_REQUEST",
            f"the request in {source} is not signed by the key in it",
            hint="it is damaged, or not what it says: make it anew",
        )


def _same(one: bytes, other: bytes) -> bool:
    """Whether two SubjectPublicKeyInfo are of one key, which may be written in more than one way."""
    if one == other:
        return True
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        return load_der_public_key(one) == load_der_public_key(other)
    except (ValueError, UnsupportedAlgorithm):
        return False


# -- PEM and DER ------------------------------------------------------------------------------------------------------


def _pieces(data: bytes, source: str, code: str) -> list[_Piece]:
    if not data.strip():
        raise DanelawError("EMPTY_INPUT", f"{source} is empty", hint="whatever was to write it has failed")
    if data[0] == _SEQUENCE:
        what = _told(data)
        if what:
            return [_Piece(what, data)]
    if b"-----BEGIN " not in data:
        raise DanelawError(code, f"{source} is neither PEM nor DER", hint="give a file as OpenSSL or a CA writes it")
    return _armoured(data, source, code)


def _armoured(data: bytes, source: str, code: str) -> list[_Piece]:
    """The objects of a PEM file (RFC 7468 §2); text around them is nothing."""
    found: list[_Piece] = []
    label, lines = "", list[str]()
    for line in data.removeprefix(_UTF8_MARK).decode("latin-1").splitlines():
        mark = line.strip()
        if mark.startswith("-----BEGIN ") and mark.endswith("-----"):
            label, lines = mark[11:-5], []
            if "-----" in label:  # what stands between is not to be shown: it may be a key
                raise DanelawError(
                    code, f"{source} is damaged", evidence="its lines are run together", hint="copy it again"
                )
        elif label and mark == f"-----END {label}-----":
            found.append(_piece(label, lines, source, code))
            label = ""
        elif label:
            lines.append(mark)
    if label:
        raise DanelawError(
            code, f"{source} is cut off", evidence=f"{label[:40]!r} begins, and does not end", hint="copy it again"
        )
    return found


def _piece(label: str, lines: list[str], source: str, code: str) -> _Piece:
    if any(line.lower().startswith("proc-type:") and line.lower().endswith("encrypted") for line in lines):
        return _Piece(ENCRYPTED_KEY, b"")
    try:
        der = base64.b64decode("".join(line for line in lines if ":" not in line), validate=True)
    except (binascii.Error, ValueError) as error:
        raise DanelawError(
            code, f"{source} is damaged", evidence=f"what stands in {label[:40]!r} is not base64", hint="copy it again"
        ) from error
    if label == "TRUSTED CERTIFICATE":  # OpenSSL's own form: what it adds stands behind the certificate
        der = _first_element(der)
    what = _told(der)
    if what == "" and label.lower().endswith("certificate"):
        raise DanelawError(code, f"a certificate in {source} is damaged", hint="copy it again")
    return _Piece(what or f"{label[:40]!r}", der)


def _first_element(der: bytes) -> bytes:
    """The first of several elements; all, where there is no telling."""
    wrapped = bytes((_SEQUENCE, 0x84)) + len(der).to_bytes(4, "big") + der
    try:
        return children(wrapped)[0][1]
    except (MalformedDER, IndexError):
        return der


def _told(der: bytes) -> str:
    """What a DER structure is, by its form; nothing where that is not known."""
    try:
        parts = children(der)
        tags = tuple(tag for tag, _ in parts)
        inner = tuple(tag for tag, _ in children(parts[0][1])) if parts and parts[0][0] == _SEQUENCE else ()
    except MalformedDER:
        return ""
    if is_certificate(der):
        return CERTIFICATE
    if is_spki(der):
        return PUBLIC_KEY
    if tags[:2] == _SEQUENCES and len(tags) == 3 and inner[:3] == (_INTEGER, *_SEQUENCES):
        return REQUEST
    if tags == (_SEQUENCE, _OCTET_STRING) and inner[:1] == (_OBJECT_IDENTIFIER,):
        return ENCRYPTED_KEY
    if tags[:2] == (_INTEGER, _SEQUENCE):
        return PRIVATE_KEY if tags[2:3] == (_OCTET_STRING,) else "a PKCS #12 store"
    if tags[:2] == (_INTEGER, _OCTET_STRING) or (len(tags) >= 9 and set(tags[:9]) == {_INTEGER}):
        return PRIVATE_KEY
    if tags == (_INTEGER, _INTEGER):
        return PUBLIC_KEY
    if tags[:1] == (_OBJECT_IDENTIFIER,):
        return "a PKCS #7 bundle"
    return ""


def _wrong(code: str, source: str, pieces: list[_Piece], hint: str) -> DanelawError:
    wanted = {"NOT_A_CERTIFICATE": "certificate", "NOT_A_KEY": "key", "NOT_A_REQUEST": "single signing request"}[code]
    held = ", ".join(dict.fromkeys(piece.what for piece in pieces)) or "no PEM object"
    return DanelawError(code, f"there is no {wanted} in {source}", evidence=f"it holds {held}", hint=hint)


def _instead(pieces: list[_Piece]) -> str:
    held = {piece.what for piece in pieces}
    for what, hint in (
        (CERTIFICATE, "give it with --cert"),
        (PRIVATE_KEY, "give it with --key"),
        (PUBLIC_KEY, "give it with --key"),
        (ENCRYPTED_KEY, "give the certificate, or the public key: openssl pkey -in FILE -pubout"),
        (REQUEST, "give it with --csr"),
        ("a PKCS #12 store", "take the certificates out: openssl pkcs12 -in FILE -nokeys"),
        ("a PKCS #7 bundle", "take the certificates out: openssl pkcs7 -in FILE -print_certs"),
    ):
        if what in held:
            return hint
    return "give a certificate with --cert, a key with --key, a request with --csr"
