"""NSEC and NSEC3 records never deny what a zone has, and together deny all that it lacks.

The zones are made up; the chains are built here, in the most direct way, with dnspython's hashes; and what is true of a
zone is told by ``Zone`` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product

import dns.dnssec
import dns.name
import pytest
from dns.name import Name
from dns.rdatatype import RdataType as T
from hypothesis import event, given
from hypothesis import strategies as st

from danelaw.core.dnssec.denials import Delegation, Denial, Denials
from danelaw.core.dnssec.nsec import NSEC
from danelaw.core.dnssec.nsec3 import NSEC3, SHA1, hash_from_label
from danelaw.core.dnssec.rrsig import RRSIG, label_count
from danelaw.core.model import RRset

pytestmark = pytest.mark.slow

APEX = dns.name.from_text("example.")


@dataclass(frozen=True)
class Zone:
    """The names that own something in a zone, and what."""

    owners: Mapping[Name, frozenset[int]]

    def __contains__(self, name: Name) -> bool:
        """Whether a name exists: it owns something, or something below it does (RFC 4592 §2.2.2)."""
        return any(owner.is_subdomain(name) for owner in self.owners)

    def types(self, name: Name) -> frozenset[int]:
        return self.owners.get(name, frozenset())

    def is_cut(self, name: Name) -> bool:
        return T.NS in self.types(name) and name != APEX

    def is_elsewhere(self, name: Name) -> bool:
        """Whether a name lies below a cut or a DNAME."""
        above = [Name(name.labels[-count:]) for count in range(len(APEX), len(name))]
        return any(self.is_cut(one) or T.DNAME in self.types(one) for one in above)

    def closest_encloser(self, name: Name) -> Name:
        return next(one for one in map(name.split, range(len(name), 0, -1)) if one[1] in self)[1]

    def absence(self, name: Name, type: int) -> Denial | None:
        """How the zone lacks an RRset; None if it has it, or something that answers in its place, or has no say."""
        if self.is_elsewhere(name):
            return None
        if name in self:
            if not self._may_lack(name, type):
                return None
            return Denial.NODATA if name in self.owners else Denial.EMPTY_NON_TERMINAL
        wildcard = Name((b"*", *self.closest_encloser(name).labels))
        if wildcard not in self:
            return Denial.NO_NAME
        return Denial.WILDCARD_NODATA if self._may_lack(wildcard, type) else None

    def begins(self, name: Name) -> Delegation | None:
        """What begins at a name that is asked for its DS; None if it has one, or has no say."""
        if self.is_elsewhere(name) or name == APEX or self.types(name) & {int(T.DS), int(T.CNAME)}:
            return None
        if name not in self:
            return Delegation.NOTHING_BELOW
        return Delegation.INSECURE_CUT if self.is_cut(name) else Delegation.NO_CUT

    def _may_lack(self, name: Name, type: int) -> bool:
        if type == T.DS and name == APEX:
            return False
        if self.is_cut(name) and type != T.DS:
            return False
        return not self.types(name) & {type, int(T.CNAME)}

    def without_unsigned_delegations(self) -> Zone:
        kept = {owner: types for owner, types in self.owners.items() if not (self.is_cut(owner) and T.DS not in types)}
        return Zone(kept)


def wildcard_free(name: Name) -> bool:
    return b"*" not in name.labels


labels = st.sampled_from([b"a", b"b", b"c", b"*"])
names = st.lists(labels, max_size=4).map(lambda some: Name([*some, *APEX.labels]))
DATA = st.sets(st.sampled_from([T.A, T.TLSA]), min_size=1)
CUTS = st.sampled_from([{T.NS}, {T.NS}, {T.NS, T.DS}])
contents = st.one_of(DATA, DATA, CUTS, st.just({T.CNAME}), DATA.map(lambda types: {*types, T.DNAME}))
ASKED = (T.A, T.DS, T.TLSA)


@st.composite
def zones(draw: st.DrawFn) -> Zone:
    """Zones as they can be: nothing below cuts, DNAMEs and CNAMEs' own names; no delegation at or below a wildcard."""
    drawn = draw(st.dictionaries(names.filter(lambda name: name != APEX), contents, max_size=7))
    owners = {APEX: frozenset({int(T.SOA), int(T.NS)})}
    for name in sorted(drawn):
        if T.NS in drawn[name] and not wildcard_free(name):
            continue
        if not Zone(owners).is_elsewhere(name):
            owners[name] = frozenset(map(int, drawn[name]))
    return Zone(owners)


def nsec_chain(zone: Zone) -> list[RRset]:
    ordered = sorted(zone.owners)
    return [
        RRset(owner, T.NSEC, 60, frozenset({NSEC(following, zone.types(owner) | {T.NSEC, T.RRSIG}).to_rdata()}))
        for owner, following in zip(ordered, [*ordered[1:], *ordered[:1]], strict=True)
    ]


@cache
def hashed(name: Name) -> str:
    return dns.dnssec.nsec3_hash(name, "ab", 1, SHA1).lower()


def nsec3_chain(zone: Zone, *, opt_out: bool) -> list[RRset]:
    if opt_out:
        zone = zone.without_unsigned_delegations()
    existing = {Name(owner.labels[-n:]) for owner in zone.owners for n in range(len(APEX), len(owner) + 1)}
    ordered = sorted(existing, key=hashed)
    chain = []
    for name, following in zip(ordered, [*ordered[1:], *ordered[:1]], strict=True):
        after = hash_from_label(hashed(following).encode())
        assert after is not None
        record = NSEC3(SHA1, int(opt_out), 1, b"\xab", after, zone.types(name))
        chain.append(
            RRset(dns.name.from_text(hashed(name), APEX), T.NSEC3, 60, frozenset({record.to_rdata()})),
        )
    return chain


def uncounted(cost: int) -> None:
    """The work is not bounded here."""


def read(rrsets: list[RRset]) -> Denials:
    proven = [(one, RRSIG(one.type, 13, label_count(one.owner), 60, 2, 1, 1, APEX, b"")) for one in rrsets]
    denials = Denials.read(APEX, proven, max_iterations=1, on_hash=uncounted)
    assert denials.unusable == ()
    return denials


def chain_of(zone: Zone, kind: str) -> list[RRset]:
    return nsec_chain(zone) if kind == "NSEC" else nsec3_chain(zone, opt_out=kind == "opt-out")


def spoken_for(zone: Zone, kind: str) -> Zone:
    """What a chain of this kind speaks of: opt-out leaves unsigned delegations out."""
    return zone.without_unsigned_delegations() if kind == "opt-out" else zone


def part_of(chain: list[RRset], part: set[int]) -> list[RRset]:
    return [rrset for index, rrset in enumerate(chain) if index in part]


kinds = st.sampled_from(["NSEC", "NSEC3", "opt-out"])
PARTS = st.one_of(
    st.sets(st.integers(0, 8), min_size=1, max_size=4),
    st.sets(st.integers(0, 12), max_size=3).map(lambda without: set(range(20)) - without),
)


def near(zone: Zone) -> list[Name]:
    """The names in a zone, and those around them."""
    existing = {Name(owner.labels[-n:]) for owner in zone.owners for n in range(len(APEX), len(owner) + 1)}
    around = {Name((*more, *name.labels)) for name in existing for more in ((b"b",), (b"*",), (b"a", b"d"))}
    return sorted(existing | around)


@given(zones(), kinds)
def test_a_whole_chain_denies_just_what_the_zone_lacks(zone: Zone, kind: str) -> None:
    denials = read(chain_of(zone, kind))
    signed = spoken_for(zone, kind)
    for name, type in product(near(zone), ASKED):
        denied = denials.denies(name, type)
        assert (denied and denied.how) == signed.absence(name, type), f"{name} {type}"
        if denied is not None:
            assert denied.opt_out == (kind == "opt-out" and name not in signed), f"{name} {type}"


@given(zones(), kinds, PARTS)
def test_no_part_of_a_chain_denies_what_the_zone_has(zone: Zone, kind: str, part: set[int]) -> None:
    some = part_of(chain_of(zone, kind), part)
    denials = read(some)
    signed = spoken_for(zone, kind)
    for name, type in product(near(zone), ASKED):
        denied = denials.denies(name, type)
        if denied is None:
            continue
        event(f"{kind}: {denied.how}")
        assert set(denied.records) <= set(some)
        if denied.opt_out:
            assert name not in signed, f"{name} {type}"
        else:
            assert denied.how == zone.absence(name, type), f"{name} {type}"
        if denied.how is not Denial.OPT_OUT:
            assert denied.how == signed.absence(name, type), f"{name} {type}"


@given(zones(), kinds, PARTS)
def test_a_chain_tells_where_unsigned_zones_begin(zone: Zone, kind: str, part: set[int]) -> None:
    chain = chain_of(zone, kind)
    whole, some = read(chain), read(part_of(chain, part))
    signed = spoken_for(zone, kind)
    for name in near(zone):
        begins = signed.begins(name)
        if begins is not Delegation.NOTHING_BELOW or kind != "opt-out":
            assert begins is None or begins == zone.begins(name)
        else:
            begins = Delegation.OPT_OUT
        found = whole.delegation(name)
        assert (found and found[0]) == begins, name
        found = some.delegation(name)
        if found is not None:
            assert found[0] == begins, name
            assert found[1].opt_out == (begins is Delegation.OPT_OUT), name


@given(zones(), kinds, PARTS)
def test_a_chain_tells_whether_a_wildcard_was_the_closest_match(zone: Zone, kind: str, part: set[int]) -> None:
    chain = chain_of(zone, kind)
    whole, some = read(chain), read(part_of(chain, part))
    signed = spoken_for(zone, kind)
    for name in near(zone):
        for labels in range(len(APEX) - 1, len(name) - 1):
            encloser, next_closer = Name(name.labels[-labels - 1 :]), Name(name.labels[-labels - 2 :])
            found = [one.rules_out_closer_match(name, labels) for one in (whole, some)]
            if encloser in signed and not signed.is_elsewhere(next_closer):
                assert bool(found[0]) == (next_closer not in signed), f"{name} {labels}"
            for denied in found:
                if denied is not None:
                    assert next_closer not in signed, f"{name} {labels}"
                    assert denied.opt_out or next_closer not in zone, f"{name} {labels}"
