"""``danelaw zone roll``: other keys for a zone, step by step, while nobody finds it bogus."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from dns.rdatatype import RdataType

from danelaw import wiring
from danelaw.app.zone_place import placed as at_files
from danelaw.app.zone_roll import Wish, read_wish
from danelaw.app.zone_sections import FileZoneConfig
from danelaw.core.dnssec.key_choice import KeyRole, algorithm_for_new_keys
from danelaw.core.dnssec.signing_times import SigningTimes
from danelaw.core.model import DanelawError, Limits, domain_name
from danelaw.core.rollover.actions import Receipt, SubmitDS
from danelaw.core.rollover.doubts import LOOKUP_FAILED
from danelaw.core.rollover.facts import RequestedZoneRoll
from danelaw.core.rollover.planner import Plan, Settled, Wait
from danelaw.core.rollover.progress import Progress
from danelaw.core.rollover.zone_rolls import RollKind
from danelaw.core.rollover.zone_timetable import ZoneTTLs, timetable
from danelaw.faces.cli import interruption, terminal
from danelaw.faces.cli.arguments import forwarder, server
from danelaw.faces.cli.zone import roll_telling
from danelaw.faces.cli.zone.roll_telling import Teller
from danelaw.faces.cli.zone.work import Found, Where, find, located
from danelaw.ports import LastingStore

_BY: Final = "danelaw zone roll"


@click.command()
@click.argument("zone")
@located
@click.option("--zsk", is_flag=True, help="Another ZSK, which signs the records.")
@click.option("--ksk", is_flag=True, help="Another KSK, which signs the keys; the DS changes.")
@click.option("--csk", is_flag=True, help="Another CSK, one key that signs everything; the DS changes.")
@click.option("--algorithm", "-a", metavar="ALG", help="Keys of this algorithm instead of all others.")
@click.option("--anew", is_flag=True, help="Make another key, also where the zone has two and is between them.")
@click.option("--plan", "only_plan", is_flag=True, help="Say what would be done, and when at the earliest.")
@click.option(
    "--server",
    "servers",
    multiple=True,
    metavar="IP[@PORT]",
    help="Who serves the zone, instead of every address that the DNS has for it.",
)
@click.option(
    "--resolver",
    "resolvers",
    multiple=True,
    metavar="IP[@PORT]",
    help="Whom to ask, also tls://IP or https://HOST/PATH#IP. The system's if not given.",
)
@click.option("--json", "json_form", is_flag=True, help="Give the result as JSON.")
def roll(
    zone: str,
    algorithm: str | None,
    servers: tuple[str, ...],
    resolvers: tuple[str, ...],
    *,
    zsk: bool,
    ksk: bool,
    csk: bool,
    anew: bool,
    only_plan: bool,
    json_form: bool,
    **place: Any,
) -> None:
    """Give ZONE other keys, while it stays signed and valid for everybody all the time.

    Each step is taken as soon as no resolver can hold what it would break: every name server is asked what it serves,
    each by itself. That takes days where nothing is known of what was served before, so leave it running; when it is
    interrupted the zone stays as it is, and the same command goes on. The keys are those in DIR, and what each does is
    written into its files. What was seen is kept in the configuration's store, or beside the signed zone.

    The DS of a new KSK or CSK is for you to hand over: you are told when. With cds = true the zone asks for it itself.

    Exit status: 0 the new keys, and they alone, are in use; 2 something is wrong with what was given.
    """
    roles = {KeyRole.ZSK: zsk, KeyRole.KSK: ksk, KeyRole.CSK: csk}
    asked = [role for role, given in roles.items() if given]
    if len(asked) + (algorithm is not None) != 1:
        raise click.UsageError("which keys? --zsk, --ksk or --csk, or all of them by --algorithm")
    chosen = algorithm_for_new_keys(algorithm) if algorithm is not None else None
    where = _where(zone, servers, resolvers, json_form=json_form, **place)
    found = find(where, _by_options(where))
    if chosen is not None:
        found = Found(msgspec.structs.replace(found.zone, algorithm=chosen), found.config)
    keys = wiring.key_files(found.zone.keys).needed(found.zone.zone)
    now = wiring.clock().now()
    wish = read_wish(found.zone.zone, keys, asked[0] if asked else None, chosen, now, anew=anew)
    if not found.zone.signed.exists():
        raise DanelawError(
            "ZONE_NOT_SIGNED",
            f"{found.zone.zone} is not signed yet, so there is nothing to roll",
            evidence=f"{found.zone.signed} is not there",
            hint=f"danelaw zone sign {zone}",
        )
    limits = found.config.limits if found.config is not None else Limits()
    times = timetable(wish.kind, _ttls(found.zone), now, limits)
    terminal.need_output()
    if only_plan:
        if json_form:
            terminal.data(json.dumps(roll_telling.plan_json(found.zone.zone, wish, times), indent=2))
        else:
            roll_telling.plan(found.zone.zone, wish, times)
        return
    teller = Teller(found.zone.zone, quiet=json_form)
    person = Person(found.zone, teller)
    parents = {} if wish.kind is RollKind.ZSK else {found.zone.zone: person}
    world = wiring.open_world(parents)
    store = wiring.zone_store(found.zone, found.config, world.blocking)
    wired = wiring.zone_runner(
        found.zone,
        found.config,
        world,
        [forwarder(text) for text in resolvers],
        [server(text) for text in servers],
        store=store,
        as_before=found.config is None,
    )
    if not json_form:
        roll_telling.plan(found.zone.zone, wish, times)
    try:
        interruption.run(_to_the_end(carry_out(wired, found.zone, wish, teller), store))
    except KeyboardInterrupt:
        terminal.say(f"{found.zone.zone} stays as it is, signed and valid; the same command goes on.")
        raise
    keys = wiring.key_files(found.zone.keys).needed(found.zone.zone)
    if json_form:
        terminal.data(json.dumps(roll_telling.done_json(found.zone.zone, wish, keys, teller), indent=2))
    else:
        roll_telling.done(found.zone, keys, wiring.clock().now())


async def _to_the_end(work: Awaitable[None], store: LastingStore) -> None:
    try:
        await work
        await store.tend(wiring.clock().now())
    finally:
        await store.close()


async def carry_out(wired: wiring.Wired, zone: FileZoneConfig, wish: Wish, report: Callable[[Progress], None]) -> None:
    """Ask for what is wished, and let the runner work until all is as it should be."""
    if wish.role is not None:
        asked = RequestedZoneRoll(wish.at, zone.zone, wish.role, _BY)
        await wired.store.append(zone.subject, await wired.store.lease(zone.subject), asked)
    stop = asyncio.Event()

    def heard(progress: Progress) -> None:
        report(progress)
        if progress.ended is not None and _is_rolled(progress.ended.plan):
            stop.set()

    await wired.engine.watch(stop, heard)


def _is_rolled(found: Plan) -> bool:
    """Whether all is as it should be by what the servers of the zone and of its parent were seen to serve. That a
    resolver knows nothing of the zone changes nothing about its keys: it may be served to nobody yet."""
    if isinstance(found, Wait) and found.code == LOOKUP_FAILED:
        return isinstance(found.otherwise, Settled)
    return isinstance(found, Settled)


@dataclass(frozen=True, slots=True)
class Person:
    """``ports.Parent``: whoever sits in front of the terminal is told once, and the parent's servers are watched."""

    zone: FileZoneConfig
    teller: Teller

    async def submit_ds(self, change: SubmitDS) -> Receipt:
        self.teller.hand_over(change, by_cds=self.zone.cds)
        return Receipt(note="told to whoever rolls")


def _where(
    zone: str,
    servers: tuple[str, ...],
    resolvers: tuple[str, ...],
    *,
    json_form: bool,
    file: Path | None,
    keys: Path | None,
    signed: Path | None,
    reload: str | None,
    config: Path | None,
) -> Where:
    return Where(zone, file, keys, signed, reload, config, servers, resolvers, 0.0, None, json_form)


def _by_options(where: Where) -> Callable[[Path, Path], FileZoneConfig]:
    def read(file: Path, keys: Path) -> FileZoneConfig:
        if where.reload is None:
            raise click.UsageError("--reload is missing: what makes the name server load what each step signs")
        validity = SigningTimes().validity
        return at_files(domain_name(where.zone), file, keys, where.signed, where.reload, validity=validity)

    return read


def _ttls(zone: FileZoneConfig) -> ZoneTTLs:
    """As the signed file has them."""
    records = wiring.zone_records(zone.signed, zone.zone)
    keys = [record.ttl for record in records if record.type == RdataType.DNSKEY]
    return ZoneTTLs(max(keys, default=0), max((record.ttl for record in records), default=0), zone.ds_ttl)
