"""To whom else what is known of one may lead: the zones that were looked at, and the names that answers name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import dns.exception
import dns.name
import dns.rdatatype
from dns.name import Name

from danelaw.core.model import Answer, RRset, SubjectName
from danelaw.core.model.servers import MX, SRV, named
from danelaw.core.rollover.actions import Publish
from danelaw.core.rollover.facts import Done, Fact, Intended, Roster, Sight

ALIASES: Final = (int(dns.rdatatype.CNAME), int(dns.rdatatype.DNAME))


@dataclass(frozen=True, slots=True)
class Leads:
    """``zones``: of which anybody was asked, or that were changed. ``aliased``: what aliases led to, whether anybody
    looked there or not. ``servers``: what MX and SRV records named."""

    zones: frozenset[Name] = frozenset()
    aliased: frozenset[Name] = frozenset()
    servers: frozenset[Name] = frozenset()

    def __or__(self, other: Leads) -> Leads:
        return Leads(self.zones | other.zones, self.aliased | other.aliased, self.servers | other.servers)


@dataclass(frozen=True, slots=True)
class Overview:
    """What a store has of all subjects without folding anything. ``leads``: of each, ever since it was recorded first.

    ``dated``: which was told last what time it is by another clock. ``latest``: those of which anything was recorded
    last, the newest first and some dozens at most.
    """

    leads: Mapping[SubjectName, Leads]
    dated: SubjectName | None = None
    latest: tuple[SubjectName, ...] = ()


def leads_of(facts: Iterable[Fact]) -> Leads:
    """What these facts tell of it."""
    told = list(facts)
    zones = {fact.zone for fact in told if isinstance(fact, Sight | Roster)}
    deeds = (fact.action for fact in told if isinstance(fact, Intended | Done))
    zones.update(action.zone for action in deeds if isinstance(action, Publish))
    answers = (fact.answer for fact in told if isinstance(fact, Sight) and fact.answer is not None)
    return _leads(frozenset(zones), answers)


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
