"""Evidence in which there is some of everything, for what keeps it, reads it and judges it again."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address
from typing import Final

import dns.name

from danelaw.core.model import (
    Absence,
    Asked,
    Candidate,
    HandshakeFailure,
    RRset,
    Said,
    Security,
    Silence,
    Sweep,
    TargetEvidence,
    Unreachable,
    read_target,
)
from tlsa_chains import NOW
from verdict_evidence import FOUR, HOST, OWNER, PRESENT, SOUND, WHY, probes, record, tlsa

ZONE: Final = dns.name.from_text("example.net.")
ODD: Final = dns.name.from_text(r"_25._tcp.a\.b\000\255\".Example.NET.")
SOA: Final = RRset(ZONE, 6, 3600, frozenset({b"\0\0" + bytes(20)}), frozenset({b"\1\2", b"\0"}))
EVERYTHING: Final = replace(
    SOUND,
    tlsa=replace(tlsa(record("3 1 1"), b"", b"\3"), notes=(WHY,)),
    aaaa=replace(SOUND.aaaa, rrsets=(), absence=Absence(HOST, 28, 60, frozenset({SOA}))),
    probes=(
        *probes(replace(PRESENT, said=("< 220 mx.example.net", "> EHLO [192.0.2.1]"))),
        *probes(HandshakeFailure("STARTTLS_REFUSED", "454 \x1b[2J not now"), at=NOW.replace(microsecond=7)),
        *probes(Unreachable("TIMEOUT", "no greeting")),
    ),
    application="smtp",
    initial=Security.INSECURE,
    candidates=(Candidate(HOST, OWNER, tlsa(record("3 1 1"), state=Security.BOGUS)),),
    sweep=Sweep(
        (
            Said(Asked(ZONE, ZONE, 6), HOST, FOUR, SOA, 2026112300, 0),
            Said(Asked(ZONE, ODD, 52), HOST, IPv6Address("2001:db8::1%eth0"), Absence(ODD, 52, 60), None, 3),
            Said(Asked(ZONE, ZONE, 6), HOST, FOUR, Silence("LAME", "not here")),
        ),
        ((ZONE, "the parent is silent"),),
    ),
    service=ZONE,
    service_state=Security.SECURE,
    left_out=(FOUR,),
)
LOOKED: Final = TargetEvidence(read_target("smtp:example.net"), NOW, tlsa(), (EVERYTHING, SOUND), 3)
