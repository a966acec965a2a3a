"""What servers may present, and where clients may find them.

A server may present what it was last seen to present, what lies on its serving path, what was handed to it since, and,
for the look-up delay, what it has just left. Where nobody knows how many servers stand behind an address, what was seen
there once stays possible until nothing but other chains has been seen for the drain time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from danelaw.core.model import (
    IP,
    Chain,
    HandshakeFailure,
    Hello,
    Instant,
    Limits,
    Lineage,
    NotOffered,
    Unreachable,
)
from danelaw.core.rollover.actions import Conflict, Receipt, Switch
from danelaw.core.rollover.facts import Began
from danelaw.core.rollover.fold import Deed, Facts, PresentedSpan
from danelaw.core.rollover.reach import Reached, Unprobed


def possible_chains(
    facts: Facts, reached: Reached, ip: IP, now: Instant, limits: Limits
) -> frozenset[Chain | HandshakeFailure | Unprobed]:
    """Ch(s): everything that a client may be presented at one address that sends one of the endpoint's names, or none.

    Where the host is an alias no longer of what it was, nobody sends that name, and nobody looks there any more.
    """
    presented = facts.presented(reached.endpoint, ip)
    sent = reached.sent
    hellos = {hello: spans for hello, spans in presented.items() if hello.sni is None or hello.sni in sent}
    began = facts.began(reached.service)
    found: set[Chain | HandshakeFailure | Unprobed] = set()
    known = bool(hellos)
    for spans in hellos.values():
        known &= any(not isinstance(s.got, Unreachable) and not (began and s.last < began.at) for s in spans)
        for span in _not_gone(spans, now, limits):
            if not (began and span.last < began.at) and not isinstance(span.got, NotOffered | Unreachable):
                found.add(span.got)
    if not known:
        found.add(Unprobed())
    found |= lying_chains(facts, reached)
    found |= _handed(facts, reached, hellos, now, limits)
    return frozenset(found)


def lying_chains(facts: Facts, reached: Reached) -> frozenset[Chain]:
    """What lies on the paths of the hosts that may serve the endpoint."""
    holdings = [h for lineage in reached.lineages if (h := facts.holding(lineage)) is not None]
    return frozenset(
        generation.chain
        for holding in holdings
        for generation in holding.generations
        if generation.chain is not None and generation.generation in {holding.on(host) for host in reached.hosts}
    )


def _not_gone(spans: tuple[PresentedSpan, ...], now: Instant, limits: Limits) -> Iterable[PresentedSpan]:
    """What may still be presented of what was seen, the latest first.

    Until something else was first seen it may have been presented; silence says nothing. A chain that was just left is
    still being checked by somebody; a failure that is over refuses nobody.
    """
    later: list[PresentedSpan] = []
    for span in reversed(spans):
        if isinstance(span.got, Unreachable):
            continue
        left = drained(later, limits)
        if left and now - later[0].first > limits.drain + limits.lookup_delay:
            return  # and so is all that was seen before
        if not left or isinstance(span.got, Chain):
            yield span
        later.insert(0, span)


def drained(spans: Sequence[PresentedSpan], limits: Limits) -> bool:
    """Whether these alone have been seen for long enough to come from every server behind an address."""
    return bool(spans) and max(span.last for span in spans) - spans[0].first >= limits.drain


def _handed(
    facts: Facts,
    reached: Reached,
    hellos: Mapping[Hello, tuple[PresentedSpan, ...]],
    now: Instant,
    limits: Limits,
) -> frozenset[Chain]:
    """Chains of generations handed to the server: on the path, since the last sight, or with an unknown outcome."""
    deeds = [
        (deed, deed.action)
        for deed in facts.deeds
        if isinstance(deed.action, Switch)
        and deed.action.lineage in reached.lineages
        and not reached.is_elsewhere(deed.action.host)
        and not isinstance(deed.outcome, Conflict)
    ]
    found: set[Chain] = set()
    latest = {(s.lineage, s.host): deed for deed, s in deeds if isinstance(deed.outcome, Receipt)}
    since = facts.began(reached.service)
    for deed, switch in deeds:
        accepted = isinstance(deed.outcome, Receipt) and deed.done is not None
        on_path = accepted and deed is latest[switch.lineage, switch.host] and not _looked_at_path(facts, switch, deed)
        unseen = not seen_since(deed, switch, hellos, since, now, limits)
        if unseen or on_path:
            found.add(switch.chain)
    return frozenset(found)


def seen_since(
    deed: Deed,
    switch: Switch,
    hellos: Mapping[Hello, tuple[PresentedSpan, ...]],
    began: Began | None,
    now: Instant,
    limits: Limits,
) -> bool:
    """Whether an address was seen since the chain was handed over: what it presented then says what came of it."""
    if isinstance(deed.outcome, Receipt) and deed.done is not None:
        probed = _probed(hellos, switch.lineage)
        return probed is not None and deed.done + limits.drain <= probed and (began is None or probed >= began.at)
    sights = [span for spans in hellos.values() for span in spans if not isinstance(span.got, Unreachable)]
    landed = deed.intended + limits.in_flight + limits.drain
    after = min((max(span.first, landed) for span in sights if span.last > landed), default=None)
    return after is not None and now - after > limits.lookup_delay


def _probed(hellos: Mapping[Hello, tuple[PresentedSpan, ...]], lineage: Lineage) -> Instant | None:
    """When it was last seen what is presented to those who would be shown a lineage's credential.

    Where a server has several, only who asks for that kind of key is sure to be.
    """
    asking = [spans for hello, spans in hellos.items() if hello.algorithm is lineage.algorithm] or hellos.values()
    lasts = (span.last for spans in asking for span in spans if not isinstance(span.got, Unreachable))
    return max(lasts, default=None)


def _looked_at_path(facts: Facts, switch: Switch, deed: Deed) -> bool:
    """Whether the serving path was looked at since: then that says what lies there, whoever put it there."""
    holding = facts.holding(switch.lineage)
    return holding is not None and deed.done is not None and holding.at > deed.done and holding.looked(switch.host)
