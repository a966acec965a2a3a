"""Whether a CA would find an http-01 response: looked for at every address of the name before the CA is told to look.

A failed authorization counts against the account; this one costs nothing. Only an answer that is a wrong one holds the
order up. An address that cannot be reached from here may be reached by the CA, and a redirection is the CA's to follow.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

import dns.rdatatype
from dns.name import Name

from danelaw.adapters.issue.preflight import address
from danelaw.core.model import IP, Challenge, ChallengeType, DanelawError, Security
from danelaw.core.rollover.actions import Receipt
from danelaw.ports import Dialer, Resolver, Solver

PATIENCE: Final = 5.0
"""Seconds for one address."""
MOST_ADDRESSES: Final = 16
_LONGEST_REPLY: Final = 65536
_SHOWN: Final = 80


class SeenSolver:
    """``ports.Solver``: places, and then looks. Raises what ``solver`` does, and ``CHALLENGE_NOT_SERVED``."""

    def __init__(self, solver: Solver, resolver: Resolver, dialer: Dialer) -> None:
        self._solver = solver
        self._resolver = resolver
        self._dialer = dialer

    async def place(self, challenge: Challenge) -> Receipt:
        receipt = await self._solver.place(challenge)
        if challenge.type is ChallengeType.HTTP_01:
            addresses = await self._addresses(challenge.identifier)
            told = await asyncio.gather(*(self._wrong(ip, challenge) for ip in addresses))
            if wrong := [f"{ip}: {what}" for ip, what in zip(addresses, told, strict=True) if what is not None]:
                raise DanelawError(
                    "CHALLENGE_NOT_SERVED",
                    f"the CA would not find the response for {challenge.identifier}",
                    evidence="; ".join(wrong),
                    hint="let every address serve the webroot below /.well-known/acme-challenge/; if only this machine "
                    "sees it so, set preflight = false in the challenge",
                )
        return receipt

    async def clear(self, challenge: Challenge) -> Receipt:
        return await self._solver.clear(challenge)

    async def _addresses(self, name: Name) -> list[IP]:
        found: list[IP] = []
        for type in (dns.rdatatype.A, dns.rdatatype.AAAA):
            try:
                validated = await self._resolver.resolve(name, int(type))
            except (DanelawError, TimeoutError):
                continue  # the CA has a resolver of its own
            if validated.rrset is not None and validated.state in (Security.SECURE, Security.INSECURE):
                found += [address(rdata) for rdata in sorted(validated.rrset.rdatas)]
        return found[:MOST_ADDRESSES]

    async def _wrong(self, ip: IP, challenge: Challenge) -> str | None:
        """What the address answers, if that is not the response; None also where it answers nothing."""
        try:
            host, port = self._dialer.locate(ip, 80)
            async with asyncio.timeout(PATIENCE):
                reply = await _fetch(host, port, challenge)
        except (OSError, TimeoutError, DanelawError):
            return None
        head, _, body = reply.partition(b"\r\n\r\n")
        words = head.split(b"\r\n", 1)[0].split(b" ", 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/") or words[1][:1] == b"3":
            return None
        if words[1] != b"200":
            return f"status {words[1].decode('ascii', 'replace')}"
        if challenge.response.encode("ascii") not in body:
            return f"something else: {body[:_SHOWN].decode('ascii', 'replace')!r}"
        return None


async def _fetch(host: str, port: int, challenge: Challenge) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        name = challenge.identifier.to_text(omit_final_dot=True)
        target = f"/.well-known/acme-challenge/{challenge.token}"
        # HTTP/1.0: so that the reply comes whole, and ends when the connection does.
        writer.write(f"GET {target} HTTP/1.0\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode("ascii"))
        await writer.drain()
        reply = b""
        while len(reply) < _LONGEST_REPLY and (piece := await reader.read(_LONGEST_REPLY)):
            reply += piece
        return reply
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
