"""A foreign operator: renews the way that most people do, by hand or from cron, without asking what clients hold.

It is the article's own renewal: a new key and certificate (certbot's default), the web server reloaded at once, and
then the new TLSA record appended to the zone, which is signed and reloaded. The old record is never removed. It calls
the ports directly; neither the engine nor the gate hears of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

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
        generation = await self.credentials.make_key(self.lineage)
        chain = await self._certificate(generation)
        await self.credentials.complete(self.lineage, generation, chain)
        return await self.deployer.switch(Switch(self.lineage, self.host, generation, chain))

    async def append_record(self) -> Receipt:
        """``add_tlsa … >>zone; increment_soa; signzone; kill -HUP``, for the newest certificate."""
        newest = (await self.credentials.list(self.lineage))[-1]
        if newest.chain is None:
            raise DanelawError("NO_CERTIFICATE", "there is no certificate to publish")
        record = associate(self.combination, newest.chain).to_rdata()
        tlsa = int(dns.rdatatype.TLSA)
        new = RRset(self.owner, tlsa, self.ttl, frozenset({record}))
        found = await self.publisher.publish(Publish(self.zone, Absence(self.owner, tlsa, 0), new))
        if isinstance(found, Conflict) and isinstance(found.found, RRset):
            union = replace(new, rdatas=new.rdatas | found.found.rdatas)
            found = await self.publisher.publish(Publish(self.zone, found.found, union))
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
