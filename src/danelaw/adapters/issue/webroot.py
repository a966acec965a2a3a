"""http-01 responses as files under a web root (RFC 8555 §8.3)."""

from __future__ import annotations

import os
import re
import stat
import tempfile
from pathlib import Path
from typing import Final

from danelaw.core.model import Challenge, ChallengeType, DanelawError
from danelaw.core.rollover.actions import Receipt

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]+")
"""base64url (RFC 8555 §8.3): a token names a file and can be no path."""

_OPEN: Final = 0o055
"""What others than the owner need, of a folder, to read what is in it."""


class WebrootSolver:
    """Implements ``ports.Solver``: ``WEBROOT/.well-known/acme-challenge/TOKEN`` holds the key authorization.

    Raises ``DanelawError``: ``CHALLENGE_UNSUITABLE`` (not http-01, or no token), ``WEBROOT_UNWRITABLE``.
    """

    def __init__(self, webroot: Path) -> None:
        self.webroot = webroot

    async def place(self, challenge: Challenge) -> Receipt:
        path = self._path(challenge)
        try:
            _write(path, challenge.response.encode("ascii"))
        except OSError as error:
            raise self._unwritable(path, error) from error
        return Receipt(note=str(path))

    async def clear(self, challenge: Challenge) -> Receipt:
        """Remove exactly that file; it may be gone already."""
        path = self._path(challenge)
        try:
            path.unlink(missing_ok=True)
            _remove_leftovers(path)
        except OSError as error:
            raise self._unwritable(path, error) from error
        return Receipt(note=str(path))

    def _path(self, challenge: Challenge) -> Path:
        if challenge.type is not ChallengeType.HTTP_01:
            raise DanelawError(
                "CHALLENGE_UNSUITABLE",
                f"a web root cannot answer {challenge.type.value}",
                hint='set challenge = { type = "http-01", … } for this issuer, or publish the TXT record',
            )
        if not _TOKEN.fullmatch(challenge.token):
            raise DanelawError(
                "CHALLENGE_UNSUITABLE",
                "the CA's token is not base64url (RFC 8555 §8.3); nothing was written",
                evidence=repr(challenge.token),
            )
        return self.webroot / ".well-known" / "acme-challenge" / challenge.token

    def _unwritable(self, path: Path, error: OSError) -> DanelawError:
        return DanelawError(
            "WEBROOT_UNWRITABLE",
            f"cannot change {path}",
            evidence=str(error),
            hint=f"let this user write below {self.webroot}",
        )


def _remove_leftovers(path: Path) -> None:
    """Removes what a writer of this very file left behind that was killed."""
    for left in path.parent.glob(f".{path.name}-*"):  # a token has no character that means something in a pattern
        left.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    """Appear whole or not at all, readable by the web server."""
    for folder in reversed([folder for folder in path.parents if not folder.exists()]):
        folder.mkdir(exist_ok=True)
        folder.chmod(stat.S_IMODE(folder.stat().st_mode) | _OPEN)  # whatever the umask is
    _remove_leftovers(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), 0o644)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
