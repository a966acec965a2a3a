"""Of a crowd a few are shown: a hostile zone can have thousands of keys, DS records and signatures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from danelaw.core.model import (
    JudgedDenial,
    JudgedDigest,
    JudgedKey,
    JudgedLink,
    JudgedRRset,
    JudgedSignature,
    JudgedZone,
    Outcome,
    Proof,
    Reason,
    Validated,
)
from danelaw.core.picture import told
from danelaw.core.picture.seen import Picture

T = TypeVar("T")

MOST: Final = 16
"""Of each kind in each place. Honest zones have fewer."""
_TELLING: Final = (Outcome.VALID, Outcome.FAILED, Outcome.NOT_TRIED)


def thinned(picture: Picture) -> tuple[Picture, str]:
    """The picture with what tells most of each crowd, and in words what it leaves out; empty where that is nothing."""
    thin = _Thin()
    answer = replace(picture.answer, proof=None if picture.answer.proof is None else thin.proof(picture.answer.proof))
    answer = thin.answer(answer)
    if not thin.left_out:
        return picture, ""
    counted = ", ".join(f"{count} {what}" for what, count in sorted(thin.left_out.items()))
    return replace(picture, answer=answer), f"Not shown, but part of the JSON: {counted}."


@dataclass(slots=True)
class _Thin:
    """Takes away, and counts."""

    left_out: Counter[str] = field(default_factory=Counter)

    def answer(self, answer: Validated) -> Validated:
        return replace(answer, reasons=self._reasons(answer.reasons), notes=self._few("notes", answer.notes))

    def proof(self, proof: Proof) -> Proof:
        zones = tuple(self._zone(zone, proof) for zone in proof.zones)
        return replace(proof, zones=zones, links=tuple(map(self._link, proof.links)))

    def _zone(self, zone: JudgedZone, proof: Proof) -> JudgedZone:
        over = [*told.data_of(zone, proof), *([zone.dnskey] if zone.dnskey is not None else [])]
        signatures = [one for judged in over for one in judged.signatures]
        made = {(one.key_tag, one.algorithm) for one in signatures if one.outcome is Outcome.VALID}
        claimed = {(one.key_tag, one.algorithm) for one in signatures}

        def rank(key: JudgedKey) -> int:
            tagged = key.tag, key.algorithm
            return 0 if key.vouched_for or tagged in made else 1 if tagged in claimed else 2

        return replace(
            zone,
            ds=self._rrset(zone.ds),
            digests=self._few("DS records", zone.digests, _telling),
            denial=self._denial(zone.denial),
            dnskey=self._rrset(zone.dnskey),
            keys=self._few("keys", zone.keys, rank),
            reasons=self._reasons(zone.reasons),
        )

    def _link(self, link: JudgedLink) -> JudgedLink:
        rrset, denial = self._rrset(link.rrset), self._denial(link.denial)
        return replace(link, rrset=rrset, denial=denial, reasons=self._reasons(link.reasons))

    def _denial(self, denial: JudgedDenial | None) -> JudgedDenial | None:
        if denial is None:
            return None
        kept = (self._rrset(one) for one in self._few("NSEC or NSEC3 records", denial.records))
        return replace(denial, records=tuple(one for one in kept if one is not None))

    def _rrset(self, judged: JudgedRRset | None) -> JudgedRRset | None:
        if judged is None:
            return None
        signatures = self._few("signatures", judged.signatures, _telling)
        return replace(judged, signatures=signatures, reasons=self._reasons(judged.reasons))

    def _reasons(self, reasons: Sequence[Reason]) -> tuple[Reason, ...]:
        return self._few("reasons", reasons)

    def _few(self, what: str, crowd: Sequence[T], rank: Callable[[T], int] = lambda _: 0) -> tuple[T, ...]:
        """The first of the lowest rank, in the order in which they stand."""
        if len(crowd) <= MOST:
            return tuple(crowd)
        self.left_out[what] += len(crowd) - MOST
        best = sorted(range(len(crowd)), key=lambda place: rank(crowd[place]))[:MOST]
        return tuple(crowd[place] for place in sorted(best))


def _telling(judged: JudgedDigest | JudgedSignature) -> int:
    return _TELLING.index(judged.outcome)
