"""Files of ``services.d/``, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from danelaw.core.model import DanelawError


def place(config: Path, name: str) -> Path:
    """Where the file of a service of that name is. ``config``: the configuration file."""
    return config.absolute().parent / "services.d" / f"{name}.toml"


def create(path: Path, text: str) -> None:
    """A new file, and its directory where that is missing; one that is there is not touched.

    Raises ``DanelawError``: ``SERVICE_FILE_EXISTS``, ``SERVICE_FILE_UNWRITABLE``.
    """
    made = not path.parent.exists()
    try:
        path.parent.mkdir(exist_ok=True)
        with _written(path, text) as new:
            try:
                os.link(new, path)  # unlike a renaming, it replaces nothing
            except FileExistsError as error:
                raise exists(path) from error
    except OSError as error:
        if made:
            with contextlib.suppress(OSError):
                path.parent.rmdir()
        raise _unwritable(path, error) from error


def read(path: Path) -> str:
    """The text of a file as it stands there, the ends of its lines included.

    Raises ``DanelawError("CONFIG_UNREADABLE")``.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DanelawError("CONFIG_UNREADABLE", f"{path} cannot be read", evidence=str(error)) from error


def replace(path: Path, text: str) -> None:
    """Another text for a file that is there, with its owner and its mode.

    Raises ``DanelawError("SERVICE_FILE_UNWRITABLE")``.
    """
    try:
        place = path.resolve()
        there = place.stat()
        with _written(place, text) as new:
            new.chmod(there.st_mode & 0o7777)
            if (there.st_uid, there.st_gid) != (new.stat().st_uid, new.stat().st_gid):
                os.chown(new, there.st_uid, there.st_gid)
            new.replace(place)
    except OSError as error:
        raise _unwritable(path, error) from error


def move(path: Path, to: Path) -> None:
    """A file of another name is no service's. Raises ``DanelawError("SERVICE_FILE_UNWRITABLE")``."""
    try:
        path.replace(to)
        _sync(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error


def exists(path: Path) -> DanelawError:
    return DanelawError(
        "SERVICE_FILE_EXISTS",
        f"{path} is there already, and is not written over",
        hint="give the file another name with --service, or edit the one that there is",
    )


@contextlib.contextmanager
def _written(path: Path, text: str) -> Iterator[Path]:
    """A file beside the path, on the disk, that is gone at the end unless it was renamed. Nobody reads its name."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with new.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield new
        _sync(path.parent)
    finally:
        new.unlink(missing_ok=True)


def _sync(directory: Path) -> None:
    """Names made or replaced there are on the disk."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unwritable(path: Path, error: OSError) -> DanelawError:
    return DanelawError(
        "SERVICE_FILE_UNWRITABLE",
        f"cannot write {path}",
        evidence=error.strerror or str(error),
        hint=f"whoever owns {path.parent} may: ls -ld {path.parent}",
    )
