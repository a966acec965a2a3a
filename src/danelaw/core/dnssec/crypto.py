"""Signing and verifying bytes with keys in DNSSEC's wire forms. Nothing else knows the library.

Public keys: RSA (RFC 3110 §2), ECDSA (RFC 6605 §4), EdDSA (RFC 8080 §3). Signatures: RSA PKCS #1 v1.5 (RFC 5702 §3),
ECDSA as ``r | s`` (RFC 6605 §4), EdDSA as is (RFC 8080 §4).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa, utils

from danelaw.core.dnssec.algorithms import Algorithm

PrivateKey: TypeAlias = (
    rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey
)
_PublicKey: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey

CURVES: Final[dict[int, ec.EllipticCurve]] = {
    Algorithm.ECDSAP256SHA256: ec.SECP256R1(),
    Algorithm.ECDSAP384SHA384: ec.SECP384R1(),
}
_HASHES: Final[dict[int, hashes.HashAlgorithm]] = {
    Algorithm.RSASHA1: hashes.SHA1(),  # noqa: S303  # only a policy that allows SHA-1 asks for it
    Algorithm.RSASHA1_NSEC3_SHA1: hashes.SHA1(),  # noqa: S303  # as above
    Algorithm.RSASHA256: hashes.SHA256(),
    Algorithm.RSASHA512: hashes.SHA512(),
    Algorithm.ECDSAP256SHA256: hashes.SHA256(),
    Algorithm.ECDSAP384SHA384: hashes.SHA384(),
}
_ECDSA: Final = {algorithm: ec.ECDSA(_HASHES[algorithm]) for algorithm in CURVES}
_RSA: Final = frozenset(
    {Algorithm.RSASHA1, Algorithm.RSASHA1_NSEC3_SHA1, Algorithm.RSASHA256, Algorithm.RSASHA512},
)
VERIFIABLE: Final = frozenset({*_HASHES, Algorithm.ED25519, Algorithm.ED448})
"""The algorithms whose signatures can be verified, whether or not a policy wants them."""


class UnusableKeyError(ValueError):
    """The key is malformed, or of an algorithm that is not known here."""


def _coordinate_size(algorithm: int) -> int:
    return CURVES[algorithm].key_size // 8


def _rsa_public(wire: bytes) -> rsa.RSAPublicKey:
    if wire[:1] == b"\0":  # RFC 3110 §2: a long exponent has a zero octet and two length octets
        size, start = int.from_bytes(wire[1:3]), 3
    else:
        size, start = (wire[0] if wire else 0), 1
    exponent, modulus = wire[start : start + size], wire[start + size :]
    if not 1 <= size <= 512 or not 1 <= len(modulus) <= 512:  # at most 4096 bits each: RFC 3110 §2
        raise UnusableKeyError("RSA exponent or modulus of an impossible length")
    return rsa.RSAPublicNumbers(int.from_bytes(exponent), int.from_bytes(modulus)).public_key()


@lru_cache(maxsize=256)
def _public(algorithm: int, wire: bytes) -> _PublicKey:
    try:
        if algorithm in _RSA:
            return _rsa_public(wire)
        if algorithm in CURVES:
            if len(wire) != 2 * _coordinate_size(algorithm):
                raise UnusableKeyError("ECDSA key of a wrong length")
            return ec.EllipticCurvePublicKey.from_encoded_point(CURVES[algorithm], b"\x04" + wire)
        if algorithm == Algorithm.ED25519:
            return ed25519.Ed25519PublicKey.from_public_bytes(wire)
        if algorithm == Algorithm.ED448:
            return ed448.Ed448PublicKey.from_public_bytes(wire)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnusableKeyError(str(error)) from error
    raise UnusableKeyError(f"algorithm {algorithm} is not known here")


def public_wire(algorithm: int, key: PrivateKey) -> bytes:
    """The public half of ``key`` as a DNSKEY's Public Key field. Raises ``UnusableKeyError`` if it does not fit."""
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey) and algorithm in _RSA:
        numbers = public.public_numbers()
        exponent = numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8)
        length = bytes((len(exponent),)) if len(exponent) < 256 else b"\0" + len(exponent).to_bytes(2)
        return length + exponent + numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8)
    if isinstance(public, ec.EllipticCurvePublicKey) and algorithm in CURVES:
        point, size = public.public_numbers(), _coordinate_size(algorithm)
        if public.curve.name == CURVES[algorithm].name:
            return point.x.to_bytes(size) + point.y.to_bytes(size)
    if isinstance(public, ed25519.Ed25519PublicKey) and algorithm == Algorithm.ED25519:
        return public.public_bytes_raw()
    if isinstance(public, ed448.Ed448PublicKey) and algorithm == Algorithm.ED448:
        return public.public_bytes_raw()
    raise UnusableKeyError(f"the private key is not one of algorithm {algorithm}")


def key_fault(algorithm: int, public_key: bytes) -> str | None:
    """Why a DNSKEY's Public Key field is no key of the algorithm; None if it is one."""
    try:
        _public(algorithm, public_key)
    except UnusableKeyError as error:
        return str(error)
    return None


def verify_bytes(algorithm: int, public_key: bytes, data: bytes, signature: bytes) -> bool:
    """Whether ``signature`` over ``data`` was made with this key. A malformed key or signature verifies nothing."""
    try:
        key = _public(algorithm, public_key)
        match key:
            case rsa.RSAPublicKey():
                key.verify(signature, data, padding.PKCS1v15(), _HASHES[algorithm])
            case ec.EllipticCurvePublicKey():
                size = _coordinate_size(algorithm)
                if len(signature) != 2 * size:
                    return False
                r, s = int.from_bytes(signature[:size]), int.from_bytes(signature[size:])
                key.verify(utils.encode_dss_signature(r, s), data, _ECDSA[algorithm])
            case ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey():
                key.verify(signature, data)
    except (UnusableKeyError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


@lru_cache(maxsize=16)
def _deterministic(algorithm: int) -> ec.ECDSA:
    return ec.ECDSA(_HASHES[algorithm], deterministic_signing=True)


def sign_bytes(algorithm: int, key: PrivateKey, data: bytes) -> bytes:
    """The signature over ``data``. The same input gives the same bytes: ECDSA's nonce is that of RFC 6979 §3.2."""
    match key:
        case rsa.RSAPrivateKey():
            return key.sign(data, padding.PKCS1v15(), _HASHES[algorithm])
        case ec.EllipticCurvePrivateKey():
            der = key.sign(data, _deterministic(algorithm))
            r, s = utils.decode_dss_signature(der)
            size = _coordinate_size(algorithm)
            return r.to_bytes(size) + s.to_bytes(size)
        case ed25519.Ed25519PrivateKey() | ed448.Ed448PrivateKey():
            return key.sign(data)
