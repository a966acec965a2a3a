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
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.lookups import ADDRESSES, TLSA, Way, bases, host_way, service_addresses
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
    host = host_way(facts, endpoint, now, limits)
    for place in dict.fromkeys((host.asked[0], *host.ends)):
        for address in ADDRESSES:
            if not facts.spans(place.zone, place.owner, address):
                because = f"no authority has answered for {text(place.owner)} {type_text(address)}"
                yield fault("I1", "ADDRESSES_UNSEEN", now, because)
    if not service_addresses(facts, endpoint, now, limits):
        yield fault("I1", "NO_ADDRESS", now, f"no address of {text(endpoint.endpoint.host)} is known")
    for way in _ways(facts, endpoint, now, limits):
        for lost in way.lost:
            to = text(lost.target) if lost.target is not None else "what is no name"
            because = (
                f"clients may hold an alias of {to} at {text(lost.held.answer.owner)}, and nobody has looked there"
            )
            yield Counterexample("I1", "ALIAS_UNSEEN", lost.held, None, None, frozenset(), now, because)


def unknown_addresses(facts: Facts, endpoint: Reached, now: Instant, limits: Limits) -> Iterable[Counterexample]:
    """Clients may hold an address from before the history began, whose server presents who knows what."""
    unknown = host_way(facts, endpoint, now, limits).unknown
    if unknown is not None:
        because = f"clients may hold another address of {text(endpoint.endpoint.host)}: {unknown.because}"
        yield Counterexample("I1", "ADDRESSES_UNKNOWN", unknown, None, None, frozenset(), now, because)


def hides(change: Publish, facts: Facts, endpoint: Reached, now: Instant, limits: Limits) -> Iterable[Counterexample]:
    """A new name makes every name above it exist, and what was there from a wildcard is gone, for these and for all
    below them.

    RFC 4592 §2.2.2, §3.3.1. The RRSIG tells what comes from a wildcard: its labels field is that of the wildcard
    without its asterisk, and less than the owner has (RFC 4034 §3.1.3).
    """
    new = change.replace
    if isinstance(new, Absence):
        return
    for way in _ways(facts, endpoint, now, limits):
        for place, type in ((place, type) for place in way.asked for type in way.types):
            if place.zone != change.zone or (place.owner, type) == (new.owner, new.type):
                continue
            _, _, common = place.owner.fullcompare(new.owner)
            for held in possible_answers(facts, place.zone, place.owner, type, now, limits).held:
                signatures = held.answer.rrsigs if isinstance(held.answer, RRset) else frozenset()
                if any(len(s) > 3 and s[3] < common - 1 for s in signatures):
                    what = type_text(held.answer.type)
                    because = f"{text(place.owner)} has its {what} from a wildcard, and {text(new.owner)} would hide it"
                    yield Counterexample("I1", "WILDCARD_HOST", held, None, None, frozenset(), now, because)


def _ways(facts: Facts, endpoint: Reached, now: Instant, limits: Limits) -> Iterable[Way]:
    yield host_way(facts, endpoint, now, limits)
    yield from (base.way for base in bases(facts, endpoint, now, limits))


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
