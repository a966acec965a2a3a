"""What NSEC records prove, and what they must not be taken to prove (RFC 4035 §5.4, RFC 6840 §4).

NSEC3: ``test_validate_denial_nsec3.py``.
"""

from __future__ import annotations

import dns.name
import pytest
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.denials import Delegation, Denial, Denials
from danelaw.core.dnssec.nsec import NSEC
from danelaw.core.dnssec.rrsig import RRSIG
from danelaw.core.model import RRset
from signed_tree import name

ZONE = "example.net."


def nsec(text: str) -> RRset:
    """``owner next TYPES``, relative to example.net."""
    owner, following, *types = text.split()
    rdata = NSEC(name(following), frozenset(int(T.from_text(type)) for type in types)).to_rdata()
    return RRset(name(owner), T.NSEC, 60, frozenset({rdata}))


def rrsig_by(zone: str, labels: int) -> RRSIG:
    return RRSIG(T.NSEC, 13, labels, 60, 2, 1, 1, name(zone), b"")


def no_hash(cost: int) -> None:
    raise AssertionError("NSEC takes no hashing")


def denials(*records: str, zone: str = ZONE) -> Denials:
    rrsets = [nsec(record) for record in records]
    proven = [(one, rrsig_by(zone, len(one.owner) - 1 - one.owner.is_wild())) for one in rrsets]
    read = Denials.read(name(zone), proven, max_iterations=0, on_hash=no_hash)
    assert read
    assert not read.unusable
    return read


@pytest.mark.parametrize(
    ("records", "asked", "denial"),
    [
        (["www yyy A"], "www TXT", Denial.NODATA),
        (["www yyy A"], "WWW txt", Denial.NODATA),
        (["www yyy A"], "www A", None),
        (["www yyy CNAME"], "www TXT", None),  # RFC 6840 §4.3
        (["www yyy CNAME"], "www CNAME", None),
        (["www yyy A NSEC RRSIG"], "www AAAA", Denial.NODATA),
        (["www yyy A NSEC RRSIG"], "www NSEC", None),
        (["www yyy A NSEC RRSIG"], "www ANY", None),  # whatever is there would answer: RFC 6840 §4.2
        (["example.net. c SOA"], "b ANY", Denial.NO_NAME),
        # The parent's side of a cut speaks of the DS alone, the child's of all but the DS
        (["sub yyy NS"], "sub DS", Denial.NODATA),
        (["sub yyy NS DS"], "sub DS", None),
        (["sub yyy NS"], "sub A", None),
        (["sub yyy NS"], "www.sub A", None),
        (["sub yyy NS"], "www.sub DS", None),
        (["example.net. a SOA NS"], "example.net. DS", None),
        (["example.net. a NS"], "example.net. DS", None),  # whatever its bits, it is the child's
        (["example.net. a SOA NS"], "example.net. A", Denial.NODATA),
        # Names that do not exist
        (["a c A", "example.net. a SOA"], "b A", Denial.NO_NAME),
        (["a c A"], "b A", None),  # the wildcard is not denied
        (["example.net. c SOA"], "b A", Denial.NO_NAME),  # one record denies both
        (["x example.net. A", "example.net. a SOA"], "z A", Denial.NO_NAME),  # the last one leads back to the apex
        (["example.net. example.net. SOA"], "z.y A", Denial.NO_NAME),  # the only one
        (["a c A", "example.net. a SOA"], "deep.b A", Denial.NO_NAME),
        (["a c A", "example.net. a SOA"], "c A", None),  # the gap ends before its next name
        (["a c A", "example.net. a SOA"], "org. A", None),
        (["x example.net. A", "example.net. a SOA"], "zzz.org. A", None),
        (["dn yyy DNAME", "example.net. a SOA"], "x.dn A", None),
        (["dn yyy DNAME", "example.net. a SOA"], "x.dm A", None),
        (["dn yyy DNAME", "example.net. a SOA"], "e A", Denial.NO_NAME),
        (["a c.b A"], "a.b A", Denial.NO_NAME),  # the next name tells that b exists: one record denies *.b as well
        # Whatever is odd about the bits: NS and SOA together are not a parent's, and an apex is no cut
        (["sub yyy NS SOA"], "sub A", Denial.NODATA),
        (["example.net. a NS"], "example.net. A", Denial.NODATA),
        # Empty non-terminals
        (["www _443._tcp.www A"], "_tcp.www A", Denial.EMPTY_NON_TERMINAL),
        (["www _443._tcp.www A"], "_tcp.www ANY", Denial.EMPTY_NON_TERMINAL),
        (["www _443._tcp.www A"], "_443._tcp.www A", None),
        # Wildcards
        (["w *.w A", "b.w z A"], "a.w A", None),  # nothing covers the name itself
        (["*.w b.w TXT"], "a.w A", Denial.WILDCARD_NODATA),
        (["*.w b.w TXT"], "a.w TXT", None),
        (["*.w b.w CNAME"], "a.w A", None),
        (["*.w b.w TXT"], "a.w DS", Denial.WILDCARD_NODATA),
        (["*.w b.w NS"], "a.w A", None),  # a delegation answers nothing, whoever puts one at a wildcard
        (["*.w b.w TXT"], "*.w A", Denial.NODATA),
        (["a.*.w c.w A", "w a.*.w A"], "b.w A", Denial.WILDCARD_NODATA),  # the wildcard is an empty non-terminal
    ],
)
def test_denials(records: list[str], asked: str, denial: Denial | None) -> None:
    owner, type = asked.split()
    denied = denials(*records).denies(name(owner), T.from_text(type))
    assert (denied and denied.how) == denial
    assert not (denied and denied.opt_out)


@pytest.mark.parametrize(
    ("records", "asked", "denial"),
    [
        (["net. . NS", ". net. SOA NS"], ". DS", Denial.NODATA),  # the root has no parent to ask
        (["net. . NS", ". net. SOA NS"], ". A", Denial.NODATA),
        (["net. . NS", ". net. SOA NS"], "org. A", Denial.NO_NAME),
        (["net. . NS", ". net. SOA NS"], "net. DS", Denial.NODATA),
        (["net. . NS", ". net. SOA NS"], "example.net. A", None),
    ],
)
def test_denials_of_the_root_zone(records: list[str], asked: str, denial: Denial | None) -> None:
    owner, type = asked.split()
    denied = denials(*records, zone=".").denies(name(owner), T.from_text(type))
    assert (denied and denied.how) == denial


EXAMPLE = {
    "example.": "example. a.example. NS SOA MX RRSIG NSEC DNSKEY",
    "b.example.": "b.example. ns1.example. NS RRSIG NSEC",
    "ns1.example.": "ns1.example. ns2.example. A RRSIG NSEC",
    "x.y.w.example.": "x.y.w.example. xx.example. MX RRSIG NSEC",
    "*.w.example.": "*.w.example. x.w.example. MX RRSIG NSEC",
}
"""NSEC records of the zone of RFC 4035 appendix A."""


@pytest.mark.parametrize(
    ("response", "records", "asked", "denial"),
    [
        ("B.2 Name Error", ["b.example.", "example."], "ml.example. A", Denial.NO_NAME),
        ("B.3 No Data Error", ["ns1.example."], "ns1.example. MX", Denial.NODATA),
        (
            "B.7 Wildcard No Data Error",
            ["x.y.w.example.", "*.w.example."],
            "a.z.w.example. AAAA",
            Denial.WILDCARD_NODATA,
        ),
        ("B.8 DS Child Zone No Data", ["example."], "example. DS", None),
    ],
)
def test_responses_of_rfc_4035_appendix_b(response: str, records: list[str], asked: str, denial: Denial | None) -> None:
    owner, type = asked.split()
    denied = denials(*(EXAMPLE[one] for one in records), zone="example.").denies(name(owner), T.from_text(type))
    assert (denied and denied.how) == denial, response
    assert denied is None or [one.owner.to_text() for one in denied.records] == records


def test_the_referral_and_the_expansion_of_rfc_4035_appendix_b() -> None:
    """B.5 Referral to Unsigned Zone, B.6 Wildcard Expansion."""
    delegation = denials(EXAMPLE["b.example."], zone="example.").delegation(name("b.example."))
    assert delegation is not None
    assert delegation[0] is Delegation.INSECURE_CUT
    closer = denials(EXAMPLE["x.y.w.example."], zone="example.").rules_out_closer_match(name("a.z.w.example."), 2)
    assert closer is not None
    assert closer.how is Denial.NO_CLOSER_NAME


@pytest.mark.parametrize(
    ("record", "what"),
    [
        ("sub yyy NS", Delegation.INSECURE_CUT),
        ("sub yyy NS DS", None),
        ("sub yyy NS SOA", None),  # the child's own apex
        ("sub yyy A", Delegation.NO_CUT),
        ("sub yyy DNAME", Delegation.NO_CUT),
        ("sub yyy CNAME", None),  # then a CNAME would have been the answer
        ("a z A", Delegation.NOTHING_BELOW),  # the name does not exist
        ("a x.sub A", Delegation.NO_CUT),  # an empty non-terminal
        ("a b A", None),
        ("example.net. example.net. SOA", Delegation.NOTHING_BELOW),
    ],
)
def test_what_begins_where_there_is_no_ds(record: str, what: Delegation | None) -> None:
    """RFC 6840 §4.4: only NS without DS and SOA proves an insecure delegation."""
    delegation = denials(record).delegation(name("sub"))
    assert (delegation and delegation[0]) == what


@pytest.mark.parametrize(
    ("record", "expanded", "labels", "ruled_out"),
    [
        ("a.w z.w A", "x.w", 3, True),
        ("a.w z.w A", "deep.x.w", 3, True),
        ("x.w z.w A", "x.w", 3, False),  # the name itself is there
        ("a.w y.x.w A", "x.w", 3, False),  # an empty non-terminal is there
        ("a.w y.x.w A", "z.x.w", 3, False),  # x.w is closer than w
        ("a.w z.x.w A", "y.x.w", 3, False),  # so it is here, though y.x.w itself is not there
        ("a.w b.w A", "x.w", 3, False),
    ],
)
def test_closer_matches_are_ruled_out(record: str, expanded: str, labels: int, ruled_out: bool) -> None:
    """RFC 4035 §5.3.4; all expansions of ``*.w.example.net``."""
    assert bool(denials(record).rules_out_closer_match(name(expanded), labels)) == ruled_out


def test_nothing_is_said_of_names_outside_the_zone() -> None:
    last = denials("x example.net. A")
    assert last.delegation(name("zzz.org.")) is None
    assert last.rules_out_closer_match(name("a.zzz.org."), 1) is None


def test_a_proof_names_the_records_that_it_rests_on_each_once() -> None:
    others = ["m o A", "q s A"]
    two = denials(*others, "a c A", "example.net. a SOA").denies(name("b"), T.A)
    assert two is not None
    assert [one.owner for one in two.records] == [name("a"), name(ZONE)]
    one = denials(*others, "example.net. c SOA").denies(name("b"), T.A)
    assert one is not None
    assert [one.owner for one in one.records] == [name(ZONE)]


GOOD = NSEC(name("yyy"), frozenset({1})).to_rdata()


@pytest.mark.parametrize(
    ("owner", "rdatas", "labels", "why"),
    [
        ("x.wild", [GOOD], 3, "expanded from a wildcard, it says nothing of its apparent owner: CVE-2017-15105"),
        ("www", [GOOD, GOOD + b"\x01\x01\x01"], 3, "there is one NSEC at a name"),
        ("www", [NSEC(name("org."), frozenset({1})).to_rdata()], 3, "leads out of the zone: RFC 4034 §4.1.1"),
        ("www.example.org.", [GOOD], 3, "not of the zone"),
        ("www", [GOOD[:-1]], 3, "malformed"),
        ("www", [b""], 3, "malformed"),
    ],
)
def test_records_that_prove_nothing(owner: str, rdatas: list[bytes], labels: int, why: str) -> None:
    rrset = RRset(name(owner), T.NSEC, 60, frozenset(rdatas))
    read = Denials.read(name(ZONE), [(rrset, rrsig_by(ZONE, labels))], max_iterations=0, on_hash=no_hash)
    assert not read, why
    assert read.denies(name(owner), T.TXT) is None
    assert [(reason.code, reason.blamed) for reason in read.unusable] == [("NSEC_UNUSABLE", f"{name(owner)} NSEC")]


def test_other_types_are_passed_over() -> None:
    soa = RRset(name(ZONE), T.SOA, 60, frozenset({GOOD}))
    read = Denials.read(name(ZONE), [(soa, rrsig_by(ZONE, 2))], max_iterations=0, on_hash=no_hash)
    assert not read
    assert read.unusable == ()
    assert read.excessive is None
    assert read.delegation(dns.name.root) is None
