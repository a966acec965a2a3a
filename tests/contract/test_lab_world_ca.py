"""The CA of the embedded world issues to whoever controls the web root, and its certificates are good for TLS."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from danelaw.adapters.clock import SystemClock, ThreadBlocking
from danelaw.adapters.issue.acme import AcmeIssuer
from danelaw.adapters.issue.webroot import WebrootSolver
from danelaw.core.model import Advance, ChallengeType, Failed, Issued, NeedChallenge, OrderState, Pending
from danelaw.worlds.lab.embedded import WEB4, WEB6, EmbeddedWorld

pytestmark = pytest.mark.slow


def made_csr(key: ec.EllipticCurvePrivateKey) -> bytes:
    names = x509.SubjectAlternativeName([x509.DNSName("www.dotnxdomain.net")])
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(names, critical=False)
    return request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


async def ordered(world: EmbeddedWorld, csr: bytes, webroot: Path) -> Advance:
    """An order for the world's host, its challenges put under ``webroot``, until it is over."""
    clock = SystemClock()
    issuer = AcmeIssuer(
        world.ca.url, None, world.directory / "account", world.ca.api_bundle,
        ChallengeType.HTTP_01, None, ThreadBlocking(), clock,
    )  # fmt: skip
    solver = WebrootSolver(webroot)
    step: Advance = Pending(OrderState((world.host,)), datetime.now(UTC))
    async with asyncio.timeout(90):
        while not isinstance(step, Issued | Failed):
            order = step.order
            if isinstance(step, NeedChallenge):
                for challenge in step.challenges:
                    await solver.place(challenge)
                placed = order.placed | {challenge.url for challenge in step.challenges}
                order = OrderState(order.names, order.profile, order.url, order.replaces, placed)
            elif order.url is not None:
                await clock.sleep_until(step.until)
            step = await issuer.advance(order, csr)
    return step


def test_it_issues_for_the_host_and_clients_with_its_root_accept_what_is_served(tmp_path: Path) -> None:
    async def run() -> None:
        async with EmbeddedWorld(tmp_path / "lab") as world:
            key = ec.generate_private_key(ec.SECP256R1())
            issued = await ordered(world, made_csr(key), world.webroot)
            assert isinstance(issued, Issued), issued
            world.live.mkdir()
            pem = b"".join(
                x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM)
                for der in issued.chain.ders
            )
            (world.live / "fullchain.pem").write_bytes(pem)
            (world.live / "privkey.pem").write_bytes(
                key.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                )
            )
            assert world.web.reload().status == 0
            trusting = ssl.create_default_context(cafile=world.ca.roots)
            for ip in (WEB4, WEB6):
                host, port = world.dialer.locate(ip, 443)
                _, writer = await asyncio.open_connection(
                    host, port, ssl=trusting, server_hostname="www.dotnxdomain.net"
                )
                got = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
                assert got == issued.chain.ders[0]
                writer.close()

    asyncio.run(run())


@pytest.mark.parametrize("fault", ["nothing under the web root", "the zone's servers are silent"])
def test_it_issues_nothing_where_control_is_not_shown(tmp_path: Path, fault: str) -> None:
    async def run() -> None:
        async with EmbeddedWorld(tmp_path / "lab") as world:
            webroot = world.webroot
            if fault == "nothing under the web root":
                webroot = tmp_path / "elsewhere"
                webroot.mkdir()
            else:
                world.primary.silent = world.secondary.silent = True
            key = ec.generate_private_key(ec.SECP256R1())
            outcome = await ordered(world, made_csr(key), webroot)
            assert isinstance(outcome, Failed)
            assert world.ca.issued == ()

    asyncio.run(run())
