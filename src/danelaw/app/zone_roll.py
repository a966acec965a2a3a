"""What somebody who wants a zone's keys rolled asks for, with an eye on the keys that there are.

A roll is asked for by an instant: keys made before it are to go. So who asks in the middle of a roll for the same again
goes on with it: the instant is that of the newest key. A roll ends when the keys that went are destroyed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from dns.name import Name

from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.bind_keys import KeyState, KeyTimes
from danelaw.core.dnssec.key_choice import KeyRole
from danelaw.core.dnssec.keys import ZoneKey
from danelaw.core.model import DanelawError, Instant
from danelaw.core.rollover.zone_rolls import RollKind

_OVER = (KeyState.REMOVED, KeyState.REVOKED)
LATELY: Final = timedelta(days=7)
"""A key that a newer one has put out of use since then is waiting to be destroyed; one of before was left over."""


@dataclass(frozen=True, slots=True)
class Wish:
    """``role``: of the keys that are to go, None for all, which are of another ``algorithm``; ``at``: they are older.

    ``old`` and ``new``: the keys that go, and those that are there to take their place.
    """

    kind: RollKind
    role: KeyRole | None
    algorithm: Algorithm | None
    at: Instant
    old: tuple[ZoneKey, ...]
    new: tuple[ZoneKey, ...]


def read_wish(
    zone: Name,
    keys: Sequence[tuple[ZoneKey, KeyTimes]],
    role: KeyRole | None,
    algorithm: Algorithm | None,
    now: Instant,
    *,
    anew: bool = False,
) -> Wish:
    """``keys``: all that there are. ``role`` or ``algorithm`` is given. ``anew``: what is going on is not gone on with.

    Raises ``DanelawError("KEY_ROLE")`` for a role that no key of the zone has.
    """
    there = [(key, times) for key, times in keys if times.state(now) not in _OVER]
    zsks = [(key, times) for key, times in there if not key.dnskey.is_sep]
    csk = not any(times.signs(now) for _, times in zsks)
    if algorithm is not None:
        old = tuple(key for key, _ in there if key.dnskey.algorithm != algorithm)
        new = tuple(key for key, _ in there if key.dnskey.algorithm == algorithm)
        return Wish(RollKind.ALGORITHM, None, algorithm, now, old, new)
    assert role is not None  # noqa: S101  # for the type checker: the caller sees to it
    if csk != (role is KeyRole.CSK):
        raise _no_such_key(zone, role, [key for key, times in there if times.signs(now)], csk=csk)
    if role is KeyRole.ZSK:
        pairs, kind = zsks, RollKind.ZSK
    else:
        pairs, kind = [(key, times) for key, times in there if key.dnskey.is_sep], RollKind.KSK
    sep = role is not KeyRole.ZSK
    replaced = [(key, times) for key, times in keys if key.dnskey.is_sep == sep and _replaced(times, pairs, now)]
    if not anew:
        pairs = [*replaced, *pairs]
    at = now if anew else _going_on(pairs, now) or now
    old = tuple(key for key, times in pairs if times.created is None or times.created < at.replace(microsecond=0))
    return Wish(kind, role, None, at, old, tuple(key for key, _ in pairs if key not in old))


def _replaced(times: KeyTimes, there: Sequence[tuple[ZoneKey, KeyTimes]], now: Instant) -> bool:
    """Whether a key was taken out of the zone lately, after one of those that are there was made."""
    out = times.delete
    if times.state(now) is not KeyState.REMOVED or out is None or out < now - LATELY:
        return False
    return any(other.created is not None and other.created <= out for _, other in there)


def _going_on(pairs: Sequence[tuple[ZoneKey, KeyTimes]], now: Instant) -> Instant | None:
    """When the newest key was made, if others are there beside it: they are in the middle of a roll to it."""
    made = {times.created for _, times in pairs}
    known = [created for created in made if created is not None and created <= now]
    return max(known, default=None) if len(made) > 1 else None


def _no_such_key(zone: Name, role: KeyRole, signing: Sequence[ZoneKey], *, csk: bool) -> DanelawError:
    named = ", ".join(f"{'CSK' if csk else 'KSK' if key.dnskey.is_sep else 'ZSK'} {key.tag}" for key in signing)
    return DanelawError(
        "KEY_ROLE",
        f"{zone} has no {role.name}",
        evidence=f"it is signed by {named}" if named else "none of its keys signs",
        hint="ask for --csk" if csk else "ask for --zsk or --ksk",
    )
