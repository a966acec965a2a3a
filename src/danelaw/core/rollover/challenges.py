"""Where the responses of dns-01 challenges stand: at the owner that the CA asks for, or where aliases lead from there.

The CA asks for ``_acme-challenge.NAME`` (RFC 8555 §8.4), and follows aliases as every resolver does (RFC 1034 §3.6.2).
So they are followed here too, into any zone that can be published in. Several names may be led to one owner: there all
responses stand beside each other, and beside what others have there, which is left alone.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Final

import dns.exception
import dns.name
import dns.rdatatype
from dns.name import Name

from danelaw.core.model import Absence, Failed, GenerationId, Instant, Issued, Limits, Lineage, NeedChallenge, RRset
from danelaw.core.model.names import hashed, longest_above
from danelaw.core.rollover.actions import AdvanceOrder, Publish
from danelaw.core.rollover.answers import newest, visible
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.lookups import Place, place_of

TXT = int(dns.rdatatype.TXT)
ACME_CHALLENGE: Final = b"_acme-challenge"
"""RFC 8555 §8.4."""
MOST_ALIASES: Final = 8
"""One after the other; resolvers that CAs use give up not much later."""


def challenge_owner(identifier: Name) -> Name:
    """Where the CA looks for a dns-01 response (RFC 8555 §8.4)."""
    name = Name(identifier.labels[1:]) if identifier.is_wild() else identifier
    return hashed(Name((ACME_CHALLENGE,)).concatenate(name))


def txt_rdata(text: str) -> bytes:
    """One character-string (RFC 1035 §3.3.14)."""
    data = text.encode("ascii")
    return bytes((len(data),)) + data


# -- where ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Led:
    """Where the question for a response leads. ``asked``: each alias on the way. ``place``: their end, as far as it is
    known in which zone it lies; None where ``fault`` says why there is none. ``target``: the last name on the way."""

    asked: tuple[Place, ...]
    place: Place | None
    target: Name
    fault: str | None = None


def led(facts: Facts, start: Place) -> Led:
    """Follow what the authorities say now: the CA asks afresh."""
    asked: list[Place] = []
    place = start
    while True:
        current = newest(facts, place.zone, place.owner, TXT)
        if not isinstance(current, RRset) or current.type == TXT:
            return Led(tuple(asked), place, place.owner)
        asked.append(place)
        target = _target(current)
        if target is None:
            return Led(tuple(asked), None, place.owner, f"{place.owner} is an alias of what is no name")
        if any(target == before.owner for before in asked):
            return Led(tuple(asked), None, target, f"{start.owner} is an alias that leads back to {target}")
        if len(asked) == MOST_ALIASES:
            return Led(tuple(asked), None, target, f"more than {MOST_ALIASES} aliases lead on from {start.owner}")
        onward = place_of(facts, target, (TXT,))
        if onward is None:
            return Led(tuple(asked), None, target)
        place = onward


def start_of(owner: Name, zone: Name, changeable: Container[Name]) -> Place:
    """Where the CA begins: in the longest of the zones that can be published in and hold the owner, ``zone`` if none
    does."""
    return Place(longest_above(owner, changeable) or zone, owner)


def challenge_questions(facts: Facts, starts: Iterable[Place]) -> tuple[tuple[Name | None, Name], ...]:
    """Where the authorities have to be asked for TXT, as (zone, owner): on the way from each start to its end.

    Zone None: nobody has looked for the name yet, and which zone it lies in is to be found out.
    """
    found: dict[tuple[Name | None, Name], None] = {}
    for start in starts:
        way = led(facts, start)
        found.update(dict.fromkeys((place.zone, place.owner) for place in way.asked))
        if way.fault is None:
            found[(None, way.target) if way.place is None else (way.place.zone, way.place.owner)] = None
    return tuple(found)


def aliases_agree(facts: Facts, way: Led, now: Instant, limits: Limits) -> Place | None:
    """The first alias on the way that not every authority of its zone is seen to serve alike; None: there is none."""
    for place in way.asked:
        current = newest(facts, place.zone, place.owner, TXT)
        rdatas = current.rdatas if isinstance(current, RRset) else None
        if visible(facts, place.zone, place.owner, TXT, now, limits) != rdatas:
            return place
    return None


def _target(alias: RRset) -> Name | None:
    for rdata in sorted(alias.rdatas):
        try:
            target, length = dns.name.from_wire(rdata, 0)
        except dns.exception.DNSException:
            continue
        return hashed(target.canonicalize()) if length == len(rdata) else None
    return None


def led_here(facts: Facts, place: Place) -> bool:
    """Whether the owner of some challenge is seen to be an alias that leads to this place."""
    return any(
        owner.labels[0] == ACME_CHALLENGE and led(facts, Place(zone, owner)).place == place
        for zone, owner in facts.places_of(TXT)
    )


# -- whose ------------------------------------------------------------------------------------------------------------


def published(facts: Facts, place: Place) -> frozenset[bytes]:
    """The responses that Danelaw has put there, whether they are there still or not."""
    changes = (deed.action for deed in facts.deeds if isinstance(deed.action, Publish))
    return frozenset(
        rdata
        for change in changes
        if _is_at(change, place)
        for rdata in _rdatas(change.replace) - _rdatas(change.expect)
    )


def published_places(facts: Facts, zones: Container[Name]) -> tuple[Place, ...]:
    """Every place in these zones at which Danelaw may have left a response."""
    changes = (deed.action for deed in facts.deeds if isinstance(deed.action, Publish))
    places = dict.fromkeys(
        Place(change.zone, change.replace.owner)
        for change in changes
        if change.replace.type == TXT and isinstance(change.replace, RRset) and change.zone in zones
    )
    return tuple(place for place in places if _may_be_left(facts, place))


def _may_be_left(facts: Facts, place: Place) -> bool:
    current = newest(facts, place.zone, place.owner, TXT)
    return current is None or bool(_rdatas(current) & published(facts, place))


def awaited(facts: Facts) -> frozenset[bytes]:
    """The responses that some order still needs: a CA may look for them at any moment.

    An order is over too where its certificate is in the store, or its key is not.
    """
    steps: dict[tuple[Lineage, GenerationId], list[object]] = {}
    for deed in facts.deeds:
        if isinstance(deed.action, AdvanceOrder):
            steps.setdefault((deed.action.lineage, deed.action.generation), []).append(deed.outcome)
    found: set[bytes] = set()
    for (lineage, number), outcomes in steps.items():
        holding = facts.holding(lineage)
        if holding is not None and not any(g.generation == number and g.chain is None for g in holding.generations):
            continue
        for outcome in reversed(outcomes):
            if isinstance(outcome, Issued | Failed):
                break
            if isinstance(outcome, NeedChallenge):
                found.update(txt_rdata(challenge.response) for challenge in outcome.challenges)
    return frozenset(found)


def takes_others(facts: Facts, change: Publish) -> bool:
    """Whether a change takes away a TXT record that Danelaw did not put there."""
    place = Place(change.zone, change.replace.owner)
    return not _rdatas(change.expect) - _rdatas(change.replace) <= published(facts, place)


def _is_at(change: Publish, place: Place) -> bool:
    return (change.zone, change.replace.owner, change.replace.type) == (place.zone, place.owner, TXT)


def _rdatas(answer: RRset | Absence) -> frozenset[bytes]:
    return answer.rdatas if isinstance(answer, RRset) and answer.type == TXT else frozenset()
