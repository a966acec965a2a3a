"""What an operator changes in a running service: parameters, the CA, names. Clients of every kind watch, those too that
know records of CAs alone, or want their name in every certificate; and nobody is refused."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import dns.name
import pytest
from operated import Operated
from strategic import HASTE
from virtual import SERVICE, served_tlsa, toolbox

from danelaw.app.engine import Engine
from danelaw.app.toolbox import Subjects
from danelaw.core.model import ChallengeType, CredentialFacts, Endpoint, Limits, RRset
from danelaw.core.rollover.actions import Failure, Publish, Switch
from danelaw.core.rollover.facts import Requested
from danelaw.core.rollover.planner import Settled, Wait
from danelaw.core.rollover.reach import Reach
from danelaw.core.rollover.succession import Strategy
from danelaw.core.tlsa import Combination, Reference, associate
from danelaw.core.tlsa.credential import associations
from danelaw.worlds.sim.certificates import intermediate
from danelaw.worlds.sim.clients import HABITS, TRUSTING, Connection, Habits, Parameters, SimCrowd, named
from danelaw.worlds.sim.service import SimCA
from danelaw.worlds.sim.world import AAAA, HOST, LINEAGE, TLSA, A, SimWorld

pytestmark = pytest.mark.slow

NAME = HOST.to_text(omit_final_dot=True)


class Changed(Operated):
    """A service whose operator changes its configuration, and the crowds that watch it."""

    def __init__(
        self, tlsa: str = "3 1 1", strategy: Strategy = Strategy.STAGED, *intermediates: str, limits: Limits = HASTE
    ) -> None:
        world = SimWorld(lag=1.0)
        world.ca.intermediates = intermediates
        self.crowds = [world.crowd]
        world.crowd.start()
        super().__init__(world, strategy, limits, tlsa=tlsa)
        self.settle()

    def watched(self, habits: Habits, *, mandatory: bool = False) -> SimCrowd:
        """More clients come, who want the name in every certificate."""
        crowd = self.world.crowd_at()
        crowd.habits, crowd.checks, crowd.mandatory, crowd.seed = habits, NAME, mandatory, len(self.crowds)
        crowd.start()
        self.crowds.append(crowd)
        self.run_for(5)
        return crowd

    @property
    def serving(self) -> CredentialFacts:
        path = self.world.servers.path
        assert path is not None
        return self.world.credentials.generations[path.generation]

    @property
    def published(self) -> list[str]:
        """The combinations that are there, one for each record."""
        return sorted(" ".join(map(str, rdata[:3])) for rdata in served_tlsa(self.world))

    def ask(self, *, emergency: bool = False) -> None:
        """The operator wants another key."""

        async def write() -> None:
            asked = Requested(self.world.clock.now(), LINEAGE, "the operator", emergency)
            await self.store.append(SERVICE, await self.store.lease(SERVICE), asked)

        asyncio.run(write())

    def renew_once(self) -> None:
        """A certificate that is known to be of the CA that is configured."""
        before = self.serving
        self.world.ca.suggest_renewal()
        self.run(lambda: self.serving != before)
        self.settle()

    def use(self, tlsa: str) -> None:
        self.configure(combinations=tuple(map(Combination.from_text, tlsa.split(","))))

    def matched(self) -> set[str]:
        """The combinations under which a record names what is served."""
        chain = self.serving.chain
        there = {Combination(*rdata[:3]) for rdata in served_tlsa(self.world)}
        own = {record.to_rdata(): record for record in associations(there, chain, self.serving.spki)}
        return {str(own[rdata].combination) for rdata in served_tlsa(self.world) if rdata in own}

    @property
    def refused(self) -> list[Connection]:
        assert all(crowd.record for crowd in self.crowds)
        return [connection for crowd in self.crowds for connection in crowd.refused()]

    @property
    def notes(self) -> str:
        plan = self.latest().plan
        assert isinstance(plan, Settled)
        return "\n".join(plan.notes)


def only(combination: str) -> frozenset[Parameters]:
    usage, selector, matching = map(int, combination.split())
    return frozenset({(usage, selector, matching)})


def of(generation: CredentialFacts, combination: str) -> bytes:
    assert generation.chain is not None
    return associate(Combination.from_text(combination), generation.chain).to_rdata()


# -- parameters --------------------------------------------------------------------------------------------------------

KNOWN = "3 1 1"


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize("further", ["3 1 2", "3 0 1", "2 1 1"])
def test_parameters_are_added_with_every_key_that_is_published(strategy: Strategy, further: str) -> None:
    life = Changed(KNOWN, strategy, "R10")
    life.use(f"{KNOWN},{further}")
    life.settle()
    assert life.matched() == {KNOWN, further}
    life.watched(TRUSTING if further == "2 1 1" else ((only(further), False),))
    life.world.ca.suggest_renewal()
    life.settle()
    assert life.matched() == {KNOWN, further}
    assert life.refused == []


def test_parameters_that_come_while_keys_roll_come_with_the_key_that_serves_first() -> None:
    """Clients that know no others would find the next key alone under them: {3 1 1 old, 3 1 1 new, 3 1 2 new}."""
    life = Changed()
    life.watched(((only("3 1 2"), False),))
    life.start_renewal()
    life.run(lambda: life.actions[-1] == "Publish" and len(served_tlsa(life.world)) == 2)
    life.use("3 1 1,3 1 2")
    life.run(lambda: len(served_tlsa(life.world)) == 4)
    assert life.matched() == {"3 1 1", "3 1 2"}
    life.settle()
    assert life.published == ["3 1 1", "3 1 2"]
    assert life.refused == []


def test_parameters_come_with_an_old_key_that_somebody_serves_again() -> None:
    """While its record lingers, somebody else restarts the server with it: the roll and the parameters both end."""
    life = Changed(limits=replace(HASTE, linger=timedelta(seconds=60)))
    old = life.serving
    life.watched(((only("3 1 2"), False),))
    life.start_renewal()
    life.run(lambda: life.serving != old)
    life.run_for(5)
    for address in life.world.servers.addresses:
        address.chain = old.chain
    life.use("3 1 1,3 1 2")
    life.settle(300)
    assert life.serving != old
    assert life.published == ["3 1 1", "3 1 2"]
    assert life.matched() == {"3 1 1", "3 1 2"}
    assert life.refused == []


@pytest.mark.parametrize("leaving", ["3 1 2", "3 0 1", "2 1 1"])
def test_parameters_that_are_desired_no_longer_stay_until_the_operator_accepts_who_is_refused(leaving: str) -> None:
    """Rolls cover them meanwhile: some client may know no others."""
    life = Changed(f"3 1 1,{leaving}", Strategy.STAGED, "R10", "R11")
    life.watched(((only(leaving), False),), mandatory=True)
    life.use("3 1 1")
    life.settle()
    assert f"TLSA {leaving} is configured no longer, and stays: clients that must have DANE" in life.notes
    assert life.notes.endswith("[MANDATORY_CLIENTS]")
    life.renew()
    assert life.matched() == {"3 1 1", leaving}
    life.accept("MANDATORY_CLIENTS")
    life.run(lambda: life.published == ["3 1 1"])
    life.settle()
    assert life.notes == ""
    life.renew()
    assert life.published == ["3 1 1"]
    assert life.refused == []


# -- issuers that are named in DNS -------------------------------------------------------------------------------------

TA = "3 1 1,2 1 1"


@pytest.mark.parametrize("strategy", Strategy)
def test_the_next_issuer_is_published_before_a_chain_of_its_is_presented(strategy: Strategy) -> None:
    life = Changed(TA, strategy, "R10")
    life.watched(TRUSTING)
    first = served_tlsa(life.world)
    life.world.ca.intermediates = ("E8",)
    begun = len(life.told)
    life.world.ca.suggest_renewal()
    life.settle()
    acts = [p.acting for p in life.told[begun:] if isinstance(p.acting, Publish | Switch)]
    assert [type(act).__name__ for act in acts] == ["Publish", "Switch", "Publish"]
    assert life.matched() == {"3 1 1", "2 1 1"}
    assert life.published.count("2 1 1") == 1
    assert served_tlsa(life.world) != first
    assert life.refused == []


@pytest.mark.parametrize("strategy", Strategy)
def test_a_ca_that_mixes_its_issuers_costs_a_wait_and_refuses_nobody(strategy: Strategy) -> None:
    life = Changed(TA, strategy, "R10", "R11", "R10", "R12")
    life.watched(TRUSTING)
    for _ in range(5):
        life.world.ca.suggest_renewal()
        life.settle()
        assert life.matched() == {"3 1 1", "2 1 1"}
    assert life.refused == []


def test_under_ta_no_record_names_a_key_that_no_certificate_is_there_for() -> None:
    life = Changed(TA, Strategy.STANDBY, "R10")
    assert life.published == ["2 1 1", "3 1 1", "3 1 1"]
    chain = life.serving.chain
    assert chain is not None
    assert associate(Combination(2, 1, 1), chain).to_rdata() in served_tlsa(life.world)


def test_in_an_emergency_the_next_issuer_is_waited_for_and_the_known_one_not() -> None:
    for intermediates, most in ((("R10",), 10), (("R10", "R11"), 30)):
        life = Changed(TA, Strategy.STANDBY, *intermediates)
        life.watched(TRUSTING)
        lost, asked = life.serving, life.world.clock.now()
        life.ask(emergency=True)
        life.run(lambda life=life, lost=lost: life.serving.spki != lost.spki)  # type: ignore[misc] # early bound
        assert life.world.clock.now() - asked <= timedelta(seconds=most)
        life.settle()
        assert life.refused == []


def test_a_chain_without_its_issuer_does_not_take_the_place_of_one_that_is_named() -> None:
    """The old certificate is kept while it lives; nobody who goes by the issuer could follow."""
    life = Changed(TA, Strategy.PINNED, "R10")
    life.watched(TRUSTING)
    kept = life.serving
    life.world.ca.bare = True
    life.world.ca.suggest_renewal()
    life.run_until_waiting("ANSWER_HELD")
    life.run_for(30)
    assert life.serving == kept
    assert life.refused == []


def test_a_ca_that_is_not_presented_cannot_be_named_and_the_operator_is_told() -> None:
    life = Operated(SimWorld(lag=1.0), Strategy.PINNED, tlsa=TA)
    life.world.ca.intermediates, life.world.ca.bare = ("R10",), True
    life.settle()
    plan = life.latest().plan
    assert isinstance(plan, Settled)
    assert "TLSA 2 1 1 is configured, and cannot be published: the chain presents no CA" in "".join(plan.notes)


# -- another CA --------------------------------------------------------------------------------------------------------


def another(life: Changed, *intermediates: str, challenges: ChallengeType | None = None) -> None:
    """The operator configures another CA; the old one knows nothing of its orders, nor it of the old one's."""
    old = life.world.ca
    life.world.ca = SimCA(life.world.clock, old.look, challenges=challenges, name="other", intermediates=intermediates)
    life.configure(issuer="other")


def issuer_of(life: Changed) -> bytes:
    chain = life.serving.chain
    assert chain is not None
    return chain.ders[1]


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize("tlsa", [KNOWN, TA])
def test_another_ca_issues_at_once_and_is_published_first_where_it_is_named(strategy: Strategy, tlsa: str) -> None:
    life = Changed(tlsa, strategy, "R10")
    life.configure(issuer="first")
    life.renew_once()
    life.watched(TRUSTING) if tlsa == TA else None
    key = life.serving.spki
    begun = len(life.actions)
    another(life, "G1")
    life.settle()
    assert issuer_of(life) == intermediate("G1")
    assert (life.serving.spki == key) is (strategy is not Strategy.STAGED)
    rolls = strategy is Strategy.STAGED or tlsa == TA
    done = [act for act in life.actions[begun:] if act in ("Publish", "Switch")]
    assert done == (["Publish", "Switch", "Publish"] if rolls else ["Switch"])
    assert life.matched() == set(tlsa.split(","))
    assert life.refused == []
    begun = len(life.actions)
    life.run_for(20)
    assert life.actions[begun:] == []


@pytest.mark.parametrize("challenges", ChallengeType)
def test_an_order_at_the_ca_that_was_left_is_left_there(challenges: ChallengeType) -> None:
    life = Changed(KNOWN, Strategy.PINNED, "R10")
    life.configure(issuer="first", challenge=challenges)
    life.renew_once()
    life.world.ca.challenges = challenges
    life.world.ca.suggest_renewal()
    begun = len(life.actions)
    life.run(lambda: life.actions[begun:][-1:] in (["PlaceChallenge"], ["Publish"]))
    another(life, "G1", challenges=challenges)
    life.run(lambda: issuer_of(life) == intermediate("G1"))
    life.settle()
    assert life.refused == []


def test_a_ca_that_issues_nothing_yet_leaves_everything_as_it_was() -> None:
    life = Changed(TA, Strategy.STAGED, "R10")
    life.configure(issuer="first")
    life.renew_once()
    before, records = life.serving, served_tlsa(life.world)
    another(life, "G1")
    life.world.ca.refusing = True
    life.run_for(30)
    assert (life.serving, served_tlsa(life.world)) == (before, records)
    life.world.ca.refusing = False
    life.run(lambda: life.serving != before)
    life.settle()
    assert life.refused == []


def knowing(life: Changed, **cas: SimCA) -> None:
    """The configuration has these CAs too, which its service does not name."""
    tools = replace(toolbox(life.world, life.store), cas=cas)
    life.engine = Engine(tools, Subjects(dict(life.engine.subjects), life.reached), life.engine.limits)


def certified_by_two() -> tuple[Changed, SimCA, SimCA]:
    """One key, for which a CA issued a certificate, and another CA after it: each knows its own alone."""
    life = Changed(KNOWN, Strategy.PINNED)
    life.configure(issuer="first")
    before = life.serving
    life.ask()
    life.run(lambda: life.serving.spki != before.spki)
    life.settle()
    first, key = life.world.ca, life.serving.spki
    another(life)
    life.settle()
    assert life.serving.spki == key
    assert first is not life.world.ca
    return life, first, life.world.ca


def test_each_ca_is_asked_to_revoke_what_it_issued_itself() -> None:
    life, first, other = certified_by_two()
    knowing(life, first=first, other=other)
    issued = first._issued[-1], life.serving.chain
    life.ask(emergency=True)
    life.run(lambda: bool(first.revoked and other.revoked), 300)
    life.settle(300)
    assert ([issued[0]], [issued[1]]) == (first.revoked, other.revoked)
    assert not [deed for deed in life.facts().deeds if isinstance(deed.outcome, Failure)]
    assert life.refused == []


def test_a_ca_that_was_taken_out_of_the_configuration_is_named_and_asked_when_it_is_back() -> None:
    life, first, other = certified_by_two()
    key = life.serving
    life.ask(emergency=True)
    life.run(lambda: bool(other.revoked), 300)
    life.run_until_waiting("REVOCATION_FAILED")
    plan = life.latest().plan
    assert isinstance(plan, Wait)
    assert "first issued the certificate" in plan.because
    (failure,) = {deed.outcome for deed in life.facts().deeds if isinstance(deed.outcome, Failure)}
    assert (failure.code, "issuers" in failure.hint) == ("CA_NOT_CONFIGURED", True)
    assert key.generation not in life.world.credentials.destroyed
    knowing(life, first=first)
    life.run(lambda: bool(first.revoked), 300)
    life.settle(300)
    assert key.generation in life.world.credentials.destroyed
    assert life.refused == []


# -- names -------------------------------------------------------------------------------------------------------------

TWO = dns.name.from_text("mail", HOST.parent())
TWO_NAME = TWO.to_text(omit_final_dot=True)


def both(life: Changed) -> Reach:
    """The service answers at another name too, at the same addresses."""
    (here,) = life.world.reach().endpoints
    reference = Reference((TWO,), here.reference.roots)
    there = replace(here, endpoint=Endpoint(TWO, 443), bases=(TWO,), reference=reference)
    return Reach((here, there))


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize("tlsa", [KNOWN, TA])
def test_a_name_is_added_and_its_records_come_when_the_certificate_has_it(strategy: Strategy, tlsa: str) -> None:
    life = Changed(tlsa, strategy, "R10")
    life.watched(TRUSTING if tlsa == TA else HABITS)
    for type in (A, AAAA):
        here = life.world.zone.source.rrsets[HOST, type]
        life.world.zone.write(TWO, type, RRset(TWO, type, here.ttl, here.rdatas))
    life.reached = both(life)
    life.configure(names=(HOST, TWO))
    owner = dns.name.from_text("_443._tcp", TWO)
    life.run(lambda: all((owner, TLSA) in a.content.rrsets for a in life.world.zone.authorities))
    chain = life.serving.chain
    assert chain is not None
    assert named(chain.ders[0]) == {NAME, TWO_NAME}
    life.settle()
    assert life.world.zone.source.rrsets[owner, TLSA].rdatas == served_tlsa(life.world)
    assert life.refused == []


def test_a_name_too_many_goes_with_the_next_certificate() -> None:
    """Until then it harms nobody, and clients may still come by it."""
    life = Changed(KNOWN, Strategy.PINNED)
    life.configure(names=(HOST, TWO))
    life.settle()
    begun = len(life.actions)
    life.configure(names=(HOST,))
    life.run_for(20)
    assert life.actions[begun:] == []
    life.renew_once()
    chain = life.serving.chain
    assert chain is not None
    assert named(chain.ders[0]) == {NAME}
    assert life.refused == []
