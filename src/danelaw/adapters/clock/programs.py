"""Programs of this host that are given a document and answer with one: no shell, a bound on time and on the answer."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final, cast

from danelaw.core.model import DanelawError
from danelaw.ports import LONGEST_ANSWER, ProgramAnswer

SHOWN: Final = 400
"""Octets kept of what a program says beside its answer: the last ones, where it says what went wrong."""


class SubprocessPrograms:
    """``ports.Programs`` by fork and exec, each program in a process group of its own."""

    async def ask(
        self,
        argv: Sequence[str],
        document: bytes,
        limit: timedelta,
        env: Mapping[str, str] = {},
        *,
        leaving: Callable[[bytes], bool] | None = None,
    ) -> ProgramAnswer:
        """Raises ``DanelawError``: COMMAND_NOT_FOUND; and ``TimeoutError``.

        When it has ended, and also at the limit and when cancelled, all that it started is killed, but what is to be
        left: that must not hold its pipes.
        """
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(
                *argv, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True, env={**os.environ, **env}
            )
        except OSError as error:
            raise DanelawError(
                "COMMAND_NOT_FOUND",
                f"{shlex.quote(argv[0])} cannot be started",
                evidence=str(error),
                hint="give its full path: the PATH of a service is shorter than that of a login",
            ) from error
        streams = cast(tuple[StreamWriter, StreamReader, StreamReader], (process.stdin, process.stdout, process.stderr))
        into, out, beside = streams  # there, as all three are pipes
        left = False
        try:
            async with asyncio.timeout(limit.total_seconds()):
                _, answer, said = await asyncio.gather(_tell(into, document), _answer(out), _tail(beside))
                status = await process.wait()
                left = leaving is not None and leaving(answer)
        finally:
            if not left:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        return ProgramAnswer(status, answer, _line(said))


async def _tell(stream: StreamWriter, document: bytes) -> None:
    """A program need not listen to all of it."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stream.write(document)
        await stream.drain()
    stream.close()


async def _answer(stream: StreamReader) -> bytes:
    """What is beyond the longest answer is read, so that the program may end, and dropped."""
    answer = bytearray()
    while more := await stream.read(1 << 16):
        answer += more[: LONGEST_ANSWER + 1 - len(answer)]
    return bytes(answer)


async def _tail(stream: StreamReader) -> bytes:
    tail = b""
    while more := await stream.read(1 << 16):
        tail = (tail + more)[-SHOWN:]
    return tail


def _line(octets: bytes) -> str:
    text = octets.decode("utf-8", "replace")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
