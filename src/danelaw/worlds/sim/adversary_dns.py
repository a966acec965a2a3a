"""What may happen to the DNS: its authorities and the zone. One class for each thing, as scenario files name it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from hashlib import sha256, sha512
from typing import Annotated, Literal

import dns.name
import msgspec

from danelaw.core.model import Absence, DanelawError, RRset
from danelaw.core.tlsa import Combination, associate, from_spki
from danelaw.worlds.sim.adversary import Event, Stage, Undo, foreign_chain
from danelaw.worlds.sim.service import Address
from danelaw.worlds.sim.world import AAAA, HOST, TLSA, TLSA_OWNER, A
from danelaw.worlds.sim.zone import CNAME, DNSKEY, Authority, Content

# -- authorities ------------------------------------------------------------------------------------------------------


class Silence(Event, tag="silence", frozen=True):
    """An authority does not answer."""

    server: int = 2

    def strike(self, stage: Stage) -> Undo:
        authority = stage.authority(self.server)
        authority.silent = True
        return partial(setattr, authority, "silent", False)


class Freeze(Event, tag="freeze", frozen=True):
    """A secondary picks up nothing new."""

    server: int = 2

    def strike(self, stage: Stage) -> Undo:
        authority = stage.authority(self.server)
        authority.frozen = True
        return partial(_thaw, stage, authority)


class Restore(Event, tag="restore", frozen=True):
    """A secondary returns with the zone as it was ``back`` versions ago, and picks up nothing until it is undone.

    ``harmless``: only those versions count under which nobody is refused as things stand.
    """

    server: int = 2
    back: Annotated[int, msgspec.Meta(ge=1)] = 1
    harmless: bool = False

    def strike(self, stage: Stage) -> Undo:
        authority = stage.authority(self.server)
        older = [version for version in stage.versions if version.serial < authority.content.serial]
        if self.harmless:
            older = [version for version in older if _harmless(stage, version)]
        if older:
            authority.content = older[max(0, len(older) - self.back)]
        authority.frozen = True
        return partial(_thaw, stage, authority)


def _harmless(stage: Stage, version: Content) -> bool:
    """An address that it brings back, its clients may look up with the records of any other authority."""
    addresses = stage.world.servers.addresses
    returning = [address for address in addresses if address.left and _names(version, address)]
    others = (authority.content for authority in stage.world.zone.authorities)
    return (
        bool(version.dnskeys)
        and stage.matched(version, addresses)
        and all(stage.matched(other, returning) for other in others)
    )


def _names(version: Content, address: Address) -> bool:
    found = (version.led_to(HOST, type) for type in (A, AAAA))
    return any(address.ip.packed in rrset.rdatas for rrset in found if rrset is not None)


class Lag(Event, tag="lag", frozen=True):
    """From now on a secondary is so many seconds late."""

    seconds: Annotated[float, msgspec.Meta(ge=0)]
    server: int = 2

    def strike(self, stage: Stage) -> Undo:
        authority = stage.authority(self.server)
        before, authority.lag = authority.lag, self.seconds
        return partial(setattr, authority, "lag", before)


def _thaw(stage: Stage, authority: Authority) -> None:
    authority.frozen = False
    primary = stage.world.zone.authorities[0].content
    if primary.serial > authority.content.serial:
        authority.content = primary


# -- the zone ---------------------------------------------------------------------------------------------------------


class IdleZoneReload(Event, tag="idle-zone-reload", frozen=True):
    """Reloads of the primary do nothing, silently."""

    def strike(self, stage: Stage) -> Undo:
        stage.world.zone.idle_reload = True

        def undo() -> None:
            stage.world.zone.idle_reload = False
            stage.world.zone.reload()

        return undo


class LoseReply(Event, tag="lose-reply", frozen=True):
    """The next write to the zone takes effect, and its reply is lost."""

    def strike(self, stage: Stage) -> Undo:
        stage.world.zone.lose_reply = True
        return partial(setattr, stage.world.zone, "lose_reply", False)


class DelayUpdate(Event, tag="delay-update", frozen=True):
    """The next update is on its way for so many seconds, and no reply comes."""

    seconds: Annotated[float, msgspec.Meta(gt=0)]

    def strike(self, stage: Stage) -> Undo:
        stage.world.zone.delay = self.seconds
        return partial(setattr, stage.world.zone, "delay", 0.0)


class Edit(Event, tag="edit", frozen=True):
    """Somebody else edits the TLSA records.

    Each of ``add`` and ``remove`` is like ``3 1 1 serving``: parameters and whose key or certificate: that which is
    ``serving``, the ``newest`` one of the store, a ``foreign`` one, or the digest of ``nothing``. ``remove_all`` comes
    first.
    """

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    remove_all: bool = False

    def strike(self, stage: Stage) -> None:
        zone = stage.world.zone
        current = zone.source.led_to(TLSA_OWNER, TLSA)
        owner = current.owner if current is not None else TLSA_OWNER
        rdatas = frozenset() if current is None or self.remove_all else current.rdatas
        rdatas = (rdatas | {_record(stage, text) for text in self.add}) - {_record(stage, t) for t in self.remove}
        ttl = current.ttl if current is not None else stage.world.ttl
        zone.write(owner, TLSA, RRset(owner, TLSA, ttl, rdatas) if rdatas else Absence(owner, TLSA, ttl))


class Alias(Event, tag="alias", frozen=True):
    """The TLSA ``records``, or the ``host``, become an alias of another name in the zone, to which what is there now is
    copied. What an alias led to before stays as it is."""

    of: Literal["records", "host"] = "records"
    to: str = "elsewhere"

    def strike(self, stage: Stage) -> None:
        zone = stage.world.zone
        owner, types = (TLSA_OWNER, (TLSA,)) if self.of == "records" else (HOST, (A, AAAA))
        target = dns.name.from_text(self.to, zone.apex)
        moved = [found for type in types if (found := zone.source.led_to(owner, type)) is not None]
        rrsets = {key: rrset for key, rrset in zone.source.rrsets.items() if key[0] != owner}
        rrsets |= {(target, found.type): replace(found, owner=target) for found in moved}
        zone.source = replace(zone.source, rrsets=rrsets)
        ttl = stage.world.ttl
        zone.write(owner, CNAME, RRset(owner, CNAME, ttl, frozenset({target.to_digestable()})))


class Unsign(Event, tag="unsign", frozen=True):
    """The zone is imported again, without its signatures."""

    def strike(self, stage: Stage) -> None:
        zone = stage.world.zone
        zone.source = replace(zone.source, signing=frozenset())
        zone.write(zone.apex, DNSKEY, Absence(zone.apex, DNSKEY, zone.minimum))


def _record(stage: Stage, text: str) -> bytes:
    """The rdata of a record as ``Edit`` names it."""
    written, _, whose = text.rpartition(" ")
    combination = Combination.from_text(written)
    generations = stage.world.credentials.generations
    match whose:
        case "serving":
            path = stage.world.servers.path
            if path is None:
                raise DanelawError("SCENARIO_INVALID", f"{text!r}: nothing is served yet")
            return associate(combination, path.chain).to_rdata()
        case "newest":
            newest = generations[max(generations)]
            made = associate(combination, newest.chain) if newest.chain else from_spki(combination, newest.spki)
            return made.to_rdata()
        case "foreign":
            return associate(combination, foreign_chain(stage)).to_rdata()
        case "nothing":
            digests = {1: sha256().digest(), 2: sha512().digest()}
            parameters = (combination.usage, combination.selector, combination.mtype)
            return bytes(parameters) + digests.get(combination.mtype, b"")
        case _:
            raise DanelawError(
                "SCENARIO_INVALID",
                f"{text!r} does not say whose record that is",
                hint="write it as '3 1 1 serving', '3 1 1 newest', '3 1 1 foreign' or '3 1 1 nothing'",
            )
