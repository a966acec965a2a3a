"""A record that no client can use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.tlsa import MalformedTLSA, TLSARecord
from danelaw.core.tlsa.match import set_aside
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said

_TOLD: Final = frozenset({"PKIX_USAGE_OPPORTUNISTIC"})
"""What PKIX_ON_SMTP says."""


def _look(case: Case) -> Iterable[Said]:
    for rdata in sorted(case.rrset.rdatas) if case.rrset is not None else ():
        try:
            record = TLSARecord.from_rdata(rdata)
        except MalformedTLSA as error:
            yield Said(case.asked(case.evidence.tlsa), "a record is too short to be one", details=(str(error),))
            continue
        why = set_aside(record, case.reference, None)
        if why is not None and why.code not in _TOLD:
            yield Said(f"TLSA {record.brief()}", f"no client can use this record: {why.detail}", details=(str(why),))


RULE: Final = Rule(
    id="UNUSABLE_RECORD",
    level=Level.WARNING,
    citation="RFC 6698 §4.1",
    remedy="withdraw the record, or publish it with parameters that are assigned and data that is whole",
    applies=lambda case: case.rrset is not None,
    look=_look,
)
