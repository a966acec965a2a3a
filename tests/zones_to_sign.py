"""Small zones with a bit of everything, for hypothesis to try."""

from __future__ import annotations

from typing import Final, TypeAlias

from dns.name import Name
from dns.rdatatype import RdataType as T
from hypothesis import strategies as st

from danelaw.core.dnssec.canonical import plain_wire
from danelaw.core.model import RRset

NEGATIVE_TTL: Final = 45
"""The SOA's MINIMUM, in seconds; its TTL is more."""

_Content: TypeAlias = frozenset[tuple[int, bytes]]

_LABELS: Final = [b"a", b"B", b"b", b"ns", b"*", b"\x00", b"x.y", b"\xe9", b"www"]
_HOST: Final = plain_wire(Name((b"NS", b"test", b"")))
_A, _TXT, _UNKNOWN = (T.A, bytes((192, 0, 2, 1))), (T.TXT, b"\x01t"), (65280, b"\xab")
_NS, _CNAME, _DNAME = ((type, _HOST) for type in (T.NS, T.CNAME, T.DNAME))
_DS: Final = (T.DS, bytes((0x12, 0x34, 13, 2)) + bytes(32))

_CONTENTS: Final[list[_Content]] = [
    frozenset({_A}),
    frozenset({_A, _TXT, _UNKNOWN}),
    frozenset({_CNAME}),
    frozenset({_DNAME}),
    frozenset({_DNAME, _TXT}),
    frozenset({_NS}),
    frozenset({_NS, _A}),
    frozenset({_NS, _DS}),
    frozenset({_NS, _DS, _TXT}),
]


def zones(apex: Name) -> st.SearchStrategy[list[RRset]]:
    """Plain zones: delegations secure and not, glue, occluded names, aliases, wildcards, empty non-terminals.

    No wildcard is delegated: BIND takes no such zone.
    """

    def owner(labels: list[bytes]) -> Name:
        return Name((*labels, *apex.labels))

    names = st.lists(st.sampled_from(_LABELS), min_size=1, max_size=4).map(owner)
    contents = st.dictionaries(names, st.sampled_from(_CONTENTS), max_size=10)
    return contents.map(lambda content: _zone(apex, content))


def _zone(apex: Name, content: dict[Name, _Content]) -> list[RRset]:
    soa = _HOST + _HOST + bytes(16) + NEGATIVE_TTL.to_bytes(4)
    zone = [RRset(apex, T.SOA, 60, frozenset({soa})), RRset(apex, T.NS, 60, frozenset({_HOST}))]
    for owner, records in content.items():
        if not (owner.is_wild() and _NS in records):
            zone += [RRset(owner, type, 60, frozenset({rdata})) for type, rdata in records]
    return zone
