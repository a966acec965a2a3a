"""A zone's delegation, looked at from outside: what every server of the parent and of the zone says, and waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from dns.name import Name

from danelaw.core.dnssec.delegation_records import DelegationRecords
from danelaw.core.dnssec.keys import DNSKEY
from danelaw.core.dnssec.message import as_answer
from danelaw.core.dnssec.parent_check import DNSKEY_TYPE, DS_TYPE, Comparison, Reply, Server, compare
from danelaw.core.model import DanelawError, Instant, Message, Silence
from danelaw.ports import Authorities, Clock, ZoneCuts


@dataclass(frozen=True, slots=True)
class Onlookers:
    """The ports that a delegation is looked at through."""

    clock: Clock
    cuts: ZoneCuts
    authorities: Authorities


async def parent_of(zone: Name, look: Onlookers) -> Name:
    """The zone that ``zone`` is delegated from. Raises ``DanelawError``: ``NO_PARENT``, ``SERVERS_UNKNOWN``."""
    if len(zone) == 1:
        raise DanelawError("NO_PARENT", "the root zone has no parent, so no DS", hint="use --offline")
    parent = await look.cuts.zone_of(zone.parent())
    if parent is None:
        raise DanelawError(
            "SERVERS_UNKNOWN",
            f"nobody tells which zone {zone} is delegated from",
            evidence=f"no SOA record was answered for {zone.parent()}",
            hint="name a resolver that works with --resolver IP, or only print the records with --offline",
        )
    return parent


async def look_at(records: DelegationRecords, ours: Iterable[DNSKEY], parent: Name, look: Onlookers) -> Comparison:
    """Every server of the parent asked for the DS, every server of the zone for the DNSKEY records.

    Raises ``DanelawError("SERVERS_UNKNOWN")`` where the parent's servers cannot be found; those of a zone that is not
    reachable are none.
    """
    zone = records.zone

    async def asked(of: Name, type: int) -> list[tuple[Server, Reply]]:
        servers = list(await look.authorities.servers(of))
        replies = await asyncio.gather(*(_ask(look.authorities, server, zone, type) for server in servers))
        return list(zip(servers, replies, strict=True))

    async def own() -> list[tuple[Server, Reply]]:
        try:
            return await asked(zone, DNSKEY_TYPE)
        except DanelawError as error:
            if error.code != "SERVERS_UNKNOWN":
                raise
            return []

    parents, zones = await asyncio.gather(asked(parent, DS_TYPE), own())
    return compare(records, parent, ours, parents, zones, look.clock.now())


async def _ask(authorities: Authorities, server: Server, zone: Name, type: int) -> Reply:
    message: Message | Silence = await authorities.ask(server[1], zone, type)
    if isinstance(message, Silence):
        return message
    return as_answer(message, zone, type) or Silence("LAME", "it refers elsewhere")


@dataclass(frozen=True, slots=True)
class Awaited:
    """One look while waiting: ``seen`` is None where it failed, and ``because`` says why."""

    since: Instant
    at: Instant
    seen: Comparison | None
    because: str = ""


async def watch(
    records: DelegationRecords,
    ours: Iterable[DNSKEY],
    parent: Name,
    look: Onlookers,
    every: timedelta,
    report: Callable[[Awaited], None],
) -> Comparison:
    """Looks again and again until every server of the parent has the DS records; ``report`` hears of every look.

    Raises as ``look_at`` does, for the first look. Later ones may fail and are tried again.
    """
    ours = tuple(ours)
    since = look.clock.now()
    seen: Comparison | None = await look_at(records, ours, parent, look)
    because = ""
    while True:
        if seen is not None and seen.handed_over:
            return seen
        at = look.clock.now()
        report(Awaited(since, at, seen, because))
        await look.clock.sleep_until(at + every)
        try:
            seen, because = await look_at(records, ours, parent, look), ""
        except DanelawError as error:
            if error.code != "SERVERS_UNKNOWN":
                raise
            seen, because = None, str(error)
