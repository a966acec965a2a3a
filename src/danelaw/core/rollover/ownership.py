"""Whose the records of one TLSA RRset are: ours, another service's, the operator's own, or nobody's that we know.

Ours are those that name a key of our stores, and those that the operator had us adopt. What another service needs is
not taken away: its last owner withdraws it. What is nobody's is shown, and stays until the operator adopts it or has
it removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from danelaw.core.model import Chain, Lineage
from danelaw.core.rollover.chains import possible_chains
from danelaw.core.rollover.facts import Holding
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.lookups import Found, Place, counted_addresses, through
from danelaw.core.rollover.plans import DesiredService, Outlook
from danelaw.core.rollover.words import Adopted, Disowned, RequestedRemoval
from danelaw.core.tlsa import Combination, TLSARecord
from danelaw.core.tlsa.credential import associations, leaf_spki

_Said: TypeAlias = type[Adopted] | type[Disowned] | type[RequestedRemoval]


@dataclass(frozen=True, slots=True)
class Ownership:
    """The records of one RRset, by whose they are. ``asked``: the operator wants them removed, whosever they are.

    ``needed``: another service needs them, whosever they are. ``disowned``: the operator looks after them himself.
    ``strange``: they are nobody's that is known. ``by_lineage``: ours.
    """

    by_lineage: Mapping[Lineage, frozenset[TLSARecord]]
    adopted: frozenset[TLSARecord]
    needed: frozenset[TLSARecord]
    asked: frozenset[TLSARecord]
    disowned: frozenset[TLSARecord]
    strange: frozenset[TLSARecord]

    @property
    def ours(self) -> frozenset[TLSARecord]:
        return frozenset(record for records in self.by_lineage.values() for record in records)

    @property
    def removable(self) -> frozenset[TLSARecord]:
        """What is ours, or the operator wants removed, and nobody else needs."""
        return (self.ours | self.asked) - self.needed - self.disowned


def ownership(d: DesiredService, place: Place, published: frozenset[TLSARecord], outlook: Outlook) -> Ownership:
    """Whose the records at one place are."""
    facts = outlook.facts
    lineages = (*d.lineages, *d.leaving)
    under = {record.combination for record in published}
    others = [
        found
        for found in through(facts, outlook.reach, place.zone, place.owner, outlook.now, outlook.limits)
        if found.reached.service != d.subject
    ]
    elsewhere = {lineage for found in others for lineage in found.reached.lineages} - {*lineages}
    theirs = frozenset(r for lineage in elsewhere for r in _named(facts.holding(lineage), under)) & published
    said = _latest(facts, lineages)
    disowned, asked = _of(Disowned, said, published), _of(RequestedRemoval, said, published)
    adopted = _of(Adopted, said, published)
    ours = {
        lineage: (_named(facts.holding(lineage), under) | _of(Adopted, _latest(facts, [lineage]), adopted))
        & published - disowned
        for lineage in lineages
    }
    known = frozenset(r for records in ours.values() for r in records)
    staying = [found for found in others if not found.reached.withdrawn]
    needed = frozenset(r for found in staying for r in _needed(found, elsewhere, under, outlook)) & published
    return Ownership(ours, adopted, needed, asked, disowned, published - known - theirs - needed - disowned - asked)


def _named(holding: Holding | None, under: Iterable[Combination]) -> frozenset[TLSARecord]:
    """Every record of the keys and certificates in a store."""
    under = frozenset(under)
    generations = holding.generations if holding is not None else ()
    return frozenset(record for g in generations for record in associations(under, g.chain, g.spki))


def _needed(
    found: Found, lineages: Iterable[Lineage], under: Iterable[Combination], outlook: Outlook
) -> Iterable[TLSARecord]:
    """The records of what another service presents, or may, and of the keys that are to follow what it serves."""
    facts, now, limits = outlook.facts, outlook.now, outlook.limits
    for ip in counted_addresses(facts, found.seen, now, limits):
        for chain in possible_chains(facts, found.seen, ip, now, limits):
            if isinstance(chain, Chain) and (spki := leaf_spki(chain)) is not None:
                yield from associations(under, chain, spki)
    for holding in (facts.holding(lineage) for lineage in lineages):
        first = min(holding.lying, default=None) if holding is not None else None
        for generation in holding.generations if holding is not None else ():
            if first is None or generation.generation >= first:
                yield from associations(under, generation.chain, generation.spki)


def _latest(facts: Facts, lineages: Iterable[Lineage]) -> Mapping[bytes, _Said]:
    """The operator's last word on each record."""
    lineages = {*lineages}
    said: dict[bytes, _Said] = {}
    for word in facts.words:
        if isinstance(word, Adopted | Disowned | RequestedRemoval) and word.lineage in lineages:
            said.update(dict.fromkeys(word.records, type(word)))
    return said


def _of(what: _Said, said: Mapping[bytes, _Said], published: Iterable[TLSARecord]) -> frozenset[TLSARecord]:
    return frozenset(record for record in published if said.get(record.to_rdata()) is what)
