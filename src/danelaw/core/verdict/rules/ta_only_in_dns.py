"""A trust anchor that the server does not send: only clients that take it from the record find the path."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.tlsa import CertificateUsage
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    for view in case.views:
        for outcome in view.outcomes:
            anchor = outcome.certificate
            if not outcome.matched or outcome.record.combination.usage != CertificateUsage.DANE_TA or anchor is None:
                continue
            if anchor not in view.handshake.chain.ders[1:]:
                yield Said(
                    f"TLSA {outcome.record.brief()}",
                    f"the server does not send the trust anchor that this record names, and not every client takes it "
                    f"from DNS: some of the {view.whom} do not connect",
                    view.address,
                )


RULE: Final = Rule(
    id="TA_ONLY_IN_DNS",
    level=Level.WARNING,
    citation="RFC 7671 §5.2.1",
    remedy="send the trust anchor's certificate with the chain, even if it is a root, and publish its digest",
    applies=lambda case: any(record.combination.usage == CertificateUsage.DANE_TA for record in case.usable),
    look=_look,
)
