"""The way down from a trust anchor to the zone that a name lies in (RFC 4035 §5.2), without I/O.

For each name on the way the DS is asked for: that tells where zones begin and whether they are signed. Nothing ever
climbs up from a zone's own keys: below an unsigned delegation that would have no end.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Generator, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Final, TypeAlias, TypeVar

from dns.name import Name
from dns.rcode import Rcode
from dns.rcode import to_text as rcode_text
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.anchors import Anchors
from danelaw.core.dnssec.denial import ProvenNSEC, is_delegation, nsec_of
from danelaw.core.dnssec.keys import DNSKEY, DS
from danelaw.core.dnssec.message import answer_rrsets, authority_rrsets
from danelaw.core.dnssec.zonekeys import (
    Fault,
    Judge,
    WorkLimitError,
    ZoneKeyCache,
    ZoneKeys,
    authenticate,
    establish,
    label,
    parsed_ds,
    ranked,
    usable_ds,
)
from danelaw.core.model import Instant, Message, Question, Reason, RRset, Security, Silence

R = TypeVar("R")
Reply: TypeAlias = Message | Silence
Steps: TypeAlias = Generator[tuple[Question, ...], None, R]
"""A part of a validation: yields the questions it waits for, returns its outcome."""

_BATCH: Final = 8
_DENIALS_TRIED: Final = 8


class _NoCut(enum.Enum):
    """A name where no zone begins."""

    NAMES_BELOW = "the zone may go on below it"
    NOTHING_BELOW = "no zone can begin below it either"


class Descent:
    """Asks for what leads to a zone's keys, and remembers it for one validation."""

    def __init__(self, anchors: Anchors, judge: Judge, cache: ZoneKeyCache) -> None:
        self.anchors = anchors
        self.judge = judge
        self.replies: dict[Question, Reply] = {}
        self._cache = cache
        self._cuts: dict[Name, ZoneKeys | Fault | _NoCut] = {}

    def ask(self, question: Question) -> Steps[Reply]:
        """The reply to one question."""
        yield from self.ask_ahead((question,))
        return self.replies[question]

    def ask_ahead(self, questions: Iterable[Question]) -> Steps[None]:
        """Has all of these answered at once. Raises ``WorkLimitError`` when there were too many in all."""
        missing = tuple(dict.fromkeys(question for question in questions if question not in self.replies))
        bound = self.judge.work.bounds.questions
        if len(self.replies) + len(missing) > bound:
            raise WorkLimitError(f"more than {bound} questions")
        if missing:
            yield missing

    def first_questions(self, name: Name) -> tuple[Question, ...]:
        """What will be needed whatever else comes: the anchor's keys, if they are not known."""
        anchor = self.anchors.closest(name)
        if anchor is None or self._cache.closest(name, anchor.zone, self.judge.now):
            return ()
        return (Question(anchor.zone, T.DNSKEY),)

    def zone(self, name: Name) -> Steps[ZoneKeys | Fault]:
        """The keys of the deepest zone at or above ``name``, or why there are none to be had."""
        anchor = self.anchors.closest(name)
        if anchor is None:
            return Fault(Security.INDETERMINATE, (Reason("NO_TRUST_ANCHOR", "RFC 4035 §4.3", str(name)),))
        now = self.judge.now
        keys: ZoneKeys | Fault | None = self._cache.closest(name, anchor.zone, now)
        if keys is None:
            keys = yield from self._keys(anchor.zone, anchor.ds, anchor.keys, None)
        if isinstance(keys, Fault):
            return keys
        cuts = [Name(name.labels[-count:]) for count in range(len(keys.zone) + 1, len(name) + 1)]
        for index, cut in enumerate(cuts):
            if cut not in self._cuts:
                if index % _BATCH == 0:
                    yield from self._look_ahead(cuts[index : index + _BATCH])
                self._cuts[cut] = yield from self._cut(keys, cut)
            step = self._cuts[cut]
            if isinstance(step, Fault):
                return step
            if isinstance(step, ZoneKeys):
                keys = step
            elif step is _NoCut.NOTHING_BELOW:
                break
        return keys

    def _look_ahead(self, cuts: Collection[Name]) -> Steps[None]:
        """Every DS, then the keys of every zone that has one: two waits instead of two for each zone."""
        yield from self.ask_ahead(Question(cut, T.DS) for cut in cuts)
        replies = ((cut, self.replies[Question(cut, T.DS)]) for cut in cuts)
        signed = [cut for cut, reply in replies if isinstance(reply, Message) and rrset_at(reply, cut, T.DS)]
        yield from self.ask_ahead(Question(cut, T.DNSKEY) for cut in signed)

    def _cut(self, keys: ZoneKeys, cut: Name) -> Steps[ZoneKeys | Fault | _NoCut]:
        """What begins at a name of a signed zone: a signed zone, an unsigned one (a fault), or none."""
        question = Question(cut, T.DS)
        reply = usable(question, (yield from self.ask(question)))
        if isinstance(reply, Fault):
            return reply
        rrset = rrset_at(reply, cut, T.DS) or rrset_at(reply, cut, T.CNAME)
        if rrset is None or not rrset.rrsigs:
            rrset = dname_above(reply, cut) or rrset
        if rrset is not None:
            proof = authenticate(rrset, keys, self.judge)
            if isinstance(proof, Fault):
                return proof
            if rrset.type != T.DS:  # an alias is no cut, and a DNAME has nothing below it
                return _NoCut.NAMES_BELOW if rrset.type == T.CNAME else _NoCut.NOTHING_BELOW
            if proof.expanded:
                reason = Reason("SIGNATURE_INVALID", "RFC 4035 §5.2", label(cut, T.DS), "expanded from a wildcard")
                return Fault(Security.BOGUS, (reason,))
            until = min(keys.until, self.judge.now + timedelta(seconds=proof.rrset.ttl))
            return (yield from self._keys(cut, parsed_ds(rrset.rdatas), frozenset(), until))
        nsecs, faults = proven_nsecs(reply, keys, self.judge)
        delegated = is_delegation(nsecs, cut)
        if delegated:
            detail = f"{keys.zone} proves that there is no DS"
            return Fault(Security.INSECURE, (Reason("INSECURE_DELEGATION", "RFC 4035 §5.2", label(cut, T.DS), detail),))
        if delegated is None:
            return undenied(reply, keys, self.judge, "RFC 4035 §5.2", label(cut, T.DS), nsecs, faults)
        return _NoCut.NOTHING_BELOW if any(nsec.rules_out(cut) for nsec in nsecs) else _NoCut.NAMES_BELOW

    def _keys(
        self, zone: Name, ds: Collection[DS], anchored: Collection[DNSKEY], until: Instant | None
    ) -> Steps[ZoneKeys | Fault]:
        """The zone's keys, by its DS records or by a trust anchor; good until ``until`` at the longest."""
        believed = usable_ds(ds, self.judge.policy)
        if ds and not believed and not anchored:
            said = ", ".join(sorted(f"algorithm {one.algorithm} digest type {one.digest_type}" for one in ds))
            reason = Reason("ALGORITHM_UNSUPPORTED", "RFC 4035 §5.2", label(zone, T.DS), said)
            return Fault(Security.INSECURE, (reason,))
        question = Question(zone, T.DNSKEY)
        reply = usable(question, (yield from self.ask(question)))
        if isinstance(reply, Fault):
            return reply
        rrset = rrset_at(reply, zone, T.DNSKEY)
        if rrset is None:
            return Fault(Security.BOGUS, (Reason("DNSKEY_MISSING", "RFC 4035 §5.2", label(zone, T.DNSKEY)),))
        keys = establish(rrset, believed, anchored, self.judge)
        if isinstance(keys, ZoneKeys):
            keys = replace(keys, until=min(keys.until, until or keys.until))
            self._cache.hold(keys)
        return keys


def usable(question: Question, reply: Reply) -> Message | Fault:
    """The reply, if it says anything. Silence and errors are never a denial: INDETERMINATE (RFC 4035 §4.3)."""
    if isinstance(reply, Silence):
        detail = f"{reply.code} {reply.detail}".strip()
    elif reply.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN):
        detail = rcode_text(Rcode.make(reply.rcode))
    elif reply.truncated:
        detail = "TRUNCATED"
    else:
        return reply
    reason = Reason("NO_ANSWER", "RFC 4035 §4.3", label(question.name, question.type), detail)
    return Fault(Security.INDETERMINATE, (reason,))


def rrset_at(reply: Message, owner: Name, type: int) -> RRset | None:
    """The RRset in the answer section."""
    return next((rrset for rrset in answer_rrsets(reply) if (rrset.owner, rrset.type) == (owner, type)), None)


def dname_above(reply: Message, name: Name) -> RRset | None:
    """The DNAME in the answer that redirects ``name``: it stands at an ancestor (RFC 6672 §2.3)."""
    for rrset in answer_rrsets(reply):
        if rrset.type == T.DNAME and rrset.owner != name and name.is_subdomain(rrset.owner):
            return rrset
    return None


def proven_nsecs(reply: Message, keys: ZoneKeys, judge: Judge) -> tuple[tuple[ProvenNSEC, ...], tuple[Reason, ...]]:
    """The NSEC records in a reply that the zone's keys authenticate, and what is wrong with the others."""
    proven: list[ProvenNSEC] = []
    faults: list[Reason] = []
    for rrset in _denials(reply, T.NSEC):
        proof = authenticate(rrset, keys, judge)
        if isinstance(proof, Fault):
            faults.extend(proof.reasons)
        elif nsec := nsec_of(proof.rrset, proof.rrsig):
            proven.append(nsec)
    return tuple(proven), ranked(faults)


def undenied(
    reply: Message,
    keys: ZoneKeys,
    judge: Judge,
    section: str,
    blamed: str,
    nsecs: Collection[ProvenNSEC],
    faults: Collection[Reason],
) -> Fault:
    """The fault of a reply whose NSEC records do not prove what they should.

    INDETERMINATE where the zone denies by NSEC3, whose proofs are not judged here (RFC 5155 §8); else BOGUS.
    """
    for rrset in _denials(reply, T.NSEC3):
        if not isinstance(authenticate(rrset, keys, judge), Fault):
            reason = Reason("NSEC3_UNSUPPORTED", "RFC 5155 §8", blamed, label(rrset.owner, rrset.type))
            return Fault(Security.INDETERMINATE, (reason,))
    code = "DENIAL_INSUFFICIENT" if nsecs else "DENIAL_MISSING"
    return Fault(Security.BOGUS, ranked((*faults, Reason(code, section, blamed, f"by {keys.zone}"))))


def _denials(reply: Message, type: int) -> list[RRset]:
    return [rrset for rrset in authority_rrsets(reply) if rrset.type == type][:_DENIALS_TRIED]
