"""A hoster's configuration and store: many domains, each a zone with one web server, all looked at many times before.

What is recorded is what the engine records of one such domain in virtual time, written down again for each of the
others under its own name. The store is one that it made itself, by as many processes as cron would have started.
"""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import ssl
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from danelaw.adapters.store.codec import FORM
from danelaw.adapters.store.sql import SQLStore
from danelaw.adapters.store.sql_log import AGAIN, SEEN
from danelaw.app.engine import Engine
from danelaw.app.toolbox import Subjects, Toolbox
from danelaw.core.model import ChallengeType, Limits, SubjectName
from danelaw.core.rollover.clock import CLOCK
from danelaw.core.rollover.planner import DesiredService, DesiredZone
from danelaw.core.rollover.progress import Progress
from danelaw.core.tlsa import Combination
from danelaw.worlds.sim.certificates import root_certificate
from danelaw.worlds.sim.clock import VirtualClock
from danelaw.worlds.sim.world import HOST, LINEAGE, LOCAL, PARENT, ZONE, SimWorld

T = TypeVar("T")

LIMITS = Limits(pass_interval=timedelta(hours=1))
"""One process can look at so many domains once an hour, not every five minutes."""
MAIN = """
[resolver]
forwarders = ["127.0.0.1@{port}"]
[clients]
roots = "roots.pem"
[state]
store = "store.sqlite"
credentials = "credentials"
[issuers.own]
type = "selfsigned"
[limits]
pass_interval = 3600
[metrics]
textfile = "danelaw.prom"
[notify.admin]
type = "command"
command = ["true"]
"""
PUBLISHER = """
[publishers.{zone}]
type = "exec"
zone = "{zone}.test"
command = ["true"]
"""
SERVICE = """
endpoints = ["www.{zone}.test:443"]
issuer = "own"
publisher = "{zone}"
strategy = "pinned"
[deploy]
directory = "live/{zone}"
reload = []
"""


class Inline:
    """``ports.Blocking``, at once."""

    async def call(self, fn: Callable[[], T], limit: timedelta) -> T:
        del limit
        return fn()


def zones(count: int) -> Iterator[str]:
    return (f"customer{number:06d}" for number in range(count))


def configure(folder: Path, count: int, port: int) -> Path:
    """The configuration of so many domains. ``port``: of the resolver. Returns its file."""
    services = folder / "services.d"
    services.mkdir(parents=True)
    (folder / "roots.pem").write_text(ssl.DER_cert_to_PEM_cert(root_certificate()))
    main = folder / "danelaw.toml"
    main.write_text(MAIN.format(port=port) + "".join(PUBLISHER.format(zone=zone) for zone in zones(count)))
    for zone in zones(count):
        (services / f"{zone}.toml").write_text(SERVICE.format(zone=zone))
    return main


def record(folder: Path, count: int, rounds: int) -> None:
    """The store of so many domains, each of which has been looked at ``rounds`` times and longer, hour by hour."""
    template = folder / "template.sqlite"
    lived(template, rounds)
    written(template, folder / "store.sqlite", count)
    template.unlink()


def lived(path: Path, rounds: int) -> None:
    """One domain in virtual time, until now, in a process for each round of passes."""
    start = datetime.now(UTC) - timedelta(hours=rounds)
    world = SimWorld(clients=0, ttl=3600, clock=VirtualClock(start))
    zone = DesiredZone(SubjectName(ZONE.to_text()), ZONE, PARENT, ds_ttl=3600)
    combinations = (Combination.from_text("3 1 1"),)
    service = DesiredService(
        LINEAGE.service, (LINEAGE,), ZONE, (HOST,), combinations, 3600, (LOCAL,), ChallengeType.HTTP_01
    )
    while world.clock.now() < start + timedelta(hours=rounds - 1):
        store = SQLStore(path, LIMITS, Inline())
        tools = Toolbox(
            clock=world.clock,
            store=store,
            resolver=world.dns,
            authorities=world.dns,
            prober=world.servers,
            zones={ZONE: world.publisher},
            publishers={ZONE: world.publisher},
            parents={ZONE: world.registry},
            credentials={LINEAGE: world.credentials},
            deployers={(LINEAGE, LOCAL): world.servers},
            issuers={LINEAGE: world.ca},
            solvers={LINEAGE: world.solver},
            boot="the machine",
        )
        engine = Engine(tools, Subjects({zone.subject: zone, service.subject: service}, world.reach()), LIMITS)
        asyncio.run(_round(engine))
        asyncio.run(store.close())
        world.clock.tick(3600 - (world.clock.now() - start).total_seconds() % 3600)


async def _round(engine: Engine) -> None:
    """As ``danelaw run`` does it: until all that is left is waited for."""
    stop, now = asyncio.Event(), dict[SubjectName, bool]()

    def heard(progress: Progress) -> None:
        if (ended := progress.ended) is not None:
            now[ended.subject] = ended.next_at <= ended.at
            if len(now) == len(engine.subjects) and not any(now.values()):
                stop.set()

    await engine.watch(stop, heard)


def written(template: Path, path: Path, count: int) -> None:
    """The same of each of ``count`` domains, in a store of its own."""
    one, many = sqlite3.connect(template), sqlite3.connect(path)
    path.chmod(0o600)
    for (statement,) in one.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"):
        many.execute(statement)
    for table in ("alembic_version", "store"):
        for row in one.execute(f"SELECT * FROM {table}"):  # noqa: S608 - two names of ours
            many.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(row))})", row)  # noqa: S608 - the same
    ids = dict(one.execute("SELECT name, id FROM subjects"))
    rows = one.execute("SELECT id, name, token, seen FROM subjects").fetchall()
    bodies = one.execute("SELECT id, kind, form, text FROM bodies").fetchall()
    facts = one.execute("SELECT number, subject, clock_set, at, body FROM facts").fetchall()
    repeats = one.execute("SELECT number, subject, clock_set, at, again FROM repeats").fetchall()
    folds = one.execute("SELECT subjects, made_by, number, clock_set, at, text FROM folds").fetchall()
    leads = one.execute("SELECT subject, kind, name FROM leads").fetchall()
    (numbers,) = one.execute("SELECT numbers FROM store").fetchone()
    clock = ids[CLOCK]
    fold_of = {_digest(ids): ids.keys(), _digest([CLOCK]): [CLOCK]}
    body = max(row[0] for row in bodies)
    for place, name in enumerate(zones(count)):

        def renamed(text: str, name: str = name) -> str:
            text = text.replace('"net."', '"test."')
            return text.replace(ZONE.to_text(omit_final_dot=True), f"{name}.test")

        def led(to: str, renamed: Callable[[str], str] = renamed) -> str:
            return "test." if to == PARENT.to_text() else renamed(to)

        by_id = {i: i if i == clock else place * 10 + i for i in ids.values()}
        again = {i: place * body + i for i, *_ in bodies}
        mine = [row for row in rows if place == 0 or row[0] != clock]
        told = [row for row in facts if place == 0 or row[1] != clock]
        kept = [row for row in repeats if place == 0 or row[1] != clock]
        for i, kind, form, text in bodies:
            new = renamed(text)
            fresh = hashlib.sha256(f"{kind} {FORM} {new}".encode()).digest()
            if place and name not in new:
                again[i] = i  # it is told of all of them
            else:
                many.execute("INSERT INTO bodies VALUES (?,?,?,?,?)", (again[i], kind, form, new, fresh))
        for i, subject, token, seen in mine:
            there = memoryview(seen).cast(SEEN)
            packed = b"".join(again[b].to_bytes(4, "little") for b in sorted(there, key=again.__getitem__))
            many.execute("INSERT INTO subjects VALUES (?,?,?,?)", (by_id[i], renamed(subject), token, packed))
        many.executemany(
            "INSERT INTO facts VALUES (?,?,?,?,?)",
            [(place * numbers + n, by_id[s], c, at, again[b]) for n, s, c, at, b in told],
        )
        many.executemany(
            "INSERT INTO repeats VALUES (?,?,?,?,?)",
            [
                (
                    place * numbers + n,
                    by_id[s],
                    c,
                    at,
                    b"".join(AGAIN.pack(x, y, again[b]) for x, y, b in AGAIN.iter_unpack(p)),
                )
                for n, s, c, at, p in kept
            ],
        )
        many.executemany("INSERT INTO leads VALUES (?,?,?)", [(by_id[s], kind, led(to)) for s, kind, to in leads])
        for digest, made_by, number, clock_set, at, text in folds:
            names = fold_of.get(digest)
            if names is not None and (place == 0 or list(names) != [CLOCK]):
                fold = zlib.compress(renamed(zlib.decompress(text).decode()).encode())
                to = _digest(map(renamed, names))
                many.execute(
                    "INSERT INTO folds VALUES (?,?,?,?,?,?)",
                    (to, made_by, place * numbers + number, clock_set, at, fold),
                )
        if place % 1000 == 999:
            many.commit()
    many.execute("UPDATE store SET numbers = ?, led = ?", (count * numbers, count * numbers))
    many.commit()
    one.close()
    many.execute("PRAGMA journal_mode = WAL")
    many.close()


def _digest(names: Iterable[str]) -> bytes:
    return hashlib.sha256("\n".join(sorted(names)).encode()).digest()
