"""A world small enough to be read: root, net and one zone, signed with dnspython, and a TLS server with two addresses.

Nothing of the lab or of Danelaw is in it: it is what the crowd is examined against.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset
import dns.zone
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from dns.dnssectypes import Algorithm, DSDigest
from dns.name import Name
from dns.rdataclass import IN
from dns.rdatatype import DS, NS, NSEC, RRSIG, SOA, RdataType
from dns.rdtypes.ANY.DNSKEY import DNSKEY as Key  # noqa: N811  # the rdata's class; the type's number has its name

ROOT, NET, NS1, NS2 = "192.0.2.1", "192.0.2.2", "192.0.2.11", "192.0.2.12"
WEB1, WEB2 = "192.0.2.80", "2001:db8::80"
HOST = "www.example.net"
OWNER = dns.name.from_text(f"_443._tcp.{HOST}")
Tamper = Callable[[dns.message.Message], dns.message.Message]


@dataclass(frozen=True)
class ZoneKey:
    """A key that signs a whole zone: KSK and ZSK in one."""

    private: ec.EllipticCurvePrivateKey
    dnskey: Key

    @classmethod
    def make(cls) -> ZoneKey:
        private = ec.generate_private_key(ec.SECP256R1())
        return cls(private, dns.dnssec.make_dnskey(private.public_key(), Algorithm.ECDSAP256SHA256, flags=257))

    def ds(self, zone: str) -> str:
        return dns.dnssec.make_ds(dns.name.from_text(zone), self.dnskey, DSDigest.SHA256).to_text()


def signed(origin: str, text: str, key: ZoneKey | None, *, expired: bool = False) -> dns.zone.Zone:
    """The zone of a master file without SOA; unsigned without a ``key``."""
    head = f"$ORIGIN {origin}\n$TTL 4\n@ SOA ns. host. 1 60 60 600 4\n"
    zone = dns.zone.from_text(head + text, origin=origin, relativize=False)
    if key is not None:
        now = datetime.now(UTC)
        dns.dnssec.sign_zone(
            zone,
            keys=[(key.private, key.dnskey)],
            dnskey_ttl=4,
            inception=now - timedelta(hours=2),
            expiration=now + (timedelta(hours=-1) if expired else timedelta(hours=1)),
        )
    return zone


@dataclass
class Authority:
    """Serves one zone. ``tamper`` may rewrite a reply; ``queries`` lists what was asked, as text."""

    zone: dns.zone.Zone
    tamper: Tamper | None = None
    silent: bool = False
    cut_short: bool = False
    queries: list[str] = field(default_factory=list)

    def reply(self, wire: bytes, *, over_udp: bool) -> bytes | None:
        query = dns.message.from_wire(wire)
        (question,) = query.question
        self.queries.append(f"{question.name} {RdataType(question.rdtype).name}")
        if self.silent:
            return None
        reply = dns.message.make_response(query)
        if over_udp and self.cut_short:
            reply.flags |= dns.flags.TC
        else:
            self._fill(reply, question.name, question.rdtype)
            if self.tamper is not None:
                reply = self.tamper(reply)
        return reply.to_wire()

    def _fill(self, reply: dns.message.Message, name: Name, type: RdataType) -> None:
        cut = self._cut(name, type)
        if cut is not None:
            reply.authority += self._get(cut, NS)
            reply.authority += self._get(cut, DS) or self._get(cut, NSEC)
            for glue, rdataset in self.zone.iterate_rdatasets():
                if glue.is_subdomain(cut) and glue != cut and rdataset.rdtype != RRSIG:
                    reply.additional.append(dns.rrset.from_rdata_list(glue, rdataset.ttl, list(rdataset)))
            return
        reply.flags |= dns.flags.AA
        reply.answer += self._get(name, type) or self._get(name, RdataType.CNAME)
        if reply.answer:
            return
        reply.authority += self._get(self.zone.origin or name, SOA)
        if name in self.zone.nodes:
            reply.authority += self._get(name, NSEC)
            return
        reply.authority += self._gap(name)
        if not any(other.is_subdomain(name) for other in self.zone.nodes):
            reply.set_rcode(dns.rcode.NXDOMAIN)
            encloser = name.parent()
            while not any(other.is_subdomain(encloser) for other in self.zone.nodes):
                encloser = encloser.parent()
            for rrset in self._gap(dns.name.Name([b"*", *encloser.labels])):
                if rrset not in reply.authority:
                    reply.authority.append(rrset)

    def _cut(self, name: Name, type: RdataType) -> Name | None:
        while name != self.zone.origin and name != dns.name.root:
            node = self.zone.get_node(name)
            if node is not None and node.get_rdataset(IN, NS) is not None and type != DS:
                return name
            name = name.parent()
        return None

    def _get(self, name: Name, type: RdataType) -> list[dns.rrset.RRset]:
        found = self.zone.get_rdataset(name, type)
        if found is None:
            return []
        signatures = self.zone.get_rdataset(name, RRSIG, covers=type)
        both = [found] if signatures is None else [found, signatures]
        return [dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset)) for rdataset in both]

    def _gap(self, name: Name) -> list[dns.rrset.RRset]:
        before = [owner for owner in self.zone.nodes if owner < name and self._get(owner, NSEC)]
        return self._get(max(before), NSEC) if before else []


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = self._authority.reply(data, over_udp=True)
        if reply is not None:
            self._transport.sendto(reply, addr)


@dataclass(frozen=True)
class Issuer:
    """A CA: ``pem`` is its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls, name: str) -> Issuer:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(subject, subject, key, 30).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), True
        )
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        builder = builder.add_extension(usage, True).add_extension(identifier, False)
        return cls(key, builder.sign(key, hashes.SHA256()))

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def issue(self, host: str = HOST, days: float = 10) -> Credential:
        """A certificate for a new key; one that is over if ``days`` is negative."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = (
            _builder(subject, self.certificate.subject, key, days)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
            .add_extension(authority, False)
        )
        return Credential(key, (builder.sign(self.key, hashes.SHA256()), self.certificate))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: float
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=20))
        .not_valid_after(now + timedelta(days=days))
    )


@dataclass(frozen=True)
class Credential:
    key: ec.EllipticCurvePrivateKey
    chain: tuple[x509.Certificate, ...]

    @property
    def ders(self) -> tuple[bytes, ...]:
        return tuple(certificate.public_bytes(Encoding.DER) for certificate in self.chain)

    def tlsa(self, usage: int = 3, selector: int = 1, matching: int = 1, depth: int = 0) -> str:
        """A TLSA record's rdata text (RFC 6698 §2.2) for the certificate at ``depth``."""
        certificate = self.chain[depth]
        spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        data = spki if selector else certificate.public_bytes(Encoding.DER)
        shown = (data, hashlib.sha256(data).digest(), hashlib.sha512(data).digest())[matching].hex()
        return f"{usage} {selector} {matching} {shown}"

    def context(self, directory: Path) -> ssl.SSLContext:
        file = directory / f"{self.chain[0].serial_number}.pem"
        private = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(private + b"".join(one.public_bytes(Encoding.PEM) for one in self.chain))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


class World:
    """root → net → example.net on two authorities, ``www.example.net`` on two addresses.

    Changed by assigning to ``authorities[IP].zone`` (``zone`` makes one) and by ``present``.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.issuer = Issuer.make("World Root")
        self.keys = {origin: ZoneKey.make() for origin in (".", "net.", "example.net.")}
        self.credential = self.issuer.issue()
        self.anchor = f". 60 IN DNSKEY {self.keys['.'].dnskey.to_text()}\n"
        root = "@ NS a.root.\na.root. A 192.0.2.1\nnet. NS a.net.\na.net. A 192.0.2.2\n"
        self.authorities = {
            ROOT: Authority(signed(".", root + f"net. DS {self.keys['net.'].ds('net.')}\n", self.keys["."])),
            NET: Authority(self.parent(self.keys["example.net."].ds("example.net."))),
            NS1: Authority(self.zone()),
            NS2: Authority(self.zone()),
        }
        self.places: dict[tuple[str, int], tuple[str, int]] = {}
        self._contexts: dict[str, ssl.SSLContext] = {}

    def parent(self, ds: str | None) -> dns.zone.Zone:
        """net., with a DS for the zone or without."""
        text = f"@ NS a.net.\na A {NET}\nexample NS ns1.example\nexample NS ns2.example\n"
        text += f"ns1.example A {NS1}\nns2.example A {NS2}\n" + (f"example DS {ds}\n" if ds else "")
        return signed("net.", text, self.keys["net."])

    def zone(
        self, *tlsa: str, key: str | None = "example.net.", extra: str = "", expired: bool = False
    ) -> dns.zone.Zone:
        """example.net. with TLSA records; unsigned if ``key`` is None."""
        text = f"@ NS ns1\n@ NS ns2\nns1 A {NS1}\nns2 A {NS2}\nwww A {WEB1}\nwww AAAA {WEB2}\n{extra}"
        text += "".join(f"_443._tcp.www TLSA {record}\n" for record in tlsa)
        return signed("example.net.", text, self.keys[key] if key else None, expired=expired)

    def serve(self, zone: dns.zone.Zone) -> None:
        """From now on both authorities serve this zone."""
        for address in (NS1, NS2):
            self.authorities[address].zone = zone

    def tamper(self, tamper: Tamper | None) -> None:
        for address in (NS1, NS2):
            self.authorities[address].tamper = tamper

    def present(self, credential: Credential, *addresses: str) -> None:
        """From now on these addresses (both, if none is named) present this credential."""
        for address in addresses or (WEB1, WEB2):
            self._contexts[address] = credential.context(self.directory)

    def locate(self, address: str, port: int) -> tuple[str, int]:
        try:
            return self.places[address, port]
        except KeyError:
            raise ConnectionRefusedError(f"{address} port {port} is closed") from None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[World]:
        async with contextlib.AsyncExitStack() as stack:
            for address, authority in self.authorities.items():
                await self._start_dns(address, authority, stack)
            self.present(self.credential)
            for address in (WEB1, WEB2):
                await self._start_web(address, stack)
            yield self

    async def _start_dns(self, address: str, authority: Authority, stack: contextlib.AsyncExitStack) -> None:
        async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            wire = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
            reply = authority.reply(wire, over_udp=False)
            if reply is not None:
                writer.write(len(reply).to_bytes(2, "big") + reply)
            writer.close()

        loop = asyncio.get_running_loop()
        for last in (*[False] * 15, True):
            server = await asyncio.start_server(stream, "127.0.0.1", 0)
            where = server.sockets[0].getsockname()
            try:
                transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(authority), local_addr=where)
            except OSError:  # somebody has this port for UDP
                server.close()
                if last:
                    raise
            else:
                stack.callback(server.close)
                stack.callback(transport.close)
                self.places[address, 53] = where
                return

    async def _start_web(self, address: str, stack: contextlib.AsyncExitStack) -> None:
        def choose(connection: ssl.SSLObject | ssl.SSLSocket, sni: str | None, _: ssl.SSLContext) -> None:
            connection.context = self._contexts[address]

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                await reader.read()
            writer.close()

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sni_callback = choose
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        stack.callback(server.close)
        self.places[address, 443] = server.sockets[0].getsockname()
