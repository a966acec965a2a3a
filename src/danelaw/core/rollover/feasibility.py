"""Whether a configuration can do what it promises: every step of a renewal fits in before the certificate ends.

Arithmetic, before anything is done: no fault is counted with but orders that fail. A roll that a fault holds up longer
is not unsafe: near its end the certificate is renewed with its own key (``Course``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, TypeAlias

from danelaw.core.model import Limits
from danelaw.core.rollover.steps import RENEWAL, Step
from danelaw.core.rollover.succession import JITTER, Strategy

ZERO: Final = timedelta(0)


@dataclass(frozen=True, slots=True)
class Profile:
    """A CA's certificate profile. ``lifetimes``: from which day on certificates live for how long, in order."""

    name: str
    lifetimes: tuple[tuple[date, timedelta], ...]

    @property
    def shortest(self) -> timedelta:
        """What is announced counts as much as what is: a configuration is accepted for years."""
        return min(lifetime for _, lifetime in self.lifetimes)


LETS_ENCRYPT: Final = (
    Profile(
        "classic",
        (
            (date(2016, 4, 12), timedelta(days=90)),
            (date(2027, 2, 10), timedelta(days=64)),
            (date(2028, 2, 16), timedelta(days=45)),
        ),
    ),
    Profile("tlsserver", ((date(2026, 5, 13), timedelta(days=45)),)),
    Profile("shortlived", ((date(2026, 1, 15), timedelta(hours=160)),)),
)
"""What Let's Encrypt has announced. Complete as of 2026-11; the first is what is issued where none is asked for."""


def announced_lifetime(directory: str, profile: str | None) -> timedelta | None:
    """The shortest lifetime that certificates of an ACME directory are known to get; None: it is not known."""
    if not directory.startswith("https://acme-v02.api.letsencrypt.org/"):
        return None
    return next((known.shortest for known in LETS_ENCRYPT if profile in (known.name, None)), None)


def mixes_intermediates(directory: str) -> bool:
    """Whether the CA behind an ACME directory is known to issue from one of several intermediates, by chance."""
    host = directory.partition("://")[2].partition("/")[0]
    return host.endswith(".api.letsencrypt.org")


def backdated(lifetime: timedelta) -> timedelta:
    """How long before its issue a certificate of such a life begins, for clients whose clock is late: an hour, as CAs
    do, and less where that would be much of its life."""
    return min(timedelta(hours=1), lifetime / 10)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a service is configured with.

    ``lifetime``: of a certificate, from its first instant; None: not known. ``spent``: what of that is over when it is
    issued. ``window``: how long before its end the CA asks for renewal, where
    it does. ``visibility``: how long until every authority serves a change that the first one serves; None: no longer
    than a change takes there. ``attempts``: so many orders may fail, each followed by ``back_off``. ``negative_ttl``:
    of the denial that a first record replaces, in seconds. ``full``: a record names a whole certificate, so that every
    renewal changes it. ``ta``: a record names the CA, so that a renewal may: its certificate may come from another one.
    """

    strategy: Strategy
    limits: Limits
    tlsa_ttl: int
    lifetime: timedelta | None
    back_off: timedelta
    window: timedelta | None = None
    visibility: timedelta | None = None
    attempts: int = 3
    negative_ttl: int = 3600
    full: bool = False
    ta: bool = False
    spent: timedelta = ZERO

    @property
    def spreading(self) -> timedelta:
        return self.limits.in_flight if self.visibility is None else self.visibility


@dataclass(frozen=True, slots=True)
class Span:
    """How long a step takes at the most, and what that is made of."""

    step: Step
    takes: timedelta
    of: str

    def __str__(self) -> str:
        return f"{self.step.value} {told(self.takes)} ({self.of})"


@dataclass(frozen=True, slots=True)
class Feasible:
    """``slack``: what is left when the last step in a renewal's path has been done; None: no lifetime is known."""

    spans: tuple[Span, ...]
    slack: timedelta | None


@dataclass(frozen=True, slots=True)
class Infeasible:
    """``needs`` is more than ``has``; ``spans``: what it is the sum of, where it is one. ``remedy``: what to change."""

    why: str
    needs: timedelta
    has: timedelta
    spans: tuple[Span, ...]
    remedy: str

    @property
    def numbers(self) -> str:
        parts = f": {', '.join(map(str, self.spans))}" if self.spans else ""
        return f"it takes {told(self.needs)}, and there are {told(max(self.has, ZERO))}{parts}"


Verdict: TypeAlias = Feasible | Infeasible


def feasible(terms: Terms) -> Verdict:
    """The first reason why the terms cannot be met, or the times of a renewal."""
    if unsettling := _never_settles(terms.limits):
        return unsettling
    path = _path(terms)
    if terms.strategy is Strategy.STANDBY and (hasty := _standby_too_late(terms)):
        return hasty
    if terms.lifetime is None:
        return Feasible(path, None)
    before, deadline = _begins(terms, terms.lifetime), _deadline(terms, terms.lifetime)
    needs, has = _sum(path), deadline - before
    if needs > has:
        why = f"a renewal under {terms.strategy.value} does not fit in before a certificate of {told(terms.lifetime)} "
        why += "is renewed with its old key" if _rolls(terms) else "ends"
        return Infeasible(why, needs, has, path, _remedy(terms, needs - has))
    if again := _overtaken(terms, path, before - terms.spent):
        return again
    return Feasible(path, has - needs)


# -- the path of a renewal --------------------------------------------------------------------------------------------


def _rolls(terms: Terms) -> bool:
    """Whether a renewal changes records of its own certificate or key."""
    return Step.SETTLE in RENEWAL[terms.strategy] or terms.full


def _settles(terms: Terms) -> bool:
    """Whether a renewal may have to wait until records are settled."""
    return _rolls(terms) or terms.ta


def _path(terms: Terms) -> tuple[Span, ...]:
    """What lies between the instant at which a renewal is due and the last server that presents it."""
    limits = terms.limits
    a_pass = limits.pass_interval
    order = limits.in_flight + 2 * a_pass
    failures = terms.attempts * (terms.back_off + order)
    prepare = Span(
        Step.PREPARE,
        a_pass + failures + order,
        f"a pass, {terms.attempts} orders that fail and are tried again after {told(terms.back_off)}, and one more",
    )
    settled = [
        Span(Step.PUBLISH, limits.in_flight, "until it has taken effect"),
        Span(Step.VISIBLE, terms.spreading + a_pass, "until every authority serves it, and a pass"),
        Span(Step.SETTLE, limits.hold(terms.tlsa_ttl) + a_pass, _hold(terms.tlsa_ttl, limits)),
    ]
    last = [
        Span(Step.SWITCH, limits.in_flight, "until it has taken effect"),
        Span(Step.CONFIRM, a_pass, "a pass"),
    ]
    return (prepare, *(settled if _settles(terms) else ()), *last)


def _hold(ttl: int, limits: Limits) -> str:
    cached = f"{limits.ttl_factor} TTLs of {ttl} s"
    if limits.hold_floor > limits.ttl_factor * timedelta(seconds=ttl):
        cached = f"{told(limits.hold_floor)}, to which some caches raise a TTL of {ttl} s"
    parts = [cached, f"{told(limits.propagation)} of propagation" if limits.propagation else ""]
    return ", ".join(filter(None, (*parts, f"{told(limits.lookup_delay)} of look-up", "and a pass")))


def _begins(terms: Terms, lifetime: timedelta) -> timedelta:
    """How old a certificate is when its renewal is due."""
    late = lifetime * terms.limits.renew_fraction
    return late if terms.window is None else min(late, lifetime - terms.window)


def _deadline(terms: Terms, lifetime: timedelta) -> timedelta:
    """How old it may be when the next is presented; where that has another key, it must come before the urgency."""
    end = lifetime - terms.limits.clock_skew
    return min(end, lifetime * terms.limits.urgent_fraction) if _rolls(terms) else end


def _sum(spans: tuple[Span, ...]) -> timedelta:
    return sum((span.takes for span in spans), ZERO)


def _remedy(terms: Terms, over: timedelta) -> str:
    if not _settles(terms):
        return "renew earlier (renew_fraction), pass more often (pass_interval), or take certificates that live longer"
    limits = terms.limits
    least = int(limits.hold_floor / limits.ttl_factor / timedelta(seconds=1))
    ttl = terms.tlsa_ttl - int(over / limits.ttl_factor / timedelta(seconds=1)) - 1
    fits = terms.tlsa_ttl > ttl >= max(least, 1)
    shorter = f"set tlsa_ttl to {ttl} or less, " if fits else ""
    rest = (
        f"renew earlier (renew_fraction){', or leave ta out' if terms.ta else ''}"
        if terms.full or not _rolls(terms)
        else 'take strategy = "standby", whose renewals wait for no cache'
    )
    return f"{shorter}{'or ' if shorter else ''}{rest}"


# -- what else has to fit ---------------------------------------------------------------------------------------------


def _never_settles(limits: Limits) -> Infeasible | None:
    """A sight vouches until the next one, or nothing is ever known to have left the authorities."""
    if limits.gap_passes < 2:
        return Infeasible(
            "nothing would ever settle: a sight does not vouch until the next pass",
            2 * limits.pass_interval,
            limits.max_gap,
            (),
            "set gap_passes to 2 or more; 3 lets one pass fail",
        )
    if limits.max_gap > limits.retention:
        return Infeasible(
            "a sight would vouch for longer than a secondary keeps the zone",
            limits.max_gap,
            limits.retention,
            (),
            "pass more often (pass_interval), or raise the zone's SOA EXPIRE and retention with it",
        )
    if not 0 < limits.renew_fraction < limits.urgent_fraction <= 1:
        share, urgent = timedelta(days=limits.renew_fraction), timedelta(days=limits.urgent_fraction)
        return Infeasible(
            "a renewal would be urgent before it is due",
            share,
            urgent,
            (),
            "of every day of a certificate's life; set renew_fraction below urgent_fraction, and that to 1 or less",
        )
    return None


def _standby_too_late(terms: Terms) -> Infeasible | None:
    """A standby is published when its predecessor begins to serve, and has to be settled when that has lived."""
    limits = terms.limits
    a_pass = limits.pass_interval
    settle = max(limits.standby_settle, limits.hold(max(terms.tlsa_ttl, terms.negative_ttl)))
    spans = (
        Span(Step.PUBLISH, limits.in_flight, "until the standby's record has taken effect"),
        Span(Step.VISIBLE, terms.spreading + a_pass, "until every authority serves it, and a pass"),
        Span(Step.SETTLE, settle + a_pass, "standby_settle, or as long as caches may hold what was before, and a pass"),
        Span(Step.SWITCH, limits.in_flight, "until it has taken effect"),
        Span(Step.CONFIRM, a_pass, "a pass"),
        Span(Step.WITHDRAW, limits.linger + a_pass, "linger, and a pass"),
    )
    has = limits.key_lifetime * (1 - JITTER)
    if _sum(spans) <= has:
        return None
    why = "a key would be due to be replaced before its standby has settled and its predecessor's record is gone"
    return Infeasible(why, _sum(spans), has, spans, "raise key_lifetime, or lower standby_settle or linger")


def _overtaken(terms: Terms, path: tuple[Span, ...], due: timedelta) -> Infeasible | None:
    """The next roll begins when the records of this one are gone; a certificate ages from when it was issued, and is
    due that long after it."""
    limits = terms.limits
    spans = tuple(span for span in path if span.step is not Step.PREPARE)
    if not _settles(terms):
        if _sum(spans) <= due:
            return None
        why = f"a certificate of {told(terms.lifetime or ZERO)} would be due again before it is presented"
        return Infeasible(why, _sum(spans), due, spans, _remedy(terms, ZERO))
    spans = (*spans, Span(Step.WITHDRAW, limits.linger + limits.pass_interval, "linger, and a pass"))
    if _sum(spans) <= due:
        return None
    why = f"a certificate of {told(terms.lifetime or ZERO)} would be due again before the records of its roll are gone"
    linger = limits.linger - (_sum(spans) - due)
    remedy = f"set linger to {int(linger.total_seconds())} or less" if linger >= ZERO else "set linger to less"
    rest = 'take strategy = "standby"' if _rolls(terms) else "leave ta out"
    return Infeasible(why, _sum(spans), due, spans, f"{remedy}, or {rest}")


def least_lifetime(terms: Terms) -> timedelta:
    """The shortest certificate, to the hour, with which these terms are feasible; they must be so with some."""
    hours = next(
        (h for h in range(1, 24 * 1000) if isinstance(feasible(replace(terms, lifetime=timedelta(hours=h))), Feasible)),
        None,
    )
    if hours is None:
        raise ValueError("no certificate lives long enough")
    return timedelta(hours=hours)


def told(length: timedelta) -> str:
    """A length in the largest units that suit it: ``6 d 16 h``, ``48 h 1 min``, ``5 s``."""
    seconds = round(length.total_seconds(), 1)
    if seconds < 60:
        return f"{seconds:g} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24) if hours >= 72 else (0, hours)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s"))
    return " ".join(f"{n} {unit}" for n, unit in parts if n) or "0 s"
