"""Where responses to dns-01 challenges may be written, and what stands there already (RFC 8555 §8.4)."""

from __future__ import annotations

from itertools import pairwise

import dns.name
import dns.rdatatype
import pytest
from dns.name import Name

from danelaw.core.model import Absence, Answer, RRset
from danelaw.core.rollover.actions import Publish, Receipt
from danelaw.core.rollover.challenges import MOST_ALIASES, challenge_owner, challenge_questions, led, txt_rdata
from danelaw.core.rollover.facts import Roster, Sight
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.gate import Allowed, judge
from danelaw.core.rollover.lookups import Place
from rollover_history import HOST, LIMITS, NS1, NS2, ZONE, History, absent, at, reach

TXT, CNAME = int(dns.rdatatype.TXT), int(dns.rdatatype.CNAME)
PROOF = challenge_owner(HOST)
OTHER = dns.name.from_text("hosting.net.")
THERE = dns.name.from_text("www.acme.hosting.net.")
MINE, THEIRS = txt_rdata("response"), txt_rdata("v=spf1 -all")


def texts(*rdatas: bytes, owner: Name = THERE) -> Answer:
    return RRset(owner, TXT, 30, frozenset(rdatas)) if rdatas else absent(owner, TXT)


def alias(owner: Name, target: Name) -> RRset:
    return RRset(owner, CNAME, 30, frozenset({target.to_digestable()}))


def seen(history: History, zone: Name, owner: Name, answer: Answer, second: float = 0) -> None:
    """As both authorities of the zone answer the question for TXT."""
    history.log.append(Roster(at(second), zone, frozenset({NS1, NS2}), NS1))
    history.log += [Sight(at(second), zone, server, 1, owner, TXT, answer) for server in (NS1, NS2)]


def world(answer: Answer, *, aliased: bool = True) -> History:
    history = History()
    seen(history, ZONE, PROOF, alias(PROOF, THERE) if aliased else absent(PROOF, TXT))
    seen(history, OTHER, THERE, answer)
    return history


def allowed(history: History, before: Answer, after: Answer) -> bool:
    judgement = judge(Publish(OTHER, before, after), history.facts(), reach(), at(1), LIMITS)
    return isinstance(judgement, Allowed)


@pytest.mark.parametrize(
    ("before", "after", "aliased", "may"),
    [
        (texts(), texts(MINE), True, True),
        (texts(THEIRS), texts(THEIRS, MINE), True, True),
        (texts(THEIRS), texts(MINE), True, False),  # it is not ours to take away
        (texts(THEIRS), Absence(THERE, TXT, 0), True, False),
        (texts(), texts(MINE), False, False),  # no challenge leads there
    ],
)
def test_text_of_others_where_an_alias_leads_stays(before: Answer, after: Answer, aliased: bool, may: bool) -> None:
    assert allowed(world(before, aliased=aliased), before, after) is may


def test_what_danelaw_put_there_it_may_take_away_when_no_alias_leads_there_any_more() -> None:
    history = world(texts(MINE, THEIRS), aliased=False)
    assert not allowed(history, texts(MINE, THEIRS), texts(THEIRS))
    history.does(-10, Publish(OTHER, texts(THEIRS), texts(THEIRS, MINE)), Receipt(1))
    assert allowed(history, texts(MINE, THEIRS), texts(THEIRS))
    assert not allowed(history, texts(MINE, THEIRS), Absence(THERE, TXT, 0))


def chained(aliases: int, *, back: bool = False) -> Facts:
    """Aliases one after the other, the last one to a name that has nothing, or to the first."""
    history = History()
    names = [PROOF, *(dns.name.from_text(f"a{i}.hosting.net.") for i in range(aliases))]
    for name, target in pairwise(names):
        seen(history, ZONE if name == PROOF else OTHER, name, alias(name, target))
    seen(history, OTHER, names[-1], alias(names[-1], PROOF) if back else absent(names[-1], TXT))
    return history.facts()


def test_aliases_are_followed_to_a_bound() -> None:
    last = dns.name.from_text(f"a{MOST_ALIASES - 2}.hosting.net.")
    assert led(chained(MOST_ALIASES - 1), Place(ZONE, PROOF)).place == Place(OTHER, last)
    way = led(chained(MOST_ALIASES), Place(ZONE, PROOF))
    assert way.place is None
    assert way.fault is not None


def test_aliases_that_lead_back_have_no_end() -> None:
    way = led(chained(2, back=True), Place(ZONE, PROOF))
    assert way.fault == f"{PROOF} is an alias that leads back to {PROOF}"
    assert (None, PROOF) not in challenge_questions(chained(2, back=True), [Place(ZONE, PROOF)])


def test_a_name_that_nobody_looked_for_is_to_be_asked_for() -> None:
    history = History()
    seen(history, ZONE, PROOF, alias(PROOF, THERE))
    assert challenge_questions(history.facts(), [Place(ZONE, PROOF)]) == ((ZONE, PROOF), (None, THERE))
