"""Planning a service: its records, its servers and its keys, brought to the newest certificates in the one mould.

Publish the union, wait until it is settled, switch, confirm, withdraw exactly the named records, and, settled again,
destroy the old key. Each key algorithm of a service goes its own way, and none waits for another; their records stand
in one RRset.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from dns.name import Name

from danelaw.core.model import ChallengeType, CredentialFacts, Lineage, RRset, same_content
from danelaw.core.rollover.actions import Action, DestroyKey, MakeKey, Publish, Switch
from danelaw.core.rollover.answers import newest, possible_answers
from danelaw.core.rollover.certificate_planner import Ordering
from danelaw.core.rollover.compromise import revoking, unrevoked
from danelaw.core.rollover.course import Course
from danelaw.core.rollover.departure import departing, removing
from danelaw.core.rollover.facts import Holding
from danelaw.core.rollover.gate import Allowed, says
from danelaw.core.rollover.lookups import TLSA, Place, service_addresses
from danelaw.core.rollover.naming import of_naming
from danelaw.core.rollover.notices import of_records, of_waivers, of_what_is_left_behind
from danelaw.core.rollover.ownership import ownership
from danelaw.core.rollover.parameters import dropping, of_parameters
from danelaw.core.rollover.places import kept_places, neighbours, put, unfollowed
from danelaw.core.rollover.plans import DesiredService, Outlook, Plan, Settled, Wait, refused_wait
from danelaw.core.rollover.reach import Reached
from danelaw.core.rollover.serving import Serving
from danelaw.core.rollover.succession import Complete
from danelaw.core.tlsa import TLSARecord, records_of
from danelaw.core.tlsa.credential import associations


def plan_service(d: DesiredService, outlook: Outlook) -> Plan:
    """The next action towards certificates that every server presents and every record matches."""
    lines: list[Line] = []
    for lineage in (*d.lineages, *d.leaving):
        holding = outlook.facts.holding(lineage)
        if holding is None:
            return outlook.wait("UNOBSERVED", "the credential store has not been looked at")
        if lineage in d.lineages or holding.generations:
            lines.append(Line(holding, Course.of(d, outlook, holding), Serving(d, outlook, holding)))
    return _Service(d, outlook, tuple(lines)).plan()


@dataclass(frozen=True, slots=True)
class Line:
    """One lineage of a service, and the way that it is to go."""

    holding: Holding
    course: Course
    serving: Serving

    @property
    def lineage(self) -> Lineage:
        return self.holding.lineage

    @property
    def confirmed(self) -> bool:
        """Whether every host serves what it is to serve."""
        return self.course.target is not None and self.serving.served_everywhere(self.course.target)


Step: TypeAlias = tuple[tuple[Lineage, ...], Plan]
"""What is to be done next or waited for, and on whose way that is."""


@dataclass(frozen=True, slots=True)
class _Service:
    d: DesiredService
    outlook: Outlook
    lines: tuple[Line, ...]

    def plan(self) -> Plan:
        ordering = self._ordering()
        if isinstance(ordering, Action):
            return ordering
        for line in self.lines:
            if line.course.at_once is not None and not self._orders(line).just_failed(line.course.at_once):
                return line.course.at_once
        for line in self.lines:
            if not self._leaving(line) and line.course.target is None and line.course.ordered is None:
                return MakeKey(line.lineage)
        waits: list[tuple[tuple[Lineage, ...], Wait]] = []
        for whose, step in self._align() if any(line.course.target for line in self.lines) else ():
            if isinstance(step, Action):
                return step
            if isinstance(step, Wait):
                waits.append((whose, step))
        busy = [(whose, wait) for whose, wait in waits if wait.code not in _AT_REST]
        for line in self.lines:
            if line.course.begin is not None and not any(line.lineage in whose for whose, _ in busy):
                return line.course.begin
        if busy:
            return busy[0][1]
        if ordering is not None:
            return ordering
        if waits:
            return waits[0][1]
        due = [line.course.due for line in self.lines if line.course.due is not None]
        return Settled(min(due, default=None), self._notes())

    def _ordering(self) -> Action | Wait | None:
        """The next step of the orders. The responses of two of them cannot stand in DNS at once."""
        first: Wait | None = None
        ordered = [line for line in self.lines if line.course.ordered is not None]
        for line in ordered:
            assert line.course.ordered is not None  # noqa: S101 - for mypy
            step = self._orders(line).step(line.course.ordered, line.course.target)
            if isinstance(step, Action):
                if not self._orders(line).just_failed(step):
                    return step
                continue
            first = first or step
            if self.d.challenge is ChallengeType.DNS_01 and step.code not in ("CA_FAILED", "ORDER_FAILED"):
                return first
        if not ordered:
            for line in self.lines:
                tidying = self._orders(line).tidy()
                if tidying is not None and not self._orders(line).just_failed(tidying):
                    return tidying
        return first

    def _align(self) -> Iterable[Step]:
        """Bring DNS and the servers to the targets, by steps that the gate allows."""
        for line in self.lines:
            if line.course.target is not None and self._urgent(line):
                for renewal in line.serving.renewing():
                    yield (line.lineage,), renewal
        held_up: set[Lineage] = set()
        if (blind := self._blind()) is not None:
            yield self._all, blind
            held_up.update(self._all)
        else:
            for place in self._places():
                for whose, step in self._align_records(place):
                    yield whose, step
                    held_up.update(whose)
        for line in self.lines:
            if line.lineage not in held_up:
                for step in self._align_servers(line):
                    yield (line.lineage,), step
                    held_up.add(line.lineage)
            if line.confirmed or self._retired(line):
                yield from (((line.lineage,), step) for step in revoking(line.course.compromised, self.outlook))
        if blind is not None:
            return
        if settling := self._settling():
            yield self._all, settling
            return
        for place in () if held_up else self._places():
            if isinstance(drop := dropping(self.d, place, self.outlook), Action):
                yield (), drop
        for line in self.lines:
            if line.lineage not in held_up and (destroy := self._destroy(line)):
                yield (line.lineage,), destroy

    def _blind(self) -> Wait | None:
        """Where clients go has to be known before records are changed, or another key comes in front of them."""
        for reached in self._reached():
            if not service_addresses(self.outlook.facts, reached, self.outlook.now, self.outlook.limits):
                whose = f" that {' or '.join(reached.hosts)} serves" if reached.elsewhere else ""
                because = f"no address of {reached.endpoint.host}{whose} is known"
                return self.outlook.wait("NO_ADDRESS", because)
        if (alias := unfollowed(self._reached(), self.outlook)) is not None:
            return self.outlook.wait("UNOBSERVED", f"nobody has answered where the alias {alias} leads")
        return None

    # -- records ------------------------------------------------------------------------------------------------

    def _align_records(self, place: Place) -> Iterable[Step]:
        """The next steps for one TLSA RRset.

        A combination that is there stays, also when it is configured no longer: some client may know no other. Rdata
        that is no record of anything known is kept as it stands.
        """
        current = newest(self.outlook.facts, place.zone, place.owner, TLSA)
        if current is None:
            yield self._all, self.outlook.wait("UNOBSERVED", f"no authority has answered for {place.owner}")
            return
        rdatas = current.rdatas if isinstance(current, RRset) else frozenset()
        published = frozenset(records_of(current))
        owned = ownership(self.d, place, published, self.outlook)
        if self.d.withdrawn:
            yield from (((), step) for step in departing(self.d, place, current, owned, self.outlook))
            return
        every = owned.ours
        dropped = frozenset(r for r in owned.asked if r.combination not in self.d.combinations)
        wanted: dict[Lineage, frozenset[TLSARecord]] = {}
        for line in self.lines:
            target = line.course.target
            if target is None:
                continue
            if not (own := self._own(target.facts, every) - dropped):
                because = f"generation {target.facts.generation} has no record under {self._combinations}"
                yield (line.lineage,), self.outlook.wait("NO_ASSOCIATION", because)
                return
            beside = (self._own(key.newest, every) - dropped for key in line.course.beside)
            wanted[line.lineage] = own.union(*beside)
        all_wanted = frozenset(record for records in wanted.values() for record in records)
        beside_ours = self._presented(every, published, all_wanted) - dropped
        if not published:
            beside_ours = neighbours(self.d, place, self.outlook)
        union = Publish(place.zone, current, self._rrset(place.owner, rdatas | _rdatas(all_wanted | beside_ours)))
        if not published:
            yield from self._first(union, [line for line in self.lines if line.lineage in wanted])
            return
        missing = tuple(lineage for lineage, records in wanted.items() if not records <= published)
        if missing:
            lacking = (line for line in self.lines if line.lineage in missing)
            back = [switch for line in lacking for switch in self._back(line, every, published)]
            known = {record.combination for record in published}
            same = frozenset(record for record in all_wanted if record.combination in known)
            if same and same != all_wanted:
                # What is served may have no record under the parameters that are desired, such as what others serve:
                # then ours come under the old ones first.
                narrow = Publish(place.zone, current, self._rrset(place.owner, rdatas | _rdatas(same)))
                ready = same <= published
                yield () if ready else missing, put(self.d, self.outlook, union, *(() if ready else (narrow,)), *back)
            else:
                yield missing, put(self.d, self.outlook, union, *back)
        going: dict[Lineage, frozenset[TLSARecord]] = {}
        for line in self.lines:
            named = owned.by_lineage[line.lineage] - all_wanted - owned.needed
            if named and line.lineage not in missing and (line.confirmed or self._retired(line)):
                if (lingering := self._lingering(line)) is not None:
                    yield (line.lineage,), lingering
                else:
                    going[line.lineage] = named
        if going:
            every_named = frozenset(record for named in going.values() for record in named)
            changes = [
                Publish(place.zone, current, self._rrset(place.owner, rdatas - _rdatas(named)))
                for named in dict.fromkeys((every_named, *going.values()))
            ]
            yield tuple(going) if place.zone in self.d.changeable else (), put(self.d, self.outlook, *changes)
        elif not missing:
            yield from (((), step) for step in removing(self.d, place, current, owned, self.outlook))

    def _presented(
        self, ours: Iterable[TLSARecord], published: frozenset[TLSARecord], wanted: frozenset[TLSARecord]
    ) -> frozenset[TLSARecord]:
        """What is on the serving paths, under parameters that are new. Parameters change with the keys that serve
        first: clients that know no others would find nothing that matches what is presented (RFC 7671 §8)."""
        new = {record.combination for record in wanted} - {record.combination for record in published}
        lying = (g for line in self.lines for g in line.holding.generations if g.generation in line.holding.lying)
        return frozenset(record for g in lying for record in self._own(g, ours) if record.combination in new)

    def _first(self, union: Publish, lines: Sequence[Line]) -> Iterable[Step]:
        """A first publication comes after the switch: what is served must match already.

        A server that does not offer a second key yet, though it has it, holds up nothing.
        """
        waiting = [line for line in lines if not line.confirmed]
        steps = [((line.lineage,), step) for line in waiting for step in self._align_servers(line)]
        if len(waiting) == len(lines) or any(isinstance(step, Action) for _, step in steps):
            yield from steps
        else:
            yield tuple(line.lineage for line in lines), put(self.d, self.outlook, union)

    def _back(self, line: Line, ours: Iterable[TLSARecord], published: frozenset[TLSARecord]) -> Iterable[Switch]:
        """Where the records cannot be brought to what is presented: what is presented, to the records."""
        for g in line.holding.generations:
            if g.chain is not None and self._own(g, ours) <= published:
                for host in self.d.hosts:
                    if not line.serving.presented(g.chain, host):
                        yield Switch(line.lineage, host, g.generation, g.chain)

    def _lingering(self, line: Line) -> Wait | None:
        """Old records stay until every client has moved on from what they match."""
        linger = self.outlook.limits.drain + (timedelta(0) if line.course.emergency else self.outlook.limits.linger)
        target = line.course.target
        since = line.serving.since(target.chain) if target is not None else line.serving.left()
        if since is None and target is None:
            return None  # nobody was ever presented what they match
        if since is not None and self.outlook.now >= since + linger:
            return None
        because = "the old records stay until every client has moved on"
        return self.outlook.wait("LINGERING", because, since, since + linger if since is not None else None)

    def _settling(self) -> Wait | None:
        """Until no client can hold anything but what is published now."""
        for place in self._places():
            current = newest(self.outlook.facts, place.zone, place.owner, TLSA)
            held = possible_answers(
                self.outlook.facts, place.zone, place.owner, TLSA, self.outlook.now, self.outlook.limits
            ).held
            others = [h for h in held if current is not None and not same_content(h.answer, current)]
            if others:
                last = max(others, key=lambda h: (h.until is None, h.until or self.outlook.now))
                because = f"clients may hold {says(last.answer)}: {last.because}"
                return self.outlook.wait("SETTLING", because, until=last.until)
        return None

    # -- servers and keys ---------------------------------------------------------------------------------------

    def _align_servers(self, line: Line) -> Iterable[Plan]:
        """The next steps for the servers of one lineage."""
        target = line.course.target
        if target is not None:
            yield from line.serving.switching(target, all_at_once=line.course.emergency or self._urgent(line))
        elif self._gone(line):
            yield from line.serving.retiring()
        if self._leaving(line) and (still := line.serving.still()):
            because = f"{still}, which is configured no longer: take it out of the server's configuration"
            yield self.outlook.wait("STILL_OFFERED", because)

    def _urgent(self, line: Line) -> bool:
        """Whether what lies on some host's path comes near its end: no other host is waited for then."""
        lying = (g for g in line.holding.generations if g.generation in line.holding.lying)
        return any(g.chain is not None and self._orders(line).urgent(Complete(g, g.chain)) for g in lying)

    def _destroy(self, line: Line) -> Plan | None:
        """Destroy the keys that nobody can need any more; that never holds anything up."""
        first: Wait | None = None
        revocable = unrevoked(line.course.compromised, self.outlook)
        for generation in line.holding.generations:
            destroy = DestroyKey(line.lineage, generation.generation)
            if generation.spki in line.course.needed or self.outlook.accepted(destroy) or generation in revocable:
                continue
            judgement = self.outlook.judge(destroy)
            if isinstance(judgement, Allowed):
                return destroy
            kept = refused_wait(judgement, self.outlook.now)
            because = f"the key of generation {generation.generation} is kept: {kept.because}"
            first = first or self.outlook.wait("KEY_KEPT", because, self.outlook.now, kept.until)
        return first

    def _notes(self) -> tuple[str, ...]:
        """What the operator has to decide."""
        found = (
            *of_records(self.d, self._places(), self.outlook),
            *of_parameters(self.d, self._places(), self.outlook),
            *of_waivers(self.d, self._reached(), self.outlook),
            *of_what_is_left_behind(self.d, self.outlook),
            *of_naming(self._reached(), self.outlook),
        )
        return tuple(sorted(dict.fromkeys(found)))

    # -- what is known ------------------------------------------------------------------------------------------

    def _leaving(self, line: Line) -> bool:
        return line.lineage in self.d.leaving

    def _gone(self, line: Line) -> bool:
        """Whether a lineage that is to go is presented by nobody any more."""
        return self._leaving(line) and line.course.target is None and line.serving.still() is None

    def _retired(self, line: Line) -> bool:
        return self._gone(line) and not line.holding.lying

    def _orders(self, line: Line) -> Ordering:
        return Ordering(self.d, line.lineage, self.outlook)

    @property
    def _all(self) -> tuple[Lineage, ...]:
        return tuple(line.lineage for line in self.lines)

    def _reached(self) -> tuple[Reached, ...]:
        return tuple(r for r in self.outlook.reach.endpoints if not set(self._all).isdisjoint(r.lineages))

    def _places(self) -> tuple[Place, ...]:
        """Every TLSA RRset that clients of this service may be given."""
        return kept_places(self.d, self._reached(), self.outlook)

    def _own(self, g: CredentialFacts, like: Iterable[TLSARecord] = ()) -> frozenset[TLSARecord]:
        """The records of one generation, under the desired combinations and those of ``like``."""
        return associations({*self.d.combinations, *(r.combination for r in like)}, g.chain, g.spki)

    @property
    def _combinations(self) -> str:
        return ", ".join(map(str, self.d.combinations))

    def _rrset(self, owner: Name, rdatas: frozenset[bytes]) -> RRset:
        return RRset(owner, TLSA, self.d.tlsa_ttl, rdatas)


_AT_REST = frozenset(
    {
        *("SETTLING", "KEY_KEPT", "STILL_OFFERED", "TLSA_LEFT", "REMOVAL_REFUSED"),
        *("NOT_REVOKED", "REVOCATION_FAILED"),
    }
)
"""Servers and records are as desired, and only what clients may still hold, or what the operator does, is waited for.

No renewal waits for that: an authority may be silent for ever.
"""


def _rdatas(records: Iterable[TLSARecord]) -> frozenset[bytes]:
    return frozenset(record.to_rdata() for record in records)
