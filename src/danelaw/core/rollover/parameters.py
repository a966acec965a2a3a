"""Parameters that are configured no longer, such as ``3 1 2`` beside ``3 1 1``.

Their records stay, and every roll covers them, as long as some client may know no other. They go, all of them or those
of some combination, where nobody is refused for it who was not, or where the operator accepts who is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from danelaw.core.model import RRset
from danelaw.core.rollover.actions import Publish
from danelaw.core.rollover.answers import newest
from danelaw.core.rollover.lookups import TLSA, Place
from danelaw.core.rollover.ownership import Ownership, ownership
from danelaw.core.rollover.places import put
from danelaw.core.rollover.plans import DesiredService, Outlook, Plan, Wait
from danelaw.core.tlsa import Combination, TLSARecord, records_of
from danelaw.core.tlsa.associate import EE_USAGES


def leaving(d: DesiredService, owned: Ownership) -> Mapping[Combination, frozenset[TLSARecord]]:
    """The records of ours, and of nobody else's need, by the combinations that are configured no longer."""
    going = [record for record in owned.ours & owned.removable if record.combination not in d.combinations]
    return {
        combination: frozenset(record for record in going if record.combination == combination)
        for combination in sorted({record.combination for record in going})
    }


def dropping(d: DesiredService, place: Place, outlook: Outlook) -> Plan | None:
    """The change that takes away as many of them as may go, or what stands against it; None: there are none.

    It is for when all else is at rest: then each key has its records under the parameters that are to stay.
    """
    current = newest(outlook.facts, place.zone, place.owner, TLSA)
    if d.withdrawn or not isinstance(current, RRset):
        return None
    published = frozenset(records_of(current))
    gone = leaving(d, ownership(d, place, published, outlook))
    if not gone or not any(record.combination in d.combinations for record in published):
        return None
    every = frozenset(record for records in gone.values() for record in records)
    changes = [
        Publish(place.zone, current, RRset(place.owner, TLSA, d.tlsa_ttl, rest))
        for records in dict.fromkeys((every, *gone.values()))
        if (rest := current.rdatas - _rdatas(records))
    ]
    return put(d, outlook, *changes)


def of_parameters(d: DesiredService, places: Iterable[Place], outlook: Outlook) -> Iterable[str]:
    """Which of them stay, and why; and which of the others cannot be published."""
    for place in places:
        current = newest(outlook.facts, place.zone, place.owner, TLSA)
        published = frozenset(records_of(current)) if current is not None else frozenset[TLSARecord]()
        step = dropping(d, place, outlook)
        if isinstance(step, Wait):
            which = ", ".join(map(str, leaving(d, ownership(d, place, published, outlook))))
            yield f"{place.owner} TLSA {which} is configured no longer, and stays: {step.because} [{step.code}]"
        for lacking in sorted(set(d.combinations) - {record.combination for record in published}):
            if published and not d.withdrawn and lacking.usage not in EE_USAGES:
                yield (
                    f"{place.owner} TLSA {lacking} is configured, and cannot be published: the chain presents no CA "
                    "that issued its certificate"
                )


def _rdatas(records: Iterable[TLSARecord]) -> frozenset[bytes]:
    return frozenset(record.to_rdata() for record in records)
