"""Targets made by hand: mail domains and services behind SRV, with the evidence on their servers."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import dns.name

from danelaw.core.model import Absence, Evidence, Reason, RRset, Security, TargetEvidence, Validated, read_target
from tlsa_chains import NOW, ROOT
from verdict_evidence import AAAA, DOMAIN, OTHER, SMTP, XMPP, addresses, links, probes, tlsa

MX, SRV = 15, 33
SRV_OWNER: Final = dns.name.from_text("_xmpp-client._tcp.example.net.")
MAIL: Final = read_target("smtp:example.net")
CHAT: Final = read_target("xmpp-client:example.net")
WEB: Final = read_target("www.example.net")
ROOTS: Final = (ROOT.der,)
WHY: Final = Reason("NO_SIGNATURE", "RFC 4035 §5.3", "example.net. MX")


def mx(*servers: tuple[int, str], state: Security = Security.SECURE) -> Validated:
    """The answer for MX; an absence without any server."""
    rdatas = frozenset(preference.to_bytes(2) + wire(host) for preference, host in servers)
    return _answer(DOMAIN, MX, rdatas, state)


def srv(*servers: tuple[int, str], state: Security = Security.SECURE) -> Validated:
    """The answer for SRV: ports and hosts, of one priority and weight."""
    rdatas = frozenset(bytes(4) + port.to_bytes(2) + wire(host) for port, host in servers)
    return _answer(SRV_OWNER, SRV, rdatas, state)


def _answer(name: dns.name.Name, type: int, rdatas: frozenset[bytes], state: Security) -> Validated:
    reasons = () if state is Security.SECURE else (WHY,)
    if not rdatas:
        return Validated(name, type, state, absence=Absence(name, type, 60), reasons=reasons)
    return Validated(name, type, state, (RRset(name, type, 3600, rdatas),), reasons=reasons)


def wire(host: str) -> bytes:
    return dns.name.from_text(host).to_digestable()


def at(host: str, of: Evidence = SMTP) -> Evidence:
    """The same evidence on a server of that name, whose certificate bears it."""
    name = dns.name.from_text(host)
    endpoint = replace(of.endpoint, host=name)
    owner = dns.name.from_text(f"_{endpoint.port}._tcp", None).concatenate(name)
    answers = (replace(a, rrsets=tuple(replace(r, owner=name) for r in a.rrsets)) for a in (of.a, of.aaaa))
    found = replace(of.tlsa, name=owner, rrsets=tuple(replace(r, owner=owner) for r in of.tlsa.rrsets))
    a, aaaa = answers
    return replace(of, endpoint=endpoint, base=name, owner=owner, a=a, aaaa=aaaa, tlsa=found)


def mail(lookup: Validated | None, *servers: Evidence, left_out: int = 0) -> TargetEvidence:
    state = lookup.state if lookup is not None else None
    seen = tuple(replace(server, service_state=state) for server in servers)
    return TargetEvidence(MAIL, NOW, lookup, seen, left_out)


def chat(lookup: Validated, *servers: Evidence) -> TargetEvidence:
    seen = tuple(replace(server, service_state=lookup.state) for server in servers)
    return TargetEvidence(CHAT, NOW, lookup, seen)


def web(evidence: Evidence) -> TargetEvidence:
    return TargetEvidence(WEB, NOW, None, (evidence,))


FIRST: Final = at("mx1.example.net.")
SECOND: Final = at("mx2.example.net.")
WRONG: Final = replace(SECOND, probes=probes(OTHER))
WITHOUT: Final = replace(SECOND, tlsa=tlsa())
BEHIND_SRV: Final = at("chat.example.net.", XMPP)
ALIAS: Final = replace(FIRST, a=links(FIRST.a, FIRST.endpoint.host, SECOND.endpoint.host), aaaa=addresses(AAAA))
TWO: Final = mx((10, "mx1.example.net."), (20, "mx2.example.net."))
