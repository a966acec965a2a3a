"""When the steps of a zone-key roll can be taken at the earliest, told before it begins.

The gate goes by what it observes and by no calendar. This is what it comes to where nothing fails: every authority
follows at once, so does the parent, and nothing is known of what was served before (RFC 7583 §3.2.1 and RFC 7583 §3.3.1
have the intervals).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from danelaw.core.model import Instant, Limits
from danelaw.core.rollover.zone_rolls import STEPS, RollKind, Step, Which

_BEFORE = Step("", Which.OLD, Which.OLD, Which.OLD)


@dataclass(frozen=True, slots=True)
class ZoneTTLs:
    """In seconds: of the DNSKEY RRset, the largest in the zone, and of the DS RRset."""

    keys: int
    longest: int
    ds: int

    def of_change(self, before: Step, after: Step) -> int:
        """The TTL of what clients may still hold as it was before a step."""
        if before.delegated is not after.delegated:
            return self.ds
        return self.keys if before.published is not after.published else self.longest


@dataclass(frozen=True, slots=True)
class Timetable:
    """``steps``: each with its earliest instant. ``end``: when the old keys may be destroyed at the earliest."""

    steps: tuple[tuple[Step, Instant], ...]
    end: Instant


def timetable(kind: RollKind, ttls: ZoneTTLs, begun: Instant, limits: Limits) -> Timetable:
    """Of a roll that begins with making keys. The first step only adds to what is there, so it waits for nothing; each
    of the others waits until nobody holds what was there before the one before it, or before ``begun``."""
    past = max(timedelta(seconds=ttls.longest), limits.assumed_past_ttl)
    known = begun + limits.ttl_factor * past + limits.lookup_delay
    changes = tuple(pairwise((_BEFORE, *STEPS[kind])))
    at, found = begun, [begun]
    for before, after in changes[:-1]:
        at = max(at + limits.hold(ttls.of_change(before, after)), known)
        found.append(at)
    gone = max(
        taken + limits.hold(ttls.keys)
        for (before, after), taken in zip(changes, found, strict=True)
        if before.published is not after.published
    )
    return Timetable(tuple(zip(STEPS[kind], found, strict=True)), max(gone, at))
