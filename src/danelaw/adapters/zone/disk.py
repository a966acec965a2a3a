"""Files that are whole or not there, and the lock that one writer at a time holds."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from danelaw.core.model import DanelawError


def write_atomically(path: Path, data: bytes, mode: int) -> None:
    """Replaces ``path``, durably; a kill at any moment leaves the old file or the new one.

    An existing file keeps its permissions and, where that is allowed, its owner; a link stays a link. ``mode`` is for
    a new file. Raises ``FILE_UNWRITABLE``.
    """
    with staged(path, data, mode) as put:
        put()


@contextmanager
def staged(path: Path, data: bytes, mode: int) -> Iterator[Callable[[], None]]:
    """Writes beside ``path``, durably, and gives the call that puts it in place, as ``write_atomically`` does.

    What was not put in place is removed. Raises ``FILE_UNWRITABLE``, also from that call.
    """
    path = path.resolve()
    must_be_file(path)  # found now, and not when other files have been put in place
    with _told(path):
        descriptor, name = tempfile.mkstemp(prefix=_staged_prefix(path), dir=path.parent)
    temporary = Path(name)

    def put() -> None:
        with _told(path):
            temporary.replace(path)
            _sync_directory(path.parent)

    try:
        with _told(path), os.fdopen(descriptor, "wb") as file:
            _keep_attributes(path, file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield put
    finally:
        with suppress(OSError):  # a disk that takes no more must not hide why this ends
            temporary.unlink(missing_ok=True)


def remove_leftovers(path: Path) -> None:
    """Removes what a writer of ``path`` left behind that was killed. Only for who holds the lock of the file."""
    path = path.resolve()
    with suppress(OSError):  # they are in nobody's way
        for left in path.parent.iterdir():
            if left.name.startswith(_staged_prefix(path)):
                left.unlink()


def _staged_prefix(path: Path) -> str:
    return f".{path.name}.danelaw-"


_REMEDIES: Final = {
    errno.ENOSPC: "make room on its disk; what was there before is untouched",
    errno.EDQUOT: "the quota of this user is used up; what was there before is untouched",
    errno.EROFS: "its file system is mounted read-only: mount it for writing, or name another place",
    errno.EACCES: "Danelaw must be able to write to the directory: see its owner and mode",
    errno.EPERM: "Danelaw must be able to write to the directory: see its owner and mode",
    errno.ENOENT: "make the directory first",
    errno.ENOTDIR: "make the directory first",
    errno.EISDIR: "a directory is in the way",
    errno.EINVAL: "what is there, such as a device or a pipe, is not to be replaced: name another place",
}


_LOCK_REMEDIES: Final = {
    errno.ELOOP: "remove it: it is a link",
    errno.EACCES: "run as the user who made it, or give that file away; Danelaw must be able to write to the directory",
}


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DanelawError(
            "FILE_UNWRITABLE",
            f"cannot write {path}",
            evidence=error.strerror or str(error),
            hint=_REMEDIES.get(error.errno or 0, "what was there before is untouched"),
        ) from error


def must_be_file(path: Path) -> None:
    """Only files are replaced: /dev/null, for one, must stay what it is. Raises ``FILE_UNWRITABLE``."""
    with _told(path):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if path.exists() and not path.is_file():
            raise OSError(errno.EINVAL, "it is not a regular file")


def _keep_attributes(path: Path, descriptor: int, mode: int) -> None:
    if not path.exists():
        os.fchmod(descriptor, mode)
        return
    had = path.stat()
    try:
        os.fchown(descriptor, had.st_uid, had.st_gid)
    except PermissionError:  # only root may give files away, but a name server may read it by its group
        with suppress(PermissionError):
            os.fchown(descriptor, -1, had.st_gid)
    os.fchmod(descriptor, had.st_mode & 0o7777)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path, of: Path) -> Iterator[None]:
    """Holds the lock file at ``path``, against other processes too. A group that may write ``of`` may hold it too.

    Raises ``ZONE_LOCKED`` if it is held, ``ZONE_LOCK_UNUSABLE`` if it cannot be opened or is a link: who may write to
    the directory must not choose which file is opened here.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise DanelawError(
            "ZONE_LOCK_UNUSABLE",
            f"cannot open the lock file {path}",
            evidence=error.strerror or str(error),
            hint=_LOCK_REMEDIES.get(error.errno or 0, "Danelaw must be able to write to the directory"),
        ) from error
    try:
        _share(descriptor, of)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DanelawError("ZONE_LOCKED", "another process is changing the zone", evidence=str(path)) from error
        yield
    finally:
        os.close(descriptor)


def _share(descriptor: int, of: Path) -> None:
    with suppress(OSError):  # it is somebody else's, or there is no such file, which its reader will say
        had = of.stat()
        if had.st_mode & stat.S_IWGRP:
            os.fchown(descriptor, -1, had.st_gid)
            os.fchmod(descriptor, 0o660)
