"""Evidence: all that a look from outside found, as it came. Plain data: it can be kept, and judged again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from dns.name import Name

from danelaw.core.model.proof import Validated
from danelaw.core.model.security import Security
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
from danelaw.core.model.sweep import Sweep
from danelaw.core.model.target import Target

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
class Candidate:
    """A TLSA base domain that clients may use (RFC 7671 §7), its owner name, and the answer there."""

    base: Name
    owner: Name
    tlsa: Validated


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen of an endpoint. ``at``: when the look began.

    ``base`` is the TLSA base domain that was used (RFC 7671 §7), and ``owner`` the owner name made of it; ``tlsa`` is
    the answer there. ``a`` and ``aaaa`` are the answers for the endpoint's host, CNAME links included; ``initial`` is
    the state of their first link, which is the host's own zone (RFC 7672 §2.2.2). ``candidates``: every base, preferred
    first, whichever was used. ``sweep``: what each authoritative server of the TLSA RRset's zone says by itself: SOA,
    TLSA, and A of the name between the owner and the base, such as ``_tcp.www.example.net``.

    ``application``: what is spoken there, by its name in ``APPLICATIONS``. ``service``: the service domain whose MX or
    SRV records named the host, with their state; None where the host was named itself. ``left_out``: addresses that are
    too many to be connected to; ``other_family``: those of a family that was not to be looked at.
    """

    endpoint: Endpoint
    at: Instant
    base: Name
    owner: Name
    tlsa: Validated
    a: Validated
    aaaa: Validated
    probes: tuple[Probe, ...]
    application: str = "tls"
    initial: Security | None = None
    candidates: tuple[Candidate, ...] = ()
    sweep: Sweep | None = None
    service: Name | None = None
    service_state: Security | None = None
    left_out: tuple[IP, ...] = ()
    other_family: tuple[IP, ...] = ()


@dataclass(frozen=True, slots=True)
class TargetEvidence:
    """What was seen of a target. ``lookup``: the answer to its MX or SRV question; None where none was asked.

    ``endpoints``: those that were looked at, preferred servers first. ``left_out``: how many more there were.
    """

    target: Target
    at: Instant
    lookup: Validated | None
    endpoints: tuple[Evidence, ...]
    left_out: int = 0
