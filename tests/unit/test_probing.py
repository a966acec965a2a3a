"""What an address presents to several kinds of client, and what the failure of one of them says."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address

import dns.name
import pytest

from danelaw.app.probing import probe_address
from danelaw.core.model import (
    IP,
    Chain,
    Endpoint,
    Handshake,
    HandshakeFailure,
    Hello,
    KeyAlgorithm,
    NotOffered,
    Presentation,
    Unreachable,
)

HOST = dns.name.from_text("www.example.net.")
PLAIN, RSA = Hello(HOST), Hello(HOST, None, KeyAlgorithm.RSA)
SHAKEN = Handshake(Chain((b"leaf",)), "TLSv1.3", "TLS_AES_256_GCM_SHA384")


@dataclass
class Server:
    """``ports.Prober`` and ``ports.Clock`` of one address."""

    plain: Handshake | HandshakeFailure
    rsa: Handshake | HandshakeFailure | Unreachable

    def now(self) -> datetime:
        return datetime.fromisoformat("2026-11-23T12:00:00+00:00")

    def monotonic(self) -> float:
        return 0.0

    async def sleep_until(self, when: datetime) -> None:
        raise AssertionError("nothing here waits")

    async def probe(self, endpoint: Endpoint, ip: IP, hello: Hello) -> Chain | HandshakeFailure | Unreachable:
        raise AssertionError("whole handshakes are made")

    async def handshake(self, endpoint: Endpoint, ip: IP, hello: Hello) -> Handshake | HandshakeFailure | Unreachable:
        return self.plain if hello == PLAIN else self.rsa


def to_rsa(server: Server) -> Presentation:
    address = ip_address("192.0.2.80")
    probes = asyncio.run(probe_address(server, server, Endpoint(HOST, 443), address, PLAIN, [RSA]))
    return probes[1].got


@pytest.mark.parametrize("code", ["TLS_ALERT", "CLOSED", "PROTOCOL"])
def test_a_handshake_that_fails_where_another_succeeds_shows_that_there_is_no_such_credential(code: str) -> None:
    assert to_rsa(Server(SHAKEN, HandshakeFailure(code))) == NotOffered()


@pytest.mark.parametrize(
    "code", ["CONNECTION_REFUSED", "STARTTLS_NOT_OFFERED", "STARTTLS_REFUSED", "NOT_THIS_PROTOCOL"]
)
def test_a_server_that_comes_to_no_tls_has_not_said_that_it_lacks_a_credential(code: str) -> None:
    """One that has had enough of our connections may well present the other certificate to others."""
    assert to_rsa(Server(SHAKEN, HandshakeFailure(code, "421 too many"))) == Unreachable(
        "UNREACHABLE", f"{code}: 421 too many"
    )


def test_where_nobody_gets_through_a_failure_is_a_failure() -> None:
    refused = HandshakeFailure("CONNECTION_REFUSED")
    assert to_rsa(Server(refused, refused)) == refused
