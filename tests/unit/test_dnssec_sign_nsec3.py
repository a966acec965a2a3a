"""The NSEC3 chain of a signed zone, and what is found wrong with one (RFC 5155 §7.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.name
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from dns.name import Name
from dns.rdatatype import RdataType as T

import rfc5155_zone
from danelaw.adapters.zone.master_file import parse_zone
from danelaw.core.dnssec import nsec3_chain, nsec3_check, rrsig
from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.keys import ZoneKey
from danelaw.core.dnssec.nsec import NSEC
from danelaw.core.dnssec.nsec3 import NSEC3, NSEC3PARAM, hash_name, hash_owner
from danelaw.core.dnssec.nsec3_chain import NSEC3Chain
from danelaw.core.dnssec.sign import MADE_BY_SIGNING, UnsignableError, sign_zone
from danelaw.core.dnssec.zone_check import zone_faults
from danelaw.core.model import RRset

APEX = dns.name.from_text("example.")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SPAN = NOW - timedelta(hours=1), NOW + timedelta(days=14)
KEY = ZoneKey.of(APEX, 257, Algorithm.ED25519, ed25519.Ed25519PrivateKey.from_private_bytes(b"\x05" * 32))

ZONE = """\
$TTL 300
@           120 SOA ns host 1 3600 900 1209600 60
            NS  ns
ns          A   192.0.2.1
*.w         MX  10 ns
a.b.c       CNAME ns
sub         NS  ns.sub
            DS  1 13 2 abababababababababababababababababababababababababababababababab
            A   192.0.2.2
ns.sub      A   192.0.2.3
insecure    NS  ns.sub
x.insecure  TXT occluded
one.cuts    NS  ns
two.cuts    NS  ns
cut.mixed   NS  ns
txt.mixed   TXT "beside"
dn          DNAME other.test.
below.dn    TXT occluded
"""


def plain(text: str, apex: Name = APEX) -> list[RRset]:
    return list(parse_zone(text, Path("zone"), apex).rrsets().values())


def signed(how: NSEC3Chain | None, text: str = ZONE) -> list[RRset]:
    return list(sign_zone(APEX, plain(text), [KEY], [], *SPAN, nsec3=how))


def only(rrset: RRset) -> bytes:
    (rdata,) = rrset.rdatas
    return rdata


def chain(zone: Iterable[RRset], how: NSEC3Chain) -> dict[str, str]:
    """The types listed, by the original owner name."""
    known = {rrset.owner for rrset in zone} | {dns.name.from_text(text, APEX) for text in ENTS}
    names = {hash_owner(hash_name(name, how.salt, how.iterations), APEX): name for name in known}
    return {
        str(names[rrset.owner].relativize(APEX)): " ".join(
            T.make(type).name for type in sorted(NSEC3.from_rdata(only(rrset)).types)
        )
        for rrset in zone
        if rrset.type == T.NSEC3
    }


ENTS = ("w", "c", "b.c", "cuts", "mixed")

FULL = {
    "@": "NS SOA RRSIG DNSKEY NSEC3PARAM",
    "ns": "A RRSIG",
    "w": "",
    "*.w": "MX RRSIG",
    "c": "",
    "b.c": "",
    "a.b.c": "CNAME RRSIG",
    "sub": "NS DS RRSIG",
    "insecure": "NS",
    "cuts": "",
    "one.cuts": "NS",
    "two.cuts": "NS",
    "mixed": "",
    "cut.mixed": "NS",
    "txt.mixed": "TXT RRSIG",
    "dn": "DNAME RRSIG",
}
OPTED_OUT = {"insecure", "cuts", "one.cuts", "two.cuts", "cut.mixed"}


@pytest.mark.parametrize("how", [NSEC3Chain(), NSEC3Chain(b"\xaa\xbb", 3)], ids=["bare", "salted"])
def test_names_of_authority_delegations_and_empty_non_terminals_have_an_nsec3(how: NSEC3Chain) -> None:
    """Nothing glue or occluded. Where nothing is signed, as at an insecure delegation, no RRSIG is listed."""
    assert chain(signed(how), how) == FULL


def test_opt_out_leaves_out_insecure_delegations_and_what_leads_to_them_alone() -> None:
    """RFC 5155 §7.1. Every record has the flag."""
    how = NSEC3Chain(opt_out=True)
    zone = signed(how)
    assert chain(zone, how) == {name: types for name, types in FULL.items() if name not in OPTED_OUT}
    assert all(NSEC3.from_rdata(only(rrset)).opt_out for rrset in zone if rrset.type == T.NSEC3)


@pytest.mark.parametrize("how", [NSEC3Chain(), NSEC3Chain(b"\xaa\xbb", 3, opt_out=True)], ids=["bare", "opt-out"])
def test_the_apex_tells_the_parameters_and_never_the_flag(how: NSEC3Chain) -> None:
    """RFC 5155 §4.1.2. The TTL of 0 is BIND's."""
    (param,) = (rrset for rrset in signed(how) if rrset.type == T.NSEC3PARAM)
    assert (param.owner, param.ttl, NSEC3PARAM.from_rdata(only(param))) == (
        APEX,
        0,
        NSEC3PARAM(1, 0, how.iterations, how.salt),
    )
    assert len(param.rrsigs) == 1


def test_all_nsec3_records_are_signed_with_the_negative_ttl_even_below_a_dname_at_the_apex() -> None:
    """The lesser of SOA TTL and MINIMUM (RFC 9077 §3); RFC 5155 §10.2."""
    zone = signed(NSEC3Chain(), ZONE + "@ DNAME other.test.\n")
    links = [rrset for rrset in zone if rrset.type == T.NSEC3]
    assert chain(zone, NSEC3Chain()) == {"@": "NS SOA DNAME RRSIG DNSKEY NSEC3PARAM"}
    assert [(len(link.rrsigs), link.ttl) for link in links] == [(1, 60)]
    assert list(zone_faults(APEX, zone, NOW)) == []


def test_a_zone_with_nsec3_has_no_nsec() -> None:
    assert not [rrset for rrset in signed(NSEC3Chain()) if rrset.type == T.NSEC]


class TestTheZoneOfRFC5155:
    """Appendix A, its salt, iterations and opt-out."""

    ZONE = rfc5155_zone.signed_zone()

    def test_its_chain_is_made_byte_for_byte(self) -> None:
        unsigned = [replace(rrset, rrsigs=frozenset()) for rrset in self.ZONE if rrset.type not in MADE_BY_SIGNING]
        how = NSEC3Chain(bytes.fromhex("aabbccdd"), 12, opt_out=True)
        made = sign_zone(APEX, unsigned, [KEY], [], *SPAN, nsec3=how)
        assert self.links(made) == self.links(self.ZONE)
        assert len(self.links(made)) == len(rfc5155_zone.HASHES) + 1

    def links(self, zone: Iterable[RRset]) -> set[tuple[Name, int, frozenset[bytes]]]:
        return {(rrset.owner, rrset.type, rrset.rdatas) for rrset in zone if rrset.type in (T.NSEC3, T.NSEC3PARAM)}

    def test_it_is_found_right_as_it_is_printed(self) -> None:
        assert list(zone_faults(APEX, self.ZONE, rfc5155_zone.EXPIRATION)) == []

    def test_no_rrset_of_authority_can_be_taken_from_it(self) -> None:
        for gone in (rrset for rrset in self.ZONE if rrset.rrsigs):
            rest = [rrset for rrset in self.ZONE if rrset != gone]
            assert list(zone_faults(APEX, rest, rfc5155_zone.EXPIRATION)), gone.owner


def test_two_names_of_one_hash_take_another_salt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nsec3_chain, "hash_name", lambda name, salt, iterations: bytes(20))
    with pytest.raises(UnsignableError, match="one hash"):
        signed(NSEC3Chain())


def test_an_apex_that_leaves_no_room_for_hashes_is_refused() -> None:
    """RFC 5155 §10.1: 222 octets are the most."""
    for last, fits in ((26, True), (27, False)):
        apex = Name((b"a" * last, *[b"b" * 63] * 3, b"c", b""))
        assert len(apex.to_wire()) == 222 + (not fits)  # type: ignore[arg-type]  # without a file it returns bytes
        key = ZoneKey.of(apex, 257, Algorithm.ED25519, KEY.private)
        zone = [RRset(apex, T.SOA, 60, frozenset({bytes(22)}))]
        if fits:
            assert sign_zone(apex, zone, [key], [], *SPAN, nsec3=NSEC3Chain())
        else:
            with pytest.raises(UnsignableError, match="too long"):
                sign_zone(apex, zone, [key], [], *SPAN, nsec3=NSEC3Chain())


@pytest.mark.parametrize(("salt", "iterations"), [(bytes(256), 0), (b"", 65536), (b"", -1)])
def test_parameters_that_no_record_can_hold_are_refused(salt: bytes, iterations: int) -> None:
    with pytest.raises(ValueError, match="65535 iterations"):
        NSEC3Chain(salt, iterations)


def owner_of(text: str) -> Name:
    return hash_owner(hash_name(dns.name.from_text(text, APEX), b"", 0), APEX)


def again(rrset: RRset) -> RRset:
    """Signed as it stands now."""
    return replace(rrset, rrsigs=frozenset({rrsig.make(rrset, APEX, KEY, *SPAN)}))


def altered(zone: list[RRset], owner: Name, change: Callable[[NSEC3], NSEC3]) -> list[RRset]:
    def new(rrset: RRset) -> RRset:
        return again(replace(rrset, rdatas=frozenset({change(NSEC3.from_rdata(only(rrset))).to_rdata()})))

    assert any((rrset.owner, rrset.type) == (owner, T.NSEC3) for rrset in zone)
    return [new(rrset) if (rrset.owner, rrset.type) == (owner, T.NSEC3) else rrset for rrset in zone]


def without(zone: list[RRset], owner: Name, type: int) -> list[RRset]:
    rest = [rrset for rrset in zone if (rrset.owner, rrset.type) != (owner, type)]
    assert len(rest) == len(zone) - 1
    return rest


def with_more(zone: list[RRset], nsec3: NSEC3, owner: Name) -> list[RRset]:
    return [*zone, again(RRset(owner, T.NSEC3, 60, frozenset({nsec3.to_rdata()})))]


def param(zone: list[RRset], *params: NSEC3PARAM) -> list[RRset]:
    rdatas = frozenset(each.to_rdata() for each in params)
    return [again(replace(rrset, rdatas=rdatas)) if rrset.type == T.NSEC3PARAM else rrset for rrset in zone]


class TestFaults:
    """Every signature is right in these zones; the chain is not."""

    FULL = signed(NSEC3Chain())
    OPT_OUT = signed(NSEC3Chain(opt_out=True))
    STRAY = NSEC3(1, 0, 0, b"", bytes(20), frozenset({T.A}))

    def found(self, zone: list[RRset]) -> set[tuple[str, str]]:
        faults = list(zone_faults(APEX, zone, NOW))
        assert {fault.code for fault in faults} <= {"NSEC3_WRONG"}
        return {(fault.section.removeprefix("RFC 5155 "), fault.detail) for fault in faults}

    def test_right_chains_have_none(self) -> None:
        assert self.found(self.FULL) == set()
        assert self.found(self.OPT_OUT) == set()

    @pytest.mark.parametrize("name", ["ns", "b.c", "insecure", "cuts", "@"])
    def test_each_name_needs_its_record(self, name: str) -> None:
        faults = self.found(without(self.FULL, owner_of(name), T.NSEC3))
        assert ("§7.1", "the next hashed owner name is not that of the next record") in faults
        assert ("§7.1", "no NSEC3 record") in faults or ("§6", "left out, and not by an opt-out") in faults

    @pytest.mark.parametrize("name", ["ns", "b.c", "insecure", "sub"])
    def test_the_types_listed_must_be_those_there(self, name: str) -> None:
        zone = altered(self.FULL, owner_of(name), lambda nsec3: replace(nsec3, types=nsec3.types | {T.SSHFP}))
        assert self.found(zone) == {("§7.1", "its list of types lists SSHFP, not there")}

    def test_an_insecure_delegation_has_no_signature_to_list(self) -> None:
        zone = altered(self.FULL, owner_of("insecure"), lambda n: replace(n, types=n.types | {T.RRSIG}))
        assert self.found(zone) == {("§7.1", "its list of types lists RRSIG, not there")}

    def test_the_chain_must_be_closed(self) -> None:
        last = max(rrset.owner for rrset in self.FULL if rrset.type == T.NSEC3)
        zone = altered(self.FULL, last, lambda nsec3: replace(nsec3, next=b"\xff" * 20))
        assert self.found(zone) == {("§7.1", "the next hashed owner name is not that of the next record")}

    def test_no_other_name_may_have_one(self) -> None:
        assert ("§7.1", "an NSEC3 record of no name in the zone") in self.found(
            with_more(self.FULL, self.STRAY, owner_of("ghost"))
        )

    @pytest.mark.parametrize(
        "owner",
        [Name((b"short", *APEX.labels)), APEX, Name((owner_of("ns").labels[0], b"ns", *APEX.labels))],
        ids=["no hash", "the apex", "too deep"],
    )
    def test_the_owner_must_be_a_hash_right_below_the_apex(self, owner: Name) -> None:
        faults = self.found(with_more(self.FULL, self.STRAY, owner))
        assert faults == {("§3", "the owner is not a hash right below the apex")}

    def test_a_hash_has_one_record_of_a_chain(self) -> None:
        assert ("§7.1", "two records of one chain") in self.found(with_more(self.FULL, self.STRAY, owner_of("ns")))

    def test_two_names_of_one_hash_are_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(nsec3_check, "hash_name", lambda name, salt, iterations: bytes(20))
        assert ("§7.1", "two names have one hash under this salt") in self.found(self.FULL)

    def test_a_flag_that_is_not_defined_must_be_clear(self) -> None:
        zone = altered(self.FULL, owner_of("ns"), lambda nsec3: replace(nsec3, flags=2))
        assert self.found(zone) == {("§3.1.2", "a flag is set that is not defined")}

    def test_who_leaves_a_delegation_out_must_say_so(self) -> None:
        """RFC 5155 §6: without the flag a record covers no unsigned delegation."""
        left_out = [owner_of(name) for name in OPTED_OUT]
        owners = sorted(rrset.owner for rrset in self.OPT_OUT if rrset.type == T.NSEC3)
        covering = {max((owner for owner in owners if owner < each), default=owners[-1]) for each in left_out}
        assert covering < set(owners)
        for owner in owners:
            faults = self.found(altered(self.OPT_OUT, owner, lambda nsec3: replace(nsec3, flags=0)))
            assert faults == ({("§6", "left out, and not by an opt-out")} if owner in covering else set())

    def test_opt_out_allows_records_of_insecure_delegations_all_the_same(self) -> None:
        zone = self.FULL
        for rrset in self.FULL:
            if rrset.type == T.NSEC3:
                zone = altered(zone, rrset.owner, lambda nsec3: replace(nsec3, flags=1))
        assert self.found(zone) == set()

    def test_records_need_the_parameters_of_the_nsec3param(self) -> None:
        assert self.found(without(self.FULL, APEX, T.NSEC3PARAM)) >= {
            ("§4", f"{len(FULL)} NSEC3 records have parameters that no NSEC3PARAM tells")
        }
        salted = altered(self.FULL, owner_of("ns"), lambda nsec3: replace(nsec3, salt=b"\x01"))
        assert self.found(salted) >= {
            ("§4", "1 NSEC3 records have parameters that no NSEC3PARAM tells"),
            ("§7.1", "no NSEC3 record"),
        }

    def test_each_nsec3param_needs_a_whole_chain_unless_its_flags_tell_to_ignore_it(self) -> None:
        """RFC 5155 §4, §4.1.2."""
        right = NSEC3PARAM(1, 0, 0, b"")
        assert self.found(param(self.FULL, right, NSEC3PARAM(1, 0, 0, b"\x01"))) == {("§7.1", "no NSEC3 record")} | {
            ("§6", "left out, and not by an opt-out")
        }
        assert self.found(param(self.FULL, right, NSEC3PARAM(1, 0x80, 0, b"\x01"))) == set()
        assert ("§3.1.1", "hash algorithm 2 is not known") in self.found(
            param(self.FULL, right, NSEC3PARAM(2, 0, 0, b""))
        )

    def test_two_whole_chains_may_stand_beside_each_other(self) -> None:
        """As while a zone goes to another salt; BIND and RFC 5155 §7.3 know such zones."""
        other = signed(NSEC3Chain(b"\x01"))
        zone = self.FULL + [rrset for rrset in other if rrset.type == T.NSEC3]
        assert self.found(param(zone, NSEC3PARAM(1, 0, 0, b""), NSEC3PARAM(1, 0, 0, b"\x01"))) == set()

    def test_an_nsec_chain_may_stand_beside_it_and_is_judged_too(self) -> None:
        """As while a zone goes from NSEC to NSEC3 (RFC 5155 §10.4): each chain lists what the other adds."""
        zone = self.FULL
        nsecs = [rrset for rrset in signed(None) if rrset.type == T.NSEC]
        for owner in (rrset.owner for rrset in nsecs):
            at = hash_owner(hash_name(owner, b"", 0), APEX)
            zone = altered(zone, at, lambda nsec3: replace(nsec3, types=nsec3.types | {T.NSEC, T.RRSIG}))
        apex = NSEC.from_rdata(only(nsecs[0]))
        apex = replace(apex, types=apex.types | {T.NSEC3PARAM})
        nsecs[0] = again(replace(nsecs[0], rdatas=frozenset({apex.to_rdata()})))
        assert self.found(zone + nsecs) == set()
        assert {fault.code for fault in zone_faults(APEX, zone + nsecs[:-1], NOW)} == {"NSEC_WRONG", "NSEC3_WRONG"}
