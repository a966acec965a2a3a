"""The clients of a small world: what they may hold, where they may go, and who is refused by whose doing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from danelaw.core.rollover.gate import says
from danelaw.core.tlsa import ClientKind, Fallback, client_kinds, combinations_of, refused
from danelaw.worlds.sim.explorer.cast import Cast
from danelaw.worlds.sim.explorer.scene import FOREIGN_KEY, NOW, Scene
from danelaw.worlds.sim.explorer.states import Content, World


@dataclass(frozen=True)
class Clients:
    scene: Scene
    cast: Cast
    _refused: dict[tuple[int, int], frozenset[ClientKind]] = field(default_factory=dict)

    # -- what they get ------------------------------------------------------------------------------------------

    def served(self, world: World) -> Iterator[Content]:
        """What clients get from the authorities.

        A secondary serves nothing that was replaced longer ago than the retention (SOA EXPIRE), unless it is seen to.
        """
        for i, it in enumerate(world.authorities):
            unseen = world.asleep or it.silent
            if i == 0 or not unseen or _age(world, it.serial, it.content) < self.scene.retention:
                yield it.content

    def fetched(self, world: World) -> World:
        """Caches ask every authority."""
        caches, sites = dict(world.caches), dict(world.sites)
        for tlsa, site in self.served(world):
            caches[tlsa] = sites[site] = self.scene.hold
        return world._replace(caches=tuple(sorted(caches.items())), sites=tuple(sorted(sites.items())))

    def answers(self, world: World) -> set[int]:
        """Every answer that some client may act on."""
        return {tlsa for tlsa, _ in world.caches} | {content.tlsa for content in self.served(world)}

    def chains(self, world: World) -> set[int]:
        """Every chain that some client is presented."""
        sites = {site for site, _ in world.sites} | {content.site for content in self.served(world)}
        return {world.servers[i].chain for site in sites for i in self.scene.site(site)}

    # -- what they make of it -----------------------------------------------------------------------------------

    def hurt_by_publication(self, world: World, old: int, new: int) -> str:
        """Who refuses because of the new answer, in words. Any server may be restarted by other hands meanwhile."""
        on_path = () if world.on_path is None else (world.on_path,)
        for chain in sorted({*self.chains(world), *(chain for chain, _ in world.left), *on_path}):
            if worse := self.refused(new, chain) - self.refused(old, chain):
                told = says(self.cast.answers[new])
                return f"{told} is published, and {self._called(chain)} is presented: {len(worse)} kinds"
        return ""

    def hurt_by_switch(self, world: World, new: int) -> str:
        """Who refuses because of the new chain, in words."""
        for chain in sorted(self.chains(world)):
            for answer in sorted(self.answers(world)):
                if worse := self.refused(answer, new) - self.refused(answer, chain):
                    told = says(self.cast.answers[answer])
                    return f"clients hold {told}, and it switches from {self._called(chain)}: {len(worse)} kinds"
        return ""

    def violated(self, world: World) -> bool:
        """Whether some client is refused now, by whatever cause."""
        return any(
            kind.fallback is Fallback.PKIX
            for answer in self.answers(world)
            for chain in self.chains(world)
            for kind in self.refused(answer, chain)
        )

    def refused(self, answer: int, chain: int) -> frozenset[ClientKind]:
        """The kinds of client that refuse a chain with an answer in their hands."""
        key = (answer, chain)
        found = self._refused.get(key)
        if found is None:
            held = self.cast.answers[answer]
            kinds = client_kinds(frozenset(self.scene.combinations) | combinations_of(held))
            reference, skew = self.scene.reference, self.scene.limits.clock_skew
            found = frozenset(refused(held, self.cast.chains[chain], NOW, reference, kinds, skew))
            self._refused[key] = found
        return found

    def _called(self, number: int) -> str:
        chain = self.cast.chains[number]
        for key in (*range(1, 7), FOREIGN_KEY):
            if chain in (self.scene.chain(key, n) for n in range(1, 4)):
                return "a foreign chain" if key == FOREIGN_KEY else f"a chain of key {key}"
        return "a chain"


def _age(world: World, serial: int, content: Content) -> int:
    return next((version.age for version in world.former if version[:2] == (serial, content)), 0)
