"""In what the operator's file and the served one differ."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from dns.name import Name
from dns.rdatatype import RdataType

from danelaw.adapters.zone.edit import in_block
from danelaw.adapters.zone.master_file import ZoneSource
from danelaw.core.dnssec.rrsig import type_text
from danelaw.core.dnssec.sign import MADE_BY_SIGNING
from danelaw.core.model import DanelawError, RRset

OF_SERVICES: Final = frozenset({RdataType.A, RdataType.AAAA, RdataType.CNAME, RdataType.DNAME, RdataType.TLSA})
"""What clients reach and judge a service by."""


def plain(source: ZoneSource) -> dict[tuple[Name, int], RRset]:
    """The source's RRsets. Raises ``ZONE_ALREADY_SIGNED`` if signing makes one of them."""
    rrsets = source.rrsets()
    for owner, type in rrsets:
        if type in MADE_BY_SIGNING:
            raise DanelawError(
                "ZONE_ALREADY_SIGNED",
                f"{source.path} holds DNSSEC records of its own, such as those at {owner}",
                hint="keep the unsigned zone in this file, without $INCLUDE of key files: keys are found by themselves",
            )
    return rrsets


def ahead(source: ZoneSource, served: ZoneSource, but: tuple[Name, int] | None = None) -> tuple[str, ...]:
    """Where the source and the served file differ in what services are reached by.

    What stands in Danelaw's block is Danelaw's own: whoever is killed between the two files leaves such a difference.
    """
    wanted, live = _of_services(source), _of_services(served)
    different = {place for place in wanted.keys() | live.keys() if wanted.get(place) != live.get(place)} - {but}
    if not different:
        return ()
    return tuple(f"{owner} {type_text(type)}" for owner, type in sorted(different - in_block(source)))


def _of_services(zone: ZoneSource) -> dict[tuple[Name, int], tuple[int, frozenset[bytes]]]:
    """TTL and rdata of what services are reached by."""
    found = zone.rrsets().items()
    return {place: (rrset.ttl, rrset.rdatas) for place, rrset in found if place[1] in OF_SERVICES}


def differ(source: ZoneSource, served: ZoneSource, made: Collection[int]) -> bool:
    """Whether they differ in anything but the serial and what signing makes, ``made`` at the apex of the served one."""
    ours = {(served.apex, type) for type in made}
    live = {key: rrset for key, rrset in _but_serial(served).items() if key not in ours}
    return _but_serial(source) != live


def content(zone: ZoneSource) -> dict[tuple[Name, int], RRset]:
    """The RRsets of types that signing does not make, without their signatures."""
    rrsets = zone.rrsets()
    return {key: replace(rrset, rrsigs=frozenset()) for key, rrset in rrsets.items() if key[1] not in MADE_BY_SIGNING}


def _but_serial(zone: ZoneSource) -> dict[tuple[Name, int], RRset]:
    """``content``, with the serial of the SOA taken out (RFC 1035 §3.3.13: five numbers end its rdata)."""
    found = content(zone)
    key = (zone.apex, int(RdataType.SOA))
    if key in found:
        rdatas = frozenset(rdata[:-20] + rdata[-16:] for rdata in found[key].rdatas)
        found[key] = replace(found[key], rdatas=rdatas)
    return found
