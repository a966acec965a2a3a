"""Algorithms that no zone should be signed with any more, for old conversations: SHA-1 and DSA.

The product never validates by DSA, and by SHA-1 only where its policy says so.
"""

from __future__ import annotations

import hashlib
from typing import Final

from danelaw.core.dnssec.algorithms import DEFAULT_POLICY, Algorithm, AlgorithmPolicy, DigestType
from danelaw.core.dnssec.authenticate import Verifier
from danelaw.core.dnssec.keys import DNSKEY
from danelaw.core.dnssec.rrsig import RRSIG, signed_data, verify
from danelaw.core.model import RRset

_DSA: Final = (Algorithm.DSA, Algorithm.DSA_NSEC3_SHA1)
_SHA1_OCTETS: Final = 20

OLD_POLICY: Final = AlgorithmPolicy(
    validate_algorithms=DEFAULT_POLICY.validate_algorithms
    | {Algorithm.DSA, Algorithm.DSA_NSEC3_SHA1, Algorithm.RSASHA1, Algorithm.RSASHA1_NSEC3_SHA1},
    validate_digests=DEFAULT_POLICY.validate_digests | {DigestType.SHA1},
)


def _verify(rrsig: RRSIG, rrset: RRset, key: DNSKEY) -> bool:
    if key.algorithm not in _DSA:
        return verify(rrsig, rrset, key)
    if (rrsig.type_covered, rrsig.algorithm, rrsig.key_tag) != (rrset.type, key.algorithm, key.tag):
        return False
    if rrsig.labels > len(rrset.owner.labels) - 1:
        return False
    return dsa_verifies(key.public_key, signed_data(rrsig, rrset), rrsig.signature)


OLD_VERIFIER: Final = Verifier(signature=_verify)


def dsa_verifies(public_key: bytes, data: bytes, signature: bytes) -> bool:
    """Whether a DSA signature over ``data`` is right (RFC 2536 §2, §3; the verification of FIPS 186-4).

    Written out, since libraries do not take keys as short as they were. The signature may also be DER, as some tools
    made it. A malformed key or signature verifies nothing.
    """
    parsed, pair = _dsa_key(public_key), _dsa_pair(signature)
    if parsed is None or pair is None:
        return False
    p, q, g, y = parsed
    r, s = pair
    if not (0 < r < q and 0 < s < q):
        return False
    try:
        inverse = pow(s, -1, q)
    except ValueError:
        return False
    digest = int.from_bytes(hashlib.sha1(data, usedforsecurity=False).digest())
    left, right = pow(g, digest * inverse % q, p), pow(y, r * inverse % q, p)
    return left * right % p % q == r


def _dsa_key(wire: bytes) -> tuple[int, int, int, int] | None:
    """P, Q, G and Y of ``T | Q | P | G | Y`` (RFC 2536 §2)."""
    size = 64 + 8 * wire[0] if wire else 0
    if not wire or wire[0] > 8 or len(wire) != 1 + _SHA1_OCTETS + 3 * size:
        return None
    q, at = int.from_bytes(wire[1:21]), 1 + _SHA1_OCTETS
    p, g, y = (int.from_bytes(wire[at + size * i : at + size * (i + 1)]) for i in range(3))
    return (p, q, g, y) if q > 1 and p > 1 else None


def _dsa_pair(signature: bytes) -> tuple[int, int] | None:
    """R and S of ``T | R | S`` (RFC 2536 §3), or of a DER SEQUENCE of the two."""
    if len(signature) == 1 + 2 * _SHA1_OCTETS:
        return int.from_bytes(signature[1:21]), int.from_bytes(signature[21:])
    if len(signature) < 8 or signature[0] != 0x30 or signature[2] != 0x02:
        return None
    split = 4 + signature[3]
    if signature[split : split + 1] != b"\x02":
        return None
    return int.from_bytes(signature[4:split]), int.from_bytes(signature[split + 2 :])
