"""TLSA RRsets for a presented chain: every combination, and the mixtures seen in a roll or after a slip."""

from __future__ import annotations

import hashlib
from typing import Final

from agreement.chains import PLACES, Presented
from agreement.issuing import Issued, key_of
from danelaw.core.tlsa import Combination, TLSARecord

ESSENTIAL: Final = (
    "3 1 1 leaf",
    "2 1 1 issuer",
    "2 0 1 issuer",
    "2 0 0 issuer",
    "2 1 0 issuer",
    "2 0 1 root",
    "2 0 0 root",
    "2 1 0 root",
    "2 1 1 leaf",
    "1 1 1 leaf",
    "0 0 1 issuer",
    "0 1 1 root",
)
"""Asked of every chain; the rest of the usual one, and of a few others."""

EVERY_COMBINATION: Final = tuple(
    f"{usage} {selector} {mtype} {place}"
    for usage, places in ((0, ("issuer", "root")), (1, ("leaf",)), (2, ("issuer", "root")), (3, ("leaf",)))
    for selector in (0, 1)
    for mtype in (0, 1, 2)
    for place in places
)
ASTRAY: Final = ("3 1 1 issuer", "3 0 0 issuer", "1 1 1 issuer", "2 0 0 leaf", "0 0 1 leaf", "0 1 1 other")
MIXTURES: Final = (
    "3 1 1 other",
    "2 1 1 issuer, 2 1 1 other",
    "3 1 1 leaf, 3 1 1 other",
    "3 1 1 other, 3 1 1 leaf",
    "3 1 1 leaf, 3 1 1 leaf",
    "3 1 1 other, 2 1 1 issuer",
    "3 1 1 leaf, 2 1 1 other",
    "3 1 1 leaf, 3 1 2 other",
    "3 1 2 leaf, 3 1 1 other",
    "3 1 1 leaf, 3 0 2 other",
    "3 1 1 leaf, 2 1 2 other",
    "3 1 0 leaf, 3 1 2 other",
    "3 1 0 other, 3 1 1 leaf",
    "3 1 1 leaf, 3 1 2 short",
    "2 1 1 issuer, 2 1 2 other",
    "2 0 1 issuer, 2 1 2 other",
    "2 0 0 root, 2 0 1 other",
    "1 1 1 leaf, 3 1 1 other",
    "1 1 1 other, 3 1 1 leaf",
    "0 0 1 root, 2 0 1 other",
    "2 0 1 root, 0 1 1 other",
    "3 1 1 short, 3 1 1 leaf",
    "3 1 1 leaf, 4 1 1 leaf",
    "3 1 1 other, 3 1 1 short",
    "2 0 0 garbage, 2 0 1 issuer",
)
UNUSABLE: Final = (
    "3 1 1 short",
    "3 1 1 long",
    "3 1 2 short",
    "3 1 1 empty",
    "3 1 0 empty",
    "3 1 0 garbage",
    "3 0 0 garbage",
    "2 0 0 garbage",
    "2 1 0 garbage",
    "3 1 3 leaf",
    "3 2 1 leaf",
    "4 1 1 leaf",
    "255 1 1 leaf",
    "3 255 1 leaf",
    "3 1 255 leaf",
    "3 1 1 short, 3 1 3 leaf",
)
ALL: Final = tuple(dict.fromkeys((*ESSENTIAL, *EVERY_COMBINATION, *ASTRAY, *MIXTURES, *UNUSABLE)))


def records(text: str, presented: Presented) -> tuple[TLSARecord, ...]:
    """The records that a text such as ``3 1 1 leaf, 2 1 1 other`` stands for."""
    return tuple(_record(one, presented) for one in text.split(", "))


def _record(text: str, presented: Presented) -> TLSARecord:
    *parameters, what = text.split()
    combination = Combination.from_text(" ".join(parameters))
    if what in PLACES:
        return TLSARecord(combination, _data(combination, getattr(presented, what)))
    other = Issued("other", key_of("other"), presented.root.certificate)
    wrong = _data(Combination(combination.usage, 1, combination.mtype), other)
    made = {"short": wrong[:20], "long": wrong + b"\0", "empty": b"", "garbage": b"not DER at all"}
    return TLSARecord(combination, made.get(what, wrong))


def _data(combination: Combination, named: Issued) -> bytes:
    content = named.spki if combination.selector == 1 else named.der
    digest = {1: "sha256", 2: "sha512"}.get(combination.mtype)
    return hashlib.new(digest, content).digest() if digest else content
