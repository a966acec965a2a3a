"""Rolls as they are seen from outside: records that match nothing yet or any more, and servers that lag behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from danelaw.core.model import Asked
from danelaw.core.tlsa import Combination, TLSARecord, Verdict, match, records_of
from danelaw.core.verdict.authorities import Version, is_tlsa, rdatas_of
from danelaw.core.verdict.case import Case


def rolling_records(case: Case) -> tuple[TLSARecord, ...]:
    """The records that match nothing, where they are what a roll needs: of each combination no more of them than match
    (RFC 7671 §8.1)."""
    return tuple(record for of_a_roll, records in _unmatched(case) if of_a_roll for record in records)


def stale_records(case: Case) -> tuple[TLSARecord, ...]:
    """The records that match nothing, where there are more of them than one roll needs."""
    return tuple(record for of_a_roll, records in _unmatched(case) if not of_a_roll for record in records)


def _unmatched(case: Case) -> Iterator[tuple[bool, tuple[TLSARecord, ...]]]:
    """Those of each combination, and whether they are no more than match; only beside a match of the same: else the
    combination is what has to be spoken of."""
    matched = case.matched
    beside = Counter(record.combination for record in matched)
    found: dict[Combination, list[TLSARecord]] = {}
    for record in case.usable:
        if record not in matched and record.combination in beside:
            found.setdefault(record.combination, []).append(record)
    for combination, records in found.items():
        yield len(records) <= beside[combination], tuple(records)


@dataclass(frozen=True, slots=True)
class Deviation:
    """One server that does not serve what the newest of them do. ``harm``: whether clients refuse what is presented,
    when they hold its records."""

    asked: Asked
    version: Version
    harm: bool

    @property
    def settling(self) -> bool:
        """Whether this is no more than a change on its way: the server has an older version, and it does no harm."""
        return not self.version.newest and not self.harm


def deviations(case: Case) -> tuple[Deviation, ...]:
    """The servers whose TLSA answer, or the alias in its place, is not that of the newest version of the zone, or, of
    one version, not that of the most."""
    found = []
    for asked, versions in case.served:
        contents = [rdatas_of(version.answer) for version in versions]
        newest = [content for content, version in zip(contents, versions, strict=True) if version.newest]
        usual = max(newest or contents, key=(newest or contents).count, default=None)
        found += [
            Deviation(asked, version, _harms(case, version))
            for content, version in zip(contents, versions, strict=True)
            if content != usual
        ]
    return tuple(found)


def _harms(case: Case, version: Version) -> bool:
    """An absence does none: clients do without DANE then."""
    if case.rrset is None or not is_tlsa(version.answer):
        return False
    records = records_of(version.answer)
    return any(
        match(records, view.handshake.chain, case.reference, view.at).verdict is Verdict.MISMATCH for view in case.views
    )
