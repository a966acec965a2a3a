"""What programs in use do otherwise than the standards say: each profile by name, and what it finds.

The answers of OpenSSL and GnuTLS are those of libssl 3.0.19 and libdane 3.7.9, asked about these same cases; those of
Postfix and Exim follow from their text: ``src/tls/tls_dane.c``, ``src/dane-openssl.c``. What libdane leaves to its
callers, names and PKIX, is as ``libgnutls`` has it.
``publisher`` is the strict profile: it never accepts what one of them refuses.
"""

from __future__ import annotations

from dataclasses import fields
from hashlib import sha256
from typing import Final, TypeAlias

import dns.name
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from agreement.libssl import LibraryMissingError, LibSSL
from danelaw.core.model import Chain
from danelaw.core.tlsa import PROFILES, Combination, Profile, Reference, TLSARecord, associate, match
from danelaw.core.tlsa.profiles import STRICT
from danelaw.core.tlsa.x509 import name_matches
from tlsa_chains import DAY, INTERMEDIATE, LEAF, NOW, RENEWED, ROOT, Issued, issue, of_version_1

NAMES: Final = ("www.example.net",)
Found: TypeAlias = int | str

ALONE = issue("alone", names=NAMES)
OTHER_ROOT = issue("Other root", ca=True)
CROSS = issue("Intermediate", OTHER_ROOT, ca=True, key=INTERMEDIATE.key)
STALE_CROSS = issue("Intermediate", OTHER_ROOT, ca=True, key=INTERMEDIATE.key, end=NOW - DAY)
LOOK_ALIKE = issue("Intermediate", ROOT, ca=True)
STALE = issue("Stale", ROOT, ca=True, end=NOW - DAY)
STALE_ROOT = issue("Stale root", ca=True, end=NOW - DAY)
OLD_ROOT = of_version_1(ROOT)
UNDECLARED = issue("Undeclared", ROOT, ca=True, basic=False)
UNSAID = issue("Unsaid", ca=True, basic=False, key_usage=False)
DENIED = issue("Denied", ROOT, signs=True)
SILENT = issue("Silent", basic=False)
DENIES = issue("Denies", signs=True)
SMALL = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that it is weak is the case
SMALL_LEAF = issue("leaf", INTERMEDIATE, names=NAMES, key=SMALL)  # type: ignore[arg-type]  # RSA does as well
SMALL_CURVE_LEAF = issue("leaf", INTERMEDIATE, names=NAMES, key=ec.generate_private_key(ec.SECP192R1()))
SMALL_CA = issue("Small", ca=True, key=SMALL)  # type: ignore[arg-type]  # as above
BOTH = x509.KeyUsage(True, False, False, False, False, True, False, False, False)
ITS_OWN_CA = issue("leaf", ca=True, names=NAMES, usage=BOTH)
ITS_OWN_CA_RENEWED = issue("leaf", ca=True, names=NAMES, key=ITS_OWN_CA.key, usage=BOTH)
NAMESAKE = issue("leaf", ca=True, key_ids=False)
UNDER_NAMESAKE = issue("leaf", NAMESAKE, names=NAMES, key_ids=False)
MAILBOX = x509.Name([x509.NameAttribute(NameOID.EMAIL_ADDRESS, "a@example.net")])
NO_MAIL = issue("No mail", ca=True, constraints=x509.NameConstraints(None, [x509.RFC822Name("example.net")]))
ANY = (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)


def naming(combination: str, certificate: Issued) -> TLSARecord:
    usage, rest = combination.split(maxsplit=1)
    data = associate(Combination.from_text(f"3 {rest}"), Chain((certificate.der,))).data
    return TLSARecord(Combination.from_text(f"{usage} {rest}"), data)


def leaf(by: Issued, *names: str, **more: object) -> Issued:
    return issue("leaf", by, names=names or NAMES, **more)  # type: ignore[arg-type]  # as issue takes them


CASES: Final[dict[str, tuple[list[TLSARecord], tuple[Issued, ...], tuple[Issued, ...], str, str]]] = {
    # records, what is sent, roots, name wanted; what rfc, openssl, postfix, exim, gnutls and the publisher find
    "3 1 1": ([naming("3 1 1", LEAF)], (LEAF,), (), "www.example.net", "0 0 0 0 0 0"),
    "3 1 1, another name": (
        [naming("3 1 1", LEAF)],
        (LEAF,),
        (),
        "other.example.net",
        "0 NAME_MISMATCH 0 0 0 NAME_MISMATCH",
    ),
    "2 0 1 at depth 1": ([naming("2 0 1", INTERMEDIATE)], (LEAF, INTERMEDIATE), (), "www.example.net", "1 1 1 1 1 1"),
    "2 0 1 at depth 2": (
        [naming("2 0 1", ROOT)],
        (LEAF, INTERMEDIATE, ROOT),
        (),
        "www.example.net",
        "2 2 2 2 2 2",
    ),
    "2 0 1 in disorder": (
        [naming("2 0 1", INTERMEDIATE)],
        (LEAF, ROOT, INTERMEDIATE),
        (),
        "www.example.net",
        "1 1 1 1 1 1",
    ),
    "2 0 0, not sent": (
        [naming("2 0 0", ROOT)],
        (LEAF, INTERMEDIATE),
        (),
        "www.example.net",
        "2 2 2 2 TA_NOT_PRESENTED 2",
    ),
    "2 1 0, not sent": (
        [naming("2 1 0", ROOT)],
        (LEAF, INTERMEDIATE),
        (),
        "www.example.net",
        "2 2 2 2 TA_NOT_PRESENTED TA_NOT_PRESENTED",
    ),
    "a self-signed leaf under 2 0 1": (
        [naming("2 0 1", ALONE)],
        (ALONE,),
        (),
        "www.example.net",
        "TA_AT_DEPTH_0 TA_AT_DEPTH_0 TA_AT_DEPTH_0 0 TA_AT_DEPTH_0 TA_AT_DEPTH_0",
    ),
    "a self-signed leaf under 2 1 0": (
        [naming("2 1 0", ALONE)],
        (ALONE,),
        (),
        "www.example.net",
        "TA_AT_DEPTH_0 0 0 0 TA_AT_DEPTH_0 TA_AT_DEPTH_0",
    ),
    "the weaker digest alone matches": (
        [naming("3 1 1", LEAF), naming("3 1 2", RENEWED)],
        (LEAF,),
        (),
        "www.example.net",
        "MISMATCH MISMATCH MISMATCH 0 0 MISMATCH",
    ),
    "PKIX-EE": (
        [naming("1 1 1", LEAF)],
        (LEAF, INTERMEDIATE),
        (ROOT,),
        "www.example.net",
        "0 0 UNSUPPORTED UNSUPPORTED 0 0",
    ),
    "PKIX ends at an intermediate": (
        [naming("1 1 1", LEAF)],
        (LEAF, INTERMEDIATE),
        (INTERMEDIATE,),
        "www.example.net",
        "0 PKIX_UNTRUSTED UNSUPPORTED UNSUPPORTED 0 PKIX_UNTRUSTED",
    ),
    "PKIX of a self-signed leaf that is trusted": (
        [naming("1 1 1", ALONE)],
        (ALONE,),
        (ALONE,),
        "www.example.net",
        "PKIX_UNTRUSTED 0 UNSUPPORTED UNSUPPORTED 0 PKIX_UNTRUSTED",
    ),
    "a cross certificate is sent first": (
        [naming("2 0 1", INTERMEDIATE)],
        (LEAF, CROSS, INTERMEDIATE),
        (),
        "www.example.net",
        "1 NO_PATH NO_PATH NO_PATH 1 NO_PATH",
    ),
    "a cross certificate is sent last": (
        [naming("2 0 1", INTERMEDIATE)],
        (LEAF, INTERMEDIATE, CROSS),
        (),
        "www.example.net",
        "1 1 1 1 1 1",
    ),
    "a cross certificate is sent first, 2 1 1": (
        [naming("2 1 1", INTERMEDIATE)],
        (LEAF, CROSS, INTERMEDIATE),
        (),
        "www.example.net",
        "1 1 1 1 1 1",
    ),
    "an expired cross certificate is sent first": (
        [naming("2 0 1", ROOT)],
        (LEAF, STALE_CROSS, INTERMEDIATE, ROOT),
        (),
        "www.example.net",
        "2 2 2 NO_PATH 2 NO_PATH",
    ),
    "a look-alike is sent first": (
        [naming("2 0 1", INTERMEDIATE)],
        (LEAF, LOOK_ALIKE, INTERMEDIATE),
        (),
        "www.example.net",
        "1 1 1 1 1 1",
    ),
    "an expired anchor that is not self-signed": (
        [naming("2 0 1", STALE)],
        (leaf(STALE), STALE),
        (),
        "www.example.net",
        "EXPIRED 1 1 EXPIRED EXPIRED EXPIRED",
    ),
    "an expired anchor that is self-signed": (
        [naming("2 0 1", STALE_ROOT)],
        (leaf(STALE_ROOT), STALE_ROOT),
        (),
        "www.example.net",
        "EXPIRED EXPIRED EXPIRED EXPIRED EXPIRED EXPIRED",
    ),
    "a root of version 1": (
        [naming("2 0 1", OLD_ROOT)],
        (leaf(OLD_ROOT), OLD_ROOT),
        (),
        "www.example.net",
        "NOT_A_CA 1 1 1 1 NOT_A_CA",
    ),
    "a CA by its key usage alone": (
        [naming("2 0 1", UNDECLARED)],
        (leaf(UNDECLARED), UNDECLARED),
        (),
        "www.example.net",
        "NOT_A_CA 1 1 1 NOT_A_CA NOT_A_CA",
    ),
    "a root of version 3 that says nothing": (
        [naming("2 0 1", UNSAID)],
        (leaf(UNSAID), UNSAID),
        (),
        "www.example.net",
        "NOT_A_CA NOT_A_CA NOT_A_CA NOT_A_CA 1 NOT_A_CA",
    ),
    "no CA by its own word, against its key usage": (
        [naming("2 0 1", DENIED)],
        (leaf(DENIED), DENIED),
        (),
        "www.example.net",
        "NOT_A_CA NOT_A_CA NOT_A_CA NOT_A_CA NOT_A_CA NOT_A_CA",
    ),
    "a root that says nothing, and whose key may not sign certificates": (
        [naming("2 0 1", SILENT)],
        (leaf(SILENT), SILENT),
        (),
        "www.example.net",
        "NOT_A_CA NOT_A_CA NOT_A_CA NOT_A_CA NOT_A_CA NOT_A_CA",
    ),
    "a self-signed certificate that denies being a CA": (
        [naming("2 0 1", DENIES)],
        (leaf(DENIES), DENIES),
        (),
        "www.example.net",
        "NOT_A_CA NOT_A_CA NOT_A_CA NOT_A_CA NOT_A_CA NOT_A_CA",
    ),
    "any purpose": (
        [naming("2 0 1", INTERMEDIATE)],
        (leaf(INTERMEDIATE, purposes=ANY), INTERMEDIATE),
        (),
        "www.example.net",
        "1 NOT_FOR_SERVERS NOT_FOR_SERVERS NOT_FOR_SERVERS 1 NOT_FOR_SERVERS",
    ),
    "a common name": (
        [naming("2 0 1", INTERMEDIATE)],
        (issue("www.example.net", INTERMEDIATE), INTERMEDIATE),
        (),
        "www.example.net",
        "NAME_MISMATCH 1 1 1 1 NAME_MISMATCH",
    ),
    "a common name beside a dNSName": (
        [naming("2 0 1", INTERMEDIATE)],
        (issue("www.example.net", INTERMEDIATE, names=("a.example.net",)), INTERMEDIATE),
        (),
        "www.example.net",
        "NAME_MISMATCH NAME_MISMATCH NAME_MISMATCH NAME_MISMATCH NAME_MISMATCH NAME_MISMATCH",
    ),
    "a wildcard below the root": (
        [naming("2 0 1", INTERMEDIATE)],
        (leaf(INTERMEDIATE, "*.net"), INTERMEDIATE),
        (),
        "example.net",
        "1 NAME_MISMATCH NAME_MISMATCH NAME_MISMATCH NAME_MISMATCH NAME_MISMATCH",
    ),
    "a wildcard for a part of a label": (
        [naming("2 0 1", INTERMEDIATE)],
        (leaf(INTERMEDIATE, "w*.example.net"), INTERMEDIATE),
        (),
        "www.example.net",
        "NAME_MISMATCH 1 NAME_MISMATCH NAME_MISMATCH NAME_MISMATCH NAME_MISMATCH",
    ),
    "a wildcard for a part of an A-label": (
        [naming("2 0 1", INTERMEDIATE)],
        (leaf(INTERMEDIATE, "xn--*.example.net"), INTERMEDIATE),
        (),
        "xn--bcher-kva.example.net",
        "NAME_MISMATCH NAME_MISMATCH NAME_MISMATCH NAME_MISMATCH NAME_MISMATCH NAME_MISMATCH",
    ),
    "3 1 1 of an RSA key of 1024 bits, which OpenSSL refuses at the security level of Debian": (
        [naming("3 1 1", SMALL_LEAF)],
        (SMALL_LEAF, INTERMEDIATE),
        (),
        "www.example.net",
        "0 WEAK_KEY 0 0 0 WEAK_KEY",
    ),
    "3 1 1 of a key of P-192": (
        [naming("3 1 1", SMALL_CURVE_LEAF)],
        (SMALL_CURVE_LEAF, INTERMEDIATE),
        (),
        "www.example.net",
        "0 WEAK_KEY 0 0 0 WEAK_KEY",
    ),
    "2 0 1, the leaf's key is weak": (
        [naming("2 0 1", INTERMEDIATE)],
        (SMALL_LEAF, INTERMEDIATE),
        (),
        "www.example.net",
        "1 WEAK_KEY 1 1 1 WEAK_KEY",
    ),
    "2 0 1, the CA's key is weak": (
        [naming("2 0 1", SMALL_CA)],
        (leaf(SMALL_CA), SMALL_CA),
        (),
        "www.example.net",
        "1 WEAK_KEY 1 1 1 WEAK_KEY",
    ),
    "2 1 1, the leaf is a CA, and was renewed with the same key": (
        [naming("2 1 1", ITS_OWN_CA)],
        (ITS_OWN_CA, ITS_OWN_CA_RENEWED),
        (),
        "www.example.net",
        "1 NO_PATH NO_PATH NO_PATH 1 NO_PATH",
    ),
    "2 1 1, the CA has the leaf's name": (
        [naming("2 1 1", NAMESAKE)],
        (UNDER_NAMESAKE, NAMESAKE),
        (),
        "www.example.net",
        "1 NO_PATH NO_PATH NO_PATH 1 NO_PATH",
    ),
    "2 0 1, a mail address as subject that the CA may not certify": (
        [naming("2 0 1", NO_MAIL)],
        (leaf(NO_MAIL, subject=MAILBOX), NO_MAIL),
        (),
        "www.example.net",
        " ".join(["NAME_NOT_PERMITTED"] * 6),
    ),
}
COLUMNS: Final = {
    "rfc": PROFILES["rfc"],
    "openssl": PROFILES["openssl"],
    "postfix": PROFILES["postfix"],
    "exim": PROFILES["exim"],
    "gnutls": PROFILES["gnutls"],
    "publisher": STRICT,
}


def found(case: tuple[list[TLSARecord], tuple[Issued, ...], tuple[Issued, ...], str, str], profile: Profile) -> str:
    records, sent, roots, wanted, _ = case
    reference = Reference((dns.name.from_text(wanted),), tuple(root.der for root in roots))
    seen = match(records, Chain(tuple(certificate.der for certificate in sent)), reference, NOW, profile)
    if seen.by is not None:
        return str(seen.by.depth)
    return seen.reason.code if seen.reason is not None else ""


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_each_profile_finds_what_its_program_finds(
    case: tuple[list[TLSARecord], tuple[Issued, ...], tuple[Issued, ...], str, str],
) -> None:
    assert {name: found(case, profile) for name, profile in COLUMNS.items()} == dict(
        zip(COLUMNS, case[-1].split(), strict=True)
    )


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_a_publisher_may_count_on_no_client_refuses_that_can_use_it(
    case: tuple[list[TLSARecord], tuple[Issued, ...], tuple[Issued, ...], str, str],
) -> None:
    """But GnuTLS, which reads no anchor from DNS, though it MUST (RFC 7671 §5.2.2): ``2 0 0`` is advised against."""
    if found(case, STRICT).isdigit():
        for name, profile in PROFILES.items():
            assert found(case, profile).isdigit() or name == "gnutls" or found(case, profile) == "UNSUPPORTED", name


def test_libssl_itself_says_so() -> None:
    try:
        library = LibSSL()
    except LibraryMissingError as error:
        pytest.skip(f"no libssl: {error}")
    for name, case in CASES.items():
        records, sent, roots, wanted, _ = case
        ders, trusted = [one.der for one in sent], [one.der for one in roots]
        judged = library.judge(records, ders, wanted, trusted, NOW)
        assert judged.accepted == found(case, PROFILES["openssl"]).isdigit(), (name, judged)
    for (presented, wanted), taken in PARTS.items():
        ders = [leaf(INTERMEDIATE, presented).der, INTERMEDIATE.der]
        judged = library.judge([naming("2 0 1", INTERMEDIATE)], ders, wanted, [], NOW)
        assert judged.accepted == taken, (presented, wanted, judged)


PARTS = {
    # dNSName, name: whom a part of a label is enough for takes it
    ("w*.example.net", "www.example.net"): True,
    ("*w.example.net", "www.example.net"): True,
    ("w*w.example.net", "www.example.net"): False,
    ("www*.example.net", "www.example.net"): True,
    ("wwww*.example.net", "www.example.net"): False,
    ("w*.example.net", "a.example.net"): False,
    ("w**.example.net", "www.example.net"): False,
    ("w*.example.net", "www.example.org"): False,
    ("w*", "www"): False,
    ("*.w*.net", "www.www.net"): False,
    ("*.*.net", "www.*.net"): False,
    ("x*.example.net", "xn--bcher-kva.example.net"): False,
    ("xn--b*.example.net", "xn--bcher-kva.example.net"): False,
    ("*.example.net", "xn--bcher-kva.example.net"): True,
}


@pytest.mark.parametrize(("names", "taken"), PARTS.items(), ids=map(" ".join, PARTS))
def test_wildcards_in_a_part_of_a_label(names: tuple[str, str], taken: bool) -> None:
    """As OpenSSL has them, without ``X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS``."""
    presented, wanted = names
    name = dns.name.from_text(wanted)
    assert name_matches(presented, name, partial_wildcards=True) == taken
    assert name_matches(presented, name) == (taken and presented.startswith("*."))


def test_openssl_told_to_checks_no_names_under_dane_ee() -> None:
    case = CASES["3 1 1, another name"]
    assert found(case, PROFILES["openssl-no-ee-names"]) == "0"
    assert found(case, PROFILES["ldns"]) == "NAME_MISMATCH"


def test_a_strict_profile_is_the_publishers_whatever_else_it_says() -> None:
    lenient = Profile(strict=True, common_name=True, ta_at_depth_0=True, old_roots=True, bare_key_of_leaf=True)
    for case in CASES.values():
        assert found(case, lenient) == found(case, Profile(strict=True)) == found(case, STRICT)


def test_every_difference_between_clients_is_shown_by_some_profile() -> None:
    usual = Profile()
    shown = {
        field.name
        for field in fields(Profile)
        for profile in (*PROFILES.values(), STRICT)
        if getattr(profile, field.name) != getattr(usual, field.name)
    }
    asked_for = {"skew", "mandatory"}  # an operator's choice, not a program's
    assert shown | asked_for == {field.name for field in fields(Profile)}


def test_a_publisher_counts_on_no_record_of_a_leaf_that_cannot_be_read() -> None:
    """OpenSSL matches it all the same, cryptography and GnuTLS do not read it: here, a time of no digits."""
    der = bytearray(LEAF.der)
    der[der.index(b"\x17\x0d") + 2] = ord("x")
    record = TLSARecord(Combination(3, 0, 1), sha256(der).digest())
    reference = Reference((dns.name.from_text("www.example.net"),))
    told = {p: match([record], Chain((bytes(der),)), reference, NOW, p).reason for p in (PROFILES["openssl"], STRICT)}
    assert [reason.code if reason else None for reason in told.values()] == [None, "UNREADABLE_LEAF"]
