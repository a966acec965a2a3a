"""The planner: from what is desired and what is known to the next action, or what is waited for.

Pure and level-triggered: each pass looks at the facts alone, so a runner that was killed goes on where it stood. The
planner proposes in its order of preference, and asks the gate which proposal it would let through; the engine observes
again and asks the gate once more before it acts.

Zones are planned in ``zone_planner``; services in ``service_planner``, with their certificates in
``certificate_planner``.
"""

from __future__ import annotations

from danelaw.core.model import Instant, Limits
from danelaw.core.rollover.challenges import TXT, challenge_owner, txt_rdata
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.pauses import PAUSED, pause, says_paused
from danelaw.core.rollover.plans import (
    Desired,
    DesiredService,
    DesiredZone,
    Outlook,
    Plan,
    Settled,
    Wait,
    refused_wait,
)
from danelaw.core.rollover.reach import Reach
from danelaw.core.rollover.service_planner import plan_service
from danelaw.core.rollover.zone_planner import SOA, plan_zone


def plan(desired: Desired, facts: Facts, reach: Reach, now: Instant, limits: Limits) -> Plan:
    """The next action towards what is desired, or what is waited for: where there is a pause, its end."""
    outlook = Outlook(facts, reach, now, limits)
    found = plan_zone(desired, outlook) if isinstance(desired, DesiredZone) else plan_service(desired, outlook)
    word = pause(facts, desired.subject, now)
    if word is None or isinstance(found, Wait | Settled):
        return found
    return Wait(PAUSED, says_paused(word), word.at, word.until, found)


__all__ = [
    "SOA",
    "TXT",
    "Desired",
    "DesiredService",
    "DesiredZone",
    "Plan",
    "Settled",
    "Wait",
    "challenge_owner",
    "plan",
    "refused_wait",
    "txt_rdata",
]
