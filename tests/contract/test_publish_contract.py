"""What every publisher holds to, at the real server that keeps the zone, or at a stand-in for an interface far away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count, pairwise
from pathlib import Path

import dns.name
import pytest
from dns.name import Name
from dns.rdatatype import RdataType as T
from publish_benches import KINDS, Bench, Benches, text
from update_servers import ZONE

from danelaw.core.model import Absence, Answer, DanelawError, RRset, same_content
from danelaw.core.rollover.actions import Conflict, Receipt

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*is DEPRECATED:DeprecationWarning:octodns_bind"),  # its own affair
]

ALIAS = dns.name.from_text("alias.example.net.")
TTL = 3600
"""Seconds. No place that is tried here takes it for too short."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ExitStack, dict[str, object], Path]]:
    with ExitStack() as stack:
        yield stack, {}, tmp_path_factory.mktemp("places")


@pytest.fixture(params=KINDS)
def bench(
    request: pytest.FixtureRequest,
    shared: tuple[ExitStack, dict[str, object], Path],
    require_program: Callable[..., str],
) -> Bench:
    stack, made, folder = shared
    return Benches(folder, require_program, stack, made).bench(request.param)


@pytest.fixture
def owner() -> Name:
    """A name that no other test uses."""
    return dns.name.from_text(f"_443._tcp.host{next(_NUMBERS)}", ZONE)


_NUMBERS = count(1)


def rrset(owner: Name, *ends: int, ttl: int = TTL) -> RRset:
    """TLSA 3 1 1 records, told apart by their last octet."""
    return RRset(owner, T.TLSA, ttl, frozenset(bytes((3, 1, 1)) + bytes(31) + bytes((end,)) for end in ends))


def absent(owner: Name, type: int = T.TLSA) -> Absence:
    return Absence(owner, type, 60)


def seen(bench: Bench, owner: Name, wanted: Answer) -> bool:
    """Whether somebody else finds exactly that there."""
    found = bench.look(owner, wanted.type)
    if isinstance(wanted, Absence):
        return found is None
    return found == (wanted.ttl, frozenset(text(wanted.type, rdata) for rdata in wanted.rdatas))


def test_an_rrset_is_made_replaced_and_removed_and_each_change_shows_in_the_serial(bench: Bench, owner: Name) -> None:
    before = bench.serial()
    versions: tuple[Answer, ...] = (absent(owner), rrset(owner, 1), rrset(owner, 1, 2), rrset(owner, 2), absent(owner))
    for expect, wanted in pairwise(versions):
        receipt = bench.publish(expect, wanted)
        assert isinstance(receipt, Receipt)
        assert seen(bench, owner, wanted)
        assert bench.serial() > before
        before = bench.serial()
        assert receipt.serial == (before if bench.tells_serial else None)


def test_the_ttl_is_the_one_given_and_may_be_changed_alone(bench: Bench, owner: Name) -> None:
    bench.publish(absent(owner), rrset(owner, 1))
    assert isinstance(bench.publish(rrset(owner, 1), rrset(owner, 1, ttl=7200)), Receipt)
    assert seen(bench, owner, rrset(owner, 1, ttl=7200))


def test_done_again_it_changes_nothing(bench: Bench, owner: Name) -> None:
    first = bench.publish(absent(owner), rrset(owner, 1))
    before = bench.serial()
    again = bench.publish(absent(owner), rrset(owner, 1))
    assert isinstance(first, Receipt)
    assert isinstance(again, Receipt)
    assert (again.serial, bench.serial()) == (first.serial, before)


def test_what_is_not_expected_is_found_with_its_ttl_and_left(bench: Bench, owner: Name) -> None:
    nothing, one, two, both = absent(owner), rrset(owner, 1), rrset(owner, 2), rrset(owner, 1, 2)
    cases: tuple[tuple[Answer, Answer, tuple[Answer, ...]], ...] = (
        (nothing, nothing, (one,)),
        (nothing, one, (nothing, two, both)),
        (one, both, (one,)),
    )
    for last, there, wrong in cases:
        assert isinstance(bench.publish(last, there), Receipt)
        before = bench.serial()
        for expect in wrong:
            outcome = bench.publish(expect, rrset(owner, 9))
            assert isinstance(outcome, Conflict)
            assert same_content(outcome.found, there)
            assert isinstance(there, Absence) or outcome.found.ttl == TTL
        assert seen(bench, owner, there)
        assert bench.serial() == before


def test_an_alias_in_the_place_of_the_rrset_is_found(bench: Bench) -> None:
    outcome = bench.publish(absent(ALIAS), rrset(ALIAS, 1))
    assert isinstance(outcome, Conflict)
    assert (outcome.found.owner, outcome.found.type) == (ALIAS, T.CNAME)


def test_responses_to_dns01_come_and_go_whatever_ttl_the_place_makes_of_them(bench: Bench, owner: Name) -> None:
    at = dns.name.Name((b"_acme-challenge", *owner.labels[2:]))
    two = RRset(at, T.TXT, 60, frozenset(bytes((43,)) + octet * 43 for octet in (b"x", b"Y")))
    assert isinstance(bench.publish(absent(at, T.TXT), two), Receipt)
    found = bench.look(at, T.TXT)
    assert found is not None
    assert {line.strip('"') for line in found[1]} == {"x" * 43, "Y" * 43}
    before = bench.serial()
    assert isinstance(bench.publish(two, two), Receipt)
    assert bench.serial() == before
    assert isinstance(bench.publish(two, absent(at, T.TXT)), Receipt)
    assert bench.look(at, T.TXT) is None


def test_names_in_records_are_the_same_in_any_case(bench: Bench, owner: Name) -> None:
    owner = dns.name.Name(owner.labels[2:])

    def exchange(name: bytes) -> RRset:
        rdata = b"\x00\x0a" + bytes((len(name),)) + name + b"\x07example\x03net\x00"
        return RRset(owner, T.MX, TTL, frozenset({rdata}))

    assert isinstance(bench.publish(absent(owner, T.MX), exchange(b"WwW")), Receipt)
    before = bench.serial()
    assert isinstance(bench.publish(absent(owner, T.MX), exchange(b"www")), Receipt)
    assert bench.serial() == before
    assert isinstance(bench.publish(exchange(b"wWW"), absent(owner, T.MX)), Receipt)


def test_the_rest_of_the_zone_stays_as_it_was(bench: Bench, owner: Name) -> None:
    before = bench.rest()
    assert any(found is not None for found in before.values())
    bench.publish(absent(owner), rrset(owner, 1))
    bench.publish(rrset(owner, 1), rrset(owner, 2))
    bench.publish(rrset(owner, 2), absent(owner))
    assert bench.rest() == before


def test_what_is_no_plain_rrset_of_the_zone_is_not_even_asked(bench: Bench) -> None:
    elsewhere = dns.name.from_text("_443._tcp.www.example.org.")
    before = bench.serial()
    for expect, wanted, zone in (
        (Absence(ZONE, T.SOA, 60), RRset(ZONE, T.SOA, 60, frozenset({bytes(22)})), ZONE),
        (Absence(ZONE, T.DNSKEY, 60), RRset(ZONE, T.DNSKEY, 60, frozenset({b"key"})), ZONE),
        (absent(ALIAS), rrset(elsewhere, 1), ZONE),
        (absent(elsewhere), rrset(elsewhere, 1), ZONE),
    ):
        with pytest.raises(DanelawError, match="NOT_PUBLISHABLE"):
            bench.publish(expect, wanted, zone)
    assert bench.serial() == before
