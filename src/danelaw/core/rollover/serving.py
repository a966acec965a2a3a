"""What servers present of one lineage, host by host, and how another of its generations comes in front of them.

A server that has credentials of several key algorithms presents one to most clients, and each to those that know no
other. What it presents of the other lineages is no matter of this one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Final

from danelaw.core.model import (
    IP,
    Chain,
    Endpoint,
    HandshakeFailure,
    Hello,
    HostName,
    Instant,
    Lineage,
    NotOffered,
    Unreachable,
)
from danelaw.core.rollover.actions import Action, Failure, Receipt, Retire, Switch
from danelaw.core.rollover.facts import Got, Holding
from danelaw.core.rollover.fold import PresentedSpan
from danelaw.core.rollover.lookups import counted_addresses, every_base, service_addresses
from danelaw.core.rollover.places import counts
from danelaw.core.rollover.plans import DesiredService, Outlook, Plan
from danelaw.core.rollover.reach import Reached, Unprobed
from danelaw.core.rollover.retirement import still_presented
from danelaw.core.rollover.succession import Complete, keys_of, with_key

PATIENCE: Final = timedelta(days=1)
"""A server that does not present what it was given is reloaded again that often at least."""

RELOAD_FAILED: Final = "RELOAD_FAILED"
"""What a deployer says when the new credential is in place, and the server may have read it or not."""


@dataclass(frozen=True, slots=True)
class Probed:
    """What one kind of client was presented at one address of a host. No ``hello``: nobody looked."""

    endpoint: Endpoint
    ip: IP
    hello: Hello | None
    spans: tuple[PresentedSpan, ...]

    @property
    def got(self) -> Got:
        return self.spans[-1].got

    @property
    def where(self) -> str:
        return f"{self.ip} port {self.endpoint.port}"


@dataclass(frozen=True, slots=True)
class Serving:
    d: DesiredService
    outlook: Outlook
    holding: Holding

    @property
    def lineage(self) -> Lineage:
        return self.holding.lineage

    # -- what is presented --------------------------------------------------------------------------------------

    def served(self, complete: Complete, host: HostName) -> bool:
        """Whether a generation lies on the host's path, and every address of the host presents its chain."""
        return self.holding.on(host) == complete.facts.generation and self.presented(complete.chain, host)

    def served_everywhere(self, complete: Complete) -> bool:
        return all(self.served(complete, host) for host in self.d.hosts)

    def presented(self, chain: Chain, host: HostName) -> bool:
        """Whether every address of a host was seen last to present a chain, to everybody who may be shown it.

        Where the operator waives all addresses of a host, nobody looks.
        """
        if self._waived(host):
            return True
        found = tuple(self._relevant(host))
        showing = {(probe.endpoint, probe.ip) for probe in found if probe.hello is not None and probe.got == chain}
        addresses = {(probe.endpoint, probe.ip) for probe in self._probed(host)}
        return bool(found) and addresses == showing and all(self._shows(probe, chain) for probe in found)

    def since(self, chain: Chain) -> Instant | None:
        """Since when the last of all addresses has presented a chain."""
        probes = (probe for host in self.d.hosts for probe in self._relevant(host) if probe.hello is not None)
        return max((probe.spans[-1].first for probe in probes if probe.got == chain), default=None)

    def still(self) -> str | None:
        """Who presents a key of the lineage still, or may; None: nobody."""
        for host in self.d.hosts:
            for reached in self._reached(host):
                for ip in sorted(self._addresses(reached), key=str):
                    got = still_presented(self.outlook.facts, self._seen(reached), ip, self.holding)
                    if got is not None:
                        may = "may present" if isinstance(got, Unprobed) else "presents"
                        return f"{ip} port {reached.endpoint.port} {may} the {self._algorithm} key"
        return None

    def left(self) -> Instant | None:
        """When the last address ceased to present keys of the lineage; None: none was ever seen to."""
        chains = {g.chain for g in self.holding.generations if g.chain is not None}
        found: list[Instant] = []
        for probe in (probe for host in self.d.hosts for probe in self._probed(host)):
            known = [span for span in probe.spans if not isinstance(span.got, Unreachable)]
            found.extend(after.first for span, after in pairwise(known) if span.got in chains)
        return max(found, default=None)

    # -- putting another in front -------------------------------------------------------------------------------

    def switching(self, target: Complete, *, all_at_once: bool) -> Iterable[Plan]:
        """Host by host: the next is not switched before this one is seen to present its chain.

        But it is so where all must change ``all_at_once``, as when a key was lost.
        """
        for host in self.d.hosts:
            if not self.served(target, host):
                switch = Switch(self.lineage, host, target.facts.generation, target.chain)
                yield self._switching(switch, for_good=all_at_once)
                if not all_at_once:
                    return

    def renewing(self) -> Iterable[Switch]:
        """A newer certificate of the very key that a host serves changes no record. Where the old one comes near its
        end, that waits for no records, nor for other hosts, nor for another key that is to come."""
        for host in self.d.hosts:
            lying = next((g for g in self.holding.generations if g.generation == self.holding.on(host)), None)
            key = with_key(keys_of(self.holding), lying.generation) if lying is not None else None
            newest = key.complete if key is not None and self.holding.looked(host) else None
            if newest is not None and not self.served(newest, host):
                step = self._switching(Switch(self.lineage, host, newest.facts.generation, newest.chain))
                if isinstance(step, Switch):
                    yield step

    def retiring(self) -> Iterable[Plan]:
        """The serving paths are emptied, for nobody presents what lies there. A server may have use for it yet."""
        for host in self.d.hosts:
            if self.holding.on(host) is not None:
                yield self._retiring(Retire(self.lineage, host))

    def _switching(self, switch: Switch, *, for_good: bool = False) -> Plan:
        """Switch, and again if some address does not present it, each time after twice as long, a day at the most.

        Unless it is ``for_good``, a server that does not come back with it gets what it had before, if the gate allows.
        """
        if not for_good:
            before = self._before(switch) if self._lost(switch) else None
            if before is not None and isinstance(back := self.outlook.gated(before), Switch):
                return back
            undone = self._undone(switch)
            if undone and self.outlook.now < (again := self._again(undone)):
                because = f"{switch.host} did not come back with the new credential, and was given the one before"
                return self.outlook.wait("NOT_CONFIRMED", because, undone[0], again)
        deed = self.outlook.latest(switch)
        if deed is not None and deed.done is not None and isinstance(deed.outcome, Failure):
            again = deed.done + 2 * self.outlook.limits.pass_interval  # one is for other hosts, and repairs
            if self.outlook.now < again:
                because = f"{switch.host} could not be switched: {deed.outcome.message}"
                return self.outlook.wait("NOT_SWITCHED", because, deed.done, again)
        tried = self._accepted_last(switch)
        if tried and self.outlook.now < (again := self._again(tried)):
            because = f"the server was reloaded, and {self._straggler(switch)}"
            return self.outlook.wait("NOT_CONFIRMED", because, tried[0], again)
        return self.outlook.gated(switch)

    def _retiring(self, retire: Retire) -> Plan:
        deeds = [deed for deed in self.outlook.facts.deeds if deed.action == retire and deed.done is not None]
        failed = [deed.done for deed in deeds if deed.done is not None and isinstance(deed.outcome, Failure)]
        if failed and self.outlook.now < (again := self._again(failed)):
            because = f"{retire.host} does not reload without the {self._algorithm} key: {deeds[-1].outcome}"
            return self.outlook.wait("STILL_OFFERED", because, failed[0], again)
        return self.outlook.gated(retire)

    def _again(self, tried: Sequence[Instant]) -> Instant:
        doubled: timedelta = self.outlook.limits.in_flight * 2 ** min(len(tried) - 1, 20)
        return tried[-1] + min(doubled, PATIENCE)

    def _accepted_last(self, switch: Switch) -> list[Instant]:
        """When this switch was accepted, since any other was."""
        done: list[Instant] = []
        for deed in self.outlook.facts.deeds:
            if _path_of(deed.action) == (switch.lineage, switch.host):
                if deed.action != switch:
                    done.clear()
                elif isinstance(deed.outcome, Receipt) and deed.done is not None:
                    done.append(deed.done)
        return done

    def _lost(self, switch: Switch) -> bool:
        """Whether a server was not reloaded after this switch, or does not answer since, and presented it nowhere.

        One that came back with it once, and falls silent later, lacks something else.
        """
        deeds = [d for d in self.outlook.facts.deeds if _path_of(d.action) == (switch.lineage, switch.host)]
        if not deeds or deeds[-1].action != switch or self.holding.on(switch.host) != switch.generation:
            return False
        deed, found = deeds[-1], [probe for probe in self._relevant(switch.host) if probe.hello is not None]
        if not found or deed.done is None:
            return False
        if any(span.got == switch.chain and span.last >= deed.intended for probe in found for span in probe.spans):
            return False
        if isinstance(deed.outcome, Failure):
            return deed.outcome.code == RELOAD_FAILED
        fell = all(isinstance(p.got, HandshakeFailure) and p.spans[-1].first >= deed.intended for p in found)
        return fell and self.outlook.now >= deed.done + self.outlook.limits.in_flight

    def _before(self, switch: Switch) -> Switch | None:
        """What the host was last seen to present of the lineage beside this."""
        others = {g.chain: g for g in self.holding.generations if g.chain is not None and g.chain != switch.chain}
        for probe in self._relevant(switch.host):
            for span in reversed(probe.spans):
                if isinstance(span.got, Chain) and span.got in others:
                    return Switch(switch.lineage, switch.host, others[span.got].generation, span.got)
        return None

    def _undone(self, switch: Switch) -> list[Instant]:
        """When its host was given an older one instead, each time after it had got this."""
        undone: list[Instant] = []
        tried = False
        for deed in self.outlook.facts.deeds:
            if _path_of(deed.action) != (switch.lineage, switch.host):
                continue
            if deed.action == switch:
                tried = True
            elif tried and isinstance(deed.action, Switch) and deed.action.generation < switch.generation:
                undone.append(deed.done or deed.intended)
                tried = False
        return undone

    def _straggler(self, switch: Switch) -> str:
        """Which address presents something else, and to whom."""
        for probe in self._relevant(switch.host):
            if probe.hello is None or self._shows(probe, switch.chain):
                continue
            if isinstance(probe.got, NotOffered):
                return f"{probe.where} has no {self._algorithm} key: its configuration may not name it"
            what = "another chain" if isinstance(probe.got, Chain) else probe.got.code
            whom = probe.hello.algorithm.value.upper() if probe.hello.algorithm else "any"
            return f"{probe.where} still presents {what} to a client that asks for {whom} key"
        return f"not every address of {switch.host} has been seen to present the new chain"

    # -- what is known ------------------------------------------------------------------------------------------

    @property
    def _algorithm(self) -> str:
        return self.lineage.algorithm.value.upper()

    def _reached(self, host: HostName) -> tuple[Reached, ...]:
        return self.outlook.reach.served_by(self.lineage, host)

    def _seen(self, reached: Reached) -> Reached:
        return every_base(self.outlook.facts, reached, self.outlook.now, self.outlook.limits)

    def _addresses(self, reached: Reached) -> frozenset[IP]:
        return counted_addresses(self.outlook.facts, reached, self.outlook.now, self.outlook.limits)

    def _waived(self, host: HostName) -> bool:
        facts, now, limits = self.outlook.facts, self.outlook.now, self.outlook.limits
        reached = self._reached(host)
        return bool(reached) and all(
            service_addresses(facts, r, now, limits) and not counted_addresses(facts, r, now, limits) for r in reached
        )

    def _probed(self, host: HostName) -> Iterable[Probed]:
        for reached in self._reached(host):
            for ip in sorted(self._addresses(reached), key=str):
                presented = self.outlook.facts.presented(reached.endpoint, ip)
                hellos = {h: s for h, s in presented.items() if counts(self.d, reached, h, self.outlook)}
                if not hellos:
                    yield Probed(reached.endpoint, ip, None, ())
                for hello, spans in hellos.items():
                    yield Probed(reached.endpoint, ip, hello, spans)

    def _relevant(self, host: HostName) -> Iterable[Probed]:
        """Without those who are shown credentials of other lineages."""
        others = [lineage for lineage in self.d.lineages if lineage != self.lineage]
        algorithms = {lineage.algorithm for lineage in others} - {self.lineage.algorithm}
        holdings = (self.outlook.facts.holding(lineage) for lineage in (*others, *self.d.leaving))
        chains = {g.chain for h in holdings if h is not None and h.lineage != self.lineage for g in h.generations}
        for probe in self._probed(host):
            wanted = probe.hello.algorithm if probe.hello is not None else self.lineage.algorithm
            if wanted is self.lineage.algorithm or (wanted not in algorithms and probe.got not in chains):
                yield probe

    def _shows(self, probe: Probed, chain: Chain) -> bool:
        """Whether this is what is to be seen. A server need have no credential for those who want another key."""
        if probe.hello is None:
            return False
        if isinstance(probe.got, NotOffered):
            return probe.hello.algorithm is not self.lineage.algorithm
        return probe.got == chain


def _path_of(action: Action) -> tuple[Lineage, HostName] | None:
    return (action.lineage, action.host) if isinstance(action, Switch | Retire) else None
