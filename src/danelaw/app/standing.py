"""Where a subject stands, by what is recorded of it: nobody is asked, and nothing is changed.

It is judged as of now while what was seen vouches for now, and else as of when it was seen last: a host whose timer has
stopped is told as it was then, and that it has stopped.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

from danelaw.app.pausing import endangered, outlasts
from danelaw.core.model import (
    IP,
    Answer,
    Chain,
    Endpoint,
    GenerationId,
    Instant,
    Limits,
    Lineage,
    Pending,
    RRset,
    Security,
    SubjectName,
    same_content,
)
from danelaw.core.model.instants import to_minute
from danelaw.core.rollover.acceptance import acceptance
from danelaw.core.rollover.actions import Action, AdvanceOrder, Failure, Receipt, SubmitDS
from danelaw.core.rollover.answers import newest, visible, zone_subject
from danelaw.core.rollover.certificate_planner import Ordering, troubled_since
from danelaw.core.rollover.delegation import CDS_TYPE, asks_by_cds
from danelaw.core.rollover.doubts import LOOKUP_FAILED, doubted
from danelaw.core.rollover.epochs import DNSKEY_TYPE, DS_TYPE
from danelaw.core.rollover.facts import Done, Got, Holding
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.gate import Counterexample, violations
from danelaw.core.rollover.lookups import TLSA, Place, service_addresses
from danelaw.core.rollover.pauses import pause
from danelaw.core.rollover.places import kept_places
from danelaw.core.rollover.planner import SOA, Desired, DesiredService, DesiredZone, Plan, Settled, Wait, plan
from danelaw.core.rollover.plans import Outlook
from danelaw.core.rollover.reach import Reach, Reached
from danelaw.core.rollover.steps import Step
from danelaw.core.rollover.succession import Complete
from danelaw.core.rollover.waivers import waivers
from danelaw.core.rollover.words import Accepted, Paused, Waived
from danelaw.core.tlsa.credential import leaf_validity

SOMEBODY: Final = frozenset(
    {
        *("CA_FAILED", "ORDER_FAILED", "CLOCK_WRONG", "NO_ADDRESS", "WILDCARD_HOST", "NOT_STORED"),
        "NOT_SWITCHED",
        *("ZONE_UNSIGNED", "CDS_INVALID", "CDS_DELETE", "DS_WITHDRAWAL", "KEYS_UNSIGNED"),
        *("NO_ASSOCIATION", "NO_SHA256", "KEY_MISMATCH", "FOREIGN_ASSOCIATION", "EMPTY_RRSET", "UNREACHED"),
        *("TLSA_ELSEWHERE", "OWNER_IS_ALIAS", "NO_TLS", "MANDATORY_CLIENTS", "NO_FALLBACK"),
        *("STILL_OFFERED", "FOREIGN_LEFT", "REMOVAL_REFUSED", "REVOCATION_FAILED"),
    }
)
"""Waits that time alone does not end: somebody has to do something."""

SOON: Final = frozenset({"CA_BUSY", "NOT_CONFIRMED", "NOT_LOADED"})
"""Waits that are over soon, unless something is wrong."""


class State(enum.Enum):
    """How it is with a subject."""

    UNSEEN = "not looked at yet"
    SETTLED = "settled"
    DUE = "due"
    WAITING = "waiting"
    PAUSED = "paused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong, by a stable code."""

    code: str
    because: str


@dataclass(frozen=True, slots=True)
class Published:
    """An RRset as the authority furthest ahead served it last. ``everywhere``: so do all."""

    zone: str
    answer: Answer
    everywhere: bool


@dataclass(frozen=True, slots=True)
class Served:
    """What one address presented last to most clients. ``generation``: whose certificate it is; None: none of ours."""

    endpoint: Endpoint
    address: IP
    got: Got
    generation: GenerationId | None
    at: Instant


@dataclass(frozen=True, slots=True)
class Certificate:
    """The certificate that lies on the serving path. ``renewal``: when the next one is to be ordered."""

    lineage: Lineage
    generation: GenerationId
    ends: Instant
    renewal: Instant


@dataclass(frozen=True, slots=True)
class Standing:
    """``seen``: when it was looked at last. ``plan``: what comes next. ``since``: since when that is awaited, where it
    is known. ``done``: what was done last. ``security``: of the zone. ``endangered``: by a pause. ``keyless``: it is a
    zone whose keys are its server's. ``by_cds``: the DS that is awaited is what the zone asks its parent for itself."""

    subject: SubjectName
    state: State
    seen: Instant | None = None
    plan: Plan | None = None
    since: Instant | None = None
    done: Done | None = None
    zone: str = ""
    security: Security | None = None
    published: tuple[Published, ...] = ()
    served: tuple[Served, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    violations: tuple[Counterexample, ...] = ()
    waived: tuple[Waived, ...] = ()
    accepted: Accepted | None = None
    paused: Paused | None = None
    endangered: tuple[str, ...] = ()
    trouble: tuple[Trouble, ...] = ()
    keyless: bool = False
    by_cds: bool = False

    @property
    def handed_over(self) -> SubmitDS | None:
        """The DS that somebody was told to hand over, as long as the parent does not have it."""
        if self.done is None or not isinstance(self.done.action, SubmitDS):
            return None
        waits = (isinstance(self.plan, Wait) and self.plan.code == "NOT_LOADED") or isinstance(self.plan, SubmitDS)
        return self.done.action if waits and isinstance(self.done.outcome, Receipt) else None

    @property
    def step(self) -> Step | None:
        """Where in the mould of every change it waits."""
        return self.plan.step if isinstance(self.plan, Wait) else None


def standing(
    desired: Desired, facts: Facts, reach: Reach, now: Instant, limits: Limits, done: Done | None = None
) -> Standing:
    """``facts``: of all subjects. ``done``: the newest outcome that is recorded of this one."""
    seen = _seen(desired, facts)
    if seen is None:
        return Standing(desired.subject, State.UNSEEN)
    overdue = now - seen > limits.max_gap
    vouched = seen + limits.max_gap - limits.pass_interval  # all that the last pass saw: it took its time
    outlook = Outlook(facts, reach, vouched if overdue else now, limits)
    found = doubted(plan(desired, facts, reach, outlook.now, limits), desired.zone, facts, limits)
    zone = desired.zone if isinstance(desired, DesiredZone) else None
    judged = facts.judged(desired.zone, SOA)
    held = waivers(facts, zone_subject(desired.zone) if zone is not None else desired.subject, outlook.now)
    mine = Reach(tuple(one for one in reach.endpoints if one.service == desired.subject))
    refused = violations(facts, mine, outlook.now, limits)
    paused = pause(facts, desired.subject, now)
    certificates = _certificates(desired, outlook) if isinstance(desired, DesiredService) else ()
    trouble = [
        *(
            [Trouble("PASS_OVERDUE", f"nobody has looked since {to_minute(seen)}: no runner is at work")]
            if overdue
            else []
        ),
        *(Trouble(one.code, one.because) for one in dict.fromkeys(refused)),
        *ails(found, outlook.now, limits),
        *_failed(done, found),
        *put_off(done, found, outlook),
        *_ending(certificates, outlook, now),
    ]
    if paused is not None and outlasts(desired, outlook, paused.until):
        until = to_minute(paused.until)
        trouble.append(
            Trouble("PAUSE_TOO_LONG", f"{_what_ends(desired)} before the pause does, which holds until {until}")
        )
    if judged is not None and judged.state is Security.BOGUS:
        why = "; ".join(map(str, judged.reasons))
        trouble.append(Trouble("ANSWER_BOGUS", f"{desired.zone} is bogus: {why}"))
    return Standing(
        desired.subject,
        State.PAUSED if paused is not None else _state(found),
        seen,
        found,
        _since(found, done, outlook.now),
        done,
        desired.zone.to_text(),
        judged.state if judged is not None else None,
        tuple(_published(desired, mine, outlook)),
        tuple(_served(mine, desired, outlook)) if isinstance(desired, DesiredService) else (),
        certificates,
        refused,
        tuple(held.values()),
        acceptance(facts, desired.subject, outlook.now),
        paused,
        endangered(desired, outlook, paused.until) if paused is not None else (),
        tuple(dict.fromkeys(trouble)),
        keyless=isinstance(desired, DesiredZone) and desired.signed_by == "server",
        by_cds=done is not None and isinstance(done.action, SubmitDS) and asks_by_cds(done.action, facts),
    )


def ails(found: Plan | None, now: Instant, limits: Limits) -> list[Trouble]:
    """What is wrong, if somebody has to do something about what is awaited."""
    if not isinstance(found, Wait):
        return []
    late = found.code in SOON and now - found.since > limits.max_gap
    return [Trouble(found.code, found.because)] if found.code in SOMEBODY or late else []


def _state(found: Plan) -> State:
    if isinstance(found, Settled):
        return State.SETTLED
    if not isinstance(found, Wait):
        return State.DUE
    return State.UNKNOWN if found.blind else State.WAITING


def _seen(desired: Desired, facts: Facts) -> Instant | None:
    """When it was looked at last, be it in vain."""
    if isinstance(desired, DesiredZone):
        rosters, judged = facts.rosters(desired.zone), facts.judged(desired.zone, SOA)
        looks = [rosters[-1].last] if rosters else []
        if judged is not None and judged.state is Security.INDETERMINATE:
            looks.append(judged.at)
        return max(looks, default=None)
    holdings = [facts.holding(lineage) for lineage in desired.lineages]
    return min((one.at for one in holdings if one is not None), default=None) if all(holdings) else None


def _since(found: Plan, done: Done | None, now: Instant) -> Instant | None:
    """The planner knows it of some waits; what follows on a step of ours has been awaited since that."""
    if not isinstance(found, Wait) or found.code == LOOKUP_FAILED:  # of that only the last look is known
        return None
    if found.since < now:
        return found.since
    follows = found.step in (Step.VISIBLE, Step.SETTLE, Step.CONFIRM, Step.SETTLED_AGAIN)
    return done.at if done is not None and follows else None


def _failed(done: Done | None, found: Plan) -> list[Trouble]:
    if done is None or not isinstance(done.outcome, Failure) or isinstance(found, Settled):
        return []
    return [Trouble(done.outcome.code, f"the last step failed: {done.outcome.message}")]


def put_off(done: Done | None, found: Plan, outlook: Outlook) -> list[Trouble]:
    """By the CA, for longer than it takes to get well. While that is awaited, the wait says so."""
    if done is None or not isinstance(done.outcome, Pending) or isinstance(found, Settled | Wait):
        return []
    orders = [deed for deed in outlook.facts.deeds if isinstance(deed.action, AdvanceOrder)]
    since = troubled_since([deed for deed in orders if _same_order(deed.action, done.action)])
    if since is None or outlook.now - since <= outlook.limits.max_gap:
        return []
    return [Trouble("CA_BUSY", f"the CA puts us off: {done.outcome.trouble}")]


def _same_order(one: Action, other: Action) -> bool:
    if not isinstance(one, AdvanceOrder) or not isinstance(other, AdvanceOrder):
        return False
    return (one.lineage, one.generation) == (other.lineage, other.generation)


def _ending(certificates: tuple[Certificate, ...], outlook: Outlook, now: Instant) -> list[Trouble]:
    found: list[Trouble] = []
    for one in certificates:
        if one.ends <= now:
            found.append(Trouble("CERTIFICATE_EXPIRED", f"the certificate of {_name(one)} ended {to_minute(one.ends)}"))
        elif now - one.renewal > (one.ends - one.renewal) / 2:
            found.append(
                Trouble(
                    "CERTIFICATE_EXPIRING",
                    f"the certificate of {_name(one)} ends {to_minute(one.ends)}; "
                    f"it was to be renewed {to_minute(one.renewal)}",
                )
            )
    return found


def _name(one: Certificate) -> str:
    return f"{one.lineage.service} ({one.lineage.algorithm.value.upper()})"


def _what_ends(desired: Desired) -> str:
    return "a certificate ends" if isinstance(desired, DesiredService) else "a signature of the zone ends"


# -- what was seen ----------------------------------------------------------------------------------------------------


def _published(desired: Desired, mine: Reach, outlook: Outlook) -> list[Published]:
    if isinstance(desired, DesiredZone):
        places = [(Place(desired.zone, desired.zone), DNSKEY_TYPE)]
        if isinstance(newest(outlook.facts, desired.zone, desired.zone, CDS_TYPE), RRset):
            places.append((Place(desired.zone, desired.zone), CDS_TYPE))
        if desired.parent is not None:
            places.append((Place(desired.parent, desired.zone), DS_TYPE))
    else:
        places = [(place, TLSA) for place in kept_places(desired, mine.endpoints, outlook)]
    found = []
    for place, type in places:
        current = newest(outlook.facts, place.zone, place.owner, type)
        if current is not None:
            rdatas = current.rdatas if isinstance(current, RRset) else None
            seen = [spans[-1].answer for spans in outlook.facts.spans(place.zone, place.owner, type).values() if spans]
            same = all(same_content(one, current) for one in seen)
            all_say = visible(outlook.facts, place.zone, place.owner, type, outlook.now, outlook.limits) == rdatas
            found.append(Published(place.zone.to_text(), current, same and (all_say or rdatas is None)))
    return found


def _served(mine: Reach, desired: DesiredService, outlook: Outlook) -> list[Served]:
    facts, found = outlook.facts, []
    chains = {
        g.chain: g.generation
        for lineage in (*desired.lineages, *desired.leaving)
        if (holding := facts.holding(lineage)) is not None
        for g in holding.generations
        if g.chain is not None
    }
    for reached in mine.endpoints:
        for ip in sorted(service_addresses(facts, reached, outlook.now, outlook.limits), key=str):
            last = _plainest(reached, ip, facts)
            if last is not None:
                got, at = last
                found.append(Served(reached.endpoint, ip, got, chains.get(got) if isinstance(got, Chain) else None, at))
    return found


def _plainest(reached: Reached, ip: IP, facts: Facts) -> tuple[Got, Instant] | None:
    """What the least restricted client met that sent the name of the host."""
    seen = facts.presented(reached.endpoint, ip)
    if not seen:
        return None
    hello = min(seen, key=lambda h: (h.restricted, h.sni != reached.endpoint.host, h.sni is None, str(h)))
    return seen[hello][-1].got, seen[hello][-1].last


def _certificates(desired: DesiredService, outlook: Outlook) -> tuple[Certificate, ...]:
    found = []
    for lineage in desired.lineages:
        holding: Holding | None = outlook.facts.holding(lineage)
        for g in holding.generations if holding is not None else ():
            if holding is None or g.chain is None or g.generation not in holding.lying:
                continue
            validity = leaf_validity(g.chain)
            if validity is not None:
                due = Ordering(desired, lineage, outlook).due(Complete(g, g.chain))
                found.append(Certificate(lineage, g.generation, validity.end, due))
    return tuple(found)


def is_action(found: Plan | None) -> Action | None:
    """The action that comes next, if one does."""
    return None if found is None or isinstance(found, Wait | Settled) else found
