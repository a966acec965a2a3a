"""Taking a lineage's credential away, such as the RSA key beside an ECDSA one: when no server presents it any more.

Which credentials a server offers is a matter of its own configuration. That comes first; then nothing that a client
sees changes when the credential leaves the serving path.
"""

from __future__ import annotations

from danelaw.core.model import IP, Chain, Instant, Limits, Unreachable
from danelaw.core.rollover.actions import Retire
from danelaw.core.rollover.conditions import Counterexample, fault
from danelaw.core.rollover.facts import Holding
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.lookups import counted_addresses, every_base, service_addresses
from danelaw.core.rollover.reach import Reach, Reached, Unprobed
from danelaw.core.tlsa.credential import leaf_spki


def blocks_retirement(
    retire: Retire, facts: Facts, reach: Reach, now: Instant, limits: Limits
) -> tuple[Counterexample, ...]:
    """Addresses that present the lineage's keys to somebody still, or of which nothing is known."""
    holding = facts.holding(retire.lineage)
    if holding is None:
        return (fault("I1", "NOT_STORED", now, "the credential store has not been looked at"),)
    found: list[Counterexample] = []
    for reached in reach.served_by(retire.lineage, retire.host):
        addresses = counted_addresses(facts, reached, now, limits)
        seen = every_base(facts, reached, now, limits)
        if not service_addresses(facts, reached, now, limits):
            found.append(fault("I1", "ADDRESSES_UNSEEN", now, f"no address of {reached.endpoint.host} is known"))
        for ip in sorted(addresses, key=str):
            chain = still_presented(facts, seen, ip, holding)
            if isinstance(chain, Unprobed):
                because = f"nothing is known yet of what {ip} presents"
                found.append(Counterexample("I1", "UNPROBED", None, ip, chain, frozenset(), now, because))
            elif chain is not None:
                because = f"{ip} presents the {retire.lineage.algorithm.value.upper()} key"
                found.append(Counterexample("I1", "KEY_IN_USE", None, ip, chain, frozenset(), now, because))
    return tuple(found)


def still_presented(facts: Facts, reached: Reached, ip: IP, holding: Holding) -> Chain | Unprobed | None:
    """The chain by which an address presents a lineage's key to some kind of client, as far as was seen last."""
    keys = {generation.spki for generation in holding.generations}
    began = facts.began(reached.service)
    presented = facts.presented(reached.endpoint, ip)
    hellos = {hello: spans for hello, spans in presented.items() if hello.sni is None or hello.sni in reached.bases}
    unknown = not hellos
    for spans in hellos.values():
        last = next((s for s in reversed(spans) if not isinstance(s.got, Unreachable)), None)
        if last is None or (began is not None and last.last < began.at):
            unknown = True
        elif isinstance(last.got, Chain) and leaf_spki(last.got) in keys:
            return last.got
    return Unprobed() if unknown else None
