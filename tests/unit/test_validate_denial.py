"""What single NSEC records prove, and what they must not be taken to prove (RFC 4035 §5.4, RFC 6840 §4)."""

from __future__ import annotations

import pytest
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.denial import Denial, ProvenNSEC, denies, is_delegation, nsec_of, rules_out_closer_match
from danelaw.core.dnssec.nsec import NSEC
from danelaw.core.dnssec.rrsig import RRSIG
from danelaw.core.model import RRset
from signed_tree import name

ZONE = "example.net."


def nsec(text: str, zone: str = ZONE) -> ProvenNSEC:
    """``owner next TYPES``, relative to example.net."""
    owner, following, *types = text.split()
    rdata = NSEC(name(following), frozenset(int(T.from_text(type)) for type in types)).to_rdata()
    rrset = RRset(name(owner), T.NSEC, 60, frozenset({rdata}))
    proven = nsec_of(rrset, rrsig_by(zone, len(name(owner)) - 1 - name(owner).is_wild()))
    assert proven is not None
    return proven


def rrsig_by(zone: str, labels: int) -> RRSIG:
    return RRSIG(T.NSEC, 13, labels, 60, 2, 1, 1, name(zone), b"")


@pytest.mark.parametrize(
    ("records", "asked", "denial"),
    [
        (["www yyy A"], "www TXT", Denial.NODATA),
        (["www yyy A"], "WWW txt", Denial.NODATA),
        (["www yyy A"], "www A", None),
        (["www yyy CNAME"], "www TXT", None),  # RFC 6840 §4.3
        (["www yyy CNAME"], "www CNAME", None),
        (["www yyy A NSEC RRSIG"], "www AAAA", Denial.NODATA),
        # The parent's side of a cut speaks of the DS alone, the child's of all but the DS
        (["sub yyy NS"], "sub DS", Denial.NODATA),
        (["sub yyy NS DS"], "sub DS", None),
        (["sub yyy NS"], "sub A", None),
        (["sub yyy NS"], "www.sub A", None),
        (["example.net. a SOA NS"], "example.net. DS", None),
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
        (["dn yyy DNAME", "example.net. a SOA"], "x.dn A", None),
        (["dn yyy DNAME", "example.net. a SOA"], "x.dm A", None),
        (["dn yyy DNAME", "example.net. a SOA"], "e A", Denial.NO_NAME),
        # Empty non-terminals
        (["www _443._tcp.www A"], "_tcp.www A", Denial.EMPTY_NON_TERMINAL),
        (["www _443._tcp.www A"], "_443._tcp.www A", None),
        # Wildcards
        (["w *.w A", "b.w z A"], "a.w A", None),  # nothing covers the name itself
        (["*.w b.w TXT"], "a.w A", Denial.WILDCARD_NODATA),
        (["*.w b.w TXT"], "a.w TXT", None),
        (["*.w b.w CNAME"], "a.w A", None),
        (["a.*.w c.w A", "w a.*.w A"], "b.w A", Denial.WILDCARD_NODATA),  # the wildcard is an empty non-terminal
    ],
)
def test_denials(records: list[str], asked: str, denial: Denial | None) -> None:
    owner, type = asked.split()
    assert denies(map(nsec, records), name(owner), T.from_text(type)) == denial


@pytest.mark.parametrize(
    ("record", "delegated"),
    [
        ("sub yyy NS", True),
        ("sub yyy NS DS", None),
        ("sub yyy NS SOA", None),  # the child's own apex
        ("sub yyy A", False),
        ("sub yyy CNAME", None),  # then a CNAME would have been the answer
        ("a z A", False),  # the name does not exist
        ("a x.sub A", False),  # an empty non-terminal
        ("a b A", None),
    ],
)
def test_insecure_delegations(record: str, delegated: bool | None) -> None:
    """RFC 6840 §4.4: only NS without DS and SOA proves one."""
    assert is_delegation([nsec(record)], name("sub")) is delegated


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
    assert rules_out_closer_match([nsec(record)], name(expanded), labels) == ruled_out


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
    assert nsec_of(RRset(name(owner), T.NSEC, 60, frozenset(rdatas)), rrsig_by(ZONE, labels)) is None, why
