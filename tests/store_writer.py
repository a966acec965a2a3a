"""A runner of its own, for tests: ``store_writer.py STORE SUBJECT PASSES`` appends passes of seven facts.

After each pass that is recorded, its number is a line on standard output.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from danelaw.adapters.store.sql import SQLStore
from danelaw.core.model import Limits, SubjectName
from danelaw.core.rollover.facts import Began
from inline_blocking import Inline

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
EACH = 7


def told(subject: SubjectName, turn: int) -> list[Began]:
    at = NOON + timedelta(seconds=turn)
    return [Began(at, SubjectName(f"{subject} {part}"), f"pass {turn}") for part in range(EACH)]


async def main(path: Path, subject: SubjectName, passes: int) -> None:
    store = SQLStore(path, Limits(), Inline())
    lease = await store.lease(subject)
    for turn in range(passes):
        await store.append(subject, lease, *told(subject, turn))
        print(turn, flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), SubjectName(sys.argv[2]), int(sys.argv[3])))
