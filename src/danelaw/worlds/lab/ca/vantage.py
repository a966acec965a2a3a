"""How the CA looks at a name: through the world's resolver, at the world's web servers (RFC 8555 §8)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, TypeAlias

import dns.asyncquery
import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import h11

from danelaw.core.model import DanelawError
from danelaw.worlds.lab.ca.jws import b64encode
from danelaw.worlds.lab.ca.problem import Problem

IP: TypeAlias = IPv4Address | IPv6Address
SocketAddress: TypeAlias = tuple[str, int]

LOOKUP_SECONDS: Final = 5.0
FETCH_SECONDS: Final = 10.0
LONGEST_BODY: Final = 4096


class Vantage:
    """One place to look from. ``resolver``: the forwarder's socket; ``locate``: where (address, port) is."""

    def __init__(self, resolver: SocketAddress, locate: Callable[[IP, int], SocketAddress]) -> None:
        self.resolver = resolver
        self.locate = locate

    async def http_01(self, name: str, token: str, expected: str) -> None:
        """Fetch the key authorization from every address in turn until one answers (RFC 8555 §8.3).

        Raises ``dns``, ``connection`` or ``unauthorized``. Redirects, which a CA should follow, count as wrong answers:
        no server of this world has a reason to send one.
        """
        addresses = await self._addresses(name)
        failure = "no address"
        for address in addresses:
            url = f"http://{name}/.well-known/acme-challenge/{token} at {address}"
            try:
                async with asyncio.timeout(FETCH_SECONDS):
                    status, body = await self._fetch(address, name, f"/.well-known/acme-challenge/{token}")
            except (OSError, TimeoutError, DanelawError, h11.RemoteProtocolError) as error:
                failure = f"{url}: {type(error).__name__} {error}"
                continue
            if status != 200:
                raise Problem("unauthorized", f"Invalid response from {url}: {status}")
            # Trailing whitespace is ignored, as RFC 8555 §8.3 tells servers to.
            if body.rstrip() != expected.encode():
                shown = body[:80].decode("ascii", "backslashreplace")
                raise Problem("unauthorized", f"{url} holds {shown!r}, not the key authorization {expected!r}")
            return
        raise Problem("connection", failure)

    async def dns_01(self, name: str, key_authorization: str) -> None:
        """Look for the digest of the key authorization in TXT records (RFC 8555 §8.4)."""
        owner = f"_acme-challenge.{name}"
        expected = b64encode(hashlib.sha256(key_authorization.encode()).digest()).encode()
        found = [b"".join(record) for record in await self._lookup(owner, dns.rdatatype.TXT)]
        if not found:
            raise Problem("unauthorized", f"No TXT record found at {owner}")
        if expected not in found:
            shown = found[0][:80].decode("ascii", "backslashreplace")
            raise Problem("unauthorized", f"Incorrect TXT record {shown!r} ({len(found)} in all) found at {owner}")

    async def _addresses(self, name: str) -> list[IP]:
        """IPv6 first. One family's failure counts only where the other has nothing either."""
        found: list[IP] = []
        failures: list[Problem] = []
        for kind in (dns.rdatatype.AAAA, dns.rdatatype.A):
            try:
                found += [ip_address(text.decode()) for (text,) in await self._lookup(name, kind)]
            except Problem as problem:
                failures.append(problem)
        if not found:
            raise failures[-1] if failures else Problem("dns", f"No valid A or AAAA records found for {name}")
        return found

    async def _lookup(self, name: str, kind: dns.rdatatype.RdataType) -> list[tuple[bytes, ...]]:
        """The strings of each record at the end of the CNAME chain; addresses are one string each."""
        host, port = self.resolver
        query = dns.message.make_query(name, kind)
        what = f"looking up {kind.name} for {name}"
        try:
            reply, _ = await dns.asyncquery.udp_with_fallback(query, host, timeout=LOOKUP_SECONDS, port=port)
            if reply.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
                raise Problem("dns", f"DNS problem: {dns.rcode.to_text(reply.rcode())} {what}")
            if reply.rcode() == dns.rcode.NXDOMAIN:
                raise Problem("dns", f"DNS problem: NXDOMAIN {what} - check that a DNS record exists for this domain")
            answer = dns.message.QueryMessage.resolve_chaining(_as_query(reply)).answer
        except (dns.exception.DNSException, OSError, TimeoutError) as error:
            raise Problem("dns", f"DNS problem: {type(error).__name__} {what}") from error
        if answer is None:
            return []
        return [tuple(r.strings) if kind is dns.rdatatype.TXT else (r.address.encode(),) for r in answer]

    async def _fetch(self, address: IP, host: str, target: str) -> tuple[int, bytes]:
        place, port = self.locate(address, 80)
        reader, writer = await asyncio.open_connection(place, port)
        try:
            wire = h11.Connection(h11.CLIENT)
            headers = [("Host", host), ("User-Agent", "danelaw-lab-ca"), ("Accept", "*/*"), ("Connection", "close")]
            writer.write(wire.send(h11.Request(method="GET", target=target, headers=headers)) or b"")
            writer.write(wire.send(h11.EndOfMessage()) or b"")
            await writer.drain()
            status, body = 0, b""
            while len(body) <= LONGEST_BODY:
                event = wire.next_event()
                if event is h11.NEED_DATA:
                    wire.receive_data(await reader.read(65536))
                elif isinstance(event, h11.Response):
                    status = event.status_code
                elif isinstance(event, h11.Data):
                    body += event.data
                elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                    break
            return status, body
        finally:
            writer.close()


def _as_query(message: dns.message.Message) -> dns.message.QueryMessage:
    if not isinstance(message, dns.message.QueryMessage):
        raise Problem("dns", "DNS problem: the reply is no answer to a query")
    return message
