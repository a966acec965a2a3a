"""P6: the CPU time of a handshake, against ``openssl s_time``, user and system. Goal: at most 1.3 times as much.

The work: connections to a server with a P-256 key on loopback, one after the other, a full handshake each. Ours is
``TLSProber.handshake``, which hands out the chain besides, and parts politely; s_time does neither. Each uses the
OpenSSL that it has, with its defaults: they are printed, for their versions offer different key exchanges. The server's
own time counts for nobody. That every handshake of ours was a full one shows in the chains: a resumed one has none.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import dns.name
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from danelaw.adapters.probe import TLSProber
from danelaw.core.model import IP, Chain, Endpoint, Handshake, Hello, TLSVersion
from danelaw.ports import SocketAddress
from side_by_side import cpu_seconds

GOAL = 1.3
WWW = dns.name.from_text("www.example.net.")
HERE = IPv4Address("127.0.0.1")
OPENSSL = "openssl"


class At:
    """The dialer of a world in which everything is at one port."""

    def __init__(self, port: int) -> None:
        self._port = port

    def locate(self, ip: IP, port: int) -> SocketAddress:
        del port
        return str(ip), self._port


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--handshakes", type=int, default=1000, help="of ours in each round")
    arguments.add_argument("--seconds", type=int, default=2, help="for which s_time is run in each round")
    arguments.add_argument("--rounds", type=int, default=5)
    options = arguments.parse_args()
    if shutil.which(OPENSSL) is None:
        print("openssl is not installed: there is nobody to compare with", file=sys.stderr)
        return 1
    print(f"ours: {SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode()}; s_time: {printed('version').strip()}")
    print("P6 a handshake               ours      s_time    ratio")
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as (port, chain):
        for version in TLSVersion:
            ours(port, version, 10, chain)  # what is made once is made
            taken: tuple[list[float], list[float]] = ([], [])
            for _ in range(options.rounds):
                work = options.handshakes
                seconds = cpu_seconds(lambda: ours(port, version, work, chain))  # noqa: B023 - called at once
                taken[0].append(seconds / work)
                taken[1].append(theirs(port, version, options.seconds))
            mine, peers = (statistics.median(one) * 1e6 for one in taken)
            print(f"  {version.value:22}{mine:7.0f} us  {peers:7.0f} us  {mine / peers:5.2f}x   goal {GOAL}x")
    return 0


def ours(port: int, version: TLSVersion, times: int, chain: Chain) -> None:
    async def shake() -> None:
        prober, endpoint, hello = TLSProber(At(port)), Endpoint(WWW, port), Hello(WWW, version)
        for _ in range(times):
            got = await prober.handshake(endpoint, HERE, hello)
            if not isinstance(got, Handshake) or got.chain != chain or got.version != version.value:
                raise AssertionError(f"not the handshake that was asked for: {got}")

    asyncio.run(shake())


def theirs(port: int, version: TLSVersion, seconds: int) -> float:
    """CPU seconds of each handshake, the few milliseconds in which the program starts included."""
    before = os.times()
    only = {TLSVersion.TLS12: "-tls1_2", TLSVersion.TLS13: "-tls1_3"}[version]
    said = printed("s_time", "-connect", f"{HERE}:{port}", "-new", only, "-time", str(seconds))
    after = os.times()
    counted = re.search(r"^(\d+) connections in", said, re.MULTILINE)
    if counted is None:
        raise AssertionError(f"s_time counted nothing: {said[-200:]}")
    spent = (after.children_user - before.children_user) + (after.children_system - before.children_system)
    return spent / int(counted[1])


def printed(*arguments: str) -> str:
    done = subprocess.run([OPENSSL, *arguments], capture_output=True, text=True, check=True, timeout=60)  # noqa: S603 - own words
    return done.stdout


@contextlib.contextmanager
def server(folder: Path) -> Iterator[tuple[int, Chain]]:
    """OpenSSL's own, on a port that the kernel gives, and the chain that it presents."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = self_signed(key)
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    command = [OPENSSL, "s_server", "-accept", f"{HERE}:0", "-cert", str(pem), "-key", str(pem), "-www"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:  # noqa: S603 - own words
        try:
            yield listens_at(process), Chain((certificate.public_bytes(serialization.Encoding.DER),))
        finally:
            process.kill()


def listens_at(process: subprocess.Popen[str]) -> int:
    for line in process.stdout or ():
        if line.startswith("ACCEPT "):
            return int(line.rpartition(":")[2])
    raise AssertionError("the server did not start")


def self_signed(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "www.example.net")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )


if __name__ == "__main__":
    sys.exit(main())
