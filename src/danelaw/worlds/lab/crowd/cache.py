"""A client's memory: what it holds, for how long, on the monotonic clock."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Held(Generic[T]):
    """Something learnt at ``since``, good until ``until`` (both monotonic, in seconds)."""

    value: T
    since: float
    until: float


class Cache:
    """Holds things for their TTL, times ``stretch``.

    A client with a stretch above 1 stands for the caches that hold on for longer than they were told; no answer
    outlives the signature on it, stretched or not (RFC 4035 §5.3.3): the caller says so with ``at_most``.
    """

    def __init__(self, monotonic: Callable[[], float], stretch: float = 1.0) -> None:
        self.monotonic = monotonic
        self.stretch = stretch
        self._held: dict[Hashable, Held[object]] = {}

    def put(self, key: Hashable, value: T, ttl: float, at_most: float = float("inf")) -> Held[T]:
        """Hold ``value`` for ``ttl`` seconds, stretched, but never longer than ``at_most`` seconds."""
        now = self.monotonic()
        held = Held(value, now, now + max(min(ttl * self.stretch, at_most), 0.0))
        self._held[key] = Held(value, held.since, held.until)
        return held

    def get(self, key: Hashable, kind: type[T]) -> Held[T] | None:
        """What is held under ``key``, if it is a ``kind`` and its time has not run out."""
        held = self._held.get(key)
        if held is None:
            return None
        if held.until <= self.monotonic():
            del self._held[key]
            return None
        return Held(held.value, held.since, held.until) if isinstance(held.value, kind) else None
