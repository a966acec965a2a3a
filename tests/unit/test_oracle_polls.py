"""How the oracles poll: what is run, what a poll records, and how scenes are kept apart."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path

import dns.name
import pytest

from danelaw.core.model import DanelawError
from danelaw.ports import CommandResult
from danelaw.worlds.lab.real.oracles import ORACLES, Oracles, Subject
from danelaw.worlds.lab.real.readings import Answer

PROGRAMS = {name: f"/bin/{name}" for name in ("ldns-dane", "danetool", "delv", "openssl", "env")}
SUBJECT = Subject(
    host=dns.name.from_text("www.example.net."),
    resolver=IPv4Address("192.0.2.54"),
    anchor=Path("/world/root.key"),
    bind_keys=Path("/world/bind.keys"),
    scratch=Path("/world/oracles"),
    programs=PROGRAMS,
)
MATCH = CommandResult(0, "192.0.2.80 dane-validated successfully\n")
SECURE = CommandResult(0, "; fully validated\n_443._tcp.www.example.net. 1 IN\tTLSA\t3 1 1 AB\n")


class Programs:
    """``ports.Commands``: says what it is told to, for each program; an error is raised.

    While ``go`` is clear danetool is held back; ``held`` is set as soon as that is so.
    """

    def __init__(self, **said: CommandResult | DanelawError) -> None:
        self.said = said
        self.ran: list[tuple[str, ...]] = []
        self.go = asyncio.Event()
        self.go.set()
        self.held = asyncio.Event()

    async def run(self, argv: Sequence[str], limit: timedelta) -> CommandResult:
        self.ran.append(tuple(argv))
        if PROGRAMS["danetool"] in argv and not self.go.is_set():
            self.held.set()
            await self.go.wait()
        said = self.said.get(Path(argv[0]).name.replace("-", "_"), CommandResult(1, ""))
        if isinstance(said, DanelawError):
            raise said
        return said


def test_openssl_is_fed_with_what_delv_has_validated() -> None:
    programs = Programs(
        delv=SECURE, openssl=CommandResult(0, "DANE TLSA 3 1 1 ...ab matched EE certificate at depth 0")
    )
    poll = asyncio.run(Oracles(SUBJECT, programs).ask("openssl"))
    assert (poll.answer, poll.status, poll.lines) == (Answer.ACCEPTED, 0, ())
    (_, *question), (_, *connection) = programs.ran
    assert question[:2] == ["-a", "/world/bind.keys"]
    assert question[-3:] == ["@192.0.2.54", "_443._tcp.www.example.net.", "TLSA"]
    assert connection[connection.index("-dane_tlsa_rrdata") + 1] == "3 1 1 AB"
    assert "-verify_return_error" in connection


def test_openssl_is_not_asked_without_validated_records() -> None:
    programs = Programs(delv=CommandResult(0, "; unsigned answer\n_443._tcp.www.example.net. 1 IN\tTLSA\t3 1 1 AB\n"))
    assert asyncio.run(Oracles(SUBJECT, programs).ask("openssl")).answer is Answer.UNDECIDED
    assert len(programs.ran) == 1


def test_danetool_runs_where_it_may_leave_files() -> None:
    programs = Programs()
    asyncio.run(Oracles(SUBJECT, programs).ask("danetool"))
    assert programs.ran[0][:3] == ("/bin/env", "--chdir=/world/oracles", "/bin/danetool")


def test_a_refusal_keeps_what_was_said() -> None:
    programs = Programs(ldns_dane=CommandResult(1, "first\nCould not connect to 192.0.2.80 443\n"))
    poll = asyncio.run(Oracles(SUBJECT, programs, scene="staged").ask("ldns-dane"))
    assert (poll.scene, poll.oracle, poll.answer, poll.status) == ("staged", "ldns-dane", Answer.REFUSED, 1)
    assert (poll.because, poll.lines[0]) == ("Could not connect to 192.0.2.80 443", "first")


def test_one_that_hangs_refuses() -> None:
    hangs = DanelawError("COMMAND_TIMEOUT", "/bin/openssl did not end within 8 s and was killed")
    poll = asyncio.run(Oracles(SUBJECT, Programs(delv=SECURE, openssl=hangs)).ask("openssl"))
    assert (poll.answer, poll.status) == (Answer.REFUSED, None)
    assert "did not end" in poll.because


def test_one_that_cannot_be_asked_ends_the_play() -> None:
    async def play() -> None:
        missing = DanelawError("COMMAND_NOT_FOUND", "there is no program /bin/ldns-dane")
        async with Oracles(SUBJECT, Programs(ldns_dane=missing), pace=0) as oracles:
            await oracles.rounds(1)

    with pytest.raises(DanelawError) as caught:
        asyncio.run(play())
    assert caught.value.code == "COMMAND_NOT_FOUND"


def test_a_poll_belongs_to_the_scene_that_it_began_in() -> None:
    """One oracle is slow: until it has ended, the others begin nothing."""

    async def play() -> Oracles:
        programs = Programs(ldns_dane=MATCH)
        async with Oracles(SUBJECT, programs, pace=0) as oracles:
            await oracles.enter("old")
            await oracles.rounds(1)
            programs.go.clear()
            await programs.held.wait()
            entering = asyncio.create_task(oracles.enter("new"))
            await _turns()
            before = len(oracles.polls)
            await _turns()
            assert len(oracles.polls) == before
            programs.go.set()
            await entering
            assert oracles.polls[before].oracle == "danetool"
            assert {poll.scene for poll in oracles.polls[: before + 1]} == {"old"}
            await oracles.rounds(1)
            return oracles

    oracles = asyncio.run(play())
    assert Counter(poll.oracle for poll in oracles.polls if poll.scene == "new").keys() == ORACLES.keys()
    (ldns_dane, *_) = oracles.tally("new")
    assert ldns_dane.accepted == ldns_dane.polls > 0
    assert oracles.last_refusal("new") is not None, "the others have said nothing"


async def _turns() -> None:
    """The loop goes round often enough for whatever can end to end."""
    for _ in range(50):
        await asyncio.sleep(0)
