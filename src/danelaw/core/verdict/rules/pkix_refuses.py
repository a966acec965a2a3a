"""A certificate that DANE clients accept and browsers do not: they know no DANE."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.tlsa import Verdict, pkix_valid
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    for view in case.views:
        host = (case.evidence.endpoint.host,)
        why = pkix_valid(view.handshake.chain, host, case.reference.roots, view.at)
        if why is not None and view.match.verdict is Verdict.MATCHED:
            yield Said(
                str(view.leaf or case.evidence.endpoint),
                f"browsers, which know no DANE, refuse what is presented to {view.whom}",
                view.address,
                (str(why),),
            )


RULE: Final = Rule(
    id="PKIX_REFUSES",
    level=Level.WARNING,
    citation="RFC 5280 §6.1",
    remedy="have the certificate issued by a CA that browsers trust, for this name, and renew it in time",
    applies=lambda case: case.evidence.application == "https" and bool(case.reference.roots and case.views),
    look=_look,
)
