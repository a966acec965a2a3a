"""A newer certificate of the key that a host serves already changes no record: it waits for nothing else.

What is in the way here stays in the way for ever: records that cannot be published, a host that is in the DNS no more,
a roll that has come to one of two hosts only, an alias of nothing. No certificate runs out.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import dns.name
import pytest
from operating import ECDSA, QUARTERS, SOON, Operation, records, two_hosts
from virtual import SERVICE, served_tlsa

from danelaw.app.engine import Engine
from danelaw.app.toolbox import Subjects
from danelaw.core.model import Absence, HostName, RRset
from danelaw.core.rollover.planner import DesiredService, Wait
from danelaw.core.rollover.succession import Strategy
from danelaw.core.tlsa import Combination
from danelaw.worlds.sim.world import AAAA, HOST, LOCAL, TLSA_OWNER
from danelaw.worlds.sim.zone import CNAME

pytestmark = pytest.mark.slow

WEB1, WEB2 = HostName("web1"), HostName("web2")


def two(strategy: Strategy) -> Operation:
    play = Operation(ECDSA, hosts=two_hosts(), strategy=strategy, limits=SOON, pace=30)
    play.world.ca.lifetime = QUARTERS
    play.settle(600)
    return play


def goes_on(play: Operation, *hosts: HostName) -> bool:
    """For several lifetimes of a certificate."""
    for _ in range(6):
        play.run_for(900)
        ends = {host: play.ends(ECDSA, host) - play.world.clock.now() for host in hosts}
        assert min(ends.values()) > timedelta(minutes=45), play.latest().plan
    return play.refused == []


def test_records_that_cannot_be_published_hold_up_no_renewal() -> None:
    """The operator wants other parameters, and nobody may write to the zone."""
    play = Operation(ECDSA, strategy=Strategy.PINNED, limits=SOON, pace=30)
    play.world.ca.lifetime = QUARTERS
    play.settle(600)
    before = served_tlsa(play.world)
    service = play.engine.subjects[SERVICE]
    assert isinstance(service, DesiredService)
    more = replace(service, combinations=(Combination(3, 1, 1), Combination(3, 1, 2)))
    play.engine = Engine(play.engine._tools, Subjects({SERVICE: more}, play.reach()), play.limits)
    play.world.zone.idle_reload = True
    assert goes_on(play, LOCAL)
    assert served_tlsa(play.world) == before


def test_a_host_that_is_in_the_dns_no_more_starves_no_other_and_is_named() -> None:
    play = two(Strategy.PINNED)
    play.world.zone.write(HOST, AAAA, Absence(HOST, AAAA, 1))
    assert goes_on(play, WEB1)
    wait = play.latest().plan
    assert isinstance(wait, Wait)
    assert wait.because == "no address of www.dotnxdomain.net. that web2 serves is known"


def test_a_roll_that_has_come_to_one_host_only_starves_neither() -> None:
    """Between the two switches the primary falls silent for ever: no key may be switched to that is not served yet."""
    play = two(Strategy.STAGED)
    before = play.serving(ECDSA, WEB2)
    play.ask()
    play.run(lambda: play.serving(ECDSA, WEB1).spki != before.spki)
    play.world.zone.authorities[0].silent = True
    assert goes_on(play, WEB1, WEB2)
    assert play.serving(ECDSA, WEB2).spki == before.spki != play.serving(ECDSA, WEB1).spki
    assert records(before) <= served_tlsa(play.world)


def test_records_that_lead_where_nobody_can_look_hold_up_no_renewal() -> None:
    play = Operation(ECDSA, strategy=Strategy.PINNED, limits=SOON, pace=30)
    play.world.ca.lifetime = QUARTERS
    play.settle(600)
    zone, nowhere = play.world.zone, dns.name.from_text("dane.nowhere.example.")
    rrsets = {key: rrset for key, rrset in zone.source.rrsets.items() if key[0] != TLSA_OWNER}
    zone.source = replace(zone.source, rrsets=rrsets)
    zone.write(TLSA_OWNER, CNAME, RRset(TLSA_OWNER, CNAME, 2, frozenset({nowhere.to_digestable()})))
    assert goes_on(play, LOCAL)
    wait = play.latest().plan
    assert isinstance(wait, Wait)
    assert wait.because == "nobody has answered where the alias _443._tcp.www.dotnxdomain.net. leads"
