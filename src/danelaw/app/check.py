"""A look at one endpoint from outside, as a client that honours DANE would take it, and what follows from it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import dns.rdatatype
from dns.name import Name

from danelaw.app.probing import probe_address
from danelaw.app.toolbox import Toolbox
from danelaw.core.model import IP, Endpoint, Evidence, Hello, KeyAlgorithm, Probe, Security, Validated
from danelaw.core.rollover.chains import addresses_in
from danelaw.core.tlsa import TLSA, Reference, base_domains, tlsa_owner
from danelaw.core.verdict import Report, judge

A = int(dns.rdatatype.A)
AAAA = int(dns.rdatatype.AAAA)


async def check(endpoint: Endpoint, tools: Toolbox, reference: Reference) -> Report:
    """Resolve, connect to every address, judge. ``tools``: clock, resolver and prober are used, and nothing is changed.

    Raises ``DanelawError`` for an endpoint that cannot be looked at: ``BAD_ENDPOINT``, ``NAME_TOO_LONG``, and what the
    prober raises for a transport or a STARTTLS protocol that it does not speak.
    """
    evidence = await gather(endpoint, tools)
    return judge(evidence, _identity(reference, evidence.base))


async def gather(endpoint: Endpoint, tools: Toolbox) -> Evidence:
    """Everything that a check is founded on. Raises as ``check`` does."""
    began = tools.clock.now()
    owner = tlsa_owner(endpoint.port, endpoint.transport, endpoint.host)
    tlsa, a, aaaa = await asyncio.gather(
        tools.resolver.resolve(owner, TLSA),
        tools.resolver.resolve(endpoint.host, A),
        tools.resolver.resolve(endpoint.host, AAAA),
    )
    base, owner, tlsa = await _expanded(endpoint, tools, tlsa, (a, aaaa))
    addresses = sorted(_addresses(a) | _addresses(aaaa), key=lambda ip: (-ip.version, ip.packed))
    parts = await asyncio.gather(*(_probe(endpoint, tools, ip, base) for ip in addresses))
    return Evidence(endpoint, began, base, owner, tlsa, a, aaaa, tuple(probe for part in parts for probe in part))


async def _expanded(
    endpoint: Endpoint, tools: Toolbox, tlsa: Validated, answers: tuple[Validated, ...]
) -> tuple[Name, Name, Validated]:
    """The TLSA base domain, its owner name and the answer there: first where a secure chain of CNAMEs ends, and
    failing that the host itself (RFC 7671 §7)."""
    ends = [answer.rrset.owner for answer in answers if answer.state is Security.SECURE and answer.rrset is not None]
    target = ends[0] if ends else endpoint.host
    for base in base_domains(endpoint.host, target)[:-1]:
        owner = tlsa_owner(endpoint.port, endpoint.transport, base)
        there = await tools.resolver.resolve(owner, TLSA)
        found = there.rrset is not None and there.state is Security.SECURE
        if found or there.state in (Security.BOGUS, Security.INDETERMINATE):
            return base, owner, there
    return endpoint.host, tlsa_owner(endpoint.port, endpoint.transport, endpoint.host), tlsa


def _addresses(answer: Validated) -> frozenset[IP]:
    """The addresses that a validating client would connect to."""
    if answer.rrset is None or answer.state not in (Security.SECURE, Security.INSECURE):
        return frozenset()
    return addresses_in(answer.rrset)


async def _probe(endpoint: Endpoint, tools: Toolbox, ip: IP, base: Name) -> tuple[Probe, ...]:
    """The base domain is the name that clients send (RFC 7671 §7)."""
    others = [Hello(base, None, algorithm) for algorithm in KeyAlgorithm]
    return await probe_address(tools.prober, tools.clock, endpoint, ip, Hello(base), others)


def _identity(reference: Reference, base: Name) -> Reference:
    """The base domain that was used is the first name that clients check (RFC 7671 §7)."""
    return replace(reference, names=tuple(dict.fromkeys((base, *reference.names))))
