"""The next SOA serial (RFC 1035 §3.3.13, RFC 1982), in the style that the operator uses."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from typing import Final

from danelaw.core.model import serial_gt

_OLDEST_UNIXTIME: Final = 1_000_000_000


def next_serial(current: int, others: Iterable[int], now: datetime) -> int:
    """A serial after ``current`` and all ``others``, the serials that were served before.

    ``YYYYMMDDnn`` becomes today's first if that is later; seconds since 1970 become those of ``now``; anything else,
    and what runs ahead of its style, is raised by one. Each must lie within half the number space of the latest.
    """
    latest = reduce(lambda left, right: right if serial_gt(right, left) else left, others, current)
    for wanted in (_dated(current, now), _unixtime(current, now)):
        if wanted is not None:
            return wanted if serial_gt(wanted, latest) else (latest + 1) & 0xFFFFFFFF
    return (latest + 1) & 0xFFFFFFFF


def _dated(current: int, now: datetime) -> int | None:
    today = now.astimezone(UTC).date()
    year, month, day = current // 1_000_000, current // 10_000 % 100, current // 100 % 100
    if not 1980 <= year <= today.year + 1:
        return None
    try:
        date(year, month, day)
    except ValueError:
        return None
    return int(f"{today:%Y%m%d}00")


def _unixtime(current: int, now: datetime) -> int | None:
    if _OLDEST_UNIXTIME <= current <= (now + timedelta(days=1)).timestamp():
        return int(now.timestamp()) & 0xFFFFFFFF
    return None
