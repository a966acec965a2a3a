"""One link of an answer, an RRset or its absence, and what is said where something is wrong with it (RFC 4035 §5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import dns.exception
import dns.name
from dns.name import Name

from danelaw.core.dnssec.authenticate import Fault, label, ranked
from danelaw.core.model import Absence, JudgedLink, JudgedRRset, Question, Reason, RRset, Security

_WEAKER: Final = (Security.SECURE, Security.INSECURE, Security.INDETERMINATE, Security.BOGUS)


@dataclass(frozen=True, slots=True)
class Link:
    """An RRset or its absence, as the proof shows it; ``fault``: what is wrong with it."""

    judged: JudgedLink
    fault: Fault | None = None
    absence: Absence | None = None
    notes: tuple[Reason, ...] = ()

    @property
    def rrset(self) -> RRset | None:
        if self.judged.synthesized is not None:
            return self.judged.synthesized
        return self.judged.rrset.rrset if self.judged.rrset is not None else None

    @property
    def broken(self) -> bool:
        return self.fault is not None and self.fault.state is not Security.INSECURE


def alias_target(rrset: RRset) -> Name | None:
    """The target of a CNAME or DNAME; None if there is not exactly one, well-formed."""
    if len(rrset.rdatas) != 1:
        return None
    (rdata,) = rrset.rdatas
    try:
        target, used = dns.name.from_wire(rdata, 0)
    except dns.exception.DNSException:
        return None
    return target if used == len(rdata) else None


def faulty(question: Question, fault: Fault, rrset: RRset | None = None) -> Link:
    """A link with which something is wrong; of an RRset where there is one."""
    seen = fault.seen
    if seen is None and rrset is not None:
        seen = JudgedRRset(fault.zone or rrset.owner, rrset, fault.state, reasons=fault.reasons)
    return Link(JudgedLink(question.name, question.type, fault.state, fault.zone, seen, reasons=fault.reasons), fault)


def indeterminate(question: Question, code: str, section: str, detail: str = "") -> Link:
    blamed = label(question.name, question.type)
    return faulty(question, Fault(Security.INDETERMINATE, (Reason(code, section, blamed, detail),)))


def opted_out(blamed: str, zone: Name) -> Fault:
    """Only signed data are denied where a zone opted out: the rest is insecure (RFC 5155 §9.2)."""
    detail = f"{zone} leaves unsigned delegations out of its proofs here"
    return Fault(Security.INSECURE, (Reason("OPT_OUT", "RFC 5155 §9.2", blamed, detail),), zone)


def weakest(faults: Iterable[Fault]) -> Security:
    return max((fault.state for fault in faults), key=_WEAKER.index, default=Security.SECURE)


def worst(faults: Sequence[Fault]) -> Fault:
    """All faults of the worst state in one; the first of them says what was seen."""
    state = weakest(faults)
    those = [fault for fault in faults if fault.state is state]
    reasons = ranked(reason for fault in those for reason in fault.reasons)
    return replace(those[0], reasons=reasons)
