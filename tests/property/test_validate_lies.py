"""Whatever a liar does to honest replies, what is called secure is true, and what is signed is not called unsigned.

The trees, the truth about them and the tricks are those of the fuzzer (``fuzz.grounds``, ``fuzz.lies``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from dns.rdatatype import RdataType as T
from hypothesis import given, note, settings
from hypothesis import strategies as st

from danelaw.core.dnssec.zonekeys import ZoneKeyCache
from danelaw.core.model import Message, Question, Security, Validated
from fuzz.grounds import LAYOUTS, Case, Ground, Replies, Reply, ground, is_signature, lie_believed, told
from fuzz.lies import DROPS, FLIPS, FORGERIES, REPLAYS, TRICKS, Trick, lies, rebuilt, sections, shuffle

pytestmark = pytest.mark.slow

GROUNDS = st.sampled_from(list(LAYOUTS)).map(ground)
CHANCE = st.randoms(use_true_random=False)


def answering(tree: Ground, replies: Replies) -> Callable[[Question], Reply]:
    """The replies, and honest ones to what else is asked."""

    def answer(question: Question) -> Reply:
        return replies[question] if question in replies else tree.honestly(question)

    return answer


def believed(tree: Ground, case: Case, replies: Replies, cache: ZoneKeyCache | None = None) -> str:
    verdict = told(tree, case.asked, answering(tree, replies), cache)
    wrong = lie_believed(case.truth, verdict)
    return wrong and f"{tree.word}: {case.asked}: {wrong}: {[*map(str, verdict.reasons)]}"


def codes(verdict: Validated) -> set[str]:
    """The reasons without their words: names are said in the letters in which they were read."""
    return {reason.code for reason in verdict.reasons}


@pytest.mark.parametrize(
    "tricks", [FLIPS, DROPS, REPLAYS, FORGERIES, TRICKS], ids=["flip", "drop", "replay", "forge", "all"]
)
@settings(max_examples=250)
@given(GROUNDS, CHANCE, st.data())
def test_no_lie_is_believed(tricks: tuple[Trick, ...], tree: Ground, random: Random, data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(tree.cases), "case")
    lie = lies(random, tree, case.replies, tricks)
    note(str(lie.tricks))
    assert believed(tree, case, lie.replies) == ""


@pytest.mark.parametrize("word", LAYOUTS)
def test_no_rrset_can_be_left_out_of_a_reply_unnoticed(word: str) -> None:
    """Each RRset of each reply by itself, and its signatures by themselves."""
    tree = ground(word)
    for case in tree.cases:
        for question, reply in case.replies.items():
            for owner, type in sorted({(one.owner, one.type) for part in sections(reply) for one in part}):
                parts = [[one for one in part if (one.owner, one.type) != (owner, type)] for part in sections(reply)]
                told_of = believed(tree, case, {question: rebuilt(reply, parts)})
                assert told_of == "", f"{case.asked}: {owner} {type} left out of the reply to {question}"


@pytest.mark.parametrize("word", LAYOUTS)
def test_no_data_are_believed_whose_signatures_are_left_out(word: str) -> None:
    tree = ground(word)
    for case in tree.cases:
        asked = case.replies[case.asked]
        unsigned = rebuilt(asked, [[one for one in part if not is_signature(one)] for part in sections(asked)])
        verdict = told(tree, case.asked, answering(tree, {case.asked: unsigned}))
        assert verdict.state is not Security.SECURE
        assert lie_believed(case.truth, verdict) == ""


@pytest.mark.slow
@pytest.mark.parametrize("word", LAYOUTS)
def test_every_honest_reply_in_place_of_every_other_makes_nothing_false_secure(word: str) -> None:
    tree = ground(word)
    for case in tree.cases:
        for other in tree.cases:
            moved = replace(other.replies[other.asked], question=(case.asked,))
            assert believed(tree, case, {case.asked: moved}) == "", f"{case.asked} is told what {other.asked} is"


@settings(max_examples=250)
@given(GROUNDS, CHANCE, st.data(), st.booleans())
def test_the_order_of_records_does_not_matter(tree: Ground, random: Random, data: st.DataObject, honest: bool) -> None:
    case = data.draw(st.sampled_from(tree.cases), "case")
    replies = case.replies if honest else lies(random, tree, case.replies, TRICKS).replies
    turned = {
        question: shuffle(random, reply, tree) if isinstance(reply, Message) else reply
        for question, reply in replies.items()
    }
    one, other = (told(tree, case.asked, answering(tree, some)) for some in (replies, turned))
    assert (one.state, one.rrsets, one.absence) == (other.state, other.rrsets, other.absence)
    assert codes(one) == codes(other)


@settings(max_examples=250)
@given(GROUNDS, CHANCE, st.data())
def test_keys_that_are_known_already_make_no_difference(tree: Ground, random: Random, data: st.DataObject) -> None:
    """Lies in the answer itself, which is no part of the way, have one verdict however the way down was found."""
    case = data.draw(st.sampled_from([case for case in tree.cases if case.asked.type not in (T.DS, T.DNSKEY)]), "case")
    lie = lies(random, tree, {case.asked: case.replies[case.asked]}, TRICKS)
    cache = ZoneKeyCache()
    for other in data.draw(st.lists(st.sampled_from(tree.cases), max_size=3), "cases before"):
        assert told(tree, other.asked, tree.honestly, cache) == other.truth
    cold, warm = (told(tree, case.asked, answering(tree, lie.replies), one) for one in (None, cache))
    assert (cold.state, cold.rrsets, codes(cold)) == (warm.state, warm.rrsets, codes(warm))


@settings(max_examples=250)
@given(GROUNDS, CHANCE, st.data())
def test_lies_leave_nothing_false_behind(tree: Ground, random: Random, data: st.DataObject) -> None:
    cache = ZoneKeyCache()
    for case in data.draw(st.lists(st.sampled_from(tree.cases), min_size=1, max_size=3), "cases"):
        lie = lies(random, tree, case.replies, TRICKS)
        assert believed(tree, case, lie.replies, cache) == ""
    case = data.draw(st.sampled_from(tree.cases), "case")
    assert told(tree, case.asked, tree.honestly, cache) == case.truth


def test_the_liar_would_be_noticed() -> None:
    """What the properties above rest on: false verdicts are told from true ones."""
    tree = ground("NSEC")
    there, absent = (next(case for case in tree.cases if case.asked.type == type) for type in (T.TLSA, T.TXT))
    assert lie_believed(there.truth, there.truth) == ""
    assert (
        lie_believed(there.truth, replace(absent.truth, rrsets=()))
        == "what is there is denied, or what is not there is shown"
    )
    (rrset,) = there.truth.rrsets
    forged = replace(there.truth, rrsets=(replace(rrset, rdatas=frozenset({b"\3\1\1"})),))
    assert lie_believed(there.truth, forged) == "other data are said to be secure"
    assert lie_believed(there.truth, replace(there.truth, rrsets=(replace(rrset, ttl=rrset.ttl + 1),)))
    assert lie_believed(there.truth, replace(there.truth, state=Security.INSECURE))
    assert lie_believed(replace(there.truth, state=Security.INSECURE), there.truth)
