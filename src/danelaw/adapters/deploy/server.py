"""What a server of this machine is told: to test its configuration, to read it again."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from danelaw.core.model import DanelawError
from danelaw.ports import CommandResult, Commands

SHOWN: Final = 2000
"""Characters of what a program said that are told: the last ones, where it says what went wrong."""

_PRIVATE_KEY: Final = re.compile(
    r"(?:-----BEGIN [A-Z ]*PRIVATE KEY-----|\A(?:-*[A-Z ]*-----)?)[A-Za-z0-9+/=\s]*-----END [A-Z ]*PRIVATE KEY-----"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[A-Za-z0-9+/=\s]*"
)
"""In PEM; its beginning or its end may have been cut off."""


@dataclass(frozen=True, slots=True)
class Doing:
    """What is done to the serving path, in words. ``tested``: how the configuration is tested. ``left``: how it is
    after a reload that failed."""

    tested: str
    left: str


SWITCHING: Final = Doing("with the new credential", "the new credential is in place and may be served or not")
RETIRING: Final = Doing("without the credential", "the credential is left where it was, and may be served or not")


@dataclass(frozen=True, slots=True)
class Server:
    """``tests`` and ``reloads``: programs and their arguments, one for each server that reads the same credential.
    ``limit`` bounds each of them."""

    commands: Commands
    reloads: tuple[tuple[str, ...], ...] = ()
    tests: tuple[tuple[str, ...], ...] = ()
    limit: timedelta = timedelta(seconds=60)

    async def test(self, doing: Doing = SWITCHING) -> None:
        """Raises ``DanelawError("DEPLOY_CONFIG_TEST")`` and those of ``Commands``."""
        for argv in self.tests:
            result = await self._run(argv)
            if result.status != 0:
                raise untested(shlex.join(argv), result.output, doing=doing)

    async def reload(self, doing: Doing = SWITCHING) -> None:
        """None is left out for another's failure. Raises ``DanelawError``: RELOAD_FAILED, and those of ``Commands``."""
        failures: list[DanelawError] = []
        for argv in self.reloads:
            try:
                result = await self._run(argv)
            except DanelawError as error:
                failures.append(error)
            else:
                if result.status != 0:
                    what = f"{shlex.join(argv)} ended with status {result.status}"
                    failures.append(unloaded(what, result.output, doing=doing))
        if failures:
            raise failures[0]

    async def _run(self, argv: tuple[str, ...]) -> CommandResult:
        try:
            return await self.commands.run(argv, self.limit)
        except DanelawError as error:
            raise DanelawError(error.code, error.message, evidence=said(error.evidence), hint=error.hint) from error


def untested(command: str, output: str, where: str = "", doing: Doing = SWITCHING) -> DanelawError:
    """The serving path is as it was before."""
    return DanelawError(
        "DEPLOY_CONFIG_TEST",
        f"the server's configuration{where} does not pass its test {doing.tested}: nothing was changed",
        evidence=said(output) or f"{command} says nothing",
        hint=f"run it yourself: {command}",
    )


def unloaded(what: str, output: str, where: str = "", doing: Doing = SWITCHING) -> DanelawError:
    """The serving path is as ``doing`` leaves it."""
    return DanelawError(
        "RELOAD_FAILED",
        f"{what}{where}; {doing.left}",
        evidence=said(output),
        hint="run the server's own test of its configuration",
    )


def said(output: str) -> str:
    """The end of what a program said: no private key, and nothing that a terminal would act on."""
    text = _PRIVATE_KEY.sub("[private key]", output).strip(" \t\r\n\0")[-SHOWN:]
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)
