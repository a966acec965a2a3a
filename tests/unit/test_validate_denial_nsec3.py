"""What NSEC3 records prove, and what they must not be taken to prove (RFC 5155 §8, RFC 6840 §4).

The zone and the responses of RFC 5155 appendices A and B, and small chains made here, whose hashes are dnspython's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import dns.dnssec
import dns.name
import pytest
from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.denials import Delegation, Denial, Denials
from danelaw.core.dnssec.nsec import encode_bitmap
from danelaw.core.dnssec.nsec3 import NSEC3, OPT_OUT, SHA1, hash_from_label
from danelaw.core.dnssec.rrsig import RRSIG
from danelaw.core.model import RRset

SALT = bytes.fromhex("aabbccdd")


def nowhere(cost: int) -> None:
    """Counts nothing."""


def digest(text: str) -> bytes:
    """An NSEC3 hash in base32hex."""
    read = hash_from_label(text.encode())
    assert read is not None
    return read


def types(text: str) -> frozenset[int]:
    return frozenset(int(T.from_text(type)) for type in text.split())


def rrsig(owner: Name, labels: int | None = None) -> RRSIG:
    return RRSIG(T.NSEC3, 13, len(owner) - 1 if labels is None else labels, 60, 2, 1, 1, owner.parent(), b"")


def nsec3(owner: str, record: NSEC3, zone: str = "example.") -> RRset:
    """``owner``: a hash in base32hex."""
    return RRset(dns.name.from_text(owner, dns.name.from_text(zone)), T.NSEC3, 60, frozenset({record.to_rdata()}))


def read(*rrsets: RRset, zone: str = "example.", most: int = 150, on_hash: Callable[[int], None] = nowhere) -> Denials:
    proven = [(one, rrsig(one.owner)) for one in rrsets]
    return Denials.read(dns.name.from_text(zone), proven, max_iterations=most, on_hash=on_hash)


APPENDIX_A = """
0p9mhaveqvm6t7vbl5lop2u3t2rp3tom 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS SOA NSEC3PARAM RRSIG
2t7b4g4vsa5smi47k61mv5bv1a22bojr 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG
2vptu5timamqttgl4luu9kg21e0aor3s 35mthgpgcu1qg68fab165klnsnk3dpvl MX RRSIG
35mthgpgcu1qg68fab165klnsnk3dpvl b4um86eghhds6nea196smvmlo4ors995 NS DS RRSIG
b4um86eghhds6nea196smvmlo4ors995 gjeqe526plbf1g8mklp59enfd789njgi MX RRSIG
gjeqe526plbf1g8mklp59enfd789njgi ji6neoaepv8b5o6k4ev33abha8ht9fgc HINFO A AAAA RRSIG
ji6neoaepv8b5o6k4ev33abha8ht9fgc k8udemvp1j2f7eg6jebps17vp3n8i58h
k8udemvp1j2f7eg6jebps17vp3n8i58h kohar7mbb8dc2ce8a9qvl8hon4k53uhi
kohar7mbb8dc2ce8a9qvl8hon4k53uhi q04jkcevqvmu85r014c7dkba38o0ji5r A RRSIG
q04jkcevqvmu85r014c7dkba38o0ji5r r53bq7cc2uvmubfu5ocmm6pers9tk9en A RRSIG
r53bq7cc2uvmubfu5ocmm6pers9tk9en t644ebqk9bibcna874givr6joj62mlhv MX RRSIG
t644ebqk9bibcna874givr6joj62mlhv 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom HINFO A AAAA RRSIG
"""
"""The NSEC3 chain of RFC 5155 appendix A: owner, next, types. All have the Opt-Out flag, 12 iterations and the salt."""

EXAMPLE = {
    owner[:2]: nsec3(owner, NSEC3(SHA1, OPT_OUT, 12, SALT, digest(following), types(" ".join(bitmap))))
    for owner, following, *bitmap in (line.split() for line in APPENDIX_A.split("\n") if line)
}
"""By the first two digits of the owner."""

NAME_ERROR = ("0p", "b4", "35")
WILDCARD_NODATA = ("k8", "q0", "r5")


def example(*owners: str) -> Denials:
    return read(*(EXAMPLE[owner] for owner in owners))


def closed(*owners: str) -> Denials:
    """The same records in a zone without opt-out."""
    cleared = []
    for owner in owners:
        (rdata,) = EXAMPLE[owner].rdatas
        record = replace(NSEC3.from_rdata(rdata), flags=0)
        cleared.append(replace(EXAMPLE[owner], rdatas=frozenset({record.to_rdata()})))
    return read(*cleared)


@pytest.mark.parametrize(
    ("response", "owners", "asked", "denial", "opt_out"),
    [
        ("B.1 Name Error", NAME_ERROR, "a.c.x.w.example A", Denial.NO_NAME, True),
        ("B.2 No Data Error", ("2t",), "ns1.example MX", Denial.NODATA, False),
        ("B.2.1 Empty Non-Terminal", ("ji",), "y.w.example A", Denial.EMPTY_NON_TERMINAL, False),
        ("B.3 Referral to an Opt-Out Unsigned Zone", ("35", "0p"), "c.example DS", Denial.OPT_OUT, True),
        ("B.5 Wildcard No Data Error", WILDCARD_NODATA, "a.z.w.example AAAA", Denial.WILDCARD_NODATA, True),
        ("B.6 DS Child Zone No Data Error", ("0p",), "example DS", None, False),
    ],
)
def test_responses_of_rfc_5155_appendix_b(
    response: str, owners: tuple[str, ...], asked: str, denial: Denial | None, opt_out: bool
) -> None:
    owner, type = asked.split()
    denied = example(*owners).denies(dns.name.from_text(owner), T.from_text(type))
    assert (denied and denied.how) == denial, response
    if denied is not None:
        assert denied.opt_out == opt_out
        assert set(denied.records) == {EXAMPLE[one] for one in owners}
        assert len(denied.records) == len(owners)


def test_the_expansion_of_rfc_5155_appendix_b() -> None:
    """B.4 Wildcard Expansion: the next closer name alone is covered, in an opt-out span."""
    denied = example("q0").rules_out_closer_match(dns.name.from_text("a.z.w.example"), 2)
    assert denied is not None
    assert (denied.how, denied.opt_out, denied.records) == (Denial.NO_CLOSER_NAME, True, (EXAMPLE["q0"],))
    assert example("k8", "r5").rules_out_closer_match(dns.name.from_text("a.z.w.example"), 2) is None


@pytest.mark.parametrize(
    ("owners", "asked", "denial"),
    [
        (NAME_ERROR, "a.c.x.w.example A", Denial.NO_NAME),
        (("b4", "35"), "a.c.x.w.example A", None),  # the next closer name is not covered
        (("0p", "35"), "a.c.x.w.example A", None),  # no closest encloser
        (("0p", "b4"), "a.c.x.w.example A", None),  # the wildcard is not denied
        (("0p", "b4", "35", "2t"), "A.C.X.W.EXAMPLE A", Denial.NO_NAME),
        (WILDCARD_NODATA, "a.z.w.example AAAA", Denial.WILDCARD_NODATA),
        (WILDCARD_NODATA, "a.z.w.example MX", None),  # the wildcard has them
        (WILDCARD_NODATA, "a.z.w.example DS", Denial.WILDCARD_NODATA),
        (("k8", "q0"), "a.z.w.example AAAA", None),
        (("35", "0p"), "c.example DS", None),  # without Opt-Out: RFC 5155 §8.6
        (("35", "0p"), "c.example A", None),
        (("2t",), "ns1.example A", None),
        (("35",), "a.example DS", None),  # it has one
        (("35",), "a.example A", None),  # the parent's side of a cut: RFC 6840 §4.1
        (("0p",), "example A", Denial.NODATA),
        (tuple(EXAMPLE), "ns1.a.example A", None),  # below a cut
        (tuple(EXAMPLE), "ns1.a.example DS", None),
        (tuple(EXAMPLE), "example.org A", None),
        (tuple(EXAMPLE), "org DS", None),
        (tuple(EXAMPLE), "*.w.example A", Denial.NODATA),
        (tuple(EXAMPLE), "ai.example ANY", None),
        (tuple(EXAMPLE), "y.w.example ANY", Denial.EMPTY_NON_TERMINAL),
    ],
)
def test_denials_without_opt_out(owners: tuple[str, ...], asked: str, denial: Denial | None) -> None:
    owner, type = asked.split()
    denied = closed(*owners).denies(dns.name.from_text(owner), T.from_text(type))
    assert (denied and denied.how) == denial
    assert not (denied and denied.opt_out)


def only(owner: str, bitmap: str, zone: str = "example.", flags: int = 0) -> RRset:
    """The one record of a zone: it covers everything but its owner. No salt, no iterations."""
    hashed = dns.dnssec.nsec3_hash(owner, None, 0, SHA1).lower()
    return nsec3(hashed, NSEC3(SHA1, flags, 0, b"", digest(hashed), types(bitmap)), zone)


@pytest.mark.parametrize(
    ("zone", "record", "asked", "denial"),
    [
        ("example.", only("example", "SOA NS"), "www.example A", Denial.NO_NAME),
        ("example.", only("example", "SOA NS"), "a.b.c.example A", Denial.NO_NAME),
        ("example.", only("example", "SOA NS"), "example A", Denial.NODATA),
        ("example.", only("example", "SOA NS"), "example SOA", None),
        ("example.", only("example", "SOA NS DNAME"), "www.example A", None),  # redirected: RFC 6840 §4.1
        ("example.", only("example", "SOA NS DNAME"), "example A", Denial.NODATA),
        # Closest enclosers that are none
        ("example.", only("sub.example", "NS"), "www.sub.example A", None),
        ("example.", only("sub.example", "NS"), "sub.example DS", Denial.NODATA),
        ("example.", only("sub.example", "NS"), "sub.example A", None),
        ("example.", only("sub.example", "NS SOA"), "sub.example DS", None),  # the child's own
        ("example.", only("dn.example", "DNAME"), "x.dn.example A", None),
        ("example.", only("dn.example", "DNAME"), "dn.example A", Denial.NODATA),
        ("example.", only("www.example", "CNAME"), "www.example A", None),  # RFC 6840 §4.3
        ("example.", only("www.example", "CNAME"), "www.example DS", None),
        # The root zone
        (".", only(".", "SOA NS", "."), "net A", Denial.NO_NAME),
        (".", only(".", "SOA NS", "."), "a.net A", Denial.NO_NAME),
        (".", only(".", "SOA NS", "."), ". A", Denial.NODATA),
        (".", only(".", "SOA NS", "."), ". DS", Denial.NODATA),
        (".", only("net", "NS", "."), "net DS", Denial.NODATA),
    ],
)
def test_denials_by_a_single_record(zone: str, record: RRset, asked: str, denial: Denial | None) -> None:
    owner, type = asked.split()
    denied = read(record, zone=zone).denies(dns.name.from_text(owner), T.from_text(type))
    assert (denied and denied.how) == denial


@pytest.mark.parametrize(
    ("record", "what", "opt_out"),
    [
        (only("sub.example", "NS"), Delegation.INSECURE_CUT, False),
        (only("sub.example", "NS", flags=OPT_OUT), Delegation.INSECURE_CUT, False),  # RFC 5155 §6: it may have its own
        (only("sub.example", "NS DS"), None, False),
        (only("sub.example", "NS SOA"), None, False),
        (only("sub.example", "A"), Delegation.NO_CUT, False),
        (only("sub.example", ""), Delegation.NO_CUT, False),
        (only("sub.example", "CNAME"), None, False),
        (only("example", "SOA NS"), Delegation.NOTHING_BELOW, False),
        (only("example", "SOA NS", flags=OPT_OUT), Delegation.OPT_OUT, True),
        (only("example", "SOA NS DNAME", flags=OPT_OUT), None, False),
        (only("other.example", "A", flags=OPT_OUT), None, False),  # no closest encloser
    ],
)
def test_what_begins_where_there_is_no_ds(record: RRset, what: Delegation | None, opt_out: bool) -> None:
    """RFC 5155 §8.9, RFC 6840 §4.4."""
    delegation = read(record).delegation(dns.name.from_text("sub.example"))
    assert (delegation and delegation[0]) == what
    if delegation is not None:
        assert delegation[1].opt_out == opt_out
        assert delegation[1].records == (record,)


def test_an_apex_is_no_cut_of_its_own_zone() -> None:
    for bitmap in ("SOA NS", "NS"):
        assert read(only("example", bitmap)).delegation(dns.name.from_text("example")) is None


def test_an_expansion_of_a_wildcard_above_the_zone_is_never_right() -> None:
    denials = read(only("a.example", "SOA NS", "a.example."), zone="a.example.")
    assert denials.rules_out_closer_match(dns.name.from_text("www.a.example"), 2)
    assert denials.rules_out_closer_match(dns.name.from_text("www.a.example"), 1) is None
    assert denials.rules_out_closer_match(dns.name.from_text("www.a.example"), 0) is None


def test_what_an_opt_out_span_leaves_open_is_denied_for_every_type_but_never_securely() -> None:
    """An empty non-terminal that only leads to unsigned delegations has no NSEC3 (RFC 5155 §7.1)."""
    denied = example("35", "0p").denies(dns.name.from_text("ent.c.example"), T.TLSA)
    assert denied is not None
    assert (denied.how, denied.opt_out) == (Denial.OPT_OUT, True)


APEX = only("example", "SOA NS")
(RDATA,) = APEX.rdatas
PARSED = NSEC3.from_rdata(RDATA)
HASHED = APEX.owner.labels[0].decode()


@pytest.mark.parametrize(
    ("rrset", "labels", "why"),
    [
        (APEX, 1, "expanded from a wildcard"),
        (replace(APEX, owner=dns.name.from_text(f"{HASHED}.a.example")), 3, "not right below the zone"),
        (replace(APEX, owner=dns.name.from_text(f"{HASHED}.org")), 2, "not of the zone"),
        (replace(APEX, owner=dns.name.from_text("example")), 1, "no hash"),
        (replace(APEX, owner=dns.name.root), 0, "no hash"),
        (replace(APEX, owner=dns.name.from_text("www.example")), 2, "no hash"),
        (replace(APEX, owner=dns.name.from_text("00.example")), 2, "a hash of one octet"),
        (nsec3(HASHED, replace(PARSED, next=b"\0")), 2, "a next hash of one octet"),
        (nsec3(HASHED, replace(PARSED, hash_algorithm=2)), 2, "unknown hash algorithm: RFC 5155 §8.1"),
        (nsec3(HASHED, replace(PARSED, flags=2)), 2, "unknown flag: RFC 5155 §8.2"),
        (nsec3(HASHED, replace(PARSED, flags=3)), 2, "unknown flag beside Opt-Out"),
        (replace(APEX, rdatas=frozenset({RDATA, RDATA + encode_bitmap([300])})), 2, "two records for one hash"),
        (replace(APEX, rdatas=frozenset({RDATA[:-1]})), 2, "malformed"),
        (replace(APEX, rdatas=frozenset()), 2, "none"),
    ],
)
def test_records_that_prove_nothing(rrset: RRset, labels: int, why: str) -> None:
    denials = Denials.read(
        dns.name.from_text("example"), [(rrset, rrsig(APEX.owner, labels))], max_iterations=150, on_hash=nowhere
    )
    assert not denials, why
    assert denials.denies(dns.name.from_text("www.example"), T.A) is None
    assert denials.delegation(dns.name.from_text("www.example")) is None
    assert denials.rules_out_closer_match(dns.name.from_text("www.example"), 1) is None
    assert [(one.code, one.blamed) for one in denials.unusable] == [("NSEC3_UNUSABLE", f"{rrset.owner} NSEC3")]
    assert denials.excessive is None


def never(cost: int) -> None:
    raise AssertionError("nothing is to be hashed")


def test_more_iterations_than_are_believed_are_not_even_hashed() -> None:
    """RFC 9276 §3.2. One such record is enough, as it may be the one that counts."""
    for records in ([EXAMPLE["0p"]], [APEX, EXAMPLE["2t"]]):
        denials = read(*records, most=11, on_hash=never)
        assert denials.excessive == records[-1]
        assert denials.denies(dns.name.from_text("www.example"), T.A) is None
        assert denials.delegation(dns.name.from_text("www.example")) is None
    assert read(EXAMPLE["0p"], most=12).excessive is None


def test_records_without_use_are_not_excessive_either() -> None:
    unknown = nsec3(HASHED, replace(PARSED, hash_algorithm=2, iterations=65535))
    assert read(unknown, most=0).excessive is None


def test_one_set_of_parameters_is_used_and_the_others_are_told() -> None:
    """RFC 5155 §8.2."""
    denials = read(*(EXAMPLE[one] for one in NAME_ERROR), APEX)
    assert denials.denies(dns.name.from_text("a.c.x.w.example"), T.A)
    assert [one.blamed for one in denials.unusable] == [f"{APEX.owner} NSEC3"]
    tied = read(EXAMPLE["0p"], APEX)  # one each: the cheaper
    denied = tied.denies(dns.name.from_text("www.example"), T.A)
    assert denied is not None
    assert denied.records == (APEX,)
    assert [one.blamed for one in tied.unusable] == [f"{EXAMPLE['0p'].owner} NSEC3"]


def test_opt_out_may_differ_from_record_to_record() -> None:
    """RFC 5155 §6: a zone may have both."""
    apex = only("example", "SOA NS", flags=OPT_OUT)
    denials = read(apex, only("www.example", "A"))
    assert denials.unusable == ()


class TooMuchError(Exception):
    pass


def test_no_name_is_hashed_twice_and_each_hash_is_told_before() -> None:
    costs: list[int] = []
    denials = read(*(EXAMPLE[one] for one in NAME_ERROR), on_hash=costs.append)
    for _ in range(2):
        assert denials.denies(dns.name.from_text("a.c.x.w.example"), T.A)
    # The name, example, w, x.w, c.x.w, and the wildcard; each 12 times over
    assert costs == [13] * 6


def test_the_labels_of_a_long_name_are_not_all_hashed() -> None:
    costs: list[int] = []
    denials = read(APEX, on_hash=costs.append)
    assert denials.denies(dns.name.from_text("a." * 120 + "example"), T.A)
    assert len(costs) == 4  # the name, the apex, the name below it, the wildcard


def test_hashing_ends_where_the_caller_says() -> None:
    def refuse(cost: int) -> None:
        raise TooMuchError

    with pytest.raises(TooMuchError):
        read(APEX, on_hash=refuse).denies(dns.name.from_text("www.example"), T.A)
