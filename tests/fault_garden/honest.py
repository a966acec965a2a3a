"""Controls: gardens without a fault, in every layout. A comparison that fails here says nothing of damages."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.nsec3_chain import NSEC3Chain
from danelaw.core.model import Security
from fault_garden.damages import INDETERMINATE, INSECURE, PLAINLY, SECURE, Entry, nothing
from fault_garden.garden import Layout

HASHED: Final = Layout(net=NSEC3Chain(), example=NSEC3Chain())
SALTED: Final = Layout(net=NSEC3Chain(salt=b"\xbb"), example=NSEC3Chain(salt=b"\xaa\xbb", iterations=5))
OPT_OUT: Final = Layout(net=NSEC3Chain(opt_out=True), example=NSEC3Chain(opt_out=True))

_ASKED: Final[tuple[tuple[str, str, Security, str, str], ...]] = (
    ("an answer", "www A", SECURE, "SIGNATURE_VALID", "RFC 4035 §5.3"),
    ("a TLSA record", "_443._tcp.www TLSA", SECURE, "SIGNATURE_VALID", "RFC 4035 §5.3"),
    ("the keys", "example.net. DNSKEY", SECURE, "SIGNATURE_VALID", "RFC 4035 §5.2"),
    ("the DS", "example.net. DS", SECURE, "SIGNATURE_VALID", "RFC 4035 §5.2"),
    ("no such type", "www TXT", SECURE, "DENIED_NODATA", "RFC 4035 §5.4"),
    ("no such name", "nope A", SECURE, "DENIED_NO_NAME", "RFC 4035 §5.4"),
    ("no such deep name", "a.b.nope A", SECURE, "DENIED_NO_NAME", "RFC 4035 §5.4"),
    ("an empty name", "b.ent A", SECURE, "DENIED_EMPTY_NON_TERMINAL", "RFC 4035 §5.4"),
    ("a wildcard's answer", "x.wild TXT", SECURE, "SIGNATURE_VALID", "RFC 4035 §5.3.4"),
    ("a wildcard's answer two labels down", "y.x.wild TXT", SECURE, "SIGNATURE_VALID", "RFC 4035 §5.3.4"),
    ("a wildcard without the type", "x.wild A", SECURE, "DENIED_WILDCARD_NODATA", "RFC 4035 §5.4"),
    ("a name that blocks the wildcard", "x.there.wild TXT", SECURE, "DENIED_NO_NAME", "RFC 4035 §5.4"),
    ("the wildcard itself", "*.wild TXT", SECURE, "SIGNATURE_VALID", "RFC 4035 §5.3"),
    ("a CNAME", "far A", SECURE, "SIGNATURE_VALID", "RFC 4035 §5.3"),
    ("a CNAME by a wildcard", "y.links A", SECURE, "SIGNATURE_VALID", "RFC 4035 §5.3.4"),
    ("a CNAME to another zone", "away A", SECURE, "SIGNATURE_VALID", "RFC 4035 §5.3"),
    ("a CNAME into an unsigned zone", "out A", INSECURE, "INSECURE_DELEGATION", "RFC 4035 §5.2"),
    ("a CNAME from an unsigned zone", "alias.plain.net. A", INSECURE, "INSECURE_DELEGATION", "RFC 4035 §5.2"),
    ("a CNAME to nothing", "dangling A", SECURE, "SIGNATURE_VALID", "RFC 4035 §5.4"),
    ("a DNAME", "host.old TXT", SECURE, "SIGNATURE_VALID", "RFC 6672 §5.3.1"),
    ("a DNAME to another zone", "host.gone TXT", SECURE, "SIGNATURE_VALID", "RFC 6672 §5.3.1"),
    ("a DNAME into an unsigned zone", "www.lost A", INSECURE, "INSECURE_DELEGATION", "RFC 6672 §5.3.3"),
    ("a DNAME to nothing", "nope.old TXT", SECURE, "SIGNATURE_VALID", "RFC 6672 §5.3.1"),
    ("the DNAME itself", "old DNAME", SECURE, "SIGNATURE_VALID", "RFC 4035 §5.3"),
    ("a DNAME's owner without the type", "old A", SECURE, "DENIED_NODATA", "RFC 6672 §2.3"),
    ("a DS behind a CNAME", "alias DS", SECURE, "SIGNATURE_VALID", "RFC 4035 §5.4"),
    ("an empty name above an unsigned zone", "deep.net. A", SECURE, "DENIED_EMPTY_NON_TERMINAL", "RFC 4035 §5.4"),
    ("a child zone", "www.child A", SECURE, "SIGNATURE_VALID", "RFC 4035 §5.2"),
    ("an unsigned child zone", "www.sub A", INSECURE, "INSECURE_DELEGATION", "RFC 4035 §5.2"),
    ("no DS", "sub DS", SECURE, "DENIED_NODATA", "RFC 4035 §5.2"),
    ("an unsigned zone", "www.plain.net. A", INSECURE, "INSECURE_DELEGATION", "RFC 4035 §5.2"),
    ("an unsigned zone below an empty name", "www.plain.deep.net. A", INSECURE, "INSECURE_DELEGATION", "RFC 4035 §5.2"),
    ("no such name in an unsigned zone", "nope.plain.net. A", INSECURE, "INSECURE_DELEGATION", "RFC 4035 §5.2"),
    ("an unsigned zone where others are hashed", "www.plain.org. A", INSECURE, "OPT_OUT", "RFC 5155 §8.9"),
    ("a loop of CNAMEs", "loop A", INDETERMINATE, "ALIAS_LOOP", "RFC 1034 §3.6.2"),
)

_DENIED_UNDER_OPT_OUT: Final = {
    "nope A": "OPT_OUT",
    "deep.net. A": "OPT_OUT",
    "a.b.nope A": "OPT_OUT",
    "x.wild TXT": "OPT_OUT",
    "y.x.wild TXT": "OPT_OUT",
    "x.wild A": "OPT_OUT",
    "x.there.wild TXT": "OPT_OUT",
    "y.links A": "OPT_OUT",
    "out A": "OPT_OUT",
    "alias.plain.net. A": "OPT_OUT",
    "dangling A": "OPT_OUT",
    "www.lost A": "OPT_OUT",
    "nope.old TXT": "OPT_OUT",
    "www.sub A": "OPT_OUT",
    "sub DS": "OPT_OUT",
    "www.plain.net. A": "OPT_OUT",
    "www.plain.deep.net. A": "OPT_OUT",
    "nope.plain.net. A": "OPT_OUT",
}
"""What an opt-out span covers can at best be insecure (RFC 5155 §9.2)."""


def _under(layout: Layout, word: str, opted_out: bool = False) -> list[Entry]:
    found = [
        Entry(f"{name}, {word}", nothing, asked, state, code, section, layout)
        for name, asked, state, code, section in _ASKED
    ]
    if not opted_out:
        return found
    return [
        replace(entry, state=INSECURE, code=_DENIED_UNDER_OPT_OUT[entry.asked], section="RFC 5155 §9.2")
        if entry.asked in _DENIED_UNDER_OPT_OUT
        else entry
        for entry in found
    ]


def _algorithm(algorithm: Algorithm, split: bool) -> Entry:
    keys = "KSK and ZSK" if split else "one key"
    layout = Layout(algorithm=algorithm, split=split)
    return Entry(
        f"algorithm {algorithm.name}, {keys}", nothing, "www A", SECURE, "SIGNATURE_VALID", "RFC 4035 §5.3", layout
    )


ENTRIES: Final = [
    *_under(PLAINLY, "by NSEC"),
    *_under(SALTED, "by NSEC3"),
    *_under(OPT_OUT, "under opt-out", True),
    *(
        _algorithm(algorithm, split)
        for algorithm in (Algorithm.ECDSAP256SHA256, Algorithm.ECDSAP384SHA384, Algorithm.ED25519, Algorithm.ED448)
        for split in (True, False)
    ),
    _algorithm(Algorithm.RSASHA256, False),
    _algorithm(Algorithm.RSASHA512, False),
    Entry(
        "an island with an anchor of its own",
        nothing,
        "www.island.plain.net. A",
        SECURE,
        "SIGNATURE_VALID",
        "RFC 6840 appendix C.1",
        Layout(island=True),
    ),
    Entry(
        "an island without an anchor",
        nothing,
        "www.island.plain.net. A",
        INSECURE,
        "INSECURE_DELEGATION",
        "RFC 4035 §5.2",
    ),
]
