"""Rolls of zone keys: the table of steps, and which step a zone stands at.

Every roll is the mould of services once more: a key is made; its records come first, what depends on them after nobody
holds anything from before; the old ones go last. How long nobody must hold what is for the gate to say, by what was
observed, and for no calendar: a step is proposed as soon as the one before it is served. (RFC 7583 §3.2.1 and RFC 7583
§3.3.1 have the same steps by intervals.)

A ZSK is rolled by pre-publication (RFC 6781 §4.1.1.1), which leaves the zone at its size. A KSK or CSK is rolled by
double signatures (RFC 6781 §4.1.2 and RFC 6781 §4.1.3): the parent is asked once and not twice, it finds the new key in
the zone when it gets the DS, and no DS ever leads nowhere. An algorithm brings its signatures before its keys, and its
keys go before its signatures (RFC 6781 §4.1.4): validators may want a signature by each algorithm that they see a key
of.

Which keys are old is a matter of facts alone: of another algorithm than is desired, older than they may become, or than
a request for new ones. So a runner that was killed goes on where it stood.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Final

from danelaw.core.dnssec.keys import DNSKEY
from danelaw.core.model import Answer, Instant, RRset
from danelaw.core.rollover.actions import DestroyZoneKey, MakeZoneKey, SignZone
from danelaw.core.rollover.answers import newest
from danelaw.core.rollover.delegation import ds_for
from danelaw.core.rollover.facts import ZoneKeys
from danelaw.core.rollover.plans import DesiredZone, Outlook
from danelaw.core.rollover.zone_trust import DNSKEY_TYPE, DS_TYPE, planned, served_content, zone_keys


class RollKind(Enum):
    """What is rolled, and how."""

    ZSK = "zsk"
    """Pre-publication: RFC 6781 §4.1.1.1."""
    KSK = "ksk"
    """Double signature, of a KSK or of a CSK: RFC 6781 §4.1.2 and RFC 6781 §4.1.3."""
    ALGORITHM = "algorithm"
    """All keys of an algorithm, for those of another: RFC 6781 §4.1.4."""


class Which(Enum):
    """Of the keys that are rolled; the zone's others are always there."""

    OLD = "old"
    BOTH = "old and new"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Step:
    """What is published and what signs once the step is taken. ``delegated``: to which keys the DS leads by then."""

    name: str
    published: Which
    signing: Which
    delegated: Which


STEPS: Final[Mapping[RollKind, tuple[Step, ...]]] = {
    RollKind.ZSK: (
        Step("publish", Which.BOTH, Which.OLD, Which.OLD),
        Step("switch", Which.BOTH, Which.NEW, Which.OLD),
        Step("withdraw", Which.NEW, Which.NEW, Which.OLD),
    ),
    RollKind.KSK: (
        Step("publish and sign", Which.BOTH, Which.BOTH, Which.OLD),
        Step("delegate", Which.BOTH, Which.BOTH, Which.NEW),
        Step("withdraw", Which.NEW, Which.NEW, Which.NEW),
    ),
    RollKind.ALGORITHM: (
        Step("sign", Which.OLD, Which.BOTH, Which.OLD),
        Step("publish", Which.BOTH, Which.BOTH, Which.OLD),
        Step("delegate", Which.BOTH, Which.BOTH, Which.NEW),
        Step("withdraw keys", Which.NEW, Which.BOTH, Which.NEW),
        Step("withdraw signatures", Which.NEW, Which.NEW, Which.NEW),
    ),
}
"""The table of steps, from which the documentation's is made."""


@dataclass(frozen=True, slots=True)
class Roll:
    """A roll that is going on: DNSKEY rdata of the keys that go, of those that come, and of the zone's others.

    ``at``: the step that the zone stands at; None: before the first. ``missing``: keys that are still to be made.
    """

    kind: RollKind
    zone: DesiredZone
    old: frozenset[bytes]
    new: frozenset[bytes]
    kept: frozenset[bytes]
    idle: frozenset[bytes]
    at: int | None
    missing: tuple[MakeZoneKey, ...] = ()

    def signing(self, step: Step) -> SignZone:
        """What the zone is signed with once the step is taken."""
        published = self.kept | self._which(step.published)
        return SignZone.by(self.zone.zone, published, (self.kept - self.idle) | self._which(step.signing))

    def ds(self, step: Step, present: Answer | None) -> frozenset[bytes] | None:
        """The DS rdata that the parent has once the step is taken; None: those that it has already, ``present``."""
        if step.delegated is Which.OLD:
            return None
        keys = zone_keys(self.kept | self._which(step.delegated))
        return ds_for(self.zone.zone, (key for key in keys if key.is_sep), present)

    @property
    def next(self) -> Step | None:
        """None: all is done."""
        steps = STEPS[self.kind]
        following = 0 if self.at is None else self.at + 1
        return steps[following] if following < len(steps) else None

    def _which(self, which: Which) -> frozenset[bytes]:
        return {Which.OLD: self.old, Which.NEW: self.new, Which.BOTH: self.old | self.new}[which]


def roll_of(d: DesiredZone, keys: ZoneKeys, outlook: Outlook) -> Roll | None:
    """The roll that is to be begun or gone on with; None: every key is as it should be. ZSKs are rolled first."""
    here = _in_use(d, keys, outlook)
    old = frozenset(key for key in here if _outlived(key, d, keys, outlook))
    if not old:
        return None
    algorithm = d.algorithm if d.algorithm is not None else next(iter(sorted(_algorithms(old))))
    kind = RollKind.ALGORITHM
    if _algorithms(old) == {algorithm}:
        zsks = frozenset(key for key in old if not _sep(key))
        kind, old = (RollKind.ZSK, zsks) if zsks else (RollKind.KSK, old)
    fresh = [pair.dnskey for pair in keys.pairs if not _outlived(pair.dnskey, d, keys, outlook)]
    roles = {_sep(key) for key in old}
    new = frozenset(key for key in fresh if _sep(key) in roles and _algorithms([key]) == {algorithm})
    missing = tuple(
        MakeZoneKey(d.zone, sep, algorithm) for sep in sorted(roles, reverse=True) if sep not in {_sep(k) for k in new}
    )
    kept = (keys.published | (here & frozenset(fresh))) - old - new
    roll = Roll(kind, d, old, new, kept, keys.idle, None, missing)
    return roll if missing else _placed(roll, outlook)


def outlived_pairs(d: DesiredZone, keys: ZoneKeys, outlook: Outlook) -> tuple[DestroyZoneKey, ...]:
    """Keys that a roll has put out of use: some signing of ours had them, and nothing is signed by them any more."""
    here = _in_use(d, keys, outlook) | keys.published
    ours = {
        key
        for deed in outlook.facts.deeds
        if isinstance(deed.action, SignZone) and deed.action.zone == d.zone
        for key in deed.action.keys | deed.action.signers
    }
    return tuple(
        DestroyZoneKey(d.zone, pair.dnskey)
        for pair in keys.pairs
        if pair.dnskey in ours - here and _outlived(pair.dnskey, d, keys, outlook)
    )


def next_outlived(d: DesiredZone, keys: ZoneKeys) -> Instant | None:
    """When the first key in use will have lived its time; None: no calendar says."""
    ends = [
        pair.created + life
        for pair in keys.pairs
        if pair.dnskey in keys.published
        and pair.created is not None
        and (life := _lifetime(pair.dnskey, d)) is not None
    ]
    return min(ends, default=None)


def _placed(roll: Roll, outlook: Outlook) -> Roll:
    """The roll at the last step whose result is what is served."""
    facts, zone = outlook.facts, roll.zone.zone
    dnskeys = newest(facts, zone, zone, DNSKEY_TYPE)
    content = served_content(facts, zone, outlook.now, outlook.limits)
    ds = newest(facts, roll.zone.parent, zone, DS_TYPE) if roll.zone.parent is not None else None
    named = ds.rdatas if isinstance(ds, RRset) else frozenset()
    at: int | None = None
    for number, step in enumerate(STEPS[roll.kind]):
        signing, wanted = roll.signing(step), roll.ds(step, ds)
        delegated = wanted is None or roll.zone.parent is None or named == wanted
        if (
            isinstance(dnskeys, RRset)
            and dnskeys.rdatas == signing.keys
            and content == planned(signing)[1]
            and delegated
        ):
            at = number
    return Roll(roll.kind, roll.zone, roll.old, roll.new, roll.kept, roll.idle, at)


def _in_use(d: DesiredZone, keys: ZoneKeys, outlook: Outlook) -> frozenset[bytes]:
    """The zone's own keys that are published, or sign, or are to."""
    dnskeys = newest(outlook.facts, d.zone, d.zone, DNSKEY_TYPE)
    content = served_content(outlook.facts, d.zone, outlook.now, outlook.limits)
    served = dnskeys.rdatas if isinstance(dnskeys, RRset) else frozenset[bytes]()
    signers = frozenset(key.to_rdata() for key in content.signers) if content is not None else frozenset[bytes]()
    return (keys.published | served | signers) & frozenset(pair.dnskey for pair in keys.pairs)


def _outlived(key: bytes, d: DesiredZone, keys: ZoneKeys, outlook: Outlook) -> bool:
    """Whether another key is to take its place. Stores know to the second when a key was made."""
    if d.algorithm is not None and _algorithms([key]) != {d.algorithm}:
        return True
    created = next((pair.created for pair in keys.pairs if pair.dnskey == key), None)
    asked = outlook.facts.zone_roll(d.zone, sep=_sep(key))
    if asked is not None and (created is None or created < asked.at.replace(microsecond=0)):
        return True
    life = _lifetime(key, d)
    return life is not None and created is not None and created + life <= outlook.now


def _lifetime(key: bytes, d: DesiredZone) -> timedelta | None:
    return d.ksk_lifetime if _sep(key) else d.zsk_lifetime


def _sep(key: bytes) -> bool:
    return DNSKEY.from_rdata(key).is_sep


def _algorithms(keys: frozenset[bytes] | list[bytes]) -> set[int]:
    return {DNSKEY.from_rdata(key).algorithm for key in keys}
