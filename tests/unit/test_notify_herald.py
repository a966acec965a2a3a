"""What is found worth telling of a subject, and that it is told once, whatever fails on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import dns.name
import pytest

from danelaw.app.concerns import of_pass, of_standing
from danelaw.app.known import Known
from danelaw.app.notify import RUNNER, Face, Ground, Herald, Outlets
from danelaw.app.standing import Published, Standing, State
from danelaw.app.toolbox import Subjects
from danelaw.core.dnssec.rrsig import RRSIG
from danelaw.core.model import Absence, DanelawError, Instant, Limits, RRset, Security, SubjectName
from danelaw.core.notify.concern import Severity
from danelaw.core.notify.record import Moment, Notice, Record, Wants
from danelaw.core.rollover.actions import Failure, Publish, Receipt, SubmitDS
from danelaw.core.rollover.facts import Done
from danelaw.core.rollover.planner import Plan, Settled, Wait
from danelaw.core.rollover.progress import Pass
from danelaw.core.rollover.reach import Reach
from danelaw.ports import LastingStore

NOW: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY: Final = timedelta(days=1)
ZONE, OWNER = dns.name.from_text("example.net."), dns.name.from_text("_443._tcp.www.example.net.")
WWW, NET = SubjectName("www.example.net:443/tcp"), SubjectName("example.net.")
DS_RDATA: Final = bytes.fromhex("ec450d02" + "ab" * 32)
DS, TLSA = 43, 52
HANDED: Final = SubmitDS(ZONE, Absence(ZONE, DS, 3600), RRset(ZONE, DS, 3600, frozenset({DS_RDATA})))
ASKED: Final = Publish(ZONE, Absence(OWNER, TLSA, 300), RRset(OWNER, TLSA, 300, frozenset({bytes(35)})))
BY_HAND: Final = Receipt(note="add this; remove that")


def awaited(code: str) -> Wait:
    return Wait(code, "so it is", NOW, None)


def codes(one: Standing, now: Instant = NOW) -> dict[str, Severity]:
    return {found.code: found.severity for found in of_standing(one, ("danelaw status",), frozenset({ZONE}), now)}


def at(plan: Plan, done: Done | None = None) -> Standing:
    return Standing(NET, State.WAITING, NOW, plan, done=done)


# -- what is worth it -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plan", [awaited("NOT_LOADED"), HANDED], ids=["the parent has it not", "it is told again"])
def test_a_ds_is_awaited_until_the_parent_has_it(plan: Plan) -> None:
    done = Done(NOW - DAY, HANDED, Receipt())
    (found,) = of_standing(at(plan, done), (), frozenset(), NOW)
    assert (found.code, found.severity, found.since) == ("DS_AWAITED", Severity.WARNING, NOW - DAY)
    assert found.because[1].upper() == f"EXAMPLE.NET. IN DS 60485 13 2 {'AB' * 32}"
    assert codes(at(Settled(None), done)) == {}
    assert codes(at(plan, Done(NOW, HANDED, Failure("PARENT_AWAY", "no")))) == {}


@pytest.mark.parametrize(
    ("plan", "zones", "told"),
    [
        (awaited("NOT_VISIBLE"), frozenset({ZONE}), True),
        (ASKED, frozenset({ZONE}), True),
        (awaited("NOT_VISIBLE"), frozenset[dns.name.Name](), False),
        (Settled(None), frozenset({ZONE}), False),
    ],
    ids=["not seen", "asked again", "a zone that nobody changes by hand", "done"],
)
def test_what_a_person_is_to_publish_is_told_with_the_records(
    plan: Plan, zones: frozenset[dns.name.Name], told: bool
) -> None:
    found = of_standing(at(plan, Done(NOW - DAY, ASKED, BY_HAND)), (), zones, NOW)
    assert [(one.code, one.because) for one in found] == [("HANDWORK_AWAITED", ("add this", "remove that"))] * told


@pytest.mark.parametrize(
    ("left", "severity"),
    [
        (timedelta(days=4), None),
        (timedelta(days=2), Severity.WARNING),
        (timedelta(0), Severity.CRITICAL),
        (-DAY, Severity.CRITICAL),
    ],
)
def test_a_signature_that_was_to_be_renewed_is_told_before_it_ends(left: timedelta, severity: Severity | None) -> None:
    ends, begins = (int((NOW + span).timestamp()) for span in (left, left - timedelta(days=60)))
    rrsig = RRSIG(TLSA, 13, 5, 300, ends, begins, 1, ZONE, bytes(64))
    rrset = RRset(OWNER, TLSA, 300, frozenset({bytes(35)}), frozenset({rrsig.to_rdata()}))
    one = replace(at(Settled(None)), published=(Published("example.net.", rrset, everywhere=True),))
    assert codes(one) == ({} if severity is None else {"SIGNATURE_EXPIRING": severity})


def test_a_zone_that_nothing_can_be_learnt_of_is_told_whatever_is_awaited() -> None:
    """As when every forwarder is lost: nothing fails then, and nothing goes on."""
    blind = replace(at(awaited("NOT_SECURE")), security=Security.INDETERMINATE)
    assert codes(blind) == {"NOT_SECURE": Severity.WARNING}
    assert codes(replace(blind, security=Security.SECURE)) == {}


def test_a_pass_that_could_not_look_is_told() -> None:
    ended = Pass(WWW, NOW, awaited("STORE_LOCKED"), None, None, (), NOW)
    assert [one.code for one in of_pass(ended)] == ["STORE_LOCKED"]
    assert list(of_pass(replace(ended, plan=Settled(None)))) == []


# -- that it is told --------------------------------------------------------------------------------------------------


@dataclass
class Here:
    """A clock that stands still, a store that cannot be read, a book in memory, and a way, each as it is told."""

    at: Instant = NOW
    record: Record = field(default_factory=Record)
    unwritable: bool = False
    unreadable: bool = False
    deaf: bool = False
    after: timedelta = timedelta(minutes=10)
    heard: list[tuple[str, Moment]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def now(self) -> Instant:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep_until(self, when: Instant) -> None:
        raise AssertionError("nothing here waits")

    async def around(self, subject: SubjectName) -> Any:
        raise DanelawError("STORE_DAMAGED", "it cannot be read")

    async def read(self) -> Record:
        if self.unreadable:
            raise DanelawError("NOTICES_UNREADABLE", "no")
        return self.record

    async def write(self, record: Record) -> None:
        if self.unwritable:
            raise DanelawError("NOTICES_UNWRITABLE", "no")
        self.record = record

    async def tell(self, notices: Sequence[Notice], at: Instant) -> None:
        if self.deaf:
            raise DanelawError("MAIL_NOT_TAKEN", "no")
        self.heard += [(one.concern.code, one.moment) for one in notices]

    def herald(self, *, stays: bool) -> Herald:
        subjects = Subjects({WWW: cast(Any, None)}, Reach(()))
        ground = Ground(self, cast(LastingStore, self), subjects, cast(Known, self), Limits())
        wants = Wants("me", frozenset(Severity), after=self.after)
        face = Face(lambda one, now: (), lambda error: self.complaints.append(error.code))
        return Herald(ground, Outlets(self, {"me": (wants, self)}), face, stays=stays)

    def runs(self, count: int, *, stuck: bool = False) -> None:
        """So many runs that end, ten minutes apart."""
        for _ in range(count):
            herald = self.herald(stays=False)
            if stuck:
                asyncio.run(herald.stuck(DanelawError("STORE_DAMAGED", "it cannot be read")))
            else:
                herald.heard(Pass(WWW, self.at, Settled(None), None, None, (), self.at))
                asyncio.run(herald.close())
            self.at += timedelta(minutes=10)


def test_a_store_that_cannot_be_read_is_told_once_by_run_after_run() -> None:
    here = Here()
    here.runs(6, stuck=True)
    assert here.heard == [("STORE_DAMAGED", Moment.BEGINS)]
    assert [str(one.concern.subject) for one in here.record.known] == [RUNNER]


def test_a_store_that_cannot_be_read_in_the_middle_is_told_of_the_services() -> None:
    here = Here()
    here.runs(3)
    assert here.heard == [("STORE_DAMAGED", Moment.BEGINS)]
    assert [one.concern.subject for one in here.record.known] == [WWW]


def test_runs_that_cannot_remember_tell_nobody_but_who_started_them() -> None:
    """Else each would tell it again."""
    here = Here(unwritable=True, after=timedelta(0))
    here.runs(3)
    assert here.heard == []
    assert set(here.complaints) == {"NOTICES_UNWRITABLE"}


def test_a_daemon_that_cannot_write_remembers_by_itself() -> None:
    here = Here(unwritable=True)

    async def story() -> None:
        herald = here.herald(stays=True)
        for _ in range(6):
            herald.heard(Pass(WWW, here.at, Settled(None), None, None, (), here.at))
            await herald.round()
            here.at += timedelta(minutes=10)

    asyncio.run(story())
    assert here.heard == [("STORE_DAMAGED", Moment.BEGINS)]
    assert here.complaints == ["NOTICES_UNWRITABLE"]


def test_a_book_that_cannot_be_read_is_begun_anew() -> None:
    here = Here(unreadable=True)
    here.runs(1)
    assert here.complaints == ["NOTICES_UNREADABLE"]
    assert len(here.record.known) == 1


def test_what_a_way_did_not_take_is_told_when_it_does() -> None:
    here = Here(deaf=True)
    here.runs(3)
    assert here.complaints == ["MAIL_NOT_TAKEN"]
    here.deaf = False
    here.runs(2)
    assert here.heard == [("STORE_DAMAGED", Moment.BEGINS)]
    assert here.record.failing == {}
