"""The stories that tests/replay/scenarios tell. ``python -m told.stories``, run in tests/, writes them all."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from told import of_answers, of_servers, of_time
from told.telling import STORIES

__all__ = ["SCENARIOS", "STORIES", "of_answers", "of_servers", "of_time"]

SCENARIOS: Final = Path(__file__).parents[1] / "replay" / "scenarios"


def main() -> None:
    SCENARIOS.mkdir(exist_ok=True)
    for name, tell in STORIES.items():
        (SCENARIOS / f"{name}.rpl").write_text(tell().text(), encoding="utf-8")


if __name__ == "__main__":
    main()
