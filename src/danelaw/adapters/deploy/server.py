"""What a server of this machine is told: to test its configuration, to read it again."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from danelaw.core.model import DanelawError
from danelaw.ports import Commands

SHOWN: Final = 2000
"""Characters of what a program said that are told: the last ones, where it says what went wrong."""


@dataclass(frozen=True, slots=True)
class Server:
    """``tests`` and ``reloads``: programs and their arguments, one for each server that reads the same credential.
    ``limit`` bounds each of them."""

    commands: Commands
    reloads: tuple[tuple[str, ...], ...] = ()
    tests: tuple[tuple[str, ...], ...] = ()
    limit: timedelta = timedelta(seconds=60)

    async def test(self) -> None:
        """Raises ``DanelawError("DEPLOY_CONFIG_TEST")`` and those of ``Commands``."""
        for argv in self.tests:
            result = await self.commands.run(argv, self.limit)
            if result.status != 0:
                raise untested(shlex.join(argv), result.output)

    async def reload(self) -> None:
        """None is left out for another's failure. Raises ``DanelawError``: RELOAD_FAILED, and those of ``Commands``."""
        failures: list[DanelawError] = []
        for argv in self.reloads:
            try:
                result = await self.commands.run(argv, self.limit)
            except DanelawError as error:
                failures.append(error)
            else:
                if result.status != 0:
                    failures.append(unloaded(f"{shlex.join(argv)} ended with status {result.status}", result.output))
        if failures:
            raise failures[0]


def untested(command: str, output: str, where: str = "") -> DanelawError:
    """The serving path is as it was before."""
    return DanelawError(
        "DEPLOY_CONFIG_TEST",
        f"the server's configuration{where} does not pass its test with the new credential: nothing was changed",
        evidence=said(output) or f"{command} says nothing",
        hint=f"run it yourself: {command}",
    )


def unloaded(what: str, output: str, where: str = "") -> DanelawError:
    """The serving path has the new credential."""
    return DanelawError(
        "RELOAD_FAILED",
        f"{what}{where}; the new credential is in place and may be served or not",
        evidence=said(output),
        hint="run the server's own test of its configuration",
    )


def said(output: str) -> str:
    """The end of what a program said, and nothing that a terminal would act on."""
    text = output.strip()[-SHOWN:]
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)
