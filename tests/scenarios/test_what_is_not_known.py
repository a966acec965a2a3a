"""Where too little is known, or something stands in the way that is not handled yet, the runner waits and says why."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from virtual import LAB_LIMITS, SERVICE, Runner, engine

from danelaw.adapters.store.memory import MemoryStore
from danelaw.app.toolbox import Toolbox
from danelaw.core.rollover.actions import Conflict, Publish, Receipt
from danelaw.worlds.sim.world import TLSA, TLSA_OWNER, ZONE, SimWorld
from danelaw.worlds.sim.zone import Content, SimPublisher


def test_a_host_without_an_address_is_neither_switched_nor_published() -> None:
    world = SimWorld()
    empty = Content(world.zone.source.serial, {})
    world.zone.source = empty
    for authority in world.zone.authorities:
        authority.content = empty
    runner = Runner(world, engine(world))
    runner.run_until_waiting("NO_ADDRESS")
    assert "Switch" not in runner.actions
    assert (TLSA_OWNER, TLSA) not in world.zone.source.rrsets


@dataclass
class Asking:
    """Asks the store, before it publishes, whether anybody would know of it later."""

    publisher: SimPublisher
    store: MemoryStore
    known: list[bool] = field(default_factory=list)

    async def publish(self, change: Publish) -> Receipt | Conflict:
        facts = await self.store.facts(SERVICE)
        self.known.append(any(deed.action == change and deed.done is None for deed in facts.deeds))
        return await self.publisher.publish(change)


def test_what_is_begun_is_written_down_before_it_is_done() -> None:
    """A runner that is killed in between leaves its intent to the next."""
    world = SimWorld()
    store = MemoryStore(LAB_LIMITS.max_gap)
    asking = Asking(world.publisher, store)

    def wrap(tools: Toolbox) -> Toolbox:
        return replace(tools, publishers={ZONE: asking})

    Runner(world, engine(world, store, wrap=wrap)).settle()
    assert asking.known == [True]
