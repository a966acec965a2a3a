"""What a small world is made of, as small numbers; they stand for the things of a ``Cast``."""

from __future__ import annotations

from typing import Final, NamedTuple

from danelaw.core.model import GenerationId

MOST_FORMER: Final = 3
"""So many versions of the past may come back."""
SERIAL: Final = 100
"""What the primary's serial is taken to be: all others are moved by as much."""


class Content(NamedTuple):
    """What a version of the zone says. ``tlsa``: an answer's number. ``site``: where the service's addresses lead."""

    tlsa: int
    site: int = 0


class Authority(NamedTuple):
    """``silent``: the runner gets no reply. ``stuck``: it picks up nothing. ``away``: for how many ticks by now."""

    serial: int
    content: Content
    silent: bool = False
    stuck: bool = False
    away: int = 0


class Server(NamedTuple):
    """``chain``: its number. ``away``: for how many ticks by now the runner cannot reach it, though clients can."""

    chain: int
    away: int = 0


class Generation(NamedTuple):
    """One of the credential store: the number of its key, from 1 on, and of its chain, once it has one."""

    key: int
    chain: int | None


class Flying(NamedTuple):
    """An action, by number, that is on its way; nobody got a reply."""

    action: int
    age: int


class Former(NamedTuple):
    """A version of the zone that was replaced. ``age``: for how many ticks it has not been visible anywhere."""

    serial: int
    content: Content
    age: int = 0


class Copy(NamedTuple):
    """A backup of the runner's store, taken so many ticks ago."""

    known: int
    age: int


class World(NamedTuple):
    """A state. ``path``: the generation on the serving path. ``former``: what the zone has been.

    ``caches``: each answer, and for how many ticks a client may still act on it; ``sites``: the addresses, likewise;
    ``left``: chains that servers have just left, likewise. ``known``: what the runner knows.
    """

    authorities: tuple[Authority, ...]
    servers: tuple[Server, ...]
    generations: tuple[Generation, ...]
    path: GenerationId
    caches: tuple[tuple[int, int], ...]
    sites: tuple[tuple[int, int], ...]
    left: tuple[tuple[int, int], ...]
    former: tuple[Former, ...]
    flying: Flying | None
    asleep: int
    copy: Copy | None
    budget: int
    known: int

    @property
    def on_path(self) -> int | None:
        """The chain that lies on the serving path."""
        return self.generations[self.path - 1].chain

    @property
    def left_alone(self) -> bool:
        """Whether nothing is amiss and nothing will be: from here on every tick is like the one before."""
        away = any(a.silent or a.stuck for a in self.authorities) or any(s.away for s in self.servers)
        return not (self.budget or away or self.flying or self.asleep or self.copy)

    @property
    def primary(self) -> Authority:
        return self.authorities[0]

    def with_authority(self, index: int, authority: Authority) -> World:
        return self._replace(authorities=(*self.authorities[:index], authority, *self.authorities[index + 1 :]))

    def with_server(self, index: int, server: Server) -> World:
        return self._replace(servers=(*self.servers[:index], server, *self.servers[index + 1 :]))

    def written(self, content: Content, serial: int | None = None) -> World:
        """The primary has another version of the zone, of the next serial if none is told."""
        primary = self.primary
        serial = primary.serial + 1 if serial is None else serial
        others = (version for version in self.former if version.serial != primary.serial)
        former = (*others, Former(primary.serial, primary.content))[-MOST_FORMER:]
        return self.with_authority(0, primary._replace(serial=serial, content=content))._replace(former=former)
