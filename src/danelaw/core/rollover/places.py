"""Where the records of a service are kept: at its own names, and where aliases lead that others may have made.

Clients look at the name that a host is an alias of first, and where they find nothing, at the host itself (RFC 7671
§7). So records are kept at the host's own names in any case. At the other they are kept where some are there already,
or where the certificate is for that name too; else its absence is as good.
"""

from __future__ import annotations

from collections.abc import Iterable

from dns.name import Name

from danelaw.core.model import Hello, RRset
from danelaw.core.rollover.actions import Action, Publish
from danelaw.core.rollover.answers import newest
from danelaw.core.rollover.certificate_planner import publishing
from danelaw.core.rollover.lookups import TLSA, Base, Place, bases, through
from danelaw.core.rollover.plans import DesiredService, Outlook, Wait
from danelaw.core.rollover.reach import Reached
from danelaw.core.tlsa import TLSARecord
from danelaw.core.tlsa.credential import associations


def kept_places(d: DesiredService, reached: Iterable[Reached], outlook: Outlook) -> tuple[Place, ...]:
    """Every TLSA RRset that is to hold the records of the service; those that others have to change come last."""
    found = dict.fromkeys(
        place
        for endpoint in reached
        for base in bases(outlook.facts, endpoint, outlook.now, outlook.limits)
        for place in base.way.ends
        if _kept(d, base, place, outlook)
    )
    return tuple(sorted(found, key=lambda place: place.zone not in d.changeable))


def _kept(d: DesiredService, base: Base, place: Place, outlook: Outlook) -> bool:
    current = newest(outlook.facts, place.zone, place.owner, TLSA)
    if isinstance(current, RRset):
        return current.type == TLSA  # else it is an alias by now, and what was here before is nobody's to change
    return base.own or (base.name in d.names and place.zone in d.changeable)


def unfollowed(reached: Iterable[Reached], outlook: Outlook) -> Name | None:
    """An owner of records that is an alias of what nobody has looked at yet."""
    for endpoint in reached:
        for base in bases(outlook.facts, endpoint, outlook.now, outlook.limits):
            if base.own and base.way.lost:
                return base.way.lost[0].held.answer.owner
    return None


def counts(d: DesiredService, reached: Reached, hello: Hello, outlook: Outlook) -> bool:
    """Whether what is presented to such a client is to be right: it sends none of the endpoint's names, or one at which
    there are records of the service."""
    if hello.sni is None or hello.sni in reached.sent:
        return True
    return any(
        base.name == hello.sni and any(_kept(d, base, place, outlook) for place in base.way.ends)
        for base in bases(outlook.facts, reached, outlook.now, outlook.limits)
    )


def neighbours(d: DesiredService, place: Place, outlook: Outlook) -> frozenset[TLSARecord]:
    """The records of what other services serve whose clients are led to the same RRset.

    A first record there is one for all of them: each must match from the beginning.
    """
    found = through(outlook.facts, outlook.reach, place.zone, place.owner, outlook.now, outlook.limits)
    lineages = {lineage for come in found for lineage in come.reached.lineages} - {*d.lineages, *d.leaving}
    holdings = (outlook.facts.holding(lineage) for lineage in lineages)
    return frozenset(
        record
        for holding in holdings
        if holding is not None
        for g in holding.generations
        if g.generation in holding.lying
        for record in associations(d.combinations, g.chain, g.spki)
    )


def put(d: DesiredService, outlook: Outlook, change: Publish, *instead: Action) -> Action | Wait:
    """A change of a TLSA RRset, where that is ours to change; else one of the others, or a wait until somebody does."""
    if change.zone in d.changeable:
        return publishing(outlook, change, *instead)
    for other in (action for action in instead if not isinstance(action, Publish)):
        step = outlook.gated(other)
        if not isinstance(step, Wait):
            return step
    wanted = _texts(change.replace) - _texts(change.expect)
    needless = _texts(change.expect) - _texts(change.replace)
    what = [f"publish {t}" for t in sorted(wanted)] + [f"remove {t}" for t in sorted(needless)]
    because = f"clients are led to {change.replace.owner} in the zone {change.zone}, which is not changed from here: "
    if wanted:
        return outlook.wait("TLSA_ELSEWHERE", because + ", ".join(what))
    return outlook.wait("TLSA_LEFT", because + ", ".join(what))


def _texts(answer: object) -> set[str]:
    rdatas = answer.rdatas if isinstance(answer, RRset) else frozenset[bytes]()
    return {f"TLSA {TLSARecord.from_rdata(rdata).to_text()}" for rdata in rdatas if len(rdata) > 3}
