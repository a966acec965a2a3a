"""What may befall a runner between two lines of its program: it dies, a reply is lost, its disk is full, its store is
held by somebody else.

Every port that a runner is given is beset by the hazards of its world, so they strike where the real ones do: at a call
that is awaited. Between two of those a runner changes nothing, so it has died everywhere if it has died after each.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias, TypeVar, cast

from danelaw.core.model import DanelawError

P = TypeVar("P")

Call: TypeAlias = Literal[
    "make-zone-keys",
    "sign-zone",
    "submit-ds",
    "publish",
    "make-key",
    "reuse-key",
    "order",
    "store-certificate",
    "place-challenge",
    "clear-challenge",
    "switch",
    "destroy-key",
    "record",
]
CALLS: Final[Mapping[Call, str]] = {
    "make-zone-keys": "make_keys",
    "sign-zone": "sign",
    "submit-ds": "submit_ds",
    "publish": "publish",
    "make-key": "make_key",
    "reuse-key": "reuse_key",
    "order": "advance",
    "store-certificate": "complete",
    "place-challenge": "place",
    "clear-challenge": "clear",
    "switch": "switch",
    "destroy-key": "destroy",
    "record": "append",
}
"""The calls whose reply may be lost, as scenario files name them, and as the ports do."""

NEED_ROOM: Final[Mapping[str, tuple[str, str]]] = {
    "append": ("STORE_FULL", "there is no room to record anything, so nothing is done"),
    "make_key": ("CREDENTIAL_STORE_FAILED", "there is no room for a key"),
    "reuse_key": ("CREDENTIAL_STORE_FAILED", "there is no room for a key"),
    "complete": ("CREDENTIAL_STORE_FAILED", "there is no room for a certificate"),
    "make_keys": ("KEYS_UNWRITABLE", "there is no room for zone keys"),
    "sign": ("FILE_UNWRITABLE", "there is no room for the zone"),
    "publish": ("FILE_UNWRITABLE", "there is no room for the zone"),
    "place": ("WEBROOT_UNWRITABLE", "there is no room for the response"),
}
"""What cannot be done on a disk without room, and what the real ports say of it: the act before is undone."""

NEED_LOCK: Final = frozenset({"lease", "append"})
"""What waits for whoever else writes to the store. Reading does not (write-ahead logging)."""


class DeathError(Exception):
    """A runner has died. No part of the engine knows of it, so nothing catches it."""


@dataclass(slots=True)
class Hazards:
    """``calls``: how many calls of ports there have been. ``death``: after which of them the runner dies. ``dead``: it
    has, so nothing that was under way beside it is done either. ``lost``: whose next reply is lost; ``full``: the disk
    is; ``locked``: the store is. ``real``: the calls whose port meets with those two by itself."""

    calls: int = 0
    death: int | None = None
    dead: bool = False
    lost: set[str] = field(default_factory=set)
    full: bool = False
    locked: bool = False
    real: frozenset[str] = frozenset()

    def beset(self, port: P) -> P:
        """The port, as a runner in this world has it."""
        return cast(P, _Beset(port, self))

    def begin(self) -> None:
        """Another runner starts."""
        self.dead = False

    def before(self, name: str) -> None:
        if self.dead:
            raise DeathError
        if name in self.real:
            return
        if self.full and name in NEED_ROOM:
            code, message = NEED_ROOM[name]
            raise DanelawError(code, message, evidence="No space left on device")
        if self.locked and name in NEED_LOCK:
            raise DanelawError("STORE_LOCKED", "the store is held by another program")

    def after(self, name: str) -> None:
        self.calls += 1
        if self.death is not None and self.calls >= self.death:
            self.death, self.dead = None, True
            raise DeathError
        if name in self.lost:
            self.lost.discard(name)
            if name == "append":
                raise DanelawError("STORE_STUCK", "the store did not answer")
            raise TimeoutError


class _Beset:
    """A port whose calls are beset by hazards."""

    def __init__(self, port: object, hazards: Hazards) -> None:
        self._port = port
        self._hazards = hazards

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not inspect.iscoroutinefunction(found):
            return found
        beset = _beset(cast(Callable[..., Awaitable[object]], found), name, self._hazards)
        self.__dict__[name] = beset
        return beset


def _beset(call: Callable[..., Awaitable[object]], name: str, hazards: Hazards) -> Callable[..., Awaitable[object]]:
    async def beset(*args: object) -> object:
        hazards.before(name)
        result = await call(*args)
        hazards.after(name)
        return result

    return beset
