"""Folds of the store in SQLite: the same as of one in memory, whatever is read in one piece and by whichever process.

Two runners write what they saw when they get to it, each in its own order; the clock is set now and then. Compaction is
left out, which is allowed to change folds: tests/property/test_rollover_compaction.py says how far.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import dns.name
import dns.rdatatype
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from danelaw.adapters.store import MemoryStore, sql_folds, sql_log
from danelaw.adapters.store.sql import SQLStore
from danelaw.core.model import (
    Answer,
    Chain,
    HandshakeFailure,
    Instant,
    Limits,
    Lineage,
    RRset,
    SubjectName,
    Unreachable,
)
from danelaw.core.rollover.actions import Action, MakeKey, Receipt
from danelaw.core.rollover.facts import Began, ClockRead, Dated, Done, Fact, Got, Intended, Presented, Roster, Sight
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.leads import Leads, Overview
from inline_blocking import Inline
from rollover_history import ENDPOINT, NS1, NS2, OLD, OWNER, PLAIN, RSA, TLSA, WEB1, ZONE, absent, record, rrset

pytestmark = pytest.mark.slow

LIMITS = Limits()
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SUBJECTS = [SubjectName("www"), SubjectName("example.net.")]
ANSWERS: list[Answer | None] = [rrset(record(OLD)), absent(), None]
GOT: list[Got] = [OLD, Chain((b"new",)), HandshakeFailure("CLOSED"), Unreachable("TIMEOUT")]
OTHER = dns.name.from_text("example.org.")
CNAME = int(dns.rdatatype.CNAME)
ALIASES: list[Answer | None] = [RRset(OWNER, CNAME, 300, frozenset({OTHER.to_wire() or b""})), absent()]
MADE: Action = MakeKey(Lineage(SUBJECTS[0]))


yes_or_no: st.SearchStrategy[bool] = st.booleans()


few = settings(max_examples=30, deadline=None, phases=set(Phase) - {Phase.explain})  # a file for each


@st.composite
def facts_at(draw: st.DrawFn, at: Instant) -> Fact:
    kinds = ["sight"] * 4 + ["alias", "roster", "presented", "presented", "began", "deed", "dated", "clock"]
    match draw(st.sampled_from(kinds)):
        case "sight":
            server, serial = draw(st.sampled_from([NS1, NS2])), draw(st.integers(1, 2))
            return Sight(at, ZONE, server, serial, OWNER, TLSA, draw(st.sampled_from(ANSWERS)))
        case "alias":
            return Sight(at, ZONE, NS1, 1, OWNER, CNAME, draw(st.sampled_from(ALIASES)))
        case "dated":
            return Dated(at, "a CA", at)
        case "roster":
            return Roster(
                at,
                draw(st.sampled_from([ZONE, OTHER])),
                draw(st.sampled_from([frozenset({NS1}), frozenset({NS1, NS2})])),
            )
        case "presented":
            return Presented(at, ENDPOINT, WEB1, draw(st.sampled_from([PLAIN, RSA])), draw(st.sampled_from(GOT)))
        case "began":
            return Began(at, SUBJECTS[0], "because")
        case "deed":
            deeds: list[Fact] = [Intended(at, MADE), Done(at, MADE, Receipt())]
            return draw(st.sampled_from(deeds))
        case _:
            return ClockRead(at, draw(st.sampled_from("ab")), 1.0, draw(st.sampled_from(SET_BY)))


SET_BY = [timedelta(minutes=n) for n in (-90, 0, 5)]
STEPS = [timedelta(minutes=n) for n in (1, 5, 20)]


@dataclass
class Runner:
    """What it saw and has not yet written."""

    subject: SubjectName
    queue: list[Fact] = field(default_factory=list)


@st.composite
def passes(draw: st.DrawFn) -> list[list[Fact]]:
    """Passes at most twenty minutes apart, each of some facts that lie a second apart; often the same as before."""
    at, all_of_them = NOON, []
    before: list[Fact] = []
    for _ in range(draw(st.integers(1, 12))):
        at += draw(st.sampled_from(STEPS))
        repeats: bool = draw(st.booleans())
        if before and repeats:
            told = [again for fact in before if (again := moved(fact, at)) is not None]
        else:
            told = [draw(facts_at(at + timedelta(seconds=n))) for n in range(draw(st.integers(1, 5)))]
        all_of_them.append(told)
        before = told
    return all_of_them


def moved(fact: Fact, at: Instant) -> Fact | None:
    return None if isinstance(fact, ClockRead) else replace(fact, at=at)


@pytest.fixture
def piecemeal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folds are kept after five facts, and read in windows of seven."""
    monkeypatch.setattr(sql_folds, "OFTEN", 5)
    monkeypatch.setattr(sql_log, "WINDOW", 7)
    monkeypatch.setattr(sql_log, "A_PASS", 3)
    monkeypatch.setattr(sql_folds, "compact", lambda facts, now, limits: facts)


@cache
def empty() -> bytes:
    """The file of a store without facts: made once, as that takes longest."""

    async def made(folder: str) -> bytes:
        store = opened(folder)
        await store.facts()
        await store.close()
        return (Path(folder) / "store.sqlite").read_bytes()

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(made(folder))


def opened(folder: str) -> SQLStore:
    return SQLStore(Path(folder) / "store.sqlite", LIMITS, Inline())


def led(told: Overview) -> tuple[dict[SubjectName, Leads], SubjectName | None, tuple[SubjectName, ...]]:
    """Whoever leads nowhere need not be named."""
    return {one: leads for one, leads in told.leads.items() if leads != Leads()}, told.dated, told.latest


@few
@given(passes(), st.data())
def test_a_store_that_is_reopened_now_and_then_has_what_one_in_memory_has(
    told: list[list[Fact]], data: st.DataObject
) -> None:
    """Also what comes late: a runner holds back what it saw while another one writes."""

    async def story(folder: str) -> None:
        store, memory = opened(folder), MemoryStore(LIMITS.max_gap)
        runners = [Runner(subject) for subject in SUBJECTS]
        for at_once in told:
            data.draw(st.sampled_from(runners)).queue.extend(at_once)
            for runner in runners:
                writes: bool = data.draw(yes_or_no)
                if runner.queue and writes:
                    await memory.append(runner.subject, await memory.lease(runner.subject), *runner.queue)
                    await store.append(runner.subject, await store.lease(runner.subject), *runner.queue)
                    runner.queue.clear()
            if data.draw(yes_or_no):
                await store.close()
                store = opened(folder)
            for subjects in (SUBJECTS, SUBJECTS[:1]):
                assert await store.facts(*subjects) == await memory.facts(*subjects)
            if data.draw(yes_or_no):
                assert led(await store.overview()) == led(await memory.overview())
        await store.close()

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "store.sqlite").write_bytes(empty())
        asyncio.run(story(folder))


@few
@given(passes(), st.data())
@pytest.mark.usefixtures("piecemeal")
def test_folds_that_are_kept_and_continued_are_what_is_folded_at_once(
    told: list[list[Fact]], data: st.DataObject
) -> None:
    """Where nothing comes later than ``max_gap``. Nobody looks between two passes, unless the draw says so."""

    async def story(folder: str) -> None:
        store = opened(folder)
        everything: list[Fact] = []
        for at_once in told:
            subject = data.draw(st.sampled_from(SUBJECTS))
            await store.append(subject, await store.lease(subject), *at_once)
            everything.extend(at_once)
            if data.draw(yes_or_no):
                await store.close()
                store = opened(folder)
            if data.draw(yes_or_no):
                assert await store.facts(*SUBJECTS) == Facts(LIMITS.max_gap).add(*everything)
        assert await store.facts(*SUBJECTS) == Facts(LIMITS.max_gap).add(*everything)
        assert await opened(folder).facts(*SUBJECTS) == Facts(LIMITS.max_gap).add(*everything)
        await store.close()

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "store.sqlite").write_bytes(empty())
        asyncio.run(story(folder))


@pytest.mark.usefixtures("piecemeal")
def test_what_comes_much_too_late_is_folded_once_and_nothing_else_twice(tmp_path: Path) -> None:
    deeds: list[Fact] = [Intended(NOON + timedelta(minutes=n), MADE) for n in range(40)]
    late: list[Fact] = [Began(NOON + timedelta(minutes=2, seconds=n), SUBJECTS[0], "late") for n in range(20)]

    async def appended(*facts: Fact) -> None:
        store = opened(str(tmp_path))
        await store.append(SUBJECTS[0], await store.lease(SUBJECTS[0]), *facts)
        await store.close()

    async def folded() -> Facts:
        store = opened(str(tmp_path))
        facts = await store.facts(*SUBJECTS)
        await store.close()
        return facts

    asyncio.run(appended(*deeds))
    asyncio.run(folded())
    asyncio.run(appended(*late))
    for _ in range(3):
        facts = asyncio.run(folded())
        assert [deed.intended for deed in facts.deeds] == [deed.at for deed in deeds]
        assert facts.began(SUBJECTS[0]) == late[-1]
