"""One address of an endpoint, seen by several kinds of client."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.model import (
    IP,
    Endpoint,
    Handshake,
    HandshakeFailure,
    Hello,
    NotOffered,
    Presentation,
    Probe,
    Unreachable,
)
from danelaw.ports import Clock, Prober

NO_TLS: Final = frozenset({"CONNECTION_REFUSED", "STARTTLS_NOT_OFFERED", "STARTTLS_REFUSED", "NOT_THIS_PROTOCOL"})
"""Failures before TLS: they say nothing of credentials."""


def not_had(failure: HandshakeFailure) -> NotOffered | Unreachable:
    """What the failure of a restricted client means where another got through: the server has no such credential,
    unless it came to no TLS at all, as with one that has had enough of our connections."""
    if failure.code in NO_TLS:
        return Unreachable("UNREACHABLE", f"{failure.code}: {failure.detail}".removesuffix(": "))
    return NotOffered()


async def probe_address(
    prober: Prober, clock: Clock, endpoint: Endpoint, ip: IP, plain: Hello, others: Iterable[Hello]
) -> tuple[Probe, ...]:
    """What the address presents to each, one after the other, the unrestricted ``plain`` first.

    A client that is restricted to a version or a key algorithm, and fails where ``plain`` succeeded, has met a server
    without such a credential: see ``not_had``. Where ``plain`` failed too, a failure is a failure.
    """
    unrestricted = await prober.handshake(endpoint, ip, plain)
    probes = [Probe(clock.now(), ip, plain, unrestricted)]
    for hello in others:
        got: Presentation = await prober.handshake(endpoint, ip, hello)
        if hello.restricted and isinstance(got, HandshakeFailure) and isinstance(unrestricted, Handshake):
            got = not_had(got)
        probes.append(Probe(clock.now(), ip, hello, got))
    return tuple(probes)
