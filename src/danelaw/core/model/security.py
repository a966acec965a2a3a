"""DNSSEC states and reasons (RFC 4035 §4.3)."""

from __future__ import annotations

import enum
from dataclasses import dataclass


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
