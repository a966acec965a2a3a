"""Whatever rdata a record has, its text is one line of ASCII that reads back as the same octets."""

from __future__ import annotations

from pathlib import Path

import dns.name
import dns.rdata
import pytest
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType as T
from hypothesis import given
from hypothesis import strategies as st

from danelaw.adapters.zone.entries import split_words
from danelaw.adapters.zone.master_file import parse_zone
from danelaw.adapters.zone.rdata_text import rdata_from_words, record_text
from zone_styles import STYLES

APEX = dns.name.from_text("example.net.")
SIGNED = b"""\
$TTL 60
@ SOA ns host 1 2 3 4 5
@ RRSIG SOA 13 2 60 20261207075654 20261123065654 1 example.net. YWJj
@ RRSIG TYPE65280 13 2 60 20380119031408 19700101000000 65535 . YWJj
@ NSEC a\\.b.example.net. A NS SOA TYPE65280 CAA
@ NSEC .
0p9mhaveqvm6t7vbl5lop2u3t2rp3tom NSEC3 1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr A RRSIG TYPE1234
@ NSEC3PARAM 1 0 0 -
@ ZONEMD 1 1 1 abcd
@ SMIMEA 3 1 1 ab
@ CDS 0 0 0 00
@ CDNSKEY 0 3 0 AA==
@ OPENPGPKEY YWJj
@ RP a.example.net. b.example.net.
@ SPF "v=spf1 -all" ""
"""

EXAMPLES = [
    (record.type, record.rdata)
    for style in [*(style["zone"] for name, style in STYLES.items() if len(style) == 1), SIGNED]
    for record in parse_zone(style.decode("latin-1"), Path("zone"), APEX).records
]
types = st.sampled_from(sorted({type for type, _ in EXAMPLES} | {T.LOC, T.CERT, T.URI, T.APL, T.IPSECKEY}))


def back(type: int, rdata: bytes) -> bytes:
    text = record_text(type, rdata)
    assert text.isascii()
    assert text.isprintable()
    mnemonic, *words = split_words(text)
    assert T.from_text(mnemonic) == type
    return rdata_from_words(type, words, dns.name.root)


@pytest.mark.parametrize(("type", "rdata"), sorted(set(EXAMPLES)))
def test_dnspython_reads_the_usual_text_as_we_mean_it(type: int, rdata: bytes) -> None:
    """Where it reads the type at all: of TLSA, DS and ZONEMD it takes no digest of another length."""
    assert back(type, rdata) == rdata
    mnemonic, _, text = record_text(type, rdata).partition(" ")
    if "\\#" in text or T.make(type) in (T.TLSA, T.SMIMEA, T.DS, T.CDS, T.ZONEMD, T.SSHFP):
        return
    parsed = dns.rdata.from_text(RdataClass.IN, T.from_text(mnemonic), text, dns.name.root, relativize=False)
    assert parsed.to_generic().data == rdata


@given(types, st.binary(max_size=60))
def test_any_octets_read_back(type: int, rdata: bytes) -> None:
    assert back(type, rdata) == rdata


@given(st.sampled_from(EXAMPLES), st.data())
def test_damaged_records_read_back(example: tuple[int, bytes], data: st.DataObject) -> None:
    type, rdata = example
    at = data.draw(st.integers(0, len(rdata)))
    damaged = rdata[:at] + data.draw(st.binary(max_size=3)) + rdata[at + data.draw(st.integers(0, 3)) :]
    assert back(type, damaged) == damaged
