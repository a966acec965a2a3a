"""``python -m mutation [--only WORDS]…``: see ``make prove``. Exits with status 1 if a mutant survives.

Each mutant is made in a copy of the sources, never in the checkout. The tests that are to kill it are those of its room
alone, the fast ones first, and stop at the first failure.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from mutation.mutants import ROOMS, Mutant, Room

ROOT: Final = Path(__file__).parents[2]
MOST_SECONDS: Final = 600
"""A mutant that never ends is killed by the clock."""


def main() -> int:
    arguments = argparse.ArgumentParser(prog="mutation", description="Takes out rules, one by one.")
    arguments.add_argument("--only", action="append", default=[], help="mutants with this in their name or file")
    options = arguments.parse_args()
    survivors: list[Mutant] = []
    count = 0
    with tempfile.TemporaryDirectory(prefix="danelaw-mutants-") as folder:
        for room in ROOMS:
            chosen = [one for one in room.mutants if _wanted(one, options.only)]
            failed = killer(Path(folder), room, None) if chosen else None
            if failed is not None:
                print(f"prove: the tests fail without any mutant: {failed}", file=sys.stderr)
                return 2
            count += len(chosen)
            survivors += [mutant for mutant in chosen if not _killed(Path(folder), room, mutant)]
    print(f"prove: {count - len(survivors)} of {count} mutants were killed")
    for mutant in survivors:
        print(f"prove: SURVIVED {mutant.file}: {mutant.name}", file=sys.stderr)
    return 1 if survivors else 0


def _wanted(mutant: Mutant, only: list[str]) -> bool:
    return not only or any(word in f"{mutant.file} {mutant.name}" for word in only)


def _killed(folder: Path, room: Room, mutant: Mutant) -> bool:
    begun = time.monotonic()
    by = killer(folder, room, mutant)
    outcome = "SURVIVED" if by is None else f"killed by {by}"
    print(f"  {mutant.file}: {mutant.name}: {outcome} ({time.monotonic() - begun:.0f} s)", flush=True)
    return by is not None


def killer(folder: Path, room: Room, mutant: Mutant | None) -> str | None:
    """The test that fails first on sources with this mutant, which are made in ``folder``; None if none does."""
    sources = folder / "src"
    shutil.rmtree(sources, ignore_errors=True)
    shutil.copytree(ROOT / "src", sources, ignore=shutil.ignore_patterns("__pycache__"))
    if mutant is not None:
        mutant.apply(sources)
    environment = os.environ | {
        "PYTHONPATH": str(sources),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis"),
        "EXPECTED_SOURCES": str(sources),
    }
    files = [str(path.relative_to(ROOT)) for pattern in room.tests for path in sorted(ROOT.glob(pattern))]
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "mutation.mutated_sources", "--hypothesis-seed=1"]
    options += [f"--deselect={test}" for test in room.unless]
    command = [sys.executable, "-m", "pytest", *options, *files]
    environment["PYTHONPATH"] += f"{os.pathsep}{ROOT / 'tests'}"
    try:
        done = subprocess.run(  # noqa: S603  # our own tests
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=MOST_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return "the clock"
    if done.returncode == 0:
        return None
    found = re.search(r"^(?:FAILED|ERROR) (.*?)(?: - .*)?$", done.stdout, flags=re.MULTILINE)
    if found is None:
        raise RuntimeError(f"pytest ended with status {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return found[1].removeprefix("tests/")


if __name__ == "__main__":
    sys.exit(main())
