"""Having a certificate revoked, such as one whose key is known to somebody else: when no server presents it any more.

Clients that know no DANE refuse a revoked certificate, and a client of any kind may ask the CA: so none may be
presented it. Whoever holds the key can present it all the same, and that is what the revocation is against.
"""

from __future__ import annotations

from danelaw.core.model import Chain, CredentialFacts, Instant, Limits
from danelaw.core.rollover.actions import AdvanceOrder, Revoke, Switch
from danelaw.core.rollover.chains import possible_chains
from danelaw.core.rollover.conditions import Counterexample, fault
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.lookups import counted_addresses, every_base, service_addresses
from danelaw.core.rollover.reach import Reach, Unprobed


def distrusted(switch: Switch, facts: Facts) -> bool:
    """Whether the CA was ever asked to revoke a certificate: what came of that is no matter."""
    return any(isinstance(deed.action, Revoke) and deed.action.chain == switch.chain for deed in facts.deeds)


def issued_by(generation: CredentialFacts, facts: Facts) -> str | None:
    """The CA that a generation's certificate was ordered of; None: nobody wrote down which, or it was not ordered here.

    That is the CA of the last step, whatever is known of its outcome: there is no step after the one that issues.
    """
    orders = [
        deed.action.order
        for deed in facts.deeds
        if isinstance(deed.action, AdvanceOrder)
        and (deed.action.lineage, deed.action.generation) == (generation.lineage, generation.generation)
    ]
    return orders[-1].issuer if orders else None


def blocks_revocation(
    revoke: Revoke, facts: Facts, reach: Reach, now: Instant, limits: Limits
) -> tuple[Counterexample, ...]:
    """Where the certificate lies on a serving path, and the addresses that may present it."""
    holding = facts.holding(revoke.lineage)
    stored = next((g for g in holding.generations if g.generation == revoke.generation), None) if holding else None
    if holding is None or stored is None or stored.chain != revoke.chain:
        because = f"generation {revoke.generation} is not in the store with this chain"
        return (fault("I1", "NOT_STORED", now, because),)
    leaf = revoke.chain.ders[0]
    lying = [g for g in holding.generations if g.generation in holding.lying and g.chain is not None]
    if any(g.chain is not None and g.chain.ders[0] == leaf for g in lying):
        return (fault("I1", "CERTIFICATE_IN_USE", now, "the certificate lies on a serving path"),)
    found: list[Counterexample] = []
    for reached in (one for one in reach.endpoints if revoke.lineage in one.lineages):
        seen = every_base(facts, reached, now, limits)
        if not service_addresses(facts, reached, now, limits):
            found.append(fault("I1", "ADDRESSES_UNSEEN", now, f"no address of {reached.endpoint.host} is known"))
        for ip in sorted(counted_addresses(facts, reached, now, limits), key=str):
            for chain in possible_chains(facts, seen, ip, now, limits):
                if isinstance(chain, Unprobed):
                    because = f"nothing is known yet of what {ip} presents"
                    found.append(Counterexample("I1", "UNPROBED", None, ip, chain, frozenset(), now, because))
                elif isinstance(chain, Chain) and chain.ders[0] == leaf:
                    because = f"{ip} may still present the certificate"
                    found.append(Counterexample("I1", "CERTIFICATE_IN_USE", None, ip, chain, frozenset(), now, because))
    return tuple(found)
