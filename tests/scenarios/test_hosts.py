"""One credential on several hosts, and at several ports, in virtual time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from operating import ECDSA, QUARTERS, SOON, Operation, records, two_hosts
from strategic import HASTE
from virtual import served_tlsa

from danelaw.core.model import HostName, Limits
from danelaw.core.rollover.actions import Switch
from danelaw.core.rollover.succession import Strategy

pytestmark = pytest.mark.slow

SECOND = timedelta(seconds=1)
WEB1, WEB2 = HostName("web1"), HostName("web2")


def two(strategy: Strategy = Strategy.STAGED, limits: Limits = HASTE, lifetime: timedelta | None = None) -> Operation:
    play = Operation(ECDSA, hosts=two_hosts(), strategy=strategy, limits=limits, pace=limits.pass_interval / SECOND)
    if lifetime is not None:
        play.world.ca.lifetime = lifetime
    play.settle(600)
    return play


def switched(play: Operation, begun: int = 0) -> list[HostName]:
    """The hosts, in the order in which they were switched."""
    return [p.acting.host for p in play.told[begun:] if isinstance(p.acting, Switch)]


# hosts


@pytest.mark.parametrize("strategy", [Strategy.STAGED, Strategy.STANDBY])
def test_hosts_are_switched_one_after_the_other(strategy: Strategy) -> None:
    play = two(strategy)
    before, begun = play.serving(ECDSA, WEB1), len(play.told)
    play.ask()
    play.run(lambda: play.serving(ECDSA, WEB2).spki != before.spki)
    play.settle()
    assert switched(play, begun) == [WEB1, WEB2]
    assert play.serving(ECDSA, WEB1) == play.serving(ECDSA, WEB2)
    assert not records(before) & served_tlsa(play.world)
    assert play.refused == []


def test_the_second_host_waits_until_the_first_presents_the_new_chain() -> None:
    play = two()
    before = play.serving(ECDSA, WEB1)
    play.world.servers.addresses[0].stuck = True
    play.ask()
    wait = play.run_until_waiting("NOT_CONFIRMED")
    assert "192.0.2.80 port 443 still presents another chain" in wait.because
    play.run_for(30)
    assert play.serving(ECDSA, WEB2) == before
    assert records(before) <= served_tlsa(play.world)
    play.world.servers.addresses[0].stuck = False
    play.settle()
    assert play.serving(ECDSA, WEB2) == play.serving(ECDSA, WEB1) != before
    assert play.refused == []


def test_while_one_host_is_stuck_nothing_is_withdrawn_and_it_is_named() -> None:
    play = two()
    before = play.serving(ECDSA, WEB1)
    play.world.servers.addresses[1].stuck = True
    play.ask()
    wait = play.run_until_waiting("NOT_CONFIRMED")
    assert "2001:db8::80 port 443 still presents another chain" in wait.because
    assert play.serving(ECDSA, WEB1) != before
    play.run_for(30)
    assert records(before, play.serving(ECDSA, WEB1)) == served_tlsa(play.world)
    play.world.servers.addresses[1].stuck = False
    play.settle()
    assert served_tlsa(play.world) == records(play.serving(ECDSA, WEB1))
    assert play.refused == []


@pytest.mark.parametrize(
    ("strategy", "lost"),
    [(Strategy.STAGED, WEB1), (Strategy.STAGED, WEB2), (Strategy.STANDBY, WEB1), (Strategy.PINNED, WEB1)],
)
def test_a_host_that_cannot_be_reached_starves_no_other(strategy: Strategy, lost: HostName) -> None:
    """Its own certificate runs out at last, for that nobody can help; the other's never does."""
    play = two(strategy, SOON, QUARTERS)
    play.world.servers.cut_off.add(lost)
    other = WEB2 if lost == WEB1 else WEB1
    address = next(a for a in play.world.servers.addresses if a.host == other)
    for _ in range(8):
        play.run_for(900)
        path = play.path(ECDSA, other)
        assert path is not None
        assert path.chain == address.chain
        assert play.ends(ECDSA, other) > play.world.clock.now() + timedelta(minutes=45)


def test_what_lies_on_the_path_of_a_host_that_cannot_be_asked_is_not_forgotten() -> None:
    play = two()
    before = play.serving(ECDSA, WEB1)
    play.world.servers.cut_off.add(WEB2)
    play.ask()
    play.run(lambda: play.serving(ECDSA, WEB1) != before)
    play.run_for(60)
    assert records(before) <= served_tlsa(play.world)
    assert before.generation not in play.world.credentials.destroyed
    play.world.servers.cut_off.clear()
    play.settle()
    assert served_tlsa(play.world) == records(play.serving(ECDSA, WEB2))
    assert play.refused == []


def test_a_lost_key_is_left_on_every_host_though_one_cannot_be_reached() -> None:
    play = two(Strategy.STANDBY, replace(HASTE, linger=timedelta(days=7)))
    lost = play.serving(ECDSA, WEB2)
    play.world.servers.cut_off.add(WEB1)
    play.ask(emergency=True)
    play.run(lambda: play.serving(ECDSA, WEB2).spki != lost.spki, 30)
    play.world.servers.cut_off.clear()
    play.run(lambda: not records(lost) & served_tlsa(play.world), 60)
    assert play.refused == []


# ports


def test_a_roll_waits_for_the_records_of_every_port() -> None:
    play = Operation(ECDSA, ports=(443, 465, 587), strategy=Strategy.STAGED)
    play.settle()
    for port in (465, 587):
        play.watched_by(play.world.crowd_at(port))
    before = play.serving()
    play.world.ca.suggest_renewal()
    play.run(lambda: play.serving() != before)
    assert all(records(before, play.serving()) == play.published(port) for port in (443, 465, 587))
    play.settle()
    assert all(records(play.serving()) == play.published(port) for port in (443, 465, 587))
    assert play.refused == []


@pytest.mark.parametrize("strategy", Strategy)
def test_a_port_that_is_added_gets_the_records_of_what_it_presents(strategy: Strategy) -> None:
    play = Operation(ECDSA, strategy=strategy)
    play.settle()
    serving = play.serving()
    play.configure(ports=(443, 465))
    play.settle()
    assert play.published(465) == play.published(443) >= records(serving)
    play.watched_by(play.world.crowd_at(465))
    play.ask()
    play.run(lambda: play.serving().spki != serving.spki)
    play.settle()
    assert play.published(465) == play.published(443)
    assert play.refused == []


def test_a_port_that_is_added_before_its_server_gets_records_when_that_presents_what_they_match() -> None:
    play = Operation(ECDSA, strategy=Strategy.STAGED)
    play.settle()
    play.world.servers.closed.add(465)
    play.configure(ports=(443, 465))
    wait = play.run_until_waiting("NOT_CONFIRMED")
    assert "port 465" in wait.because
    assert play.published(465) == frozenset()
    play.world.servers.closed.clear()
    play.settle()
    assert play.published(465) == records(play.serving())
    assert play.refused == []


def test_a_port_whose_server_is_not_there_yet_starves_no_renewal() -> None:
    play = Operation(ECDSA, strategy=Strategy.STAGED, limits=SOON, pace=30)
    play.world.ca.lifetime = QUARTERS
    play.settle(600)
    play.world.servers.closed.add(465)
    play.configure(ports=(443, 465))
    for _ in range(8):
        play.run_for(900)
        assert play.ends() > play.world.clock.now() + timedelta(minutes=45)
    assert play.refused == []


@pytest.mark.parametrize("host", [WEB1, WEB2])
def test_a_host_that_cannot_be_probed_from_here_is_waived_though_it_has_no_other_address(host: HostName) -> None:
    """It is switched like the others, when clients hold the union; what comes of it is the operator's to see."""
    play = two()
    before = play.serving(ECDSA, host)
    address = next(a for a in play.world.servers.addresses if a.host == host)
    address.silent = True
    play.ask()
    play.run_for(30)
    assert before in (play.serving(ECDSA, WEB1), play.serving(ECDSA, WEB2))
    play.waive(address.ip)
    play.settle()
    assert play.serving(ECDSA, WEB1) == play.serving(ECDSA, WEB2) != before
    assert served_tlsa(play.world) == records(play.serving(ECDSA, host))
    second = play.serving(ECDSA, host)
    play.ask()
    play.run(lambda: play.serving(ECDSA, host) != second)
    play.settle()
    assert play.refused == []
