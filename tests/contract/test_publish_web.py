"""Interfaces over HTTPS that say no, say nothing, or say what cannot be read; and what is never told of the secret."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from danelaw.adapters.publish.desec import Domain
from danelaw.adapters.publish.secret import Secret, read_secret
from danelaw.adapters.publish.web import LONGEST_REPLY, Site, WebApi
from danelaw.core.model import DanelawError
from danelaw.core.secrecy import HIDDEN
from tlsa_chains import issue

KEY: Final = "v3ry-s3cret-k3y"


@dataclass
class StoppedClock:
    """``ports.Clock``; time passes when the test says so."""

    seconds: float = 1000.0

    def now(self) -> datetime:
        return datetime(2026, 11, 23, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep_until(self, when: datetime) -> None:
        raise NotImplementedError


@dataclass
class Server:
    """Answers every request with the same octets, and then closes, or holds still."""

    reply: bytes
    silent: bool = False
    requests: list[bytes] = field(default_factory=list)
    port: int = 0

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.requests.append(head)
            writer.write(self.reply)
            await writer.drain()
            if self.silent:
                await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    @asynccontextmanager
    async def listening(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[None]:
        listener = await asyncio.start_server(self._talk, "127.0.0.1", 0, ssl=tls)
        self.port = listener.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            listener.close()


def api(url: str, clock: StoppedClock | None = None, patience: float = 10, ca: Path | None = None) -> WebApi:
    site = Site(url, "X-API-Key", Secret(KEY, "a test"), ca=ca)
    return WebApi(site, clock or StoppedClock(), timedelta(seconds=patience))


async def _got(server: Server, patience: float = 10) -> Any:
    async with server.listening():
        return await api(f"http://127.0.0.1:{server.port}", patience=patience).get("/x", dict[str, int])


def got(server: Server, patience: float = 10) -> Any:
    return asyncio.run(_got(server, patience))


def http(status: int, body: str = "", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body.encode())}", *headers, "", body]
    return "\r\n".join(lines).encode()


def test_what_is_asked_is_one_request_with_the_secret_in_its_header() -> None:
    server = Server(http(200, '{"a": 1}'))
    assert got(server) == {"a": 1}
    (request,) = server.requests
    assert request.startswith(b"GET /x HTTP/1.1\r\n")
    assert f"X-API-Key: {KEY}\r\n".encode() in request


def test_what_lies_deeper_than_can_be_read_is_not_read() -> None:
    async def ask() -> None:
        server = Server(http(200, '{"name": "example.net", "keys": ' + "[" * 200_000))
        async with server.listening():
            await api(f"http://127.0.0.1:{server.port}").get("/x", Domain)

    with pytest.raises(DanelawError) as raised:
        asyncio.run(ask())
    assert raised.value.code == "API_REPLY_UNREADABLE"


def test_what_comes_before_the_reply_is_none() -> None:
    before = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"
    assert got(Server(before + http(200, '{"a": 1}'))) == {"a": 1}


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (http(301, "", "Location: http://127.0.0.2/"), "API_REDIRECTS"),
        (http(400, '{"ttl": ["too small"]}'), "API_REFUSED"),
        (http(401, "Unauthorized"), "API_DENIED"),
        (http(403, "Forbidden"), "API_DENIED"),
        (http(404, "Not Found"), "API_NOT_FOUND"),
        (http(409, "Conflict"), "API_REFUSED"),
        (http(422, '{"error": "no"}'), "API_REFUSED"),
        (http(429, "", "Retry-After: 7"), "API_BUSY"),
        (http(429), "API_BUSY"),
        (http(503, "", "Retry-After: 7"), "API_BUSY"),
        (http(500, "sorry"), "API_FAILED"),
        (http(503), "API_FAILED"),
        (http(200, '{"a": 1'), "API_REPLY_UNREADABLE"),
        (http(200, '{"a": "one"}'), "API_REPLY_UNREADABLE"),
        (http(200, "<html>"), "API_REPLY_UNREADABLE"),
        (http(200, ""), "API_REPLY_UNREADABLE"),
        (http(103, "", "Link: </style.css>"), "REPLY_LOST"),
        (b"220 mail.example.net ESMTP\r\n\r\n", "API_REPLY_UNREADABLE"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}", "REPLY_LOST"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", "REPLY_LOST"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "REPLY_LOST"),
        (b"", "REPLY_LOST"),
    ],
)
def test_each_way_to_fail_has_its_code(reply: bytes, code: str) -> None:
    with pytest.raises(DanelawError) as caught:
        got(Server(reply))
    assert caught.value.code == code
    assert caught.value.hint


def test_a_reply_without_an_end_is_given_up() -> None:
    endless = b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (LONGEST_REPLY + 1)
    with pytest.raises(DanelawError, match="API_REPLY_UNREADABLE"):
        got(Server(endless))


def test_a_reply_that_does_not_come_leaves_it_unknown_what_was_done() -> None:
    with pytest.raises(TimeoutError):
        got(Server(b"", silent=True), patience=0.2)


def test_where_nobody_listens_it_says_so() -> None:
    async def ask() -> None:
        server = Server(b"")
        async with server.listening():
            pass
        await api(f"http://127.0.0.1:{server.port}").get("/x", dict[str, int])

    with pytest.raises(DanelawError, match="API_UNREACHABLE"):
        asyncio.run(ask())


def test_who_is_told_to_come_later_does_not_ask_before() -> None:
    async def ask() -> int:
        server, clock = Server(http(429, "", "Retry-After: 60")), StoppedClock()
        async with server.listening():
            asked = api(f"http://127.0.0.1:{server.port}", clock)
            for later in (0, 30, 29, 2):
                clock.seconds += later
                with pytest.raises(DanelawError, match="API_BUSY"):
                    await asked.get("/x", dict[str, int])
        return len(server.requests)

    assert asyncio.run(ask()) == 2


@pytest.mark.parametrize("body", [KEY, f'{{"error": "no key {KEY} here"}}', f"\x1b[31m{KEY}\r\n\x00"])
def test_no_error_quotes_the_secret_or_what_a_terminal_would_obey(body: str) -> None:
    for status in (200, 401, 500):
        with pytest.raises(DanelawError) as caught:
            got(Server(http(status, body)))
        said = f"{caught.value} {caught.value.hint} {caught.value!r}"
        assert KEY not in said
        assert HIDDEN in said
        assert "\x1b" not in said


def test_the_secret_has_no_representation() -> None:
    assert KEY not in repr(Site("https://x", "X-API-Key", Secret(KEY, "a test")))


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.net",
        "http://192.0.2.1:8081",
        "ftp://127.0.0.1",
        "https://",
        "https://user:word@api.example.net",
        "https://api.example.net/?key=1",
        "https://api.example.net/#x",
        "https://[::1",
        "api.example.net",
        "https://api.example.net:0",
    ],
)
def test_secrets_go_to_https_or_to_this_machine_only(url: str) -> None:
    with pytest.raises(DanelawError, match="API_URL_UNUSABLE") as caught:
        api(url)
    assert "word" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8081", "http://[::1]:8081/", "http://localhost", "https://a.example/b/"]
)
def test_these_are_addresses_of_an_interface(url: str) -> None:
    api(url)


ALWAYS: Final[dict[str, Any]] = {"start": datetime(2020, 1, 1, tzinfo=UTC), "end": datetime(2120, 1, 1, tzinfo=UTC)}


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    """A server's side, with a certificate for localhost by a CA that nobody knows; that is in ca.pem."""
    root = issue("a CA", ca=True, **ALWAYS)
    leaf = issue("a server", root, names=("localhost",), **ALWAYS)
    (tmp_path / "ca.pem").write_text(ssl.DER_cert_to_PEM_cert(root.der))
    key = leaf.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "server.pem").write_bytes(key + ssl.DER_cert_to_PEM_cert(leaf.der).encode())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    return context


async def _by_tls(tls: ssl.SSLContext, host: str, ca: Path | None) -> tuple[Any, list[bytes]]:
    server = Server(http(200, '{"a": 1}'))
    async with server.listening(tls):
        try:
            return await api(f"https://{host}:{server.port}", ca=ca).get("/x", dict[str, int]), server.requests
        except DanelawError as error:
            return error.code, server.requests


def test_a_certificate_of_a_ca_of_ones_own_is_believed_where_it_is_named(tls: ssl.SSLContext, tmp_path: Path) -> None:
    assert asyncio.run(_by_tls(tls, "localhost", tmp_path / "ca.pem"))[0] == {"a": 1}


@pytest.mark.parametrize(("host", "ca"), [("localhost", False), ("127.0.0.1", True)], ids=["CA", "name"])
def test_nothing_is_sent_to_who_cannot_be_believed(tls: ssl.SSLContext, tmp_path: Path, host: str, ca: bool) -> None:
    outcome = asyncio.run(_by_tls(tls, host, tmp_path / "ca.pem" if ca else None))
    assert outcome == ("API_UNTRUSTED", [])


def test_a_ca_that_cannot_be_read_is_named(tls: ssl.SSLContext, tmp_path: Path) -> None:
    assert asyncio.run(_by_tls(tls, "localhost", tmp_path / "none.pem")) == ("API_CA_UNREADABLE", [])


# -- secrets ----------------------------------------------------------------------------------------------------------


def test_a_secret_is_what_stands_alone_in_a_file_or_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    file.chmod(0o640)
    monkeypatch.setenv("TEST_KEY", f" {KEY} ")
    assert read_secret(file).value == read_secret("TEST_KEY").value == KEY


@pytest.mark.parametrize("content", [b"", b"  \n", b"two words", b"two\nlines", b"\xff\xfe", b"x" * 5000])
def test_what_is_no_secret_is_not_quoted(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(DanelawError, match="SECRET_UNUSABLE") as caught:
        read_secret(file)
    assert "two" not in str(caught.value)


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o620])
def test_a_file_that_others_may_read_or_write_is_not_used(mode: int, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY)
    file.chmod(mode)
    with pytest.raises(DanelawError, match="SECRET_UNUSABLE") as caught:
        read_secret(file)
    assert "chmod" in caught.value.hint


def test_a_missing_file_or_variable_is_named(tmp_path: Path) -> None:
    for source, said in ((tmp_path / "none", "none"), ("TEST_NO_KEY", "$TEST_NO_KEY")):
        with pytest.raises(DanelawError, match="SECRET_UNUSABLE") as caught:
            read_secret(source)
        assert said in str(caught.value)
