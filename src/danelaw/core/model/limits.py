"""Every wait and bound of the safety model, in one value."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta


def _s(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Limits:
    """The waits and bounds that the gate and the planner use. The defaults are for real zones; labs scale them."""

    pass_interval: timedelta = _s(300)
    """How often a subject is looked at: the configured interval of passes."""
    gap_passes: int = 3
    """A sight vouches for this many pass intervals; a longer gap counts as silence."""
    ttl_factor: int = 2
    """How many TTLs an answer may linger in caches (RFC 7671 §8.1 and the article: two)."""
    hold_floor: timedelta = _s(3600)
    """The least time that an answer may linger: some resolvers raise small TTLs."""
    propagation: timedelta = _s(0)
    """How long an authority's unseen back ends may lag behind the address that was asked."""
    drain: timedelta = _s(0)
    """For how long nothing but a new chain must have been seen at an address until every server behind it presents it:
    where a balancer stands before an unknown number of them. 0: each server has its own address."""
    lookup_delay: timedelta = _s(60)
    """How long a client may take between looking the record up and checking the chain."""
    assumed_past_ttl: timedelta = _s(86400)
    """The TTL assumed of answers that were given before the history began."""
    retention: timedelta = _s(14 * 86400)
    """How long a silent authority may go on serving an old version (SOA EXPIRE)."""
    in_flight: timedelta = _s(300)
    """After this an action whose outcome is unknown has taken effect or never will."""
    linger: timedelta = _s(7 * 86400)
    """How long the records of a credential stay after every address has left it."""
    key_lifetime: timedelta = _s(180 * 86400)
    """How long a key serves before its standby takes over."""
    standby_settle: timedelta = _s(7 * 86400)
    """How long a standby key has been published before it is switched to, unless there is an emergency."""
    renew_fraction: float = 2 / 3
    """Renew after this part of a certificate's lifetime, where the CA suggests no window."""
    urgent_fraction: float = 5 / 6
    """After this part of its lifetime, a certificate that a roll should have replaced is renewed with its own key."""
    renewal_check: timedelta = _s(6 * 3600)
    """How often the CA is asked when it would like a renewal (RFC 9773 §4.3)."""
    clock_skew: timedelta = _s(3600)
    """Certificate dates are judged this much earlier and later too; a CA's clock may differ by as much from ours."""
    clock_step: timedelta = _s(2)
    """How far the wall clock may drift from the monotonic one before that counts as a step."""

    @property
    def max_gap(self) -> timedelta:
        """How long a sight vouches for what it saw."""
        return self.gap_passes * self.pass_interval

    def hold(self, ttl: int) -> timedelta:
        """How long after an answer left the last authority a client may still act on it."""
        cached = max(self.ttl_factor * timedelta(seconds=ttl), self.hold_floor)
        return cached + self.propagation + self.lookup_delay

    def as_seconds(self) -> dict[str, float]:
        """Every bound with its value, durations in seconds: for reports."""
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: v.total_seconds() if isinstance(v, timedelta) else float(v) for name, v in values}
