"""TLSA records: their two forms, their parameters, and which of them nobody can use."""

from __future__ import annotations

import hashlib

import dns.name
import pytest

from danelaw.core.model import Chain, DanelawError, Endpoint
from danelaw.core.tlsa import (
    Combination,
    MalformedTLSA,
    TLSARecord,
    associate,
    base_domains,
    from_spki,
    owners,
    tlsa_owner,
    unusable,
)
from tlsa_chains import INTERMEDIATE, LEAF, ROOT, issue

# RFC 6698 §2.3
PKIX_TA_EXAMPLE = "0 0 1 d2abde240d7cd3ee6b4b28c54df034b9 7983a1d16e8a410e4561cb106618e971"
PKIX_EE_EXAMPLE = (
    "1 1 2 92003ba34942dc74152e2f2c408d29ec a5a520e7f2e06bb944f4dca346baf63c"
    " 1b177615d466f6c4b71c216a50292bd5 8c9ebdd2f74e38fe51ffd48c43326cbc"
)
# RFC 7671 §9: one key under three matching types
RFC7671_SHA256 = "3FE246A848798236DD2AB78D39F0651D6B6E7CA8E2984012EB0A2E1AC8A87B72"
RFC7671_SHA512 = (
    "D4F5AF015B46C5057B841C7E7BAB759CBF029526D29520C5BE6A32C67475439E"
    "54AB3A945D80C743347C9BD4DADC9D8D57FAB78EAA835362F3CA07CCC19A3214"
)
RFC7671_SPKI = (
    "3059301306072A8648CE3D020106082A8648CE3D0301070342000471CB1F504F9E4B33971376C005445DACD33CD79A28"
    "81C3DED1981F18E7AAA76609DD0E4EF28265C82703030AD60C5DBA6FB8A9397AC0FCF06D424C885D484887"
)
# RFC 7671 §5.1 and §5.2 print the digest of nothing as if it were an association
DIGEST_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

WWW = dns.name.from_text("www.example.com.")
FULL_CHAIN = Chain((LEAF.der, INTERMEDIATE.der, ROOT.der))


@pytest.mark.parametrize("text", [PKIX_TA_EXAMPLE, PKIX_EE_EXAMPLE])
def test_examples_of_rfc_6698_survive_both_forms(text: str) -> None:
    record = TLSARecord.from_text(text)
    assert unusable(record) is None
    assert TLSARecord.from_rdata(record.to_rdata()) == record
    assert TLSARecord.from_text(record.to_text()) == record


def test_rdata_is_three_octets_and_the_association_data() -> None:
    assert TLSARecord.from_rdata(b"\x03\x01\x01" + b"\xab" * 32) == TLSARecord(Combination(3, 1, 1), b"\xab" * 32)


@pytest.mark.parametrize("rdata", [b"", b"\x03", b"\x03\x01"])
def test_rdata_without_three_parameters_is_malformed(rdata: bytes) -> None:
    with pytest.raises(MalformedTLSA):
        TLSARecord.from_rdata(rdata)


@pytest.mark.parametrize(
    ("text", "combination"),
    [
        ("3 1 1", (3, 1, 1)),
        ("DANE-EE SPKI SHA2-256", (3, 1, 1)),
        ("PKIX-TA CERT SHA2-512", (0, 0, 2)),  # RFC 7218 §3.1
        ("dane-ta spki sha2-256", (2, 1, 1)),  # in any case: RFC 7218 §2
        ("pkix-ee Cert full", (1, 0, 0)),
        ("PrivCert PrivSel PrivMatch", (255, 255, 255)),
        ("3 SPKI 1", (3, 1, 1)),
        ("7 9 200", (7, 9, 200)),
    ],
)
def test_parameters_are_numbers_or_acronyms(text: str, combination: tuple[int, int, int]) -> None:
    parsed = Combination.from_text(text)
    assert (parsed.usage, parsed.selector, parsed.mtype) == combination
    assert Combination.from_text(parsed.acronyms) == parsed
    assert Combination.from_text(str(parsed)) == parsed


@pytest.mark.parametrize("text", ["", "3 1", "3 1 1 1", "256 1 1", "-1 1 1", "DANE SPKI SHA2-256", "³ 1 1", "1111 1 1"])
def test_other_parameters_are_malformed(text: str) -> None:
    with pytest.raises(MalformedTLSA):
        Combination.from_text(text)


@pytest.mark.parametrize("data", ["abc", "xy", "ab-cd"])
def test_association_data_is_whole_octets_in_hexadecimal(data: str) -> None:
    with pytest.raises(MalformedTLSA):
        TLSARecord.from_text(f"3 1 1 {data}")


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (TLSARecord(Combination(4, 1, 1), b"x" * 32), "UNKNOWN_USAGE"),
        (TLSARecord(Combination(255, 1, 1), b"x" * 32), "PRIVATE_USAGE"),
        (TLSARecord(Combination(3, 2, 1), b"x" * 32), "UNKNOWN_SELECTOR"),
        (TLSARecord(Combination(3, 255, 1), b"x" * 32), "PRIVATE_SELECTOR"),
        (TLSARecord(Combination(3, 1, 3), b"x" * 32), "UNKNOWN_MATCHING_TYPE"),
        (TLSARecord(Combination(3, 1, 255), b"x" * 32), "PRIVATE_MATCHING_TYPE"),
        (TLSARecord(Combination(3, 1, 1), b""), "EMPTY_DATA"),
        (TLSARecord(Combination(3, 1, 1), b"x" * 31), "DIGEST_LENGTH"),
        (TLSARecord(Combination(3, 1, 1), b"x" * 64), "DIGEST_LENGTH"),
        (TLSARecord(Combination(3, 1, 2), b"x" * 32), "DIGEST_LENGTH"),
        (TLSARecord(Combination(3, 0, 0), LEAF.der[:-1]), "MALFORMED_DATA"),
        (TLSARecord(Combination(3, 0, 0), LEAF.der + b"\0"), "MALFORMED_DATA"),
        (TLSARecord(Combination(3, 0, 0), LEAF.spki), "MALFORMED_DATA"),
        (TLSARecord(Combination(3, 1, 0), LEAF.der), "MALFORMED_DATA"),
        (TLSARecord(Combination(3, 1, 0), b"\x30\x58" + LEAF.spki[2:-1]), "MALFORMED_DATA"),  # cut off inside
        (TLSARecord(Combination(3, 1, 0), LEAF.spki), None),
        (TLSARecord(Combination(3, 0, 0), LEAF.der), None),
    ],
    ids=lambda value: str(value) if not isinstance(value, TLSARecord) else value.brief(),
)
def test_unknown_or_malformed_records_are_unusable_and_say_why(record: TLSARecord, code: str | None) -> None:
    why = unusable(record)
    assert (why.code if why else None) == code


@pytest.mark.parametrize(
    ("mtype", "data"), [(0, RFC7671_SPKI), (1, RFC7671_SHA256), (2, RFC7671_SHA512)], ids=["full", "sha256", "sha512"]
)
def test_the_key_of_rfc_7671_section_9_gives_the_records_printed_there(mtype: int, data: str) -> None:
    made = from_spki(Combination(3, 1, mtype), bytes.fromhex(RFC7671_SPKI))
    assert made == TLSARecord.from_text(f"3 1 {mtype} {data}")


def test_three_zero_two_is_the_sha512_of_the_whole_certificate_as_in_the_article() -> None:
    # Huston 2016: openssl x509 -outform der | openssl sha512, under "3 0 2"
    assert associate(Combination(3, 0, 2), FULL_CHAIN).data == hashlib.sha512(LEAF.der).digest()


@pytest.mark.parametrize(
    ("combination", "content"),
    [
        ("3 0 0", LEAF.der),
        ("3 1 0", LEAF.spki),
        ("1 0 0", LEAF.der),
        ("2 0 0", INTERMEDIATE.der),
        ("2 1 0", INTERMEDIATE.spki),
        ("0 1 0", INTERMEDIATE.spki),
    ],
)
def test_end_entity_usages_name_the_leaf_and_trust_anchor_usages_its_issuer(combination: str, content: bytes) -> None:
    assert associate(Combination.from_text(combination), FULL_CHAIN).data == content


def test_the_issuer_is_found_past_a_leaf_sent_twice() -> None:
    twice = Chain((LEAF.der, LEAF.der, INTERMEDIATE.der))  # as in Figure 4 of the article
    assert associate(Combination(2, 0, 0), twice).data == INTERMEDIATE.der


SELF_SIGNED = issue("alone", names=("www.example.net",))
SELF_SIGNED_CA = issue("alone", ca=True, names=("www.example.net",))


@pytest.mark.parametrize(
    ("combination", "chain", "code"),
    [
        ("3 1 1", Chain(()), "EMPTY_INPUT"),
        ("3 1 1", Chain((b"",)), "EMPTY_INPUT"),
        ("3 1 1", Chain((b"nonsense",)), "NOT_A_CERTIFICATE"),
        ("3 1 9", FULL_CHAIN, "UNKNOWN_COMBINATION"),
        ("255 1 1", FULL_CHAIN, "UNKNOWN_COMBINATION"),
        ("2 0 1", Chain((LEAF.der,)), "NO_ISSUER_PRESENTED"),
        ("2 0 1", Chain((LEAF.der, ROOT.der)), "NO_ISSUER_PRESENTED"),
        ("2 0 1", Chain((SELF_SIGNED.der, SELF_SIGNED.der)), "NO_ISSUER_PRESENTED"),
        ("2 0 1", Chain((SELF_SIGNED_CA.der, SELF_SIGNED_CA.der)), "NO_ISSUER_PRESENTED"),
    ],
)
def test_nothing_is_associated_that_could_match_nothing(combination: str, chain: Chain, code: str) -> None:
    with pytest.raises(DanelawError) as refusal:
        associate(Combination.from_text(combination), chain)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("combination", "spki", "code"),
    [
        ("3 1 1", b"", "EMPTY_INPUT"),
        ("3 0 1", LEAF.spki, "SELECTOR_NEEDS_CERTIFICATE"),
        ("3 1 1", LEAF.der, "NOT_A_PUBLIC_KEY"),
        ("3 1 1", b"nonsense", "NOT_A_PUBLIC_KEY"),
        ("3 1 3", LEAF.spki, "UNKNOWN_COMBINATION"),
    ],
)
def test_a_key_alone_makes_only_records_of_keys(combination: str, spki: bytes, code: str) -> None:
    with pytest.raises(DanelawError) as refusal:
        from_spki(Combination.from_text(combination), spki)
    assert refusal.value.code == code


def test_the_digest_of_nothing_is_never_made() -> None:
    assert hashlib.sha256(b"").hexdigest() == DIGEST_OF_NOTHING
    with pytest.raises(DanelawError, match="EMPTY_INPUT"):
        from_spki(Combination(3, 1, 1), b"")


@pytest.mark.parametrize(
    ("port", "transport", "base", "owner"),
    [
        (443, "tcp", "www.example.com.", "_443._tcp.www.example.com."),  # RFC 6698 §3
        (25, "tcp", "mail.example.com.", "_25._tcp.mail.example.com."),  # RFC 6698 §3
        (853, "UDP", "example.com.", "_853._udp.example.com."),
    ],
)
def test_owner_names(port: int, transport: str, base: str, owner: str) -> None:
    assert tlsa_owner(port, transport, dns.name.from_text(base)).to_text() == owner


@pytest.mark.parametrize(("port", "transport"), [(0, "tcp"), (65536, "tcp"), (443, "pigeon")])
def test_there_is_no_owner_name_for_what_is_no_endpoint(port: int, transport: str) -> None:
    with pytest.raises(DanelawError, match="BAD_ENDPOINT"):
        tlsa_owner(port, transport, WWW)


def test_a_name_without_room_for_the_labels_is_refused() -> None:
    long = dns.name.from_text(".".join(["a" * 61] * 4))
    with pytest.raises(DanelawError, match="NAME_TOO_LONG"):
        tlsa_owner(443, "tcp", long)


def test_the_securely_expanded_name_is_the_preferred_base_domain() -> None:
    target = dns.name.from_text("w1.example.net.")
    assert base_domains(WWW, target) == (target, WWW)
    assert base_domains(WWW) == base_domains(WWW, WWW) == (WWW,)
    assert [owner.to_text() for owner in owners(Endpoint(WWW, 443), target)] == [
        "_443._tcp.w1.example.net.",
        "_443._tcp.www.example.com.",
    ]
