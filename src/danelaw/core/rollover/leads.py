"""To whom else what is known of one may lead: the zones that were looked at, and the names that answers name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import dns.exception
import dns.name
import dns.rdatatype
from dns.name import Name

from danelaw.core.model import Answer, RRset
from danelaw.core.model.servers import MX, SRV, named
from danelaw.core.rollover.actions import Publish
from danelaw.core.rollover.facts import Fact, Roster, Sight
from danelaw.core.rollover.fold import Facts

ALIASES: Final = (int(dns.rdatatype.CNAME), int(dns.rdatatype.DNAME))


@dataclass(frozen=True, slots=True)
class Leads:
    """``zones``: of which anybody was asked, or that were changed. ``aliased``: what aliases led to, whether anybody
    looked there or not. ``servers``: what MX and SRV records named."""

    zones: frozenset[Name] = frozenset()
    aliased: frozenset[Name] = frozenset()
    servers: frozenset[Name] = frozenset()


def leads_of(facts: Iterable[Fact]) -> Leads:
    """What these facts alone tell of it."""
    told = list(facts)
    zones = frozenset(fact.zone for fact in told if isinstance(fact, Sight | Roster))
    return _leads(zones, (fact.answer for fact in told if isinstance(fact, Sight) and fact.answer is not None))


def every_lead(facts: Facts) -> Leads:
    """What is known by now. What no cache can hold any more may be forgotten (``compaction``): it leads nowhere."""
    changed = {deed.action.zone for deed in facts.deeds if isinstance(deed.action, Publish)}
    return _leads(facts.zones | changed, facts.answers)


def _leads(zones: frozenset[Name], answers: Iterable[Answer]) -> Leads:
    aliased, servers = set[Name](), set[Name]()
    for answer in answers:
        if not isinstance(answer, RRset):
            continue
        if answer.type in ALIASES:
            aliased.update(_targets(answer))
        elif answer.type in (MX, SRV):
            servers.update(server.host for server in named(answer)[0])
    return Leads(zones, frozenset(aliased), frozenset(servers))


def _targets(alias: RRset) -> Iterable[Name]:
    for rdata in alias.rdatas:
        try:
            yield dns.name.from_wire(rdata, 0)[0]
        except dns.exception.DNSException:
            continue  # it leads nowhere
