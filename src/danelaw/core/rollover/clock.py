"""Time, corroborated: by the monotonic clock, which nobody sets, and by what a CA says that it is.

What the planner and the gate wait for is measured from instants that facts tell by the wall clock. When that is set,
all that was told is moved by as much (``ClockRead``): no wait ends early, and none lasts longer. What a wrong clock
could harm beside waits is all that goes by dates: signatures, certificates. Where a CA's clock says otherwise than
ours, none of that is touched.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import dns.rdatatype

from danelaw.core.dnssec.signing_times import SPARE
from danelaw.core.model import Instant, Limits, SubjectName
from danelaw.core.rollover.actions import (
    Action,
    AdvanceOrder,
    ClearChallenge,
    MakeKey,
    MakeZoneKey,
    MakeZoneKeys,
    PlaceChallenge,
    Publish,
    ReuseKey,
    Switch,
)
from danelaw.core.rollover.facts import ClockRead, Dated
from danelaw.core.rollover.fold import Facts

CLOCK: Final = SubjectName("the clock of this machine")
"""Whose log has the readings: they are told of all subjects at once."""

TXT = int(dns.rdatatype.TXT)


def compared(facts: Facts, at: Instant, boot: str, monotonic: float, limits: Limits) -> ClockRead | None:
    """What is to be recorded of the two clocks, if anything: the first reading since the boot, or a step.

    How long a machine was off is not known: its waits go on from where they were, and the history of zones begins anew.
    """
    before = facts.clock(boot)
    if before is not None:
        by = (at - before.at) - timedelta(seconds=monotonic - before.monotonic)
        return ClockRead(at, boot, monotonic, by) if abs(by) > limits.clock_step else None
    latest = facts.latest
    since = timedelta(0) if latest is None else at - latest
    on = timedelta(seconds=monotonic)
    return ClockRead(at, boot, monotonic, since if since < timedelta(0) else max(since - on, timedelta(0)))


def wrong(facts: Facts, limits: Limits) -> Dated | None:
    """What another clock said last, if that is further from ours than the skew that is allowed for."""
    dated = facts.dated
    return dated if dated is not None and abs(dated.at - dated.date) > limits.clock_skew else None


def told(dated: Dated) -> str:
    """Both times, in a sentence."""
    ours, theirs = (f"{when:%Y-%m-%d %H:%M:%S}" for when in (dated.at, dated.date))
    return f"the clock of this machine said {ours} when that of {dated.source} said {theirs} (UTC)"


def _signs_badly(facts: Facts) -> bool:
    """Whether what is signed by our clock is not valid yet, or no longer where it ought to be."""
    dated = facts.dated
    return dated is not None and not timedelta(0) <= dated.date - dated.at < SPARE


def harmed(action: Action, facts: Facts) -> bool:
    """Whether a wrong clock could do harm by this action. A certificate for the key that is served never does.

    A response for the CA does where we sign the zone: with a clock that is ahead, the SOA and all that is due are
    signed for later, so that nobody finds them valid, nor the CA the response.
    """
    match action:
        case MakeKey() | ReuseKey() | MakeZoneKeys() | MakeZoneKey():
            return False
        case AdvanceOrder() | PlaceChallenge() | ClearChallenge():
            return False
        case Publish(zone, _, new):
            return new.type != TXT or (facts.zone_keys(zone) is not None and _signs_badly(facts))
        case Switch(lineage, host, generation):
            holding = facts.holding(lineage)
            keys = {g.generation: g.spki for g in holding.generations} if holding is not None else {}
            live = holding.on(host) if holding is not None else None
            return live is None or keys.get(generation) is None or keys[generation] != keys.get(live)
        case _:
            return True
