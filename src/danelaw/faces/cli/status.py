"""``danelaw status``: where every service stands, by what the last run has recorded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from danelaw import wiring
from danelaw.app.config import Config
from danelaw.app.standing import Standing, State, standing
from danelaw.core.model import SubjectName
from danelaw.core.notify.record import Failing
from danelaw.core.rollover.facts import Done
from danelaw.faces.cli import interruption, notify_telling, terminal
from danelaw.faces.cli.configured import chosen, found, of_configuration, recorded, store_of
from danelaw.faces.cli.status_telling import SCHEMA, standing_json, tell

_NOTHING: Final = (State.UNSEEN, State.UNKNOWN)


@click.command()
@of_configuration
def status(service: str | None, named: Path | None, *, json_form: bool) -> None:
    """Tell where every service stands, or SERVICE alone, by what the last run has recorded.

    What is published and presented, what is awaited, since when and until when at the earliest, the next command to
    type; certificates and their renewal; what is wrong. Asks nobody and changes nothing, so it is quick, and as new as
    the last run: "seen" says when that was.

    Exit status: 0 all is settled, or waits for nothing but time; 1 something is wrong; 2 the configuration or the store
    cannot be read; 3 nothing is known.
    """
    terminal.need_output()
    _, config = found(named)
    standings, ways = interruption.run(_read(config, service))
    now = wiring.clock().now()
    if json_form:
        told = {
            "schema": SCHEMA,
            "subjects": [standing_json(one) for one in standings],
            "notify": notify_telling.failing_json(ways),
        }
        terminal.data(json.dumps(told, indent=2))
    else:
        for place, one in enumerate(standings):
            if place:
                terminal.show()
            tell(one, now)
        notify_telling.tell(ways)
    raise click.exceptions.Exit(_status(standings))


async def _read(config: Config, service: str | None) -> tuple[Sequence[Standing], dict[str, Failing]]:
    wanted = chosen(config, service)
    subjects = wiring.subjects_of(config)
    store = store_of(config)
    try:
        known = recorded(config, subjects, store)
        now = wiring.clock().now()
        found: dict[SubjectName, Standing | None] = dict.fromkeys(wanted)
        for name in wanted:
            if found[name] is not None:
                continue
            facts, group = await known.around(name)
            for one in group.subjects:
                if one in found:
                    last = await store.history(one, limit=1, kinds=(Done,)) if store is not None else ()
                    done = last[0].fact if last and isinstance(last[0].fact, Done) else None
                    found[one] = standing(subjects.desired[one], facts, group.reach, now, config.limits, done)
        return [one for one in found.values() if one is not None], await notify_telling.failing(config)
    finally:
        if store is not None:
            await store.close()


def _status(standings: Sequence[Standing]) -> int:
    if any(one.trouble for one in standings):
        return 1
    return 3 if any(one.state in _NOTHING for one in standings) else 0
