"""Certificates of a test's own CA, and servers that speak TLS badly or well, for what is asked over TLS and HTTPS."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import h2.config
import h2.connection
import h2.events
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from danelaw.ports import SocketAddress

SERVER_NAME: Final = "dns.example.net"
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""What a server does with a connection, once the handshake is done."""


@dataclass(frozen=True)
class Credential:
    """PEM files."""

    certificate: Path
    key: Path

    def context(self, *protocols: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context


class Authority:
    """A CA; ``file`` is its certificate in PEM."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        certificate = (
            x509.CertificateBuilder()
            .subject_name(self._name)
            .issuer_name(self._name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=30))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(certificate.public_bytes(Encoding.PEM))

    def issue(self, *names: str, expired: bool = False) -> Credential:
        """A certificate for host names and addresses, valid around now or until yesterday."""
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        subjects: list[x509.GeneralName] = []
        for name in names:
            try:
                subjects.append(x509.IPAddress(ipaddress.ip_address(name)))
            except ValueError:
                subjects.append(x509.DNSName(name))
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=9))
            .not_valid_after(now + timedelta(days=-1 if expired else 9))
            .add_extension(x509.SubjectAlternativeName(subjects), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        made = Credential(
            self._folder / f"{certificate.serial_number}.pem", self._folder / f"{certificate.serial_number}.key"
        )
        made.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
        made.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return made


@dataclass
class Listener:
    """A server that runs. ``connections`` counts those whose handshake was done."""

    address: SocketAddress
    connections: int = 0
    tasks: set[asyncio.Task[None] | None] = field(default_factory=set, repr=False)


@asynccontextmanager
async def tls_server(talk: Talk, context: ssl.SSLContext | None) -> AsyncIterator[Listener]:
    """Serves until the block ends; without ``context`` in the clear."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listener.tasks.add(asyncio.current_task())
        listener.connections += 1
        try:
            await talk(reader, writer)
        except (asyncio.IncompleteReadError, OSError):
            pass
        except asyncio.CancelledError:
            pass  # the server ends; asyncio would log an error for a handler that was cancelled
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    listener = Listener(server.sockets[0].getsockname())
    try:
        yield listener
    finally:
        server.close()
        talking = [task for task in listener.tasks if task is not None]
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)


def framed(wire: bytes) -> bytes:
    return len(wire).to_bytes(2) + wire


async def framed_query(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(int.from_bytes(await reader.readexactly(2)))


@dataclass(frozen=True)
class Request:
    """What came on one stream of HTTP/2."""

    stream: int
    headers: dict[str, str]
    body: bytes


class Http2(h2.connection.H2Connection):
    """A server's side, which holds back what the client has no room for yet."""

    def __init__(self) -> None:
        super().__init__(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self._held: dict[int, bytes] = {}

    def send_body(self, stream: int, body: bytes) -> None:
        self._held[stream] = body
        self.send_held()

    def drop(self, stream: int) -> None:
        self._held.pop(stream, None)

    def send_held(self) -> None:
        for stream, body in list(self._held.items()):
            while body and (room := min(self.local_flow_control_window(stream), self.max_outbound_frame_size)):
                self.send_data(stream, body[:room])
                body = body[room:]
            self._held[stream] = body
            if not body:
                del self._held[stream]
                self.end_stream(stream)


Answering = Callable[[Http2, Request], None]
"""Answers a request on its connection."""


def http_2(answer: Answering, requests: list[Request] | None = None) -> Talk:
    """A server of HTTP/2; ``requests`` collects what came."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        http = Http2()
        http.initiate_connection()
        headers: dict[int, dict[str, str]] = {}
        bodies: dict[int, bytes] = {}
        writer.write(http.data_to_send())
        while data := await reader.read(65536):
            for event in http.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    headers[event.stream_id or 0] = {str(k): str(v) for k, v in event.headers or ()}
                elif isinstance(event, h2.events.DataReceived):
                    bodies[event.stream_id or 0] = bodies.get(event.stream_id or 0, b"") + (event.data or b"")
                elif isinstance(event, h2.events.StreamEnded):
                    number = event.stream_id or 0
                    request = Request(number, headers[number], bodies.get(number, b""))
                    if requests is not None:
                        requests.append(request)
                    answer(http, request)
                elif isinstance(event, h2.events.WindowUpdated):
                    http.send_held()
                elif isinstance(event, h2.events.StreamReset):
                    http.drop(event.stream_id or 0)
            writer.write(http.data_to_send())
            await writer.drain()

    return talk


def respond(
    http: Http2,
    request: Request,
    body: bytes,
    *,
    status: str = "200",
    content_type: str = "application/dns-message",
    **headers: str,
) -> None:
    """A whole response; headers by their names, ``_`` for ``-``."""
    more = [(name.replace("_", "-"), value) for name, value in headers.items()]
    http.send_headers(request.stream, [(":status", status), ("content-type", content_type), *more])
    http.send_body(request.stream, body)
