"""Where the questions of clients lead: every RRset that one may be given, over every alias that it may hold.

The candidate TLSA base domains of an endpoint are the name that its host is an alias of, fully expanded, and the host
itself; where the first has no records, clients go on to the second (RFC 7671 §7). A TLSA owner may be an alias too, of
a name in another zone. A DNAME is seen as the CNAME that servers make of it (RFC 6672 §3.1).

Every version of an alias that may be held is followed, whether it is secure or not: a client that follows fewer of them
comes to nothing that is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import dns.exception
import dns.name
import dns.rdatatype
from dns.name import Name

from danelaw.core.model import IP, Absence, DanelawError, Instant, Limits, RRset
from danelaw.core.model.addresses import addresses_in
from danelaw.core.rollover.answers import Held, Possible, Unknown, possible_answers
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.reach import Reach, Reached
from danelaw.core.rollover.waivers import waived_servers
from danelaw.core.tlsa import tlsa_owner

TLSA = int(dns.rdatatype.TLSA)
ADDRESSES: Final = (int(dns.rdatatype.A), int(dns.rdatatype.AAAA))

MOST_NAMES: Final = 32
"""Names that are followed from one: whoever makes more of them wants others to be asked without end."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an RRset is kept: the zone, and the owner name in it."""

    zone: Name
    owner: Name


@dataclass(frozen=True, slots=True)
class Lost:
    """An alias that may be held, and leads to where nobody has looked yet. ``target`` None: it is no name."""

    held: Held
    target: Name | None


@dataclass(frozen=True, slots=True)
class Way:
    """Where a question leads. ``asked``: every place on the way, the first one first. ``ends``: those of them where
    something else than an alias may be found. ``unknown``: of which it is not known what was said there."""

    types: tuple[int, ...]
    asked: tuple[Place, ...]
    ends: tuple[Place, ...]
    lost: tuple[Lost, ...]
    unknown: Unknown | None


@dataclass(frozen=True, slots=True)
class Base:
    """A candidate base domain, and where the question for its TLSA records leads. ``own``: it is no expanded alias, so
    that clients go no further than to it."""

    name: Name
    own: bool
    way: Way


@dataclass(frozen=True, slots=True)
class Found:
    """What clients of an endpoint may find at one place. ``seen``: the endpoint as those see it that come by this base.
    ``last``: they look nowhere else when nothing is there."""

    place: Place
    possible: Possible
    reached: Reached
    seen: Reached
    last: bool


# -- following --------------------------------------------------------------------------------------------------------


def follow(facts: Facts, start: Place, types: tuple[int, ...], now: Instant, limits: Limits) -> Way:
    """Where a question for ``types`` at one place leads, over every alias that may be held (RFC 1034 §3.6.2)."""
    asked, ends, lost = [start], list[Place](), list[Lost]()
    unknown: Unknown | None = None
    for place in asked:
        possible = [possible_answers(facts, place.zone, place.owner, type, now, limits) for type in types]
        held = [answer for some in possible for answer in some.held]
        unknown = _longer(unknown, *(some.unknown for some in possible))
        if _ends(held, types) or not held:
            ends.append(place)
        for alias in held:
            for target in _targets(alias, types):
                onward = place_of(facts, target, types)
                if onward is None or (len(asked) == MOST_NAMES and onward not in asked):
                    lost.append(Lost(alias, target))
                elif onward not in asked:
                    asked.append(onward)
    return Way(types, tuple(asked), tuple(ends), tuple(lost), unknown)


def _ends(held: Iterable[Held], types: tuple[int, ...]) -> bool:
    """Whether a client may stop here. That an address is absent says nothing where there may be an alias instead."""
    answers = [one.answer for one in held]
    if any(isinstance(answer, RRset) and answer.type in types for answer in answers):
        return True
    absent = [isinstance(answer, Absence) for answer in answers]
    return any(absent) if types == (TLSA,) else all(absent)


def _targets(held: Held, types: tuple[int, ...]) -> Iterable[Name | None]:
    answer = held.answer
    if not isinstance(answer, RRset) or answer.type in types:
        return
    for rdata in sorted(answer.rdatas):
        try:
            target, length = dns.name.from_wire(rdata, 0)
        except dns.exception.DNSException:
            yield None
        else:
            yield target if length == len(rdata) else None


def place_of(facts: Facts, name: Name | None, types: Iterable[int]) -> Place | None:
    """The zone in which a name was looked for last, since zone cuts come and go; None: nobody has looked."""
    if name is None:
        return None
    seen = {
        max(spans[-1].last for spans in facts.spans(zone, name, type).values()): zone
        for type in types
        for zone in sorted(facts.zones_with(name, type), reverse=True)
    }
    return Place(seen[max(seen)], name) if seen else None


def _longer(*unknowns: Unknown | None) -> Unknown | None:
    known = [unknown for unknown in unknowns if unknown is not None]
    endless = next((unknown for unknown in known if unknown.until is None), None)
    return endless or max(known, key=lambda u: u.until.timestamp() if u.until else 0.0, default=None)


# -- the host ---------------------------------------------------------------------------------------------------------


def host_way(facts: Facts, reached: Reached, now: Instant, limits: Limits) -> Way:
    """Where the question for the addresses of an endpoint leads: its ends are where clients find servers."""
    key = (host_way, reached.zone, reached.endpoint.host, now, limits)
    start = Place(reached.zone, reached.endpoint.host)
    return facts.once(key, lambda: follow(facts, start, ADDRESSES, now, limits))


def service_addresses(facts: Facts, reached: Reached, now: Instant, limits: Limits) -> frozenset[IP]:
    """Every address of the hosts at which a client may look for the endpoint: in DNS now, or still cached."""
    found: set[IP] = set()
    for place in host_way(facts, reached, now, limits).ends:
        for type in ADDRESSES:
            for held in possible_answers(facts, place.zone, place.owner, type, now, limits).held:
                found |= addresses_in(held.answer)
    return frozenset(found) - reached.addresses_elsewhere


def counted_addresses(facts: Facts, reached: Reached, now: Instant, limits: Limits) -> frozenset[IP]:
    """Those of its addresses that are reckoned with: all that the operator does not waive."""
    every = service_addresses(facts, reached, now, limits)
    return every - waived_servers(facts, reached, every, now).keys()


# -- the records ------------------------------------------------------------------------------------------------------


def bases(facts: Facts, reached: Reached, now: Instant, limits: Limits) -> tuple[Base, ...]:
    """The candidate base domains of an endpoint, in the order in which clients try them (RFC 7671 §7)."""
    key = (bases, reached.endpoint, reached.zone, reached.bases, now, limits)
    return facts.once(key, lambda: tuple(_bases(facts, reached, now, limits)))


def _bases(facts: Facts, reached: Reached, now: Instant, limits: Limits) -> Iterable[Base]:
    for end in host_way(facts, reached, now, limits).ends:
        if end.owner not in reached.bases:
            try:
                owner = tlsa_owner(reached.endpoint.port, reached.endpoint.transport, end.owner)
            except DanelawError:
                continue  # so long a name has no TLSA records
            start = place_of(facts, owner, (TLSA,)) or Place(end.zone, owner)
            yield Base(end.owner, False, follow(facts, start, (TLSA,), now, limits))
    for name, owner in zip(reached.bases, reached.owners, strict=True):
        yield Base(name, True, follow(facts, Place(reached.zone, owner), (TLSA,), now, limits))


def tlsa_places(facts: Facts, reached: Reached, now: Instant, limits: Limits) -> tuple[Place, ...]:
    """Where clients of an endpoint may find its TLSA records, or that there are none."""
    return tuple(dict.fromkeys(end for base in bases(facts, reached, now, limits) for end in base.way.ends))


def seen_by(reached: Reached, base: Base) -> Reached:
    """The endpoint as clients see it that use the records of this base: the name that they send, and want (RFC 7671
    §7)."""
    if base.own:
        return reached
    names = dict.fromkeys((base.name, *reached.reference.names))
    return replace(reached, bases=(base.name,), reference=replace(reached.reference, names=tuple(names)))


def tlsa_answers(facts: Facts, reached: Reached, now: Instant, limits: Limits) -> tuple[Found, ...]:
    """Every TLSA answer that clients of an endpoint may act on, by where it comes from. Aliases are none: they are
    followed. What is not known of one is not known of anything behind it."""
    key = (tlsa_answers, reached, now, limits)
    return facts.once(key, lambda: tuple(_found(facts, reached, now, limits)))


def _found(facts: Facts, reached: Reached, now: Instant, limits: Limits) -> Iterable[Found]:
    behind = host_way(facts, reached, now, limits).unknown
    for base in bases(facts, reached, now, limits):
        unknown = _longer(base.way.unknown, behind)
        for place in base.way.ends:
            held = possible_answers(facts, place.zone, place.owner, TLSA, now, limits).held
            here = tuple(h for h in held if isinstance(h.answer, Absence) or h.answer.type == TLSA)
            if base.own:
                yield Found(place, Possible(here, unknown), reached, reached, True)
                continue
            # Whoever finds nothing here goes on with the host itself, or, if it does not, has the host in mind.
            absent = tuple(h for h in here if isinstance(h.answer, Absence))
            there = tuple(h for h in here if h not in absent)
            yield Found(place, Possible(there, unknown), reached, seen_by(reached, base), False)
            if absent:
                yield Found(place, Possible(absent, unknown), reached, reached, False)


def through(facts: Facts, reach: Reach, zone: Name, owner: Name, now: Instant, limits: Limits) -> tuple[Found, ...]:
    """What clients may be given at ``owner``, for every endpoint whose clients may come there."""
    place = Place(zone, owner)
    held = possible_answers(facts, zone, owner, TLSA, now, limits)
    return tuple(
        Found(place, held, reached, seen_by(reached, base), base.own)
        for reached in reach.endpoints
        for base in bases(facts, reached, now, limits)
        if place in base.way.ends
    )


# -- what there is to ask ---------------------------------------------------------------------------------------------


def every_base(facts: Facts, reached: Reached, now: Instant, limits: Limits) -> Reached:
    """The endpoint with all its candidate bases, the preferred one first."""
    return replace(reached, bases=tuple(base.name for base in bases(facts, reached, now, limits)))


def questions(
    facts: Facts, reached: Reached, now: Instant, limits: Limits
) -> tuple[tuple[Name | None, Name, int], ...]:
    """What the authorities have to be asked about an endpoint, as (zone, owner, type), over every alias that may be
    held. Zone None: nobody has looked for the name yet, and which zone it lies in is to be found out."""
    ways = [host_way(facts, reached, now, limits), *(base.way for base in bases(facts, reached, now, limits))]
    found: dict[tuple[Name | None, Name, int], None] = {}
    for named in reached.named_by:
        here = place_of(facts, named.owner, (named.type,))
        if here is None:
            found[None, named.owner, named.type] = None
        else:
            ways.append(follow(facts, here, (named.type,), now, limits))
    for way in ways:
        for type in way.types:
            found.update(dict.fromkeys((place.zone, place.owner, type) for place in way.asked))
            if len(way.asked) < MOST_NAMES:
                found.update(dict.fromkeys((None, lost.target, type) for lost in way.lost if lost.target is not None))
    return tuple(found)
