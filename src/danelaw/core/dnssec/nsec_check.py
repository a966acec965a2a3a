"""Whether a zone's NSEC records are the chain that its names ask for (RFC 4035 §2.3)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.nsec import NSEC, MalformedBitmapError, nsec_chain
from danelaw.core.dnssec.rrsig import type_text
from danelaw.core.dnssec.zone_findings import ZoneFinding
from danelaw.core.model import RRset


def nsec_faults(names: Mapping[Name, Collection[int]], nsecs: Iterable[RRset]) -> Iterator[ZoneFinding]:
    """What is wrong with the zone's NSEC records; the one code is NSEC_WRONG.

    ``names``: each owner of authoritative data or of a delegation, with its types. Signatures are judged elsewhere.
    """
    found = {rrset.owner: rrset.rdatas for rrset in nsecs}
    for rrset in nsec_chain(names, 0):
        (rdata,) = rrset.rdatas
        here = found.pop(rrset.owner, None)
        if here is None:
            yield _wrong(rrset.owner, "the name has no NSEC record")
        elif here != rrset.rdatas:
            yield from _differences(rrset.owner, NSEC.from_rdata(rdata), here)
    for owner in found:
        yield _wrong(owner, "an NSEC record where there must be none: nothing at the name is the zone's own")


def _differences(owner: Name, wanted: NSEC, rdatas: frozenset[bytes]) -> Iterator[ZoneFinding]:
    if len(rdatas) > 1:
        yield _wrong(owner, f"{len(rdatas)} NSEC records at one name")
    for rdata in sorted(rdatas):
        try:
            nsec = NSEC.from_rdata(rdata)
        except MalformedBitmapError as error:
            yield _wrong(owner, f"malformed: {error}")
            continue
        if nsec.next != wanted.next:
            yield _wrong(owner, f"it points to {nsec.next}, and the next name is {wanted.next}")
        if nsec.types != wanted.types:
            yield _wrong(owner, types_differ(nsec.types, wanted.types))


def types_differ(listed: frozenset[int], there: frozenset[int]) -> str:
    """In words, how a type bitmap is not that of the types at its name."""
    lacking, extra = (" ".join(map(type_text, sorted(some))) for some in (there - listed, listed - there))
    parts = [f"lacks {lacking}"] * bool(lacking) + [f"lists {extra}, not there"] * bool(extra)
    return f"its list of types {' and '.join(parts)}"


def _wrong(owner: Name, detail: str) -> ZoneFinding:
    return ZoneFinding("NSEC_WRONG", "RFC 4035 §2.3", owner, T.NSEC, detail)
