"""Where the questions of clients lead: every RRset that one may be given, over every alias that it may hold.

The candidate TLSA base domains of an endpoint are the name that its host is an alias of, fully expanded, and the host
itself (RFC 7671 §7). A TLSA owner may be an alias too.
"""

from __future__ import annotations

from dataclasses import dataclass

import dns.rdatatype
from dns.name import Name

from danelaw.core.model import IP, Instant, Limits
from danelaw.core.model.addresses import addresses_in
from danelaw.core.rollover.answers import Possible, possible_answers
from danelaw.core.rollover.facts import Facts
from danelaw.core.rollover.reach import Reach, Reached

TLSA = int(dns.rdatatype.TLSA)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an RRset is kept: the zone, and the owner name in it."""

    zone: Name
    owner: Name


def tlsa_places(facts: Facts, reached: Reached, now: Instant, limits: Limits) -> tuple[Place, ...]:
    """Where clients of an endpoint may find its TLSA records, or that there are none."""
    return tuple(Place(reached.zone, owner) for owner in reached.owners)


def tlsa_answers(facts: Facts, reached: Reached, now: Instant, limits: Limits) -> tuple[tuple[Place, Possible], ...]:
    """Every TLSA answer that clients of an endpoint may act on, by where it comes from."""
    return tuple(
        (place, possible_answers(facts, place.zone, place.owner, TLSA, now, limits))
        for place in tlsa_places(facts, reached, now, limits)
    )


def through(facts: Facts, reach: Reach, zone: Name, owner: Name, now: Instant, limits: Limits) -> tuple[Reached, ...]:
    """The endpoints whose clients may be given the TLSA RRset at ``owner``."""
    place = Place(zone, owner)
    return tuple(reached for reached in reach.endpoints if place in tlsa_places(facts, reached, now, limits))


def service_addresses(facts: Facts, reached: Reached, now: Instant, limits: Limits) -> frozenset[IP]:
    """Every address at which a client may look for the endpoint: in DNS now, or still cached."""
    found: set[IP] = set()
    for type in (dns.rdatatype.A, dns.rdatatype.AAAA):
        for held in possible_answers(facts, reached.zone, reached.endpoint.host, type, now, limits).held:
            found |= addresses_in(held.answer)
    return frozenset(found)
