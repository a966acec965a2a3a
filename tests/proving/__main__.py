"""``python -m proving [memory|files|deaths]…``: many rollovers by the real engine, under faults of every kind.

memory: drawn worlds, stores in memory. files: the same with stores in SQLite files. deaths: one rollover of each
strategy, again and again, in which the runner dies after its first call to the outside, after its second, and so on.

What has been played stands in a file of ``--folder``, so a proof that was interrupted goes on where it was; remove it
when the program has changed. A world that fails is kept there as a scenario. Each part ends with a line of what it came
to; exit status 1: something failed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

from danelaw.core.rollover.feasibility import told
from danelaw.faces.cli.simulate_jobs import played
from danelaw.worlds.sim.campaign import ROLLS, Tally
from danelaw.worlds.sim.scenario import StrategyName
from proving.worlds import OURS, Played, calls, in_files, in_memory, room, with_a_death

PARTS: Final = ("memory", "files", "deaths")
OFTEN: Final = 30.0
"""Seconds between two words on how far it is."""


One = Callable[[int], Played]


def main() -> int:
    arguments = argparse.ArgumentParser(prog="proving", description="Plays many rollovers by the real engine.")
    arguments.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all if none is named")
    arguments.add_argument("--rollovers", type=int, default=100_000, help="in memory, over all strategies")
    arguments.add_argument("--on-files", type=int, default=2_000, help="in SQLite files, over all strategies")
    arguments.add_argument("--every", type=int, default=1, help="of the deaths only every so manieth")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "danelaw-proof")
    options = arguments.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    good = True
    for part in options.parts or PARTS:
        if part == "deaths":
            works = {s: (partial(with_a_death, s), range(1, calls(s) + 1, options.every)) for s in OURS}
        else:
            wanted = options.rollovers if part == "memory" else options.on_files
            worlds = -(-wanted // (ROLLS * len(OURS)))
            first = options.seed * 1_000_000
            play_one = in_memory if part == "memory" else partial(in_files, room())
            works = {s: (partial(play_one, s), range(first, first + worlds)) for s in OURS}
        good &= _prove(part, works, options)
    return 0 if good else 1


def _prove(part: str, works: Mapping[StrategyName, tuple[One, range]], options: argparse.Namespace) -> bool:
    begun, total, culprits = time.monotonic(), Tally(), 0
    worlds, done, fresh = sum(len(seeds) for _, seeds in works.values()), 0, 0
    last = begun
    for strategy, (one, seeds) in works.items():
        book = options.folder / f"{part}-{strategy}-{options.seed}.jsonl"
        for seed, found in _resumed(book, one, seeds, options.jobs):
            total += Tally(**found.tally)  # type: ignore[arg-type]  # a tally's own names and values
            done += 1
            if found.culprit is not None:
                culprits += 1
                kept = options.folder / f"failed-{part}-{strategy}-{seed}.toml"
                kept.write_text(found.culprit, encoding="utf-8")
                print(f"prove: FAILED {kept}", file=sys.stderr, flush=True)
            fresh += 1
            if (now := time.monotonic()) - last > OFTEN:
                last = now
                left = timedelta(seconds=round((now - begun) / fresh * (worlds - done)))
                count = f"{done} of {worlds} worlds, {total.rollovers} rollovers"
                print(f"prove: {part}: {count}; {told(left)} left or so", file=sys.stderr, flush=True)
    print(
        f"prove: {part}: {total.rollovers} rollovers, {total.faults} faults: {total.wrong} wrong, "
        f"{total.refused} of {total.connections} connections refused "
        f"(and {total.refused_by_others} because of other hands), "
        f"{total.unfinished} of {total.worlds} worlds not at rest, {culprits} failed; "
        f"{told(timedelta(seconds=round(time.monotonic() - begun)))}",
        flush=True,
    )
    return culprits == 0


def _resumed(book: Path, one: One, seeds: Sequence[int], jobs: int) -> Iterator[tuple[int, Played]]:
    """What stands in the book already, and then the rest, which is put down there as it is played."""
    known: dict[int, Played] = {}
    if book.exists():
        for line in book.read_text(encoding="utf-8").splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue  # the line at which it was interrupted
            known[row["seed"]] = Played(row["tally"], row["culprit"])
    yield from ((seed, known[seed]) for seed in seeds if seed in known)
    rest = [seed for seed in seeds if seed not in known]
    with book.open("a", encoding="utf-8") as file:
        for seed, found in zip(rest, played(one, rest, jobs), strict=True):
            file.write(json.dumps({"seed": seed, "tally": found.tally, "culprit": found.culprit}) + "\n")
            file.flush()
            yield seed, found


if __name__ == "__main__":
    sys.exit(main())
