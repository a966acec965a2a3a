"""The runner dies between any two calls, replies are lost, its disk is full, its store is held: a roll ends, and nobody
is refused. Each of these is seen to strike, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import dns.name
import msgspec
import pytest

from danelaw.core.model import DanelawError, Issued, OrderState
from danelaw.faces.cli.simulation import SimulatedCompany
from danelaw.worlds.sim.adversary import Event
from danelaw.worlds.sim.adversary_dns import Edit, IdleZoneReload, Restore, Silence
from danelaw.worlds.sim.adversary_host import Crash, DiskFull, LockStore, LoseAnswer
from danelaw.worlds.sim.adversary_service import (
    AddAddress,
    DelaySwitch,
    ForeignRenewal,
    Kill,
    LoseStore,
    RemoveAddress,
    RestoreStore,
    StepClock,
)
from danelaw.worlds.sim.campaign import failed
from danelaw.worlds.sim.clock import VirtualClock
from danelaw.worlds.sim.ending import Ending
from danelaw.worlds.sim.hazards import CALLS, DeathError, Hazards
from danelaw.worlds.sim.scenario import Roll, Scenario, StrategyName, World, read, write
from danelaw.worlds.sim.scenario_play import play
from danelaw.worlds.sim.service import SimCA
from proving.on_files import on_files
from proving.worlds import OURS, calls, story

pytestmark = pytest.mark.slow

EVERY = 150
"""Of the calls of a roll, so many are left out between two deaths; ``make prove`` leaves out none."""


def played(strategy: StrategyName, *events: Event) -> Ending:
    return play(with_events(story(strategy), *events), SimulatedCompany)


def with_events(scenario: Scenario, *events: Event) -> Scenario:
    return msgspec.structs.replace(scenario, event=cast(Any, events))


@pytest.mark.parametrize("strategy", OURS)
def test_a_runner_that_dies_after_any_call_brings_its_roll_to_an_end(strategy: StrategyName) -> None:
    for call in range(1, calls(strategy) + 1, EVERY):
        ending = played(strategy, Crash(at=0.0, calls=call))
        assert not failed(ending), (call, ending.unmet)


@pytest.mark.parametrize("strategy", OURS)
def test_a_runner_that_dies_again_and_again_brings_its_roll_to_an_end(strategy: StrategyName) -> None:
    ending = played(strategy, *(Crash(at=second / 2, calls=40) for second in range(40)))
    assert not failed(ending), ending.unmet


@pytest.mark.parametrize("of", [name for name in CALLS if name not in ("make-zone-keys", "sign-zone", "submit-ds")])
def test_a_reply_that_is_lost_is_found_out(of: Any) -> None:
    ending = played("staged", LoseAnswer(at=0.0, of=of))
    assert not failed(ending), ending.unmet


ROOM: list[Callable[[float], Event]] = [
    lambda at: DiskFull(at=at, lasts=6.0),
    lambda at: LockStore(at=at, lasts=6.0),
]


@pytest.mark.parametrize("event", ROOM, ids=["full", "held"])
@pytest.mark.parametrize("at", [0.0, 0.3, 5.0])
def test_a_host_that_can_write_nothing_is_waited_for(event: Callable[[float], Event], at: float) -> None:
    ending = played("staged", event(at))
    assert not failed(ending), ending.unmet
    assert {"STORE_FULL", "STORE_LOCKED"} & ending.waits
    assert ending.took is not None
    assert ending.took > 6.0


ON_SQLITE: list[Event] = [
    DiskFull(at=0.3, lasts=4.0),
    LockStore(at=0.3, lasts=4.0),
    Crash(at=0.0, calls=500),
    LoseStore(at=0.3),
    RestoreStore(at=0.3),
    RestoreStore(at=1.02),
]


@pytest.mark.parametrize("event", ON_SQLITE)
def test_on_sqlite_it_is_as_in_memory(event: Event, tmp_path: Path) -> None:
    with on_files(tmp_path / "world") as hire:
        ending = play(with_events(story("staged"), event), hire)
    assert not failed(ending), ending.unmet
    codes = {"disk-full": "STORE_FULL", "lock-store": "STORE_LOCKED"}
    expected = codes.get(str(event.__struct_config__.tag))
    assert expected is None or expected in ending.waits


@pytest.mark.parametrize("seconds", [-1800.0, -60.0, 60.0, 1800.0])
def test_a_clock_that_is_set_wrong_and_right_again_costs_time_alone(seconds: float) -> None:
    ending = played("staged", StepClock(at=3.1, seconds=seconds, lasts=7.3))
    assert not failed(ending), ending.unmet
    assert ending.took is not None
    assert ending.took < 90


# -- other hands ------------------------------------------------------------------------------------------------------

UNASKED = msgspec.structs.replace(story("staged"), world=World(lags=(0.7,), ttl=1, clients=8, pace=0.5))
"""A CA that asks nothing, so that other hands get a certificate too."""
HARM: list[Event] = [
    ForeignRenewal(at=4.0, harms=True),
    Edit(at=4.0, remove_all=True, harms=True),
    Edit(at=4.0, remove_all=True, add=("3 1 1 foreign",), harms=True),
]


@pytest.mark.parametrize("event", HARM)
def test_whom_other_hands_refuse_is_counted_apart_until_all_is_mended(event: Event) -> None:
    ending = play(with_events(UNASKED, event), SimulatedCompany)
    assert not failed(ending), ending.unmet
    assert ending.refused == ()
    assert ending.refused_by_others > 0
    ((begin, end),) = ending.harmed
    assert all(begin <= c.at <= end for c in ending.connections if c.refused)


@pytest.mark.parametrize("event", HARM)
def test_without_that_word_they_count_as_ours(event: Event) -> None:
    ending = play(with_events(UNASKED, msgspec.structs.replace(event, harms=False)), SimulatedCompany)
    assert ending.refused_by_others == 0
    assert len(ending.refused) > 0
    assert failed(ending)


def test_what_other_hands_wrote_is_theirs_when_it_is_served_at_last_too() -> None:
    """All may be at rest before: nobody can see what no server has loaded."""
    events = (IdleZoneReload(at=3.0, lasts=30.0), Edit(at=4.0, remove_all=True, add=("3 1 1 foreign",), harms=True))
    many = World(lags=(0.7,), ttl=1, clients=24, pace=0.1)
    ending = play(with_events(msgspec.structs.replace(UNASKED, rolls=(), world=many), *events), SimulatedCompany)
    assert not failed(ending), ending.unmet
    assert ending.refused == ()
    assert ending.refused_by_others > 0


def test_harm_done_while_a_runner_looks_is_not_mended_by_what_it_saw_before() -> None:
    """Also where an authority is then silent, and the runner does not dare for long to mend it."""
    slow = World(lags=(3.0,), ttl=1, clients=12, pace=1.0, most_delay=0.9, seed=2700)
    rolls: tuple[Roll, ...] = ("request", "renewal", "renewal", "renewal", "renewal", "renewal")
    scenario = Scenario(title="a", strategy="standby", rolls=rolls, world=slow, limits={"pass_interval": 1.0})
    harm = AddAddress(at=68.901, ip="198.51.100.81", chain="foreign", harms=True)
    ending = play(with_events(scenario, Kill(at=10.726), harm, Silence(at=69.53, lasts=6.035)), SimulatedCompany)
    assert not failed(ending), ending.unmet
    assert ending.refused_by_others > 40


def test_harm_that_has_not_taken_effect_yet_is_not_mended() -> None:
    """What others switch to by hand may come late, as a switch of ours may."""
    world = World(lags=(0.7,), ttl=1, clients=12, pace=0.2)
    scenario = msgspec.structs.replace(
        UNASKED, strategy="standby", rolls=(), world=world, limits={"pass_interval": 1.0}
    )
    late, harm = DelaySwitch(at=8.4, seconds=2.2), ForeignRenewal(at=8.5, harms=True)
    ending = play(with_events(scenario, late, harm, Silence(at=9.7, lasts=15.0)), SimulatedCompany)
    assert not failed(ending), ending.unmet
    assert ending.refused_by_others > 60


def returning(*, harmless: bool) -> Ending:
    """A secondary brings back an address that left the zone before the key was changed: it has the old key still."""
    slow = World(lags=(3.0,), ttl=3, clients=12, pace=1.0)
    scenario = msgspec.structs.replace(story("staged"), world=slow)
    restore = Restore(at=40.0, lasts=8.0, back=3, harmless=harmless)
    return play(with_events(scenario, RemoveAddress(at=4.5), restore), SimulatedCompany)


def test_an_address_that_a_secondary_brings_back_is_harmless_only_if_all_authorities_name_its_key() -> None:
    assert len(returning(harmless=False).refused) > 0
    ending = returning(harmless=True)
    assert not failed(ending), ending.unmet


# -- a play -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", [LoseStore(at=0.0), RestoreStore(at=0.0)])
def test_an_operator_whose_word_was_lost_with_the_store_says_it_again(event: Event) -> None:
    ending = played("staged", event)
    assert not failed(ending), ending.unmet
    assert ending.spent != ()


def test_no_two_certificates_are_the_same() -> None:
    """Not of one key, in one second either: a CA has serial numbers."""
    ca = SimCA(VirtualClock(), lambda challenge: True)
    order, csr = OrderState((dns.name.from_text("www.example.net."),)), (7).to_bytes(4, "big")
    one, other = (asyncio.run(ca.advance(order, csr)) for _ in range(2))
    assert isinstance(one, Issued)
    assert isinstance(other, Issued)
    assert one.chain != other.chain


# -- each of them strikes ---------------------------------------------------------------------------------------------


@dataclass
class Port:
    """Something that is done by a call."""

    done: int = 0
    plain: str = "as it is"

    async def switch(self) -> str:
        self.done += 1
        return "done"

    async def append(self) -> None:
        self.done += 1


def test_after_its_last_call_a_runner_does_nothing_more() -> None:
    hazards, port = Hazards(death=2), Port()
    beset = hazards.beset(port)
    assert asyncio.run(beset.switch()) == "done"
    for _ in range(3):
        with pytest.raises(DeathError):
            asyncio.run(beset.switch())
    assert port.done == 2
    hazards.begin()
    assert asyncio.run(beset.switch()) == "done"


def test_a_reply_is_lost_once_and_what_was_asked_for_is_done() -> None:
    hazards, port = Hazards(lost={"switch", "append"}), Port()
    beset = hazards.beset(port)
    with pytest.raises(TimeoutError):
        asyncio.run(beset.switch())
    with pytest.raises(DanelawError, match="STORE_STUCK"):
        asyncio.run(beset.append())
    assert port.done == 2
    assert asyncio.run(beset.switch()) == "done"


@pytest.mark.parametrize(("hazards", "code"), [(Hazards(full=True), "STORE_FULL"), (Hazards(locked=True), "LOCKED")])
def test_what_cannot_be_written_is_not_done(hazards: Hazards, code: str) -> None:
    port = Port()
    beset = hazards.beset(port)
    with pytest.raises(DanelawError, match=code):
        asyncio.run(beset.append())
    assert asyncio.run(beset.switch()) == "done"
    assert port.done == 1
    assert beset.plain == "as it is"


def test_what_befalls_the_host_is_written_and_read() -> None:
    events = (Crash(at=1.0, calls=3), LoseAnswer(before="switch", of="record"), DiskFull(at=2.0, lasts=1.0))
    scenario = with_events(story("pinned"), *events, LockStore(at=3.0, lasts=2.0))
    assert read(write(scenario)) == scenario
