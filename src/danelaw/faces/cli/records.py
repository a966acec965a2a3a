"""``danelaw records``: whose the TLSA records of a service are, and what is to become of those of others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import click

from danelaw.app.record_owners import Owned, Whose, meant, published
from danelaw.core.model import DanelawError
from danelaw.core.model.counting import counted
from danelaw.core.rollover.conditions import text
from danelaw.core.rollover.plans import DesiredService, Outlook
from danelaw.core.rollover.words import Adopted, Disowned, RequestedRemoval, Word
from danelaw.faces.cli import saying, terminal
from danelaw.faces.cli.configured import of_one_subject
from danelaw.faces.cli.saying import Case
from danelaw.faces.cli.terminal import Ink

_KINDS: Final[Mapping[str, Callable[..., Word]]] = {"adopt": Adopted, "disown": Disowned, "remove": RequestedRemoval}
_DONE: Final = {"adopt": "adopted", "disown": "left to you", "remove": "to be removed"}


@click.command()
@of_one_subject
@click.option("--adopt", multiple=True, metavar="RDATA|all", help="It is Danelaw's from now on, and goes in its time.")
@click.option("--disown", multiple=True, metavar="RDATA|all", help="It is your own business: it is never withdrawn.")
@click.option("--remove", multiple=True, metavar="RDATA|all", help="It goes as soon as no client needs it.")
def records(
    service: str,
    named: Path | None,
    adopt: tuple[str, ...],
    disown: tuple[str, ...],
    remove: tuple[str, ...],
    *,
    json_form: bool,
) -> None:
    """Tell what TLSA records SERVICE has, and whose each is; and say what becomes of one.

    By what the last run has seen. RDATA is a record as it is told here, "3 1 1 9ff7…", or enough of its beginning; all
    are those that are nobody's. Danelaw never withdraws a record that names no key of its own, unless you say so; nor
    one that another service needs, whatever you say.

    Exit status: 0 good; 1 some record is nobody's; 2 nothing is recorded, or it is not to be had.
    """
    terminal.need_output()
    asked = {"adopt": adopt, "disown": disown, "remove": remove}
    kinds = [kind for kind, given in asked.items() if given]
    if len(kinds) > 1:
        raise click.UsageError("one thing at a time: --adopt, --disown or --remove")

    async def work(case: Case) -> bool:
        there = _there(case)
        chosen: Sequence[Owned] = ()
        if kinds:
            chosen = _chosen(case, kinds[0], asked[kinds[0]], there)
            line = case.service.lineages[0]
            rdatas = frozenset(one.record.to_rdata() for one in chosen)
            case = await case.say(_KINDS[kinds[0]](case.now, line, rdatas, saying.who()))
            there = _there(case)
        if json_form:
            said = {"done": kinds[0], "chosen": [one.record.to_text() for one in chosen]} if kinds else {}
            saying.as_json(case, {"word": "records", **said, "records": [_json(one) for one in there]})
        else:
            _tell(case, there)
            for one in chosen:
                saying.line(_DONE[kinds[0]], one.record.brief())
            if kinds:
                saying.follow_up(case)
        return any(one.whose is Whose.NOBODYS for one in there)

    strange = saying.about(named, service, work)
    raise click.exceptions.Exit(1 if strange and not kinds else 0)


def _there(case: Case) -> Sequence[Owned]:
    case.service  # noqa: B018  # a zone is refused with an error that says so
    desired = case.desired
    assert isinstance(desired, DesiredService)  # noqa: S101  # for the type checker: see above
    return published(desired, Outlook(case.facts, case.subjects.reach, case.now, case.config.limits))


def _chosen(case: Case, kind: str, said: Sequence[str], there: Sequence[Owned]) -> Sequence[Owned]:
    """Raises ``DanelawError``: ``RECORD_UNKNOWN``, ``RECORD_OF_ANOTHER``, ``RECORD_IN_USE``."""
    chosen, unfit = meant(said, there)
    if unfit:
        every = ", ".join(one.record.brief() for one in there)
        raise DanelawError(
            "RECORD_UNKNOWN",
            f"{unfit[0]!r} names no one record of {case.subject}, or more than one",
            evidence=f"there are {every}" if every else "there are none, by what was seen last",
            hint=f"danelaw records {case.subject}",
        )
    for one in chosen:
        brief = one.record.brief()
        if one.whose is Whose.SHARED:
            raise DanelawError("RECORD_OF_ANOTHER", f"{brief} belongs to another service, which needs it")
        if kind == "remove" and one.whose is Whose.OURS and one.record.combination in _configured(case):
            raise DanelawError(
                "RECORD_IN_USE",
                f"{brief} names a key of {case.subject}, and would be published again",
                hint=f"danelaw roll {case.subject}, for another key, or danelaw withdraw, to be without DANE",
            )
    return chosen


def _configured(case: Case) -> Sequence[object]:
    return case.service.combinations


def _tell(case: Case, there: Sequence[Owned]) -> None:
    what = counted(len(there), "TLSA record") if there else "no TLSA records seen"
    terminal.show(Ink(case.subject, bold=True), f"  {what}")
    for owner in dict.fromkeys(one.place.owner for one in there):
        terminal.show(f"  {text(owner)}")
        for one in (one for one in there if one.place.owner == owner):
            colour = "yellow" if one.whose is Whose.NOBODYS else None
            terminal.show(f"    {one.record.brief():<26} ", Ink(_whose(one), fg=colour))
    if any(one.whose is Whose.NOBODYS for one in there):
        saying.line("type", f"danelaw records {case.subject} --adopt all, or --remove, or --disown")


def _whose(one: Owned) -> str:
    if one.generation is None:
        return one.whose.value
    what = "serves" if one.serving else "does not serve"
    return f"{one.whose.value}: generation {one.generation}, which {what}"


def _json(one: Owned) -> dict[str, object]:
    return {
        "owner": text(one.place.owner),
        "record": one.record.to_text(),
        "whose": one.whose.value,
        "generation": one.generation,
        "serving": one.serving,
    }
