"""A simulated TLS service: addresses that present chains, and the ports that fill and switch them.

Certificates are real, from keys that are derived from numbers: associations and dates are judged as in life.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import lru_cache, partial

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from dns.name import Name

from danelaw.core.model import (
    IP,
    Advance,
    Chain,
    Challenge,
    ChallengeType,
    CredentialFacts,
    DanelawError,
    Endpoint,
    Failed,
    GenerationId,
    Handshake,
    HandshakeFailure,
    Hello,
    Instant,
    Issued,
    KeyAlgorithm,
    Lineage,
    NeedChallenge,
    OrderState,
    Pending,
    Unreachable,
    Window,
)
from danelaw.core.rollover.actions import Receipt, Switch
from danelaw.worlds.sim.clock import VirtualClock


@dataclass(slots=True)
class Address:
    """One address of the service. ``stuck``: a reload does not reach it. ``silent``: it does not answer."""

    ip: IP
    chain: Chain | None = None
    stuck: bool = False
    silent: bool = False


@dataclass(slots=True)
class SimServers:
    """``Prober`` and ``Deployer``: a reload puts the chain on the serving path in front of every address.

    ``idle_reload``: the reload does nothing, silently. ``delay``: the next switch takes so many seconds, and no reply
    comes.
    """

    clock: VirtualClock
    addresses: list[Address]
    path: Switch | None = None
    idle_reload: bool = False
    delay: float = 0.0

    def present(self, ip: IP) -> Chain | None:
        return next((a.chain for a in self.addresses if a.ip == ip), None)

    async def probe(self, endpoint: Endpoint, ip: IP, hello: Hello) -> Chain | HandshakeFailure | Unreachable:
        del endpoint
        self.clock.tick()
        address = next((a for a in self.addresses if a.ip == ip), None)
        if address is None or address.silent:
            return Unreachable("TIMEOUT")
        if address.chain is None:
            return HandshakeFailure("CONNECTION_REFUSED")
        if hello.algorithm not in (None, KeyAlgorithm.ECDSA):
            return HandshakeFailure("TLS_ALERT")
        return address.chain

    async def handshake(self, endpoint: Endpoint, ip: IP, hello: Hello) -> Handshake | HandshakeFailure | Unreachable:
        got = await self.probe(endpoint, ip, hello)
        return Handshake(got, "TLSv1.3", "simulated") if isinstance(got, Chain) else got

    async def switch(self, change: Switch) -> Receipt:
        self.clock.tick()
        if self.delay:
            delay, self.delay = self.delay, 0.0
            self.clock.after(delay, partial(self._apply, change))
            raise TimeoutError
        self._apply(change)
        return Receipt()

    def _apply(self, change: Switch) -> None:
        self.path = change
        if not self.idle_reload:
            for address in self.addresses:
                if not address.stuck:
                    address.chain = change.chain


@dataclass(slots=True)
class SimCredentials:
    """``Credentials``, in memory."""

    clock: VirtualClock
    servers: SimServers
    generations: dict[GenerationId, CredentialFacts] = field(default_factory=dict)
    destroyed: set[GenerationId] = field(default_factory=set)

    async def list(self, lineage: Lineage) -> Sequence[CredentialFacts]:
        return [facts for facts in self.generations.values() if facts.lineage == lineage]

    async def live(self, lineage: Lineage) -> GenerationId | None:
        del lineage
        return self.servers.path.generation if self.servers.path else None

    async def make_key(self, lineage: Lineage) -> GenerationId:
        number = GenerationId(len(self.generations) + 1)
        key = private_key(number).public_key()
        spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.generations[number] = CredentialFacts(number, lineage, spki, None, self.clock.now())
        return number

    async def reuse_key(self, lineage: Lineage, generation: GenerationId) -> GenerationId:
        number = GenerationId(len(self.generations) + 1)
        spki = self.generations[generation].spki
        self.generations[number] = CredentialFacts(number, lineage, spki, None, self.clock.now())
        return number

    async def csr(self, lineage: Lineage, generation: GenerationId, names: Sequence[Name]) -> bytes:
        del lineage, names
        key = self.generations[generation].spki
        return min(number for number, facts in self.generations.items() if facts.spki == key).to_bytes(4, "big")

    async def complete(self, lineage: Lineage, generation: GenerationId, chain: Chain) -> None:
        facts = self.generations[generation]
        self.generations[generation] = CredentialFacts(generation, lineage, facts.spki, chain, facts.created)

    async def destroy(self, lineage: Lineage, generation: GenerationId) -> None:
        del lineage
        if self.servers.path is not None and self.servers.path.generation == generation:
            raise DanelawError("KEY_IN_USE", "the key lies on the serving path")
        self.destroyed.add(generation)


@dataclass(slots=True)
class SimCA:
    """``Issuer``: one step, one certificate, unless it ``challenges``: then it looks for what was placed first.

    ``look``: whether a response is found wherever it is looked for. ``suggest_renewal`` asks for all that were issued
    to be renewed now.
    """

    clock: VirtualClock
    look: Callable[[Challenge], bool]
    lifetime: timedelta = timedelta(days=90)
    refusing: bool = False
    challenges: ChallengeType | None = None
    _orders: int = 0
    _ready: dict[str, Instant] = field(default_factory=dict)
    _issued: list[Chain] = field(default_factory=list)
    _windows: dict[Chain, Window] = field(default_factory=dict)

    def suggest_renewal(self) -> None:
        now = self.clock.now()
        self._windows.update((chain, Window(now, now + timedelta(hours=1))) for chain in self._issued)

    async def advance(self, order: OrderState, csr: bytes) -> Advance:
        self.clock.tick()
        if self.refusing:
            raise DanelawError("CA_UNREACHABLE", "the CA does not answer")
        if self.challenges is not None:
            if order.url is None:
                self._orders += 1
                order = replace(order, url=f"sim:order/{self._orders}")
            needed = [self._challenge(order, name, self.challenges) for name in order.names]
            if not order.placed >= {challenge.url for challenge in needed}:
                return NeedChallenge(order, tuple(needed))
            missing = [challenge for challenge in needed if not self.look(challenge)]
            if missing:
                retry_at = self.clock.now() + timedelta(seconds=1)
                return Failed(order, "unauthorized", f"nothing found for {missing[0].identifier}", retry_at)
            ready = self._ready.setdefault(str(order.url), self.clock.now() + timedelta(seconds=1))
            if self.clock.now() < ready:
                return Pending(order, ready)
        number = int.from_bytes(csr, "big")
        chain = issue(number, order.names, self.clock.now(), self.lifetime)
        self._issued.append(chain)
        return Issued(order, chain)

    async def renewal_window(self, chain: Chain) -> Window | None:
        return self._windows.get(chain)

    def _challenge(self, order: OrderState, name: Name, type: ChallengeType) -> Challenge:
        url = f"{order.url}/{name}"
        return Challenge(url, type, name, f"token-of-{url}", f"response-to-{url}")


@dataclass(slots=True)
class SimSolver:
    """``Solver``: a web root. ``stuck``: nothing can be taken away from it."""

    clock: VirtualClock
    stuck: bool = False
    placed: dict[str, str] = field(default_factory=dict)

    async def place(self, challenge: Challenge) -> Receipt:
        self.clock.tick()
        self.placed[challenge.token] = challenge.response
        return Receipt()

    async def clear(self, challenge: Challenge) -> Receipt:
        self.clock.tick()
        if self.stuck:
            raise DanelawError("WEBROOT_UNWRITABLE", "the web root cannot be changed")
        self.placed.pop(challenge.token, None)
        return Receipt()


@lru_cache(maxsize=256)
def private_key(number: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(number, ec.SECP256R1())


ROOT_KEY = private_key(999_999)
ROOT_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Simulated Root")])


@lru_cache(maxsize=1)
def root_certificate() -> bytes:
    """The root that simulated clients trust, in DER."""
    builder = _builder(ROOT_NAME, ROOT_KEY, 1, dt.datetime(2016, 1, 1, tzinfo=dt.UTC), timedelta(days=7300))
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return _signed(builder.add_extension(usage, critical=True))


@lru_cache(maxsize=256)
def _dates(certificate: bytes) -> tuple[Instant, Instant]:
    read = x509.load_der_x509_certificate(certificate)
    return read.not_valid_before_utc, read.not_valid_after_utc


def valid(certificate: bytes, now: Instant) -> bool:
    """Whether a certificate's dates hold."""
    begin, end = _dates(certificate)
    return begin <= now <= end


def issue(number: int, names: Sequence[Name], now: Instant, lifetime: timedelta) -> Chain:
    subject = x509.Name([])
    builder = _builder(subject, private_key(number), number + 1, now - timedelta(hours=2), lifetime)
    builder = builder.add_extension(
        x509.SubjectAlternativeName([x509.DNSName(name.to_text(omit_final_dot=True)) for name in names]),
        critical=True,
    ).add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    return Chain((_signed(builder), root_certificate()))


def _builder(
    subject: x509.Name, key: ec.EllipticCurvePrivateKey, serial: int, begin: Instant, lifetime: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(ROOT_NAME)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(begin)
        .not_valid_after(begin + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ROOT_KEY.public_key()), critical=False)
    )


def _signed(builder: x509.CertificateBuilder) -> bytes:
    return builder.sign(ROOT_KEY, hashes.SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.DER)
