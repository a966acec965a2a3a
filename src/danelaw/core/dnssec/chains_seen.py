"""Which chains of hashed or plain names a zone has, and their parameters (RFC 9276 §3.1, §3.2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.algorithms import DEFAULT_POLICY
from danelaw.core.dnssec.nsec3 import NSEC3, NSEC3PARAM, SHA1, MalformedNSEC3Error
from danelaw.core.dnssec.nsec3_chain import NSEC3Chain
from danelaw.core.dnssec.rrsig import type_text
from danelaw.core.dnssec.zone_findings import ZoneFinding
from danelaw.core.model import RRset


@dataclass(frozen=True, slots=True)
class Chains:
    """``told``: each chain in words. ``parameters``: those of the costliest NSEC3 chain; None without any."""

    told: tuple[str, ...]
    parameters: NSEC3Chain | None
    faults: tuple[ZoneFinding, ...]
    advice: tuple[ZoneFinding, ...]


def chains_of(apex: Name, zone: Collection[RRset]) -> Chains:
    """Codes: NSEC3_ITERATIONS of faults; CHAINS_MIXED and NSEC3_OPT_OUT of advice. Whether they are whole is judged
    elsewhere."""
    plain = any(rrset.type == T.NSEC for rrset in zone)
    hashed, opted_out = Counter[NSEC3PARAM](), Counter[NSEC3PARAM]()
    for rrset in zone:
        if rrset.type == T.NSEC3:
            for nsec3 in _readable(rrset):
                hashed[nsec3.parameters] += 1
                opted_out[nsec3.parameters] += nsec3.opt_out
    ordered = sorted(hashed, key=lambda chain: (-chain.iterations, chain.salt))
    faults = [
        _found("NSEC3_ITERATIONS", "RFC 9276 §3.2", apex, f"{chain.iterations} iterations: denials are not believed")
        for chain in ordered
        if chain.iterations > DEFAULT_POLICY.nsec3_iterations
    ]
    advice = []
    if plain and hashed:
        advice.append(_found("CHAINS_MIXED", "RFC 5155 §10.4", apex, "there are both NSEC and NSEC3 records"))
    if any(opted_out.values()):
        said = (
            f"{sum(opted_out.values())} of {sum(hashed.values())} NSEC3 records prove nothing of unsigned delegations"
        )
        advice.append(_found("NSEC3_OPT_OUT", "RFC 9276 §3.1", apex, said))
    told = [type_text(T.NSEC)] * plain + [_told(chain, opted_out[chain]) for chain in ordered]
    known = [chain for chain in ordered if chain.hash_algorithm == SHA1]
    costliest = NSEC3Chain(known[0].salt, known[0].iterations, opted_out[known[0]] > 0) if known else None
    return Chains(tuple(told), costliest, tuple(faults), tuple(advice))


def _readable(rrset: RRset) -> list[NSEC3]:
    try:
        return [NSEC3.from_rdata(rdata) for rdata in sorted(rrset.rdatas)]
    except MalformedNSEC3Error:
        return []  # told of where the chain is judged


def _told(chain: NSEC3PARAM, opted_out: int) -> str:
    salt = f"salt {chain.salt.hex()}" if chain.salt else "no salt"
    return f"NSEC3 ({chain.iterations} iterations, {salt}{', opt-out' if opted_out else ''})"


def _found(code: str, section: str, apex: Name, detail: str) -> ZoneFinding:
    return ZoneFinding(code, section, apex, T.NSEC3PARAM, detail)
