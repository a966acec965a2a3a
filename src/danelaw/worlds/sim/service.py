"""A simulated TLS service: addresses that present chains, and the ports that fill and switch them.

Certificates are real, from keys that are derived from numbers: associations and dates are judged as in life.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
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
    HostName,
    Instant,
    Issued,
    KeyAlgorithm,
    Lineage,
    NeedChallenge,
    OrderState,
    Pending,
    RevocationReason,
    Unreachable,
    Window,
)
from danelaw.core.rollover.actions import Receipt, Retire, Switch
from danelaw.ports import Clock
from danelaw.worlds.sim.certificates import RSA_KEYS, issue, private_key, root_certificate, valid
from danelaw.worlds.sim.clock import VirtualClock

THIS_MACHINE: Final = HostName("local")


@dataclass(slots=True)
class Address:
    """One address of the service. ``stuck``: a reload does not reach it. ``silent``: it does not answer.

    ``chain``: what clients are presented that know ECDSA keys; ``rsa``: what those are that do not, or all if it is the
    only one. ``host``: the machine whose address it is. ``left``: it is in the DNS no more.
    """

    ip: IP
    chain: Chain | None = None
    stuck: bool = False
    silent: bool = False
    rsa: Chain | None = None
    host: HostName = THIS_MACHINE
    left: bool = False

    def presents(self, algorithm: KeyAlgorithm | None) -> Chain | None:
        match algorithm:
            case None:
                return self.chain or self.rsa
            case KeyAlgorithm.ECDSA:
                return self.chain
            case KeyAlgorithm.RSA:
                return self.rsa
            case _:
                return None

    def load(self, algorithm: KeyAlgorithm, chain: Chain | None) -> None:
        if algorithm is KeyAlgorithm.RSA:
            self.rsa = chain
        else:
            self.chain = chain


@dataclass(slots=True)
class SimServers:
    """``Prober`` and ``Deployer``: a reload puts the chain on the serving path in front of every address.

    ``idle_reload``: the reload does nothing, silently. ``delay``: the next switch takes so many seconds, and no reply
    comes. ``offered``: the key algorithms that the servers are configured for. ``paths``: what lies there for each of
    them on each host. ``cut_off``: hosts that nothing can be brought to. ``closed``: ports at which nothing listens.
    ``coming``: how many switches have yet to take effect.
    """

    clock: VirtualClock
    addresses: list[Address]
    idle_reload: bool = False
    delay: float = 0.0
    coming: int = 0
    offered: set[KeyAlgorithm] = field(default_factory=lambda: {KeyAlgorithm.ECDSA})
    paths: dict[tuple[KeyAlgorithm, HostName], Switch] = field(default_factory=dict)
    cut_off: set[HostName] = field(default_factory=set)
    closed: set[int] = field(default_factory=set)

    @property
    def path(self) -> Switch | None:
        """What lies on this machine's path of the usual algorithm."""
        return self.paths.get((KeyAlgorithm.ECDSA, THIS_MACHINE))

    def present(self, ip: IP, algorithm: KeyAlgorithm | None = None, port: int = 443) -> Chain | None:
        if port in self.closed:
            return None
        return next((a.presents(algorithm) for a in self.addresses if a.ip == ip), None)

    def offer(self, algorithm: KeyAlgorithm) -> None:
        """The operator configures the servers for another algorithm, and restarts them."""
        self.offered.add(algorithm)
        for address in self.addresses:
            path = self.paths.get((algorithm, address.host))
            address.load(algorithm, path.chain if path is not None else None)

    def withhold(self, algorithm: KeyAlgorithm) -> None:
        """The operator takes an algorithm out of the servers' configuration, and restarts them."""
        self.offered.discard(algorithm)
        for address in self.addresses:
            address.load(algorithm, None)

    async def probe(self, endpoint: Endpoint, ip: IP, hello: Hello) -> Chain | HandshakeFailure | Unreachable:
        self.clock.tick()
        address = next((a for a in self.addresses if a.ip == ip), None)
        if address is None or address.silent:
            return Unreachable("TIMEOUT")
        if address.presents(None) is None or endpoint.port in self.closed:
            return HandshakeFailure("CONNECTION_REFUSED")
        return address.presents(hello.algorithm) or HandshakeFailure("TLS_ALERT")

    async def handshake(self, endpoint: Endpoint, ip: IP, hello: Hello) -> Handshake | HandshakeFailure | Unreachable:
        got = await self.probe(endpoint, ip, hello)
        return Handshake(got, "TLSv1.3", "simulated") if isinstance(got, Chain) else got

    async def switch(self, change: Switch) -> Receipt:
        self.clock.tick()
        self._require_way_to(change.host)
        if self.delay:
            delay, self.delay = self.delay, 0.0
            self.coming += 1
            self.clock.after(delay, partial(self._arrive, change))
            raise TimeoutError
        self._apply(change)
        return Receipt()

    def _arrive(self, change: Switch) -> None:
        self.coming -= 1
        self._apply(change)

    def _apply(self, change: Switch) -> None:
        algorithm = change.lineage.algorithm
        self.paths[algorithm, change.host] = change
        if not self.idle_reload and algorithm in self.offered:
            for address in self.addresses:
                if not address.stuck and address.host == change.host:
                    address.load(algorithm, change.chain)

    async def retire(self, change: Retire) -> Receipt:
        """A server that is configured for a certificate does not reload without."""
        self.clock.tick()
        self._require_way_to(change.host)
        if change.lineage.algorithm in self.offered:
            raise DanelawError("RELOAD_FAILED", "the server does not find its certificate")
        self.paths.pop((change.lineage.algorithm, change.host), None)
        return Receipt()

    async def live(self, lineage: Lineage) -> GenerationId | None:
        return self.on(lineage, THIS_MACHINE)

    def on(self, lineage: Lineage, host: HostName) -> GenerationId | None:
        path = self.paths.get((lineage.algorithm, host))
        return path.generation if path is not None else None

    def _require_way_to(self, host: HostName) -> None:
        if host in self.cut_off:
            raise DanelawError("DEPLOY_FAILED", f"{host} cannot be reached")


@dataclass(frozen=True, slots=True)
class SimHost:
    """``Deployer`` for one of several hosts."""

    servers: SimServers
    name: HostName

    async def switch(self, change: Switch) -> Receipt:
        return await self.servers.switch(change)

    async def retire(self, change: Retire) -> Receipt:
        return await self.servers.retire(change)

    async def live(self, lineage: Lineage) -> GenerationId | None:
        if self.name in self.servers.cut_off:
            raise DanelawError("DEPLOY_FAILED", f"{self.name} cannot be reached")
        return self.servers.on(lineage, self.name)


@dataclass(slots=True)
class SimCredentials:
    """``Credentials``, in memory. ``clock``: that of the host on which the keys are made."""

    clock: Clock
    servers: SimServers
    generations: dict[GenerationId, CredentialFacts] = field(default_factory=dict)
    destroyed: set[GenerationId] = field(default_factory=set)

    async def list(self, lineage: Lineage) -> Sequence[CredentialFacts]:
        return [facts for facts in self.generations.values() if facts.lineage == lineage]

    async def live(self, lineage: Lineage) -> GenerationId | None:
        return self.servers.on(lineage, THIS_MACHINE)

    async def make_key(self, lineage: Lineage) -> GenerationId:
        number = GenerationId(len(self.generations) + 1)
        key = private_key(_numbered(number, lineage)).public_key()
        spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.generations[number] = CredentialFacts(number, lineage, spki, None, self.clock.now())
        return number

    async def reuse_key(self, lineage: Lineage, generation: GenerationId) -> GenerationId:
        number = GenerationId(len(self.generations) + 1)
        spki = self.generations[generation].spki
        self.generations[number] = CredentialFacts(number, lineage, spki, None, self.clock.now())
        return number

    async def csr(self, lineage: Lineage, generation: GenerationId, names: Sequence[Name]) -> bytes:
        del names
        key = self.generations[generation].spki
        first = min(number for number, facts in self.generations.items() if facts.spki == key)
        return _numbered(first, lineage).to_bytes(4, "big")

    async def complete(self, lineage: Lineage, generation: GenerationId, chain: Chain) -> None:
        facts = self.generations[generation]
        self.generations[generation] = CredentialFacts(generation, lineage, facts.spki, chain, facts.created)

    async def destroy(self, lineage: Lineage, generation: GenerationId) -> None:
        del lineage
        if any(path.generation == generation for path in self.servers.paths.values()):
            raise DanelawError("KEY_IN_USE", "the key lies on the serving path")
        self.destroyed.add(generation)


@dataclass(slots=True)
class SimCA:
    """``Issuer``: one step, one certificate, unless it ``challenges``: then it looks for what was placed first.

    ``look``: whether a response is found wherever it is looked for. ``dated``: whether it says what time it is.
    ``suggest_renewal`` asks for all that were issued to be renewed now. ``intermediates``: the names of those that
    issue in turn; none: the root does. ``bare``: it hands out the leaf alone. ``unwilling``: it revokes nothing.
    """

    clock: VirtualClock
    look: Callable[[Challenge], bool]
    lifetime: timedelta = timedelta(days=90)
    refusing: bool = False
    dated: bool = True
    challenges: ChallengeType | None = None
    name: str = "sim"
    intermediates: tuple[str, ...] = ()
    bare: bool = False
    unwilling: bool = False
    revoked: list[Chain] = field(default_factory=list)
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
        if order.replaces is not None and order.replaces not in self._issued:
            raise DanelawError("CA_MALFORMED", "the certificate to be replaced is none of this CA")
        if self.challenges is not None:
            if order.url is not None and not order.url.startswith(f"{self.name}:"):
                raise DanelawError("CA_MALFORMED", f"{order.url} is no order at this CA")
            if order.url is None:
                self._orders += 1
                order = replace(order, url=f"{self.name}:order/{self._orders}")
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
        names = self.intermediates
        nth = len(self._issued)
        by = names[nth % len(names)] if names else None
        chain = issue(number, order.names, self.clock.now(), self.lifetime, by, nth)
        if self.bare:
            chain = Chain(chain.ders[:1])
        self._issued.append(chain)
        return Issued(order, chain)

    async def renewal_window(self, chain: Chain) -> Window | None:
        return self._windows.get(chain)

    async def revoke(self, chain: Chain, reason: RevocationReason) -> None:
        del reason
        self.clock.tick()
        if self.refusing:
            raise DanelawError("CA_UNREACHABLE", "the CA does not answer")
        if self.unwilling or chain not in self._issued:
            raise DanelawError("REVOCATION_REFUSED", "the CA does not revoke it")
        self.revoked.append(chain)

    async def date(self, since: float) -> tuple[Instant, float] | None:
        del since
        if not self.dated:
            return None
        if self.refusing:
            raise DanelawError("CA_UNREACHABLE", "the CA does not answer")
        return self.clock.now(), self.clock.monotonic()

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


def _numbered(number: int, lineage: Lineage) -> int:
    return number + RSA_KEYS if lineage.algorithm is KeyAlgorithm.RSA else number


__all__ = [
    "RSA_KEYS",
    "THIS_MACHINE",
    "Address",
    "SimCA",
    "SimCredentials",
    "SimHost",
    "SimServers",
    "SimSolver",
    "issue",
    "private_key",
    "root_certificate",
    "valid",
]
