"""Contests in signing one zone: the zone, its keys, who signs it how, what that costs, and whether it is right.

Everybody gets the same text file and the same keys and starts as a process. Only the standard library is imported, for
the memory of a process that is started counts what its parent had.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

ZONE = "example.net"
OURS = "danelaw"
_OURS = Path(__file__).with_name("our_signing.py")
_PACKAGES = "install bind9-utils, ldnsutils, knot and knot-dnssecutils"
_ENVIRONMENT = {**os.environ, "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"}
_ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)  # else all modules are compiled each time, as no operator has it
_SIGNATURE = re.compile(r"\bRRSIG\s+[A-Z]+\s+13\s")


Command: TypeAlias = Sequence[str | Path]


class ContestError(Exception):
    """The work was not done, or not the same."""


@dataclass(frozen=True)
class Cost:
    """CPU and wall time in seconds; ``rss``: the most memory it held, in KiB."""

    cpu: float
    wall: float
    rss: int


@dataclass(frozen=True)
class Contestant:
    """``prepare`` is not measured, and is told which turn it is; ``command`` makes ``output``."""

    command: Callable[[int], Command]
    output: Path
    prepare: Callable[[int], object] = field(default=lambda turn: None)


class Arena:
    """A directory with the zone's text file, its keys, and what each contestant wants besides."""

    def __init__(self, directory: Path, hosts: int) -> None:
        self.directory = directory
        self.hosts = hosts
        self.keys = directory / "keys"
        self.plain = directory / "zone"
        self.source = directory / "source"
        """What ours signs in place, for its serial rises."""
        self.keys.mkdir()
        with self.plain.open("w", encoding="ascii") as file:
            file.writelines(zone_lines(hosts))
        measured([sys.executable, _OURS, "keys", ZONE, self.keys], directory)
        self.key_names = sorted(str(path.with_suffix("")) for path in self.keys.glob("*.key"))

    def danelaw(self, work: str, source: Path, output: Path, *words: str) -> Command:
        files: Command = ["--file", source, "--keys", self.keys, "--output", output, "--wait", "0"]
        return [sys.executable, "-m", "danelaw", "zone", work, *files, ZONE, *words]

    def signing(self) -> Contestant:
        output = self.directory / "danelaw.signed"
        command: Command = [sys.executable, _OURS, "sign", ZONE, self.plain, self.keys, output]
        return Contestant(lambda turn: command, output, lambda turn: remove(output))

    def serving(self) -> Contestant:
        """Each time from a source that was never signed."""
        source, output = self.source, self.directory / "source.signed"

        def prepare(turn: int) -> None:
            remove(output, Path(f"{output}.danelaw-state"))
            source.write_bytes(self.plain.read_bytes())

        return Contestant(lambda turn: self.danelaw("sign", source, output), output, prepare)

    def signzone(self, *options: str, file: Path | None = None) -> Contestant:
        output = self.directory / f"signzone{''.join(options)}.signed"
        places: Command = ["-K", self.keys, "-d", self.directory, "-f", output, file or self.plain]
        command: Command = ["dnssec-signzone", "-S", "-o", ZONE, *options, *places]
        return Contestant(lambda turn: command, output, lambda turn: remove(output))

    def ldns(self) -> Contestant:
        output = self.directory / "ldns.signed"
        command: Command = ["ldns-signzone", "-o", ZONE, "-f", output, self.plain, *self.key_names]
        return Contestant(lambda turn: command, output, lambda turn: remove(output))

    def knot(self, file: Path | None = None) -> Contestant:
        """With as many threads as dnssec-signzone takes by itself: one for each CPU."""
        home = self.directory / ("knot" if file is None else "knot-again")
        (home / "out").mkdir(parents=True)
        configuration = home / "knot.conf"
        configuration.write_text(
            f"server:\n  rundir: {home}\n"
            f"database:\n  storage: {home}\n"
            f"policy:\n  - id: ours\n    manual: on\n    cds-cdnskey-publish: none\n"
            f"    signing-threads: {os.cpu_count() or 1}\n"
            f"zone:\n  - domain: {ZONE}\n    file: {file or self.plain}\n"
            f"    dnssec-signing: on\n    dnssec-policy: ours\n",
            encoding="ascii",
        )
        for name in self.key_names:
            measured(["keymgr", "-c", configuration, ZONE, "import-bind", f"{name}.key"], home)
        output = home / "out" / (file or self.plain).name
        command: Command = ["kzonesign", "-c", configuration, "-o", home / "out", ZONE]
        return Contestant(lambda turn: command, output, lambda turn: remove(*output.parent.iterdir()))

    def check(self, output: Path) -> None:
        """Raises ``ContestError`` unless both verifiers accept what was made, and all of it is signed."""
        measured(["ldns-verify-zone", "-V1", output], self.directory)
        measured(["dnssec-verify", "-q", "-x", "-o", ZONE, output], self.directory)
        with output.open(encoding="ascii") as file:
            count = sum(_SIGNATURE.search(line) is not None for line in file)
        if not 0 < count - 4 * self.hosts < 12:  # at the apex and at ns some differ
            raise ContestError(f"{output.name} has {count} signatures")


def zone_lines(hosts: int) -> Iterator[str]:
    """A and TLSA records of so many hosts, so that NSEC records are at two names each."""
    yield f"$ORIGIN {ZONE}.\n$TTL 3600\n@ SOA ns host 2026112301 7200 3600 604800 3600\n@ NS ns\nns A 192.0.2.1\n"
    for n in range(hosts):
        yield f"h{n} A 198.{18 + (n >> 16)}.{n >> 8 & 255}.{n & 255}\n_25._tcp.h{n} TLSA {tlsa(n)}\n"


def tlsa(number: int) -> str:
    return f"3 1 1 {hashlib.sha256(str(number).encode()).hexdigest()}"


def remove(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def measured(command: Command, directory: Path) -> Cost:
    """Runs it to its end. Raises ``ContestError`` if it fails."""
    with tempfile.TemporaryFile(dir=directory) as said:
        begun = time.monotonic()
        try:
            process = subprocess.Popen(  # noqa: S603  # no shell, own words
                command, cwd=directory, stdout=said, stderr=said, env=_ENVIRONMENT
            )
        except FileNotFoundError as error:
            raise ContestError(f"{command[0]} is not here: {_PACKAGES}") from error
        # Its status and what it used are had together from wait4, after which Popen has nothing left to wait for.
        _, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            words = said.read().decode(errors="replace")[-1000:]
            raise ContestError(f"{' '.join(map(str, command))} ended with status {process.returncode}: {words}")
    return Cost(used.ru_utime + used.ru_stime, wall, used.ru_maxrss)


def contest(rounds: int, contestants: Mapping[str, Contestant], directory: Path) -> dict[str, Cost]:
    """The medians of what each needs, over ``rounds`` in which they take turns."""
    costs: dict[str, list[Cost]] = {name: [] for name in contestants}
    for turn in range(rounds):
        names = list(contestants)
        for name in names if turn % 2 == 0 else reversed(names):
            contestants[name].prepare(turn)
            costs[name].append(measured(contestants[name].command(turn), directory))
    return {name: median(of) for name, of in costs.items()}


def median(costs: Sequence[Cost]) -> Cost:
    return Cost(
        statistics.median(cost.cpu for cost in costs),
        statistics.median(cost.wall for cost in costs),
        int(statistics.median(cost.rss for cost in costs)),
    )


def print_ratios(title: str, costs: Mapping[str, Cost], goal: str, *, names: Sequence[str] | None = None) -> None:
    """What all needed, and how many times what we needed the fastest peer did, by CPU and by wall time."""
    print(f"{title:34}    CPU      wall")
    for name in names or list(costs):
        print(f"  {name:32}{costs[name].cpu:7.2f} s {costs[name].wall:7.2f} s")
    peers = [cost for name, cost in costs.items() if not name.startswith(OURS)]
    cpu = min(cost.cpu for cost in peers) / costs[OURS].cpu
    wall = min(cost.wall for cost in peers) / costs[OURS].wall
    print(f"  {'the fastest peer to ours':32}{cpu:7.2f}x  {wall:7.2f}x   goal {goal}")


def arguments(about: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(about or "").splitlines()[0])
    parser.add_argument("--hosts", type=int, default=20_000, help="each with an A and a TLSA record: four signatures")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="show where our own time goes, and stop")
    return parser


@contextmanager
def arena(hosts: int) -> Iterator[Arena]:
    with tempfile.TemporaryDirectory(prefix="danelaw-bench-") as directory:
        yield Arena(Path(directory), hosts)


def profile(contestant: Contestant, directory: Path) -> int:
    contestant.prepare(0)
    python, *command = contestant.command(0)
    if command[:2] == ["-m", "danelaw"]:
        command[:1] = [_OURS]
    ran = subprocess.run(  # noqa: S603  # no shell, own words
        [python, "-m", "cProfile", "-s", "tottime", *command], cwd=directory, check=True, capture_output=True, text=True
    )
    print("\n".join(ran.stdout.splitlines()[:50]))
    return 0


def guarded(work: Callable[[], int]) -> int:
    try:
        return work()
    except ContestError as error:
        print(error, file=sys.stderr)
        return 1
