"""What MX and SRV records say of the hosts of a service, and what clients may still hold of it.

A host that they name is a place where clients go, configured or not. One that they name no longer is gone to as long
as caches remember: so long its endpoint stays in the configuration, and with it in all that the gate judges.
"""

from __future__ import annotations

from collections.abc import Iterable

import dns.rdatatype
from dns.name import Name

from danelaw.core.model import Answer, Instant, RRset
from danelaw.core.model.servers import MX, named
from danelaw.core.rollover.answers import newest, possible_answers
from danelaw.core.rollover.lookups import follow, place_of
from danelaw.core.rollover.plans import Outlook
from danelaw.core.rollover.reach import NamedBy, Reached

SMTP = 25

Server = tuple[Name, int | None]


def of_naming(reached: Iterable[Reached], outlook: Outlook) -> Iterable[str]:
    """What the operator should know of the records that name the hosts of these endpoints."""
    here = tuple(reached)
    for source in dict.fromkeys(source for endpoint in here for source in endpoint.named_by):
        found = _found(source, outlook)
        if found is None:
            continue
        now, held = found
        what = f"{dns.rdatatype.to_text(dns.rdatatype.RdataType.make(source.type))} of {source.owner}"
        covered = {_server(endpoint, source) for endpoint in outlook.reach.endpoints}
        for host, port in sorted(now - covered, key=str):
            at = f"{host}:{port}" if port is not None else str(host)
            yield f"{what} names {at}, which no service is configured for"
        for endpoint in (e for e in here if source in e.named_by and _server(e, source) not in now):
            ends = [until for servers, until in held if _server(endpoint, source) in servers]
            if not ends:
                yield f"{what} does not name {endpoint.endpoint}, and no client holds that it does"
            elif None in ends:
                yield f"{what} does not name {endpoint.endpoint} any more; clients may hold that it does"
            else:
                until = max(end for end in ends if end is not None).isoformat(timespec="seconds")
                yield f"{what} does not name {endpoint.endpoint} any more; clients may hold that it does until {until}"


def _found(
    source: NamedBy, outlook: Outlook
) -> tuple[frozenset[Server], list[tuple[frozenset[Server], Instant | None]]] | None:
    """The servers that are named now, and every set of them that may be held; None: nobody has looked."""
    facts, now, limits = outlook.facts, outlook.now, outlook.limits
    start = place_of(facts, source.owner, (source.type,))
    if start is None:
        return None
    current: set[Server] = set()
    held: list[tuple[frozenset[Server], Instant | None]] = []
    for place in follow(facts, start, (source.type,), now, limits).ends:
        answer = newest(facts, place.zone, place.owner, source.type)
        if answer is not None:
            current |= _servers(answer, source)
        possible = possible_answers(facts, place.zone, place.owner, source.type, now, limits)
        held.extend((_servers(one.answer, source), one.until) for one in possible.held)
    return frozenset(current), held


def _servers(answer: Answer, source: NamedBy) -> frozenset[Server]:
    """Without MX records the domain itself is the server (RFC 5321 §5.1)."""
    if not isinstance(answer, RRset):
        return frozenset({(source.domain, None)}) if source.type == MX else frozenset()
    if answer.type != source.type:
        return frozenset()
    listed, _ = named(answer)
    return frozenset((server.host, server.port) for server in listed if not server.nobody)


def _server(endpoint: Reached, source: NamedBy) -> Server | None:
    """The endpoint as such a record names it."""
    if source.type == MX:
        return (endpoint.endpoint.host, None) if endpoint.endpoint.port == SMTP else None
    return endpoint.endpoint.host, endpoint.endpoint.port
