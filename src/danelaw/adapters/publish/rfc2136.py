"""Publishing into a zone that its server keeps and signs, by dynamic update (RFC 2136) under TSIG.

An update is a compare-and-swap: its prerequisites name the RRset that is to be replaced and the SOA that was read just
before (RFC 2136 §5.7). So it takes effect on exactly the version of the zone that was looked at, and one that is still
on its way when another change is made can never land afterwards. TSIG bounds how long it may be on its way at all.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import dns.rdatatype
from dns.name import Name
from dns.opcode import Opcode
from dns.rcode import Rcode
from dns.rcode import to_text as rcode_text
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

from danelaw.adapters.publish import tsig
from danelaw.adapters.publish.change import accept, already, same
from danelaw.adapters.publish.tsig import TsigKey
from danelaw.core.dnssec.canonical import plain_wire
from danelaw.core.dnssec.message import MessageError, as_answer, make_query, read_message
from danelaw.core.model import IP, Absence, Answer, DanelawError, Message, RRset, serial_gt
from danelaw.core.rollover.actions import Conflict, Publish, Receipt
from danelaw.ports import Clock, Dialer

TRIES: Final = 5
"""How often an update is made anew because the server moved the zone's serial meanwhile, as signers do."""

PATIENCE: Final = timedelta(seconds=10)
"""For one question or one update, the connection included."""

_UNMET: Final = frozenset({Rcode.NXRRSET, Rcode.YXRRSET, Rcode.NXDOMAIN, Rcode.YXDOMAIN})
_HINTS: Final = {
    Rcode.REFUSED: "let the server's update-policy, allow-update or acl grant this key the change",
    Rcode.NOTAUTH: "is this the primary of the zone?",
    Rcode.NOTZONE: "is zone the very zone that holds the name, and not one above?",
    Rcode.NOTIMP: "this server takes no dynamic updates",
    Rcode.FORMERR: "the server cannot read the records; see its log",
    Rcode.SERVFAIL: "see the server's log: can it write the zone's files?",
}


@dataclass(frozen=True, slots=True)
class Primary:
    """Where a zone's updates go, and the key they are signed with."""

    ip: IP
    port: int
    zone: Name
    key: TsigKey


class Rfc2136Publisher:
    """Implements ``ports.Publisher``.

    ``lifetime``: how long after it was signed the server may still apply an update, by the server's clock; whole
    seconds, so that it is the same bound for the engine (``Limits.in_flight``) and for the server (TSIG's fudge).

    Raises ``NOT_PUBLISHABLE``; ``PRIMARY_UNREACHABLE``, ``PRIMARY_UNUSABLE``; ``UPDATE_REFUSED``, ``TSIG_REJECTED``,
    ``CLOCK_WRONG``, ``ZONE_BUSY``; ``REPLY_UNAUTHENTIC``, ``REPLY_LOST``, ``UPDATE_WITHOUT_EFFECT``, ``SERIAL_STUCK``
    and ``TimeoutError``, after which an update may have been made or not.
    """

    def __init__(
        self,
        primary: Primary,
        dialer: Dialer,
        clock: Clock,
        lifetime: timedelta = tsig.MAX_FUDGE,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._primary = primary
        self._dialer = dialer
        self._clock = clock
        self._fudge = timedelta(seconds=max(1, min(lifetime, tsig.MAX_FUDGE) // timedelta(seconds=1)))
        self._patience = patience

    async def publish(self, change: Publish) -> Receipt | Conflict:
        """Makes the primary hold ``replace`` if it holds ``expect``; if it holds ``replace`` already, nothing.

        The receipt's serial is that of a SOA asked after the change was seen.
        """
        accept(change)
        if change.zone != self._primary.zone:
            raise DanelawError("NOT_PUBLISHABLE", f"{self._primary.ip} is configured for {self._primary.zone}")
        tried: RRset | None = None
        for _ in range(TRIES):
            soa = await self._soa()
            found = await self._held(change.replace)
            if already(found, change.replace):
                return Receipt(_serial(await self._soa()), "was there already")
            if not same(found, change.expect):
                return Conflict(found)
            if soa == tried:
                raise self._without_effect(change.replace.owner, "it denies the SOA or the RRset that it shows")
            reply = await self._exchange(update(change, soa, secrets.randbits(16)))
            if reply.rcode == Rcode.NOERROR:
                return await self._receipt(change.replace, soa)
            if reply.rcode not in _UNMET:
                raise self._refused("update", reply.rcode)
            tried = soa
        raise DanelawError(
            "ZONE_BUSY",
            f"{change.zone} changed at each of {TRIES} tries to update it",
            hint="what changes it so often? See the server's log",
        )

    async def _receipt(self, wanted: Answer, before: RRset) -> Receipt:
        """An accepted update may still have done nothing: a record beside a CNAME is left out silently (RFC 2136
        §3.4.2.2). One that did something shows under another serial (§3.6)."""
        found = await self._held(wanted)
        after = _serial(await self._soa())
        if isinstance(found, RRset) and isinstance(wanted, RRset) and same(found, wanted) and found.ttl != wanted.ttl:
            raise DanelawError(
                "UPDATE_WITHOUT_EFFECT",
                f"{self._primary.ip} took the records of {wanted.owner}, and gives them another TTL",
                evidence=f"TTL {found.ttl}, not {wanted.ttl}; serial {after}",
                hint=f"BIND: max-zone-ttl of the dnssec-policy, at least {wanted.ttl}. Or have the service's tlsa_ttl "
                f"be {found.ttl}",
            )
        if not already(found, wanted):
            raise self._without_effect(wanted.owner, f"accepted; then serial {after}, {_words(found)}")
        if not serial_gt(after, _serial(before)):
            raise DanelawError(
                "SERIAL_STUCK",
                f"{self._primary.ip} made the change and left the serial at {after}",
                hint="secondaries never hear of such changes: let the server raise the serial at updates",
            )
        return Receipt(after)

    def _without_effect(self, owner: Name, evidence: str) -> DanelawError:
        return DanelawError(
            "UPDATE_WITHOUT_EFFECT",
            f"{self._primary.ip} does not serve the zone that it updates, or not {owner}",
            evidence=evidence,
            hint="BIND: inline-signing no. Otherwise: is the name under a wildcard, or does somebody else write there?",
        )

    async def _soa(self) -> RRset:
        found = await self._ask(self._primary.zone, RdataType.SOA)
        if isinstance(found, RRset) and len(found.rdatas) == 1 and all(len(rdata) >= 22 for rdata in found.rdatas):
            return found
        raise self._unusable(f"its answer for the SOA is {_words(found)}")

    async def _held(self, answer: Answer) -> Answer:
        return await self._ask(answer.owner, answer.type)

    async def _ask(self, name: Name, type: int) -> Answer:
        """What the primary says of an RRset. Asked under the key too: it may choose the view that is updated."""
        query = make_query(name, type, id=secrets.randbits(16), recursion_desired=False, dnssec_ok=False)
        reply = await self._exchange(query)
        if reply.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN):
            raise self._refused("query", reply.rcode)
        answer = as_answer(reply, name, type)
        if answer is None or not reply.authoritative:
            raise self._unusable(f"it has no authoritative answer for {name}")
        return answer

    async def _exchange(self, request: bytes) -> Message:
        """The authentic reply to a message, over TCP.

        What the server says without a right signature is never believed, be it good or bad.
        """
        signed, mac = tsig.sign(request, self._primary.key, self._clock.now(), self._fudge)
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                wire = await self._by_tcp(signed)
        except TimeoutError:
            raise
        except OSError as error:
            raise DanelawError(
                "PRIMARY_UNREACHABLE",
                f"{self._primary.ip} port {self._primary.port} cannot be reached by TCP",
                evidence=str(error),
                hint="does the server run, and listen there?",
            ) from error
        if wire[:2] != request[:2] or len(wire) < 12 or not wire[2] & 0x80 or wire[2] & 0x78 != request[2] & 0x78:
            raise DanelawError("REPLY_UNAUTHENTIC", f"what {self._primary.ip} sent is not the reply to the request")
        tsig.check(wire, self._primary.key, mac, self._clock.now())
        try:
            return read_message(wire)
        except MessageError as error:
            raise self._unusable(f"its reply cannot be read: {error}") from error

    async def _by_tcp(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(*self._dialer.locate(self._primary.ip, self._primary.port))
        try:
            writer.write(len(request).to_bytes(2) + request)
            return await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise DanelawError(
                "REPLY_LOST",
                f"{self._primary.ip} closed the connection before its reply was whole",
                evidence=str(error),
                hint="whether an update was made is seen at the next pass",
            ) from error
        finally:
            # Not close(): that would wait for a peer that does not read.
            writer.transport.abort()

    def _refused(self, what: str, rcode: int) -> DanelawError:
        return DanelawError(
            "UPDATE_REFUSED",
            f"{self._primary.ip} does not take the {what} for {self._primary.zone}",
            evidence=rcode_text(Rcode.make(rcode)),
            hint=_HINTS.get(Rcode.make(rcode), "see the server's log"),
        )

    def _unusable(self, evidence: str) -> DanelawError:
        return DanelawError(
            "PRIMARY_UNUSABLE",
            f"{self._primary.ip} does not answer for {self._primary.zone} as its primary",
            evidence=evidence,
            hint="is server the address of the zone's primary?",
        )


# -- update messages --------------------------------------------------------------------------------------------------


def update(change: Publish, soa: RRset, id: int) -> bytes:
    """An UPDATE message in wire form (RFC 2136 §2), every rdata as it is given.

    Prerequisites: the SOA and ``expect`` as whole RRsets (§2.4.2), or that there is no such RRset (§2.4.3). Then the
    RRset is deleted (§2.5.2) and its successor added (§2.5.1).
    """
    owner, type = change.replace.owner, change.replace.type
    required = [_record(change.zone, RdataType.SOA, RdataClass.IN, 0, rdata) for rdata in soa.rdatas]
    if isinstance(change.expect, Absence):
        required.append(_record(owner, type, RdataClass.NONE, 0, b""))
    else:
        required.extend(_record(owner, type, RdataClass.IN, 0, rdata) for rdata in sorted(change.expect.rdatas))
    changes = [_record(owner, type, RdataClass.ANY, 0, b"")]
    if isinstance(change.replace, RRset):
        ttl = change.replace.ttl
        changes.extend(_record(owner, type, RdataClass.IN, ttl, rdata) for rdata in sorted(change.replace.rdatas))
    header = _fields(id, Opcode.UPDATE << 11, 1, len(required), len(changes), 0)
    zone = plain_wire(change.zone) + _fields(RdataType.SOA, RdataClass.IN)
    return header + zone + b"".join((*required, *changes))


def _record(owner: Name, type: int, klass: int, ttl: int, rdata: bytes) -> bytes:
    return plain_wire(owner) + _fields(type, klass) + ttl.to_bytes(4) + _fields(len(rdata)) + rdata


def _fields(*values: int) -> bytes:
    return b"".join(value.to_bytes(2) for value in values)


# -- answers ----------------------------------------------------------------------------------------------------------


def _serial(soa: RRset) -> int:
    (rdata,) = soa.rdatas
    return int.from_bytes(rdata[-20:-16])


def _words(answer: Answer) -> str:
    kind = dns.rdatatype.to_text(RdataType.make(answer.type))
    if isinstance(answer, Absence):
        return f"no {kind} at {answer.owner}"
    return f"{answer.owner} {kind} {_hex(answer.rdatas)}"


def _hex(rdatas: Iterable[bytes]) -> str:
    return ", ".join(sorted(rdata.hex() for rdata in rdatas))
