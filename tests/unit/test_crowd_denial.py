"""What NSEC records prove to the crowd, and what they do not."""

from __future__ import annotations

import dns.name
import dns.rdata
import pytest
from dns.name import Name
from dns.rdataclass import IN
from dns.rdatatype import AAAA, CNAME, DNAME, DNSKEY, DS, MX, NS, NSEC, RRSIG, SOA, TLSA, A
from dns.rdtypes.ANY.NSEC import NSEC as NsecRdata  # noqa: N811  # the rdata's class; the type's number has its name
from hypothesis import given
from hypothesis import strategies as st

from danelaw.worlds.lab.crowd.denial import (
    Nsec,
    proves_expansion,
    proves_insecure_delegation,
    proves_no_name,
    proves_no_type,
)

ZONE = dns.name.from_text("example.")


def n(text: str) -> Name:
    return dns.name.from_text(text, ZONE)


def nsec(owner: str, following: str, *types: int) -> Nsec:
    return Nsec(n(owner), n(following), frozenset({*types, NSEC, RRSIG}))


# The zone of RFC 4035 appendix A, where it has what is needed.
APEX = nsec("@", "a", NS, SOA, MX, DNSKEY)
CUT_SIGNED = nsec("a", "ai", NS, DS)
CUT_UNSIGNED = nsec("b", "ns1", NS)
HOST = nsec("ns1", "ns2", A)
WILD = nsec("*.w", "x.w", MX)
X = nsec("x.w", "x.y.w", MX)
XYW = nsec("x.y.w", "xx", MX)
LAST = nsec("xx", "@", A, AAAA)
ALIAS = nsec("ns1", "ns2", CNAME)
BEHIND_DNAME = nsec("d", "e", DNAME)


@pytest.mark.parametrize(
    ("name", "nsecs", "proven"),
    [
        ("ml", [CUT_UNSIGNED, APEX], True),  # RFC 4035 §B.2
        ("ml", [CUT_UNSIGNED], False),  # the wildcard is not denied
        ("ml", [HOST, APEX], False),  # not the gap
        ("ns1", [HOST, APEX], False),  # the name is there
        ("zz", [LAST, APEX], True),  # past the last name: the gap that wraps to the apex
        ("www.a", [CUT_SIGNED, APEX], False),  # RFC 6840 §4.1: below a zone cut
        ("www.d", [BEHIND_DNAME, APEX], False),  # RFC 6840 §4.1: below a DNAME
        ("y.w", [X, APEX], False),  # an empty non-terminal exists
        ("ml", [], False),
    ],
)
def test_a_name_is_absent_only_if_it_and_its_wildcard_are_denied(name: str, nsecs: list[Nsec], proven: bool) -> None:
    assert proves_no_name(n(name), nsecs, ZONE) is proven


@pytest.mark.parametrize(
    ("name", "type", "nsecs", "proven"),
    [
        ("ns1", MX, [HOST], True),  # RFC 4035 §B.3
        ("ns1", A, [HOST], False),  # the bit map says that it is there
        ("ns1", MX, [ALIAS], False),  # RFC 6840 §4.3: there is a CNAME instead
        ("ns1", MX, [LAST], False),  # another name's NSEC
        ("y.w", A, [X], True),  # RFC 4035 §3.1.3.1: an empty non-terminal
        ("a.z.w", AAAA, [XYW, WILD], True),  # RFC 4035 §B.7: the wildcard lacks the type
        ("a.z.w", MX, [XYW, WILD], False),  # the wildcard has it
        ("a.z.w", AAAA, [XYW], False),  # the wildcard is not shown
        ("b", TLSA, [CUT_UNSIGNED], False),  # RFC 6840 §4.1: the parent's side speaks of the DS alone
        ("b", DS, [CUT_UNSIGNED], True),
        ("a", DS, [CUT_SIGNED], False),
        ("@", DS, [APEX], False),  # RFC 6840 §4.4: the child's apex is no witness of its own DS
        ("@", TLSA, [APEX], True),
    ],
)
def test_a_type_is_absent_only_by_the_names_own_bit_map(name: str, type: int, nsecs: list[Nsec], proven: bool) -> None:
    assert proves_no_type(n(name), type, nsecs, ZONE) is proven


@pytest.mark.parametrize(
    ("child", "nsecs", "proven"),
    [
        ("b", [CUT_UNSIGNED], True),
        ("a", [CUT_SIGNED], False),  # it has a DS
        ("ns1", [HOST], False),  # no delegation: no NS bit
        ("@", [APEX], False),  # the child's own apex
        ("c", [CUT_UNSIGNED], False),  # covered, yet not at the cut
    ],
)
def test_a_delegation_is_insecure_only_by_the_nsec_at_the_cut(child: str, nsecs: list[Nsec], proven: bool) -> None:
    assert proves_insecure_delegation(n(child), nsecs) is proven


@pytest.mark.parametrize(
    ("name", "labels", "nsecs", "proven"),
    [
        ("a.z.w", 2, [XYW], True),  # RFC 4035 §B.6
        ("a.z.w", 2, [], False),
        ("a.z.w", 1, [XYW], False),  # a wildcard further up than the closest encloser
        ("x.y.w", 2, [XYW], False),  # the name is there: RFC 4035 §5.3.4
    ],
)
def test_a_wildcard_answer_needs_the_name_itself_denied(
    name: str, labels: int, nsecs: list[Nsec], proven: bool
) -> None:
    assert proves_expansion(n(name), labels, nsecs, ZONE) is proven


def test_a_next_name_outside_the_zone_proves_nothing() -> None:
    outside = Nsec(n("ns1"), dns.name.from_text("other."), frozenset({A}))
    assert not proves_no_name(n("ns5"), [outside, APEX], ZONE)


@given(st.sets(st.integers(min_value=1, max_value=65535), min_size=1, max_size=20))
def test_bit_maps_are_read_as_dnspython_writes_them(types: set[int]) -> None:
    text = "next.example. " + " ".join(f"TYPE{type}" for type in sorted(types))
    rdata = dns.rdata.from_text(IN, NSEC, text)
    assert isinstance(rdata, NsecRdata)
    assert Nsec.of(ZONE, rdata).types == types
