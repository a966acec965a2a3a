"""Hosts and owners of records that are aliases, into a zone of their own: the real engine, and clients that follow.

Each link is cached by itself. Nobody is refused, whoever changes which link when.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from datetime import timedelta

import dns.name
import pytest
from dns.name import Name
from virtual import LAB_LIMITS, SERVICE, ZONE_SUBJECT, Runner, toolbox

from danelaw.adapters.store.memory import MemoryStore
from danelaw.app.engine import Engine
from danelaw.app.toolbox import Subjects
from danelaw.core.model import (
    IP,
    Chain,
    ChallengeType,
    Endpoint,
    Handshake,
    HandshakeFailure,
    Hello,
    Limits,
    RRset,
    SubjectName,
    Unreachable,
)
from danelaw.core.rollover.actions import Action, Publish, Switch
from danelaw.core.rollover.facts import Requested
from danelaw.core.rollover.planner import Desired, DesiredService, DesiredZone
from danelaw.core.rollover.reach import Reach
from danelaw.core.rollover.succession import Strategy
from danelaw.core.tlsa import Combination
from danelaw.worlds.sim.aliased import (
    HOSTING,
    OTHER_WEB,
    SHOP_ENDPOINT,
    SHOP_LINEAGE,
    WEB,
    Hosting,
    Shop,
    owner_of,
    records_at,
)
from danelaw.worlds.sim.service import SimServers
from danelaw.worlds.sim.world import HOST, LINEAGE, LOCAL, PARENT, TLSA, TLSA_OWNER, ZONE, SimWorld

pytestmark = pytest.mark.slow

LIMITS = replace(LAB_LIMITS, standby_settle=timedelta(seconds=15), key_lifetime=timedelta(days=3650))
SHARED = Name((b"_dane", *HOSTING.labels))
SHARED_TOO = Name((b"_dane2", *HOSTING.labels))


class Aliased(Runner):
    """A runner in a world with a second zone. ``names``: of the certificate. ``ours``: whether both zones are."""

    def __init__(
        self,
        hosting: Hosting,
        *,
        strategy: Strategy = Strategy.STAGED,
        names: tuple[Name, ...] = (HOST,),
        ours: bool = True,
        shop: Shop | None = None,
        limits: Limits = LIMITS,
        challenge: ChallengeType = ChallengeType.HTTP_01,
    ) -> None:
        self.hosting, self.store = hosting, MemoryStore(limits.max_gap)
        sim = hosting.world
        other = frozenset({HOSTING}) if ours else frozenset[Name]()
        service = DesiredService(
            SERVICE,
            (LINEAGE,),
            ZONE,
            names,
            (Combination(3, 1, 1),),
            sim.ttl,
            (LOCAL,),
            challenge,
            strategy=strategy,
            other_zones=other,
        )
        desired: dict[SubjectName, Desired] = {
            ZONE_SUBJECT: DesiredZone(ZONE_SUBJECT, ZONE, PARENT, ds_ttl=1),
            SERVICE: service,
        }
        tools = replace(toolbox(sim, self.store), cuts=sim.dns)
        if ours:
            tools = replace(tools, publishers={**tools.publishers, HOSTING: hosting.publisher})
        reach = sim.reach()
        if shop is not None:
            desired[SHOP_LINEAGE.service] = replace(
                service, subject=SHOP_LINEAGE.service, lineages=(SHOP_LINEAGE,), names=(SHOP_ENDPOINT.host,)
            )
            tools = replace(
                tools,
                prober=Probers(sim, shop),
                credentials={**tools.credentials, SHOP_LINEAGE: shop.credentials},
                deployers={**tools.deployers, (SHOP_LINEAGE, LOCAL): shop.servers},
                issuers={**tools.issuers, SHOP_LINEAGE: shop.ca},
                solvers={**tools.solvers, SHOP_LINEAGE: sim.solver},
            )
            reach = Reach((*reach.endpoints, shop.reached()))
        super().__init__(sim, Engine(tools, Subjects(desired, reach), limits))

    def settled(self) -> Aliased:
        """All is published everywhere; from now on clients watch."""
        self.hosting.settle()
        self.settle()
        self.run_for(2 * self.world.ttl + 2)
        self.hosting.start()
        self.run_for(3)
        return self

    def ask(self) -> None:
        """The operator wants another key."""

        async def write() -> None:
            lease = await self.store.lease(SERVICE)
            await self.store.append(SERVICE, lease, Requested(self.world.clock.now(), LINEAGE, "the operator"))

        asyncio.run(write())

    def roll(self) -> None:
        """Another key, until all has settled; and until nobody can hold what went before."""
        before = self.world.servers.path
        self.ask()
        self.run(lambda: self.world.servers.path != before)
        self.rest()

    def rest(self) -> None:
        self.settle()
        self.run_for(2 * self.world.ttl + 3)

    def nobody_was_refused(self) -> bool:
        seen = [crowd for crowd in self.hosting.crowds if any(not c.reason for c in crowd.record)]
        refused = {c.reason for crowd in self.hosting.crowds for c in crowd.refused()}
        assert refused == set()
        return len(seen) == len(self.hosting.crowds)


@dataclass(frozen=True, slots=True)
class Probers:
    """Looks at the servers of either service."""

    world: SimWorld
    shop: Shop

    async def probe(self, endpoint: Endpoint, ip: IP, hello: Hello) -> Chain | HandshakeFailure | Unreachable:
        return await self._servers(endpoint).probe(endpoint, ip, hello)

    async def handshake(self, endpoint: Endpoint, ip: IP, hello: Hello) -> Handshake | HandshakeFailure | Unreachable:
        return await self._servers(endpoint).handshake(endpoint, ip, hello)

    def _servers(self, endpoint: Endpoint) -> SimServers:
        return self.shop.servers if endpoint == SHOP_ENDPOINT else self.world.servers


def host_elsewhere() -> Hosting:
    hosting = Hosting(SimWorld(lag=1.0))
    hosting.move(WEB)
    return hosting


@pytest.mark.parametrize("strategy", [Strategy.STAGED, Strategy.STANDBY])
@pytest.mark.parametrize("names", [(HOST,), (HOST, WEB)])
def test_a_host_that_is_an_alias_rolls_its_key(strategy: Strategy, names: tuple[Name, ...]) -> None:
    """Records stand at the host; where the certificate is for the other name too, they stand at both (RFC 7671 §7)."""
    runner = Aliased(host_elsewhere(), strategy=strategy, names=names).settled()
    before = records_at(runner.hosting, TLSA_OWNER)
    runner.roll()
    assert runner.nobody_was_refused()
    assert records_at(runner.hosting, TLSA_OWNER) not in (before, frozenset())
    at_the_other = records_at(runner.hosting, owner_of(WEB))
    assert at_the_other == (records_at(runner.hosting, TLSA_OWNER) if WEB in names else frozenset())


def records_elsewhere(ttl: int | None = None) -> Hosting:
    hosting = Hosting(SimWorld(lag=1.0))
    hosting.point(TLSA_OWNER, SHARED, ttl)
    return hosting


@pytest.mark.parametrize("strategy", [Strategy.STAGED, Strategy.STANDBY])
def test_records_that_an_alias_leads_to_are_changed_where_they_are(strategy: Strategy) -> None:
    runner = Aliased(records_elsewhere(), strategy=strategy).settled()
    before = records_at(runner.hosting, SHARED)
    runner.roll()
    assert runner.nobody_was_refused()
    assert records_at(runner.hosting, SHARED) not in (before, frozenset())
    assert not records_at(runner.hosting, TLSA_OWNER)


def write(hosting: Hosting, owner: Name, rdatas: frozenset[bytes]) -> None:
    """Whoever runs the other zone writes records there."""
    hosting.of(owner).write(owner, TLSA, RRset(owner, TLSA, hosting.world.ttl, rdatas))


def follow_advice(runner: Aliased, code: str, verb: str) -> None:
    """Whoever runs the other zone does what the wait says."""
    told = runner.run_until_waiting(code).because
    found = re.search(rf"led to (\S+) in the zone {HOSTING}.*: {verb} TLSA 3 1 1 ([0-9a-f]{{64}})$", told)
    assert found is not None, told
    owner, record = dns.name.from_text(found[1]), b"\x03\x01\x01" + bytes.fromhex(found[2])
    write(runner.hosting, owner, records_at(runner.hosting, owner) ^ {record})


def test_records_in_the_zone_of_others_are_changed_by_these_as_they_are_told() -> None:
    runner = Aliased(records_elsewhere(), ours=False)
    runner.hosting.settle()
    follow_advice(runner, "TLSA_ELSEWHERE", "publish")
    runner.settled()
    before, told = runner.world.servers.path, len(runner.told)
    runner.ask()
    runner.run_until_waiting("TLSA_ELSEWHERE")
    runner.run_for(10)
    assert not any(isinstance(p.acting, Switch) for p in runner.told[told:])
    follow_advice(runner, "TLSA_ELSEWHERE", "publish")
    runner.run(lambda: runner.world.servers.path != before)
    follow_advice(runner, "TLSA_LEFT", "remove")
    runner.rest()
    assert runner.nobody_was_refused()


def test_what_an_alias_led_to_before_it_was_turned_counts_as_long_as_it_may_be_held() -> None:
    """The other zone's operator writes the new record, but to another name, and turns the alias, whose TTL is long."""
    runner = Aliased(records_elsewhere(10), ours=False)
    runner.hosting.settle()
    follow_advice(runner, "TLSA_ELSEWHERE", "publish")
    runner.settled()
    runner.run_for(10)
    before = runner.world.servers.path
    runner.ask()
    told = runner.run_until_waiting("TLSA_ELSEWHERE").because
    new = b"\x03\x01\x01" + bytes.fromhex(told[-64:])
    write(runner.hosting, SHARED_TOO, records_at(runner.hosting, SHARED) | {new})
    runner.run_for(5)
    runner.hosting.point(TLSA_OWNER, SHARED_TOO, 10)
    turned = runner.world.clock.now()
    runner.run(lambda: runner.world.servers.path != before)
    assert runner.world.clock.now() >= turned + timedelta(seconds=20)
    runner.run_for(15)
    assert runner.nobody_was_refused()


@pytest.mark.parametrize(
    ("target", "moment", "ours"),
    [
        ("records", Publish, True),
        ("records", Publish, False),
        ("no records", Publish, True),
        ("no records", Switch, False),
    ],
)
def test_a_host_is_led_elsewhere_in_the_middle_of_a_roll(target: str, moment: type[Action], ours: bool) -> None:
    """There stand old records alone, or none: the old way and the new are both held for a while.

    Right before the switch, old records alone would be a race that nobody can win.
    """
    runner = Aliased(host_elsewhere(), ours=ours).settled()
    runner.hosting.give(OTHER_WEB, runner.world.addresses)
    old = records_at(runner.hosting, TLSA_OWNER)
    if target == "records":
        write(runner.hosting, owner_of(OTHER_WEB), old)
        runner.run_for(5)
    runner.before(moment, lambda: runner.hosting.point(HOST, OTHER_WEB))
    before = runner.world.servers.path
    runner.ask()
    if target == "records" and moment is Publish and not ours:
        runner.run_until_waiting("TLSA_ELSEWHERE")
        runner.run_for(10)
        assert runner.world.servers.path == before
        follow_advice(runner, "TLSA_ELSEWHERE", "publish")
        runner.run(lambda: runner.world.servers.path != before)
        follow_advice(runner, "TLSA_LEFT", "remove")
    runner.run(lambda: runner.world.servers.path != before)
    runner.rest()
    assert runner.nobody_was_refused()


def test_two_services_share_their_records_by_aliases_and_one_rolls_its_key() -> None:
    hosting = records_elsewhere()
    shop = Shop(hosting)
    hosting.point(owner_of(SHOP_ENDPOINT.host), SHARED)
    runner = Aliased(hosting, shop=shop).settled()
    before = records_at(hosting, SHARED)
    assert len(before) == 2
    runner.roll()
    assert runner.nobody_was_refused()
    after = records_at(hosting, SHARED)
    assert len(after) == 2
    assert len(after & before) == 1
