"""Writes that are whole or not there, and that survive a power cut."""

from __future__ import annotations

import fcntl
import glob
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PRIVATE_FILE: Final = 0o600
PUBLIC_FILE: Final = 0o644
PRIVATE_DIRECTORY: Final = 0o700


def make_directory(path: Path) -> None:
    """``path`` and its missing parents, for the owner alone; each is on the disk before the next one."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(PRIVATE_DIRECTORY, exist_ok=True)
        sync_directory(folder.parent)


def sync_directory(path: Path) -> None:
    """Names made, replaced or removed in ``path`` are on the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def create_file(path: Path, content: bytes, mode: int) -> None:
    """A new file, with ``mode`` from its first octet. Raises ``FileExistsError``: nothing is ever written over."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(handle)


def write_file(path: Path, content: bytes, mode: int) -> None:
    """``path`` holds ``content``, whole, or what it held before."""
    with _beside(path) as temporary:
        create_file(temporary, content, mode)
        temporary.rename(path)
    sync_directory(path.parent)


def point_link(link: Path, target: Path) -> None:
    """``link`` is a symbolic link to ``target``: there is no instant at which it is missing."""
    with _beside(link) as temporary:
        temporary.symlink_to(target)
        temporary.rename(link)
    sync_directory(link.parent)


def remove_leftovers(folder: Path, name: str | None = None) -> None:
    """Removes what writers that were killed have left in ``folder``, of ``name`` or of everything."""
    whose = glob.escape(name) if name is not None else "*"
    for left in folder.glob(f".{whose}.{'[0-9a-f]' * 16}.new"):
        left.unlink(missing_ok=True)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Holds the lock of a directory, against other processes too; it goes with the process that holds it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A name in the same directory, so that a rename is atomic; nothing is left there when that did not happen. What a
    writer that was killed left there is removed by the next one: one at a time writes a path."""
    remove_leftovers(path.parent, path.name)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
