"""The real engine on stores in real files. A runner opens the file anew, as a new process does.

Where a story has the disk full or the store held by somebody else, SQLite is told that there is no room, or another
connection holds the file: what comes of it is SQLite's own error, by the way that it takes on a host.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, event

from danelaw.adapters.store.sql import SQLStore
from danelaw.core.model import Limits, SubjectName
from danelaw.core.rollover.facts import Fact
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.leads import Overview
from danelaw.faces.cli.simulation import SimulatedCompany
from danelaw.ports import Lease, Runner, Store
from danelaw.worlds.sim.adversary import at_once
from danelaw.worlds.sim.hazards import Hazards
from danelaw.worlds.sim.scenario_play import Hire
from inline_blocking import Inline

PATIENCE: Final = timedelta(milliseconds=20)
"""With another program that writes: time does not go by while one waits for it."""
NO_MORE: Final = 1
"""Pages. A file never gets smaller by this, and no larger."""
ENOUGH: Final = 1 << 30


@dataclass(slots=True)
class FileStore:
    """``ports.Store`` on one file, opened when it is first asked for something."""

    path: Path
    limits: Limits
    hazards: Hazards
    opened: SQLStore | None = None

    def open(self) -> SQLStore:
        if self.opened is None:
            beside = self.path.parent / "credentials"
            self.opened = SQLStore(self.path, self.limits, Inline(), beside=beside, patience=PATIENCE)
        return self.opened

    def close(self) -> None:
        if self.opened is not None:
            at_once(self.opened.close())
            self.opened = None

    async def lease(self, subject: SubjectName) -> Lease:
        with self._held():
            return await self.open().lease(subject)

    async def append(self, subject: SubjectName, lease: Lease, *facts: Fact) -> None:
        with self._held():
            await self.open().append(subject, lease, *facts)

    async def facts(self, *subjects: SubjectName) -> Facts:
        return await self.open().facts(*subjects)

    async def overview(self) -> Overview:
        return await self.open().overview()

    @contextmanager
    def _held(self) -> Iterator[None]:
        """By another program, if it is."""
        if not self.hazards.locked:
            yield
            return
        with closing(sqlite3.connect(self.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")


@dataclass(slots=True)
class Files:
    """The stores of one world, in a folder of its own."""

    folder: Path
    hazards: Hazards
    limits: Limits
    number: int = 0
    open: list[FileStore] = field(default_factory=list)

    def make(self) -> FileStore:
        self.number += 1
        return self.at(self.folder / f"store-{self.number}.sqlite")

    def at(self, path: Path) -> FileStore:
        self.open.append(FileStore(path, self.limits, self.hazards))
        return self.open[-1]

    def close(self) -> None:
        for store in self.open:
            store.close()


@dataclass(frozen=True, slots=True)
class CompanyOnFiles:
    """``scenario_play.Company``: as ``danelaw simulate`` has it, but for the stores."""

    of_memory: SimulatedCompany
    files: Files

    def store(self) -> Store:
        return self.files.make()

    def copy(self, store: Store) -> Callable[[], Store]:
        assert isinstance(store, FileStore)
        backup = store.path.with_suffix(".backup")
        at_once(store.open().copy(backup))
        return partial(self._put_back, backup, store.path)

    def _put_back(self, backup: Path, path: Path) -> Store:
        """As an operator does it who has read how: nothing of the other one is left."""
        self.files.close()
        for old in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            old.unlink(missing_ok=True)
        shutil.copy(backup, path)
        return self.files.at(path)

    def runner(self, store: Store) -> Runner:
        assert isinstance(store, FileStore)
        store.close()
        return self.of_memory.runner(store)


@contextmanager
def on_files(folder: Path) -> Iterator[Hire]:
    """Who plays on stores in this folder, which is empty again afterwards."""
    made: list[Files] = []

    def hire(world: Any, clock: Any, scenario: Any) -> CompanyOnFiles:
        world.hazards.real = frozenset({"lease", "append"})
        made.append(Files(folder, world.hazards, scenario.bounds))
        return CompanyOnFiles(SimulatedCompany(world, clock, scenario), made[-1])

    def room(connection: Any) -> None:
        full = any(files.hazards.full for files in made)
        connection.exec_driver_sql(f"PRAGMA max_page_count = {NO_MORE if full else ENOUGH}")

    folder.mkdir(parents=True)
    event.listen(Engine, "begin", room)
    try:
        yield hire
    finally:
        event.remove(Engine, "begin", room)
        for files in made:
            files.close()
        shutil.rmtree(folder)
