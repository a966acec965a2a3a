"""Keys and signatures of the zones above the operator's, made with dnspython: none of our own DNSSEC code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import dns.dnssec
import dns.rdata
import dns.rdataclass
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec
from dns.dnssectypes import Algorithm
from dns.name import Name
from dns.rdtypes.ANY.DNSKEY import DNSKEY

from danelaw.core.model import Instant
from danelaw.worlds.lab.zone_answers import ServedZone

BACKDATED: Final = timedelta(hours=1)
SIGNED_FOR: Final = timedelta(days=14)
SEP: Final = 0x0101
ZONE: Final = 0x0100


@dataclass(frozen=True)
class ParentKeys:
    """A KSK and a ZSK of a zone, ECDSAP256SHA256 (RFC 6605)."""

    pairs: tuple[tuple[ec.EllipticCurvePrivateKey, DNSKEY], ...]

    @classmethod
    def make(cls) -> ParentKeys:
        made = []
        for flags in (SEP, ZONE):
            private = ec.generate_private_key(ec.SECP256R1())
            made.append((private, dns.dnssec.make_dnskey(private.public_key(), Algorithm.ECDSAP256SHA256, flags)))
        return cls(tuple(made))

    def ds(self, zone: Name) -> str:
        """The DS of the KSK in master form, SHA-256 (RFC 4509)."""
        return dns.dnssec.make_ds(zone, self.pairs[0][1], "SHA256").to_text()


def sign(origin: Name, records: Sequence[str], keys: ParentKeys, now: Instant) -> ServedZone:
    """A signed zone from plain records in master form. Never from signed ones: dnspython would sign twice."""
    zone = dns.zone.from_text("\n".join(records), origin=origin, relativize=False)
    dns.dnssec.sign_zone(
        zone,
        keys=list(keys.pairs),
        inception=_whole(now - BACKDATED),
        expiration=_whole(now + SIGNED_FOR),
    )
    return ServedZone(zone)


def _whole(when: datetime) -> datetime:
    return when.replace(microsecond=0)
