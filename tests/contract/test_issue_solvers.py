"""http-01 where the response is served: by a listener of our own, and looked for before the CA is told to look."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

import dns.name
import dns.rdatatype
import pytest
from acme_world import WEB, WWW, World, csr_for, drive, in_world
from dns.name import Name

from danelaw.adapters.issue.seen import SeenSolver
from danelaw.adapters.issue.standalone import StandaloneSolver
from danelaw.adapters.issue.webroot import WebrootSolver
from danelaw.core.model import (
    IP,
    Challenge,
    ChallengeType,
    DanelawError,
    Issued,
    OrderState,
    RRset,
    Security,
    Validated,
)
from danelaw.core.rollover.actions import Receipt

CHALLENGE = Challenge("https://ca.test/c/1", ChallengeType.HTTP_01, WWW, "token", "token.thumbprint")
OTHER = Challenge("https://ca.test/c/2", ChallengeType.HTTP_01, WWW, "other", "other.thumbprint")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@dataclass
class Places:
    """``ports.Dialer``: every known address is a port of loopback."""

    ports: Mapping[str, int]

    def locate(self, ip: IP, port: int) -> tuple[str, int]:
        if port != 80 or str(ip) not in self.ports:
            raise DanelawError("NOT_IN_THIS_WORLD", f"{ip}:{port}")
        return "127.0.0.1", self.ports[str(ip)]


@dataclass
class Names:
    """``ports.Resolver``: one name with these addresses."""

    addresses: tuple[str, ...]
    state: Security = Security.INSECURE

    async def resolve(self, name: Name, type: int) -> Validated:
        packed = [ip_address(text).packed for text in self.addresses]
        size = {dns.rdatatype.A: 4, dns.rdatatype.AAAA: 16}[dns.rdatatype.RdataType(type)]
        rdatas = frozenset(rdata for rdata in packed if len(rdata) == size)
        return Validated(name, type, self.state, (RRset(name, type, 60, rdatas),) if rdatas else ())


@dataclass
class Noted:
    """``ports.Solver`` that only keeps what it is given."""

    placed: list[Challenge] = field(default_factory=list)

    async def place(self, challenge: Challenge) -> Receipt:
        self.placed.append(challenge)
        return Receipt(note="placed")

    async def clear(self, challenge: Challenge) -> Receipt:
        self.placed.remove(challenge)
        return Receipt(note="cleared")


async def asked(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    writer.write_eof()
    reply = await reader.read()
    writer.close()
    return reply


async def get(port: int, token: str, method: str = "GET") -> bytes:
    return await asked(port, f"{method} /.well-known/acme-challenge/{token} HTTP/1.1\r\nHost: x\r\n\r\n".encode())


# -- standalone -------------------------------------------------------------------------------------------------------


def test_the_listener_is_there_exactly_as_long_as_some_challenge_is_placed() -> None:
    async def test() -> None:
        port = free_port()
        solver = StandaloneSolver((ip_address("0.0.0.0"),), Places({"0.0.0.0": port}))  # noqa: S104 - a name in a table
        await solver.place(CHALLENGE)
        await solver.place(OTHER)
        assert (await get(port, "token")).endswith(b"\r\n\r\ntoken.thumbprint")
        assert (await get(port, "other")).startswith(b"HTTP/1.1 200 OK\r\n")
        absolute = b"GET http://www.example.net/.well-known/acme-challenge/token HTTP/1.1\r\n\r\n"
        assert (await asked(port, absolute)).endswith(b"\r\n\r\ntoken.thumbprint")
        await solver.clear(CHALLENGE)
        assert (await get(port, "token")).startswith(b"HTTP/1.1 404 ")
        await solver.clear(OTHER)
        await solver.clear(OTHER)
        with pytest.raises(ConnectionRefusedError):
            await get(port, "other")

    asyncio.run(test())


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 404 "),
        (b"GET /.well-known/acme-challenge/../token HTTP/1.1\r\n\r\n", b"HTTP/1.1 404 "),
        (b"POST /.well-known/acme-challenge/token HTTP/1.1\r\n\r\n", b"HTTP/1.1 404 "),
        (b"GET /.well-known/acme-challenge/\xff HTTP/1.1\r\n\r\n", b"HTTP/1.1 404 "),
        (b"\r\n\r\n", b"HTTP/1.1 404 "),
        (b"GET /.well-known/acme-challenge/token HTTP/1.1\r\n", b""),
        (b"GET /" + b"a" * 40000 + b"\r\n\r\n", b""),
    ],
)
def test_nothing_else_is_told_to_anybody(request_: bytes, reply: bytes) -> None:
    async def test() -> None:
        port = free_port()
        solver = StandaloneSolver((ip_address("192.0.2.1"),), Places({"192.0.2.1": port}))
        await solver.place(CHALLENGE)
        try:
            got = await asked(port, request_)
        except ConnectionResetError:
            got = b""
        assert got.startswith(reply)
        assert (got == b"") is (reply == b"")
        assert b"thumbprint" not in got
        head = await get(port, "token", "HEAD")
        assert head.endswith(b"\r\n\r\n")
        await solver.clear(CHALLENGE)

    asyncio.run(test())


def test_a_process_ends_without_a_word_while_somebody_is_connected(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> asyncio.StreamWriter:
        port = free_port()
        solver = StandaloneSolver((ip_address("192.0.2.1"),), Places({"192.0.2.1": port}))
        await solver.place(CHALLENGE)
        _, silent = await asyncio.open_connection("127.0.0.1", port)
        silent.write(b"GET /")
        await get(port, "token")  # so the first was accepted
        return silent

    asyncio.run(test())
    assert caplog.text == ""


def test_a_port_that_somebody_has_is_told_with_a_hint() -> None:
    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            solver = StandaloneSolver((ip_address("192.0.2.1"),), Places({"192.0.2.1": taken.getsockname()[1]}))
            with pytest.raises(DanelawError) as caught:
                await solver.place(CHALLENGE)
        assert caught.value.code == "PORT_TAKEN"
        assert "webroot" in caught.value.hint

    asyncio.run(test())


def test_a_ca_finds_what_the_listener_serves(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        here.hosts[WEB] = free_port()
        solver = StandaloneSolver((ip_address(WEB),), Places({WEB: here.hosts[WEB]}))
        checked = SeenSolver(solver, Names((WEB,)), Places({WEB: here.hosts[WEB]}))
        issuer = here.issuer()
        placed: list[Challenge] = []

        async def place(challenge: Challenge) -> None:
            await checked.place(challenge)
            placed.append(challenge)

        end, _ = await drive(here, lambda: issuer, OrderState((WWW,)), csr_for((WWW,)), place)
        assert isinstance(end, Issued), end
        for challenge in placed:
            await checked.clear(challenge)

    in_world(tmp_path, test)


# -- seen before the CA looks -----------------------------------------------------------------------------------------


def test_a_response_that_every_address_serves_is_placed(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        solver = SeenSolver(WebrootSolver(here.webroot), Names((WEB,)), Places({WEB: here.hosts[WEB]}))
        await solver.place(CHALLENGE)
        assert (here.webroot / ".well-known/acme-challenge/token").exists()
        await solver.clear(CHALLENGE)
        assert not (here.webroot / ".well-known/acme-challenge/token").exists()

    in_world(tmp_path, test)


def test_an_address_that_answers_something_else_is_told(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        places = Places({WEB: here.hosts[WEB], "2001:db8::80": here.hosts[WEB]})
        with pytest.raises(DanelawError) as caught:
            await SeenSolver(Noted(), Names((WEB, "2001:db8::80")), places).place(CHALLENGE)
        assert caught.value.code == "CHALLENGE_NOT_SERVED"
        assert caught.value.evidence == f"{WEB}: status 404; 2001:db8::80: status 404"
        folder = here.webroot / ".well-known/acme-challenge"
        folder.mkdir(parents=True)
        (folder / "token").write_text("of an older order")
        with pytest.raises(DanelawError, match="would not find") as caught:
            await SeenSolver(Noted(), Names((WEB,)), places).place(CHALLENGE)
        assert "of an older order" in caught.value.evidence

    in_world(tmp_path, test)


@pytest.mark.parametrize(
    ("names", "reply"),
    [
        (Names(("192.0.2.99",)), b""),  # nobody is there
        (Names(()), b""),
        (Names((WEB,), Security.BOGUS), b"HTTP/1.1 404 Not Found\r\n\r\n"),
        (Names((WEB,)), b"HTTP/1.1 301 Moved\r\nLocation: https://www.example.net/\r\n\r\n"),
        (Names((WEB,)), b"SSH-2.0-OpenSSH_9.2\r\n"),
        (Names((WEB,)), b""),
    ],
)
def test_what_cannot_be_told_from_here_holds_nothing_up(names: Names, reply: bytes) -> None:
    async def test() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(reply)
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            noted = Noted()
            receipt = await SeenSolver(noted, names, Places({WEB: port})).place(CHALLENGE)
        assert (receipt.note, noted.placed) == ("placed", [CHALLENGE])

    asyncio.run(test())


def test_dns_01_is_no_matter_of_web_servers() -> None:
    async def test() -> None:
        dns_01 = Challenge("https://ca.test/c/3", ChallengeType.DNS_01, WWW, "token", "digest")
        await SeenSolver(Noted(), Names((WEB,)), Places({})).place(dns_01)
        with pytest.raises(DanelawError) as caught:
            await StandaloneSolver((), Places({})).place(dns_01)
        assert caught.value.code == "CHALLENGE_UNSUITABLE"

    asyncio.run(test())


def test_an_unknown_name_is_no_error() -> None:
    async def test() -> None:
        stranger = Challenge("https://ca.test/c/4", ChallengeType.HTTP_01, dns.name.from_text("x."), "t", "t.x")
        await SeenSolver(Noted(), Names(()), Places({})).place(stranger)

    asyncio.run(test())
