"""One runner at a time: a daemon and a timer that meet do not do the same work twice.

Leases keep two runners from acting on one subject whatever happens (``ports.Lease``). This only spares the second one
the work, and tells it who is at it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from danelaw.core.model import DanelawError, Instant

_MOST: Final = 4096
_PRIVATE_DIRECTORY: Final = 0o700
_PRIVATE_FILE: Final = 0o600


@contextmanager
def only_runner(store: Path, what: str, now: Instant) -> Iterator[None]:
    """While the block lasts, no other process is the runner of this store. ``what``: how others are told of this one.

    The lock is the kernel's, so it goes with the process. Raises ``DanelawError``: ``RUNNER_BUSY`` at once where there
    is another runner, ``STORE_FULL`` and ``STORE_UNUSABLE`` where no lock file can be made beside the store.
    """
    path = store.with_name(f"{store.name}.runner")
    try:
        path.parent.mkdir(_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _PRIVATE_FILE)
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DanelawError(
                "RUNNER_BUSY",
                "another runner is at work on this store, and does what is to be done",
                evidence=os.pread(handle, _MOST, 0).decode("utf-8", "replace").strip(),
                hint=f"see what it does: danelaw status; who holds the lock: fuser {path}",
            ) from error
        except OSError as error:  # as on some network file systems
            raise _unusable(path, error) from error
        with contextlib.suppress(OSError):  # others need not be told, as on a full disk: the lock is what counts
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{what}, process {os.getpid()}, since {now:%Y-%m-%d %H:%M:%S} UTC\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def _unusable(path: Path, error: OSError) -> DanelawError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DanelawError(
            "STORE_FULL",
            f"there is no room for {path}, so nothing is done",
            evidence=error.strerror or str(error),
            hint=f"make room: df {path.parent}; df -i {path.parent}",
        )
    return DanelawError(
        "STORE_UNUSABLE",
        f"{path} cannot be locked",
        evidence=error.strerror or str(error),
        hint=f"the user that runs Danelaw must own it, and its directory: ls -ld {path.parent}",
    )
