"""A stub: asks a validating resolver on its own machine, and believes what that says of its checks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Final, cast

from dns.name import Name
from dns.rcode import NOERROR, NXDOMAIN, SERVFAIL
from dns.rdatatype import CNAME, SOA
from dns.rdtypes.ANY.CNAME import CNAME as CnameRdata  # noqa: N811  # rdata classes; the types' numbers have the names
from dns.rdtypes.ANY.SOA import SOA as SoaRdata  # noqa: N811  # likewise

from danelaw.worlds.lab.crowd.cache import Cache
from danelaw.worlds.lab.crowd.reasons import Reason, RefusedError
from danelaw.worlds.lab.crowd.resolver import MAX_LINKS, Answer, Link, told
from danelaw.worlds.lab.crowd.transport import Locate, SilentError, ask
from danelaw.worlds.lab.crowd.wire import (
    CHECKING_DISABLED,
    RECURSION_DESIRED,
    Records,
    Reply,
    find,
    of_type,
    type_text,
)

TRIES: Final = 4
ANSWERS: Final = (NOERROR, NXDOMAIN)


class Stub:
    """Resolves for one client through ``server``, an IP literal on loopback.

    Nothing is validated here: the AD bit decides what is secure. It may, because the way to the resolver is inside
    this machine (RFC 4035 §4.9.3). What comes is held for what is left of its TTL, stretched as ``cache`` says.
    """

    def __init__(self, cache: Cache, server: str, locate: Locate, wall: Callable[[], float] = time.time) -> None:
        """Raises ValueError for a resolver that is not on loopback."""
        if not ip_address(server).is_loopback:
            raise ValueError(f"the AD bit of {server} is worth nothing: it is not on this machine")
        self._cache = cache
        self._server = server
        self._locate = locate
        self._wall = wall

    async def resolve(self, name: Name, type: int) -> Answer:
        """The answer for ``name`` and ``type``, through aliases. Raises RefusedError: BOGUS, NO_ANSWER."""
        held = self._cache.get((name, type), tuple)
        if held is None:
            reply = await self._checked(name, type)
            links = tuple(self._links(reply, name, type))
            held = self._cache.put((name, type), links, min(link.ttl for link in links), self._life(reply))
        age = self._cache.monotonic() - held.since
        links = cast(tuple[Link, ...], held.value)
        end = links[-1]
        return Answer(
            canonical=end.owner,
            rdatas=end.rdatas,
            secure=all(link.secure for link in links),
            account=tuple(told(link, age) for link in links),
        )

    async def _checked(self, name: Name, type: int) -> Reply:
        """What the resolver vouches for, or does not know to be signed."""
        reply = await self._ask(name, type, RECURSION_DESIRED)
        if reply.rcode in ANSWERS:
            return reply
        asked = f"{name} {type_text(type)} at {self._server}"
        if reply.rcode == SERVFAIL:  # bogus, or unanswered: CD tells which (RFC 4035 §3.2.2)
            unchecked = await self._ask(name, type, RECURSION_DESIRED | CHECKING_DISABLED)
            if unchecked.rcode in ANSWERS:
                raise RefusedError(Reason.BOGUS, f"{asked}: SERVFAIL, and an answer once it is told not to check")
        raise RefusedError(Reason.NO_ANSWER, f"{asked}: rcode {reply.rcode}")

    async def _ask(self, name: Name, type: int, flags: int) -> Reply:
        troubles: list[str] = []
        for _ in range(TRIES):
            try:
                return await ask(self._server, self._locate, name, type, flags)
            except SilentError as error:
                troubles.append(str(error))
        raise RefusedError(Reason.NO_ANSWER, f"{name} {type_text(type)}: {'; '.join(troubles)}")

    def _links(self, reply: Reply, name: Name, type: int) -> Iterator[Link]:
        """One link for each alias, and one for what is at their end."""
        for _ in range(MAX_LINKS):
            found = find(reply.answer, name, type)
            alias = find(reply.answer, name, CNAME) if found is None else None
            if alias is None:
                rdatas, ttl = (found.rdatas, found.ttl) if found else ((), _absent(reply))
                yield Link(name, type, rdatas, None, reply.authentic, self._server, ttl)
                return
            target = cast(CnameRdata, alias.rdatas[0]).target
            yield Link(name, type, (), target, reply.authentic, self._server, alias.ttl)
            name = target
        raise RefusedError(Reason.NO_ANSWER, f"more than {MAX_LINKS} aliases, at {name}")

    def _life(self, reply: Reply) -> float:
        """Seconds until the first of the reply's signatures expires."""
        records: tuple[Records, ...] = (*reply.answer, *reply.authority)
        expirations = (signature.expiration for one in records for signature in one.sigs)
        return min((expiration - self._wall() for expiration in expirations), default=float("inf"))


def _absent(reply: Reply) -> int:
    """For how long an absence may be held (RFC 2308 §5)."""
    soa = next(of_type(reply.authority, SOA), None)
    return min(soa.ttl, cast(SoaRdata, soa.rdatas[0]).minimum) if soa else 0
