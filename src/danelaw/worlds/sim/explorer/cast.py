"""Numbers for what small worlds are made of: a state is then a tuple of small numbers, quick to hash and to compare."""

from __future__ import annotations

from typing import Generic, TypeVar

from danelaw.core.model import Answer, Chain
from danelaw.core.rollover.actions import Action

T = TypeVar("T")


class Numbers(Generic[T]):
    """Equal things have the same number, from 0 on, in the order in which they were first met."""

    def __init__(self) -> None:
        self._things: list[T] = []
        self._numbers: dict[T, int] = {}
        self._by_identity: dict[int, int] = {}

    def of(self, thing: T) -> int:
        number = self._by_identity.get(id(thing))
        if number is None:
            number = self._numbers.get(thing)
            if number is None:
                number = self._numbers[thing] = len(self._things)
                self._things.append(thing)
            if self._things[number] is thing:  # what is kept alive keeps its identity for itself
                self._by_identity[id(thing)] = number
        return number

    def __getitem__(self, number: int) -> T:
        return self._things[number]


class Cast:
    """What one scene's worlds speak of by number: answers to TLSA questions, chains, and actions."""

    def __init__(self) -> None:
        self.answers: Numbers[Answer] = Numbers()
        self.chains: Numbers[Chain] = Numbers()
        self.actions: Numbers[Action] = Numbers()
