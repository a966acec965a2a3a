"""What is to be drawn: a validated answer, what each server said by itself, what TLSA records were compared with."""

from __future__ import annotations

from dataclasses import dataclass

from danelaw.core.model import IP, Instant, Sweep, Validated


@dataclass(frozen=True, slots=True)
class Presented:
    """A certificate that was presented, or the lack of one, and whether a TLSA record matches it.

    ``subject``: what it says of itself, or why there is none. ``depth``: in the presented chain, the leaf being 0.
    ``matched``: None where nothing was learnt, ``trouble`` then says why, as it does for a mismatch.
    """

    address: IP
    matched: bool | None
    subject: str
    record: str = ""
    depth: int | None = None
    until: Instant | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """``sweep`` and ``presented`` are None where nobody looked."""

    answer: Validated
    sweep: Sweep | None = None
    presented: tuple[Presented, ...] | None = None
