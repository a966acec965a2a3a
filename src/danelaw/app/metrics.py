"""Where all subjects stand, for Prometheus."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final

from danelaw.app.concerns import signatures
from danelaw.app.standing import Standing, State
from danelaw.core import exposition
from danelaw.core.exposition import Family, Kind, Sample, unix
from danelaw.core.model import Instant, RRset
from danelaw.core.notify.record import Record
from danelaw.core.rollover.conditions import text, type_text
from danelaw.core.rollover.planner import Settled, Wait

FAMILIES: Final = {
    "danelaw_build_info": Family("Always 1, with the version of Danelaw."),
    "danelaw_subject_state": Family("1 for the state that the service or zone is in, 0 for those that it is not in."),
    "danelaw_subject_trouble": Family("1 for each thing that is wrong or awaits a person, by its code and severity."),
    "danelaw_deadline_timestamp_seconds": Family("By when a trouble must be over, in Unix time."),
    "danelaw_last_pass_timestamp_seconds": Family("When the service or zone was looked at last, in Unix time."),
    "danelaw_last_success_timestamp_seconds": Family("When it was last found without any trouble, in Unix time."),
    "danelaw_awaited_until_timestamp_seconds": Family("Until when, at the earliest, is waited for what comes next."),
    "danelaw_certificate_end_timestamp_seconds": Family("The end of the certificate in use, in Unix time."),
    "danelaw_certificate_renewal_timestamp_seconds": Family("From when on the next certificate is ordered."),
    "danelaw_signature_end_timestamp_seconds": Family("When the signature on an RRset ends, in Unix time."),
    "danelaw_published_records": Family("How many records of an owner and type are published."),
    "danelaw_notify_failing": Family("1 for a way of notification that fails, 0 for one that does not."),
    "danelaw_passes_total": Family("Passes that have ended.", Kind.COUNTER),
    "danelaw_refused_actions_total": Family("Actions that were planned and that the gate refused.", Kind.COUNTER),
    "danelaw_failures_total": Family("Actions that have failed, by the code of the error.", Kind.COUNTER),
    "danelaw_notices_total": Family("Notices that a way of notification has taken.", Kind.COUNTER),
}
"""Names of metrics, with what they say."""


def counter(family: str, **labels: str) -> str:
    """The key of a counter in ``Record.counts``."""
    return "\t".join((family, *(part for pair in labels.items() for part in pair)))


def metrics(version: str, standings: Iterable[exposition.Lines], record: Record, ways: Collection[str]) -> str:
    """The whole text. ``standings``: of each subject that was looked at since this process began."""
    return exposition.joined([exposition.lines(_samples(version, record, ways)), *standings], FAMILIES)


def of_standing(one: Standing, now: Instant) -> exposition.Lines:
    """What there is to tell of a subject by itself, which stays so until it is looked at again."""
    return exposition.lines(_of_subject(one, (("subject", str(one.subject)),), now))


def _samples(version: str, record: Record, ways: Collection[str]) -> Iterator[Sample]:
    yield Sample("danelaw_build_info", (("version", version),), 1)
    for known in record.known:
        if known.gone is None:
            at = (("subject", str(known.concern.subject)), ("code", known.concern.code))
            severity = ("severity", known.concern.severity.value)
            yield Sample("danelaw_subject_trouble", (*at, severity), 1)
            if known.concern.deadline is not None:
                yield Sample("danelaw_deadline_timestamp_seconds", at, unix(known.concern.deadline))
    for subject, succeeded in record.succeeded.items():
        yield Sample("danelaw_last_success_timestamp_seconds", (("subject", subject),), unix(succeeded))
    for way in ways:
        yield Sample("danelaw_notify_failing", (("way", way),), int(way in record.failing))
    for key, value in record.counts.items():
        family, *rest = key.split("\t")
        if family in FAMILIES:
            yield Sample(family, tuple(zip(rest[::2], rest[1::2], strict=True)), value)


def _of_subject(one: Standing, at: tuple[tuple[str, str], ...], now: Instant) -> Iterator[Sample]:
    for state in State:
        yield Sample("danelaw_subject_state", (*at, ("state", state.name.lower())), int(one.state is state))
    if one.seen is not None:
        yield Sample("danelaw_last_pass_timestamp_seconds", at, unix(one.seen))
    if isinstance(one.plan, Wait | Settled) and one.plan.until is not None:
        code = one.plan.code if isinstance(one.plan, Wait) else State.SETTLED.name
        yield Sample("danelaw_awaited_until_timestamp_seconds", (*at, ("code", code)), unix(one.plan.until))
    for certificate in one.certificates:
        which = (*at, ("algorithm", certificate.lineage.algorithm.value))
        yield Sample("danelaw_certificate_end_timestamp_seconds", which, unix(certificate.ends))
        yield Sample("danelaw_certificate_renewal_timestamp_seconds", which, unix(certificate.renewal))
    for published in one.published:
        answer = published.answer
        what = (*at, ("owner", text(answer.owner)), ("type", type_text(answer.type)))
        count = len(answer.rdatas) if isinstance(answer, RRset) else 0
        yield Sample("danelaw_published_records", what, count)
    for found in signatures(one, now):
        what = (*at, ("owner", text(found.rrset.owner)), ("type", type_text(found.rrset.type)))
        yield Sample("danelaw_signature_end_timestamp_seconds", what, unix(found.expiration))
