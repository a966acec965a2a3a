"""Evidence made by hand for the verdict tests: a sound service, and what may be wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import Final

import dns.name
from dns.name import Name

from danelaw.core.dnssec.rrsig import RRSIG, seconds
from danelaw.core.model import (
    IP,
    Absence,
    Asked,
    Candidate,
    Chain,
    Endpoint,
    Evidence,
    Handshake,
    Hello,
    KeyAlgorithm,
    NotOffered,
    Presentation,
    Probe,
    Reason,
    RRset,
    Said,
    Security,
    Silence,
    Sweep,
    Validated,
)
from danelaw.core.tlsa import TLSA, Combination, Reference, TLSARecord, associate
from tlsa_chains import INTERMEDIATE, LEAF, NOW, RENEWED, ROOT, Issued

HOST: Final = dns.name.from_text("www.example.net.")
OWNER: Final = dns.name.from_text("_443._tcp.www.example.net.")
ENDPOINT: Final = Endpoint(HOST, 443)
REFERENCE: Final = Reference((HOST,), (ROOT.der,))
FOUR: Final = IPv4Address("192.0.2.80")
SIX: Final = IPv6Address("2001:db8::80")
A, AAAA = 1, 28

PLAIN: Final = Hello(HOST)
ECDSA: Final = Hello(HOST, None, KeyAlgorithm.ECDSA)
RSA: Final = Hello(HOST, None, KeyAlgorithm.RSA)
WHY: Final = Reason("NO_SIGNATURE", "RFC 4035 §5.3", OWNER.to_text())


def chain(leaf: Issued) -> Chain:
    return Chain((leaf.der, INTERMEDIATE.der))


PRESENT: Final = Handshake(chain(LEAF), "TLSv1.3", "TLS_AES_256_GCM_SHA384")
OTHER: Final = replace(PRESENT, chain=chain(RENEWED))


def record(combination: str, leaf: Issued = LEAF) -> bytes:
    return associate(Combination.from_text(combination), chain(leaf)).to_rdata()


def text(record: str) -> bytes:
    return TLSARecord.from_text(record).to_rdata()


def tlsa(*rdatas: bytes, state: Security = Security.SECURE) -> Validated:
    """The TLSA answer; an absence without any rdata."""
    reasons = () if state is Security.SECURE else (WHY,)
    if not rdatas:
        return Validated(OWNER, TLSA, state, absence=Absence(OWNER, TLSA, 60), reasons=reasons)
    return Validated(OWNER, TLSA, state, (RRset(OWNER, TLSA, 3600, frozenset(rdatas)),), reasons=reasons)


def addresses(type: int, *ips: IP, state: Security = Security.SECURE) -> Validated:
    if not ips:
        return Validated(HOST, type, state, absence=Absence(HOST, type, 60))
    return Validated(HOST, type, state, (RRset(HOST, type, 300, frozenset(ip.packed for ip in ips)),))


def probes(
    plain: Presentation = PRESENT,
    ecdsa: Presentation | None = None,
    rsa: Presentation | None = None,
    *,
    at: datetime = NOW,
    ips: Iterable[IP] = (SIX, FOUR),
) -> tuple[Probe, ...]:
    """The same at each address; by default a server with one ECDSA credential."""
    rsa = rsa or (NotOffered() if isinstance(plain, Handshake) else plain)
    seen: Sequence[tuple[Hello, Presentation]] = ((PLAIN, plain), (ECDSA, ecdsa or plain), (RSA, rsa))
    return tuple(Probe(at, ip, hello, got) for ip in ips for hello, got in seen)


SOUND: Final = Evidence(
    ENDPOINT, NOW, HOST, OWNER, tlsa(record("3 1 1")), addresses(A, FOUR), addresses(AAAA, SIX), probes()
)


def publishing(*rdatas: bytes) -> Evidence:
    return replace(SOUND, tlsa=tlsa(*rdatas))


def presenting(*seen: Probe) -> Evidence:
    return replace(SOUND, probes=seen)


# -- mail, and services behind SRV -------------------------------------------------------------------------------------

DOMAIN: Final = dns.name.from_text("example.net.")
SMTP: Final = replace(
    SOUND,
    endpoint=Endpoint(HOST, 25, "tcp", "smtp"),
    application="smtp",
    initial=Security.SECURE,
    service=DOMAIN,
    service_state=Security.SECURE,
)
XMPP: Final = replace(
    SMTP, endpoint=Endpoint(HOST, 5222, "tcp", "xmpp-client"), application="xmpp-client", initial=Security.SECURE
)
HTTPS: Final = replace(SOUND, application="https")


def at_all(evidence: Evidence, got: Presentation) -> Evidence:
    """Every client comes to the same."""
    return replace(evidence, probes=probes(got, got, got))


# -- name servers ------------------------------------------------------------------------------------------------------

NS1: Final = dns.name.from_text("ns1.example.net.")
NS2: Final = dns.name.from_text("ns2.example.net.")
_AT: Final[dict[Name, IP]] = {NS1: IPv4Address("192.0.2.53"), NS2: IPv4Address("198.51.100.53")}
SOA: Final = 6
APEX: Final = Asked(DOMAIN, DOMAIN, SOA)


def serial(server: Name, number: int) -> Said:
    soa = RRset(DOMAIN, SOA, 3600, frozenset({b"\0\0" + number.to_bytes(4) + bytes(16)}))
    return Said(APEX, server, _AT[server], soa, number, 0)


def serves(server: Name, *rdatas: bytes, rrsigs: Iterable[bytes] = (), ttl: int = 3600) -> Said:
    """What a server says to the question for TLSA; a denial without any rdata."""
    found = RRset(OWNER, TLSA, ttl, frozenset(rdatas), frozenset(rrsigs)) if rdatas else Absence(OWNER, TLSA, 60)
    return Said(Asked(DOMAIN, OWNER, TLSA), server, _AT[server], found, rcode=0)


def silent(server: Name, code: str, ip: IP | None = None, asked: Asked | None = None) -> Said:
    return Said(asked or Asked(DOMAIN, OWNER, TLSA), server, ip or _AT[server], Silence(code))


def above(server: Name, rcode: int) -> Said:
    """What a server says to the question for the address of the name between the TLSA owner and the host."""
    name = OWNER.parent()
    return Said(Asked(DOMAIN, name, A), server, _AT[server], Absence(name, A, 60), rcode=rcode)


def swept(*said: Said, evidence: Evidence = SOUND) -> Evidence:
    return replace(evidence, sweep=Sweep(said))


def rrsig(
    *, days: float = 20, ago: float = 5, type: int = TLSA, tag: int = 1, algorithm: int = 13, signer: Name = DOMAIN
) -> bytes:
    """A signature that ends so many days after the look, and began so many before it."""
    expiration, inception = (seconds(NOW + timedelta(days=offset)) for offset in (days, -ago))
    return RRSIG(type, algorithm, 5, 3600, expiration, inception, tag, signer, b"signature").to_rdata()


def signed(evidence: Evidence, *rrsigs: bytes, ttl: int = 3600) -> Evidence:
    """The same with these signatures on its TLSA records."""
    (rrset,) = evidence.tlsa.rrsets
    return replace(evidence, tlsa=replace(evidence.tlsa, rrsets=(replace(rrset, rrsigs=frozenset(rrsigs), ttl=ttl),)))


# -- aliases -----------------------------------------------------------------------------------------------------------

CNAME: Final = 5
EXPANDED: Final = dns.name.from_text("web.example.org.")
EXPANDED_OWNER: Final = dns.name.from_text("_443._tcp.web.example.org.")


def links(answer: Validated, owner: Name, target: Name) -> Validated:
    """The same answer behind an alias: ``owner`` leads to ``target``, where its records then are."""
    alias = RRset(owner, CNAME, 300, frozenset({target.to_digestable()}))
    return replace(answer, rrsets=(alias, *(replace(rrset, owner=target) for rrset in answer.rrsets)))


def aliased(base: Name, owner: Name, *candidates: Candidate) -> Evidence:
    """The host is an alias; ``base`` was used."""
    return replace(
        SOUND,
        base=base,
        owner=owner,
        a=links(SOUND.a, HOST, EXPANDED),
        aaaa=links(SOUND.aaaa, HOST, EXPANDED),
        candidates=candidates,
    )
