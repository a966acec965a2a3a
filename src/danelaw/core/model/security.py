"""DNSSEC states, reasons and validated answers (RFC 4035 §4.3)."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from dns.name import Name

from danelaw.core.model.dns import Absence, RRset


class Security(enum.Enum):
    """The four states of RFC 4035 §4.3."""

    SECURE = "secure"
    INSECURE = "insecure"
    BOGUS = "bogus"
    INDETERMINATE = "indeterminate"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a verdict is what it is. ``code`` is stable; ``section`` cites the rule; ``blamed`` names the record."""

    code: str
    section: str
    blamed: str
    detail: str = ""

    def __str__(self) -> str:
        tail = f": {self.detail}" if self.detail else ""
        return f"{self.code} ({self.section}) {self.blamed}{tail}"


@dataclass(frozen=True, slots=True)
class Validated:
    """An answer with our own verdict on it.

    ``rrsets``: the links of a CNAME chain in order, the asked RRset last; empty where it is absent.
    ``absence``: the denial, where there is one. ``reasons`` explain the state; ``notes`` list what was wrong and not
    decisive.
    """

    name: Name
    type: int
    state: Security
    rrsets: tuple[RRset, ...] = ()
    absence: Absence | None = None
    reasons: tuple[Reason, ...] = ()
    notes: tuple[Reason, ...] = ()

    @property
    def rrset(self) -> RRset | None:
        """The asked RRset, if it is there."""
        if self.rrsets and self.rrsets[-1].type == self.type:
            return self.rrsets[-1]
        return None
