"""Where is kept what was seen and done."""

from __future__ import annotations

from contextlib import AbstractContextManager

from danelaw.app.config import Config
from danelaw.app.zone_sections import FileZoneConfig
from danelaw.core.model import Limits
from danelaw.ports import Blocking, LastingStore, Store
from danelaw.wiring.surroundings import clock


def memory_store(limits: Limits) -> Store:
    """A store that lasts as long as the process."""
    from danelaw.adapters.store import MemoryStore

    return MemoryStore(limits.max_gap, limits)


def lasting_store(config: Config, blocking: Blocking) -> LastingStore:
    """The store that the configuration names, with its mark and its copy beside the credentials."""
    from danelaw.adapters.store.sql import SQLStore

    return SQLStore(config.store, config.limits, blocking, beside=config.credentials, keep=config.keep_history)


def only_runner(config: Config, what: str) -> AbstractContextManager[None]:
    """While it is entered, no other process is the runner of this configuration's store. See there."""
    from danelaw.adapters.store.one_runner import only_runner as alone

    return alone(config.store, what, clock().now())


def zone_store(zone: FileZoneConfig, config: Config | None, blocking: Blocking) -> LastingStore:
    """The store of the configuration; without one, a file beside the signed zone."""
    from danelaw.adapters.store.sql import SQLStore

    if config is not None:
        return lasting_store(config, blocking)
    return SQLStore(zone.signed.with_name(f"{zone.signed.name}.danelaw-history"), Limits(), blocking)
