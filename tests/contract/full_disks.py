"""A small file system that nobody else sees, to be filled up."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass
class Elsewhere:
    """Mounts of another host's: on ``disk`` there is a small file system that nobody else sees."""

    process: int
    disk: Path

    @property
    def view(self) -> Path:
        """The same, from here."""
        return Path(f"/proc/{self.process}/root") / self.disk.relative_to("/")

    def fill(self, pages: int, inodes: int) -> None:
        fill(self.view, pages, inodes)

    def free(self) -> None:
        free(self.view)


def fill(disk: Path, pages: int, inodes: int) -> None:
    """Leaves room for so much."""
    for number in range(os.statvfs(disk).f_ffree - inodes - 1):
        (disk / f"filler-{number}").touch()
    with (disk / "filler").open("wb", buffering=0) as file:
        while (there := os.statvfs(disk)).f_bfree > pages:
            file.write(bytes(there.f_bsize))
    there = os.statvfs(disk)
    assert (there.f_bfree, there.f_ffree) == (pages, inodes)


def free(disk: Path) -> None:
    for file in disk.glob("filler*"):
        file.unlink()


def into(elsewhere: Elsewhere, *words: str) -> tuple[str, ...]:
    """Words that are done there."""
    users = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
    return ("nsenter", "--target", str(elsewhere.process), "--mount", *users, "--", *words)


def mounted(find: Callable[..., str], disk: Path, pages: int, inodes: int, *words: str) -> tuple[str, ...]:
    """Words, among mounts of their own: ``disk`` has room for so much there."""
    users = () if os.geteuid() == 0 else ("--map-root-user",)
    mount = f'mount -t tmpfs -o size={pages * 4096},nr_inodes={inodes} small "$0" && exec "$@"'
    return (find("unshare", package="util-linux"), *users, "--mount", "sh", "-c", mount, str(disk), *words)


@contextlib.contextmanager
def small_disk(folder: Path, find: Callable[..., str], pages: int, inodes: int) -> Iterator[Elsewhere]:
    """With room for so much. Skips the test where nobody may mount anything."""
    find("nsenter", package="util-linux")
    disk = folder / "disk"
    disk.mkdir()
    words = mounted(find, disk, pages, inodes, "sh", "-c", "echo up && read rest")
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603 - our own words
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            if process.stdout.readline() != b"up\n":
                pytest.skip(f"no mounts of one's own here: {process.stderr.read().decode()}")
            yield Elsewhere(process.pid, disk)
        finally:
            process.kill()
