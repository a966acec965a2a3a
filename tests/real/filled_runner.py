"""``danelaw`` whose store has no room any more when something was done and is to be recorded: the disk is filled in
that instant, and what SQLite and the kernel make of it is theirs. A script.

    filled_runner.py FOLDER ACTION OUTCOME WORDS…

``FOLDER``: on the disk that gets full; a file ``filler`` is left there. ``ACTION``, ``OUTCOME``: their kinds.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any


def fill(folder: Path) -> None:
    with contextlib.suppress(OSError), (folder / "filler").open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)):
                    pass


def recording(append: Callable[..., Awaitable[None]], folder: Path, kinds: list[str]) -> Callable[..., Awaitable[None]]:
    """``ports.Store.append``."""

    @functools.wraps(append)
    async def recorded(store: object, subject: str, lease: object, *facts: Any) -> None:
        for fact in facts:
            if [type(getattr(fact, part, None)).__name__ for part in ("action", "outcome")] == kinds:
                fill(folder)
        await append(store, subject, lease, *facts)

    return recorded


if __name__ == "__main__":
    from danelaw.adapters.store.sql import SQLStore
    from danelaw.faces import cli

    filled, kinds = Path(sys.argv[1]), sys.argv[2:4]
    setattr(SQLStore, "append", recording(SQLStore.append, filled, kinds))  # noqa: B010  # a method, which mypy lets nobody assign
    sys.argv = ["danelaw", *sys.argv[4:]]
    cli.main()
