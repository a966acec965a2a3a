"""The crowd's reading of messages and TLSA records, and its bookkeeping."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta

import dns.dnssec
import dns.message
import dns.name
import dns.rdata
import dns.rdataset
import dns.rrset
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from dns.dnssectypes import Algorithm
from dns.rdataclass import IN
from dns.rdatatype import RRSIG, TLSA
from hypothesis import given
from hypothesis import strategies as st

from danelaw.worlds.lab.crowd import Connection, Outcome, Over, Reason
from danelaw.worlds.lab.crowd.dane import Association, Means, considered
from danelaw.worlds.lab.crowd.reasons import RefusedError
from danelaw.worlds.lab.crowd.signatures import verify
from danelaw.worlds.lab.crowd.tally import seconds_in_trouble, tally
from danelaw.worlds.lab.crowd.wire import GarbledError, query, read_reply

ZONE = dns.name.from_text("example.net.")
OWNER = dns.name.from_text("_443._tcp.www.example.net.")
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def reply_with(*rdatas: bytes, signature: dns.rdata.Rdata | None = None) -> tuple[int, bytes]:
    """A reply of TLSA records, whatever their rdata: dnspython would not write such."""
    id, wire = query(OWNER, TLSA)
    records = [(TLSA, rdata) for rdata in rdatas]
    if signature is not None:
        records.append((RRSIG, signature.to_wire() or b""))
    body = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", type, 1, 60, len(rdata)) + rdata for type, rdata in records)
    question = wire[12 : 12 + len(OWNER.to_wire() or b"") + 4]
    return id, struct.pack("!HHHHHH", id, 0x8400, 1, len(records), 0, 0) + question + body


def test_a_malformed_tlsa_spoils_neither_the_message_nor_the_signature() -> None:
    """It is unusable (RFC 6698 §4.1); it is still signed data."""
    private = ec.generate_private_key(ec.SECP256R1())
    key = dns.dnssec.make_dnskey(private.public_key(), Algorithm.ECDSAP256SHA256, flags=257)
    short, good = bytes([3, 1, 1]) + b"short", bytes([3, 1, 1]) + bytes(32)
    rdataset = dns.rdataset.from_rdata_list(60, [dns.rdata.GenericRdata(IN, TLSA, rdata) for rdata in (short, good)])
    hour = timedelta(hours=1)
    signature = dns.dnssec.sign((OWNER, rdataset), private, ZONE, key, inception=NOON - hour, expiration=NOON + hour)

    id, wire = reply_with(short, good, signature=signature)
    (records,) = read_reply(wire, id, OWNER, TLSA).answer
    assert [rdata.to_wire() for rdata in records.rdatas] == [short, good]
    assert verify(records, ZONE, [key], NOON.timestamp()).ttl == 60
    assert [str(one) for one in considered([short, good], Means())] == ["3 1 1 0000000000000000…"]

    id, wire = reply_with(good, signature=signature)
    (fewer,) = read_reply(wire, id, OWNER, TLSA).answer
    with pytest.raises(RefusedError) as refused:
        verify(fewer, ZONE, [key], NOON.timestamp())
    assert refused.value.reason is Reason.BOGUS_SIGNATURE
    for moment, reason in [(NOON + 2 * hour, Reason.SIGNATURE_EXPIRED), (NOON - 2 * hour, Reason.SIGNATURE_EARLY)]:
        with pytest.raises(RefusedError) as refused:
            verify(records, ZONE, [key], moment.timestamp())
        assert refused.value.reason is reason


def test_no_answer_is_held_for_longer_than_its_signature_lives() -> None:
    """RFC 4035 §5.3.3."""
    private = ec.generate_private_key(ec.SECP256R1())
    key = dns.dnssec.make_dnskey(private.public_key(), Algorithm.ECDSAP256SHA256, flags=257)
    rdataset = dns.rdataset.from_rdata_list(60, [dns.rdata.GenericRdata(IN, TLSA, bytes([3, 1, 1]) + bytes(32))])
    end = NOON + timedelta(seconds=7)
    signature = dns.dnssec.sign(
        (OWNER, rdataset), private, ZONE, key, inception=NOON - timedelta(hours=1), expiration=end
    )
    id, wire = reply_with(bytes([3, 1, 1]) + bytes(32), signature=signature)
    (records,) = read_reply(wire, id, OWNER, TLSA).answer
    verified = verify(records, ZONE, [key], NOON.timestamp())
    assert (verified.ttl, verified.life) == (7, 7.0)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda id, wire: (id ^ 1, wire),
        lambda id, wire: (id, wire[:-1]),
        lambda id, wire: (id, wire[:2] + b"\x00" + wire[3:]),
        lambda id, wire: (id, wire[:13] + b"X" + wire[14:]),
    ],
    ids=["another id", "cut off", "a query", "another question"],
)
def test_a_reply_to_another_question_or_a_broken_one_is_no_reply(spoil: object) -> None:
    assert callable(spoil)
    id, wire = spoil(*reply_with(bytes([3, 1, 1]) + bytes(32)))
    with pytest.raises(GarbledError):
        read_reply(wire, id, OWNER, TLSA)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_reply_or_garbled(wire: bytes) -> None:
    id, good = reply_with(b"\x03")
    for candidate in (wire, good[:12] + wire, good + wire):
        try:
            read_reply(candidate, id, OWNER, TLSA)
        except GarbledError:
            continue


D32, D64 = bytes(32), bytes(64)


@pytest.mark.parametrize(
    ("rdata", "usable"),
    [
        (bytes([3, 1, 1]) + D32, True),
        (bytes([3, 1, 2]) + D64, True),
        (bytes([3, 1, 2]) + D32, False),
        (bytes([3, 1, 1]) + D32[1:], False),
        (bytes([3, 1, 1]), False),
        (b"\x03", False),
        (b"", False),
        (bytes([4, 1, 1]) + D32, False),
        (bytes([255, 1, 1]) + D32, False),
        (bytes([3, 2, 1]) + D32, False),
        (bytes([3, 1, 3]) + D32, False),
        (bytes([3, 0, 0]) + b"no certificate", False),
        (bytes([3, 1, 0]) + b"no key", False),
    ],
)
def test_only_what_is_known_and_well_formed_is_usable(rdata: bytes, usable: bool) -> None:
    """RFC 6698 §4.1, RFC 7671 §9: malformed ones and unknown values are left out before anything else."""
    assert bool(considered([rdata], Means())) is usable


@pytest.mark.parametrize(
    ("means", "kept"),
    [
        (Means(), {(3, 1, 2), (3, 0, 1), (2, 1, 1)}),
        (Means(agility=False), {(3, 1, 1), (3, 1, 2), (3, 0, 1), (2, 1, 1)}),
        (Means(sha512=False), {(3, 1, 1), (3, 0, 1), (2, 1, 1)}),
    ],
)
def test_agility_is_by_usage_and_selector(means: Means, kept: set[tuple[int, int, int]]) -> None:
    """RFC 7671 §9."""
    parameters = [(3, 1, 1), (3, 1, 2), (3, 0, 1), (2, 1, 1)]
    rdatas = [bytes(one) + (D64 if one[2] == 2 else D32) for one in parameters]
    assert {(one.usage, one.selector, one.matching) for one in considered(rdatas, means)} == kept


def test_an_association_needs_data() -> None:
    assert Association.read(bytes([3, 1, 1])) is None


# -- the tally ---------------------------------------------------------------------------------------------------------


def connection(start: float, end: float, outcome: Outcome = Outcome.REFUSED, scene: str = "s") -> Connection:
    return Connection(
        scene=scene,
        client=0,
        kind="plain",
        started=NOON + timedelta(seconds=start),
        looked_up=None,
        finished=NOON + timedelta(seconds=end),
        address=None,
        over=Over.NONE,
        outcome=outcome,
        reason=Reason.TLSA_MISMATCH if outcome is Outcome.REFUSED else None,
    )


@pytest.mark.parametrize(
    ("spans", "seconds"),
    [
        ([], 0),
        ([(0, 0.5)], 0.5),
        ([(0, 2), (1, 1.5)], 2),  # one within another
        ([(0, 1), (2, 3)], 3),  # a second of quiet is the same trouble
        ([(0, 1), (2.1, 3)], 1.9),  # more is another
        ([(5, 6), (0, 1)], 2),  # whatever the order of their ends
    ],
)
def test_seconds_refused_are_the_sum_of_the_troubles(spans: list[tuple[float, float]], seconds: float) -> None:
    assert seconds_in_trouble(connection(*span) for span in spans) == pytest.approx(seconds)


def test_a_tally_counts_its_own_scene() -> None:
    told = tally(
        "s",
        [
            connection(0, 1, Outcome.ACCEPTED),
            connection(1, 2),
            connection(2, 3, Outcome.NO_SERVICE),
            connection(3, 4),
            connection(5, 6, scene="another"),
        ],
    )
    assert (told.connections, told.accepted, told.refused, told.no_service) == (4, 1, 2, 1)
    assert told.reasons == {Reason.TLSA_MISMATCH: 2}
    assert (told.first_refusal, told.last_refusal) == (NOON + timedelta(seconds=2), NOON + timedelta(seconds=4))
    assert told.examples[Reason.TLSA_MISMATCH].started == NOON + timedelta(seconds=1)
