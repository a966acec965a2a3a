"""What a signing of a zone did, for those who asked for it."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from dns.name import Name

from danelaw.core.dnssec.keys import DNSKEY
from danelaw.core.dnssec.rrsig import RRSIG, seconds
from danelaw.core.dnssec.signing_keys import SigningKeys
from danelaw.core.model import Reason, RRset


class KeyRole(enum.Enum):
    """What a key in the DNSKEY RRset does."""

    KSK = "KSK"
    ZSK = "ZSK"
    CSK = "CSK"
    PUBLISHED = "published"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class SigningReport:
    """One signing. Times are aware UTC instants.

    ``served_before``: the serial that was served, None if none is known. ``changed``: whether anything was written; if
    not, ``serial`` is the one of before. ``signed`` and ``kept`` count RRsets that were signed anew and that kept all
    their signatures. ``full``: why nothing was kept; empty where something could be. ``first_expiration``: of all
    signatures. ``again_by``: when to sign again at the latest, for signatures or for the times of keys. ``validity``:
    of what is signed now; more than ``asked_validity`` where the SOA's EXPIRE and the TTLs ask for it. ``edited``:
    which RRsets that services are reached by went live with it, edited by the operator.
    """

    zone: Name
    served_before: int | None
    serial: int
    changed: bool
    keys: tuple[tuple[DNSKEY, KeyRole], ...]
    signed: int
    kept: int
    full: str
    first_expiration: datetime
    again_by: datetime
    validity: timedelta
    asked_validity: timedelta
    advice: tuple[Reason, ...]
    edited: tuple[str, ...] = ()


def key_roles(keys: SigningKeys) -> tuple[tuple[DNSKEY, KeyRole], ...]:
    """Each key of the DNSKEY RRset, those that sign first."""
    with_zsk = {key.dnskey.algorithm for key in keys.zsks}
    return (
        *((key.dnskey, KeyRole.KSK if key.dnskey.algorithm in with_zsk else KeyRole.CSK) for key in keys.ksks),
        *((key.dnskey, KeyRole.ZSK) for key in keys.zsks),
        *((dnskey, KeyRole.PUBLISHED) for dnskey in keys.published),
        *((key.dnskey, KeyRole.REVOKED) for key in keys.revoked),
    )


def first_expiration(zone: Iterable[RRset], now: datetime) -> datetime:
    """When the first of the zone's well-formed signatures expires, by the era that ``now`` lies in (RFC 4034 §3.1.5).

    Raises ``ValueError`` for a zone without signatures.
    """
    at = seconds(now)
    expirations = (RRSIG.from_rdata(rdata).expiration for rrset in zone for rdata in rrset.rrsigs)
    left = min((expiration - at + 2**31) % 2**32 - 2**31 for expiration in expirations)
    return now.replace(microsecond=0) + timedelta(seconds=left)
