"""Deploying on this machine: a symbolic link into the store is moved, the configuration tested, the server reloaded."""

from __future__ import annotations

import shlex
import shutil
import stat
from datetime import timedelta
from pathlib import Path
from typing import Final

from danelaw.adapters.deploy import durable
from danelaw.adapters.deploy.credentials import DirectoryCredentials
from danelaw.adapters.deploy.scripts import copies, led_before
from danelaw.adapters.deploy.server import RETIRING, Server
from danelaw.core.model import DanelawError, GenerationId, HostName, Lineage
from danelaw.core.rollover.actions import Receipt, Retire, Switch
from danelaw.ports import Blocking

LOCAL = HostName("local")
_NOWHERE: Final = Path()


class DirectoryDeployer:
    """``ports.Deployer`` for the machine ``host``, whose server reads keys as root.

    The live path of each lineage is ``credentials``' to know. ``limit`` bounds each touch of the disk.
    """

    def __init__(
        self,
        credentials: DirectoryCredentials,
        server: Server,
        blocking: Blocking,
        *,
        host: HostName = LOCAL,
        limit: timedelta = timedelta(seconds=60),
    ) -> None:
        self._credentials = credentials
        self._server = server
        self._blocking = blocking
        self._host = host
        self._limit = limit

    async def switch(self, change: Switch) -> Receipt:
        """Key and certificate are checked against each other and against ``change`` before anything moves.

        Doing it again reloads again. Raises ``DanelawError``: CHAIN_MISMATCH, KEY_MISMATCH, NO_SUCH_GENERATION,
        UNKNOWN_HOST, LIVE_PATH_TAKEN, DEPLOY_FAILED, all with nothing changed; DEPLOY_CONFIG_TEST and those of
        ``Commands``, with the link put back and nothing reloaded; RELOAD_FAILED, with the link moved already.
        """
        self._require_own(change.host)
        link = self._credentials.live_path(change.lineage)
        folder = await self._credentials.deployable(change.lineage, change.generation, change.chain)
        before = await self._moved(link, folder, tried=True)
        try:
            await self._server.test()
        except (DanelawError, TimeoutError):
            await self._moved(link, before)
            raise
        await self._blocking.call(lambda: _passed(link), self._limit)
        await self._server.reload()
        # What this host got when it was given copies: no private key is left lying.
        await self._blocking.call(lambda: shutil.rmtree(copies(link), ignore_errors=True), self._limit)
        return Receipt(note=f"{link} -> {folder}")

    async def retire(self, change: Retire) -> Receipt:
        """Removes the link and reloads; where test or reload fail, it is put back. What others put there is left.

        Raises ``DanelawError``: UNKNOWN_HOST, NO_LIVE_PATH, DEPLOY_FAILED, DEPLOY_CONFIG_TEST, RELOAD_FAILED and those
        of ``Commands``.
        """
        self._require_own(change.host)
        link = self._credentials.live_path(change.lineage)
        if await self._credentials.live(change.lineage) is None:
            return Receipt(note=f"{link} leads to no credential")
        before = await self._moved(link, None)
        try:
            await self._server.test(RETIRING)
            await self._server.reload(RETIRING)
        except (DanelawError, TimeoutError):
            await self._moved(link, before)
            raise
        return Receipt(note=f"{link} removed")

    async def live(self, lineage: Lineage) -> GenerationId | None:
        """The generation that the link leads to; None: none of the store."""
        return await self._credentials.live(lineage)

    def _require_own(self, host: HostName) -> None:
        if host != self._host:
            raise DanelawError("UNKNOWN_HOST", f"{host} is not where this deploys to", evidence=self._host)

    async def _moved(self, link: Path, target: Path | None, *, tried: bool = False) -> Path | None:
        """Where it led before. None: there is no link. ``tried``: it is to be put back unless a test is passed."""
        try:
            return await self._blocking.call(lambda: _point(link, target, tried=tried), self._limit)
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise
            raise DanelawError(
                "DEPLOY_FAILED",
                f"{link} cannot be pointed at {target}" if target is not None else f"{link} cannot be removed",
                evidence=str(error) or type(error).__name__,
                hint=f"the directory {link.parent} must be writable, with space left on its disk",
            ) from error


def _point(link: Path, target: Path | None, *, tried: bool) -> Path | None:
    durable.make_directory(link.parent)
    try:
        mode = link.lstat().st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and not stat.S_ISLNK(mode):
        raise DanelawError(
            "LIVE_PATH_TAKEN",
            f"{link} is there already and is no symbolic link",
            hint=f"move it away: mv {shlex.quote(str(link))} {shlex.quote(str(link))}.before-danelaw",
        )
    before = link.readlink() if mode is not None else None
    if tried:
        before = _remembered(link, before)
    if target is None:
        link.unlink(missing_ok=True)
        durable.sync_directory(link.parent)
    elif mode is None or link.readlink() != target:
        try:
            durable.point_link(link, target)
        except OSError:
            mark = Path(led_before(link))
            if tried or not mark.is_symlink() or mark.readlink() != target:
                raise
            mark.rename(link)  # for which there is room on a full disk
            durable.sync_directory(link.parent)
    if not tried:
        _passed(link)
    return before


def _remembered(link: Path, before: Path | None) -> Path | None:
    """Where the link led when that had last passed a test: whoever is killed during a test leaves a mark of it."""
    mark = Path(led_before(link))
    if not mark.is_symlink():
        durable.point_link(mark, before or _NOWHERE)
        return before
    led = mark.readlink()
    return None if led == _NOWHERE else led


def _passed(link: Path) -> None:
    mark = Path(led_before(link))
    if mark.is_symlink():
        mark.unlink()
        durable.sync_directory(link.parent)
