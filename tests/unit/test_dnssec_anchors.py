"""Trust anchors in the forms in which they are kept: what is believed of each, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Final

import dns.name
import pytest

from danelaw import wiring
from danelaw.core.dnssec.algorithms import DEFAULT_POLICY
from danelaw.core.dnssec.anchors import Anchors, read_anchors
from danelaw.core.model import DanelawError

NOW: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROOT: Final = dns.name.root
NET: Final = dns.name.from_text("net.")

# The root's keys, as in Debian's dns-root-data 2024071801 and the IANA's root-anchors.xml.
DIGEST_2010: Final = "49AAC11D7B6F6446702E54A1607371607A1A41855200FD2CE1CDDE32F24E8FB5"
DIGEST_2017: Final = "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"
DIGEST_2024: Final = "683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16"
KSK_2017: Final = (
    "AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4+B5xQlNVz8Og8kv"
    "ArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eNbuv7pr+e"
    "oZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8subX2Nn6UwN"
    "R1AkUTV74bU="
)

# Keys of a root of our own, and what Unbound 1.17.1 wrote of them: on its first day, and after the revocation of 15610.
KEY_15610: Final = "dFgMSKcRiBzenGRKQu6br9Wp1gfk9puSKt44zkb4DtQitQI2bFt/vh9CzBjOA06OtXqHGHtmEa+lY7HDneGqQA=="
KEY_31436: Final = "wfNSUIR0HRxu5hzz2rXKHEvn8zfBRU/vpxnrPg8Mw15dUcoFrbYP7lGsr8hXsCZE1J9LJBb/hTwnRlMO5KFbyg=="
UNBOUND: Final = f"""\
; autotrust trust anchor file
;;id: . 1
;;last_queried: 1795430851 ;;Mon Nov 23 10:47:31 2026
;;last_success: 1795430851 ;;Mon Nov 23 10:47:31 2026
;;next_probe_time: 1795430880 ;;Mon Nov 23 10:48:00 2026
;;query_failed: 0
;;query_interval: 30
;;retry_time: 6
.	60	IN	DNSKEY	257 3 13 {KEY_31436} ;{{id = 31436 (ksk), size = 256b}} ;;state=1 [ ADDPEND ] ;;count=1 ;;lastchange=1795430851 ;;Mon Nov 23 10:47:31 2026
.	3600	IN	DNSKEY	257 3 13 {KEY_15610} ;{{id = 15610 (ksk), size = 256b}} ;;state=2 [  VALID  ] ;;count=0 ;;lastchange=1795430851 ;;Mon Nov 23 10:47:31 2026
"""  # noqa: E501 - as Unbound writes it
UNBOUND_REVOKED: Final = f"""\
; autotrust trust anchor file
;;REVOKED
; The zone has all keys revoked, and is
; considered as if it has no trust anchors.
; the remainder of the file is the last probe.
; to restart the trust anchor, overwrite this file.
; with one containing valid DNSKEYs or DSes.
;;id: . 1
;;last_queried: 1795431392 ;;Mon Nov 23 10:56:32 2026
;;last_success: 1795431392 ;;Mon Nov 23 10:56:32 2026
;;next_probe_time: 0 ;;Thu Jan  1 00:00:00 1970
;;query_failed: 0
;;query_interval: 30
;;retry_time: 6
.	3600	IN	DNSKEY	385 3 13 {KEY_15610} ;{{id = 15738 (ksk), size = 256b}} ;;state=4 [ REVOKED ] ;;count=0 ;;lastchange=1795431392 ;;Mon Nov 23 10:56:32 2026
.	60	IN	DNSKEY	257 3 13 {KEY_31436} ;{{id = 31436 (ksk), size = 256b}} ;;state=1 [ ADDPEND ] ;;count=1 ;;lastchange=1795430851 ;;Mon Nov 23 10:47:31 2026
"""  # noqa: E501 - as Unbound writes it

# BIND 9.18's bind.keys, its long comments cut.
BIND_KEYS: Final = """\
# The bind.keys file is used to override the built-in DNSSEC trust anchors
trust-anchors {
        # This key (20326) was published in the root zone in 2017, and
        # is scheduled to be phased out starting in 2025.

        . initial-key 257 3 8 "AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3
                +/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4+B5xQlNVz8Og8kv
                ArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF
                0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eNbuv7pr+e
                oZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfd
                RUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8subX2Nn6UwN
                R1AkUTV74bU=";
        . initial-ds 38696 8 2 "683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A
        4C0FB2B16";
};
"""
# What rndc managed-keys sync made BIND 9.18 write.
MANAGED_KEYS_BIND: Final = """\
$ORIGIN .
$TTL 0\t; 0 seconds
@\t\t\tIN SOA\t. . (
\t\t\t\t1          ; serial
\t\t\t\t0          ; refresh (0 seconds)
\t\t\t\t0          ; retry (0 seconds)
\t\t\t\t0          ; expire (0 seconds)
\t\t\t\t0          ; minimum (0 seconds)
\t\t\t\t)
\t\t\tKEYDATA\t19700101000000 19700101000000 19700101000000 0 0 0 ; placeholder
"""

# The example of RFC 9718 §2.3, with KSK-2024 added.
IANA: Final = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<TrustAnchor id="E9724F53-1851-4F86-85E5-F1392102940B"
  source="http://data.iana.org/root-anchors/root-anchors.xml">
  <Zone>.</Zone>
  <KeyDigest id="Kjqmt7v"
      validFrom="2010-07-15T00:00:00+00:00"
      validUntil="2019-01-11T00:00:00+00:00">  <!-- This key
      is no longer valid, since validUntil is in the past -->
    <KeyTag>19036</KeyTag>
    <Algorithm>8</Algorithm>
    <DigestType>2</DigestType>
    <Digest>
{DIGEST_2010}
    </Digest>
  </KeyDigest>
  <KeyDigest id="Klajeyz" validFrom="2017-02-02T00:00:00+00:00">
    <KeyTag>20326</KeyTag>
    <Algorithm>8</Algorithm>
    <DigestType>2</DigestType>
    <Digest>
{DIGEST_2017}
    </Digest>
    <PublicKey>
      {KSK_2017[:60]}
      {KSK_2017[60:]}
    </PublicKey>
    <Flags>257</Flags>
  </KeyDigest>
  <KeyDigest id="Kmyv6jo" validFrom="2024-07-18T00:00:00+00:00">
    <KeyTag>38696</KeyTag>
    <Algorithm>8</Algorithm>
    <DigestType>2</DigestType>
    <Digest>{DIGEST_2024}</Digest>
  </KeyDigest>
</TrustAnchor>
"""


def tags(anchors: Anchors) -> dict[str, list[int]]:
    """Zone → the tags of its digests and keys."""
    return {
        anchor.zone.to_text(): sorted([*(ds.tag for ds in anchor.ds), *(key.tag for key in anchor.keys)])
        for anchor in anchors
    }


def refusal(text: str) -> DanelawError:
    with pytest.raises(DanelawError) as raised:
        read_anchors(text, NOW)
    assert raised.value.code == "ANCHOR_SYNTAX"
    assert raised.value.hint
    return raised.value


MASTER = {
    "digests": (f". IN DS 20326 8 2 {DIGEST_2017}\n. 60 IN DS 38696 8 2 {DIGEST_2024}\n", {".": [20326, 38696]}),
    "a key, and what dns-root-data says behind it": (
        f". IN DNSKEY 257 3 8 {KSK_2017} ; keytag 20326\n",
        {".": [20326]},
    ),
    "two zones": (f"net. DS 1 13 2 {DIGEST_2017}\n. DS 2 13 2 {DIGEST_2017}", {".": [2], "net.": [1]}),
    "the owner of the line above": (f"net. DS 1 13 2 {DIGEST_2017}\n\tDS 2 13 2 {DIGEST_2017}", {"net.": [1, 2]}),
    "a record over several lines": (
        f"net. DS 1 13 2 ( ; split\n {DIGEST_2017[:32]}\n\n{DIGEST_2017[32:]} )\n",
        {"net.": [1]},
    ),
    "lines that end as on Windows": (f". DS 1 13 2 {DIGEST_2017}\r\n. DS 2 13 2 {DIGEST_2017}\r\n", {".": [1, 2]}),
    "data in the generic form": (f". DS \\# 36 00070d02{DIGEST_2017}", {".": [7]}),
}


@pytest.mark.parametrize(("text", "expected"), MASTER.values(), ids=MASTER)
def test_records_in_master_form(text: str, expected: dict[str, list[int]]) -> None:
    assert tags(read_anchors(text)) == expected


BAD_MASTER = {
    "another type": ("\n; why\nwww.net. A 192.0.2.1", "line 3: neither DS nor DNSKEY"),
    "another class": (f". CH DS 1 13 2 {DIGEST_2017}", "line 1: RR class"),
    "an end too early": (f". DS 1 13 2 {DIGEST_2017}\n. DS 1 2", "line 2: "),
    "a digest of a wrong length": (". DS 1 13 2 00", "line 1: digest length"),
    "a key that is not in base 64": (". DNSKEY 257 3 8 AwEAAa!!z=", "line 1: "),
    "no owner": (f" DS 1 13 2 {DIGEST_2017}", "line 1: a record without an owner"),
    "a parenthesis left open": (f". DS 1 13 2 (\n{DIGEST_2017}", "line 1: "),
    "a directive": (f"$ORIGIN net.\n@ DS 1 13 2 {DIGEST_2017}", "line 1: directives are not followed"),
    "an include": ("$INCLUDE more", "line 1: directives are not followed"),
    "no word of it": ("hello {\n", "line 1: "),
    "nothing": ("", "there is no trust anchor"),
    "comments": ("; one\n;; two\n", "there is no trust anchor"),
}


@pytest.mark.parametrize(("text", "evidence"), BAD_MASTER.values(), ids=BAD_MASTER)
def test_master_form_that_is_not_right_is_refused_with_its_line(text: str, evidence: str) -> None:
    assert refusal(text).evidence.startswith(evidence)


def test_of_unbounds_file_a_valid_key_is_believed_and_a_pending_one_not() -> None:
    anchors = read_anchors(UNBOUND)
    assert tags(anchors) == {".": [15610]}
    assert anchors.passed_over == ("line 9: key 31436 of . is in the state ADDPEND",)


@pytest.mark.parametrize(
    ("state", "believed"),
    [
        ("0 [  START  ]", False),
        ("1 [ ADDPEND ]", False),
        ("2 [  VALID  ]", True),
        ("3 [ MISSING ]", True),
        ("4 [ REVOKED ]", False),
        ("5 [ REMOVED ]", False),
    ],
)
def test_only_valid_and_missing_keys_are_trust_anchors(state: str, believed: bool) -> None:
    text = f"net. DS 1 13 2 {DIGEST_2017}\n. 60 IN DNSKEY 257 3 13 {KEY_15610} ;{{id}} ;;state={state} ;;count=0\n"
    assert tags(read_anchors(text)) == {"net.": [1]} | ({".": [15610]} if believed else {})


BAD_STATES = {
    "all keys revoked": (UNBOUND_REVOKED, "line 2: Unbound notes that all keys of the zone are revoked"),
    "none valid": (
        UNBOUND.replace("2 [  VALID  ]", "5 [ REMOVED ]"),
        "there is no trust anchor: line 9: key 31436 of . is in the state ADDPEND; "
        "line 10: key 15610 of . is in the state REMOVED",
    ),
    "a state that nobody knows": (UNBOUND.replace("2 [", "7 ["), "line 10: a key's state that is not known"),
    "a number and a word that differ": (UNBOUND.replace("1 [", "2 ["), "line 9: a key's state that is not known"),
    "a state without its word": (UNBOUND.replace("[  VALID  ]", ""), "line 10: a key's state that is not known"),
    "a state on a line of its own": (
        f". DNSKEY 257 3 13 {KEY_15610}\n;;state=1 [ ADDPEND ]\n",
        "line 2: a key's state, and no key beside it",
    ),
}


@pytest.mark.parametrize(("text", "evidence"), BAD_STATES.values(), ids=BAD_STATES)
def test_a_file_of_unbounds_in_which_nothing_can_be_believed_is_refused(text: str, evidence: str) -> None:
    assert refusal(text).evidence == evidence


def test_binds_own_file_of_the_roots_keys() -> None:
    assert tags(read_anchors(BIND_KEYS)) == {".": [20326, 38696]}
    assert read_anchors(BIND_KEYS) == read_anchors(f". DNSKEY 257 3 8 {KSK_2017}\n. DS 38696 8 2 {DIGEST_2024}")


BIND = {
    "static digest": (f'trust-anchors {{ net. static-ds 1 13 2 "{DIGEST_2017}"; }};', {"net.": [1]}),
    "static key, quoted name": (f'trust-anchors {{ "net" static-key 257 3 13 "{KEY_15610}"; }};', {"net.": [15610]}),
    "trusted-keys": (f'trusted-keys {{\n"." 257 3 13 "{KEY_15610}";\n}};', {".": [15610]}),
    "managed-keys": (f'managed-keys\n{{ . initial-key 257 3 13 "{KEY_15610}"; }};', {".": [15610]}),
    "all comments": (
        f'/* a\ntrusted-keys {{ */ // b\ntrusted-keys {{ # c\n. 257 3 13 "{KEY_15610}"; // "d\n}};\n',
        {".": [15610]},
    ),
    "several statements": (
        f'trust-anchors {{}}; trust-anchors {{ . static-ds 1 13 2 "{DIGEST_2017}"; }};\n'
        f'trusted-keys {{ net 257 3 13 "{KEY_15610}"; org 257 3 13 "{KEY_31436}"; }};',
        {".": [1], "net.": [15610], "org.": [31436]},
    ),
}


@pytest.mark.parametrize(("text", "expected"), BIND.values(), ids=BIND)
def test_statements_of_bind(text: str, expected: dict[str, list[int]]) -> None:
    assert tags(read_anchors(text)) == expected


DS_ENTRY: Final = f'. static-ds 1 13 2 "{DIGEST_2017}"'
BAD_BIND = {
    "no kind": (f'trust-anchors {{\n. 257 3 13 "{KEY_15610}"; }};', "line 2: an entry without one of: initial-key"),
    "a kind where none belongs": (f"trusted-keys {{ {DS_ENTRY}; }};", "line 1: an entry has a name, three numbers"),
    "a number too few": (f'trust-anchors {{ . static-ds 13 2 "{DIGEST_2017}"; }};', "line 1: an entry has a name"),
    "a digest cut short": ('trust-anchors {\n\n. static-ds 1 13 2 "00"; };', "line 3: not the data of a DS record"),
    "no domain name": (f'trust-anchors {{ a..b static-ds 1 13 2 "{DIGEST_2017}"; }};', "line 1: 'a..b' is no domain"),
    "an empty entry": ("trust-anchors { ; };", "line 1: an empty entry"),
    "an empty statement": ("trust-anchors { };", "there is no trust anchor"),
    "no semicolon after the entry": (f"trust-anchors {{ {DS_ENTRY} }};", "line 1: '}' where ';' belongs"),
    "no semicolon after the statement": (f"trust-anchors {{ {DS_ENTRY}; }}\ntrusted-keys {{", "line 2: 'trusted-keys'"),
    "no brace": (f"trust-anchors\n{DS_ENTRY}; }};", "line 2: '.' where '{' belongs"),
    "no end": (f"trust-anchors {{ {DS_ENTRY};\n", "line 2: the text ends within a statement"),
    "a quotation left open": (f'trust-anchors {{ . static-ds 1 13 2 "{DIGEST_2017}; }};\n', "line 1: a quotation mark"),
    "other statements": (f"options {{ }};\ntrust-anchors {{ {DS_ENTRY}; }};", "line 1: 'options' is not a statement"),
    "a view": (f"view a {{\n  trust-anchors {{ {DS_ENTRY}; }}; }};", "line 1: 'view' is not a statement"),
    "an include": (f'trust-anchors {{ {DS_ENTRY}; }};\ninclude "b";', "line 2: 'include' is not a statement"),
}


@pytest.mark.parametrize(("text", "evidence"), BAD_BIND.values(), ids=BAD_BIND)
def test_statements_that_are_not_right_are_refused_with_their_line(text: str, evidence: str) -> None:
    assert refusal(text).evidence.startswith(evidence)


@pytest.mark.parametrize(
    "text",
    [MANAGED_KEYS_BIND, ". 0 IN TYPE65533 \\# 4 6B042872\n", ";BIND LOG V9.2\n\0\0"],
    ids=["dump", "generic", "log"],
)
def test_the_keys_that_bind_manages_are_recognised_and_pointed_elsewhere(text: str) -> None:
    error = refusal(text)
    assert "BIND manages" in error.evidence
    assert "bind.keys" in error.hint


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2010, 7, 15, tzinfo=UTC), [19036]),
        (datetime(2018, 1, 1, tzinfo=UTC), [19036, 20326]),
        (datetime(2019, 1, 11, tzinfo=UTC), [19036, 20326]),
        (datetime(2019, 1, 11, tzinfo=UTC) + timedelta(seconds=1), [20326]),
        (NOW, [20326, 38696]),
    ],
)
def test_the_ianas_digests_hold_from_their_first_instant_to_their_last(now: datetime, expected: list[int]) -> None:
    assert tags(read_anchors(IANA, now)) == {".": expected}


def test_what_the_iana_once_published_is_passed_over_in_words() -> None:
    (said,) = read_anchors(IANA, NOW).passed_over
    assert said == "line 5: key 19036 holds from 2010-07-15T00:00:00+00:00 until 2019-01-11T00:00:00+00:00"


def test_the_ianas_form_cannot_be_read_without_the_time() -> None:
    with pytest.raises(ValueError, match="when is now"):
        read_anchors(IANA)


LAUGHS: Final = '<!DOCTYPE x [<!ENTITY a "19036"><!ENTITY b "&a;&a;">]>'
BAD_IANA = {
    "before all of them": (IANA.replace('"20', '"21'), "there is no trust anchor: line 5: key 19036 holds from 2110-"),
    "a document type": (
        IANA.replace("<TrustAnchor", f"{LAUGHS}<TrustAnchor").replace("19036", "&b;"),
        "line 2: a document type",
    ),
    "an entity from nowhere": (IANA.replace("19036", "&tag;"), "line 9: undefined entity"),
    "another document": ("<html></html>", "line 1: the document is a html"),
    "an end too early": (IANA[: IANA.index("</TrustAnchor>")], "line 35: no element found"),
    "no zone": (IANA.replace("<Zone>.</Zone>", ""), "line 2: TrustAnchor has 0 elements Zone"),
    "two zones": (
        IANA.replace("<Zone>.</Zone>", "<Zone>.</Zone><Zone>net.</Zone>"),
        "line 2: TrustAnchor has 2 elements Zone",
    ),
    "a zone that is none": (IANA.replace("<Zone>.<", "<Zone>..net<"), "line 4: '..net' is no domain name"),
    "no tag": (IANA.replace("<KeyTag>20326</KeyTag>", ""), "line 16: KeyDigest has 0 elements KeyTag"),
    "a tag too large": (IANA.replace("20326", "70326"), "line 17: KeyTag is no number up to 65535"),
    "a tag that is none": (IANA.replace("20326", "-1"), "line 17: KeyTag is no number"),
    "a digest cut short": (IANA.replace(DIGEST_2024, "00"), "line 29: not the data of a DS record"),
    "no date": (IANA.replace('validFrom="2024-07-18T00:00:00+00:00"', ""), "line 29: a KeyDigest without validFrom"),
    "a date that is none": (IANA.replace("2024-07-18T", "soon "), "line 29: validFrom is no time"),
    "a date without its zone": (
        IANA.replace("2024-07-18T00:00:00+00:00", "2024-07-18T00:00:00"),
        "line 29: validFrom is no time",
    ),
    "a key that is not the digest's": (
        IANA.replace(DIGEST_2017, DIGEST_2024),
        "line 16: the digest of key 20326 is not that",
    ),
    "a key without its flags": (IANA.replace("<Flags>257</Flags>", ""), "line 16: KeyDigest has 0 elements Flags"),
    "no digests": ("<TrustAnchor><Zone>.</Zone></TrustAnchor>", "there is no trust anchor"),
}


@pytest.mark.parametrize(("text", "evidence"), BAD_IANA.values(), ids=BAD_IANA)
def test_xml_that_is_not_right_is_refused_with_its_line(text: str, evidence: str) -> None:
    assert refusal(text).evidence.startswith(evidence)


def test_elements_that_are_not_known_are_no_reason_to_refuse() -> None:
    """RFC 9718 added two to what RFC 7958 had; the next one may add more."""
    assert tags(read_anchors(IANA.replace("</Zone>", "</Zone><New/>").replace("<Flags", "<New/><Flags"), NOW)) == {
        ".": [20326, 38696]
    }


REVOKED: Final = f"257 3 13 {KEY_15610}".replace("257", "385")
ONE_MORE: Final = f"257 3 13 {KEY_31436}"


@pytest.mark.parametrize(
    "text",
    [
        f". DNSKEY {REVOKED}\n. DNSKEY {ONE_MORE}",
        f'trusted-keys {{ . 385 3 13 "{KEY_15610}"; . 257 3 13 "{KEY_31436}"; }};',
    ],
    ids=["master form", "BIND"],
)
def test_a_revoked_key_is_no_anchor(text: str) -> None:
    anchors = read_anchors(text)
    assert tags(anchors) == {".": [31436]}
    assert anchors.passed_over == ("key 15738 of . is revoked",)


def test_a_revoked_key_alone_is_no_anchor_at_all() -> None:
    error = refusal(f". DNSKEY {REVOKED}")
    assert error.evidence == "there is no trust anchor: key 15738 of . is revoked"


USABLE = {
    "a digest": (f". DS 1 13 2 {DIGEST_2017}", [1]),
    "a key": (f". DNSKEY 257 3 13 {KEY_15610}", [15610]),
    "an algorithm that nobody knows": (f". DS 1 99 2 {DIGEST_2017}", []),
    "a digest that nobody knows": (f". DS 1 13 99 {DIGEST_2017}", []),
    "SHA-1": (f". DS 1 13 1 {DIGEST_2017[:40]}", []),
    "a key of an algorithm that nobody knows": (f". DNSKEY 257 3 99 {KEY_15610}", []),
    "one digest of two": (f". DS 1 99 2 {DIGEST_2017}\n. DS 2 13 2 {DIGEST_2017}", [2]),
    "a key beside an unknown digest": (f". DS 1 99 2 {DIGEST_2017}\n. DNSKEY 257 3 13 {KEY_15610}", [15610]),
}


@pytest.mark.parametrize(("text", "expected"), USABLE.values(), ids=USABLE)
def test_what_of_an_anchor_the_policy_can_use(text: str, expected: list[int]) -> None:
    assert tags(read_anchors(text).usable(DEFAULT_POLICY)) == ({".": expected} if expected else {})


def test_below_an_anchor_that_cannot_be_used_the_next_one_above_holds() -> None:
    anchors = read_anchors(f"net. DS 1 99 2 {DIGEST_2017}\n. DS 2 13 2 {DIGEST_2017}")
    below = dns.name.from_text("www.example.net.")
    assert [anchor.zone for anchor in anchors.enclosing(below)] == [NET, ROOT]
    assert [anchor.zone for anchor in anchors.usable(DEFAULT_POLICY).enclosing(below)] == [ROOT]


def test_without_any_other_the_ianas_anchors_of_the_root_hold() -> None:
    anchors = wiring.trust_anchors(None, NOW)
    assert anchors == read_anchors(f". DS 20326 8 2 {DIGEST_2017}\n. DS 38696 8 2 {DIGEST_2024}")
    assert tags(anchors.usable(DEFAULT_POLICY)) == {".": [20326, 38696]}


def test_the_shipped_file_says_where_it_is_from() -> None:
    assert "data.iana.org/root-anchors" in (files("danelaw.core.dnssec") / "root-anchors.xml").read_text()


def test_anchors_of_a_file_or_a_text(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("trust-anchors { };")
    with pytest.raises(DanelawError, match=f"{file}: .*ANCHOR_SYNTAX"):
        wiring.trust_anchors(file, NOW)
    with pytest.raises(DanelawError, match="ANCHOR_UNREADABLE"):
        wiring.trust_anchors(tmp_path / "nowhere", NOW)
    file.write_text(UNBOUND)
    assert wiring.trust_anchors(file, NOW) == wiring.trust_anchors(UNBOUND, NOW) == read_anchors(UNBOUND)
