"""Any evidence whatever comes back as it was saved; any damage to a file is told, and never anything else."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import pytest
from dns.name import Name
from hypothesis import given, settings
from hypothesis import strategies as st

from danelaw.core.dnssec.rrsig import RRSIG
from danelaw.core.model import (
    APPLICATIONS,
    Absence,
    Asked,
    Candidate,
    Chain,
    DanelawError,
    Endpoint,
    Evidence,
    Handshake,
    HandshakeFailure,
    Hello,
    KeyAlgorithm,
    NotOffered,
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
    at_port,
)
from danelaw.core.tlsa import Combination, TLSARecord, associate
from danelaw.core.verdict import (
    EXPIRY_NOTICE,
    check_json,
    judge_target,
    prometheus,
    target_json,
    target_transcript,
)
from danelaw.core.verdict.nagios import plugin
from danelaw.core.verdict.saved import from_json, from_text, to_json, to_line
from tlsa_chains import INTERMEDIATE, LEAF, ROOT

SERVED: Final = Chain((LEAF.der, INTERMEDIATE.der, ROOT.der))

pytestmark = pytest.mark.slow

NOW: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)

names = st.lists(st.binary(min_size=1, max_size=20), max_size=4).map(lambda labels: Name((*labels, b"")))
hosts = names.filter(lambda name: len(name) > 1)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
octets = st.binary(max_size=60)
instants = st.integers(-(10**15), 10**15).map(lambda micros: NOW + timedelta(microseconds=micros))
addresses = st.ip_addresses()
shorts, longs = st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
states = st.sampled_from(Security)
reasons = st.builds(Reason, texts, texts, texts, texts)
rdatas = st.frozensets(octets, max_size=3)
rrsets = st.builds(RRset, names, shorts, longs, rdatas, rdatas)
absences = st.builds(Absence, names, shorts, longs, st.frozensets(rrsets, max_size=2))


def few(of: st.SearchStrategy[Any], most: int = 2) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(of, max_size=most).map(tuple)


validated = st.builds(
    Validated, names, shorts, states, few(rrsets), st.none() | absences, few(reasons), few(reasons), st.none()
)
records = st.sampled_from(
    [associate(Combination.from_text(text), SERVED) for text in ("3 1 1", "3 0 2", "2 0 1", "0 1 1")]
)
tlsa = octets | records.map(TLSARecord.to_rdata)


def answering(type: int, rdatas: st.SearchStrategy[bytes]) -> st.SearchStrategy[Validated]:
    """An answer to what was asked, so that judgement goes on to what it says; or any."""
    rrset = st.builds(RRset, names, st.just(type), longs, st.frozensets(rdatas, min_size=1, max_size=4), some_rrsigs)
    return st.builds(lambda one, state: Validated(one.owner, type, state, (one,)), rrset, states) | validated


signatures = st.builds(
    RRSIG, shorts, st.just(13), st.just(2), longs, longs, longs, shorts, names, octets
).map(RRSIG.to_rdata)  # fmt: skip
some_rrsigs = st.frozensets(octets | signatures, max_size=2)
silences = st.builds(Silence, texts, texts)
sweeps = st.builds(
    Sweep,
    few(
        st.builds(
            Said,
            st.builds(Asked, names, names, shorts),
            names,
            addresses,
            rrsets | absences | silences,
            st.none() | longs,
            st.none() | shorts,
        )
    ),
    few(st.tuples(names, texts)),
)
hellos = st.builds(
    Hello, st.none() | names, st.none() | st.sampled_from(TLSVersion), st.none() | st.sampled_from(KeyAlgorithm)
)
ders = octets | st.sampled_from([LEAF.der, INTERMEDIATE.der, ROOT.der])
presentations = (
    st.builds(Handshake, few(ders, 3).map(Chain), texts, texts, few(texts))
    | st.builds(HandshakeFailure, texts, texts)
    | st.builds(Unreachable, texts, texts)
    | st.just(NotOffered())
)
transports = st.sampled_from(["tcp", "udp", "sctp"])
ports = st.integers(1, 0xFFFF)
evidence = st.builds(
    Evidence,
    st.builds(Endpoint, names, ports, transports, st.none() | texts),
    instants,
    names,
    names,
    answering(52, tlsa),
    answering(1, st.binary(min_size=4, max_size=4)),
    answering(28, st.binary(min_size=16, max_size=16)),
    few(st.builds(Probe, instants, addresses, hellos, presentations), 3),
    application=st.sampled_from([*APPLICATIONS, "tls"]),
    initial=st.none() | states,
    candidates=few(st.builds(Candidate, names, names, answering(52, tlsa))),
    sweep=st.none() | sweeps,
    service=st.none() | names,
    service_state=st.none() | states,
    left_out=few(addresses),
)
targets = st.builds(
    Target, hosts, st.sampled_from(list(APPLICATIONS.values())), ports, transports, st.booleans()
) | st.builds(lambda name, port: Target(name, at_port(port), port), hosts, ports)
servers = st.builds(lambda preference, host: preference.to_bytes(2) + (host.to_wire() or b""), shorts, names)
lookups = answering(15, servers | octets) | answering(33, servers.map(lambda rdata: bytes(4) + rdata))
looks = st.builds(TargetEvidence, targets, instants, st.none() | lookups, few(evidence), longs)


def dialogues(look: TargetEvidence) -> list[Any]:
    """They don't count where handshakes are compared."""
    return [getattr(probe.got, "said", None) for endpoint in look.endpoints for probe in endpoint.probes]


@given(looks)
@settings(max_examples=60, deadline=None)
def test_any_evidence_comes_back(look: TargetEvidence) -> None:
    line = to_line(look)
    again = from_text(line)
    assert again == look
    assert dialogues(again) == dialogues(look)
    assert to_line(again) == line


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(document: Any) -> list[tuple[Any, Any]]:
    """Every place in a document where something else could stand."""
    if isinstance(document, dict):
        steps: list[Any] = list(document)
    else:
        steps = list(range(len(document))) if isinstance(document, list) else []
    found = [(document, step) for step in steps]
    for step in steps:
        found += places(document[step])
    return found


def outcome(read: Callable[[], TargetEvidence]) -> TargetEvidence | DanelawError:
    try:
        return read()
    except DanelawError as error:
        return error


@given(looks, st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_stands_in_a_document_is_evidence_or_refused(look: TargetEvidence, data: st.DataObject) -> None:
    document = json.loads(to_line(look))
    for _ in range(data.draw(st.integers(1, 3))):
        holder, step = data.draw(st.sampled_from(places(document)))
        if data.draw(st.booleans()):
            holder[step] = data.draw(anything)
        elif isinstance(holder, dict):
            del holder[step]
    got = outcome(lambda: from_json(document))
    if isinstance(got, DanelawError):
        assert (got.code, got.evidence[0]) == ("EVIDENCE_UNREADABLE", "$")
    else:
        assert from_json(to_json(got)) == got


@given(looks, st.data())
@settings(max_examples=60, deadline=None)
def test_a_file_that_was_cut_or_scribbled_over_is_evidence_or_refused(
    look: TargetEvidence, data: st.DataObject
) -> None:
    line = to_line(look)
    place = data.draw(st.integers(0, len(line)))
    scribbled = line[:place] + data.draw(st.text(max_size=4)) + line[place + data.draw(st.integers(0, 4)) :]
    for text in (line[:place], scribbled):
        got = outcome(partial(from_text, text))
        assert isinstance(got, TargetEvidence) or got.code == "EVIDENCE_UNREADABLE"


@given(st.text())
@settings(max_examples=60, deadline=None)
def test_any_text_is_evidence_or_refused(text: str) -> None:
    with pytest.raises(DanelawError):
        from_text(text)


@given(looks)
@settings(max_examples=80, deadline=None)
def test_any_evidence_can_be_judged_and_told_in_every_form(look: TargetEvidence) -> None:
    """Whatever a file says, or a network: no form breaks, and none lets a control character through."""
    report = judge_target(look, (ROOT.der,))
    _, lines = plugin([report, report], EXPIRY_NOTICE, opportunistic=False)
    told = [*target_transcript(report), *lines, *prometheus.text(prometheus.samples(report)).splitlines()]
    assert [line for line in told if not line.isprintable()] == []
    for document in (check_json([report]), target_json(report)):
        assert json.loads(json.dumps(document)) == document
