"""DNSSEC registries, and which of their entries are supported (RFC 4034 appendix A; RFC 9904)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Algorithm(IntEnum):
    """DNS Security Algorithm Numbers that zones are signed with. IANA registry, complete as of 2026-11.

    Numbers that sign no zones (2, 252, 253, 254) and that no validator supports any more (1) are left out.
    """

    DSA = 3  # RFC 2536
    RSASHA1 = 5  # RFC 3110
    DSA_NSEC3_SHA1 = 6  # RFC 5155 §2
    RSASHA1_NSEC3_SHA1 = 7  # RFC 5155 §2
    RSASHA256 = 8  # RFC 5702 §2.1
    RSASHA512 = 10  # RFC 5702 §2.2
    ECC_GOST = 12  # RFC 5933
    ECDSAP256SHA256 = 13  # RFC 6605 §4
    ECDSAP384SHA384 = 14  # RFC 6605 §4
    ED25519 = 15  # RFC 8080 §3
    ED448 = 16  # RFC 8080 §3
    SM2SM3 = 17  # RFC 9563
    ECC_GOST12 = 23  # RFC 9558


class DigestType(IntEnum):
    """Delegation Signer digest algorithms. IANA registry, complete as of 2026-11."""

    SHA1 = 1  # RFC 4034 appendix A.2
    SHA256 = 2  # RFC 4509 §2.1
    GOST = 3  # RFC 5933
    SHA384 = 4  # RFC 6605 §2
    GOST12 = 5  # RFC 9558
    SM3 = 6  # RFC 9563


_STRONG = frozenset(
    {
        Algorithm.RSASHA256,
        Algorithm.RSASHA512,
        Algorithm.ECDSAP256SHA256,
        Algorithm.ECDSAP384SHA384,
        Algorithm.ED25519,
        Algorithm.ED448,
    }
)


@dataclass(frozen=True, slots=True)
class AlgorithmPolicy:
    """What is supported. Sets of numbers, so that records with any number can be asked about.

    A zone whose DS records all have unsupported algorithms or digests is insecure (RFC 4035 §5.2, RFC 6840 §5.2). SHA-1
    counts as unsupported by default: RFC 9905 takes it out of use. ``nsec3_iterations``: what NSEC3 records may have at
    most; a zone with more is insecure too (RFC 9276 §3.2).
    """

    validate_algorithms: frozenset[int] = _STRONG
    validate_digests: frozenset[int] = frozenset({DigestType.SHA256, DigestType.SHA384})
    sign_algorithms: frozenset[int] = _STRONG - {Algorithm.RSASHA512}
    sign_default: Algorithm = Algorithm.ECDSAP256SHA256
    nsec3_iterations: int = 150

    def validates(self, algorithm: int) -> bool:
        """Whether signatures and keys of this algorithm number can make an answer secure."""
        return algorithm in self.validate_algorithms

    def validates_digest(self, digest_type: int) -> bool:
        """Whether a DS of this digest type can link a child zone."""
        return digest_type in self.validate_digests


DEFAULT_POLICY = AlgorithmPolicy()
