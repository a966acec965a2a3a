"""A name server that says that _tcp does not exist, though records stand below it: some resolvers stop there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import dns.rcode
import dns.rdatatype

from danelaw.core.verdict.authorities import answers_to, server_of
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said

_A: Final = int(dns.rdatatype.A)
_NXDOMAIN: Final = int(dns.rcode.NXDOMAIN)


def _look(case: Case) -> Iterable[Said]:
    for said in answers_to(case.evidence.sweep):
        if said.asked.type == _A and said.asked.name == case.evidence.owner.parent() and said.rcode == _NXDOMAIN:
            yield Said(
                said.asked.name.to_text(omit_final_dot=True),
                f"{server_of(said)} says that this name does not exist (NXDOMAIN), though TLSA records are below it; "
                "resolvers that minimise what they ask find no records then",
            )


RULE: Final = Rule(
    id="NXDOMAIN_ABOVE",
    level=Level.ERROR,
    citation="RFC 8020 §2",
    remedy="bring the name server's software up to date: a name with names below it exists (RFC 4592 §2.2.2)",
    applies=lambda case: case.evidence.sweep is not None and bool(case.evidence.tlsa.rrsets),
    look=_look,
)
