"""TSIG keys in BIND's files, and the octets of updates, read by dnspython."""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path

import dns.message
import dns.name
import dns.tsig
import dns.update
import pytest
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType as T
from dns.rdtypes.ANY.TSIG import TSIG

from danelaw.adapters.publish import tsig
from danelaw.adapters.publish.rfc2136 import update
from danelaw.core.model import Answer, DanelawError, RRset
from danelaw.core.rollover.actions import Publish
from rollover_history import OWNER, ZONE, absent, rrset
from tlsa_chains import NOW

NOTHING = absent()
SECRET = b"thirty-two octets, more or less."
BASE64 = base64.b64encode(SECRET).decode()
GENERATED = f'key "ddns.example.net" {{\n\talgorithm hmac-sha256;\n\tsecret "{BASE64}";\n}};\n'
SOA = RRset(ZONE, T.SOA, 60, frozenset({b"\x02ns\x07example\x03net\x00\x04host\x00" + bytes((0, 0, 0, 9)) + bytes(16)}))


def write(folder: Path, text: str = GENERATED, mode: int = 0o600) -> Path:
    path = folder / "tsig.key"
    path.write_text(text)
    path.chmod(mode)
    return path


def refusal(path: Path) -> DanelawError:
    with pytest.raises(DanelawError) as caught:
        tsig.read_key(path)
    assert caught.value.code == "TSIG_KEY_UNUSABLE"
    return caught.value


# -- key files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        GENERATED,
        f"key ddns.example.net {{ algorithm hmac-sha256; secret {BASE64}; }};",
        f'key "ddns.example.net." {{ secret "{BASE64}"; algorithm "HMAC-SHA256."; }}',
        f"# made by hand\n// twice\n/* key of\n old */\n{GENERATED}",
        f'KEY "DDNS.example.net" {{ ALGORITHM HMAC-SHA256; SECRET "{BASE64}"; }};',
    ],
    ids=["tsig-keygen", "unquoted", "other order", "comments", "capitals"],
)
def test_a_key_is_read_in_all_forms_that_bind_reads(text: str, tmp_path: Path) -> None:
    key = tsig.read_key(write(tmp_path, text))
    assert (key.name, key.algorithm, key.secret) == (
        dns.name.from_text("ddns.example.net."),
        dns.tsig.HMAC_SHA256,
        SECRET,
    )


@pytest.mark.parametrize("begin", ["//AA", "a//b", "////"])
def test_what_is_quoted_holds_no_comment(begin: str, tmp_path: Path) -> None:
    """``/`` is one of base64's characters (RFC 4648 §4): two in a row are in one of a hundred keys."""
    text = GENERATED.replace(BASE64, begin + BASE64)
    key = tsig.read_key(write(tmp_path, f'// the "first" of its kind\n{text}'))
    assert key.secret == base64.b64decode(begin) + SECRET


@pytest.mark.parametrize("algorithm", ["hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"])
def test_the_sha2_algorithms_are_used(algorithm: str, tmp_path: Path) -> None:
    key = tsig.read_key(write(tmp_path, GENERATED.replace("hmac-sha256", algorithm)))
    assert key.algorithm == dns.name.from_text(algorithm)


@pytest.mark.parametrize(
    "text",
    [
        "",
        GENERATED + GENERATED.replace("ddns", "other"),
        GENERATED + "options { };",
        GENERATED.replace("hmac-sha256", "hmac-md5"),
        GENERATED.replace("hmac-sha256", "hmac-sha1"),
        GENERATED.replace("hmac-sha256", "hmac-sha256-128"),
        GENERATED.replace("algorithm hmac-sha256;", ""),
        GENERATED.replace(f'secret "{BASE64}";', ""),
        GENERATED.replace("secret", "port 53; secret"),
        GENERATED.replace(BASE64, ""),
        GENERATED.replace(BASE64, "not*base64"),
        GENERATED.replace("ddns.", "dd..ns"),
        GENERATED.replace("ddns", "d\xe9ns"),
    ],
)
def test_anything_but_one_good_key_is_refused_without_quoting_it(text: str, tmp_path: Path) -> None:
    error = refusal(write(tmp_path, text))
    assert error.hint
    assert BASE64 not in str(error) + error.hint


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o620, 0o602, 0o601])
def test_a_key_that_others_can_reach_is_refused(mode: int, tmp_path: Path) -> None:
    error = refusal(write(tmp_path, mode=mode))
    assert f"{mode:04o}" in error.evidence
    assert "chmod" in error.hint


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640, 0o440])
def test_its_group_may_read_a_key(mode: int, tmp_path: Path) -> None:
    assert tsig.read_key(write(tmp_path, mode=mode)).secret == SECRET


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "none.key" in refusal(tmp_path / "none.key").message


def test_a_key_shows_no_secret(tmp_path: Path) -> None:
    key = tsig.read_key(write(tmp_path))
    assert not any(secret in repr(key) for secret in (repr(SECRET), BASE64, SECRET.hex()))


# -- messages ---------------------------------------------------------------------------------------------------------


def test_dnspython_finds_our_signatures_right() -> None:
    key = tsig.TsigKey(dns.name.from_text("ddns."), dns.tsig.HMAC_SHA384, SECRET)
    wire, mac = tsig.sign(dns.message.make_query("example.net.", T.SOA).to_wire(), key, NOW, timedelta(seconds=7))
    start = len(wire) - (6 + 10 + 13 + 6 + 2 + 2 + 48 + 2 + 2 + 2)
    rdata = dns.rdata.from_wire(RdataClass.ANY, T.TSIG, wire, start + 16, len(wire) - start - 16)
    assert isinstance(rdata, TSIG)
    shared = dns.tsig.Key(key.name, SECRET, dns.tsig.HMAC_SHA384)
    dns.tsig.validate(wire, shared, key.name, rdata, int(NOW.timestamp()), b"", start)  # type: ignore[no-untyped-call]  # dnspython has none
    assert (rdata.mac, rdata.fudge, rdata.time_signed) == (mac, 7, int(NOW.timestamp()))


def read(expect: Answer, wanted: Answer) -> dns.update.UpdateMessage:
    message = dns.message.from_wire(update(Publish(ZONE, expect, wanted), SOA, 4711))
    assert isinstance(message, dns.update.UpdateMessage)
    assert (message.id, [str(zone) for zone in message.zone]) == (4711, ["example.net. IN SOA"])
    return message


def told(section: list[dns.rrset.RRset]) -> set[tuple[str, int, int, bytes]]:
    """(class, type, TTL, rdata) of each record; there are none of other owners than the RRset's and the apex."""
    found = set()
    for one in section:
        klass = one.rdclass if one.deleting is None else one.deleting
        rdata = one[0].to_wire() if one else b""
        assert one.name == (ZONE if one.rdtype == T.SOA else OWNER)
        found.add((dns.rdataclass.to_text(klass), int(one.rdtype), one.ttl, rdata or b""))
    return found


SOA_STANDS = ("IN", int(T.SOA), 0, *SOA.rdatas)
REMOVED = ("ANY", int(T.TLSA), 0, b"")
FIRST, SECOND = (bytes((3, 1, 1)) + bytes((n,)) * 32 for n in (1, 2))


@pytest.mark.parametrize(
    ("expect", "wanted", "required", "changes"),
    [
        (
            NOTHING,
            rrset(FIRST),
            {("NONE", int(T.TLSA), 0, b"")},
            {REMOVED, ("IN", int(T.TLSA), 30, FIRST)},
        ),
        (
            rrset(FIRST),
            rrset(FIRST, SECOND),
            {("IN", int(T.TLSA), 0, FIRST)},
            {REMOVED, ("IN", int(T.TLSA), 30, FIRST), ("IN", int(T.TLSA), 30, SECOND)},
        ),
        (
            rrset(FIRST, SECOND),
            NOTHING,
            {("IN", int(T.TLSA), 0, FIRST), ("IN", int(T.TLSA), 0, SECOND)},
            {REMOVED},
        ),
    ],
    ids=["made", "replaced", "removed"],
)
def test_an_update_requires_the_soa_and_the_whole_rrset(
    expect: Answer,
    wanted: Answer,
    required: set[tuple[str, int, int, bytes]],
    changes: set[tuple[str, int, int, bytes]],
) -> None:
    message = read(expect, wanted)
    assert told(message.prerequisite) == {SOA_STANDS} | required
    assert told(message.update) == changes
    assert not message.additional
