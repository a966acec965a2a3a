"""Plays a scenario: each question is validated through the seam, and what comes is compared with what was to come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, TypeAlias

import dns.rcode
import dns.rdatatype
from dns.name import Name
from dns.rcode import Rcode
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.algorithms import DEFAULT_POLICY, AlgorithmPolicy
from danelaw.core.dnssec.authenticate import Verifier
from danelaw.core.dnssec.canonical import canonical_rdata
from danelaw.core.dnssec.denials import Denial
from danelaw.core.dnssec.message import rrsets
from danelaw.core.model import Question, RRset, Security, Validated
from danelaw.worlds.replay.old_algorithms import OLD_POLICY, OLD_VERIFIER
from danelaw.worlds.replay.resolving import Answer, Resolver
from danelaw.worlds.replay.scenario import Aspect, Check, Query, Scenario, TimePasses

_NO_ANCHOR: Final = {"NO_TRUST_ANCHOR", "ANCHOR_UNSUPPORTED"}
_Content: TypeAlias = tuple[Name, int, frozenset[bytes]]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """What a check found other than expected. ``line`` is the check's in the file."""

    step: int
    line: int
    aspect: str
    expected: str
    found: str
    result: Validated | None = None

    def __str__(self) -> str:
        return f"step {self.step} (line {self.line}): {self.aspect}: expected {self.expected}, found {self.found}"


def replay(
    scenario: Scenario,
    answer: Answer | None = None,
    *,
    policy: AlgorithmPolicy | None = None,
    verifier: Verifier | None = None,
) -> tuple[Disagreement, ...]:
    """What the checks of a scenario found wrong: nothing, if all is as it was to be.

    ``answer``: another one to supply what servers say; by default the scenario's conversation does. ``policy`` and
    ``verifier``: by default what the scenario's settings ask for.
    """
    settings = scenario.settings
    old = settings.old_algorithms
    policy = policy or (OLD_POLICY if old else DEFAULT_POLICY)
    if settings.nsec3_iterations is not None:
        policy = replace(policy, nsec3_iterations=settings.nsec3_iterations)
    now, steps, supplied = settings.now, _Steps(scenario), answer
    resolver = Resolver(
        lambda address, question: (
            supplied(address, question) if supplied else scenario.conversation.answer(steps.standing, address, question)
        ),
        settings.hints,
        settings.anchors,
        policy,
        verifier or (OLD_VERIFIER if old else None),
    )
    found: list[Disagreement] = []
    asked: dict[Question, tuple[Query, Validated]] = {}
    for step in steps:
        match step:
            case TimePasses():
                now += timedelta(seconds=step.seconds)
            case Query():
                result = resolver.resolve(step.question.name, step.question.type, now)
                asked.pop(step.question, None)
                asked[step.question] = step, result  # the last one asked stands last
            case Check():
                found.extend(_differences(step, asked))
    return tuple(found)


class _Steps:
    """The steps in order. ``standing``: the numbers that what servers say is looked up by.

    A query is answered while the step after it waits, so that one's number comes first.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._steps = scenario.steps
        self.standing: tuple[int, ...] = ()

    def __iter__(self) -> Iterator[Query | Check | TimePasses]:
        for step, after in zip(self._steps, (*self._steps[1:], None), strict=True):
            self.standing = (after.step, step.step) if after else (step.step,)
            yield step


def _differences(check: Check, asked: dict[Question, tuple[Query, Validated]]) -> Iterator[Disagreement]:
    """A check is of the result for the question that it repeats; of the last one, if it repeats none."""
    wanted = check.expected.question[0] if check.expected.question else next(reversed(asked), None)
    if wanted is None or wanted not in asked:
        yield Disagreement(check.step, check.line, "query", "one before the check", "none")
        return
    query, result = asked[wanted]

    def differs(aspect: str, expected: str, found: str) -> Disagreement:
        return Disagreement(check.step, check.line, aspect, expected, found, result)

    reasons = ", ".join(map(str, result.reasons))
    unanswered = [] if check.silence else [str(reason) for reason in result.reasons if "TIMEOUT" in reason.detail]
    if unanswered:
        yield differs("conversation", "a reply to what is asked", "; ".join(unanswered))
        return
    accepted = check.states
    if Security.INSECURE in accepted and not {reason.code for reason in result.reasons} <= _NO_ANCHOR:
        accepted -= {Security.INDETERMINATE}
    if Aspect.STATE in check.aspects and query.checking and result.state not in accepted:
        expected = " or ".join(sorted(state.value for state in accepted))
        yield differs("state", expected, f"{result.state.value} ({reasons})")
        return
    for code in check.reasons:
        if code not in (reason.code for reason in (*result.reasons, *result.notes)):
            yield differs("reason", code, reasons or "none")
    if result.state not in (Security.SECURE, Security.INSECURE):
        return
    if Aspect.RCODE in check.aspects and (found := _rcode(result)) not in (None, check.expected.rcode):
        yield differs("rcode", _rcode_text(check.expected.rcode), _rcode_text(found))
    if Aspect.ANSWER in check.aspects:
        name = query.question.name
        due, got = _contents(rrsets(check.expected.answer), name), _contents(result.rrsets, name)
        if due != got:
            yield differs("answer", _listed(due), _listed(got))


def _rcode(result: Validated) -> int | None:
    """The RCODE that the result amounts to; None where a denial was not judged, or leaves it open (opt-out)."""
    if result.absence is None:
        return Rcode.NOERROR
    last = result.proof.links[-1].denial if result.proof and result.proof.links else None
    if last is None or last.how not in Denial.__members__ or last.opt_out:
        return None
    return Rcode.NXDOMAIN if Denial[last.how] in (Denial.NO_NAME, Denial.NO_CLOSER_NAME) else Rcode.NOERROR


def _contents(found: Iterable[RRset], asked: Name) -> frozenset[_Content]:
    """What RRsets say. A DNAME above the name asked for shows in the CNAME made of it (RFC 6672 §3.1)."""
    return frozenset(
        (rrset.owner, rrset.type, frozenset(canonical_rdata(rrset.type, rdata) for rdata in rrset.rdatas))
        for rrset in found
        if rrset.type != T.DNAME or rrset.owner == asked
    )


def _listed(contents: Iterable[_Content]) -> str:
    listed = sorted(
        f"{owner} {dns.rdatatype.to_text(T.make(type))} of {len(rdatas)}" for owner, type, rdatas in contents
    )
    return ", ".join(listed) or "nothing"


def _rcode_text(rcode: int) -> str:
    return dns.rcode.to_text(Rcode.make(rcode))
