"""What publishers have in common: which changes are theirs to make, and when two answers hold the same records."""

from __future__ import annotations

import dns.rdatatype
from dns.rdatatype import RdataType

from danelaw.core.dnssec.canonical import canonical_rdata
from danelaw.core.dnssec.sign import MADE_BY_SIGNING
from danelaw.core.model import Absence, Answer, DanelawError
from danelaw.core.rollover.actions import Publish


def accept(change: Publish) -> None:
    """Raises ``NOT_PUBLISHABLE`` for what is no plain RRset of the zone."""
    expected, wanted = change.expect, change.replace
    if (expected.owner, expected.type) != (wanted.owner, wanted.type):
        raise DanelawError("NOT_PUBLISHABLE", f"{expected.owner} cannot be replaced by {wanted.owner}")
    if not wanted.owner.is_subdomain(change.zone) or wanted.type in {*MADE_BY_SIGNING, RdataType.SOA}:
        kind = dns.rdatatype.to_text(RdataType.make(wanted.type))
        raise DanelawError("NOT_PUBLISHABLE", f"{wanted.owner} {kind} is not for publishers of {change.zone}")


def same(left: Answer, right: Answer) -> bool:
    """The same records, whatever the case of names in them, or none: TTLs and signatures aside."""
    return records(left) == records(right)


def already(found: Answer, wanted: Answer) -> bool:
    """Whether nothing needs to be changed: the same records, and, where there are any, the same TTL."""
    return same(found, wanted) and (isinstance(wanted, Absence) or found.ttl == wanted.ttl)


def records(answer: Answer) -> frozenset[tuple[int, bytes]]:
    if isinstance(answer, Absence):
        return frozenset()
    return frozenset((answer.type, canonical_rdata(answer.type, rdata)) for rdata in answer.rdatas)
