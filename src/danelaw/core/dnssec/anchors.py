"""Trust anchors: keys or digests of keys that are believed without proof (RFC 4033 §2, RFC 4035 §4.4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import dns.exception
import dns.name
import dns.zonefile
from dns.name import Name
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.keys import DNSKEY, DS, MalformedKeyError
from danelaw.core.model import DanelawError


@dataclass(frozen=True, slots=True)
class Anchor:
    """What is believed of one zone: DS records, DNSKEY records, or both."""

    zone: Name
    ds: frozenset[DS] = frozenset()
    keys: frozenset[DNSKEY] = frozenset()


@dataclass(frozen=True, slots=True)
class Anchors:
    """Trust anchors by zone."""

    zones: tuple[Anchor, ...] = field(default=())

    def __iter__(self) -> Iterator[Anchor]:
        return iter(self.zones)

    def closest(self, name: Name) -> Anchor | None:
        """The anchor of the deepest zone that ``name`` lies in (RFC 6840 appendix C.1, "closest encloser")."""
        enclosing = [anchor for anchor in self.zones if name.is_subdomain(anchor.zone)]
        return max(enclosing, key=lambda anchor: len(anchor.zone), default=None)


def read_anchors(text: str) -> Anchors:
    """Trust anchors from master-file text: DS and DNSKEY records, absolute owners, TTL and class optional.

    Raises ``DanelawError("ANCHOR_SYNTAX")`` for text that cannot be read, holds other records, or holds none.
    """
    hint = "trust anchors are DS or DNSKEY records, as dnssec-dsfromkey prints them"
    try:
        found = dns.zonefile.read_rrsets(text, rdclass=None, default_ttl=0, origin=dns.name.root, relativize=False)
        anchors: dict[Name, tuple[set[DS], set[DNSKEY]]] = {}
        for rrset in found:
            if rrset.rdclass != RdataClass.IN or rrset.rdtype not in (T.DS, T.DNSKEY):
                raise DanelawError(
                    "ANCHOR_SYNTAX", "A trust anchor is a DS or DNSKEY record", evidence=str(rrset), hint=hint
                )
            digests, keys = anchors.setdefault(rrset.name, (set(), set()))
            for rdata in rrset:
                if rrset.rdtype == T.DS:
                    digests.add(DS.from_rdata(rdata.to_wire()))
                else:
                    keys.add(DNSKEY.from_rdata(rdata.to_wire()))
    except (dns.exception.DNSException, MalformedKeyError, ValueError) as error:
        raise DanelawError(
            "ANCHOR_SYNTAX", "The trust anchors cannot be read", evidence=str(error), hint=hint
        ) from error
    if not anchors:
        raise DanelawError("ANCHOR_SYNTAX", "There is no trust anchor", evidence=text[:80], hint=hint)
    return Anchors(tuple(Anchor(zone, frozenset(ds), frozenset(keys)) for zone, (ds, keys) in sorted(anchors.items())))
