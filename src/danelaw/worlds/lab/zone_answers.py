"""What an authoritative server says: the lookup of RFC 1034 §4.3.2 with the DNSSEC parts of RFC 4035 §3.1."""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
import dns.zone
from dns.name import Name
from dns.rdatatype import RdataType

PAYLOAD: Final = 1232
"""The UDP payload that everybody in this world offers, in octets: unfragmented on any path."""

CNAME_LINKS: Final = 8
"""How many links of a CNAME chain are followed within the zone."""


class BadZoneError(Exception):
    """The master file is no zone: the text says why."""


@dataclass(slots=True)
class Sections:
    """The parts of a reply. ``authoritative`` is the AA bit."""

    rcode: dns.rcode.Rcode = dns.rcode.NOERROR
    authoritative: bool = True
    answer: list[dns.rrset.RRset] = field(default_factory=list)
    authority: list[dns.rrset.RRset] = field(default_factory=list)
    additional: list[dns.rrset.RRset] = field(default_factory=list)


class ServedZone:
    """One version of a zone, plain or signed, as a server holds it. It never changes."""

    def __init__(self, zone: dns.zone.Zone) -> None:
        if zone.origin is None:
            raise BadZoneError("the zone has no origin")
        self.zone = zone
        self.origin: Name = zone.origin
        soa = zone.get_rdataset(self.origin, RdataType.SOA)
        if soa is None:
            raise BadZoneError("there is no SOA at the top of the zone")
        if zone.get_rdataset(self.origin, RdataType.NS) is None:
            raise BadZoneError("there is no NS at the top of the zone")
        self.serial: int = soa[0].serial
        self._soa = soa
        names: set[Name] = set()
        denials: list[Name] = []
        for name, node in zone.nodes.items():
            if not name.is_subdomain(self.origin):
                raise BadZoneError(f"{name} is outside of {self.origin}")
            if node.get_rdataset(dns.rdataclass.IN, RdataType.NSEC) is not None:
                denials.append(name)
            while name not in names:  # every name above an owner exists too: RFC 4592 §2.2.2
                names.add(name)
                if name == self.origin:
                    break
                name = name.parent()
        self._names = names
        self._denials = sorted(denials)

    @classmethod
    def from_file(cls, path: Path, origin: Name) -> ServedZone:
        """Read a master file (RFC 1035 §5). Raises ``BadZoneError`` with the reason."""
        try:
            text = path.read_text(encoding="utf-8")
            return cls(dns.zone.from_text(text, origin=origin, relativize=False, filename=str(path)))
        except (dns.exception.DNSException, OSError, ValueError) as error:
            raise BadZoneError(str(error) or type(error).__name__) from error

    def lookup(self, name: Name, type: RdataType, dnssec: bool) -> Sections:
        """The reply to one question; ``dnssec``: the query had DO set (RFC 3225)."""
        out = Sections()
        if not name.is_subdomain(self.origin):
            out.rcode, out.authoritative = dns.rcode.REFUSED, False
            return out
        for _ in range(CNAME_LINKS):
            target = self._step(out, name, type, dnssec)
            if target is None or not target.is_subdomain(self.origin):
                return out
            name = target
        return out

    def _step(self, out: Sections, name: Name, type: RdataType, dnssec: bool) -> Name | None:
        """Answer for one name; where it is an alias, say what to look up next."""
        cut = self._cut(name)
        if cut is not None and not (cut == name and type == RdataType.DS):  # DS lives above the cut: RFC 4035 §3.1.4.1
            self._refer(out, cut, dnssec)
            return None
        owner = name
        if name not in self._names:
            encloser = self._closest_encloser(name)
            owner = dns.name.Name((b"*", *encloser.labels))
            if dnssec:
                self._cover(out, name)  # the name itself is not there: RFC 4035 §3.1.3.2, §3.1.3.3
            if owner not in self._names:
                out.rcode = dns.rcode.NXDOMAIN
                if dnssec:
                    self._cover(out, owner)
                self._add_soa(out, dnssec)
                return None
        rdatasets = self._asked(owner, type)
        if rdatasets:
            for rdataset in rdatasets:
                self._add(out.answer, owner, rdataset, dnssec and type != RdataType.RRSIG, shown=name)
            return None
        alias = self.zone.get_rdataset(owner, RdataType.CNAME)
        if alias is not None and type not in (RdataType.NSEC, RdataType.RRSIG):
            self._add(out.answer, owner, alias, dnssec, shown=name)
            target: Name = alias[0].target
            return target
        if dnssec:
            self._cover(out, owner)
        self._add_soa(out, dnssec)
        return None

    def _asked(self, owner: Name, type: RdataType) -> list[dns.rdataset.Rdataset]:
        node = self.zone.nodes.get(owner)
        if node is None:
            return []
        match type:
            case RdataType.ANY:
                return [rdataset for rdataset in node.rdatasets if rdataset.rdtype != RdataType.RRSIG]
            case RdataType.RRSIG:
                return [rdataset for rdataset in node.rdatasets if rdataset.rdtype == RdataType.RRSIG]
        return [rdataset for rdataset in node.rdatasets if rdataset.rdtype == type]

    def _cut(self, name: Name) -> Name | None:
        """The topmost delegation at or above ``name``."""
        depth = len(name.labels) - len(self.origin.labels)
        for drop in range(depth - 1, -1, -1):
            owner = dns.name.Name(name.labels[drop:])
            if self.zone.get_rdataset(owner, RdataType.NS) is not None:
                return owner
        return None

    def _closest_encloser(self, name: Name) -> Name:
        while name not in self._names:
            name = name.parent()
        return name

    def _refer(self, out: Sections, cut: Name, dnssec: bool) -> None:
        """A referral with its DS, or the proof that there is none (RFC 4035 §3.1.4), and with glue."""
        out.authoritative = bool(out.answer)  # true where an alias of ours led here: AA speaks of the first owner
        servers = self.zone.get_rdataset(cut, RdataType.NS)
        if servers is None:
            return
        self._add(out.authority, cut, servers, dnssec=False)
        if dnssec:
            ds = self.zone.get_rdataset(cut, RdataType.DS)
            if ds is not None:
                self._add(out.authority, cut, ds, dnssec)
            else:
                self._cover(out, cut)
        for server in servers:
            for type in (RdataType.A, RdataType.AAAA):
                glue = self.zone.get_rdataset(server.target, type)
                if glue is not None:
                    self._add(out.additional, server.target, glue, dnssec=False)

    def _add_soa(self, out: Sections, dnssec: bool) -> None:
        """The SOA of a denial; its TTL is how long the denial may be held (RFC 2308 §3)."""
        ttl = min(self._soa.ttl, self._soa[0].minimum)
        self._add(out.authority, self.origin, self._soa, dnssec, ttl=ttl)

    def _cover(self, out: Sections, name: Name) -> None:
        """The NSEC at ``name``, or else the one that covers it (RFC 4034 §4.1.1); none where the zone is unsigned."""
        if not self._denials:
            return
        owner = self._denials[bisect.bisect_right(self._denials, name) - 1]
        nsec = self.zone.get_rdataset(owner, RdataType.NSEC)
        if nsec is not None and not any(r.name == owner and r.rdtype == RdataType.NSEC for r in out.authority):
            self._add(out.authority, owner, nsec, dnssec=True)

    def _add(
        self,
        section: list[dns.rrset.RRset],
        owner: Name,
        rdataset: dns.rdataset.Rdataset,
        dnssec: bool,
        shown: Name | None = None,
        ttl: int | None = None,
    ) -> None:
        """Put an RRset into a section, with its signatures if ``dnssec``, under the name ``shown`` and with ``ttl``."""
        shown = owner if shown is None else shown
        ttl = rdataset.ttl if ttl is None else ttl
        section.append(dns.rrset.from_rdata_list(shown, ttl, list(rdataset)))
        if dnssec:
            rrsigs = self.zone.get_rdataset(owner, RdataType.RRSIG, rdataset.rdtype)
            if rrsigs is not None:
                section.append(dns.rrset.from_rdata_list(shown, ttl, list(rrsigs)))


def reply(query: dns.message.QueryMessage, zone: ServedZone) -> dns.message.Message:
    """The reply of an authority for one zone, not yet cut to size. AA, but never RA, AD or CD (RFC 4035 §3.1.6)."""
    response = dns.message.make_response(query, our_payload=PAYLOAD)
    if query.edns >= 0:
        response.use_edns(0, query.ednsflags & dns.flags.DO, PAYLOAD)  # DO is copied: RFC 3225 §3
    if query.edns > 0:
        response.set_rcode(dns.rcode.BADVERS)
        return response
    if query.opcode() != 0:
        response.set_rcode(dns.rcode.NOTIMP)
        return response
    if len(query.question) != 1:
        response.set_rcode(dns.rcode.FORMERR)
        return response
    question = query.question[0]
    if question.rdclass != dns.rdataclass.IN:
        response.set_rcode(dns.rcode.REFUSED)
        return response
    said = zone.lookup(question.name, question.rdtype, bool(query.ednsflags & dns.flags.DO))
    response.set_rcode(said.rcode)
    if said.authoritative:
        response.flags |= dns.flags.AA
    response.answer, response.authority, response.additional = said.answer, said.authority, said.additional
    return response
