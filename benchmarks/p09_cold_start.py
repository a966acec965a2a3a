"""P9: what a command costs from the prompt to its end, cold. Goals: ``danelaw tlsa`` at most 4 times the pipeline of
OpenSSL that the article has, for the same digest; ``danelaw check`` at most 1.3 times the bare imports that it needs.

``check`` is given a resolver that refuses at once, so that what is left is its start, one look and the report. The
imports beside it: a command line, certificates, TLS, DNS messages, asyncio. The digests of the first are compared.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

HOST = "www.example.net"
DANELAW = Path(sys.executable).with_name("danelaw")
IMPORTS = "import click, cryptography.x509, OpenSSL.SSL, dns.message, asyncio"
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

Cost = tuple[float, float]
"""CPU and wall time in seconds, of a process and all that it started."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=31)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        certificate = made(Path(folder))
        tlsa = f"{DANELAW} tlsa {HOST}:443 --cert {certificate}"
        pipeline = (
            f"openssl x509 -in {certificate} -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -c1-64"
        )
        with refusing() as port:
            check = f"{DANELAW} check {HOST} --resolver 127.0.0.1@{port} >/dev/null || [ $? -eq 3 ]"
            bare = f"{sys.executable} -c '{IMPORTS}'"
            said = {command: output(command) for command in (tlsa, pipeline, check, bare)}
            costs = contest(rounds, (tlsa, pipeline, check, bare))
    if said[tlsa].split()[-1] != said[pipeline].strip():
        print("P9: not the same digest", file=sys.stderr)
        return 1
    print(f"P9 cold start, median of {rounds}     CPU     wall")
    show("danelaw tlsa", costs[tlsa], "the pipeline of OpenSSL", costs[pipeline], 4)
    show("danelaw check", costs[check], "its bare imports", costs[bare], 1.3)
    return 0


def made(folder: Path) -> Path:
    """A certificate such as CAs issue, self-signed."""
    if shutil.which("openssl") is None:
        sys.exit("p09: openssl is not here")
    certificate = folder / "cert.pem"
    words = (
        f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {folder / 'key.pem'} -out {certificate}"
    )
    more = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-days", "90"]
    subprocess.run(["openssl", *words.split(), *more], check=True, capture_output=True)  # noqa: S603, S607 - own words
    return certificate


class refusing:  # noqa: N801 - reads as what it does in a with statement
    """A port of loopback where nobody is, and nobody comes while the block lasts: questions are refused at once."""

    def __enter__(self) -> int:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.bind(("127.0.0.1", 0))  # bound, and not listening
        return int(self._socket.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def output(command: str) -> str:
    """Also warms the file cache, and has modules compiled."""
    return subprocess.run(  # noqa: S602 - own words, and pipelines
        command, shell=True, check=True, capture_output=True, text=True, env=_ENVIRONMENT
    ).stdout


def contest(rounds: int, commands: tuple[str, ...]) -> Mapping[str, Cost]:
    """They take turns; of each the medians."""
    costs: dict[str, list[Cost]] = {command: [] for command in commands}
    for turn in range(rounds):
        for command in commands if turn % 2 == 0 else reversed(commands):
            costs[command].append(measured(command))
    return {
        command: (statistics.median(cpu for cpu, _ in taken), statistics.median(wall for _, wall in taken))
        for command, taken in costs.items()
    }


def measured(command: str) -> Cost:
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(  # noqa: S602 - own words, and pipelines
        command, shell=True, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=_ENVIRONMENT
    )
    wall, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, wall


def show(name: str, ours: Cost, peer: str, theirs: Cost, goal: float) -> None:
    ratios = "   ".join(f"{mine / other:5.2f}x" for mine, other in zip(ours, theirs, strict=True))
    ms = f"{1000 * ours[0]:.0f} ms of CPU beside {1000 * theirs[0]:.0f}"
    print(f"  {name:14} to {peer:24} {ratios}   goal {goal}x   ({ms})")


if __name__ == "__main__":
    sys.exit(main())
