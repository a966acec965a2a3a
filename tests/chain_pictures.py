"""Chains of trust that are drawn in the documents and looked at by the tests, each from the garden's signed zones.

``python tests/chain_pictures.py`` draws docs/pictures/ anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import dns.name

from danelaw.core.dnssec.algorithms import DEFAULT_POLICY
from danelaw.core.dnssec.keys import DS, make_ds
from danelaw.core.dnssec.nsec3_chain import NSEC3Chain
from danelaw.core.dnssec.rrsig import seconds
from danelaw.core.dnssec.validate import Validation, drive
from danelaw.core.model import Absence, Asked, RRset, Said, Silence, Sweep
from danelaw.core.picture.seen import Picture, Presented
from danelaw.core.picture.svg import as_svg
from fault_garden.damages import PLAINLY, Damage, nothing
from fault_garden.garden import Garden, Layout, plant
from fault_garden.keys import KSK, ZSK, zone_key

NOW: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
FOLDER: Final = Path(__file__).parent.parent / "docs" / "pictures"
HASHED: Final = Layout(net=NSEC3Chain(), example=NSEC3Chain())
TLSA: Final = "_443._tcp.www TLSA"
LONG: Final = ".".join(["a-label-of-forty-characters-to-try-layout"] * 4)


def picture(asked: str, damage: Damage = nothing, layout: Layout = PLAINLY, now: datetime = NOW) -> Picture:
    """The answer to ``owner TYPE`` in a garden that something was done to."""
    garden = plant(layout, dns.name.root, NOW)
    damage(garden)
    question = garden.question(asked)
    return Picture(drive(Validation(question.name, question.type, garden.anchors, DEFAULT_POLICY, now), garden.answer))


def compared() -> Picture:
    """TLSA records with the certificates of two addresses, one of which nobody reaches."""
    until = NOW + timedelta(days=61)
    seen = (
        Presented(ip_address("2001:db8::80"), True, "CN: www.example.net", "3 1 1 8d02536c887482bc…", 0, until),
        Presented(ip_address("192.0.2.80"), True, "CN: www.example.net", "3 1 1 8d02536c887482bc…", 0, until),
    )
    return replace(picture(TLSA), presented=seen)


def expired(garden: Garden) -> None:
    """The signer stopped a month ago."""
    then = {"inception": seconds(NOW - timedelta(days=44)), "expiration": seconds(NOW - timedelta(days=30))}
    garden.put("www A", garden.rrset("www A").rdatas, **then)


def another_key(garden: Garden) -> None:
    """The parent has the DS of a key that the zone does not have any more."""
    (rdata,) = garden.rrset("example.net. DS").rdatas
    ds = DS.from_rdata(rdata)
    garden.put("example.net. DS", [replace(ds, tag=ds.tag ^ 1, digest=bytes(32)).to_rdata()])


def rolled(garden: Garden) -> None:
    """Both keys of example.net. are being rolled: four keys, and two DS records."""
    zone = garden.name("example.net.")
    old_ksk, old_zsk = garden.bed("example.net.").keys
    new_ksk, new_zsk = zone_key(zone, 2001, KSK), zone_key(zone, 2002, ZSK)
    keys = (old_ksk, old_zsk, new_ksk, new_zsk)
    garden.put("example.net. DNSKEY", [key.dnskey.to_rdata() for key in keys], old_ksk, new_ksk)
    garden.put("example.net. DS", [make_ds(zone, key.dnskey).to_rdata() for key in (old_ksk, new_ksk)])
    garden.put("www A", garden.rrset("www A").rdatas, old_zsk, new_zsk)


def crowded(garden: Garden) -> None:
    garden.put("www A", [bytes((192, 0, 2, last)) for last in range(100, 125)])


def swept() -> Picture:
    """Two servers: one lags behind, and one of the parent's says nothing."""
    drawn = picture("www A")
    net, example = dns.name.from_text("net."), dns.name.from_text("example.net.")
    www, first, second = dns.name.from_text("www.example.net."), ip_address("192.0.2.11"), ip_address("192.0.2.12")
    ns = dns.name.from_text("ns.example.net.")
    soa, a, ds = Asked(example, example, 6), Asked(example, www, 1), Asked(net, example, 43)
    address = RRset(www, 1, 600, frozenset({bytes((192, 0, 2, 80))}), frozenset({b"x"}))
    serial = RRset(example, 6, 600, frozenset())
    said = (
        Said(ds, net, ip_address("192.0.2.2"), Silence("TIMEOUT")),
        Said(soa, ns, first, serial, 7),
        Said(soa, ns, second, serial, 6),
        Said(a, ns, first, address),
        Said(a, ns, second, Absence(www, 1, 60)),
    )
    return replace(drawn, sweep=Sweep(said, ((dns.name.root, "the name servers of . could not all be found"),)))


DOCUMENTED: Final[dict[str, Callable[[], Picture]]] = {
    "secure-tlsa": compared,
    "expired": lambda: picture("www A", expired),
    "ds-mismatch": lambda: picture("www A", another_key),
    "insecure": lambda: picture("www.plain.net. A"),
    "nsec3-denial": lambda: picture("nope A", layout=HASHED),
    "alias": lambda: picture("away A"),
}
"""What docs/pictures/ shows, by the name of its file."""

OTHERS: Final[dict[str, Callable[[], Picture]]] = {
    "rolled": lambda: picture("www A", rolled),
    "crowded": lambda: picture("www A", crowded),
    "long": lambda: picture(f"{LONG} TXT"),
    "wildcard": lambda: picture("x.wild TXT", layout=HASHED),
    "swept": swept,
    "opt-out": lambda: picture("www.plain.org. A"),
    "far": lambda: picture("far A"),
}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, draw in DOCUMENTED.items():
        (FOLDER / f"{name}.svg").write_text(as_svg(draw()), encoding="utf-8")
