"""The CA as a server: HTTPS on loopback around the service, its files, its faults."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import TracebackType
from typing import Final

import h11
from cryptography import x509

from danelaw.worlds.lab.ca.exchange import Reply, Request
from danelaw.worlds.lab.ca.pki import CertificateAuthority, https_credential, pem
from danelaw.worlds.lab.ca.problem import Problem
from danelaw.worlds.lab.ca.service import AcmeService, RenewalWindow
from danelaw.worlds.lab.ca.vantage import IP, SocketAddress, Vantage

DEFAULT_PROFILES: Final[Mapping[str, timedelta]] = {
    "classic": timedelta(days=90),
    "tlsserver": timedelta(days=45),
    "shortlived": timedelta(hours=160),
}
"""Certificate lifetimes of the profiles, as a large public CA has them; the first is the default."""

_LONGEST_BODY: Final = 65536
_HANDSHAKE_SECONDS: Final = 10.0


def _utcnow() -> datetime:
    return datetime.now(UTC)


class _Stream(asyncio.StreamReaderProtocol):
    """Knows its transport once the handshake is through, so that the connection can be broken off at any point."""

    transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self.transport = transport
        super().connection_made(transport)

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class AcmeCA:
    """An ACME CA on 127.0.0.1, alive within ``async with``.

    ``directory`` gets the PEM files ``roots``, ``api_bundle`` and the API's key. ``resolver`` is the socket of a DNS
    forwarder of this world, ``locate`` says where (address, logical port) is in it. ``nonce_rejection`` is the part of
    good nonces refused all the same, drawn from ``seed``. ``retry_after`` (seconds) is what clients are told while the
    CA is at work; ``window_retry_after`` how often they should ask for renewal information. ``customers``: key
    identifiers with their MAC keys; if there are some, new accounts must be bound to one. ``alternates``: how many more
    roots there are, each with a chain of its own (RFC 8555 §7.4.2): "Danelaw Lab Root X2" and so on.

    A certificate's lifetime counts from the instant of issuance; its notBefore lies an hour earlier.
    """

    def __init__(
        self,
        directory: Path,
        resolver: SocketAddress,
        locate: Callable[[IP, int], SocketAddress],
        *,
        seed: int = 0,
        nonce_rejection: float = 0.0,
        profiles: Mapping[str, timedelta] = DEFAULT_PROFILES,
        now: Callable[[], datetime] = _utcnow,
        retry_after: int = 1,
        window_retry_after: int = 21600,
        host: str = "127.0.0.1",
        customers: Mapping[str, bytes] | None = None,
        alternates: int = 0,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.roots = directory / "roots.pem"
        self.api_bundle = directory / "api-root.pem"
        self.hang = False
        """While set, requests are accepted and never answered."""
        self.hanging = asyncio.Event()
        """Set once a request hangs."""
        self.root = CertificateAuthority.root("Danelaw Lab Root X1", now())
        self._host = host
        self._port = 0
        self._tls = self._write_files(directory, now())
        self._connections: set[asyncio.Task[None]] = set()
        self._listening: socket.socket | None = None
        intermediate = self.root.intermediate("Danelaw Lab Intermediate E1", now())
        others = (CertificateAuthority.root(f"Danelaw Lab Root X{2 + number}", now()) for number in range(alternates))
        self._service = AcmeService(
            intermediate,
            Vantage(resolver, locate),
            profiles,
            now,
            seed=seed,
            nonce_rejection=nonce_rejection,
            retry_after=retry_after,
            window_retry_after=window_retry_after,
            customers=customers,
            alternates=[other.cross_sign(intermediate, now()) for other in others],
        )

    # -- what the lab sets --------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The URL of the directory (RFC 8555 §7.1.1)."""
        return f"{self._service.ledger.base}/directory"

    def hand_out_again(self) -> None:
        """From now on whoever orders again what is still to be finalized gets the order that there is."""
        self._service.ordering.hands_out_again = True

    def refuse(self, code: str, detail: str = "the lab wants it so", *, retry_after: int | None = None) -> None:
        """The next order is refused with this problem type, e.g. ``rateLimited``; calls add up."""
        self._service.ordering.refusals.append(Problem(code, detail, retry_after=retry_after))

    @property
    def window_for(self) -> Callable[[x509.Certificate], RenewalWindow] | None:
        """Says a certificate's suggested window (start, end) instead of the default; None: the default."""
        return self._service.window_for

    @window_for.setter
    def window_for(self, choose: Callable[[x509.Certificate], RenewalWindow] | None) -> None:
        self._service.window_for = choose

    @property
    def issued(self) -> tuple[x509.Certificate, ...]:
        """Every certificate issued so far, oldest first."""
        return tuple(issued.certificate for issued in self._service.ledger.certificates.values())

    @property
    def accounts(self) -> int:
        """How many accounts there are."""
        return len(self._service.ledger.accounts)

    @property
    def contacts(self) -> tuple[tuple[str, ...], ...]:
        """The contacts of each account, the oldest first."""
        return tuple(tuple(account.contact) for account in self._service.ledger.accounts.values())

    @property
    def revoked(self) -> tuple[x509.Certificate, ...]:
        return tuple(one.certificate for one in self._service.ledger.certificates.values() if one.revoked)

    @property
    def orders(self) -> int:
        """How many orders were placed."""
        return len(self._service.ledger.orders)

    def replaced(self, der: bytes) -> bool:
        """Whether an order that did not fail names this certificate as its predecessor (RFC 9773 §5)."""
        return self._service.replaced(x509.load_der_x509_certificate(der))

    # -- life ---------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> AcmeCA:
        self._listening = socket.create_server((self._host, self._port), backlog=128)
        self._listening.setblocking(False)
        self._port = self._listening.getsockname()[1]
        self._service.ledger.base = f"https://{self._host}:{self._port}"
        self._spawn(self._accept(self._listening))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        doomed = self._connections | self._service.ordering.tasks
        for task in doomed:
            task.cancel()
        await asyncio.gather(*doomed, return_exceptions=True)
        if self._listening is not None:
            self._listening.close()

    def _write_files(self, directory: Path, now: datetime) -> ssl.SSLContext:
        bundle, certificate, key = https_credential(now, self._host)
        self.roots.write_bytes(pem(self.root.certificate))
        self.api_bundle.write_bytes(bundle)
        chain, secret = directory / "api.pem", directory / "api.key"
        chain.write_bytes(certificate)
        secret.touch(0o600)
        secret.write_bytes(key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(chain, secret)
        return context

    # -- HTTP ---------------------------------------------------------------------------------------------------

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _accept(self, listening: socket.socket) -> None:
        """One task for each connection from its first octet on, so that a handshake that stops is cancelled too."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listening)
            except OSError as error:
                if error.errno not in (errno.ECONNABORTED, errno.EMFILE, errno.ENFILE):
                    raise
                await asyncio.sleep(0.05)  # a client that left, or no descriptors: others may come through
                continue
            self._spawn(self._serve(connection))

    async def _serve(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(loop=loop)
        stream = _Stream(reader, loop=loop)
        try:
            transport, _ = await loop.connect_accepted_socket(
                lambda: stream, connection, ssl=self._tls, ssl_handshake_timeout=_HANDSHAKE_SECONDS
            )
            await self._converse(reader, asyncio.StreamWriter(transport, stream, reader, loop))
        except (OSError, ssl.SSLError, h11.ProtocolError):
            stream.abort()  # the client refused, went away or does not speak HTTP: its loss
        except asyncio.CancelledError:
            stream.abort()  # the CA is leaving, and waits for no goodbye
            raise
        finally:
            (stream.transport or connection).close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = h11.Connection(h11.SERVER)
        while True:
            head: h11.Request | None = None
            body = b""
            while True:
                event = wire.next_event()
                if event is h11.NEED_DATA:
                    wire.receive_data(await reader.read(65536))
                elif isinstance(event, h11.Request):
                    head = event
                elif isinstance(event, h11.Data) and len(body) + len(event.data) <= _LONGEST_BODY:
                    body += event.data
                elif isinstance(event, h11.EndOfMessage) and head is not None:
                    break
                else:
                    return
            if self.hang:
                self.hanging.set()
                await asyncio.Event().wait()
            reply = await self._service.answer(self._request(head, body))
            writer.write(_wire(wire, reply, head.method == b"HEAD"))
            await writer.drain()
            if wire.our_state is not h11.DONE or wire.their_state is not h11.DONE:
                return
            wire.start_next_cycle()

    def _request(self, head: h11.Request, body: bytes) -> Request:
        headers = {name: value.decode("latin-1") for name, value in head.headers}
        target = head.target.decode("latin-1")
        content_type = headers.get(b"content-type", "").partition(";")[0].strip().lower()
        path = tuple(target.strip("/").split("/"))
        return Request(head.method.decode("ascii"), f"{self._service.ledger.base}{target}", path, content_type, body)


def _wire(wire: h11.Connection, reply: Reply, head_only: bool) -> bytes:
    headers = [("Date", format_datetime(_utcnow(), usegmt=True)), *reply.headers]
    if reply.body:
        headers.append(("Content-Type", reply.content_type))
    if reply.status != 204:
        headers.append(("Content-Length", str(len(reply.body))))
    sent = wire.send(h11.Response(status_code=reply.status, headers=headers)) or b""
    if reply.body and not head_only:
        sent += wire.send(h11.Data(data=reply.body)) or b""
    return sent + (wire.send(h11.EndOfMessage()) or b"")
