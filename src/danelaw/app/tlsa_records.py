"""What ``danelaw tlsa`` asks the world: what a live server presents, and what the DNS holds."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dns.name import Name

from danelaw.app.check import Looker, Looking
from danelaw.app.eyes import Eyes
from danelaw.app.look import look_at
from danelaw.core.model import (
    IP,
    Chain,
    DanelawError,
    Evidence,
    Handshake,
    HandshakeFailure,
    Security,
    Target,
    Unreachable,
    Validated,
)
from danelaw.core.tlsa import TLSA, TLSARecord, pkix_valid, records_of
from danelaw.core.tlsa.advice import Advice, Place
from danelaw.core.tlsa.material import Material, certificates
from danelaw.core.tlsa.notation import Entry


@dataclass(frozen=True, slots=True)
class Presented:
    """What one endpoint presents. ``materials``: every certificate that some client may get, with the addresses that
    present it; the usual one first."""

    place: Place
    materials: tuple[tuple[Material, tuple[IP, ...]], ...]
    advice: tuple[Advice, ...]


async def presented(
    target: Target, eyes: Eyes, addresses: Sequence[IP], roots: Sequence[bytes]
) -> tuple[Presented, ...]:
    """Ask every address of every server of a target, as each kind of client, what it presents.

    A record that leaves out what one address presents would cut its clients off, so nothing is told where one was not
    seen: raises ``DanelawError("SERVER_UNSEEN")``, and as ``look_at`` does.
    """
    if target.searched:
        found = await Looker(eyes, Looking(tuple(addresses))).look(target)
        if found.left_out or not found.endpoints:
            raise _unseen(str(target), "not all of its servers could be looked at")
        looks = found.endpoints
    else:
        application = target.application.name
        looks = (await look_at(target.endpoint, eyes, application=application, addresses=addresses, sweeping=False),)
    return tuple(_presented(look, roots) for look in looks)


def _presented(look: Evidence, roots: Sequence[bytes]) -> Presented:
    endpoint = look.endpoint
    place = Place(endpoint.host, endpoint.port, endpoint.transport)
    if not look.probes:
        why = "; ".join(map(str, (*look.a.reasons, *look.aaaa.reasons)[:1]))
        raise _unseen(str(place), "no address is known of it" + (f": {why}" if why else ""))
    if look.left_out:
        raise _unseen(str(place), f"it has more addresses than are looked at: {len(look.left_out)} are left out")
    seen: dict[Chain, list[IP]] = {}
    for probe in look.probes:
        if isinstance(probe.got, Unreachable | HandshakeFailure):
            why = f"{probe.address}: {probe.got.code}" + (f", {probe.got.detail}" if probe.got.detail else "")
            raise _unseen(str(place), why)
        if isinstance(probe.got, Handshake):
            seen.setdefault(probe.got.chain, []).append(probe.address)
    materials = tuple((certificates(chain, str(place)), tuple(dict.fromkeys(ips))) for chain, ips in seen.items())
    return Presented(place, materials, (*_differing(place, materials), *_vouching(look, place, seen, roots)))


def _differing(place: Place, materials: Sequence[tuple[Material, tuple[IP, ...]]]) -> Iterable[Advice]:
    keys: dict[bytes, list[IP]] = {}
    for material, ips in materials:
        keys.setdefault(material.spki, []).extend(ips)
    if len(keys) > 1:
        said = "; ".join(", ".join(map(str, dict.fromkeys(ips))) for ips in keys.values())
        text = f"presents {len(keys)} different keys (at {said}): each has its record, and clients need them all"
        yield Advice("SERVER_DIFFERS", "RFC 7671 §8", str(place), text)


def _vouching(look: Evidence, place: Place, chains: Iterable[Chain], roots: Sequence[bytes]) -> Iterable[Advice]:
    """Who says that it was the right server? DNSSEC for its addresses, and a CA that clients know for its key."""
    states = {answer.state for answer in (look.a, look.aaaa) if answer.rrset is not None}
    doubts = []
    if states != {Security.SECURE}:
        doubts.append("its addresses are not secured by DNSSEC")
    if any(pkix_valid(chain, (look.base,), tuple(roots), look.at) is not None for chain in chains):
        doubts.append("no CA that is known here vouches for its key")
    if doubts:
        text = f"{' and '.join(doubts)}: the record vouches for whatever answered; compare it with the server's files"
        yield Advice("SERVER_UNVOUCHED", "RFC 7671 §8", str(place), text)


def _unseen(what: str, evidence: str) -> DanelawError:
    return DanelawError(
        "SERVER_UNSEEN",
        f"what {what} presents is not known for certain",
        evidence=evidence,
        hint="name the addresses to ask with --address, or give the certificate with --cert",
    )


# -- what the DNS holds ---------------------------------------------------------------------------------------------


class Holding(enum.Enum):
    """What the DNS has of the records of one owner; the value is the verdict's word."""

    HELD = "valid"
    OTHERS = "mismatch"
    BOGUS = "bogus"
    INSECURE = "insecure"
    NONE = "none"
    UNKNOWN = "undecided"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is wanted under one owner beside what the DNS says. ``missing`` and ``beside`` are both sorted."""

    owner: Name
    answer: Validated
    missing: tuple[TLSARecord, ...]
    beside: tuple[TLSARecord, ...]

    @property
    def holding(self) -> Holding:
        match self.answer.state:
            case Security.BOGUS:
                return Holding.BOGUS
            case Security.INDETERMINATE:
                return Holding.UNKNOWN
            case _ if self.answer.rrset is None:
                return Holding.NONE
            case _ if self.missing:
                return Holding.OTHERS
            case Security.INSECURE:
                return Holding.INSECURE
            case Security.SECURE:
                return Holding.HELD


async def compared(entries: Sequence[Entry], eyes: Eyes) -> tuple[Comparison, ...]:
    """Ask the DNS for the records of every owner, and hold them against these. Aliases at an owner are followed."""
    owners = tuple(dict.fromkeys(entry.owner for entry in entries))
    answers = await asyncio.gather(*(eyes.resolver.resolve(owner, TLSA) for owner in owners))
    return tuple(
        compare(owner, {entry.record for entry in entries if entry.owner == owner}, answer)
        for owner, answer in zip(owners, answers, strict=True)
    )


def compare(owner: Name, wanted: Iterable[TLSARecord], answer: Validated) -> Comparison:
    held = set(records_of(answer.rrset)) if answer.rrset is not None else set()
    return Comparison(owner, answer, _sorted(set(wanted) - held), _sorted(held - set(wanted)))


def _sorted(records: Iterable[TLSARecord]) -> tuple[TLSARecord, ...]:
    return tuple(sorted(records, key=TLSARecord.to_rdata))


def exit_status(comparisons: Iterable[Comparison]) -> int:
    """0 only where the DNS holds every record, securely; what is wrong goes before what is not known."""
    holdings = {comparison.holding for comparison in comparisons}
    if holdings - {Holding.HELD, Holding.UNKNOWN}:
        return 1
    return 3 if Holding.UNKNOWN in holdings else 0


_WORST_FIRST: tuple[Holding, ...] = (
    Holding.BOGUS,
    Holding.OTHERS,
    Holding.INSECURE,
    Holding.NONE,
    Holding.UNKNOWN,
    Holding.HELD,
)


def verdict(comparisons: Iterable[Comparison]) -> str:
    return min((comparison.holding for comparison in comparisons), key=_WORST_FIRST.index).value
