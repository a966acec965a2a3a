"""What a check of many targets is waiting for, on a line of the terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from danelaw.core.model import Target
from danelaw.faces.cli import terminal
from danelaw.ports import Clock

_TICK: Final = 1.0
_NAMED: Final = 2


class Progress:
    """Who is being looked at, and since when; who is done is told by ``done``."""

    def __init__(self, targets: Sequence[Target], clock: Clock) -> None:
        self._targets = targets
        self._clock = clock
        self._since: dict[Target, float] = {}
        self._done = 0

    def taken(self) -> Iterable[Target]:
        """The targets, each noted as begun when it is asked for."""
        return self._begun()

    def _begun(self) -> Iterator[Target]:
        for target in self._targets:
            self._since[target] = self._clock.monotonic()
            yield target

    def done(self, target: Target) -> None:
        self._since.pop(target, None)
        self._done += 1

    @property
    def unfinished(self) -> tuple[Target, ...]:
        """Those that were begun, and those that had not been."""
        return (*self._since, *self._targets[self._done + len(self._since) :])

    async def show(self) -> None:
        """On a terminal, until it is cancelled."""
        while terminal.interactive():
            self.redraw()
            await asyncio.sleep(_TICK)

    def redraw(self) -> None:
        if terminal.interactive() and self._since:
            terminal.wait(self.line())

    def line(self) -> str:
        now = self._clock.monotonic()
        longest = [f"{target} ({int(now - since)} s)" for target, since in self._since.items()][:_NAMED]
        more = len(self._since) - len(longest)
        awaited = ", ".join(longest) + (f" and {more} more" if more > 0 else "")
        counted = f"{self._done} of {len(self._targets)} checked; " if len(self._targets) > 1 else ""
        return f"{counted}waiting for {awaited}"
