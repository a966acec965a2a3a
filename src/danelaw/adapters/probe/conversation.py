"""Driving a dialogue over a socket, until TLS may start or it is known why it will not."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from datetime import timedelta
from ipaddress import IPv6Address, ip_address
from typing import Final

from danelaw.core.model import HandshakeFailure, Unreachable
from danelaw.core.starttls.dialogue import Dialogue, Stopped
from danelaw.ports import ProbeLimits

READ_SIZE: Final = 16384
MAX_UNREAD: Final = 1 << 18
"""Octets that are taken off a server's hands, unread, while both part."""

LINGER: Final = timedelta(milliseconds=250)
"""How long to wait for the server's farewell, so that it reads ours instead of a reset."""

_STILL_CIVIL: Final = ("STARTTLS_NOT_OFFERED", "STARTTLS_REFUSED")
"""Ends at which the server speaks the protocol and awaits our next word."""

_SHOWN: Final = 80
_ALERT: Final = 21
"""The first octet of a TLS record that carries an alert (RFC 8446 §5.1)."""


def address_literal(sock: socket.socket) -> str:
    """How a client without a host name of its own names itself: ``[192.0.2.1]``, ``[IPv6:2001:db8::1]``
    (RFC 5321 §4.1.3, §4.1.4)."""
    address = ip_address(sock.getsockname()[0].partition("%")[0])
    return f"[IPv6:{address}]" if isinstance(address, IPv6Address) else f"[{address}]"


async def converse(
    sock: socket.socket, dialogue: Dialogue, limits: ProbeLimits
) -> HandshakeFailure | Unreachable | None:
    """All that is said before TLS. None: the server waits for a handshake, and has said nothing more."""
    whole = asyncio.timeout(limits.dialogue.total_seconds())
    try:
        async with whole:
            stopped = await _say_and_hear(sock, dialogue, limits.silence.total_seconds())
    except TimeoutError:  # of ours, or of the kernel's
        limit = limits.dialogue if whole.expired() else limits.silence
        return Unreachable("TIMEOUT", f"no {_awaited(dialogue.said)} within {limit.total_seconds():g} s")
    except OSError as error:
        return HandshakeFailure("CLOSED", f"no {_awaited(dialogue.said)}: {error}")
    if stopped is None:
        return None
    if stopped.code in _STILL_CIVIL:
        await part(sock, dialogue.farewell)
    return HandshakeFailure(stopped.code, stopped.detail)


async def _say_and_hear(sock: socket.socket, dialogue: Dialogue, silence: float) -> Stopped | None:
    loop = asyncio.get_running_loop()
    step = dialogue.begin()
    while True:
        if step.send:
            with contextlib.suppress(ConnectionError):  # what it said before it went is read all the same
                await loop.sock_sendall(sock, step.send)
        if step.end is not None:
            break
        async with asyncio.timeout(silence):
            received = await loop.sock_recv(sock, READ_SIZE)
        step = dialogue.receive(received)
    if isinstance(step.end, Stopped):
        return step.end
    return _out_of_turn(sock)


def _out_of_turn(sock: socket.socket) -> Stopped | None:
    """The client's is the first word of TLS (RFC 8446 §4.1.2): what is there before it does not belong to it."""
    try:
        more = sock.recv(_SHOWN, socket.MSG_PEEK)
    except BlockingIOError:
        return None
    if not more or more[0] == _ALERT:
        return None  # gone, or about to go: the handshake finds out
    return Stopped("STARTTLS_INJECTED", f"after its last word before TLS the server went on with {more!r}")


def _awaited(said: tuple[str, ...]) -> str:
    """What the server owes us, by what was said so far."""
    ours = [line[2:] for line in said if line.startswith("> ")]
    what = f"reply to {ours[-1][:_SHOWN]}" if ours else "greeting"
    return f"end of the {what}" if said and said[-1].startswith("< ") else what


async def part(sock: socket.socket, farewell: bytes) -> None:
    """Says ``farewell`` and that no more will come, then lets the server finish, unread, for a moment."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError):  # TimeoutError is one: what was to be learnt is known, come what may
        async with asyncio.timeout(LINGER.total_seconds()):
            if farewell:
                await loop.sock_sendall(sock, farewell)
            sock.shutdown(socket.SHUT_WR)
            for _ in range(MAX_UNREAD // READ_SIZE):
                if not await loop.sock_recv(sock, READ_SIZE):
                    return
