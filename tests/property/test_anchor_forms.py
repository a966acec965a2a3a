"""Trust anchors, in whichever form: the same are read from each, and no text gets further than an error."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, TypeAlias

import dns.name
from dns.name import Name
from hypothesis import given
from hypothesis import strategies as st

from danelaw.core.dnssec.anchors import Anchor, Anchors, read_anchors
from danelaw.core.dnssec.keys import DS
from danelaw.core.model import DanelawError

Form: TypeAlias = Callable[[Name, Sequence[DS]], str]

NOW: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
SIZES: Final = {1: 20, 2: 32, 4: 48}

NAMES = st.sampled_from([".", "net.", "example.net.", "xn--9ca.example."]).map(dns.name.from_text)
DIGESTS = st.sampled_from(sorted(SIZES)).flatmap(
    lambda digest_type: st.builds(
        DS,
        st.integers(0, 0xFFFF),
        st.integers(0, 0xFF),
        st.just(digest_type),
        st.binary(min_size=SIZES[digest_type], max_size=SIZES[digest_type]),
    )
)


def in_master_form(zone: Name, digests: Sequence[DS]) -> str:
    return "".join(f"{zone} IN DS {ds.tag} {ds.algorithm} {ds.digest_type} {ds.digest.hex()}\n" for ds in digests)


def as_unbound_keeps_them(zone: Name, digests: Sequence[DS]) -> str:
    records = in_master_form(zone, digests).replace("\n", " ;;state=3 [ MISSING ] ;;count=0\n")
    return f"; autotrust trust anchor file\n;;id: {zone} 1\n{records}"


def as_bind_keeps_them(zone: Name, digests: Sequence[DS]) -> str:
    entries = (f'{zone} static-ds {ds.tag} {ds.algorithm} {ds.digest_type} "{ds.digest.hex()}";\n' for ds in digests)
    return f"trust-anchors {{\n{''.join(entries)}}};\n"


def as_the_iana_keeps_them(zone: Name, digests: Sequence[DS]) -> str:
    elements = (
        f'<KeyDigest id="K" validFrom="2017-02-02T00:00:00Z"><KeyTag>{ds.tag}</KeyTag><Algorithm>{ds.algorithm}'
        f"</Algorithm><DigestType>{ds.digest_type}</DigestType><Digest>{ds.digest.hex()}</Digest></KeyDigest>\n"
        for ds in digests
    )
    return f'<TrustAnchor id="x" source="y"><Zone>{zone}</Zone>{"".join(elements)}</TrustAnchor>'


FORMS: Final = (in_master_form, as_unbound_keeps_them, as_bind_keeps_them, as_the_iana_keeps_them)


@given(NAMES, st.lists(DIGESTS, min_size=1, max_size=3), st.sampled_from(FORMS), st.booleans())
def test_the_same_anchors_are_read_from_every_form(zone: Name, digests: list[DS], form: Form, on_windows: bool) -> None:
    text = form(zone, digests)
    read = read_anchors(text.replace("\n", "\r\n") if on_windows else text, NOW)
    assert read == Anchors((Anchor(zone, frozenset(digests)),))


@given(st.text() | st.text(alphabet='.0123456789DSNKEY ();\n\t"{}<>/&$\\#'))
def test_no_text_raises_anything_but_the_error_of_anchors(text: str) -> None:
    for before in ("", "<TrustAnchor>", "trust-anchors {", ". 0 IN DNSKEY 257 3 13 "):
        with contextlib.suppress(DanelawError):
            read_anchors(before + text, NOW)


@given(st.sampled_from(FORMS), st.data())
def test_a_text_that_was_cut_or_overwritten_raises_nothing_else_either(form: Form, data: st.DataObject) -> None:
    text = form(dns.name.from_text("net."), [DS(1, 13, 2, bytes(32)), DS(2, 8, 4, bytes(48))])
    at = data.draw(st.integers(0, len(text)))
    middle = data.draw(st.text(max_size=3) | st.sampled_from(["\\", "\0", '"', "&lt;", "<!--", "]]>", "é", "²"]))
    with contextlib.suppress(DanelawError):
        read_anchors(text[:at] + middle + text[at + data.draw(st.integers(0, 40)) :], NOW)
