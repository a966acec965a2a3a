"""The addresses in RRsets, and which of them clients connect to."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address

import dns.rdatatype

from danelaw.core.model.dns import Answer, RRset
from danelaw.core.model.proof import Validated
from danelaw.core.model.security import Security
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


def connected_to(answers: Iterable[Validated]) -> list[IP]:
    """The addresses in A and AAAA answers that a validating client would connect to, in the order of ``ipv6_first``."""
    usable = (answer.rrset for answer in answers if answer.state in (Security.SECURE, Security.INSECURE))
    return sorted({ip for rrset in usable if rrset is not None for ip in addresses_in(rrset)}, key=ipv6_first)


def ipv6_first(ip: IP) -> tuple[int, bytes]:
    """A key to sort by."""
    return -ip.version, ip.packed
