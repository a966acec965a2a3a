"""Asking every authoritative server of a zone the same questions, each server by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Final

import dns.rdatatype
from dns.name import Name

from danelaw.core.dnssec.message import as_answer
from danelaw.core.model import IP, Asked, DanelawError, Message, RRset, Said, Silence, Sweep
from danelaw.ports import Authorities

SOA: Final = int(dns.rdatatype.SOA)


async def sweep(wanted: Mapping[Name, Collection[Asked]], authorities: Authorities) -> Sweep:
    """What every server of each zone says to what that zone's servers are ``wanted`` to be asked.

    Never raises for what servers say or leave unsaid.
    """
    parts = await asyncio.gather(*(_zone(zone, questions, authorities) for zone, questions in wanted.items()))
    said = tuple(one for part, _ in parts for one in part)
    return Sweep(said, tuple((zone, why) for zone, (_, why) in zip(wanted, parts, strict=True) if why))


async def _zone(zone: Name, wanted: Collection[Asked], authorities: Authorities) -> tuple[list[Said], str]:
    try:
        servers = await authorities.servers(zone)
    except DanelawError as error:
        return [], f"{error.message}: {error.evidence}"
    questions = [(asked, server, ip) for asked in wanted for server, ip in servers]
    return list(await asyncio.gather(*(_ask(*question, authorities) for question in questions))), ""


async def _ask(asked: Asked, server: Name, ip: IP, authorities: Authorities) -> Said:
    reply = await authorities.ask(ip, asked.name, asked.type)
    if isinstance(reply, Message) and not reply.authoritative:
        reply = Silence("LAME", "it refers elsewhere")
    answer = as_answer(reply, asked.name, asked.type) if isinstance(reply, Message) else reply
    if answer is None:
        answer = Silence("MALFORMED", "neither the records nor a denial of them")
    serial = _serial(answer) if asked.type == SOA and isinstance(answer, RRset) else None
    return Said(asked, server, ip, answer, serial, reply.rcode if isinstance(reply, Message) else None)


def _serial(soa: RRset) -> int | None:
    """The serial of the one SOA record (RFC 1035 §3.3.13): twenty octets from its end."""
    if len(soa.rdatas) != 1:
        return None
    (rdata,) = soa.rdatas
    return int.from_bytes(rdata[-20:-16]) if len(rdata) >= 22 else None
