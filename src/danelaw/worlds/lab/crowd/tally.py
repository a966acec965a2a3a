"""The crowd's record: every connection, and what a scene of them adds up to."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from danelaw.worlds.lab.crowd.reasons import Reason

QUIET = timedelta(seconds=1)
"""Refusals further apart than this are two troubles, not one."""


class Outcome(enum.StrEnum):
    ACCEPTED = "accepted"
    REFUSED = "refused"
    NO_SERVICE = "no_service"


class Over(enum.StrEnum):
    """What decided: ``NONE`` where a client gave up before anything could, ``CLEAR`` where a mail server has no TLS and
    nothing in DNS says that it has."""

    DANE = "dane"
    PKIX = "pkix"
    HTTP = "http"
    CLEAR = "clear"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection, from its first look-up to its end.

    ``scene`` is the one that it began in. ``looked_up``: when the TLSA answer was in hand. Times are aware, in UTC.
    ``records``: the answers it went by, with where each came from and its age in the cache. ``chain``: SHA-256 of
    each certificate presented, in the order presented, in hex. ``reason`` is set unless it was accepted; ``detail``
    always says what decided.
    """

    scene: str
    client: int
    kind: str
    started: datetime
    looked_up: datetime | None
    finished: datetime
    address: str | None
    over: Over
    outcome: Outcome
    reason: Reason | None = None
    detail: str = ""
    records: tuple[str, ...] = ()
    chain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of a scene's connections.

    ``seconds_refused``: for how long the service was in trouble, seen by the crowd as a whole; see
    ``seconds_in_trouble``. ``over`` counts what the accepted ones went by. ``examples``: the first refusal of each
    reason.
    """

    scene: str
    connections: int
    accepted: int
    refused: int
    no_service: int
    seconds_refused: float
    reasons: Counter[Reason] = field(default_factory=Counter)
    over: Counter[Over] = field(default_factory=Counter)
    first_refusal: datetime | None = None
    last_refusal: datetime | None = None
    examples: Mapping[Reason, Connection] = field(default_factory=dict)


def seconds_in_trouble(refusals: Iterable[Connection]) -> float:
    """For how many seconds somebody was being refused.

    Each refusal spans from its start to its end. Spans that overlap, or lie no more than ``QUIET`` apart, are one
    trouble, which lasts from the first's start to the last's end; the troubles' lengths are added.
    """
    total = timedelta()
    begin: datetime | None = None
    end: datetime | None = None
    for refusal in sorted(refusals, key=lambda connection: connection.started):
        if begin is None or end is None or refusal.started - end > QUIET:
            if begin is not None and end is not None:
                total += end - begin
            begin, end = refusal.started, refusal.finished
        else:
            end = max(end, refusal.finished)
    if begin is not None and end is not None:
        total += end - begin
    return total.total_seconds()


def tally(scene: str, connections: Iterable[Connection]) -> Tally:
    """The tally of those ``connections`` that began in ``scene``."""
    mine = [connection for connection in connections if connection.scene == scene]
    outcomes = Counter(connection.outcome for connection in mine)
    refusals = [connection for connection in mine if connection.outcome is Outcome.REFUSED]
    examples: dict[Reason, Connection] = {}
    for refusal in refusals:
        if refusal.reason is not None:
            examples.setdefault(refusal.reason, refusal)
    instants = [refusal.finished for refusal in refusals]
    return Tally(
        scene=scene,
        connections=len(mine),
        accepted=outcomes[Outcome.ACCEPTED],
        refused=outcomes[Outcome.REFUSED],
        no_service=outcomes[Outcome.NO_SERVICE],
        seconds_refused=seconds_in_trouble(refusals),
        reasons=Counter(refusal.reason for refusal in refusals if refusal.reason is not None),
        over=Counter(connection.over for connection in mine if connection.outcome is Outcome.ACCEPTED),
        first_refusal=min(instants, default=None),
        last_refusal=max(instants, default=None),
        examples=examples,
    )
