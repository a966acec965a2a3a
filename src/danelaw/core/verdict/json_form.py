"""A report as programs read it."""

from __future__ import annotations

from typing import Final

from dns.name import Name

from danelaw.core.model import (
    IP,
    Candidate,
    Handshake,
    HandshakeFailure,
    Probe,
    Said,
    Silence,
    Unreachable,
    Validated,
)
from danelaw.core.tlsa import TLSA, RecordMatch, records_of
from danelaw.core.verdict.authorities import answers_to
from danelaw.core.verdict.case import Case, View
from danelaw.core.verdict.hellos import offer
from danelaw.core.verdict.presented import Described, describe
from danelaw.core.verdict.printable import printable
from danelaw.core.verdict.report import Finding, Report

SCHEMA: Final = "danelaw/check/1"


def escaped(document: dict[str, object]) -> dict[str, object]:
    """The same, with whatever came from the network made printable: it may be anywhere."""
    return {key: _escaped(value) for key, value in document.items()}


def _escaped(value: object) -> object:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [_escaped(each) for each in value]
    if isinstance(value, dict):
        return {key: _escaped(each) for key, each in value.items()}
    return value


def endpoint_json(report: Report) -> dict[str, object]:
    """What was seen of an endpoint, without the findings; not yet escaped.

    Instants are RFC 3339 in UTC; TLSA records are in presentation form; ``any`` is a client that offers all it has.
    """
    case, tlsa = report.case, report.evidence.tlsa
    return {
        "endpoint": str(case.evidence.endpoint),
        "application": case.evidence.application,
        "at": case.evidence.at.isoformat(),
        "verdict": report.verdict.value,
        "good": report.good,
        "base": case.evidence.base.to_text(),
        "names": [name.to_text(omit_final_dot=True) for name in case.reference.names],
        "passedOver": case.passed_over.name.lower() if case.passed_over is not None else None,
        "tlsa": _answer(case, tlsa) | {"records": [r.to_text() for r in records_of(tlsa.rrset)] if tlsa.rrset else []},
        "answers": [_answer(case, answer) for answer in (case.evidence.a, case.evidence.aaaa)],
        "candidates": [_candidate(case, candidate) for candidate in case.evidence.candidates],
        "nameServers": [_said(case, said) for said in answers_to(case.evidence.sweep)],
        "addresses": [_address(case, address) for address in case.addresses],
        "leftOut": [str(address) for address in case.evidence.left_out],
        "otherFamily": [str(address) for address in case.evidence.other_family],
    }


def _answer(case: Case, answer: Validated) -> dict[str, object]:
    return {
        "asked": case.asked(answer),
        "state": answer.state.value,
        "ttl": answer.rrset.ttl if answer.rrset is not None else None,
        "reasons": [str(reason) for reason in answer.reasons],
    }


def _candidate(case: Case, candidate: Candidate) -> dict[str, object]:
    return {
        "base": candidate.base.to_text(),
        "asked": case.asked(candidate.tlsa),
        "state": candidate.tlsa.state.value,
        "records": len(candidate.tlsa.rrset.rdatas) if candidate.tlsa.rrset is not None else 0,
        "used": candidate.base == case.evidence.base,
    }


def _said(case: Case, said: Said) -> dict[str, object]:
    """What one name server said to one question; ``records`` None for what is no TLSA answer."""
    silence = said.answer if isinstance(said.answer, Silence) else None
    found = None if isinstance(said.answer, Silence) or said.asked.type != TLSA else records_of(said.answer)
    return {
        "zone": said.asked.of.to_text(),
        "server": said.server.to_text(),
        "address": str(said.address),
        "asked": case.asked(said.asked),
        "silence": silence.code if silence is not None else None,
        "rcode": said.rcode,
        "serial": said.serial,
        "records": [record.to_text() for record in found] if found is not None else None,
    }


def _address(case: Case, address: IP) -> dict[str, object]:
    probes = [probe for probe in case.evidence.probes if probe.address == address]
    usual = probes[0].hello.sni
    return {
        "address": str(address),
        "presented": [_view(view, usual) for view in case.views if view.address == address],
        "clients": {offer(probe.hello, usual): _got(probe) for probe in probes},
    }


def _got(probe: Probe) -> dict[str, object]:
    match probe.got:
        case Handshake(version=version, cipher=cipher):
            return {"got": "handshake", "version": version, "cipher": cipher}
        case HandshakeFailure(code=code, detail=detail):
            return {"got": "failure", "code": code, "detail": detail}
        case Unreachable(code=code, detail=detail):
            return {"got": "unreachable", "code": code, "detail": detail}
        case _:
            return {"got": "not-offered"}


def _view(view: View, usual: Name | None) -> dict[str, object]:
    return {
        "to": [offer(hello, usual) for hello in view.hellos],
        "said": list(view.handshake.said),
        "match": view.match.verdict.value,
        "chain": [_certificate(der) for der in view.handshake.chain.ders],
        "records": [_outcome(outcome) for outcome in view.match.records],
    }


def _certificate(der: bytes) -> dict[str, object]:
    said = describe(der)
    if not isinstance(said, Described):
        return {"unreadable": said}
    return {
        "subject": said.subject,
        "issuer": said.issuer,
        "names": list(said.names),
        "notBefore": said.first.isoformat(),
        "notAfter": said.last.isoformat(),
    }


def _outcome(outcome: RecordMatch) -> dict[str, object]:
    return {
        "record": outcome.record.to_text(),
        "matched": outcome.matched,
        "depth": outcome.depth,
        "reason": str(outcome.reason) if outcome.reason is not None else None,
    }


def finding_json(finding: Finding, target: str | None = None) -> dict[str, object]:
    """One finding; ``target`` as the operator named it, ``endpoint`` None where it is about the target as a whole."""
    return {
        "code": finding.code,
        "level": finding.level.name.lower(),
        "citation": finding.citation,
        "target": target,
        "endpoint": str(finding.endpoint) if finding.endpoint is not None else None,
        "subject": finding.subject,
        "address": str(finding.address) if finding.address is not None else None,
        "sentence": finding.sentence,
        "details": list(finding.details),
        "remedy": finding.remedy,
    }
