"""What a stored credential stands for in DNS: its key, its dates, and the records that name it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dns.name import Name

from danelaw.core.model import Chain, DanelawError, KeyAlgorithm
from danelaw.core.tlsa.associate import EE_USAGES, associate, from_spki
from danelaw.core.tlsa.der import MalformedDER, children
from danelaw.core.tlsa.records import Combination, TLSARecord
from danelaw.core.tlsa.x509 import Validity, names_match, parse

_ALGORITHMS: Final = {
    bytes.fromhex("06092a864886f70d010101"): KeyAlgorithm.RSA,
    bytes.fromhex("06092a864886f70d01010a"): KeyAlgorithm.RSA,  # for PSS alone
    bytes.fromhex("06072a8648ce3d0201"): KeyAlgorithm.ECDSA,
    bytes.fromhex("06032b6570"): KeyAlgorithm.EDDSA,
    bytes.fromhex("06032b6571"): KeyAlgorithm.EDDSA,
}
"""By the object identifier that a SubjectPublicKeyInfo begins with, in DER."""


def leaf_spki(chain: Chain) -> bytes | None:
    """The leaf's SubjectPublicKeyInfo in DER; None where there is no leaf that can be read."""
    leaf = parse(chain.ders[0]) if chain.ders else None
    return leaf.spki if leaf else None


def leaf_algorithm(chain: Chain) -> KeyAlgorithm | None:
    """Of which kind the leaf's key is; None where that cannot be told."""
    try:
        _, algorithm = children(leaf_spki(chain) or b"")[0]
        return _ALGORITHMS.get(children(algorithm)[0][1])
    except (MalformedDER, IndexError, ValueError):
        return None


def leaf_validity(chain: Chain) -> Validity | None:
    """From when until when the leaf is valid; None where there is no leaf that can be read."""
    leaf = parse(chain.ders[0]) if chain.ders else None
    return leaf.validity if leaf else None


def leaf_lacks(chain: Chain, names: tuple[Name, ...]) -> bool:
    """Whether the leaf can be read and does not cover every one of the names (RFC 9525 §6)."""
    leaf = parse(chain.ders[0]) if chain.ders else None
    return leaf is not None and names_match(leaf, names) is not None


def associations(combinations: Iterable[Combination], chain: Chain | None, spki: bytes) -> frozenset[TLSARecord]:
    """The records that name a credential, under those of the combinations that can be computed for it.

    ``chain`` None: there is only a key yet, so no record about a whole certificate, nor about a CA. Combinations that
    are unknown are passed over, and so are those about a CA that the chain does not present.
    """
    found: set[TLSARecord] = set()
    for combination in combinations:
        if chain is None and combination.usage not in EE_USAGES:
            continue
        try:
            found.add(from_spki(combination, spki) if chain is None else associate(combination, chain))
        except DanelawError:
            continue
    return frozenset(found)
