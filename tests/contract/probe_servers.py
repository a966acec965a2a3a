"""Servers on loopback that probes meet, each for a test's lifetime: a function is given each connection."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import dns.name
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from danelaw.adapters.probe import TLSProber
from danelaw.core.model import IP, Chain, Endpoint, Handshake, HandshakeFailure, Hello, KeyAlgorithm, Unreachable
from danelaw.ports import ProbeLimits, SocketAddress

WWW = dns.name.from_text("www.example.net.")
HTTPS = Endpoint(WWW, 443)
HERE = ip_address("192.0.2.80")
ANY = Hello(WWW)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@dataclass
class At:
    """The dialer of a world that has one address."""

    where: SocketAddress

    def locate(self, ip: IP, port: int) -> SocketAddress:
        assert (ip, port) == (HERE, 443)
        return self.where


def certificate(name: str, key: Key, issuer: str, issuer_key: Key) -> x509.Certificate:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(issuer_key, hashes.SHA256())
    )


def der(cert: x509.Certificate) -> bytes:
    return cert.public_bytes(serialization.Encoding.DER)


@dataclass
class Credential:
    """A key and the chain that a server is told to send, in PEM on disk."""

    chain: list[x509.Certificate]
    file: Path

    @property
    def presented(self) -> Chain:
        return Chain(tuple(map(der, self.chain)))


@dataclass
class Credentials:
    """One CA (root and intermediate, ECDSA), under it a leaf of each algorithm, in files below ``folder``."""

    folder: Path
    root: x509.Certificate
    intermediate: x509.Certificate
    leaves: dict[KeyAlgorithm, tuple[Key, x509.Certificate]]

    def chain(self, algorithm: KeyAlgorithm, *rest: x509.Certificate) -> Credential:
        key, leaf = self.leaves[algorithm]
        file = self.folder / f"{algorithm.value}-{len(list(self.folder.iterdir()))}.pem"
        return in_file(file, key, leaf, *rest)


def in_file(file: Path, key: Key, *chain: x509.Certificate) -> Credential:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(pem + b"".join(cert.public_bytes(serialization.Encoding.PEM) for cert in chain))
    return Credential(list(chain), file)


def credentials(folder: Path) -> Credentials:
    root_key, middle_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    keys: dict[KeyAlgorithm, Key] = {
        KeyAlgorithm.ECDSA: ec.generate_private_key(ec.SECP256R1()),
        KeyAlgorithm.EDDSA: ed25519.Ed25519PrivateKey.generate(),
        KeyAlgorithm.RSA: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    }
    return Credentials(
        folder,
        certificate("root", root_key, "root", root_key),
        certificate("intermediate", middle_key, "root", root_key),
        {a: (key, certificate("www.example.net", key, "intermediate", middle_key)) for a, key in keys.items()},
    )


@contextlib.contextmanager
def listening(serve: Callable[[socket.socket], None], host: str = "127.0.0.1") -> Iterator[TLSProber]:
    """A server that gives each connection to ``serve`` in a thread, and a prober that finds it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:  # the listener is closed
                    return
                threading.Thread(target=attend, args=(connection,), daemon=True).start()

        def attend(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                serve(connection)

        threading.Thread(target=accept, daemon=True).start()
        yield TLSProber(At(listener.getsockname()[:2]), ProbeLimits.each(timedelta(seconds=5)))
        listener.shutdown(socket.SHUT_RDWR)


def say(data: bytes) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(data)
        connection.recv(65536)

    return serve


def close(connection: socket.socket) -> None:
    """Without reading: the client's greeting meets a reset."""


def shake(
    prober: TLSProber, hello: Hello = ANY, endpoint: Endpoint = HTTPS
) -> Handshake | HandshakeFailure | Unreachable:
    return asyncio.run(prober.handshake(endpoint, HERE, hello))


class CountingLoop(asyncio.SelectorEventLoop):
    """Counts what is read from sockets."""

    octets = 0

    async def sock_recv(self, sock: socket.socket, nbytes: int) -> bytes:
        data = await super().sock_recv(sock, nbytes)
        self.octets += len(data)
        return data
