"""Whether a zone may be signed otherwise than it is: by other keys, or with other keys published (invariant I2).

    sign with (keys, signers) → (keys', signers'):
        for every DS RRset, DNSKEY RRset and signature that may be held, each with each:
            refused(held, with what is made) ⊆ refused(held, with what is served)

Who refuses what is served already loses nothing: an unsigned zone may be signed whatever the parent says of it, and
keys that somebody else took out may always be put back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dns.name import Name

from danelaw.core.dnssec.keys import DNSKEY, DS, ds_matches
from danelaw.core.model import Instant, Limits
from danelaw.core.rollover.actions import DestroyZoneKey, SignZone
from danelaw.core.rollover.answers import possible_answers
from danelaw.core.rollover.epochs import Block
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.zone_trust import (
    BOTH,
    DS_TYPE,
    Caches,
    Content,
    KeySet,
    Validator,
    caches,
    ds_records,
    planned,
    served_content,
    served_keys,
    unsatisfied,
    untrusting,
    zone_keys,
)


@dataclass(frozen=True, slots=True)
class _Delegation:
    """A DS RRset that may be held. ``ds`` None: which one is not known, but it leads to the keys that are served."""

    zone: Name
    ds: tuple[DS, ...] | None
    block: Block

    def untrusting(self, keys: KeySet, served: KeySet) -> frozenset[Validator]:
        """Who does not get to the keys."""
        if self.ds is not None:
            return untrusting(self.ds, self.zone, keys)
        return frozenset() if served.signers and served.signers <= keys.signers else BOTH


@dataclass(frozen=True, slots=True)
class _Change:
    """``served`` None: no RRset but the keys has been seen, so nothing is known of what signs the others."""

    old: KeySet
    new: KeySet
    served: Content | None
    made: Content

    def worse_under(self, delegation: _Delegation, held: Caches) -> Iterable[Block]:
        never = delegation.untrusting(self.old, self.old)
        if delegation.untrusting(self.new, self.old) - never:
            yield delegation.block
        if self.served is None:
            if never != BOTH:
                yield Block("ZONE_UNSEEN", None, f"nothing of {delegation.zone} but its keys has been seen yet")
            return
        before = never | unsatisfied(self.old, self.served)
        if unsatisfied(self.new, self.made) - before:
            because = "some of the keys would be of an algorithm that does not sign the rest"
            yield Block("KEYS_UNSIGNED", None, because)
        if held.unknown is not None and before != BOTH and not self._only_adds():
            yield Block("HISTORY_UNKNOWN", held.unknown, held.unknown.because)
        for keys in held.keys:
            trusted = BOTH if delegation.ds is None else BOTH - untrusting(delegation.ds, delegation.zone, keys.keys)
            if (unsatisfied(keys.keys, self.made) - unsatisfied(keys.keys, self.served)) & trusted:
                because = f"keys that the new signatures do not validate under may be held: {keys.held.because}"
                yield Block("KEYS_HELD", keys.held, because)
        for content in held.contents:
            if unsatisfied(self.new, content.content) - unsatisfied(self.old, content.content) - never:
                because = f"signatures that do not validate under the new keys may be held: {content.held.because}"
                yield Block("SIGNATURES_HELD", content.held, because)

    def _only_adds(self) -> bool:
        """No key and no signature goes, and no algorithm comes: whatever validated goes on to do so."""
        algorithms = {key.algorithm for key in self.new.keys} == {key.algorithm for key in self.old.keys}
        signed = self.served is not None and self.served.signers <= self.made.signers
        return algorithms and signed and self.old.keys <= self.new.keys and self.old.signers <= self.new.signers


def blocks_signing(action: SignZone, facts: Facts, now: Instant, limits: Limits) -> tuple[Block, ...]:
    """What a client may hold that validates now, and would not beside what this signing makes."""
    zone = action.zone
    old = served_keys(facts, zone, now)
    if old is None:
        return (Block("ZONE_UNSEEN", None, f"no authority of {zone} has been seen to answer"),)
    served = served_content(facts, zone, now, limits)
    new, made = planned(action)
    if new == old and (served == made if served is not None else action.signing is None):
        return ()
    held, change = caches(facts, zone, now, limits), _Change(old, new, served, made)
    blocks = [
        block for delegation in _delegations(zone, facts, now, limits) for block in change.worse_under(delegation, held)
    ]
    return tuple(dict.fromkeys(blocks))


def blocks_destruction(action: DestroyZoneKey, facts: Facts, now: Instant, limits: Limits) -> tuple[Block, ...]:
    """Who may still need the key: it must be out of the zone and out of caches, so must every DS that names it."""
    zone, store = action.zone, facts.zone_keys(action.zone)
    if store is None or action.key not in {pair.dnskey for pair in store.pairs}:
        return (Block("NOT_STORED", None, f"the key is not among those of {zone}"),)
    if action.key in store.published or action.key in store.signing:
        return (Block("KEY_IN_USE", None, f"{zone} is signed with the key"),)
    held = caches(facts, zone, now, limits)
    key = next(iter(zone_keys([action.key])), None)
    blocks = [] if held.unknown is None else [Block("HISTORY_UNKNOWN", held.unknown, held.unknown.because)]
    blocks += [
        Block("KEY_PUBLISHED", keys.held, f"clients may hold the key: {keys.held.because}")
        for keys in held.keys
        if key in keys.keys.keys
    ]
    blocks += [delegation.block for delegation in _delegations(zone, facts, now, limits) if _names(delegation, key)]
    return tuple(dict.fromkeys(blocks))


def _names(delegation: _Delegation, key: DNSKEY | None) -> bool:
    if key is None or not key.is_sep:
        return False
    return delegation.ds is None or any(ds_matches(record, delegation.zone, key) for record in delegation.ds)


def _delegations(zone: Name, facts: Facts, now: Instant, limits: Limits) -> Iterable[_Delegation]:
    """Every DS RRset that a client may hold; none where all know that there is none."""
    parents = facts.zones_with(zone, DS_TYPE)
    if not parents:
        because = f"the parent of {zone} has not been seen to answer for its DS"
        yield _Delegation(zone, None, Block("PARENT_UNSEEN", None, because))
    for parent in parents:
        possible = possible_answers(facts, parent, zone, DS_TYPE, now, limits)
        if possible.unknown is not None:
            because = f"which DS of {zone} clients hold is not known: {possible.unknown.because}"
            yield _Delegation(zone, None, Block("HISTORY_UNKNOWN", possible.unknown, because))
        for held in possible.held:
            if records := ds_records(held.answer):
                because = f"clients may hold a DS of {zone} that does not lead to the new keys: {held.because}"
                yield _Delegation(zone, records, Block("DS_HELD", held, because))
