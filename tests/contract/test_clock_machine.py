"""This machine behind its ports: threads that hang, programs that misbehave."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest

from danelaw.adapters.clock import DirectDialer, SubprocessCommands, SystemClock, ThreadBlocking, boot_id
from danelaw.core.model import DanelawError

pytestmark = pytest.mark.slow

LONG = timedelta(seconds=30)
SHORT = timedelta(milliseconds=100)


def python(program: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(program)]


# -- time -------------------------------------------------------------------------------------------------------------


def test_sleeping_ends_at_or_after_the_instant_and_the_past_is_at_once() -> None:
    async def story() -> None:
        clock = SystemClock()
        assert clock.now().tzinfo is UTC
        when = clock.now() + timedelta(milliseconds=50)
        await clock.sleep_until(when)
        assert clock.now() >= when
        before = clock.monotonic()
        await clock.sleep_until(datetime(2016, 1, 1, tzinfo=UTC))
        assert clock.monotonic() - before < 1

    asyncio.run(story())


def test_a_clock_that_is_set_back_makes_no_sleep_longer() -> None:
    class SetBack(SystemClock):
        """An hour, as soon as somebody sleeps."""

        asked = 0

        def now(self) -> datetime:
            self.asked += 1
            return super().now() - (timedelta(hours=1) if self.asked > 2 else timedelta(0))

    async def story() -> None:
        clock = SetBack()
        async with asyncio.timeout(LONG.total_seconds()):
            await clock.sleep_until(clock.now() + SHORT)

    asyncio.run(story())


def test_a_boot_has_one_identifier() -> None:
    assert boot_id() == boot_id() != ""


def test_the_open_world_is_where_it_says() -> None:
    assert DirectDialer().locate(ip_address("2001:db8::80"), 443) == ("2001:db8::80", 443)


# -- synchronous calls ------------------------------------------------------------------------------------------------


def test_a_call_runs_on_another_thread_and_gives_its_value() -> None:
    thread = asyncio.run(ThreadBlocking().call(threading.current_thread, LONG))
    assert thread is not threading.main_thread()
    assert thread.daemon


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3)])
def test_what_a_call_raises_is_raised_here(error: BaseException) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        asyncio.run(ThreadBlocking().call(fail, LONG))


def test_an_error_that_a_future_cannot_carry_does_not_leave_the_caller_waiting() -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        asyncio.run(ThreadBlocking().call(lambda: next(iter(())), LONG))


def test_a_call_that_hangs_is_left_at_the_limit_and_its_late_result_is_dropped() -> None:
    release, ended = threading.Event(), threading.Event()

    def hang() -> str:
        release.wait(30)
        ended.set()
        return "late"

    async def story() -> None:
        complaints: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
        blocking = ThreadBlocking()
        with pytest.raises(TimeoutError):
            await blocking.call(hang, SHORT)
        release.set()
        assert await blocking.call(lambda: ended.wait(30), LONG)
        assert await blocking.call(lambda: "next", LONG) == "next"
        assert complaints == []

    asyncio.run(story())


def test_cancelling_does_not_wait_for_the_call() -> None:
    started, release = threading.Event(), threading.Event()

    def hang() -> None:
        started.set()
        release.wait(30)

    async def story() -> None:
        blocking = ThreadBlocking()
        call = asyncio.create_task(blocking.call(hang, LONG))
        assert await blocking.call(lambda: started.wait(30), LONG)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    before = time.monotonic()
    asyncio.run(story())
    assert time.monotonic() - before < 5
    release.set()


def test_ctrl_c_ends_the_process_while_a_call_hangs() -> None:
    program = """
        import asyncio, os, sys, threading
        from datetime import timedelta
        from danelaw.adapters.clock import ThreadBlocking

        def hang():
            os.write(1, b"hanging\\n")  # no lock of the interpreter is held by whoever hangs
            threading.Event().wait()

        try:
            asyncio.run(ThreadBlocking().call(hang, timedelta(hours=1)))
        except KeyboardInterrupt:
            sys.exit(130)
    """
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        python(program), stdout=subprocess.PIPE, preexec_fn=hear_ctrl_c
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"hanging\n"
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(60) == 130
        finally:
            process.kill()


def hear_ctrl_c() -> None:
    """Also where these tests run in the background, and a shell has had it ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


# -- programs ---------------------------------------------------------------------------------------------------------


def run(argv: list[str], limit: timedelta = LONG) -> tuple[int, str]:
    result = asyncio.run(SubprocessCommands().run(argv, limit))
    return result.status, result.output


def test_a_program_gives_its_status_and_both_of_its_outputs() -> None:
    program = "import sys; print('out', flush=True); print('err', file=sys.stderr); sys.exit(3)"
    assert run(python(program)) == (3, "out\nerr\n")


def test_a_program_is_given_no_shell() -> None:
    assert run(["echo", "$HOME", "*", "; ls"]) == (0, "$HOME * ; ls\n")


def test_a_program_that_asks_is_given_no_input() -> None:
    ours, theirs, before = *os.pipe(), os.dup(0)
    os.dup2(ours, 0)  # our own input is there and says nothing: a program that had it would wait
    try:
        assert run(["cat"], timedelta(seconds=5)) == (0, "")
    finally:
        os.dup2(before, 0)
        for handle in (ours, theirs, before):
            os.close(handle)


def test_a_program_that_a_signal_ended_has_a_negative_status() -> None:
    assert run(python("import os, signal; os.kill(os.getpid(), signal.SIGTERM)")) == (-signal.SIGTERM, "")


def test_the_end_of_a_long_output_is_kept() -> None:
    status, output = run(python("print('x' * 5_000_000); print('the error')"))
    assert status == 0
    assert len(output) == 65536
    assert output.endswith("x\nthe error\n")


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        ([], "COMMAND_NOT_FOUND"),
        (["danelaw-has-no-such-program"], "COMMAND_NOT_FOUND"),
        (["/dev/null/program"], "COMMAND_NOT_FOUND"),
        (["/dev/null"], "COMMAND_NOT_RUNNABLE"),
    ],
)
def test_a_program_that_cannot_be_started_is_told(argv: list[str], code: str) -> None:
    with pytest.raises(DanelawError) as raised:
        run(argv)
    assert raised.value.code == code


def alive(pid: int) -> bool:
    """Whether a process is there and no mere zombie that its parent has not buried yet."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def test_a_program_that_hangs_is_killed_at_the_limit_with_its_children(tmp_path: Path) -> None:
    fifo = tmp_path / "held"
    os.mkfifo(fifo)
    family = ["sh", "-c", f"echo started; exec 3>'{fifo}'; sleep 1000 & wait"]

    async def story() -> None:
        with pytest.raises(DanelawError) as raised:
            await SubprocessCommands().run(family, timedelta(seconds=3))
        assert raised.value.code == "COMMAND_TIMEOUT"
        assert raised.value.evidence == "started\n"

    async def watched() -> None:
        # the reading ends when the last process that holds the other end is gone
        all_dead = asyncio.create_task(ThreadBlocking().call(fifo.read_bytes, LONG))
        await story()
        assert await all_dead == b""

    asyncio.run(watched())


def test_cancelling_kills_the_program(tmp_path: Path) -> None:
    fifo = tmp_path / "pid"
    os.mkfifo(fifo)
    program = python(
        f"import os, signal; f = open({str(fifo)!r}, 'w'); f.write(str(os.getpid())); f.close(); signal.pause()"
    )

    async def story() -> int:
        running = asyncio.create_task(SubprocessCommands().run(program, LONG))
        pid = int(await ThreadBlocking().call(fifo.read_text, LONG))
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return pid

    assert not alive(asyncio.run(story()))


def test_a_server_that_a_reload_leaves_running_is_neither_waited_for_nor_killed() -> None:
    program = """
        import subprocess, sys
        server = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
        print(server.pid, flush=True)
    """
    before = time.monotonic()
    status, output = run(python(program))
    assert status == 0
    assert time.monotonic() - before < 10
    try:
        assert alive(int(output))
    finally:
        os.kill(int(output), signal.SIGKILL)
