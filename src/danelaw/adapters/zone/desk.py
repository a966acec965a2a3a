"""A zone in a file behind the ``ZoneDesk`` port: one edit or signing at a time, whoever else is at it waits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

from dns.name import Name

from danelaw.adapters.zone.before import signed_before
from danelaw.adapters.zone.edit import add_record, held, remove_records
from danelaw.adapters.zone.file_zones import FileZones
from danelaw.adapters.zone.master_file import ZoneSource
from danelaw.adapters.zone.rdata_text import record_text
from danelaw.adapters.zone.signer import must_be_replaceable
from danelaw.adapters.zone.signing import ZoneFile
from danelaw.adapters.zone.typed import TypedRecord, read_change
from danelaw.adapters.zone.zone_rules import remarks
from danelaw.core.model import DanelawError, Instant, RRset
from danelaw.ports import Blocking, Clock, Commands, RecordChange, ZoneWork

_LOOK_AGAIN: Final = timedelta(milliseconds=50)
_MOST_WORK: Final = timedelta(hours=2)
"""For reading, signing and writing: a big zone signed from the start takes long, and its operator can interrupt it."""


class FileDesk:
    """Implements ``ports.ZoneDesk``.

    ``as_before``: an edit signs as was signed last, whatever ``files`` says of it. ``patience``: how long another
    process may be at the zone; ``waiting`` hears once of its lock file. ``reload``: how long that may take.
    """

    def __init__(
        self,
        files: ZoneFile,
        zone: Name,
        clock: Clock,
        blocking: Blocking,
        commands: Commands,
        *,
        as_before: bool,
        patience: timedelta,
        reload: timedelta,
        waiting: Callable[[Path], None],
    ) -> None:
        self._files = files
        self._zone = zone
        self._clock = clock
        self._blocking = blocking
        self._commands = commands
        self._as_before = as_before
        self._patience = patience
        self._reload = reload
        self._waiting = waiting

    async def sign(self, now: Instant, *, full: bool = False) -> ZoneWork:
        """Raises as ``FileZones.serve`` does."""
        await self._look_first()
        return await self._in_turn(lambda: self._signed(now, full=full))

    async def edit(self, change: RecordChange, now: Instant) -> ZoneWork:
        """Raises as ``sign`` and ``read_change`` do, and as the editing does."""
        record = read_change(self._zone, change)
        await self._look_first()
        return await self._in_turn(lambda: self._edited(record, now, remove=change.remove))

    # -- inside -------------------------------------------------------------------------------------------------

    async def _look_first(self) -> None:
        """What is amiss with the arguments is found before a lock file is made beside what they name."""
        files = self._files

        def look() -> None:
            hint = "name the file that you edit with --file"
            said = f"cannot read the zone file {files.file}"
            _must_exist(files.file, "ZONE_UNREADABLE", said, hint)
            if not files.file.is_file():
                raise DanelawError("ZONE_UNREADABLE", said, evidence="it is not a regular file", hint=hint)
            hint = "name a file in a directory that is there with -o"
            said = f"cannot put the signed zone into {files.served.parent}"
            _must_exist(files.served.parent, "FILE_UNWRITABLE", said, hint)
            must_be_replaceable(files, self._zone)

        await self._blocking.call(look, _MOST_WORK)

    async def _signed(self, now: Instant, *, full: bool) -> ZoneWork:
        seen: list[ZoneSource] = []

        def look(source: ZoneSource) -> ZoneSource:
            seen.append(source)
            return source

        report = await self._zones(self._files).serve(self._zone, now, edit=look, full=full)
        return ZoneWork(report, _oddities(seen[0]))

    async def _edited(self, record: TypedRecord, now: Instant, *, remove: bool) -> ZoneWork:
        before = None
        if self._as_before:
            before = await self._blocking.call(partial(signed_before, self._files, self._zone), _MOST_WORK)
        seen: list[ZoneSource] = []

        def edit(source: ZoneSource) -> ZoneSource:
            if remove:
                edited = remove_records(source, record.owner, record.type, record.rdata)
            else:
                assert record.rdata is not None  # noqa: S101  # for the type checker: what is added has data
                edited = add_record(source, record.owner, record.type, record.ttl, record.rdata)
            seen.extend((source, edited))
            return edited

        files = replace(self._files, signing=before or self._files.signing)
        concerned = record.owner, record.type
        report = await self._zones(files).serve(self._zone, now, edit=edit, concerned=concerned)
        source, edited = seen
        there = held(edited, record.owner, record.type)
        rdatas = sorted(there.rdatas) if isinstance(there, RRset) else []
        lines = tuple(f"{there.owner} {there.ttl} IN {record_text(there.type, rdata)}" for rdata in rdatas)
        changed = edited.text != source.text
        return ZoneWork(report, _oddities(edited), changed, record.owner, record.type, lines)

    def _zones(self, files: ZoneFile) -> FileZones:
        return FileZones(
            {self._zone: files},
            self._clock,
            self._blocking,
            self._commands,
            limit=_MOST_WORK,
            reload_limit=self._reload,
        )

    async def _in_turn(self, work: Callable[[], Awaitable[ZoneWork]]) -> ZoneWork:
        """Tries until nobody else holds the lock."""
        begun, told = self._clock.monotonic(), False
        while True:
            try:
                return await work()
            except DanelawError as error:
                if error.code != "ZONE_LOCKED":
                    raise
                if self._clock.monotonic() - begun >= self._patience.total_seconds():
                    raise DanelawError(
                        "ZONE_LOCKED",
                        f"another process has been changing {self._zone} for too long, so nothing was done",
                        evidence=f"waited {self._patience.total_seconds():g} s for {self._files.lock}",
                        hint=f"see which: fuser -v {self._files.lock}",
                    ) from error
            if not told:
                self._waiting(self._files.lock)
                told = True
            await self._clock.sleep_until(self._clock.now() + _LOOK_AGAIN)


def _must_exist(path: Path, code: str, message: str, hint: str) -> None:
    try:
        path.stat()
    except OSError as error:
        raise DanelawError(code, message, evidence=error.strerror or str(error), hint=hint) from error


def _oddities(source: ZoneSource) -> tuple[tuple[str, str], ...]:
    return tuple((remark.code, remark.text) for remark in remarks(source.apex, source.records))
