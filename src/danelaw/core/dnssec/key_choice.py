"""Which algorithm, size and role a new zone key gets."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final

from danelaw.core.dnssec.algorithms import DEFAULT_POLICY, Algorithm
from danelaw.core.dnssec.keys import DNSKEY, SEP_FLAG, ZONE_FLAG
from danelaw.core.model import DanelawError

OFFERED: Final = (
    Algorithm.ECDSAP256SHA256,
    Algorithm.ECDSAP384SHA384,
    Algorithm.ED25519,
    Algorithm.ED448,
    Algorithm.RSASHA256,
)
"""What new keys may be of, the default first."""

RSA_SIZES: Final = range(2048, 4097)
"""Bits of new RSA keys; 4096 is the most that a DNSKEY may have (RFC 3110 §2)."""

_ALIASES: Final = {
    "nsec3rsasha1": Algorithm.RSASHA1_NSEC3_SHA1,
    "rsasha1nsec3sha1": Algorithm.RSASHA1_NSEC3_SHA1,
    "nsec3dsa": Algorithm.DSA_NSEC3_SHA1,
    "dsansec3sha1": Algorithm.DSA_NSEC3_SHA1,
    "eccgost": Algorithm.ECC_GOST,
    "ecdsa256": Algorithm.ECDSAP256SHA256,
    "ecdsa384": Algorithm.ECDSAP384SHA384,
}
_SHA1: Final = "it signs with SHA-1, which RFC 9905 took out of use: validators count such zones as unsigned"
_REFUSED: Final = {
    Algorithm.DSA: "it signs with SHA-1, and DSA is out of use",
    Algorithm.DSA_NSEC3_SHA1: "it signs with SHA-1, and DSA is out of use",
    Algorithm.RSASHA1: _SHA1,
    Algorithm.RSASHA1_NSEC3_SHA1: _SHA1,
    Algorithm.RSASHA512: "it is not recommended for signing (RFC 9904): RSASHA256 is understood by more",
    Algorithm.ECC_GOST: "GOST R 34.10-2001 is out of use",
}


class KeyRole(Enum):
    """What a zone key is for (RFC 9499 §10). A CSK and a KSK differ in nothing but the company that they keep."""

    CSK = "csk"
    """Signs everything."""
    KSK = "ksk"
    """Signs the DNSKEY RRset, and everything where there is no ZSK; the parent's DS points to it."""
    ZSK = "zsk"
    """Signs the rest."""

    @property
    def flags(self) -> int:
        return ZONE_FLAG if self is KeyRole.ZSK else ZONE_FLAG | SEP_FLAG


def algorithm_for_new_keys(text: str) -> Algorithm:
    """The algorithm of a mnemonic or number, in any case; BIND's names too.

    Raises ``DanelawError("ALGORITHM_UNSUPPORTED")`` for what no new key shall be of, and says why.
    """
    known = {algorithm.name.replace("_", "").lower(): algorithm for algorithm in Algorithm} | _ALIASES
    word = text.strip().lower().replace("-", "").replace("_", "")
    found = known.get(word)
    if word.isascii() and word.isdigit():
        found = next((algorithm for algorithm in Algorithm if algorithm == int(word[:6])), None)
    if found in OFFERED:
        return found
    why = "it is not known here" if found is None else _REFUSED.get(found, "keys of it are not made here")
    offered = ", ".join(f"{algorithm.name} ({algorithm:d})" for algorithm in OFFERED)
    raise DanelawError(
        "ALGORITHM_UNSUPPORTED",
        f"no new keys of algorithm {text!r}",
        evidence=why,
        hint=f"choose {offered}; the first unless your parent zone takes only others",
    )


def default_algorithm(keys: Iterable[DNSKEY]) -> Algorithm:
    """That of the keys which a zone has already, where there is just one: keys of a zone sign together
    (RFC 4035 §2.2)."""
    used = {key.algorithm for key in keys}
    return next((a for a in OFFERED if used == {a}), DEFAULT_POLICY.sign_default)


def rsa_bits(algorithm: Algorithm, bits: int | None) -> int | None:
    """The size that was asked for, if keys of the algorithm have one. Raises ``DanelawError("KEY_SIZE")``."""
    if bits is None:
        return None
    if algorithm is not Algorithm.RSASHA256:
        raise DanelawError("KEY_SIZE", f"keys of {algorithm.name} have one size only", hint="leave out --bits")
    if bits not in RSA_SIZES:
        raise DanelawError(
            "KEY_SIZE",
            f"no RSA keys of {bits} bits are made",
            evidence="shorter ones are too weak" if bits < RSA_SIZES.start else "a DNSKEY holds no longer ones",
            hint=f"choose from {RSA_SIZES.start} to {RSA_SIZES.stop - 1} bits; 2048 is the default",
        )
    return bits
