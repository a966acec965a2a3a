"""P12: service-rollovers in virtual time, by the real engine, against an adversary. Goal: 100,000 in ten minutes.

For each strategy a campaign of ``danelaw simulate``, on all processors; what is told is the pace by wall time, how many
rollovers ten minutes would see, and what a rollover costs in CPU time. No violation may be among them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time

GOAL = 100_000
WITHIN = 600.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rollovers", type=int, default=120, help="for each strategy")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    good = True
    total_seconds, total_rollovers = 0.0, 0
    print(f"P12 rollovers, {os.cpu_count()} processors       CPU each    in ten minutes    violations    faults")
    for strategy in ("standby", "staged", "pinned"):
        numbers = ("--rollovers", str(options.rollovers), "--seed", str(options.seed))
        command = [sys.executable, "-m", "danelaw", "simulate", "--json", "--strategy", strategy, *numbers]
        began, spent = time.perf_counter(), _cpu()
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
        seconds, cpu = time.perf_counter() - began, _cpu() - spent
        if done.returncode not in (0, 1):
            print(done.stderr, file=sys.stderr)
            return 1
        counts = json.loads(done.stdout)["strategies"][strategy]
        good &= done.returncode == 0
        total_seconds += seconds
        total_rollovers += counts["rollovers"]
        pace = counts["rollovers"] / seconds * WITHIN
        each = 1000 * cpu / counts["rollovers"]
        print(f"  {strategy:28}{each:9.1f} ms{pace:14.0f}{counts['violations']:14}{counts['faults']:10}")
    pace = total_rollovers / total_seconds * WITHIN
    print(f"  {'all':28}{'':12}{pace:14.0f}   goal {GOAL}, {pace / GOAL:.2f}x")
    return 0 if good else 1


def _cpu() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


if __name__ == "__main__":
    sys.exit(main())
