"""The mutants: ``rules.toml`` lists them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True)
class Mutant:
    """``file`` is below src/danelaw/core/dnssec; ``text`` stands there just once."""

    name: str
    file: str
    text: str
    instead: str

    def path(self, sources: Path) -> Path:
        return sources / "danelaw" / "core" / "dnssec" / self.file

    def fits(self, sources: Path) -> bool:
        return self.path(sources).read_text(encoding="utf-8").count(self.text) == 1

    def apply(self, sources: Path) -> None:
        """Raises ``ValueError`` if the text is not there just once: the sources have gone on without this table."""
        path = self.path(sources)
        source = path.read_text(encoding="utf-8")
        if source.count(self.text) != 1:
            raise ValueError(f"{self.name}: in {self.file} this stands {source.count(self.text)} times: {self.text}")
        path.write_text(source.replace(self.text, self.instead), encoding="utf-8")


def _read() -> tuple[Mutant, ...]:
    rules = tomllib.loads(Path(__file__).with_name("rules.toml").read_text(encoding="utf-8"))
    return tuple(Mutant(**rule) for rule in rules["mutant"])


MUTANTS: Final = _read()
