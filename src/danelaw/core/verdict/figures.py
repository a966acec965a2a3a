"""Figures for those who watch over time: until when certificates and signatures hold, how long answers are kept."""

from __future__ import annotations

from collections.abc import Iterable

from danelaw.core.dnssec.rrsig import RRSIG, MalformedSignatureError, near
from danelaw.core.model import IP, Instant, RRset
from danelaw.core.verdict.presented import Described, describe
from danelaw.core.verdict.report import Report


def certificate_ends(report: Report) -> dict[IP, Instant]:
    """Of each address where one was seen: the end of the server's certificate, the first of them where it has several
    for several kinds of client."""
    ends: dict[IP, Instant] = {}
    for view in report.case.views:
        leaf = describe(view.handshake.chain.ders[0]) if view.handshake.chain.ders else ""
        if isinstance(leaf, Described):
            ends[view.address] = min(leaf.last, ends.get(view.address, leaf.last))
    return ends


def signature_end(report: Report) -> Instant | None:
    """From when on a client that comes gets an answer that it cannot validate, if nothing is signed again: TLSA and
    addresses, the links of their aliases included. None where no answer is signed."""
    seen = report.evidence
    rrsets = (rrset for answer in (seen.tlsa, seen.a, seen.aaaa) for rrset in answer.rrsets)
    ends = [end for rrset in rrsets if (end := _end(rrset, seen.at)) is not None]
    return min(ends, default=None)


def _end(rrset: RRset, at: Instant) -> Instant | None:
    """One good signature is enough: the last one counts."""
    return max((near(rrsig.expiration, at) for rrsig in _signatures(rrset.rrsigs)), default=None)


def _signatures(rdatas: Iterable[bytes]) -> Iterable[RRSIG]:
    for rdata in rdatas:
        try:
            yield RRSIG.from_rdata(rdata)
        except MalformedSignatureError:
            continue


def tlsa_ttl(report: Report) -> int | None:
    """In seconds; None where there is no TLSA record."""
    rrset = report.evidence.tlsa.rrset
    return rrset.ttl if rrset is not None else None
