"""The denials in one reply: which of its NSEC and NSEC3 records the zone authenticates, and what they prove."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.authenticate import Fault, Judge, authenticate, label, ranked
from danelaw.core.dnssec.denials import Denials, Denied
from danelaw.core.dnssec.keys import KeysByTag
from danelaw.core.dnssec.message import authority_rrsets
from danelaw.core.model import JudgedDenial, JudgedRRset, Message, Reason, Security

_TRIED: Final = 16
"""RRsets: an honest denial has at most three of NSEC3 (RFC 5155 §7.2.2), or two of NSEC; before it, in a forwarder's
reply, one for each alias that came of a wildcard."""


@dataclass(frozen=True, slots=True)
class Denying:
    """``seen``: all that were looked at; ``faults``: what is wrong with the signatures of those that do not count."""

    denials: Denials
    seen: tuple[JudgedRRset, ...]
    faults: tuple[Reason, ...]

    @property
    def notes(self) -> tuple[Reason, ...]:
        """All that was wrong, for a reply that proves what it should all the same."""
        return (*self.faults, *self.denials.unusable)

    def judged(self, denied: Denied, others: Iterable[JudgedRRset] = ()) -> JudgedDenial:
        """The denial as the proof shows it; ``others`` stand beside it, such as the SOA."""
        used = {(rrset.owner, rrset.type) for rrset in denied.records}
        records = (seen for seen in self.seen if (seen.rrset.owner, seen.rrset.type) in used)
        return JudgedDenial(denied.how.value, (*others, *records), denied.opt_out)


def read_denials(reply: Message, zone: Name, keys: KeysByTag, judge: Judge) -> Denying:
    """Raises ``WorkLimitError``, as whatever is asked of the denials does."""
    rrsets = [rrset for rrset in authority_rrsets(reply) if rrset.type in (T.NSEC, T.NSEC3)][:_TRIED]
    proofs = [authenticate(rrset, zone, keys, judge) for rrset in rrsets]
    good = [proof for proof in proofs if not isinstance(proof, Fault)]
    denials = Denials.read(
        zone,
        [(proof.rrset, proof.rrsig) for proof in good],
        max_iterations=judge.policy.nsec3_iterations,
        on_hash=judge.work.hash,
    )
    faults = [reason for proof in proofs if isinstance(proof, Fault) for reason in proof.reasons]
    seen = tuple(proof.seen for proof in proofs if proof.seen is not None)
    return Denying(denials, seen, ranked(faults))


def undenied(denying: Denying, zone: Name, section: str, blamed: str) -> Fault:
    """The fault of a reply that does not prove what it should: BOGUS.

    INSECURE where NSEC3 records iterate more than is believed: they are not looked into (RFC 9276 §3.2).
    """
    excessive = denying.denials.excessive
    if excessive is not None:
        why = Reason("NSEC3_ITERATIONS", "RFC 9276 §3.2", blamed, label(excessive.owner, excessive.type))
        return Fault(Security.INSECURE, (why,))
    code = "DENIAL_INSUFFICIENT" if denying.denials else "DENIAL_MISSING"
    why = Reason(code, section, blamed, f"by {zone}")
    return Fault(Security.BOGUS, ranked((*denying.faults, why, *denying.denials.unusable)))
