"""Evidence made by hand for the verdict tests: a sound service, and what may be wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from typing import Final

import dns.name

from danelaw.core.model import (
    IP,
    Absence,
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
    Security,
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
