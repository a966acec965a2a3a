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

from danelaw.core.dnssec.anchors import Anchor, Anchors
from danelaw.core.dnssec.authenticate import Fault, Judge, WorkLimitError, authenticate, label
from danelaw.core.dnssec.denials import Delegation
from danelaw.core.dnssec.denying import Denying, read_denials, undenied
from danelaw.core.dnssec.message import answer_rrsets
from danelaw.core.dnssec.zonekeys import (
    Believed,
    ZoneKeyCache,
    ZoneKeys,
    establish,
    parsed_ds,
    unestablished,
)
from danelaw.core.model import (
    JudgedDenial,
    JudgedRRset,
    JudgedZone,
    Message,
    Question,
    Reason,
    RRset,
    Security,
    Silence,
)

R = TypeVar("R")
Reply: TypeAlias = Message | Silence
Steps: TypeAlias = Generator[tuple[Question, ...], None, R]
"""A part of a validation: yields the questions it waits for, returns its outcome."""

_BATCH: Final = 8
_HEAVIER: Final = (Security.INSECURE, Security.INDETERMINATE, Security.BOGUS)


class _NoCut(enum.Enum):
    """A name where no zone begins."""

    NAMES_BELOW = "the zone may go on below it"
    NOTHING_BELOW = "no zone can begin below it either"


class Descent:
    """Asks for what leads to a zone's keys, and remembers it for one validation."""

    def __init__(self, anchors: Anchors, judge: Judge, cache: ZoneKeyCache) -> None:
        self.anchors = anchors.usable(judge.policy)
        self._unsupported = anchors
        self.judge = judge
        self.replies: dict[Question, Reply] = {}
        self.judged: dict[Name, JudgedZone] = {}
        self._cache = cache
        self._cuts: dict[tuple[Name, Name], ZoneKeys | Fault | _NoCut] = {}
        self._denying: dict[tuple[int, Name], Denying] = {}

    def ask(self, question: Question) -> Steps[Reply]:
        """The reply to one question."""
        yield from self.ask_ahead((question,))
        return self.replies[question]

    def ask_ahead(self, questions: Iterable[Question]) -> Steps[None]:
        """Has all of these answered at once. Raises ``WorkLimitError`` when there were too many in all."""
        missing = tuple(question for question in dict.fromkeys(questions) if question not in self.replies)
        bound = self.judge.work.bounds.questions
        if len(self.replies) + len(missing) > bound:
            raise WorkLimitError(f"more than {bound} questions")
        if missing:
            yield missing

    def denying(self, reply: Message, keys: ZoneKeys) -> Denying:
        """The denials in one of ``replies``, as a zone proves them: verified once, however many links rest on them."""
        known = (id(reply), keys.zone)
        if known not in self._denying:
            self._denying[known] = read_denials(reply, keys.zone, keys.keys, self.judge)
        return self._denying[known]

    def first_questions(self, name: Name) -> tuple[Question, ...]:
        """What will be needed whatever else comes: the anchor's keys, if they are not known."""
        anchors = self.anchors.enclosing(name)
        if not anchors or self._cache.closest(name, anchors[0].zone, self.judge.now):
            return ()
        return (Question(anchors[0].zone, T.DNSKEY),)

    def zone(self, name: Name) -> Steps[ZoneKeys | Fault]:
        """The keys of the deepest zone at or above ``name``, or why there are none to be had.

        The closest trust anchor is tried first. Where it leads to nothing the one above is, and so on: any success is
        accepted, and a bogus end outweighs the others (RFC 6840 §5.10).
        """
        anchors = self.anchors.enclosing(name)
        if not anchors:
            return Fault(Security.INDETERMINATE, (self._unanchored(name),))
        faults: list[Fault] = []
        for anchor in anchors:
            before = dict(self.judged)
            keys = yield from self._zone(anchor, name)
            if not isinstance(keys, Fault):
                return keys
            faults.append(keys)
            if anchor is not anchors[-1]:
                self.judged = before
        return max(faults, key=lambda fault: _HEAVIER.index(fault.state))

    def _zone(self, anchor: Anchor, name: Name) -> Steps[ZoneKeys | Fault]:
        keys: ZoneKeys | Fault | None = self._cache.closest(name, anchor.zone, self.judge.now)
        if keys is None:
            keys = yield from self._keys(Believed(anchor.zone, None, anchor.ds, anchor.keys))
        if isinstance(keys, Fault):
            return keys
        self.judged.update((zone.name, zone) for zone in keys.path)
        cuts = [Name(name.labels[-count:]) for count in range(len(keys.zone) + 1, len(name) + 1)]
        for index, cut in enumerate(cuts):
            known = (anchor.zone, cut)
            if known not in self._cuts:
                if index % _BATCH == 0:
                    yield from self._look_ahead(cuts[index : index + _BATCH])
                self._cuts[known] = yield from self._cut(keys, cut)
            step = self._cuts[known]
            if isinstance(step, Fault):
                return step
            if isinstance(step, ZoneKeys):
                keys = step
            elif step is _NoCut.NOTHING_BELOW:
                break
        return keys

    def _unanchored(self, name: Name) -> Reason:
        anchor = next(iter(self._unsupported.enclosing(name)), None)
        if anchor is None:
            return Reason("NO_TRUST_ANCHOR", "RFC 4033 §5", str(name))
        said = {f"algorithm {one.algorithm} digest type {one.digest_type}" for one in anchor.ds}
        said |= {f"algorithm {key.algorithm}" for key in anchor.keys}
        return Reason("ANCHOR_UNSUPPORTED", "RFC 4033 §5", str(anchor.zone), ", ".join(sorted(said)))

    def _look_ahead(self, cuts: Collection[Name]) -> Steps[None]:
        """Every DS, then the keys of every zone that has one: two waits instead of two for each zone."""
        yield from self.ask_ahead(Question(cut, T.DS) for cut in cuts)
        replies = ((cut, self.replies[Question(cut, T.DS)]) for cut in cuts)
        signed = [
            cut for cut, reply in replies if isinstance(reply, Message) and rrset_at(answer_rrsets(reply), cut, T.DS)
        ]
        yield from self.ask_ahead(Question(cut, T.DNSKEY) for cut in signed)

    def _cut(self, keys: ZoneKeys, cut: Name) -> Steps[ZoneKeys | Fault | _NoCut]:
        """What begins at a name of a signed zone: a signed zone, an unsigned one (a fault), or none."""
        question = Question(cut, T.DS)
        reply = usable(question, (yield from self.ask(question)))
        if isinstance(reply, Fault):
            return self._ends(keys, cut, reply)
        answer = answer_rrsets(reply)
        rrset = rrset_at(answer, cut, T.DS) or rrset_at(answer, cut, T.CNAME)
        if rrset is None or not rrset.rrsigs:
            rrset = dname_above(answer, cut) or rrset
        if rrset is None:
            return self._undelegated(keys, cut, reply)
        proof = authenticate(rrset, keys.zone, keys.keys, self.judge)
        if isinstance(proof, Fault):
            return self._ends(keys, cut, proof, ds=proof.seen)
        if rrset.type != T.DS:  # an alias is no cut, and a DNAME has nothing below it
            return _NoCut.NAMES_BELOW if rrset.type == T.CNAME else _NoCut.NOTHING_BELOW
        if proof.expanded:
            reason = Reason("SIGNATURE_INVALID", "RFC 4035 §5.3.4", label(cut, T.DS), "expanded from a wildcard")
            return self._ends(keys, cut, Fault(Security.BOGUS, (reason,)), ds=proof.seen)
        until = min(keys.until, self.judge.now + timedelta(seconds=proof.rrset.ttl))
        believed = Believed(cut, keys.zone, parsed_ds(rrset.rdatas), seen=proof.seen, until=until)
        return (yield from self._keys(believed, keys.path))

    def _undelegated(self, keys: ZoneKeys, cut: Name, reply: Message) -> Fault | _NoCut:
        """What a reply without DS proves of a cut."""
        blamed = label(cut, T.DS)
        denying = self.denying(reply, keys)
        found = denying.denials.delegation(cut)
        if found is None:
            fault = undenied(denying, keys.zone, "RFC 4035 §5.2", blamed)
            return self._ends(keys, cut, fault, denial=JudgedDenial("", denying.seen))
        kind, denied = found
        match kind:
            case Delegation.NOTHING_BELOW:
                return _NoCut.NOTHING_BELOW
            case Delegation.NO_CUT:
                return _NoCut.NAMES_BELOW
            case Delegation.OPT_OUT:
                detail = f"{keys.zone} leaves unsigned delegations out of its proofs here"
                reason = Reason("OPT_OUT", "RFC 5155 §8.6", blamed, detail)
            case Delegation.INSECURE_CUT:
                reason = Reason(
                    "INSECURE_DELEGATION", "RFC 4035 §5.2", blamed, f"{keys.zone} proves that there is no DS"
                )
        return self._ends(keys, cut, Fault(Security.INSECURE, (reason,)), denial=denying.judged(denied))

    def _ends(
        self,
        keys: ZoneKeys,
        cut: Name,
        fault: Fault,
        *,
        ds: JudgedRRset | None = None,
        denial: JudgedDenial | None = None,
    ) -> Fault:
        """The way down ends at a cut: so the proof shows it."""
        self.judged[cut] = JudgedZone(cut, keys.zone, fault.state, ds=ds, denial=denial, reasons=fault.reasons)
        return replace(fault, zone=cut)

    def _keys(self, believed: Believed, path: tuple[JudgedZone, ...] = ()) -> Steps[ZoneKeys | Fault]:
        """The zone's keys, by what is believed of them; ``path`` leads to the zone above."""
        zone = believed.zone
        question = Question(zone, T.DNSKEY)
        unfit = believed.unusable(self.judge)
        reply = unfit or usable(question, (yield from self.ask(question)))
        if isinstance(reply, Fault):
            return self._unestablished(believed, reply)
        rrset = rrset_at(answer_rrsets(reply), zone, T.DNSKEY)
        if rrset is None:
            missing = Reason("DNSKEY_MISSING", "RFC 4035 §5.2", label(zone, T.DNSKEY))
            return self._unestablished(believed, Fault(Security.BOGUS, (missing,)))
        judged, keys = establish(rrset, believed, self.judge)
        self.judged[zone] = judged
        if keys is None:
            return Fault(judged.state, judged.reasons, zone)
        keys = replace(keys, path=(*path, judged))
        self._cache.hold(keys)
        return keys

    def _unestablished(self, believed: Believed, fault: Fault) -> Fault:
        self.judged[believed.zone] = unestablished(believed, fault, self.judge)
        return replace(fault, zone=believed.zone)


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


def rrset_at(answer: Iterable[RRset], owner: Name, type: int) -> RRset | None:
    """The RRset among those of an answer section."""
    return next((rrset for rrset in answer if rrset.type == type and rrset.owner == owner), None)


def dname_above(answer: Iterable[RRset], name: Name) -> RRset | None:
    """The DNAME in an answer section that redirects ``name``: it stands at an ancestor (RFC 6672 §2.3)."""
    for rrset in answer:
        if rrset.type == T.DNAME and rrset.owner != name and name.is_subdomain(rrset.owner):
            return rrset
    return None
