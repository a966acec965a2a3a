"""The planner: from what is desired and what is known to the next action, or what is waited for.

Pure and level-triggered: each pass looks at the facts alone, so a runner that was killed goes on where it stood. The
planner proposes in its order of preference, and asks the gate which proposal it would let through; the engine observes
again and asks the gate once more before it acts.

Every roll has one mould: prepare, publish the union, wait until it is settled, switch, confirm, withdraw exactly the
named records, and, settled again, destroy the old key.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import dns.name
import dns.rdatatype
from dns.name import Name

from danelaw.core.dnssec.keys import DNSKEY, make_ds
from danelaw.core.model import (
    IP,
    Absence,
    Answer,
    Chain,
    Challenge,
    ChallengeType,
    CredentialFacts,
    Failed,
    HostName,
    Instant,
    Issued,
    Limits,
    Lineage,
    NeedChallenge,
    NotOffered,
    OrderState,
    Pending,
    RRset,
    Security,
    SubjectName,
    same_content,
)
from danelaw.core.rollover.actions import (
    Action,
    AdvanceOrder,
    ClearChallenge,
    Conflict,
    DestroyKey,
    Failure,
    MakeKey,
    MakeZoneKeys,
    PlaceChallenge,
    Publish,
    Receipt,
    SignZone,
    SubmitDS,
    Switch,
)
from danelaw.core.rollover.delegation import Unasked, asked_ds
from danelaw.core.rollover.epochs import DNSKEY_TYPE, DS_TYPE, signatures_end
from danelaw.core.rollover.facts import Deed, Facts, Holding, PresentedSpan
from danelaw.core.rollover.gate import TLSA, Allowed, Refused, judge, says
from danelaw.core.rollover.possible import newest, possible_answers, service_addresses, visible
from danelaw.core.rollover.reach import Reach, Reached
from danelaw.core.tlsa import Combination, TLSARecord, records_of
from danelaw.core.tlsa.credential import associations, leaf_validity

TXT = int(dns.rdatatype.TXT)
SOA = int(dns.rdatatype.SOA)


@dataclass(frozen=True, slots=True)
class DesiredZone:
    """A zone that is to be signed and to have its DS at the parent. ``parent`` None: the DS is not our business.

    ``signed_by``: whose the zone's keys and signatures are. A server that signs its zones makes and rolls their keys by
    itself; then only the DS is ours.
    """

    subject: SubjectName
    zone: Name
    parent: Name | None
    ds_ttl: int = 3600
    signed_by: Literal["danelaw", "server"] = "danelaw"


@dataclass(frozen=True, slots=True)
class DesiredService:
    """A service that is to have a certificate and the TLSA records that match it.

    ``names``: what the certificate is for. ``combinations``: the TLSA parameters to publish. The strategy is
    ``staged``: a new key at each renewal.
    """

    subject: SubjectName
    lineage: Lineage
    zone: Name
    names: tuple[Name, ...]
    combinations: tuple[Combination, ...]
    tlsa_ttl: int
    host: HostName
    challenge: ChallengeType
    challenge_zone: Name | None = None
    profile: str | None = None


Desired: TypeAlias = DesiredZone | DesiredService


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing may be done now. ``until``: the earliest instant at which it is worth looking again on this account."""

    code: str
    because: str
    since: Instant
    until: Instant | None


@dataclass(frozen=True, slots=True)
class Settled:
    """All is as desired. ``until``: when the next change is due, where that is known."""

    until: Instant | None
    notes: tuple[str, ...] = ()


Plan: TypeAlias = Action | Wait | Settled


def plan(desired: Desired, facts: Facts, reach: Reach, now: Instant, limits: Limits) -> Plan:
    """The next action towards what is desired, or what is waited for."""
    if isinstance(desired, DesiredZone):
        return _plan_zone(desired, facts, reach, now, limits)
    return _Service(desired, facts, reach, now, limits).plan()


# -- zones ------------------------------------------------------------------------------------------------------------


def _plan_zone(d: DesiredZone, facts: Facts, reach: Reach, now: Instant, limits: Limits) -> Plan:
    if d.signed_by == "server":
        return _plan_served_zone(d, facts, reach, now, limits)
    keys = facts.zone_keys(d.zone)
    if keys is None:
        return Wait("UNOBSERVED", f"the keys of {d.zone} have not been looked at", now, now)
    if not keys.ksks or not keys.zsks:
        return MakeZoneKeys(d.zone)
    wanted = keys.ksks | keys.zsks
    dnskeys = newest(facts, d.zone, d.zone, DNSKEY_TYPE)
    if dnskeys is None:
        return Wait("UNOBSERVED", f"no authority of {d.zone} has answered for its DNSKEY", now, None)
    refresh = signatures_end(facts, d.zone)
    if not isinstance(dnskeys, RRset) or dnskeys.rdatas != wanted or (refresh is not None and now >= refresh):
        if tried := _lately_done(facts, SignZone(d.zone, wanted), now, limits):
            because = f"{d.zone} was signed and reloaded; its authorities do not serve it yet"
            return Wait("NOT_LOADED", because, tried, tried + limits.in_flight)
        return _gated([SignZone(d.zone, wanted)], facts, reach, now, limits)
    if d.parent is None:
        return Settled(refresh)
    ds = frozenset(make_ds(d.zone, DNSKEY.from_rdata(rdata)).to_rdata() for rdata in keys.ksks)
    return _plan_ds(d.parent, d, ds, facts, reach, now, limits, refresh)


def _plan_served_zone(d: DesiredZone, facts: Facts, reach: Reach, now: Instant, limits: Limits) -> Plan:
    """A zone that its server signs: the DS follows what the zone asks for."""
    ds = asked_ds(d.zone, d.parent, facts, now, limits)
    if isinstance(ds, Unasked):
        return Wait(ds.code, ds.because, now, None)
    if d.parent is None:
        return Settled(None)
    return _plan_ds(d.parent, d, ds, facts, reach, now, limits, None)


def _plan_ds(
    parent: Name,
    d: DesiredZone,
    wanted: frozenset[bytes],
    facts: Facts,
    reach: Reach,
    now: Instant,
    limits: Limits,
    refresh: Instant | None,
) -> Plan:
    ds = newest(facts, parent, d.zone, DS_TYPE)
    if ds is None:
        return Wait("UNOBSERVED", f"no authority of {parent} has answered for the DS of {d.zone}", now, None)
    if not isinstance(ds, RRset) or ds.rdatas != wanted:
        change = SubmitDS(d.zone, ds, RRset(d.zone, DS_TYPE, d.ds_ttl, wanted))
        if tried := _lately_accepted(facts, change, now, limits):
            because = f"the DS was handed over; no authority of {parent} serves it yet"
            return Wait("NOT_LOADED", because, tried, tried + limits.in_flight)
        return _gated([change], facts, reach, now, limits)
    if visible(facts, parent, d.zone, DS_TYPE, now, limits) != wanted:
        return Wait("DS_NOT_VISIBLE", f"not every authority of {parent} serves the DS of {d.zone} yet", now, None)
    judged = facts.judged(d.zone, SOA)
    if judged is None or judged.state is not Security.SECURE:
        why = "; ".join(map(str, judged.reasons)) if judged else "not judged yet"
        return Wait("NOT_SECURE", f"{d.zone} does not validate yet: {why}", now, None)
    return Settled(refresh)


# -- services ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Complete:
    """A generation that has its certificate."""

    facts: CredentialFacts
    chain: Chain


@dataclass(frozen=True, slots=True)
class _Service:
    d: DesiredService
    facts: Facts
    reach: Reach
    now: Instant
    limits: Limits

    def plan(self) -> Plan:
        holding = self.facts.holding(self.d.lineage)
        if holding is None:
            return self._wait("UNOBSERVED", "the credential store has not been looked at")
        pending = holding.generations[-1] if holding.generations and holding.generations[-1].chain is None else None
        complete = [_Complete(g, g.chain) for g in holding.generations if g.chain is not None]
        ordering = self._order(pending, holding) if pending is not None else self._tidy()
        if isinstance(ordering, Action) and not self._just_failed(ordering):
            return ordering
        if not complete:
            return ordering if ordering is not None else MakeKey(self.d.lineage)
        aligning = self._align(complete[-1], complete, holding)
        if isinstance(aligning, Action) or not _at_rest(aligning):
            return aligning
        if pending is None:
            due = self._due(complete[-1])
            if due <= self.now:
                return MakeKey(self.d.lineage)
            return Settled(due, aligning.notes) if isinstance(aligning, Settled) else aligning
        return ordering or aligning

    # - certificates

    def _due(self, current: _Complete) -> Instant:
        """When to renew: the CA's window (RFC 9773), an operator's request, or a part of the lifetime."""
        requested = self.facts.requested(self.d.lineage)
        if requested is not None and requested.at > current.facts.created:
            return requested.at
        validity = leaf_validity(current.chain)
        if validity is None:
            return self.now
        late = validity.start + (validity.end - validity.start) * self.limits.renew_fraction
        info = self.facts.renewal(current.chain)
        return min(info.window.start, late) if info is not None else late

    def _order(self, generation: CredentialFacts, holding: Holding) -> Action | Wait:
        """The next step of the order for a generation that has a key and no certificate."""
        steps = [
            deed
            for deed in self.facts.deeds
            if isinstance(deed.action, AdvanceOrder)
            and (deed.action.lineage, deed.action.generation) == (self.d.lineage, generation.generation)
        ]
        told = [s for s in steps if isinstance(s.outcome, NeedChallenge | Pending | Issued | Failed)]
        if steps and steps[-1].done is not None and (not told or told[-1] is not steps[-1]):
            again = steps[-1].done + 2 * self.limits.pass_interval  # the pass between is for repairs
            if self.now < again:
                return self._wait("CA_FAILED", f"the CA did not answer: {steps[-1].outcome}", steps[-1].done, again)
        last = told[-1] if told else None
        match last.outcome if last else None:
            case NeedChallenge(order, challenges):
                return self._prove(generation, order, challenges)
            case Pending(order, until) if self.now < until:
                return self._wait("CA_PENDING", "the CA is at work on the order", last.done if last else None, until)
            case Pending(order, _) | Issued(order, _):
                return AdvanceOrder(self.d.lineage, generation.generation, order)
            case Failed(_, code, detail, retry_at) if self.now < retry_at:
                why = f"the CA refused the order: {code}: {detail}"
                return self._wait("ORDER_FAILED", why, last.done if last else None, retry_at)
            case _:
                return AdvanceOrder(self.d.lineage, generation.generation, self._new_order(holding))

    def _new_order(self, holding: Holding) -> OrderState:
        complete = [g.chain for g in holding.generations if g.chain is not None]
        return OrderState(self.d.names, self.d.profile, replaces=complete[-1] if complete else None)

    def _prove(self, generation: CredentialFacts, order: OrderState, needed: Sequence[Challenge]) -> Action | Wait:
        """Place each challenge; when the CA can find them all, say so."""
        for challenge in needed:
            if challenge.type is ChallengeType.DNS_01:
                step = self._publish_challenge(challenge, needed)
                if step is not None:
                    return step
            else:
                place = PlaceChallenge(self.d.lineage, generation.generation, challenge)
                if not self._accepted(place):
                    return place
        placed = order.placed | {challenge.url for challenge in needed}
        return AdvanceOrder(self.d.lineage, generation.generation, replace(order, placed=placed))

    def _publish_challenge(self, challenge: Challenge, needed: Sequence[Challenge]) -> Action | Wait | None:
        zone = self.d.challenge_zone or self.d.zone
        owner = challenge_owner(challenge.identifier)
        current = newest(self.facts, zone, owner, TXT)
        if current is None:
            return self._wait("UNOBSERVED", f"no authority has answered for {owner}")
        wanted = frozenset(txt_rdata(c.response) for c in needed if challenge_owner(c.identifier) == owner)
        if visible(self.facts, zone, owner, TXT, self.now, self.limits) == wanted:
            return None
        if isinstance(current, RRset) and current.rdatas == wanted:
            return self._wait("CHALLENGE_NOT_VISIBLE", f"not every authority serves {owner} yet")
        ttl = min(60, self.d.tlsa_ttl)
        return self._publishing(Publish(zone, current, RRset(owner, TXT, ttl, wanted)))

    def _tidy(self) -> Action | None:
        """Take away what orders that are over have left behind; where that fails, it holds nothing else up."""
        zone = self.d.challenge_zone or self.d.zone
        owners = {challenge_owner(name) for name in self.d.names}
        for deed in self.facts.deeds:
            match deed.action:
                case PlaceChallenge(lineage, generation, challenge) if lineage == self.d.lineage:
                    clear = ClearChallenge(lineage, generation, challenge)
                    if not self._accepted(clear) and not self._lately_tried(clear):
                        return clear
                case Publish(at, _, RRset(owner, type) as response) if (at, type) == (zone, TXT) and owner in owners:
                    current = newest(self.facts, zone, owner, TXT)
                    if isinstance(current, RRset) and current.rdatas == response.rdatas:
                        clean = Publish(zone, current, Absence(owner, TXT, 0))
                        if not self._lately_tried(clean):
                            return clean
        return None

    # - records and servers

    def _align(self, target: _Complete, complete: Sequence[_Complete], holding: Holding) -> Plan:
        """Bring DNS and the servers to the newest complete generation, by steps that the gate allows."""
        for reached in self._reached():
            if not service_addresses(self.facts, reached, self.now, self.limits):
                because = f"no address of {reached.endpoint.host} is known: aliases are not followed yet"
                return self._wait("NO_ADDRESS", because)
        generation = target.facts.generation
        switch = Switch(self.d.lineage, self.d.host, generation, target.chain)
        serving = self._all_present(target.chain) and holding.live == generation
        for owner in self._owners():
            current = newest(self.facts, self.d.zone, owner, TLSA)
            if current is None:
                return self._wait("UNOBSERVED", f"no authority has answered for {owner}")
            if isinstance(current, RRset) and current.type != TLSA:
                return self._wait("TLSA_IS_ALIAS", f"{owner} is an alias, and aliases are not followed yet")
            step = self._align_records(owner, current, target, complete, switch, serving)
            if step is not None:
                return step
        if not serving:
            return self._switching(switch)
        return self._settling() or self._destroy(holding, target) or Settled(None, self._notes(holding))

    def _settling(self) -> Wait | None:
        """Until no client can hold anything but what is published now."""
        for owner in self._owners():
            current = newest(self.facts, self.d.zone, owner, TLSA)
            held = possible_answers(self.facts, self.d.zone, owner, TLSA, self.now, self.limits).held
            others = [h for h in held if current is not None and not same_content(h.answer, current)]
            if others:
                last = max(others, key=lambda h: (h.until is None, h.until or self.now))
                because = f"clients may hold {says(last.answer)}: {last.because}"
                return self._wait("SETTLING", because, until=last.until)
        return None

    def _align_records(
        self,
        owner: Name,
        current: Answer,
        target: _Complete,
        complete: Sequence[_Complete],
        switch: Switch,
        serving: bool,
    ) -> Plan | None:
        """The next step for one TLSA RRset; None: it needs none.

        A combination that is there stays, also when it is configured no longer: some client may know no other. Rdata
        that is no record of anything known is kept as it stands.
        """
        rdatas = current.rdatas if isinstance(current, RRset) else frozenset()
        published = frozenset(records_of(current))
        ours = frozenset(r for g in complete for r in self._own(g.facts, published)) & published
        wanted = self._own(target.facts, ours)
        if not wanted:
            because = (
                f"generation {target.facts.generation} has no record under {', '.join(map(str, self.d.combinations))}"
            )
            return self._wait("NO_ASSOCIATION", because)
        union = self._rrset(owner, rdatas | _rdatas(wanted))
        if not published:
            if not serving:
                return self._switching(switch)
            return self._publishing(Publish(self.d.zone, current, union))
        if not wanted <= published:
            back = [
                Switch(self.d.lineage, self.d.host, g.facts.generation, g.chain)
                for g in complete
                if self._own(g.facts, ours) <= published and not self._all_present(g.chain)
            ]
            return self._publishing(Publish(self.d.zone, current, union), *back)
        if not serving:
            return None
        named = ours - wanted
        if not named:
            return None
        confirmed = self._confirmed_since(target.chain)
        if confirmed is None or self.now < confirmed + self.limits.linger:
            until = confirmed + self.limits.linger if confirmed else None
            return self._wait("LINGERING", "the old records stay until every client has moved on", confirmed, until)
        return self._publishing(Publish(self.d.zone, current, self._rrset(owner, rdatas - _rdatas(named))))

    def _publishing(self, change: Publish, *instead: Action) -> Action | Wait:
        if tried := _lately_accepted(self.facts, change, self.now, self.limits):
            because = f"the change was accepted; no authority of {change.zone} serves it yet"
            return self._wait("NOT_LOADED", because, tried, tried + self.limits.in_flight)
        return self._gated([change, *instead])

    def _switching(self, switch: Switch) -> Plan:
        if self.facts.holding(self.d.lineage) is not None and (tried := self._lately_accepted(switch)):
            because = "the server was reloaded; not every address presents the new chain yet"
            if self.now < tried + self.limits.in_flight:
                return self._wait("NOT_CONFIRMED", because, tried, tried + self.limits.in_flight)
        return self._gated([switch])

    def _destroy(self, holding: Holding, target: _Complete) -> Plan | None:
        """Destroy the keys of generations that nobody can need any more; that never holds anything up."""
        first: Wait | None = None
        for generation in holding.generations:
            destroy = DestroyKey(self.d.lineage, generation.generation)
            if generation.generation >= target.facts.generation or self._accepted(destroy):
                continue
            judgement = judge(destroy, self.facts, self.reach, self.now, self.limits)
            if isinstance(judgement, Allowed):
                return destroy
            kept = refused_wait(judgement, self.now)
            because = f"the key of generation {generation.generation} is kept: {kept.because}"
            first = first or self._wait("KEY_KEPT", because, self.now, kept.until)
        return first

    def _notes(self, holding: Holding) -> tuple[str, ...]:
        """What the operator has to decide: records that are not ours, or of parameters no longer configured."""
        found: list[str] = []
        for owner in self._owners():
            current = newest(self.facts, self.d.zone, owner, TLSA)
            published = frozenset(records_of(current)) if current is not None else frozenset()
            ours = frozenset(r for g in holding.generations for r in self._own(g, published))
            found.extend(f"{owner} TLSA {r.to_text()} is not ours: adopt or remove it" for r in published - ours)
            former = {r.combination for r in published & ours} - set(self.d.combinations)
            found.extend(f"{owner} TLSA {c} is configured no longer, and some client may know no other" for c in former)
        return tuple(sorted(found))

    # - what is known

    def _reached(self) -> tuple[Reached, ...]:
        return self.reach.served_by(self.d.lineage, self.d.host)

    def _owners(self) -> tuple[Name, ...]:
        return tuple(dict.fromkeys(owner for r in self._reached() for owner in r.owners))

    def _own(self, g: CredentialFacts, like: Iterable[TLSARecord] = ()) -> frozenset[TLSARecord]:
        """The records of one generation, under the desired combinations and those of ``like``."""
        return associations({*self.d.combinations, *(r.combination for r in like)}, g.chain, g.spki)

    def _rrset(self, owner: Name, rdatas: frozenset[bytes]) -> RRset:
        return RRset(owner, TLSA, self.d.tlsa_ttl, rdatas)

    def _spans(self) -> Iterable[tuple[IP, tuple[PresentedSpan, ...]]]:
        for reached in self._reached():
            for ip in service_addresses(self.facts, reached, self.now, self.limits):
                hellos = self.facts.presented(reached.endpoint, ip)
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

    def _accepted(self, action: Action) -> bool:
        return any(deed.action == action and isinstance(deed.outcome, Receipt) for deed in self.facts.deeds)

    def _lately_accepted(self, action: Action) -> Instant | None:
        deed = _latest(self.facts, action)
        return deed.done if deed and isinstance(deed.outcome, Receipt) else None

    def _just_failed(self, action: Action) -> bool:
        """Then the next pass is for repairs: a step that fails for ever holds none of them up."""
        deed = _latest(self.facts, action)
        if deed is None or deed.done is None or not isinstance(deed.outcome, Failure):
            return False
        return self.now - deed.done < 2 * self.limits.pass_interval

    def _lately_tried(self, action: Action) -> bool:
        deed = _latest(self.facts, action)
        return deed is not None and deed.done is not None and self.now - deed.done < self.limits.in_flight

    # - answers

    def _gated(self, proposals: Sequence[Action]) -> Action | Wait:
        return _gated(proposals, self.facts, self.reach, self.now, self.limits)

    def _wait(self, code: str, because: str, since: Instant | None = None, until: Instant | None = None) -> Wait:
        return Wait(code, because, since or self.now, until)


def _at_rest(aligned: Wait | Settled) -> bool:
    """Whether servers and records are as desired, and only what clients may still hold is waited out.

    No renewal waits for that: an authority may be silent for ever.
    """
    return isinstance(aligned, Settled) or aligned.code in ("SETTLING", "KEY_KEPT")


# -- shared -----------------------------------------------------------------------------------------------------------


def _gated(proposals: Sequence[Action], facts: Facts, reach: Reach, now: Instant, limits: Limits) -> Action | Wait:
    """The first proposal that the gate would let through, else a wait that says what stands against the first."""
    refusals: list[Refused] = []
    for proposal in proposals:
        judgement = judge(proposal, facts, reach, now, limits)
        if isinstance(judgement, Allowed):
            return proposal
        refusals.append(judgement)
    return refused_wait(refusals[0], now)


def refused_wait(refusal: Refused, now: Instant) -> Wait:
    """A gate's refusal as a wait: the counterexample that lasts longest speaks for it."""

    def lasts(index: int) -> tuple[bool, float]:
        held = refusal.because[index].held
        known = held is not None and held.until is not None
        return (not known, held.until.timestamp() if held is not None and held.until is not None else 0.0)

    worst = refusal.because[max(range(len(refusal.because)), key=lasts)]
    return Wait(worst.code, worst.because, now, refusal.earliest)


def _rdatas(records: Iterable[TLSARecord]) -> frozenset[bytes]:
    return frozenset(record.to_rdata() for record in records)


def _latest(facts: Facts, action: Action) -> Deed | None:
    return next((deed for deed in reversed(facts.deeds) if deed.action == action), None)


def _lately_done(facts: Facts, action: Action, now: Instant, limits: Limits) -> Instant | None:
    deed = _latest(facts, action)
    if deed is None or deed.done is None or isinstance(deed.outcome, Conflict):
        return None
    return deed.done if now - deed.done < limits.in_flight else None


def _lately_accepted(facts: Facts, action: Action, now: Instant, limits: Limits) -> Instant | None:
    deed = _latest(facts, action)
    if deed is None or deed.done is None or not isinstance(deed.outcome, Receipt):
        return None
    return deed.done if now - deed.done < limits.in_flight else None


def challenge_owner(identifier: Name) -> Name:
    """Where a dns-01 response is published (RFC 8555 §8.4)."""
    name = Name(identifier.labels[1:]) if identifier.is_wild() else identifier
    return dns.name.Name((b"_acme-challenge",)).concatenate(name)


def txt_rdata(text: str) -> bytes:
    """One character-string (RFC 1035 §3.3.14)."""
    data = text.encode("ascii")
    return bytes((len(data),)) + data


__all__ = ["Desired", "DesiredService", "DesiredZone", "Plan", "Settled", "Wait", "challenge_owner", "plan"]
