"""``danelaw waive``: an address is not waited for, for a time."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import click

from danelaw.core.model import IP, DanelawError
from danelaw.core.model.instants import rfc3339, to_second
from danelaw.core.rollover.lookups import service_addresses
from danelaw.core.rollover.planner import DesiredZone
from danelaw.core.rollover.waivers import waivers
from danelaw.core.rollover.words import Waived
from danelaw.faces.cli import saying, terminal
from danelaw.faces.cli.configured import of_one_subject
from danelaw.faces.cli.saying import Case
from danelaw.faces.cli.terminal import Ink

MOST: Final = timedelta(days=366)


@click.command()
@of_one_subject
@click.argument("address")
@click.option("--for", "length", metavar="TIME", help="How long: 36h, 14d, 8w; 366 days at the most.")
@click.option("--reason", metavar="TEXT", help="Why: status and history show it.")
@click.option("--undo", is_flag=True, help="Take it back: the address is waited for again.")
def waive(
    service: str,
    address: str,
    named: Path | None,
    length: str | None,
    reason: str | None,
    *,
    undo: bool,
    json_form: bool,
) -> None:
    """Do not wait for ADDRESS, for a time.

    Of a zone, it is a name server that is gone for good, or cannot be asked. Of a service, it is a server that cannot
    be probed from here; one that answers counts all the same. Clients that are led there may be refused: you vouch for
    it. The last of its kind is waited for, whatever you say: nothing would be known without it.

    Exit status: 0 it is recorded; 2 it is not.
    """
    terminal.need_output()
    if undo == (length is not None):
        raise click.UsageError("say either --for how long, or --undo")
    why = saying.reason(reason, needed=not undo)
    ip = _address(address)
    lasts = saying.holding(length, MOST) if length is not None else timedelta(0)

    async def work(case: Case) -> None:
        known = _known(case)
        _require(case, ip, known, undo=undo)
        word = Waived(case.now, case.subject, ip, case.now + lasts, saying.who(), why)
        case = await case.say(word)
        alone = not undo and not known - waivers(case.facts, case.subject, case.now).keys()
        if json_form:
            when = {"address": str(ip), "at": rfc3339(word.at), "until": rfc3339(word.until), "by": word.by}
            saying.as_json(case, {"word": "waive", "undo": undo, **when, "reason": why, "without_effect": alone})
            return
        terminal.show(Ink(case.subject, bold=True), "  waits for " if undo else "  does not wait for ", str(ip))
        if not undo:
            saying.line("until", to_second(word.until))
        if alone:
            saying.line("but", "no other address is known, and one of each kind is always waited for")
        saying.follow_up(case)

    saying.about(named, service, work)


def _address(text: str) -> IP:
    try:
        return ip_address(text)
    except ValueError as error:
        raise DanelawError("BAD_ADDRESS", f"{text!r} is no address", evidence=str(error), hint="write an IP") from error


def _require(case: Case, ip: IP, known: frozenset[IP], *, undo: bool) -> None:
    """What is taken back was said before, and what is said is of an address that there is."""
    before = waivers(case.facts, case.subject, case.now)
    if undo and ip not in before:
        held = f"waived are {', '.join(map(str, before))}" if before else "none is"
        raise DanelawError("NOT_WAIVED", f"{ip} is not waived for {case.subject}", evidence=held)
    if not undo and ip not in known:
        raise DanelawError(
            "ADDRESS_UNKNOWN",
            f"{ip} is no address of {case.subject}",
            evidence=f"known are {', '.join(sorted(map(str, known)))}" if known else "none is known yet",
            hint=f"danelaw status {case.subject}",
        )


def _known(case: Case) -> frozenset[IP]:
    """The authorities of a zone; the addresses at which clients may look for a service."""
    desired = case.desired
    if isinstance(desired, DesiredZone):
        rosters = case.facts.rosters(desired.zone)
        return rosters[-1].servers if rosters else frozenset()
    mine = (one for one in case.subjects.reach.endpoints if one.service == case.subject)
    limits = case.config.limits
    return frozenset(ip for one in mine for ip in service_addresses(case.facts, one, case.now, limits))
