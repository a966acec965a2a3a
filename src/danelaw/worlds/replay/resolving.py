"""A validating resolver on one function: the questions of ``Validation`` go to forwarders, or down from hints."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Final, TypeAlias

from dns.name import Name
from dns.rcode import Rcode
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.algorithms import DEFAULT_POLICY, AlgorithmPolicy
from danelaw.core.dnssec.anchors import Anchors
from danelaw.core.dnssec.authenticate import Verifier
from danelaw.core.dnssec.iterate import Asked, Delegation, Delegations, Iteration
from danelaw.core.dnssec.rrsig import RRSIG, MalformedSignatureError, seconds
from danelaw.core.dnssec.validate import Validation
from danelaw.core.dnssec.zonekeys import ZoneKeyCache
from danelaw.core.model import IP, Instant, Message, Question, Record, Security, Silence, Validated

Answer: TypeAlias = Callable[[IP, Question], Message | Silence]
"""What the server at an address says to a question, or that it says nothing."""

_ATTEMPTS: Final = 4
_GOOD: Final = (Security.SECURE, Security.INSECURE)


class Resolver:
    """Asks by ``answer`` alone, and remembers from one question to the next: delegations, zone keys, replies.

    Where a result is not good, whoever gave the replies is asked last in the next attempt, as long as that leads to
    other replies.
    """

    def __init__(
        self,
        answer: Answer,
        hints: Iterable[Delegation],
        anchors: Anchors,
        policy: AlgorithmPolicy = DEFAULT_POLICY,
        verifier: Verifier | None = None,
    ) -> None:
        self._answer = answer
        self._delegations = Delegations(hints)
        self._anchors = anchors
        self._policy = policy
        self._verifier = verifier or Verifier()
        self._keys = ZoneKeyCache()
        self._replies: dict[Question, tuple[Message, Instant]] = {}

    def resolve(self, name: Name, type: int, now: Instant) -> Validated:
        """The validated answer at an instant."""
        shunned: set[Asked] = set()
        result = None
        for _ in range(_ATTEMPTS):
            iteration = Iteration(self._delegations, now, shunned=shunned)
            again, fresh = self._validated(name, type, now, iteration)
            if result is None or again.state in _GOOD:
                result = again
            if result.state in _GOOD:
                self._remember(fresh, now)
                break
            used = set(iteration.given.values())
            if used <= shunned:
                break
            shunned |= used
        if result is None:
            raise AssertionError("there is at least one attempt")
        return result

    def _validated(
        self, name: Name, type: int, now: Instant, iteration: Iteration
    ) -> tuple[Validated, dict[Question, Message]]:
        validation = Validation(name, type, self._anchors, self._policy, now, self._keys, verifier=self._verifier)
        fresh: dict[Question, Message] = {}
        while questions := validation.next_queries():
            for question in questions:
                held = self._replies.get(question)
                if held is not None and now < held[1]:
                    validation.receive(question, held[0])
                    continue
                reply = self._walked(iteration, question)
                if isinstance(reply, Message):
                    fresh[question] = reply
                elif question.type == T.DS:
                    reply = _denied_beside(question, fresh.values()) or reply
                validation.receive(question, reply)
        if validation.result is None:
            raise AssertionError("a validation that asks nothing has a result")
        return validation.result, fresh

    def _walked(self, iteration: Iteration, question: Question) -> Message | Silence:
        walk = iteration.resolve(question)
        try:
            asked = next(walk)
            while True:
                asked = walk.send(self._answer(asked.server, asked.question))
        except StopIteration as done:
            reply: Message | Silence = done.value
            return reply

    def _remember(self, fresh: dict[Question, Message], now: Instant) -> None:
        for question, reply in fresh.items():
            if reply.rcode in (Rcode.NOERROR, Rcode.NXDOMAIN):
                self._replies[question] = reply, now + timedelta(seconds=_lifetime(reply, now))


def _denied_beside(question: Question, replies: Iterable[Message]) -> Message | None:
    """The NSEC and NSEC3 records that came with other replies, for a DS that nobody tells of: they may deny it.

    An alias into an unsigned zone often comes with the proof that it is one. The validation judges the records anyhow.
    """
    denials = tuple(record for reply in replies for record in reply.authority if _denies(record))
    return Message(id=0, flags=0, rcode=Rcode.NOERROR, question=(question,), authority=denials) if denials else None


def _denies(record: Record) -> bool:
    covered = int.from_bytes(record.rdata[:2]) if record.type == T.RRSIG else record.type
    return covered in (T.NSEC, T.NSEC3)


def _lifetime(reply: Message, now: Instant) -> int:
    """Seconds that a whole reply may be kept: no longer than any of its records (RFC 2308 §5, RFC 4035 §5.3.3)."""
    records = (*reply.answer, *reply.authority)
    lives = [record.ttl for record in records]
    lives.extend(int.from_bytes(record.rdata[-4:]) for record in records if record.type == T.SOA and not reply.answer)
    for record in records:
        if record.type == T.RRSIG:
            try:
                rrsig = RRSIG.from_rdata(record.rdata)
            except MalformedSignatureError:
                continue
            lives.append((rrsig.expiration - seconds(now)) & 0xFFFFFFFF)
    return min(lives, default=0)
