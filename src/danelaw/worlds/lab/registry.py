"""The registry of the parent zone: takes DS records for its delegations, signs anew, serves at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import IPv4Address

import dns.exception
import dns.rdata
import dns.rdataclass
from dns.name import Name
from dns.rdatatype import RdataType

from danelaw.core.model import Absence, Answer, DanelawError, Instant, RRset, same_content
from danelaw.core.rollover.actions import Conflict, Receipt, SubmitDS
from danelaw.worlds.lab.dns_server import AuthoritativeServer
from danelaw.worlds.lab.signing import ParentKeys, sign
from danelaw.worlds.lab.zone_answers import ServedZone

TTL = 1
"""Every TTL above the operator's zone, in seconds, denials included: a lab moves in seconds."""


class ParentZone:
    """A zone above the operator's: signed, with delegations whose DS may change.

    ``delegations`` maps each child to its servers and their glue. ``others`` are further records in master form.
    """

    def __init__(
        self,
        origin: Name,
        server: tuple[str, IPv4Address],
        delegations: Mapping[Name, Mapping[str, IPv4Address]],
        others: tuple[str, ...],
        now: Callable[[], Instant],
    ) -> None:
        self.origin = origin
        self.keys = ParentKeys.make()
        self._server_name, self._ip = server
        self._delegations = delegations
        self._others = others
        self._now = now
        self._ds: dict[Name, frozenset[bytes]] = {}
        self._serial = int(now().timestamp())
        self.server = AuthoritativeServer(self._ip, self._signed())

    def found(self, child: Name) -> Answer:
        """The DS RRset that is published for ``child``, without its signatures."""
        held = self._ds.get(child)
        return RRset(child, RdataType.DS, TTL, held) if held else Absence(child, RdataType.DS, TTL)

    def delegate(self, child: Name, ds: frozenset[bytes]) -> int:
        """Publish these DS records (none: an insecure delegation) and return the new serial."""
        before = self._ds.get(child, frozenset())
        self._ds[child] = ds
        self._serial += 1
        try:
            self.server.zone = self._signed()
        except (dns.exception.DNSException, ValueError) as error:
            self._ds[child] = before
            raise DanelawError(
                "DS_REFUSED", f"the registry cannot publish this DS for {child}", evidence=str(error)
            ) from error
        return self._serial

    def text(self) -> str:
        """The signed zone in master form."""
        text: str = self.server.zone.zone.to_text(want_origin=False, relativize=False)
        return text

    def _signed(self) -> ServedZone:
        people = f"{self._server_name} hostmaster.{self._server_name}"
        soa = f"{self.origin} {TTL} IN SOA {people} {self._serial} 900 900 86400 {TTL}"
        records = [soa, f"{self.origin} {TTL} IN NS {self._server_name}", *self._others]
        for child, servers in self._delegations.items():
            for name, ip in servers.items():
                records += [f"{child} {TTL} IN NS {name}", f"{name} {TTL} IN A {ip}"]
            for ds in sorted(self._ds.get(child, ())):
                text = dns.rdata.from_wire(dns.rdataclass.IN, RdataType.DS, ds, 0, len(ds)).to_text()
                records.append(f"{child} {TTL} IN DS {text}")
        return sign(self.origin, records, self.keys, self._now())


class LabRegistry:
    """``ports.Parent`` for the delegations of one parent zone."""

    def __init__(self, parent: ParentZone, children: frozenset[Name]) -> None:
        self._parent = parent
        self._children = children
        self.submissions: list[SubmitDS] = []

    async def submit_ds(self, change: SubmitDS) -> Receipt | Conflict:
        """Replace the DS RRset if it is what ``expect`` says.

        Raises ``DanelawError``: NOT_DELEGATED, or DS_REFUSED for records that are no DS (RFC 4034 §5.1).
        """
        if change.zone not in self._children:
            raise DanelawError("NOT_DELEGATED", f"{self._parent.origin} does not delegate {change.zone}")
        self.submissions.append(change)
        found = self._parent.found(change.zone)
        if not same_content(found, change.expect):
            return Conflict(found)
        ds = change.replace.rdatas if isinstance(change.replace, RRset) else frozenset()
        return Receipt(self._parent.delegate(change.zone, ds))
