"""Which servers MX and SRV records name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import dns.exception
import dns.name
import dns.rdatatype
from dns.name import Name

from danelaw.core.model.application import Application, Lookup
from danelaw.core.model.dns import RRset
from danelaw.core.model.errors import DanelawError

MX: Final = int(dns.rdatatype.MX)
SRV: Final = int(dns.rdatatype.SRV)


@dataclass(frozen=True, slots=True, order=True)
class Named:
    """A server as a record names it; smaller ``preference`` first, and, of SRV, larger ``weight`` more often.

    ``port``: None in MX records. The root as ``host`` means that there is no server (RFC 7505 §3, RFC 2782).
    """

    preference: int
    host: Name
    port: int | None = None
    weight: int = 0

    @property
    def nobody(self) -> bool:
        return len(self.host) == 1


def naming_question(application: Application, transport: str, domain: Name) -> tuple[Name, int]:
    """What clients ask to find the servers of a service domain: the owner name and the type.

    Raises ``DanelawError("NAME_TOO_LONG")``.
    """
    if application.lookup is Lookup.MX:
        return domain, MX
    label = dns.name.from_text(f"_{application.name}._{transport}", None)
    try:
        return label.concatenate(domain), SRV
    except dns.name.NameTooLong as error:
        raise DanelawError(
            "NAME_TOO_LONG", "no room for the labels of an SRV owner name", evidence=str(domain)
        ) from error


@lru_cache(maxsize=8)  # of a target it is asked again and again, and there may be thousands
def named(rrset: RRset) -> tuple[tuple[Named, ...], int]:
    """The servers that an MX (RFC 1035 §3.3.9) or SRV (RFC 2782) RRset names, preferred first; and how many of its
    records cannot be read."""
    found = list(_read(rrset))
    servers = sorted({server for server in found if server is not None}, key=lambda s: (s.preference, -s.weight, s))
    return tuple(servers), sum(server is None for server in found)


def _read(rrset: RRset) -> Iterator[Named | None]:
    fixed = 2 if rrset.type == MX else 6
    for rdata in sorted(rrset.rdatas):
        try:
            host, used = dns.name.from_wire(rdata, fixed)
        except dns.exception.DNSException:
            yield None
            continue
        if fixed + used != len(rdata):
            yield None
            continue
        numbers = [int.from_bytes(rdata[i : i + 2]) for i in range(0, fixed, 2)]
        host = host.canonicalize()
        yield Named(numbers[0], host) if rrset.type == MX else Named(numbers[0], host, numbers[2], numbers[1])
