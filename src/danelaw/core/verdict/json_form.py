"""A report as programs read it."""

from __future__ import annotations

from typing import Final

from dns.name import Name

from danelaw.core.model import IP, Handshake, HandshakeFailure, Probe, Unreachable, Validated
from danelaw.core.tlsa import RecordMatch, records_of
from danelaw.core.verdict.case import Case, View
from danelaw.core.verdict.hellos import offer
from danelaw.core.verdict.presented import Described, describe
from danelaw.core.verdict.printable import printable
from danelaw.core.verdict.report import Finding, Report

SCHEMA: Final = "danelaw/check/1"


def as_json(report: Report) -> dict[str, object]:
    """The report in lists, dictionaries, strings, numbers, booleans and None. Text is escaped as in the transcript.

    Instants are RFC 3339 in UTC; TLSA records are in presentation form; ``any`` is a client that offers all it has.
    """
    findings = [finding_json(finding) for finding in report.findings]
    return escaped({"schema": SCHEMA, **endpoint_json(report), "findings": findings})


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
    """What was seen of an endpoint, without the findings; not yet escaped."""
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
        "addresses": [_address(case, address) for address in case.addresses],
        "leftOut": [str(address) for address in case.evidence.left_out],
    }


def _answer(case: Case, answer: Validated) -> dict[str, object]:
    return {
        "asked": case.asked(answer),
        "state": answer.state.value,
        "ttl": answer.rrset.ttl if answer.rrset is not None else None,
        "reasons": [str(reason) for reason in answer.reasons],
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
