"""What many want to know at once, found out once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from dns.name import Name

Found = TypeVar("Found")

_MOST: Final = 1024
"""Names of which something is known."""


class Once(Generic[Found]):
    """Asks ``find`` of a name, and gives what it found to all who want to know within ``lasting`` seconds of the first.

    With 0 everybody asks anew. What raised, or found None, is known to those who waited for it, and to nobody after.
    """

    def __init__(self, find: Callable[[Name], Awaitable[Found]], lasting: float) -> None:
        self._find = find
        self._lasting = lasting
        self._known: OrderedDict[Name, tuple[float, asyncio.Future[Found]]] = OrderedDict()

    async def __call__(self, name: Name) -> Found:
        if not self._lasting:
            return await self._find(name)
        loop = asyncio.get_running_loop()
        since, found = self._known.get(name, (0.0, None))
        if found is None or found.get_loop() is not loop or loop.time() - since > self._lasting or _failed(found):
            found = asyncio.ensure_future(self._find(name))
            found.add_done_callback(_failed)  # so that a failure counts as seen, though nobody waits any more
            self._known[name] = loop.time(), found
            self._known.move_to_end(name)
            if len(self._known) > _MOST:
                self._known.popitem(last=False)
        # One who waits may be cancelled while others go on waiting.
        return await asyncio.shield(found)


def _failed(found: asyncio.Future[Found]) -> bool:
    return found.done() and (found.cancelled() or found.exception() is not None or found.result() is None)
