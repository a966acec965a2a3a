"""Paths from a leaf to an anchor, by RFC 5280 as RFC 7671 §5.2 calls for it; and what looking for them may cost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Final, TypeAlias

import dns.name
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from danelaw.core.model import Chain
from danelaw.core.tlsa import (
    PROFILES,
    Combination,
    Profile,
    Reference,
    TLSARecord,
    associate,
    match,
    pkix_valid,
    reading,
)
from danelaw.core.tlsa.ascents import MOST_ASCENTS, MOST_NAMESAKES, MOST_PRESENTED, Rules, ascents
from danelaw.core.tlsa.kept import FEW, LARGE, LARGEST, kept
from danelaw.core.tlsa.paths import MOST_TOPS
from danelaw.core.tlsa.profiles import RFC, STRICT
from danelaw.core.tlsa.x509 import parse
from tlsa_chains import DAY, INTERMEDIATE, LEAF, NOW, ROOT, Issued, issue, over_sha_1

WWW: Final = dns.name.from_text("www.example.net.")
NAMES: Final = ("www.example.net",)
Found: TypeAlias = int | str


def naming(combination: str, certificate: Issued) -> TLSARecord:
    usage, rest = combination.split(maxsplit=1)
    data = associate(Combination.from_text(f"3 {rest}"), Chain((certificate.der,))).data
    return TLSARecord(Combination.from_text(f"{usage} {rest}"), data)


def found(
    anchor: Issued, sent: tuple[Issued, ...], profile: Profile = RFC, *, at: datetime = NOW, name: str = NAMES[0]
) -> Found:
    """What a ``2 0 1`` of the anchor comes to."""
    chain = Chain(tuple(certificate.der for certificate in sent))
    seen = match([naming("2 0 1", anchor)], chain, Reference((dns.name.from_text(name),)), at, profile)
    if seen.by is not None and seen.by.depth is not None:
        return seen.by.depth
    return seen.reason.code if seen.reason is not None else seen.verdict.value


def below(*cas: Issued, **more: object) -> tuple[Issued, ...]:
    """A leaf that the last of the CAs issued, and the CAs from the last to the first."""
    leaf = issue("leaf", cas[-1], names=NAMES, **more)  # type: ignore[arg-type]  # as issue takes them
    return (leaf, *reversed(cas))


def line(count: int, **more: object) -> tuple[Issued, ...]:
    """So many CAs, each issued by the one before; the first by itself."""
    cas: list[Issued] = []
    for number in range(count):
        cas.append(issue(f"CA {number}", cas[-1] if cas else None, ca=True, **more))  # type: ignore[arg-type]  # as above
    return tuple(cas)


LIMITED = issue("Limited", ca=True, path_length=1)
ONE_BELOW = issue("One below", LIMITED, ca=True)
TWO_BELOW = issue("Two below", ONE_BELOW, ca=True)
ROLLED = issue("Limited", LIMITED, ca=True)  # self-issued: a new key of the same CA
UNDER_ROLLED = issue("One below", ROLLED, ca=True)
PATH_LENGTHS = {
    "as many as allowed": (LIMITED, below(LIMITED, ONE_BELOW), 2),
    "one more": (LIMITED, below(LIMITED, ONE_BELOW, TWO_BELOW), "PATH_TOO_LONG"),
    "an anchor further down knows no limit": (ONE_BELOW, below(LIMITED, ONE_BELOW, TWO_BELOW), 2),
    "self-issued ones don't count": (LIMITED, below(LIMITED, ROLLED, UNDER_ROLLED), 3),
}


@pytest.mark.parametrize(("anchor", "sent", "expected"), PATH_LENGTHS.values(), ids=PATH_LENGTHS.keys())
def test_path_lengths_that_the_anchor_or_a_link_sets(anchor: Issued, sent: tuple[Issued, ...], expected: Found) -> None:
    """RFC 5280 §4.2.1.9, RFC 7671 §5.2.1."""
    assert found(anchor, sent) == expected


DATES = {
    # start and end, from now, of the leaf, of the CA that issued it, of the anchor above; what is found
    "all valid": ((-DAY, DAY), (-DAY, DAY), (-DAY, DAY), 2),
    "the leaf has ended": ((-2 * DAY, -DAY), (-DAY, DAY), (-DAY, DAY), "EXPIRED"),
    "the leaf has not begun": ((DAY, 2 * DAY), (-DAY, DAY), (-DAY, DAY), "NOT_YET_VALID"),
    "the CA has ended": ((-DAY, DAY), (-2 * DAY, -DAY), (-DAY, DAY), "EXPIRED"),
    "the CA has not begun": ((-DAY, DAY), (DAY, 2 * DAY), (-DAY, DAY), "NOT_YET_VALID"),
    "the anchor has ended": ((-DAY, DAY), (-DAY, DAY), (-2 * DAY, -DAY), "EXPIRED"),
    "the anchor has not begun": ((-DAY, DAY), (-DAY, DAY), (DAY, 2 * DAY), "NOT_YET_VALID"),
}


@pytest.mark.parametrize("case", DATES.values(), ids=DATES.keys())
def test_every_certificate_of_the_path_is_valid_now(
    case: tuple[tuple[timedelta, timedelta], tuple[timedelta, timedelta], tuple[timedelta, timedelta], Found],
) -> None:
    leaf, ca, anchor, expected = case
    root = issue("Root", ca=True, start=NOW + anchor[0], end=NOW + anchor[1])
    link = issue("Link", root, ca=True, start=NOW + ca[0], end=NOW + ca[1])
    sent = below(root, link, start=NOW + leaf[0], end=NOW + leaf[1])
    assert found(root, sent) == expected


@pytest.mark.parametrize(("skew", "expected"), [(timedelta(0), 2), (DAY, 2), (DAY + timedelta(seconds=1), "EXPIRED")])
def test_a_clock_that_is_wrong_may_find_a_link_past_its_dates(skew: timedelta, expected: Found) -> None:
    root = issue("Root", ca=True, start=NOW - 9 * DAY)
    link = issue("Link", root, ca=True, start=NOW - 9 * DAY, end=NOW + DAY)
    assert found(root, below(root, link, start=NOW - 9 * DAY), Profile(skew=skew)) == expected


def test_what_is_not_on_the_path_may_have_ended() -> None:
    """Such as the root of 2021 that an old chain still carried."""
    ended = issue("Root", ca=True, key=ROOT.key, end=NOW - DAY)
    for profile in (RFC, STRICT, *PROFILES.values()):
        assert found(INTERMEDIATE, (LEAF, INTERMEDIATE, ended), profile) == 1


OTHER_ROOT = issue("Other root", ca=True)
CROSS = issue("Intermediate", OTHER_ROOT, ca=True, key=INTERMEDIATE.key)
CROSSED_ROOT = issue("Root", OTHER_ROOT, ca=True, key=ROOT.key)
CROSS_SIGNED = {
    "the root": (ROOT, (LEAF, INTERMEDIATE, CROSS, ROOT, OTHER_ROOT), 2),
    "the other root": (OTHER_ROOT, (LEAF, INTERMEDIATE, CROSS, ROOT, OTHER_ROOT), 2),
    "the root's other certificate": (CROSSED_ROOT, (LEAF, INTERMEDIATE, CROSSED_ROOT), 2),
    "past the root's other certificate": (OTHER_ROOT, (LEAF, INTERMEDIATE, CROSSED_ROOT, OTHER_ROOT), 3),
    "the other root, and the way there is not sent": (OTHER_ROOT, (LEAF, INTERMEDIATE, OTHER_ROOT), "NO_PATH"),
}


@pytest.mark.parametrize(("anchor", "sent", "expected"), CROSS_SIGNED.values(), ids=CROSS_SIGNED.keys())
def test_cross_signed_roots_are_reached_by_every_way(anchor: Issued, sent: tuple[Issued, ...], expected: Found) -> None:
    assert found(anchor, sent) == expected
    assert found(anchor, (sent[0], *reversed(sent[1:]))) == expected


def test_certificates_that_were_never_valid_at_once_make_no_path() -> None:
    """The library's verifier is asked at a time when all are valid, and there is none."""
    ended = issue("Ended", ROOT, ca=True, end=NOW - 2 * DAY)
    sent = below(ended, start=NOW - DAY)
    why = pkix_valid(Chain(tuple(one.der for one in sent)), (WWW,), (ROOT.der,), NOW)
    assert why is not None
    assert (why.code, why.detail) == ("EXPIRED", "its certificates are never valid together")


D: Final = x509.DNSName
A: Final = x509.IPAddress
Rule: TypeAlias = tuple[list[x509.GeneralName] | None, list[x509.GeneralName] | None]


def dn(*pairs: tuple[x509.ObjectIdentifier, str]) -> x509.DirectoryName:
    return x509.DirectoryName(x509.Name([x509.NameAttribute(oid, value) for oid, value in pairs]))


ORGANISED = x509.Name(
    [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Danelaw"), x509.NameAttribute(NameOID.COMMON_NAME, "leaf")]
)
HERE = A(ip_address("192.0.2.1"))
HERE_6 = A(ip_address("2001:db8::1"))
MAIL = x509.RFC822Name("post@example.net")
CONSTRAINTS: dict[str, tuple[Rule, dict[str, object], bool]] = {
    # permitted and excluded, the leaf's names: may they be certified
    "a name within": (([D("example.net")], None), {}, True),
    "the name itself": (([D("www.example.net")], None), {}, True),
    "a name beside": (([D("example.org")], None), {}, False),
    "a name that only ends so": (([D("ample.net")], None), {}, False),
    "within one of two": (([D("example.org"), D("net")], None), {}, True),
    "every name": (([D("")], None), {}, True),
    "one of two names within": (([D("example.net")], None), {"names": (*NAMES, "www.example.org")}, False),
    "excluded": ((None, [D("example.net")]), {}, False),
    "excluded in capitals": ((None, [D("EXAMPLE.NET")]), {}, False),
    "excluded elsewhere": ((None, [D("example.org")]), {}, True),
    "excluded below what is permitted": (([D("net")], [D("www.example.net")]), {}, False),
    "a wildcard above what is permitted": (([D("www.example.net")], None), {"names": ("*.example.net",)}, False),
    "a wildcard within": (([D("example.net")], None), {"names": ("*.example.net",)}, True),
    "a wildcard that covers what is excluded": ((None, [D("www.example.net")]), {"names": ("*.example.net",)}, False),
    "a wildcard above what is excluded": ((None, [D("a.www.example.net")]), {"names": ("*.example.net",)}, True),
    "with a dot in front": (([D(".example.net")], None), {}, True),
    "an address within": (([A(ip_network("192.0.2.0/24"))], None), {"others": (HERE,)}, True),
    "an address beside": (([A(ip_network("198.51.100.0/24"))], None), {"others": (HERE,)}, False),
    "an address of the other family": (([A(ip_network("192.0.2.0/24"))], None), {"others": (HERE_6,)}, False),
    "an address excluded": ((None, [A(ip_network("192.0.2.0/24"))]), {"others": (HERE,)}, False),
    "no address at all": (([A(ip_network("192.0.2.0/24"))], None), {}, True),
    "a subject within": (([dn((NameOID.ORGANIZATION_NAME, "Danelaw"))], None), {"subject": ORGANISED}, True),
    "a subject within, in capitals": (
        ([dn((NameOID.ORGANIZATION_NAME, "DANELAW"))], None),
        {"subject": ORGANISED},
        True,
    ),
    "a subject beside": (([dn((NameOID.ORGANIZATION_NAME, "Wessex"))], None), {"subject": ORGANISED}, False),
    "a subject excluded": ((None, [dn((NameOID.ORGANIZATION_NAME, "Danelaw"))]), {"subject": ORGANISED}, False),
    "a subject of nothing": (
        ([dn((NameOID.ORGANIZATION_NAME, "Wessex"))], None),
        {"subject": x509.Name([])},
        True,
    ),
    "a subject that has the RDN further on": (
        ([dn((NameOID.COMMON_NAME, "leaf"))], None),
        {"subject": ORGANISED},
        False,
    ),
    "a form that is not processed, and a name of it": (
        ([x509.RFC822Name("example.net")], None),
        {"others": (MAIL,)},
        False,
    ),
    "a form that is not processed, and no name of it": (([x509.RFC822Name("example.net")], None), {}, True),
}


@pytest.mark.parametrize(("rule", "more", "permitted"), CONSTRAINTS.values(), ids=CONSTRAINTS.keys())
def test_name_constraints_of_anchors_and_of_links(rule: Rule, more: dict[str, object], permitted: bool) -> None:
    """RFC 5280 §4.2.1.10, RFC 7671 §5.2.1; of the wildcard that covers an excluded name: CVE-2025-61727."""
    ca = issue("Constrained", ROOT, ca=True, constraints=x509.NameConstraints(*rule))
    leaf = issue("leaf", ca, **({"names": NAMES} | more))  # type: ignore[arg-type]  # as issue takes them
    wanted = "www.example.net" if more.get("names", NAMES)[0] != "www.example.org" else "www.example.org"  # type: ignore[index]  # a tuple of names
    assert (found(ca, (leaf, ca), name=wanted) == 1) == permitted
    assert (found(ROOT, (leaf, ca, ROOT), name=wanted) == 2) == permitted


def test_name_constraints_hold_for_cas_below_too_and_not_for_self_issued_ones() -> None:
    """RFC 5280 §6.1.3 (b)."""
    rule = x509.NameConstraints(None, [dn((NameOID.COMMON_NAME, "Below"))])
    top = issue("Top", ca=True, constraints=rule)
    assert found(top, below(top, issue("Below", top, ca=True))) == "NAME_NOT_PERMITTED"
    myself = x509.NameConstraints(None, [dn((NameOID.COMMON_NAME, "Top"))])
    narrow = issue("Top", ca=True, constraints=myself)
    assert found(narrow, below(narrow, issue("Top", narrow, ca=True))) == 2


USAGE = {
    # of the leaf: digitalSignature, keyEncipherment, keyAgreement, keyCertSign; may it serve
    "signs": ((True, False, False, False), 1),
    "takes keys": ((False, True, False, False), 1),
    "agrees on keys": ((False, False, True, False), 1),
    "signs certificates alone": ((False, False, False, True), "NOT_FOR_SERVERS"),
}


@pytest.mark.parametrize(("bits", "expected"), USAGE.values(), ids=USAGE.keys())
def test_a_leaf_whose_key_has_no_use_in_tls(bits: tuple[bool, bool, bool, bool], expected: Found) -> None:
    """RFC 5280 §4.2.1.3."""
    sign, encipher, agree, certify = bits
    usage = x509.KeyUsage(sign, False, encipher, False, agree, certify, False, False, False)
    assert found(INTERMEDIATE, below(INTERMEDIATE, usage=usage)[:2]) == expected


def test_cas_for_other_purposes_are_none_of_servers() -> None:
    """RFC 5280 §4.2.1.12, as all libraries read it for CAs."""
    client = issue("For clients", ROOT, ca=True, purposes=(ExtendedKeyUsageOID.CLIENT_AUTH,))
    server = issue("For servers", ROOT, ca=True, purposes=(ExtendedKeyUsageOID.SERVER_AUTH,))
    assert found(ROOT, below(ROOT, client)) == "NOT_FOR_SERVERS"
    assert found(client, below(ROOT, client)) == "NOT_FOR_SERVERS"
    assert found(ROOT, below(ROOT, server)) == 2


def test_signatures_over_sha_1_prove_nothing() -> None:
    """RFC 8446 §4.4.2.4. Who is an anchor by DNS needs no signature."""
    weak = over_sha_1(issue("Weak", ROOT, ca=True))
    assert found(ROOT, below(ROOT, weak)) == "WEAK_SIGNATURE"
    assert found(weak, below(ROOT, weak)) == 1
    leaf = over_sha_1(issue("leaf", INTERMEDIATE, names=NAMES))
    assert found(INTERMEDIATE, (leaf, INTERMEDIATE)) == "WEAK_SIGNATURE"
    record = naming("2 1 0", INTERMEDIATE)
    assert match([record], Chain((leaf.der,)), Reference((WWW,)), NOW).by is None


def test_an_issuers_name_is_compared_as_people_read_it() -> None:
    """RFC 5280 §7.1; but publishers reckon with those who compare octets."""
    spelt = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "INTERMEDIATE")])
    leaf = issue("leaf", INTERMEDIATE, names=NAMES, issuer=spelt)
    assert found(INTERMEDIATE, (leaf, INTERMEDIATE)) == 1
    assert found(INTERMEDIATE, (leaf, INTERMEDIATE), STRICT) == "ISSUER_SPELT_OTHERWISE"


def test_a_long_line_is_climbed_by_clients_and_not_counted_on_by_publishers() -> None:
    cas = line(15)
    assert found(cas[0], below(*cas)) == 15
    assert found(cas[0], below(*cas), STRICT) == "NO_PATH"


class Counting:
    """Counts verifications of signatures."""

    def __init__(self, verify: Callable[[bytes, bytes], bool]) -> None:
        self.count = 0
        self._verify = verify

    def __call__(self, der: bytes, spki: bytes) -> bool:
        self.count += 1
        return self._verify(der, spki)


@pytest.fixture
def verifications(monkeypatch: pytest.MonkeyPatch) -> Counting:
    counting = Counting(reading.verifies)
    monkeypatch.setattr(reading, "verifies", counting)
    return counting


def look_alikes(count: int) -> list[Issued]:
    """CAs of one name and one key, each issued by that name: every one may have issued every other."""
    first = issue("Look-alike", ca=True)
    return [first, *(issue("Look-alike", first, ca=True, key=first.key) for _ in range(count - 1))]


def maze(names: int) -> list[Issued]:
    """CAs of many names, of which each has certified each."""
    keys = [issue(f"Maze {number}", ca=True) for number in range(names)]
    return [issue(a.name, b, ca=True, key=a.key) for a in keys for b in keys if a is not b]


CROWDS: Final[dict[str, Callable[[], list[Issued]]]] = {
    "look-alikes": lambda: look_alikes(100),
    "a maze": lambda: maze(10),
    "a long line": lambda: list(reversed(line(100))),
}


@pytest.mark.parametrize("crowd", CROWDS.values(), ids=CROWDS.keys())
@pytest.mark.parametrize("combination", ["2 0 1", "2 1 1", "2 0 0", "2 1 0", "0 0 1"])
def test_a_hundred_certificates_and_a_hundred_records_cost_little(
    combination: str, crowd: Callable[[], list[Issued]], verifications: Counting
) -> None:
    """Each signature is verified once for all records, and only as many as may stand above the leaf at all."""
    cas = crowd()
    leaf = issue("leaf", cas[0], names=NAMES)
    chain = Chain((leaf.der, *(ca.der for ca in cas)))
    strangers = [issue(f"Stranger {number}", cas[-1], ca=True) for number in range(20)]
    records = [naming(combination, certificate) for certificate in (strangers + cas)[:100]]
    seen = match(records, chain, Reference((WWW,), (ROOT.der,)), NOW)
    assert len(seen.records) == 100
    assert verifications.count <= MOST_ASCENTS + len(records)


def test_a_bare_key_is_tried_on_few_certificates(verifications: Counting) -> None:
    """However many ways there are to the top: here sixteen, all of them well signed."""
    key, keys = INTERMEDIATE.key, [ec.generate_private_key(ec.SECP256R1()) for _ in range(MOST_NAMESAKES)]
    tops = [issue(f"Top {a} {b}", ca=True) for a in range(MOST_NAMESAKES) for b in range(MOST_NAMESAKES)]
    bush = [issue(f"Above {n % 4}", top, ca=True, key=keys[n % 4]) for n, top in enumerate(tops)]
    bush += [issue("Intermediate", bush[n], ca=True, key=key) for n in range(MOST_NAMESAKES)]
    chain = Chain((LEAF.der, *(ca.der for ca in bush)))
    records = [naming("2 1 0", issue(f"Stranger {number}", ca=True)) for number in range(50)]
    assert match(records, chain, Reference((WWW,)), NOW).by is None
    assert verifications.count <= len(bush) + MOST_TOPS * len(records)


@pytest.mark.parametrize("key_ids", [True, False])
def test_a_bare_key_is_tried_on_what_nobody_stands_above(key_ids: bool) -> None:
    """RFC 7671 §5.2.3: the topmost certificate. Key identifiers tell that a namesake does not stand there."""
    root = issue("Root", ca=True, key_ids=key_ids)
    link = issue("Link", root, ca=True, key_ids=key_ids)
    leaf = issue("leaf", link, names=NAMES)
    namesake = issue("Root", ca=True, key_ids=key_ids)
    seen = match([naming("2 1 0", root)], Chain((leaf.der, link.der, namesake.der)), Reference((WWW,)), NOW)
    assert (seen.by is not None) == key_ids


def test_an_anchor_that_is_sent_and_in_dns_too_is_one() -> None:
    ways = ascents(Chain((LEAF.der, INTERMEDIATE.der, ROOT.der)), (ROOT.der,), Rules())
    assert [len(way.certificates) for way in ways] == [1, 2, 3]


def test_a_record_of_an_issuer_is_about_the_one_whose_name_the_leaf_has() -> None:
    """Another CA may have the same key."""
    other = issue("Other", ROOT, ca=True, key=INTERMEDIATE.key)
    made = associate(Combination(2, 0, 0), Chain((LEAF.der, other.der, INTERMEDIATE.der)))
    assert made.data == INTERMEDIATE.der


def test_what_is_near_is_found_however_many_are_sent() -> None:
    crowd = maze(8)
    for anchor in (INTERMEDIATE, ROOT):
        assert isinstance(found(anchor, (LEAF, INTERMEDIATE, ROOT, *crowd)), int)
    assert len(crowd) * len(crowd) > MOST_ASCENTS


@pytest.mark.parametrize(("before", "expected"), [(MOST_PRESENTED - 1, 1), (MOST_PRESENTED, "NO_PATH")])
def test_what_is_sent_after_too_many_others_is_not_looked_at(before: int, expected: Found) -> None:
    others = tuple(issue(f"Stranger {number}", ca=True) for number in range(before))
    assert found(INTERMEDIATE, (LEAF, *others, INTERMEDIATE)) == expected


@pytest.mark.parametrize(("before", "expected"), [(MOST_NAMESAKES - 1, 1), (MOST_NAMESAKES, "NO_PATH")])
def test_nor_what_is_sent_after_too_many_of_its_name(before: int, expected: Found) -> None:
    others = tuple(issue("Intermediate", ca=True) for _ in range(before))
    assert found(INTERMEDIATE, (LEAF, *others, INTERMEDIATE)) == expected


def test_what_is_very_large_is_kept_while_a_chain_of_it_is_judged_and_no_longer() -> None:
    """A server cannot fill the memory of a daemon with chains that are large, and new each time."""
    large = issue("leaf", INTERMEDIATE, names=(*NAMES, *(f"{number:05}.example.net" for number in range(2000))))
    assert len(large.der) > LARGE
    assert found(INTERMEDIATE, (large, INTERMEDIATE)) == 1
    once = parse(large.der)
    assert parse(large.der) is once
    for number in range(FEW):
        parse(bytes((number,)) * (LARGE + 1))
    assert parse(large.der) is not once
    for enormous in (b"a" * (LARGEST + 1), b"b" * LARGEST):
        kept_of_it = asked_for(enormous)
        assert (asked_for(enormous) is kept_of_it) == (len(enormous) <= LARGEST)
    assert parse(LEAF.der) is parse(LEAF.der)


@kept(2)
def asked_for(octets: bytes) -> object:
    return [len(octets)]


@pytest.mark.timeout(20)
def test_names_and_constraints_may_be_as_many_as_a_handshake_holds() -> None:
    """Each against each, they would take some minutes, and that for every record."""
    trees = [x509.DNSName(f"b{number}") for number in range(4000)]
    ca = issue("Constrained", ca=True, constraints=x509.NameConstraints(None, trees))
    leaf = issue("leaf", ca, names=(*NAMES, *(f"a{number}" for number in range(5000))))
    records = [naming(f"2 {selector} {mtype}", ca) for selector in (0, 1) for mtype in (0, 1, 2)]
    reference = Reference((WWW, dns.name.from_text("absent.example.net.")))
    for profile in PROFILES.values():
        assert match(records, Chain((leaf.der, ca.der)), reference, NOW, profile).by is not None


def test_more_addresses_than_may_be_compared_are_not_permitted() -> None:
    networks = [x509.IPAddress(ip_network(f"10.{number}.0.0/16")) for number in range(256)]
    ca = issue("Constrained", ca=True, constraints=x509.NameConstraints(None, networks))
    for many, expected in ((64, 1), (65, "NAME_NOT_PERMITTED")):
        addresses = tuple(x509.IPAddress(ip_address(f"192.0.2.{number}")) for number in range(many))
        assert found(ca, (issue("leaf", ca, names=NAMES, others=addresses), ca)) == expected
