"""Which chain is asked about with which RRset; what we say of each; how verifiers of others are told of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Final

import dns.name

from agreement.chains import HOST, Presented
from agreement.rrsets import ALL, ESSENTIAL, records
from danelaw.core.tlsa import Match, Profile, Reference, TLSARecord, Verdict, match

WHOLE: Final = ("usual", "root sent")
"""The chains that every RRset is asked of; of the others the essential ones."""


@dataclass(frozen=True)
class Case:
    """``text`` is the RRset's name, such as ``3 1 1 leaf, 3 1 1 other``."""

    presented: Presented
    text: str

    @property
    def name(self) -> tuple[str, str]:
        return self.presented.name, self.text

    @property
    def records(self) -> tuple[TLSARecord, ...]:
        return records(self.text, self.presented)

    @property
    def single(self) -> bool:
        return "," not in self.text


@dataclass(frozen=True)
class Word:
    """A verdict. Of one that accepts: the depth of what matched, and the record, in wire form, where it is told.

    ``said``: why, in the verifier's own words.
    """

    accepts: bool
    said: str
    depth: int | None = None
    record: bytes | None = None

    @property
    def word(self) -> str:
        return "accepts" if self.accepts else "refuses"


def every_case(chains: Mapping[str, Presented]) -> list[Case]:
    return [Case(presented, text) for presented in chains.values() for text in ALL]


def some_cases(chains: Mapping[str, Presented]) -> list[Case]:
    """Several hundred: for verifiers that must be started for each."""
    return [
        Case(presented, text)
        for presented in chains.values()
        for text in (ALL if presented.name in WHOLE else ESSENTIAL)
    ]


def mixtures(chains: Mapping[str, Presented], count: int, seed: int) -> list[Case]:
    """RRsets of two to four records, drawn from all that there are, for chains drawn likewise.

    Usages that ask for PKIX are not mixed with DANE-TA, and no certificate of a namesake is put in DNS: what OpenSSL
    does then is in the tables, case by case.
    """
    drawn = Random(seed)  # noqa: S311  # cases that are the same in every run, not secrets
    named = [one for name, one in chains.items() if name != "a namesake of the issuer named"]
    singles = [text for text in ALL if "," not in text and text != "0 0 0 issuer"]
    by_dane, by_pkix = ([text for text in singles if text[0] not in without] for without in ("01", "2"))
    return [
        Case(drawn.choice(named), ", ".join(drawn.sample(drawn.choice((by_dane, by_pkix)), drawn.randint(2, 4))))
        for _ in range(count)
    ]


def sample(cases: Sequence[Case], step: int) -> list[Case]:
    """Every so many-th, beginning elsewhere for each RRset, so that no chain and no RRset is left out."""
    return [case for number, case in enumerate(cases) if (number + number // step) % step == 0]


def ours(case: Case, at: datetime, profile: Profile, *, smtp: bool = False, more_names: Sequence[str] = ()) -> Word:
    """What we say of a case, as clients of this profile do that look for ``HOST``, or for any of more names."""
    roots = tuple(root.der for root in case.presented.roots)
    reference = Reference(tuple(map(dns.name.from_text, (HOST, *more_names))), roots, opportunistic=smtp)
    return _word(match(case.records, case.presented.chain, reference, at, profile))


def _word(found: Match) -> Word:
    if found.verdict is Verdict.MATCHED and found.by is not None:
        return Word(True, str(found.by.record.brief()), found.by.depth, found.by.record.to_rdata())
    return Word(False, found.reason.code if found.reason else found.verdict.value)


def server_files(folder: Path, chains: Iterator[Presented]) -> dict[str, Path]:
    """For each chain, by name, a file with the key and what is sent."""
    files = {}
    for number, presented in enumerate(chains):
        path = folder / f"chain{number}.pem"
        path.write_text(presented.leaf.private_pem + "".join(one.pem for one in presented.sent), encoding="ascii")
        files[presented.name] = path
    return files
