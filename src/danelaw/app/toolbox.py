"""The ports that a configuration was wired to, and the subjects that it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dns.name import Name

from danelaw.app.eyes import Eyes
from danelaw.core.model import HostName, Lineage, SubjectName
from danelaw.core.rollover.planner import Desired
from danelaw.core.rollover.reach import Reach
from danelaw.ports import (
    Authorities,
    Clock,
    Credentials,
    Deployer,
    Issuer,
    Parent,
    Prober,
    Publisher,
    Resolver,
    Revoker,
    Solver,
    Store,
    ZoneCuts,
    Zones,
)


@dataclass(frozen=True, slots=True)
class Toolbox:
    """Every port, by what it serves. A zone without a parent here gets its DS by other hands.

    ``boot``: which start of which machine it is that ``clock.monotonic`` counts from. Without ``cuts``, aliases are
    followed into zones that can be published in, and no further. ``cas``: every CA that is configured, by what
    ``DesiredService.issuer`` calls it: whom a service left may have to take back what it issued.
    """

    clock: Clock
    store: Store
    resolver: Resolver
    authorities: Authorities
    prober: Prober
    zones: Mapping[Name, Zones] = field(default_factory=dict)
    publishers: Mapping[Name, Publisher] = field(default_factory=dict)
    parents: Mapping[Name, Parent] = field(default_factory=dict)
    credentials: Mapping[Lineage, Credentials] = field(default_factory=dict)
    deployers: Mapping[tuple[Lineage, HostName], Deployer] = field(default_factory=dict)
    issuers: Mapping[Lineage, Issuer] = field(default_factory=dict)
    cas: Mapping[str, Revoker] = field(default_factory=dict)
    solvers: Mapping[Lineage, Solver] = field(default_factory=dict)
    boot: str = ""
    cuts: ZoneCuts | None = None

    @property
    def eyes(self) -> Eyes:
        """Those of the ports that look and change nothing."""
        return Eyes(self.clock, self.resolver, self.authorities, self.prober)


@dataclass(frozen=True, slots=True)
class Subjects:
    """What is desired of each subject, in the order in which they depend on each other: zones before services."""

    desired: Mapping[SubjectName, Desired]
    reach: Reach
