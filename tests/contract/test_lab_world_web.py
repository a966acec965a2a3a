"""The web server of the embedded world, seen by ordinary TLS and HTTP clients."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from unhurried import shortest

from danelaw.core.model import IP, DanelawError
from danelaw.worlds.lab.embedded import RELOAD_WEB, WEB4, WEB6, EmbeddedWorld

LIMIT = timedelta(seconds=5)


def in_world(directory: Path, story: Callable[[EmbeddedWorld], Awaitable[None]]) -> None:
    async def run() -> None:
        async with EmbeddedWorld(directory / "lab") as world:
            await story(world)

    asyncio.run(run())


def write_credential(folder: Path) -> bytes:
    """A self-signed credential under certbot's names; returns the certificate in DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("www.dotnxdomain.net")]), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "privkey.pem").write_bytes(secret)
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return certificate.public_bytes(serialization.Encoding.DER)


def put_live(world: EmbeddedWorld, folder: Path) -> None:
    """Point the live path at ``folder``, as a deployer does: a link replaced by rename."""
    link = world.live.with_suffix(".new")
    link.symlink_to(folder)
    link.replace(world.live)


async def presented(world: EmbeddedWorld, ip: IP, version: ssl.TLSVersion | None = None) -> bytes:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if version is not None:
        context.minimum_version = context.maximum_version = version
    reader, writer = await asyncio.open_connection(
        *world.dialer.locate(ip, 443), ssl=context, server_hostname="www.dotnxdomain.net"
    )
    writer.write(b"GET / HTTP/1.1\r\nHost: www.dotnxdomain.net\r\nConnection: close\r\n\r\n")
    page = await reader.read()
    assert page.startswith(b"HTTP/1.1 200 ")
    assert page.endswith(b"</p>\n")
    got = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    assert isinstance(got, bytes)
    writer.close()
    return got


async def fetch(world: EmbeddedWorld, ip: IP, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*world.dialer.locate(ip, 80))
    writer.write(request)
    got = await reader.read()
    writer.close()
    return got


async def reload_web(world: EmbeddedWorld) -> int:
    return (await world.commands.run(RELOAD_WEB, LIMIT)).status


@pytest.mark.parametrize("ip", [WEB4, WEB6], ids=str)
def test_port_80_serves_the_page_and_challenges_and_nothing_else(tmp_path: Path, ip: IP) -> None:
    async def story(world: EmbeddedWorld) -> None:
        challenges = world.webroot / ".well-known" / "acme-challenge"
        challenges.mkdir(parents=True)
        (challenges / "token").write_bytes(b"token.thumbprint")
        (world.webroot / "secret").write_bytes(b"secret")
        cases = [
            (b"GET / HTTP/1.0\r\n\r\n", b"200", b"easy!"),
            (b"GET /.well-known/acme-challenge/token HTTP/1.0\r\n\r\n", b"200", b"\r\n\r\ntoken.thumbprint"),
            (b"GET /.well-known/acme-challenge/other HTTP/1.0\r\n\r\n", b"404", b"not here"),
            (b"GET /.well-known/acme-challenge HTTP/1.0\r\n\r\n", b"404", b"not here"),
            (b"GET /.well-known/../secret HTTP/1.0\r\n\r\n", b"404", b"not here"),
            (b"GET /.well-known//etc/passwd HTTP/1.0\r\n\r\n", b"404", b"not here"),
            (b"GET /secret HTTP/1.0\r\n\r\n", b"404", b"not here"),
            (b"POST / HTTP/1.0\r\nContent-Length: 0\r\n\r\n", b"405", b"only GET"),
        ]
        for request, status, body in cases:
            got = await fetch(world, ip, request)
            assert got.split(b" ")[1] == status, request
            assert body in got, request
        assert await fetch(world, ip, b"no HTTP at all\r\n\r\n") == b""

    in_world(tmp_path, story)


def test_one_connection_carries_several_requests(tmp_path: Path) -> None:
    async def story(world: EmbeddedWorld) -> None:
        one = b"GET / HTTP/1.1\r\nHost: www.dotnxdomain.net\r\n"
        got = await fetch(world, WEB4, one + b"\r\n" + one + b"Connection: close\r\n\r\n")
        assert got.count(b"HTTP/1.1 200 ") == 2

    in_world(tmp_path, story)


def test_port_443_is_refused_until_a_credential_is_live_and_a_reload_was_asked_for(tmp_path: Path) -> None:
    async def story(world: EmbeddedWorld) -> None:
        assert await reload_web(world) != 0
        certificate = write_credential(tmp_path / "first")
        put_live(world, tmp_path / "first")
        for ip in world.service_addresses:
            with pytest.raises(ConnectionRefusedError):
                await presented(world, ip)
        assert await reload_web(world) == 0
        for ip in world.service_addresses:
            assert await presented(world, ip) == certificate

    in_world(tmp_path, story)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_reload_swaps_the_credential_of_later_handshakes_on_the_same_sockets(
    tmp_path: Path, version: ssl.TLSVersion
) -> None:
    async def story(world: EmbeddedWorld) -> None:
        first, second = write_credential(tmp_path / "first"), write_credential(tmp_path / "second")
        put_live(world, tmp_path / "first")
        await reload_web(world)
        place = world.dialer.locate(WEB4, 443)
        put_live(world, tmp_path / "second")
        assert await presented(world, WEB4, version) == first
        assert await reload_web(world) == 0
        assert await presented(world, WEB4, version) == second
        assert world.dialer.locate(WEB4, 443) == place

    in_world(tmp_path, story)


def test_a_key_that_does_not_belong_to_the_certificate_is_refused_and_the_old_credential_stays(tmp_path: Path) -> None:
    async def story(world: EmbeddedWorld) -> None:
        first = write_credential(tmp_path / "first")
        write_credential(tmp_path / "second")
        (tmp_path / "second" / "privkey.pem").write_bytes((tmp_path / "first" / "privkey.pem").read_bytes())
        put_live(world, tmp_path / "second")
        result = await world.commands.run(RELOAD_WEB, LIMIT)
        assert result.status != 0
        assert "BAD_CREDENTIAL" in result.output
        with pytest.raises(ConnectionRefusedError):
            await presented(world, WEB4)
        put_live(world, tmp_path / "first")
        assert await reload_web(world) == 0
        put_live(world, tmp_path / "second")
        assert await reload_web(world) != 0
        assert await presented(world, WEB4) == first

    in_world(tmp_path, story)


def test_one_address_may_be_pinned_to_another_credential(tmp_path: Path) -> None:
    async def story(world: EmbeddedWorld) -> None:
        right, wrong = write_credential(tmp_path / "right"), write_credential(tmp_path / "wrong")
        put_live(world, tmp_path / "right")
        await reload_web(world)
        world.web.pin(WEB6, tmp_path / "wrong" / "fullchain.pem", tmp_path / "wrong" / "privkey.pem")
        await reload_web(world)
        assert await presented(world, WEB4) == right
        assert await presented(world, WEB6) == wrong
        world.web.unpin(WEB6)
        assert await presented(world, WEB6) == right
        with pytest.raises(DanelawError) as caught:
            world.web.pin(WEB6, tmp_path / "wrong" / "fullchain.pem", tmp_path / "right" / "privkey.pem")
        assert caught.value.code == "BAD_CREDENTIAL"

    in_world(tmp_path, story)


def test_an_address_may_hang_while_the_other_serves(tmp_path: Path) -> None:
    async def story(world: EmbeddedWorld) -> None:
        certificate = write_credential(tmp_path / "first")
        put_live(world, tmp_path / "first")
        await reload_web(world)
        world.web.hang(WEB4)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await presented(world, WEB4)
        assert await presented(world, WEB6) == certificate
        world.web.hang(WEB4, False)
        assert await presented(world, WEB4) == certificate

    in_world(tmp_path, story)


def test_a_reload_that_is_ignored_leaves_the_old_credential(tmp_path: Path) -> None:
    async def story(world: EmbeddedWorld) -> None:
        first = write_credential(tmp_path / "first")
        write_credential(tmp_path / "second")
        put_live(world, tmp_path / "first")
        await reload_web(world)
        world.commands.ignore(*RELOAD_WEB)
        put_live(world, tmp_path / "second")
        assert await reload_web(world) == 0
        assert await presented(world, WEB4) == first
        assert world.commands.ran == [RELOAD_WEB, RELOAD_WEB]

    in_world(tmp_path, story)


def test_a_handshake_that_hangs_does_not_hold_the_server_back(tmp_path: Path) -> None:
    async def run() -> float:
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        async with EmbeddedWorld(folder / "lab") as world:
            write_credential(folder / "first")
            put_live(world, folder / "first")
            await reload_web(world)
            reader, writer = await asyncio.open_connection(*world.dialer.locate(WEB4, 443))
            writer.write(bytes.fromhex("160301"))
            await presented(world, WEB4)  # accepted in order: the hanging one is with the server
            began = time.monotonic()
        gone = time.monotonic() - began
        async with asyncio.timeout(60):
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
        writer.close()
        return gone

    assert shortest(lambda: asyncio.run(run()), 0.5) < 0.5
