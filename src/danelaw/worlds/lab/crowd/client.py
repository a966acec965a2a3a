"""One client, and the kinds that there are."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from dns.name import Name
from dns.rdatatype import AAAA, TLSA, A
from OpenSSL import SSL

from danelaw.worlds.lab.crowd import dane, pkix, smtp, tls
from danelaw.worlds.lab.crowd.dane import Association, Means
from danelaw.worlds.lab.crowd.reasons import Reason, RefusedError
from danelaw.worlds.lab.crowd.resolver import Resolves
from danelaw.worlds.lab.crowd.tally import Connection, Outcome, Over
from danelaw.worlds.lab.crowd.transport import Locate

HTTP_PORT: Final = 80
PATIENCE: Final = 2.0
"""Seconds that a client gives TCP and TLS: the longest time between its look at the TLSA and its judgement."""
LONGEST: Final = 8.0
"""Seconds that a whole connection may take."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What kind of client it is. ``late``: looks the TLSA up after the handshake. ``stretch``: how many TTLs its cache
    holds on for."""

    label: str
    means: Means
    late: bool = False
    stretch: float = 1.0


AGILE: Final = Kind("agile", Means())
"""As OpenSSL's DANE is, with names left out for DANE-EE: SHA-512 and digest agility."""
PLAIN: Final = Kind("plain", Means(agility=False))
"""As GnuTLS: no digest agility."""
FRUGAL: Final = Kind("frugal", Means(sha512=False, agility=False))
"""Only what must be implemented: SHA-256 (RFC 6698 §6)."""
DANE_ONLY: Final = Kind("dane-only", Means(pkix=False))
"""Takes PKIX-TA and PKIX-EE for unusable, as mail servers do."""
BROWSER: Final = Kind("browser", Means(), late=True)
FRUGAL_BROWSER: Final = Kind("frugal browser", Means(sha512=False, agility=False), late=True)
STRETCHING: Final = Kind("stretching", Means(), stretch=2.0)
"""Behind caches that hold on for up to two TTLs."""
STRETCHING_BROWSER: Final = Kind("stretching browser", Means(sha512=False, agility=False), late=True, stretch=2.0)

KINDS: Final[tuple[Kind, ...]] = (
    *(AGILE, BROWSER, PLAIN, STRETCHING, FRUGAL),
    *(AGILE, FRUGAL_BROWSER, PLAIN, DANE_ONLY, FRUGAL),
    *(AGILE, BROWSER, PLAIN, STRETCHING_BROWSER, DANE_ONLY),
    *(AGILE, FRUGAL_BROWSER, FRUGAL, STRETCHING, BROWSER),
)
"""Client number n is of kind ``KINDS[n % 20]``: six look up late, three stretch, six know no SHA-512."""


class _NoTLSError(Exception):
    """The server does not offer STARTTLS."""


@dataclass(slots=True)
class Course:
    """How a connection has gone so far: what its record is made from, however it ends."""

    started: datetime
    looked_up: datetime | None = None
    address: str | None = None
    records: list[str] = field(default_factory=list)
    chain: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class End:
    over: Over
    outcome: Outcome
    reason: Reason | None
    detail: str


@dataclass(frozen=True, slots=True)
class Looked:
    """What the TLSA look-up came to. ``present``: secure records are there, usable or not."""

    present: bool
    usable: tuple[Association, ...]
    bases: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Client:
    """Connects to ``host``:``port``, again and again, with a resolver of its own."""

    number: int
    kind: Kind
    host: Name
    port: int
    resolver: Resolves
    locate: Locate
    roots: tuple[x509.Certificate, ...]
    using: SSL.Context
    rng: random.Random
    smtp: bool = False
    """Asks for TLS by STARTTLS."""

    async def connect(self, scene: str) -> Connection:
        """One connection, told. Only cancellation and defects raise."""
        course = Course(started=_now())
        try:
            async with asyncio.timeout(LONGEST):
                end = await self._attempt(course)
        except RefusedError as refusal:
            end = End(Over.NONE, Outcome.REFUSED, refusal.reason, refusal.detail)
        except TimeoutError:
            end = End(Over.NONE, Outcome.REFUSED, Reason.TOO_SLOW, f"no end within {LONGEST} s")
        return Connection(
            scene=scene,
            client=self.number,
            kind=self.kind.label,
            started=course.started,
            looked_up=course.looked_up,
            finished=_now(),
            address=course.address,
            over=end.over,
            outcome=end.outcome,
            reason=end.reason,
            detail=end.detail,
            records=tuple(course.records),
            chain=tuple(hashlib.sha256(der).hexdigest() for der in course.chain),
        )

    async def _attempt(self, course: Course) -> End:
        addresses, base = await self._addresses(course)
        if not addresses:
            return End(Over.NONE, Outcome.NO_SERVICE, Reason.NO_ADDRESS, f"{self.host} has no address")
        course.address = self.rng.choice(addresses)
        looked = None if self.kind.late else await self._look_up(base, course)
        sni = looked.bases[0] if looked else self.host
        closed = bare = False
        try:
            course.chain = await self._handshake(course.address, sni)
        except ConnectionRefusedError:
            closed = True
        except _NoTLSError:
            bare = True
        if looked is None:
            looked = await self._look_up(base, course)
        if closed:
            return await self._without_tls(course.address, looked)
        if bare:
            return self._in_the_clear(course.address, looked)
        return self._judge(course.chain, looked)

    async def _addresses(self, course: Course) -> tuple[list[str], Name | None]:
        """All addresses of the host, and the name that it is a secure alias of, if it is."""
        addresses: list[str] = []
        base: Name | None = None
        for type in (A, AAAA):
            answer = await self.resolver.resolve(self.host, type)
            course.records += answer.account
            addresses += [rdata.to_text() for rdata in answer.rdatas]
            if answer.secure and answer.canonical != self.host:
                base = answer.canonical
        return addresses, base

    async def _look_up(self, base: Name | None, course: Course) -> Looked:
        """The TLSA records of the secure alias' target first, then of the host itself (RFC 7671 §7)."""
        for name in (base, self.host) if base else (self.host,):
            owner = Name((b"_%d" % self.port, b"_tcp", *name.labels))
            answer = await self.resolver.resolve(owner, TLSA)
            course.records += answer.account
            course.looked_up = _now()
            if answer.rdatas and answer.secure:
                usable = dane.considered((rdata.to_wire() or b"" for rdata in answer.rdatas), self.kind.means)
                bases = (name,) if name == self.host else (name, self.host)
                return Looked(present=True, usable=tuple(usable), bases=bases)
        return Looked(present=False, usable=(), bases=(self.host,))

    async def _handshake(self, address: str, sni: Name) -> tuple[bytes, ...]:
        try:
            async with asyncio.timeout(PATIENCE), self._dial(address, self.port) as (reader, writer):
                if self.smtp and not await smtp.start_tls(reader, writer):
                    raise _NoTLSError
                return await tls.presented(reader, writer, sni.to_text(omit_final_dot=True), self.using)
        except TimeoutError:
            raise RefusedError(Reason.TLS_FAILED, f"{address}: no handshake within {PATIENCE} s") from None

    def _in_the_clear(self, address: str, looked: Looked) -> End:
        """Mail goes in the clear where nothing promises TLS (RFC 7672 §2.2)."""
        detail = f"{address} port {self.port} offers no STARTTLS"
        if looked.present:
            return End(Over.NONE, Outcome.REFUSED, Reason.STARTTLS_MISSING, detail)
        return End(Over.CLEAR, Outcome.ACCEPTED, None, detail)

    async def _without_tls(self, address: str, looked: Looked) -> End:
        """The TLS port is closed: a broken promise where TLSA records are, else plain HTTP as ever."""
        if looked.present:
            detail = f"{address} port {self.port} is closed, and TLSA records are published"
            return End(Over.NONE, Outcome.REFUSED, Reason.CONNECTION_REFUSED, detail)
        try:
            async with asyncio.timeout(PATIENCE), self._dial(address, HTTP_PORT) as (reader, writer):
                status = await tls.fetch(reader, writer, self.host.to_text(omit_final_dot=True))
        except ConnectionRefusedError:
            detail = f"{address}: ports {self.port} and {HTTP_PORT} are closed"
            return End(Over.NONE, Outcome.NO_SERVICE, Reason.CLOSED, detail)
        except TimeoutError:
            raise RefusedError(Reason.HTTP_FAILED, f"{address}: no reply within {PATIENCE} s") from None
        return End(Over.HTTP, Outcome.ACCEPTED, None, status)

    @contextlib.asynccontextmanager
    async def _dial(self, address: str, port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A TCP connection. Raises ConnectionRefusedError for a closed port, RefusedError for other failures."""
        try:
            reader, writer = await asyncio.open_connection(*self.locate(address, port))
        except (ConnectionRefusedError, TimeoutError):
            raise
        except OSError as error:
            raise RefusedError(Reason.CONNECTION_FAILED, f"{address} port {port}: {error}") from error
        try:
            yield reader, writer
        finally:
            writer.close()

    def _judge(self, chain: Sequence[bytes], looked: Looked) -> End:
        """Usable records decide; without any, the roots do (RFC 6698 §4.1, RFC 7671 §10.3)."""
        try:
            certificates = [pkix.read_certificate(der) for der in chain]
            if looked.usable:
                told = dane.judge(looked.usable, chain, looked.bases, self.roots, _now())
                return End(Over.DANE, Outcome.ACCEPTED, None, told)
            path = pkix.verify(certificates, self.host, self.roots, _now())
        except RefusedError as refusal:
            over = Over.DANE if looked.usable else Over.PKIX
            return End(over, Outcome.REFUSED, refusal.reason, refusal.detail)
        except ValueError as error:
            return End(Over.NONE, Outcome.REFUSED, Reason.TLS_FAILED, f"an unreadable certificate: {error}")
        return End(Over.PKIX, Outcome.ACCEPTED, None, f"trusted by {path[-1].subject.rfc4514_string()}")


def _now() -> datetime:
    return datetime.now(UTC)
