"""What may happen to the service, to its CA and to the runner. One class for each thing, as scenario files name it."""

from __future__ import annotations

from functools import partial
from ipaddress import ip_address
from typing import Annotated, Literal

import msgspec

from danelaw.core.model import Absence, RRset
from danelaw.worlds.sim.adversary import Event, Stage, Undo, by_hand, foreign_chain
from danelaw.worlds.sim.service import Address
from danelaw.worlds.sim.world import AAAA, HOST, A

# -- the service ------------------------------------------------------------------------------------------------------


class IdleReload(Event, tag="idle-reload", frozen=True):
    """Reloads of the service do nothing, silently."""

    def strike(self, stage: Stage) -> Undo:
        servers = stage.world.servers
        servers.idle_reload = True

        def undo() -> None:
            servers.idle_reload = False

        return undo


class Stick(Event, tag="stick", frozen=True):
    """No reload reaches an address."""

    address: int = 2

    def strike(self, stage: Stage) -> Undo:
        address = stage.address(self.address)
        address.stuck = True
        return partial(setattr, address, "stuck", False)


class Deaf(Event, tag="deaf", frozen=True):
    """An address does not answer our probes, and serves everybody else."""

    address: int = 2

    def strike(self, stage: Stage) -> Undo:
        address = stage.address(self.address)
        address.silent = True
        return partial(setattr, address, "silent", False)


class DelaySwitch(Event, tag="delay-switch", frozen=True):
    """The next switch takes effect after so many seconds, and no reply comes."""

    seconds: Annotated[float, msgspec.Meta(gt=0)]

    def strike(self, stage: Stage) -> Undo:
        stage.world.servers.delay = self.seconds
        return partial(setattr, stage.world.servers, "delay", 0.0)


class Restart(Event, tag="restart", frozen=True):
    """Somebody restarts the server: an address presents what lies on the serving path."""

    address: int = 2

    def strike(self, stage: Stage) -> None:
        path = stage.world.servers.path
        if path is not None:
            stage.address(self.address).chain = path.chain


class Revert(Event, tag="revert", frozen=True):
    """An address goes back to the chain that it presented ``back`` chains ago, as from a restored image."""

    address: int = 2
    back: Annotated[int, msgspec.Meta(ge=1)] = 1

    def strike(self, stage: Stage) -> Undo:
        address = stage.address(self.address)
        before = [chain for chain in stage.chains if chain != address.chain]
        if before:
            address.chain = before[max(0, len(before) - self.back)]
        return partial(Restart(address=self.address).strike, stage)


class RemoveAddress(Event, tag="remove-address", frozen=True):
    """An address leaves the DNS. Clients that keep it still come, and are served; no reload reaches it any more."""

    address: int = 2

    def strike(self, stage: Stage) -> None:
        address = stage.address(self.address)
        address.stuck = address.left = True
        _write_addresses(stage, [a for a in _listed(stage) if a != str(address.ip)])


class AddAddress(Event, tag="add-address", frozen=True):
    """Another server is put into the DNS, with the chain that is ``serving``, a ``foreign`` one, or ``none``."""

    ip: str = "192.0.2.81"
    chain: Literal["serving", "foreign", "none"] = "serving"

    def strike(self, stage: Stage) -> None:
        path = stage.world.servers.path
        chains = {"serving": path.chain if path else None, "foreign": foreign_chain(stage), "none": None}
        stage.world.servers.addresses.append(Address(ip_address(self.ip), chains[self.chain]))
        _write_addresses(stage, [*_listed(stage), self.ip])


def _listed(stage: Stage) -> list[str]:
    found = [stage.world.zone.source.rrsets.get((HOST, type)) for type in (A, AAAA)]
    return [str(ip_address(rdata)) for rrset in found if rrset for rdata in sorted(rrset.rdatas)]


def _write_addresses(stage: Stage, addresses: list[str]) -> None:
    zone = stage.world.zone
    for type, version in ((A, 4), (AAAA, 6)):
        rdatas = frozenset(ip.packed for text in addresses if (ip := ip_address(text)).version == version)
        current = zone.source.rrsets.get((HOST, type))
        if rdatas != (current.rdatas if current is not None else frozenset()):
            ttl = stage.world.ttl
            zone.write(HOST, type, RRset(HOST, type, ttl, rdatas) if rdatas else Absence(HOST, type, ttl))


class ForeignRenewal(Event, tag="foreign-renewal", frozen=True):
    """Somebody renews as certbot does: a new key, served at once; no record is published, unless ``publish``."""

    publish: bool = False

    def strike(self, stage: Stage) -> None:
        if by_hand(stage.naive.renew()) and self.publish:
            by_hand(stage.naive.append_record())


# -- the CA, and the runner -------------------------------------------------------------------------------------------


class RefuseOrders(Event, tag="refuse-orders", frozen=True):
    """The CA does not answer."""

    def strike(self, stage: Stage) -> Undo:
        stage.world.ca.refusing = True
        return partial(setattr, stage.world.ca, "refusing", False)


class SuggestRenewal(Event, tag="suggest-renewal", frozen=True):
    """The CA wants every certificate to be renewed now."""

    def strike(self, stage: Stage) -> None:
        stage.world.ca.suggest_renewal()


class Request(Event, tag="request", frozen=True):
    """The operator asks for another key."""

    emergency: bool = False

    def strike(self, stage: Stage) -> None:
        stage.handler.request(emergency=self.emergency)


class Kill(Event, tag="kill", frozen=True):
    """The runner dies, wherever it is, and is started again."""

    def strike(self, stage: Stage) -> None:
        stage.handler.die()


class Sleep(Event, tag="sleep", frozen=True):
    """The runner does nothing for so many seconds, once its pass has ended."""

    seconds: Annotated[float, msgspec.Meta(gt=0)]

    def strike(self, stage: Stage) -> None:
        stage.handler.sleep(self.seconds)


class LoseStore(Event, tag="lose-store", frozen=True):
    """The runner's store is lost, and the next one begins with none."""

    def strike(self, stage: Stage) -> None:
        stage.handler.lose_store()


class RestoreStore(Event, tag="restore-store", frozen=True):
    """The runner's store is put back as it was when the story began."""

    def strike(self, stage: Stage) -> None:
        stage.handler.restore_store()


class StepClock(Event, tag="step-clock", frozen=True):
    """The clock of the runner's host is set forward so many seconds, or back."""

    seconds: float

    def strike(self, stage: Stage) -> Undo:
        stage.handler.step_clock(self.seconds)
        return partial(stage.handler.step_clock, -self.seconds)
