"""Saved evidence, read strictly: whoever wrote the file, what comes of it is evidence or an error that says where.

Fields that are not known are errors: what a later version has seen must not be left out of the judgement.
"""

from __future__ import annotations

import json
from typing import Final

from dns.name import Name

from danelaw.core.model import (
    APPLICATIONS,
    Absence,
    Answer,
    Application,
    Asked,
    Candidate,
    Chain,
    Endpoint,
    Evidence,
    Handshake,
    HandshakeFailure,
    Hello,
    KeyAlgorithm,
    NotOffered,
    Presentation,
    Probe,
    Reason,
    RRset,
    Said,
    Security,
    Silence,
    Sweep,
    Target,
    TargetEvidence,
    TLSVersion,
    Unreachable,
    Validated,
)
from danelaw.core.model.application import TLS
from danelaw.core.verdict.saved.place import Place, unreadable
from danelaw.core.verdict.saved.writing import SCHEMA

LONGEST: Final = 1 << 26
"""Characters of the document of one target, far more than a look at one ever gives."""
_RDATA: Final = 0xFFFF  # octets: RDLENGTH has 16 bits


def from_text(text: str) -> TargetEvidence:
    """Of one document. Raises ``DanelawError("EVIDENCE_UNREADABLE")``."""
    if len(text) > LONGEST:
        raise unreadable("$", f"more than {LONGEST} characters")
    try:
        document = json.loads(text, parse_constant=_no_number, object_pairs_hook=_once)
    except RecursionError as error:
        raise unreadable("$", "lists or objects too deep within each other") from error
    except json.JSONDecodeError as error:
        raise unreadable("$", f"no JSON: {error.msg} at line {error.lineno}, column {error.colno}") from error
    except ValueError as error:  # a number of thousands of digits, and what the hooks refuse
        raise unreadable("$", f"no JSON: {str(error)[:200]}") from error
    return from_json(document)


def from_json(document: object) -> TargetEvidence:
    """``document``: as ``json.loads`` gives it. Raises ``DanelawError("EVIDENCE_UNREADABLE")``."""
    _of_this_schema(document)
    whole = Place(document).table("schema", "target", "at", "lookup", "endpoints", "leftOut")
    return TargetEvidence(
        _target(whole["target"]),
        whole["at"].instant(),
        whole["lookup"].maybe(_validated),
        whole["endpoints"].each(_evidence),
        whole["leftOut"].long(),
    )


def _of_this_schema(document: object) -> None:
    """Looked at before the fields: those of another schema may be others."""
    schema = document.get("schema") if isinstance(document, dict) else None
    if isinstance(schema, str) and schema != SCHEMA:
        raise unreadable("$.schema", f"{schema[:60]!r}, and {SCHEMA!r} is what can be read")


def _no_number(text: str) -> object:
    raise ValueError(f"{text} is no number of JSON")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Of two fields of one name another program would see the other one."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a field twice")
    return found


def _target(place: Place) -> Target:
    fields = place.table("name", "application", "port", "transport", "searched")
    port = _port(fields["port"])
    name = fields["name"].name()
    if len(name) == 1:
        raise fields["name"].wrong("the root of the DNS is no host")
    application = _application(fields["application"], port)
    return Target(name, application, port, _transport(fields["transport"]), fields["searched"].flag())


def _application(place: Place, port: int) -> Application:
    name = place.text()
    if name == TLS:
        return Application(TLS, port)
    if name not in APPLICATIONS:
        raise place.wrong(f"{name[:60]!r} is none of {', '.join(APPLICATIONS)}, {TLS}")
    return APPLICATIONS[name]


def _port(place: Place) -> int:
    return place.number(1, 0xFFFF)


def _transport(place: Place) -> str:
    text = place.text()
    if text not in ("tcp", "udp", "sctp"):
        raise place.wrong("none of tcp, udp, sctp")
    return text


def _evidence(place: Place) -> Evidence:
    fields = place.table(
        "endpoint",
        "at",
        "base",
        "owner",
        "tlsa",
        "a",
        "aaaa",
        "probes",
        "application",
        "initial",
        "candidates",
        "sweep",
        "service",
        "serviceState",
        "leftOut",
        "otherFamily",
    )
    endpoint = _endpoint(fields["endpoint"])
    return Evidence(
        endpoint=endpoint,
        at=fields["at"].instant(),
        base=fields["base"].name(),
        owner=fields["owner"].name(),
        tlsa=_validated(fields["tlsa"]),
        a=_validated(fields["a"]),
        aaaa=_validated(fields["aaaa"]),
        probes=fields["probes"].each(_probe),
        application=_application(fields["application"], endpoint.port).name,
        initial=fields["initial"].maybe(_state),
        candidates=fields["candidates"].each(_candidate),
        sweep=fields["sweep"].maybe(_sweep),
        service=fields["service"].maybe(Place.name),
        service_state=fields["serviceState"].maybe(_state),
        left_out=fields["leftOut"].each(Place.address),
        other_family=fields["otherFamily"].each(Place.address),
    )


def _endpoint(place: Place) -> Endpoint:
    fields = place.table("host", "port", "transport", "starttls")
    return Endpoint(
        fields["host"].name(),
        _port(fields["port"]),
        _transport(fields["transport"]),
        fields["starttls"].maybe(Place.text),
    )


def _candidate(place: Place) -> Candidate:
    fields = place.table("base", "owner", "tlsa")
    return Candidate(fields["base"].name(), fields["owner"].name(), _validated(fields["tlsa"]))


# -- the DNS --------------------------------------------------------------------------------------------------------


def _validated(place: Place) -> Validated:
    fields = place.table("name", "type", "state", "rrsets", "absence", "reasons", "notes")
    return Validated(
        fields["name"].name(),
        fields["type"].short(),
        _state(fields["state"]),
        fields["rrsets"].each(_rrset),
        fields["absence"].maybe(_absence),
        fields["reasons"].each(_reason),
        fields["notes"].each(_reason),
    )


def _state(place: Place) -> Security:
    return place.member(Security)


def _rrset(place: Place) -> RRset:
    fields = place.table("owner", "type", "ttl", "rdatas", "rrsigs")
    return RRset(
        fields["owner"].name(),
        fields["type"].short(),
        fields["ttl"].long(),
        frozenset(fields["rdatas"].each(_rdata)),
        frozenset(fields["rrsigs"].each(_rdata)),
    )


def _rdata(place: Place) -> bytes:
    return place.hexadecimal(_RDATA)


def _absence(place: Place) -> Absence:
    fields = place.table("owner", "type", "ttl", "proof")
    return Absence(
        fields["owner"].name(), fields["type"].short(), fields["ttl"].long(), frozenset(fields["proof"].each(_rrset))
    )


def _reason(place: Place) -> Reason:
    fields = place.table("code", "section", "blamed", "detail")
    return Reason(*(fields[name].text() for name in ("code", "section", "blamed", "detail")))


def _sweep(place: Place) -> Sweep:
    fields = place.table("said", "unknown")
    return Sweep(fields["said"].each(_said), fields["unknown"].each(_unknown))


def _unknown(place: Place) -> tuple[Name, str]:
    fields = place.table("zone", "why")
    return fields["zone"].name(), fields["why"].text()


def _said(place: Place) -> Said:
    fields = place.table("of", "name", "type", "server", "address", "answer", "serial", "rcode")
    return Said(
        Asked(fields["of"].name(), fields["name"].name(), fields["type"].short()),
        fields["server"].name(),
        fields["address"].address(),
        _answer(fields["answer"]),
        fields["serial"].maybe(Place.long),
        fields["rcode"].maybe(Place.short),
    )


def _answer(place: Place) -> Answer | Silence:
    kind, what = place.choice("rrset", "absence", "silence")
    if kind == "rrset":
        return _rrset(what)
    return _absence(what) if kind == "absence" else Silence(*_told(what))


def _told(place: Place) -> tuple[str, str]:
    fields = place.table("code", "detail")
    return fields["code"].text(), fields["detail"].text()


# -- the service ----------------------------------------------------------------------------------------------------


def _probe(place: Place) -> Probe:
    fields = place.table("at", "address", "hello", "got")
    return Probe(fields["at"].instant(), fields["address"].address(), _hello(fields["hello"]), _got(fields["got"]))


def _hello(place: Place) -> Hello:
    fields = place.table("sni", "version", "algorithm")
    return Hello(
        fields["sni"].maybe(Place.name),
        fields["version"].maybe(lambda place: place.member(TLSVersion)),
        fields["algorithm"].maybe(lambda place: place.member(KeyAlgorithm)),
    )


def _got(place: Place) -> Presentation:
    kind, what = place.choice("handshake", "failure", "unreachable", "notOffered")
    if kind == "handshake":
        return _handshake(what)
    if kind == "failure":
        return HandshakeFailure(*_told(what))
    if kind == "unreachable":
        return Unreachable(*_told(what))
    what.table()
    return NotOffered()


def _handshake(place: Place) -> Handshake:
    fields = place.table("chain", "version", "cipher", "said")
    chain = Chain(fields["chain"].each(Place.base64))
    return Handshake(chain, fields["version"].text(), fields["cipher"].text(), fields["said"].each(Place.text))
