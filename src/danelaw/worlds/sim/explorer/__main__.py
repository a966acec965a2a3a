"""``python -m danelaw.worlds.sim.explorer [--quick] [--only WORDS]…``: explores small worlds, one line each.

Exits with status 1 if a hole is found, or a roll that does not end: then the shortest story that leads there is told.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import sys
from functools import partial

from danelaw.worlds.sim.explorer.search import Search, SmallWorld, Verdict
from danelaw.worlds.sim.explorer.worlds import deep, quick


def main() -> int:
    parser = argparse.ArgumentParser(prog="explorer", description="Every course of small worlds, fault by fault.")
    parser.add_argument("--quick", action="store_true", help="only those that take seconds")
    parser.add_argument("--only", action="append", default=[], help="worlds with this in their name")
    parser.add_argument(
        "--seconds", type=float, default=600, help="CPU time, the most for each world; 600 if not given"
    )
    parser.add_argument("--processes", type=int, default=2, help="worlds at a time; 2 if not given")
    options = parser.parse_args()
    worlds = [*quick(), *(() if options.quick else deep())]
    chosen = [w for w in worlds if not options.only or any(word in w.name for word in options.only)]
    verdicts: list[Verdict] = []
    with multiprocessing.Pool(options.processes) as pool:
        for verdict in pool.imap_unordered(partial(_explored, options.seconds), chosen, chunksize=1):
            print(f"explorer: {verdict}", flush=True)
            for line in (*verdict.hole, *verdict.stuck):
                print(f"    {line}", flush=True)
            verdicts.append(verdict)
    held = [verdict for verdict in verdicts if verdict.holds]
    print(
        f"explorer: {len(held)} of {len(verdicts)} worlds hold, {sum(v.closed for v in verdicts)} of them wholly "
        f"explored; {sum(v.states for v in verdicts)} states"
    )
    return 0 if len(held) == len(verdicts) else 1


def _explored(seconds: float, world: SmallWorld) -> Verdict:
    gc.set_threshold(50_000, 20, 50)  # all that is met is kept: going through it again and again finds no garbage
    return Search(world, most_seconds=seconds).run()


if __name__ == "__main__":
    sys.exit(main())
