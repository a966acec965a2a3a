"""No single bit of what a verdict rests on can be changed: of answers, keys, DS records, NSEC, NSEC3, or names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from dns.name import Name
from dns.rdatatype import RdataType as T
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from danelaw.core.dnssec.algorithms import DEFAULT_POLICY
from danelaw.core.dnssec.canonical import canonical_rdata
from danelaw.core.dnssec.validate import Validation, drive
from danelaw.core.model import Message, Question, Record, Security
from fuzz.grounds import LAYOUTS, Case, Ground, Reply, ground, is_signature, lie_believed, told
from signed_tree import NOW, Tree, question

TREE = Tree()
ASKED = [question(*text.split()) for text in ("www A", "_443._tcp.www TLSA", "nope A", "_tcp.www A", "x.wild TXT")]


def resting_on(asked: Question) -> list[tuple[Question, int, int]]:
    """Every record that counts: the question it answers, its section (0: answer, 1: authority), its index."""
    TREE.asked.clear()
    drive(Validation(asked.name, asked.type, TREE.anchors, DEFAULT_POLICY, NOW), TREE.answer)
    places = []
    for one in list(TREE.asked):
        reply = TREE.answer(one)
        for section, records in enumerate((reply.answer, reply.authority)):
            places += [(one, section, index) for index, record in enumerate(records) if _counts(record)]
    return places


def _counts(record: Record) -> bool:
    """The SOA of a denial only says how long it may be cached."""
    return record.type != T.SOA and not (record.type == T.RRSIG and record.rdata[:2] == T.SOA.to_bytes(2))


PLACES = {asked: resting_on(asked) for asked in ASKED}


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(ASKED), st.data())
def test_a_flipped_bit_is_never_secure(asked: Question, data: st.DataObject) -> None:
    place, section, index = data.draw(st.sampled_from(PLACES[asked]))
    honest = TREE.answer(place)
    record = (honest.answer, honest.authority)[section][index]
    bit = data.draw(st.integers(0, 8 * len(record.rdata) - 1))
    rdata = bytearray(record.rdata)
    rdata[bit // 8] ^= 0x80 >> bit % 8
    # The case of the letters in a signer's name is not signed (RFC 4034 §6.2).
    assume(canonical_rdata(record.type, bytes(rdata)) != canonical_rdata(record.type, record.rdata))
    forged = _with(honest, section, index, replace(record, rdata=bytes(rdata)))

    def answer(one: Question) -> Message:
        return forged if one == place else TREE.answer(one)

    verdict = drive(Validation(asked.name, asked.type, TREE.anchors, DEFAULT_POLICY, NOW), answer)
    assert verdict.state is not Security.SECURE
    assert verdict.reasons


def _with(reply: Message, section: int, index: int, record: Record) -> Message:
    records = list((reply.answer, reply.authority)[section])
    records[index] = record
    return replace(reply, answer=tuple(records)) if section == 0 else replace(reply, authority=tuple(records))


def places(case: Case) -> list[tuple[Question, int, int]]:
    return [
        (question, section, index)
        for question, reply in case.replies.items()
        for section, records in enumerate((reply.answer, reply.authority))
        for index in range(len(records))
    ]


@settings(max_examples=400)
@given(st.sampled_from(list(LAYOUTS)).map(ground), st.sampled_from(["rdata", "owner", "ttl"]), st.data())
def test_a_flipped_bit_is_never_believed(tree: Ground, field: str, data: st.DataObject) -> None:
    """In trees with NSEC, NSEC3 and opt-out, whatever is asked: denials, wildcards, aliases, unsigned zones."""
    case = data.draw(st.sampled_from(tree.cases), "case")
    place, section, index = data.draw(st.sampled_from(places(case)), "place")
    honest = case.replies[place]
    record = (honest.answer, honest.authority)[section][index]
    forged = _with(honest, section, index, _flipped(record, field, data))
    verdict = told(tree, case.asked, _instead(tree, place, forged))
    assert lie_believed(case.truth, verdict) == "", [*map(str, verdict.reasons)]


def _flipped(record: Record, field: str, data: st.DataObject) -> Record:
    if field == "ttl":
        return replace(record, ttl=record.ttl ^ 1 << data.draw(st.integers(0, 31), "bit"))
    if field == "owner" and len(record.owner) > 1:
        at = data.draw(st.integers(0, len(record.owner) - 2), "label")
        labels = list(record.owner.labels)
        labels[at] = _flip(labels[at], data)
        return replace(record, owner=Name(labels))
    return replace(record, rdata=_flip(record.rdata, data))


def _flip(octets: bytes, data: st.DataObject) -> bytes:
    changed, bit = bytearray(octets), data.draw(st.integers(0, 8 * len(octets) - 1), "bit")
    changed[bit // 8] ^= 0x80 >> bit % 8
    return bytes(changed)


@pytest.mark.parametrize("word", LAYOUTS)
def test_every_octet_of_an_answer_and_of_its_signature_counts(word: str) -> None:
    tree = ground(word)
    case = next(case for case in tree.cases if case.asked.type == T.TLSA)
    for index, record in enumerate(case.replies[case.asked].answer):
        for at in range(len(record.rdata)):
            rdata = record.rdata[:at] + bytes((record.rdata[at] ^ 1,)) + record.rdata[at + 1 :]
            forged = _with(case.replies[case.asked], 0, index, replace(record, rdata=rdata))
            verdict = told(tree, case.asked, _instead(tree, case.asked, forged))
            assert verdict.state is Security.BOGUS, (
                f"octet {at} of {'the signature' if is_signature(record) else record}"
            )


def _instead(tree: Ground, asked: Question, forged: Message) -> Callable[[Question], Reply]:
    return lambda question: forged if question == asked else tree.honestly(question)
