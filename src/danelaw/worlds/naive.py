"""Foreign operators: they renew the way that people do, by hand or from cron, without asking what clients hold.

``NaiveOperator`` is the article's own renewal: a new key and certificate (certbot's default), the web server reloaded
at once, and then the new TLSA record appended to the zone, which is signed and reloaded. The old record is never
removed. ``BlindOperator`` has learnt to stage it, and looks at no server but its own. Both call the ports directly;
neither the engine nor the gate hears of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import dns.rdatatype
from dns.name import Name

from danelaw.core.model import (
    Absence,
    Chain,
    DanelawError,
    GenerationId,
    HostName,
    Issued,
    Lineage,
    NeedChallenge,
    OrderState,
    Pending,
    RRset,
)
from danelaw.core.rollover.actions import Conflict, Publish, Receipt, Switch
from danelaw.core.tlsa import Combination, associate
from danelaw.ports import Clock, Credentials, Deployer, Issuer, Publisher, Solver


@dataclass(frozen=True, slots=True)
class NaiveOperator:
    """What it takes to renew one service's certificate with http-01, and no more."""

    clock: Clock
    credentials: Credentials
    issuer: Issuer
    solver: Solver
    deployer: Deployer
    publisher: Publisher
    lineage: Lineage
    host: HostName
    names: tuple[Name, ...]
    zone: Name
    owner: Name
    combination: Combination
    ttl: int

    async def renew(self) -> Receipt:
        """``certbot renew``, with the reload that its deploy hook does."""
        await self.obtain()
        return await self.switch()

    async def obtain(self) -> None:
        """A new key, and a certificate for it, that nobody presents yet."""
        generation = await self.credentials.make_key(self.lineage)
        chain = await self._certificate(generation)
        await self.credentials.complete(self.lineage, generation, chain)

    async def switch(self) -> Receipt:
        """Present the newest certificate."""
        newest, chain = await self._newest()
        return await self.deployer.switch(Switch(self.lineage, self.host, newest, chain))

    async def append_record(self) -> Receipt:
        """``add_tlsa … >>zone; increment_soa; signzone; kill -HUP``, for the newest certificate."""
        return await self._publish(keep=True)

    async def replace_record(self) -> Receipt:
        """As who has a tool that holds one record: every record but that of the newest certificate goes."""
        return await self._publish(keep=False)

    async def _newest(self) -> tuple[GenerationId, Chain]:
        newest = (await self.credentials.list(self.lineage))[-1]
        if newest.chain is None:
            raise DanelawError("NO_CERTIFICATE", "there is no certificate to publish")
        return newest.generation, newest.chain

    async def _publish(self, *, keep: bool) -> Receipt:
        """The record of the newest certificate; ``keep``: beside those that are there."""
        record = associate(self.combination, (await self._newest())[1]).to_rdata()
        tlsa = int(dns.rdatatype.TLSA)
        new = RRset(self.owner, tlsa, self.ttl, frozenset({record}))
        found = await self.publisher.publish(Publish(self.zone, Absence(self.owner, tlsa, 0), new))
        if isinstance(found, Conflict) and isinstance(found.found, RRset):
            wanted = replace(new, rdatas=new.rdatas | found.found.rdatas) if keep else new
            found = await self.publisher.publish(Publish(self.zone, found.found, wanted))
        if isinstance(found, Conflict):
            raise DanelawError("ZONE_CHANGED", "the zone file changed under the editor")
        return found

    async def _certificate(self, generation: GenerationId) -> Chain:
        csr = await self.credentials.csr(self.lineage, generation, self.names)
        step = await self.issuer.advance(OrderState(self.names), csr)
        while not isinstance(step, Issued):
            order = step.order
            if isinstance(step, NeedChallenge):
                for challenge in step.challenges:
                    await self.solver.place(challenge)
                order = replace(order, placed=order.placed | {c.url for c in step.challenges})
            elif isinstance(step, Pending):
                await self.clock.sleep_until(step.until)
            else:
                raise DanelawError("ORDER_FAILED", f"the CA refused: {step.code}", evidence=step.detail)
            step = await self.issuer.advance(order, csr)
        return step.chain


@dataclass(frozen=True, slots=True)
class BlindOperator(NaiveOperator):
    """Publishes the new record beside the old one, waits, switches, withdraws: RFC 7671 §8.1, but for one thing.

    The wait is counted from when its own primary has the record. What the other authorities serve it does not ask.
    """

    async def wait(self) -> None:
        """Two TTLs."""
        await self.clock.sleep_until(self.clock.now() + timedelta(seconds=2 * self.ttl))

    async def withdraw(self) -> Receipt:
        """Take away every record but that of the newest certificate."""
        return await self.replace_record()
