"""A CA whose replies do not end, or are far longer than any reply of RFC 8555: they are not read on."""

from __future__ import annotations

import asyncio
import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from acme_world import WWW, csr_for

from danelaw.adapters.clock import SystemClock, ThreadBlocking
from danelaw.adapters.issue.acme import AcmeIssuer
from danelaw.adapters.issue.transport import LONGEST_REPLY
from danelaw.core.model import ChallengeType, DanelawError, OrderState

PIECE = b" " * 65536
MOST_BUFFERED = 16 << 20
"""What may lie in the socket buffers between a writer and a reader that has stopped."""


class Server(ThreadingHTTPServer):
    """Replies to each request in one manner. ``hung_up``: the client went away before the reply's end."""

    manner = ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.sent = 0
        self.hung_up = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        match self.server.manner:
            case "endless, until it closes":
                self.send_header("Connection", "close")
                self._pour(PIECE)
            case "endless, in chunks":
                self.send_header("Transfer-Encoding", "chunked")
                self._pour(b"%x\r\n%s\r\n" % (len(PIECE), PIECE))
            case "deep":
                body = b'{"newNonce": ' + b"[" * (LONGEST_REPLY // 2)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            case "packed":
                body = gzip.compress(b"[" + PIECE * 160 + b"]")
                assert len(body) < LONGEST_REPLY
                self.send_header("Content-Encoding", "gzip")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

    def _pour(self, piece: bytes) -> None:
        self.end_headers()
        with suppress(OSError):
            while self.server.sent < 4 * MOST_BUFFERED:
                self.wfile.write(piece)
                self.server.sent += len(piece)
            return
        self.server.hung_up.set()

    def log_message(self, *args: object) -> None:
        """A test's server has nothing to say."""


@contextmanager
def replying(manner: str) -> Iterator[Server]:
    with Server() as server:
        server.manner = manner
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


def refusal(server: Server, folder: Path) -> DanelawError:
    """How an order at this CA fails."""
    issuer = AcmeIssuer(
        f"http://127.0.0.1:{server.server_address[1]}/directory",
        None,
        folder / "account",
        None,
        ChallengeType.HTTP_01,
        None,
        ThreadBlocking(),
        SystemClock(),
    )
    with pytest.raises(DanelawError) as caught:
        asyncio.run(issuer.advance(OrderState((WWW,)), csr_for((WWW,))))
    return caught.value


@pytest.mark.parametrize("manner", ["endless, until it closes", "endless, in chunks"])
def test_a_reply_that_does_not_end_is_read_up_to_a_bound(tmp_path: Path, manner: str) -> None:
    with replying(manner) as server:
        error = refusal(server, tmp_path)
        assert error.code == "CA_MALFORMED"
        assert f"gives more than {LONGEST_REPLY} octets" in str(error)
        assert server.hung_up.wait(30)
        assert server.sent < LONGEST_REPLY + MOST_BUFFERED


def test_a_packed_reply_is_not_unpacked(tmp_path: Path) -> None:
    with replying("packed") as server:
        error = refusal(server, tmp_path)
        assert error.code == "CA_MALFORMED"
        assert "Unexpected response Content-Type" in str(error) or "not JSON" in str(error)


def test_a_reply_that_is_deeper_than_can_be_read_is_told(tmp_path: Path) -> None:
    with replying("deep") as server:
        assert refusal(server, tmp_path).code == "CA_MALFORMED"
