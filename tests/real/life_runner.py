"""The product beside its operator: ``danelaw run --watch`` as a process, and whoever reads what it says."""

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

from life_world import DOMAIN, LifeWorld, ds_rdata

from danelaw.core.model import RRset
from danelaw.core.rollover.actions import Receipt, SubmitDS
from danelaw.worlds.lab.operator_files import ZONE
from danelaw.worlds.lab.real import addresses

DANELAW: Final = (sys.executable, "-m", "danelaw")
TLSA_TTL: Final = 1
LIMITS: Final = {
    "pass_interval": 1,
    "gap_passes": 20,
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
    """``passes``: every pass of the runner, as it tells them. ``talk``: what else it says."""

    world: LifeWorld
    passes: list[dict[str, Any]] = field(default_factory=list)
    talk: list[str] = field(default_factory=list)
    _pulse: asyncio.Event = field(default_factory=asyncio.Event)
    _daemon: asyncio.subprocess.Process | None = None
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
trust_anchor = "{world.anchor_file}"

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
        """A daemon, for as long as this is entered. Raises ``AssertionError`` where it does not end as asked."""
        argv = (*DANELAW, "run", "--watch", "--json", "--config", str(self.config))
        limit = 1 << 22
        daemon = await asyncio.create_subprocess_exec(
            *argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, limit=limit
        )
        self._daemon = daemon
        readers = [asyncio.create_task(self._hear(daemon)), asyncio.create_task(self._heed(daemon))]
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                daemon.send_signal(signal.SIGTERM)
            status = await daemon.wait()
            await asyncio.gather(*readers)
            self._daemon = None
        assert status == 0, self.talk

    def reads_again(self) -> None:
        """The configuration has changed."""
        assert self._daemon is not None
        self._daemon.send_signal(signal.SIGHUP)

    async def _hear(self, daemon: asyncio.subprocess.Process) -> None:
        assert daemon.stdout is not None
        async for line in daemon.stdout:
            self.passes.append(json.loads(line))
            self._pulse.set()
        await daemon.wait()
        self._pulse.set()

    async def _heed(self, daemon: asyncio.subprocess.Process) -> None:
        """Whoever reads what the runner says hands the DS over."""
        assert daemon.stderr is not None
        async for raw in daemon.stderr:
            line = raw.decode().rstrip()
            self.talk.append(line)
            if line.startswith("Give this DS"):
                self._ds = frozenset()
            elif given := _DS.match(line):
                self._ds |= {ds_rdata(given[2])}
                await self._hand_over()

    async def _hand_over(self) -> None:
        found = self.world.net.found(ZONE)
        change = SubmitDS(ZONE, found, RRset(ZONE, 43, 1, self._ds))
        assert isinstance(await self.world.registry.submit_ds(change), Receipt)

    async def until(self, holds: Callable[[Sequence[Mapping[str, Any]]], bool], since: int = 0) -> None:
        """Wait until it holds of the passes from this number on."""
        while not holds(self.passes[since:]):
            assert self._daemon is not None, self.talk
            assert self._daemon.returncode is None, self.talk
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
