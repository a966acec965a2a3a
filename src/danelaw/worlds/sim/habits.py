"""How people renew who do not ask what clients hold, each in his own way; and how many there are of each.

Lee et al. watched mail servers every hour for about 20 months ("Under the Hood of DANE Mismanagement in SMTP", USENIX
Security 2022). Of the servers that rolled a key, 87 to 92 % did it wrongly at least once; of these 72 to 85 % had the
new record too late, 23 to 36 % none at all, and up to 10 % had retired the old one too early. Some did several of it,
so the parts come to more than the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal, TypeAlias

from danelaw.worlds.naive import NaiveOperator
from danelaw.worlds.sim.adversary import by_hand
from danelaw.worlds.sim.clock import VirtualClock

Habit: TypeAlias = Literal["append", "one-record", "forget", "record-first", "staged"]
"""``append``: the article's, which publishes when the server has been switched. ``one-record``: likewise, with a tool
that holds one record and so puts the new one in place of the old. ``forget``: publishes nothing. ``record-first``: puts
the new record in place of the old one, waits, and then switches. ``staged``: publishes both, waits, switches, and
withdraws."""

LEE: Final[Mapping[str, tuple[int, int]]] = {"wrong": (87, 92), "late": (72, 85), "missing": (23, 36), "early": (0, 10)}
"""Per cent of the servers that rolled a key; the other three of those that did so wrongly at least once."""

_LATE: Final[tuple[tuple[Habit, ...], ...]] = (("append",), ("one-record",))
OPERATORS: Final[tuple[tuple[Habit, ...], ...]] = (
    _LATE[0], _LATE[1], ("append", "forget"), ("staged",), _LATE[0],
    ("forget",), ("record-first",), _LATE[0], _LATE[1], _LATE[0],
    _LATE[0], _LATE[1], ("forget",), ("staged",), _LATE[0],
    _LATE[1], ("append", "forget"), ("forget",), _LATE[0], _LATE[0],
)  # fmt: skip
"""Twenty of them, in Lee et al.'s proportions: 18 do it wrongly, and of these 14 are late, 5 publish nothing at times,
and one retires too early. The paper does not tell how many have a tool that holds one record: here every third of the
late ones. Each does what he does in turn."""

APPENDING: Final = 1.0
"""How long after a reload the record follows, in seconds."""


@dataclass(frozen=True, slots=True)
class ByHand:
    """An operator at work. ``rest``: how long he takes what he knows of to be held, his own secondaries included."""

    clock: VirtualClock
    operator: NaiveOperator
    rest: timedelta

    def roll(self, habit: Habit, until: Callable[[], bool]) -> bool:
        """One renewal. Without a certificate it is tried again, as cron does; False if there is none ``until`` then.

        A reply that does not come is not waited for, and what failed stays undone.
        """
        first = habit in ("staged", "record-first")
        while not by_hand(self._begun(switched=not first)):
            self._wait(self.rest + timedelta(seconds=5))
            if until():
                return False
        match habit:
            case "append":
                self._wait(timedelta(seconds=APPENDING))
                by_hand(self.operator.append_record())
            case "one-record":
                self._wait(timedelta(seconds=APPENDING))
                by_hand(self.operator.replace_record())
            case "record-first":
                by_hand(self.operator.replace_record())
                self._switched_later()
            case "staged":
                by_hand(self.operator.append_record())
                self._switched_later()
                self._wait(self.rest)
                by_hand(self.operator.replace_record())
            case "forget":
                pass
        return True

    def _begun(self, *, switched: bool) -> Coroutine[Any, Any, object]:
        return self.operator.renew() if switched else self.operator.obtain()

    def _switched_later(self) -> None:
        self._wait(self.rest)
        by_hand(self.operator.switch())

    def _wait(self, span: timedelta) -> None:
        self.clock.advance(self.clock.now() + span)
