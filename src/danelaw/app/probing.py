"""One address of an endpoint, seen by several kinds of client."""

from __future__ import annotations

from collections.abc import Iterable

from danelaw.core.model import IP, Endpoint, Handshake, HandshakeFailure, Hello, NotOffered, Presentation, Probe
from danelaw.ports import Clock, Prober


async def probe_address(
    prober: Prober, clock: Clock, endpoint: Endpoint, ip: IP, plain: Hello, others: Iterable[Hello]
) -> tuple[Probe, ...]:
    """What the address presents to each, one after the other, the unrestricted ``plain`` first.

    A client that is restricted to a version or a key algorithm, and fails where ``plain`` succeeded, has met a server
    without such a credential: ``NotOffered``. Where ``plain`` failed too, a failure is a failure.
    """
    unrestricted = await prober.handshake(endpoint, ip, plain)
    probes = [Probe(clock.now(), ip, plain, unrestricted)]
    for hello in others:
        got: Presentation = await prober.handshake(endpoint, ip, hello)
        if hello.restricted and isinstance(got, HandshakeFailure) and isinstance(unrestricted, Handshake):
            got = NotOffered()
        probes.append(Probe(clock.now(), ip, hello, got))
    return tuple(probes)
