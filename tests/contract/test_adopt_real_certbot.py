"""A real certbot with a certificate of Pebble's, a real nginx that serves it, and clients that never rest."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from certbot_world import NAME, Machine, spki
from cryptography import x509

from danelaw import wiring
from danelaw.app.config import load
from danelaw.core.model import Chain, GenerationId, Issued, OrderState
from danelaw.core.rollover.actions import Switch
from danelaw.worlds.lab.ca.pki import https_credential

pytestmark = pytest.mark.slow


def program(name: str) -> str:
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def until(holds: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait for what another process does. What is asked for takes its own time, so this asks again at once."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come"


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


@contextmanager
def pebble(folder: Path) -> Iterator[tuple[str, Path]]:
    """Its directory's URL, and what its HTTPS is checked by. It believes everybody."""
    folder.mkdir()
    bundle, chain, key = (folder / name for name in ("root.pem", "api.pem", "api.key"))
    for path, content in zip((bundle, chain, key), https_credential(datetime.now(UTC), "127.0.0.1"), strict=True):
        path.write_bytes(content)
    port, management = free_port(), free_port()
    settings = {
        "listenAddress": f"127.0.0.1:{port}",
        "managementListenAddress": f"127.0.0.1:{management}",
        "certificate": str(chain),
        "privateKey": str(key),
        "httpPort": 80,
        "tlsPort": 443,
        "ocspResponderURL": "",
    }
    (folder / "pebble.json").write_text(json.dumps({"pebble": settings}), encoding="utf-8")
    # It refuses some nonces by chance, else, and certbot gives up at the second.
    settled = {"PEBBLE_VA_ALWAYS_VALID": "1", "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"}
    environment = {**os.environ, **settled}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(  # noqa: S603  # a program of a known name
            [program("pebble"), "-config", str(folder / "pebble.json")], env=environment, stdout=log, stderr=log
        )
        try:
            until(lambda: answers(port))
            yield f"https://127.0.0.1:{port}/dir", bundle
        finally:
            server.kill()
            server.wait()


@contextmanager
def nginx(folder: Path, live: Path) -> Iterator[tuple[int, list[str]]]:
    """Its port, and the command that makes it read its files anew."""
    folder.mkdir()
    port = free_port()
    conf = folder / "nginx.conf"
    conf.write_text(
        f"""
        daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
        events {{ }}
        http {{
            access_log off; client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2;
            fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
            server {{
                listen 127.0.0.1:{port} ssl;
                ssl_certificate {live}/fullchain.pem;
                ssl_certificate_key {live}/privkey.pem;
            }}
        }}
        """,
        encoding="utf-8",
    )
    argv = [program("nginx"), "-p", str(folder), "-c", str(conf)]
    server = subprocess.Popen(argv)  # noqa: S603  # a program of a known name
    try:
        until(lambda: answers(port))
        yield port, [*argv, "-s", "reload"]
    finally:
        server.terminate()
        server.wait()


@dataclass
class Crowd:
    """Clients, one after the other: what they were presented, and what went wrong."""

    port: int
    keys: list[bytes] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def connect(self) -> bytes:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=10) as tcp,
            context.wrap_socket(tcp, server_hostname=NAME) as tls,
        ):
            return spki(x509.load_der_x509_certificate(tls.getpeercert(binary_form=True) or b""))

    def sees(self, key: bytes) -> bool:
        """Whether it was among what they were presented, and is what everybody is by now."""
        return key in self.keys and self.connect() == key

    def _go_on(self) -> None:
        while not self._stop.is_set():
            try:
                key = self.connect()
            except OSError as error:
                self.failures.append(str(error))
            else:
                if not self.keys or self.keys[-1] != key:
                    self.keys.append(key)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._go_on) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()


def certbot(machine: Machine, *arguments: str) -> None:
    folders = [f"--{name}-dir={machine.folder / place}" for name, place in PLACES]
    said = subprocess.run(  # noqa: S603  # a program of a known name
        [program("certbot"), *arguments, *folders, "-n", "--no-verify-ssl"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert said.returncode == 0, said.stdout + said.stderr


PLACES = (("config", "letsencrypt"), ("work", "certbot-work"), ("logs", "certbot-logs"))


def renewed(machine: Machine) -> None:
    """What a runner does when a certificate is due, by the ports of the configuration."""

    async def go() -> None:
        config = load(machine.path)
        tools = wiring.build(config, wiring.open_world({})).tools
        (service,) = config.services
        (lineage,) = service.lineages
        store, issuer = tools.credentials[lineage], tools.issuers[lineage]
        generation: GenerationId = await store.make_key(lineage)
        csr = await store.csr(lineage, generation, service.names)
        order, chain = OrderState(service.names), None
        for _ in range(200):
            step = await issuer.advance(order, csr)
            order = step.order
            if hasattr(step, "challenges"):
                placed = frozenset(challenge.url for challenge in step.challenges)
                order = OrderState(order.names, order.profile, order.url, order.replaces, order.placed | placed)
            if isinstance(step, Issued):
                chain = step.chain
                break
        assert isinstance(chain, Chain)
        await store.complete(lineage, generation, chain)
        await tools.deployers[lineage, service.hosts[0].name].switch(
            Switch(lineage, service.hosts[0].name, generation, chain)
        )

    asyncio.run(go())


def accounts(machine: Machine) -> tuple[int, int]:
    """How many certbot made, and how many there are of these and Danelaw's."""
    theirs = [path.read_text() for path in machine.letsencrypt.glob("accounts/**/regr.json")]
    own = json.loads((machine.path.parent / "accounts" / "ca" / "urls.json").read_text())
    urls = {json.loads(text)["uri"] for text in theirs} | {known["url"] for known in own.values()}
    return len(theirs), len(urls)


def test_nobody_notices_that_a_certificate_goes_to_danelaw_and_back(tmp_path: Path) -> None:
    program("certbot")
    with pebble(tmp_path / "pebble") as (url, bundle):
        machine = Machine(tmp_path, server=url, bundle=f'bundle = "{bundle}"')
        (tmp_path / "www").mkdir()
        certbot(
            machine,
            *("certonly", "--webroot", "-w", str(tmp_path / "www"), "-d", NAME, "--server", url),
            *("--agree-tos", "--register-unsafely-without-email", "--key-type", "ecdsa"),
        )
        with nginx(tmp_path / "nginx", machine.live) as (port, reload):
            crowd = Crowd(port)
            with crowd.at_work():
                first = machine.presented()
                machine.adopted("--reload", " ".join(reload))
                subprocess.run(reload, check=True)  # noqa: S603  # as anybody may at any moment
                certbot(machine, "renew", "--force-renewal")  # knows of nothing to renew
                assert machine.presented() == first
                until(lambda: crowd.sees(first))

                renewed(machine)
                assert accounts(machine) == (1, 1)  # one and the same
                second = machine.presented()
                assert second != first
                until(lambda: crowd.sees(second))

                machine.adopted("--undo", "--keep-records")
                assert machine.presented() == second
                subprocess.run(reload, check=True)  # noqa: S603  # as above
                until(lambda: crowd.sees(second))

                certbot(machine, "renew", "--force-renewal", "--no-random-sleep-on-renew")
                third = machine.presented()
                assert third not in (first, second)
                subprocess.run(reload, check=True)  # noqa: S603  # as above
                until(lambda: crowd.sees(third))
            assert crowd.failures == []
            assert set(crowd.keys) == {first, second, third}
            assert (machine.letsencrypt / "archive" / NAME / "privkey3.pem").exists()
