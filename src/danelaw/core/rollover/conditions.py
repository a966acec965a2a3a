"""What is refused always, whoever presents what: the gate's conditions that need no comparison.

Which servers and records there are has to be known; what is published must be ours, must be known to every client, and
must hide nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import dns.rdatatype
from dns.name import Name

from danelaw.core.model import (
    IP,
    Absence,
    Answer,
    Chain,
    CredentialFacts,
    HandshakeFailure,
    Instant,
    Limits,
    RRset,
    Security,
)
from danelaw.core.rollover.actions import Publish
from danelaw.core.rollover.answers import Held, Unknown, possible_answers
from danelaw.core.rollover.facts import Facts
from danelaw.core.rollover.lookups import TLSA, service_addresses, tlsa_places
from danelaw.core.rollover.reach import Reached, Unprobed
from danelaw.core.tlsa import ClientKind, MatchingType, TLSARecord, records_of
from danelaw.core.tlsa.credential import associations, leaf_spki


@dataclass(frozen=True, slots=True)
class Counterexample:
    """A client that would be refused because of the action: what it holds, and what it is presented.

    ``rule`` I1 (DANE) or I2 (DNSSEC). ``held`` None: what is being published. ``address`` and ``chain`` None: the fault
    needs no server. ``kinds`` are the kinds of client refused anew.
    """

    rule: Literal["I1", "I2"]
    code: str
    held: Held | Unknown | None
    address: IP | None
    chain: Chain | HandshakeFailure | Unprobed | None
    kinds: frozenset[ClientKind]
    at: Instant
    because: str

    def __str__(self) -> str:
        return f"{self.because} [{self.code}]"


def fault(rule: Literal["I1", "I2"], code: str, now: Instant, because: str) -> Counterexample:
    return Counterexample(rule, code, None, None, None, frozenset(), now, because)


def unfit(
    change: Publish, facts: Facts, reached: Iterable[Reached], now: Instant, limits: Limits
) -> Iterable[Counterexample]:
    """What is refused always, whoever presents what."""
    old, new = records(change.expect), records(change.replace)
    if not isinstance(change.replace, RRset) or not new - old:
        return
    judged = facts.judged(change.zone, dns.rdatatype.SOA)
    if judged is None or judged.state is not Security.SECURE or now - judged.at > limits.max_gap:
        state = "not judged lately" if judged is None or now - judged.at > limits.max_gap else judged.state.value
        yield fault("I1", "ZONE_NOT_SECURE", now, f"our validator calls {text(change.zone)} {state}")
    if not any(record.combination.mtype == MatchingType.SHA2_256 for record in new):
        yield fault("I1", "NO_SHA256", now, "no record has matching type 1, the only one that every client knows")
    combinations = {record.combination for record in new}
    foreign = new - old
    mismatched: list[CredentialFacts] = []
    for lineage in {lineage for endpoint in reached for lineage in endpoint.lineages}:
        holding = facts.holding(lineage)
        for generation in holding.generations if holding is not None else ():
            own = associations(combinations, generation.chain, generation.spki)
            if belongs(generation):
                foreign -= own
            elif own & foreign:
                mismatched.append(generation)
    for generation in mismatched:
        yield fault("I1", "KEY_MISMATCH", now, another_key(generation))
    for record in sorted(foreign, key=lambda r: r.to_text()):
        yield fault("I1", "FOREIGN_ASSOCIATION", now, f"{record.to_text()} comes from no stored key or certificate")


def belongs(generation: CredentialFacts) -> bool:
    """Whether the certificate is for the key of its generation."""
    return generation.chain is None or leaf_spki(generation.chain) == generation.spki


def another_key(generation: CredentialFacts) -> str:
    return f"the certificate of generation {generation.generation} is not for its key"


def unseen(facts: Facts, endpoint: Reached, now: Instant, limits: Limits) -> Iterable[Counterexample]:
    """Which servers there are, and which records, has to be known before anything can be said of them."""
    host, zone = endpoint.endpoint.host, endpoint.zone
    for address in (dns.rdatatype.A, dns.rdatatype.AAAA):
        if not facts.spans(zone, host, address):
            yield fault(
                "I1", "ADDRESSES_UNSEEN", now, f"no authority has answered for {text(host)} {type_text(address)}"
            )
    if not service_addresses(facts, endpoint, now, limits):
        yield fault("I1", "NO_ADDRESS", now, f"no address of {text(host)} is known")
    wanted = [(zone, host, int(type)) for type in (dns.rdatatype.A, dns.rdatatype.AAAA)]
    wanted += [(place.zone, place.owner, TLSA) for place in tlsa_places(facts, endpoint, now, limits)]
    for at, owner, type in wanted:
        for held in possible_answers(facts, at, owner, type, now, limits).held:
            if isinstance(held.answer, RRset) and held.answer.type != type:
                because = f"clients may hold an alias at {text(owner)}, and where it leads is not followed yet"
                yield Counterexample("I1", "ALIAS_HELD", held, None, None, frozenset(), now, because)


def unknown_addresses(facts: Facts, endpoint: Reached, now: Instant, limits: Limits) -> Iterable[Counterexample]:
    """Clients may hold an address from before the history began, whose server presents who knows what."""
    for type in (dns.rdatatype.A, dns.rdatatype.AAAA):
        unknown = possible_answers(facts, endpoint.zone, endpoint.endpoint.host, type, now, limits).unknown
        if unknown is not None:
            because = f"clients may hold another address of {text(endpoint.endpoint.host)}: {unknown.because}"
            yield Counterexample("I1", "ADDRESSES_UNKNOWN", unknown, None, None, frozenset(), now, because)


def hides(change: Publish, facts: Facts, endpoint: Reached, now: Instant, limits: Limits) -> Iterable[Counterexample]:
    """A name below a host that has its addresses from a wildcard makes the host exist, and they are gone.

    RFC 4592 §2.2.2. The RRSIG tells: its labels field is less than the owner has (RFC 4034 §3.1.3).
    """
    host = endpoint.endpoint.host
    if isinstance(change.replace, Absence) or not change.replace.owner.is_subdomain(host):
        return
    labels = len(host.labels) - 1
    for type in (dns.rdatatype.A, dns.rdatatype.AAAA):
        for held in possible_answers(facts, endpoint.zone, host, type, now, limits).held:
            signatures = held.answer.rrsigs if isinstance(held.answer, RRset) else frozenset()
            if any(len(signature) > 3 and signature[3] < labels for signature in signatures):
                because = f"{text(host)} has its addresses from a wildcard, and a record below it would hide them"
                yield Counterexample("I1", "WILDCARD_HOST", held, None, None, frozenset(), now, because)


def records(answer: Answer) -> frozenset[TLSARecord]:
    return frozenset(records_of(answer))


def says(answer: Answer) -> str:
    """An answer in a few words."""
    if isinstance(answer, Absence):
        return f"the absence of {text(answer.owner)} {type_text(answer.type)}"
    if answer.type != TLSA:
        return f"{text(answer.owner)} {type_text(answer.type)}"
    return f"TLSA {{{', '.join(record.brief() for record in records_of(answer))}}}"


def text(name: Name) -> str:
    return name.to_text()


def type_text(type: int) -> str:
    return str(dns.rdatatype.to_text(dns.rdatatype.RdataType.make(type)))
