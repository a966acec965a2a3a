"""What people type as arguments, read: names, instants, resolvers, commands."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Final

from danelaw.core.model import IP, DanelawError, Forwarder, Instant, read_forwarder

_SECONDS: Final = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}

EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""DNSSEC counts its seconds from here (RFC 4034 §3.1.5)."""
LATEST: Final = datetime(9000, 1, 1, tzinfo=UTC)
"""So that whatever lies near an instant is one too."""


def forwarder(text: str) -> Forwarder:
    """As ``read_forwarder``. Raises ``DanelawError("BAD_RESOLVER")``."""
    try:
        return read_forwarder(text)
    except ValueError as error:
        raise DanelawError(
            "BAD_RESOLVER",
            f"{text!r} is no resolver",
            evidence=str(error),
            hint="write IP, IP@PORT, tls://IP[#NAME] or https://NAME/PATH#IP",
        ) from error


def instant(text: str | None) -> Instant | None:
    """An instant of RFC 3339; None for None. Raises ``DanelawError("BAD_INSTANT")``."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise ValueError("the offset from UTC is missing")
        if not EARLIEST <= found < LATEST:
            raise ValueError(f"it is not of the years {EARLIEST.year} to {LATEST.year - 1}")
        return found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise DanelawError(
            "BAD_INSTANT", f"{text!r} is no instant", evidence=str(error), hint="write it as 2026-11-23T12:00:00Z"
        ) from error


def duration(text: str) -> timedelta:
    """A time such as 14d, 2w or 36h; a number alone counts seconds. Raises ``DanelawError("BAD_DURATION")``."""
    found = re.fullmatch(r"([0-9]{1,9})([wdhms]?)", text.lower())
    if found is None:
        raise DanelawError("BAD_DURATION", f"{text!r} is no length of time", hint="write it as 14d, 2w or 36h")
    return timedelta(seconds=int(found.group(1)) * _SECONDS[found.group(2) or "s"])


def command(text: str) -> tuple[str, ...]:
    """A program and its arguments, quoted as for a shell; there is none. Raises ``DanelawError("BAD_COMMAND")``."""
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise DanelawError("BAD_COMMAND", f"{text!r} is no command", evidence=str(error)) from error


def server(text: str) -> tuple[IP, int]:
    """The address of a name server and its port, 53 if none is given. Raises ``DanelawError("BAD_SERVER")``."""
    address, at, port = text.partition("@")
    try:
        found = ip_address(address), int(port) if at else 53
        if not 0 < found[1] < 65536:
            raise ValueError(f"there is no port {port}")
    except ValueError as error:
        raise DanelawError(
            "BAD_SERVER", f"{text!r} is no name server", evidence=str(error), hint="write IP or IP@PORT"
        ) from error
    return found


def address(text: str) -> tuple[IP, int | None]:
    """An address to connect to, and its port if one is given. Raises ``DanelawError("BAD_ADDRESS")``."""
    ip, at, port = text.partition("@")
    try:
        found = ip_address(ip)
        if at and not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536):
            raise ValueError(f"there is no port {port!r}")
    except ValueError as error:
        raise DanelawError(
            "BAD_ADDRESS", f"{text!r} is no address to connect to", evidence=str(error), hint="write IP or IP@PORT"
        ) from error
    return found, int(port) if at else None
