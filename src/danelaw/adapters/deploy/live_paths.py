"""A live directory on this machine, from before there is a deployer for it until there is none any more.

What root does to it, root does as whoever Danelaw runs as: that one has to move the link from then on.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from danelaw.adapters.deploy import durable
from danelaw.adapters.deploy.credentials import CERT, CHAIN, FULLCHAIN, PRIVKEY
from danelaw.core.model import DanelawError


def owner_of(path: Path) -> int:
    """The number of the user whose it is, or of whose the nearest directory above it is that is there."""
    return _there(path).st_uid


@contextmanager
def as_owner_of(path: Path) -> Iterator[None]:
    """While it is entered, root is that user, in all threads of the process; anybody else stays who he is."""
    there = _there(path)
    if os.geteuid() != 0 or there.st_uid == 0:
        yield
        return
    group = os.getegid()
    os.setegid(there.st_gid)
    os.seteuid(there.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)


def _there(path: Path) -> os.stat_result:
    return next(folder for folder in (path, *path.absolute().parents) if folder.exists()).stat()


def serve(path: Path, folder: Path, *, unread: bool) -> None:
    """``path`` is a symbolic link to the generation in ``folder``, unless it is so already. ``unread``: no server reads
    it yet, so that one to a generation beside that may be left from an attempt, and is moved.

    Raises ``DanelawError``: ``DEPLOY_FAILED``, and ``LIVE_PATH_TAKEN`` where it is another's, or leads elsewhere.
    """
    try:
        with as_owner_of(path.parent):
            _serve(path, folder, unread=unread)
    except OSError as error:
        raise _failed(path, error) from error


def _serve(path: Path, folder: Path, *, unread: bool) -> None:
    durable.make_directory(path.parent)
    there, wanted = Path(os.path.realpath(path)), Path(os.path.realpath(folder))
    if path.is_symlink() and there == wanted:
        return
    ours = unread and path.is_symlink() and there.parent == wanted.parent
    if not ours and (path.is_symlink() or path.exists()):
        hint = f"move it away: mv {shlex.quote(str(path))} {shlex.quote(str(path))}.before-danelaw"
        raise DanelawError("LIVE_PATH_TAKEN", f"{path} is there already", hint=hint)
    durable.point_link(path, folder)


def served(path: Path) -> Mapping[str, bytes]:
    """The four files of the generation that it leads to, all of the same. Raises ``DanelawError("DEPLOY_FAILED")``."""
    try:
        with as_owner_of(path.parent):
            folder = Path(os.path.realpath(path, strict=True))
            return {kind: (folder / kind).read_bytes() for kind in (PRIVKEY, CERT, CHAIN, FULLCHAIN)}
    except OSError as error:
        raise _failed(path, error) from error


def unserve(path: Path) -> None:
    """Takes the symbolic link away. Raises ``DanelawError("DEPLOY_FAILED")``."""
    try:
        with as_owner_of(path.parent):
            if path.is_symlink():
                path.unlink()
                durable.sync_directory(path.parent)
    except OSError as error:
        raise _failed(path, error) from error


def _failed(path: Path, error: OSError) -> DanelawError:
    return DanelawError(
        "DEPLOY_FAILED",
        f"the live directory {path} cannot be worked with",
        evidence=str(error),
        hint=f"it is a symbolic link to a generation of the credential store, in a writable directory: ls -l {path}",
    )
