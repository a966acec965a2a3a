"""What ``danelaw run`` tells once, and where a subject stands by what is recorded of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import dns.name
import pytest

from danelaw.adapters.store.one_runner import only_runner
from danelaw.app.foresight import Foreseen
from danelaw.app.standing import SOMEBODY, SOON, Standing, State, ails, put_off, standing
from danelaw.core.model import (
    Absence,
    DanelawError,
    GenerationId,
    Limits,
    Lineage,
    OrderState,
    Pending,
    RRset,
    SubjectName,
)
from danelaw.core.rollover.actions import AdvanceOrder, Receipt, SubmitDS
from danelaw.core.rollover.delegation import CDS_TYPE
from danelaw.core.rollover.epochs import DS_TYPE
from danelaw.core.rollover.facts import Done, Fact, Intended, Roster, Sight
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.planner import DesiredZone, Wait
from danelaw.core.rollover.plans import Outlook
from danelaw.core.rollover.progress import Pass, Progress
from danelaw.core.rollover.reach import Reach
from danelaw.core.rollover.steps import step_of
from danelaw.core.rollover.words import Paused
from danelaw.faces.cli import words
from danelaw.faces.cli.plan import tell as tell_plan
from danelaw.faces.cli.run_telling import Teller, Told, plan_json
from danelaw.faces.cli.status_telling import commands, tell

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ZONE = dns.name.from_text("example.net.")
DS = bytes.fromhex("30390d02") + bytes(32)
CHANGE = SubmitDS(ZONE, Absence(ZONE, DS_TYPE, 60), RRset(ZONE, DS_TYPE, 60, frozenset({DS})))
DESIRED = DesiredZone(SubjectName("example.net."), ZONE, ZONE.parent())
LIMITS = Limits()


def told(known: Facts, capsys: pytest.CaptureFixture[str], change: SubmitDS = CHANGE) -> str:
    async def recorded() -> Facts:
        return known

    receipt = asyncio.run(Told(ZONE, Teller(quiet=True, json_form=False, limits=LIMITS), recorded).submit_ds(change))
    assert isinstance(receipt, Receipt)
    return capsys.readouterr().err


def test_a_ds_is_told_once_to_whoever_hands_it_over(capsys: pytest.CaptureFixture[str]) -> None:
    """In whatever process: the planner asks again as long as the parent does not have it."""
    nothing = Facts(LIMITS.max_gap)
    assert "example.net. IN DS 12345 13 2 0000" in told(nothing, capsys)
    intended = nothing.add(Intended(NOW, CHANGE))
    assert "IN DS" in told(intended, capsys), "whoever died before he told it did not tell it"
    assert told(intended.add(Done(NOW, CHANGE, Receipt())), capsys) == ""


@pytest.mark.parametrize(
    ("there", "wanted", "heading"),
    [
        (0, 1, "Give this DS of example.net. to your registrar, as its parent has none yet:"),
        (1, 1, "Give this DS of example.net. to your registrar, in place of the one there:"),
        (2, 2, "Give these DS records of example.net. to your registrar, in place of the 2 there:"),
    ],
)
def test_a_ds_is_asked_for_beside_what_the_parent_has(
    there: int, wanted: int, heading: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def records(count: int, type: int = DS_TYPE) -> RRset:
        return RRset(ZONE, type, 60, frozenset(DS[:-1] + bytes([number]) for number in range(count)))

    change = SubmitDS(ZONE, records(there) if there else Absence(ZONE, DS_TYPE, 60), records(wanted))
    said = told(Facts(LIMITS.max_gap), capsys, change)
    assert said.splitlines()[0] == heading
    assert "CDS" not in said
    seen = Facts(LIMITS.max_gap).add(
        Sight(NOW, ZONE, ip_address("192.0.2.1"), 1, ZONE, CDS_TYPE, records(wanted, CDS_TYPE))
    )
    assert "The zone asks for it by CDS records" in told(seen, capsys, change)


@pytest.mark.parametrize(
    ("keyless", "next_step"),
    [
        (False, "danelaw zone ds example.net."),
        (
            True,
            "give the DS of key 12345 to the registrar of example.net., as its parent has none yet; "
            "each run looks whether it is there",
        ),
    ],
    ids=["keys of ours", "keys of its server"],
)
def test_what_is_said_to_do_with_a_ds_can_be_done(keyless: bool, next_step: str) -> None:
    """There is no command for the keys that only a name server has: ``danelaw zone ds`` would look for files."""
    waits = Wait("NOT_LOADED", "no authority of net. serves it yet", NOW, NOW)
    one = Standing(
        DESIRED.subject,
        State.WAITING,
        NOW,
        waits,
        done=Done(NOW, CHANGE, Receipt()),
        zone="example.net.",
        keyless=keyless,
    )
    assert list(commands(one, NOW)) == [next_step]


def test_a_pause_tells_which_step_it_holds_back(capsys: pytest.CaptureFixture[str]) -> None:
    wait = Wait("PAUSED", "paused by ada until noon", NOW - timedelta(hours=1), NOW + timedelta(hours=2), CHANGE)
    step = "hand over DS, 1 for example.net., at its parent"
    paused = Paused(NOW - timedelta(hours=1), DESIRED.subject, NOW + timedelta(hours=2), "ada", "")
    tell(Standing(DESIRED.subject, State.PAUSED, NOW, wait, paused=paused), NOW)
    shown = capsys.readouterr().out
    assert f"held back    {step}\n" in shown
    assert shown.count("paused by ada") == 1
    tell_plan(Foreseen(DESIRED.subject, NOW, wait, None, ()))
    assert f"held back    {step}\n" in capsys.readouterr().out
    ended = Pass(DESIRED.subject, NOW, wait, None, None, (), NOW)
    Teller(quiet=False, json_form=False, limits=LIMITS)(Progress(NOW, DESIRED.subject, None, ended))
    assert f"held back: {step} [PAUSED]" in " ".join(capsys.readouterr().out.split())
    assert plan_json(wait)["held"] == {
        "action": "SubmitDS",
        "verb": "hand over DS",
        "what": "1 for example.net., at its parent",
    }


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
        ("CA_BUSY", timedelta(minutes=10), False),
        ("CA_BUSY", timedelta(days=1), True),
        ("NOT_CONFIRMED", timedelta(0), False),
        ("NOT_CONFIRMED", timedelta(days=1), True),
    ],
)
def test_a_wait_is_wrong_when_time_alone_does_not_end_it(code: str, since: timedelta, wrong: bool) -> None:
    assert bool(ails(Wait(code, "so it is", NOW - since, None), NOW, LIMITS)) is wrong


def test_a_quiet_run_tells_of_a_wait_once_it_lasts_too_long(capsys: pytest.CaptureFixture[str]) -> None:
    """As its exit status does."""
    teller = Teller(quiet=True, json_form=False, limits=LIMITS)
    wait = Wait("CA_BUSY", "the CA puts us off: HTTP 503", NOW, None)
    shown: list[str] = []
    for later in (timedelta(0), LIMITS.max_gap * 2, LIMITS.max_gap * 3):
        ended = Pass(DESIRED.subject, NOW + later, wait, None, None, (), NOW + later)
        teller(Progress(NOW + later, DESIRED.subject, None, ended))
        shown.append("".join(capsys.readouterr()))
    assert [teller.close({DESIRED.subject: ended}), shown[0], shown[2]] == [1, "", ""]
    assert "the CA puts us off: HTTP 503 [CA_BUSY]" in " ".join(shown[1].split())


@pytest.mark.parametrize(("for_long", "codes"), [(False, []), (True, ["CA_BUSY"])])
def test_a_ca_that_puts_us_off_for_long_is_trouble_also_when_it_is_asked_again(
    for_long: bool, codes: list[str]
) -> None:
    asking = AdvanceOrder(Lineage(DESIRED.subject), GenerationId(1), OrderState(()))
    deeds: list[Fact] = []
    for number in range(1, 5 if for_long else 2):
        at = NOW - LIMITS.max_gap * number * 0.5
        busy = Pending(asking.order, at + timedelta(minutes=1), "HTTP 503")
        deeds += [Intended(at, asking), Done(at, asking, busy)]
    known = Facts(LIMITS.max_gap).add(*sorted(deeds, key=lambda fact: fact.at))
    done = known.deeds[-1]
    assert isinstance(done.outcome, Pending)
    outlook = Outlook(known, Reach(), NOW, LIMITS)
    told = put_off(Done(NOW, asking, done.outcome), asking, outlook)
    assert [trouble.code for trouble in told] == codes
    assert put_off(Done(NOW, asking, done.outcome), Wait("CA_BUSY", "so it is", NOW, None), outlook) == []


def test_what_a_ca_says_that_puts_us_off_is_told() -> None:
    assert words.result(Pending(OrderState(()), NOW, "HTTP 503: later")) == "the CA puts us off: HTTP 503: later"
    assert words.result(Pending(OrderState(()), NOW)) == "the CA is at work"


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
