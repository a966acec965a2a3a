"""The whole garden served on loopback, each entry below a top-level name of its own, and what others judge of it."""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
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
from fault_garden.damages import BarrenError, Entry, nothing
from fault_garden.garden import Garden, plant
from name_servers import NameServer, name_server, to_wire

_AUTHENTIC: Final = 0x0020
REFUSALS: Final = {Security.BOGUS: "refused", Security.INDETERMINATE: "refused"}
"""To a client of Unbound or delv both are a failure, and nothing tells them apart."""


def word(state: Security) -> str:
    """A verdict as others can be asked for it: ``secure``, ``insecure`` or ``refused``."""
    return REFUSALS.get(state, state.value)


Told = tuple[str, str]
"""A word, and how it was explained."""
Plots = Mapping[str, Garden]
"""The entries' gardens, by the entries' names."""


def plots(entries: Sequence[Entry], now: datetime) -> Plots:
    """A garden for each entry, below an origin of its own, and one for all honest entries of a layout."""
    shared: dict[object, Garden] = {}
    found = {}
    for number, entry in enumerate(entries):
        key = entry.layout if entry.damage is nothing else number
        if key not in shared:
            shared[key] = _planted(entry, f"f{number:03}", now)
        found[entry.name] = shared[key]
    return found


def _planted(entry: Entry, label: str, now: datetime) -> Garden:
    """Where hashes fall so that the damage does none, another origin is tried."""
    for more in "abcdefghijklm":
        garden = plant(entry.layout, dns.name.from_text(f"{label}{more}."), now)
        try:
            entry.damage(garden)
        except BarrenError:
            continue
        return garden
    raise AssertionError(f"{entry.name} does no damage anywhere")


@asynccontextmanager
async def forwarder(planted: Plots) -> AsyncIterator[NameServer]:
    """One server for all: the last label says whose garden is asked for."""

    by_origin = {garden.origin: garden for garden in planted.values()}

    def reply(query: bytes, largest: int) -> list[bytes]:
        told = read_message(query)
        (asked,) = told.question
        garden = by_origin.get(Name(asked.name.labels[-2:]))
        said = garden.answer(asked) if garden else Message(0, 0x8180, Rcode.REFUSED, (asked,))
        if not isinstance(said, Message):
            return []
        wire = to_wire(said, told.id)
        if len(wire) > largest:
            wire = to_wire(Message(0, said.flags | 0x0200, 0, said.question), told.id)
        return [wire]

    def stream(query: bytes) -> bytes | None:
        return next(iter(reply(query, 0xFFFF)), None)

    def datagrams(query: bytes) -> list[bytes]:
        return reply(query, dns.message.from_wire(query).payload or 512)

    async with name_server(datagrams, stream) as server:
        yield server


def anchor_lines(planted: Plots) -> list[str]:
    return [
        f"{anchor.zone} IN DS {ds.tag} {ds.algorithm} {ds.digest_type} {ds.digest.hex()}"
        for garden in {garden.origin: garden for garden in planted.values()}.values()
        for anchor in garden.anchors
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
  interface: 127.0.0.1@{port}
  module-config: "validator iterator"
  edns-buffer-size: 32768  # or it sends several queries over one stream, and the forwarder answers one
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


async def said_by_unbound(port: int, questions: Iterable[Question]) -> list[Told]:
    """Unbound's words, and how it explained itself (RFC 8914). The questions follow each other on one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    told = []
    for asked in questions:
        query = make_query(asked.name, asked.type, id=0, recursion_desired=True, checking_disabled=False)
        writer.write(len(query).to_bytes(2) + query)
        told.append(_read_unbound(await reader.readexactly(int.from_bytes(await reader.readexactly(2)))))
    writer.transport.abort()
    return told


def _read_unbound(wire: bytes) -> Told:
    reply = read_message(wire)
    if reply.rcode == Rcode.SERVFAIL:
        options = dns.message.from_wire(wire).options
        return "refused", "; ".join(one.to_text() for one in options if isinstance(one, dns.edns.EDEOption))
    assert reply.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN), reply
    return ("secure" if reply.flags & _AUTHENTIC else "insecure"), ""


async def said_by_delv(program: str, folder: Path, upstream: SocketAddress, garden: Garden, asked: Question) -> Told:
    """delv's word on a question, and all that it printed. It takes one trust anchor: the closest to the question."""
    anchor = garden.anchors.enclosing(asked.name)[0]
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
