"""Publishing by hand: it says what to publish where, and whoever looks at the authorities sees when it is so."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

from dns.name import Name
from dns.rdatatype import RdataType

from danelaw.adapters.publish.change import accept
from danelaw.adapters.publish.presentation import rdata_text, type_text
from danelaw.core.model import Absence, Answer, DanelawError, RRset
from danelaw.core.rollover.actions import Publish, Receipt
from danelaw.core.tlsa import MalformedTLSA, TLSARecord
from danelaw.ports import Blocking, Clock

PATIENCE: Final = timedelta(seconds=10)


class ManualPublisher:
    """Implements ``ports.Publisher`` over a person. ``instructions``: a file that always holds the latest ones.

    The receipt has no serial: when the change is made nobody knows before it is seen. Until then it is asked for again
    and again, each time that the gate allows it. Raises ``NOT_PUBLISHABLE`` and ``INSTRUCTIONS_UNWRITABLE``.
    """

    def __init__(self, zone: Name, clock: Clock, blocking: Blocking, instructions: Path | None = None) -> None:
        self._zone = zone
        self._clock = clock
        self._blocking = blocking
        self._instructions = instructions

    async def publish(self, change: Publish) -> Receipt:
        accept(change)
        if change.zone != self._zone:
            raise DanelawError("NOT_PUBLISHABLE", f"this publisher is configured for {self._zone}")
        if self._instructions is not None:
            at = self._clock.now().strftime("%Y-%m-%d %H:%M:%SZ")
            text = f"; As of {at}. Danelaw sees by itself when it is done; until then it asks again.\n{told(change)}"
            path = self._instructions
            await self._blocking.call(lambda: _write(path, text), PATIENCE)
        return Receipt(note="; ".join(asked(change)))


def asked(change: Publish) -> tuple[str, ...]:
    """What a person is to do, a sentence for each record that comes or goes."""
    old, new = _rdatas(change.expect), _rdatas(change.replace)
    kind, owner = type_text(change.replace.type), change.replace.owner
    ttl = change.replace.ttl if isinstance(change.replace, RRset) else change.expect.ttl
    steps = [f"publish {owner} {ttl} IN {kind} {rdata_text(change.replace.type, r)}" for r in sorted(new - old)]
    steps += [f"remove {owner} IN {kind} {rdata_text(change.replace.type, r)}" for r in sorted(old - new)]
    if isinstance(change.replace, RRset) and isinstance(change.expect, RRset) and change.expect.ttl != ttl:
        steps.append(f"set the TTL of {owner} {kind} to {ttl}")
    return tuple(steps)


def told(change: Publish) -> str:
    """The whole RRset as it is to be: for a zone file (RFC 1035 §5.1), and field by field for a form in a browser."""
    owner, kind = change.replace.owner, type_text(change.replace.type)
    if isinstance(change.replace, Absence):
        return f"; In the zone {change.zone} remove all {kind} records of {owner}\n"
    ttl = change.replace.ttl
    lines = [f"; In the zone {change.zone} make these the {kind} records of {owner}, and no others:"]
    lines += [f"{owner} {ttl} IN {kind} {rdata_text(change.replace.type, r)}" for r in sorted(change.replace.rdatas)]
    lines += ["; The same for a form:", f";   name   {owner.relativize(change.zone)}", f";   type   {kind}"]
    lines.append(f";   TTL    {ttl}")
    for rdata in sorted(change.replace.rdatas):
        lines += [f";   {line}" for line in _fields(change.replace.type, rdata)]
    return "\n".join(lines) + "\n"


def _fields(type: int, rdata: bytes) -> tuple[str, ...]:
    if type == RdataType.TLSA:
        try:
            record = TLSARecord.from_rdata(rdata)
        except MalformedTLSA:
            return (f"data   {rdata_text(type, rdata)}",)
        how = record.combination
        return (
            f"usage {how.usage}   selector {how.selector}   matching type {how.mtype}",
            f"data   {record.data.hex()}",
        )
    return (f"data   {rdata_text(type, rdata)}",)


def _rdatas(answer: Answer) -> frozenset[bytes]:
    return answer.rdatas if isinstance(answer, RRset) else frozenset()


def _write(path: Path, text: str) -> None:
    """In one step, so that who reads it finds it whole; everybody may, as all of it is to be published."""
    try:
        handle, name = tempfile.mkstemp(prefix=".danelaw-", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                with suppress(PermissionError):  # where a file system has no modes
                    os.fchmod(handle, 0o644)
                file.write(text)
            Path(name).rename(path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise DanelawError(
            "INSTRUCTIONS_UNWRITABLE",
            f"what is to be published cannot be written to {path}",
            evidence=str(error),
            hint="let danelaw write there, or leave instructions out: danelaw history shows them too",
        ) from error
