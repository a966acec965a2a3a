"""What the runner knows, as numbers: its facts, moved back and compacted, interned, and each step worked out once."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from danelaw.core.model import Chain, CredentialFacts, GenerationId, Instant, Limits, Security, Unreachable, Window
from danelaw.core.rollover.actions import Action, Outcome, Receipt
from danelaw.core.rollover.compaction import compact, memory
from danelaw.core.rollover.facts import (
    Done,
    Fact,
    Got,
    Holding,
    Intended,
    Judged,
    Presented,
    RenewalInfo,
    Requested,
    Roster,
    Sight,
)
from danelaw.core.rollover.fold import Deed, Facts, PresentedSpan, RosterSpan, Span
from danelaw.core.rollover.gate import Allowed, Judgement, Refused, judge
from danelaw.core.rollover.lookups import service_addresses
from danelaw.core.rollover.planner import Plan, Settled, Wait, plan, refused_wait
from danelaw.core.rollover.reach import Reach
from danelaw.worlds.sim.explorer.cast import Cast
from danelaw.worlds.sim.explorer.scene import ENDPOINT, HELLO, LINEAGE, NOW, REQUESTED, SOA, TICK, ZONE, Scene
from danelaw.worlds.sim.explorer.states import Content, Generation


class Gate(Protocol):
    """``core.rollover.gate.judge``, and nothing else outside tests."""

    def __call__(self, action: Action, facts: Facts, reach: Reach, now: Instant, limits: Limits) -> Judgement: ...


class Seen(NamedTuple):
    """What one pass sees, by the numbers of a cast: each authority's serial and content, None for silence; what each
    server presents, None where it is out of reach; the generations, and which lies on the serving path."""

    said: tuple[tuple[int, Content] | None, ...]
    presented: tuple[int | None, ...]
    generations: tuple[Generation, ...]
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
        self.cast = Cast()
        self._gate = gate
        self._facts: list[Facts] = []
        self._numbers: dict[Hashable, int] = {}
        self._passes: dict[tuple[int, Seen], Pass] = {}
        self._after: dict[tuple[int, int, Outcome], int] = {}
        self._aged: dict[tuple[int, int], int] = {}
        self._holdings: dict[tuple[tuple[Generation, ...], GenerationId], Holding] = {}
        self.intern(Facts(scene.limits.max_gap))

    def facts(self, known: int) -> Facts:
        return self._facts[known]

    def intern(self, facts: Facts) -> int:
        key = self._value(facts)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._facts)
            self._facts.append(facts)
        return number

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

    def asked_again(self, known: int) -> int:
        """The operator asks for another key, in the middle of whatever goes on."""
        return self.intern(self._facts[known].add(Requested(NOW, LINEAGE, "the operator")))

    def observed(self, known: int, seen: Seen) -> Pass:
        """One pass: what it sees, what is planned, and what the gate says of it."""
        key = (known, seen)
        found = self._passes.get(key)
        if found is None:
            found = self._passes[key] = self._pass(self._facts[known], seen)
            self._facts[found.known]._memo.clear()  # it is asked once, and there are many
        return found

    def _pass(self, before: Facts, seen: Seen) -> Pass:
        scene = self.scene
        facts = before.add(*self._sights(seen))
        facts = facts.add(*self._probes(seen, facts), self._held(seen))
        planned = plan(scene.desired, facts, scene.reach, NOW, scene.limits)
        known = self.intern(facts)
        if isinstance(planned, Wait | Settled):
            return Pass(known, planned, None)
        judgement = self._gate(planned, facts, scene.reach, NOW, scene.limits)
        if isinstance(judgement, Allowed):
            return Pass(known, planned, planned)
        assert isinstance(judgement, Refused)  # noqa: S101 - there is no third judgement
        return Pass(known, refused_wait(judgement, NOW), None)

    def _sights(self, seen: Seen) -> list[Fact]:
        scene = self.scene
        facts: list[Fact] = [
            Roster(NOW, ZONE, frozenset(scene.ns), scene.ns[0]),
            Judged(NOW, ZONE, SOA, Security.SECURE),
        ]
        for ip, said in zip(scene.ns, seen.said, strict=True):
            if said is None:
                facts.extend(Sight(NOW, ZONE, ip, None, owner, type, None) for owner, type in scene.asked)
            else:
                serial, content = said
                told = (*scene.addresses[content.site], self.cast.answers[content.tlsa])
                facts.extend(Sight(NOW, ZONE, ip, serial, answer.owner, answer.type, answer) for answer in told)
        return facts

    def _probes(self, seen: Seen, facts: Facts) -> list[Fact]:
        """Of the addresses that are listed, and of those that may be cached."""
        scene = self.scene
        known = frozenset(scene.web)
        if scene.elsewhere:
            (reached,) = scene.reach.endpoints
            known = service_addresses(facts, reached, NOW, scene.limits)
        return [
            Presented(NOW, ENDPOINT, ip, HELLO, Unreachable("TIMEOUT") if chain is None else self.cast.chains[chain])
            for ip, chain in zip(scene.web, seen.presented, strict=True)
            if ip in known
        ]

    def _held(self, seen: Seen) -> Holding:
        key = (seen.generations, seen.live)
        if key not in self._holdings:
            scene = self.scene
            stored = tuple(
                CredentialFacts(
                    GenerationId(n),
                    LINEAGE,
                    scene.spki(key),
                    None if chain is None else self.cast.chains[chain],
                    scene.created(GenerationId(n)),
                )
                for n, (key, chain) in enumerate(seen.generations, 1)
            )
            self._holdings[key] = Holding(NOW, LINEAGE, stored, seen.live)
        return self._holdings[key]

    def acted(self, known: int, action: Action, outcome: Outcome) -> int:
        key = (known, self.cast.actions.of(action), outcome)
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

    def _value(self, facts: Facts) -> Hashable:
        """The facts of a scene as a value that is cheap to compare: of one zone, one service."""
        spans = tuple(
            (key[2], tuple((str(ip), _spans(spans)) for ip, spans in seen.items()))
            for key, seen in facts._spans.items()
        )
        presented = tuple(
            (
                str(key[1]),
                tuple(tuple((self._got(s.got), s.first, s.last) for s in spans) for spans in hellos.values()),
            )
            for key, hellos in facts._presented.items()
        )
        chains = self.cast.chains.of
        held = tuple(
            (h.at, h.live, tuple((g.spki, None if g.chain is None else chains(g.chain)) for g in h.generations))
            for h in facts._holdings.values()
        )
        silent = tuple((key[2], tuple(sorted(map(str, ips)))) for key, ips in facts._unanswered.items() if ips)
        rosters = tuple((r.first, r.last) for rosters in facts._rosters.values() for r in rosters)
        judged = tuple(j.at for j in facts._judged.values())
        asked = (tuple(r.at for r in facts._requested.values()), len(facts._renewals))
        deeds = tuple((d.intended, self.cast.actions.of(d.action), d.done, d.outcome) for d in facts.deeds)
        return spans, silent, presented, held, rosters, judged, asked, deeds

    def _got(self, got: Got) -> Hashable:
        return self.cast.chains.of(got) if isinstance(got, Chain) else got


def _moved(facts: Facts, serials: int, ancient: datetime) -> Facts:
    """Everything a tick ago, deeds at the longest ``ancient`` ago."""

    def serial(number: int | None) -> int | None:
        return None if number is None else number - serials

    def outcome(given: Outcome | None) -> Outcome | None:
        return replace(given, serial=serial(given.serial)) if isinstance(given, Receipt) else given

    new = facts.add()
    new.kept = {}
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
    # An address that is the service's no longer is not looked at again: taken to be so before every deed as old.
    least = ancient - 2 * TICK
    new._presented = {
        key: {
            hello: tuple(PresentedSpan(s.got, max(s.first, least) - TICK, max(s.last, least) - TICK) for s in spans)
            for hello, spans in hellos.items()
        }
        for key, hellos in facts._presented.items()
    }
    new._judged = {key: replace(judged, at=judged.at - TICK) for key, judged in facts._judged.items()}
    new._requested = {
        key: r if r.at == REQUESTED else replace(r, at=max(r.at, ancient) - TICK) for key, r in facts._requested.items()
    }
    new._emergencies = {key: (new._requested[key],) for key in facts._emergencies}  # a scene has one at the most
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


def _spans(spans: tuple[Span, ...]) -> Hashable:
    return tuple((s.serial, getattr(s.answer, "rdatas", None), s.first, s.last) for s in spans)
