"""Server processes: started, asked whether they are ready, watched, stopped by pid. Each has a log of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from danelaw.core.model import DanelawError
from danelaw.worlds.lab.real.asking import LOOK_EVERY

UP_WITHIN: Final = 60.0
"""Seconds. A server is up in less than one; a machine may be busy."""
GRACE: Final = 1.0
"""Seconds between asking a server to end and ending it."""
TAIL: Final = 15
"""Lines of the log that an error shows."""


@dataclass(frozen=True, slots=True)
class Server:
    """A program that runs in the foreground. ``ready`` asks it, over the network, whether it serves.

    ``log``: gets all that it says; a program may be told to write there too.
    """

    name: str
    argv: tuple[str, ...]
    log: Path
    ready: Callable[[], Awaitable[bool]]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Running:
    server: Server
    process: asyncio.subprocess.Process
    wanted: bool = True


class Supervisor:
    """The servers of a world. Made by ``supervision``."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._running: dict[str, _Running] = {}

    async def start(self, server: Server) -> None:
        """Start a server and wait until it answers. Raises ``DanelawError("SERVER_FAILED")``."""
        with server.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *server.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | server.environment,
                start_new_session=True,  # neither Ctrl-C nor a change of the window's size is for servers
            )
        running = self._running[server.name] = _Running(server, process)
        try:
            async with asyncio.timeout(UP_WITHIN):
                while not await server.ready():
                    if process.returncode is not None:
                        raise _failed(server, f"ended with status {process.returncode} before it was up")
                    await asyncio.sleep(LOOK_EVERY)
        except TimeoutError:
            raise _failed(server, f"did not come up within {UP_WITHIN:g} s") from None
        self._group.create_task(self._watch(running))

    async def stop(self, name: str, *, at_once: bool = False) -> None:
        """Ask a server to end, or kill it ``at_once``; what is not running is stopped already."""
        running = self._running.pop(name, None)
        if running is None:
            return
        running.wanted = False
        process = running.process
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL if at_once else signal.SIGTERM)
        try:
            async with asyncio.timeout(GRACE):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def stop_all(self) -> None:
        await asyncio.gather(*(self.stop(name) for name in list(self._running)))

    async def _watch(self, running: _Running) -> None:
        status = await running.process.wait()
        if running.wanted:
            raise _failed(running.server, f"died with status {status}")


@contextlib.asynccontextmanager
async def supervision() -> AsyncIterator[Supervisor]:
    """Servers live in here. When one dies unasked, the body is cancelled and ``SERVER_FAILED`` raised."""
    try:
        async with asyncio.TaskGroup() as group:
            supervisor = Supervisor(group)
            try:
                yield supervisor
            finally:
                await supervisor.stop_all()
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


def _failed(server: Server, how: str) -> DanelawError:
    lines = server.log.read_text("utf-8", errors="replace").splitlines()
    return DanelawError(
        "SERVER_FAILED", f"{server.name} {how}", evidence="\n".join(lines[-TAIL:]), hint=" ".join(server.argv)
    )
