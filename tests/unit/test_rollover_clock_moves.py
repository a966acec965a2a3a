"""When the wall clock is set, every instant of ours that facts tell is moved with it: asked of the types themselves."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final, get_args, get_origin, get_type_hints

import pytest

from danelaw.core.dnssec.key_choice import KeyRole
from danelaw.core.model import Failed, GenerationId, Issued, NeedChallenge, OrderState, Pending, Security, Window
from danelaw.core.rollover.actions import AdvanceOrder, MakeKey
from danelaw.core.rollover.answers import zone_subject
from danelaw.core.rollover.clock import compared
from danelaw.core.rollover.facts import (
    Began,
    ClockRead,
    Dated,
    Done,
    Fact,
    Holding,
    Intended,
    Judged,
    Presented,
    RenewalInfo,
    Requested,
    RequestedZoneRoll,
    Roster,
    Sight,
    ZoneKeyPair,
    ZoneKeys,
)
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.words import Accepted, Adopted, Disowned, Paused, RequestedRemoval, Waived
from rollover_history import (
    ENDPOINT,
    FIRST,
    HOST,
    LIMITS,
    LINEAGE,
    NS1,
    NS2,
    OLD,
    OWNER,
    PLAIN,
    SERVICE,
    SOA,
    TLSA,
    WEB1,
    ZONE,
    at,
    record,
    rrset,
)

THERE: Final = "another boot"
HERE: Final = "this boot"
X: Final = rrset(record(OLD))
ORDER: Final = OrderState((HOST,), since=at(10))
ADVANCE: Final = AdvanceOrder(LINEAGE, GenerationId(2), ORDER)
SINCE, PROVING = (AdvanceOrder(LINEAGE, GenerationId(number), ORDER) for number in (4, 5))
AGAIN: Final = AdvanceOrder(LINEAGE, GenerationId(3), ORDER)

OF_THE_WORLD: Final = {("Window", "start"), ("Window", "end"), ("ZoneKeys", "due"), ("Dated", "date")}
"""Dates that somebody else wrote down: when a CA would like a renewal, when signatures end, what a CA's clock says."""

EVERYTHING: Final[tuple[Fact, ...]] = (
    ClockRead(at(0), THERE, 900),
    ClockRead(at(0), HERE, 100),
    Roster(at(1), ZONE, frozenset({NS1, NS2}), NS1),
    Sight(at(2), ZONE, NS1, 1, OWNER, TLSA, X),
    Sight(at(3), ZONE, NS2, None, OWNER, TLSA, None, refused=True),
    Judged(at(4), ZONE, SOA, Security.SECURE),
    Presented(at(5), ENDPOINT, WEB1, PLAIN, OLD),
    Holding(at(6), LINEAGE, (FIRST,), GenerationId(1)),
    ZoneKeys(at(7), ZONE, frozenset(), frozenset(), due=at(5000), pairs=(ZoneKeyPair(b"key", at(-50)),)),
    RenewalInfo(at(8), OLD, Window(at(6000), at(7000))),
    Requested(at(9), LINEAGE, "me", emergency=True),
    RequestedZoneRoll(at(10), ZONE, KeyRole.ZSK, "me"),
    Intended(at(11), ADVANCE),
    Done(at(12), ADVANCE, Pending(ORDER, at(20))),
    Intended(at(12), AGAIN),
    Done(at(13), AGAIN, Failed(ORDER, "code", "detail", at(21))),
    Intended(at(13), SINCE),
    Done(at(13), SINCE, Issued(ORDER, OLD)),
    Intended(at(13), PROVING),
    Done(at(13), PROVING, NeedChallenge(ORDER, ())),
    Intended(at(13), MakeKey(LINEAGE)),
    Began(at(14), zone_subject(ZONE), "why"),
    Dated(at(15), "the CA", at(15)),
    Waived(at(16), SERVICE, WEB1, at(900), "me"),
    Accepted(at(17), SERVICE, frozenset({"CODE"}), at(900), "me"),
    Paused(at(17), SERVICE, at(900), "me"),
    Adopted(at(18), LINEAGE, frozenset({b"record"}), "me"),
    Disowned(at(18), LINEAGE, frozenset({b"record"}), "me"),
    RequestedRemoval(at(18), LINEAGE, frozenset({b"record"}), "me"),
)


def told(
    value: object, where: tuple[str, str] = ("", ""), path: str = ""
) -> Iterator[tuple[tuple[str, str], str, datetime]]:
    """Every instant inside a value: the dataclass and the field that have it, how to get there, and what it is."""
    if isinstance(value, datetime):
        yield where, path, value
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            kind = type(value).__name__
            yield from told(getattr(value, field.name), (kind, field.name), f"{path}.{field.name}")
    elif isinstance(value, Mapping):
        for number, item in enumerate(value.values()):
            yield from told(item, where, f"{path}[{number}]")
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            yield from told(item, where, f"{path}[{number}]")


def of_facts(facts: Facts) -> dict[str, tuple[tuple[str, str], datetime]]:
    slots = (slot for slot in Facts.__slots__ if slot not in ("kept", "told", "_memo", "_hash"))
    return {path: (where, when) for slot in slots for where, path, when in told(getattr(facts, slot), path=slot)}


def instants_of(type_: object, found: dict[str, set[str]]) -> bool:
    """Whether a value of the type is an instant; ``found``: which dataclasses below it have which fields of that."""
    if type_ is datetime:
        return True
    if get_origin(type_) is not None:
        below = [instants_of(argument, found) for argument in get_args(type_)]  # each of them is looked at
        return any(below)
    if isinstance(type_, type) and dataclasses.is_dataclass(type_) and type_.__name__ not in found:
        fields = found[type_.__name__] = set()
        hints = get_type_hints(type_)
        fields.update(field.name for field in dataclasses.fields(type_) if instants_of(hints[field.name], found))
    return False


def test_the_example_has_every_instant_that_a_fact_can_tell() -> None:
    """Whoever adds a fact, or an instant to one, adds it to the example too."""
    possible: dict[str, set[str]] = {}
    for kind in get_args(Fact):
        instants_of(kind, possible)
    there = {where for fact in EVERYTHING for where, _, _ in told(fact)}
    assert there == {(kind, name) for kind, names in possible.items() for name in names}


@pytest.mark.parametrize("seconds", [-7200, -3, 3, 7200])
def test_every_instant_of_ours_is_moved_and_no_date_of_the_world(seconds: float) -> None:
    facts, by = Facts(LIMITS.max_gap).add(*EVERYTHING), timedelta(seconds=seconds)
    before = of_facts(facts)
    moved = of_facts(facts.add(ClockRead(at(20) + by, HERE, 120, by)))
    still = {path: when for path, (where, when) in before.items() if where in OF_THE_WORLD}
    ours = {path: when + by for path, (_, when) in before.items() if path not in still}
    left = {path: when for path, when in ours.items() if moved[path][1] != when}
    new = ("_clocks[1].", "_began[0].")  # the reading that tells of the step, and what begins with it if it is long
    assert [path for path in left if not path.startswith(new)] == []
    assert {path: moved[path][1] for path in still} == still


def test_another_process_that_noticed_the_same_step_moves_nothing_again() -> None:
    """Where processes cannot tell that they run on one machine, each has readings of its own."""
    step = timedelta(hours=-1)
    facts = Facts(LIMITS.max_gap).add(*EVERYTHING, ClockRead(at(20) + step, HERE, 120, step))
    assert compared(facts, at(30) + step, THERE, 930, LIMITS) is None
