"""The chain of a zone's hashed names: one NSEC3 for each name, and the NSEC3PARAM (RFC 5155 §7.1)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.canonical import name_wire
from danelaw.core.dnssec.nsec3 import NSEC3, NSEC3PARAM, OPT_OUT, SHA1, hash_name, hash_owner
from danelaw.core.model import RRset

PARAM_TTL: Final = 0
"""Only authoritative servers read NSEC3PARAM (RFC 5155 §4); no cache needs it, and BIND gives it this TTL too."""

_LABEL_OCTETS: Final = 33
"""A SHA-1 hash in base32, with its length octet (RFC 5155 §3)."""
_MOST_OCTETS: Final = 255


class UnhashableZoneError(ValueError):
    """No NSEC3 chain can be made of these names."""


@dataclass(frozen=True, slots=True)
class NSEC3Chain:
    """How a zone's names are hashed, and whether insecure delegations are left out (RFC 5155 §6).

    No salt and no additional iterations are what RFC 9276 §3.1 asks for; opt-out, it says, is for large zones whose
    delegations are mostly insecure. ``iterations`` are those after the first, up to 65535; ``salt`` has up to 255
    octets: else ``ValueError``.
    """

    salt: bytes = b""
    iterations: int = 0
    opt_out: bool = False

    def __post_init__(self) -> None:
        if len(self.salt) > 255 or not 0 <= self.iterations <= 0xFFFF:
            raise ValueError("a salt of up to 255 octets and up to 65535 iterations have room in an NSEC3")


def nsec3_param(apex: Name, how: NSEC3Chain) -> RRset:
    """The NSEC3PARAM RRset of the chain; its flags are zero, opt-out or not (RFC 5155 §4.1.2)."""
    rdata = NSEC3PARAM(SHA1, 0, how.iterations, how.salt).to_rdata()
    return RRset(apex, T.NSEC3PARAM, PARAM_TTL, frozenset({rdata}))


def nsec3_chain(apex: Name, names: Mapping[Name, Collection[int]], ttl: int, how: NSEC3Chain) -> tuple[RRset, ...]:
    """One NSEC3 for each name, in the order of the hashes, the last pointing to the first (RFC 5155 §7.1).

    ``names``: each owner of authoritative data or of a delegation, with all its types but RRSIG, as for an NSEC chain.
    Under opt-out insecure delegations get none, nor do the empty non-terminals that lead to them alone. Raises
    ``UnhashableZoneError`` for names of one hash, which takes another salt, and where hashed names would be too long
    (RFC 5155 §10.1).
    """
    if len(name_wire(apex)) + _LABEL_OCTETS > _MOST_OCTETS:
        raise UnhashableZoneError(f"{apex} is too long a name to have hashed names below it")
    if how.opt_out:
        names = {name: types for name, types in names.items() if not is_insecure_cut(apex, name, types)}
    hashed: dict[bytes, Name] = {}
    bitmaps = hashed_types(apex, names)
    for name in bitmaps:
        digest = hash_name(name, how.salt, how.iterations)
        if hashed.setdefault(digest, name) != name:
            raise UnhashableZoneError(f"{name} and {hashed[digest]} have one hash under this salt")
    ordered = sorted(hashed)
    flags = OPT_OUT if how.opt_out else 0
    chain = []
    for digest, following in zip(ordered, [*ordered[1:], *ordered[:1]], strict=True):
        nsec3 = NSEC3(SHA1, flags, how.iterations, how.salt, following, bitmaps[hashed[digest]])
        chain.append(RRset(hash_owner(digest, apex), T.NSEC3, ttl, frozenset({nsec3.to_rdata()})))
    return tuple(chain)


def hashed_types(apex: Name, names: Mapping[Name, Collection[int]]) -> dict[Name, frozenset[int]]:
    """Each name that an NSEC3 chain speaks of, with the types in its bitmap (RFC 5155 §7.1).

    Empty non-terminals are added, with no types; RRSIG is among the types wherever something is signed, which at an
    insecure delegation nothing is.
    """
    bitmaps: dict[Name, frozenset[int]] = {}
    for name, types in names.items():
        signed = not is_insecure_cut(apex, name, types)
        bitmaps[name] = frozenset({*types, T.RRSIG} if signed else types)
    for name in names:
        above = name
        while above != apex:  # each empty non-terminal is gone through once: whoever finds one known stops
            above = above.parent()
            if above in bitmaps:
                break
            bitmaps[above] = frozenset()
    return bitmaps


def is_insecure_cut(apex: Name, name: Name, types: Collection[int]) -> bool:
    """Whether these are the parent's types at a delegation without a DS (RFC 5155 §1.3, "insecure delegation")."""
    return name != apex and T.NS in types and T.DS not in types
