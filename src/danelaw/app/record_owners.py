"""The TLSA records that clients of a service are given, each with whose it is, and what an operator may say of it."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from danelaw.core.model import GenerationId
from danelaw.core.rollover.answers import newest
from danelaw.core.rollover.lookups import TLSA, Place
from danelaw.core.rollover.ownership import Ownership, ownership
from danelaw.core.rollover.places import kept_places
from danelaw.core.rollover.plans import DesiredService, Outlook
from danelaw.core.tlsa import TLSARecord, records_of
from danelaw.core.tlsa.credential import associations


class Whose(enum.Enum):
    """Whose a record is."""

    OURS = "ours"
    ADOPTED = "adopted"
    DISOWNED = "the operator's own"
    LEAVING = "to be removed"
    SHARED = "another service's"
    NOBODYS = "nobody's that is known"


@dataclass(frozen=True, slots=True)
class Owned:
    """A record at a place. ``generation``: the newest of ours whose key it names. ``serving``: that serves now."""

    place: Place
    record: TLSARecord
    whose: Whose
    generation: GenerationId | None = None
    serving: bool = False


def published(desired: DesiredService, outlook: Outlook) -> Sequence[Owned]:
    """All that is published for the service, by what was seen last."""
    every = {*desired.lineages, *desired.leaving}
    reached = [one for one in outlook.reach.endpoints if not every.isdisjoint(one.lineages)]
    found: list[Owned] = []
    for place in kept_places(desired, reached, outlook):
        current = newest(outlook.facts, place.zone, place.owner, TLSA)
        if current is None:
            continue
        there = frozenset(records_of(current))
        owned = ownership(desired, place, there, outlook)
        found.extend(_owned(place, record, owned, desired, outlook) for record in sorted(there, key=str))
    return found


def _owned(place: Place, record: TLSARecord, owned: Ownership, desired: DesiredService, outlook: Outlook) -> Owned:
    generation, serving = _named(record, desired, outlook)
    if record in owned.disowned:
        whose = Whose.DISOWNED
    elif record in owned.asked:
        whose = Whose.LEAVING
    elif record in owned.adopted:
        whose = Whose.ADOPTED
    elif record in owned.ours:
        whose = Whose.OURS
    else:
        whose = Whose.NOBODYS if record in owned.strange else Whose.SHARED
    return Owned(place, record, whose, generation, serving)


def _named(record: TLSARecord, desired: DesiredService, outlook: Outlook) -> tuple[GenerationId | None, bool]:
    """The newest generation that the record names, and whether one that it names lies on a serving path."""
    newest_named: GenerationId | None = None
    serving = False
    for lineage in (*desired.lineages, *desired.leaving):
        holding = outlook.facts.holding(lineage)
        for g in holding.generations if holding is not None else ():
            if record in associations({record.combination}, g.chain, g.spki):
                newest_named = g.generation
                serving = serving or (holding is not None and g.generation in holding.lying)
    return newest_named, serving


def meant(said: Iterable[str], there: Sequence[Owned]) -> tuple[list[Owned], list[str]]:
    """The records that are named by their text, or by enough of its beginning; and the names that fit none, or several.

    ``all`` is all that is nobody's.
    """
    chosen: dict[tuple[Place, TLSARecord], Owned] = {}
    unfit: list[str] = []
    for text in said:
        words = text.strip().removesuffix("…").lower().split()
        plain = " ".join((*words[:3], "".join(words[3:]))).strip()
        if plain == "all":
            fitting = [one for one in there if one.whose is Whose.NOBODYS]
        else:
            fitting = [one for one in there if one.record.to_text().startswith(plain)]
            if len({one.record for one in fitting}) > 1:
                fitting = []
        if not fitting:
            unfit.append(text)
        chosen.update({(one.place, one.record): one for one in fitting})
    return list(chosen.values()), unfit
