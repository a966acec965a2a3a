"""The CAs of the issuers' contract, each a real server on loopback that sees one small world: a name server and a web
server. The lab's own runs in this process, Pebble and Caddy's ``acme_server`` beside it."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from http.server import ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import pytest
from acme_world import QuietHandler, StubDNS, World
from cryptography import x509

from danelaw.adapters.clock import SystemClock, ThreadBlocking
from danelaw.adapters.issue.acme import AcmeIssuer
from danelaw.core.model import IP, ChallengeType, DanelawError
from danelaw.worlds.lab.ca import AcmeCA
from danelaw.worlds.lab.ca.pki import https_credential
from danelaw.worlds.lab.real.asking import fetch
from danelaw.worlds.lab.real.supervise import Server, supervision

LOOPBACK: Final = ip_address("127.0.0.1")
LAB: Final = "lab"
PEBBLE: Final = "pebble"
CADDY: Final = "caddy"
EVERY: Final = (LAB, PEBBLE, CADDY)
UNPRIVILEGED: Final = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")


@dataclass
class Place:
    """A CA that is up. ``roots``: asks it what its certificates end in. ``service``: where its TLS is."""

    kind: str
    url: str
    bundle: Path
    service: tuple[str, int]
    roots: Callable[[], Awaitable[list[x509.Certificate]]]
    lab: AcmeCA | None = None


@dataclass
class IssuerWorld(World):
    """``acme_world.World`` around any of the CAs."""

    place_of: Place = field(kw_only=True)

    @property
    def kind(self) -> str:
        return self.place_of.kind

    def issuer(self, challenge: ChallengeType = ChallengeType.HTTP_01, **changes: object) -> AcmeIssuer:
        settings: dict[str, object] = {
            "directory": self.place_of.url,
            "contact": "mailto:hostmaster@example.net",
            "account": self.tmp / "account",
            "bundle": self.place_of.bundle,
            "challenge": challenge,
            "profile": None,
            "blocking": ThreadBlocking(),
            "clock": SystemClock(),
        }
        return AcmeIssuer(**(settings | changes))  # type: ignore[arg-type] # settings of many types, checked at run time


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def credential(folder: Path) -> tuple[Path, Path, Path]:
    """The PEM files of a server on loopback: root, chain and key."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "api-root.pem", folder / "api.pem", folder / "api.key"
    for path, content in zip(paths, https_credential(datetime.now(UTC), str(LOOPBACK)), strict=True):
        path.touch(0o600)
        path.write_bytes(content)
    return paths


def trusting(bundle: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(bundle))


def answering(port: int, path: str, bundle: Path) -> Callable[[], Awaitable[bool]]:
    async def ready() -> bool:
        return await fetch(LOOPBACK, port, path, trusting(bundle)) is not None

    return ready


@asynccontextmanager
async def pebble(
    folder: Path,
    resolver: tuple[str, int],
    web: int,
    *,
    environment: Mapping[str, str] | None = None,
    customers: Mapping[str, str] | None = None,
    port: int | None = None,
) -> AsyncIterator[Place]:
    """``customers``: key identifiers with their MAC keys in base64url."""
    bundle, chain, key = credential(folder)
    port, management = port or free_port(), free_port()
    settings = {
        "listenAddress": f"{LOOPBACK}:{port}",
        "managementListenAddress": f"{LOOPBACK}:{management}",
        "certificate": str(chain),
        "privateKey": str(key),
        "httpPort": web,
        "tlsPort": web,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": customers is not None,
        "externalAccountMACKeys": dict(customers or {}),
    }
    conf = folder / "pebble.json"
    conf.write_text(json.dumps({"pebble": settings}), encoding="utf-8")
    usual = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"}
    server = Server(
        name="pebble",
        argv=(program("pebble"), "-strict", "-config", str(conf), "-dnsserver", f"{resolver[0]}:{resolver[1]}"),
        log=folder / "pebble.log",
        ready=answering(port, "/dir", bundle),
        environment=usual | dict(environment or {}),
    )

    async def roots() -> list[x509.Certificate]:
        found: list[x509.Certificate] = []
        while (got := await fetch(LOOPBACK, management, f"/roots/{len(found)}", trusting(bundle))) and got[0] == 200:
            found.append(x509.load_pem_x509_certificate(got[1]))
        return found

    async with supervision() as running:
        await running.start(server)
        yield Place(PEBBLE, f"https://{LOOPBACK}:{port}/dir", bundle, (str(LOOPBACK), port), roots)


def may_stand_there() -> bool:
    """Whether ports 53 and 80 may be ours."""
    return os.geteuid() == 0 or int(UNPRIVILEGED.read_text()) <= 53


def with_own_mounts() -> tuple[str, ...]:
    """The words before a command that give it mounts of its own. Skips where the kernel refuses, as in a chroot."""
    users = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    words = (program("unshare"), *users, "--mount")
    tried = subprocess.run([*words, "true"], capture_output=True, text=True, check=False)  # noqa: S603  # no shell
    if tried.returncode != 0:
        pytest.skip(f"Caddy asks whom /etc/resolv.conf names, and no other can be put there: {tried.stderr.strip()}")
    return words


@asynccontextmanager
async def caddy(folder: Path, resolver: tuple[str, int], _web: int) -> AsyncIterator[Place]:
    """Caddy's own CA. It asks for names at port 53 of ``resolver``, and for responses at port 80, always."""
    bundle, chain, key = credential(folder)
    port = free_port()
    resolv = folder / "resolv.conf"
    resolv.write_text(f"nameserver {resolver[0]}\noptions timeout:5 attempts:2\n")
    settings = {
        "admin": {"disabled": True},
        "storage": {"module": "file_system", "root": str(folder / "storage")},
        "apps": {
            "pki": {"certificate_authorities": {"local": {"install_trust": False}}},
            "tls": {"certificates": {"load_files": [{"certificate": str(chain), "key": str(key)}]}},
            "http": {
                "servers": {
                    "acme": {
                        "listen": [f"{LOOPBACK}:{port}"],
                        "automatic_https": {"disable": True},
                        "tls_connection_policies": [{}],
                        "routes": [{"handle": [{"handler": "acme_server", "host": f"{LOOPBACK}:{port}"}]}],
                    }
                }
            },
        },
    }
    conf = folder / "caddy.json"
    conf.write_text(json.dumps(settings), encoding="utf-8")
    script = 'mount --bind "$1" /etc/resolv.conf && exec "$2" run --config "$3"'
    words = (*with_own_mounts(), "sh", "-c", script, "sh", str(resolv), program("caddy"), str(conf))
    server = Server(
        name="caddy",
        argv=words,
        log=folder / "caddy.log",
        ready=answering(port, "/acme/local/directory", bundle),
        environment={"HOME": str(folder), "XDG_DATA_HOME": str(folder)},
    )

    async def roots() -> list[x509.Certificate]:
        pem = (folder / "storage" / "pki" / "authorities" / "local" / "root.crt").read_bytes()
        return [x509.load_pem_x509_certificate(pem)]

    async with supervision() as running:
        await running.start(server)
        yield Place(CADDY, f"https://{LOOPBACK}:{port}/acme/local/directory", bundle, (str(LOOPBACK), port), roots)


@asynccontextmanager
async def lab(folder: Path, resolver: tuple[str, int], web: int, **settings: object) -> AsyncIterator[Place]:
    def locate(ip: IP, port: int) -> tuple[str, int]:
        if port != 80 or ip != LOOPBACK:
            raise DanelawError("NOT_IN_THIS_WORLD", f"{ip}:{port}")
        return str(LOOPBACK), web

    async with AcmeCA(folder, resolver, locate, **({"retry_after": 0} | settings)) as ca:  # type: ignore[arg-type] # settings of many types

        async def roots() -> list[x509.Certificate]:
            return x509.load_pem_x509_certificates(ca.roots.read_bytes())

        host, _, port = ca.url.removeprefix("https://").partition("/")[0].partition(":")
        yield Place(LAB, ca.url, ca.api_bundle, (host, int(port)), roots, ca)


@contextmanager
def web_server(webroot: Path, at: tuple[str, int]) -> Iterator[int]:
    server = ThreadingHTTPServer(at, partial(QuietHandler, directory=str(webroot)))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


@asynccontextmanager
async def issuer_world(kind: str, tmp: Path, **settings: object) -> AsyncIterator[IssuerWorld]:
    """``settings`` are those of the CA's own function above. Skips where its program is missing."""
    async with AsyncExitStack() as stack:
        loop = asyncio.get_running_loop()
        address, ports = str(LOOPBACK), (0, 0)
        if kind == CADDY:
            if not may_stand_there():
                pytest.skip("Caddy asks at ports 53 and 80, which are not ours")
            address = f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(250)}.{secrets.randbelow(250) + 1}"
            ports = (53, 80)
        transport, stub = await loop.create_datagram_endpoint(StubDNS, local_addr=(address, ports[0]))
        stack.callback(transport.close)
        resolver = transport.get_extra_info("sockname")
        webroot = tmp / "www"
        webroot.mkdir(exist_ok=True)
        web = stack.enter_context(web_server(webroot, (address, ports[1])))
        start = {LAB: lab, PEBBLE: pebble, CADDY: caddy}[kind]
        place = await stack.enter_async_context(start(tmp / "ca", resolver, web, **settings))  # type: ignore[operator] # settings of many types
        for name in ("www.example.net.", "example.net."):
            stub.records[name, "A"] = [address]
        yield IssuerWorld(tmp, place.lab, stub, webroot, place_of=place)


def in_issuer_world(kind: str, tmp: Path, test: Callable[[IssuerWorld], Awaitable[None]], **settings: object) -> None:
    async def run() -> None:
        async with issuer_world(kind, tmp, **settings) as here:
            await test(here)

    asyncio.run(run())
