"""``danelaw plan``: what a run would do next, looked at as a run does, and not done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import click

from danelaw import wiring
from danelaw.app.config import Config
from danelaw.app.foresight import Foreseen, foresee
from danelaw.app.standing import ails
from danelaw.core.model import Limits
from danelaw.core.model.instants import rfc3339
from danelaw.core.rollover.gate import Refused
from danelaw.core.rollover.planner import Settled, Wait
from danelaw.faces.cli import interruption, terminal, words
from danelaw.faces.cli.configured import chosen, found, of_configuration, recorded, store_of
from danelaw.faces.cli.run_telling import plan_json
from danelaw.faces.cli.terminal import Ink

SCHEMA: Final = "danelaw/plan/1"


@click.command()
@of_configuration
def plan(service: str | None, named: Path | None, *, json_form: bool) -> None:
    """Say what comes next for every service, or for SERVICE alone, and what the gate says to it.

    Looks at the name servers, the servers and the CA as a run does, with what is recorded so far. Does nothing, and
    records nothing, what it has seen included: only a run vouches for what it sees.

    Exit status: 0 good; 1 clients are refused, or somebody has to do something; 2 the configuration is wrong; 3
    something could not be looked at; 4 the gate refuses the next step.
    """
    terminal.need_output()
    _, config = found(named)
    seen = interruption.run(_look(config, service))
    if json_form:
        told = [foreseen_json(one, config.limits) for one in seen]
        terminal.data(json.dumps({"schema": SCHEMA, "subjects": told}, indent=2))
    else:
        for one in seen:
            tell(one)
    raise click.exceptions.Exit(_status(seen, config.limits))


async def _look(config: Config, service: str | None) -> list[Foreseen]:
    wanted = chosen(config, service)
    store = store_of(config)
    try:
        wired = wiring.build(config, wiring.open_world({}), store)
        subjects = wiring.subjects_of(config)
        known = recorded(config, subjects, store)
        return [one async for one in foresee(wired.tools, subjects, config.limits, frozenset(wanted), known)]
    finally:
        if store is not None:
            await store.close()


def _status(seen: list[Foreseen], limits: Limits) -> int:
    if any(one.violations or ails(one.plan, one.at, limits) for one in seen):
        return 1
    if any(isinstance(one.plan, Wait) and one.plan.blind for one in seen):
        return 3
    return 4 if any(isinstance(one.judgement, Refused) for one in seen) else 0


def tell(one: Foreseen) -> None:
    """What comes next for one subject, wrapped at the terminal's width."""
    terminal.show(Ink(one.subject, bold=True))
    if isinstance(one.plan, Wait):
        _line("wait", words.waiting(one.plan, one.at))
        if one.plan.held is not None:
            _line("held back", words.next_step(one.plan.held))
        _line("code", one.plan.code)
    elif isinstance(one.plan, Settled):
        due = f" until {one.plan.until:%Y-%m-%d %H:%M} UTC" if one.plan.until is not None else ""
        _line("settled", f"nothing is to be done{due}")
        for note in one.plan.notes:
            _line("note", note)
    else:
        _line("next", words.next_step(one.plan))
        if isinstance(one.judgement, Refused):
            _line("gate", "refuses")
            for counterexample in one.judgement.because:
                _line("", str(counterexample))
        else:
            _line("gate", "allows: no client refuses because of it")
            for counterexample in one.judgement.accepted + one.judgement.waived if one.judgement is not None else ():
                _line("in spite of", str(counterexample))
    for violation in dict.fromkeys(map(str, one.violations)):
        _line("refused", violation)


def _line(what: str, rest: str) -> None:
    terminal.show_hanging(f"  {what:<12} ", rest)


def foreseen_json(one: Foreseen, limits: Limits) -> dict[str, object]:
    """One of the ``subjects``."""
    gate: dict[str, object] | None = None
    if one.judgement is not None:
        refused = isinstance(one.judgement, Refused)
        gate = {
            "allowed": not refused,
            "because": [str(c) for c in one.judgement.because] if isinstance(one.judgement, Refused) else [],
            "earliest": rfc3339(one.judgement.earliest) if isinstance(one.judgement, Refused) else None,
        }
    return {
        "subject": one.subject,
        "at": rfc3339(one.at),
        **plan_json(one.plan),
        "gate": gate,
        "violations": list(dict.fromkeys(map(str, one.violations))),
        "trouble": [{"code": t.code, "because": t.because} for t in ails(one.plan, one.at, limits)],
    }
