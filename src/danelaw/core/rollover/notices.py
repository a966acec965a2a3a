"""What the operator is told beside the plan: nothing waits for it, and only he can decide it."""

from __future__ import annotations

from collections.abc import Iterable

from danelaw.core.rollover.answers import newest, zone_subject
from danelaw.core.rollover.conditions import text
from danelaw.core.rollover.lookups import TLSA, Place, service_addresses, through
from danelaw.core.rollover.ownership import ownership
from danelaw.core.rollover.plans import DesiredService, Outlook
from danelaw.core.rollover.reach import Reached
from danelaw.core.rollover.waivers import says_waived, waived_servers, waivers
from danelaw.core.tlsa import records_of


def of_records(d: DesiredService, places: Iterable[Place], outlook: Outlook) -> Iterable[str]:
    """Records that are nobody's, or that others need."""
    for place in places:
        current = newest(outlook.facts, place.zone, place.owner, TLSA)
        if current is None:
            continue
        owned = ownership(d, place, frozenset(records_of(current)), outlook)
        for record in owned.strange:
            yield f"{place.owner} TLSA {record.to_text()} is not ours: adopt or remove it"
        if d.withdrawn:
            for record in owned.ours & owned.needed:
                yield f"{place.owner} TLSA {record.to_text()} stays: another service needs it"


def of_waivers(d: DesiredService, reached: Iterable[Reached], outlook: Outlook) -> Iterable[str]:
    """Which authorities and servers are not reckoned with now, since when nobody looks at what they do."""
    facts, now, limits = outlook.facts, outlook.now, outlook.limits
    yield from map(says_waived, waivers(facts, zone_subject(d.zone), now).values())
    for endpoint in reached:
        every = service_addresses(facts, endpoint, now, limits)
        yield from map(says_waived, waived_servers(facts, endpoint, every, now).values())


def of_what_is_left_behind(d: DesiredService, outlook: Outlook) -> Iterable[str]:
    """Records of ours where no endpoint leads that is configured: whoever took one away left them there.

    They are not withdrawn unasked: clients may still come by a name that others know.
    """
    facts = outlook.facts
    for zone, owner in sorted(facts.places_of(TLSA)):
        if zone not in d.changeable:
            continue
        current = newest(facts, zone, owner, TLSA)
        if current is None or through(facts, outlook.reach, zone, owner, outlook.now, outlook.limits):
            continue
        ours = ownership(d, Place(zone, owner), frozenset(records_of(current)), outlook).ours
        for record in ours:
            yield f"{text(owner)} TLSA {record.to_text()} is ours, and no endpoint that is configured leads there"
