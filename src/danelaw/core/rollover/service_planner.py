"""Planning a service: its records, its servers and its keys, brought to the newest certificate in the one mould.

Publish the union, wait until it is settled, switch, confirm, withdraw exactly the named records, and, settled again,
destroy the old key.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from dns.name import Name

from danelaw.core.model import IP, Answer, Chain, CredentialFacts, Instant, NotOffered, RRset, same_content
from danelaw.core.rollover.actions import Action, DestroyKey, MakeKey, Publish, Receipt, Switch
from danelaw.core.rollover.answers import newest, possible_answers
from danelaw.core.rollover.certificate_planner import Ordering, publishing
from danelaw.core.rollover.course import Course
from danelaw.core.rollover.facts import Holding, PresentedSpan
from danelaw.core.rollover.gate import TLSA, Allowed, says
from danelaw.core.rollover.lookups import Place, service_addresses, tlsa_places
from danelaw.core.rollover.plans import DesiredService, Outlook, Plan, Settled, Wait, refused_wait
from danelaw.core.rollover.reach import Reached
from danelaw.core.rollover.succession import Complete
from danelaw.core.tlsa import TLSARecord, records_of
from danelaw.core.tlsa.credential import associations


def plan_service(d: DesiredService, outlook: Outlook) -> Plan:
    """The next action towards a certificate that every server presents and every record matches."""
    return _Service(d, outlook).plan()


@dataclass(frozen=True, slots=True)
class _Service:
    d: DesiredService
    outlook: Outlook

    def plan(self) -> Plan:
        orders = Ordering(self.d, self.d.lineages[0], self.outlook)
        holding = self.outlook.facts.holding(self.d.lineages[0])
        if holding is None:
            return self.outlook.wait("UNOBSERVED", "the credential store has not been looked at")
        course = Course.of(self.d, self.outlook, holding)
        replaced = course.target.chain if course.target is not None else None
        ordering = orders.step(course.ordered, replaced) if course.ordered is not None else orders.tidy()
        if isinstance(ordering, Action) and not orders.just_failed(ordering):
            return ordering
        if course.at_once is not None and not orders.just_failed(course.at_once):
            return course.at_once
        if course.target is None:
            return ordering if ordering is not None else MakeKey(self.d.lineages[0])
        aligning = self._align(course.target, course, holding)
        if isinstance(aligning, Action) or not _at_rest(aligning):
            return aligning
        if course.begin is not None:
            return course.begin
        if course.ordered is not None:
            return ordering or aligning
        return Settled(course.due, aligning.notes) if isinstance(aligning, Settled) else aligning

    def _align(self, target: Complete, course: Course, holding: Holding) -> Plan:
        """Bring DNS and the servers to the target, by steps that the gate allows."""
        for reached in self._reached():
            if not service_addresses(self.outlook.facts, reached, self.outlook.now, self.outlook.limits):
                because = f"no address of {reached.endpoint.host} is known: aliases are not followed yet"
                return self.outlook.wait("NO_ADDRESS", because)
        generation = target.facts.generation
        serving = self._all_present(target.chain) and holding.live == generation
        for place in self._places():
            current = newest(self.outlook.facts, place.zone, place.owner, TLSA)
            if current is None:
                return self.outlook.wait("UNOBSERVED", f"no authority has answered for {place.owner}")
            if isinstance(current, RRset) and current.type != TLSA:
                return self.outlook.wait(
                    "TLSA_IS_ALIAS", f"{place.owner} is an alias, and aliases are not followed yet"
                )
            step = self._align_records(place, current, target, course, holding, serving)
            if step is not None:
                return step
        if not serving:
            return self._switching(Switch(self.d.lineages[0], self.d.hosts[0], generation, target.chain))
        return self._settling() or self._destroy(holding, course) or Settled(None, self._notes(holding))

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

    def _align_records(
        self, place: Place, current: Answer, target: Complete, course: Course, holding: Holding, serving: bool
    ) -> Plan | None:
        """The next step for one TLSA RRset; None: it needs none.

        A combination that is there stays, also when it is configured no longer: some client may know no other. Rdata
        that is no record of anything known is kept as it stands.
        """
        rdatas = current.rdatas if isinstance(current, RRset) else frozenset()
        published = frozenset(records_of(current))
        ours = frozenset(r for g in holding.generations for r in self._own(g, published)) & published
        wanted = self._own(target.facts, ours)
        switch = Switch(self.d.lineages[0], self.d.hosts[0], target.facts.generation, target.chain)
        if not wanted:
            because = (
                f"generation {target.facts.generation} has no record under {', '.join(map(str, self.d.combinations))}"
            )
            return self.outlook.wait("NO_ASSOCIATION", because)
        wanted |= frozenset(r for key in course.beside for r in self._own(key.newest, ours))
        union = self._rrset(place.owner, rdatas | _rdatas(wanted))
        if not published:
            if not serving:
                return self._switching(switch)
            return publishing(self.outlook, Publish(place.zone, current, union))
        if not wanted <= published:
            back = [
                Switch(self.d.lineages[0], self.d.hosts[0], g.generation, g.chain)
                for g in holding.generations
                if g.chain is not None and self._own(g, ours) <= published and not self._all_present(g.chain)
            ]
            return publishing(self.outlook, Publish(place.zone, current, union), *back)
        if not serving:
            return None
        named = ours - wanted
        if not named:
            return None
        linger = timedelta(0) if course.emergency else self.outlook.limits.linger
        confirmed = self._confirmed_since(target.chain)
        if confirmed is None or self.outlook.now < confirmed + linger:
            until = confirmed + linger if confirmed else None
            return self.outlook.wait(
                "LINGERING", "the old records stay until every client has moved on", confirmed, until
            )
        return publishing(self.outlook, Publish(place.zone, current, self._rrset(place.owner, rdatas - _rdatas(named))))

    def _switching(self, switch: Switch) -> Plan:
        """Switch, and again if some address does not present it, each time after twice as long, a day at the most."""
        tried = self._accepted_last(switch)
        if tried:
            patience = min(self.outlook.limits.in_flight * 2 ** min(len(tried) - 1, 20), timedelta(days=1))
            if self.outlook.now < tried[-1] + patience:
                because = f"the server was reloaded, and {self._stragglers(switch.chain)}"
                return self.outlook.wait("NOT_CONFIRMED", because, tried[0], tried[-1] + patience)
        return self.outlook.gated(switch)

    def _accepted_last(self, switch: Switch) -> list[Instant]:
        """When this switch was accepted, since any other was."""
        done: list[Instant] = []
        for deed in self.outlook.facts.deeds:
            if isinstance(deed.action, Switch) and (deed.action.lineage, deed.action.host) == (
                switch.lineage,
                switch.host,
            ):
                if deed.action != switch:
                    done.clear()
                elif isinstance(deed.outcome, Receipt) and deed.done is not None:
                    done.append(deed.done)
        return done

    def _stragglers(self, chain: Chain) -> str:
        """Which address presents something else, and to whom."""
        for reached in self._reached():
            for ip in service_addresses(self.outlook.facts, reached, self.outlook.now, self.outlook.limits):
                for hello, spans in self.outlook.facts.presented(reached.endpoint, ip).items():
                    got = spans[-1].got
                    if got != chain and not isinstance(got, NotOffered):
                        what = "another chain" if isinstance(got, Chain) else got.code
                        whom = hello.algorithm.value.upper() if hello.algorithm else "any"
                        return f"{ip} still presents {what} to a client that asks for {whom} key"
        return "not every address has been seen to present the new chain"

    def _destroy(self, holding: Holding, course: Course) -> Plan | None:
        """Destroy the keys that nobody can need any more; that never holds anything up."""
        first: Wait | None = None
        for generation in holding.generations:
            destroy = DestroyKey(self.d.lineages[0], generation.generation)
            if generation.spki in course.needed or self.outlook.accepted(destroy):
                continue
            judgement = self.outlook.judge(destroy)
            if isinstance(judgement, Allowed):
                return destroy
            kept = refused_wait(judgement, self.outlook.now)
            because = f"the key of generation {generation.generation} is kept: {kept.because}"
            first = first or self.outlook.wait("KEY_KEPT", because, self.outlook.now, kept.until)
        return first

    def _notes(self, holding: Holding) -> tuple[str, ...]:
        """What the operator has to decide: records that are not ours, or of parameters no longer configured."""
        found: list[str] = []
        for place in self._places():
            current = newest(self.outlook.facts, place.zone, place.owner, TLSA)
            published = frozenset(records_of(current)) if current is not None else frozenset()
            ours = frozenset(r for g in holding.generations for r in self._own(g, published))
            found.extend(f"{place.owner} TLSA {r.to_text()} is not ours: adopt or remove it" for r in published - ours)
            former = {r.combination for r in published & ours} - set(self.d.combinations)
            found.extend(
                f"{place.owner} TLSA {c} is configured no longer, and some client may know no other" for c in former
            )
        return tuple(sorted(found))

    # - what is known

    def _reached(self) -> tuple[Reached, ...]:
        return self.outlook.reach.served_by(self.d.lineages[0], self.d.hosts[0])

    def _places(self) -> tuple[Place, ...]:
        """Every TLSA RRset that clients of this credential may be given."""
        facts, now, limits = self.outlook.facts, self.outlook.now, self.outlook.limits
        return tuple(dict.fromkeys(p for r in self._reached() for p in tlsa_places(facts, r, now, limits)))

    def _own(self, g: CredentialFacts, like: Iterable[TLSARecord] = ()) -> frozenset[TLSARecord]:
        """The records of one generation, under the desired combinations and those of ``like``."""
        return associations({*self.d.combinations, *(r.combination for r in like)}, g.chain, g.spki)

    def _rrset(self, owner: Name, rdatas: frozenset[bytes]) -> RRset:
        return RRset(owner, TLSA, self.d.tlsa_ttl, rdatas)

    def _spans(self) -> Iterable[tuple[IP, tuple[PresentedSpan, ...]]]:
        for reached in self._reached():
            for ip in service_addresses(self.outlook.facts, reached, self.outlook.now, self.outlook.limits):
                hellos = self.outlook.facts.presented(reached.endpoint, ip)
                if not hellos:
                    yield ip, ()
                for spans in hellos.values():
                    yield ip, spans

    def _all_present(self, chain: Chain) -> bool:
        """Whether every address presented the chain to every hello that it has a credential for."""
        seen = [spans[-1].got for _, spans in self._spans() if spans]
        return (
            all(spans for _, spans in self._spans())
            and any(got == chain for got in seen)
            and all(got == chain or isinstance(got, NotOffered) for got in seen)
        )

    def _confirmed_since(self, chain: Chain | None) -> Instant | None:
        firsts = [spans[-1].first for _, spans in self._spans() if spans and spans[-1].got == chain]
        return max(firsts, default=None)


def _at_rest(aligned: Wait | Settled) -> bool:
    """Whether servers and records are as desired, and only what clients may still hold is waited out.

    No renewal waits for that: an authority may be silent for ever.
    """
    return isinstance(aligned, Settled) or aligned.code in ("SETTLING", "KEY_KEPT")


def _rdatas(records: Iterable[TLSARecord]) -> frozenset[bytes]:
    return frozenset(record.to_rdata() for record in records)
