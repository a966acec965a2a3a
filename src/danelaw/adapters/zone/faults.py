"""What is wrong in a master file, each thing with its place; several are told at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from danelaw.adapters.zone.entries import ENCODING
from danelaw.core.model import DanelawError

MOST_FAULTS: Final = 10
"""So many are told at once."""

_SHOWN_BEFORE: Final = 60
_SHOWN_AFTER: Final = 40


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: in ``text``, that of the whole file ``path``, at the offset ``at``."""

    code: str
    path: Path
    text: str
    at: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        """``file:line:column: message``, both counted from 1, the column in characters."""
        line = self.text.count("\n", 0, self.at) + 1
        column = len(_decoded(self.text[self._line_start : self.at])) + 1
        return f"{self.path}:{line}:{column}: {self.message}"

    @property
    def shown(self) -> str:
        """The line, and below it a caret under the place; of a long line what is around that."""
        end = self.text.find("\n", self.at)
        before = _printable(self.text[self._line_start : self.at])
        after = _printable(self.text[self.at : len(self.text) if end < 0 else end]).rstrip()
        if len(before) > _SHOWN_BEFORE:
            before = f"…{before[-_SHOWN_BEFORE:]}"
        if len(after) > _SHOWN_AFTER:
            after = f"{after[:_SHOWN_AFTER]}…"
        return f"{before}{after}\n{' ' * len(before)}^"

    @property
    def _line_start(self) -> int:
        return self.text.rfind("\n", 0, self.at) + 1


class FaultError(Exception):
    """Carries a fault from where it is found to where all are gathered."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


def told(faults: Sequence[Fault]) -> DanelawError:
    """The error that tells of these, at least one: its code, message and hint are those of the first."""
    first, *others = faults
    more = f" (and {len(others)} more)" if others else ""
    evidence = [first.shown, *(f"{fault}\n{fault.shown}" for fault in others[: MOST_FAULTS - 1])]
    return DanelawError(first.code, f"{first}{more}", evidence="\n".join(evidence), hint=first.hint)


def _decoded(text: str) -> str:
    """As people see it: most files are in UTF-8."""
    octets = text.encode(ENCODING)
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return text


def _printable(text: str) -> str:
    """On one line, each tab as one blank, nothing that a terminal would obey."""
    return "".join(c if c.isprintable() else " " if c == "\t" else "·" for c in _decoded(text.rstrip("\r")))
