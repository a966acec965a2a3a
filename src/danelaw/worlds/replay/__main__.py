"""``python -m danelaw.worlds.replay [--verbose] FILE|DIRECTORY…``: plays scenario files, also other people's.

One line for each file: ``agrees``, ``differs`` with what did, or ``not for us`` with why; then the counts. Exit status
1 if anything differs, 2 for a file that cannot be read.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from danelaw.worlds.replay import UnsupportedError, read_scenario, replay


def _files(paths: Sequence[Path], pattern: str) -> list[Path]:
    return [file for path in paths for file in (sorted(path.glob(pattern)) if path.is_dir() else [path])]


def _played(path: Path, *, verbose: bool) -> tuple[str, list[str]]:
    """What came of a file, and the lines that explain it."""
    try:
        scenario = read_scenario(path.read_text(encoding="utf-8", errors="surrogateescape"))
    except UnsupportedError as error:
        return "not for us", [str(error)]
    differences = replay(scenario)
    lines = [str(one) for one in differences]
    if verbose:
        lines.extend(f"note: {note}" for one in differences if one.result for note in one.result.notes)
    return ("differs" if differences else "agrees"), lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Plays the files; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m danelaw.worlds.replay", description="Play scenario files.")
    parser.add_argument("paths", nargs="+", type=Path, metavar="FILE|DIRECTORY")
    parser.add_argument("--pattern", default="*.rpl", help="which files of a directory (default: %(default)s)")
    parser.add_argument("--verbose", action="store_true", help="show what was wrong and not decisive, too")
    options = parser.parse_args(arguments)
    counts: Counter[str] = Counter()
    try:
        for path in _files(options.paths, options.pattern):
            outcome, lines = _played(path, verbose=options.verbose)
            counts[outcome] += 1
            print(f"{path.name}: {outcome}", *(f"\n    {line}" for line in lines), sep="")
    except OSError as error:
        print(error, file=sys.stderr)
        return 2
    print(", ".join(f"{counts[outcome]} {outcome}" for outcome in ("agrees", "differs", "not for us")))
    return 1 if counts["differs"] else 0


if __name__ == "__main__":
    sys.exit(main())
