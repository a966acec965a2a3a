"""Clients of every kind, and whether each accepts what it is presented (RFC 6698 as updated by RFC 7671, 7672).

A client differs from others in the parameters that it knows, in digest agility, in what it does when nothing usable is
there, and in whether it minds names under DANE-EE. All clocks are right: wrong ones are promised a margin, no more.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import chain as joined
from itertools import combinations, product
from typing import TypeAlias

from oracle.certificates import path, read, trusted

Records: TypeAlias = frozenset[bytes] | None
"""TLSA rdata; None: there are none."""
Presented: TypeAlias = tuple[bytes, ...] | None
"""Certificates in DER, the leaf first; None: the handshake fails."""
Parameters: TypeAlias = tuple[int, int, int]

DIGESTS = {1: hashlib.sha256, 2: hashlib.sha512}


@dataclass(frozen=True, slots=True)
class Client:
    knows: frozenset[Parameters]
    agile: bool
    falls_back: bool
    minds_names: bool

    def __str__(self) -> str:
        known = ", ".join("".join(map(str, one)) for one in sorted(self.knows)) or "nothing"
        traits = ["agile"] * self.agile + ["falls back"] * self.falls_back + ["minds names"] * self.minds_names
        return f"[knows {known}; {', '.join(traits) or 'plain'}]"


@dataclass(frozen=True, slots=True)
class Service:
    """``opportunistic``: SMTP on port 25, where TLS is authenticated only because a record is there (RFC 7672)."""

    name: str
    roots: tuple[bytes, ...]
    opportunistic: bool = False


def parameters(records: Records) -> frozenset[Parameters]:
    return frozenset((record[0], record[1], record[2]) for record in records or () if len(record) > 3)


@lru_cache(maxsize=1024)
def kinds(present: frozenset[Parameters]) -> tuple[Client, ...]:
    """Every kind that can tell RRsets of these parameters apart."""
    listed = sorted(present)
    subsets = joined.from_iterable(combinations(listed, n) for n in range(len(listed) + 1))
    flags = (False, True)
    return tuple(Client(frozenset(known), *traits) for known, *traits in product(subsets, flags, flags, flags))


@lru_cache(maxsize=200_000)
def accepting(
    present: frozenset[Parameters], records: Records, presented: Presented, at: datetime, service: Service
) -> frozenset[Client]:
    """Of all kinds that can tell RRsets of these parameters apart, those who accept."""
    return frozenset(client for client in kinds(present) if accepts(client, records, presented, at, service))


def accepts(client: Client, records: Records, presented: Presented, at: datetime, service: Service) -> bool:
    """One usable record that matches is enough (RFC 7671 §8); with none usable it is as if there were no DANE."""
    usable = [record for record in records or () if _usable(record, client, service)]
    if presented is None:
        # Where TLS was never promised, mail goes in the clear (RFC 7672 §2.2); elsewhere there is nothing to talk to.
        return client.falls_back and service.opportunistic and not records
    if not usable:
        plain = service.opportunistic or trusted(presented, service.roots, service.name, at) is not None
        return client.falls_back and plain
    if client.agile:
        usable = [record for record in usable if not any(_stronger(other, record) for other in usable)]
    return any(_matches(record, presented, at, client.minds_names, service) for record in usable)


def _usable(record: bytes, client: Client, service: Service) -> bool:
    """RFC 6698 §4.1: what a client does not know, or what cannot be right, it ignores."""
    if len(record) < 4:
        return False
    usage, selector, matching, data = record[0], record[1], record[2], record[3:]
    if usage > 3 or selector > 1 or matching > 2 or (usage, selector, matching) not in client.knows:
        return False
    if service.opportunistic and usage < 2:
        return False  # RFC 7672 §3.1.3
    return matching == 0 or len(data) == DIGESTS[matching]().digest_size


def _stronger(other: bytes, record: bytes) -> bool:
    """RFC 7671 §9: of the digests for one usage and selector the strongest alone; full content is none."""
    return other[:2] == record[:2] and (other[2], record[2]) == (2, 1)


@lru_cache(maxsize=200_000)
def _matches(record: bytes, presented: tuple[bytes, ...], at: datetime, minds_names: bool, service: Service) -> bool:
    leaf = read(presented[0])
    usage = record[0]
    if usage == 3:  # neither names nor dates, RFC 7671 §5.1; but some check names where no protocol forbids it
        named = service.name in leaf.names or not minds_names or service.opportunistic
        return named and _names(record, leaf.der)
    if usage == 2:
        above = path(presented)
        depth = next((n for n, der in enumerate(above) if n and _names(record, der)), None)
        below = above[: depth + 1] if depth else []
        return depth is not None and service.name in leaf.names and all(read(der).good(at) for der in below)
    found = trusted(presented, service.roots, service.name, at)
    if found is None:
        return False
    return _names(record, leaf.der) if usage == 1 else any(_names(record, der) for der in found[1:])


def _names(record: bytes, der: bytes) -> bool:
    """Whether it is this certificate, or its key, by selector and matching type (RFC 6698 §2.1.2, §2.1.3)."""
    content = der if record[1] == 0 else read(der).spki
    return record[3:] == (content if record[2] == 0 else DIGESTS[record[2]](content).digest())
