"""What all stories share: the zones that they play in, and their list."""

from __future__ import annotations

from collections.abc import Callable

from danelaw.core.dnssec.nsec3_chain import NSEC3Chain
from told.script import LAST, Script, said
from told.zones import Zone, zone

STORIES: dict[str, Callable[[], Script]] = {}

ROOT_IP, NET_IP, EXAMPLE_IP, OTHER_IP = "192.0.2.1", "192.0.2.2", "192.0.2.11", "192.0.2.12"
FORWARDER = "192.0.2.53"
EXAMPLE = """
@ SOA ns host 1 1800 900 604800 300
@ NS ns
ns A 192.0.2.11
www 60 A 192.0.2.80
_443._tcp.www TLSA 3 1 1 8d02536c887482bc34ff54e41d2ba659bf85b341a0a20afadb5813dcfbcf286d
alias CNAME www.other.net.
*.wild TXT "from the wildcard"
old DNAME new.other.net.
"""
OTHER = """
@ SOA ns host 1 1800 900 604800 300
@ NS ns
ns A 192.0.2.12
www 60 A 192.0.2.90
host.new A 192.0.2.91
"""
NET = """
@ SOA a host 1 1800 900 604800 300
@ NS a
a A 192.0.2.2
b TXT "beside the delegations"
c TXT "beside the delegations"
example NS ns.example
ns.example A 192.0.2.11
other NS ns.other
ns.other A 192.0.2.12
"""
ROOT = """
@ SOA a host 1 1800 900 604800 300
@ NS a
a A 192.0.2.1
net NS a.net
a.net A 192.0.2.2
"""
WWW = "www.example.net. A"
KEYS = "example.net. DNSKEY"
OPT_OUT = NSEC3Chain(opt_out=True)


def story(tell: Callable[[], Script]) -> Callable[[], Script]:
    STORIES[tell.__name__.replace("_", "-")] = tell
    return tell


def above(*children: Zone, net: str = NET, nsec3: NSEC3Chain | None = None) -> tuple[Zone, Zone]:
    """The root and net. over these zones."""
    middle = zone("net.", net, *children, secret=2, nsec3=nsec3)
    return zone(".", ROOT, middle, secret=1), middle


def tree(script: Script, root: Zone, net: Zone, *questions: str, first: int = 0, last: int = LAST) -> None:
    """The upper servers, with referrals for the questions and what leads to keys."""
    script.server(ROOT_IP, said(root, *questions, ". DNSKEY", "net. DS", "net. DNSKEY"), first=first, last=last)
    below = ["net. DNSKEY", "example.net. DS", "other.net. DS", KEYS, "other.net. DNSKEY"]
    script.server(NET_IP, said(net, *questions, *below), first=first, last=last)
