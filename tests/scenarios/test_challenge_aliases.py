"""Challenges by DNS whose owners are aliases into a zone of their own: the real engine, and a CA that follows."""

from __future__ import annotations

import dns.name
import pytest
from dns.name import Name, from_wire
from test_aliases import Aliased

from danelaw.core.model import Challenge, ChallengeType, RRset
from danelaw.core.rollover.actions import Publish
from danelaw.core.rollover.challenges import MOST_ALIASES, challenge_owner, txt_rdata
from danelaw.worlds.sim.aliased import HOSTING, WEB, Hosting, Shop
from danelaw.worlds.sim.world import HOST, TXT, ZONE, SimWorld
from danelaw.worlds.sim.zone import CNAME

pytestmark = pytest.mark.slow

PROOF = challenge_owner(HOST)
THERE = dns.name.from_text("www.acme.hosting.net.")
OTHERS = txt_rdata("v=spf1 -all")


def proving(*aliases: tuple[Name, Name], **options: object) -> Aliased:
    """A runner whose CA asks the DNS, in a world with these aliases."""
    hosting = Hosting(SimWorld(lag=1.0))
    for name, target in aliases:
        hosting.point(name, target)
    hosting.settle()
    hosting.world.ca.challenges = ChallengeType.DNS_01
    hosting.world.ca.look = lambda challenge: found(hosting, challenge)
    return Aliased(hosting, challenge=ChallengeType.DNS_01, **options)  # type: ignore[arg-type]  # as it takes them


def found(hosting: Hosting, challenge: Challenge) -> bool:
    """Whether a CA that asks any authority of any zone on the way finds the response."""
    return all(
        txt_rdata(challenge.response) in texts(hosting, challenge_owner(challenge.identifier), server)
        for server in range(2)
    )


def texts(hosting: Hosting, owner: Name, server: int = 0) -> frozenset[bytes]:
    for _ in range(2 * MOST_ALIASES):
        content = hosting.of(owner).authorities[server].content
        if (alias := content.rrsets.get((owner, CNAME))) is None:
            there = content.rrsets.get((owner, TXT))
            return there.rdatas if there is not None else frozenset()
        owner = from_wire(next(iter(alias.rdatas)), 0)[0]
    return frozenset()


def written(runner: Aliased) -> set[tuple[Name, Name]]:
    changes = (p.acting for p in runner.told if isinstance(p.acting, Publish))
    return {(change.zone, change.replace.owner) for change in changes if change.replace.type == TXT}


def test_a_response_is_published_where_the_alias_leads_and_taken_away_there() -> None:
    runner = proving((PROOF, THERE)).settled()
    runner.roll()
    assert runner.nobody_was_refused()
    assert written(runner) == {(HOSTING, THERE)}
    assert texts(runner.hosting, PROOF) == frozenset()


def test_two_names_with_one_owner_have_both_their_responses_there() -> None:
    runner = proving((PROOF, THERE), (challenge_owner(WEB), THERE), names=(HOST, WEB))
    most = 0

    def look(challenge: Challenge) -> bool:
        nonlocal most
        most = max(most, len(texts(runner.hosting, THERE)))
        return found(runner.hosting, challenge)

    runner.world.ca.look = look
    runner.hosting.give(WEB, [])
    runner.settled()
    runner.roll()
    assert most == 2
    assert texts(runner.hosting, THERE) == frozenset()


def test_what_others_have_there_stays() -> None:
    runner = proving((PROOF, THERE))
    runner.hosting.zone.write(THERE, TXT, RRset(THERE, TXT, 20, frozenset({OTHERS})))
    runner.settled()
    runner.roll()
    assert written(runner) == {(HOSTING, THERE)}
    assert texts(runner.hosting, THERE) == {OTHERS}


def test_aliases_of_aliases_are_followed_from_zone_to_zone() -> None:
    back = dns.name.from_text("proofs.dotnxdomain.net.")
    runner = proving((PROOF, THERE), (THERE, back)).settled()
    runner.roll()
    assert runner.nobody_was_refused()
    assert written(runner) == {(ZONE, back)}


def test_a_zone_of_others_is_told_with_what_to_publish_there() -> None:
    runner = proving((PROOF, THERE), ours=False)
    told = runner.run_until_waiting("CHALLENGE_ELSEWHERE").because
    assert f"{PROOF} leads to {THERE} in the zone {HOSTING}" in told
    response = told.partition('TXT "')[2].partition('"')[0]
    runner.hosting.zone.write(THERE, TXT, RRset(THERE, TXT, 20, frozenset({txt_rdata(response)})))
    runner.run(lambda: runner.world.servers.path is not None)
    assert written(runner) == set()


@pytest.mark.parametrize(
    ("aliases", "why"),
    [
        (((PROOF, THERE), (THERE, PROOF)), "leads back to"),
        (
            (
                (PROOF, dns.name.from_text("a0.hosting.net.")),
                *(
                    (dns.name.from_text(f"a{i}.hosting.net."), dns.name.from_text(f"a{i + 1}.hosting.net."))
                    for i in range(MOST_ALIASES)
                ),
            ),
            f"more than {MOST_ALIASES} aliases",
        ),
    ],
)
def test_aliases_without_end_are_refused(aliases: tuple[tuple[Name, Name], ...], why: str) -> None:
    runner = proving(*aliases)
    assert why in runner.run_until_waiting("CHALLENGE_ALIAS").because
    assert written(runner) == set()


def test_an_alias_that_moves_in_the_middle_of_an_order_leaves_nothing_behind() -> None:
    further = dns.name.from_text("further.hosting.net.")
    runner = proving((PROOF, THERE)).settled()
    runner.ask()
    runner.run(lambda: bool(texts(runner.hosting, THERE)))
    runner.hosting.point(PROOF, further)
    runner.rest()
    runner.run_for(120)
    runner.roll()
    assert {place for _, place in written(runner)} == {THERE, further}
    assert texts(runner.hosting, THERE) == texts(runner.hosting, further) == frozenset()


def test_services_that_share_an_owner_leave_each_others_responses_alone() -> None:
    hosting = Hosting(SimWorld(lag=1.0))
    shop = Shop(hosting)
    for name in (HOST, shop.reached().endpoint.host):
        hosting.point(challenge_owner(name), THERE)
    for ca in (hosting.world.ca, shop.ca):
        ca.challenges, ca.look = ChallengeType.DNS_01, lambda challenge: found(hosting, challenge)
    runner = Aliased(hosting, challenge=ChallengeType.DNS_01, shop=shop).settled()
    runner.roll()
    assert runner.nobody_was_refused()
    assert texts(hosting, THERE) == frozenset()
