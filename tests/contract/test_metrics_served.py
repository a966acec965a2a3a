"""What Prometheus fetches: the page over HTTP as clients ask for it and as others do, and the file."""

from __future__ import annotations

import asyncio
import errno
import http.client
import os
import socket
import stat
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

import pytest

from danelaw.adapters.clock import ThreadBlocking
from danelaw.adapters.metrics.listener import LONGEST_REQUEST, MOST, Pages, listening
from danelaw.adapters.metrics.textfile import WholeFile
from danelaw.app.metrics import FAMILIES, counter, metrics, of_standing
from danelaw.app.standing import Standing, State
from danelaw.core.model import DanelawError, SubjectName
from danelaw.core.notify.concern import Concern, Severity
from danelaw.core.notify.record import Failing, Known, Record
from danelaw.core.rollover.planner import Wait

T = TypeVar("T")

NOW: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
WWW: Final = SubjectName("www.example.net:443/tcp")
TROUBLE: Final = Concern(WWW, "ORDER_FAILED", Severity.WARNING, ('it says "no"\n',), deadline=NOW)
RECORD: Final = Record(
    (Known(TROUBLE, NOW), Known(Concern(WWW, "NOTED", Severity.NOTE, ()), NOW, gone=NOW)),
    {"me": Failing("MAIL_NOT_TAKEN", "no", NOW, NOW)},
    {WWW: NOW},
    {counter("danelaw_passes_total", subject=WWW): 7, counter("danelaw_no_more_total", subject=WWW): 1},
)
STANDING: Final = Standing(WWW, State.WAITING, NOW, Wait("ORDER_FAILED", "so it is", NOW, NOW + timedelta(hours=1)))
TEXT: Final = metrics("1.2", [of_standing(STANDING, NOW)], RECORD, ("me", "pager"))


def lines() -> list[str]:
    return [line for line in TEXT.splitlines() if not line.startswith("#")]


def test_where_all_stands_is_told() -> None:
    at = f'subject="{WWW}"'
    unix = int(NOW.timestamp())
    assert 'danelaw_build_info{version="1.2"} 1' in lines()
    assert [line for line in lines() if line.startswith("danelaw_subject_state") and line.endswith(" 1")] == [
        f'danelaw_subject_state{{{at},state="waiting"}} 1'
    ]
    assert [line for line in lines() if line.startswith("danelaw_subject_trouble")] == [
        f'danelaw_subject_trouble{{{at},code="ORDER_FAILED",severity="warning"}} 1'
    ]
    assert f"danelaw_last_success_timestamp_seconds{{{at}}} {unix}" in lines()
    assert f'danelaw_awaited_until_timestamp_seconds{{{at},code="ORDER_FAILED"}} {unix + 3600}' in lines()
    assert 'danelaw_notify_failing{way="me"} 1' in lines()
    assert 'danelaw_notify_failing{way="pager"} 0' in lines()
    assert f"danelaw_passes_total{{{at}}} 7" in lines()
    assert "danelaw_no_more_total" not in TEXT


def test_every_metric_is_in_the_reference() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "notifications.md").read_text(encoding="utf-8")
    assert [name for name in FAMILIES if f"| `{name}` |" not in page] == []


def test_prometheus_finds_no_fault_with_it(require_program: Callable[..., str]) -> None:
    promtool = require_program("promtool", package="prometheus")
    checked = subprocess.run(  # noqa: S603 - a program of the test packages
        [promtool, "check", "metrics"], input=TEXT, capture_output=True, text=True, check=False, timeout=60
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_the_file_is_for_all_to_read_and_always_whole(tmp_path: Path) -> None:
    path = tmp_path / "danelaw.prom"
    before = os.umask(0o077)
    try:
        asyncio.run(WholeFile(path, ThreadBlocking()).write("old\n"))
    finally:
        os.umask(before)
    with path.open(encoding="utf-8") as reader:
        asyncio.run(WholeFile(path, ThreadBlocking()).write(TEXT))
        assert reader.read() == "old\n"
    assert path.read_text(encoding="utf-8") == TEXT
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [one.name for one in tmp_path.iterdir()] == ["danelaw.prom"]


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(DanelawError) as told:
        asyncio.run(WholeFile(tmp_path / "nowhere" / "danelaw.prom", ThreadBlocking()).write(TEXT))
    assert told.value.code == "METRICS_UNWRITABLE"


# -- over HTTP --------------------------------------------------------------------------------------------------------


def asked(work: Callable[[int], T], text: str | None = TEXT, ailing: str = "") -> T:
    """What ``work`` finds, in a thread, at the port."""

    async def serve() -> T:
        async with listening("127.0.0.1", 0, Pages(lambda: text, lambda: ailing)) as port:
            return await asyncio.to_thread(work, port)

    return asyncio.run(serve())


def got(port: int, path: str, method: str = "GET") -> tuple[int, str | None, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path)
        reply = connection.getresponse()
        return reply.status, reply.getheader("Content-Type"), reply.read().decode()
    finally:
        connection.close()


def test_a_client_gets_the_page() -> None:
    kind = "text/plain; version=0.0.4; charset=utf-8"
    assert asked(lambda port: got(port, "/metrics")) == (200, kind, TEXT)
    assert asked(lambda port: got(port, "/metrics", "HEAD")) == (200, kind, "")


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/metrics?collect=all", "GET", 200),
        ("/healthz", "GET", 200),
        ("/", "GET", 404),
        ("/metrics/../metrics", "GET", 404),
        ("/metrics", "POST", 405),
        ("/metrics", "DELETE", 405),
    ],
)
def test_there_is_nothing_else(path: str, method: str, status: int) -> None:
    reply = asked(lambda port: got(port, path, method))
    assert reply[0] == status


def test_a_runner_that_is_not_well_says_so() -> None:
    assert asked(lambda port: got(port, "/healthz")[::2], ailing="no pass has ended") == (503, "no pass has ended\n")
    assert asked(lambda port: got(port, "/metrics")[0], text=None) == 503


def said(port: int, octets: bytes) -> bytes:
    """What is answered, until the other side closes or resets: a reset may come at any of these calls."""
    found = b""
    with socket.create_connection(("127.0.0.1", port), 30) as talk:
        try:
            talk.sendall(octets)
            talk.shutdown(socket.SHUT_WR)
            while more := talk.recv(1 << 16):
                found += more
        except ConnectionError:
            return found
        except OSError as error:
            if error.errno != errno.ENOTCONN:  # what shutdown says after a reset
                raise
    return found


@pytest.mark.parametrize(
    ("octets", "begins"),
    [
        (b"", b""),
        (b"GET /met", b"HTTP/1.1 400 "),
        (b"\x16\x03\x01\x02\x00\x01", b"HTTP/1.1 400 "),
        (b"GET /metrics HTTP/1.1\r\n\r\n", b"HTTP/1.1 400 "),
        (b"GET /" + b"a" * (2 * LONGEST_REQUEST), b"HTTP/1.1 431 "),
        (b"GET /healthz HTTP/1.0\r\n\r\n", b"HTTP/1.1 200 "),
    ],
    ids=["nothing", "half", "TLS", "no host", "too long", "old"],
)
def test_what_is_no_request_gets_no_page(octets: bytes, begins: bytes) -> None:
    reply = asked(lambda port: said(port, octets))
    assert reply.startswith(begins)
    assert bool(reply) is bool(begins)


def test_who_says_nothing_keeps_nobody_out_for_long() -> None:
    """So many may be connected at once; one more is not heard, and when one of them goes there is room again."""

    def crowd(port: int) -> tuple[bytes, bytes]:
        silent = [socket.create_connection(("127.0.0.1", port), 30) for _ in range(MOST)]
        turned_away = said(port, b"GET /healthz HTTP/1.0\r\n\r\n")
        for one in silent:
            one.close()
        heard = b""
        while not heard:
            heard = said(port, b"GET /healthz HTTP/1.0\r\n\r\n")
        return turned_away, heard

    turned_away, heard = asked(crowd)
    assert turned_away == b""
    assert heard.startswith(b"HTTP/1.1 200 ")


def test_it_ends_without_a_word_while_somebody_is_connected(caplog: pytest.LogCaptureFixture) -> None:
    def connected(port: int) -> socket.socket:
        silent = socket.create_connection(("127.0.0.1", port), 30)
        assert said(port, b"GET /healthz HTTP/1.0\r\n\r\n")  # so the first was accepted
        return silent

    with asked(connected) as silent:
        assert silent.recv(1) == b""
    assert caplog.text == ""


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        async def serve() -> None:
            async with listening("127.0.0.1", port, Pages(lambda: "", lambda: "")):
                pass

        with pytest.raises(DanelawError) as told:
            asyncio.run(serve())
    assert told.value.code == "METRICS_NOT_SERVED"
