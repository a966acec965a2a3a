"""Certificates twice, out of order, or that belong to no path: most clients cope, some do not."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from danelaw.core.tlsa.x509 import parse
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said

_LONG: Final = 6


def _look(case: Case) -> Iterable[Said]:
    for view in case.views:
        ders = view.handshake.chain.ders
        flaws = []
        if len(set(ders)) < len(ders):
            flaws.append("a certificate is sent twice")
        distinct = [parse(der) for der in dict.fromkeys(ders)]
        if any(a is not None and b is not None and a.issuer != b.subject for a, b in pairwise(distinct)):
            flaws.append("a certificate does not certify the one before it")
        if len(ders) > _LONG:
            flaws.append(f"there are {len(ders)} certificates")
        if flaws:
            yield Said(
                str(case.evidence.endpoint), f"in the chain that is presented {', and '.join(flaws)}", view.address
            )


RULE: Final = Rule(
    id="CHAIN_DISORDERED",
    level=Level.INFO,
    citation="RFC 8446 §4.4.2",
    remedy="send the server's certificate, then each issuer once, in order",
    applies=lambda case: bool(case.views),
    look=_look,
)
