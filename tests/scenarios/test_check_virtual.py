"""A check from outside, in a world in virtual time that the engine has brought up."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import dns.name
import pytest
from dns.name import Name
from virtual import LAB_LIMITS, Runner, engine, toolbox

from danelaw.adapters.store.memory import MemoryStore
from danelaw.app.check import check
from danelaw.core.model import Absence, Endpoint, KeyAlgorithm, NotOffered, Reason, RRset, Security, Validated
from danelaw.core.tlsa import TLSA, Reference
from danelaw.core.verdict import Report, Verdict, transcript
from danelaw.ports import Resolver
from danelaw.worlds.sim.service import issue, root_certificate
from danelaw.worlds.sim.world import ENDPOINT, HOST, TLSA_OWNER, SimWorld

A, CNAME, AAAA = 1, 5, 28
REFERENCE = Reference((HOST,), (root_certificate(),))
ALIAS = dns.name.from_text("alias.dotnxdomain.net.")
ALIAS_OWNER = dns.name.from_text("_443._tcp.alias.dotnxdomain.net.")


@pytest.fixture
def world() -> SimWorld:
    """Signed, delegated, certified, its TLSA record published."""
    world = SimWorld()
    Runner(world, engine(world)).settle()
    return world


@dataclass
class Answering:
    """A resolver that has some answers of its own, and what was asked of it."""

    behind: Resolver
    answers: Mapping[tuple[Name, int], Validated]
    asked: list[tuple[Name, int]] = field(default_factory=list)

    async def resolve(self, name: Name, type: int) -> Validated:
        self.asked.append((name, type))
        return self.answers.get((name, type)) or await self.behind.resolve(name, type)


def checked(
    world: SimWorld, answers: Mapping[tuple[Name, int], Validated] | None = None, endpoint: Endpoint = ENDPOINT
) -> Report:
    tools = toolbox(world, MemoryStore(LAB_LIMITS.max_gap))
    tools = replace(tools, resolver=Answering(tools.resolver, answers or {}))
    return asyncio.run(check(endpoint, tools.eyes, REFERENCE))


def codes(report: Report) -> list[str]:
    return [finding.code for finding in report.findings]


def test_what_the_engine_brought_up_is_good(world: SimWorld) -> None:
    report = checked(world)
    assert (report.verdict, report.good, codes(report)) == (Verdict.VALID, True, [])


def test_every_address_is_looked_at(world: SimWorld) -> None:
    lines = transcript(checked(world))
    assert [line for line in lines if line.startswith("Connecting")] == [
        "Connecting to IPv6 address: 2001:db8::80 port 443",
        "Connecting to IPv4 address: 192.0.2.80 port 443",
    ]


def test_a_key_algorithm_that_the_server_does_not_have_is_no_failure(world: SimWorld) -> None:
    probes = checked(world).evidence.probes
    had = (None, KeyAlgorithm.ECDSA)
    assert {probe.got == NotOffered() for probe in probes if probe.hello.algorithm not in had} == {True}
    assert {probe.got == NotOffered() for probe in probes if probe.hello.algorithm in had} == {False}


def test_another_certificate_at_one_address_is_a_mismatch_there(world: SimWorld) -> None:
    other = world.servers.addresses[1]
    other.chain = issue(77, (HOST,), world.clock.now(), world.ca.lifetime)
    report = checked(world)
    assert (report.verdict, report.good) == (Verdict.MISMATCH, False)
    assert [(finding.code, finding.address) for finding in report.findings] == [("TLSA_MISMATCH", other.ip)]


def test_a_silent_address_leaves_the_verdict_open(world: SimWorld) -> None:
    world.servers.addresses[0].silent = True
    report = checked(world)
    assert (report.verdict, report.good, codes(report)) == (Verdict.UNDECIDED, False, ["ADDRESS_UNREACHABLE"])


def test_before_anything_was_done_the_zone_is_insecure() -> None:
    report = checked(SimWorld())
    assert report.verdict is Verdict.INSECURE
    assert codes(report) == ["ZONE_INSECURE", "HANDSHAKE_FAILED", "HANDSHAKE_FAILED"]


def test_where_no_client_gets_through_no_algorithm_is_called_not_offered() -> None:
    assert NotOffered() not in {probe.got for probe in checked(SimWorld()).evidence.probes}


def test_an_address_from_a_bogus_answer_is_not_connected_to(world: SimWorld) -> None:
    forged = RRset(HOST, A, 60, frozenset({world.servers.addresses[0].ip.packed}))
    reason = Reason("NO_SIGNATURE", "RFC 4035 §5.3", "www.dotnxdomain.net. A")
    report = checked(world, {(HOST, A): Validated(HOST, A, Security.BOGUS, (forged,), reasons=(reason,))})
    assert (report.verdict, codes(report)) == (Verdict.BOGUS, ["ANSWER_BOGUS"])
    assert report.case.addresses == (world.servers.addresses[1].ip,)


def aliased(state: Security, tlsa_at_target: bool) -> dict[tuple[Name, int], Validated]:
    """``alias`` is a CNAME for the world's host; TLSA records are at its target, or under the alias itself."""
    link = RRset(ALIAS, CNAME, 60, frozenset({HOST.to_digestable()}))
    world = SimWorld()
    four, six = (world.zone.source.rrsets[HOST, type] for type in (A, AAAA))
    answers = {
        (ALIAS, A): Validated(ALIAS, A, state, (link, four)),
        (ALIAS, AAAA): Validated(ALIAS, AAAA, state, (link, six)),
        (ALIAS_OWNER, TLSA): absent(ALIAS_OWNER),
    }
    return answers if tlsa_at_target else {**answers, (TLSA_OWNER, TLSA): absent(TLSA_OWNER)}


def absent(owner: Name) -> Validated:
    return Validated(owner, TLSA, Security.SECURE, absence=Absence(owner, TLSA, 60))


@pytest.mark.parametrize(
    ("state", "tlsa_at_target", "base", "verdict"),
    [
        (Security.SECURE, True, HOST, Verdict.VALID),
        (Security.SECURE, False, ALIAS, Verdict.NONE),
        (Security.INSECURE, True, ALIAS, Verdict.NONE),
    ],
    ids=["secure alias", "secure alias, nothing at its target", "insecure alias"],
)
def test_the_base_domain_is_where_a_secure_alias_ends(
    world: SimWorld, state: Security, tlsa_at_target: bool, base: Name, verdict: Verdict
) -> None:
    """RFC 7671 §7: the expanded name first, if every link is secure; failing that the original one. SNI follows."""
    report = checked(world, aliased(state, tlsa_at_target), Endpoint(ALIAS, 443))
    assert (report.evidence.base, report.verdict) == (base, verdict)
    assert {probe.hello.sni for probe in report.evidence.probes} == {base}
    assert report.case.reference.names[0] == base
