"""The programs of the private world's hosts: the reload commands of its servers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from danelaw.core.model import DanelawError
from danelaw.ports import CommandResult


class LabCommands:
    """Runs the commands that the world has. ``ran`` lists what was asked for, in order."""

    def __init__(self, known: Mapping[tuple[str, ...], Callable[[], CommandResult]]) -> None:
        self._known = dict(known)
        self._ignored: set[tuple[str, ...]] = set()
        self.ran: list[tuple[str, ...]] = []

    async def run(self, argv: Sequence[str], limit: timedelta) -> CommandResult:
        """Raises ``DanelawError("COMMAND_NOT_FOUND")``. Every command ends at once, so ``limit`` is never reached."""
        command = tuple(argv)
        if command not in self._known:
            raise DanelawError(
                "COMMAND_NOT_FOUND",
                f"the lab has no command {' '.join(command)!r}",
                hint="it has: " + "; ".join(" ".join(known) for known in self._known),
            )
        self.ran.append(command)
        if command in self._ignored:
            return CommandResult(0, "")
        return self._known[command]()

    def ignore(self, *argv: str) -> None:
        """From now on this command claims success and does nothing."""
        self._ignored.add(argv)

    def obey(self, *argv: str) -> None:
        """Undo ``ignore``."""
        self._ignored.discard(argv)
