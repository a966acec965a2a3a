"""The stage of a story, and what it takes for something to happen on it.

An event knows how to ``strike``, and gives what undoes it, where that can be undone. Servers are counted from 1, as
people count; among authorities 1 is the primary.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Protocol, TypeAlias, TypeVar

import msgspec

from danelaw.core.model import Chain, DanelawError
from danelaw.core.tlsa import associate
from danelaw.worlds.naive import NaiveOperator
from danelaw.worlds.sim.service import Address, issue
from danelaw.worlds.sim.world import HOST, TLSA, TLSA_OWNER, SimWorld
from danelaw.worlds.sim.zone import Authority, Content

T = TypeVar("T")

Undo: TypeAlias = Callable[[], object]

FOREIGN: Final = 500_000
"""The number that the key of a foreign operator is derived from."""


class Handler(Protocol):
    """Who drives the runner, and can do to it what happens to processes and their clocks."""

    def die(self) -> None:
        """It dies here and now, and the next one starts with the same store."""
        ...

    def sleep(self, seconds: float) -> None: ...
    def lose_store(self) -> None: ...
    def restore_store(self) -> None:
        """Go on with the store as it was when the story began."""
        ...

    def step_clock(self, seconds: float) -> None: ...
    def request(self, *, emergency: bool) -> None: ...


@dataclass(slots=True)
class Stage:
    """A world in which a story is played. ``versions`` of the zone and ``chains`` that were presented: oldest first."""

    world: SimWorld
    handler: Handler
    naive: NaiveOperator
    versions: list[Content] = field(default_factory=list)
    chains: list[Chain] = field(default_factory=list)

    def remember(self) -> None:
        """Keep what is there now, to bring it back later."""
        if self.world.zone.source not in self.versions:
            self.versions.append(self.world.zone.source)
        for address in self.world.servers.addresses:
            if address.chain is not None and address.chain not in self.chains:
                self.chains.append(address.chain)

    def matched(self, version: Content, addresses: Iterable[Address]) -> bool:
        """Whether its records name what is presented at each of the addresses."""
        records = version.led_to(TLSA_OWNER, TLSA)
        return all(
            records is not None
            and address.chain is not None
            and associate(self.naive.combination, address.chain).to_rdata() in records.rdatas
            for address in addresses
        )

    def authority(self, number: int) -> Authority:
        return self._numbered(self.world.zone.authorities, number, "authorities")

    def address(self, number: int) -> Address:
        return self._numbered(self.world.servers.addresses, number, "service addresses")

    def _numbered(self, of: list[T], number: int, what: str) -> T:
        if not 0 < number <= len(of):
            raise DanelawError("SCENARIO_INVALID", f"there are {len(of)} {what}, and no number {number}")
        return of[number - 1]


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do"):
    """When it happens: ``at`` so many seconds after the story began, or around the ``nth`` action of a kind, or when a
    wait of a code is first told; then ``later`` seconds more. ``lasts``: it is undone after so many seconds.

    ``optional``: the story may end without it. ``harms``: it is done by other hands, and of such a kind
    that clients may be refused because of it alone; those are counted apart.
    """

    at: float | None = None
    before: str | None = None
    after: str | None = None
    waiting: str | None = None
    nth: Annotated[int, msgspec.Meta(ge=1)] = 1
    later: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    lasts: Annotated[float, msgspec.Meta(gt=0)] | None = None
    optional: bool = False
    harms: bool = False


def foreign_chain(stage: Stage) -> Chain:
    return issue(FOREIGN, (HOST,), stage.world.clock.now(), stage.world.ca.lifetime)


def at_once(deed: Coroutine[Any, Any, object]) -> None:
    """Do what never suspends, as no simulated port does."""
    try:
        deed.send(None)
    except StopIteration:
        return
    raise AssertionError("a simulated port was waited for")


def by_hand(deed: Coroutine[Any, Any, object]) -> bool:
    """Whether it was not refused. Whoever hears nothing takes it for done."""
    try:
        at_once(deed)
    except TimeoutError:
        return True
    except DanelawError:
        return False
    return True
