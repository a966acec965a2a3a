"""The validator, without I/O: it says what to ask, is told what came, and judges (RFC 4035 §5).

::

    validation = Validation(name, type, anchors, policy, now, cache)
    while questions := validation.next_queries():       # independent of each other: ask them at once
        for question in questions:
            validation.receive(question, reply_to(question))
    validation.result

Queries may be answered by a recursive server (DO and CD set), or each by an authority for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import dns.exception
import dns.name
from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.algorithms import AlgorithmPolicy
from danelaw.core.dnssec.anchors import Anchors
from danelaw.core.dnssec.canonical import plain_wire
from danelaw.core.dnssec.denial import denies, rules_out_closer_match
from danelaw.core.dnssec.descent import (
    Descent,
    R,
    Reply,
    Steps,
    dname_above,
    proven_nsecs,
    rrset_at,
    undenied,
    usable,
)
from danelaw.core.dnssec.message import absence, as_absence, authority_rrsets
from danelaw.core.dnssec.rrsig import RRSIG, MalformedSignatureError
from danelaw.core.dnssec.zonekeys import (
    Bounds,
    Fault,
    Judge,
    Work,
    WorkLimitError,
    ZoneKeyCache,
    ZoneKeys,
    authenticate,
    label,
    ranked,
)
from danelaw.core.model import Absence, Instant, Message, Question, Reason, RRset, Security, Validated

_SIGNERS_TRIED: Final = 3
_WEAKER: Final = (Security.SECURE, Security.INSECURE, Security.INDETERMINATE, Security.BOGUS)


@dataclass(frozen=True, slots=True)
class _Link:
    """One link: an RRset or its absence, what is wrong with it, and where a CNAME or DNAME leads on."""

    fault: Fault | None
    rrset: RRset | None = None
    absence: Absence | None = None
    onward: Name | None = None
    reasons: tuple[Reason, ...] = ()
    notes: tuple[Reason, ...] = ()


class Validation:
    """One question, validated. ``result`` is None until ``next_queries`` has nothing more to ask.

    ``cache`` keeps authenticated zone keys for later validations under the same anchors and policy. A SECURE or
    INSECURE result holds the data; of a BOGUS or INDETERMINATE one only the reasons are given.
    """

    def __init__(
        self,
        name: Name,
        type: int,
        anchors: Anchors,
        policy: AlgorithmPolicy,
        now: Instant,
        cache: ZoneKeyCache | None = None,
        *,
        bounds: Bounds | None = None,
    ) -> None:
        self._name = name
        self._type = type
        self._bounds = bounds or Bounds()
        self._judge = Judge(policy, now, Work(self._bounds))
        self._descent = Descent(anchors, self._judge, ZoneKeyCache() if cache is None else cache)
        self._waiting: tuple[Question, ...] = ()
        self._result: Validated | None = None
        self._steps = self._run()
        self._advance()

    @property
    def result(self) -> Validated | None:
        return self._result

    def next_queries(self) -> tuple[Question, ...]:
        """What is still to be asked of the present batch; empty when the result is there."""
        return tuple(question for question in self._waiting if question not in self._descent.replies)

    def receive(self, question: Question, reply: Reply) -> None:
        """The reply to a question that was asked. A second one to the same question is passed over."""
        if question not in self.next_queries():
            return
        self._descent.replies[question] = reply
        if not self.next_queries():
            self._advance()

    def _advance(self) -> None:
        try:
            self._waiting = next(self._steps)
        except StopIteration as done:
            self._waiting, self._result = (), done.value
        except WorkLimitError as limit:
            reason = Reason("WORK_LIMIT", "RFC 4035 §5.4", label(self._name, self._type), str(limit))
            self._waiting = ()
            self._result = Validated(self._name, self._type, Security.BOGUS, reasons=(reason,))

    def _run(self) -> Steps[Validated]:
        question = Question(self._name, self._type)
        yield from self._descent.ask_ahead((question, *self._descent.first_questions(self._name)))
        reply = self._descent.replies[question]
        links: list[_Link] = []
        followed = {self._name}
        while True:
            link = yield from self._link(question, reply)
            links.append(link)
            broken = link.fault is not None and link.fault.state is not Security.INSECURE
            if link.onward is None or broken:
                return self._conclude(links)
            if len(links) >= self._bounds.links:
                raise WorkLimitError(f"more than {self._bounds.links} aliases")
            if link.onward in followed:
                links.append(_indeterminate("ALIAS_LOOP", "RFC 1034 §3.6.2", label(link.onward, self._type)))
                return self._conclude(links)
            followed.add(link.onward)
            question = Question(link.onward, self._type)
            if not _goes_on(reply, question):
                reply = yield from self._descent.ask(question)

    def _conclude(self, links: Sequence[_Link]) -> Validated:
        """The weakest link decides (RFC 6672 §5.3.3)."""
        faults = [link.fault for link in links if link.fault is not None]
        state = _weakest(faults)
        if state is Security.SECURE:
            reasons = [reason for link in links for reason in link.reasons]
        else:
            reasons = [reason for fault in faults if fault.state is state for reason in fault.reasons]
        shown = links if state in (Security.SECURE, Security.INSECURE) else ()
        return Validated(
            self._name,
            self._type,
            state,
            rrsets=tuple(link.rrset for link in shown if link.rrset is not None),
            absence=shown[-1].absence if shown else None,
            reasons=tuple(dict.fromkeys(reasons)),
            notes=ranked(note for link in links for note in link.notes),
        )

    def _link(self, question: Question, received: Reply) -> Steps[_Link]:
        reply = usable(question, received)
        if isinstance(reply, Fault):
            return _Link(reply)
        name, type = question.name, question.type
        here = rrset_at(reply, name, type) or rrset_at(reply, name, T.CNAME)
        dname = dname_above(reply, name)
        if dname is not None and (here is None or not here.rrsigs):
            return (yield from self._redirected(dname, name, here, reply))
        if here is not None:
            return (yield from self._positive(here, reply))
        return (yield from self._negative(name, reply))

    def _positive(self, rrset: RRset, reply: Message) -> Steps[_Link]:
        """An RRset that stands in the answer (RFC 4035 §5.3)."""
        blamed = label(rrset.owner, rrset.type)

        def check(keys: ZoneKeys) -> _Link | Fault:
            proof = authenticate(rrset, keys, self._judge)
            if isinstance(proof, Fault):
                return proof
            if proof.expanded:
                nsecs, faults = proven_nsecs(reply, keys, self._judge)
                if not rules_out_closer_match(nsecs, rrset.owner, proof.rrsig.labels):
                    return undenied(reply, keys, self._judge, "RFC 4035 §5.3.4", blamed, nsecs, faults)
            reason = Reason("SIGNATURE_VALID", "RFC 4035 §5.3", blamed, str(proof.rrsig))
            return _Link(None, proof.rrset, reasons=(reason,), notes=proof.notes)

        outcome = yield from self._under_signers((rrset,), rrset.owner, rrset.type, check)
        link = _Link(outcome, rrset) if isinstance(outcome, Fault) else outcome
        if rrset.type == self._type or rrset.type == T.DNAME:
            return link
        onward = _alias(rrset)
        if onward is None:
            return _indeterminate("ALIAS_MALFORMED", "RFC 1034 §3.6.2", blamed)
        return replace(link, onward=onward)

    def _redirected(self, dname: RRset, name: Name, cname: RRset | None, reply: Message) -> Steps[_Link]:
        """A name below a DNAME: the DNAME is signed, the CNAME made from it is not (RFC 6672 §5.3.1)."""
        link = yield from self._positive(dname, reply)
        if link.fault is not None and link.fault.state is not Security.INSECURE:
            return link
        target = _alias(dname)
        if target is None:
            return _indeterminate("ALIAS_MALFORMED", "RFC 6672 §2.1", label(dname.owner, T.DNAME))
        blamed = label(name, T.CNAME)
        try:
            onward = name.relativize(dname.owner).concatenate(target)
        except dns.name.NameTooLong:
            return _indeterminate("ALIAS_TOO_LONG", "RFC 6672 §2.2", blamed)
        if cname is not None and _alias(cname) != onward:
            reason = Reason("DNAME_MISMATCH", "RFC 6672 §5.3.1", blamed, f"the DNAME leads to {onward}")
            return _Link(Fault(Security.BOGUS, (reason,)))
        synthesized = RRset(name, T.CNAME, link.rrset.ttl if link.rrset else 0, frozenset({plain_wire(onward)}))
        return replace(link, rrset=synthesized, onward=None if self._type == T.CNAME else onward)

    def _negative(self, name: Name, reply: Message) -> Steps[_Link]:
        """No such RRset: the proof that there is none (RFC 4035 §5.4)."""
        said = as_absence(reply, name, self._type)
        blamed = label(name, self._type)
        authority = authority_rrsets(reply)
        proofs = [rrset for rrset in authority if rrset.type in (T.NSEC, T.NSEC3)]

        def check(keys: ZoneKeys) -> _Link | Fault:
            nsecs, faults = proven_nsecs(reply, keys, self._judge)
            denial = denies(nsecs, name, self._type)
            if denial is None:
                return undenied(reply, keys, self._judge, "RFC 4035 §5.4", blamed, nsecs, faults)
            reason = Reason(f"DENIED_{denial.name}", "RFC 4035 §5.4", blamed, denial.value)
            soas = [rrset for rrset in authority if rrset.type == T.SOA and rrset.owner == keys.zone]
            judged = [authenticate(rrset, keys, self._judge) for rrset in soas]
            proven = [one.rrset for one in judged if not isinstance(one, Fault)] + [nsec.rrset for nsec in nsecs]
            notes = [note for one in judged if isinstance(one, Fault) for note in one.reasons]
            return _Link(None, absence=absence(name, self._type, proven), reasons=(reason,), notes=(*notes, *faults))

        outcome = yield from self._under_signers(proofs, name, self._type, check)
        if not isinstance(outcome, Fault):
            return outcome
        if outcome.state is Security.INSECURE and said is None:
            return _indeterminate("NO_ANSWER", "RFC 2308 §2", blamed, "the reply neither answers nor denies")
        return _Link(outcome, absence=said)

    def _under_signers(
        self, rrsets: Sequence[RRset], name: Name, type: int, check: Callable[[ZoneKeys], R | Fault]
    ) -> Steps[R | Fault]:
        """What ``check`` finds with the keys of a zone that the signatures name, the deepest first.

        If none will do, it may be that the zone is not signed at all: that is to be proved down to the name itself. A
        DS belongs to the parent's side of a cut, all else to the child's.
        """
        within = name.parent() if type == T.DS and len(name) > 1 else name
        failures: list[Fault] = []
        for signer in self._signers(rrsets, within):
            keys = yield from self._descent.zone(signer)
            if isinstance(keys, Fault):
                if keys.state is Security.INSECURE:
                    return keys
                failures.append(keys)
                continue
            if keys.zone != signer:
                detail = f"signed as {signer}, which is no zone: the zone is {keys.zone}"
                reason = Reason("SIGNER_MISMATCH", "RFC 4035 §5.3.1", label(name, type), detail)
                failures.append(Fault(Security.BOGUS, (reason,)))
                continue
            outcome = check(keys)
            if not isinstance(outcome, Fault):
                return outcome
            failures.append(outcome)
        if any(fault.state is Security.INDETERMINATE for fault in failures):
            return _worst(failures)
        keys = yield from self._descent.zone(within)
        if isinstance(keys, Fault):
            return keys if keys.state is Security.INSECURE or not failures else _worst(failures)
        return _worst(failures) if failures else check(keys)

    def _signers(self, rrsets: Iterable[RRset], within: Name) -> list[Name]:
        """The zones that signatures claim, if such a zone can hold the name and lies under its trust anchor."""
        anchor = self._descent.anchors.closest(within)
        if anchor is None:
            return []
        signers: set[Name] = set()
        for rdata in (rdata for rrset in rrsets for rdata in rrset.rrsigs):
            try:
                signers.add(RRSIG.from_rdata(rdata).signer)
            except MalformedSignatureError:
                continue
        fit = [signer for signer in signers if within.is_subdomain(signer) and signer.is_subdomain(anchor.zone)]
        return sorted(fit, key=len, reverse=True)[:_SIGNERS_TRIED]


def drive(validation: Validation, answer: Callable[[Question], Reply]) -> Validated:
    """Runs a validation to its end with every question answered by a function: for tests and replays."""
    while questions := validation.next_queries():
        for question in questions:
            validation.receive(question, answer(question))
    if validation.result is None:
        raise AssertionError("a validation that asks nothing has a result")
    return validation.result


def _goes_on(reply: Reply, question: Question) -> bool:
    """Whether a reply that held an alias holds what it leads to as well, as recursive servers send it."""
    if not isinstance(reply, Message):
        return False
    return any(rrset_at(reply, question.name, type) for type in (question.type, T.CNAME))


def _alias(rrset: RRset) -> Name | None:
    """The target of a CNAME or DNAME; None if there is not exactly one, well-formed."""
    if len(rrset.rdatas) != 1:
        return None
    (rdata,) = rrset.rdatas
    try:
        target, used = dns.name.from_wire(rdata, 0)
    except dns.exception.DNSException:
        return None
    return target if used == len(rdata) else None


def _indeterminate(code: str, section: str, blamed: str, detail: str = "") -> _Link:
    return _Link(Fault(Security.INDETERMINATE, (Reason(code, section, blamed, detail),)))


def _weakest(faults: Iterable[Fault]) -> Security:
    return max((fault.state for fault in faults), key=_WEAKER.index, default=Security.SECURE)


def _worst(faults: Sequence[Fault]) -> Fault:
    state = _weakest(faults)
    return Fault(state, ranked(reason for fault in faults if fault.state is state for reason in fault.reasons))
