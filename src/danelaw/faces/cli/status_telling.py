"""What ``danelaw status`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from danelaw.app.standing import Certificate, Published, Served, Standing, State, is_action
from danelaw.core.dnssec.keys import DNSKEY, DS
from danelaw.core.model import Absence, Chain, Instant, RRset
from danelaw.core.model.counting import counted
from danelaw.core.model.instants import rfc3339, to_second
from danelaw.core.rollover.actions import Failure
from danelaw.core.rollover.conditions import text, type_text
from danelaw.core.rollover.delegation import CDS_TYPE
from danelaw.core.rollover.doubts import LOOKUP_FAILED
from danelaw.core.rollover.epochs import DNSKEY_TYPE, DS_TYPE
from danelaw.core.rollover.lookups import TLSA
from danelaw.core.rollover.pauses import says_paused
from danelaw.core.rollover.planner import Settled, Wait
from danelaw.core.rollover.waivers import says_waived
from danelaw.core.tlsa import records_of
from danelaw.faces.cli import handing_over, terminal, words
from danelaw.faces.cli.history_evidence import presented
from danelaw.faces.cli.run_telling import plan_json
from danelaw.faces.cli.terminal import Ink

SCHEMA: Final = "danelaw/status/1"


def tell(one: Standing, now: Instant) -> None:
    """The state of one subject, wrapped at the terminal's width."""
    colour = "red" if one.trouble else "green" if one.state is State.SETTLED else "yellow"
    terminal.show(Ink(one.subject, bold=True), "  ", Ink(in_short(one), fg=colour))
    for trouble in one.trouble:
        _line("wrong", _coded(trouble.because, trouble.code))
    _next(one, now)
    if one.security is not None and one.security.value != "secure":
        _line("zone", f"{one.zone} is {one.security.value}")
    for published in one.published:
        _line("published", _published(published))
    for served in one.served:
        _line("presented", _served(served))
    for certificate in one.certificates:
        _line("certificate", _certificate(certificate, now))
    if one.paused is not None:
        _line("paused", f"since {_ago(one.paused.at, now)}; {says_paused(one.paused)}")
        for danger in one.endangered:
            _line("in danger", danger)
    for waived in one.waived:
        _line("waived", says_waived(waived))
    if one.accepted is not None:
        codes = ", ".join(sorted(one.accepted.codes))
        _line("accepted", f"{codes}, by {one.accepted.by}, until {to_second(one.accepted.until)}")
    if one.done is not None:
        what = ", ".join(
            filter(None, (words.verb(one.done.action), words.particulars(one.done.action, one.done.outcome)))
        )
        _line("last step", f"{_ago(one.done.at, now)}: {what}")
    if one.seen is not None:
        _line("seen", _ago(one.seen, now))
    for command in commands(one, now):
        _line("type" if command.startswith("danelaw ") else "to do", command)


def in_short(one: Standing) -> str:
    """The state in a word or two; of a wait, where in the mould of every change it is."""
    word = f"waiting: {one.step.value}" if one.state is State.WAITING and one.step is not None else one.state.value
    return f"{word}, and something is wrong" if one.trouble else word


def commands(one: Standing, now: Instant) -> Sequence[str]:
    """What to type next, or else to do, if anything: the most telling first."""
    if one.state is State.UNSEEN or any(trouble.code == "PASS_OVERDUE" for trouble in one.trouble):
        return ("danelaw run",)
    if one.state is State.PAUSED:
        return (f"danelaw resume {one.subject}",)
    found: list[str] = []
    if one.violations and one.served:
        found.extend(dict.fromkeys(f"danelaw check {_target(served)}" for served in one.served))
    if one.done is not None and isinstance(one.done.outcome, Failure) and one.trouble:
        found.append(one.done.outcome.hint or f"danelaw history {one.subject}")
    if change := one.handed_over:
        found.append(handing_over.todo(change) if one.keyless else f"danelaw zone ds {one.zone}")
    if not found and one.trouble:
        found.append(f"danelaw history {one.subject}")
    if isinstance(one.plan, Wait) and one.plan.code == LOOKUP_FAILED:
        found.append("see that the resolver answers: forwarders under [resolver], or else those of /etc/resolv.conf")
    if isinstance(one.plan, Wait) and not found:
        soon = one.plan.until is not None and one.plan.until > now
        when = f"  (from {to_second(one.plan.until)} on)" if one.plan.until is not None and soon else ""
        found.append(f"danelaw run{when}")
    if is_action(one.plan) is not None and not found:
        found.append("danelaw run")
    return tuple(found)


def standing_json(one: Standing) -> dict[str, object]:
    """One of the ``subjects``."""
    return {
        "subject": one.subject,
        "state": one.state.value,
        "step": one.step.value if one.step is not None else None,
        "zone": one.zone or None,
        "security": one.security.value if one.security is not None else None,
        "seen": rfc3339(one.seen),
        "next": plan_json(one.plan) | {"since": rfc3339(one.since)} if one.plan is not None else None,
        "trouble": [{"code": trouble.code, "because": trouble.because} for trouble in one.trouble],
        "published": [_published_json(published) for published in one.published],
        "presented": [
            {
                "endpoint": str(served.endpoint),
                "address": str(served.address),
                "generation": served.generation,
                "says": presented(served.got),
                "at": rfc3339(served.at),
            }
            for served in one.served
        ],
        "certificates": [
            {
                "algorithm": certificate.lineage.algorithm.value,
                "generation": certificate.generation,
                "ends": rfc3339(certificate.ends),
                "renewal": rfc3339(certificate.renewal),
            }
            for certificate in one.certificates
        ],
        "violations": list(dict.fromkeys(map(str, one.violations))),
        "waived": [
            {"address": str(w.address), "until": rfc3339(w.until), "by": w.by, "reason": w.reason} for w in one.waived
        ],
        "accepted": sorted(one.accepted.codes) if one.accepted is not None else [],
        "paused": _paused_json(one),
        "last": {"at": rfc3339(one.done.at), "verb": words.verb(one.done.action)} if one.done is not None else None,
    }


def _next(one: Standing, now: Instant) -> None:
    if isinstance(one.plan, Wait) and one.plan.held is not None:  # since when and until when is told of the pause
        _line("held back", words.next_step(one.plan.held))
    elif isinstance(one.plan, Wait):
        if not any(one.plan.because in trouble.because for trouble in one.trouble):
            _line("awaited", _coded(one.plan.because, one.plan.code))
        if one.since is not None:
            _line("since", _ago(one.since, now))
        if one.plan.until is not None:
            _line("earliest", to_second(one.plan.until) + ("" if one.plan.until > now else ", which is now"))
    elif isinstance(one.plan, Settled):
        if one.plan.until is not None:
            _line("next change", to_second(one.plan.until))
        for note in one.plan.notes:
            _line("note", note)
    elif one.plan is not None:
        _line("next step", words.next_step(one.plan))
    if change := one.handed_over:
        for line in handing_over.lines(change):
            _line("to registrar", line)
        if one.by_cds:
            _line("note", handing_over.BY_CDS)


def _published(one: Published) -> str:
    answer = one.answer
    everywhere = "" if one.everywhere else " (not at every name server)"
    if isinstance(answer, Absence):
        return f"no {type_text(answer.type)} at {text(answer.owner)}{everywhere}"
    return f"{text(answer.owner)} {type_text(answer.type)} {' + '.join(_records(answer))}{everywhere}"


def _records(answer: RRset) -> list[str]:
    if answer.type == TLSA:
        return [record.brief() for record in records_of(answer)]
    if answer.type == DNSKEY_TYPE:
        return sorted(str(DNSKEY.from_rdata(rdata).tag) for rdata in answer.rdatas)
    if answer.type in (DS_TYPE, CDS_TYPE):
        return sorted(str(DS.from_rdata(rdata).tag) for rdata in answer.rdatas)
    return [counted(len(answer.rdatas), "record")]


def _published_json(one: Published) -> dict[str, object]:
    rrset = one.answer if isinstance(one.answer, RRset) else None
    records: list[str] = []
    if rrset is not None:
        records = [r.to_text() for r in records_of(rrset)] if rrset.type == TLSA else _records(rrset)
    return {
        "owner": text(one.answer.owner),
        "type": type_text(one.answer.type),
        "zone": one.zone,
        "ttl": rrset.ttl if rrset is not None else None,
        "records": records,
        "everywhere": one.everywhere,
    }


def _paused_json(one: Standing) -> dict[str, object] | None:
    word = one.paused
    if word is None:
        return None
    when = {"since": rfc3339(word.at), "until": rfc3339(word.until)}
    return when | {"by": word.by, "reason": word.reason, "endangers": list(one.endangered)}


def _served(one: Served) -> str:
    where = f"{one.address} port {one.endpoint.port}"
    if one.generation is not None:
        return f"{where}: generation {one.generation}"
    what = presented(one.got)
    return f"{where}: {what}, which is none of Danelaw's" if isinstance(one.got, Chain) else f"{where} {what}"


def _certificate(one: Certificate, now: Instant) -> str:
    renewal = f"renewal from {to_second(one.renewal)} on" if one.renewal > now else "renewal is due"
    kind = one.lineage.algorithm.value.upper()
    return f"{kind}, generation {one.generation}, until {to_second(one.ends)}; {renewal}"


def _target(one: Served) -> str:
    return str(one.endpoint).removesuffix("/tcp")


def _coded(because: str, code: str) -> str:
    return because if code in because else f"{because} [{code}]"


def _ago(at: Instant, now: Instant) -> str:
    return f"{to_second(at)}, {_span(now - at)} ago"


def _span(by: timedelta) -> str:
    seconds = max(0, int(by.total_seconds()))
    for size, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size} {name}"
    return f"{seconds} second{'s' if seconds != 1 else ''}"


def _line(what: str, rest: str) -> None:
    terminal.show_hanging(f"  {what:<12} ", rest)
