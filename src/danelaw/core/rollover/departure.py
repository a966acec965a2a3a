"""Taking records away because the operator says so: all of a service that is to be without DANE, or those of others.

The gate decides when. What it refuses for ever is told with what the operator has to do first; and nothing else waits
for it: the certificate is renewed meanwhile as ever.
"""

from __future__ import annotations

from collections.abc import Iterable

from danelaw.core.model import Absence, Answer, RRset
from danelaw.core.rollover.actions import Publish
from danelaw.core.rollover.gate import says
from danelaw.core.rollover.lookups import TLSA, Place
from danelaw.core.rollover.ownership import Ownership
from danelaw.core.rollover.places import put
from danelaw.core.rollover.plans import DesiredService, Outlook, Plan, Wait
from danelaw.core.tlsa import TLSARecord


def departing(d: DesiredService, place: Place, current: Answer, owned: Ownership, outlook: Outlook) -> Iterable[Plan]:
    """The records of a service that is to have none: exactly those that are ours, and that nobody else needs."""
    going = owned.removable
    if not going:
        return
    change = _without(d, place, current, going)
    step = put(d, outlook, change)
    left = change.replace
    if isinstance(step, Wait) and step.code == "CHAIN_UNMATCHED" and isinstance(left, RRset):
        whose = "other services need it" if owned.needed else "adopt it or have it removed"
        because = f"nothing would be left but {says(left)}: {whose}"
        step = outlook.wait("FOREIGN_LEFT", because, step.since, step.until)
    yield step


def removing(d: DesiredService, place: Place, current: Answer, owned: Ownership, outlook: Outlook) -> Iterable[Plan]:
    """Records of others that the operator wants removed. That holds nothing else up."""
    going = owned.asked - owned.ours - owned.needed
    if not going:
        return
    step = put(d, outlook, _without(d, place, current, going))
    if isinstance(step, Wait):
        named = ", ".join(sorted(record.brief() for record in going))
        because = f"TLSA {{{named}}} of {place.owner} is to be removed: {step.because}"
        step = outlook.wait("REMOVAL_REFUSED", because, step.since, step.until)
    yield step


def _without(d: DesiredService, place: Place, current: Answer, going: Iterable[TLSARecord]) -> Publish:
    """Exactly the named records go; what the rest is, is no matter."""
    rdatas = current.rdatas if isinstance(current, RRset) else frozenset[bytes]()
    rest = rdatas - {record.to_rdata() for record in going}
    left: Answer = RRset(place.owner, TLSA, d.tlsa_ttl, rest) if rest else Absence(place.owner, TLSA, d.tlsa_ttl)
    return Publish(place.zone, current, left)
