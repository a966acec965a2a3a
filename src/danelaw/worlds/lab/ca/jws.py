"""Who is asking: JSON Web Signatures as ACME restricts them (RFC 8555 §6.2), keys and their thumbprints."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from danelaw.worlds.lab.ca.problem import Problem

PublicKey: TypeAlias = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey

ALGORITHMS: Final = ("ES256", "RS256", "EdDSA")
"""ES256 and EdDSA are what RFC 8555 §6.2 requires of a server; RS256 is what older clients use."""

_P256_BYTES: Final = 32


def b64encode(raw: bytes) -> str:
    """base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def b64decode(text: object) -> bytes:
    """The bytes of an unpadded base64url string; anything else is ``malformed`` (RFC 8555 §6.1)."""
    if not isinstance(text, str) or "=" in text:
        raise Problem("malformed", "not a base64url string without padding")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Problem("malformed", f"bad base64url: {error}") from error


@dataclass(frozen=True, slots=True)
class AccountKey:
    """A public key with its JWK thumbprint (RFC 7638 §3; RFC 8037 §2 for Ed25519)."""

    key: PublicKey
    thumbprint: str

    @classmethod
    def from_jwk(cls, jwk: object) -> AccountKey:
        """Parse a public JWK; raises ``badPublicKey``."""
        if not isinstance(jwk, dict):
            raise Problem("badPublicKey", "jwk is not an object")
        required: tuple[str, ...]
        match jwk.get("kty"), jwk.get("crv"):
            case "EC", "P-256":
                required = ("crv", "kty", "x", "y")
            case "OKP", "Ed25519":
                required = ("crv", "kty", "x")
            case "RSA", None:
                required = ("e", "kty", "n")
            case kind:
                raise Problem("badPublicKey", f"unsupported key type {kind}")
        canonical = json.dumps({name: jwk.get(name) for name in required}, separators=(",", ":"), sort_keys=True)
        thumbprint = b64encode(hashlib.sha256(canonical.encode()).digest())
        try:
            return cls(
                _public_key({name: b64decode(jwk[name]) for name in required if name not in ("crv", "kty")}), thumbprint
            )
        except (KeyError, ValueError) as error:
            raise Problem("badPublicKey", f"no such key: {error}") from error

    def verify(self, algorithm: str, signature: bytes, message: bytes) -> None:
        """Raises ``badSignatureAlgorithm`` when the algorithm is not this key's, ``malformed`` on a bad signature."""
        try:
            match algorithm, self.key:
                case "ES256", ec.EllipticCurvePublicKey() as key:
                    if len(signature) != 2 * _P256_BYTES:
                        raise Problem("malformed", "an ES256 signature has 64 bytes")
                    r, s = (int.from_bytes(half, "big") for half in (signature[:_P256_BYTES], signature[_P256_BYTES:]))
                    key.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
                case "RS256", rsa.RSAPublicKey() as key:
                    key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
                case "EdDSA", ed25519.Ed25519PublicKey() as key:
                    key.verify(signature, message)
                case _:
                    raise Problem(
                        "badSignatureAlgorithm", f"{algorithm} is not for this key", algorithms=list(ALGORITHMS)
                    )
        except InvalidSignature as error:
            raise Problem("malformed", "the signature does not verify") from error


def _public_key(numbers: dict[str, bytes]) -> PublicKey:
    match numbers:
        case {"x": x, "y": y}:
            return ec.EllipticCurvePublicNumbers(
                int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1()
            ).public_key()
        case {"x": x}:
            return ed25519.Ed25519PublicKey.from_public_bytes(x)
        case _:
            key = rsa.RSAPublicNumbers(
                int.from_bytes(numbers["e"], "big"), int.from_bytes(numbers["n"], "big")
            ).public_key()
            if key.key_size < 2048:
                raise ValueError(f"RSA of {key.key_size} bits")
            return key


@dataclass(frozen=True, slots=True)
class Signed:
    """A JWS in flattened JSON serialisation, parsed and not yet verified. Exactly one of ``jwk`` and ``kid`` is set."""

    algorithm: str
    nonce: str
    url: str
    jwk: dict[str, Any] | None
    kid: str | None
    payload: bytes
    signature: bytes
    signing_input: bytes

    @classmethod
    def from_body(cls, body: bytes, *, nonce: bool = True) -> Signed:
        """Parse the body of a POST (RFC 8555 §6.2): flattened, everything in the protected header.

        Without ``nonce``: the inner object of a key change, which has none (§7.3.5).
        """
        outer = parse_object(body)
        if "header" in outer or "signatures" in outer:
            raise Problem("malformed", "a flattened JWS without unprotected header is required")
        protected, payload = outer.get("protected"), outer.get("payload")
        header = parse_object(b64decode(protected))
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS:
            raise Problem("badSignatureAlgorithm", f"alg {algorithm!r} is not accepted", algorithms=list(ALGORITHMS))
        fresh, url, jwk, kid = (header.get(name) for name in ("nonce", "url", "jwk", "kid"))
        if not nonce and fresh is None:
            fresh = ""
        if not isinstance(fresh, str) or (not nonce and fresh):
            raise Problem("badNonce", "no nonce in the protected header")
        if not isinstance(url, str):
            raise Problem("malformed", "no url in the protected header")
        if (jwk is None) == (kid is None):
            raise Problem("malformed", "exactly one of jwk and kid is required")
        if not isinstance(jwk, dict | None) or not isinstance(kid, str | None):
            raise Problem("malformed", "jwk is an object and kid a string")
        signed = f"{protected}.{payload}".encode()
        return cls(algorithm, fresh, url, jwk, kid, b64decode(payload), b64decode(outer.get("signature")), signed)

    def verify(self, key: AccountKey) -> None:
        key.verify(self.algorithm, self.signature, self.signing_input)

    def fields(self) -> dict[str, Any]:
        """The payload as an object."""
        return parse_object(self.payload)


def parse_object(text: bytes) -> dict[str, Any]:
    """A JSON object; anything else is ``malformed``."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Problem("malformed", f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise Problem("malformed", "not a JSON object")
    return value
