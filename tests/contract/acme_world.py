"""A small world for the ACME tests: the lab's CA, a name server, a web server, over real sockets on loopback."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from dns.name import Name

from danelaw.adapters.clock import SystemClock, ThreadBlocking
from danelaw.adapters.issue.acme import AcmeIssuer
from danelaw.adapters.issue.webroot import WebrootSolver
from danelaw.core.model import (
    IP,
    Advance,
    Challenge,
    ChallengeType,
    DanelawError,
    Failed,
    Issued,
    NeedChallenge,
    OrderState,
    Pending,
)
from danelaw.worlds.lab.ca import AcmeCA

WWW = dns.name.from_text("www.example.net.")
WEB = "192.0.2.80"
MOST_STEPS = 2000


class StubDNS(asyncio.DatagramProtocol):
    """Answers from a table of (name, type); NODATA for a known name, NXDOMAIN for others."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[str]] = {}
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        asked = query.question[0]
        name, kind = asked.name.to_text().lower(), dns.rdatatype.to_text(asked.rdtype)
        reply = dns.message.make_response(query)
        found = self.records.get((name, kind), [])
        if found:
            reply.answer.append(dns.rrset.from_text(asked.name, 60, "IN", kind, *found))
        elif not any(known == name for known, _ in self.records):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        assert self.transport is not None
        self.transport.sendto(reply.to_wire(), addr)


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """A test's server has nothing to say."""


@dataclass
class World:
    """A CA, a name server and a web server whose root is ``webroot``; ``WEB`` is the web server's address."""

    tmp: Path
    ca: AcmeCA
    dns: StubDNS
    webroot: Path
    hosts: dict[str, int] = field(default_factory=dict)

    def issuer(self, challenge: ChallengeType = ChallengeType.HTTP_01, **changes: object) -> AcmeIssuer:
        settings: dict[str, object] = {
            "directory": self.ca.url,
            "contact": "mailto:hostmaster@example.net",
            "account": self.tmp / "account",
            "bundle": self.ca.api_bundle,
            "challenge": challenge,
            "profile": None,
            "blocking": ThreadBlocking(),
            "clock": SystemClock(),
        }
        return AcmeIssuer(**(settings | changes))  # type: ignore[arg-type] # settings of many types, checked at run time

    async def place(self, challenge: Challenge) -> None:
        if challenge.type is ChallengeType.HTTP_01:
            await WebrootSolver(self.webroot).place(challenge)
        else:
            owner = f"_acme-challenge.{challenge.identifier.to_text()}"
            self.dns.records.setdefault((owner, "TXT"), []).append(f'"{challenge.response}"')


@asynccontextmanager
async def world(tmp: Path, **ca_settings: object) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        loop = asyncio.get_running_loop()
        transport, stub = await loop.create_datagram_endpoint(StubDNS, local_addr=("127.0.0.1", 0))
        stack.callback(transport.close)
        resolver = transport.get_extra_info("sockname")
        webroot = tmp / "www"
        webroot.mkdir()
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(webroot)))
        stack.callback(server.server_close)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        stack.callback(server.shutdown)
        hosts = {WEB: server.server_address[1]}

        def locate(ip: IP, port: int) -> tuple[str, int]:
            if port != 80 or str(ip) not in hosts:
                raise DanelawError("NOT_IN_THIS_WORLD", f"{ip}:{port}")
            return "127.0.0.1", hosts[str(ip)]

        settings: dict[str, object] = {"retry_after": 0} | ca_settings
        ca = await stack.enter_async_context(AcmeCA(tmp / "ca", resolver, locate, **settings))  # type: ignore[arg-type] # as above
        stub.records["www.example.net.", "A"] = [WEB]
        yield World(tmp, ca, stub, webroot, hosts)


def in_world(tmp: Path, test: Callable[[World], object], **ca_settings: object) -> None:
    async def run() -> None:
        async with world(tmp, **ca_settings) as here:
            await test(here)  # type: ignore[misc] # every test here is a coroutine function

    asyncio.run(run())


def csr_for(names: tuple[Name, ...], key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None) -> bytes:
    texts = [x509.DNSName(name.to_text(omit_final_dot=True)) for name in names]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    builder = builder.add_extension(x509.SubjectAlternativeName(texts), critical=False)
    return builder.sign(key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).public_bytes(
        serialization.Encoding.DER
    )


async def drive(
    here: World,
    issuer: Callable[[], AcmeIssuer],
    order: OrderState,
    csr: bytes,
    place: Callable[[Challenge], object] | None = None,
) -> tuple[Advance, list[Advance]]:
    """Advance until it is over, placing what is asked for; the steps as they came."""
    steps: list[Advance] = []
    for _ in range(MOST_STEPS):
        step = await issuer().advance(order, csr)
        steps.append(step)
        order = step.order
        match step:
            case NeedChallenge(challenges=challenges):
                for challenge in challenges:
                    await (place or here.place)(challenge)  # type: ignore[misc] # a coroutine function
                order = replace(order, placed=order.placed | {challenge.url for challenge in challenges})
            case Issued() | Failed():
                return step, steps
    raise AssertionError(f"not over after {MOST_STEPS} steps: {steps[-1]}")


async def needed(issuer: AcmeIssuer, order: OrderState, csr: bytes) -> NeedChallenge:
    """What a new order wants placed: the first step makes it, the second asks."""
    made = await issuer.advance(order, csr)
    assert isinstance(made, Pending), made
    assert made.order.url is not None
    asked = await issuer.advance(made.order, csr)
    assert isinstance(asked, NeedChallenge), asked
    return asked


async def issue(here: World, order: OrderState, challenge: ChallengeType = ChallengeType.HTTP_01) -> Issued:
    csr = csr_for(order.names)
    issuer = here.issuer(challenge)
    end, _ = await drive(here, lambda: issuer, order, csr)
    assert isinstance(end, Issued), end
    return end


def leaf_of(issued: Issued) -> x509.Certificate:
    return x509.load_der_x509_certificate(issued.chain.ders[0])
