"""A look at one chain of trust: the validated answer, what each server says, and what TLSA records are there for."""

from __future__ import annotations

import asyncio
import re
from typing import Final

import dns.rdatatype
from dns.name import Name

from danelaw.app.eyes import Eyes
from danelaw.app.sweep import sweep
from danelaw.core.model import (
    IP,
    Asked,
    DanelawError,
    Endpoint,
    Handshake,
    Hello,
    Proof,
    Security,
    Validated,
)
from danelaw.core.model.addresses import connected_to
from danelaw.core.picture import told
from danelaw.core.picture.seen import Picture, Presented
from danelaw.core.tlsa import TLSA, Reference, TLSARecord, match, records_of
from danelaw.core.verdict.presented import Described, describe

A: Final = int(dns.rdatatype.A)
AAAA: Final = int(dns.rdatatype.AAAA)
DS: Final = int(dns.rdatatype.DS)
DNSKEY: Final = int(dns.rdatatype.DNSKEY)
SOA: Final = int(dns.rdatatype.SOA)

_PORT: Final = re.compile(rb"_(\d{1,5})")
_TRANSPORT: Final = re.compile(rb"_(tcp|udp|sctp)", re.IGNORECASE)
_SMTP: Final = 25


def default_type(name: Name) -> int:
    """What is meant where no type is named: TLSA at an owner name of such records, else A."""
    return TLSA if endpoint_of(name) is not None else A


def endpoint_of(name: Name) -> Endpoint | None:
    """The endpoint whose TLSA records stand at a name (RFC 6698 §3); None for other names."""
    if len(name) < 4:
        return None
    port, transport = _PORT.fullmatch(name.labels[0]), _TRANSPORT.fullmatch(name.labels[1])
    if port is None or transport is None or not 0 < int(port[1]) < 65536:
        return None
    return Endpoint(Name(name.labels[2:]), int(port[1]), transport[1].decode("ascii").lower())


async def look(
    name: Name, type: int, eyes: Eyes, *, all_servers: bool = False, probe: tuple[bytes, ...] | None = None
) -> Picture:
    """The chain of trust of one RRset. Never raises for what servers say or leave unsaid.

    ``probe``: compare TLSA records with what the service presents; the CAs that its clients trust, in DER. Raises
    ``DanelawError("BAD_ENDPOINT")`` where no service belongs to the name.
    """
    endpoint = endpoint_of(name) if probe is not None else None
    if probe is not None and (endpoint is None or type != TLSA):
        raise DanelawError(
            "BAD_ENDPOINT",
            f"no service belongs to {name}",
            hint="ask for the TLSA records of a service, such as _443._tcp.www.example.net",
        )
    answer = await eyes.resolver.resolve(name, type)
    swept = await sweep(wanted(answer.proof), eyes.authorities) if all_servers and answer.proof is not None else None
    presented = None
    if endpoint is not None and probe is not None:
        presented = await _presented(answer, endpoint, probe, eyes)
    return Picture(answer, swept, presented)


# -- every server ---------------------------------------------------------------------------------------------------


def wanted(proof: Proof) -> dict[Name, list[Asked]]:
    """What to ask the servers of every zone on the way: SOA, DNSKEY, the DS of the zone below, the last RRset."""
    return {zone.name: _wanted(zone.name, proof) for zone in proof.zones}


def _wanted(zone: Name, proof: Proof) -> list[Asked]:
    judged = proof.zone(zone)
    wanted = [Asked(zone, zone, SOA)]
    if judged is not None and judged.state is not Security.INSECURE:
        wanted.append(Asked(zone, zone, DNSKEY))
    wanted += [Asked(zone, below.name, DS) for below in proof.zones if below.parent == zone != below.name]
    last = proof.links[-1:]
    wanted += [Asked(zone, link.name, link.type) for link in last if told.home(link, proof) == zone]
    return list(dict.fromkeys(wanted))


# -- the service ----------------------------------------------------------------------------------------------------


async def _presented(
    answer: Validated, endpoint: Endpoint, roots: tuple[bytes, ...], eyes: Eyes
) -> tuple[Presented, ...]:
    """What each address of a service presents, and whether a record matches it."""
    found = await asyncio.gather(*(eyes.resolver.resolve(endpoint.host, type) for type in (A, AAAA)))
    records = records_of(answer.rrset) if answer.rrset is not None and answer.state is Security.SECURE else ()
    reference = Reference((endpoint.host,), roots, opportunistic=endpoint.port == _SMTP)
    return tuple(
        await asyncio.gather(*(_compared(endpoint, ip, tuple(records), reference, eyes) for ip in connected_to(found)))
    )


async def _compared(
    endpoint: Endpoint, ip: IP, records: tuple[TLSARecord, ...], reference: Reference, eyes: Eyes
) -> Presented:
    got = await eyes.prober.handshake(endpoint, ip, Hello(endpoint.host))
    if not isinstance(got, Handshake):
        why = "no certificate was seen"
        return Presented(ip, None, why, trouble=f"{got.code} {got.detail}".strip())
    leaf = describe(got.chain.ders[0]) if got.chain.ders else "an empty chain"
    subject = leaf.subject if isinstance(leaf, Described) else leaf
    until = leaf.last if isinstance(leaf, Described) else None
    if not records:
        return Presented(ip, None, subject, until=until, trouble="there is no secure TLSA record to compare it with")
    outcome = match(records, got.chain, reference, eyes.clock.now())
    if (by := outcome.by) is not None:
        return Presented(ip, True, subject, by.record.brief(), by.depth, until)
    return Presented(ip, False, subject, until=until, trouble=str(outcome.reason or ""))
