"""Planning a certificate: when it is due, and one step of its order after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from dns.name import Name

from danelaw.core.model import (
    Absence,
    Challenge,
    ChallengeType,
    CredentialFacts,
    Failed,
    GenerationId,
    Instant,
    Issued,
    Lineage,
    NeedChallenge,
    OrderState,
    Pending,
    RRset,
)
from danelaw.core.rollover.actions import (
    Action,
    AdvanceOrder,
    ClearChallenge,
    Failure,
    Outcome,
    PlaceChallenge,
    Publish,
    Receipt,
)
from danelaw.core.rollover.answers import newest, visible
from danelaw.core.rollover.challenges import (
    TXT,
    Led,
    aliases_agree,
    awaited,
    led,
    published,
    published_places,
    txt_rdata,
)
from danelaw.core.rollover.fold import Deed
from danelaw.core.rollover.plans import DesiredService, Outlook, Wait
from danelaw.core.rollover.succession import Complete
from danelaw.core.tlsa.credential import leaf_lacks, leaf_validity

MOST_FAILED: Final = 3
"""More failed orders in a row are not counted: the CA is left alone for no longer."""


@dataclass(frozen=True, slots=True)
class Ordering:
    """The orders of one lineage of a service."""

    d: DesiredService
    lineage: Lineage
    outlook: Outlook

    def due(self, current: Complete) -> Instant:
        """When to renew a certificate: the CA's window (RFC 9773), or a part of its lifetime.

        At once where it lacks a name that is desired by now; but not a second time, if a CA leaves that name out. At
        once also where another CA issued it than is desired by now. A name too many harms nobody until then.
        """
        if self.lacks(current):
            return self.outlook.now
        if self._elsewhere(current.facts.generation):
            return self.outlook.now
        late = self._after(current, self.outlook.limits.renew_fraction)
        info = self.outlook.facts.renewal(current.chain)
        return min(info.window.start, late) if info is not None else late

    def lacks(self, current: Complete) -> bool:
        """Whether a certificate lacks a name that is desired by now, and was not left out by the CA."""
        return leaf_lacks(current.chain, self.d.names) and not self._ordered_with_all_names(current)

    def urgent(self, current: Complete) -> bool:
        """Whether it is so late that a renewal must wait for nothing that can be done without."""
        return self._after(current, self.outlook.limits.urgent_fraction) <= self.outlook.now

    def _ordered_with_all_names(self, current: Complete) -> bool:
        return any(
            isinstance(deed.action, AdvanceOrder)
            and (deed.action.lineage, deed.action.generation) == (self.lineage, current.facts.generation)
            and set(self.d.names) <= set(deed.action.order.names)
            for deed in self.outlook.facts.deeds
        )

    def _elsewhere(self, generation: GenerationId) -> bool:
        """Whether another CA issued a generation's certificate. What somebody else put there may be of any."""
        issued = [
            deed.action.order
            for deed in self.outlook.facts.deeds
            if isinstance(deed.action, AdvanceOrder)
            and (deed.action.lineage, deed.action.generation) == (self.lineage, generation)
            and isinstance(deed.outcome, Issued)
        ]
        return bool(issued) and not self._here(issued[-1])

    def _here(self, order: OrderState) -> bool:
        """Whether an order is at the CA that is desired."""
        return None in (order.issuer, self.d.issuer) or order.issuer == self.d.issuer

    def _after(self, current: Complete, part: float) -> Instant:
        validity = leaf_validity(current.chain)
        if validity is None:
            return self.outlook.now
        return validity.start + (validity.end - validity.start) * part

    def step(self, generation: CredentialFacts, follows: Complete | None) -> Action | Wait:
        """The next step of the order for a generation that has a key and no certificate.

        ``follows``: the certificate that it is to replace (RFC 9773 §5), if the CA is the same. An order that another
        CA was at work on is left there.
        """
        replaces = follows.chain if follows is not None and not self._elsewhere(follows.facts.generation) else None
        steps = [
            deed
            for deed in self.outlook.facts.deeds
            if isinstance(deed.action, AdvanceOrder)
            and (deed.action.lineage, deed.action.generation) == (self.lineage, generation.generation)
            and self._here(deed.action.order)
        ]
        told = [s for s in steps if isinstance(s.outcome, NeedChallenge | Pending | Issued | Failed)]
        if steps and steps[-1].done is not None and (not told or told[-1] is not steps[-1]):
            again = steps[-1].done + 2 * self.outlook.limits.pass_interval  # the pass between is for repairs
            if self.outlook.now < again:
                return self.outlook.wait("CA_FAILED", _fault(steps[-1].outcome), steps[-1].done, again)
        last = told[-1] if told else None
        since = last.done if last else None
        match last.outcome if last else None:
            case NeedChallenge(order, challenges):
                return self._prove(generation, order, challenges)
            case Pending(_, until, trouble) if trouble and self.outlook.now < until:
                why = f"the CA puts us off: {trouble}"
                return self.outlook.wait("CA_BUSY", why, troubled_since(told), until)
            case Pending(_, until) if self.outlook.now < until:
                return self.outlook.wait(
                    "CA_PENDING", "the CA is at work on the order", last.done if last else None, until
                )
            case Pending(order) | Issued(order):
                return AdvanceOrder(self.lineage, generation.generation, order)
            case Failed(_, code, detail, retry_at) if self.outlook.now < retry_at:
                why = f"the CA refused the order: {code}: {detail}"
                return self.outlook.wait("ORDER_FAILED", why, since, retry_at)
            case outcome:
                failed = min(outcome.order.failed + 1, MOST_FAILED) if isinstance(outcome, Failed) else 0
                d = self.d
                fresh = OrderState(d.names, d.profile, replaces=replaces, failed=failed, issuer=d.issuer)
                return AdvanceOrder(self.lineage, generation.generation, fresh)

    def _prove(self, generation: CredentialFacts, order: OrderState, needed: Sequence[Challenge]) -> Action | Wait:
        """Place each challenge; when the CA can find them all, say so."""
        for challenge in needed:
            if challenge.type is ChallengeType.DNS_01:
                step = self._publish_challenge(challenge, needed)
                if step is not None:
                    return step
            else:
                place = PlaceChallenge(self.lineage, generation.generation, challenge)
                if not self.outlook.accepted(place):
                    return place
        placed = order.placed | {challenge.url for challenge in needed}
        return AdvanceOrder(self.lineage, generation.generation, replace(order, placed=placed))

    def _publish_challenge(self, challenge: Challenge, needed: Sequence[Challenge]) -> Action | Wait | None:
        """Put a response where the CA is led to; None once every authority there serves it."""
        facts, now, limits = self.outlook.facts, self.outlook.now, self.outlook.limits
        way = self._led(challenge)
        place = way.place
        if place is None:
            if way.fault is not None:
                return self.outlook.wait("CHALLENGE_ALIAS", f"{way.fault}: no response can be published")
            return self.outlook.wait("UNOBSERVED", f"nobody has answered for {way.target}, where an alias leads")
        wanted = frozenset(txt_rdata(c.response) for c in needed if self._led(c).place == place)
        if place.zone not in self.d.changeable and place.zone != self.d.challenge_zone:
            there = f"the alias {way.asked[-1].owner} leads to {place.owner}" if way.asked else f"it is {place.owner}"
            why = f"{there} in the zone {place.zone}, which no publisher is configured for"
            texts = ", ".join(f'TXT "{c.response}"' for c in needed if self._led(c).place == place)
            if (visible(facts, place.zone, place.owner, TXT, now, limits) or frozenset()) >= wanted:
                return None
            return self.outlook.wait("CHALLENGE_ELSEWHERE", f"{why}: add one, or publish {texts} there")
        current = newest(facts, place.zone, place.owner, TXT)
        if current is None:
            return self.outlook.wait("UNOBSERVED", f"no authority has answered for {place.owner}")
        if (visible(facts, place.zone, place.owner, TXT, now, limits) or frozenset()) >= wanted:
            if (lagging := aliases_agree(facts, way, now, limits)) is not None:
                because = f"not every authority serves the alias {lagging.owner} yet"
                return self.outlook.wait("CHALLENGE_NOT_VISIBLE", because)
            return None
        if isinstance(current, RRset) and current.rdatas >= wanted:
            return self.outlook.wait("CHALLENGE_NOT_VISIBLE", f"not every authority serves {place.owner} yet")
        stale = published(facts, place) - awaited(facts)
        kept = current.rdatas - stale if isinstance(current, RRset) else frozenset[bytes]()
        ttl = current.ttl if kept and isinstance(current, RRset) else min(60, self.d.tlsa_ttl)
        return publishing(self.outlook, Publish(place.zone, current, RRset(place.owner, TXT, ttl, kept | wanted)))

    def _led(self, challenge: Challenge) -> Led:
        return led(self.outlook.facts, self.d.challenge_start(challenge.identifier))

    @property
    def _written_zones(self) -> frozenset[Name]:
        """Where responses may have been put."""
        apart = self.d.challenge_zone
        return self.d.changeable if apart is None else self.d.changeable | {apart}

    def tidy(self) -> Action | None:
        """Take away what orders that are over have left behind; where that fails, it holds nothing else up."""
        facts = self.outlook.facts
        for deed in facts.deeds:
            match deed.action:
                case PlaceChallenge(lineage, generation, challenge) if lineage == self.lineage:
                    clear = ClearChallenge(lineage, generation, challenge)
                    if not self.outlook.accepted(clear) and not self.outlook.lately_tried(clear):
                        return clear
        for place in published_places(facts, self._written_zones):
            current = newest(facts, place.zone, place.owner, TXT)
            if isinstance(current, RRset) and (left := published(facts, place) - awaited(facts)) & current.rdatas:
                others = current.rdatas - left
                after = replace(current, rdatas=others, rrsigs=frozenset()) if others else Absence(place.owner, TXT, 0)
                clean = Publish(place.zone, current, after)
                if not self.outlook.lately_tried(clean):
                    return clean
        return None

    def just_failed(self, action: Action) -> bool:
        """Then the next pass is for repairs: a step that fails for ever holds none of them up."""
        deed = self.outlook.latest(action)
        if deed is None or deed.done is None or not isinstance(deed.outcome, Failure):
            return False
        return self.outlook.now - deed.done < 2 * self.outlook.limits.pass_interval


def publishing(outlook: Outlook, change: Publish, *instead: Action) -> Action | Wait:
    """A change of one RRset, unless it was just accepted and is not served yet."""
    if tried := outlook.lately_accepted(change):
        because = f"the change was accepted; no authority of {change.zone} serves it yet"
        deed = outlook.latest(change)
        if deed is not None and isinstance(deed.outcome, Receipt) and deed.outcome.serial is None and deed.outcome.note:
            because = f"no authority of {change.zone} serves it yet: {deed.outcome.note}"  # it may be a person's to do
        return outlook.wait("NOT_LOADED", because, tried, tried + outlook.limits.in_flight)
    return outlook.gated(change, *instead)


def _fault(outcome: Outcome | None) -> str:
    """Why a step of an order ended without a word of the CA's."""
    said = outcome.message if isinstance(outcome, Failure) else ""
    return said or "the CA did not answer"


def troubled_since(told: Sequence[Deed]) -> Instant | None:
    """Of steps of one order, as far back as these are remembered; None: at the last of them the CA was well."""
    since: Instant | None = None
    for deed in reversed(told):
        if not isinstance(deed.outcome, Pending) or not deed.outcome.trouble:
            break
        since = deed.done
    return since
