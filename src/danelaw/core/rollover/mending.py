"""Whether an action puts back what other hands took away: nobody has to do anything about it, and somebody may want to
know whose hands those were.

Only what was there is put back: what never came is tried again, and that is no repair.
"""

from __future__ import annotations

from danelaw.core.model import RRset
from danelaw.core.model.counting import counted
from danelaw.core.rollover.actions import Publish, Receipt, Switch
from danelaw.core.rollover.conditions import text, type_text
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.plans import Plan


def mends(planned: Plan, facts: Facts) -> str:
    """What was found, in a sentence; empty: it is no repair. ``facts``: as they were before it was done."""
    match planned:
        case Publish():
            return _published(planned, facts)
        case Switch():
            return _switched(planned, facts)
        case _:
            return ""


def _published(change: Publish, facts: Facts) -> str:
    new, there = change.replace, change.expect.rdatas if isinstance(change.expect, RRset) else frozenset()
    if not isinstance(new, RRset):
        return ""
    place = (change.zone, new.owner, new.type)
    spans = facts.spans(*place).values()
    seen = {rdata for each in spans for span in each if isinstance(span.answer, RRset) for rdata in span.answer.rdatas}
    missing = (new.rdatas - there) & seen
    for deed in reversed(facts.deeds):
        if not isinstance(deed.action, Publish):
            continue
        ours = deed.action.replace
        if (deed.action.zone, ours.owner, ours.type) == place:  # what we took away ourselves may come back
            missing &= ours.rdatas if isinstance(ours, RRset) and isinstance(deed.outcome, Receipt) else frozenset()
            break
    if not missing:
        return ""
    what = counted(len(missing), f"{type_text(new.type)} record")
    return f"{what} of {text(new.owner)} had been taken away by other hands, and {_is(len(missing))} put back"


def _switched(switch: Switch, facts: Facts) -> str:
    holding = facts.holding(switch.lineage)
    accepted = (
        deed.action
        for deed in reversed(facts.deeds)
        if isinstance(deed.action, Switch)
        and (deed.action.lineage, deed.action.host) == (switch.lineage, switch.host)
        and isinstance(deed.outcome, Receipt)
    )
    if next(accepted, None) != switch or holding is None or not holding.looked(switch.host):
        return ""
    found = holding.on(switch.host)
    if found == switch.generation:
        return ""  # it lies there: the server is reloaded once more
    there = f"generation {found}" if found is not None else "nothing of ours"
    return (
        f"where the {switch.host} host serves from, other hands had left {there}, and generation {switch.generation} "
        "is put back"
    )


def _is(number: int) -> str:
    return "is" if number == 1 else "are"
