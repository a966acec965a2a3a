"""A crowd of mail hosts behind signed zones, for checkers to be measured by: STARTTLS at port 25, TLS at 465.

Inside namespaces, so that every program finds them without being told: the resolver and the trust anchors of the system
are those of this world. Each host is a name with one IPv4 address, a P-256 key and a certificate of the one CA; some
have TLSA records that do not fit. Each zone has two name servers with two addresses each.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from typing import Final

import dns.name
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from danelaw.adapters.zone.master_file import parse_zone, zone_text
from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.keys import ZoneKey, make_ds
from danelaw.core.dnssec.sign import sign_zone
from danelaw.core.model import Chain
from danelaw.core.tlsa import Combination, associate
from danelaw.worlds.lab.real import namespaces
from danelaw.worlds.lab.real.addresses import CACHE, NET, PRIMARY, ROOT, SECONDARY, Place
from danelaw.worlds.lab.real.asking import serves_zone
from danelaw.worlds.lab.real.supervise import Server, supervision
from danelaw.worlds.lab.real.unbound import VALIDATING, Unbound

TTL: Final = 3600
NETWORK: Final = "10.25.0.0/16"
STARTTLS_PORT: Final = 25
TLS_PORT: Final = 465
FOLDER: Final = namespaces.RUN / "p05"
ANCHOR: Final = FOLDER / "root.key"
BIND_ANCHOR: Final = FOLDER / "bind.keys"
KINDS: Final = ("3 1 1", "rolling", "2 1 1", "3 0 2", "wrong")
WRONG: Final = "3 1 1 " + "5a" * 32


@dataclass(frozen=True)
class Host:
    """``fits``: whether its TLSA records match what it presents."""

    name: str
    ip: IPv4Address
    zone: str
    kind: str

    @property
    def fits(self) -> bool:
        return self.kind != "wrong"


@dataclass(frozen=True)
class Authority:
    """The CA of every host."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def made(cls) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        return cls(key, _certificate("the CA", key, "the CA", key))

    def credential(self, host: str) -> tuple[bytes, Chain]:
        """Key and chain in PEM, and the chain."""
        key = ec.generate_private_key(ec.SECP256R1())
        own = _certificate(host, key, "the CA", self.key)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        chain = (own, self.certificate)
        pem = private + b"".join(one.public_bytes(Encoding.PEM) for one in chain)
        return pem, Chain(tuple(one.public_bytes(Encoding.DER) for one in chain))


def _certificate(
    subject: str, key: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    now = datetime.now(UTC)
    by, of = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (issuer, subject))
    builder = x509.CertificateBuilder(by, of, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=60))
    builder = builder.add_extension(x509.BasicConstraints(subject == issuer, None), True)
    if subject != issuer:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(subject)]), False)
    return builder.sign(signer, hashes.SHA256())


def hosts(count: int, zones: int) -> tuple[Host, ...]:
    first = int(ip_address(NETWORK.partition("/")[0])) + 256
    named = ((f"d{number % zones}.net", IPv4Address(first + number), number) for number in range(count))
    return tuple(Host(f"mx{number}.{zone}", ip, zone, KINDS[number % len(KINDS)]) for zone, ip, number in named)


@contextlib.asynccontextmanager
async def standing(crowd: Sequence[Host], found: Mapping[str, str]) -> AsyncIterator[None]:
    """The world, up. Namespaces must be furnished. Raises ``DanelawError("SERVER_FAILED")``."""
    FOLDER.mkdir()
    authority = Authority.made()
    contexts: dict[str, ssl.SSLContext] = {}
    tlsa: dict[str, tuple[str, ...]] = {}
    for host in crowd:
        pem, chain = authority.credential(host.name)
        contexts[str(host.ip)] = _context(pem)
        tlsa[host.name] = _rdatas(host.kind, chain)
    names = _name_servers(crowd, tlsa, found)
    _surround(found)
    async with supervision() as supervisor:
        await asyncio.gather(*(supervisor.start(server) for server in names))
        await supervisor.start(_resolver(found))
        async with _mail_servers(contexts):
            yield


def _context(pem: bytes) -> ssl.SSLContext:
    file = FOLDER / "credential.pem"
    file.write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def _rdatas(kind: str, chain: Chain) -> tuple[str, ...]:
    if kind == "wrong":
        return (WRONG,)
    if kind == "rolling":
        return associate(Combination.from_text("3 1 1"), chain).to_text(), WRONG
    return (associate(Combination.from_text(kind), chain).to_text(),)


@contextlib.asynccontextmanager
async def _mail_servers(contexts: Mapping[str, ssl.SSLContext]) -> AsyncIterator[None]:
    """One for all addresses, told apart by the one that a client connects to."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, tls: bool) -> None:
        with contextlib.suppress(OSError, ssl.SSLError):  # who checks may go at any time
            if tls:
                await writer.start_tls(contexts[writer.get_extra_info("sockname")[0]])
            writer.write(b"220 a mail host ESMTP\r\n")
            while line := await reader.readline():
                word = line[:4].upper()
                if word == b"STAR":
                    writer.write(b"220 go ahead\r\n")
                    await writer.start_tls(contexts[writer.get_extra_info("sockname")[0]])
                elif word == b"QUIT":
                    writer.write(b"221 bye\r\n")
                    break
                else:
                    writer.write(b"250-a mail host\r\n250 STARTTLS\r\n" if word == b"EHLO" else b"250 ok\r\n")
            writer.close()

    async def smtp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await talk(reader, writer, tls=False)

    async def smtps(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await talk(reader, writer, tls=True)

    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns of each client that hangs up first
    servers = [
        await asyncio.start_server(smtp, "0.0.0.0", STARTTLS_PORT),  # noqa: S104 - in a network of its own
        await asyncio.start_server(smtps, "0.0.0.0", TLS_PORT),  # noqa: S104 - in a network of its own
    ]
    yield
    for server in servers:
        server.close()


# -- names -------------------------------------------------------------------------------------------------------------


def _name_servers(
    crowd: Sequence[Host], tlsa: Mapping[str, Sequence[str]], found: Mapping[str, str]
) -> tuple[Server, ...]:
    """Zones that are signed from the root down, each level with servers of its own."""
    servers = (("ns1", PRIMARY), ("ns2", SECONDARY))
    root = f"@ {TTL} IN SOA a.root. host.root. 1 1800 900 604800 60\n@ {TTL} IN NS a.root.\n" + _at("a.root.", ROOT)
    net = f"@ {TTL} IN SOA a.net. host.net. 1 1800 900 604800 60\n@ {TTL} IN NS a.net.\n" + _at("a.net.", NET)
    below = {}
    for zone in dict.fromkeys(host.zone for host in crowd):
        lines = [f"@ {TTL} IN SOA ns1.{zone}. host.{zone}. 1 1800 900 604800 60\n"]
        for label, place in servers:
            delegated = f"{zone}. {TTL} IN NS {label}.{zone}.\n" + _at(f"{label}.{zone}.", place)
            lines.append(delegated)
            net += delegated
        for host in (host for host in crowd if host.zone == zone):
            lines.append(f"{host.name}. {TTL} IN A {host.ip}\n")
            for port in (STARTTLS_PORT, TLS_PORT):
                lines += (f"_{port}._tcp.{host.name}. {TTL} IN TLSA {rdata}\n" for rdata in tlsa[host.name])
        below[f"{zone}."], ds = _signed(f"{zone}.", "".join(lines))
        net += ds
    net, ds = _signed("net.", net)
    root += f"net. {TTL} IN NS a.net.\n" + _at("a.net.", NET) + ds
    root, ds = _signed(".", root)
    ANCHOR.write_text(ds, encoding="ascii")
    tag, algorithm, digest_type, digest = ds.split()[4:]
    BIND_ANCHOR.write_text(f'trust-anchors {{ . static-ds {tag} {algorithm} {digest_type} "{digest}"; }};\n', "ascii")
    return (
        _nsd("root", ROOT, {".": root}, found),
        _nsd("net", NET, {"net.": net}, found),
        _nsd("below", (*PRIMARY, *SECONDARY), below, found),
    )


def _at(owner: str, place: Place) -> str:
    return f"{owner} {TTL} IN A {place.v4}\n{owner} {TTL} IN AAAA {place.v6}\n"


def _signed(zone: str, text: str) -> tuple[str, str]:
    """The zone, signed, and its DS record."""
    apex, now = dns.name.from_text(zone), datetime.now(UTC).replace(microsecond=0)
    key = ZoneKey.of(apex, 257, Algorithm.ECDSAP256SHA256, ec.generate_private_key(ec.SECP256R1()))
    rrsets = parse_zone(text, Path(zone), apex).rrsets().values()
    signed = sign_zone(apex, rrsets, [key], [], now - timedelta(hours=1), now + timedelta(days=14))
    ds = make_ds(apex, key.dnskey)
    return zone_text(signed, zone), f"{zone} {TTL} IN DS {ds.tag} {ds.algorithm} {ds.digest_type} {ds.digest.hex()}\n"


def _nsd(name: str, at: Iterable[object], zones: Mapping[str, str], found: Mapping[str, str]) -> Server:
    folder, ips = FOLDER / name, [str(ip) for ip in at]
    folder.mkdir()
    for zone, text in zones.items():
        (folder / f"{zone}zone").write_text(text, encoding="ascii")
    listed = "".join(f'zone:\n  name: "{zone}"\n  zonefile: "{zone}zone"\n' for zone in zones)
    (folder / "nsd.conf").write_text(
        f"""\
server:
  {"".join(f"ip-address: {ip}{chr(10)}  " for ip in ips)}username: ""
  chroot: ""
  database: ""
  zonesdir: "{folder}"
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  zonelistfile: "{folder}/zone.list"
  server-count: 1
  rrl-ratelimit: 0
remote-control:
  control-enable: no
{listed}""",
        encoding="ascii",
    )
    argv = (found["nsd"], "-d", "-c", str(folder / "nsd.conf"))
    ready = serves_zone(ip_address(ips[0]), dns.name.from_text(next(iter(zones))))
    return Server(f"nsd-{name}", argv, FOLDER / f"nsd-{name}.log", ready)


def _resolver(found: Mapping[str, str]) -> Server:
    hints = FOLDER / "root.hints"
    hints.write_text(f". {TTL} IN NS a.root.\n" + _at("a.root.", ROOT), encoding="ascii")
    copy = FOLDER / "bin" / "unbound"  # a copy, which no profile of AppArmor confines
    copy.parent.mkdir()
    copy.write_bytes(Path(found["unbound"]).read_bytes())
    copy.chmod(0o755)
    return Unbound(FOLDER / "unbound", (CACHE.v4,), {**found, "unbound": str(copy)}, hints, ANCHOR, VALIDATING).server()


def _surround(found: Mapping[str, str]) -> None:
    """What programs find without being told: addresses, the resolver, the trust anchor."""
    local = (found["ip"], "route", "add", "local", NETWORK, "dev", "lo")
    subprocess.run(local, check=True)  # noqa: S603  # own words
    resolv = FOLDER / "resolv.conf"
    resolv.write_text(f"nameserver {CACHE.v4}\noptions trust-ad\n", encoding="ascii")
    namespaces.hide(Path("/etc/resolv.conf"), resolv, found)
    namespaces.hide(Path("/usr/share/dns/root.key"), ANCHOR, found)
    (FOLDER / "main.cf").write_text("compatibility_level = 3.7\ninet_protocols = ipv4\n", encoding="ascii")
