"""The addresses in RRsets."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import dns.rdatatype

from danelaw.core.model.dns import Answer, RRset
from danelaw.core.model.service import IP


def addresses_in(answer: Answer) -> frozenset[IP]:
    """The addresses in an A or AAAA RRset (RFC 1035 §3.4.1, RFC 3596 §2.2); malformed rdata is passed over."""
    if not isinstance(answer, RRset):
        return frozenset()
    if answer.type == dns.rdatatype.A:
        return frozenset(IPv4Address(rdata) for rdata in answer.rdatas if len(rdata) == 4)
    if answer.type == dns.rdatatype.AAAA:
        return frozenset(IPv6Address(rdata) for rdata in answer.rdatas if len(rdata) == 16)
    return frozenset()
