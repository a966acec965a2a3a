"""Scenario files: what is read, what is refused and at which line, and how checks compare."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from ipaddress import ip_address

import dns.name
import pytest
from dns.rdatatype import RdataType as T

from danelaw.core.model import Message, Question, Security, Silence
from danelaw.worlds.replay import UnsupportedError, read_scenario, replay
from danelaw.worlds.replay.__main__ import main
from danelaw.worlds.replay.old_algorithms import dsa_verifies
from danelaw.worlds.replay.records import UnreadableRecordError, read_question, read_record
from danelaw.worlds.replay.scenario import Check, Query, TimePasses
from told.stories import SCENARIOS

ROOT = dns.name.root
SERVER = ip_address("192.0.2.53")
WWW = Question(dns.name.from_text("www.example.net."), T.A)

HEAD = """\
; a comment
server:
    trust-anchor: "example.net. DS 1 13 2 00ff" # another
    val-override-date: "20260301000000"
    qname-minimisation: no
forward-zone:
    name: "."
    forward-addr: 192.0.2.53
CONFIG_END

SCENARIO_BEGIN A title
RANGE_BEGIN 0 100
ADDRESS 192.0.2.53
ENTRY_BEGIN
MATCH opcode qtype qname
ADJUST copy_id
REPLY QR AA NOERROR
SECTION QUESTION
www.example.net. IN A
SECTION ANSWER
www.example.net. 60 IN TXT ( "a;b" ; comment
    "c)" )
$ORIGIN example.net.
www A 192.0.2.80
ENTRY_END
RANGE_END
"""
QUERY = "STEP 1 QUERY\nENTRY_BEGIN\nREPLY RD DO\nSECTION QUESTION\nwww.example.net. IN A\nENTRY_END\n"
CHECK = """\
STEP 10 CHECK_ANSWER
ENTRY_BEGIN
MATCH all
REPLY QR RD RA AD NOERROR
SECTION QUESTION
www.example.net. IN A
SECTION ANSWER
www.example.net. IN A 192.0.2.80
ENTRY_END
"""
END = "SCENARIO_END\n"


def test_a_scenario_is_read_with_all_that_it_holds() -> None:
    scenario = read_scenario(HEAD + QUERY + CHECK + "STEP 20 TIME_PASSES ELAPSE 60\n" + END)
    assert scenario.title == "A title"
    assert scenario.settings.now == datetime(2026, 3, 1, tzinfo=UTC)
    assert [anchor.zone for anchor in scenario.settings.anchors] == [dns.name.from_text("example.net.")]
    (hint,) = scenario.settings.hints
    assert (hint.zone, hint.addresses, hint.recursive) == (ROOT, (SERVER,), True)
    assert [type(step) for step in scenario.steps] == [Query, Check, TimePasses]
    reply = scenario.conversation.answer([1], SERVER, WWW)
    assert isinstance(reply, Message)
    assert [record.type for record in reply.answer] == [T.TXT, T.A]
    assert reply.answer[0].rdata == b"\x03a;b\x02c)"
    assert reply.answer[1].ttl == 3600


@pytest.mark.parametrize(
    ("match", "asked", "answered"),
    [
        ("opcode qtype qname", "www.example.net. A", True),
        ("opcode qtype qname", "www.example.net. AAAA", False),
        ("opcode qtype qname", "WWW.example.NET. A", True),
        ("question", "www.example.net. A", True),
        ("question", "example.net. A", False),
        ("opcode qname", "www.example.net. AAAA", True),
        ("opcode subdomain", "a.www.example.net. MX", True),
        ("opcode subdomain", "example.net. MX", False),
        ("opcode qtype subdomain", "a.www.example.net. MX", False),
        ("opcode", "anything. TXT", True),
        ("opcode TCP", "www.example.net. A", False),
    ],
)
def test_an_entry_answers_what_its_match_line_says(match: str, asked: str, answered: bool) -> None:
    text = HEAD.replace("opcode qtype qname", match).replace("copy_id", "copy_id copy_query") + END
    reply = read_scenario(text).conversation.answer([1], SERVER, read_question(asked, ROOT))
    assert isinstance(reply, Message) is answered


@pytest.mark.parametrize(
    ("step", "address", "code"),
    [(101, "192.0.2.53", "TIMEOUT"), (1, "192.0.2.54", "TIMEOUT")],
    ids=["after the range", "another server"],
)
def test_a_server_has_nothing_to_say_outside_of_its_range(step: int, address: str, code: str) -> None:
    reply = read_scenario(HEAD + END).conversation.answer([step], ip_address(address), WWW)
    assert isinstance(reply, Silence)
    assert reply.code == code


def test_a_reply_to_another_question_is_none() -> None:
    conversation = read_scenario(HEAD.replace("opcode qtype qname", "opcode") + END).conversation
    reply = conversation.answer([1], SERVER, read_question("other.net. A", ROOT))
    assert isinstance(reply, Silence)
    assert reply.code == "MALFORMED"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("qname-minimisation: no", "domain-insecure: example.net", 5),
        ("qname-minimisation: no", "nonsense", 5),
        ("20260301000000", "today", 4),
        ("forward-addr: 192.0.2.53", "forward-addr: nowhere", 8),
        ('"example.net. DS 1 13 2 00ff"', '"example.net. A 192.0.2.1"', 3),
        ("ADDRESS 192.0.2.53", "ADDRESS everywhere", 13),
        ("ADDRESS 192.0.2.53", "PLACE 192.0.2.53", 13),
        ("RANGE_BEGIN 0 100", "RANGE_BEGIN zero 100", 12),
        ("MATCH opcode qtype qname", "MATCH opcode moon", 14),
        ("ADJUST copy_id", "ADJUST copy_id sleep=4", 14),
        ("REPLY QR AA NOERROR", "REPLY QR AA FINE", 17),
        ("SECTION ANSWER", "HEX_ANSWER_BEGIN", 20),
        ("www.example.net. IN A\n", "www.example.net. IN\n", 19),
        ("www A 192.0.2.80", "www A 192.0.2.300", 24),
        ("STEP 1 QUERY", "STEP 1 CHECK_OUT_QUERY", 27),
        ("STEP 1 QUERY\nENTRY_BEGIN", "STEP 1 QUERY\nMATCH", 27),
        ("REPLY RD DO", "REPLY DO", 28),
        ("www.example.net. IN A\nENTRY_END\nSTEP 10", "www.example.net. IN ANY\nENTRY_END\nSTEP 10", 28),
        ("MATCH all", "MATCH all moon", 34),
        ("SCENARIO_END", "", 0),
    ],
)
def test_what_is_not_known_is_refused_with_its_line(old: str, new: str, line: int) -> None:
    text = HEAD + QUERY + CHECK + END
    assert old in text
    with pytest.raises(UnsupportedError) as caught:
        read_scenario(text.replace(old, new))
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("query", "reply", "match", "states"),
    [
        ("RD DO", "AD NOERROR", "all", {"secure"}),
        ("RD DO", "AD NXDOMAIN", "all", {"secure"}),
        ("RD DO", "NOERROR", "all", {"insecure", "indeterminate"}),
        ("RD", "NOERROR", "all", {"secure", "insecure", "indeterminate"}),
        ("RD AD", "NOERROR", "all", {"insecure", "indeterminate"}),
        ("RD DO", "NOERROR", "rcode answer", {"secure", "insecure", "indeterminate"}),
        ("RD DO", "SERVFAIL", "all", {"bogus", "indeterminate"}),
        ("RD DO", "SERVFAIL", "all state=indeterminate", {"indeterminate"}),
    ],
)
def test_flags_tell_what_state_is_due(query: str, reply: str, match: str, states: set[str]) -> None:
    check = CHECK.replace("AD NOERROR", reply).replace("MATCH all", f"MATCH {match}")
    scenario = read_scenario(HEAD + QUERY.replace("RD DO", query) + check + END)
    (found,) = [step for step in scenario.steps if isinstance(step, Check)]
    assert {state.value for state in found.states} == states


@pytest.mark.parametrize(
    ("text", "type", "rdata"),
    [
        (r"a. 60 IN TYPE65280 \# 3 0a0B0c", 65280, b"\x0a\x0b\x0c"),
        (r"a. A \# 4 c0000201", T.A, b"\xc0\x00\x02\x01"),
        (r"a. TLSA \# 1 03", T.TLSA, b"\x03"),
        ("a. IN 60 DS 1 5 1 00", T.DS, b"\x00\x01\x05\x01\x00"),
        ("a. DS 1 RSASHA1 1 00 ff", T.DS, b"\x00\x01\x05\x01\x00\xff"),
        ("a. 1h DNSKEY 257 3 13 AA==", T.DNSKEY, b"\x01\x01\x03\x0d\x00"),
        (
            "a. RRSIG A 13 1 60 20260302000000 1 7 b. AA==",
            T.RRSIG,
            b"\x00\x01\x0d\x01\x00\x00\x00\x3c\x69\xa4\xd3\x00\x00\x00\x00\x01\x00\x07\x01b\x00\x00",
        ),
    ],
)
def test_records_are_read_raw_also_such_as_no_server_should_send(text: str, type: int, rdata: bytes) -> None:
    record = read_record(text)
    assert (record.type, record.rdata.hex()) == (type, rdata.hex())


@pytest.mark.parametrize(
    "text", ["", "a.", "a. A", "a. A x", r"a. A \# 3 c0", "a. NOTYPE x", "a. DS 1", "a. DNSKEY 1 3 5 !"]
)
def test_no_record_is_an_error(text: str) -> None:
    with pytest.raises(UnreadableRecordError):
        read_record(text)


def test_one_function_is_all_that_a_replay_has_to_supply() -> None:
    path = SCENARIOS / "authorities-secure.rpl"
    scenario = read_scenario(path.read_text(encoding="utf-8"))
    asked = []

    def answer(address: object, question: Question) -> Message | Silence:
        asked.append((address, question))
        return scenario.conversation.answer([10], ip_address(str(address)), question)

    assert replay(scenario, answer) == ()
    assert {str(address) for address, _ in asked} == {"192.0.2.1", "192.0.2.2", "192.0.2.11"}


def test_a_silent_world_is_told_from_a_bogus_one() -> None:
    path = SCENARIOS / "forwarder-strips-signatures.rpl"
    scenario = read_scenario(path.read_text(encoding="utf-8").replace("state=bogus", ""))
    assert replay(scenario) == ()
    (difference,) = replay(scenario, lambda address, question: Silence("TIMEOUT"))
    assert difference.aspect == "conversation"
    assert difference.result is not None
    assert difference.result.state is Security.INDETERMINATE


def test_the_command_plays_files_and_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(SCENARIOS)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith(" agrees, 0 differs, 0 not for us")


DSA_KEY = bytes([0]) + b"\x00" * 19 + b"\x0b" + b"\x00" * 63 + b"\x17" + b"\x00" * 63 + b"\x04" + b"\x00" * 63 + b"\x08"
"""Q = 11, P = 23, G = 4, Y = G^7: too small for anything but sums done by hand."""


def test_dsa_is_done_as_by_hand() -> None:
    # SHA-1 of "abc" is 10 modulo 11. With k = 3: r = 4^3 mod 23 mod 11 = 18 mod 11 = 7, and
    # s = (10 + 7 * 7) / 3 mod 11 = 59 * 4 mod 11 = 5.
    digest = int.from_bytes(hashlib.sha1(b"abc").digest()) % 11  # noqa: S324 - the algorithm is an old one
    s = (digest + 7 * 7) * pow(3, -1, 11) % 11
    plain = bytes([0]) + (7).to_bytes(20) + s.to_bytes(20)
    der = bytes([0x30, 6, 2, 1, 7, 2, 1, s])
    assert dsa_verifies(DSA_KEY, b"abc", plain)
    assert dsa_verifies(DSA_KEY, b"abc", der)
    assert not dsa_verifies(DSA_KEY, b"abc", bytes([0]) + (7).to_bytes(20) + ((s + 1) % 11).to_bytes(20))
    assert not dsa_verifies(DSA_KEY, b"abc", bytes([0]) + (0).to_bytes(20) + s.to_bytes(20))
    assert not dsa_verifies(DSA_KEY[:-1], b"abc", plain)
    assert not dsa_verifies(DSA_KEY, b"abc", b"")
