"""From hints down to the servers that know: whom an iteration asks, what it takes from whom, and where it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import dns.name
import pytest
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.iterate import Asked, Delegation, Delegations, Iteration, IterationBounds
from danelaw.core.model import IP, Instant, Message, Question, Silence
from danelaw.worlds.replay.records import read_question, read_record

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ROOT, NET, EXAMPLE, SECOND, STRANGER = (ip_address(f"192.0.2.{last}") for last in (1, 2, 11, 12, 66))
WWW = "www.example.net. A"
Script = Mapping[tuple[IP, str], Message | Silence]


def question(text: str) -> Question:
    return read_question(text, dns.name.root)


def said(answer: str = "", authority: str = "", additional: str = "", rcode: int = 0) -> Message:
    sections = (tuple(map(read_record, filter(None, text.split("\n")))) for text in (answer, authority, additional))
    return Message(0, 0x8000, rcode, (), *sections)


TO_NET = said(authority="net. NS a.net.", additional="a.net. A 192.0.2.2")
TO_EXAMPLE = said(authority="example.net. NS ns.example.net.", additional="ns.example.net. A 192.0.2.11")
ADDRESS = said("www.example.net. A 192.0.2.80")
HONEST: Script = {(ROOT, WWW): TO_NET, (NET, WWW): TO_EXAMPLE, (EXAMPLE, WWW): ADDRESS}


class Resolution:
    """One iteration, or several that share what they learned, and who was asked what."""

    def __init__(self, script: Script, hints: tuple[Delegation, ...] | None = None) -> None:
        self.script = dict(script)
        self.asked: list[tuple[IP, str]] = []
        self.delegations = Delegations(hints or (Delegation(dns.name.root, (ROOT,)),))

    def __call__(
        self, text: str, now: Instant = NOW, *, shunned: set[Asked] | None = None, bounds: IterationBounds | None = None
    ) -> Message | Silence:
        walk = Iteration(self.delegations, now, shunned=shunned or set(), bounds=bounds).resolve(question(text))
        try:
            asked = next(walk)
            while True:
                self.asked.append((asked.server, f"{asked.question.name} {T.make(asked.question.type).name}"))
                asked = walk.send(self.script.get(self.asked[-1], Silence("TIMEOUT")))
        except StopIteration as done:
            reply: Message | Silence = done.value
            return reply

    @property
    def servers(self) -> list[IP]:
        return [server for server, _ in self.asked]


def test_referrals_lead_down_to_the_answer() -> None:
    resolution = Resolution(HONEST)
    assert resolution(WWW) == ADDRESS
    assert resolution.servers == [ROOT, NET, EXAMPLE]


def test_what_a_referral_taught_is_known_until_its_ttl_is_over() -> None:
    resolution = Resolution(HONEST)
    resolution(WWW)
    resolution(WWW, NOW + timedelta(seconds=3599))
    assert resolution.servers[3:] == [EXAMPLE]
    resolution(WWW, NOW + timedelta(seconds=3600))
    assert resolution.servers[4:] == [ROOT, NET, EXAMPLE]


def test_a_ds_is_asked_of_the_zone_above() -> None:
    ds = said("example.net. DS 1 13 2 " + "00" * 32)
    resolution = Resolution({**HONEST, (NET, "example.net. DS"): ds})
    resolution(WWW)
    assert resolution("example.net. DS") == ds
    assert resolution.asked[-1] == (NET, "example.net. DS")


SIGNED = (
    "example.net. NS ns.example.net.\nexample.net. 60 DS 1 13 2 " + "00" * 32 + "\n"
    "example.net. 60 RRSIG DS 13 2 60 20260401000000 20260201000000 1 net. AAAA"
)


def test_a_ds_that_came_with_a_referral_is_not_asked_for_until_its_ttl_is_over() -> None:
    referral = replace(TO_EXAMPLE, authority=said(authority=SIGNED).authority)
    resolution = Resolution({**HONEST, (NET, WWW): referral})
    resolution(WWW)
    reply = resolution("example.net. DS", NOW + timedelta(seconds=20))
    assert isinstance(reply, Message)
    assert [(record.type, record.ttl) for record in reply.answer] == [(T.DS, 40), (T.RRSIG, 40)]
    assert len(resolution.asked) == 3
    resolution("example.net. DS", NOW + timedelta(seconds=60))
    assert resolution.asked[3:] == [(NET, "example.net. DS")]


def test_a_ds_that_came_with_a_referral_is_asked_for_if_that_was_of_no_use() -> None:
    referral = replace(TO_EXAMPLE, authority=said(authority=SIGNED).authority)
    resolution = Resolution({**HONEST, (NET, WWW): referral})
    resolution(WWW)
    resolution("example.net. DS", shunned={Asked(NET, question("example.net. DS"))})
    assert resolution.asked[3:] == [(NET, "example.net. DS")]


def test_the_parents_ns_records_are_no_referral_for_a_ds() -> None:
    resolution = Resolution({**HONEST, (NET, "example.net. DS"): TO_EXAMPLE})
    resolution(WWW)
    assert resolution("example.net. DS") == TO_EXAMPLE


def test_a_ds_in_the_authority_section_of_the_reply_to_it_is_an_answer() -> None:
    resolution = Resolution({**HONEST, (NET, "example.net. DS"): said(authority=SIGNED)})
    resolution(WWW)
    reply = resolution("example.net. DS")
    assert isinstance(reply, Message)
    assert [record.type for record in reply.answer] == [T.DS, T.RRSIG]


TWO = said(
    authority="example.net. NS ns.example.net.\nexample.net. NS ns2.example.net.",
    additional="ns.example.net. A 192.0.2.11\nns2.example.net. A 192.0.2.12",
)


@pytest.mark.parametrize(
    "useless",
    [
        Silence("TIMEOUT"),
        said(rcode=5),
        said(rcode=2),
        said(authority=". NS a."),
        said(authority="net. NS a.net."),
    ],
    ids=["silence", "REFUSED", "SERVFAIL", "to the root", "to the parent"],
)
def test_a_server_of_no_use_is_passed_over(useless: Message | Silence) -> None:
    resolution = Resolution({**HONEST, (NET, WWW): TWO, (EXAMPLE, WWW): useless, (SECOND, WWW): ADDRESS})
    assert resolution(WWW) == ADDRESS
    assert resolution.servers == [ROOT, NET, EXAMPLE, SECOND]


def test_where_all_fail_the_last_failure_is_told() -> None:
    resolution = Resolution(
        {**HONEST, (NET, WWW): TWO, (EXAMPLE, WWW): Silence("TIMEOUT"), (SECOND, WWW): said(rcode=2)}
    )
    assert resolution(WWW) == said(rcode=2)


def test_the_shunned_are_asked_last() -> None:
    resolution = Resolution({**HONEST, (NET, WWW): TWO, (SECOND, WWW): ADDRESS})
    resolution(WWW, shunned={Asked(EXAMPLE, question(WWW))})
    assert resolution.servers == [ROOT, NET, SECOND]


def test_a_server_without_glue_is_looked_up() -> None:
    bare = said(authority="example.net. NS ns.other.net.")
    other = said(authority="other.net. NS ns.other.net.", additional="ns.other.net. A 192.0.2.12")
    script = {
        **HONEST,
        (NET, WWW): bare,
        (ROOT, "ns.other.net. A"): TO_NET,
        (NET, "ns.other.net. A"): other,
        (SECOND, "ns.other.net. A"): said("ns.other.net. A 192.0.2.11"),
    }
    resolution = Resolution(script)
    assert resolution(WWW) == ADDRESS
    assert resolution.servers == [ROOT, NET, NET, SECOND, EXAMPLE]


def test_glue_for_names_that_do_not_serve_the_zone_is_not_taken() -> None:
    poisoned = replace(TO_EXAMPLE, additional=said(additional="www.example.net. A 192.0.2.66").additional)
    resolution = Resolution({**HONEST, (NET, WWW): poisoned, (STRANGER, WWW): said("www.example.net. A 192.0.2.66")})
    resolution(WWW)
    assert STRANGER not in resolution.servers


@pytest.mark.parametrize("section", ["answer", "authority", "additional"])
def test_what_lies_outside_of_a_servers_zone_is_not_taken(section: str) -> None:
    stray = (read_record("www.example.org. A 192.0.2.66"),)
    both = replace(
        ADDRESS,
        answer=ADDRESS.answer + stray * (section == "answer"),
        authority=stray * (section == "authority"),
        additional=stray * (section == "additional"),
    )
    assert Resolution({**HONEST, (EXAMPLE, WWW): both})(WWW) == ADDRESS


@pytest.mark.parametrize(
    "alias",
    [
        "www.example.net. CNAME host.example.net.",
        "example.net. DNAME example.org.\nwww.example.net. CNAME www.example.org.",
    ],
)
def test_where_an_alias_leads_is_to_be_asked_for(alias: str) -> None:
    """Though the server tells it, unasked, signed or not: another reply may be the better one."""
    resolution = Resolution({**HONEST, (EXAMPLE, WWW): said(f"{alias}\nhost.example.net. A 192.0.2.66")})
    assert resolution(WWW) == said(alias)


@pytest.mark.timeout(10)
def test_servers_that_need_each_other_end_the_search() -> None:
    circle = {
        (ROOT, WWW): said(authority="example.net. NS ns.other.net."),
        (ROOT, "ns.other.net. A"): said(authority="other.net. NS ns.example.net."),
        (ROOT, "ns.other.net. AAAA"): said(authority="other.net. NS ns.example.net."),
    }
    resolution = Resolution(circle)
    assert isinstance(resolution(WWW), Silence)
    assert resolution.asked == [(ROOT, WWW), (ROOT, "ns.other.net. A")]


def endless(text: str, make: Callable[[int], Message], bounds: IterationBounds | None = None) -> int:
    """How many questions are asked where every server has yet another reply."""
    walk = Iteration(Delegations((Delegation(dns.name.root, (ROOT,)),)), NOW, bounds=bounds).resolve(question(text))
    next(walk)
    for count in range(1, 1000):
        try:
            walk.send(make(count))
        except StopIteration:
            return count
    return 1000


def test_a_chain_of_referrals_ends_with_the_name() -> None:
    name = ".".join("abcdefghij")

    def lower(count: int) -> Message:
        zone = ".".join(name.split(".")[-count:]) + "."
        return said(authority=f"{zone} NS ns.{zone}", additional=f"ns.{zone} A 192.0.2.{count}")

    assert endless(f"{name}. A", lower) == 11


@pytest.mark.timeout(10)  # each name is looked up once, or this has no end
@pytest.mark.parametrize("names", [1, 20])
def test_name_servers_named_in_ever_new_zones_are_not_chased_far(names: int) -> None:
    def sideways(count: int) -> Message:
        zones = ("net.", f"z{count - 1}.")
        return said(authority="\n".join(f"{zone} NS ns{n}.z{count}." for n in range(names) for zone in zones))

    assert endless("www.net. A", sideways) == IterationBounds().depth + 1
    assert endless("www.net. A", sideways, IterationBounds(depth=99)) == IterationBounds().asked


def test_a_bound_on_questions_holds() -> None:
    servers = "\n".join(f"net. NS ns{n}.net." for n in range(40))
    addresses = "\n".join(f"ns{n}.net. A 192.0.2.{n}" for n in range(40))
    many = said(authority=servers, additional=addresses)
    count = endless("www.net. A", lambda count: many if count == 1 else said(rcode=2), IterationBounds(asked=8))
    assert count == 8


def test_what_a_forwarder_says_is_taken_as_it_is() -> None:
    forwarded = said("www.example.net. CNAME www.example.org.\nwww.example.org. A 192.0.2.90", "net. NS a.net.")
    resolution = Resolution({(STRANGER, WWW): forwarded}, (Delegation(dns.name.root, (STRANGER,), recursive=True),))
    assert resolution(WWW) == forwarded


def test_without_hints_nobody_is_asked() -> None:
    resolution = Resolution({}, (Delegation(dns.name.from_text("org."), (ROOT,)),))
    assert resolution(WWW) == Silence("UNREACHABLE", "no server is known for www.example.net.")
    assert not resolution.asked
