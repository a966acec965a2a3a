"""The store in SQLite: other processes, sudden ends, full disks, older and newer versions, backups."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dns.name
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, event

from danelaw.adapters.store import sql_schema
from danelaw.adapters.store.codec import micros
from danelaw.adapters.store.sql import COPY, SQLStore
from danelaw.adapters.store.sql_database import MIGRATIONS, Database
from danelaw.adapters.store.sql_log import Log
from danelaw.adapters.store.sql_mark import NAME as MARK
from danelaw.core.model import Chain, DanelawError, GenerationId, Lineage, SubjectName
from danelaw.core.rollover.actions import Action, DestroyKey, Failure, MakeKey, Receipt
from danelaw.core.rollover.answers import possible_answers
from danelaw.core.rollover.compaction import memory
from danelaw.core.rollover.facts import (
    Began,
    ClockRead,
    Dated,
    Done,
    Fact,
    Intended,
    Presented,
    Requested,
    Roster,
    Sight,
)
from danelaw.core.rollover.fold import Facts
from inline_blocking import Inline, T
from rollover_history import ENDPOINT, NS1, NS2, OLD, OWNER, PLAIN, SERVICE, TLSA, WEB1, ZONE, at, record, rrset
from rollover_history import LIMITS as USUAL
from store_writer import EACH, told

pytestmark = pytest.mark.slow

WWW, MAIL = SubjectName("www"), SubjectName("mail")
ZONE_SUBJECT = SubjectName(ZONE.to_text())
WRITER = Path(__file__).parents[1] / "store_writer.py"
LIMITS = replace(
    USUAL,
    retention=timedelta(seconds=60),
    assumed_past_ttl=timedelta(seconds=20),
    linger=timedelta(seconds=20),
    standby_settle=timedelta(seconds=40),
)
"""What is older than three minutes or so cannot matter any more. A pass every ten seconds, a gap of thirty."""
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "store.sqlite"


def opened(path: Path, **options: Any) -> SQLStore:
    return SQLStore(path, LIMITS, Inline(), **options)


def recorded(path: Path, subject: SubjectName, *facts: Fact, **options: Any) -> None:
    """By a process of its own, as far as the store can tell."""

    async def story() -> None:
        store = opened(path, **options)
        await store.append(subject, await store.lease(subject), *facts)
        await store.close()

    asyncio.run(story())


def known(path: Path, *subjects: SubjectName, **options: Any) -> Facts:
    return asyncio.run(opened(path, **options).facts(*subjects))


def history(path: Path, subject: SubjectName | None = None) -> list[Fact]:
    return [event.fact for event in asyncio.run(opened(path).history(subject))]


def raised(code: str, work: Callable[[], object]) -> DanelawError:
    with pytest.raises(DanelawError) as caught:
        work()
    assert caught.value.code == code
    assert caught.value.hint
    return caught.value


def fresh(*facts: Fact) -> Facts:
    return Facts(LIMITS.max_gap).add(*facts)


def seen(seconds: float, serial: int = 1) -> list[Fact]:
    """A pass over the zone: both authorities say the same."""
    answer = rrset(record(OLD), ttl=10)
    return [
        Roster(at(seconds), ZONE, frozenset({NS1, NS2}), NS1),
        *(Sight(at(seconds), ZONE, server, serial, OWNER, TLSA, answer) for server in (NS1, NS2)),
    ]


# -- several processes ------------------------------------------------------------------------------------------------


def written_by(path: Path, subject: SubjectName, passes: int) -> subprocess.Popen[str]:
    argv = [sys.executable, str(WRITER), str(path), subject, str(passes)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)  # noqa: S603 - a test of ours


def test_a_lease_that_another_process_took_over_appends_nothing(path: Path) -> None:
    async def story() -> None:
        store = opened(path)
        lease = await store.lease(WWW)
        await store.append(WWW, lease, *told(WWW, 0))
        with written_by(path, WWW, 1) as other:
            assert other.wait() == 0
        with pytest.raises(DanelawError) as caught:
            await store.append(WWW, lease, *told(WWW, 1))
        assert caught.value.code == "LEASE_LOST"
        await store.append(MAIL, await store.lease(MAIL), *told(MAIL, 0))

    asyncio.run(story())
    assert history(path, WWW) == [*told(WWW, 0), *told(WWW, 0)]


def test_two_processes_that_write_at_once_lose_nothing(path: Path) -> None:
    """From the first instant: each finds no store, and makes one."""
    with written_by(path, WWW, 60) as one, written_by(path, MAIL, 60) as other:
        assert (one.wait(), other.wait()) == (0, 0)
    for subject in (WWW, MAIL):
        assert history(path, subject) == [fact for turn in range(60) for fact in told(subject, turn)]
    numbers = sorted(event.number for event in asyncio.run(opened(path).history()))
    assert numbers == list(range(1, 2 * 60 * EACH + 1))


@pytest.mark.parametrize("passes", [0, 1, 9])
def test_a_writer_that_is_killed_leaves_whole_passes(path: Path, passes: int) -> None:
    """It is killed while it writes on and on: what it reported is there, and nothing in halves."""
    with written_by(path, WWW, 1_000_000) as writer:
        assert writer.stdout is not None
        reported = [int(writer.stdout.readline()) for _ in range(passes)]
        writer.send_signal(signal.SIGKILL)
        reported.extend(map(int, writer.stdout.read().split()))
    facts = history(path, WWW)
    whole, rest = divmod(len(facts), EACH)
    assert rest == 0
    assert whole >= len(reported)
    assert facts == [fact for turn in range(whole) for fact in told(WWW, turn)]
    recorded(path, WWW, *told(WWW, whole))
    assert len(history(path, WWW)) == (whole + 1) * EACH


def test_what_another_process_appends_is_in_the_next_fold(path: Path) -> None:
    async def story() -> None:
        store, other = opened(path), opened(path)
        mine, theirs = await store.lease(WWW), await other.lease(MAIL)
        await store.append(WWW, mine, *seen(0))
        assert await store.facts(WWW, MAIL) == fresh(*seen(0))
        await other.append(MAIL, theirs, *seen(10, serial=2))
        await store.append(WWW, mine, *seen(20))
        assert await store.facts(WWW, MAIL) == fresh(*seen(0), *seen(10, serial=2), *seen(20))

    asyncio.run(story())


# -- trouble ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def little_room() -> Iterator[Callable[[int], None]]:
    """Limits every database that is opened from then on to so many pages of 4 kB."""
    pages: list[int] = []

    def limit(connection: Any, _: object) -> None:
        if pages:
            connection.execute(f"PRAGMA max_page_count = {pages[-1]}")

    event.listen(Engine, "connect", limit)
    yield pages.append
    event.remove(Engine, "connect", limit)


def test_a_full_disk_is_told_and_loses_nothing(path: Path, little_room: Callable[[int], None]) -> None:
    recorded(path, WWW, *told(WWW, 0))
    little_room(30)
    kept = 1

    def on_and_on() -> None:
        nonlocal kept
        while kept < 1000:
            recorded(path, WWW, *told(WWW, kept))
            kept += 1

    assert "df " in raised("STORE_FULL", on_and_on).hint
    assert kept > 1
    assert history(path, WWW) == [fact for turn in range(kept) for fact in told(WWW, turn)]
    little_room(1_000_000)
    recorded(path, WWW, *told(WWW, kept))
    assert history(path, WWW) == [fact for turn in range(kept + 1) for fact in told(WWW, turn)]


def test_a_store_without_room_still_tells_what_is_known(path: Path, little_room: Callable[[int], None]) -> None:
    """Even when the fold would be kept for the next process."""
    noise = random.Random(1).randbytes(20_000)  # noqa: S311 - what cannot be compressed, and is no secret
    big = Presented(at(0), ENDPOINT, WEB1, PLAIN, Chain((noise,)))

    async def story() -> None:
        store = opened(path)
        lease = await store.lease(WWW)
        await store.append(WWW, lease, big, *(fact for turn in range(0, 7000, 10) for fact in seen(turn)))

    asyncio.run(story())
    little_room(1)
    assert known(path, WWW).spans(ZONE, OWNER, TLSA)[NS1][0].last == at(6990)
    assert count(path, "folds") == 0
    little_room(1_000_000)
    known(path, WWW)
    assert count(path, "folds") == 1


def test_a_store_that_another_program_holds_is_told_and_goes_on_afterwards(path: Path) -> None:
    async def story() -> None:
        store = opened(path, patience=timedelta(milliseconds=50))
        lease = await store.lease(WWW)
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(DanelawError) as caught:
            await store.append(WWW, lease, *told(WWW, 0))
        assert (caught.value.code, "fuser" in caught.value.hint) == ("STORE_LOCKED", True)
        assert await store.facts(WWW) == fresh()
        holder.execute("ROLLBACK")
        holder.close()
        await store.append(WWW, lease, *told(WWW, 0))

    asyncio.run(story())
    assert history(path) == told(WWW, 0)


def test_what_failed_to_be_written_is_not_taken_for_written(path: Path) -> None:
    """The first of two facts that say the same is taken back with its transaction."""
    unwritable: Any = LIMITS

    async def story() -> None:
        store = opened(path)
        lease = await store.lease(WWW)
        with pytest.raises(TypeError, match="Limits"):
            await store.append(WWW, lease, *told(WWW, 0), Began(NOW, WWW, unwritable))
        assert await store.facts(WWW) == fresh()
        await store.append(WWW, lease, *told(WWW, 0))
        assert await store.facts(WWW) == fresh(*told(WWW, 0))

    asyncio.run(story())


@pytest.mark.parametrize("subject", [WWW, MAIL])
@pytest.mark.parametrize("recorded_since", [1, 2, 3, 4])
def test_what_is_recorded_in_place_of_what_was_taken_back_is_seen(
    path: Path, tmp_path: Path, recorded_since: int, subject: SubjectName
) -> None:
    """An older copy that begins anew, and fails at it: what it read of itself meanwhile is read again."""
    beside, copy = tmp_path / "credentials", tmp_path / "copy.sqlite"
    for each in (WWW, MAIL):
        recorded(path, each, *seen(0), beside=beside)
    asyncio.run(opened(path).copy(copy))
    recorded(path, MAIL, *seen(10), beside=beside)
    restored(path, copy)

    async def story() -> None:
        store = opened(path, beside=beside)
        unwritable: Any = LIMITS
        with pytest.raises(TypeError, match="Limits"):
            await store.append(WWW, await store.lease(WWW), Began(NOW, WWW, unwritable))
        other = opened(path)
        since = [Began(at(20), subject, str(n)) for n in range(recorded_since)]
        await other.append(subject, await other.lease(subject), *since)
        assert await store.facts(subject) == await other.facts(subject) == fresh(*seen(0), *since)

    asyncio.run(story())


def test_a_file_that_is_no_database_is_told(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"This is no database, but long enough to be looked at as one." * 100)
    raised("STORE_DAMAGED", lambda: known(path, WWW))


def test_a_body_that_cannot_be_read_is_told(path: Path) -> None:
    recorded(path, WWW, *told(WWW, 0))
    with sqlite3.connect(path) as connection:
        connection.execute("""UPDATE bodies SET text = '{"subject":' """)
    raised("STORE_DAMAGED", lambda: known(path, WWW))


def test_a_directory_in_place_of_the_file_is_told(path: Path) -> None:
    path.mkdir(parents=True)
    raised("STORE_UNUSABLE", lambda: known(path, WWW))


def test_a_parent_that_is_a_file_is_told(path: Path) -> None:
    path.parent.write_text("")
    raised("STORE_UNUSABLE", lambda: known(path, WWW))


class Stuck:
    """``ports.Blocking`` whose threads never come back in time."""

    async def call(self, fn: Callable[[], T], limit: timedelta) -> T:
        raise TimeoutError


def test_a_disk_that_does_not_answer_is_told(path: Path) -> None:
    store = SQLStore(path, LIMITS, Stuck())
    raised("STORE_STUCK", lambda: asyncio.run(store.facts(WWW)))


def test_nobody_else_may_read_the_files(path: Path) -> None:
    async def story() -> None:
        store = opened(path, beside=path.parent / "credentials")
        await store.append(WWW, await store.lease(WWW), *told(WWW, 0))
        await store.tend(NOW)
        files = [file for file in path.parent.rglob("*") if file.is_file()]
        assert {file.name for file in files} == {
            "store.sqlite",
            "store.sqlite-wal",
            "store.sqlite-shm",
            MARK,
            COPY,
        }
        for file in files:
            assert file.stat().st_mode & 0o777 == 0o600, file
        for folder in (path.parent, path.parent / "credentials"):
            assert folder.stat().st_mode & 0o777 == 0o700, folder

    asyncio.run(story())


def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    recorded(path, WWW, *told(WWW, 0))
    path.chmod(0o644)
    known(path, WWW)
    assert path.stat().st_mode & 0o777 == 0o600


# -- versions ---------------------------------------------------------------------------------------------------------


def upgraded(path: Path, revision: str) -> None:
    """The store as a Danelaw of that revision made it."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


FIRST_ROWS = (
    "UPDATE store SET clock_set = 1",
    "INSERT INTO subjects (id, name, token) VALUES (1, 'www', 5), (2, 'mail', 1)",
    """INSERT INTO bodies (id, kind, form, text, digest) VALUES
        (1, 'Began', 1, '{"subject":"www","reason":"new"}', x'01'),
        (2, 'Roster', 1, '{"zone":{"name":"example.net."},"servers":{"set":[{"ip":"192.0.2.1"}]},"primary":null}',
            x'02'),
        (3, 'ClockRead', 1, '{"boot":"b","monotonic":5.0,"by":{"us":1000000}}', x'03')""",
    """INSERT INTO facts (number, subject, clock_set, at, body) VALUES
        (1, 1, 0, 1795435200000000, 1), (2, 1, 0, 1795435201000000, 2), (3, 2, 1, 1795435202000000, 3)""",
)
"""Rows as the first revision wrote them."""


def test_a_store_of_the_first_revision_is_brought_up_to_date_with_what_is_in_it(path: Path) -> None:
    path.parent.mkdir()
    upgraded(path, "0001")
    with sqlite3.connect(path) as connection:
        for statement in FIRST_ROWS:
            connection.execute(statement)
    first, second, third = (datetime(2026, 11, 23, 12, tzinfo=UTC) + timedelta(seconds=n) for n in range(3))
    facts: list[Fact] = [
        Began(first, WWW, "new"),
        Roster(second, ZONE, frozenset({NS1})),
        ClockRead(third, "b", 5.0, timedelta(seconds=1)),
    ]
    assert history(path) == facts
    assert known(path, WWW, MAIL) == fresh(*facts)

    async def story() -> None:
        store = opened(path)
        lease = await store.lease(WWW)
        assert lease.token == 6
        await store.append(WWW, lease, *told(WWW, 9))
        assert [event.number for event in await store.history(WWW)] == [1, 2, *range(4, 4 + EACH)]

    asyncio.run(story())


def test_a_migration_leaves_no_fact_without_what_it_refers_to(path: Path) -> None:
    path.parent.mkdir()
    upgraded(path, "0001")
    with sqlite3.connect(path) as connection:
        for statement in (*FIRST_ROWS, "DELETE FROM bodies WHERE id = 2"):
            connection.execute(statement)
    before = tables_of(path)
    raised("STORE_DAMAGED", lambda: known(path, WWW))
    assert tables_of(path) == before


def test_the_migrations_end_where_the_program_begins(path: Path) -> None:
    known(path, WWW)
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": False})
        assert compare_metadata(context, sql_schema.metadata) == []
    engine.dispose()


def test_the_program_knows_every_migration_in_its_order() -> None:
    scripts = ScriptDirectory(str(MIGRATIONS))
    assert [script.revision for script in scripts.walk_revisions()][::-1] == list(sql_schema.REVISIONS)


def test_a_migration_that_ends_halfway_leaves_the_store_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.parent.mkdir()
    upgraded(path, "0001")
    before = tables_of(path)

    def breaks(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if "CREATE TABLE folds" in statement:
            raise KeyboardInterrupt

    event.listen(Engine, "before_cursor_execute", breaks)
    try:
        with pytest.raises(KeyboardInterrupt):
            known(path, WWW)
    finally:
        event.remove(Engine, "before_cursor_execute", breaks)
    assert tables_of(path) == before
    assert known(path, WWW) == fresh()


def tables_of(path: Path) -> list[tuple[str, ...]]:
    with sqlite3.connect(path) as connection:
        return sorted(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))


def test_a_store_of_a_later_danelaw_is_refused_and_left_alone(path: Path) -> None:
    recorded(path, WWW, *told(WWW, 0))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    error = raised("STORE_NEWER", lambda: known(path, WWW))
    assert "9999" in error.evidence
    raised("STORE_NEWER", lambda: recorded(path, WWW, *told(WWW, 1)))
    assert path.read_bytes() == before


def test_a_kind_of_fact_that_is_not_known_is_refused(path: Path) -> None:
    recorded(path, WWW, *told(WWW, 0))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE bodies SET kind = 'Foreseen'")
    assert "Foreseen" in raised("STORE_NEWER", lambda: known(path, WWW)).evidence


# -- years ------------------------------------------------------------------------------------------------------------


def count(path: Path, table: str) -> int:
    with sqlite3.connect(path) as connection:
        (number,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - a name of ours
    return int(number)


def passes(path: Path, first: int, last: int, subject: SubjectName = WWW, **options: Any) -> None:
    """Every ten seconds one that sees the same."""

    async def story() -> None:
        store = opened(path, **options)
        lease = await store.lease(subject)
        for turn in range(first, last, 10):
            await store.append(subject, lease, *seen(turn))

    asyncio.run(story())


def test_what_is_seen_again_is_no_event_and_yet_known(path: Path) -> None:
    passes(path, 0, 1000)
    assert history(path) == seen(0)
    assert known(path, WWW) == fresh(*(fact for turn in range(0, 1000, 10) for fact in seen(turn)))
    assert (count(path, "facts"), count(path, "bodies"), count(path, "repeats")) == (3, 3, 99)


def test_what_is_seen_again_after_something_else_is_an_event(path: Path) -> None:
    recorded(path, WWW, *seen(0))
    recorded(path, WWW, *seen(10, serial=2))
    recorded(path, WWW, *seen(20))
    recorded(path, WWW, *seen(30))
    assert history(path) == [*seen(0), *seen(10, serial=2)[1:], *seen(20)[1:]]


def test_of_what_was_seen_again_in_one_pass_a_part_can_be_old(path: Path) -> None:
    """A pass takes a while: the fold that is kept may end in the midst of it."""
    recorded(path, WWW, *seen(0))
    recorded(path, WWW, *(moved(fact, timedelta(seconds=n)) for n, fact in enumerate(seen(20))))
    log, database = Log(), Database(path, timedelta(seconds=1))
    with database.reading() as connection:
        (rows,) = log.windows(connection, [WWW], 6, (0, micros(at(21))))
        assert log.facts(connection, rows) == [moved(fact, timedelta(seconds=n)) for n, fact in enumerate(seen(20))][1:]
        (rows,) = log.windows(connection, [WWW], 3, (0, micros(at(21))))
        assert len(rows) == 3
    database.close()


def test_a_pass_that_takes_long_is_kept_whole(path: Path) -> None:
    recorded(path, WWW, *seen(0))
    slow = [moved(fact, timedelta(minutes=n)) for n, fact in enumerate(seen(20))]
    recorded(path, WWW, *slow)
    assert known(path, WWW) == fresh(*seen(0), *slow)
    assert count(path, "repeats") == 3


def test_deeds_are_events_however_alike_they_are(path: Path) -> None:
    made: Action = MakeKey(Lineage(WWW))
    deeds: list[Intended | Done] = [
        Intended(at(0), made),
        Done(at(1), made, Receipt()),
        Intended(at(0), made),
        Done(at(1), made, Receipt()),
    ]
    for deed in deeds:
        recorded(path, WWW, deed)
    recorded(path, WWW, *seen(2))
    assert history(path) == [*sorted(deeds, key=lambda deed: deed.at), *seen(2)]


def test_history_is_cut_by_subject_instant_kind_and_number(path: Path) -> None:
    recorded(path, WWW, *told(WWW, 0), Requested(NOW + timedelta(seconds=2), Lineage(WWW), "root"))
    recorded(path, MAIL, *told(MAIL, 1))

    async def story() -> None:
        store = opened(path)

        async def facts(*args: Any, **options: Any) -> Sequence[Fact]:
            return [event.fact for event in await store.history(*args, **options)]

        everything = [*told(WWW, 0), *told(MAIL, 1), Requested(NOW + timedelta(seconds=2), Lineage(WWW), "root")]
        assert await facts() == everything
        assert await facts(limit=3) == everything[-3:]
        assert await facts(MAIL) == told(MAIL, 1)
        assert await facts(since=NOW + timedelta(seconds=1)) == everything[EACH:]
        assert await facts(kinds=[Requested]) == everything[-1:]
        assert await facts(WWW, limit=2, kinds=[Began]) == told(WWW, 0)[-2:]
        assert await facts(SubjectName("nobody")) == []

    asyncio.run(story())


def test_facts_older_than_they_are_kept_go_unless_something_depends_on_them(path: Path) -> None:
    """A key that was destroyed is counted for ever; one that was made is forgotten when the store holds it."""
    gone: Action = DestroyKey(Lineage(WWW), GenerationId(1))
    recorded(path, WWW, Requested(at(0), Lineage(WWW), "root"), Intended(at(0), gone), Done(at(1), gone, Receipt()))
    passes(path, 10, 2000)
    recorded(path, WWW, *seen(2000, serial=2))
    before = known(path, WWW)
    asyncio.run(opened(path, keep=timedelta(seconds=505)).tend(at(2000)))
    assert count(path, "repeats") == 50 + 1  # one for each pass, and what of the last one was seen before
    assert history(path) == [
        Requested(at(0), Lineage(WWW), "root"),
        Intended(at(0), gone),
        Done(at(1), gone, Receipt()),
        *seen(2000, serial=2)[1:],
    ]
    answers = [possible_answers(f, ZONE, OWNER, TLSA, at(2000), LIMITS) for f in (before, known(path, WWW))]
    assert answers[0] == answers[1]
    assert answers[0].unknown is None
    assert known(path, WWW).deeds == before.deeds


def test_what_may_still_be_in_caches_is_kept_however_short_history_is(path: Path) -> None:
    passes(path, 0, 600)
    asyncio.run(opened(path, keep=timedelta(seconds=1)).tend(at(600)))
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM folds")
    assert 0 < count(path, "repeats") < 59
    assert not unknown(known(path, WWW), 600)
    (span,) = known(path, WWW).spans(ZONE, OWNER, TLSA)[NS1]
    assert span.first - timedelta(seconds=10) <= at(600) - memory(fresh(*seen(0)), LIMITS)


def test_bodies_that_no_fact_says_any_more_go_and_their_numbers_may_be_used_again(path: Path) -> None:
    """By a process that remembers the old ones, too."""

    async def story() -> None:
        store, other = opened(path, keep=timedelta(seconds=1)), opened(path)
        lease = await store.lease(WWW)
        for turn in range(100):
            await store.append(WWW, lease, *seen(10 * turn, serial=turn))
        await other.facts(WWW)
        await store.tend(at(100_000))
        assert count(path, "bodies") == 3
        await store.append(WWW, lease, *seen(100_000, serial=1), *told(WWW, 3))
        await store.append(WWW, lease, *seen(100_010, serial=1))
        mine, others = await store.facts(WWW), await other.facts(WWW)
        assert mine.spans(ZONE, OWNER, TLSA)[NS1][-1] == others.spans(ZONE, OWNER, TLSA)[NS1][-1]
        assert [e.fact for e in await other.history(limit=EACH)] == [e.fact for e in await store.history(limit=EACH)]

    asyncio.run(story())


def test_a_clock_that_was_wrong_for_a_while_makes_nothing_older(path: Path) -> None:
    """What was recorded in 1970, and what was recorded before, is as old as it is."""
    back = timedelta(days=20_000)
    recorded(path, WWW, *seen(0))
    recorded(path, WWW, ClockRead(at(10) - back, "b", 1.0, -back))
    recorded(path, WWW, *(moved(fact, -back) for fact in seen(20)))
    recorded(path, WWW, ClockRead(at(30), "b", 21.0, back))
    recorded(path, WWW, *seen(40, serial=2))
    asyncio.run(opened(path, keep=timedelta(days=1)).tend(at(50)))
    assert (count(path, "facts"), count(path, "repeats")) == (3 + 1 + 1 + 2, 1 + 1)
    asyncio.run(opened(path, keep=timedelta(days=1)).tend(at(50) + timedelta(days=3)))
    assert [type(fact) for fact in history(path)] == [ClockRead, ClockRead]


def test_groups_that_are_folded_one_by_one_keep_what_all_of_them_together_keep(path: Path, tmp_path: Path) -> None:
    """A deed that one of them needs stays, and so do sights as long as the longest memory of any."""
    gone: Action = DestroyKey(Lineage(WWW), GenerationId(1))
    recorded(path, WWW, Intended(at(0), gone), Done(at(1), gone, Receipt()))
    passes(path, 10, 2000)
    recorded(path, MAIL, *seen(5), *seen(1995))
    other = tmp_path / "other.sqlite"
    asyncio.run(opened(path).copy(other))
    for store, together in ((path, None), (other, [(WWW,), (SubjectName("nobody"),)])):
        asyncio.run(opened(store, keep=timedelta(seconds=505)).tend(at(2000), together))
    assert history(path) == history(other)
    assert count(path, "repeats") == count(other, "repeats") < 199
    assert Intended(at(0), gone) in history(path)


def test_of_what_another_clock_said_the_last_is_kept_of_each_subject(path: Path) -> None:
    for subject in (WWW, MAIL):
        recorded(path, subject, *(Dated(at(n), "a CA", at(n)) for n in (0, 10, 20)))
    asyncio.run(opened(path, keep=timedelta(days=1)).tend(at(20) + timedelta(days=60)))
    assert history(path) == [Dated(at(20), "a CA", at(20))] * 2
    assert (known(path, WWW).dated, asyncio.run(opened(path).overview()).dated) == (Dated(at(20), "a CA", at(20)), MAIL)


def test_where_a_subject_leads_is_known_still_when_what_told_it_is_deleted(path: Path, tmp_path: Path) -> None:
    """Though nobody had asked where it leads before."""
    elsewhere, untended = dns.name.from_text("elsewhere.example."), tmp_path / "untended.sqlite"
    recorded(path, WWW, Roster(at(0), elsewhere, frozenset({NS1}), NS1), Dated(at(0), "a CA", at(0)))
    passes(path, 10, 2000)
    asyncio.run(opened(path).copy(untended))
    asyncio.run(opened(path, keep=timedelta(seconds=505)).tend(at(2000)))
    assert count(path, "facts") < count(untended, "facts")
    assert count(path, "leads") == 2
    told = asyncio.run(opened(path).overview())
    assert told == asyncio.run(opened(untended).overview())
    assert told.leads[WWW].zones == {elsewhere, ZONE}


def test_text_that_is_none_keeps_nothing_from_being_recorded(path: Path) -> None:
    """Whoever said it: half a surrogate pair comes out of JSON, and out of names of files."""
    action: Action = DestroyKey(Lineage(WWW), GenerationId(1))
    recorded(path, WWW, Done(at(1), action, Failure("ODD", "half a pair: \ud800")))
    assert history(path) == [Done(at(1), action, Failure("ODD", "half a pair: \\ud800"))]


def test_a_store_that_was_asked_for_nothing_is_closed_without_a_file(path: Path) -> None:
    asyncio.run(opened(path).close())
    assert not path.exists()


def test_a_process_that_cannot_write_down_where_subjects_lead_knows_it_all_the_same(path: Path) -> None:
    recorded(path, WWW, *seen(0))

    async def story() -> None:
        store = opened(path, patience=timedelta(0))
        with closing(sqlite3.connect(path, isolation_level=None)) as holder:
            await store.facts(WWW)
            holder.execute("BEGIN IMMEDIATE")
            told = await store.overview()
            assert told.leads[WWW].zones == {ZONE}
            holder.execute("ROLLBACK")
        assert count(path, "leads") == 0
        assert await store.overview() == told == await opened(path).overview()
        assert count(path, "leads") == 1

    asyncio.run(story())


def moved(fact: Fact, by: timedelta) -> Fact:
    return replace(fact, at=fact.at + by)


def test_a_store_is_put_in_order_once_a_day(path: Path) -> None:
    beside = path.parent / "credentials"
    recorded(path, WWW, *seen(0), beside=beside)

    def copied(hours: float) -> bool:
        (beside / COPY).unlink(missing_ok=True)
        asyncio.run(opened(path, beside=beside).tend(NOW + timedelta(hours=hours)))
        return (beside / COPY).exists()

    assert [copied(hours) for hours in (0, 1, 23, 25, 26, 50)] == [True, False, False, True, False, True]
    assert copied(-100)  # the clock was set back


# -- backups ----------------------------------------------------------------------------------------------------------


def restored(path: Path, copy: Path) -> None:
    """As docs/how-to/back-up-and-restore.md says."""
    path.rename(path.with_suffix(".broken"))
    for beside in ("-wal", "-shm"):
        path.with_name(path.name + beside).unlink(missing_ok=True)
    shutil.copy(copy, path)


def unknown(facts: Facts, seconds: float) -> bool:
    return possible_answers(facts, ZONE, OWNER, TLSA, at(seconds), LIMITS).unknown is not None


def test_a_copy_that_is_made_while_others_write_is_whole(path: Path, tmp_path: Path) -> None:
    async def story() -> None:
        store = opened(path)
        await store.append(WWW, await store.lease(WWW), *told(WWW, 0))
        with written_by(path, MAIL, 1_000_000) as writer:
            assert writer.stdout is not None
            for turn in range(20):
                writer.stdout.readline()
                await store.copy(tmp_path / f"{turn}.sqlite")
            writer.kill()

    asyncio.run(story())
    sizes = [len(history(tmp_path / f"{turn}.sqlite", MAIL)) for turn in range(20)]
    assert all(size % EACH == 0 for size in sizes)
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]
    assert history(tmp_path / "0.sqlite", WWW) == told(WWW, 0)


def test_a_restored_older_store_begins_its_history_anew(path: Path, tmp_path: Path) -> None:
    """A version that was published after the copy, and taken back before it was restored, is not known to it."""
    beside, copy = tmp_path / "credentials", tmp_path / "copy.sqlite"
    passes(path, 0, 300, beside=beside)
    asyncio.run(opened(path).copy(copy))
    assert not unknown(known(path, WWW), 290)
    passes(path, 300, 320, beside=beside)
    restored(path, copy)

    passes(path, 320, 330, beside=beside)
    facts = known(path, WWW)
    assert unknown(facts, 320)
    began = facts.began(ZONE_SUBJECT)
    assert began is not None
    assert (began.at, "older copy" in began.reason, "6 facts" in began.reason) == (at(320), True, True)
    assert facts.began(WWW) is not None

    passes(path, 330, 600, beside=beside)
    facts = known(path, WWW)
    assert not unknown(facts, 590)
    assert facts.began(ZONE_SUBJECT) == began  # said once


def test_without_the_mark_nobody_would_know_that(path: Path, tmp_path: Path) -> None:
    """Why there is one: the gap is shorter than what a sight vouches for."""
    copy = tmp_path / "copy.sqlite"
    passes(path, 0, 300)
    asyncio.run(opened(path).copy(copy))
    passes(path, 300, 320)
    restored(path, copy)
    passes(path, 320, 330)
    assert not unknown(known(path, WWW), 320)


def test_every_subject_of_a_restored_store_begins_anew(path: Path, tmp_path: Path) -> None:
    """Also one that is looked at later, by another process."""
    beside, copy = tmp_path / "credentials", tmp_path / "copy.sqlite"
    recorded(path, WWW, *seen(0), beside=beside)
    recorded(path, MAIL, *seen(0), beside=beside)
    asyncio.run(opened(path).copy(copy))
    recorded(path, WWW, *seen(10), beside=beside)
    restored(path, copy)
    recorded(path, WWW, *seen(20), beside=beside)
    facts = known(path, MAIL)
    assert (facts.began(MAIL), facts.began(ZONE_SUBJECT)) != (None, None)
    assert facts.began(MAIL) is not None


def test_a_store_that_goes_on_where_it_ended_begins_nothing_anew(path: Path, tmp_path: Path) -> None:
    beside = tmp_path / "credentials"
    for turn in range(0, 100, 10):
        recorded(path, WWW, *seen(turn), beside=beside)
        recorded(path, MAIL, *seen(turn + 1), beside=beside)
    facts = known(path, WWW, MAIL)
    assert facts.began(WWW) is facts.began(MAIL) is facts.began(ZONE_SUBJECT) is None


@pytest.mark.parametrize("mark", ['{"store":"another","number":1}', "not JSON", '{"number":1}'])
def test_another_store_than_the_one_that_was_marked_begins_anew(path: Path, tmp_path: Path, mark: str) -> None:
    """One of another machine, a new one in place of one that was lost, or who knows."""
    beside = tmp_path / "credentials"
    beside.mkdir()
    (beside / MARK).write_text(mark)
    recorded(path, WWW, *seen(0), beside=beside)
    began = known(path, WWW).began(WWW)
    assert began is not None
    assert "another store" in began.reason


def test_a_mark_that_cannot_be_kept_is_told(path: Path, tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("")
    raised("STORE_UNUSABLE", lambda: recorded(path, WWW, *seen(0), beside=tmp_path / "credentials"))


LEFT = ("store.{}.new", ".store.copy.sqlite.{}.new", ".store.copy.sqlite.{}.new-journal")


@pytest.fixture
def ended() -> int:
    """The number of a process that is there no more."""
    with subprocess.Popen(["true"]) as process:  # noqa: S607 - any program will do
        process.wait()
    return process.pid


def left(folder: Path, *processes: int) -> list[Path]:
    paths = [folder / name.format(process) for process in processes for name in LEFT]
    folder.mkdir(exist_ok=True)
    for path in paths:
        path.write_text("half")
    return paths


def test_what_a_killed_writer_left_goes_when_the_next_one_writes(path: Path, tmp_path: Path, ended: int) -> None:
    beside = tmp_path / "credentials"
    left(beside, ended, 2**40)
    strangers = [beside / name for name in ("store.new", f"store.{ended}.news", f"a.store.{ended}.new", "live")]
    for stranger in strangers:
        stranger.write_text("of somebody else")
    recorded(path, WWW, *seen(0), beside=beside)
    assert sorted(beside.iterdir()) == sorted([beside / MARK, *strangers])


def test_what_another_process_is_writing_stays_unless_it_is_old(path: Path, tmp_path: Path) -> None:
    """A number that is another process's by now does not keep a file for ever."""
    beside = tmp_path / "credentials"
    young = left(beside, 1)
    recorded(path, WWW, *seen(0), beside=beside)
    assert all(path.exists() for path in young)
    for old in young:
        os.utime(old, (0, 0))
    recorded(path, WWW, *seen(10), beside=beside)
    assert os.listdir(beside) == [MARK]  # noqa: PTH208 - the names alone


def test_a_copy_removes_what_one_that_was_killed_left_beside_it(path: Path, tmp_path: Path, ended: int) -> None:
    recorded(path, WWW, *seen(0))
    (tmp_path / f".backup.{ended}.new").write_text("half")
    asyncio.run(opened(path).copy(tmp_path / "backup"))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["backup", path.parent.name]


def test_a_mark_for_which_there_is_no_room_leaves_nothing_behind(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    beside = tmp_path / "credentials"
    monkeypatch.setattr(Path, "rename", full)
    told = raised("STORE_UNUSABLE", lambda: recorded(path, WWW, *seen(0), beside=beside))
    assert "No space left" in told.evidence
    assert list(beside.iterdir()) == []


def test_the_copy_beside_the_credentials_can_stand_in_for_a_store_that_was_lost(path: Path, tmp_path: Path) -> None:
    beside = tmp_path / "credentials"
    made: Action = DestroyKey(Lineage(SERVICE), GenerationId(1))
    recorded(path, WWW, *seen(0), Intended(at(1), made), beside=beside)
    asyncio.run(opened(path, beside=beside).tend(at(2)))
    recorded(path, WWW, *seen(10), beside=beside)
    restored(path, beside / COPY)
    recorded(path, WWW, *seen(20), beside=beside)
    assert [deed.action for deed in known(path, WWW).deeds] == [made]
    assert known(path, WWW).began(WWW) is not None
