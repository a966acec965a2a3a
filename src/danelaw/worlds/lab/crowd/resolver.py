"""Iterative, validating resolution from the root's trust anchor, through one client's own cache."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, cast

import dns.name
import dns.rdata
import dns.rrset
import dns.zonefile
from dns.name import Name
from dns.rcode import NOERROR, NXDOMAIN
from dns.rdatatype import AAAA, CNAME, DNSKEY, DS, NS, NSEC, SOA, A
from dns.rdtypes.ANY.CNAME import CNAME as CnameRdata  # noqa: N811  # rdata classes; the types' numbers have the names
from dns.rdtypes.ANY.DNSKEY import DNSKEY as Key  # noqa: N811  # likewise
from dns.rdtypes.ANY.NS import NS as NsRdata  # noqa: N811  # likewise
from dns.rdtypes.ANY.NSEC import NSEC as NsecRdata  # noqa: N811  # likewise
from dns.rdtypes.ANY.SOA import SOA as SoaRdata  # noqa: N811  # likewise

from danelaw.worlds.lab.crowd import denial
from danelaw.worlds.lab.crowd.cache import Cache
from danelaw.worlds.lab.crowd.denial import Nsec
from danelaw.worlds.lab.crowd.reasons import Reason, RefusedError
from danelaw.worlds.lab.crowd.signatures import entry_keys, is_expanded, supported, verify
from danelaw.worlds.lab.crowd.transport import Locate, SilentError, ask
from danelaw.worlds.lab.crowd.wire import Records, Reply, find, of_type, rdata_text, type_text

MAX_LINKS: Final = 8
MAX_REFERRALS: Final = 16
MAX_DEPTH: Final = 3
"""How deep the search for a name server's address may nest."""
TRIES: Final = 4


@dataclass(frozen=True, slots=True)
class Cut:
    """A zone and how to reach it. ``anchors``: the DS records (or trust anchors) that vouch for it; none: insecure."""

    zone: Name
    servers: tuple[str, ...]
    anchors: tuple[dns.rdata.Rdata, ...]


@dataclass(frozen=True, slots=True)
class Keys:
    """The DNSKEYs of a zone, validated. ``life``: seconds, when fetched, until their signature expires."""

    rdatas: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """One step of an answer: the records, or where an alias leads, or neither: proven (or just said) absent."""

    owner: Name
    type: int
    rdatas: tuple[dns.rdata.Rdata, ...]
    alias: Name | None
    secure: bool
    server: str
    ttl: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question came to. ``canonical``: the name at the end of its aliases; ``secure``: of every link.

    ``account`` tells each link with its age, for the record.
    """

    canonical: Name
    rdatas: tuple[dns.rdata.Rdata, ...]
    secure: bool
    account: tuple[str, ...]


class Resolves(Protocol):
    """What a client asks: a resolver of its own, or a stub of somebody else's."""

    async def resolve(self, name: Name, type: int) -> Answer:
        """Raises RefusedError for what is bogus or unanswered."""
        ...


def read_anchors(text: str) -> tuple[dns.rdata.Rdata, ...]:
    """The root's trust anchors from master-file text of DS or DNSKEY records."""
    rrsets: list[dns.rrset.RRset] = dns.zonefile.read_rrsets(text, rdclass=None, default_ttl=0)
    anchors = tuple(
        rdata for rrset in rrsets if rrset.name == dns.name.root and rrset.rdtype in (DS, DNSKEY) for rdata in rrset
    )
    if not anchors:
        raise ValueError("no DS or DNSKEY record of the root in the trust anchor")
    return anchors


class Resolver:
    """Resolves for one client. ``resolve`` raises RefusedError for what is bogus or unanswered."""

    def __init__(
        self,
        cache: Cache,
        root: Cut,
        locate: Locate,
        rng: random.Random,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._cache = cache
        self._root = root
        self._locate = locate
        self._rng = rng
        self._wall = wall

    async def resolve(self, name: Name, type: int, depth: int = 0) -> Answer:
        """The answer for ``name`` and ``type``, through aliases."""
        secure = True
        account: list[str] = []
        for _ in range(MAX_LINKS):
            link = await self._link(name, type, depth)
            held = self._cache.get((name, type), Link)
            age = self._cache.monotonic() - held.since if held else 0.0
            account.append(told(link, age))
            secure = secure and link.secure
            if link.alias is None:
                return Answer(name, link.rdatas, secure, tuple(account))
            name = link.alias
        raise RefusedError(Reason.NO_ANSWER, f"more than {MAX_LINKS} aliases, at {name}")

    async def _link(self, name: Name, type: int, depth: int) -> Link:
        held = self._cache.get((name, type), Link)
        if held:
            return held.value
        cut = self._closest(name)
        for _ in range(MAX_REFERRALS):
            reply, server = await self._ask(cut, name, type)
            referral = _referral(reply, cut.zone, name)
            if referral is None:
                return await self._settle(cut, reply, server, name, type)
            cut = await self._follow(cut, reply, referral, depth)
        raise RefusedError(Reason.NO_ANSWER, f"more than {MAX_REFERRALS} referrals for {name}")

    def _closest(self, name: Name) -> Cut:
        """The lowest zone on the way to ``name`` that is known."""
        while name != dns.name.root:
            held = self._cache.get(name, Cut)
            if held:
                return held.value
            name = name.parent()
        return self._root

    async def _ask(self, cut: Cut, name: Name, type: int) -> tuple[Reply, str]:
        """One usable reply from a zone's servers, drawn anew each time; only a silent or lame one leads to another.

        A bogus reply leads to none: a client that asks elsewhere would hide what the others meet.
        """
        order = list(cut.servers)
        self._rng.shuffle(order)
        troubles: list[str] = []
        for server in (order * TRIES)[:TRIES]:
            try:
                reply = await ask(server, self._locate, name, type)
            except SilentError as error:
                troubles.append(str(error))
                continue
            if reply.rcode in (NOERROR, NXDOMAIN) and (
                reply.authoritative or _referral(reply, cut.zone, name) is not None
            ):
                return reply, server
            troubles.append(f"{server} is lame (rcode {reply.rcode})")
        asked = f"{name} {type_text(type)}"
        raise RefusedError(Reason.NO_ANSWER, f"{asked} at {cut.zone}: {'; '.join(troubles) or 'no server known'}")

    async def _follow(self, cut: Cut, reply: Reply, referral: Records, depth: int) -> Cut:
        """The zone that a referral leads to: its servers by glue, its DS or the proof that it has none."""
        child = referral.owner
        anchors: tuple[dns.rdata.Rdata, ...] = ()
        ttl: float = referral.ttl
        life = float("inf")
        if cut.anchors:
            keys = await self._keys(cut)
            ds = find(reply.authority, child, DS)
            if ds is not None:
                verified = verify(ds, cut.zone, keys, self._wall())
                ttl, life = min(ttl, verified.ttl), verified.life
                anchors = supported(ds.rdatas)
            else:
                nsecs, bound, life = self._nsecs(cut.zone, reply, keys)
                if not denial.proves_insecure_delegation(child, nsecs):
                    raise RefusedError(Reason.DENIAL_INVALID, f"{child}: no DS, and no NSEC proves it absent")
                ttl = min(ttl, bound)
        names = [cast(NsRdata, rdata).target for rdata in referral.rdatas]
        servers = _addresses(
            records for records in reply.additional if records.owner in names and records.owner.is_subdomain(cut.zone)
        )
        if not servers and depth < MAX_DEPTH:
            for name in names:
                if not name.is_subdomain(child):
                    for type in (A, AAAA):
                        servers += _texts((await self.resolve(name, type, depth + 1)).rdatas)
        return self._cache.put(child, Cut(child, servers, anchors), ttl, life).value

    async def _keys(self, cut: Cut) -> tuple[Key, ...]:
        """The validated DNSKEYs of a secure zone (RFC 4035 §5.2, §5.3)."""
        held = self._cache.get((cut.zone, "keys"), Keys)
        if held:
            return held.value.rdatas
        reply, server = await self._ask(cut, cut.zone, DNSKEY)
        found = find(reply.answer, cut.zone, DNSKEY)
        if found is None:
            raise RefusedError(Reason.SIGNATURE_MISSING, f"{cut.zone} has a DS, but {server} serves no DNSKEY")
        trusted = entry_keys(cut.zone, found.rdatas, cut.anchors)
        verified = verify(found, cut.zone, trusted, self._wall())
        keys = Keys(tuple(cast(Key, rdata) for rdata in found.rdatas))
        return self._cache.put((cut.zone, "keys"), keys, verified.ttl, verified.life).value.rdatas

    async def _settle(self, cut: Cut, reply: Reply, server: str, name: Name, type: int) -> Link:
        """The link that an authoritative reply says, validated if the zone is secure, and put into the cache."""
        keys = await self._keys(cut) if cut.anchors else None
        found = find(reply.answer, name, type) or find(reply.answer, name, CNAME)
        if found is None:
            ttl, life = self._absent(cut.zone, reply, name, type, keys)
            rdatas: tuple[dns.rdata.Rdata, ...] = ()
        else:
            rdatas, ttl, life = found.rdatas, found.ttl, float("inf")
            if keys is not None:
                verified = verify(found, cut.zone, keys, self._wall())
                ttl, life = verified.ttl, verified.life
                if is_expanded(name, verified):
                    nsecs, bound, shorter = self._nsecs(cut.zone, reply, keys)
                    if not denial.proves_expansion(name, verified.labels, nsecs, cut.zone):
                        raise RefusedError(Reason.DENIAL_INVALID, f"{found}: from a wildcard, {name} not denied")
                    ttl, life = min(ttl, bound), min(life, shorter)
        alias = None
        if found is not None and found.type == CNAME and type != CNAME:
            alias, rdatas = cast(CnameRdata, rdatas[0]).target, ()
        link = Link(name, type, rdatas, alias, keys is not None, server, ttl)
        return self._cache.put((name, type), link, ttl, life).value

    def _absent(self, zone: Name, reply: Reply, name: Name, type: int, keys: Sequence[Key] | None) -> tuple[int, float]:
        """For how long an absence may be held: the TTL, and the signatures' life. Raises if it is not proven.

        ``min(SOA TTL, SOA MINIMUM, NSEC TTL)`` (RFC 2308 §5, RFC 4035 §4.5).
        """
        soa = find(reply.authority, zone, SOA)
        ttl = min(soa.ttl, cast(SoaRdata, soa.rdatas[0]).minimum) if soa else 0
        if keys is None:
            return ttl, float("inf")
        nsecs, bound, life = self._nsecs(zone, reply, keys)
        if soa:
            verified = verify(soa, zone, keys, self._wall())
            ttl, life = min(ttl, verified.ttl), min(life, verified.life)
        proven = (
            denial.proves_no_name(name, nsecs, zone)
            if reply.rcode == NXDOMAIN
            else denial.proves_no_type(name, type, nsecs, zone)
        )
        if not proven:
            said = "NXDOMAIN" if reply.rcode == NXDOMAIN else "NODATA"
            spans = ", ".join(f"{nsec.owner} to {nsec.next}" for nsec in nsecs) or "none"
            raise RefusedError(Reason.DENIAL_INVALID, f"{name} {type_text(type)}: {said} unproven by NSEC {spans}")
        return min(ttl, bound), life

    def _nsecs(self, zone: Name, reply: Reply, keys: Sequence[Key]) -> tuple[list[Nsec], int, float]:
        """The NSEC records of a reply, verified, with their least TTL and signature life.

        One that was itself made from a wildcard proves nothing about its owner (RFC 4035 §5.4): it is left out.
        """
        nsecs: list[Nsec] = []
        ttl, life = 1 << 31, float("inf")
        for records in of_type(reply.authority, NSEC):
            verified = verify(records, zone, keys, self._wall())
            if not is_expanded(records.owner, verified):
                nsecs += [Nsec.of(records.owner, cast(NsecRdata, rdata)) for rdata in records.rdatas]
                ttl, life = min(ttl, verified.ttl), min(life, verified.life)
        return nsecs, ttl, life


def _referral(reply: Reply, zone: Name, name: Name) -> Records | None:
    """The NS RRset that leads further down towards ``name``, if the reply is a referral (RFC 1034 §4.3.1)."""
    if reply.authoritative or reply.answer or reply.rcode != NOERROR:
        return None
    return next(
        (
            records
            for records in of_type(reply.authority, NS)
            if records.owner != zone and records.owner.is_subdomain(zone) and name.is_subdomain(records.owner)
        ),
        None,
    )


def _addresses(section: Iterable[Records]) -> tuple[str, ...]:
    return tuple(text for records in section if records.type in (A, AAAA) for text in _texts(records.rdatas))


def _texts(rdatas: Sequence[dns.rdata.Rdata]) -> tuple[str, ...]:
    return tuple(rdata.to_text() for rdata in rdatas)


def told(link: Link, age: float) -> str:
    """A link for the record; ``age`` in seconds."""
    shown = ", ".join(map(rdata_text, link.rdatas)) if link.alias is None else f"CNAME {link.alias}"
    state = "secure" if link.secure else "insecure"
    asked = f"{link.owner} {type_text(link.type)}"
    return f"{asked} {shown or 'absent'} ({state}, TTL {link.ttl}, {age:.1f} s old, from {link.server})"
