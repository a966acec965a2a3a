"""A live directory on this machine, from before there is a deployer for it until there is none any more."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from danelaw.adapters.deploy import durable
from danelaw.adapters.deploy.credentials import CERT, CHAIN, FULLCHAIN, PRIVKEY
from danelaw.core.model import DanelawError


def serve(path: Path, folder: Path, *, unread: bool) -> None:
    """``path`` is a symbolic link to the generation in ``folder``, unless it is so already. ``unread``: no server reads
    it yet, so that one to a generation beside that may be left from an attempt, and is moved.

    Raises ``DanelawError``: ``DEPLOY_FAILED``, and ``LIVE_PATH_TAKEN`` where it is another's, or leads elsewhere.
    """
    try:
        durable.make_directory(path.parent)
        there, wanted = Path(os.path.realpath(path)), Path(os.path.realpath(folder))
        if path.is_symlink() and there == wanted:
            return
        ours = unread and path.is_symlink() and there.parent == wanted.parent
        if not ours and (path.is_symlink() or path.exists()):
            hint = f"move it away: mv {shlex.quote(str(path))} {shlex.quote(str(path))}.before-danelaw"
            raise DanelawError("LIVE_PATH_TAKEN", f"{path} is there already", hint=hint)
        durable.point_link(path, folder)
    except OSError as error:
        raise _failed(path, error) from error


def served(path: Path) -> Mapping[str, bytes]:
    """The four files of the generation that it leads to, all of the same. Raises ``DanelawError("DEPLOY_FAILED")``."""
    try:
        folder = Path(os.path.realpath(path, strict=True))
        return {kind: (folder / kind).read_bytes() for kind in (PRIVKEY, CERT, CHAIN, FULLCHAIN)}
    except OSError as error:
        raise _failed(path, error) from error


def unserve(path: Path) -> None:
    """Takes the symbolic link away. Raises ``DanelawError("DEPLOY_FAILED")``."""
    try:
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
