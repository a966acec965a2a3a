"""The operator's web server: two addresses, HTTP on 80, and HTTPS on 443 once there is a credential to show.

Listening sockets stay for as long as the server lives; a reload only swaps what later handshakes use.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Coroutine, Sequence
from pathlib import Path
from typing import Final

import h11

from danelaw.core.model import IP, DanelawError
from danelaw.ports import CommandResult, SocketAddress
from danelaw.worlds.lab.dialer import LabDialer

IDLE_SECONDS: Final = 10.0
PAGE: Final = b"<!doctype html><title>dotnxdomain.net</title><p>It's that easy!</p>\n"
CHALLENGES: Final = ".well-known"


class _Http(asyncio.Protocol):
    """One connection: GET and HEAD of files below the web root, and of the page."""

    def __init__(self, address: WebAddress, webroot: Path) -> None:
        self._address = address
        self._webroot = webroot
        self._http = h11.Connection(h11.SERVER)
        self._transport: asyncio.Transport | None = None
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
            self._address.transports.add(transport)
            self._idle = asyncio.get_running_loop().call_later(IDLE_SECONDS, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._idle is not None:
            self._idle.cancel()
        if self._transport is not None:
            self._address.transports.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        if self._transport is None or self._address.hanging:
            return
        try:
            self._http.receive_data(data)
            while self._answer_next():
                self._http.start_next_cycle()
        except h11.RemoteProtocolError:
            self._transport.close()

    def _answer_next(self) -> bool:
        """Answer a request if a whole one is there; whether the connection stays open for another."""
        while (event := self._http.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
            if isinstance(event, h11.Request):
                self._answer(event)
            elif isinstance(event, h11.ConnectionClosed):
                self._close()
                return False
            elif isinstance(event, h11.EndOfMessage):
                if self._http.our_state is h11.MUST_CLOSE:
                    self._close()
                    return False
                return True
        return False

    def _answer(self, request: h11.Request) -> None:
        status, kind, body = _page(self._webroot, request)
        headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("Server", "danelaw-lab")]
        self._send(h11.Response(status_code=status, headers=headers))
        if request.method != b"HEAD":
            self._send(h11.Data(data=body))
        self._send(h11.EndOfMessage())

    def _send(self, event: h11.Response | h11.Data | h11.EndOfMessage) -> None:
        data = self._http.send(event)
        if data and self._transport is not None:
            self._transport.write(data)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def _page(webroot: Path, request: h11.Request) -> tuple[int, str, bytes]:
    if request.method not in (b"GET", b"HEAD"):
        return 405, "text/plain", b"only GET and HEAD\n"
    path = request.target.split(b"?", 1)[0].decode("ascii", "replace")
    parts = path.strip("/").split("/")
    if path == "/":
        return 200, "text/html", PAGE
    if parts[0] == CHALLENGES and not any(part in ("", ".", "..") or "\0" in part for part in parts):
        with contextlib.suppress(OSError):
            return 200, "application/octet-stream", webroot.joinpath(*parts).read_bytes()
    return 404, "text/plain", b"not here\n"


class WebAddress:
    """One of the server's addresses, with its own sockets and its own faults."""

    def __init__(self, ip: IP) -> None:
        self.ip = ip
        self.pinned: ssl.SSLContext | None = None
        self.hanging = False
        self.transports: set[asyncio.Transport] = set()
        self.plain = _bound_socket()
        self.secure = _bound_socket()

    def close(self) -> None:
        for transport in tuple(self.transports):
            # Debian 12's Python (3.11.2) raises for a TLS transport that was closed and has lost its connection.
            with contextlib.suppress(AttributeError):
                transport.abort()
        self.plain.close()
        self.secure.close()


class WebServer:
    """``ips`` on loopback ports that ``dialer`` gets to know; ``live`` has certbot's file names.

    Port 443 refuses connections until the first good reload: bound, so that nobody else takes it, and not listening.
    """

    def __init__(self, ips: Sequence[IP], webroot: Path, live: Path, dialer: LabDialer) -> None:
        self._live = live
        self._webroot = webroot
        self._context: ssl.SSLContext | None = None
        self._addresses = {ip: WebAddress(ip) for ip in ips}
        self._tasks: set[asyncio.Task[None]] = set()
        for address in self._addresses.values():
            dialer.place(address.ip, 80, _name_of(address.plain))
            dialer.place(address.ip, 443, _name_of(address.secure))

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        try:
            for address in self._addresses.values():
                self._listen(address, address.plain, secure=False)
            yield
        finally:
            tasks = tuple(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for address in self._addresses.values():
                address.close()

    @property
    def secure(self) -> bool:
        """Whether port 443 is open."""
        return self._context is not None

    def reload(self) -> CommandResult:
        """Take what lies on the live path into use. If it is no credential, all stays as it is: status 1."""
        try:
            live = self._live.resolve()  # both files of one generation, even if the link moves meanwhile
            context = _context(live / "fullchain.pem", live / "privkey.pem")
        except DanelawError as error:
            return CommandResult(1, str(error))
        first, self._context = self._context is None, context
        if first:
            for address in self._addresses.values():
                self._listen(address, address.secure, secure=True)
        return CommandResult(0, "443: " + ("open" if first else "reloaded"))

    def pin(self, ip: IP, certfile: Path, keyfile: Path) -> None:
        """Present this credential at one address, whatever is deployed: the forgotten machine.

        Raises ``DanelawError("BAD_CREDENTIAL")``.
        """
        self._addresses[ip].pinned = _context(certfile, keyfile)

    def unpin(self, ip: IP) -> None:
        self._addresses[ip].pinned = None

    def hang(self, ip: IP, hanging: bool = True) -> None:
        """Accept connections at this address and say nothing."""
        self._addresses[ip].hanging = hanging

    def _listen(self, address: WebAddress, listening: socket.socket, *, secure: bool) -> None:
        listening.listen(128)
        self._spawn(self._accept(address, listening, secure))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, address: WebAddress, listening: socket.socket, secure: bool) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listening)
            except OSError as error:
                if error.errno not in (errno.ECONNABORTED, errno.EMFILE, errno.ENFILE):
                    raise
                await asyncio.sleep(0.05)  # a client that left, or no descriptors: others may come through
                continue
            self._spawn(self._connect(address, connection, secure))

    async def _connect(self, address: WebAddress, connection: socket.socket, secure: bool) -> None:
        """Give a connection its protocol; what it presents is decided now, not when the socket began to listen."""
        context = (address.pinned or self._context) if secure and not address.hanging else None
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: _Http(address, self._webroot),
                connection,
                ssl=context,
                ssl_handshake_timeout=IDLE_SECONDS if context else None,
                ssl_shutdown_timeout=1.0 if context else None,
            )
        except (OSError, ssl.SSLError):
            connection.close()  # the client's refusal or departure is the client's business
        except asyncio.CancelledError:
            connection.close()
            raise


def _bound_socket() -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", 0))
    bound.setblocking(False)
    return bound


def _name_of(bound: socket.socket) -> SocketAddress:
    host, port = bound.getsockname()[:2]
    return host, port


def _context(certfile: Path, keyfile: Path) -> ssl.SSLContext:
    """Raises ``DanelawError("BAD_CREDENTIAL")`` unless both are there, whole, and belong together."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certfile, keyfile)
    except (OSError, ssl.SSLError) as error:
        raise DanelawError(
            "BAD_CREDENTIAL",
            f"{certfile.name} and {keyfile.name} are no credential",
            evidence=f"{certfile.parent}: {error.strerror or error}" if isinstance(error, OSError) else str(error),
            hint="both files must be there, in PEM, and the key must belong to the first certificate",
        ) from error
    return context
