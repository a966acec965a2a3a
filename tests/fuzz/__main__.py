"""``python -m fuzz [--seconds N] [--seed TEXT] [--harness NAME] [--only NUMBER]``: see ``make fuzz``.

The harnesses take turns until the CPU time is over. The seed and a number make an input, the same on every machine;
what was found is printed with both and saved. Exits with status 1 if something was.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from types import FrameType
from typing import Final, NoReturn

from fuzz.harnesses import HARNESSES, Harness

MOST_SECONDS: Final = 2.0
"""CPU time that one input may take."""
MOST_FINDINGS: Final = 10


class TooSlowError(BaseException):
    """Not an ``Exception``: nothing that is fuzzed may take it for one of its own."""


def main() -> int:
    arguments = argparse.ArgumentParser(
        prog="fuzz", description="Feeds lies to the validator and noise to the readers."
    )
    arguments.add_argument("--seconds", type=float, default=600, help="CPU time in all")
    arguments.add_argument("--seed", default="1")
    arguments.add_argument("--harness", choices=HARNESSES, help="this one alone")
    arguments.add_argument("--only", type=int, help="the input of this number alone")
    arguments.add_argument("--findings", type=Path, default=Path("fuzz-findings"), help="the folder for what was found")
    options = arguments.parse_args()
    chosen = {options.harness: HARNESSES[options.harness]} if options.harness else HARNESSES
    counts, found, slowest = Counter[str](), 0, 0.0
    begun = time.process_time()
    for number in numbers(options.only, lambda: time.process_time() - begun < options.seconds):
        for name, harness in chosen.items():
            source = f"{options.seed}/{name}/{number}"
            before = time.process_time()
            trouble = tried(harness, source)
            slowest = max(slowest, time.process_time() - before)
            counts[name] += 1
            if trouble:
                found += 1
                report(options.findings, options.seed, name, number, trouble)
        if found >= MOST_FINDINGS:
            break
    said = ", ".join(f"{count} {name}" for name, count in counts.items())
    print(f"fuzz: seed {options.seed}: {said}; {found} findings; the slowest input took {slowest:.2f} s")
    return 1 if found else 0


def numbers(only: int | None, goes_on: Callable[[], bool]) -> Iterator[int]:
    if only is not None:
        yield only
        return
    number = 0
    while goes_on():
        yield number
        number += 1


def tried(harness: Harness, source: str) -> str:
    """What went wrong with the input that ``source`` makes; empty if nothing did."""
    try:
        with bounded(MOST_SECONDS):
            harness(Random(source))  # noqa: S311  # chance that can be had again
    except (Exception, TooSlowError):  # noqa: BLE001  # whatever is raised is what is looked for
        return traceback.format_exc()
    return ""


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """Raises ``TooSlowError`` after so much CPU time."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise TooSlowError(f"more than {seconds} s of CPU time")

    old = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, old)


def report(folder: Path, seed: str, name: str, number: int, trouble: str) -> None:
    again = f"python -m fuzz --seed {seed} --harness {name} --only {number}"
    folder.mkdir(exist_ok=True)
    kept = folder / f"{seed}-{name}-{number}.txt"
    kept.write_text(f"{again}\n\n{trouble}", encoding="utf-8", errors="backslashreplace")
    print(f"fuzz: {name}: {trouble.strip().splitlines()[-1]}\n  {again}\n  {kept}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
