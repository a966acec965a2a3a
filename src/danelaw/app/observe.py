"""Gathering facts: sweeps of every authority, our own validation, probes of every address, the credential store.

Nobody gathers alone: the engine and every check call this. Silence is a fact too: it is what was not vouched for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from dns.name import Name, from_wire

from danelaw.app.probing import probe_address
from danelaw.app.toolbox import Toolbox
from danelaw.core.dnssec.message import as_answer, soa_serial
from danelaw.core.model import (
    IP,
    Answer,
    Chain,
    ChallengeType,
    DanelawError,
    Handshake,
    HandshakeFailure,
    Hello,
    HostName,
    Instant,
    KeyAlgorithm,
    Limits,
    Lineage,
    Message,
    NotOffered,
    Presentation,
    RRset,
    Silence,
    TLSVersion,
    Unreachable,
)
from danelaw.core.model.addresses import addresses_in
from danelaw.core.rollover.actions import MakeKey, ReuseKey
from danelaw.core.rollover.answers import members
from danelaw.core.rollover.challenges import challenge_questions, published_places
from danelaw.core.rollover.clock import wrong
from danelaw.core.rollover.delegation import CDS_TYPE
from danelaw.core.rollover.epochs import DNSKEY_TYPE, DS_TYPE
from danelaw.core.rollover.facts import (
    Began,
    Dated,
    Fact,
    Holding,
    Judged,
    OnPath,
    Presented,
    RenewalInfo,
    Roster,
    Sight,
    ZoneKeyPair,
    ZoneKeys,
)
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.lookups import TLSA, bases, host_way, questions, service_addresses, tlsa_places
from danelaw.core.rollover.planner import SOA, TXT, Desired, DesiredService, DesiredZone
from danelaw.core.rollover.reach import Reach, Reached

CUT_HOLDS: Final = timedelta(hours=1)
"""For how long a zone cut is not looked for again."""


@dataclass(frozen=True, slots=True)
class Observer:
    """Looks at everything that the plan and the gate need to know of one subject."""

    tools: Toolbox
    reach: Reach
    limits: Limits
    cuts_seen: dict[Name, Instant] = field(default_factory=dict, compare=False)
    """When the owner of a record was last seen to lie in the zone that it is configured for."""

    async def observe(self, desired: Desired, facts: Facts) -> tuple[Fact, ...]:
        """New facts about a subject, in the order of their instants. ``facts``: what is known of it already."""
        parts: Sequence[list[Fact]]
        if isinstance(desired, DesiredService):
            await self._same_cut(desired)
        if isinstance(desired, DesiredZone):
            served = [CDS_TYPE] if desired.signed_by == "server" else []
            parts = await asyncio.gather(
                self._sweep(desired.zone, [(desired.zone, type) for type in (DNSKEY_TYPE, *served, SOA)], facts),
                self._sweep_parent(desired, facts),
                self._judge([(desired.zone, SOA)]),
                self._zone_keys(desired),
            )
        else:
            lineages = (*desired.lineages, *desired.leaving)
            zones = dict.fromkeys((desired.zone, *self._other_zones(desired, facts)))
            parts = await asyncio.gather(
                self._sweep_service(desired, facts),
                self._judge([*((zone, SOA) for zone in zones), *self._owners(desired)]),
                *(self._holding(lineage, desired.hosts, facts) for lineage in lineages),
                *(self._renewal(lineage, facts) for lineage in lineages),
                *(self._dated(lineage, facts) for lineage in lineages if lineage in self.tools.issuers),
            )
        return tuple(sorted((fact for part in parts for fact in part), key=lambda fact: fact.at))

    # -- DNS ----------------------------------------------------------------------------------------------------

    async def _sweep(self, zone: Name, wanted: Sequence[tuple[Name, int]], facts: Facts) -> list[Fact]:
        """Every authority of the zone, each by itself: SOA first, then the RRsets."""
        now = self.tools.clock.now()
        try:
            servers = await self.tools.authorities.servers(zone)
        except DanelawError:
            servers = ()
        listed = frozenset(ip for _, ip in servers)
        found: list[Fact] = []
        asked = listed | members(facts, zone, now, self.limits)
        said = await asyncio.gather(*(self._ask(zone, ip, wanted) for ip in sorted(asked, key=str)))
        for _, sights in said:
            found.extend(sights)
        if listed:
            found.append(Roster(now, zone, listed, _primary(servers, [soa for soa, _ in said])))
        return found

    async def _ask(self, zone: Name, ip: IP, wanted: Sequence[tuple[Name, int]]) -> tuple[Answer | None, list[Sight]]:
        """The SOA, and what is wanted."""
        sights: list[Sight] = []
        reply = await self.tools.authorities.ask(ip, zone, SOA)
        said = reply if isinstance(reply, Message) and reply.authoritative else None
        serial = soa_serial(said) if said is not None else None
        for owner, type in wanted:
            if serial is None:
                message: Message | Silence = Silence("NO_SOA")
            elif (owner, type) == (zone, SOA):
                message = reply
            else:
                message = await self.tools.authorities.ask(ip, owner, type)
            answer: Answer | None = None
            if isinstance(message, Message) and message.authoritative:
                answer = as_answer(message, owner, type)
            refused = isinstance(reply, Silence) and reply.code == "REFUSED"
            sights.append(Sight(self.tools.clock.now(), zone, ip, serial, owner, type, answer, refused))
        return as_answer(said, zone, SOA) if said is not None else None, sights

    async def _sweep_parent(self, desired: DesiredZone, facts: Facts) -> list[Fact]:
        if desired.parent is None:
            return []
        return await self._sweep(desired.parent, [(desired.zone, DS_TYPE)], facts)

    async def _judge(self, wanted: Iterable[tuple[Name, int]]) -> list[Fact]:
        async def one(name: Name, type: int) -> Fact:
            verdict = await self.tools.resolver.resolve(name, type)
            return Judged(self.tools.clock.now(), name, type, verdict.state, verdict.reasons)

        return list(await asyncio.gather(*(one(name, type) for name, type in wanted)))

    def _owners(self, desired: DesiredService) -> list[tuple[Name, int]]:
        return [(owner, TLSA) for owner in dict.fromkeys(o for r in self._reached(desired) for o in r.owners)]

    def _reached(self, desired: DesiredService) -> tuple[Reached, ...]:
        return tuple(r for r in self.reach.endpoints if r.service == desired.subject)

    # -- services -----------------------------------------------------------------------------------------------

    async def _sweep_service(self, desired: DesiredService, facts: Facts) -> list[Fact]:
        found: list[Fact] = []
        known, asked = facts, set[tuple[Name, int]]()
        wanted = await self._wanted(desired, known, asked)
        while wanted:
            sights = await asyncio.gather(*(self._sweep(zone, asking, known) for zone, asking in wanted.items()))
            found.extend(fact for part in sights for fact in part)
            asked.update(question for asking in wanted.values() for question in asking)
            known = facts.add(*found)
            wanted = await self._wanted(desired, known, asked)
        probes: list[Fact] = []
        for reached in self._reached(desired):
            now = self.tools.clock.now()
            owners = {place.owner for place in host_way(known, reached, now, self.limits).asked}
            listed = {
                ip
                for fact in found
                if isinstance(fact, Sight) and fact.answer is not None and fact.owner in owners
                for ip in addresses_in(fact.answer)
            }
            there = listed - reached.addresses_elsewhere
            addresses = there | service_addresses(known, reached, now, self.limits)
            names = dict.fromkeys((*(base.name for base in bases(known, reached, now, self.limits)), *reached.sent))
            for part in await asyncio.gather(
                *(self._probe(reached, ip, tuple(names)) for ip in sorted(addresses, key=str))
            ):
                probes.extend(part)
        return [*found, *probes]

    async def _wanted(
        self, desired: DesiredService, known: Facts, asked: Collection[tuple[Name, int]]
    ) -> dict[Name, list[tuple[Name, int]]]:
        """What is left to ask of which zone's authorities, over every alias that is known by now.

        Zone cuts come and go: where an alias leads, they are looked for in each pass.
        """
        now = self.tools.clock.now()
        wanted: dict[Name, dict[tuple[Name, int], None]] = {}
        for reached in self._reached(desired):
            own = {reached.endpoint.host, *reached.owners}
            for zone, owner, type in questions(known, reached, now, self.limits):
                if (owner, type) in asked:
                    continue
                there = zone if zone is not None and owner in own else await self._zone_of(owner) or zone
                if there is not None:
                    wanted.setdefault(there, {})[owner, type] = None
        if desired.challenge is ChallengeType.DNS_01:
            starts = desired.challenge_starts
            own = {start.owner for start in starts}
            left = published_places(known, desired.changeable)
            for zone, owner in challenge_questions(known, (*starts, *left)):
                if (owner, TXT) in asked:
                    continue
                there = zone if zone is not None and owner in own else await self._zone_of(owner) or zone
                if there is not None:
                    wanted.setdefault(there, {})[owner, TXT] = None
        return {zone: list(asking) for zone, asking in wanted.items()}

    async def _same_cut(self, desired: DesiredService) -> None:
        """Whether the records of a service lie in the zone that it is configured for, as seen from outside.

        Looked at when it is looked at first, and now and then. Raises ``DanelawError("ZONE_ELSEWHERE")``.
        """
        cuts, now = self.tools.cuts, self.tools.clock.now()
        if cuts is None:
            return
        for owner in dict.fromkeys(owner for reached in self._reached(desired) for owner in reached.owners):
            seen = self.cuts_seen.get(owner)
            if seen is not None and abs(now - seen) < CUT_HOLDS:
                continue
            there = await cuts.zone_of(owner)
            if there is not None and there != desired.zone:
                below = there.is_subdomain(desired.zone)
                remedy = f"configure a publisher for {there}" if below else f"delegate {desired.zone}, or mend its SOA"
                raise DanelawError(
                    "ZONE_ELSEWHERE",
                    f"{owner} lies in the zone {there}, and its publisher is configured for {desired.zone}: {remedy}",
                )
            if there is not None:
                self.cuts_seen[owner] = now

    async def _zone_of(self, name: Name) -> Name | None:
        if self.tools.cuts is not None:
            return await self.tools.cuts.zone_of(name)
        return max((zone for zone in self.tools.publishers if name.is_subdomain(zone)), key=len, default=None)

    def _other_zones(self, desired: DesiredService, facts: Facts) -> Iterable[Name]:
        """The other zones in which there may be records to change."""
        now = self.tools.clock.now()
        for reached in self._reached(desired):
            for place in tlsa_places(facts, reached, now, self.limits):
                if place.zone in self.tools.publishers:
                    yield place.zone

    async def _probe(self, reached: Reached, ip: IP, names: Iterable[Name]) -> list[Fact]:
        """What one address presents to each kind of client that sends one of these names."""
        tools, endpoint = self.tools, reached.endpoint
        found: list[Fact] = []
        for name in names:
            probes = await probe_address(tools.prober, tools.clock, endpoint, ip, Hello(name), _hellos(name))
            found.extend(Presented(probe.at, endpoint, ip, probe.hello, _chain(probe.got)) for probe in probes)
        return found

    # -- stores -------------------------------------------------------------------------------------------------

    async def _zone_keys(self, desired: DesiredZone) -> list[Fact]:
        """Of zones that Danelaw signs. The keys of a server are what its DNSKEY RRset says."""
        if desired.signed_by == "server":
            return []
        zone = desired.zone
        keys = await self.tools.zones[zone].keys(zone)
        ksks = frozenset(key.dnskey for key in keys if key.ksk and key.published)
        zsks = frozenset(key.dnskey for key in keys if not key.ksk and key.published)
        idle = frozenset(key.dnskey for key in keys if key.published and not key.signs)
        pairs = tuple(ZoneKeyPair(key.dnskey, key.created) for key in keys)
        edited, due = await self.tools.zones[zone].edited(zone), await self.tools.zones[zone].due(zone)
        ttl = await self.tools.zones[zone].longest_ttl(zone)
        return [ZoneKeys(self.tools.clock.now(), zone, ksks, zsks, edited, due, idle, pairs, ttl)]

    async def _holding(self, lineage: Lineage, hosts: Sequence[HostName], facts: Facts) -> list[Fact]:
        store = self.tools.credentials[lineage]
        generations = tuple(await store.list(lineage))
        before = facts.holding(lineage)
        paths = tuple([await self._on_path(lineage, host, before) for host in hosts])
        live = next((path.generation for path in paths if path.generation is not None), None)
        whole = len(paths) == 1 and paths[0].looked
        now = self.tools.clock.now()
        found: list[Fact] = [Holding(now, lineage, generations, live, () if whole else paths)]
        if before is not None:
            known = {g.generation for g in before.generations}
            made = any(
                isinstance(d.action, MakeKey | ReuseKey) and d.action.lineage == lineage and d.intended >= before.at
                for d in facts.deeds
            )
            fresh = [g.generation for g in generations if g.generation not in known]
            if fresh and not made:
                reason = f"generation {fresh[0]} was made by other hands"
                found.append(Began(now, lineage.service, reason))
        return found

    async def _on_path(self, lineage: Lineage, host: HostName, before: Holding | None) -> OnPath:
        """What lies on a host's serving path; where it cannot be asked, what lay there when it was asked last."""
        try:
            return OnPath(host, await self.tools.deployers[lineage, host].live(lineage))
        except (DanelawError, TimeoutError):
            return OnPath(host, before.on(host) if before is not None else None, looked=False)

    async def _renewal(self, lineage: Lineage, facts: Facts) -> list[Fact]:
        holding = facts.holding(lineage)
        if holding is None:
            return []
        newest = {g.spki: g.chain for g in holding.generations if g.chain is not None}
        return [info for chain in newest.values() for info in await self._suggested(lineage, chain, facts)]

    async def _dated(self, lineage: Lineage, facts: Facts) -> list[Fact]:
        """What time the CA says that it is; it is asked more often as long as that is not what we say."""
        clock, issuer = self.tools.clock, self.tools.issuers[lineage]
        every = self.limits.pass_interval if wrong(facts, self.limits) else self.limits.renewal_check
        try:
            said = await issuer.date(clock.monotonic() - every.total_seconds())
        except (DanelawError, TimeoutError):
            said = None
        if said is None:
            return []
        date, heard = said
        now, since = clock.now(), timedelta(seconds=clock.monotonic() - heard)
        before = facts.dated_by(_ca_of(lineage))
        if before is not None and now - since <= before.at:
            return []  # it has said nothing since
        return [Dated(now, _ca_of(lineage), date + since)]

    async def _suggested(self, lineage: Lineage, chain: Chain, facts: Facts) -> list[Fact]:
        info = facts.renewal(chain)
        now = self.tools.clock.now()
        if info is not None and now - info.at < self.limits.renewal_check:
            return []
        try:
            window = await self.tools.issuers[lineage].renewal_window(chain)
        except (DanelawError, TimeoutError):
            return []  # without the CA's word the planner renews by the certificate's lifetime
        return [RenewalInfo(self.tools.clock.now(), chain, window)] if window is not None else []


def _ca_of(lineage: Lineage) -> str:
    return f"the CA of {lineage.service}"


def _chain(got: Presentation) -> Chain | HandshakeFailure | NotOffered | Unreachable:
    return got.chain if isinstance(got, Handshake) else got


def _hellos(base: Name) -> Iterable[Hello]:
    """Every kind of client of a base beside the plain one. All send SNI (RFC 7671 §3)."""
    for algorithm in (KeyAlgorithm.ECDSA, KeyAlgorithm.RSA):  # what credentials are made of
        yield Hello(base, None, algorithm)
    for version in TLSVersion:
        yield Hello(base, version)


def _primary(servers: Sequence[tuple[Name, IP]], soas: Iterable[Answer | None]) -> IP | None:
    """The address of the SOA's MNAME (RFC 1035 §3.3.13), if it is one of the servers and has only one."""
    for soa in soas:
        for rdata in soa.rdatas if isinstance(soa, RRset) and soa.type == SOA else ():
            mname, _ = from_wire(rdata, 0)
            own = [ip for name, ip in servers if name == mname]
            if len(own) == 1:
                return own[0]
    return None
