"""What the runner knows, as numbers: its facts, moved back and compacted, interned, and each step worked out once."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from danelaw.core.model import Answer, Chain, CredentialFacts, GenerationId, Instant, Limits, Security, Window
from danelaw.core.rollover.actions import Action, Outcome, Receipt
from danelaw.core.rollover.compaction import compact, memory
from danelaw.core.rollover.facts import (
    Deed,
    Done,
    Fact,
    Facts,
    Holding,
    Intended,
    Judged,
    Presented,
    PresentedSpan,
    RenewalInfo,
    Requested,
    Roster,
    RosterSpan,
    Sight,
    Span,
)
from danelaw.core.rollover.gate import Allowed, Judgement, Refused, judge
from danelaw.core.rollover.planner import Plan, Settled, Wait, plan, refused_wait
from danelaw.core.rollover.reach import Reach
from danelaw.worlds.sim.explorer.scene import ENDPOINT, HELLO, LINEAGE, NOW, REQUESTED, SOA, TICK, ZONE, Scene


class Gate(Protocol):
    """``core.rollover.gate.judge``, and nothing else outside tests."""

    def __call__(self, action: Action, facts: Facts, reach: Reach, now: Instant, limits: Limits) -> Judgement: ...


class Seen(NamedTuple):
    """What one pass sees: each authority's serial and TLSA RRset, None for silence; what each server presents; the
    generations (a key and perhaps a certificate), and which lies on the serving path."""

    said: tuple[tuple[int, Answer] | None, ...]
    presented: tuple[Chain, ...]
    generations: tuple[tuple[bytes, Chain | None], ...]
    live: GenerationId


class Pass(NamedTuple):
    """``action``: what the runner is going to do, allowed by the gate; else ``plan`` says why not."""

    known: int
    plan: Plan
    action: Action | None


class Knowledge:
    """All that runners of one scene ever knew. A number stands for facts; 0 for none."""

    def __init__(self, scene: Scene, gate: Gate = judge) -> None:
        self.scene = scene
        self._gate = gate
        self._facts: list[Facts] = []
        self._numbers: dict[Hashable, int] = {}
        self._passes: dict[tuple[int, Seen], Pass] = {}
        self._after: dict[tuple[int, Action, Outcome], int] = {}
        self._aged: dict[tuple[int, int], int] = {}
        self.intern(Facts(scene.limits.max_gap))

    def facts(self, known: int) -> Facts:
        return self._facts[known]

    def intern(self, facts: Facts) -> int:
        key = _value(facts)
        if key not in self._numbers:
            self._numbers[key] = len(self._facts)
            self._facts.append(facts)
        return self._numbers[key]

    def __len__(self) -> int:
        return len(self._facts)

    def told(self, known: int) -> int:
        """The roll is asked for."""
        if self.scene.roll == "request":
            fact: Fact = Requested(REQUESTED, LINEAGE, "the operator")
        else:
            window = Window(NOW - timedelta(days=1), NOW)
            fact = RenewalInfo(REQUESTED, self.scene.chain(1), window)
        return self.intern(self._facts[known].add(fact))

    def observed(self, known: int, seen: Seen) -> Pass:
        """One pass: what it sees, what is planned, and what the gate says of it."""
        key = (known, seen)
        if key not in self._passes:
            self._passes[key] = self._pass(self._facts[known], seen)
        return self._passes[key]

    def _pass(self, before: Facts, seen: Seen) -> Pass:
        scene = self.scene
        facts = before.add(*self._told_by(seen))
        planned = plan(scene.desired, facts, scene.reach, NOW, scene.limits)
        known = self.intern(facts)
        if isinstance(planned, Wait | Settled):
            return Pass(known, planned, None)
        judgement = self._gate(planned, facts, scene.reach, NOW, scene.limits)
        if isinstance(judgement, Allowed):
            return Pass(known, planned, planned)
        assert isinstance(judgement, Refused)  # noqa: S101 - there is no third judgement
        return Pass(known, refused_wait(judgement, NOW), None)

    def _told_by(self, seen: Seen) -> list[Fact]:
        scene = self.scene
        listed = frozenset(scene.ns)
        facts: list[Fact] = [Roster(NOW, ZONE, listed, scene.ns[0]), Judged(NOW, ZONE, SOA, Security.SECURE)]
        for ip, said in zip(scene.ns, seen.said, strict=True):
            if said is None:
                facts.extend(Sight(NOW, ZONE, ip, None, owner, type, None) for owner, type in scene.asked)
            else:
                serial, tlsa = said
                told = (*scene.addresses, tlsa)
                facts.extend(Sight(NOW, ZONE, ip, serial, answer.owner, answer.type, answer) for answer in told)
        for ip, chain in zip(scene.web, seen.presented, strict=True):
            facts.append(Presented(NOW, ENDPOINT, ip, HELLO, chain))
        numbered = [(GenerationId(n), *g) for n, g in enumerate(seen.generations, 1)]
        stored = tuple(CredentialFacts(n, LINEAGE, spki, chain, scene.created(n)) for n, spki, chain in numbered)
        return [*facts, Holding(NOW, LINEAGE, stored, seen.live)]

    def acted(self, known: int, action: Action, outcome: Outcome) -> int:
        key = (known, action, outcome)
        if key not in self._after:
            facts = self._facts[known].add(Intended(NOW, action), Done(NOW, action, outcome))
            self._after[key] = self.intern(facts)
        return self._after[key]

    def aged(self, known: int, serials: int = 0) -> int:
        """A tick later: every instant moved back by it, and every serial by ``serials``; what is past is forgotten."""
        key = (known, serials)
        if key not in self._aged:
            limits = self.scene.limits
            kept = compact(self._facts[known], NOW + TICK, limits)
            self._aged[key] = self.intern(_moved(kept, serials, NOW + TICK - self._longest_wait(kept)))
        return self._aged[key]

    def _longest_wait(self, facts: Facts) -> timedelta:
        """How long a deed counts: the planner waits twice as long each time that it has done the same again."""
        again: timedelta = self.scene.limits.in_flight * 2 ** min(len(facts.deeds), 12)
        return max(memory(facts, self.scene.limits), again)


def _moved(facts: Facts, serials: int, ancient: datetime) -> Facts:
    """Everything a tick ago, deeds at the longest ``ancient`` ago."""

    def serial(number: int | None) -> int | None:
        return None if number is None else number - serials

    def outcome(given: Outcome | None) -> Outcome | None:
        return replace(given, serial=serial(given.serial)) if isinstance(given, Receipt) else given

    new = facts.add()
    new._spans = {
        key: {
            ip: tuple(Span(serial(s.serial), s.answer, s.first - TICK, s.last - TICK) for s in spans)
            for ip, spans in seen.items()
        }
        for key, seen in facts._spans.items()
    }
    new._rosters = {
        zone: tuple(RosterSpan(r.servers, r.primary, r.first - TICK, r.last - TICK) for r in rosters)
        for zone, rosters in facts._rosters.items()
    }
    new._presented = {
        key: {
            hello: tuple(PresentedSpan(s.got, s.first - TICK, s.last - TICK) for s in spans)
            for hello, spans in hellos.items()
        }
        for key, hellos in facts._presented.items()
    }
    new._judged = {key: replace(judged, at=judged.at - TICK) for key, judged in facts._judged.items()}
    new._holdings = {key: replace(holding, at=holding.at - TICK) for key, holding in facts._holdings.items()}
    new._deeds = tuple(
        Deed(
            max(d.intended, ancient) - TICK,
            d.action,
            None if d.done is None else max(d.done, ancient) - TICK,
            outcome(d.outcome),
        )
        for d in facts.deeds
    )
    return new


def _value(facts: Facts) -> Hashable:
    """The facts of a scene as a value that is cheap to compare: of one zone, one service."""
    spans = tuple(
        (key[2], tuple((str(ip), _spans(spans)) for ip, spans in seen.items())) for key, seen in facts._spans.items()
    )
    presented = tuple(
        (str(key[1]), tuple(tuple((s.got, s.first, s.last) for s in spans) for spans in hellos.values()))
        for key, hellos in facts._presented.items()
    )
    held = tuple((h.at, h.live, tuple((g.spki, g.chain) for g in h.generations)) for h in facts._holdings.values())
    silent = tuple((key[2], tuple(sorted(map(str, ips)))) for key, ips in facts._unanswered.items() if ips)
    rosters = tuple((r.first, r.last) for rosters in facts._rosters.values() for r in rosters)
    judged = tuple(j.at for j in facts._judged.values())
    asked = (len(facts._requested), len(facts._renewals))
    deeds = tuple((d.intended, id_of(d.action), d.done, d.outcome) for d in facts.deeds)
    return spans, silent, presented, held, rosters, judged, asked, deeds


def _spans(spans: tuple[Span, ...]) -> Hashable:
    return tuple((s.serial, getattr(s.answer, "rdatas", None), s.first, s.last) for s in spans)


def id_of(action: Action) -> Hashable:
    return action
