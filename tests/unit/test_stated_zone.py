"""Servers that are stated for one zone: what lies in it is asked of them, and everything else of whom the DNS names."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address

import dns.name
import pytest
from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.adapters.resolve.stated import StatedZone
from danelaw.core.model import IP, Message, Question, Silence
from name_servers import Places, answering

ZONE, NET = dns.name.from_text("example.net."), dns.name.from_text("net.")
HERE, THERE = ip_address("192.0.2.1"), ip_address("192.0.2.2")


class Elsewhere:
    """``ports.Authorities`` that says where it was asked."""

    async def servers(self, zone: Name) -> Sequence[tuple[Name, IP]]:
        return [(zone, THERE)]

    async def ask(self, server: IP, name: Name, type: int) -> Silence:
        return Silence("ELSEWHERE")


def empty(question: Question) -> Message:
    return Message(0, 0x8400, 0, (question,), (), (), ())


@pytest.mark.parametrize(
    ("name", "type", "here"),
    [
        ("example.net.", T.SOA, True),
        ("example.net.", T.DNSKEY, True),
        ("www.example.net.", T.A, True),
        ("sub.example.net.", T.DS, True),
        ("example.net.", T.DS, False),
        ("net.", T.SOA, False),
        ("example.org.", T.A, False),
    ],
)
def test_the_ds_of_the_zone_lies_in_its_parent_and_is_asked_for_there(name: str, type: T, here: bool) -> None:
    async def asked() -> Message | Silence:
        async with answering(empty) as server:
            stated = StatedZone(ZONE, [(HERE, 53)], Places({HERE: server.address}), Elsewhere())
            assert await stated.servers(ZONE) == ((dns.name.root, HERE),)
            assert await stated.servers(NET) == [(NET, THERE)]
            return await stated.ask(HERE, dns.name.from_text(name), type)

    assert (asyncio.run(asked()) != Silence("ELSEWHERE")) == here
