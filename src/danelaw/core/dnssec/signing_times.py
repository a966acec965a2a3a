"""From when until when signatures are valid, and when they are made anew (RFC 4035 §2.2, RFC 6781 §4.4)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dns.name import Name

from danelaw.core.dnssec.canonical import name_wire

LONGEST: Final = timedelta(days=60)
"""What validity is stretched to at most: as long, old records can be replayed."""
SPARE: Final = timedelta(days=1)
"""Signatures are made anew so long before a secondary could come to serve dead ones: runs may be a day apart."""
REST: Final = timedelta(days=2)
"""So long at least new signatures are left alone."""


@dataclass(frozen=True, slots=True)
class Span:
    """The dates of signatures, aware UTC instants. Expirations are spread over the ``jitter`` before ``expiration``.

    A zone is right as it is while every signature outlives ``keep_until``. Once it is signed all the same, those that
    outlive that by no more than ``batch`` are made anew with the others, so that a zone is not signed for each of them.
    None: none is kept.
    """

    now: datetime
    inception: datetime
    expiration: datetime
    jitter: timedelta = timedelta(0)
    keep_until: datetime | None = None
    batch: timedelta = timedelta(0)

    def expires(self, owner: Name, type: int, tag: int) -> datetime:
        """When the signature over this RRset by this key expires: for the same ones the same time."""
        seconds = int(self.jitter.total_seconds())
        digest = hashlib.sha256(name_wire(owner) + type.to_bytes(2) + tag.to_bytes(2)).digest()
        return self.expiration - timedelta(seconds=int.from_bytes(digest[:8]) % (seconds + 1))


@dataclass(frozen=True, slots=True)
class SigningTimes:
    """Signatures count from ``backdated`` before signing, for clocks that are slow, until ``validity`` after it."""

    backdated: timedelta = timedelta(hours=1)
    validity: timedelta = timedelta(days=14)

    def stretched(self, expire: timedelta, longest_ttl: timedelta) -> timedelta:
        """The validity for a zone of this SOA EXPIRE and largest TTL, in which it is safe to be signed again in time.

        RFC 6781 §4.4.1 wants EXPIRE to be a third or a quarter of the validity; what is less than that is enough as
        long as a secondary that has lost its primary serves nothing dead, nor a cache what came from it.
        """
        needed = (expire + longest_ttl + SPARE + REST) * 7 / 6
        return max(self.validity, min(needed, LONGEST))

    def span(self, now: datetime, expire: timedelta, longest_ttl: timedelta) -> Span:
        """The dates of what is signed ``now``: a seventh of the validity is the jitter, a third is left to be renewed.

        More is, where EXPIRE asks for it: a signature is kept only if it outlives a transfer of ``now`` that expires.
        """
        validity = self.stretched(expire, longest_ttl)
        jitter = validity / 7
        threshold = max(validity / 3, min(expire + longest_ttl + SPARE, validity - jitter - REST))
        batch = min(jitter, REST) / 2  # what was just signed is left alone also by a signing right after
        return Span(now, now - self.backdated, now + validity, jitter, now + threshold, batch)
