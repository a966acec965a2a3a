"""The product beside its operator: ``danelaw run`` as a process, a daemon or one after the other, and whoever reads
what it says."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from life_world import DOMAIN, LifeWorld

from danelaw.core.model import RRset
from danelaw.core.rollover.actions import Receipt, SubmitDS
from danelaw.worlds.lab.above import ds_rdata
from danelaw.worlds.lab.operator_files import ZONE
from danelaw.worlds.lab.real import addresses

DANELAW: Final = (sys.executable, "-m", "danelaw")
TLSA_TTL: Final = 1
LIMITS: Final = {
    "pass_interval": 1,
    "gap_passes": 40,
    "hold_floor": 1,
    "lookup_delay": 3,
    "assumed_past_ttl": 2,
    "retention": 600,
    "in_flight": 4,
    "linger": 2,
    "standby_settle": 3,
    "renewal_check": 30,
}
"""In seconds, but for the count of passes. A client takes two seconds at most from look-up to judgement."""
PACE: Final = 1.0
"""Seconds between two runs, without a daemon."""
_LONGEST: Final = 1 << 22
"""Octets of a line."""
_STRATEGY: Final = re.compile(r"^strategy = .*$", re.MULTILINE)
_DS: Final = re.compile(r"^\s*(\S+) IN DS (.+)$")


@dataclass(frozen=True)
class Said:
    """What a command ended with."""

    status: int
    out: str
    err: str


@dataclass
class Operator:
    """``by_cron``: a run is called again and again, and no daemon stays. ``passes``: every pass of the
    runner, as it tells them. ``talk``: what else it says."""

    world: LifeWorld
    by_cron: bool = False
    passes: list[dict[str, Any]] = field(default_factory=list)
    talk: list[str] = field(default_factory=list)
    _pulse: asyncio.Event = field(default_factory=asyncio.Event)
    _runner: asyncio.Task[int] | None = None
    _process: asyncio.subprocess.Process | None = None
    _ends: bool = False
    _ds: frozenset[bytes] = frozenset()

    @property
    def config(self) -> Path:
        return self.world.room.folder / "danelaw.toml"

    @property
    def service(self) -> str:
        """As commands name it."""
        return f"{self.world.service.endpoints[0]}/tcp"

    # -- the configuration --------------------------------------------------------------------------------------------

    def write(self) -> None:
        """What somebody who has read the manual writes on the first day."""
        folder, world = self.world.room.folder, self.world
        limits = "\n".join(f"{key} = {value}" for key, value in LIMITS.items())
        self.config.write_text(
            f"""\
[resolver]
forwarders = ["{addresses.FORWARDER.v4}"]
trust_anchor = "{world.above.anchor_file}"

[clients]
roots = "{world.ca.roots}"

[state]
credentials = "{folder}/state/credentials"
store = "{folder}/state/store.sqlite"

[issuers.ca]
type = "acme"
directory = "{world.ca.url}"
bundle = "{world.ca.api_bundle}"
account = "{folder}/state/account"
contact = "mailto:hostmaster@{DOMAIN}"
challenge = {world.service.challenge}

[publishers.zone]
zone = "{DOMAIN}"
ds_ttl = 1
{world.primary.publisher}

[limits]
{limits}
""",
            encoding="utf-8",
        )
        (folder / "services.d").mkdir()

    async def enrols(self) -> None:
        """Take the service in: what is proposed, with TTLs for people in a hurry, and with all its keys."""
        service = self.world.service
        how = ("--directory", str(service.directory), "--reload", *service.reload)
        said = await self.does("enroll", *service.endpoints, *how, "--dry-run", "--json")
        more = f"tlsa_ttl = {TLSA_TTL}\nalgorithms = {json.dumps(service.algorithms)}\n\n[deploy]"
        text = json.loads(said.out)["text"]
        assert text.count("[deploy]") == 1, text
        self._file.write_text(text.replace("[deploy]", more), encoding="utf-8")

    def strategy(self, name: str) -> None:
        """Another one, from now on."""
        text, count = _STRATEGY.subn(f'strategy = "{name}"', self._file.read_text("utf-8"))
        assert count == 1, text
        self._file.write_text(text, encoding="utf-8")

    @property
    def _file(self) -> Path:
        return self.world.room.folder / "services.d" / f"{self.world.service.host}.toml"

    # -- commands -----------------------------------------------------------------------------------------------------

    async def does(self, *words: str, status: int = 0) -> Said:
        """A command to its end. Raises ``AssertionError`` where that is another than ``status``."""
        said = await self.said(*words)
        assert said.status == status, (words, said)
        return said

    async def said(self, *words: str) -> Said:
        process = await asyncio.create_subprocess_exec(
            *DANELAW,
            *words,
            "--config",
            str(self.config),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode is not None
        return Said(process.returncode, out.decode(), err.decode())

    # -- the runner ---------------------------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The runner works while this is entered. Raises ``AssertionError`` where it does not end as asked."""
        if self.by_cron:
            self._runner = asyncio.create_task(self._again_and_again())
        else:
            self._runner = asyncio.create_task(self._run("--watch"))
        self._runner.add_done_callback(lambda _: self._pulse.set())
        try:
            yield
        finally:
            self._ends = True
            if not self.by_cron:
                self._signal(signal.SIGTERM)
            status = await self._runner
            self._ends, self._runner = False, None
        assert self.by_cron or status == 0, self.talk

    def reads_again(self) -> None:
        """The configuration has changed: a daemon is told, and the next run reads it anyway."""
        if not self.by_cron:
            self._signal(signal.SIGHUP)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _again_and_again(self) -> int:
        """As cron does, but for the pace."""
        status = 0
        while not self._ends:
            status = await self._run("--wait", "1")
            assert status in (0, 1, 3), (status, self.talk)
            await asyncio.sleep(PACE)
        return status

    async def _run(self, *how: str) -> int:
        argv = (*DANELAW, "run", *how, "--json", "--config", str(self.config))
        self._process = process = await asyncio.create_subprocess_exec(
            *argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, limit=_LONGEST
        )
        await asyncio.gather(self._hear(process), self._heed(process))
        return await process.wait()

    async def _hear(self, runner: asyncio.subprocess.Process) -> None:
        assert runner.stdout is not None
        async for line in runner.stdout:
            self.passes.append(json.loads(line))
            self._pulse.set()

    async def _heed(self, runner: asyncio.subprocess.Process) -> None:
        """Whoever reads what the runner says hands the DS over."""
        assert runner.stderr is not None
        async for raw in runner.stderr:
            line = raw.decode().rstrip()
            self.talk.append(line)
            if line.startswith(("Give this DS", "Give these DS")):
                self._ds = frozenset()
            elif given := _DS.match(line):
                self._ds |= {ds_rdata(given[2])}
                await self._hand_over()

    async def _hand_over(self) -> None:
        found = self.world.above.net.found(ZONE)
        change = SubmitDS(ZONE, found, RRset(ZONE, 43, 1, self._ds))
        assert isinstance(await self.world.registry.submit_ds(change), Receipt)

    async def until(self, holds: Callable[[Sequence[Mapping[str, Any]]], bool], since: int = 0) -> None:
        """Wait until it holds of the passes from this number on."""
        while not holds(self.passes[since:]):
            assert self._runner is not None, self.talk
            assert not self._runner.done(), self.talk
            self._pulse.clear()
            await self._pulse.wait()


def done(passes: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """The actions that were taken, and how often."""
    return Counter(one["action"] for one in passes if one["kind"] == "action" and one["outcome"]["ok"])


def failed(passes: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [one for one in passes if one["kind"] == "action" and not one["outcome"]["ok"]]


def settled(passes: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the last of each subject is so, and there are two."""
    last = {one["subject"]: one["kind"] for one in passes}
    return len(last) == 2 and set(last.values()) == {"settled"}
