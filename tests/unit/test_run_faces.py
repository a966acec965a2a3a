"""What ``danelaw run`` tells once, and where a subject stands by what is recorded of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.name
import pytest

from danelaw.adapters.store.one_runner import only_runner
from danelaw.app.standing import SOMEBODY, SOON, State, ails, standing
from danelaw.core.model import Absence, DanelawError, Limits, RRset, SubjectName
from danelaw.core.rollover.actions import Receipt, SubmitDS
from danelaw.core.rollover.epochs import DS_TYPE
from danelaw.core.rollover.facts import Done, Intended, Roster
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.planner import DesiredZone, Wait
from danelaw.core.rollover.reach import Reach
from danelaw.core.rollover.steps import step_of
from danelaw.faces.cli.run_telling import Teller, Told

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ZONE = dns.name.from_text("example.net.")
DS = bytes.fromhex("30390d02") + bytes(32)
CHANGE = SubmitDS(ZONE, Absence(ZONE, DS_TYPE, 60), RRset(ZONE, DS_TYPE, 60, frozenset({DS})))
DESIRED = DesiredZone(SubjectName("example.net."), ZONE, ZONE.parent())
LIMITS = Limits()


def told(known: Facts, capsys: pytest.CaptureFixture[str]) -> str:
    async def recorded() -> Facts:
        return known

    receipt = asyncio.run(Told(ZONE, Teller(quiet=True, json_form=False), recorded).submit_ds(CHANGE))
    assert isinstance(receipt, Receipt)
    return capsys.readouterr().err


def test_a_ds_is_told_once_to_whoever_hands_it_over(capsys: pytest.CaptureFixture[str]) -> None:
    """In whatever process: the planner asks again as long as the parent does not have it."""
    nothing = Facts(LIMITS.max_gap)
    assert "example.net. IN DS 12345 13 2 0000" in told(nothing, capsys)
    intended = nothing.add(Intended(NOW, CHANGE))
    assert "IN DS" in told(intended, capsys), "whoever died before he told it did not tell it"
    assert told(intended.add(Done(NOW, CHANGE, Receipt())), capsys) == ""


def test_what_nobody_has_looked_at_is_so_told() -> None:
    found = standing(DESIRED, Facts(LIMITS.max_gap), Reach(), NOW, LIMITS)
    assert (found.state, found.trouble) == (State.UNSEEN, ())


@pytest.mark.parametrize(("later", "codes"), [(LIMITS.max_gap, []), (LIMITS.max_gap * 1.01, ["PASS_OVERDUE"])])
def test_a_runner_that_has_stopped_is_told_of_once_what_was_seen_vouches_no_more(
    later: timedelta, codes: list[str]
) -> None:
    seen = Facts(LIMITS.max_gap).add(Roster(NOW, ZONE, frozenset()))
    found = standing(DESIRED, seen, Reach(), NOW + later, LIMITS)
    assert [trouble.code for trouble in found.trouble] == codes
    assert found.seen == NOW


@pytest.mark.parametrize(
    ("code", "since", "wrong"),
    [
        ("ORDER_FAILED", timedelta(0), True),
        ("SETTLING", timedelta(days=400), False),
        ("NOT_SWITCHED", timedelta(0), True),
        ("NOT_CONFIRMED", timedelta(0), False),
        ("NOT_CONFIRMED", timedelta(days=1), True),
    ],
)
def test_a_wait_is_wrong_when_time_alone_does_not_end_it(code: str, since: timedelta, wrong: bool) -> None:
    assert bool(ails(Wait(code, "so it is", NOW - since, None), NOW, LIMITS)) is wrong


def test_every_wait_that_is_spoken_of_is_one_that_the_planner_has() -> None:
    assert [code for code in SOMEBODY | SOON if step_of(code) is None] == []


def test_a_second_runner_is_refused_and_told_who_is_at_work(tmp_path: Path) -> None:
    store = tmp_path / "new" / "store.sqlite"
    with only_runner(store, "danelaw run --watch", NOW):
        with pytest.raises(DanelawError) as refused, only_runner(store, "danelaw run", NOW):
            pass
        assert refused.value.code == "RUNNER_BUSY"
        assert refused.value.evidence.startswith("danelaw run --watch, process ")
    with only_runner(store, "danelaw run", NOW):
        pass
