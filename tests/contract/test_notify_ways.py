"""The ways of notifications against what takes them: Postfix's smtp-sink, an SMTP server with TLS, HTTP, programs."""

from __future__ import annotations

import asyncio
import email
import hashlib
import hmac
import http.server
import json
import os
import socket
import socketserver
import ssl
import stat
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from ended_processes import hearing

from danelaw.adapters.clock import SubprocessPrograms, SystemClock, ThreadBlocking
from danelaw.adapters.notify.book import NoticeFile
from danelaw.adapters.notify.command import CommandWay
from danelaw.adapters.notify.email import Login, MailServer, SendmailWay, SMTPWay
from danelaw.adapters.notify.letter import Envelope, message
from danelaw.adapters.notify.webhook import SIGNATURE, WebhookWay
from danelaw.adapters.publish.secret import Secret
from danelaw.adapters.publish.web import Hook
from danelaw.core.model import DanelawError, SubjectName
from danelaw.core.notify.concern import Concern, Severity
from danelaw.core.notify.record import Known, Moment, Notice, Record, Told
from tlsa_chains import issue

Require = Callable[..., str]

NOW: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
WHO: Final = Envelope("danelaw@mx1.example.net", ("a@example.net", "b@example.net"), "mx1.example.net")
ILL: Final = Concern(
    SubjectName("mail.example.net:25/tcp"),
    "CERTIFICATE_EXPIRED",
    Severity.CRITICAL,
    ("the certificate of mail.example.net:25/tcp (ECDSA) ended 2026-11-23 11:00 UTC, zu spät\n\x1b[2Jbemerkt",),
    ("danelaw history mail.example.net:25/tcp",),
    deadline=NOW - timedelta(hours=1),
)
OVER: Final = replace(ILL, subject=SubjectName("example.net."), code="ORDER_FAILED", severity=Severity.WARNING)
NOTICES: Final = (
    Notice(Moment.BEGINS, ILL, NOW, NOW),
    Notice(Moment.ENDS, OVER, NOW - timedelta(days=1), NOW),
)
SECRET: Final = b"a-secret-of-both"


def refused(work: Callable[[], object]) -> DanelawError:
    with pytest.raises(DanelawError) as told:
        work()
    return told.value


# -- e-mail -----------------------------------------------------------------------------------------------------------


@contextmanager
def sink(program: str, folder: Path, *options: str) -> Iterator[MailServer]:
    """Postfix's own server that takes everything, and writes it into files."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    as_root = ["-u", "root"] if os.geteuid() == 0 else []
    argv = [program, *as_root, *options, "-d", f"{folder}/mail.", f"127.0.0.1:{port}", "10"]
    process = subprocess.Popen(argv)  # noqa: S603 - a program of the test packages
    try:
        while not _listens(port):
            with suppress(subprocess.TimeoutExpired):
                pytest.fail(f"smtp-sink ended with {process.wait(0.02)}")
        yield MailServer("127.0.0.1", port)
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def mail(server: MailServer, blocking: ThreadBlocking | None = None) -> None:
    asyncio.run(SMTPWay(server, WHO, blocking or ThreadBlocking()).tell(NOTICES, NOW))


def test_postfix_takes_a_letter(tmp_path: Path, require_program: Require) -> None:
    program = require_program("smtp-sink", package="postfix")
    with sink(program, tmp_path) as server:
        mail(server)
    (kept,) = [path for path in tmp_path.iterdir() if path.read_bytes().count(b"\n") > 20]
    letter = email.message_from_bytes(kept.read_bytes())
    assert letter.get_all("X-Rcpt-Args") == ["<a@example.net>", "<b@example.net>"]
    assert letter["X-Mail-Args"].startswith("<danelaw@mx1.example.net>")
    assert letter["Auto-Submitted"] == "auto-generated"
    assert "".join(letter["Subject"].split("\n")) == (
        "[danelaw] mx1.example.net: 1 critical, 1 over: mail.example.net:25/tcp, example.net."
    )


def test_a_letter_is_plain_narrow_and_always_the_same() -> None:
    built = message(NOTICES, WHO, NOW)
    text = built.get_content()
    assert all(len(line) <= 72 and line.isprintable() for line in text.splitlines())
    assert "spät\\n\\x1b[2Jbemerkt" in " ".join(text.split())
    assert [line for line in text.splitlines() if line.startswith(("CRITICAL", "OVER"))] == [
        "CRITICAL: mail.example.net:25/tcp [CERTIFICATE_EXPIRED]",
        "OVER: example.net. [ORDER_FAILED]",
    ]
    assert "It lasted from 2026-11-22 12:00 UTC to 2026-11-23 12:00 UTC." in text
    assert text.count("What to do:") == 1, "of what is over, nothing is to be done"
    assert message(NOTICES, WHO, NOW)["Message-ID"] == built["Message-ID"]
    assert message(NOTICES[:1], WHO, NOW)["Message-ID"] != built["Message-ID"]


@pytest.mark.parametrize("when", ["RCPT", "DATA", "."])
def test_a_server_that_refuses_has_not_taken_it(tmp_path: Path, require_program: Require, when: str) -> None:
    program = require_program("smtp-sink", package="postfix")
    with sink(program, tmp_path, "-f", when) as server:
        error = refused(lambda: mail(server))
    assert error.code == "MAIL_NOT_TAKEN"
    assert "500" in error.evidence
    assert error.hint


def test_a_server_that_forgets_its_manners_at_the_end_has_taken_it(tmp_path: Path, require_program: Require) -> None:
    """Else the same letter would be sent after every pass."""
    program = require_program("smtp-sink", package="postfix")
    with sink(program, tmp_path, "-q", "QUIT") as server:
        mail(server)
    with sink(program, tmp_path, "-f", "QUIT") as server:
        mail(server)


@pytest.mark.parametrize(
    "server", [MailServer("127.0.0.1", 1), MailServer("name.invalid", 25)], ids=["nobody listens", "no such host"]
)
def test_a_server_that_is_not_there(server: MailServer) -> None:
    assert refused(lambda: mail(server)).code == "MAIL_NOT_TAKEN"


CA: Final = issue("a CA", ca=True)
SERVER: Final = issue(
    "localhost", CA, names=("localhost",), start=NOW - timedelta(days=9000), end=datetime(2099, 1, 1, tzinfo=UTC)
)


@dataclass
class Submission:
    """A server that has STARTTLS or TLS from the start, and wants a login; what Postfix's sink does not have."""

    certificate: Path
    offers: bool = True
    port: int = 0
    heard: list[str] = field(default_factory=list)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        secure = writer.get_extra_info("ssl_object") is not None
        writer.write(b"220 localhost ESMTP\r\n")
        try:
            while line := (await reader.readline()).decode().strip():
                verb = line.split()[0].upper()
                self.heard.append(f"{'tls' if secure else 'clear'} {verb}{line[len(verb) :]}")
                if verb == "EHLO":
                    more = b"250 AUTH PLAIN" if secure else b"250 STARTTLS" if self.offers else b"250 HELP"
                    writer.write(b"250-localhost\r\n" + more + b"\r\n")
                elif verb == "STARTTLS":
                    writer.write(b"220 go on\r\n")
                    await writer.start_tls(self._context())
                    secure = True
                elif verb == "AUTH":
                    writer.write(b"235 welcome\r\n")
                elif verb == "DATA":
                    writer.write(b"354 go on\r\n")
                    await reader.readuntil(b"\r\n.\r\n")
                    writer.write(b"250 taken\r\n")
                else:
                    writer.write(b"221 bye\r\n" if verb == "QUIT" else b"250 well\r\n")
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        return context

    @asynccontextmanager
    async def listening(self, *, implicit: bool) -> AsyncIterator[None]:
        tls = self._context() if implicit else None
        listener = await asyncio.start_server(self._talk, "127.0.0.1", 0, ssl=tls)
        self.port = listener.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            listener.close()


@pytest.fixture
def submission(tmp_path: Path) -> Submission:
    key = SERVER.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "server.pem").write_bytes(key + SERVER.certificate.public_bytes(Encoding.PEM))
    (tmp_path / "ca.pem").write_bytes(CA.certificate.public_bytes(Encoding.PEM))
    return Submission(tmp_path / "server.pem")


def submitted(server: Submission, host: str, **more: object) -> None:
    async def submit() -> None:
        implicit = bool(more.get("implicit"))
        async with server.listening(implicit=implicit):
            place = replace(MailServer(host, server.port), **more)  # type: ignore[arg-type] # its own fields
            await SMTPWay(place, WHO, ThreadBlocking()).tell(NOTICES, NOW)

    asyncio.run(submit())


@pytest.mark.parametrize("implicit", [False, True])
def test_a_login_goes_over_tls_to_who_shows_the_name(submission: Submission, implicit: bool) -> None:
    ca = submission.certificate.with_name("ca.pem")
    submitted(submission, "localhost", implicit=implicit, ca=ca, login=Login("me", "hidden"))
    assert any(line.startswith("tls AUTH PLAIN ") for line in submission.heard)
    assert not any(line.startswith("clear") and "AUTH" in line for line in submission.heard)
    assert "hidden" not in repr(Login("me", "hidden"))


@pytest.mark.parametrize("implicit", [False, True])
def test_a_login_is_not_given_to_who_shows_another_name(submission: Submission, implicit: bool) -> None:
    ca = submission.certificate.with_name("ca.pem")
    login = Login("me", "hidden")
    error = refused(lambda: submitted(submission, "127.0.0.1", implicit=implicit, ca=ca, login=login))
    assert error.code == "MAIL_NOT_TAKEN"
    assert "certificate cannot be believed" in error.evidence
    assert not any("AUTH" in line or "MAIL" in line for line in submission.heard)


def test_a_login_is_not_given_in_the_clear_even_at_home(submission: Submission) -> None:
    submission.offers = False
    error = refused(lambda: submitted(submission, "localhost", login=Login("me", "hidden")))
    assert error.code == "MAIL_NOT_TAKEN"
    assert not any("AUTH" in line or "MAIL" in line for line in submission.heard)


def test_at_home_any_certificate_will_do(submission: Submission) -> None:
    submitted(submission, "127.0.0.1")
    assert "tls MAIL FROM:<danelaw@mx1.example.net>" in {line.split(" size")[0] for line in submission.heard}


# -- programs ---------------------------------------------------------------------------------------------------------


def talker(says: bytes, pause: float) -> AbstractContextManager[MailServer]:
    """A server that says this again and again, until nobody listens."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                while not over.wait(pause):
                    self.request.sendall(says)

    over = threading.Event()

    @contextmanager
    def serving() -> Iterator[MailServer]:
        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            try:
                yield MailServer("127.0.0.1", server.server_address[1])
            finally:
                over.set()
                server.shutdown()

    return serving()


def left_behind() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "danelaw-blocking"]


@pytest.mark.parametrize(
    ("says", "pause"),
    [(b"220-hello\r\n" * 1000, 0.0), (b"2" * 9999, 0.0), (b"2", 0.05), (b"220-hello\r\n", 0.05)],
    ids=["lines without end", "a line without end", "a line by drops", "lines by drops"],
)
def test_a_server_that_never_comes_to_an_end_is_left(
    monkeypatch: pytest.MonkeyPatch, says: bytes, pause: float
) -> None:
    """Nobody is left behind who goes on listening to it."""
    monkeypatch.setattr("danelaw.adapters.notify.email.PATIENCE", timedelta(seconds=1))
    before = len(left_behind())
    with talker(says, pause) as server:
        assert refused(lambda: mail(server)).code == "MAIL_NOT_TAKEN"
        for thread in left_behind()[before:]:
            thread.join(5)
        assert len(left_behind()) == before


def script(folder: Path, text: str) -> tuple[str, ...]:
    path = folder / "told"
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o700)
    return (str(path),)


def test_sendmail_gets_the_letter_with_unix_line_ends(tmp_path: Path) -> None:
    argv = script(tmp_path, f'cat > "{tmp_path}/letter"')
    asyncio.run(SendmailWay(argv, WHO, SubprocessPrograms()).tell(NOTICES, NOW))
    octets = (tmp_path / "letter").read_bytes()
    assert b"\r" not in octets
    letter = email.message_from_bytes(octets)
    assert letter["To"] == "a@example.net, b@example.net"


def test_a_sendmail_that_delivers_in_the_background_goes_on(tmp_path: Path) -> None:
    (tmp_path / "pipes").mkdir()
    with hearing(tmp_path / "pipes") as (listens, alive):
        argv = script(tmp_path, f"cat >/dev/null; {listens} </dev/null >/dev/null 2>&1 &")
        asyncio.run(SendmailWay(argv, WHO, SubprocessPrograms()).tell(NOTICES, NOW))
        assert alive()


def test_a_sendmail_that_fails_has_not_taken_it(tmp_path: Path) -> None:
    argv = script(tmp_path, "echo no room >&2; exit 75")
    error = refused(lambda: asyncio.run(SendmailWay(argv, WHO, SubprocessPrograms()).tell(NOTICES, NOW)))
    assert (error.code, error.evidence) == ("MAIL_NOT_TAKEN", "no room")


def commanded(argv: Sequence[str], patience: float = 30) -> None:
    way = CommandWay(argv, SubprocessPrograms(), timedelta(seconds=patience), "mx1")
    asyncio.run(way.tell(NOTICES, NOW))


def test_a_command_gets_the_document_and_the_gist(tmp_path: Path) -> None:
    commanded(script(tmp_path, f'cat > "{tmp_path}/document"; env | grep ^DANELAW_ > "{tmp_path}/gist"'))
    document = json.loads((tmp_path / "document").read_text(encoding="utf-8"))
    assert document["schema"] == "danelaw/notice/1"
    assert [(one["moment"], one["code"], one["over"]) for one in document["notices"]] == [
        ("begins", "CERTIFICATE_EXPIRED", None),
        ("ends", "ORDER_FAILED", "2026-11-23T12:00:00Z"),
    ]
    gist = dict(line.split("=", 1) for line in (tmp_path / "gist").read_text(encoding="utf-8").splitlines())
    assert gist["DANELAW_SEVERITY"] == "critical"
    assert gist["DANELAW_SUBJECTS"] == "mail.example.net:25/tcp example.net."
    assert gist["DANELAW_CODES"] == "CERTIFICATE_EXPIRED ORDER_FAILED"
    assert gist["DANELAW_SAYS"] == document["says"]


@pytest.mark.parametrize(
    ("text", "patience", "code"),
    [("echo no >&2; exit 3", 30, "COMMAND_FAILED"), ("exec sleep 600", 0.2, "COMMAND_FAILED")],
    ids=["it fails", "it does not end"],
)
def test_a_command_that_fails_has_not_taken_it(tmp_path: Path, text: str, patience: float, code: str) -> None:
    assert refused(lambda: commanded(script(tmp_path, text), patience)).code == code


def test_a_command_that_is_not_there() -> None:
    assert refused(lambda: commanded(("/nonexistent/program",))).code == "COMMAND_NOT_FOUND"


# -- web hooks --------------------------------------------------------------------------------------------------------


@dataclass
class Receiver:
    """Checks what arrives as its operator would."""

    status: int = 204
    body: bytes = b""
    arrived: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    @contextmanager
    def serving(self) -> Iterator[str]:
        mine = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                octets = self.rfile.read(int(self.headers["Content-Length"]))
                mine.arrived.append((self.path, dict(self.headers.items()), octets))
                self.send_response(mine.status)
                self.send_header("Content-Length", str(len(mine.body)))
                self.end_headers()
                self.wfile.write(mine.body)

            def log_message(self, *args: object) -> None:  # one that tests do without
                del args

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_address[1]}"
            finally:
                server.shutdown()
                thread.join()


def hooked(url: str, secret: bytes | None = SECRET) -> None:
    async def hook() -> None:
        place = Hook(Secret(url, "url"), SystemClock(), timedelta(seconds=10))
        await WebhookWay(place, secret, "mx1").tell(NOTICES, NOW)

    asyncio.run(hook())


def test_a_hook_gets_a_document_that_shows_who_sent_it() -> None:
    receiver = Receiver()
    with receiver.serving() as url:
        hooked(f"{url}/in/x/?token=t0k&a=b")
    ((path, headers, body),) = receiver.arrived
    assert path == "/in/x/?token=t0k&a=b"
    assert headers["Content-Type"] == "application/json"
    seconds, code = (part.partition("=")[2] for part in headers[SIGNATURE].split(","))
    assert int(seconds) == NOW.timestamp()
    assert code == hmac.new(SECRET, seconds.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert json.loads(body)["severity"] == "critical"


def test_without_a_secret_nothing_is_signed() -> None:
    receiver = Receiver()
    with receiver.serving() as url:
        hooked(url, None)
    ((path, headers, _),) = receiver.arrived
    assert path == "/"
    assert SIGNATURE not in headers


@pytest.mark.parametrize("status", [302, 400, 401, 404, 429, 500])
def test_a_hook_that_refuses_has_not_taken_it_and_its_address_is_kept_secret(status: int) -> None:
    receiver = Receiver(status)
    with receiver.serving() as url:
        receiver.body = f"what of {url}/t0k3n ?".encode()
        error = refused(lambda: hooked(f"{url}/t0k3n"))
    assert error.code == "HOOK_NOT_TAKEN"
    assert "t0k3n" not in str(error)


@pytest.mark.parametrize("said", ["Cannot POST /hooks/{}/?key={}", "no hook {}", "key {} is wrong"])
def test_what_a_hook_quotes_of_its_address_is_kept_secret(said: str) -> None:
    """Some servers say the path that they do not know, and not the whole of the address."""
    receiver = Receiver(404)
    with receiver.serving() as url:
        receiver.body = said.format("t0k3n", "t0k3n").encode()
        error = refused(lambda: hooked(f"{url}/hooks/t0k3n/?key=t0k3n"))
    assert error.code == "HOOK_NOT_TAKEN"
    assert "t0k3n" not in str(error)


def test_a_hook_that_says_too_much_is_not_listened_to() -> None:
    receiver = Receiver(200, bytes(1 << 20))
    with receiver.serving() as url:
        assert refused(lambda: hooked(url)).code == "HOOK_NOT_TAKEN"


@pytest.mark.parametrize(
    "url", ["http://hooks.example.net/x", "ftp://127.0.0.1/", "https://u:p@hooks.example.net/", "x"]
)
def test_no_document_goes_where_others_could_read_it(url: str) -> None:
    assert refused(lambda: hooked(url)).code == "API_URL_UNUSABLE"


# -- the book ---------------------------------------------------------------------------------------------------------

RECORD: Final = Record(
    (Known(ILL, NOW, None, {"me": Told(NOW, Severity.CRITICAL)}), Known(OVER, NOW, NOW)),
    succeeded={"example.net.": NOW},
    counts={"danelaw_passes_total\tsubject\texample.net.": 3},
)


def test_what_was_told_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    book = NoticeFile(tmp_path / "store.notices", ThreadBlocking())
    assert asyncio.run(book.read()) == Record()
    asyncio.run(book.write(RECORD))
    assert asyncio.run(book.read()) == RECORD
    assert stat.S_IMODE((tmp_path / "store.notices").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["store.notices"]


@pytest.mark.parametrize("octets", [b"", b"{", b'{"form": "danelaw/notices/9", "record": {}}', b"\xff"])
def test_a_book_that_cannot_be_read(tmp_path: Path, octets: bytes) -> None:
    (tmp_path / "store.notices").write_bytes(octets)
    book = NoticeFile(tmp_path / "store.notices", ThreadBlocking())
    assert refused(lambda: asyncio.run(book.read())).code == "NOTICES_UNREADABLE"


def test_a_book_that_cannot_be_written(tmp_path: Path) -> None:
    book = NoticeFile(tmp_path / "nowhere" / "store.notices", ThreadBlocking())
    assert refused(lambda: asyncio.run(book.write(RECORD))).code == "NOTICES_UNWRITABLE"
