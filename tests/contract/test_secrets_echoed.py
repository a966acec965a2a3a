"""Places that say back what they were sent, or what they know: none of it gets into an error, in any form."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import ssl
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NoReturn

import dns.name
import pytest
from acme_world import WWW, World, csr_for, in_world
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from deploy_hosts import issued
from dns.rdatatype import RdataType as T

from danelaw.adapters.clock import SubprocessPrograms, SystemClock, ThreadBlocking
from danelaw.adapters.deploy import CopyingDeployer, DirectoryCredentials, Way
from danelaw.adapters.issue.registration import Binding
from danelaw.adapters.notify.email import Login, MailServer, SMTPWay
from danelaw.adapters.notify.letter import Envelope
from danelaw.adapters.notify.webhook import WebhookWay
from danelaw.adapters.publish.desec import DesecZone
from danelaw.adapters.publish.octodns import OctoDNSZone
from danelaw.adapters.publish.powerdns import PowerDNSZone
from danelaw.adapters.publish.secret import Secret
from danelaw.adapters.publish.web import Hook, Site, WebApi
from danelaw.core.model import DanelawError, Failed, HostName, KeyAlgorithm, Lineage, OrderState, Pending, SubjectName
from danelaw.core.notify.record import Notice
from danelaw.core.rollover.actions import Switch
from danelaw.worlds.lab.ca.jws import b64decode
from danelaw.worlds.lab.ca.problem import Problem
from secret_forms import FORMS, told_in
from tlsa_chains import issue

TOKEN: Final = "i-T3b1h_OI-H9ab8tRS98stGtURe"  # noqa: S105  # one of deSEC's own pages
ZONE: Final = dns.name.from_text("example.net.")
OWNER: Final = dns.name.from_text("_443._tcp.www.example.net.")
NOW: Final = datetime(2026, 11, 24, tzinfo=UTC)
NOTICES: Final[tuple[Notice, ...]] = ()


def whole(error: BaseException) -> str:
    """All that somebody may come to see of it."""
    parts = [*traceback.format_exception(error), repr(error)]
    if isinstance(error, DanelawError):
        parts += [error.message, error.evidence, error.hint]
    return "\n".join(parts)


def test_what_is_looked_for_is_found() -> None:
    for name, form in FORMS.items():
        sent = f"GET / HTTP/1.1\r\nX-API-Key: {TOKEN}\r\n\r\n".encode()
        assert told_in(f"HTTP 400: {form(sent).decode()}", TOKEN), name
    assert told_in(str(int.from_bytes(TOKEN.encode())), TOKEN)
    assert not told_in("HTTP 400: no", TOKEN)


# -- interfaces over HTTP ---------------------------------------------------------------------------------------------


def reply(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d Said\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body


def served(status: int) -> Callable[[bytes], bytes]:
    return lambda said: reply(status, said)


def record(said: bytes) -> bytes:
    """As a record that cannot be read."""
    text = said.decode("latin-1")
    entry = {"content": text}
    rrset = {"name": OWNER.to_text(), "type": "TLSA", "ttl": 60, "records": [entry]}
    pdns = {"kind": "Native", "serial": 1, "soa_edit_api": "INCREASE", "rrsets": [rrset]}
    return reply(200, json.dumps(pdns).encode())


def records(said: bytes) -> bytes:
    rrset = {"subname": "_443._tcp.www", "type": "TLSA", "ttl": 60, "records": [said.decode("latin-1")]}
    return reply(200, json.dumps([rrset]).encode())


WAYS: Final[dict[str, Callable[[bytes], bytes]]] = {
    **{f"status {status}": served(status) for status in (200, 301, 400, 401, 404, 429, 500)},
    "no HTTP": bytes,
    "first line": lambda said: said.replace(b"\r\n", b" ") + b"\r\n\r\n",
    "header": lambda said: b"HTTP/1.1 200 OK\r\n" + said.replace(b"\r\n", b" ").replace(b":", b" ") + b"\r\n\r\n",
    "length": lambda said: b"HTTP/1.1 200 OK\r\nContent-Length: " + said.replace(b"\r\n", b" ") + b"\r\n\r\n",
    "PowerDNS's record": record,
    "deSEC's record": records,
}


@dataclass
class Echo:
    """Says back the head of each request, and what is in ``more``."""

    way: Callable[[bytes], bytes]
    form: Callable[[bytes], bytes]
    port: int = 0
    heard: bytes = b""

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.heard = await reader.readuntil(b"\r\n\r\n")
            writer.write(self.way(self.form(self.heard)))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        listener = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.port = listener.sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{self.port}"
        finally:
            listener.close()


async def powerdns(url: str) -> object:
    api = WebApi(Site(url, "X-API-Key", Secret(TOKEN, "a file")), SystemClock())
    return await PowerDNSZone(api, ZONE).read(OWNER, T.TLSA)


async def powerdns_writes(url: str) -> None:
    api = WebApi(Site(url, "X-API-Key", Secret(TOKEN, "a file")), SystemClock())
    await api.send("PATCH", "/zones", {"rrsets": []})


async def desec(url: str) -> object:
    api = WebApi(Site(f"{url}/api/v1", "Authorization", Secret(TOKEN, "a file"), "Token"), SystemClock())
    return await DesecZone(api, ZONE).read(OWNER, T.TLSA)


async def hook(url: str) -> None:
    place = Hook(Secret(f"{url}/hooks/{TOKEN}/in", "url"), SystemClock(), timedelta(seconds=60))
    await WebhookWay(place, None, "mx1").tell(NOTICES, NOW)


async def hook_with_query(url: str) -> None:
    place = Hook(Secret(f"{url}/in?key={TOKEN}&v=2", "url"), SystemClock(), timedelta(seconds=60))
    await WebhookWay(place, None, "mx1").tell(NOTICES, NOW)


@pytest.mark.parametrize("client", [powerdns, powerdns_writes, desec, hook, hook_with_query])
@pytest.mark.parametrize("way", WAYS)
def test_an_interface_that_echoes_is_not_quoted(client: Callable[[str], Awaitable[object]], way: str) -> None:
    async def ask(form: Callable[[bytes], bytes]) -> tuple[bytes, BaseException | None]:
        echo = Echo(WAYS[way], form)
        async with echo.listening() as url:
            try:
                await client(url)
            except DanelawError as error:
                return echo.heard, error
        return echo.heard, None

    leaks = {}
    for name, form in FORMS.items():
        heard, error = asyncio.run(ask(form))
        assert TOKEN.encode() in heard, "it was sent"
        if error is not None and (found := told_in(whole(error), TOKEN)):
            leaks[name] = found
    assert not leaks


@pytest.mark.parametrize("form", FORMS)
def test_a_hook_that_quotes_what_it_checks_signatures_by_is_not_quoted(form: str) -> None:
    async def tell() -> DanelawError:
        echo = Echo(served(400), lambda _: FORMS[form](b"not signed with " + TOKEN.encode()))
        async with echo.listening() as url:
            place = Hook(Secret(f"{url}/in", "url"), SystemClock(), timedelta(seconds=60))
            with pytest.raises(DanelawError) as caught:
                await WebhookWay(place, TOKEN.encode(), "mx1").tell(NOTICES, NOW)
        return caught.value

    error = asyncio.run(tell())
    assert "HTTP 400" in error.evidence
    assert not told_in(whole(error), TOKEN)


# -- a CA that knows its customers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["unauthorized", "malformed", "serverInternal"])
def test_a_ca_that_quotes_the_key_of_a_binding_is_not_quoted(
    form: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "eab.key"
    path.write_text(TOKEN)
    path.chmod(0o600)

    def refuse(*_: object) -> NoReturn:
        said = FORMS[form](b"HMAC key " + TOKEN.encode()).decode()
        raise Problem(kind, f"{said}; {b64decode(TOKEN).hex()}; {base64.b64encode(b64decode(TOKEN)).decode()}")

    async def test(here: World) -> None:
        issuer = here.issuer(binding=Binding("customer-17", path))
        end = await issuer.advance(OrderState((WWW,)), csr_for((WWW,)))
        assert isinstance(end, Pending if kind == "serverInternal" else Failed)
        assert "HMAC key" in repr(end) or form != "as it came"
        assert not told_in(repr(end), TOKEN)
        assert b64decode(TOKEN).hex()[:16] not in repr(end)

    monkeypatch.setattr("danelaw.worlds.lab.ca.service.require_binding", refuse)
    in_world(tmp_path, test, customers={"customer-17": b64decode(TOKEN)})


# -- a mail server ----------------------------------------------------------------------------------------------------


@dataclass
class EchoingMail:
    """Says back all that it is told from ``when`` on: at login, of the sender, of a recipient, at the end."""

    folder: Path
    when: str
    form: Callable[[bytes], bytes]
    mechanisms: str = "PLAIN"
    heard: list[bytes] = field(default_factory=list)
    port: int = 0

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 localhost ESMTP\r\n")
        try:
            while line := await reader.readline():
                verb = line.split()[0].upper().decode("latin-1") if line.split() else ""
                if verb == "EHLO":
                    writer.write(f"250-localhost\r\n250 AUTH {self.mechanisms}\r\n".encode())
                elif verb == "AUTH" and line.split()[1] == b"LOGIN":
                    self.heard.append(line)
                    writer.write(b"334 UGFzc3dvcmQ6\r\n")
                    self.heard.append(await reader.readline())
                    self._answer(writer, "AUTH", b"235 welcome\r\n")
                elif verb == "AUTH":
                    self.heard.append(line)
                    self._answer(writer, "AUTH", b"235 welcome\r\n")
                elif verb == "DATA":
                    writer.write(b"354 go on\r\n")
                    await reader.readuntil(b"\r\n.\r\n")
                    self._answer(writer, "DATA", b"250 taken\r\n")
                else:
                    self._answer(writer, verb, b"221 bye\r\n" if verb == "QUIT" else b"250 well\r\n")
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    def _answer(self, writer: asyncio.StreamWriter, verb: str, well: bytes) -> None:
        if verb != self.when:
            writer.write(well)
            return
        octets = b" ".join(line.strip() for line in self.heard)
        (last,) = self.heard[-1].split()[-1:]
        opened = base64.b64decode(last).replace(b"\0", b" ")
        for said in (octets, opened, b"not " + TOKEN.encode()):
            writer.write(b"535-" + self.form(said) + b"\r\n")
        writer.write(b"535 no\r\n")

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[MailServer]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "server.pem")
        listener = await asyncio.start_server(self._talk, "127.0.0.1", 0, ssl=context)
        self.port = listener.sockets[0].getsockname()[1]
        login = Login("me", TOKEN)
        try:
            yield MailServer("localhost", self.port, implicit=True, ca=self.folder / "ca.pem", login=login)
        finally:
            listener.close()


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mail")
    always: dict[str, Any] = {"start": datetime(2020, 1, 1, tzinfo=UTC), "end": datetime(2120, 1, 1, tzinfo=UTC)}
    root = issue("a CA", ca=True, **always)
    leaf = issue("localhost", root, names=("localhost",), **always)
    key = leaf.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "server.pem").write_bytes(key + leaf.certificate.public_bytes(Encoding.PEM))
    (folder / "ca.pem").write_bytes(root.certificate.public_bytes(Encoding.PEM))
    return folder


@pytest.mark.parametrize("mechanisms", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("when", ["AUTH", "MAIL", "RCPT", "DATA"])
def test_a_mail_server_that_echoes_the_login_is_not_quoted(pem: Path, when: str, mechanisms: str) -> None:
    async def send(form: Callable[[bytes], bytes]) -> tuple[list[bytes], DanelawError]:
        server = EchoingMail(pem, when, form, mechanisms)
        async with server.listening() as place:
            way = SMTPWay(place, Envelope("a@example.net", ("b@example.net",), "mx1"), ThreadBlocking())
            with pytest.raises(DanelawError) as caught:
                await way.tell(NOTICES, NOW)
        return server.heard, caught.value

    leaks = {}
    for name, form in FORMS.items():
        heard, error = asyncio.run(send(form))
        assert error.code == "MAIL_NOT_TAKEN"
        assert heard, "it was sent"
        if found := told_in(whole(error), TOKEN):
            leaks[name] = found
    assert not leaks


# -- a provider of octoDNS --------------------------------------------------------------------------------------------


class Provider:
    """Tells of its token whatever it can."""

    SUPPORTS: Final = frozenset({"TLSA"})

    def __init__(self, id: str, token: str, form: str, chained: bool) -> None:
        self.token, self.form, self.chained = token, form, chained

    def populate(self, zone: object, target: bool, lenient: bool) -> NoReturn:
        said = FORMS[self.form](f"GET /zones?token={self.token} HTTP/1.1".encode()).decode()
        logging.getLogger("a provider").warning("Retrying: %s", said)
        try:
            raise OSError(said)
        except OSError:
            logging.getLogger("a provider").exception("no")
        if not self.chained:
            raise RuntimeError(said)
        try:
            raise ConnectionError(said)
        except ConnectionError as error:
            raise RuntimeError("no") from error


@pytest.mark.parametrize("chained", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_a_provider_that_echoes_is_not_quoted(
    form: str, chained: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("octodns")
    options = {"form": form, "chained": chained}
    secrets = {"token": Secret(TOKEN, "a file")}
    monkeypatch.setattr(logging.getLogger("a provider"), "propagate", False)  # nor does pytest take it
    zone = OctoDNSZone(ZONE, f"{__name__}.Provider", options, secrets, ThreadBlocking())
    with pytest.raises(DanelawError) as caught:
        asyncio.run(zone.read(OWNER, T.TLSA))
    assert caught.value.code == "PROVIDER_FAILED"
    assert not told_in(whole(caught.value), TOKEN)
    logged = capsys.readouterr().err
    assert "Retrying: " in logged
    assert not told_in(logged, TOKEN)


# -- a host that is given copies --------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", [KeyAlgorithm.ECDSA, KeyAlgorithm.RSA])
@pytest.mark.parametrize(
    "command",
    [
        "cat; :",
        "tar -xOf - privkey.pem",
        "tar -xOf - privkey.pem >&2; exit 1",
        "tar -xOf - privkey.pem | head -c 900 | tail -c 500 >&2; exit 1",
        "tar -xOf - combined.pem | head -c 420 >&2; exit 1",
    ],
)
def test_a_host_that_says_back_what_it_was_given_is_not_quoted(
    command: str, algorithm: KeyAlgorithm, tmp_path: Path
) -> None:
    lineage = Lineage(SubjectName("www.example.net:443/tcp"), algorithm)
    store = DirectoryCredentials(tmp_path / "credentials", ThreadBlocking(), SystemClock())
    way = Way(("sh", "-c", command))
    deployer = CopyingDeployer(HostName("web2"), {lineage: tmp_path / "live"}, store, way, SubprocessPrograms())

    async def story() -> DanelawError:
        generation = await store.make_key(lineage)
        chain = issued(await store.csr(lineage, generation, [OWNER.parent().parent()]), NOW)
        await store.complete(lineage, generation, chain)
        with pytest.raises(DanelawError) as caught:
            await deployer.switch(Switch(lineage, HostName("web2"), generation, chain))
        return caught.value

    error = asyncio.run(story())
    assert error.code == "HOST_UNREACHABLE"
    (key,) = (tmp_path / "credentials").rglob("privkey.pem")
    private = private_octets(key.read_bytes())
    said = "".join(whole(error).split())
    texts = [base64.b64encode(bytes(before) + private).decode()[4:] for before in range(3)]
    assert not [text[at : at + 10] for text in texts for at in range(len(text) - 12) if text[at : at + 10] in said]


def private_octets(pem: bytes) -> bytes:
    """What is secret of it alone: a number, or a prime."""
    key = serialization.load_pem_private_key(pem, None)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.private_numbers().private_value.to_bytes(32)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key.private_numbers().p.to_bytes(key.key_size // 16)
