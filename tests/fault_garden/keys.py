"""Zone keys made from fixed numbers, so that every planting gives the same bytes."""

from __future__ import annotations

from functools import cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from dns.name import Name

from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.crypto import PrivateKey
from danelaw.core.dnssec.keys import DNSKEY, ZoneKey

KSK, ZSK = 257, 256
COLLIDING: Final = (5153, 10670, 11483, 12958)
"""Secrets whose ZSKs of algorithm 13 have one key tag."""

_P: Final = (
    0xF95081AD23C1875FAA5FD18A5538F97860C4C42790D2745230866E7D1EB6BF8F,
    0xA0082C646EC18CB5C5D2B8D084DCFEF64FAEE548E59BED149FAD2138D21C51E9,
)
_Q: Final = (
    0xCF534C3CF8EBCDA1B88880F568A9F6720A1EEF6828B96CBA82E112BBBDA43AFD,
    0x8A5E780B1D89748BADBAD6D3C4840AE52CEB0F11EE17EEDEE302C054778F1B0D,
)


@cache
def _rsa() -> rsa.RSAPrivateKey:
    p, q = (high << 256 | low for high, low in (_P, _Q))
    e = 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q), rsa.RSAPublicNumbers(e, p * q)
    )
    return numbers.private_key()


@cache
def _private(algorithm: Algorithm, secret: int) -> PrivateKey:
    if algorithm is Algorithm.ECDSAP256SHA256:
        return ec.derive_private_key(secret, ec.SECP256R1())
    if algorithm is Algorithm.ECDSAP384SHA384:
        return ec.derive_private_key(secret, ec.SECP384R1())
    if algorithm is Algorithm.ED25519:
        return ed25519.Ed25519PrivateKey.from_private_bytes(secret.to_bytes(32))
    if algorithm is Algorithm.ED448:
        return ed448.Ed448PrivateKey.from_private_bytes(secret.to_bytes(57))
    return _rsa()


def zone_key(zone: Name, secret: int, flags: int = ZSK, algorithm: Algorithm = Algorithm.ECDSAP256SHA256) -> ZoneKey:
    """A key pair by its number. The RSA algorithms have one key for all numbers."""
    return ZoneKey.of(zone, flags, algorithm, _private(algorithm, secret))


def same_tag(key: DNSKEY, count: int) -> list[DNSKEY]:
    """Keys with the tag of ``key``, which none of its signatures fit: pairs of octets have changed places.

    The tag is a sum of pairs (RFC 4034 appendix B).
    """
    pairs = [key.public_key[at : at + 2] for at in range(0, len(key.public_key), 2)]
    turned = (b"".join(pairs[by:] + pairs[:by]) for by in range(1, len(pairs)))
    found = [DNSKEY(key.flags, key.protocol, key.algorithm, public) for public in turned][:count]
    assert len(found) == count
    assert {one.tag for one in found} == {key.tag}
    return found
