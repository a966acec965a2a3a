"""Whether what was signed is what the name servers serve: every authoritative address is asked, until all do."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from dns.name import Name
from dns.rdatatype import RdataType

from danelaw.core.dnssec.message import as_answer
from danelaw.core.model import IP, Message, RRset, Silence, serial_gt
from danelaw.ports import Authorities, Clock

_FIRST_PAUSE: Final = timedelta(milliseconds=100)
_LONGEST_PAUSE: Final = timedelta(seconds=2)
_WHY: Final = {
    "TIMEOUT": "does not answer",
    "UNREACHABLE": "cannot be reached",
    "MALFORMED": "answers what cannot be read",
    "REFUSED": "refuses to answer",
    "LAME": "is no authority for the zone",
    "SERVFAIL": "fails to answer",
}


class Loaded(enum.Enum):
    """What an address says of a serial. ``AHEAD``: it serves a later one, which somebody else has made."""

    YES = "yes"
    AHEAD = "ahead"
    NOT_YET = "not yet"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class ServerSays:
    """One authoritative address. ``serial``: what it serves, None if it does not say; then ``detail`` says why."""

    name: Name
    ip: IP
    loaded: Loaded
    serial: int | None
    detail: str = ""

    @property
    def good(self) -> bool:
        return self.loaded in (Loaded.YES, Loaded.AHEAD)


async def all_serve(
    zone: Name,
    serial: int,
    authorities: Authorities,
    clock: Clock,
    limit: timedelta,
    report: Callable[[Sequence[ServerSays]], None],
) -> tuple[ServerSays, ...]:
    """Asks until every address serves ``serial`` or a later one, or ``limit`` has passed; gives what each said last.

    ``report`` hears of every round that was not the last. Raises ``DanelawError("SERVERS_UNKNOWN")``.
    """
    deadline = clock.monotonic() + limit.total_seconds()
    servers = list(await authorities.servers(zone))
    pause = _FIRST_PAUSE
    while True:
        said = tuple(await asyncio.gather(*(_ask(authorities, *server, zone, serial) for server in servers)))
        if all(one.good for one in said) or clock.monotonic() >= deadline:
            return said
        report(said)
        await clock.sleep_until(clock.now() + min(pause, timedelta(seconds=max(0.0, deadline - clock.monotonic()))))
        pause = min(2 * pause, _LONGEST_PAUSE)


async def _ask(authorities: Authorities, name: Name, ip: IP, zone: Name, serial: int) -> ServerSays:
    message: Message | Silence = await authorities.ask(ip, zone, RdataType.SOA)
    if isinstance(message, Silence):
        return ServerSays(name, ip, Loaded.SILENT, None, _WHY.get(message.code, message.code))
    answer = as_answer(message, zone, RdataType.SOA)
    if not isinstance(answer, RRset):
        return ServerSays(name, ip, Loaded.SILENT, None, "does not serve the zone")
    theirs = int.from_bytes(min(answer.rdatas)[-20:-16])
    if theirs == serial:
        return ServerSays(name, ip, Loaded.YES, theirs)
    return ServerSays(name, ip, Loaded.AHEAD if serial_gt(theirs, serial) else Loaded.NOT_YET, theirs)
