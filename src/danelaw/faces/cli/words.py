"""Actions, their outcomes and waits, in words for a line of the terminal."""

from __future__ import annotations

from datetime import timedelta

import dns.rdatatype

from danelaw.core.model import Absence, Answer, Failed, Instant, Issued, NeedChallenge, Pending
from danelaw.core.model.counting import counted
from danelaw.core.rollover.actions import (
    Action,
    AdvanceOrder,
    ClearChallenge,
    Conflict,
    DestroyKey,
    DestroyZoneKey,
    Failure,
    MakeKey,
    MakeZoneKey,
    MakeZoneKeys,
    Outcome,
    PlaceChallenge,
    Publish,
    Receipt,
    Retire,
    ReuseKey,
    Revoke,
    SignZone,
    SubmitDS,
    Switch,
)
from danelaw.core.rollover.planner import Wait
from danelaw.core.tlsa import records_of


def verb(action: Action) -> str:
    """A word or two for the action."""
    match action:
        case MakeZoneKeys():
            return "make keys"
        case SignZone():
            return "sign zone"
        case SubmitDS():
            return "hand over DS"
        case Publish():
            return "withdraw" if _removes(action) else "publish"
        case MakeKey() | MakeZoneKey():
            return "make key"
        case ReuseKey():
            return "keep key"
        case AdvanceOrder():
            return "order"
        case PlaceChallenge():
            return "place proof"
        case ClearChallenge():
            return "clear proof"
        case Switch():
            return "switch"
        case Retire():
            return "take away"
        case Revoke():
            return "revoke"
        case DestroyKey() | DestroyZoneKey():
            return "destroy key"


def particulars(action: Action, outcome: Outcome | None) -> str:
    """What was acted on, and what came of it."""
    tail = result(outcome)
    match action:
        case MakeZoneKeys(zone) | MakeZoneKey(zone) | SignZone(zone) | DestroyZoneKey(zone):
            return _joined(zone.to_text(), tail)
        case SubmitDS(zone, _, replace):
            count = 0 if isinstance(replace, Absence) else len(replace.rdatas)
            return _joined(f"{count} for {zone}, at its parent", tail)
        case Publish():
            return _joined(_content(action.replace), tail)
        case AdvanceOrder(_, generation):
            return _joined(f"generation {generation}", tail)
        case PlaceChallenge(_, _, challenge) | ClearChallenge(_, _, challenge):
            return f"{challenge.type.value} for {challenge.identifier.to_text(omit_final_dot=True)}"
        case Switch(_, host, generation):
            reloaded = "reloaded" if isinstance(outcome, Receipt) else tail
            return _joined(f"{host} host to generation {generation}", reloaded)
        case Retire(lineage, host):
            return _joined(f"{lineage.algorithm.value.upper()} from {host} host", tail)
        case Revoke(_, generation):
            return _joined(f"certificate of generation {generation}", tail)
        case DestroyKey(_, generation) | ReuseKey(_, generation):
            return _joined(f"of generation {generation}", tail)
        case MakeKey(lineage):
            return _joined(lineage.algorithm.value.upper(), tail)


def result(outcome: Outcome | None) -> str:
    match outcome:
        case Receipt(serial, note):
            return _joined(f"serial {serial}" if serial is not None else "", note)
        case Conflict():
            return "not done: something else is there"
        case Failure(code, message):
            return f"failed: {message}" if code in message else f"failed: {message} [{code}]"
        case NeedChallenge(_, challenges):
            return f"the CA wants {counted(len(challenges), 'proof')}"
        case Pending(_, _, trouble):
            return f"the CA puts us off: {trouble}" if trouble else "the CA is at work"
        case Issued(_, chain):
            return f"issued, {counted(len(chain.ders), 'certificate')}"
        case Failed(_, code, detail):
            return f"the CA refused: {code}: {detail}"
        case None:
            return ""


def next_step(action: Action) -> str:
    """An action that has yet to be taken, in a line."""
    return _joined(verb(action), particulars(action, None))


def waiting(wait: Wait, now: Instant) -> str:
    """What is awaited, and until when at the least, where that is near enough to tell."""
    return f"{wait.because}; not before {wait.until:%H:%M:%S}" if wait.until and ends_soon(wait, now) else wait.because


def ends_soon(wait: Wait, now: Instant) -> bool:
    """Whether the wait has an end within a day. One that hangs on somebody else has none, or that of signatures."""
    return wait.until is not None and wait.until - now < timedelta(days=1)


def _removes(change: Publish) -> bool:
    if isinstance(change.replace, Absence):
        return True
    return not isinstance(change.expect, Absence) and change.replace.rdatas < change.expect.rdatas


def _content(answer: Answer) -> str:
    name = dns.rdatatype.to_text(dns.rdatatype.RdataType.make(answer.type))
    if isinstance(answer, Absence):
        return f"no {name} at {answer.owner}"
    if answer.type == dns.rdatatype.TLSA:
        return f"{name} " + " + ".join(record.brief() for record in records_of(answer))
    return f"{name} at {answer.owner}"


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)
