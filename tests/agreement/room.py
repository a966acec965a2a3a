"""Run as a program in namespaces of its own: ``danetool`` and ``posttls-finger`` there are asked of cases in a file.

They find their TLSA records by themselves, so that here is a name server, at port 53 of the only address of all names,
which says of itself that its answers are authentic. DNSSEC is not the subject: ``danetool`` is told so, and the
resolver of ``posttls-finger`` believes what it is told. A case is a port.

``python -m agreement.room FOLDER``: reads ``cases.json`` there, ``[{"how", "pem", "rdatas"}, …]``, and writes
``said.json``, ``[[status, output], …]``.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rrset
from dns.rdata import GenericRdata, Rdata
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType as T

from agreement.chains import DOMAIN, HOST
from agreement.presenting import presenting
from danelaw.worlds.lab.real import namespaces
from danelaw.worlds.lab.real.addresses import CACHE

ADDRESS: Final = str(CACHE.v4)  # libunbound asks nobody at 127.0.0.0/8
FIRST_PORT: Final = 20000
AT_ONCE: Final = 3
BY_MX: Final = "posttls-finger by MX"
"""As to the mail of ``DOMAIN``: that name may be in the certificate too (RFC 7672 §3.2.2)."""
PACKAGES: Final = {
    "unshare": "util-linux",
    "setpriv": "util-linux",
    "mount": "mount",
    "ip": "iproute2",
    "danetool": "gnutls-bin",
    "posttls-finger": "postfix",
}


class _Names(asyncio.DatagramProtocol):
    """Every name has the one address, ``DOMAIN`` a mail server, a port the TLSA records of its case."""

    def __init__(self, rdatas: list[list[str]]) -> None:
        self._rdatas = rdatas
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]  # asyncio's own type is too wide
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        reply = dns.message.make_response(query, recursion_available=True)
        reply.flags |= dns.flags.AD
        (asked,) = query.question
        first = asked.name.labels[0]
        rdatas: list[str] = []
        if asked.rdtype == T.TLSA and first[:1] == b"_" and first[1:].isdigit():
            rdatas = self._rdatas[int(first[1:]) - FIRST_PORT]
        found: list[Rdata] = [
            GenericRdata(RdataClass.IN, T.TLSA, bytes.fromhex(one)) for one in rdatas
        ]  # malformed too
        if asked.rdtype == T.MX and asked.name == dns.name.from_text(DOMAIN):
            found = [dns.rdata.from_text("IN", T.MX, f"10 {HOST}.")]
        if asked.rdtype == T.A:
            found = [dns.rdata.from_text("IN", T.A, ADDRESS)]
        if found:
            reply.answer.append(dns.rrset.from_rdata_list(asked.name, 60, found))
        assert self._transport is not None
        self._transport.sendto(reply.to_wire(), addr)


def _words(how: str, path: str, port: int) -> tuple[str, ...]:
    if how == "danetool":
        return path, "--local-dns", "--insecure", "--check", HOST, "--port", str(port), "--starttls-proto", "smtp"
    to = f"{DOMAIN}:{port}" if how == BY_MX else f"[{HOST}]:{port}"
    return path, "-a", "ipv4", "-c", "-l", "dane-only", "-L", "routine,certmatch,untrusted", to


async def _asked(folder: Path, programs: Mapping[str, str]) -> None:
    cases = json.loads((folder / "cases.json").read_text(encoding="ascii"))
    loop = asyncio.get_running_loop()
    names, _ = await loop.create_datagram_endpoint(
        lambda: _Names([case["rdatas"] for case in cases]), local_addr=(ADDRESS, 53)
    )
    at_once = asyncio.Semaphore(AT_ONCE)

    async def ask(how: str, port: int) -> tuple[int | None, str]:
        async with at_once:
            process = await asyncio.create_subprocess_exec(
                *_words(how, programs[how.split()[0]], port),
                cwd=folder,  # danetool leaves files where it is
                env=os.environ | {"MAIL_CONFIG": str(folder)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            output, _ = await process.communicate()
            return process.returncode, output.decode(errors="replace")

    async with presenting(ADDRESS, [Path(case["pem"]) for case in cases], FIRST_PORT) as ports:
        said = await asyncio.gather(*(ask(case["how"], port) for case, port in zip(cases, ports, strict=True)))
    names.close()
    (folder / "said.json").write_text(json.dumps(said), encoding="utf-8")


def _furnish(folder: Path, programs: Mapping[str, str]) -> None:
    namespaces.furnish(programs)
    resolver = folder / "resolv.conf"
    resolver.write_text(f"nameserver {ADDRESS}\noptions trust-ad\n", encoding="ascii")
    namespaces.hide(Path("/etc/resolv.conf"), resolver, programs)
    (folder / "main.cf").write_text("compatibility_level = 3.7\ninet_protocols = ipv4\n", encoding="ascii")


def main() -> None:
    folder = Path(sys.argv[1])
    programs = json.loads((folder / "programs.json").read_text(encoding="utf-8"))
    if not namespaces.inside():
        sys.exit(namespaces.run((sys.executable, "-m", "agreement.room", *sys.argv[1:]), programs))
    _furnish(folder, programs)
    asyncio.run(_asked(folder, programs))


if __name__ == "__main__":
    main()
