"""What Prometheus reads: its text format, version 0.0.4, for the textfile collector of the node exporter and for HTTP.

Every family stands together, with its help and type, in whatever order the samples come.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

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


def text(told: Iterable[Sample], families: Mapping[str, Family]) -> str:
    """The whole file, families in their own order. Of samples that differ in nothing but their value, the last counts.

    Raises ``KeyError`` for a sample of no family.
    """
    by_family: dict[str, dict[tuple[tuple[str, str], ...], int]] = {family: {} for family in families}
    for sample in told:
        by_family[sample.family][sample.labels] = sample.value
    return "".join(
        line + "\n" for name, values in by_family.items() if values for line in _family(name, families[name], values)
    )


def unix(instant: Instant) -> int:
    """Seconds since 1970."""
    return int(instant.timestamp())


def _family(name: str, family: Family, values: Mapping[tuple[tuple[str, str], ...], int]) -> Iterator[str]:
    yield f"# HELP {name} {family.help}"
    yield f"# TYPE {name} {family.kind.value}"
    for labels, value in values.items():
        told = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
        yield f"{name}{{{told}}} {value}" if told else f"{name} {value}"


def _escaped(text: str) -> str:
    """The format's own escapes; control characters are escaped before, since the file may be looked at."""
    return printable(text).replace("\\", "\\\\").replace('"', '\\"')
