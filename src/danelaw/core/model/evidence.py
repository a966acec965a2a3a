"""Evidence: all that one look at an endpoint from outside found, as it came. Plain data: it can be judged again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from dns.name import Name

from danelaw.core.model.proof import Validated
from danelaw.core.model.service import (
    IP,
    Endpoint,
    Handshake,
    HandshakeFailure,
    Hello,
    Instant,
    NotOffered,
    Unreachable,
)

Presentation: TypeAlias = Handshake | HandshakeFailure | NotOffered | Unreachable
"""What came of one attempt at a handshake."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What one address presented, at that instant, to one kind of client."""

    at: Instant
    address: IP
    hello: Hello
    got: Presentation


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen of an endpoint. ``at``: when the look began.

    ``base`` is the TLSA base domain that was used (RFC 7671 §7), and ``owner`` the owner name made of it; ``tlsa`` is
    the answer there. ``a`` and ``aaaa`` are the answers for the endpoint's host, CNAME links included.
    """

    endpoint: Endpoint
    at: Instant
    base: Name
    owner: Name
    tlsa: Validated
    a: Validated
    aaaa: Validated
    probes: tuple[Probe, ...]
