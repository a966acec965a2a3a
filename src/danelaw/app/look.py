"""A look at one endpoint from outside, as clients that honour DANE take it: all that its verdict is founded on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Literal

import dns.rdatatype
from dns.name import Name

from danelaw.app.eyes import Eyes
from danelaw.app.probing import NO_TLS, not_had
from danelaw.app.sweep import SOA, sweep
from danelaw.core.model import (
    IP,
    Asked,
    Candidate,
    DanelawError,
    Endpoint,
    Evidence,
    Handshake,
    HandshakeFailure,
    Hello,
    KeyAlgorithm,
    Presentation,
    Probe,
    Security,
    Sweep,
    TLSVersion,
    Unreachable,
    Validated,
)
from danelaw.core.model.addresses import connected_to, ipv6_first
from danelaw.core.tlsa import TLSA, base_domains, tlsa_owner

A: Final = int(dns.rdatatype.A)
AAAA: Final = int(dns.rdatatype.AAAA)

MOST_ADDRESSES: Final = 32
"""Addresses of one endpoint that are connected to: whoever lists more wants others to be connected to."""

_DECIDED: Final = NO_TLS | {"TLS_OUTDATED"}
"""Failures that have nothing to do with what the client offers in TLS: another one would fail alike."""


async def look_at(
    endpoint: Endpoint,
    eyes: Eyes,
    *,
    application: str = "tls",
    sni: Name | None = None,
    addresses: Sequence[IP] = (),
    family: Literal[4, 6] | None = None,
    sweeping: bool = True,
) -> Evidence:
    """Resolve, ask the authoritative servers, and connect to every address as several kinds of client.

    ``sni``: the service domain, where clients send that before the base domain (RFC 7673 §4.1). ``addresses``: connect
    to these instead of to those in the DNS. ``family``: connect to no address of the other one. Raises
    ``DanelawError``: ``BAD_ENDPOINT``, ``NAME_TOO_LONG``, and what the prober raises for a transport or a STARTTLS
    protocol that it does not speak.
    """
    began = eyes.clock.now()
    tlsa_owner(endpoint.port, endpoint.transport, endpoint.host)  # what cannot have one is not worth a question
    a, aaaa = await asyncio.gather(*(eyes.resolver.resolve(endpoint.host, type) for type in (A, AAAA)))
    candidates = await _candidates(endpoint, eyes, (a, aaaa))
    used = _used(candidates)
    found = sorted(addresses, key=ipv6_first) if addresses else connected_to((a, aaaa))
    ips = [ip for ip in found if family in (None, ip.version)]
    hellos = _hellos(application, used.base, sni)
    swept, probed = await asyncio.gather(
        _swept(used, eyes, sweeping),
        asyncio.gather(*(_probe(endpoint, eyes, ip, hellos) for ip in ips[:MOST_ADDRESSES])),
    )
    return Evidence(
        endpoint,
        began,
        used.base,
        used.owner,
        used.tlsa,
        a,
        aaaa,
        tuple(probe for part in probed for probe in part),
        application=application,
        initial=_initial(a, aaaa),
        candidates=candidates,
        sweep=swept,
        left_out=tuple(ips[MOST_ADDRESSES:]),
        other_family=tuple(ip for ip in found if ip not in ips),
    )


async def _candidates(endpoint: Endpoint, eyes: Eyes, answers: Sequence[Validated]) -> tuple[Candidate, ...]:
    """The TLSA base domains in the order in which clients try them, with the answers there: where a secure chain of
    CNAMEs ends, and the host itself (RFC 7671 §7)."""
    ends = [answer.rrset.owner for answer in answers if answer.state is Security.SECURE and answer.rrset is not None]
    bases = base_domains(endpoint.host, ends[0] if ends else None)
    owners = [tlsa_owner(endpoint.port, endpoint.transport, base) for base in bases]
    if all(answer.state is Security.INDETERMINATE for answer in answers):
        # nobody gets as far as to the records, and whoever does not answer now need not be waited for twice
        why = tuple(dict.fromkeys(reason for answer in answers for reason in answer.reasons))
        return tuple(
            Candidate(base, owner, Validated(owner, TLSA, Security.INDETERMINATE, reasons=why))
            for base, owner in zip(bases, owners, strict=True)
        )
    found = await asyncio.gather(*(eyes.resolver.resolve(owner, TLSA) for owner in owners))
    return tuple(map(Candidate, bases, owners, found))


def _used(candidates: Sequence[Candidate]) -> Candidate:
    """The first that has secure records, or whose look-up fails, since clients go no further then (RFC 7672 §2.2.3)."""
    for candidate in candidates:
        found = candidate.tlsa
        if found.state in (Security.BOGUS, Security.INDETERMINATE):
            return candidate
        if found.state is Security.SECURE and found.rrset is not None:
            return candidate
    return candidates[-1]


def _initial(a: Validated, aaaa: Validated) -> Security:
    """The state of the first link of the address answers; the better one, where they differ (RFC 7673 §3.2)."""
    states = {_first(answer) for answer in (a, aaaa)}
    order = (Security.SECURE, Security.BOGUS, Security.INDETERMINATE, Security.INSECURE)
    return next(state for state in order if state in states)


def _first(answer: Validated) -> Security:
    links = answer.proof.links if answer.proof is not None else ()
    return links[0].state if links else answer.state


# -- the authoritative servers --------------------------------------------------------------------------------------


async def _swept(used: Candidate, eyes: Eyes, sweeping: bool) -> Sweep | None:
    """What every server of the zones says to what clients and their resolvers ask on the way; None where the zones are
    not known."""
    proof = used.tlsa.proof
    if not sweeping or proof is None or not proof.links:
        return None
    first, last = proof.links[0], proof.links[-1]
    wanted: dict[Name, list[Asked]] = {}
    for link in dict.fromkeys((first, last)):
        if link.zone is not None:
            asked = wanted.setdefault(link.zone, [Asked(link.zone, link.zone, SOA)])
            asked.append(Asked(link.zone, link.name, TLSA))
    if first.zone is not None and used.owner.parent().is_subdomain(first.zone):
        wanted[first.zone].append(Asked(first.zone, used.owner.parent(), A))
    return await sweep(wanted, eyes.authorities)


# -- the addresses --------------------------------------------------------------------------------------------------


def _hellos(application: str, base: Name, sni: Name | None) -> tuple[Hello, ...]:
    """The kinds of client that come, the most usual first. They send the base domain (RFC 7671 §3), or the service
    domain where there is one; they offer everything, or one key algorithm, or no TLS 1.3.

    In XMPP the service domain is that of the stream too, and a server need not know any other, whether TLS begins after
    a dialogue or at once.
    """
    plain = sni or base
    others = [] if plain == base or application.startswith("xmpp") else [Hello(base)]
    algorithms = [Hello(plain, None, algorithm) for algorithm in KeyAlgorithm]
    return (Hello(plain), *others, *algorithms, Hello(plain, TLSVersion.TLS12))


async def _probe(endpoint: Endpoint, eyes: Eyes, ip: IP, hellos: Sequence[Hello]) -> tuple[Probe, ...]:
    """One connection after the other, since many mail servers count those of one client; none, once it is clear that it
    would be in vain."""
    probes: list[Probe] = []
    shaken = False
    for hello in hellos:
        got = await _attempt(endpoint, eyes, ip, hello)
        if hello.restricted and isinstance(got, HandshakeFailure) and shaken:
            got = not_had(got)
        shaken = shaken or isinstance(got, Handshake)
        probes.append(Probe(eyes.clock.now(), ip, hello, got))
        if isinstance(got, Unreachable) or (isinstance(got, HandshakeFailure) and got.code in _DECIDED):
            break
    return tuple(probes)


async def _attempt(endpoint: Endpoint, eyes: Eyes, ip: IP, hello: Hello) -> Presentation:
    try:
        return await eyes.prober.handshake(endpoint, ip, hello)
    except DanelawError as error:
        if error.code != "SNI_UNUSABLE":
            raise
        return Unreachable("UNREACHABLE", error.message)
