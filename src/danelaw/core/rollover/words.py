"""The operator's words, as facts: what is recorded of a decision that nobody but a person may take.

Each says who took it and when. One that suspends a rule ends by itself: when its time is over, all is as it was before,
and nothing has to be recorded for that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Self, TypeAlias

from danelaw.core.model import IP, Instant, Lineage, SubjectName


@dataclass(frozen=True, slots=True)
class Waived:
    """An address is not waited for: of a zone, an authority; of a service, a server that cannot be probed from here.

    The latest word on an address counts: one whose ``until`` is not after ``at`` takes a waiver back.
    """

    at: Instant
    subject: SubjectName
    address: IP
    until: Instant
    by: str
    reason: str = ""

    def moved(self, by: timedelta) -> Waived:
        return replace(self, at=self.at + by, until=self.until + by)


@dataclass(frozen=True, slots=True)
class Accepted:
    """Clients may be refused, for these reasons and no others: codes of counterexamples.

    The latest word on a subject counts: one without codes takes back what was accepted.
    """

    at: Instant
    subject: SubjectName
    codes: frozenset[str]
    until: Instant
    by: str
    reason: str = ""

    def moved(self, by: timedelta) -> Accepted:
        return replace(self, at=self.at + by, until=self.until + by)


@dataclass(frozen=True, slots=True)
class Paused:
    """Nothing is to be done to a subject. It is looked at as ever, so that history stays good.

    The latest word on a subject counts: one whose ``until`` is not after ``at`` ends a pause.
    """

    at: Instant
    subject: SubjectName
    until: Instant
    by: str
    reason: str = ""

    def moved(self, by: timedelta) -> Paused:
        return replace(self, at=self.at + by, until=self.until + by)


@dataclass(frozen=True, slots=True)
class _OfRecords:
    """What an operator decided of TLSA records (rdata) of a lineage."""

    at: Instant
    lineage: Lineage
    records: frozenset[bytes]
    by: str

    def moved(self, by: timedelta) -> Self:
        return replace(self, at=self.at + by)


@dataclass(frozen=True, slots=True)
class Adopted(_OfRecords):
    """TLSA records (rdata) that others published are ours from now on: they go when their time has come."""


@dataclass(frozen=True, slots=True)
class Disowned(_OfRecords):
    """TLSA records (rdata) are the operator's own business from now on: Danelaw never withdraws them."""


@dataclass(frozen=True, slots=True)
class RequestedRemoval(_OfRecords):
    """TLSA records (rdata) that others published are to go as soon as the gate lets them."""


Word: TypeAlias = Waived | Accepted | Paused | Adopted | Disowned | RequestedRemoval
