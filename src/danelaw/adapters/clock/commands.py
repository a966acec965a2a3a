"""Programs of this host: no shell, no input, a bound on time and on output."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
from collections.abc import Sequence
from datetime import timedelta

from danelaw.core.model import DanelawError
from danelaw.ports import CommandResult

MAX_OUTPUT = 65536
"""Octets kept of what a program says. The last ones: that is where it says what went wrong."""

FULL_PIPE = 32
"""Reads of ``MAX_OUTPUT`` that empty any pipe: Linux gives one 64 KiB, and 1 MiB at most."""


class _Tail:
    """Reads a pipe as it fills and keeps the end of what came.

    The pipe is ours, not asyncio's: a server that a reload leaves running may hold the other end open for ever, and
    asyncio would then go on waiting for a program that has long ended.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._kept = bytearray()
        self._read, self.write = os.pipe()
        os.set_blocking(self._read, False)
        loop.add_reader(self._read, self._drain_once)

    def _drain_once(self) -> bool:
        """Takes what is there; whether there may be more."""
        try:
            data = os.read(self._read, MAX_OUTPUT)
        except BlockingIOError:
            return False
        if not data:
            self._loop.remove_reader(self._read)
            return False
        self._kept += data
        del self._kept[:-MAX_OUTPUT]
        return True

    def text(self) -> str:
        """All that was written until now, or its end."""
        for _ in range(FULL_PIPE):  # a program left behind that never stops talking must not keep us here
            if not self._drain_once():
                break
        return self._kept.decode(errors="replace")

    def close_write(self) -> None:
        if self.write >= 0:
            os.close(self.write)
            self.write = -1

    def close(self) -> None:
        self.close_write()
        self._loop.remove_reader(self._read)
        os.close(self._read)


class SubprocessCommands:
    """``ports.Commands`` by fork and exec, each program in a process group of its own."""

    async def run(self, argv: Sequence[str], limit: timedelta) -> CommandResult:
        """Status (negative: the signal that ended it) and the last 64 KiB of both outputs.

        Raises ``DanelawError``: COMMAND_NOT_FOUND, COMMAND_NOT_RUNNABLE, COMMAND_TIMEOUT. At the limit, and when
        cancelled, the whole group is killed.
        """
        if not argv:
            raise DanelawError("COMMAND_NOT_FOUND", "the command is empty", hint="give the program and its arguments")
        tail = _Tail(asyncio.get_running_loop())
        try:
            process = await _start(argv, tail)
            try:
                async with asyncio.timeout(limit.total_seconds()):
                    status = await process.wait()
            except TimeoutError:
                raise DanelawError(
                    "COMMAND_TIMEOUT",
                    f"{shlex.join(argv)} did not end within {limit.total_seconds():g} s and was killed",
                    evidence=tail.text(),
                ) from None
            finally:
                if process.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
                    await process.wait()
            return CommandResult(status, tail.text())
        finally:
            tail.close()


async def _start(argv: Sequence[str], tail: _Tail) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.DEVNULL, stdout=tail.write, stderr=tail.write, start_new_session=True
        )
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DanelawError(
            "COMMAND_NOT_FOUND",
            f"there is no program {argv[0]}",
            evidence=str(error),
            hint="give its full path: the PATH of a service is shorter than that of a login",
        ) from error
    except OSError as error:
        raise DanelawError("COMMAND_NOT_RUNNABLE", f"{argv[0]} cannot be run", evidence=str(error)) from error
    finally:
        tail.close_write()
