"""The embedded world in a thread of its own, and the command line beside it, as an operator of its host types it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from dns.name import Name

from command_said import Said
from danelaw import wiring
from danelaw.core.rollover.actions import Conflict, Receipt, SubmitDS
from danelaw.faces import cli
from danelaw.ports import CommandResult, Parent, Surroundings
from danelaw.worlds.lab import configuration
from danelaw.worlds.lab.embedded import EmbeddedWorld

T = TypeVar("T")


@dataclass
class Host:
    """``config``: its ``danelaw.toml``. ``run`` is the command line, in this process."""

    world: EmbeddedWorld
    loop: asyncio.AbstractEventLoop
    config: Path
    capture: pytest.CaptureFixture[str]

    def run(self, *words: str) -> Said:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.argv", ["danelaw", *words])
            patch.setenv("DANELAW_CONFIG", str(self.config))
            patch.setenv("COLUMNS", "80")
            self.capture.readouterr()
            with pytest.raises(SystemExit) as ended:
                cli.main()
        said = self.capture.readouterr()
        assert isinstance(ended.value.code, int)
        return Said(ended.value.code, said.out, said.err)

    def there(self, work: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
        """Work of the world's own loop, to be awaited in another one."""

        async def awaited() -> T:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.loop))

        return awaited()

    def ask(self, look: Callable[[], T]) -> T:
        """Something done in the world's own loop."""

        async def looked() -> T:
            return look()

        return asyncio.run_coroutine_threadsafe(looked(), self.loop).result(60)

    def surroundings(self, parents: Mapping[Name, Parent], *, by_registry: bool) -> Surroundings:
        over = {zone: _Registry(self, parent) for zone, parent in self.world.parents.items()}
        return Surroundings(
            wiring.clock(),
            self.world.dialer,
            wiring.blocking(),
            _Commands(self),
            wiring.programs(),
            over if by_registry else parents,
            self.world.trust_anchors,
        )


@dataclass(frozen=True)
class _Commands:
    host: Host

    async def run(self, argv: Sequence[str], limit: timedelta) -> CommandResult:
        return await self.host.there(self.host.world.commands.run(argv, limit))


@dataclass(frozen=True)
class _Registry:
    host: Host
    parent: Parent

    async def submit_ds(self, change: SubmitDS) -> Receipt | Conflict:
        return await self.host.there(self.parent.submit_ds(change))


@contextmanager
def living(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capture: pytest.CaptureFixture[str],
    *,
    by_registry: bool = True,
    limits: Mapping[str, float],
) -> Iterator[Host]:
    """A host with a configuration and nothing else yet. ``by_registry``: the DS goes over without a person.

    ``limits`` go before the lab's.
    """
    up, stop = threading.Event(), asyncio.Event()
    found: list[tuple[EmbeddedWorld, asyncio.AbstractEventLoop]] = []

    async def life() -> None:
        async with EmbeddedWorld(folder / "world") as world:
            found.append((world, asyncio.get_running_loop()))
            up.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(life()))
    thread.start()
    try:
        assert up.wait(60)
        world, loop = found[0]
        config = configuration.write(world)
        text = config.read_text(encoding="utf-8")
        text = text.replace("[state]\n", f'[state]\nstore = "{folder / "state" / "store.sqlite"}"\n')
        for key, value in limits.items():
            text = text.replace(f"{key} = {configuration.LIMITS[key]}\n", f"{key} = {value}\n")
        config.write_text(text, encoding="utf-8")
        host = Host(world, loop, config, capture)
        monkeypatch.setattr(wiring, "open_world", lambda parents: host.surroundings(parents, by_registry=by_registry))
        yield host
    finally:
        for _, loop in found:
            loop.call_soon_threadsafe(stop.set)
        thread.join(60)
