"""What a plan is: what is desired, what is waited for, and how a proposal becomes an action or a wait.

A proposal is put to the gate before it is made: whoever proposes what is refused would propose it pass after pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias

from dns.name import Name

from danelaw.core.model import ChallengeType, HostName, Instant, Limits, Lineage, SubjectName
from danelaw.core.rollover.actions import Action, Conflict, Receipt
from danelaw.core.rollover.challenges import challenge_owner, start_of
from danelaw.core.rollover.fold import Deed, Facts
from danelaw.core.rollover.gate import Allowed, Judgement, Refused, judge
from danelaw.core.rollover.lookups import Place
from danelaw.core.rollover.pauses import PAUSED
from danelaw.core.rollover.reach import Reach
from danelaw.core.rollover.steps import Step, step_of
from danelaw.core.rollover.succession import Strategy
from danelaw.core.tlsa import Combination


@dataclass(frozen=True, slots=True)
class DesiredZone:
    """A zone that is to be signed and to have its DS at the parent. ``parent`` None: the DS is not our business.

    ``signed_by``: whose the zone's keys and signatures are. A server that signs its zones makes and rolls their keys by
    itself; then only the DS is ours. Else its keys are replaced when they are of another ``algorithm`` than this, or
    have lived for so long, or somebody asks for it; None: never on that account.
    """

    subject: SubjectName
    zone: Name
    parent: Name | None
    ds_ttl: int = 3600
    signed_by: Literal["danelaw", "server"] = "danelaw"
    algorithm: int | None = None
    ksk_lifetime: timedelta | None = None
    zsk_lifetime: timedelta | None = None


@dataclass(frozen=True, slots=True)
class DesiredService:
    """A service that is to have a certificate and the TLSA records that match it.

    ``names``: what the certificates are for. ``combinations``: the TLSA parameters to publish. ``lineages``: one for
    each key algorithm, that which was there first first; every one has its own keys and certificates. ``hosts``: the
    machines that serve them, in the order in which they are switched. ``leaving``: lineages that are desired no longer;
    what there is of them goes when nobody needs it. ``other_zones``: where records can be changed too, should clients
    be led there; its own may be among them, so that one set serves all. ``withdrawn``: it is to have no TLSA records
    any more, only certificates. ``issuer``: which CA its certificates come from; those of another one are renewed at
    once.
    """

    subject: SubjectName
    lineages: tuple[Lineage, ...]
    zone: Name
    names: tuple[Name, ...]
    combinations: tuple[Combination, ...]
    tlsa_ttl: int
    hosts: tuple[HostName, ...]
    challenge: ChallengeType
    challenge_zone: Name | None = None
    profile: str | None = None
    strategy: Strategy = Strategy.STAGED
    leaving: tuple[Lineage, ...] = ()
    other_zones: frozenset[Name] = frozenset()
    withdrawn: bool = False
    issuer: str | None = None

    @property
    def changeable(self) -> frozenset[Name]:
        """The zones that can be published in."""
        return self.other_zones if self.zone in self.other_zones else self.other_zones | {self.zone}

    @property
    def challenge_starts(self) -> tuple[Place, ...]:
        """Where a CA begins to look for dns-01 responses: in the longest zone of ours that holds the name."""
        return tuple(dict.fromkeys(self.challenge_start(name) for name in self.names))

    def challenge_start(self, identifier: Name) -> Place:
        owner = challenge_owner(identifier)
        if self.challenge_zone is not None:
            return Place(self.challenge_zone, owner)
        return start_of(owner, self.zone, self.changeable)


Desired: TypeAlias = DesiredZone | DesiredService


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing may be done now. ``until``: the earliest instant at which it is worth looking again on this account.
    ``otherwise``: what the plan is but for the operator's word, or but for a doubt."""

    code: str
    because: str
    since: Instant
    until: Instant | None
    otherwise: Plan | None = None

    @property
    def held(self) -> Action | None:
        """What is not done now, because an operator said so."""
        return None if isinstance(self.otherwise, Wait | Settled) else self.otherwise

    @property
    def step(self) -> Step | None:
        """Where in the mould of every change this is waited for."""
        return step_of(self.code)

    @property
    def blind(self) -> bool:
        """Whether it is because something could not be looked at: that is no step of any change, nor is a pause."""
        return self.step is None and self.code != PAUSED


@dataclass(frozen=True, slots=True)
class Settled:
    """All is as desired. ``until``: when the next change is due, where that is known."""

    until: Instant | None
    notes: tuple[str, ...] = ()


Plan: TypeAlias = Action | Wait | Settled


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a planner sees: the facts, who reaches what, the time, and the waits and bounds."""

    facts: Facts
    reach: Reach
    now: Instant
    limits: Limits

    def judge(self, action: Action) -> Judgement:
        """What the gate would say of it."""
        return judge(action, self.facts, self.reach, self.now, self.limits)

    def gated(self, *proposals: Action) -> Action | Wait:
        """The first proposal that the gate would let through, else a wait that says what stands against the first."""
        refusals: list[Refused] = []
        for proposal in proposals:
            judgement = self.judge(proposal)
            if isinstance(judgement, Allowed):
                return proposal
            refusals.append(judgement)
        return refused_wait(refusals[0], self.now)

    def wait(self, code: str, because: str, since: Instant | None = None, until: Instant | None = None) -> Wait:
        return Wait(code, because, since or self.now, until)

    def latest(self, action: Action) -> Deed | None:
        """When it was last tried, and what came of it."""
        return next((deed for deed in reversed(self.facts.deeds) if deed.action == action), None)

    def accepted(self, action: Action) -> bool:
        return any(deed.action == action and isinstance(deed.outcome, Receipt) for deed in self.facts.deeds)

    def lately_tried(self, action: Action) -> Instant | None:
        """When it ended, however, if it may still be taking effect."""
        deed = self.latest(action)
        if deed is None or deed.done is None or self.now - deed.done >= self.limits.in_flight:
            return None
        return deed.done

    def lately_done(self, action: Action) -> Instant | None:
        """As ``lately_tried``, but for what is known to have changed nothing."""
        deed = self.latest(action)
        return None if deed is None or isinstance(deed.outcome, Conflict) else self.lately_tried(action)

    def lately_accepted(self, action: Action) -> Instant | None:
        """As ``lately_tried``, where it was accepted."""
        deed = self.latest(action)
        return self.lately_tried(action) if deed is not None and isinstance(deed.outcome, Receipt) else None


def refused_wait(refusal: Refused, now: Instant) -> Wait:
    """A gate's refusal as a wait: the counterexample that lasts longest speaks for it."""

    def lasts(index: int) -> tuple[bool, float]:
        held = refusal.because[index].held
        known = held is not None and held.until is not None
        return (not known, held.until.timestamp() if held is not None and held.until is not None else 0.0)

    worst = refusal.because[max(range(len(refusal.because)), key=lasts)]
    return Wait(worst.code, worst.because, now, refusal.earliest)
