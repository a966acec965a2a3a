"""A service with several key algorithms, hosts or ports in virtual time, and its operator, who configures it anew."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address

import dns.name
from strategic import HASTE
from virtual import SERVICE, ZONE_SUBJECT, Runner, toolbox

from danelaw.adapters.store.memory import MemoryStore
from danelaw.app.engine import Engine
from danelaw.app.toolbox import Subjects
from danelaw.core.model import (
    IP,
    ChallengeType,
    CredentialFacts,
    Endpoint,
    HostName,
    Instant,
    KeyAlgorithm,
    Limits,
    Lineage,
)
from danelaw.core.rollover.actions import Switch
from danelaw.core.rollover.facts import Requested
from danelaw.core.rollover.planner import DesiredService, DesiredZone
from danelaw.core.rollover.reach import Reach, Reached
from danelaw.core.rollover.succession import Strategy
from danelaw.core.rollover.words import Waived
from danelaw.core.tlsa import Combination, from_spki
from danelaw.core.tlsa.credential import leaf_validity
from danelaw.worlds.sim.clients import Connection, SimCrowd
from danelaw.worlds.sim.service import SimHost
from danelaw.worlds.sim.world import HOST, LINEAGE, LOCAL, PARENT, TLSA, ZONE, SimWorld

ECDSA, RSA = LINEAGE, Lineage(SERVICE, KeyAlgorithm.RSA)
SPKI = Combination(3, 1, 1)
SOON = replace(HASTE, pass_interval=timedelta(seconds=30), retention=timedelta(days=3650), urgent_fraction=0.7)
QUARTERS = timedelta(minutes=195)
"""Of a certificate, two hours of which are over when it is issued: it is due ten minutes later, and soon urgent."""


class Operation(Runner):
    """A runner of one service, and the crowds that watch it. ``hosts``: whose each address is, one host if empty."""

    def __init__(
        self,
        *lineages: Lineage,
        hosts: Mapping[IP, HostName] | None = None,
        ports: Sequence[int] = (443,),
        strategy: Strategy = Strategy.STANDBY,
        limits: Limits = HASTE,
        challenge: ChallengeType = ChallengeType.HTTP_01,
        pace: float = 0.4,
    ) -> None:
        world = SimWorld(lag=1.0)
        if challenge is ChallengeType.DNS_01:
            world.ca.challenges = challenge
        self.hosts = dict(hosts or {})
        for address in world.servers.addresses:
            address.host = self.hosts.get(address.ip, LOCAL)
        self.store = MemoryStore(limits.max_gap)
        self.strategy, self.limits, self.challenge, self.ports = strategy, limits, challenge, tuple(ports)
        self.lineages = lineages or (ECDSA,)
        self.crowds = [world.crowd]
        world.crowd.pace = pace
        world.crowd.start()
        self.world = world
        super().__init__(world, self._runner())

    def configure(self, *lineages: Lineage, ports: Sequence[int] = ()) -> None:
        """The operator writes something else into the configuration, and the runner starts again."""
        self.lineages, self.ports = lineages or self.lineages, tuple(ports) or self.ports
        self.engine = self._runner()

    def watched_by(self, crowd: SimCrowd) -> None:
        """More clients come, and stay."""
        crowd.start()
        self.crowds.append(crowd)
        self.run_for(3)

    def ask(self, lineage: Lineage = ECDSA, *, emergency: bool = False) -> None:
        """The operator wants another key."""

        async def write() -> None:
            lease = await self.store.lease(SERVICE)
            now = self.world.clock.now()
            await self.store.append(SERVICE, lease, Requested(now, lineage, "the operator", emergency))

        asyncio.run(write())

    def waive(self, address: IP) -> None:
        """The operator knows that an address cannot be probed from here."""

        async def write() -> None:
            lease, now = await self.store.lease(SERVICE), self.world.clock.now()
            await self.store.append(SERVICE, lease, Waived(now, SERVICE, address, now + timedelta(days=1), "eva"))

        asyncio.run(write())

    @property
    def refused(self) -> list[Connection]:
        assert all(crowd.record for crowd in self.crowds)
        return [connection for crowd in self.crowds for connection in crowd.refused()]

    def path(self, lineage: Lineage = ECDSA, host: HostName = LOCAL) -> Switch | None:
        return self.world.servers.paths.get((lineage.algorithm, host))

    def serving(self, lineage: Lineage = ECDSA, host: HostName = LOCAL) -> CredentialFacts:
        path = self.path(lineage, host)
        assert path is not None
        return self.world.credentials.generations[path.generation]

    def published(self, port: int) -> frozenset[bytes]:
        """The TLSA rdata of a port, at the primary."""
        owner = dns.name.from_text(f"_{port}._tcp", HOST)
        found = self.world.zone.authorities[0].content.rrsets.get((owner, TLSA))
        return found.rdatas if found else frozenset()

    def ends(self, lineage: Lineage = ECDSA, host: HostName = LOCAL) -> Instant:
        """When the certificate that lies on a host's path runs out."""
        path = self.path(lineage, host)
        assert path is not None
        validity = leaf_validity(path.chain)
        assert validity is not None
        return validity.end

    def _runner(self) -> Engine:
        tools = toolbox(self.world, self.store)
        every = (ECDSA, RSA)
        names = tuple(dict.fromkeys(self.hosts.values())) or (LOCAL,)
        tools = replace(
            tools,
            credentials=dict.fromkeys(every, self.world.credentials),
            deployers={(line, name): SimHost(self.world.servers, name) for line in every for name in names},
            issuers=dict.fromkeys(every, self.world.ca),
            solvers=dict.fromkeys(every, self.world.solver),
        )
        service = DesiredService(
            SERVICE,
            self.lineages,
            ZONE,
            (HOST,),
            (SPKI,),
            self.world.ttl,
            names,
            self.challenge,
            strategy=self.strategy,
            leaving=tuple(line for line in every if line not in self.lineages),
        )
        zone = DesiredZone(ZONE_SUBJECT, ZONE, PARENT, ds_ttl=1)
        subjects = Subjects({ZONE_SUBJECT: zone, SERVICE: service}, self.reach())
        return Engine(tools, subjects, self.limits)

    def reach(self) -> Reach:
        """Each host serves its own addresses, and all ports."""
        names = tuple(dict.fromkeys(self.hosts.values())) or (LOCAL,)
        (here,) = self.world.reach().endpoints
        found: list[Reached] = []
        for port in self.ports:
            for name in names:
                elsewhere = frozenset((ip, host) for ip, host in self.hosts.items() if host != name)
                at = replace(here, endpoint=Endpoint(HOST, port), lineages=(ECDSA, RSA), hosts=(name,))
                found.append(replace(at, elsewhere=elsewhere))
        return Reach(tuple(found))


def records(*generations: CredentialFacts) -> frozenset[bytes]:
    return frozenset(from_spki(SPKI, generation.spki).to_rdata() for generation in generations)


def two_hosts() -> dict[IP, HostName]:
    return {ip_address("192.0.2.80"): HostName("web1"), ip_address("2001:db8::80"): HostName("web2")}
