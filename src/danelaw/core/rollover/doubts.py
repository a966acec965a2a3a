"""What makes any rest doubtful, be it a wait or that all is settled: a clock that is wrong, a zone that nobody found.

It is no part of the plan: what may be done, may be done. But whoever reads "waiting" would wait for something else.
"""

from __future__ import annotations

from typing import Final

import dns.rdatatype
from dns.name import Name

from danelaw.core.model import Limits, Security
from danelaw.core.rollover import clock
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.plans import Plan, Settled, Wait

LOOKUP_FAILED: Final = "LOOKUP_FAILED"


def doubted(planned: Plan, zone: Name, facts: Facts, limits: Limits) -> Plan:
    """The plan for a subject that lies in ``zone``, or a wait that says what is the matter."""
    if not isinstance(planned, Wait | Settled):
        return planned
    meanwhile = f"; beside that, {planned.because}" if isinstance(planned, Wait) else ""
    if dated := clock.wrong(facts, limits):
        return Wait("CLOCK_WRONG", clock.told(dated) + meanwhile, dated.at, planned.until, planned)
    judged = facts.judged(zone, dns.rdatatype.SOA)
    if judged is not None and judged.state is Security.INDETERMINATE:
        why = "; ".join(": ".join(filter(None, (one.blamed, one.detail))) for one in judged.reasons) or "nobody answers"
        because = f"{zone} could not be looked up, so that nothing is known of it now: {why}"
        return Wait(LOOKUP_FAILED, because, judged.at, planned.until, planned)
    return planned
