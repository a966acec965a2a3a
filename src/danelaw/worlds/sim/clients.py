"""DANE clients with caches, in virtual time. Independent: nothing of ours is imported here, and nothing of ours judges.

A client holds each answer, of records and of addresses, for its TTL, some for twice that; the one may be there long
after the other has expired. Some caches raise small TTLs, and some go on with what has expired while an authority is
silent. It looks the records up, and checks the chain only after a while; browsers do it the other way round. Clients
differ in the parameters that they know, in digest agility, and in what they do where there is nothing to go by: trust
the public CAs, connect all the same as mail servers do, or refuse.
"""

from __future__ import annotations

import enum
import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Final, Protocol, TypeAlias, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

T = TypeVar("T")

Parameters: TypeAlias = tuple[int, int, int]
"""Usage, selector and matching type of a TLSA record (RFC 6698 §2.1)."""

ALL: Final = frozenset((3, selector, matching) for selector in (0, 1) for matching in (0, 1, 2))
SHA256: Final = frozenset({(3, 0, 1), (3, 1, 1)})
KEYS: Final = frozenset({(3, 1, 0), (3, 1, 1)})
CERTIFICATES: Final = frozenset({(3, 0, 0), (3, 0, 1), (3, 0, 2)})
Habits: TypeAlias = tuple[tuple[frozenset[Parameters], bool], ...]
HABITS: Final[Habits] = (
    (ALL, False),
    (ALL, True),
    (SHA256, False),
    (KEYS, True),
    (CERTIFICATES, True),
)
"""What clients know, and whether of several digests they heed the strongest alone (RFC 7671 §9)."""
ISSUERS: Final = frozenset((2, selector, matching) for selector in (0, 1) for matching in (1, 2))
TRUSTING: Final[Habits] = ((ISSUERS, False), (ISSUERS | ALL, False), (ISSUERS, True), (ISSUERS | ALL, True))
"""Of those who know records of CAs: the first and the third know no others."""


class Fallback(enum.Enum):
    """What a client does where no record is there, none is usable, or the zone is insecure."""

    PKIX = "pkix"
    ANY = "any"
    """It takes any chain, as opportunistic mail servers do (RFC 7672 §2.2)."""
    REFUSE = "refuse"


FALLBACKS: Final = (Fallback.PKIX, Fallback.ANY, Fallback.PKIX, Fallback.REFUSE)


class Timeline(Protocol):
    def now(self) -> datetime: ...
    def after(self, seconds: float, event: Callable[[], object]) -> None: ...


@dataclass(frozen=True, slots=True)
class Looked:
    """What an authority said: TLSA rdata or None, the TTL, and the keys (DNSKEY rdata) that signed it, if any."""

    tlsa: frozenset[bytes] | None
    ttl: float
    keys: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class Located:
    """What an authority said of the host: its addresses, and their TTL."""

    addresses: tuple[str, ...]
    ttl: float


@dataclass(frozen=True, slots=True)
class Delegation:
    """What the parent said: the DS digests of the zone, none if it is insecure."""

    digests: frozenset[bytes]
    ttl: float


class Internet(Protocol):
    """What clients can see of the world."""

    def authorities(self) -> Sequence[str]: ...
    def ask(self, authority: str) -> Looked | None: ...
    def delegation(self) -> Delegation: ...
    def locate(self, authority: str) -> Located | None: ...
    def handshake(self, address: str) -> Sequence[bytes] | None: ...
    def trusts(self, chain: Sequence[bytes]) -> bool: ...
    def digests(self, keys: frozenset[bytes]) -> frozenset[bytes]: ...


@dataclass(frozen=True, slots=True)
class Connection:
    at: datetime
    client: int
    reason: str
    """Empty: accepted. NO_SERVICE: nothing listens, and no record that was looked up says that it should."""

    @property
    def refused(self) -> bool:
        return self.reason not in ("", "NO_SERVICE")


@dataclass(slots=True)
class Client:
    number: int
    timeline: Timeline
    internet: Internet
    rng: random.Random
    stretch: float
    late: bool
    most_delay: float
    record: list[Connection]
    knows: frozenset[Parameters] = ALL
    agile: bool = False
    fallback: Fallback = Fallback.PKIX
    least: float = 0.0
    """The least time, in seconds, for which its cache keeps anything."""
    stale: bool = False
    """Where an authority is silent, its cache goes on with what has expired (RFC 8767 §5)."""
    address_stretch: float = 1.0
    """As ``stretch``, which is of records, for addresses: these may come from another cache."""
    checks: str = ""
    """The name that it wants in every certificate, also where its key is named in DNS, as OpenSSL does; none, if empty.
    """
    address_age: float = 0.0
    """The part of its time for which somebody else's cache had held the first answer of addresses: from then on they
    expire at other instants than records do."""
    _looked: tuple[Looked, datetime] | None = None
    _located: tuple[Located, datetime] | None = None
    _delegation: tuple[Delegation, datetime] | None = None

    def start(self, pace: float) -> None:
        def once() -> None:
            self.connect()
            self.timeline.after(pace * self.rng.uniform(0.5, 1.5), once)

        self.timeline.after(pace * self.rng.random(), once)

    def connect(self) -> None:
        located = self._locate()
        if located is None or not located.addresses:
            self._note("NO_SERVICE")  # nowhere to connect to
            return
        address = self.rng.choice(located.addresses)
        delay = self.rng.uniform(0, self.most_delay)
        if self.late:
            chain = self.internet.handshake(address)
            if chain is None:
                self._note("NO_SERVICE")  # nothing to look records up for
                return
            self.timeline.after(delay, lambda: self._note(self._judge(self._look_up(), self._zone(), chain)))
        else:
            looked, zone = self._look_up(), self._zone()
            self.timeline.after(delay, lambda: self._note(self._judge(looked, zone, self.internet.handshake(address))))

    def _note(self, reason: str) -> None:
        self.record.append(Connection(self.timeline.now(), self.number, reason))

    def _look_up(self) -> Looked | None:
        now = self.timeline.now()
        if self._looked is None or self._looked[1] <= now:
            answer = self._asked(self.internet.ask, self._looked)
            if answer is None:
                return None
            self._looked = (answer, now + self._kept(answer.ttl, self.stretch))
        return self._looked[0]

    def _locate(self) -> Located | None:
        now = self.timeline.now()
        if self._located is None or self._located[1] <= now:
            answer = self._asked(self.internet.locate, self._located)
            if answer is None:
                return None
            left = self._kept(answer.ttl, self.address_stretch)
            self._located = (answer, now + (left if self._located else left * (1 - self.address_age)))
        return self._located[0]

    def _asked(self, ask: Callable[[str], T | None], expired: tuple[T, datetime] | None) -> T | None:
        """What the first authority says that says anything, in an order of chance."""
        servers = list(self.internet.authorities())
        self.rng.shuffle(servers)
        for server in servers:
            answer = ask(server)
            if answer is not None:
                return answer
            if self.stale and expired is not None:
                return expired[0]
        return None

    def _kept(self, ttl: float, stretch: float) -> timedelta:
        return timedelta(seconds=max(ttl * stretch, self.least))

    def _zone(self) -> Delegation:
        now = self.timeline.now()
        if self._delegation is None or self._delegation[1] <= now:
            found = self.internet.delegation()
            self._delegation = (found, now + timedelta(seconds=found.ttl))
        return self._delegation[0]

    def _judge(self, looked: Looked | None, zone: Delegation, chain: Sequence[bytes] | None) -> str:
        if looked is None:
            return "NO_ANSWER"
        if zone.digests and not zone.digests & self.internet.digests(looked.keys):
            return "BOGUS"
        if not zone.digests or looked.tlsa is None:
            return "NO_SERVICE" if chain is None else self._without_dane(chain)
        if chain is None:
            return "NO_TLS"
        usable = [rdata for rdata in looked.tlsa if tuple(rdata[:3]) in self.knows]
        if not usable:
            return self._without_dane(chain)
        if self.agile:
            usable = [rdata for rdata in usable if not any(stronger(other, rdata) for other in usable)]
        if not any(matches(rdata, chain, self.timeline.now()) for rdata in usable):
            return "TLSA_MISMATCH"
        return "" if not self.checks or self.checks in named(chain[0]) else "NAME_MISMATCH"

    def _without_dane(self, chain: Sequence[bytes]) -> str:
        match self.fallback:
            case Fallback.PKIX:
                return "" if self.internet.trusts(chain) else "PKIX_UNTRUSTED"
            case Fallback.ANY:
                return ""
            case Fallback.REFUSE:
                return "NO_DANE"


@dataclass(slots=True)
class SimCrowd:
    """``size`` clients, of every age and habit. Twenty are enough for all of them.

    ``least``: what caches that raise small TTLs raise them to. ``mandatory``: some have to have DANE; they only belong
    where there is DANE when they start, and know all that is published. ``habits``: what they know. ``checks``: the
    name that all of them want in a certificate.
    """

    timeline: Timeline
    internet: Internet
    size: int = 20
    pace: float = 0.4
    most_delay: float = 0.5
    seed: int = 0
    least: float = 0.0
    mandatory: bool = False
    habits: Habits = HABITS
    checks: str = ""
    record: list[Connection] = field(default_factory=list)

    def start(self) -> None:
        for number in range(self.size):
            self.client(number).start(self.pace)

    def client(self, number: int) -> Client:
        rng = random.Random(f"{self.seed}/{number}")  # noqa: S311  # a simulation wants to be repeated
        addresses = random.Random(f"{self.seed}/{number}/addresses")  # noqa: S311  # likewise
        knows, agile = self.habits[number // 4 % len(self.habits)]
        fallback = FALLBACKS[number % len(FALLBACKS)]
        if fallback is Fallback.REFUSE and not (self.mandatory and knows is ALL):
            fallback = Fallback.PKIX
        return Client(
            number=number,
            timeline=self.timeline,
            internet=self.internet,
            rng=rng,
            stretch=2.0 if number % 4 == 0 else 1.0,
            late=number % 5 == 0,
            most_delay=self.most_delay,
            record=self.record,
            knows=knows,
            agile=agile,
            fallback=fallback,
            least=self.least if number % 3 == 0 else 0.0,
            stale=number % 7 == 3,
            checks=self.checks,
            address_stretch=addresses.choice((1.0, 1.0, 2.0)),
            address_age=addresses.random(),
        )

    def refused(self) -> list[Connection]:
        return [connection for connection in self.record if connection.refused]


def stronger(left: bytes, right: bytes) -> bool:
    """Of two digests for the same usage and selector the stronger is heeded; the full content is no digest."""
    return left[:2] == right[:2] and (left[2], right[2]) == (2, 1)


def matches(rdata: bytes, chain: Sequence[bytes], now: datetime) -> bool:
    """DANE-EE and DANE-TA by either selector and any digest; a CA has to be presented, and all dates to hold."""
    if rdata[0] == 3:
        return _digest(rdata, chain[0]) == rdata[3:]
    if rdata[0] != 2:
        return False
    for depth in range(1, len(chain)):
        pairs = pairwise(chain[: depth + 1])
        if not all(_signed_by(below, above) and _in_time(below, now) for below, above in pairs):
            return False
        if _digest(rdata, chain[depth]) == rdata[3:]:
            return True
    return False


def _digest(rdata: bytes, certificate: bytes) -> bytes:
    content = certificate if rdata[1] == 0 else _key(certificate)
    return {0: content, 1: hashlib.sha256(content).digest(), 2: hashlib.sha512(content).digest()}[rdata[2]]


@lru_cache(maxsize=256)
def named(certificate: bytes) -> frozenset[str]:
    """The DNS names that a certificate is for."""
    extensions = x509.load_der_x509_certificate(certificate).extensions
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return frozenset(names.get_values_for_type(x509.DNSName))


@lru_cache(maxsize=256)
def _signed_by(below: bytes, above: bytes) -> bool:
    try:
        x509.load_der_x509_certificate(below).verify_directly_issued_by(x509.load_der_x509_certificate(above))
    except (ValueError, InvalidSignature):
        return False
    return True


def _in_time(certificate: bytes, now: datetime) -> bool:
    begins, ends = _dates(certificate)
    return begins <= now <= ends


@lru_cache(maxsize=256)
def _dates(certificate: bytes) -> tuple[datetime, datetime]:
    read = x509.load_der_x509_certificate(certificate)
    return read.not_valid_before_utc, read.not_valid_after_utc


@lru_cache(maxsize=256)
def _key(certificate: bytes) -> bytes:
    key = x509.load_der_x509_certificate(certificate).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
