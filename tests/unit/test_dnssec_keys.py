"""DNSKEY and DS records, signatures, and BIND's key files, by the vectors of the RFCs."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

import dns.name
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec import rrsig
from danelaw.core.dnssec.algorithms import DEFAULT_POLICY, Algorithm, DigestType
from danelaw.core.dnssec.bind_keys import (
    KeyFileError,
    KeyState,
    KeyTimes,
    key_file_texts,
    read_key_files,
)
from danelaw.core.dnssec.crypto import PrivateKey, UnusableKeyError
from danelaw.core.dnssec.keys import DNSKEY, DS, MalformedKeyError, ZoneKey, ds_matches, make_ds
from danelaw.core.dnssec.rrsig import RRSIG, MalformedSignatureError
from danelaw.core.model import RRset

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
AT_ONCE = KeyTimes.at_once(NOW)
EXAMPLE_COM = dns.name.from_text("example.com.")
EXAMPLE_NET = dns.name.from_text("example.net.")


def dnskey(flags: int, algorithm: int, public: str) -> DNSKEY:
    return DNSKEY(flags, 3, algorithm, base64.b64decode(public))


RFC4034_2_3 = dnskey(
    256,
    5,
    "AQPSKmynfzW4kyBv015MUG2DeIQ3Cbl+BBZH4b/0PY1kxkmvHjcZc8nokfzj31GajIQKY+5CptLr3buXA10hWqTkF7H6RfoRqXQeogmMHfpftf6z"
    "Mv1LyBUgia7za6ZEzOJBOztyvhjL742iU/TpPSEDhm2SNKLijfUppn1UaNvv4w==",
)
RFC4034_5_4 = dnskey(
    256,
    5,
    "AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBa"
    "MbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==",
)
RFC6605_6_1 = dnskey(
    257, 13, "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA=="
)
RFC8080_6_1 = dnskey(257, 15, "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=")

# RFC 8080 §6.1: the private key, and the signature that it makes; Ed25519 has no choice of another.
RFC8080_PRIVATE = "ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI="
RFC8080_MX = RRset(EXAMPLE_COM, T.MX, 3600, frozenset({b"\x00\x0a\x04mail\x07example\x03com\x00"}))
RFC8080_SIGNATURE = "oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg=="


@pytest.mark.parametrize(
    ("key", "tag"),
    [(RFC4034_2_3, 2642), (RFC4034_5_4, 60485), (RFC6605_6_1, 55648), (RFC8080_6_1, 3613)],
    ids=["RFC 4034 §3.3", "RFC 4034 §5.4", "RFC 6605 §6.1", "RFC 8080 §6.1"],
)
def test_key_tags_are_those_of_the_rfcs(key: DNSKEY, tag: int) -> None:
    assert key.tag == tag
    assert DNSKEY.from_rdata(key.to_rdata()) == key


@pytest.mark.parametrize(
    ("owner", "key", "digest_type", "digest"),
    [
        ("dskey.example.com.", RFC4034_5_4, 1, "2BB183AF5F22588179A53B0A98631FAD1A292118"),
        ("DSkey.Example.com.", RFC4034_5_4, 2, "D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A"),
        ("example.net.", RFC6605_6_1, 2, "b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17"),
        ("example.com.", RFC8080_6_1, 2, "3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b"),
    ],
    ids=["RFC 4034 §5.4", "RFC 4509 §2.3, in mixed case", "RFC 6605 §6.1", "RFC 8080 §6.1"],
)
def test_digests_are_those_of_the_rfcs(owner: str, key: DNSKEY, digest_type: int, digest: str) -> None:
    ds = make_ds(dns.name.from_text(owner), key, digest_type)
    assert ds == DS(key.tag, key.algorithm, digest_type, bytes.fromhex(digest))
    assert DS.from_rdata(ds.to_rdata()) == ds
    assert ds_matches(ds, dns.name.from_text(owner), key)


def test_a_ds_matches_no_other_key_owner_or_digest() -> None:
    ds = make_ds(EXAMPLE_COM, RFC8080_6_1)
    assert not ds_matches(ds, EXAMPLE_NET, RFC8080_6_1)
    assert not ds_matches(ds, EXAMPLE_COM, RFC6605_6_1)
    assert not ds_matches(DS(ds.tag, ds.algorithm, ds.digest_type, ds.digest[:-1]), EXAMPLE_COM, RFC8080_6_1)
    assert not ds_matches(DS(ds.tag, ds.algorithm, 250, ds.digest), EXAMPLE_COM, RFC8080_6_1)


@pytest.mark.parametrize("read", [DNSKEY.from_rdata, DS.from_rdata])
def test_rdata_without_key_or_digest_is_malformed(read: Callable[[bytes], object]) -> None:
    with pytest.raises(MalformedKeyError):
        read(b"\x01\x00\x03\x0d")


def test_sha1_is_unsupported_unless_a_policy_says_otherwise() -> None:
    """RFC 9905: such zones are insecure, not bogus."""
    assert not any(map(DEFAULT_POLICY.validates, (Algorithm.RSASHA1, Algorithm.RSASHA1_NSEC3_SHA1, 3, 12, 200)))
    assert not DEFAULT_POLICY.validates_digest(DigestType.SHA1)
    assert all(map(DEFAULT_POLICY.validates, (8, 10, 13, 14, 15, 16)))


@pytest.mark.parametrize(
    ("owner", "address", "good"),
    [
        ("www.example.net.", "192.0.2.1", True),
        ("WWW.Example.Net.", "192.0.2.1", True),
        ("www.example.net.", "192.0.2.2", False),
        ("ftp.example.net.", "192.0.2.1", False),
    ],
)
def test_the_ecdsa_signature_of_rfc_6605_is_verified(owner: str, address: str, good: bool) -> None:
    """RFC 6605 §6.1. The TTL in a cache is not what was signed: the original TTL is (RFC 4035 §5.3.2)."""
    signature = "qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw=="
    expiration = rrsig.seconds(datetime(2010, 9, 9, 10, 4, 39, tzinfo=UTC))
    inception = rrsig.seconds(datetime(2010, 8, 12, 10, 4, 39, tzinfo=UTC))
    record = RRSIG(T.A, 13, 3, 3600, expiration, inception, 55648, EXAMPLE_NET, base64.b64decode(signature))
    rrset = RRset(dns.name.from_text(owner), T.A, 60, frozenset({IPv4Address(address).packed}))
    assert rrsig.verify(record, rrset, RFC6605_6_1) is good


def test_ed25519_signature_of_rfc_8080_is_made_and_verified() -> None:
    private = ed25519.Ed25519PrivateKey.from_private_bytes(base64.b64decode(RFC8080_PRIVATE))
    key = ZoneKey(EXAMPLE_COM, RFC8080_6_1, private)
    expiration, inception = datetime.fromtimestamp(1440021600, UTC), datetime.fromtimestamp(1438207200, UTC)
    made = RRSIG.from_rdata(rrsig.make(RFC8080_MX, EXAMPLE_COM, key, inception, expiration))
    signature = base64.b64decode(RFC8080_SIGNATURE)
    assert made == RRSIG(T.MX, 15, 2, 3600, 1440021600, 1438207200, 3613, EXAMPLE_COM, signature)
    assert rrsig.verify(made, RFC8080_MX, RFC8080_6_1)


KEYS: dict[Algorithm, Callable[[], PrivateKey]] = {
    Algorithm.RSASHA256: lambda: rsa.generate_private_key(65537, 2048),
    Algorithm.ECDSAP256SHA256: lambda: ec.generate_private_key(ec.SECP256R1()),
    Algorithm.ECDSAP384SHA384: lambda: ec.generate_private_key(ec.SECP384R1()),
    Algorithm.ED25519: ed25519.Ed25519PrivateKey.generate,
    Algorithm.ED448: ed448.Ed448PrivateKey.generate,
}


@pytest.mark.parametrize("algorithm", KEYS, ids=lambda a: a.name)
class TestEveryAlgorithm:
    def test_the_same_input_gives_the_same_signature(self, algorithm: Algorithm) -> None:
        """RFC 6979 for ECDSA, so that signing a zone twice gives the same file."""
        key = ZoneKey.of(EXAMPLE_COM, 256, algorithm, KEYS[algorithm]())
        first, second = (rrsig.make(RFC8080_MX, EXAMPLE_COM, key, NOW, NOW + DAY) for _ in range(2))
        assert first == second
        assert rrsig.verify(RRSIG.from_rdata(first), RFC8080_MX, key.dnskey)

    def test_key_files_read_back(self, algorithm: Algorithm) -> None:
        key = ZoneKey.of(EXAMPLE_COM, 257, algorithm, KEYS[algorithm]())
        back, times = read_key_files(*key_file_texts(key, AT_ONCE))
        assert back == key
        assert back.sign(b"x") == key.sign(b"x")
        assert times == KeyTimes(created=NOW, publish=NOW, activate=NOW)

    def test_the_halves_of_a_key_must_belong_together(self, algorithm: Algorithm) -> None:
        one, other = (ZoneKey.of(EXAMPLE_COM, 257, algorithm, KEYS[algorithm]()) for _ in range(2))
        with pytest.raises(UnusableKeyError):
            ZoneKey(EXAMPLE_COM, one.dnskey, other.private)
        with pytest.raises(KeyFileError):
            read_key_files(key_file_texts(one, AT_ONCE)[0], key_file_texts(other, AT_ONCE)[1])

    def test_a_key_shows_nothing_of_its_private_half(self, algorithm: Algorithm) -> None:
        assert "private" not in repr(ZoneKey.of(EXAMPLE_COM, 257, algorithm, KEYS[algorithm]())).lower()


@pytest.mark.parametrize(
    "public",
    [b"", b"\x01", b"\x00\x00", b"\x00\x02\x01", b"\x03\x01\x00\x01", b"\x03\x01\x00\x01\x00", b"\x03\x01\x00\x01" * 9],
)
@pytest.mark.parametrize("algorithm", [1, 5, 8, 10, 13, 14, 15, 16, 200])
def test_a_malformed_or_unknown_key_verifies_nothing(public: bytes, algorithm: int) -> None:
    key = DNSKEY(256, 3, algorithm, public)
    record = RRSIG(T.MX, algorithm, 2, 3600, 0, 0, key.tag, EXAMPLE_COM, b"\x01" * 64)
    assert not rrsig.verify(record, RFC8080_MX, key)


def signed_wildcard() -> tuple[RRSIG, DNSKEY]:
    key = ZoneKey.of(EXAMPLE_COM, 256, Algorithm.ED25519, ed25519.Ed25519PrivateKey.generate())
    wildcard = RRset(dns.name.from_text("*.w.example.com."), T.TXT, 300, frozenset({b"\x01a", b"\x01B"}))
    return RRSIG.from_rdata(rrsig.make(wildcard, EXAMPLE_COM, key, NOW, NOW + DAY)), key.dnskey


@pytest.mark.parametrize(
    ("owner", "rdatas", "good"),
    [
        ("*.w.example.com.", {b"\x01a", b"\x01B"}, True),
        ("x.w.example.com.", {b"\x01a", b"\x01B"}, True),
        ("X.y.W.example.com.", {b"\x01a", b"\x01B"}, True),
        ("x.v.example.com.", {b"\x01a", b"\x01B"}, False),
        ("example.com.", {b"\x01a", b"\x01B"}, False),
        ("x.w.example.com.", {b"\x01a"}, False),
        ("x.w.example.com.", {b"\x01a", b"\x01b"}, False),
        ("x.w.example.com.", {b"\x01a", b"\x01B", b"\x01C"}, False),
    ],
)
def test_a_signature_over_a_wildcard_covers_what_came_of_it(owner: str, rdatas: set[bytes], good: bool) -> None:
    """RFC 4035 §5.3.2: the Labels field says where the wildcard was."""
    record, key = signed_wildcard()
    assert record.labels == 3
    assert rrsig.verify(record, RRset(dns.name.from_text(owner), T.TXT, 9, frozenset(rdatas)), key) is good


def test_records_that_differ_in_the_case_of_names_count_once() -> None:
    """RFC 4034 §6.3."""
    owner = dns.name.from_text("example.com.")
    record = RRSIG(T.NS, 13, 2, 1, 1, 0, 1, EXAMPLE_COM, b"")
    one = RRset(owner, T.NS, 1, frozenset({b"\x02ns\x00"}))
    two = RRset(dns.name.from_text("EXAMPLE.com."), T.NS, 1, frozenset({b"\x02NS\x00", b"\x02ns\x00"}))
    assert rrsig.signed_data(record, one) == rrsig.signed_data(record, two)


@pytest.mark.parametrize(
    ("inception", "expiration", "code"),
    [
        (NOW - DAY, NOW + DAY, None),
        (NOW, NOW, None),
        (NOW - DAY, NOW - timedelta(seconds=1), "SIGNATURE_EXPIRED"),
        (NOW + timedelta(seconds=1), NOW + DAY, "SIGNATURE_NOT_YET_VALID"),
    ],
)
def test_dates_bound_a_signature_on_both_sides(inception: datetime, expiration: datetime, code: str | None) -> None:
    """RFC 4035 §5.3.1: both ends are within."""
    key = ZoneKey.of(EXAMPLE_COM, 256, Algorithm.ED25519, ed25519.Ed25519PrivateKey.generate())
    made = RRSIG.from_rdata(rrsig.make(RFC8080_MX, EXAMPLE_COM, key, inception, expiration))
    fault = rrsig.date_fault(made, NOW)
    assert (fault and fault.code) == code


def test_dates_go_on_when_32_bits_are_used_up() -> None:
    """RFC 4034 §3.1.5: serial number arithmetic, so that 2106 is no end."""
    turn = datetime.fromtimestamp(1 << 32, UTC)
    record = RRSIG(T.A, 13, 2, 1, rrsig.seconds(turn + DAY), rrsig.seconds(turn - DAY), 1, EXAMPLE_COM, b"")
    assert record.expiration < record.inception
    assert rrsig.date_fault(record, turn) is None
    late = rrsig.date_fault(record, turn + 2 * DAY)
    early = rrsig.date_fault(record, turn - 2 * DAY)
    assert late is not None
    assert late.code == "SIGNATURE_EXPIRED"
    assert early is not None
    assert early.code == "SIGNATURE_NOT_YET_VALID"


@pytest.mark.parametrize(
    "tail", [b"", b"\x3f", b"\x03com", b"\xc0\x0c", b"\x40" + b"a" * 64 + b"\0", (b"\x3f" + b"a" * 63) * 4 + b"\0"]
)
def test_a_malformed_signers_name_makes_the_signature_malformed(tail: bytes) -> None:
    with pytest.raises(MalformedSignatureError):
        RRSIG.from_rdata(bytes(18) + tail)


GOOD_KEY, GOOD_PRIVATE = key_file_texts(
    ZoneKey.of(EXAMPLE_COM, 257, Algorithm.ED25519, ed25519.Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)), AT_ONCE
)


@pytest.mark.parametrize(
    ("key_text", "private_text"),
    [
        ("", GOOD_PRIVATE),
        (GOOD_KEY + GOOD_KEY, GOOD_PRIVATE),
        (GOOD_KEY.replace("DNSKEY", "DS"), GOOD_PRIVATE),
        (GOOD_KEY.replace("257", "x"), GOOD_PRIVATE),
        (GOOD_KEY, ""),
        (GOOD_KEY, GOOD_PRIVATE.replace("v1.3", "v2.0")),
        (GOOD_KEY, GOOD_PRIVATE.replace("15", "13")),
        (GOOD_KEY, GOOD_PRIVATE.replace("PrivateKey", "Other")),
        (GOOD_KEY, GOOD_PRIVATE.replace("PrivateKey: ", "PrivateKey: %")),
        (GOOD_KEY, GOOD_PRIVATE.replace("PrivateKey: ", "PrivateKey: AAAA")),
        (GOOD_KEY, GOOD_PRIVATE.replace("Created: 2026", "Created: never")),
    ],
)
def test_damaged_key_files_are_refused_without_being_quoted(key_text: str, private_text: str) -> None:
    with pytest.raises(KeyFileError) as caught:
        read_key_files(key_text, private_text)
    assert base64.b64encode(b"\x07" * 32).decode()[:8] not in str(caught.value)


LIFE = KeyTimes(
    created=NOW,
    publish=NOW + DAY,
    activate=NOW + 2 * DAY,
    inactive=NOW + 3 * DAY,
    delete=NOW + 4 * DAY,
)


@pytest.mark.parametrize(
    ("times", "days", "state"),
    [
        (KeyTimes(), 0, KeyState.ACTIVE),
        (KeyTimes(created=NOW), 9, KeyState.GENERATED),
        (LIFE, 0.9, KeyState.GENERATED),
        (LIFE, 1, KeyState.PUBLISHED),
        (LIFE, 2, KeyState.ACTIVE),
        (LIFE, 3, KeyState.RETIRED),
        (LIFE, 4, KeyState.REMOVED),
        (replace(LIFE, revoke=NOW + 2.5 * DAY), 2.5, KeyState.REVOKED),
        (replace(LIFE, revoke=NOW + 2.5 * DAY), 3, KeyState.REVOKED),
        (replace(LIFE, revoke=NOW + 2.5 * DAY), 4, KeyState.REMOVED),
        (replace(LIFE, revoke=NOW), 0.5, KeyState.GENERATED),
        (replace(LIFE, publish=None), 1, KeyState.GENERATED),
        (replace(LIFE, publish=None), 2, KeyState.ACTIVE),
        (replace(LIFE, activate=None), 2, KeyState.PUBLISHED),
        (replace(LIFE, activate=None), 3, KeyState.RETIRED),
        (replace(LIFE, activate=NOW), 0.5, KeyState.GENERATED),
        (KeyTimes(created=NOW, activate=NOW), 0, KeyState.ACTIVE),
        (KeyTimes(created=NOW, inactive=NOW), 0, KeyState.GENERATED),
        (KeyTimes(created=NOW, revoke=NOW), 0, KeyState.GENERATED),
    ],
)
def test_timing_metadata_mean_what_bind_takes_them_to_mean(times: KeyTimes, days: float, state: KeyState) -> None:
    """The rules of dnssec-signzone -S; tests/contract holds them to it."""
    now = NOW + days * DAY
    assert times.state(now) is state
    assert times.published(now) is (state not in (KeyState.GENERATED, KeyState.REMOVED))
    assert times.signs(now) is (state is KeyState.ACTIVE)
    assert times.revoked(now) is (state is KeyState.REVOKED)


def test_the_next_turn_in_a_keys_life_is_known() -> None:
    times = replace(LIFE, sync_publish=NOW + 2.5 * DAY, sync_delete=NOW + 9 * DAY)
    turns, now = [], NOW
    while (then := times.next_change(now)) is not None:
        turns.append((then - NOW) / DAY)
        now = then
    assert turns == [1, 2, 2.5, 3, 4]
    assert KeyTimes().next_change(NOW) is None


@pytest.mark.parametrize(("days", "wanted"), [(0, False), (1, False), (2, True), (3.9, True), (4, False), (9, False)])
def test_delegation_records_name_a_key_only_while_its_times_ask_for_them(days: float, wanted: bool) -> None:
    times = replace(LIFE, sync_publish=NOW + 2 * DAY, sync_delete=NOW + 5 * DAY)
    assert times.synced(NOW + days * DAY) is wanted
