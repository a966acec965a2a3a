"""Advice on TLSA records: each piece where it is due, with its source, and nowhere else."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from dns.name import from_text

from danelaw.core.model import Chain
from danelaw.core.tlsa import Combination
from danelaw.core.tlsa.advice import Place, advise
from danelaw.core.tlsa.material import Material, certificates
from tlsa_chains import DAY, NOW, Issued, issue

ROOT: Final = issue("Root", ca=True)
CA: Final = issue("CA", ROOT, ca=True)
WEB: Final = Place(from_text("www.example.net"), 443)
MAIL: Final = Place(from_text("mail.example.net"), 25)
SUBMISSION: Final = Place(from_text("mail.example.net"), 587)
SCTP: Final = Place(from_text("mail.example.net"), 25, "sctp")


def chain(*issued: Issued) -> Material:
    return certificates(Chain(tuple(one.der for one in issued)), "FILE")


LEAF: Final = issue("www", CA, names=("www.example.net", "mail.example.net"))
FULL: Final = chain(LEAF, CA)
KEY: Final = Material(LEAF.spki)


def rsa_key(bits: int) -> Material:
    key = rsa.generate_private_key(65537, bits).public_key()
    return Material(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def codes(
    combinations: str, material: Material = FULL, place: Place = WEB, now: datetime = NOW
) -> list[tuple[str, str]]:
    wanted = [Combination.from_text(one) for one in combinations.split(",")]
    return [(one.code, one.citation) for one in advise(wanted, material, [place], now)]


RENEWAL: Final = ("BREAKS_AT_RENEWAL", "RFC 7671 §5.1")
FULL_DATA: Final = ("FULL_DATA", "RFC 7671 §10.1.2")
OPTIONAL: Final = ("DIGEST_OPTIONAL", "RFC 6698 §6")
BRITTLE: Final = ("PKIX_BRITTLE", "RFC 7671 §4")
SENT: Final = ("CA_MUST_BE_SENT", "RFC 7671 §5.2.2")
CHANGES: Final = ("CA_MAY_CHANGE", "RFC 7671 §5.2")
ALONE: Final = ("CA_KEY_ALONE", "RFC 7671 §5.2.1")
SMTP: Final = ("PKIX_ON_SMTP", "RFC 7672 §3.1.3")


@pytest.mark.parametrize(
    ("combinations", "expected"),
    [
        ("3 1 1", []),
        ("3 1 2", [OPTIONAL]),
        ("3 1 0", [FULL_DATA]),
        ("3 0 1", [RENEWAL]),
        ("3 0 2", [RENEWAL, OPTIONAL]),
        ("3 0 0", [RENEWAL, FULL_DATA]),
        ("1 1 1", [BRITTLE]),
        ("1 0 1", [RENEWAL, BRITTLE]),
        ("2 0 1", [SENT, CHANGES]),
        ("2 1 1", [SENT, ALONE, CHANGES]),
        ("2 0 0", [CHANGES, FULL_DATA]),  # this certificate need not be sent
        ("2 1 0", [SENT, ALONE, CHANGES, FULL_DATA]),
        ("0 0 1", [BRITTLE, CHANGES]),
        ("0 1 1", [BRITTLE, CHANGES]),
        ("3 1 1,3 1 2", []),  # clients that lack the one have the other
        ("3 1 2,2 0 1", [OPTIONAL, SENT, CHANGES]),
    ],
)
def test_each_combination_has_its_advice(combinations: str, expected: list[tuple[str, str]]) -> None:
    assert codes(combinations) == expected


@pytest.mark.parametrize(
    ("combinations", "place", "warned"),
    [
        ("0 0 1", MAIL, True),
        ("1 1 1", MAIL, True),
        ("3 1 1", MAIL, False),
        ("2 0 1", MAIL, False),
        ("1 1 1", SUBMISSION, False),
        ("1 1 1", SCTP, False),
    ],
)
def test_pkix_usages_are_ill_advised_between_mail_servers(combinations: str, place: Place, warned: bool) -> None:
    assert (SMTP in codes(combinations, place=place)) is warned


@pytest.mark.parametrize(
    ("combinations", "host", "port", "citation"),
    [
        ("3 1 1", "www.example.net", 443, None),
        ("2 0 1", "mail.example.net", 25, None),
        ("3 1 1", "other.example.net", 443, "RFC 7671 §5.1"),
        ("3 1 1", "other.example.net", 25, None),  # mail servers do not look at names then
        ("2 0 1", "other.example.net", 25, "RFC 7671 §10.2"),
        ("1 1 1", "other.example.net", 443, "RFC 7671 §10.2"),
        ("3 1 1,2 0 1", "other.example.net", 443, "RFC 7671 §10.2"),
    ],
)
def test_a_host_that_the_certificate_does_not_name_is_told(
    combinations: str, host: str, port: int, citation: str | None
) -> None:
    told = dict(codes(combinations, place=Place(from_text(host), port)))
    assert told.get("NAME_NOT_COVERED") == citation


def test_of_many_and_long_names_some_are_told() -> None:
    many = chain(issue("many", CA, names=tuple(f"{'x' * 63}.{'y' * 63}.h{n}.example.net" for n in range(90))))
    (told,) = advise([Combination(3, 1, 1)], many, [WEB], NOW)
    assert told.text.count("…") == 6
    assert len(told.text) < 500


def test_of_a_ca_alone_the_names_do_not_matter_unless_it_is_the_server_too() -> None:
    own = chain(issue("www", ca=True, names=("www.example.net",)))
    elsewhere = Place(from_text("other.example.net"), 443)
    assert "NAME_NOT_COVERED" not in dict(codes("2 0 1", own, elsewhere))
    assert dict(codes("3 1 1", own, elsewhere))["NAME_NOT_COVERED"] == "RFC 7671 §5.1"


def test_a_bare_key_says_nothing_of_names_and_dates() -> None:
    assert codes("3 1 1", KEY, Place(from_text("other.example.net"), 443), NOW + 900 * DAY) == []


@pytest.mark.parametrize("usage", [0, 2])
def test_of_a_bare_key_nobody_knows_whether_it_is_a_ca(usage: int) -> None:
    assert ("KEY_OF_CA_NEEDED", "RFC 6698 §2.1.1") in codes(f"{usage} 1 1", KEY)
    assert "KEY_OF_CA_NEEDED" not in dict(codes("3 1 1", KEY))
    assert "KEY_OF_CA_NEEDED" not in dict(codes(f"{usage} 1 1"))


@pytest.mark.parametrize(
    ("material", "warned"),
    [(chain(CA), True), (chain(ROOT), False), (FULL, False), (KEY, False)],
    ids=["intermediate", "self-signed", "leaf", "key"],
)
def test_a_ca_in_place_of_the_server_is_noticed(material: Material, warned: bool) -> None:
    """A self-signed certificate of a server often says that it is a CA: OpenSSL makes them so."""
    assert (("LEAF_IS_CA", "RFC 6698 §2.1.1") in codes("3 1 1", material)) is warned


@pytest.mark.parametrize(
    ("combinations", "now", "expected"),
    [
        ("3 1 1", NOW, {}),
        ("3 1 1", NOW + 61 * DAY, {"CERTIFICATE_EXPIRED": "RFC 7671 §5.1"}),
        ("2 0 1", NOW + 61 * DAY, {"CERTIFICATE_EXPIRED": "RFC 5280 §4.1.2.5"}),
        ("2 0 1", NOW + 60 * DAY, {}),  # the last second counts
        ("2 0 1", NOW + 60 * DAY + timedelta(seconds=1), {"CERTIFICATE_EXPIRED": "RFC 5280 §4.1.2.5"}),
        ("3 1 1", NOW - 31 * DAY, {"CERTIFICATE_NOT_YET_VALID": "RFC 7671 §5.1"}),
        ("1 1 1", NOW - 31 * DAY, {"CERTIFICATE_NOT_YET_VALID": "RFC 5280 §4.1.2.5"}),
    ],
)
def test_dates_are_told(combinations: str, now: datetime, expected: dict[str, str]) -> None:
    told = dict(codes(combinations, now=now))
    assert {code: told[code] for code in told if code.startswith("CERTIFICATE_")} == expected


@pytest.mark.parametrize(("bits", "warned"), [(1024, True), (2047, True), (2048, False)])
def test_short_rsa_keys_are_told(bits: int, warned: bool) -> None:
    assert (codes("3 1 1", rsa_key(bits)) == [("WEAK_KEY", "RFC 9325 §4.5")]) is warned


def test_a_wildcard_is_told_what_it_answers_for() -> None:
    wild = chain(issue("www", CA, names=("*.example.net",)))
    assert codes("3 1 1", wild, Place(from_text("*.example.net"), 443)) == [("WILDCARD_OWNER", "RFC 4592 §2.1.1")]


def test_nothing_is_said_twice() -> None:
    told = advise([Combination(3, 0, 1)] * 2, FULL, [WEB, WEB], NOW)
    assert [one.code for one in told] == ["BREAKS_AT_RENEWAL"]


def test_each_piece_says_what_it_is_about() -> None:
    told = advise([Combination(1, 0, 0)], FULL, [MAIL], NOW + 900 * DAY)
    assert {one.about for one in told} == {"1 0 0", "mail.example.net:25", "the certificate"}
    assert all(one.text for one in told)


def test_a_second_certificate_that_is_no_ca_s_is_told_of() -> None:
    """Of RSA and ECDSA in one file, say: clients of the second would be cut off by a record for the first alone."""
    other = issue("www", CA, names=("www.example.net", "mail.example.net"))
    assert codes("3 1 1", chain(LEAF, other, CA)) == [("LEAF_NOT_ALONE", "RFC 7671 §8")]
    assert codes("3 1 1", chain(LEAF, LEAF, CA)) == []
