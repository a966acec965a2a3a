"""What is worth telling of where a subject stands, and of the pass that it came from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from dns.name import Name

from danelaw.app.standing import Standing
from danelaw.core.dnssec.delegation_records import ds_text
from danelaw.core.dnssec.keys import DS
from danelaw.core.model import DanelawError, Instant, RRset, Security, SubjectName
from danelaw.core.model.instants import to_minute
from danelaw.core.notify.concern import Concern, Severity, merged
from danelaw.core.rollover.actions import Publish, Receipt
from danelaw.core.rollover.planner import Settled, Wait
from danelaw.core.rollover.progress import Pass
from danelaw.core.verdict.signatures import Signed, is_late, signed

BROKEN: Final = frozenset({"ANSWER_BOGUS", "CERTIFICATE_EXPIRED"})
"""Beside what the gate says of clients: troubles that refuse them."""

_OVERDUE: Final = "PASS_OVERDUE"
"""Whoever tells has just looked."""


def of_standing(one: Standing, todo: Sequence[str], by_hand: frozenset[Name], now: Instant) -> tuple[Concern, ...]:
    """``todo``: what to type next. ``by_hand``: the zones that a person changes."""
    return merged(_of_standing(one, tuple(todo), by_hand, now))


def _of_standing(one: Standing, todo: tuple[str, ...], by_hand: frozenset[Name], now: Instant) -> Iterator[Concern]:
    refusing = BROKEN | {found.code for found in one.violations}
    change = one.handed_over
    expires = min((certificate.ends for certificate in one.certificates), default=None)
    for trouble in one.trouble:
        if trouble.code == _OVERDUE or (change is not None and trouble.code == "NOT_LOADED"):
            continue
        severity = Severity.CRITICAL if trouble.code in refusing else Severity.WARNING
        awaited = isinstance(one.plan, Wait) and one.plan.code == trouble.code
        deadline = expires if trouble.code == "CERTIFICATE_EXPIRING" else None
        because = (trouble.because,)
        yield Concern(one.subject, trouble.code, severity, because, todo, one.since if awaited else None, deadline)
    unlearnt = one.security is Security.INDETERMINATE
    if unlearnt and isinstance(one.plan, Wait) and not any(trouble.code == one.plan.code for trouble in one.trouble):
        yield Concern(one.subject, one.plan.code, Severity.WARNING, (one.plan.because,), todo, one.since)
    for late in _late(one, now):
        severity = Severity.CRITICAL if late.expiration <= now else Severity.WARNING
        says = f"the signature on {late.subject} ends {to_minute(late.expiration)}, and was to be renewed"
        yield Concern(one.subject, "SIGNATURE_EXPIRING", severity, (says,), todo, None, late.expiration)
    if change is not None and one.done is not None:
        there = sorted(change.replace.rdatas) if isinstance(change.replace, RRset) else []
        says = f"the parent of {change.zone} waits for somebody to hand over its DS"
        records = (f"{change.zone} IN DS {ds_text(DS.from_rdata(rdata))}" for rdata in there)
        yield Concern(one.subject, "DS_AWAITED", Severity.WARNING, (says, *records), todo, one.done.at)
    if one.done is not None and (asked := _asked_by_hand(one, by_hand)):
        yield Concern(one.subject, "HANDWORK_AWAITED", Severity.WARNING, asked, todo, one.done.at)
    if isinstance(one.plan, Settled) and one.plan.notes:
        yield Concern(one.subject, "NOTED", Severity.NOTE, tuple(one.plan.notes), (f"danelaw status {one.subject}",))


def of_pass(ended: Pass) -> Iterator[Concern]:
    """What only the pass knows: it could not look at all that there is, or was refused what it had planned."""
    if not isinstance(ended.plan, Wait) or not (ended.plan.blind or ended.refused is not None):
        return
    todo = (f"danelaw plan {ended.subject}",)
    since = ended.plan.since
    yield Concern(ended.subject, ended.plan.code, Severity.WARNING, (ended.plan.because,), todo, since)


def of_repair(subject: SubjectName, what: str, at: Instant) -> Concern:
    """What other hands had changed is as it was."""
    return Concern(subject, "REPAIRED", Severity.NOTE, (what,), (f"danelaw history {subject}",), at, over=True)


def of_error(subject: SubjectName, error: DanelawError) -> Concern:
    """Nobody can say where the subject stands."""
    says = tuple(filter(None, (error.message, error.evidence)))
    return Concern(subject, error.code, Severity.WARNING, says, (error.hint,) if error.hint else ())


def _asked_by_hand(one: Standing, by_hand: frozenset[Name]) -> tuple[str, ...]:
    """What a person was asked to publish, as long as it is asked for again."""
    if one.done is None or not isinstance(one.done.action, Publish) or not isinstance(one.done.outcome, Receipt):
        return ()
    action = one.done.action
    waits = isinstance(one.plan, Wait | Publish) and action.zone in by_hand
    return tuple(one.done.outcome.note.split("; ")) if waits and one.done.outcome.note else ()


def signatures(one: Standing, now: Instant) -> Iterator[Signed]:
    """What was seen signed, of all that concerns the subject."""
    for published in one.published:
        found = signed(published.answer, now) if isinstance(published.answer, RRset) else None
        if found is not None:
            yield found


def _late(one: Standing, now: Instant) -> Iterator[Signed]:
    return (found for found in signatures(one, now) if is_late(found, now))
