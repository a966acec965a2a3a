"""What Prometheus reads: its text format, version 0.0.4, for the textfile collector of the node exporter and for HTTP.

Every family stands together, with its help and type, in whatever order the samples come.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from danelaw.core.model import Instant
from danelaw.core.verdict.printable import printable

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Kind(enum.Enum):
    """What a value is: it goes up and down, or up alone."""

    GAUGE = "gauge"
    COUNTER = "counter"


@dataclass(frozen=True, slots=True)
class Family:
    """``help``: one line. The name of a counter ends in ``_total``."""

    help: str
    kind: Kind = Kind.GAUGE


@dataclass(frozen=True, slots=True)
class Sample:
    """``labels``: names and values, in order; the values are not escaped yet."""

    family: str
    labels: tuple[tuple[str, str], ...]
    value: int


Lines: TypeAlias = Mapping[str, str]
"""By family, the lines of some samples."""


def text(told: Iterable[Sample], families: Mapping[str, Family]) -> str:
    """The whole file, families in their own order. Of samples that differ in nothing but their value, the last counts.

    Raises ``KeyError`` for a sample of no family.
    """
    return joined([lines(told)], families)


def lines(told: Iterable[Sample]) -> Lines:
    """What these samples are in the file. Of such as differ in nothing but their value, the last counts."""
    by_family: dict[str, dict[tuple[tuple[str, str], ...], int]] = {}
    for sample in told:
        by_family.setdefault(sample.family, {})[sample.labels] = sample.value
    return {name: "".join(_line(name, *value) for value in values.items()) for name, values in by_family.items()}


def joined(parts: Iterable[Lines], families: Mapping[str, Family]) -> str:
    """The whole file, of parts in which no two samples are of the same. Raises as ``text`` does."""
    by_family: dict[str, list[str]] = {family: [] for family in families}
    for part in parts:
        for name, of_family in part.items():
            by_family[name].append(of_family)
    return "".join(text for name, told in by_family.items() if told for text in (_heading(name, families[name]), *told))


def unix(instant: Instant) -> int:
    """Seconds since 1970."""
    return int(instant.timestamp())


def _heading(name: str, family: Family) -> str:
    return f"# HELP {name} {family.help}\n# TYPE {name} {family.kind.value}\n"


def _line(name: str, labels: tuple[tuple[str, str], ...], value: int) -> str:
    told = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
    return f"{name}{{{told}}} {value}\n" if told else f"{name} {value}\n"


def _escaped(text: str) -> str:
    """The format's own escapes; control characters are escaped before, since the file may be looked at."""
    return printable(text).replace("\\", "\\\\").replace('"', '\\"')
