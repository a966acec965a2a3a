"""The authoritative servers of the private world, and the faults that scenes and tests give them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import dns.exception
import dns.flags
import dns.message
import dns.rcode
from dns.name import Name

from danelaw.core.model import IP, serial_gt
from danelaw.ports import CommandResult, SocketAddress
from danelaw.worlds.lab.dns_sockets import dns_listener
from danelaw.worlds.lab.zone_answers import PAYLOAD, BadZoneError, ServedZone, reply

MOST_READY: Final = 4096
"""How many replies of one version of a zone are kept ready."""


class AuthoritativeServer:
    """Serves one zone at one logical address.

    ``silent``: never answers. ``tamper``: changes each reply before it leaves (it may change it in place).
    ``queries`` counts what arrived.
    """

    def __init__(self, ip: IP, zone: ServedZone) -> None:
        self.ip = ip
        self.zone = zone
        self.silent = False
        self.tamper: Callable[[dns.message.Message], dns.message.Message] | None = None
        self.queries = 0
        self.address: SocketAddress | None = None
        self._ready: tuple[ServedZone, dict[tuple[bytes, bool], bytes]] = (zone, {})

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[SocketAddress]:
        async with dns_listener(self._handle) as listener:
            self.address = listener.address
            yield listener.address

    async def _handle(self, wire: bytes, tcp: bool) -> bytes | None:
        self.queries += 1
        if self.silent:
            return None
        if self.tamper is not None:
            return self._answer(wire, tcp)
        if self._ready[0] is not self.zone:
            self._ready = (self.zone, {})
        ready = self._ready[1]
        key = (wire[2:], tcp)  # one version of a zone answers one query always alike, but for its id
        if key not in ready:
            made = self._answer(wire, tcp)
            if made is None or len(ready) >= MOST_READY:
                return made
            ready[key] = made[2:]
        return wire[:2] + ready[key]

    def _answer(self, wire: bytes, tcp: bool) -> bytes | None:
        query = read_query(wire)
        if query is None:
            return None
        if isinstance(query, int):
            return to_wire(refusal(query, dns.rcode.FORMERR), 512)
        response = reply(query, self.zone)
        if self.tamper is not None:
            response = self.tamper(response)
        return to_wire(response, reply_size(query, tcp))


class Primary(AuthoritativeServer):
    """Serves what lay in its master file when it was last told to reload."""

    def __init__(self, ip: IP, path: Path, origin: Name) -> None:
        super().__init__(ip, ServedZone.from_file(path, origin))
        self.path = path
        self._followers: list[Secondary] = []

    def follow(self, secondary: Secondary) -> None:
        """Tell ``secondary`` of every reload from now on (RFC 1996)."""
        self._followers.append(secondary)

    def reload(self) -> CommandResult:
        """Read the master file again. A bad one changes nothing: status 1, and the reason as output."""
        origin = self.zone.origin
        try:
            zone = ServedZone.from_file(self.path, origin)
        except BadZoneError as error:
            return CommandResult(1, f"zone {origin}: not loaded, serial {self.zone.serial} stays: {error}")
        self.zone = zone
        for secondary in self._followers:
            secondary.notified()
        return CommandResult(0, f"zone {origin}: loaded serial {zone.serial}")


class Secondary(AuthoritativeServer):
    """Takes the primary's zone over ``lag`` seconds after each reload, if its serial is higher (RFC 1982 §3.2)."""

    def __init__(self, ip: IP, primary: Primary, lag: float) -> None:
        super().__init__(ip, primary.zone)
        self.lag = lag
        self.frozen = False
        self._primary = primary
        self._timers: list[asyncio.TimerHandle] = []
        primary.follow(self)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[SocketAddress]:
        async with super().serving() as address:
            try:
                yield address
            finally:
                for timer in self._timers:
                    timer.cancel()

    def notified(self) -> None:
        """The primary has a new version: look at it after the lag."""
        loop = asyncio.get_running_loop()
        self._timers = [timer for timer in self._timers if timer.when() > loop.time()]
        self._timers.append(loop.call_later(self.lag, self._transfer))

    def _transfer(self) -> None:
        if not self.frozen and not self._primary.silent and serial_gt(self._primary.zone.serial, self.zone.serial):
            self.zone = self._primary.zone

    def freeze(self) -> None:
        """Miss every change from now on."""
        self.frozen = True

    def thaw(self) -> None:
        """Follow the primary again: what was missed comes after the lag."""
        self.frozen = False
        self.notified()

    def pin(self, zone: ServedZone) -> None:
        """Serve this version and no other, as a back end does that was restored from an old backup."""
        self.zone = zone
        self.freeze()

    def restore(self) -> None:
        """Undo ``pin``: the primary's version, at once."""
        self.frozen = False
        self.zone = self._primary.zone


def read_query(wire: bytes) -> dns.message.QueryMessage | int | None:
    """A query; its id if it is malformed; None if it deserves no reply at all (too short, or itself a reply)."""
    if len(wire) < 12 or wire[2] & 0x80:
        return None
    try:
        query = dns.message.from_wire(wire)
    except (dns.exception.DNSException, ValueError):
        return int.from_bytes(wire[:2], "big")
    return query if isinstance(query, dns.message.QueryMessage) else int.from_bytes(wire[:2], "big")


def reply_size(query: dns.message.QueryMessage, tcp: bool) -> int:
    """How many octets a reply to this query may have (RFC 6891 §6.2.3)."""
    if tcp:
        return 65535
    return min(max(512, query.payload), PAYLOAD) if query.edns >= 0 else 512


def refusal(id: int, rcode: dns.rcode.Rcode) -> dns.message.Message:
    """A bare reply to a query that could not be read."""
    response = dns.message.QueryMessage(id=id)
    response.flags = dns.flags.Flag(dns.flags.QR)
    response.set_rcode(rcode)
    return response


def to_wire(response: dns.message.Message, size: int) -> bytes:
    """The reply in at most ``size`` octets: too big, and it is emptied and has TC set (RFC 2181 §9)."""
    try:
        return response.to_wire(max_size=size)
    except dns.exception.TooBig:
        response.answer, response.authority, response.additional = [], [], []
        response.flags |= dns.flags.TC
        return response.to_wire(max_size=size)
