"""Which keys sign, until when signatures are valid, digests of zones, and what a zone is advised of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final

import dns.name
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.adapters.zone.master_file import parse_zone
from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.bind_keys import KeyTimes
from danelaw.core.dnssec.keys import DS, ZoneKey, ds_matches
from danelaw.core.dnssec.nsec3_chain import NSEC3Chain
from danelaw.core.dnssec.rrsig import RRSIG, seconds
from danelaw.core.dnssec.sign import SignedZone, SigningParameters, UnsignableError, unsigned_zone
from danelaw.core.dnssec.signing_keys import SigningKeys
from danelaw.core.dnssec.signing_report import KeyRole, first_expiration, key_roles
from danelaw.core.dnssec.signing_times import LONGEST, SigningTimes, Span
from danelaw.core.dnssec.zone_advice import zone_advice
from danelaw.core.dnssec.zone_check import zone_faults
from danelaw.core.dnssec.zonemd import ZONEMD, simple_digest, zonemd, zonemd_faults
from danelaw.core.model import RRset

APEX = dns.name.from_text("example.")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
ACTIVE = KeyTimes(created=NOW - DAY, publish=NOW - DAY, activate=NOW - DAY)


def key(seed: int, flags: int, algorithm: Algorithm = Algorithm.ED25519) -> ZoneKey:
    if algorithm == Algorithm.ED25519:
        return ZoneKey.of(APEX, flags, algorithm, ed25519.Ed25519PrivateKey.from_private_bytes(bytes((seed,)) * 32))
    return ZoneKey.of(APEX, flags, algorithm, ec.derive_private_key(seed + 1000, ec.SECP256R1()))


BY_NSEC = SigningParameters()
KSK, KSK_2, ZSK, ZSK_2 = key(1, 257), key(2, 257), key(3, 256), key(4, 256)

# RFC 8976 Appendix A.1
SIMPLE_ZONE: Final = """\
example.      86400  IN  SOA     ns1 admin 2018031900 1800 900 604800 86400
              86400  IN  NS      ns1
              86400  IN  NS      ns2
              86400  IN  ZONEMD  2018031900 1 1 (
                                 c68090d90a7aed71 6bc459f9340e3d7c 1370d4d24b7e2fc3
                                 a1ddc0b9a87153b9 a9713b3c9ae5cc27 777f98b8e730044c )
ns1           3600   IN  A       203.0.113.63
ns2           3600   IN  AAAA    2001:db8::63
"""


def zone(text: str = SIMPLE_ZONE) -> list[RRset]:
    return list(parse_zone(text, Path("zone"), APEX).rrsets().values())


def plain(more: str = "") -> list[RRset]:
    return [rrset for rrset in zone(SIMPLE_ZONE + more) if rrset.type != T.ZONEMD]


def find(rrsets: list[RRset] | tuple[RRset, ...], type: int) -> RRset:
    (found,) = (rrset for rrset in rrsets if (rrset.owner, rrset.type) == (APEX, type))
    return found


def signed(keys: SigningKeys, parameters: SigningParameters = BY_NSEC, more: str = "") -> tuple[RRset, ...]:
    span = SigningTimes().span(NOW, timedelta(weeks=1), DAY)
    return unsigned_zone(APEX, plain(more), keys, parameters).sign(span).rrsets


def tags(rrset: RRset) -> set[int]:
    return {RRSIG.from_rdata(rdata).key_tag for rdata in rrset.rrsigs}


class TestWhichKeysSign:
    def test_the_times_in_their_files_say_it(self) -> None:
        soon, past = NOW + HOUR, NOW - HOUR
        keys = SigningKeys.at(
            [
                (KSK, ACTIVE),
                (ZSK, ACTIVE),
                (ZSK_2, replace(ACTIVE, activate=soon)),
                (key(5, 256), replace(ACTIVE, inactive=past)),
                (key(6, 256), KeyTimes(created=past, publish=soon, activate=soon)),
                (key(7, 257), replace(ACTIVE, inactive=past, delete=past)),
            ],
            NOW,
        )
        assert keys == SigningKeys((KSK,), (ZSK,), (ZSK_2.dnskey, key(5, 256).dnskey))

    def test_a_key_that_is_published_signs_nothing(self) -> None:
        rrsets = signed(SigningKeys((KSK,), (ZSK,), (ZSK_2.dnskey, KSK_2.dnskey)))
        assert find(rrsets, T.DNSKEY).rdatas == {k.dnskey.to_rdata() for k in (KSK, ZSK, ZSK_2, KSK_2)}
        assert {tag for rrset in rrsets for tag in tags(rrset)} == {KSK.tag, ZSK.tag}
        assert list(zone_faults(APEX, rrsets, NOW)) == []

    def test_a_revoked_key_signs_the_keys_and_nothing_else(self) -> None:
        """RFC 5011 §2.1. Its tag is another than before."""
        keys = SigningKeys.at([(KSK, replace(ACTIVE, revoke=NOW)), (KSK_2, ACTIVE), (ZSK, ACTIVE)], NOW)
        (revoked,) = keys.revoked
        assert revoked.dnskey.revoked
        rrsets = signed(keys)
        assert tags(find(rrsets, T.DNSKEY)) == {revoked.tag, KSK_2.tag}
        assert tags(find(rrsets, T.SOA)) == {ZSK.tag}
        assert list(zone_faults(APEX, rrsets, NOW)) == []

    def test_a_zone_whose_keys_only_a_revoked_one_signs_is_wrong(self) -> None:
        keys = SigningKeys.at([(KSK, replace(ACTIVE, revoke=NOW)), (KSK_2, ACTIVE), (ZSK, ACTIVE)], NOW)
        dnskeys = find(signed(keys), T.DNSKEY)
        by_revoked = {rdata for rdata in dnskeys.rrsigs if RRSIG.from_rdata(rdata).key_tag == keys.revoked[0].tag}
        wrong = [replace(r, rrsigs=frozenset(by_revoked)) if r == dnskeys else r for r in signed(keys)]
        assert {fault.code for fault in zone_faults(APEX, wrong, NOW)} == {"SIGNATURE_MISSING"}

    def test_a_lone_ksk_of_an_algorithm_signs_all_beside_a_pair_of_another(self) -> None:
        other = key(9, 257, Algorithm.ECDSAP256SHA256)
        keys = SigningKeys((KSK, other), (ZSK,))
        rrsets = signed(keys)
        assert tags(find(rrsets, T.SOA)) == {other.tag, ZSK.tag}
        assert list(zone_faults(APEX, rrsets, NOW)) == []
        assert [role for _, role in key_roles(keys)] == [KeyRole.KSK, KeyRole.CSK, KeyRole.ZSK]

    @pytest.mark.parametrize(
        "keys",
        [
            SigningKeys((), (ZSK,)),
            SigningKeys((KSK,), (key(9, 256, Algorithm.ECDSAP256SHA256),)),
            SigningKeys((KSK,), (), (key(9, 256, Algorithm.ECDSAP256SHA256).dnskey,)),
            SigningKeys((key(1, 257 | 0x80),)),
        ],
        ids=["no KSK", "no KSK of an algorithm", "an algorithm is published that does not sign", "the KSK is revoked"],
    )
    def test_keys_that_cannot_sign_rightly_are_refused(self, keys: SigningKeys) -> None:
        with pytest.raises(UnsignableError):
            signed(keys)


class TestCDS:
    def test_it_names_the_keys_that_are_delegated_to_and_the_ksk_signs_it(self) -> None:
        keys = SigningKeys.at(
            [(KSK, ACTIVE), (KSK_2, replace(ACTIVE, activate=NOW + DAY)), (ZSK, ACTIVE)], NOW, cds=True
        )
        rrsets = signed(keys)
        (ds,) = map(DS.from_rdata, find(rrsets, T.CDS).rdatas)
        assert ds_matches(ds, APEX, KSK.dnskey)
        assert find(rrsets, T.CDNSKEY).rdatas == {KSK.dnskey.to_rdata()}
        assert tags(find(rrsets, T.CDS)) == tags(find(rrsets, T.CDNSKEY)) == {KSK.tag}
        assert list(zone_faults(APEX, rrsets, NOW)) == []

    @pytest.mark.parametrize(
        ("times", "cds", "named"),
        [
            (ACTIVE, False, False),
            (ACTIVE, True, True),
            (replace(ACTIVE, sync_publish=NOW), False, True),
            (replace(ACTIVE, sync_publish=NOW + DAY), True, False),
            (replace(ACTIVE, sync_publish=NOW - DAY, sync_delete=NOW), True, False),
        ],
    )
    def test_the_times_of_a_key_have_the_last_word(self, times: KeyTimes, cds: bool, named: bool) -> None:
        assert SigningKeys.at([(KSK, times)], NOW, cds=cds).delegated == ((KSK.dnskey,) if named else ())

    def test_what_the_operator_wrote_is_left_alone(self) -> None:
        own = "example. 60 IN CDS 0 0 0 00\n"
        rrsets = signed(SigningKeys((KSK,), delegated=(KSK.dnskey,)), more=own)
        assert find(rrsets, T.CDS).rdatas == {bytes(5)}
        assert not [rrset for rrset in rrsets if rrset.type == T.CDNSKEY]


class TestDates:
    @pytest.mark.parametrize(
        ("expire", "ttl"),
        [(timedelta(seconds=1), HOUR), (7 * DAY, DAY), (14 * DAY, HOUR), (timedelta(hours=1000), 2 * DAY)],
        ids=["the article's EXPIRE", "a week", "two weeks", "1000 hours"],
    )
    def test_what_is_kept_outlives_a_secondary_that_is_cut_off_and_every_cache(
        self, expire: timedelta, ttl: timedelta
    ) -> None:
        span = SigningTimes().span(NOW, expire, ttl)
        assert span.keep_until is not None
        assert span.keep_until >= NOW + expire + ttl + DAY, "runs may be a day apart"
        assert span.expiration - span.jitter >= span.keep_until + DAY, "what is new is not due at the next run"
        assert span.inception == NOW - HOUR

    def test_validity_is_stretched_no_further_than_it_may(self) -> None:
        span = SigningTimes().span(NOW, timedelta(days=365), DAY)
        assert span.expiration == NOW + LONGEST
        assert span.keep_until is not None
        assert span.expiration - span.jitter > span.keep_until + DAY
        assert SigningTimes(validity=90 * DAY).span(NOW, DAY, DAY).expiration == NOW + 90 * DAY

    def test_expirations_spread_over_the_jitter_and_are_the_same_each_time(self) -> None:
        span = SigningTimes().span(NOW, DAY, DAY)
        owners = [dns.name.from_text(f"host{number}", APEX) for number in range(400)]
        expirations = [span.expires(owner, T.A, 1) for owner in owners]
        assert expirations == [span.expires(owner, T.A, 1) for owner in owners]
        assert min(expirations) >= span.expiration - span.jitter
        assert max(expirations) <= span.expiration
        tenths = {int((span.expiration - when) / span.jitter * 10) for when in expirations}
        assert tenths >= set(range(10))

    def test_a_refresh_signs_a_part_of_the_zone_at_a_time(self) -> None:
        keys, more = SigningKeys((KSK,)), "".join(f"h{n} 60 IN A 192.0.2.1\n" for n in range(200))
        times = SigningTimes()
        unsigned = unsigned_zone(APEX, plain(more), keys)
        previous, made = dict[tuple[Name, int], RRset](), []
        for day in range(30):
            now = NOW + day * DAY
            result = unsigned.sign(times.span(now, DAY, DAY), previous)
            assert list(zone_faults(APEX, result.rrsets, now + 3 * DAY, proved=previous)) == []
            previous = {(r.owner, r.type): r for r in result.rrsets}
            made.append(len(result.anew))
        assert made[0] == sum(bool(rrset.rrsigs) for rrset in previous.values())
        assert max(made[1:]) < made[0] * 0.6
        assert sum(made[1:]) < made[0] * 4.5, "each lives a week or longer"

    def test_the_first_expiration_is_told_past_the_end_of_the_32_bits(self) -> None:
        """RFC 4034 §3.1.5; 2106."""
        late = datetime(2106, 2, 6, tzinfo=UTC)
        span = SigningTimes().span(late, DAY, DAY)
        rrsets = unsigned_zone(APEX, plain(), SigningKeys((KSK,))).sign(span).rrsets
        assert span.expiration - span.jitter <= first_expiration(rrsets, late) <= span.expiration
        assert seconds(span.expiration) < seconds(late)


class TestZonemd:
    def test_the_rfcs_example(self) -> None:
        """RFC 8976 appendix A.1."""
        example = zone()
        (record,) = map(ZONEMD.from_rdata, find(example, T.ZONEMD).rdatas)
        assert simple_digest(APEX, example, 1) == record.digest
        assert zonemd(find(example, T.SOA), example) == find(example, T.ZONEMD)
        assert list(zonemd_faults(APEX, example)) == []

    @pytest.mark.parametrize(
        ("old", "new"),
        [("203.0.113.63", "203.0.113.64"), ("ns2           3600", "ns2           3601"), ("900", "901")],
        ids=["rdata", "TTL", "SOA"],
    )
    def test_a_change_is_noticed(self, old: str, new: str) -> None:
        assert [fault.code for fault in zonemd_faults(APEX, zone(SIMPLE_ZONE.replace(old, new)))] == ["ZONEMD_WRONG"]

    @pytest.mark.parametrize(
        ("line", "codes"),
        [
            ("ZONEMD 2018031900 1 241 " + "00" * 48, []),
            ("ZONEMD 2018031900 200 1 " + "00" * 48, []),
            ("TYPE63 \\# 8 784935db 01 01 0000", ["ZONEMD_WRONG"]),
        ],
        ids=["unknown hash", "unknown scheme", "too short"],
    )
    def test_what_is_not_known_says_nothing(self, line: str, codes: list[str]) -> None:
        """RFC 8976 §4."""
        odd = zone("".join(part for part in [SIMPLE_ZONE.split("              86400  IN  ZONEMD")[0], f" {line}\n"]))
        assert [fault.code for fault in zonemd_faults(APEX, odd)] == codes

    @pytest.mark.parametrize("chain", [None, NSEC3Chain()], ids=["NSEC", "NSEC3"])
    def test_a_signed_zone_has_the_digest_of_its_signatures_too(self, chain: NSEC3Chain | None) -> None:
        rrsets = signed(SigningKeys((KSK,)), SigningParameters(chain, zonemd=True))
        assert list(zone_faults(APEX, rrsets, NOW)) == []
        assert list(zonemd_faults(APEX, rrsets)) == []
        later = SigningTimes().span(NOW + HOUR, timedelta(weeks=1), DAY)
        again = unsigned_zone(APEX, plain(), SigningKeys((KSK,)), SigningParameters(chain, zonemd=True)).sign(later)
        assert find(again.rrsets, T.ZONEMD).rdatas != find(rrsets, T.ZONEMD).rdatas

    def test_one_that_the_operator_wrote_would_be_wrong(self) -> None:
        with pytest.raises(UnsignableError, match="ZONEMD"):
            unsigned_zone(APEX, zone(), SigningKeys((KSK,)))


class TestTrust:
    """What counts as proved, and what is verified nonetheless."""

    def test_a_signature_is_trusted_over_the_very_records_that_it_was_proved_with(self) -> None:
        rrsets = signed(SigningKeys((KSK,)))
        proved = {(r.owner, r.type): r for r in rrsets}
        for rrset in rrsets:
            changed = replace(rrset, rdatas=frozenset({*rrset.rdatas, b"\xc0\x00\x02\x07"}))
            wrong = [changed if r is rrset else r for r in rrsets]
            assert list(zone_faults(APEX, wrong, NOW, proved=proved)), rrset

    def test_and_by_the_very_keys(self) -> None:
        """A foreign key of the same tag: another key's signatures are not its own."""
        rrsets = signed(SigningKeys((KSK,), (namesakes()[0],)))
        proved = {(r.owner, r.type): r for r in rrsets}
        foreign = find(signed(SigningKeys((KSK,), (namesakes()[1],))), T.DNSKEY)
        wrong = [foreign if r.type == T.DNSKEY else r for r in rrsets]
        faults = list(zone_faults(APEX, wrong, NOW, proved=proved))
        assert len(faults) == sum(bool(rrset.rrsigs) for rrset in rrsets) - 1
        assert {fault.code for fault in faults} == {"SIGNATURE_INVALID"}

    def test_another_signature_over_the_same_records_is_not(self) -> None:
        rrsets = signed(SigningKeys((KSK,)))
        ns = find(rrsets, T.NS)
        (right,) = ns.rrsigs
        wrong = replace(ns, rrsigs=frozenset({right[:-1] + bytes((right[-1] ^ 1,))}))
        faults = zone_faults(APEX, [wrong if r is ns else r for r in rrsets], NOW, proved=placed(rrsets))
        assert [fault.code for fault in faults] == ["SIGNATURE_INVALID"]

    def test_dates_are_judged_of_what_is_proved_too(self) -> None:
        rrsets = signed(SigningKeys((KSK,)))
        faults = zone_faults(APEX, rrsets, NOW + 30 * DAY, proved={(r.owner, r.type): r for r in rrsets})
        assert {fault.code for fault in faults} >= {"SIGNATURE_EXPIRED"}


def placed(rrsets: Iterable[RRset]) -> dict[tuple[Name, int], RRset]:
    return {(rrset.owner, rrset.type): rrset for rrset in rrsets}


@cache
def namesakes() -> tuple[ZoneKey, ZoneKey]:
    """Two ZSKs of one tag."""
    seen = dict[int, ZoneKey]()
    for number in range(5000):
        private = ed25519.Ed25519PrivateKey.from_private_bytes(number.to_bytes(32))
        found = ZoneKey.of(APEX, 256, Algorithm.ED25519, private)
        if (other := seen.setdefault(found.tag, found)) is not found:
            return other, found
    raise AssertionError("no two of 5000 keys have one tag")


class TestKeepingSignatures:
    SPAN = SigningTimes().span(NOW, DAY, DAY)

    def signed(self, keys: SigningKeys, previous: Iterable[RRset] = (), span: Span = SPAN) -> SignedZone:
        return unsigned_zone(APEX, plain(), keys).sign(span, placed(previous))

    def test_one_that_has_not_begun_is_made_anew_when_the_clock_was_set_back(self) -> None:
        before = self.signed(SigningKeys((KSK,)))
        earlier = NOW - timedelta(hours=2)
        again = self.signed(SigningKeys((KSK,)), before.rrsets, SigningTimes().span(earlier, DAY, DAY))
        assert again.kept == 0
        assert list(zone_faults(APEX, again.rrsets, earlier)) == []

    def test_a_key_that_signs_no_longer_has_its_signatures_taken_away(self) -> None:
        both, one = SigningKeys((KSK,), (ZSK, ZSK_2)), SigningKeys((KSK,), (ZSK,), (ZSK_2.dnskey,))
        before = self.signed(both)
        assert not unsigned_zone(APEX, plain(), one).is_in(placed(before.rrsets), self.SPAN)
        again = self.signed(one, before.rrsets)
        assert again.anew == frozenset()
        assert tags(find(again.rrsets, T.SOA)) == {ZSK.tag}

    def test_keys_of_one_tag_do_not_pass_for_each_other(self) -> None:
        """RFC 4034 appendix B: tags are not unique."""
        left, right = namesakes()
        before = self.signed(SigningKeys((KSK,), (left,)))
        again = self.signed(SigningKeys((KSK,), (right,)), before.rrsets)
        assert list(zone_faults(APEX, again.rrsets, NOW)) == []
        both = SigningKeys((KSK,), (left, right))
        twice = self.signed(both, self.signed(both, before.rrsets).rrsets)
        assert len(find(twice.rrsets, T.SOA).rrsigs) == 2
        assert list(zone_faults(APEX, twice.rrsets, NOW)) == []


SOA = "example. {ttl} IN SOA ns1 admin 1 {refresh} {retry} {expire} {minimum}\n"


@pytest.mark.parametrize(
    ("timers", "longest", "chain", "codes"),
    [
        ({}, DAY, NSEC3Chain(), []),
        ({"expire": 1}, DAY, None, ["SOA_EXPIRE_SHORT"]),
        ({"refresh": 900_000, "expire": 900_000}, DAY, None, ["SOA_EXPIRE_SHORT"]),
        ({"expire": 3_600_000}, DAY, None, ["SOA_EXPIRE_LONG"]),
        ({"minimum": 86400}, DAY, None, ["NEGATIVE_TTL_LONG"]),
        ({"minimum": 86400, "ttl": 60}, DAY, None, []),
        ({}, 40 * DAY, None, ["SOA_EXPIRE_LONG", "TTL_LONG"]),
        ({}, DAY, NSEC3Chain(iterations=1), ["NSEC3_COSTLY"]),
        ({}, DAY, NSEC3Chain(b"\xaa"), ["NSEC3_COSTLY"]),
    ],
)
def test_advice(timers: dict[str, int], longest: timedelta, chain: NSEC3Chain | None, codes: list[str]) -> None:
    values = {"ttl": 86400, "refresh": 3600, "retry": 900, "expire": 1_209_600, "minimum": 3600}
    soa = find(zone(SOA.format(**(values | timers))), T.SOA)
    assert [advice.code for advice in zone_advice(soa, longest, 20 * DAY, chain)] == codes
