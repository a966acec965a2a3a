"""The simulated clients: what each kind makes of what it looked up and of what it is presented."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256, sha512

import pytest

from danelaw.worlds.sim.clients import (
    ALL,
    KEYS,
    SHA256,
    Client,
    Connection,
    Delegation,
    Fallback,
    Located,
    Looked,
    SimCrowd,
)
from tlsa_chains import LEAF

NOW = datetime(2026, 11, 23, tzinfo=UTC)
CERTIFICATE = LEAF.der
SHA_256 = bytes((3, 0, 1)) + sha256(CERTIFICATE).digest()
SHA_512 = bytes((3, 0, 2)) + sha512(CERTIFICATE).digest()
OTHER_512 = bytes((3, 0, 2)) + bytes(64)
OTHER = bytes((3, 0, 1)) + bytes(32)


@dataclass
class Place:
    """``clients.Internet`` and ``clients.Timeline``: two authorities and one server, which say what the test says."""

    looked: Looked | None = field(default_factory=lambda: Looked(frozenset({SHA_256}), 10, frozenset({b"key"})))
    chain: Sequence[bytes] | None = (CERTIFICATE,)
    signed: bool = True
    trusted: bool = True
    time: datetime = NOW
    asked: int = 0
    silent: bool = False
    address: str = "192.0.2.80"
    connected: list[str] = field(default_factory=list)

    def now(self) -> datetime:
        return self.time

    def after(self, seconds: float, event: Callable[[], object]) -> None:
        del seconds
        event()

    def authorities(self) -> Sequence[str]:
        return ["one", "two"]

    def ask(self, authority: str) -> Looked | None:
        del authority
        self.asked += 1
        return None if self.silent else self.looked

    def locate(self, authority: str) -> Located | None:
        del authority
        return Located((self.address,), 10)

    def delegation(self) -> Delegation:
        return Delegation(frozenset({b"key"}) if self.signed else frozenset(), 1)

    def handshake(self, address: str) -> Sequence[bytes] | None:
        self.connected.append(address)
        return self.chain

    def trusts(self, chain: Sequence[bytes]) -> bool:
        del chain
        return self.trusted

    def digests(self, keys: frozenset[bytes]) -> frozenset[bytes]:
        return keys


def client(place: Place) -> Client:
    record: list[Connection] = []
    rng = random.Random(0)  # noqa: S311  # a simulation wants to be repeated
    return Client(0, place, place, rng, stretch=1.0, late=False, most_delay=0.0, record=record)


def says(who: Client) -> str:
    who.connect()
    return who.record[-1].reason


def looked(*records: bytes) -> Looked:
    return Looked(frozenset(records) or None, 10, frozenset({b"key"}))


@pytest.mark.parametrize(
    ("records", "knows", "agile", "reason"),
    [
        ((SHA_256,), ALL, False, ""),
        ((OTHER,), ALL, False, "TLSA_MISMATCH"),
        ((OTHER, SHA_256), ALL, False, ""),
        ((SHA_256, OTHER_512), ALL, False, ""),
        ((SHA_256, OTHER_512), ALL, True, "TLSA_MISMATCH"),
        ((SHA_256, OTHER_512), SHA256, True, ""),
        ((OTHER, SHA_512), ALL, True, ""),
        ((OTHER, SHA_512), SHA256, False, "TLSA_MISMATCH"),
        ((OTHER,), KEYS, False, ""),
    ],
)
def test_clients_differ_in_what_they_know_and_in_digest_agility(
    records: tuple[bytes, ...], knows: frozenset[tuple[int, int, int]], agile: bool, reason: str
) -> None:
    assert says(replace(client(Place(looked(*records))), knows=knows, agile=agile)) == reason


@pytest.mark.parametrize(
    ("fallback", "trusted", "reason"),
    [
        (Fallback.PKIX, True, ""),
        (Fallback.PKIX, False, "PKIX_UNTRUSTED"),
        (Fallback.ANY, False, ""),
        (Fallback.REFUSE, True, "NO_DANE"),
    ],
)
@pytest.mark.parametrize("nothing", ["no record", "none usable", "insecure"])
def test_clients_differ_in_what_they_do_where_there_is_nothing_to_go_by(
    fallback: Fallback, trusted: bool, reason: str, nothing: str
) -> None:
    place = Place(looked() if nothing == "no record" else looked(OTHER), trusted=trusted, signed=nothing != "insecure")
    assert says(replace(client(place), fallback=fallback, knows=KEYS)) == reason


def test_signatures_of_keys_that_the_parent_does_not_vouch_for_are_bogus() -> None:
    assert says(client(Place(replace(looked(SHA_256), keys=frozenset({b"another"}))))) == "BOGUS"


def test_where_records_are_no_tls_is_a_refusal_and_elsewhere_no_service() -> None:
    assert says(client(Place(chain=None))) == "NO_TLS"
    assert says(client(Place(looked(), chain=None))) == "NO_SERVICE"


@pytest.mark.parametrize(
    ("stretch", "least", "kept"), [(1.0, 0.0, 10), (2.0, 0.0, 20), (1.0, 60.0, 60), (2.0, 15.0, 20)]
)
def test_caches_keep_an_answer_for_its_ttl_or_twice_that_and_raise_what_is_small(
    stretch: float, least: float, kept: int
) -> None:
    place = Place()
    who = replace(client(place), stretch=stretch, least=least)
    who.connect()
    place.looked = looked(OTHER)
    place.time = NOW + timedelta(seconds=kept - 1)
    assert says(who) == ""
    place.time = NOW + timedelta(seconds=kept)
    assert says(who) == "TLSA_MISMATCH"


@pytest.mark.parametrize(
    ("stretch", "age", "first", "later"), [(1.0, 0.0, 10, 10), (2.0, 0.0, 20, 20), (1.0, 0.75, 2.5, 10)]
)
def test_addresses_expire_by_themselves_whatever_becomes_of_the_records(
    stretch: float, age: float, first: float, later: float
) -> None:
    """The first answer may have been in a cache for a part of its time already."""
    place = Place()
    who = replace(client(place), address_stretch=stretch, address_age=age)
    who.connect()
    for number, kept in enumerate((first, later)):
        before, place.address = place.address, f"192.0.2.{number}"
        place.time += timedelta(seconds=kept - 0.5)
        who.connect()
        assert place.connected[-1] == before
        place.time += timedelta(seconds=0.5)
        who.connect()
        assert place.connected[-1] == place.address


def test_a_crowd_has_caches_whose_records_and_addresses_expire_at_different_instants() -> None:
    place = Place()
    clients = [SimCrowd(place, place, seed=1).client(number) for number in range(20)]
    assert len({who.address_age for who in clients}) == 20
    assert {(who.stretch, who.address_stretch) for who in clients} == {(1, 1), (1, 2), (2, 1), (2, 2)}


@pytest.mark.parametrize(("stale", "reason"), [(True, ""), (False, "NO_ANSWER")])
def test_some_caches_go_on_with_what_has_expired_while_an_authority_is_silent(stale: bool, reason: str) -> None:
    place = Place()
    who = replace(client(place), stale=stale)
    who.connect()
    place.silent, place.time = True, NOW + timedelta(days=1)
    assert says(who) == reason


def test_a_browser_looks_the_records_up_after_the_handshake() -> None:
    place = Place(chain=None)
    assert says(replace(client(place), late=True)) == "NO_SERVICE"
    assert place.asked == 0
