"""What a pause endangers: certificates and signatures go on ageing, whether anybody renews them or not."""

from __future__ import annotations

from danelaw.core.model import Instant, RRset
from danelaw.core.model.instants import to_minute
from danelaw.core.rollover.answers import newest
from danelaw.core.rollover.certificate_planner import Ordering
from danelaw.core.rollover.planner import Desired, DesiredService, DesiredZone
from danelaw.core.rollover.plans import Outlook
from danelaw.core.rollover.succession import Complete
from danelaw.core.rollover.versions import signature_end
from danelaw.core.tlsa.credential import leaf_validity


def deadlines(desired: Desired, outlook: Outlook) -> tuple[tuple[Instant, Instant | None, str], ...]:
    """What is due for a subject: from when on, when it is too late where that is known, and what it is."""
    facts = outlook.facts
    if not isinstance(desired, DesiredService):
        keys = facts.zone_keys(desired.zone)
        due = keys.due if keys is not None else None
        return ((due, _signed_until(desired, outlook), f"the signatures of {desired.zone}"),) if due is not None else ()
    found = []
    for lineage in desired.lineages:
        holding = facts.holding(lineage)
        for g in holding.generations if holding is not None else ():
            validity = leaf_validity(g.chain) if g.chain is not None else None
            if holding is None or g.chain is None or validity is None or g.generation not in holding.lying:
                continue
            due = Ordering(desired, lineage, outlook).due(Complete(g, g.chain))
            found.append((due, validity.end, f"the {lineage.algorithm.value.upper()} certificate"))
    return tuple(found)


def _signed_until(desired: DesiredZone, outlook: Outlook) -> Instant | None:
    """When the first of the signatures ends that the zone was seen to have last; None where none was seen."""
    seen = (newest(outlook.facts, desired.zone, owner, type) for owner, type in outlook.facts.sighted(desired.zone))
    return min((signature_end(answer) for answer in seen if isinstance(answer, RRset) and answer.rrsigs), default=None)


def endangered(desired: Desired, outlook: Outlook, until: Instant) -> tuple[str, ...]:
    """What comes near its end, or to it, if nothing is done ``until`` then."""
    told = []
    for due, end, what in deadlines(desired, outlook):
        if end is not None and end <= until:
            verb, then = ("end", "the zone is bogus") if _of_zone(what) else ("ends", "clients refuse it")
            told.append(f"{what} {verb} {to_minute(end)}, before the pause does: {then} from then on")
        elif due <= until:
            ends = f", and {'end' if _of_zone(what) else 'ends'} {to_minute(end)}" if end is not None else ""
            told.append(f"{what} {_is_due(what)} from {to_minute(due)} on{ends}")
    return tuple(told)


def outlasts(desired: Desired, outlook: Outlook, until: Instant) -> bool:
    """Whether a certificate, or a signature of a zone, ends before the pause does."""
    return any(end is not None and end <= until for _, end, _ in deadlines(desired, outlook))


def _is_due(what: str) -> str:
    return "are to be renewed" if _of_zone(what) else "is to be renewed"


def _of_zone(what: str) -> bool:
    return what.startswith("the signatures")
