"""What one subject's action may do to another is judged, although nothing but an alias shows that they have anything to
do with each other: groups grow as aliases are seen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from dns.name import Name
from test_at_once import START, subject
from virtual import LAB_LIMITS, SERVICE, Runner, engine, toolbox

from danelaw.adapters.store.memory import MemoryStore
from danelaw.app.agenda import Agenda
from danelaw.app.engine import Engine
from danelaw.app.groups import Groups
from danelaw.app.toolbox import Subjects
from danelaw.core.model import Endpoint, Instant, Lineage, SubjectName
from danelaw.core.rollover.leads import Leads
from danelaw.core.rollover.planner import Desired, DesiredService, Wait
from danelaw.core.rollover.progress import Pass, Progress
from danelaw.core.rollover.reach import Reach, Reached
from danelaw.core.rollover.words import Accepted
from danelaw.core.tlsa import Reference
from danelaw.ports import Lease
from danelaw.worlds.sim.aliased import HOSTING, WEB, Hosting, Seen, owner_of, records_at
from danelaw.worlds.sim.following import FollowingCrowd
from danelaw.worlds.sim.service import SimCA, SimCredentials, SimServers, root_certificate
from danelaw.worlds.sim.world import LOCAL, TLSA_OWNER, SimWorld

TENANT_ENDPOINT = Endpoint(WEB, 443)
TENANT = SubjectName(str(TENANT_ENDPOINT))
TENANT_LINEAGE = Lineage(TENANT)


@dataclass(slots=True)
class Erring(SimCA):
    """A CA whose clock is ``ahead``."""

    ahead: timedelta = timedelta(0)

    async def date(self, since: float) -> tuple[Instant, float] | None:
        told = await super(Erring, self).date(since)  # a class with slots is made twice
        return told and (told[0] + self.ahead, told[1])


class Interrupted(Engine):
    """Something happens ``between`` the plan of a pass over the service and its second look, once."""

    between: Callable[[], Awaitable[object]] | None = None
    looks = 0

    async def _pass(self, subject: SubjectName, report: Callable[[Progress], None]) -> Pass:
        if subject == SERVICE:
            self.looks = 0
        return await super()._pass(subject, report)

    async def _look(self, subject: SubjectName, desired: Desired, lease: Lease, ahead: timedelta) -> None:
        self.looks += subject == SERVICE
        if self.looks == 2 and self.between is not None:
            between, self.between = self.between, None
            await between()
        await super()._look(subject, desired, lease, ahead)


class Tenancy(Runner):
    """Beside the service there is a tenant in a zone of its own. Its name leads to the service's machine, and what is
    deployed for it lies somewhere else: all that its clients meet is the service's certificate."""

    engine: Interrupted

    def __init__(self) -> None:
        self.hosting = Hosting(SimWorld(lag=1.0))
        world = self.hosting.world
        self.hosting.give(WEB, world.addresses)
        self.hosting.crowds.append(FollowingCrowd(world.clock, Seen(self.hosting, world.servers), WEB.to_text()))
        self.store = MemoryStore(LAB_LIMITS.max_gap)
        elsewhere = SimServers(world.clock, [])
        self.ca = Erring(world.clock, lambda _: True, world.ca.lifetime)
        world.ca.dated = False
        self._tools = replace(toolbox(world, self.store), cuts=world.dns)
        self._tools = replace(
            self._tools,
            credentials={**self._tools.credentials, TENANT_LINEAGE: SimCredentials(world.clock, elsewhere)},
            deployers={**self._tools.deployers, (TENANT_LINEAGE, LOCAL): elsewhere},
            issuers={**self._tools.issuers, TENANT_LINEAGE: self.ca},
            publishers={**self._tools.publishers, HOSTING: self.hosting.publisher},
        )
        desired = engine(world, self.store, limits=LAB_LIMITS).subjects
        service = desired[SERVICE]
        assert isinstance(service, DesiredService)
        tenant = replace(service, subject=TENANT, lineages=(TENANT_LINEAGE,), zone=HOSTING, names=(WEB,))
        reference = Reference((WEB,), (root_certificate(),))
        reached = Reached(TENANT, (TENANT_LINEAGE,), (LOCAL,), TENANT_ENDPOINT, HOSTING, (WEB,), reference)
        self._reach = Reach((*world.reach().endpoints, reached))
        super().__init__(world, self._engine({**desired, TENANT: tenant}))
        self.hosting.settle()
        self.run(lambda: records_at(self.hosting, TLSA_OWNER) != frozenset())
        self.run_for(30)

    def _engine(self, desired: dict[SubjectName, Desired]) -> Interrupted:
        return Interrupted(self._tools, Subjects(desired, self._reach), LAB_LIMITS)

    @property
    def together(self) -> bool:
        known = self.engine.known
        return known.group_of(SERVICE) is known.group_of(TENANT)

    def withdraw(self) -> None:
        """The service is to be without DANE; the daemon starts again."""
        desired = dict(self.engine.subjects)
        service = desired[SERVICE]
        assert isinstance(service, DesiredService)
        desired[SERVICE] = replace(service, withdrawn=True)
        self.engine = self._engine(desired)

    def accept(self) -> None:
        """The operator accepts, for the service, that clients which must have DANE are refused."""
        now = self.world.clock.now()
        word = Accepted(now, SERVICE, frozenset({"MANDATORY_CLIENTS"}), now + timedelta(hours=1), "eva")

        async def write() -> None:
            await self.store.append(SERVICE, await self.store.lease(SERVICE), word)

        asyncio.run(write())

    def lead(self) -> None:
        """The tenant's operator lets its records be those of the machine that it is on."""
        self.hosting.point(owner_of(WEB), TLSA_OWNER)

    async def led_meanwhile(self) -> None:
        self.lead()
        self.world.clock.advance(self.world.clock.now() + timedelta(seconds=2))
        await self.engine.reconcile(TENANT)

    @property
    def refused(self) -> set[str]:
        """Why clients of the tenant were."""
        return {one.reason for one in self.hosting.crowds[-1].refused()}


def wait_of(runner: Tenancy) -> str | None:
    plan = runner.latest(SERVICE).plan
    return plan.code if isinstance(plan, Wait) else None


def test_without_an_alias_they_have_nothing_to_do_with_each_other() -> None:
    runner = Tenancy()
    assert not runner.together
    runner.withdraw()
    runner.accept()
    runner.run(lambda: records_at(runner.hosting, TLSA_OWNER) == frozenset())
    assert not runner.together


@pytest.mark.parametrize("known_before_the_engine_begins", [False, True])
def test_records_that_another_was_seen_to_be_led_to_are_not_withdrawn(known_before_the_engine_begins: bool) -> None:
    """What is accepted for the one is not accepted for the other, of whom nobody thought when it was configured."""
    runner = Tenancy()
    if not known_before_the_engine_begins:
        runner.withdraw()
        runner.run_for(10)
        assert wait_of(runner) == "MANDATORY_CLIENTS"
        assert not runner.together
    runner.lead()
    runner.run_for(10)
    assert runner.together
    runner.hosting.crowds[-1].start()
    runner.run_for(10)
    if known_before_the_engine_begins:
        runner.withdraw()
    runner.accept()
    runner.run_for(30)
    assert records_at(runner.hosting, TLSA_OWNER) != frozenset()
    assert runner.refused == set()
    assert "another service needs it" in str(runner.latest(SERVICE).plan)


def test_the_gate_refuses_what_would_hurt_one_that_is_led_there_between_the_plan_and_the_gate() -> None:
    """Both passes are under way: the tenant's sees the alias after the service's has planned to withdraw them."""
    runner = Tenancy()
    runner.withdraw()
    runner.run_for(10)
    runner.hosting.crowds[-1].start()
    runner.engine.between = runner.led_meanwhile
    runner.accept()
    runner.run(lambda: runner.engine.between is None and runner.passes[-1].subject == SERVICE)
    refused = runner.latest(SERVICE).refused
    assert refused is not None
    assert "NO_FALLBACK" in {found.code for found in refused.because}, "to the tenant, who has another name"
    assert runner.together
    runner.run_for(30)
    assert records_at(runner.hosting, TLSA_OWNER) != frozenset()
    assert runner.refused == set()


# -- who joins whom ---------------------------------------------------------------------------------------------------


def test_the_parents_of_zones_join_nobody_unless_they_are_published_in() -> None:
    (first, at_first), (second, at_second) = subject(1), subject(2)
    desired, reach = {first.subject: first, second.subject: second}, Reach((at_first, at_second))
    parent = first.zone.parent()
    for changeable, together in (([], False), ([parent], True)):
        found = Groups(desired, reach, changeable)
        for one in desired:
            found.led(one, Leads(zones=frozenset({parent})))
        assert (found.of(first.subject) is found.of(second.subject)) == together


@pytest.mark.parametrize("kind", ["zones", "aliased", "servers"])
def test_who_leads_into_the_zone_of_another_joins_it(kind: str) -> None:
    """Also where nobody could look there; of the servers that a mail domain names, the hosts that are looked after."""
    (first, at_first), (second, at_second), (third, at_third) = subject(1), subject(2), subject(3)
    desired = {one.subject: one for one in (first, second, third)}
    found = Groups(desired, Reach((at_first, at_second, at_third)))
    into = {"zones": second.zone, "aliased": Name((b"deep", b"down", *second.zone.labels)), "servers": second.names[0]}
    found.led(first.subject, Leads(**{kind: frozenset({into[kind]})}))
    assert found.of(first.subject).subjects == (first.subject, second.subject)
    assert found.of(second.subject).reach == Reach((at_first, at_second))
    assert found.of(third.subject).subjects == (third.subject,)


def test_of_a_group_that_two_who_are_looked_at_came_to_be_nobody_else_is_taken_before_both_are_done() -> None:
    services = [subject(1), subject(2), subject(3, "zone2.test.")]
    first, second, third = (service.subject for service, _ in services)
    found = Groups({s.subject: s for s, _ in services}, Reach(tuple(reached for _, reached in services)))
    agenda = Agenda((first, second, third), found.of, START)
    assert (agenda.take(START), agenda.take(START), agenda.take(START)) == (first, second, None)
    found.led(first, Leads(zones=frozenset({services[1][0].zone})))
    agenda.put(second, START + timedelta(hours=1))
    assert agenda.take(START) is None
    agenda.put(first, START + timedelta(hours=1))
    assert agenda.take(START) == third


# -- what concerns everybody ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("begins_anew", [False, True])
def test_what_the_ca_of_one_says_of_the_clock_holds_for_all(begins_anew: bool) -> None:
    """A wrong clock would do harm by every service, whoever was told that it is wrong."""
    runner = Tenancy()
    assert wait_of(runner) is None
    runner.ca.ahead = timedelta(hours=5)
    runner.run(lambda: isinstance(told := runner.passes[-1].plan, Wait) and told.code == "CLOCK_WRONG", 86_400)
    if begins_anew:
        runner.ca.dated = False
        runner.withdraw()
    runner.run_for(5)
    assert wait_of(runner) == "CLOCK_WRONG"
    assert not runner.together
