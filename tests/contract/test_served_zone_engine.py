"""The engine at work on a zone that BIND signs: it hands over the DS, and makes no key and no signature."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import dns.name
import pytest
from dns.name import Name
from dns.rdatatype import RdataType as T
from update_servers import LOOPBACK, ZONE, Server, bind, until

from danelaw.adapters.clock import SystemClock
from danelaw.adapters.probe import TLSProber
from danelaw.adapters.resolve import AuthorityAsker, ForwardingResolver
from danelaw.adapters.store import MemoryStore
from danelaw.app.engine import Engine
from danelaw.app.toolbox import Subjects, Toolbox
from danelaw.core.dnssec.anchors import read_anchors
from danelaw.core.dnssec.canonical import plain_wire
from danelaw.core.model import (
    IP,
    Absence,
    Answer,
    Do53,
    Limits,
    Message,
    Question,
    Record,
    RRset,
    Security,
    Silence,
    SubjectName,
    Validated,
    same_content,
)
from danelaw.core.rollover.actions import Receipt, SubmitDS
from danelaw.core.rollover.planner import DesiredZone, Settled
from danelaw.core.rollover.progress import Progress
from danelaw.core.rollover.reach import Reach
from danelaw.ports import SocketAddress

pytestmark = pytest.mark.slow

NET = dns.name.from_text("net.")
REGISTRY = ip_address("192.0.2.1")
SUBJECT = SubjectName(ZONE.to_text())
POLICY = """\
dnssec-policy quick {
    keys { csk lifetime unlimited algorithm ecdsap256sha256; };
    dnskey-ttl 1; max-zone-ttl 1; zone-propagation-delay 0; publish-safety 0; retire-safety 0;
    parent-ds-ttl 1; parent-propagation-delay 0;
};
"""
SIGNED = "dnssec-policy quick; inline-signing no; update-policy { grant ddns zonesub ANY; };"
LIMITS = Limits(
    pass_interval=timedelta(seconds=0.1),
    gap_passes=100,
    hold_floor=timedelta(0),
    lookup_delay=timedelta(0),
    assumed_past_ttl=timedelta(0),
    in_flight=timedelta(seconds=10),
)


@dataclass
class World:
    """``net.`` in memory beside the zone of a real server: a dialer, authorities, a resolver and a parent."""

    server: Server
    ds: Answer = field(default_factory=lambda: Absence(ZONE, T.DS, 1))
    serial: int = 1

    def locate(self, ip: IP, port: int) -> SocketAddress:
        return (str(LOOPBACK), self.server.port)

    async def servers(self, zone: Name) -> Sequence[tuple[Name, IP]]:
        return [(dns.name.from_text("ns1", zone), LOOPBACK if zone == ZONE else REGISTRY)]

    async def ask(self, server: IP, name: Name, type: int) -> Message | Silence:
        if server == LOOPBACK:
            return await AuthorityAsker([], self).ask(server, name, type)
        names = plain_wire(NET) * 2
        soa = Record(NET, T.SOA, 1, 1, names + self.serial.to_bytes(4) + bytes((0, 0, 0, 1)) * 4)
        found = self.ds if isinstance(self.ds, RRset) and type == T.DS else None
        answer = [Record(ZONE, T.DS, 1, found.ttl, rdata) for rdata in found.rdatas] if found else []
        if type == T.SOA:
            return Message(1, 0x8400, 0, (Question(name, type),), (soa,))
        return Message(1, 0x8400, 0, (Question(name, type),), tuple(answer), () if answer else (soa,))

    async def resolve(self, name: Name, type: int) -> Validated:
        if not isinstance(self.ds, RRset):
            return Validated(name, type, Security.INSECURE)
        anchors = read_anchors("".join(f"{ZONE} DS \\# {len(rdata)} {rdata.hex()}\n" for rdata in self.ds.rdatas))
        return await ForwardingResolver([Do53(LOOPBACK)], self, SystemClock(), anchors).resolve(name, type)

    async def submit_ds(self, change: SubmitDS) -> Receipt:
        assert same_content(change.expect, self.ds)
        self.ds, self.serial = change.replace, self.serial + 1
        return Receipt(self.serial)


async def reconciled(world: World) -> list[str]:
    """Runs the engine until the zone is settled: the actions that it took."""
    clock = SystemClock()
    tools = Toolbox(
        clock=clock,
        store=MemoryStore(LIMITS.max_gap),
        resolver=world,
        authorities=world,
        prober=TLSProber(world),
        parents={ZONE: world},
    )
    desired = DesiredZone(SUBJECT, ZONE, NET, ds_ttl=1, signed_by="server")
    engine = Engine(tools, Subjects({SUBJECT: desired}, Reach()), LIMITS)
    settled, actions = asyncio.Event(), list[str]()

    def report(progress: Progress) -> None:
        if progress.acting is not None:
            actions.append(type(progress.acting).__name__)
        if progress.ended is not None and isinstance(progress.ended.plan, Settled):
            settled.set()

    async with asyncio.timeout(110):
        await engine.watch(settled, report)
    return actions


def asked(world: World, type: int) -> frozenset[bytes]:
    reply = asyncio.run(world.ask(LOOPBACK, ZONE, type))
    assert isinstance(reply, Message)
    return frozenset(record.rdata for record in reply.answer if record.type == type)


@pytest.mark.parametrize("says_so_itself", [False, True], ids=["by its keys", "by its CDS"])
def test_the_ds_of_a_zone_that_bind_signs_is_handed_over(
    says_so_itself: bool, tmp_path: Path, require_program: Callable[..., str]
) -> None:
    with bind(require_program("named", package="bind9"), tmp_path, SIGNED, policy=POLICY, ttl=1) as server:
        world = World(server)
        if says_so_itself:
            until(lambda: bool(asked(world, T.CDS)), server)
        keys = asked(world, T.DNSKEY)
        assert asyncio.run(reconciled(world)) == ["SubmitDS"]
        assert asked(world, T.DNSKEY) == keys
        assert isinstance(world.ds, RRset)
        if says_so_itself:
            assert world.ds.rdatas == asked(world, T.CDS)
        assert asyncio.run(world.resolve(ZONE, T.SOA)).state is Security.SECURE
