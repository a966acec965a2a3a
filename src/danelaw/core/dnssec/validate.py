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
from dataclasses import replace
from typing import Final

import dns.name
from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.algorithms import AlgorithmPolicy
from danelaw.core.dnssec.anchors import Anchors
from danelaw.core.dnssec.authenticate import (
    Bounds,
    Fault,
    Judge,
    Verifier,
    Work,
    WorkLimitError,
    authenticate,
    label,
    ranked,
)
from danelaw.core.dnssec.canonical import plain_wire
from danelaw.core.dnssec.denying import Denying, undenied
from danelaw.core.dnssec.descent import Descent, R, Reply, Steps, dname_above, rrset_at, usable
from danelaw.core.dnssec.link import Link, alias_target, faulty, indeterminate, opted_out, weakest, worst
from danelaw.core.dnssec.message import absence, answer_rrsets, as_absence, authority_rrsets
from danelaw.core.dnssec.rrsig import RRSIG, MalformedSignatureError
from danelaw.core.dnssec.zonekeys import ZoneKeyCache, ZoneKeys
from danelaw.core.model import (
    Instant,
    JudgedDenial,
    JudgedLink,
    Message,
    Proof,
    Question,
    Reason,
    RRset,
    Security,
    Validated,
)

_SIGNERS_TRIED: Final = 3
_NOT_DATA: Final = frozenset({T.OPT, T.RRSIG, T.TSIG, T.IXFR, T.AXFR, T.MAILB, T.MAILA, T.ANY})
"""Types that name no RRset (RFC 6895 §3.1), and the one whose RRsets are never signed (RFC 4035 §2.2)."""


class Validation:
    """One question, validated. ``result`` is None until ``next_queries`` has nothing more to ask.

    ``cache`` keeps authenticated zone keys for later validations under the same anchors and policy. A SECURE or
    INSECURE result holds the data; of a BOGUS or INDETERMINATE one only the reasons are given. Its proof holds all that
    was looked at, whatever the state. ``thorough``: signatures are tried beyond the first good one.
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
        verifier: Verifier | None = None,
        thorough: bool = False,
    ) -> None:
        self._name = name
        self._type = type
        self._bounds = bounds or Bounds()
        self._judge = Judge(policy, now, Work(self._bounds), verifier or Verifier(), thorough)
        self._descent = Descent(anchors, self._judge, ZoneKeyCache() if cache is None else cache)
        self._waiting: tuple[Question, ...] = ()
        self._result: Validated | None = None
        self._links: list[Link] = []
        self._steps = self._run()
        self._advance()

    @property
    def result(self) -> Validated | None:
        return self._result

    def next_queries(self) -> tuple[Question, ...]:
        """What is still to be asked of the present batch; empty when the result is there."""
        return self._waiting

    def receive(self, question: Question, reply: Reply) -> None:
        """The reply to a question that was asked. A second one to the same question is passed over."""
        if question not in self._waiting:
            return
        self._waiting = tuple(other for other in self._waiting if other != question)
        self._descent.replies[question] = reply
        if not self._waiting:
            self._advance()

    def _advance(self) -> None:
        try:
            self._waiting = next(self._steps)
        except StopIteration as done:
            self._waiting, self._result = (), done.value
        except WorkLimitError as limit:
            reason = Reason("WORK_LIMIT", "RFC 4035 §5.4", label(self._name, self._type), str(limit))
            self._waiting = ()
            self._links.append(Link(JudgedLink(self._name, self._type, Security.BOGUS, reasons=(reason,))))
            self._result = Validated(self._name, self._type, Security.BOGUS, reasons=(reason,), proof=self._proof())

    def _run(self) -> Steps[Validated]:
        question = Question(self._name, self._type)
        if self._type in _NOT_DATA:
            self._links.append(indeterminate(question, "NOT_A_DATA_TYPE", "RFC 6895 §3.1"))
            return self._conclude()
        yield from self._descent.ask_ahead((question, *self._descent.first_questions(self._name)))
        reply = self._descent.replies[question]
        followed = [self._name]
        while True:
            link = yield from self._link(question, reply)
            self._links.append(link)
            onward = link.judged.onward
            if onward is None or link.broken:
                return self._conclude()
            if len(self._links) >= self._bounds.links:
                raise WorkLimitError(f"more than {self._bounds.links} aliases")
            question = Question(onward, self._type)
            if onward in followed:
                self._links.append(indeterminate(question, "ALIAS_LOOP", "RFC 1034 §3.6.2"))
                return self._conclude()
            followed.append(onward)
            if not _goes_on(reply, question):
                reply = yield from self._descent.ask(question)

    def _conclude(self) -> Validated:
        """The weakest link decides (RFC 6672 §5.3.3)."""
        links = self._links
        faults = [link.fault for link in links if link.fault is not None]
        state = weakest(faults)
        if state is Security.SECURE:
            reasons = [reason for link in links for reason in link.judged.reasons]
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
            proof=self._proof(),
        )

    def _proof(self) -> Proof:
        zones = sorted(self._descent.judged.values(), key=lambda zone: len(zone.name))
        return Proof(self._judge.now, tuple(zones), tuple(link.judged for link in self._links))

    def _link(self, question: Question, received: Reply) -> Steps[Link]:
        reply = usable(question, received)
        if isinstance(reply, Fault):
            return faulty(question, reply)
        name = question.name
        answer = answer_rrsets(reply)
        here = rrset_at(answer, name, question.type) or rrset_at(answer, name, T.CNAME)
        dname = dname_above(answer, name)
        if dname is not None and (here is None or not here.rrsigs):
            return (yield from self._redirected(question, dname, here, reply))
        if here is not None:
            return (yield from self._positive(question, here, reply))
        return (yield from self._negative(question, reply))

    def _positive(self, question: Question, rrset: RRset, reply: Message) -> Steps[Link]:
        """An RRset that stands in the answer (RFC 4035 §5.3)."""
        blamed = label(rrset.owner, rrset.type)

        def check(keys: ZoneKeys) -> Link | Fault:
            proof = authenticate(rrset, keys.zone, keys.keys, self._judge)
            if isinstance(proof, Fault):
                return proof
            reason = Reason("SIGNATURE_VALID", "RFC 4035 §5.3", blamed, str(proof.rrsig))
            link = JudgedLink(
                question.name, question.type, Security.SECURE, keys.zone, rrset=proof.seen, reasons=(reason,)
            )
            if not proof.expanded:
                return Link(link, notes=proof.notes)
            denying = self._descent.denying(reply, keys)
            denied = denying.denials.rules_out_closer_match(rrset.owner, proof.rrsig.labels)
            if denied is None:
                fault = undenied(denying, keys.zone, "RFC 4035 §5.3.4", blamed)
                return replace(fault, seen=replace(proof.seen, state=fault.state, reasons=fault.reasons))
            link = replace(link, denial=denying.judged(denied))
            notes = (*proof.notes, *denying.notes)
            if denied.opt_out:
                fault = opted_out(blamed, keys.zone)
                return Link(replace(link, state=fault.state, reasons=fault.reasons), fault, notes=notes)
            return Link(link, notes=notes)

        outcome = yield from self._under_signers((rrset,), rrset.owner, rrset.type, check)
        link = faulty(question, outcome, rrset) if isinstance(outcome, Fault) else outcome
        if rrset.type in (question.type, T.DNAME):
            return link
        onward = alias_target(rrset)
        if onward is None:
            return indeterminate(question, "ALIAS_MALFORMED", "RFC 1034 §3.6.2")
        return replace(link, judged=replace(link.judged, onward=onward))

    def _redirected(self, question: Question, dname: RRset, cname: RRset | None, reply: Message) -> Steps[Link]:
        """A name below a DNAME: the DNAME is signed, the CNAME made from it is not (RFC 6672 §5.3.1)."""
        link = yield from self._positive(question, dname, reply)
        if link.broken:
            return link
        if link.judged.rrset is not None and link.judged.rrset.wildcard is not None:
            # At which name it is shown is the server's choice, and so is where it leads: no signature covers that.
            reason = Reason("DNAME_FROM_WILDCARD", "RFC 6672 §3.3", label(dname.owner, T.DNAME))
            return faulty(question, Fault(Security.BOGUS, (reason,), link.judged.zone), dname)
        target = alias_target(dname)
        if target is None:
            return indeterminate(question, "ALIAS_MALFORMED", "RFC 6672 §2.1")
        try:
            onward = question.name.relativize(dname.owner).concatenate(target)
        except dns.name.NameTooLong:
            return indeterminate(question, "ALIAS_TOO_LONG", "RFC 6672 §2.2")
        if cname is not None and alias_target(cname) != onward:
            blamed = label(question.name, T.CNAME)
            reason = Reason("DNAME_MISMATCH", "RFC 6672 §5.3.1", blamed, f"the DNAME leads to {onward}")
            return faulty(question, Fault(Security.BOGUS, (reason,)), cname)
        ttl = link.rrset.ttl if link.rrset else 0
        made = RRset(question.name, T.CNAME, ttl, frozenset({plain_wire(onward)}))
        judged = replace(link.judged, synthesized=made, onward=None if question.type == T.CNAME else onward)
        return replace(link, judged=judged)

    def _negative(self, question: Question, reply: Message) -> Steps[Link]:
        """No such RRset: the proof that there is none (RFC 4035 §5.4)."""
        name, type = question.name, question.type
        said = as_absence(reply, name, type)
        blamed = label(name, type)
        authority = authority_rrsets(reply)
        proofs = [rrset for rrset in authority if rrset.type in (T.NSEC, T.NSEC3)]
        looked: list[Denying] = []

        def check(keys: ZoneKeys) -> Link | Fault:
            denying = self._descent.denying(reply, keys)
            looked.append(denying)
            denied = denying.denials.denies(name, type)
            if denied is None:
                return undenied(denying, keys.zone, "RFC 4035 §5.4", blamed)
            soas = [rrset for rrset in authority if rrset.type == T.SOA and rrset.owner == keys.zone]
            judged = [authenticate(rrset, keys.zone, keys.keys, self._judge) for rrset in soas]
            proven = [*(one.rrset for one in judged if not isinstance(one, Fault)), *denied.records]
            notes = [note for one in judged if isinstance(one, Fault) for note in one.reasons]
            denial = denying.judged(denied, [one.seen for one in judged if one.seen is not None])
            fault = opted_out(blamed, keys.zone) if denied.opt_out else None
            reasons = (Reason(f"DENIED_{denied.how.name}", "RFC 4035 §5.4", blamed, denied.how.value),)
            link = JudgedLink(
                name,
                type,
                fault.state if fault else Security.SECURE,
                keys.zone,
                denial=denial,
                reasons=fault.reasons if fault else reasons,
            )
            return Link(link, fault, absence(name, type, proven), (*notes, *denying.notes))

        outcome = yield from self._under_signers(proofs, name, type, check)
        if not isinstance(outcome, Fault):
            return outcome
        if outcome.state is Security.INSECURE and said is None:
            if reply.answer or any(rrset.type == T.NS for rrset in authority):
                return indeterminate(question, "NO_ANSWER", "RFC 2308 §2", "the reply neither answers nor denies")
            said = absence(name, type, ())  # neither SOA nor NS: "NODATA type 3" (RFC 2308 §2.2)
        link = faulty(question, outcome)
        seen = tuple(record for denying in looked for record in denying.seen)
        return replace(link, judged=replace(link.judged, denial=JudgedDenial("", seen)), absence=said)

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
                    break  # anyone may name it: the name itself can lie under a trust anchor further down
                failures.append(keys)
                continue
            if keys.zone != signer:
                detail = f"signed as {signer}, which is no zone: the zone is {keys.zone}"
                reason = Reason("SIGNER_MISMATCH", "RFC 4035 §5.3.1", label(name, type), detail)
                failures.append(Fault(Security.BOGUS, (reason,), keys.zone))
                continue
            outcome = check(keys)
            if not isinstance(outcome, Fault):
                return outcome
            failures.append(replace(outcome, zone=outcome.zone or keys.zone))
        if any(fault.state is Security.INDETERMINATE for fault in failures):
            return worst(failures)
        keys = yield from self._descent.zone(within)
        if isinstance(keys, Fault):
            return keys if keys.state is Security.INSECURE or not failures else worst(failures)
        if failures:
            return worst(failures)
        outcome = check(keys)
        return replace(outcome, zone=keys.zone) if isinstance(outcome, Fault) else outcome

    def _signers(self, rrsets: Iterable[RRset], within: Name) -> list[Name]:
        """The zones that signatures claim, if such a zone can hold the name and lies under a trust anchor of it."""
        anchors = self._descent.anchors.enclosing(within)
        if not anchors:
            return []
        signers: set[Name] = set()
        for rdata in (rdata for rrset in rrsets for rdata in rrset.rrsigs):
            try:
                signers.add(RRSIG.from_rdata(rdata).signer)
            except MalformedSignatureError:
                continue
        fit = [signer for signer in signers if within.is_subdomain(signer) and signer.is_subdomain(anchors[-1].zone)]
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
    answer = answer_rrsets(reply)
    return any(rrset_at(answer, question.name, type) for type in (question.type, T.CNAME))
