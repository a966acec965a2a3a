"""``python -m mutation [--only WORDS]…``: see ``make prove``. Exits with status 1 if a mutant survives.

Each mutant is made in a copy of the sources, never in the checkout. The tests that are to kill it are those of its room
alone, the fast ones first, and stop at the first failure. Some are then explored in a small world, too.
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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from mutation.explored import EXPLORED
from mutation.mutants import ROOMS, Mutant, Room

ROOT: Final = Path(__file__).parents[2]
MOST_SECONDS: Final = 600
"""A mutant that never ends is killed by the clock."""


def main() -> int:
    arguments = argparse.ArgumentParser(prog="mutation", description="Takes out rules, one by one.")
    arguments.add_argument("--only", action="append", default=[], help="mutants with this in their name or file")
    arguments.add_argument("--processes", type=int, default=2, help="mutants at a time; 2 if not given")
    options = arguments.parse_args()
    chosen = [(room, one) for room in ROOMS for one in room.mutants if _wanted(one, options.only)]
    with (
        tempfile.TemporaryDirectory(prefix="danelaw-mutants-") as folder,
        ThreadPoolExecutor(options.processes) as pool,
    ):
        for room in dict.fromkeys(room for room, _ in chosen):
            if failed := killer(Path(folder) / "none", room, None):
                print(f"prove: the tests fail without any mutant: {failed}", file=sys.stderr)
                return 2
        places = [Path(folder) / str(number) for number in range(len(chosen))]
        survived = pool.map(_survived, places, *zip(*chosen, strict=True))
        survivors = [mutant for (_, mutant), alive in zip(chosen, survived, strict=True) if alive]
    print(f"prove: {len(chosen) - len(survivors)} of {len(chosen)} mutants were killed")
    for mutant in survivors:
        print(f"prove: SURVIVED {mutant.file}: {mutant.name}", file=sys.stderr)
    return 1 if survivors else 0


def _wanted(mutant: Mutant, only: list[str]) -> bool:
    return not only or any(word in f"{mutant.file} {mutant.name}" for word in only)


def _survived(folder: Path, room: Room, mutant: Mutant) -> bool:
    """Whether no test notices, or not the explorer though it should."""
    begun = time.monotonic()
    by = killer(folder, room, mutant)
    told = ["SURVIVED" if by is None else f"killed by {by}"]
    explored = _explored(folder, mutant) if mutant.name in EXPLORED else None
    if explored is not None:
        told.append(f"explored: {explored.stdout.strip() or explored.stderr[-500:]}")
    print(f"  {mutant.file}: {mutant.name}: {'; '.join(told)} ({time.monotonic() - begun:.0f} s)", flush=True)
    shutil.rmtree(folder)
    return by is None or (explored is not None and explored.returncode != 0)


def _explored(folder: Path, mutant: Mutant) -> subprocess.CompletedProcess[str]:
    """What the explorer makes of the mutated copy that is in ``folder``."""
    command = [sys.executable, "-m", "mutation.explored", mutant.name]
    return subprocess.run(  # noqa: S603  # our own module
        command, cwd=ROOT, env=_environment(folder), capture_output=True, text=True, timeout=MOST_SECONDS, check=False
    )


def _environment(folder: Path) -> dict[str, str]:
    sources = folder / "src"
    return os.environ | {
        "PYTHONPATH": f"{sources}{os.pathsep}{ROOT / 'tests'}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis"),
        "EXPECTED_SOURCES": str(sources),
    }


def killer(folder: Path, room: Room, mutant: Mutant | None) -> str | None:
    """The test that fails first on sources with this mutant, which are made in ``folder``; None if none does."""
    sources = folder / "src"
    shutil.rmtree(sources, ignore_errors=True)
    shutil.copytree(ROOT / "src", sources, ignore=shutil.ignore_patterns("__pycache__"))
    if mutant is not None:
        mutant.apply(sources)
    files = [str(path.relative_to(ROOT)) for pattern in room.tests for path in sorted(ROOT.glob(pattern))]
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "mutation.mutated_sources", "--hypothesis-seed=1"]
    options += [f"--deselect={test}" for test in room.unless]
    command = [sys.executable, "-m", "pytest", *options, *files]
    try:
        done = subprocess.run(  # noqa: S603  # our own tests
            command,
            cwd=ROOT,
            env=_environment(folder),
            capture_output=True,
            text=True,
            timeout=MOST_SECONDS,
            check=False,
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
