"""What would fail at the CA and can be seen from here, before an order is made: a failed one counts at public CAs.

Only what is certain stops an order. What cannot be seen from here, the CA may see.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

import dns.rdatatype
from dns.name import Name

from danelaw.core.model import IP, ChallengeType, DanelawError, Security, Validated
from danelaw.ports import Resolver

_HATCH: Final = "if only this machine sees it so, set preflight = false in the challenge"


@dataclass(frozen=True, slots=True)
class Preflight:
    """``public``: the CA looks from the Internet. ``ready``: raises where no listener could answer a challenge.

    Raises ``DanelawError``: ``NAME_BOGUS``, ``NAME_WITHOUT_ADDRESS``, ``ADDRESSES_PRIVATE``, and what ``ready`` does.
    """

    resolver: Resolver
    challenge: ChallengeType
    public: bool = False
    ready: Callable[[], Awaitable[None]] | None = None

    async def check(self, names: Iterable[Name]) -> None:
        for name in names:
            if self.challenge is ChallengeType.DNS_01:
                # Not for the response itself: a resolver that the CA shares would remember that there is none.
                await self._asked(Name(name.labels[1:]) if name.is_wild() else name, dns.rdatatype.SOA)
            else:
                await self._addresses(name)
        if self.ready is not None:
            await self.ready()

    async def _addresses(self, name: Name) -> None:
        answers = [await self._asked(name, type) for type in (dns.rdatatype.A, dns.rdatatype.AAAA)]
        if None in answers:
            return
        found = sorted(
            (address(rdata) for answer in answers if answer and answer.rrset for rdata in answer.rrset.rdatas), key=str
        )
        if not found:
            raise DanelawError(
                "NAME_WITHOUT_ADDRESS",
                f"the CA would find no web server of {name}",
                evidence="there is neither an A nor an AAAA record",
                hint=f'publish its address, or use challenge = {{ type = "dns-01" }}; {_HATCH}',
            )
        if self.public and not any(ip.is_global for ip in found):
            raise DanelawError(
                "ADDRESSES_PRIVATE",
                f"no address of {name} can be reached from the Internet, where the CA is",
                evidence=", ".join(map(str, found)),
                hint=f'use challenge = {{ type = "dns-01" }}, or publish a public address; {_HATCH}',
            )

    async def _asked(self, name: Name, type: int) -> Validated | None:
        """The answer, where there is one that can be gone by."""
        try:
            answer = await self.resolver.resolve(name, int(type))
        except (DanelawError, TimeoutError):
            return None  # the CA has a resolver of its own
        if answer.state is Security.BOGUS:
            raise DanelawError(
                "NAME_BOGUS",
                f"what DNS says of {name} does not validate, and a CA that validates refuses it",
                evidence=f"{dns.rdatatype.to_text(dns.rdatatype.RdataType(type))} is bogus",
                hint=f"danelaw chain {name.to_text(omit_final_dot=True)} shows where it breaks; {_HATCH}",
            )
        return answer if answer.state in (Security.SECURE, Security.INSECURE) else None


def address(rdata: bytes) -> IP:
    return IPv4Address(rdata) if len(rdata) == 4 else IPv6Address(rdata)
