"""What is said of a case: findings, and the one word that sums them up."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from danelaw.core.model import IP, Endpoint, Evidence
from danelaw.core.verdict.case import Case


class Level(enum.IntEnum):
    """How much a finding matters; the weightiest sorts first. A MUST that is broken is an error."""

    ERROR = 0
    WARNING = 1
    INFO = 2


class Verdict(enum.Enum):
    """What becomes of a client that honours DANE."""

    VALID = "valid"  # it connects, wherever it comes and whatever it offers
    MISMATCH = "mismatch"  # it is refused somewhere
    BOGUS = "bogus"  # it gets no answer that it may believe
    INSECURE = "insecure"  # it connects as if there were no TLSA record: the answer is not signed
    NONE = "none"  # the same: proof is there that no record is, or none that can be used
    UNDECIDED = "undecided"  # something was not learnt


@dataclass(frozen=True, slots=True)
class Said:
    """What a rule has to say. ``subject``: what it is about; ``address``: where it was seen; ``details`` quote it."""

    subject: str
    sentence: str
    address: IP | None = None
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """``code`` is stable and documented; ``remedy`` is what to do about it. ``endpoint``: None where it is about a
    target as a whole."""

    code: str
    level: Level
    citation: str
    subject: str
    sentence: str
    remedy: str
    address: IP | None = None
    details: tuple[str, ...] = ()
    endpoint: Endpoint | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """What every rule states beforehand: what its findings are called, how they matter, by whom, and what to do."""

    id: str
    level: Level
    citation: str
    remedy: str

    def finding(self, said: Said, endpoint: Endpoint | None = None) -> Finding:
        return Finding(
            self.id,
            self.level,
            self.citation,
            said.subject,
            said.sentence,
            self.remedy,
            said.address,
            said.details,
            endpoint,
        )


@dataclass(frozen=True, slots=True)
class Rule(Statement):
    """One thing to look for at an endpoint. Where ``applies`` is false, the rule neither passed nor failed."""

    applies: Callable[[Case], bool]
    look: Callable[[Case], Iterable[Said]]

    def findings(self, case: Case) -> tuple[Finding, ...]:
        if not self.applies(case):
            return ()
        return tuple(self.finding(said, case.evidence.endpoint) for said in self.look(case))


@dataclass(frozen=True, slots=True)
class Report:
    """``findings`` are sorted, the weightiest first."""

    case: Case
    verdict: Verdict
    findings: tuple[Finding, ...]

    @property
    def evidence(self) -> Evidence:
        return self.case.evidence

    @property
    def good(self) -> bool:
        """Whether every DANE client connects, and nothing is wrong that would refuse one that supports less."""
        return self.verdict is Verdict.VALID and all(finding.level is not Level.ERROR for finding in self.findings)
