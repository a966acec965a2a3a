"""All that was learnt or intended: the kinds of fact. The gate and the planner read nothing else.

A fact is written once and never changed; ``fold.Facts`` is what they come to.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from dns.name import Name

from danelaw.core.dnssec.key_choice import KeyRole
from danelaw.core.model import (
    IP,
    Answer,
    Chain,
    CredentialFacts,
    Endpoint,
    GenerationId,
    HandshakeFailure,
    Hello,
    HostName,
    Instant,
    Lineage,
    NotOffered,
    Reason,
    Security,
    SubjectName,
    Unreachable,
    Window,
)
from danelaw.core.rollover.actions import Action, Outcome
from danelaw.core.rollover.words import Word

Got: TypeAlias = Chain | HandshakeFailure | NotOffered | Unreachable


@dataclass(frozen=True, slots=True)
class Sight:
    """What one authority said of one RRset. The SOA was asked first; ``at`` is when the reply came.

    ``answer`` None: silence, or nothing usable. What was seen before vouches for nothing then, until it answers again.
    ``refused``: it refuses to answer for the zone (RFC 1035 §4.1.1, RCODE 5), so nobody gets anything of it there.
    """

    at: Instant
    zone: Name
    server: IP
    serial: int | None
    owner: Name
    type: int
    answer: Answer | None
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Roster:
    """The authoritative addresses of a zone, as a sweep found them: the parent's and the child's NS sets, glue, all.

    ``primary``: where updates arrive, where that is known to be among them.
    """

    at: Instant
    zone: Name
    servers: frozenset[IP]
    primary: IP | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """What our own validator said of an RRset."""

    at: Instant
    owner: Name
    type: int
    state: Security
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Presented:
    """What one address presented to one kind of client."""

    at: Instant
    endpoint: Endpoint
    address: IP
    hello: Hello
    got: Got


@dataclass(frozen=True, slots=True)
class OnPath:
    """What lies on a host's serving path. Not ``looked``: it could not be asked this time, and lay there before."""

    host: HostName
    generation: GenerationId | None
    looked: bool = True


@dataclass(frozen=True, slots=True)
class Holding:
    """What the credential store holds of a lineage, and which generation lies on the serving path.

    ``paths``: of each host, where there are several; ``live`` is then that of the first host that has any.
    """

    at: Instant
    lineage: Lineage
    generations: tuple[CredentialFacts, ...]
    live: GenerationId | None = None
    paths: tuple[OnPath, ...] = ()

    def on(self, host: HostName) -> GenerationId | None:
        """What lies on one host's serving path."""
        return next((p.generation for p in self.paths if p.host == host), None) if self.paths else self.live

    def looked(self, host: HostName) -> bool:
        """Whether the host was asked."""
        return not self.paths or any(p.looked for p in self.paths if p.host == host)

    @property
    def lying(self) -> frozenset[GenerationId]:
        """The generations that lie on any host's serving path."""
        found = {self.live, *(p.generation for p in self.paths)}
        return frozenset(generation for generation in found if generation is not None)


@dataclass(frozen=True, slots=True)
class ZoneKeyPair:
    """One key of a zone's store. ``dnskey``: its DNSKEY rdata. ``created`` None: that is not known."""

    dnskey: bytes
    created: Instant | None = None


@dataclass(frozen=True, slots=True)
class ZoneKeys:
    """The keys that are there to sign a zone with: DNSKEY rdata of KSKs and ZSKs that are to be published.

    ``edited``: the operator has changed the zone's file since it was signed. ``due``: from when on signatures are to be
    renewed; None where that is not known. ``idle``: those of the keys that are not to sign. ``pairs``: every key of the
    store, published or not. ``longest_ttl``: the largest TTL in the zone, in seconds.
    """

    at: Instant
    zone: Name
    ksks: frozenset[bytes]
    zsks: frozenset[bytes]
    edited: bool = False
    due: Instant | None = None
    idle: frozenset[bytes] = frozenset()
    pairs: tuple[ZoneKeyPair, ...] = ()
    longest_ttl: int = 0

    @property
    def published(self) -> frozenset[bytes]:
        return self.ksks | self.zsks

    @property
    def signing(self) -> frozenset[bytes]:
        return self.published - self.idle


@dataclass(frozen=True, slots=True)
class RenewalInfo:
    """When the CA suggests to renew a certificate (RFC 9773)."""

    at: Instant
    chain: Chain
    window: Window


@dataclass(frozen=True, slots=True)
class Requested:
    """An operator asked for a new key now. ``emergency``: the present one is no longer to be trusted."""

    at: Instant
    lineage: Lineage
    by: str
    emergency: bool = False


@dataclass(frozen=True, slots=True)
class RequestedZoneRoll:
    """An operator asked for new zone keys now: every key of the role that is older than this is to be replaced.

    A CSK is asked for as a KSK is: they differ in nothing but the company that they keep.
    """

    at: Instant
    zone: Name
    role: KeyRole
    by: str


@dataclass(frozen=True, slots=True)
class Intended:
    """Stored before acting. ``despite``: the counterexamples that the operator's word overrode, as sentences."""

    at: Instant
    action: Action
    despite: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """Stored after acting. ``action`` equals the intended one."""

    at: Instant
    action: Action
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Began:
    """From here on nothing earlier is vouched for: ``observed_since`` restarts."""

    at: Instant
    subject: SubjectName
    reason: str


@dataclass(frozen=True, slots=True)
class ClockRead:
    """Both clocks of a machine, read at once: when that was first done, and whenever they no longer go together.

    ``monotonic``: seconds since ``boot`` (an identifier) that nobody sets. ``by``: how much further the wall clock has
    gone since the reading before. All that was told earlier is moved by as much: it is as long ago as it really is.
    """

    at: Instant
    boot: str
    monotonic: float
    by: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Dated:
    """What time it was by somebody else's clock: the Date of a CA's reply, which arrived ``at`` by ours."""

    at: Instant
    source: str
    date: Instant


Fact: TypeAlias = (
    Sight
    | Roster
    | Judged
    | Presented
    | Holding
    | ZoneKeys
    | RenewalInfo
    | Requested
    | RequestedZoneRoll
    | Intended
    | Done
    | Began
    | ClockRead
    | Dated
    | Word
)
