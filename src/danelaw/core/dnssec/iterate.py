"""From hints down to the servers that know, without I/O: what a resolver asks, server by server (RFC 1034 §5.3.3).

::

    walk = Iteration(hints, now).resolve(question)
    asked = next(walk)
    while True:
        asked = walk.send(reply_of(asked.server, asked.question))   # StopIteration.value is the reply

Nothing is validated here: a lie about delegations leads to servers whose answers then fail validation.
"""

from __future__ import annotations

from collections.abc import Container, Generator, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import ip_address
from typing import Final, TypeAlias, TypeVar

import dns.exception
import dns.name
from dns.name import Name
from dns.rcode import Rcode
from dns.rdatatype import RdataType as T

from danelaw.core.model import IP, Instant, Message, Question, Record, Silence

R = TypeVar("R")
Reply: TypeAlias = Message | Silence


@dataclass(frozen=True, slots=True)
class Asked:
    """One question to one server."""

    server: IP
    question: Question


Walk: TypeAlias = Generator[Asked, Reply, R]
"""Yields what is to be asked, is sent the reply, returns its outcome."""

_ADDRESS_OCTETS: Final[dict[int, int]] = {T.A: 4, T.AAAA: 16}
_ANSWERS: Final = (Rcode.NOERROR, Rcode.NXDOMAIN, Rcode.YXDOMAIN)  # YXDOMAIN: a DNAME led too far (RFC 6672 §2.2)


@dataclass(frozen=True, slots=True)
class Told:
    """What came with a referral of the DS there, or of its absence, made a reply to the question for it."""

    reply: Message
    by: Asked
    at: Instant

    @property
    def lasts(self) -> timedelta:
        """How long: the least TTL of it."""
        return timedelta(seconds=min(record.ttl for record in (*self.reply.answer, *self.reply.authority)))

    def aged(self, now: Instant) -> Message:
        """The reply with the TTLs that are left."""
        age = int((now - self.at).total_seconds())

        def older(records: Iterable[Record]) -> tuple[Record, ...]:
            return tuple(replace(record, ttl=max(record.ttl - age, 0)) for record in records)

        return replace(self.reply, answer=older(self.reply.answer), authority=older(self.reply.authority))


@dataclass(frozen=True, slots=True)
class Delegation:
    """The servers of a zone: addresses, and the names of those whose addresses are not known yet.

    ``until``: when the records that said so expire; None for hints. ``recursive``: forwarders, whose replies are taken
    as they are.
    """

    zone: Name
    addresses: tuple[IP, ...] = ()
    names: tuple[Name, ...] = ()
    until: Instant | None = None
    recursive: bool = False
    ds: Told | None = None


class Delegations:
    """What is known of who serves what: hints, and referrals as long as they may be kept."""

    def __init__(self, hints: Iterable[Delegation]) -> None:
        self._known = {hint.zone: hint for hint in hints}

    def hold(self, delegation: Delegation) -> None:
        """Remember a referral; a hint is never replaced."""
        known = self._known.get(delegation.zone)
        if known is None or known.until is not None:
            self._known[delegation.zone] = delegation

    def closest(self, question: Question, now: Instant) -> Delegation | None:
        """Whom to ask: the deepest zone known above the name. DS belongs to the parent's side (RFC 4035 §3.1.4.1)."""
        name = question.name
        if question.type == T.DS and len(name) > 1:
            name = name.parent()
        above = [
            known
            for known in self._known.values()
            if name.is_subdomain(known.zone) and (known.until is None or now < known.until)
        ]
        return max(above, key=lambda known: len(known.zone), default=None)

    def ds(self, question: Question, now: Instant) -> Told | None:
        """What a referral told of a DS, so that it need not be asked for (RFC 4035 §3.1.4)."""
        known = self._known.get(question.name)
        if question.type != T.DS or known is None or known.ds is None:
            return None
        return known.ds if now < known.ds.at + known.ds.lasts else None


@dataclass(frozen=True, slots=True)
class IterationBounds:
    """How much one question may cost."""

    asked: int = 64
    """Questions to servers in all."""
    depth: int = 4
    """Name servers whose addresses need name servers whose addresses …"""


class Iteration:
    """Resolves questions at one instant.

    ``delegations`` are kept up to date with what referrals teach. ``shunned``: pairs of server and question to be asked
    last, since what they said was of no use. ``given`` tells which server gave the reply to a question.
    """

    def __init__(
        self,
        delegations: Delegations,
        now: Instant,
        *,
        shunned: Container[Asked] = (),
        bounds: IterationBounds | None = None,
    ) -> None:
        self._delegations = delegations
        self._now = now
        self._shunned = shunned
        self._bounds = bounds or IterationBounds()
        self._left = 0
        self._depth = 0
        self._located_before: dict[Name, tuple[IP, ...]] = {}
        self.given: dict[Question, Asked] = {}

    def resolve(self, question: Question) -> Walk[Reply]:
        """The reply of a server that should know, without what is not its to say; else the last error or silence."""
        self._left = self._bounds.asked
        return (yield from self._resolve(question))

    def _resolve(self, question: Question) -> Walk[Reply]:
        told = self._delegations.ds(question, self._now)
        self.given.pop(question, None)
        if told is not None and told.by not in self._shunned:
            self.given[question] = told.by
            return told.aged(self._now)
        delegation = self._delegations.closest(question, self._now)
        if delegation is None:
            return Silence("UNREACHABLE", f"no server is known for {question.name}")
        while True:
            reply = yield from self._served(delegation, question)
            if isinstance(reply, Silence) or reply.rcode != Rcode.NOERROR or delegation.recursive:
                return reply
            lower = _referral(reply, delegation.zone, question, self.given[question].server, self._now)
            if lower is None:
                return _ds_in_place(reply, question)
            self._delegations.hold(lower)
            delegation = lower  # each is deeper than the last, so this ends

    def _served(self, delegation: Delegation, question: Question) -> Walk[Reply]:
        """What the servers of a zone say: the first of them that answers or refers downwards."""
        last: Reply = Silence("UNREACHABLE", f"no server of {delegation.zone} has an address")
        order = [Asked(address, question) for address in delegation.addresses]
        late = [asked for asked in order if asked in self._shunned]
        waiting = [asked for asked in order if asked not in self._shunned]
        names = list(delegation.names)
        tried: set[Asked] = set()
        while waiting or names or late:
            if not waiting and names:
                found = yield from self._located(names.pop(0))
                fresh = [one for one in (Asked(address, question) for address in found) if one not in tried]
                waiting = [asked for asked in fresh if asked not in self._shunned]
                late.extend(asked for asked in fresh if asked in self._shunned)
                continue
            asked = waiting.pop(0) if waiting else late.pop(0)
            if asked in tried:
                continue
            tried.add(asked)
            if self._left <= 0:
                return Silence("UNREACHABLE", f"more than {self._bounds.asked} questions to servers")
            self._left -= 1
            reply = yield asked
            said = reply if delegation.recursive else _within(reply, delegation.zone, question)
            if isinstance(said, Message) and said.rcode in _ANSWERS:
                self.given[question] = asked
                return said
            last = said
        return last

    def _located(self, server: Name) -> Walk[tuple[IP, ...]]:
        """The addresses of a name server. One whose address hangs on those of too many others, or on its own, has none.

        Each name is looked up once: else a few referrals that name many servers would keep us busy without asking.
        """
        if server in self._located_before:
            return self._located_before[server]
        if self._depth >= self._bounds.depth:
            return ()
        self._depth += 1
        found: list[IP] = []
        for type in (T.A, T.AAAA):
            reply = yield from self._resolve(Question(server, type))
            if isinstance(reply, Message):
                found.extend(address for owner, address in _addresses(reply.answer) if owner == server)
            if found:
                break
        self._depth -= 1
        self._located_before[server] = tuple(found)
        return tuple(found)


def _referral(reply: Message, zone: Name, question: Question, server: IP, now: Instant) -> Delegation | None:
    """The delegation that the reply of a server of ``zone`` points down to, if any (RFC 1034 §4.3.2, step 3b).

    A DS is the parent's: its servers' NS records for the very name are no referral, but all they have to say.
    """
    if reply.answer or any(record.type == T.SOA for record in reply.authority):
        return None
    cuts = {
        record.owner
        for record in reply.authority
        if record.type == T.NS and record.owner != zone and question.name.is_subdomain(record.owner)
    }
    if not cuts:
        return None
    cut = max(cuts, key=len)
    if question.type == T.DS and cut == question.name:
        return None
    listed = [record for record in reply.authority if record.type == T.NS and record.owner == cut]
    names = list(dict.fromkeys(filter(None, (_target(record) for record in listed))))
    ds = _ds(reply, cut)
    glue = [(owner, address) for owner, address in _addresses(reply.additional) if owner in names]
    located = {owner for owner, _ in glue}
    return Delegation(
        zone=cut,
        addresses=tuple(dict.fromkeys(address for _, address in glue)),
        names=tuple(name for name in names if name not in located),
        until=now + timedelta(seconds=min(record.ttl for record in listed)),
        ds=None if ds is None else Told(ds, Asked(server, Question(cut, T.DS)), now),
    )


def _ds(reply: Message, cut: Name) -> Message | None:
    """What a referral tells of the DS at the cut, as a reply to the question for it; None if it tells nothing signed.

    The DS RRset comes with it, or the NSEC or NSEC3 records that prove that there is none (RFC 4035 §3.1.4, RFC 5155
    §7.2.7).
    """
    told = [record for record in reply.authority if record.type not in (T.NS, T.SOA)]
    if not any(record.type == T.RRSIG for record in told):
        return None
    own = [record for record in told if record.owner == cut and _of_type(record, T.DS)]
    rest = [record for record in told if record not in own]
    answer = tuple(own) if any(record.type == T.DS for record in own) else ()
    if not answer and not any(record.type in (T.NSEC, T.NSEC3) for record in rest):
        return None
    question = Question(cut, T.DS)
    return replace(reply, question=(question,), answer=answer, authority=tuple(rest), additional=())


def _ds_in_place(reply: Message, question: Question) -> Message:
    """The reply; a DS that came as with a referral, though it was asked for, is put into its place."""
    made = None if reply.answer or question.type != T.DS else _ds(reply, question.name)
    return made if made is not None and made.answer else reply


def _of_type(record: Record, type: int) -> bool:
    """Whether a record is of a type, or a signature over records of it."""
    return record.type == type or (record.type == T.RRSIG and record.rdata[:2] == type.to_bytes(2))


def _within(reply: Reply, zone: Name, question: Question) -> Reply:
    """The reply of a server of ``zone``, freed of what lies outside: that is not its to say (RFC 2181 §5.4.1).

    Where an alias leads to is to be asked for, even if the server tells it (RFC 1034 §5.3.3, step 4c).
    A reply that points upwards or sideways is a lame server's (RFC 1912 §2.8).
    """
    if isinstance(reply, Silence):
        return reply
    away = not reply.answer and any(
        record.type == T.NS and not record.owner.is_subdomain(zone) for record in reply.authority
    )
    kept = replace(
        reply,
        answer=tuple(record for record in _inside(reply.answer, zone) if _asked_for(record, question.name)),
        authority=_inside(reply.authority, zone),
        additional=_inside(reply.additional, zone),
    )
    if away and not kept.authority:
        return Silence("LAME", f"refers {question.name} away from {zone}")
    return kept


def _inside(records: Iterable[Record], zone: Name) -> tuple[Record, ...]:
    return tuple(record for record in records if record.owner.is_subdomain(zone))


def _asked_for(record: Record, name: Name) -> bool:
    """Whether a record in the answer section is of the very name, or a DNAME that redirects it."""
    return record.owner == name or (_of_type(record, T.DNAME) and name.is_subdomain(record.owner))


def _target(record: Record) -> Name | None:
    """The name in an NS record; None if it cannot be read."""
    try:
        name, used = dns.name.from_wire(record.rdata, 0)
    except dns.exception.DNSException:
        return None
    return name if used == len(record.rdata) else None


def _addresses(records: Iterable[Record]) -> list[tuple[Name, IP]]:
    return [
        (record.owner, ip_address(record.rdata))
        for record in records
        if len(record.rdata) == _ADDRESS_OCTETS.get(record.type)
    ]
