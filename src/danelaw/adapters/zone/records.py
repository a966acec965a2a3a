"""All records of a master file, whether or not they make a zone: for those who judge it."""

from __future__ import annotations

from pathlib import Path

from dns.name import Name
from dns.rdataclass import RdataClass

from danelaw.adapters.zone.faults import told
from danelaw.adapters.zone.reader import Reader, text_of
from danelaw.core.model import DanelawError, Record


def read_records(path: Path, apex: Name) -> tuple[Record, ...]:
    """The records of the file and of what it includes, in their order.

    Raises ``DanelawError``: ``ZONE_UNREADABLE``, ``ZONE_SYNTAX``, ``ZONE_INCLUDE_LOOP``; ``ZONE_OUT_OF_ZONE`` where the
    file holds nothing of the zone.
    """
    reader = Reader(apex)
    reader.read(text_of(path), path)
    if reader.faults:
        raise told(reader.faults)
    if not any(record.owner.is_subdomain(apex) for record in reader.records):
        first = next(iter(reader.records), None)
        raise DanelawError(
            "ZONE_OUT_OF_ZONE",
            f"{path} holds no records of the zone {apex}",
            evidence=f"the first is of {first.owner}" if first is not None else "it holds no records at all",
            hint="the zone's name and the file may not belong together",
        )
    return tuple(Record(r.owner, r.type, int(RdataClass.IN), r.ttl, r.rdata) for r in reader.records)
