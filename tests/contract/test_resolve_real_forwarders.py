"""Unbound and BIND as forwarders, asked in each way: what is validated here is the same whichever way it came."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import pytest
from forwarder_world import SERVER_NAME, Authority, Credential
from update_servers import free_port

from danelaw.adapters.resolve import ForwardingResolver, Patience
from danelaw.core.model import Do53, DoH, DoT, Forwarder, Question, Security, Validated
from danelaw.ports import SocketAddress
from name_servers import Places, answering
from signed_tree import NOW, Tree, question

CLASSIC, OVER_TLS, OVER_HTTPS = (ip_address(f"192.0.2.{n}") for n in (53, 54, 55))
STEADY: Final = Patience(tcp=timedelta(seconds=30))
WAYS: Final[dict[str, Forwarder]] = {
    "UDP": Do53(CLASSIC),
    "TLS": DoT(OVER_TLS, server_name=SERVER_NAME),
    "opportunistic TLS": DoT(OVER_TLS),
    "HTTPS": DoH(OVER_HTTPS, SERVER_NAME, "/dns-query"),
    "HTTPS by address": DoH(OVER_HTTPS, "192.0.2.55", "/dns-query"),
}
ASKED: Final = {
    "_443._tcp.www TLSA": (Security.SECURE, True),
    "alias A": (Security.SECURE, True),
    "nothing A": (Security.SECURE, False),
    "www MX": (Security.SECURE, False),
    "x.wild TXT": (Security.SECURE, True),
    "www.plain.net. A": (Security.INSECURE, True),
}


@dataclass(frozen=True)
class Ports:
    classic: int
    tls: int
    https: int


Configure = Callable[[Path, SocketAddress, Credential, Ports], list[str]]
"""Writes the configuration into the folder; the arguments of the server."""


def unbound(folder: Path, upstream: SocketAddress, credential: Credential, ports: Ports) -> list[str]:
    conf = folder / "unbound.conf"
    conf.write_text(
        f"""\
server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  num-threads: 1
  do-not-query-localhost: no
  module-config: "iterator"
  interface: 127.0.0.1@{ports.classic}
  interface: 127.0.0.1@{ports.tls}
  interface: 127.0.0.1@{ports.https}
  tls-port: {ports.tls}
  https-port: {ports.https}
  tls-service-pem: "{credential.certificate}"
  tls-service-key: "{credential.key}"
  local-zone: "." transparent
forward-zone:
  name: "."
  forward-addr: {upstream[0]}@{upstream[1]}
remote-control:
  control-enable: no
"""
    )
    return ["-d", "-c", str(conf)]


def bind(folder: Path, upstream: SocketAddress, credential: Credential, ports: Ports) -> list[str]:
    conf = folder / "named.conf"
    conf.write_text(
        f"""\
tls own {{ cert-file "{credential.certificate}"; key-file "{credential.key}"; }};
options {{
    directory "{folder}"; pid-file none; session-keyfile none; lock-file none;
    listen-on port {ports.classic} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
    listen-on port {ports.tls} tls own {{ 127.0.0.1; }};
    listen-on port {ports.https} tls own http default {{ 127.0.0.1; }};
    recursion yes; dnssec-validation no; empty-zones-enable no; querylog no;
    forward only; forwarders {{ {upstream[0]} port {upstream[1]}; }};
}};
controls {{ }};
"""
    )
    return ["-g", "-n", "1", "-c", str(conf)]


SERVERS: Final[dict[str, tuple[Configure, str]]] = {"unbound": (unbound, "unbound"), "named": (bind, "bind9")}


@contextlib.contextmanager
def running(argv: list[str], log: Path, ports: Ports) -> Iterator[None]:
    with log.open("wb") as file:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=file, stderr=file)  # noqa: S603 - our own words
    try:
        until_listening(process, ports, log)
        yield
    finally:
        process.kill()
        process.wait()


def until_listening(process: subprocess.Popen[bytes], ports: Ports, log: Path) -> None:
    """Each port takes connections; the test's own limit bounds the wait."""
    for port in (ports.classic, ports.tls, ports.https):
        while True:
            assert process.poll() is None, log.read_text(errors="replace")
            with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 30):
                break
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)


@pytest.mark.parametrize("program", SERVERS)
def test_validated_answers_are_the_same_whichever_way_they_come(
    program: str, tmp_path: Path, require_program: Callable[..., str]
) -> None:
    configure, package = SERVERS[program]
    path = require_program(program, package=package)
    tree, authority = Tree(), Authority(tmp_path)
    credential = authority.issue(SERVER_NAME, "192.0.2.55")
    ports = Ports(free_port(), free_port(), free_port())
    places = Places(
        {
            CLASSIC: ("127.0.0.1", ports.classic),
            OVER_TLS: ("127.0.0.1", ports.tls),
            OVER_HTTPS: ("127.0.0.1", ports.https),
        }
    )

    async def ask(forwarder: Forwarder, asked: Question) -> Validated:
        resolver = ForwardingResolver(
            [forwarder], places, StoppedClock(), tree.anchors, patience=STEADY, ca=authority.file
        )
        return await resolver.resolve(asked.name, asked.type)

    async def run() -> None:
        async with AsyncExitStack() as stack:
            upstream = await stack.enter_async_context(answering(tree.recursive))
            argv = [path, *configure(tmp_path, upstream.address, credential, ports)]
            await asyncio.to_thread(stack.enter_context, running(argv, tmp_path / "log", ports))
            for text, (state, there) in ASKED.items():
                asked = question(*text.split())
                answers = {way: await ask(forwarder, asked) for way, forwarder in WAYS.items()}
                for way, answer in answers.items():
                    assert (answer.state, answer.rrset is not None) == (state, there), (text, way, answer.reasons)
                    assert [r.rdatas for r in answer.rrsets] == [r.rdatas for r in answers["UDP"].rrsets], (text, way)

    asyncio.run(run())


class StoppedClock:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    async def sleep_until(self, when: datetime) -> None:
        raise AssertionError("nothing sleeps here")
