"""Asking a server whether it serves: one query, one request."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable

import dns.exception
import dns.flags
import dns.message
import dns.rcode
from dns.name import Name
from dns.rdatatype import RdataType

from danelaw.core.model import IP
from danelaw.worlds.lab.dns_exchange import exchange

WITHIN = 1.0
"""Seconds for one answer. Whoever waits for a server asks again."""
LOOK_EVERY = 0.02
"""Seconds between two askings."""


async def serial(server: IP, zone: Name) -> int | None:
    """The serial that a server gives for a zone, from its cache or as an authority; None: it gives none."""
    reply = await exchange((str(server), 53), dns.message.make_query(zone, RdataType.SOA).to_wire(), WITHIN)
    if reply is None:
        return None
    try:
        message = dns.message.from_wire(reply)
    except dns.exception.DNSException:
        return None
    for rrset in message.answer:
        if message.rcode() == dns.rcode.NOERROR and rrset.rdtype == RdataType.SOA:
            return int(rrset[0].serial)
    return None


def serves_zone(server: IP, zone: Name) -> Callable[[], Awaitable[bool]]:
    async def ready() -> bool:
        return await serial(server, zone) is not None

    return ready


async def fetch(ip: IP, port: int, path: str, tls: ssl.SSLContext | None = None) -> tuple[int, bytes] | None:
    """One GET: the status and the body; None: no answer."""
    try:
        async with asyncio.timeout(WITHIN):
            reader, writer = await asyncio.open_connection(str(ip), port, ssl=tls)
            try:
                writer.write(f"GET {path} HTTP/1.0\r\nHost: {ip}\r\n\r\n".encode("ascii"))
                head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            finally:
                writer.transport.abort()
        words = head.split(None, 2)
        return (int(words[1]), body) if len(words) > 1 else None
    except (OSError, TimeoutError, ValueError):
        return None


def answers_http(ip: IP, port: int, path: str, tls: ssl.SSLContext | None = None) -> Callable[[], Awaitable[bool]]:
    async def ready() -> bool:
        return await fetch(ip, port, path, tls) is not None

    return ready
