"""TLSA records as they are handed to whoever serves them: a line of a master file, the generic form, dynamic update."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from dns.name import Name

from danelaw.core.tlsa.owners import tlsa_owner
from danelaw.core.tlsa.records import TLSA, TLSARecord

WILDCARD: Final = b"*"


@dataclass(frozen=True, slots=True)
class Entry:
    """A record under its owner name. ``ttl`` is in seconds."""

    owner: Name
    ttl: int
    record: TLSARecord

    def zone(self) -> str:
        """The line of a master file (RFC 6698 §2.2)."""
        return f"{self.owner} {self.ttl} IN TLSA {self.record.to_text()}"

    def generic(self) -> str:
        """The line for servers that do not know the type (RFC 3597 §5)."""
        rdata = self.record.to_rdata()
        return f"{self.owner} {self.ttl} IN TYPE{TLSA} \\# {len(rdata)} {rdata.hex()}"

    def update(self) -> str:
        """The command of nsupdate that adds the record, and touches no other."""
        return f"update add {self.owner} {self.ttl} IN TLSA {self.record.to_text()}"


def is_wildcard(host: Name) -> bool:
    return host.labels[0] == WILDCARD


def owner_of(port: int, transport: str, host: Name) -> Name:
    """Where the records of an endpoint stand (RFC 6698 §3); of all hosts that a wildcard stands for, at the wildcard.

    An asterisk is one only as the left-most label (RFC 4592 §2.1.1): ``_443._tcp.*.example.net`` would answer for
    nobody, and ``*.example.net`` does for every name below that nothing else is known of. Raises as ``tlsa_owner``.
    """
    owner = tlsa_owner(port, transport, host)
    return host if is_wildcard(host) else owner


def nsupdate(entries: Iterable[Entry]) -> Iterator[str]:
    """A script for nsupdate, line by line. It adds, and deletes nothing: what is still in caches has to stay.

    It names neither zone nor server: nsupdate finds them by the SOA.
    """
    yield from (entry.update() for entry in entries)
    yield "send"
