"""What is written of facts: everything that a fact may say comes back as it was.

Types are taken from the dataclasses themselves: a new kind of fact is tried without a line here, and one that says what
cannot be written fails.
"""

from __future__ import annotations

import dataclasses
import enum
import typing
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import Any, cast

import dns.name
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danelaw.adapters.store.codec import FORM, KINDS, decode, decode_fact, encode, encode_fact
from danelaw.core.model import DanelawError, Limits
from danelaw.core.rollover.facts import Fact, Roster
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.parts import assembled, parts

LIMITS = Limits()
SMALL = 3
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)

instants = st.timedeltas(-timedelta(days=20_000), timedelta(days=60_000)).map(lambda apart: NOON + apart)
texts = st.text(max_size=8)
octets = st.binary(max_size=8)
labels = st.binary(min_size=1, max_size=8)
names = st.lists(labels, max_size=4).map(lambda parts: dns.name.Name([*parts, b""]))


SIMPLE: dict[type, st.SearchStrategy[Any]] = {
    type(None): st.none(),
    bool: st.booleans(),
    int: st.integers(-(2**40), 2**40),
    float: st.floats(allow_nan=False, allow_infinity=False),
    str: texts,
    bytes: octets,
    datetime: instants,
    timedelta: st.timedeltas(-timedelta(days=1000), timedelta(days=1000)),
    dns.name.Name: names,
    IPv4Address: st.ip_addresses(v=4),
    IPv6Address: st.ip_addresses(v=6),
}


def of(hint: Any) -> st.SearchStrategy[Any]:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple and inner[-1] is Ellipsis:
        return st.lists(of(inner[0]), max_size=SMALL).map(tuple)
    if origin is frozenset:
        return st.frozensets(of(inner[0]), max_size=SMALL)
    if inner and origin is not None:
        return st.one_of([of(option) for option in inner])
    if hasattr(hint, "__supertype__"):
        return of(hint.__supertype__)
    if dataclasses.is_dataclass(hint):
        return made(cast(type, hint))
    if issubclass(hint, enum.Enum):
        return st.sampled_from(list(hint))
    return SIMPLE[hint]


def made(cls: type) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(cls)
    return st.builds(cls, **{f.name: of(hints[f.name]) for f in dataclasses.fields(cls)})


FACTS: dict[str, st.SearchStrategy[Fact]] = {name: made(kind) for name, kind in KINDS.items()}
any_fact = st.sampled_from(sorted(FACTS)).flatmap(FACTS.__getitem__)
some = settings(max_examples=40, deadline=None)  # a loaded machine is no finding


@pytest.mark.parametrize("kind", sorted(FACTS))
@some
@given(st.data())
def test_every_kind_of_fact_comes_back_as_it_was(kind: str, data: st.DataObject) -> None:
    fact = data.draw(FACTS[kind])
    written, text = encode_fact(fact)
    back = decode_fact(written, FORM, text)(fact.at)
    assert (written, back, hash(back)) == (kind, fact, hash(fact))


@some
@given(any_fact, any_fact)
def test_facts_that_differ_in_more_than_their_instant_are_different_texts(one: Fact, other: Fact) -> None:
    moved = dataclasses.replace(one, at=one.at + timedelta(seconds=1))
    assert encode_fact(moved) == encode_fact(one) == encode_fact(decode_fact(*_written(one))(one.at))
    if dataclasses.replace(other, at=one.at) != one:
        assert encode_fact(one) != encode_fact(other)


@some
@given(st.lists(any_fact, max_size=12))
def test_a_fold_comes_back_as_it_was(log: list[Fact]) -> None:
    facts = Facts(LIMITS.max_gap).add(*sorted(log, key=lambda fact: fact.at))
    back = assembled(LIMITS.max_gap, cast(dict[str, object], decode(encode(parts(facts)))))
    assert back == facts
    assert hash(back) == hash(facts)
    assert back.add(*log) == facts.add(*log)


def _written(fact: Fact) -> tuple[str, int, str]:
    kind, text = encode_fact(fact)
    return kind, FORM, text


STRANGE = [
    ("Rumour", FORM, "{}", "STORE_NEWER"),  # a kind of fact that is not known
    ("Began", FORM + 1, '{"subject":"a","reason":"b"}', "STORE_NEWER"),
    ("Began", FORM, '{"subject":"a","reason":"b","mood":"c"}', "STORE_NEWER"),  # a field that is not known
    ("MakeKey", FORM, "{}", "STORE_NEWER"),  # an action is no fact
    ("Intended", FORM, '{"action":{"is":"Dance"},"despite":[]}', "STORE_NEWER"),
    ("Began", FORM, '{"subject":"a","reason":{"colour":1}}', "STORE_NEWER"),
    ("Requested", FORM, '{"lineage":{"enum":"KeyAlgorithm.DSA"},"by":"a"}', "STORE_NEWER"),
    ("Began", FORM, '{"subject":"a"}', "STORE_DAMAGED"),  # what has no default is missing
    ("Began", FORM, "[]", "STORE_DAMAGED"),
    ("Began", FORM, '{"subject":', "STORE_DAMAGED"),
    ("Began", FORM, '{"subject":"a","reason":{"ip":"192.0.2.256"}}', "STORE_DAMAGED"),
    ("Began", FORM, '{"subject":"a","reason":{"b64":"*"}}', "STORE_DAMAGED"),
    ("Began", FORM, '{"subject":"a","reason":{"name":"a..b"}}', "STORE_DAMAGED"),
    ("Began", FORM, '{"subject":"a","reason":{"ip":"192.0.2.1","b64":""}}', "STORE_DAMAGED"),
]


@pytest.mark.parametrize(("kind", "form", "text", "code"), STRANGE)
def test_what_is_not_known_is_refused_and_never_dropped(kind: str, form: int, text: str, code: str) -> None:
    with pytest.raises(DanelawError) as raised:
        decode_fact(kind, form, text)
    assert raised.value.code == code
    assert raised.value.hint


def test_what_an_earlier_danelaw_did_not_write_has_its_default() -> None:
    """``Roster`` had no ``primary`` once."""
    fact = decode_fact("Roster", FORM, '{"zone":{"name":"example.net."},"servers":{"set":[]}}')(NOON)
    assert fact == Roster(NOON, dns.name.from_text("example.net."), frozenset())


def test_what_is_no_part_of_any_fact_is_not_written() -> None:
    with pytest.raises(TypeError, match="Limits"):
        encode(LIMITS)
