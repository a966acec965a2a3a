"""The engine: observe, plan, gate, act, record. The one loop.

Level-triggered and idempotent: each pass starts from what is observed and from the stored history, and takes at most
one action. An intent is stored before the action, its outcome after it; killed between the two, the next runner counts
with both. Nothing sleeps inside a pass.

The wall clock is compared with the monotonic one before each pass, after each observation, and before and after each
action. Where it was set meanwhile, what was looked at is thrown away, and what was told before is moved with the clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from danelaw.app.agenda import Agenda
from danelaw.app.known import Known
from danelaw.app.observe import Observer
from danelaw.app.toolbox import Subjects, Toolbox
from danelaw.core.model import DanelawError, Instant, Issued, Limits, Lineage, SubjectName
from danelaw.core.rollover import clock
from danelaw.core.rollover.acceptance import acceptance
from danelaw.core.rollover.actions import (
    Action,
    AdvanceOrder,
    ClearChallenge,
    Conflict,
    DestroyKey,
    DestroyZoneKey,
    Failure,
    MakeKey,
    MakeZoneKey,
    MakeZoneKeys,
    Outcome,
    PlaceChallenge,
    Publish,
    Receipt,
    Retire,
    ReuseKey,
    Revoke,
    SignZone,
    SubmitDS,
    Switch,
)
from danelaw.core.rollover.doubts import doubted
from danelaw.core.rollover.facts import ClockRead, Done, Fact, Intended
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.gate import Allowed, Counterexample, Judgement, Refused, judge, violations
from danelaw.core.rollover.mending import mends
from danelaw.core.rollover.planner import Desired, DesiredService, Plan, Settled, Wait, plan, refused_wait
from danelaw.core.rollover.progress import Pass, Progress
from danelaw.core.rollover.reach import Reach
from danelaw.core.rollover.words import Accepted
from danelaw.ports import Lease, Revoker

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Gate(Protocol):
    """``core.rollover.gate.judge``, and nothing else outside tests."""

    def __call__(self, action: Action, facts: Facts, reach: Reach, now: Instant, limits: Limits) -> Judgement: ...


def _silent(progress: Progress) -> None:
    del progress


class Engine:
    """Reconciles subjects. ``gate`` can be replaced in tests, to show what it prevents.

    ``at_once``: how many passes may be under way at a time, over subjects that have nothing to do with each other.
    """

    def __init__(
        self, tools: Toolbox, subjects: Subjects, limits: Limits, gate: Gate = judge, *, at_once: int = 1
    ) -> None:
        self._tools = tools
        self._subjects = subjects
        self._limits = limits
        self._gate = gate
        self._observer = Observer(tools, subjects.reach, limits)
        self._at_once = at_once
        self._known = Known(tools.store, subjects, tools.publishers)
        self._places = {subject: place for place, subject in enumerate(subjects.desired)}
        self._locks()

    def _locks(self) -> None:
        """Those of one event loop."""
        self._deciding, self._comparing = asyncio.Lock(), asyncio.Lock()
        self._known.renew_locks()

    @property
    def subjects(self) -> Mapping[SubjectName, Desired]:
        return self._subjects.desired

    @property
    def limits(self) -> Limits:
        return self._limits

    @property
    def known(self) -> Known:
        """What is recorded, of each subject and its group."""
        return self._known

    async def facts(self) -> Facts:
        """Everything known of all subjects."""
        return await self._tools.store.facts(*self._subjects.desired, clock.CLOCK)

    async def begin(self) -> None:
        """As ``Known.begin``. The first pass does it, where nobody has."""
        await self._known.begin()

    async def reconcile(self, subject: SubjectName, report: Callable[[Progress], None] = _silent) -> Pass:
        """One pass: observe, plan, and at most one action that the gate allows on a second observation.

        A word of the operator's that is recorded meanwhile takes the lease: then the pass begins again, and heeds it.
        """
        try:
            try:
                ended = await self._pass(subject, report)
            except DanelawError as error:
                if error.code != "LEASE_LOST":
                    raise
                ended = await self._pass(subject, report)
        except DanelawError as error:
            # What cannot be looked at now is looked at again later, and holds up no other subject.
            now = self._tools.clock.now()
            blind = Wait(error.code, str(error), now, None)
            ended = Pass(subject, now, blind, None, None, (), self._next(blind, None, now))
        report(Progress(ended.at, subject, None, ended))
        return ended

    async def _pass(self, subject: SubjectName, report: Callable[[Progress], None]) -> Pass:
        desired = self._subjects.desired[subject]
        await self.begin()
        lease = await self._tools.store.lease(subject)
        await self._clock_was_set()
        ahead = self._ahead()
        await self._look(subject, desired, lease, ahead)
        (facts, group), now = await self._known.around(subject), self._tools.clock.now()
        planned = plan(desired, facts, group.reach, now, self._limits)
        planned = doubted(planned, desired.zone, facts, self._limits)
        if isinstance(planned, Settled) and (accepted := acceptance(facts, subject, now)):
            done = Accepted(now, subject, frozenset(), now, "danelaw", f"settled; ends what {accepted.by} accepted")
            await self._tools.store.append(subject, lease, done)
        outcome: Outcome | None = None
        refused: Refused | None = None
        despite: tuple[Counterexample, ...] = ()
        if not isinstance(planned, Wait | Settled):
            action = planned
            intended: Intended | None = None
            await self._look(subject, desired, lease, ahead)
            async with self._deciding:  # what another pass intends is known before this one is judged, or after
                (facts, group), now = await self._known.around(subject), self._tools.clock.now()
                judgement = self._gate(action, facts, group.reach, now, self._limits)
                if isinstance(judgement, Allowed):
                    await self._same_clock(ahead)
                    report(Progress(now, subject, action, None))
                    despite = (*judgement.accepted, *judgement.waived)
                    intended = Intended(now, action, tuple(map(str, despite)))
                    await self._tools.store.append(subject, lease, intended)
                else:
                    refused = judgement
                    planned = refused_wait(judgement, now)
            if intended is not None:
                outcome = await self._act(subject, action, lease)
        now = self._tools.clock.now()
        seen = violations(facts, group.reach, now, self._limits)
        again = self._next(planned, outcome, now)
        mended = mends(planned, facts) if isinstance(outcome, Receipt) else ""
        return Pass(subject, now, planned, outcome, refused, seen, again, despite, group.subjects, mended)

    async def watch(
        self,
        stop: asyncio.Event,
        report: Callable[[Progress], None] = _silent,
        subjects: Collection[SubjectName] | None = None,
    ) -> None:
        """Reconcile every subject, or only those given, whenever it is due, until ``stop`` is set.

        Then the passes that are under way are brought to their end. Not more than ``at_once`` are, and of those that
        have anything to do with each other one.
        """
        chosen = self._places if subjects is None else self._places.keys() & {*subjects}
        watched = sorted(chosen, key=self._places.__getitem__)
        agenda = Agenda(watched, self._known.group_of, self._tools.clock.now())
        passes: dict[asyncio.Task[Pass], SubjectName] = {}
        self._locks()
        ahead = self._ahead()
        try:
            while not stop.is_set():
                if abs(step := self._ahead() - ahead) > self._limits.clock_step:
                    agenda.move(step)
                    ahead += step
                for task in [task for task in passes if task.done()]:
                    agenda.put(passes.pop(task), task.result().next_at)  # by the clock as it is now
                while len(passes) < self._at_once and (due := agenda.take(self._tools.clock.now())) is not None:
                    passes[asyncio.create_task(self.reconcile(due, report))] = due
                await self._something(agenda.soonest if len(passes) < self._at_once else None, passes, stop)
            while passes:
                await asyncio.wait(passes)
                passes = {task: subject for task, subject in passes.items() if task.result() is None}
        finally:
            for task in passes:
                task.cancel()
            await asyncio.gather(*passes, return_exceptions=True)

    async def _something(
        self, until: Instant | None, passes: Collection[asyncio.Task[Pass]], stop: asyncio.Event
    ) -> None:
        """Waits until a pass has ended, or an instant has come, or it is time to stop."""
        if len(passes) == self._at_once:
            await asyncio.wait(passes, return_when=asyncio.FIRST_COMPLETED)
            return
        sleeping = (self._tools.clock.sleep_until(until),) if until is not None else ()
        waits = [asyncio.ensure_future(wait) for wait in (stop.wait(), *sleeping)]
        try:
            await asyncio.wait({*passes, *waits}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _look(self, subject: SubjectName, desired: Desired, lease: Lease, ahead: timedelta) -> None:
        facts, group = await self._known.around(subject)
        fresh = await replace(self._observer, reach=group.reach).observe(desired, facts)
        await self._same_clock(ahead)
        # Before it is recorded: whoever reads it there then reads what the others did, too.
        self._known.learnt(subject, fresh)
        await self._tools.store.append(subject, lease, *fresh)
        self._known.recorded(subject, fresh)

    async def _same_clock(self, ahead: timedelta) -> None:
        """Raises ``DanelawError("CLOCK_STEPPED")`` if what was looked at in this pass was so by another clock.

        ``ahead``: ``_ahead`` when the pass began. Another process may have recorded the step already.
        """
        if await self._clock_was_set() or abs(self._ahead() - ahead) > self._limits.clock_step:
            raise DanelawError("CLOCK_STEPPED", "the clock of this machine was set; all is looked at again")

    async def _clock_was_set(self) -> bool:
        """Compare the clocks, and record it where they no longer go together. Then all that was told is moved.

        Raises ``DanelawError("LEASE_LOST")`` where another process notices the same step at the same time.
        """
        async with self._comparing:
            noticed = await self._compared()
            if noticed is None:
                return False
            store = self._tools.store
            lease = await store.lease(clock.CLOCK)
            read = await self._compared()  # another process may have told of it; from here on it would take the lease
            if read is not None:
                await store.append(clock.CLOCK, lease, read)
            return bool(noticed.by)

    async def _compared(self) -> ClockRead | None:
        here, boot = self._tools.clock, self._tools.boot
        facts = await self._known.clocks(boot)
        return clock.compared(facts, here.now(), boot, here.monotonic(), self._limits)

    def _ahead(self) -> timedelta:
        """How far the wall clock has gone beyond the monotonic one, from some start."""
        here = self._tools.clock
        return here.now() - EPOCH - timedelta(seconds=here.monotonic())

    async def _act(self, subject: SubjectName, action: Action, lease: Lease) -> Outcome:
        try:
            outcome = await self._perform(action)
        except DanelawError as error:
            outcome = Failure(error.code, str(error), error.hint)
        except TimeoutError:
            outcome = Failure("TIMEOUT", f"{type(action).__name__} did not end within its limit")
        await self._clock_was_set()
        done: Fact = Done(self._tools.clock.now(), action, outcome)
        store = self._tools.store
        try:
            await store.append(subject, lease, done)
        except DanelawError as error:
            if error.code != "LEASE_LOST":
                raise
            await store.append(subject, await store.lease(subject), done)  # what came of it is so, whoever acts next
        return outcome

    async def _perform(self, action: Action) -> Outcome:
        tools = self._tools
        match action:
            case MakeZoneKeys(zone, wanted):
                made = await tools.zones[zone].make_keys(zone, wanted)
                return Receipt(note=", ".join(f"{'KSK' if key.ksk else 'ZSK'} {key.tag}" for key in made))
            case MakeZoneKey(zone, sep, algorithm):
                key = await tools.zones[zone].make_key(zone, sep, algorithm)
                return Receipt(note=f"{'KSK' if key.ksk else 'ZSK'} {key.tag}")
            case SignZone(zone, keys, signing):
                return await tools.zones[zone].sign(zone, keys, tools.clock.now(), signing)
            case DestroyZoneKey(zone, dnskey):
                await tools.zones[zone].destroy_key(zone, dnskey)
                return Receipt()
            case SubmitDS(zone):
                return await tools.parents[zone].submit_ds(action)
            case Publish(zone):
                return await tools.publishers[zone].publish(action)
            case MakeKey(lineage):
                return Receipt(note=f"generation {await tools.credentials[lineage].make_key(lineage)}")
            case ReuseKey(lineage, generation):
                return Receipt(note=f"generation {await tools.credentials[lineage].reuse_key(lineage, generation)}")
            case AdvanceOrder(lineage, generation, order):
                store = tools.credentials[lineage]
                step = await tools.issuers[lineage].advance(order, await store.csr(lineage, generation, order.names))
                if isinstance(step, Issued):
                    await store.complete(lineage, generation, step.chain)
                return step
            case PlaceChallenge(lineage, _, challenge):
                return await tools.solvers[lineage].place(challenge)
            case ClearChallenge(lineage, _, challenge):
                return await tools.solvers[lineage].clear(challenge)
            case Switch(lineage, host):
                return await tools.deployers[lineage, host].switch(action)
            case Retire(lineage, host):
                return await tools.deployers[lineage, host].retire(action)
            case Revoke(lineage, _, chain, reason, ca):
                await self._revoker(lineage, ca).revoke(chain, reason)
                return Receipt()
            case DestroyKey(lineage, generation):
                await tools.credentials[lineage].destroy(lineage, generation)
                return Receipt()

    def _revoker(self, lineage: Lineage, ca: str | None) -> Revoker:
        """The CA that issued a certificate: no other can take it back."""
        desired = self._subjects.desired[lineage.service]
        assert isinstance(desired, DesiredService)  # noqa: S101 - for mypy
        if ca is None or desired.issuer in (None, ca):
            return self._tools.issuers[lineage]
        issuer = self._tools.cas.get(ca)
        if issuer is None:
            raise DanelawError(
                "CA_NOT_CONFIGURED",
                f"{ca} issued the certificate, and is not in the configuration any more",
                hint="put its table back under issuers, where no service needs to name it; or revoke it by hand",
            )
        return issuer

    def _next(self, planned: Plan, outcome: Outcome | None, now: Instant) -> Instant:
        """When to look again: at once after progress, else when something may have changed, at most one interval on.

        Looking regularly is what vouches for the authorities (``Limits.max_gap``), so no wait is slept through.
        """
        latest = now + self._limits.pass_interval
        if not isinstance(planned, Wait | Settled):
            return latest if isinstance(outcome, Failure | Conflict) else now
        until = planned.until
        if until is None:
            return latest
        return min(latest, max(until, now + timedelta(milliseconds=50)))
