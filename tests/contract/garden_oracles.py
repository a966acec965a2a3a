"""The whole garden served on loopback, each entry below a top-level name of its own, and what others judge of it."""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Final

import dns.edns
import dns.flags
import dns.message
import dns.name
from dns.name import Name
from dns.rcode import Rcode
from dns.rdatatype import RdataType as T
from update_servers import free_port

from danelaw.core.dnssec.message import make_query, read_message
from danelaw.core.model import Message, Question, Security
from danelaw.ports import SocketAddress
from fault_garden.damages import Entry, nothing
from fault_garden.garden import Garden, plant
from name_servers import NameServer, name_server, to_wire

LARGEST_DATAGRAM: Final = 1232
_AUTHENTIC: Final = 0x0020
REFUSALS: Final = {Security.BOGUS: "refused", Security.INDETERMINATE: "refused"}
"""To a client of Unbound or delv both are a failure, and nothing tells them apart."""


def word(state: Security) -> str:
    """A verdict as others can be asked for it: ``secure``, ``insecure`` or ``refused``."""
    return REFUSALS.get(state, state.value)


@dataclass(frozen=True)
class Plot:
    """A garden below an origin of its own, planted when it is first asked for."""

    entry: Entry
    origin: Name
    now: datetime

    @cached_property
    def garden(self) -> Garden:
        garden = plant(self.entry.layout, self.origin, self.now)
        self.entry.damage(garden)
        return garden


Plots = Mapping[str, Plot]
"""By the entry's name."""


def plots(entries: Sequence[Entry], now: datetime) -> Plots:
    """A plot for each entry, and one for all honest entries of a layout: planting takes time."""
    shared: dict[object, Plot] = {}
    found = {}
    for number, entry in enumerate(entries):
        plot = Plot(entry, dns.name.from_text(f"f{number:03}."), now)
        found[entry.name] = shared.setdefault(entry.layout if entry.damage is nothing else number, plot)
    return found


@asynccontextmanager
async def forwarder(planted: Plots) -> AsyncIterator[NameServer]:
    """One server for all: the last label says whose garden is asked for."""

    by_origin = {plot.origin: plot for plot in planted.values()}

    def reply(query: bytes, largest: int) -> list[bytes]:
        told = read_message(query)
        (asked,) = told.question
        plot = by_origin.get(Name(asked.name.labels[-2:]))
        said = plot.garden.answer(asked) if plot else Message(0, 0x8180, Rcode.REFUSED, (asked,))
        if not isinstance(said, Message):
            return []
        wire = to_wire(said, told.id)
        if len(wire) > largest:
            wire = to_wire(Message(0, said.flags | 0x0200, 0, said.question), told.id)
        return [wire]

    def stream(query: bytes) -> bytes | None:
        return next(iter(reply(query, 0xFFFF)), None)

    async with name_server(lambda query: reply(query, LARGEST_DATAGRAM), stream) as server:
        yield server


def anchor_lines(planted: Plots) -> list[str]:
    return [
        f"{anchor.zone} IN DS {ds.tag} {ds.algorithm} {ds.digest_type} {ds.digest.hex()}"
        for plot in {plot.origin: plot for plot in planted.values()}.values()
        for anchor in plot.garden.anchors
        for ds in anchor.ds
    ]


@asynccontextmanager
async def unbound(program: str, folder: Path, upstream: SocketAddress, anchors: Sequence[str]) -> AsyncIterator[int]:
    """Unbound as it comes, validating what ``upstream`` says; its port."""
    port = free_port()
    (folder / "anchors").write_text("\n".join(anchors) + "\n")
    (folder / "unbound.conf").write_text(
        f"""\
server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  num-threads: 1
  do-not-query-localhost: no
  incoming-num-tcp: 64
  interface: 127.0.0.1@{port}
  module-config: "validator iterator"
  trust-anchor-file: "{folder}/anchors"
  ede: yes
  val-log-level: 2
forward-zone:
  name: "."
  forward-addr: {upstream[0]}@{upstream[1]}
remote-control:
  control-enable: no
"""
    )
    with (folder / "unbound.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            program, "-d", "-c", str(folder / "unbound.conf"), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    ended = asyncio.create_task(process.wait())
    try:
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.transport.abort()
                break
            await asyncio.wait([ended], timeout=0.05)  # it tells nobody when it listens
            assert not ended.done(), (folder / "unbound.log").read_text(errors="replace")
        yield port
    finally:
        if process.returncode is None:
            process.kill()
        await ended


async def said_by_unbound(port: int, asked: Question) -> tuple[str, str]:
    """Unbound's word on a question, and how it explained itself (RFC 8914)."""
    query = make_query(asked.name, asked.type, id=0, recursion_desired=True, checking_disabled=False)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(len(query).to_bytes(2) + query)
    wire = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
    writer.transport.abort()
    reply = read_message(wire)
    if reply.rcode == Rcode.SERVFAIL:
        options = dns.message.from_wire(wire).options
        return "refused", "; ".join(one.to_text() for one in options if isinstance(one, dns.edns.EDEOption))
    assert reply.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN, Rcode.YXDOMAIN), reply
    return ("secure" if reply.flags & _AUTHENTIC else "insecure"), ""


async def said_by_delv(
    program: str, folder: Path, upstream: SocketAddress, garden: Garden, asked: Question
) -> tuple[str, str]:
    """delv's word on a question, and all that it printed. It takes one trust anchor: the closest to the question."""
    anchor = garden.anchors.closest(asked.name)
    assert anchor is not None
    trusted = folder / f"anchors.{asked.name}{asked.type}"
    trusted.write_text(
        "trust-anchors {\n"
        + "".join(
            f'  "{anchor.zone}" static-ds {ds.tag} {ds.algorithm} {ds.digest_type} "{ds.digest.hex()}";\n'
            for ds in anchor.ds
        )
        + "};\n"
    )
    where = (f"@{upstream[0]}", "-p", str(upstream[1]), "-a", str(trusted), f"+root={anchor.zone}")
    process = await asyncio.create_subprocess_exec(
        program,
        *where,
        "-t",
        T.to_text(T.make(asked.type)),
        "-q",
        str(asked.name),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    printed = (await process.communicate())[0].decode(errors="replace")
    return read_delv(printed), printed


def read_delv(printed: str) -> str:
    """The weakest thing that delv said of any link."""
    if re.search(r"^;; resolution failed: (?!ncache nx)", printed, re.MULTILINE):  # that is how a denial begins
        return "refused"
    if "pending validation" in printed:
        return "unjudged"  # it gives the answer, and has not made up its mind
    if re.search("^; (negative response, )?unsigned ", printed, re.MULTILINE):
        return "insecure"
    assert "fully validated" in printed, printed
    return "secure"
