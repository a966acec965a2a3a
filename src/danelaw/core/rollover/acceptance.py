"""What an operator may have done in spite of the gate, by naming what would be refused; and what nobody may have done.

An acceptance names a subject and codes of counterexamples, and ends. It overrides a refusal only if every
counterexample is one that it names, for every subject whose clients are concerned: whoever shares a record with
others does not speak for these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from danelaw.core.model import Instant, SubjectName
from danelaw.core.rollover.actions import Action, DestroyKey, DestroyZoneKey, Revoke, SignZone, SubmitDS
from danelaw.core.rollover.answers import zone_subject
from danelaw.core.rollover.conditions import Counterexample
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.reach import Reach
from danelaw.core.rollover.words import Accepted

ACCEPTABLE: Final[Mapping[str, str]] = {
    "ADDRESSES_UNKNOWN": "clients that were given another address before the history began may be refused there",
    "ANSWER_HELD": "clients that hold an older answer may be refused until it has left their caches",
    "CHAIN_UNMATCHED": "clients may be refused where a server presents another chain",
    "DS_HELD": "validators that hold an older DS may call the zone bogus",
    "DS_MISMATCH": "validators that hold older keys may call the zone bogus",
    "HISTORY_UNKNOWN": "clients may hold answers of before the history began, and be refused",
    "KEYS_HELD": "validators that hold older keys may call the zone bogus",
    "MANDATORY_CLIENTS": "clients that must have DANE, and find no record that they know, are refused",
    "NO_TLS": "clients that find the records refuse an address that gives no handshake",
    "SIGNATURES_HELD": "validators that hold older signatures may call the zone bogus",
    "UNPROBED": "clients may be refused at an address of which nothing is known",
    "UNSIGNED_HELD": "validators that hold unsigned answers may call the zone bogus",
    "ZONE_NOT_SECURE": "records are published that no client believes yet",
}
"""What may be accepted, and what that means for clients."""

NEVER: Final[Mapping[str, str]] = {
    "ADDRESSES_UNSEEN": "which servers there are is not known: whom it would hit, nobody can say",
    "ALIAS_UNSEEN": "where clients are led is not known: whom it would hit, nobody can say",
    "CERTIFICATE_IN_USE": "clients without DANE would refuse it, and nothing is gained before it is replaced",
    "CERTIFICATE_REVOKED": "clients without DANE refuse it, and its key is known to others",
    "CLOCK_WRONG": "what a wrong clock would harm, nobody can say, and it is soon set right",
    "DS_WITHDRAWAL": "Danelaw does not do it",
    "EMPTY_RRSET": "there is no such RRset",
    "FOREIGN_ASSOCIATION": "a record that names no key of ours is a mistake, or somebody's attempt",
    "KEYS_UNSIGNED": "the zone would be bogus for everybody",
    "KEY_IN_USE": "a key that is gone cannot be served, and nothing is gained by haste",
    "KEY_MISMATCH": "no server can serve a certificate without its key",
    "KEY_PUBLISHED": "a key that is gone does not come back, and nothing is gained by haste",
    "NOT_JUDGED": "Danelaw does not do it",
    "NOT_STORED": "there is nothing to serve",
    "NO_ADDRESS": "which servers there are is not known: whom it would hit, nobody can say",
    "NO_FALLBACK": "clients without DANE refuse the chain as well: nobody could connect",
    "NO_SHA256": "the record could have matching type 1 as well, which every client knows",
    "OWNER_IS_ALIAS": "a name that is an alias has no other records (RFC 1034 §3.6.2)",
    "PARENT_UNSEEN": "what the parent says is not known: whom it would hit, nobody can say",
    "RRSET_UNSIGNED": "the zone would be bogus for everybody",
    "UNREACHED": "no client would see it, so something is configured wrongly",
    "WILDCARD_HOST": "the host would lose its addresses: nobody could connect",
    "ZONE_UNSEEN": "what the zone says is not known: whom it would hit, nobody can say",
}
"""What is never overridden, and why not."""


def acceptance(facts: Facts, subject: SubjectName, now: Instant) -> Accepted | None:
    """What the operator accepts of a subject now: his latest word on it, if there is anything in it."""
    words = (word for word in reversed(facts.words) if isinstance(word, Accepted) and word.subject == subject)
    latest = next(words, None)
    return latest if latest is not None and latest.codes and latest.at <= now < latest.until else None


def overridden(
    because: tuple[Counterexample, ...],
    action: Action,
    facts: Facts,
    reach: Reach,
    now: Instant,
    alone: Callable[[Reach], tuple[Counterexample, ...]],
) -> bool:
    """Whether every one of these counterexamples to an action is accepted for all whom it concerns.

    ``alone``: the counterexamples if only some of the endpoints existed.
    """
    if any(found.code not in ACCEPTABLE for found in because):
        return False
    if isinstance(action, DestroyKey | DestroyZoneKey | Revoke):
        return False  # what is gone does not come back; whoever accepts something else did not speak of that
    if isinstance(action, SubmitDS | SignZone):
        concerned = [(zone_subject(action.zone), because)]
    else:
        services = dict.fromkeys(reached.service for reached in reach.endpoints)
        if all(acceptance(facts, service, now) is None for service in services):
            return False
        concerned = [(service, alone(_only(reach, service))) for service in services]
    open_ones = {_what(found) for found in because}
    told = frozenset(open_ones)
    for subject, theirs in concerned:
        accepted = acceptance(facts, subject, now)
        codes = accepted.codes if accepted is not None else frozenset[str]()
        if any(_what(found) in told and found.code not in codes for found in theirs):
            return False
        open_ones -= {_what(found) for found in theirs}
    return not open_ones


def _what(found: Counterexample) -> tuple[object, ...]:
    """What is told once for all whom it concerns: they may be other kinds of client for each service."""
    return found.code, found.address, found.chain, found.held


def _only(reach: Reach, service: SubjectName) -> Reach:
    return Reach(tuple(reached for reached in reach.endpoints if reached.service == service))
