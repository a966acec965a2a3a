"""What the outside must offer. Small protocols; ``adapters`` implement them, ``wiring`` plugs them in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, TypeVar

from dns.name import Name

from danelaw.core.model import (
    IP,
    Advance,
    Chain,
    Challenge,
    CredentialFacts,
    Endpoint,
    GenerationId,
    Handshake,
    HandshakeFailure,
    Hello,
    Instant,
    Lineage,
    Message,
    OrderState,
    RevocationReason,
    Silence,
    SubjectName,
    Unreachable,
    Validated,
    Window,
)

if TYPE_CHECKING:  # half of them have no use for signing and rolling, and few for notifications
    from danelaw.core.dnssec.algorithms import Algorithm
    from danelaw.core.dnssec.bind_keys import KeyTimes
    from danelaw.core.dnssec.keys import ZoneKey
    from danelaw.core.dnssec.signing_report import SigningReport
    from danelaw.core.notify.record import Notice, Record
    from danelaw.core.rollover.actions import Conflict, Publish, Receipt, Retire, SubmitDS, Switch
    from danelaw.core.rollover.facts import Fact
    from danelaw.core.rollover.fold import Facts
    from danelaw.core.rollover.leads import Overview
    from danelaw.core.rollover.progress import Progress

T = TypeVar("T")

SocketAddress: TypeAlias = tuple[str, int]
"""(IP literal, port) that a socket connects to."""


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> Instant: ...
    def monotonic(self) -> float: ...
    async def sleep_until(self, when: Instant) -> None: ...


class Dialer(Protocol):
    """Where (address, logical port) is in this world. A lab maps 53, 80 and 443 to free ports on loopback.

    Raises ``DanelawError("NOT_IN_THIS_WORLD")`` for an address that a closed world does not have.
    """

    def locate(self, ip: IP, port: int) -> SocketAddress: ...


class Blocking(Protocol):
    """The one seam for synchronous libraries: threads when live, inline in the simulator.

    Raises ``TimeoutError`` after ``limit``; cancelling never waits for the call to end.
    """

    async def call(self, fn: Callable[[], T], limit: timedelta) -> T: ...


@dataclass(frozen=True, slots=True)
class CommandResult:
    status: int
    output: str


class Commands(Protocol):
    """Programs of the host, such as a server's reload. ``argv`` is never given to a shell."""

    async def run(self, argv: Sequence[str], limit: timedelta) -> CommandResult: ...


LONGEST_ANSWER: Final = 1 << 20
"""Octets of a program's answer, beyond which it is of no use: one octet more is given then, to tell."""


@dataclass(frozen=True, slots=True)
class ProgramAnswer:
    """``status``: negative for the signal that ended it. ``said``: the end of standard error, as one line."""

    status: int
    answer: bytes
    said: str


class Programs(Protocol):
    """Programs of the operator's that get a document and answer with one. ``argv`` is never given to a shell."""

    async def ask(
        self,
        argv: Sequence[str],
        document: bytes,
        limit: timedelta,
        env: Mapping[str, str] = {},
        *,
        leaving: Callable[[bytes], bool] | None = None,
    ) -> ProgramAnswer:
        """``env``: beside the environment that there is. ``leaving``: whether, by its answer, what goes on when the
        program has ended is let go on, such as a server that it started. Raises ``COMMAND_NOT_FOUND`` and
        ``TimeoutError``."""
        ...


class Resolver(Protocol):
    """Answers through forwarders, validated here: no AD bit is trusted."""

    async def resolve(self, name: Name, type: int) -> Validated: ...


class ZoneCuts(Protocol):
    """Where zones begin."""

    async def zone_of(self, name: Name) -> Name | None:
        """The apex of the zone that ``name`` lies in, unvalidated; None where no server says it."""
        ...


class Authorities(Protocol):
    """What each authoritative address says, by itself."""

    async def servers(self, zone: Name) -> Sequence[tuple[Name, IP]]:
        """Every address of every name server of ``zone``: the parent's and the child's NS sets, glue included."""
        ...

    async def ask(self, server: IP, name: Name, type: int) -> Message | Silence:
        """One query, DO set and RD clear, UDP with fallback to TCP."""
        ...


@dataclass(frozen=True, slots=True)
class ProbeLimits:
    """How long each step of a probe may take. A step that takes longer is told by its name.

    ``dialogue``: all that is said before TLS starts; ``silence``: the wait for each piece of it. Servers that hold back
    their greeting to tell hasty clients from patient ones do so for some seconds.
    """

    connect: timedelta = timedelta(seconds=10)
    dialogue: timedelta = timedelta(seconds=30)
    silence: timedelta = timedelta(seconds=15)
    handshake: timedelta = timedelta(seconds=10)

    @classmethod
    def each(cls, limit: timedelta) -> ProbeLimits:
        """The same limit for every step."""
        return cls(limit, limit, limit, limit)


class Prober(Protocol):
    """The chain as presented by one address to one kind of client."""

    async def probe(self, endpoint: Endpoint, ip: IP, hello: Hello) -> Chain | HandshakeFailure | Unreachable: ...
    async def handshake(self, endpoint: Endpoint, ip: IP, hello: Hello) -> Handshake | HandshakeFailure | Unreachable:
        """As ``probe``, with what was agreed upon."""
        ...


class Publisher(Protocol):
    """Changes one RRset of one zone, by compare-and-swap, and touches nothing else but the serial."""

    async def publish(self, change: Publish) -> Receipt | Conflict: ...


@dataclass(frozen=True, slots=True)
class ZoneKeyFacts:
    """What may be known of a zone key: its DNSKEY rdata and key tag (RFC 4034 §2, appendix B).

    ``published``: it is in the DNSKEY RRset when the zone is signed now; ``signs``: so are its signatures.
    """

    dnskey: bytes
    tag: int
    ksk: bool
    published: bool = True
    signs: bool = True
    created: Instant | None = None


class Zones(Protocol):
    """Zones kept in files that Danelaw signs."""

    async def keys(self, zone: Name) -> Sequence[ZoneKeyFacts]:
        """Every key of the zone, published or not."""
        ...

    async def edited(self, zone: Name) -> bool:
        """Whether the operator's file holds what is not served yet."""
        ...

    async def due(self, zone: Name) -> Instant | None:
        """From when on ``sign`` has something to do even if nothing is edited; None: that is not known."""
        ...

    async def longest_ttl(self, zone: Name) -> int:
        """The largest TTL of what is served and of what would be, in seconds."""
        ...

    async def make_keys(self, zone: Name, algorithm: int | None = None) -> Sequence[ZoneKeyFacts]:
        """What is missing of a KSK and a ZSK, of the usual algorithm if none is given; and all keys of the zone."""
        ...

    async def make_key(self, zone: Name, sep: bool, algorithm: int) -> ZoneKeyFacts:
        """One more key, neither published nor signing."""
        ...

    async def sign(
        self, zone: Name, keys: frozenset[bytes], now: Instant, signing: frozenset[bytes] | None = None
    ) -> Receipt:
        """Sign so that the DNSKEY RRset is exactly ``keys`` (DNSKEY rdata), by ``signing``, all of them if None.

        From then on the keys do so by themselves. Raises ``DanelawError("KEYS_CHANGED")`` if one is not there.
        """
        ...

    async def destroy_key(self, zone: Name, key: bytes) -> None:
        """Destroy the pair of this DNSKEY, which is neither published nor signs. One that is gone is no error."""
        ...


@dataclass(frozen=True, slots=True)
class RecordChange:
    """One record that goes into a zone file, or out of it, as it was typed.

    ``owner`` is relative to the zone unless it ends with the zone's name or a dot. No ``ttl``: that of the records it
    joins. No ``rdata``, when it is removed: all of the owner and type.
    """

    owner: str
    type: str
    rdata: tuple[str, ...] = ()
    ttl: str | None = None
    remove: bool = False


@dataclass(frozen=True, slots=True)
class ZoneWork:
    """What was done to a zone in a file.

    ``oddities``: what is strange in the source, each a code and a sentence. ``changed``: whether the record that was
    asked for had to be added or removed; ``owner`` and ``type`` are its own, and ``records`` what there is of them now,
    a line each.
    """

    signing: SigningReport
    oddities: tuple[tuple[str, str], ...] = ()
    changed: bool = False
    owner: Name | None = None
    type: int = 0
    records: tuple[str, ...] = ()


class ZoneDesk(Protocol):
    """A zone in a file, in the hands of its operator."""

    async def sign(self, now: Instant, *, full: bool = False) -> ZoneWork:
        """Sign what the source holds as of ``now`` and have it loaded; nothing is written where all is right."""
        ...

    async def edit(self, change: RecordChange, now: Instant) -> ZoneWork:
        """Change one record, and sign as before. Nothing is written where all is so already."""
        ...


class KeyFiles(Protocol):
    """A directory of zone keys in BIND's key files."""

    def keys(self, zone: Name) -> Sequence[tuple[ZoneKey, KeyTimes]]:
        """The zone's key pairs; none is not an error. Raises ``DanelawError("KEYS_UNREADABLE")``."""
        ...

    def needed(self, zone: Name) -> Sequence[tuple[ZoneKey, KeyTimes]]:
        """As ``keys``; where there are none, raises ``DanelawError("KEYS_MISSING")``."""
        ...

    def make(
        self, zone: Name, flags: int, created: Instant, algorithm: Algorithm, bits: int | None = None
    ) -> tuple[ZoneKey, Path]:
        """A new key pair, active from ``created``, and its public file. ``bits``: of an RSA key.

        Raises ``DanelawError``: ``KEYS_UNREADABLE``, ``KEYS_UNWRITABLE``, ``KEYS_LOCKED``.
        """
        ...


class Parent(Protocol):
    """Hands the DS to the parent zone: the lab's registry, a registrar, or a person."""

    async def submit_ds(self, change: SubmitDS) -> Receipt | Conflict: ...


class Revoker(Protocol):
    """A CA, as far as it takes back what it issued."""

    async def revoke(self, chain: Chain, reason: RevocationReason) -> None:
        """Revoke the chain's leaf; one that is revoked already is no error.

        Raises ``DanelawError("REVOCATION_REFUSED")``: clients that know no DANE go by it until it expires.
        """
        ...


class Issuer(Revoker, Protocol):
    """A CA. Each call takes one step and returns; nothing sleeps."""

    async def advance(self, order: OrderState, csr: bytes) -> Advance: ...
    async def renewal_window(self, chain: Chain) -> Window | None: ...
    async def date(self, since: float) -> tuple[Instant, float] | None:
        """What time it was by the CA's clock, and by our ``Clock.monotonic`` when it said so; None: it does not say.

        It is asked for no other reason than this where it has said nothing after ``since``, a monotonic time.
        """
        ...


class Solver(Protocol):
    """Places http-01 responses under a web root."""

    async def place(self, challenge: Challenge) -> Receipt: ...
    async def clear(self, challenge: Challenge) -> Receipt: ...


class Credentials(Protocol):
    """The store of immutable generations. Private keys never leave it."""

    async def list(self, lineage: Lineage) -> Sequence[CredentialFacts]:
        """Every generation whose key is there, oldest first."""
        ...

    async def live(self, lineage: Lineage) -> GenerationId | None:
        """The generation on the serving path; None: nothing, or nothing of this store."""
        ...

    async def make_key(self, lineage: Lineage) -> GenerationId: ...
    async def reuse_key(self, lineage: Lineage, generation: GenerationId) -> GenerationId:
        """A new generation with the key of this one."""
        ...

    async def csr(self, lineage: Lineage, generation: GenerationId, names: Sequence[Name]) -> bytes:
        """A PKCS #10 request in DER."""
        ...

    async def complete(self, lineage: Lineage, generation: GenerationId, chain: Chain) -> None: ...
    async def destroy(self, lineage: Lineage, generation: GenerationId) -> None: ...


class Deployer(Protocol):
    """Swaps a host's serving path to a generation atomically, then reloads the server."""

    async def switch(self, change: Switch) -> Receipt: ...
    async def retire(self, change: Retire) -> Receipt:
        """Empty the serving path, which the server should have no use for, and reload it.

        Where it has one after all, and does not reload without, the path is as before and the failure is raised.
        """
        ...

    async def live(self, lineage: Lineage) -> GenerationId | None:
        """What lies on the host's serving path; None: nothing, or nothing of the store."""
        ...


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to act on a subject. A later holder has a larger ``token``, and an older one is refused."""

    subject: SubjectName
    token: int


class Store(Protocol):
    """Facts, append-only. ``append`` raises ``DanelawError("LEASE_LOST")`` when a later lease exists."""

    async def lease(self, subject: SubjectName) -> Lease: ...
    async def append(self, subject: SubjectName, lease: Lease, *facts: Fact) -> None: ...
    async def facts(self, *subjects: SubjectName) -> Facts:
        """The fold of what was recorded of all these subjects."""
        ...

    async def overview(self) -> Overview:
        """What there is to know of all subjects that anything was recorded of, at once."""
        ...


@dataclass(frozen=True, slots=True)
class Event:
    """A fact that said something new, as recorded. ``number``: its place in the order of all appends."""

    number: int
    subject: SubjectName
    fact: Fact


class LastingStore(Store, Protocol):
    """A store that outlives the process. Its methods raise ``DanelawError``: codes that begin with ``STORE``."""

    async def history(
        self,
        subject: SubjectName | None = None,
        since: Instant | None = None,
        limit: int | None = None,
        kinds: Collection[type[Fact]] | None = None,
    ) -> Sequence[Event]:
        """The newest ``limit`` events, oldest first: of one subject or of all, of all kinds of fact or of these."""
        ...

    async def tend(self, at: Instant, together: Iterable[Collection[SubjectName]] | None = None) -> None:
        """To be called after a pass: once a day what is too old is deleted, and a copy made. ``at``: now.

        ``together``: the subjects that have to do with each other, else all do: others need nothing of theirs.
        """
        ...

    async def copy(self, target: Path) -> None:
        """A backup of all that is recorded, in one new file; whoever writes meanwhile goes on."""
        ...

    async def close(self) -> None: ...


class Runner(Protocol):
    """What drives the subjects of a configuration to what is desired of them."""

    async def watch(
        self,
        stop: asyncio.Event,
        report: Callable[[Progress], None],
        subjects: Collection[SubjectName] | None = None,
    ) -> None:
        """Reconcile the subjects, all if None, whenever they are due, until ``stop`` is set."""
        ...


class Way(Protocol):
    """One way by which people, or their programs, are told of what matters to them."""

    async def tell(self, notices: Sequence[Notice], at: Instant) -> None:
        """All of these in one message. ``at``: now. Raises ``DanelawError``: it may have arrived or not."""
        ...


class NoticeBook(Protocol):
    """Where it is remembered what was told to whom."""

    async def read(self) -> Record:
        """Raises ``DanelawError("NOTICES_UNREADABLE")``; where nothing was written yet, nothing was told."""
        ...

    async def write(self, record: Record) -> None:
        """The whole of it or nothing. Raises ``DanelawError("NOTICES_UNWRITABLE")``."""
        ...


class TextFile(Protocol):
    """A file that others read at any time, and always find whole."""

    async def write(self, text: str) -> None:
        """Raises ``DanelawError("METRICS_UNWRITABLE")``."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The world that a configuration runs in: what ``wiring`` cannot read from the configuration itself."""

    clock: Clock
    dialer: Dialer
    blocking: Blocking
    commands: Commands
    programs: Programs
    parents: Mapping[Name, Parent]
    trust_anchors: str | None = None
    """Trust anchors in any form that ``read_anchors`` knows; None: those of the IANA for the root."""
