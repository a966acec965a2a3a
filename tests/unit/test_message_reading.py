"""Messages are read with every rdata raw, and queries are made (RFC 1035 §4)."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.name
import dns.rrset
import pytest
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec import message as message_module
from danelaw.core.dnssec.message import MessageError, make_query, read_message, rrsets
from danelaw.core.model import Record, RRset

EXAMPLE = dns.name.from_text("example.net.")
HEADER = bytes.fromhex("1234 8180 0001 0001 0000 0000")
QUESTION = b"\x07example\x03net\x00" + bytes.fromhex("0034 0001")
POINTER = bytes.fromhex("c00c")
"""To the name at octet 12, that of the question."""


def reply(type: int, rdata: bytes, *, owner: bytes = POINTER, ttl: int = 300, header: bytes = HEADER) -> bytes:
    fixed = type.to_bytes(2) + b"\0\1" + ttl.to_bytes(4) + len(rdata).to_bytes(2)
    return header + QUESTION + owner + fixed + rdata


@pytest.mark.parametrize(
    ("type", "rdata"),
    [
        (T.TLSA, bytes.fromhex("030101")),
        (T.TLSA, bytes.fromhex("030101 9999")),
        (T.TLSA, b""),
        (T.DS, bytes.fromhex("0001 0d 02 abcd")),
        (T.A, bytes(3)),
        (T.AAAA, bytes(17)),
        (T.CNAME, b""),
        (T.CNAME, b"\x05ab"),
        (T.CNAME, b"\x00junk"),
        (T.SOA, b"\x00\x00\x01"),
        (T.MX, b"\x00"),
        (T.NAPTR, bytes(4) + b"\xff"),
        (T.NSEC, b"\xff"),
        (T.RRSIG, b"\x00"),
        (65280, b"\xc0\x0c"),
    ],
)
def test_malformed_rdata_is_kept_as_it_came(type: int, rdata: bytes) -> None:
    message = read_message(reply(type, rdata))
    assert message.answer == (Record(EXAMPLE, type, 1, 300, rdata),)


FULL = b"\x07example\x03net\x00"
COMPRESSED = [
    (T.NS, b"\x02ns\xc0\x0c", b"\x02ns" + FULL),
    (T.MX, b"\x00\x0a\xc0\x0c", b"\x00\x0a" + FULL),
    (T.SOA, b"\xc0\x0c\x01h\xc0\x0c" + bytes(20), FULL + b"\x01h" + FULL + bytes(20)),
    (T.MINFO, b"\xc0\x0c\xc0\x0c", FULL + FULL),
    # Not compressed by the rules, and decompressed all the same (RFC 3597 §4)
    (T.SRV, bytes(6) + b"\xc0\x0c", bytes(6) + FULL),
    (T.NAPTR, bytes(4) + b"\x01u\x01s\x00\xc0\x0c", bytes(4) + b"\x01u\x01s\x00" + FULL),
    (T.RP, b"\xc0\x0c\x00", FULL + b"\x00"),
    (T.SIG, bytes(18) + b"\xc0\x0cSIG", bytes(18) + FULL + b"SIG"),
    # Never: a later type's rdata is opaque
    (T.DNAME, b"\xc0\x0c", b"\xc0\x0c"),
    (T.RRSIG, bytes(18) + b"\xc0\x0cSIG", bytes(18) + b"\xc0\x0cSIG"),
]


@pytest.mark.parametrize(("type", "wire", "rdata"), COMPRESSED, ids=[T.make(row[0]).name for row in COMPRESSED])
def test_names_in_the_old_types_are_decompressed(type: int, wire: bytes, rdata: bytes) -> None:
    assert read_message(reply(type, wire)).answer[0].rdata == rdata


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        HEADER[:11],
        HEADER,
        HEADER + QUESTION[:-1],
        HEADER + QUESTION,
        reply(T.A, bytes(4))[:-1],
        reply(T.A, bytes(4), owner=b"\xc0\x1d"),  # to itself
        reply(T.A, bytes(4), owner=b"\xc0\xff"),  # forwards
        reply(T.A, bytes(4), owner=b"\xc0"),
        reply(T.A, bytes(4), owner=b"\x40" + bytes(64) + b"\0"),  # label types of old experiments
        reply(T.A, bytes(4), owner=b"\x3f" + bytes(63) + b"\xc0\x1d"),  # round and round
        reply(T.A, bytes(4), owner=(b"\x3f" + bytes(63)) * 4 + b"\0"),  # 257 octets
    ],
)
def test_framing_that_cannot_be_followed_is_an_error(wire: bytes) -> None:
    with pytest.raises(MessageError):
        read_message(wire)


def test_a_name_of_255_octets_is_read() -> None:
    owner = (b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"a" * 61 + b"\0"
    assert len(owner) == 255
    assert len(read_message(reply(T.A, bytes(4), owner=owner)).answer[0].owner.to_wire() or b"") == 255


@pytest.mark.parametrize(("pointers", "good"), [(127, True), (128, False)])
def test_chains_of_pointers_end_soon(pointers: int, good: bool) -> None:
    """Pointers to pointers, laid out in one rdata: each of thousands of names could take thousands of steps."""
    first = len(reply(T.TXT, b""))
    targets = [12, *range(first, first + 2 * (pointers - 2), 2)]
    chain = b"".join((0xC000 | target).to_bytes(2) for target in targets)
    owner = (0xC000 | first + len(chain) - 2).to_bytes(2)
    second = reply(T.A, bytes(4), owner=owner)[len(HEADER + QUESTION) :]
    wire = reply(T.TXT, chain, header=HEADER[:6] + b"\0\2" + HEADER[8:]) + second
    if good:
        assert read_message(wire).answer[1].owner == EXAMPLE
    else:
        with pytest.raises(MessageError):
            read_message(wire)


def test_what_a_truncated_message_holds_is_kept() -> None:
    header = HEADER[:2] + b"\x82\0" + HEADER[4:]
    message = read_message(reply(T.A, bytes(4), header=header)[:-2])
    assert message.truncated
    assert message.question[0].name == EXAMPLE
    assert message.answer == ()


def test_octets_after_the_last_record_are_passed_over() -> None:
    assert len(read_message(reply(T.A, bytes(4)) + b"junk").answer) == 1


def test_the_extended_rcode_comes_from_the_opt_record() -> None:
    """BADVERS, 16, is 0 in the header and 1 in OPT's TTL (RFC 6891 §6.1.3)."""
    opt = b"\0" + bytes.fromhex("0029 04d0 01000000 0000")
    message = read_message(HEADER[:10] + b"\0\1" + reply(T.A, bytes(4))[12:] + opt)
    assert (message.rcode, message.additional) == (16, ())


def test_a_query_is_read_alike_by_another_library() -> None:
    wire = make_query(EXAMPLE, T.TLSA, id=4711, recursion_desired=True, payload=1400)
    query = dns.message.from_wire(wire)
    assert (query.id, query.question[0].name, query.question[0].rdtype) == (4711, EXAMPLE, T.TLSA)
    assert (query.edns, query.payload, query.ednsflags) == (0, 1400, dns.flags.DO)
    assert dns.flags.to_text(query.flags) == "RD CD"


@pytest.mark.parametrize(
    ("recursion_desired", "checking_disabled", "flags"), [(False, False, ""), (True, False, "RD"), (False, True, "CD")]
)
def test_the_flags_of_a_query(recursion_desired: bool, checking_disabled: bool, flags: str) -> None:
    wire = make_query(
        EXAMPLE, T.A, id=1, recursion_desired=recursion_desired, checking_disabled=checking_disabled, dnssec_ok=False
    )
    query = dns.message.from_wire(wire)
    assert (dns.flags.to_text(query.flags), query.ednsflags) == (flags, 0)


def record(type: int, rdata: bytes, ttl: int = 300, klass: int = 1) -> Record:
    return Record(EXAMPLE, type, klass, ttl, rdata)


def test_rrsets_gather_their_records_and_signatures() -> None:
    """RFC 2181 §5.2: of different TTLs the least; §8: one with the top bit set is 0."""
    over_a, over_mx = b"\0\1-a", b"\0\x0f-mx"
    records = [
        record(T.A, b"\1\1\1\1", 300),
        record(T.RRSIG, over_a),
        record(T.MX, b"\0\0\0", 1 << 31),
        record(T.A, b"\2\2\2\2", 200),
        record(T.A, b"\3\3\3\3", klass=3),
        record(T.RRSIG, b"\0"),
    ]
    assert rrsets(records, [*records, record(T.RRSIG, over_mx)]) == [
        RRset(EXAMPLE, T.A, 200, frozenset({b"\1\1\1\1", b"\2\2\2\2"}), frozenset({over_a})),
        RRset(EXAMPLE, T.MX, 0, frozenset({b"\0\0\0"}), frozenset({over_mx})),
    ]


def test_a_name_that_thousands_of_records_point_to_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a message may cost grows with its size, not with its records times the depth of their name."""
    deep = b"\x01a" * 120 + b"\x00"
    record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x01\x00\x04\xc0\x00\x02\x01"
    wire = b"\x00\x01\x80\x00\x00\x01\x0f\xa0\x00\x00\x00\x00" + deep + b"\x00\x01\x00\x01" + record * 4000
    read: list[int] = []
    labels = message_module._Reader._labels

    def counted(reader: message_module._Reader, at: int) -> tuple[list[bytes], int]:
        read.append(at)
        return labels(reader, at)

    monkeypatch.setattr(message_module._Reader, "_labels", counted)
    found = read_message(wire)
    assert len(found.answer) == 4000
    assert {record.owner for record in found.answer} == {found.question[0].name}
    assert len(read) == 2
