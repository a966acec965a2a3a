"""Deploying on this machine: a symbolic link that is moved, then a reload."""

from __future__ import annotations

import shlex
import stat
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from danelaw.adapters.deploy import durable
from danelaw.adapters.deploy.credentials import DirectoryCredentials
from danelaw.core.model import DanelawError, GenerationId, HostName, Lineage
from danelaw.core.rollover.actions import Receipt, Retire, Switch
from danelaw.ports import Blocking, Commands

LOCAL = HostName("local")


class DirectoryDeployer:
    """``ports.Deployer`` for the machine ``host``.

    The live path of each lineage is ``credentials``' to know. ``reload``: the program and its arguments that make the
    server read it again; empty: the server notices by itself. ``limit`` bounds the reload.
    """

    def __init__(
        self,
        credentials: DirectoryCredentials,
        reload: Sequence[str],
        commands: Commands,
        blocking: Blocking,
        *,
        host: HostName = LOCAL,
        limit: timedelta = timedelta(seconds=60),
    ) -> None:
        self._credentials = credentials
        self._reload = tuple(reload)
        self._commands = commands
        self._blocking = blocking
        self._host = host
        self._limit = limit

    async def switch(self, change: Switch) -> Receipt:
        """Key and certificate are checked against each other and against ``change`` before anything moves.

        Doing it again reloads again. Raises ``DanelawError``: CHAIN_MISMATCH, KEY_MISMATCH, NO_SUCH_GENERATION,
        UNKNOWN_HOST, LIVE_PATH_TAKEN, DEPLOY_FAILED, all with nothing changed; RELOAD_FAILED and those of ``Commands``,
        with the link moved already.
        """
        self._require_own(change.host)
        link = self._credentials.live_path(change.lineage)
        folder = await self._credentials.deployable(change.lineage, change.generation, change.chain)
        try:
            await self._blocking.call(lambda: _point(link, folder), self._limit)
        except OSError as error:
            raise DanelawError(
                "DEPLOY_FAILED",
                f"{link} cannot be pointed at {folder}",
                evidence=str(error) or type(error).__name__,
                hint=f"the directory {link.parent} must be writable",
            ) from error
        if self._reload:
            await self._run_reload()
        return Receipt(note=f"{link} -> {folder}")

    async def retire(self, change: Retire) -> Receipt:
        """Removes the link and reloads; where the reload fails, the link is put back. What others put there is left.

        Raises ``DanelawError``: UNKNOWN_HOST, NO_LIVE_PATH, DEPLOY_FAILED, RELOAD_FAILED and those of ``Commands``.
        """
        self._require_own(change.host)
        link = self._credentials.live_path(change.lineage)
        if await self._credentials.live(change.lineage) is None:
            return Receipt(note=f"{link} leads to no credential")
        try:
            folder = await self._blocking.call(lambda: _unlink(link), self._limit)
            if self._reload:
                try:
                    await self._run_reload()
                except (DanelawError, TimeoutError):
                    await self._blocking.call(lambda: _point(link, folder), self._limit)
                    raise
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise
            raise DanelawError(
                "DEPLOY_FAILED",
                f"{link} cannot be removed",
                evidence=str(error) or type(error).__name__,
                hint=f"the directory {link.parent} must be writable",
            ) from error
        return Receipt(note=f"{link} removed")

    async def live(self, lineage: Lineage) -> GenerationId | None:
        """The generation that the link leads to; None: none of the store."""
        return await self._credentials.live(lineage)

    def _require_own(self, host: HostName) -> None:
        if host != self._host:
            raise DanelawError("UNKNOWN_HOST", f"{host} is not where this deploys to", evidence=self._host)

    async def _run_reload(self) -> None:
        result = await self._commands.run(self._reload, self._limit)
        if result.status != 0:
            raise DanelawError(
                "RELOAD_FAILED",
                f"{shlex.join(self._reload)} ended with status {result.status}; the new credential is in place and may "
                "be served or not",
                evidence=result.output.strip(),
                hint="run the server's own test of its configuration",
            )


def _unlink(link: Path) -> Path:
    """Where it led."""
    folder = link.readlink()
    link.unlink()
    durable.sync_directory(link.parent)
    return folder


def _point(link: Path, folder: Path) -> None:
    durable.make_directory(link.parent)
    try:
        mode = link.lstat().st_mode
    except FileNotFoundError:
        mode = stat.S_IFLNK
    if not stat.S_ISLNK(mode):
        raise DanelawError(
            "LIVE_PATH_TAKEN",
            f"{link} is there already and is no symbolic link",
            hint=f"move it away: mv {shlex.quote(str(link))} {shlex.quote(str(link))}.before-danelaw",
        )
    if not link.is_symlink() or link.readlink() != folder:
        durable.point_link(link, folder)
