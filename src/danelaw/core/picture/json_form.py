"""The chain of trust as programs read it: docs/reference/chain-json.md describes each field."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.dnssec.agreement import differs
from danelaw.core.model import (
    Instant,
    JudgedDenial,
    JudgedDigest,
    JudgedKey,
    JudgedLink,
    JudgedRRset,
    JudgedSignature,
    JudgedZone,
    Proof,
    Reason,
    RRset,
    Said,
    Silence,
    Sweep,
)
from danelaw.core.picture import told, words
from danelaw.core.picture.hints import hint
from danelaw.core.picture.seen import Picture, Presented
from danelaw.core.verdict.printable import printable

SCHEMA: Final = "danelaw/chain/1"


def as_json(picture: Picture) -> dict[str, object]:
    """The picture in lists, dictionaries, strings, numbers, booleans and None; RFC 3339 instants in UTC.

    Names are A-labels in presentation form; text from the network has its control characters escaped.
    """
    answer = picture.answer
    proof = answer.proof
    return {
        "schema": SCHEMA,
        "name": words.plain(answer.name),
        "type": words.type_name(answer.type),
        "state": answer.state.value,
        "now": _instant(proof.now) if proof is not None else None,
        "zones": [_zone(zone, proof) for zone in proof.zones] if proof is not None else [],
        "links": [_link(link) for link in proof.links] if proof is not None else [],
        "reasons": _reasons(answer.reasons),
        "notes": _reasons(answer.notes),
        "servers": _sweep(picture.sweep) if picture.sweep is not None else None,
        "presented": [_presented(one) for one in picture.presented] if picture.presented is not None else None,
    }


def _instant(instant: Instant) -> str:
    return instant.isoformat()


def _reason(reason: Reason) -> dict[str, object]:
    return {
        "code": reason.code,
        "section": printable(reason.section),
        "blamed": printable(reason.blamed),
        "detail": printable(reason.detail),
        "hint": hint(reason),
    }


def _reasons(reasons: Iterable[Reason]) -> list[dict[str, object]]:
    return [_reason(reason) for reason in reasons]


def _fault(reason: Reason | None) -> dict[str, object] | None:
    return _reason(reason) if reason is not None else None


def _zone(zone: JudgedZone, proof: Proof) -> dict[str, object]:
    data = list(told.data_of(zone, proof))
    return {
        "name": words.plain(zone.name),
        "parent": words.plain(zone.parent) if zone.parent is not None else None,
        "state": zone.state.value,
        "ds": _judged(zone.ds),
        "digests": [_digest(digest) for digest in zone.digests],
        "denial": _denial(zone.denial),
        "dnskey": _judged(zone.dnskey),
        "keys": [_key(key, words.role(key, zone, data)) for key in zone.keys],
        "reasons": _reasons(zone.reasons),
    }


def _link(link: JudgedLink) -> dict[str, object]:
    return {
        "name": words.plain(link.name),
        "type": words.type_name(link.type),
        "state": link.state.value,
        "zone": words.plain(link.zone) if link.zone is not None else None,
        "rrset": _judged(link.rrset),
        "denial": _denial(link.denial),
        "synthesized": _rrset(link.synthesized) if link.synthesized is not None else None,
        "onward": words.plain(link.onward) if link.onward is not None else None,
        "reasons": _reasons(link.reasons),
    }


def _rrset(rrset: RRset) -> dict[str, object]:
    return {
        "owner": words.plain(rrset.owner),
        "type": words.type_name(rrset.type),
        "ttl": rrset.ttl,
        "records": list(words.rdatas(rrset.type, rrset.rdatas)),
    }


def _judged(judged: JudgedRRset | None) -> dict[str, object] | None:
    if judged is None:
        return None
    return _rrset(judged.rrset) | {
        "zone": words.plain(judged.zone),
        "state": judged.state.value,
        "wildcard": words.plain(judged.wildcard) if judged.wildcard is not None else None,
        "signatures": [_signature(signature) for signature in judged.signatures],
        "malformedSignatures": judged.malformed_signatures,
        "reasons": _reasons(judged.reasons),
    }


def _signature(signature: JudgedSignature) -> dict[str, object]:
    return {
        "keyTag": signature.key_tag,
        "algorithm": signature.algorithm,
        "algorithmName": words.algorithm(signature.algorithm),
        "signer": words.plain(signature.signer),
        "labels": signature.labels,
        "originalTtl": signature.original_ttl,
        "inception": _instant(signature.inception),
        "expiration": _instant(signature.expiration),
        "outcome": signature.outcome.value,
        "fault": _fault(signature.fault),
    }


def _digest(digest: JudgedDigest) -> dict[str, object]:
    return {
        "keyTag": digest.key_tag,
        "algorithm": digest.algorithm,
        "algorithmName": words.algorithm(digest.algorithm),
        "digestType": digest.digest_type,
        "digestTypeName": words.digest_type(digest.digest_type),
        "digest": digest.digest.hex(),
        "outcome": digest.outcome.value,
        "fault": _fault(digest.fault),
    }


def _key(key: JudgedKey, role: str) -> dict[str, object]:
    return {
        "tag": key.tag,
        "flags": key.flags,
        "algorithm": key.algorithm,
        "algorithmName": words.algorithm(key.algorithm),
        "bits": key.bits,
        "role": role,
        "vouchedFor": key.vouched_for,
        "fault": _fault(key.fault),
    }


def _denial(denial: JudgedDenial | None) -> dict[str, object] | None:
    if denial is None:
        return None
    return {
        "how": denial.how,
        "optOut": denial.opt_out,
        "records": [_judged(judged) for judged in denial.records],
    }


def _sweep(sweep: Sweep) -> list[dict[str, object]]:
    return [
        {
            "zone": words.plain(zone),
            "unknown": next((printable(why) for unknown, why in sweep.unknown if unknown == zone), None),
            "asked": [
                {
                    "name": words.plain(asked.name),
                    "type": words.type_name(asked.type),
                    "differ": differs(sweep, asked),
                    "said": [_said(said) for said in sweep.to(asked)],
                }
                for asked in sweep.questions(zone)
            ],
        }
        for zone in sweep.zones()
    ]


def _said(said: Said) -> dict[str, object]:
    silent = said.answer if isinstance(said.answer, Silence) else None
    there = said.answer if isinstance(said.answer, RRset) else None
    return {
        "server": words.plain(said.server),
        "address": str(said.address),
        "silence": printable(f"{silent.code} {silent.detail}".strip()) if silent is not None else None,
        "serial": said.serial,
        "ttl": there.ttl if there is not None else None,
        "records": list(words.rdatas(there.type, there.rdatas)) if there is not None else None,
        "signed": bool(there.rrsigs) if there is not None else None,
    }


def _presented(one: Presented) -> dict[str, object]:
    return {
        "address": str(one.address),
        "matched": one.matched,
        "subject": printable(one.subject),
        "record": one.record or None,
        "depth": one.depth,
        "notAfter": _instant(one.until) if one.until is not None else None,
        "trouble": printable(one.trouble) or None,
    }
