"""What a place asks for before it lets a zone be changed: an API key or a token, from a file or the environment."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from danelaw.core.model import DanelawError
from danelaw.core.secrecy import hide

LONGEST: Final = 4096
"""In octets."""


_taken: Final[dict[str, bytes]] = {}
"""Of the environment, by variable."""


@dataclass(frozen=True, slots=True)
class Secret:
    """It has no representation. ``source``: where it came from, as words. ``parts``: of it, that tell as much."""

    value: str = field(repr=False)
    source: str
    parts: tuple[str, ...] = field(default=(), repr=False)

    def hide(self, text: str) -> str:
        """``text`` without the secret, which others may have quoted."""
        return hide(text, (self.value, *self.parts))


def read_secret(source: Path | str) -> Secret:
    """The secret in a file, or in the environment variable of that name; white space around it is none of it.

    Raises ``SECRET_UNUSABLE``: no such file or variable, nothing in it, not one line of visible ASCII, or a file that
    others than its owner and group may read. No evidence quotes what was there.
    """
    return _from_file(source) if isinstance(source, Path) else _from_environment(source)


def _from_file(path: Path) -> Secret:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            data = file.read(LONGEST + 1)
    except OSError as error:
        raise _unusable(str(path), str(error), "write the key or token into the file, alone, with mode 600") from error
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise _unusable(str(path), f"its mode is {mode:04o}", f"chmod 600 {path}, or 640 if a group must read it")
    return _checked(data.strip(), str(path))


def _from_environment(name: str) -> Secret:
    """It is taken out of there: programs that are started from now on have no use of it."""
    if name in os.environ:
        _taken[name] = os.fsencode(os.environ.pop(name)).strip()
    if name not in _taken:
        hint = f"set {name} for danelaw, for example with EnvironmentFile= of systemd"
        raise _unusable(f"${name}", "there is no such environment variable", hint)
    return _checked(_taken[name], f"${name}")


def _checked(data: bytes, source: str) -> Secret:
    if not data or len(data) > LONGEST or not all(0x21 <= octet <= 0x7E for octet in data):
        hint = "it holds the key or token alone, as the place shows it"
        raise _unusable(source, f"it is not 1 to {LONGEST} visible ASCII characters", hint)
    return Secret(data.decode("ascii"), source)


def _unusable(source: str, evidence: str, hint: str) -> DanelawError:
    return DanelawError("SECRET_UNUSABLE", f"the secret in {source} cannot be used", evidence=evidence, hint=hint)
