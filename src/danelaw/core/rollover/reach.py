"""Which endpoints an RRset or a server reaches: what the gate must judge for an action."""

from __future__ import annotations

from dataclasses import dataclass

from dns.name import Name

from danelaw.core.model import IP, Endpoint, HostName, Lineage, SubjectName
from danelaw.core.model.servers import SRV
from danelaw.core.tlsa import Reference, tlsa_owner


@dataclass(frozen=True, slots=True)
class Unprobed:
    """?: nothing is known of what an address presents."""


@dataclass(frozen=True, slots=True)
class NamedBy:
    """An MX or SRV RRset that names servers of a service domain (RFC 5321 §5.1, RFC 2782)."""

    domain: Name
    owner: Name
    type: int


@dataclass(frozen=True, slots=True)
class Reached:
    """One endpoint of a service, and how a client comes to it.

    ``bases``: the candidate TLSA base domains (RFC 7671 §7). ``zone``: where their TLSA records live. ``reference``:
    what its clients compare certificates with. ``elsewhere``: addresses of the endpoint that are none of ``hosts``, and
    whose they are; every other address may be any host's. ``named_by``: where its clients find its host's name.
    ``withdrawn``: it is to have no TLSA records any more, and needs none.
    """

    service: SubjectName
    lineages: tuple[Lineage, ...]
    hosts: tuple[HostName, ...]
    endpoint: Endpoint
    zone: Name
    bases: tuple[Name, ...]
    reference: Reference
    elsewhere: frozenset[tuple[IP, HostName]] = frozenset()
    named_by: tuple[NamedBy, ...] = ()
    withdrawn: bool = False

    @property
    def sent(self) -> tuple[Name, ...]:
        """What its clients send as SNI: a base (RFC 7671 §3), or, where SRV led them, the service domain (RFC 7673
        §4.1)."""
        domains = (named.domain for named in self.named_by if named.type == SRV)
        return tuple(dict.fromkeys((*self.bases, *domains)))

    def is_elsewhere(self, host: HostName) -> bool:
        """Whether a host serves other addresses of the endpoint than these, and none of these."""
        return host not in self.hosts and any(other == host for _, other in self.elsewhere)

    @property
    def addresses_elsewhere(self) -> frozenset[IP]:
        """The addresses that are none of ``hosts``."""
        return frozenset(ip for ip, _ in self.elsewhere)

    @property
    def owners(self) -> tuple[Name, ...]:
        """The TLSA owner names that its clients may ask for (RFC 6698 §3)."""
        return tuple(tlsa_owner(self.endpoint.port, self.endpoint.transport, base) for base in self.bases)


@dataclass(frozen=True, slots=True)
class Reach:
    """Every endpoint that shares zones or credentials with the subject that is acted on."""

    endpoints: tuple[Reached, ...] = ()

    def served_by(self, lineage: Lineage, host: HostName) -> tuple[Reached, ...]:
        """The endpoints that a host serves with a lineage's credential."""
        return tuple(r for r in self.endpoints if lineage in r.lineages and host in r.hosts)
