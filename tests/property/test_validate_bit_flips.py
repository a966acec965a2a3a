"""No single bit of what a secure answer rests on can be changed."""

from __future__ import annotations

from dataclasses import replace

from dns.rdatatype import RdataType as T
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from danelaw.core.dnssec.algorithms import DEFAULT_POLICY
from danelaw.core.dnssec.canonical import canonical_rdata
from danelaw.core.dnssec.validate import Validation, drive
from danelaw.core.model import Message, Question, Record, Security
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
