"""Evidence as JSON: names absolute and in presentation form, instants in RFC 3339, certificates in base64, rdata in
hexadecimal. What has no order is sorted, so that the same evidence gives the same text."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Final, TypeAlias

from danelaw.core.model import (
    Absence,
    Answer,
    Candidate,
    Endpoint,
    Evidence,
    Handshake,
    HandshakeFailure,
    Hello,
    NotOffered,
    Presentation,
    Probe,
    Reason,
    RRset,
    Said,
    Silence,
    Sweep,
    Target,
    TargetEvidence,
    Unreachable,
    Validated,
)

SCHEMA: Final = "danelaw/evidence/1"

Document: TypeAlias = dict[str, object]
"""Of dictionaries, lists, strings, whole numbers, booleans and None."""


def to_line(evidence: TargetEvidence) -> str:
    """The document on one line of ASCII, without its end."""
    return json.dumps(to_json(evidence), separators=(",", ":"))


def to_json(evidence: TargetEvidence) -> Document:
    """All that judgement is founded on. Proofs (``Validated.proof``) are left out: their verdicts are kept."""
    return {
        "schema": SCHEMA,
        "target": _target(evidence.target),
        "at": evidence.at.isoformat(),
        "lookup": _validated(evidence.lookup) if evidence.lookup is not None else None,
        "endpoints": [_evidence(each) for each in evidence.endpoints],
        "leftOut": evidence.left_out,
    }


def _target(target: Target) -> Document:
    return {
        "name": target.name.to_text(),
        "application": target.application.name,
        "port": target.port,
        "transport": target.transport,
        "searched": target.searched,
    }


def _evidence(evidence: Evidence) -> Document:
    return {
        "endpoint": _endpoint(evidence.endpoint),
        "at": evidence.at.isoformat(),
        "base": evidence.base.to_text(),
        "owner": evidence.owner.to_text(),
        "tlsa": _validated(evidence.tlsa),
        "a": _validated(evidence.a),
        "aaaa": _validated(evidence.aaaa),
        "probes": [_probe(probe) for probe in evidence.probes],
        "application": evidence.application,
        "initial": evidence.initial.value if evidence.initial is not None else None,
        "candidates": [_candidate(candidate) for candidate in evidence.candidates],
        "sweep": _sweep(evidence.sweep) if evidence.sweep is not None else None,
        "service": evidence.service.to_text() if evidence.service is not None else None,
        "serviceState": evidence.service_state.value if evidence.service_state is not None else None,
        "leftOut": [str(address) for address in evidence.left_out],
        "otherFamily": [str(address) for address in evidence.other_family],
    }


def _endpoint(endpoint: Endpoint) -> Document:
    return {
        "host": endpoint.host.to_text(),
        "port": endpoint.port,
        "transport": endpoint.transport,
        "starttls": endpoint.starttls,
    }


def _candidate(candidate: Candidate) -> Document:
    return {
        "base": candidate.base.to_text(),
        "owner": candidate.owner.to_text(),
        "tlsa": _validated(candidate.tlsa),
    }


# -- the DNS --------------------------------------------------------------------------------------------------------


def _validated(answer: Validated) -> Document:
    return {
        "name": answer.name.to_text(),
        "type": answer.type,
        "state": answer.state.value,
        "rrsets": [_rrset(rrset) for rrset in answer.rrsets],
        "absence": _absence(answer.absence) if answer.absence is not None else None,
        "reasons": [_reason(reason) for reason in answer.reasons],
        "notes": [_reason(reason) for reason in answer.notes],
    }


def _rrset(rrset: RRset) -> Document:
    return {
        "owner": rrset.owner.to_text(),
        "type": rrset.type,
        "ttl": rrset.ttl,
        "rdatas": _octets(rrset.rdatas),
        "rrsigs": _octets(rrset.rrsigs),
    }


def _absence(absence: Absence) -> Document:
    proof = sorted(absence.proof, key=lambda rrset: (rrset.owner, rrset.type, rrset.ttl, sorted(rrset.rdatas)))
    return {
        "owner": absence.owner.to_text(),
        "type": absence.type,
        "ttl": absence.ttl,
        "proof": [_rrset(rrset) for rrset in proof],
    }


def _octets(many: Iterable[bytes]) -> list[str]:
    return [each.hex() for each in sorted(many)]


def _reason(reason: Reason) -> Document:
    return {"code": reason.code, "section": reason.section, "blamed": reason.blamed, "detail": reason.detail}


def _sweep(sweep: Sweep) -> Document:
    return {
        "said": [_said(said) for said in sweep.said],
        "unknown": [{"zone": zone.to_text(), "why": why} for zone, why in sweep.unknown],
    }


def _said(said: Said) -> Document:
    return {
        "of": said.asked.of.to_text(),
        "name": said.asked.name.to_text(),
        "type": said.asked.type,
        "server": said.server.to_text(),
        "address": str(said.address),
        "answer": _answer(said.answer),
        "serial": said.serial,
        "rcode": said.rcode,
    }


def _answer(answer: Answer | Silence) -> Document:
    match answer:
        case RRset():
            return {"rrset": _rrset(answer)}
        case Absence():
            return {"absence": _absence(answer)}
        case Silence(code=code, detail=detail):
            return {"silence": {"code": code, "detail": detail}}


# -- the service ----------------------------------------------------------------------------------------------------


def _probe(probe: Probe) -> Document:
    return {
        "at": probe.at.isoformat(),
        "address": str(probe.address),
        "hello": _hello(probe.hello),
        "got": _got(probe.got),
    }


def _hello(hello: Hello) -> Document:
    return {
        "sni": hello.sni.to_text() if hello.sni is not None else None,
        "version": hello.version.value if hello.version is not None else None,
        "algorithm": hello.algorithm.value if hello.algorithm is not None else None,
    }


def _got(got: Presentation) -> Document:
    match got:
        case Handshake(chain=chain, version=version, cipher=cipher, said=said):
            ders = [base64.b64encode(der).decode("ascii") for der in chain.ders]
            return {"handshake": {"chain": ders, "version": version, "cipher": cipher, "said": list(said)}}
        case HandshakeFailure(code=code, detail=detail):
            return {"failure": {"code": code, "detail": detail}}
        case Unreachable(code=code, detail=detail):
            return {"unreachable": {"code": code, "detail": detail}}
        case NotOffered():
            return {"notOffered": {}}
