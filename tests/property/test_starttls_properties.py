"""Whatever a server says and however it comes in: the same outcome, no exception, nothing that grows."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from danelaw.core.starttls.conversation import MAX_DETAIL, MAX_SHOWN
from danelaw.core.starttls.dialogue import MAX_OCTETS, MAX_SAID
from danelaw.core.starttls.protocols import PROTOCOLS
from starttls_transcripts import STARTED, TRANSCRIPTS, Outcome, Transcript, fresh, hold

KNOWN = ("CLOSED", "NOT_THIS_PROTOCOL", "STARTTLS_INJECTED", "STARTTLS_NOT_OFFERED", "STARTTLS_REFUSED", "")
WORDS = sorted(
    {
        *(word for transcript in TRANSCRIPTS for turn in transcript.turns for word in (turn, *turn.split())),
        *(
            b"\r\n",
            b"\n",
            b" ",
            b"-",
            b"220",
            b"250 ",
            b"* ",
            b"a OK",
            b"* BYE",
            b"+OK",
            b"-ERR",
            b".",
            b"{3}",
            b"{65535}",
        ),
        *(
            b"<",
            b">",
            b"'",
            b'"',
            b"/>",
            b"<a>",
            b"</a>",
            b"<![CDATA[",
            b"]]>",
            b"&amp;",
            b"xmlns:a='b'",
            b"\xff",
            b"\0",
        ),
        *(b"\x30\x0c", b"\x30\x84", b"\x02\x01\x01", b"\x78", b"\x0a\x01\x02", b"\x04\x00", b"S", b"N", b"E\0\0\0\x10"),
    }
)
speech = st.lists(st.sampled_from(WORDS) | st.binary(max_size=20), max_size=30).map(b"".join)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    """All that a server said, with something in the place of something."""
    transcript = draw(st.sampled_from(TRANSCRIPTS))
    octets = b"".join(transcript.turns)
    start, end = sorted(draw(st.tuples(*[st.integers(0, len(octets))] * 2)))
    return transcript.protocol, octets[:start] + draw(speech) + octets[end:]


anything = st.tuples(st.sampled_from(PROTOCOLS), speech) | damaged()


def cut_at(octets: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place for place in places if 0 < place < len(octets)} | {len(octets)})
    return [octets[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@given(st.sampled_from(TRANSCRIPTS), st.lists(st.integers(0, 600), max_size=20))
def test_a_conversation_is_the_same_in_any_pieces(transcript: Transcript, places: list[int]) -> None:
    pieces = hold(transcript.protocol, transcript.turns, lambda turn: cut_at(turn, places))
    assert pieces == hold(transcript.protocol, transcript.turns)
    assert pieces.code == transcript.end


@given(st.sampled_from(STARTED), speech.filter(bool))
def test_no_octet_behind_the_last_reply_is_overlooked(transcript: Transcript, behind: bytes) -> None:
    turns = (*transcript.turns[:-1], transcript.turns[-1] + behind)
    assert hold(transcript.protocol, turns).code == "STARTTLS_INJECTED"


@settings(max_examples=300)
@given(anything, st.lists(st.integers(0, 600), max_size=20), st.booleans())
def test_any_speech_in_any_pieces_comes_to_the_same_end(
    said: tuple[str, bytes], places: list[int], closed: bool
) -> None:
    """But for what stands behind the last reply, which pieces may keep from being seen here."""
    protocol, octets = said
    if not octets:
        return
    after = [b""] if closed else []
    together = hold(protocol, [octets, *after])
    apart = hold(protocol, [*cut_at(octets, places), *after])
    assert_bounded(together)
    if together.code == "STARTTLS_INJECTED" and apart.code == "":
        assert apart.said == together.said
        return
    if together.code == apart.code == "STARTTLS_INJECTED":
        assert apart.said == together.said
        return
    assert apart == together


def assert_bounded(outcome: Outcome) -> None:
    assert len(outcome.said) <= MAX_SAID
    assert all(len(line) <= MAX_SHOWN for line in outcome.said)
    if outcome.end is not None:
        assert outcome.code in KNOWN
        assert outcome.code == "" or 0 < len(outcome.detail) < MAX_DETAIL + 100


@settings(max_examples=60)
@given(st.sampled_from(PROTOCOLS), speech, speech.filter(bool))
def test_a_server_is_never_listened_to_for_longer_than_the_bound(protocol: str, begun: bytes, again: bytes) -> None:
    conversation = fresh(protocol)
    conversation.begin()
    piece = (again * (1 + 2000 // len(again)))[:4000]
    heard = 0
    step = conversation.receive(begun) if begun else None
    while step is None or step.end is None:
        assert heard <= MAX_OCTETS
        heard += len(piece)
        step = conversation.receive(piece)
