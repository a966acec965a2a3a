"""A certificate without the name that clients check first under every usage but DANE-EE."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.tlsa import CertificateUsage
from danelaw.core.tlsa.x509 import names_match
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    base = case.evidence.base
    for view in case.views:
        minding = [o for o in view.outcomes if o.matched and o.record.combination.usage != CertificateUsage.DANE_EE]
        if minding and view.leaf is not None and names_match(view.leaf, (base,)) is not None:
            yield Said(
                str(view.leaf),
                f"the certificate does not bear {base.to_text(omit_final_dot=True)}, which is the first name that "
                f"clients want under {minding[0].record.combination}; they accept it for another name of the service",
                view.address,
                (f"names: {', '.join(view.leaf.names[:10]) or 'none'}",),
            )


RULE: Final = Rule(
    id="NAME_LACKING",
    level=Level.WARNING,
    citation="RFC 7672 §3.2.2",
    remedy="have the certificate issued for the TLSA base domain as well",
    applies=lambda case: any(r.combination.usage != CertificateUsage.DANE_EE for r in case.usable),
    look=_look,
)
