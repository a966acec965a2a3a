"""What ``danelaw status`` tells of those who are told: which ways fail."""

from __future__ import annotations

from danelaw import wiring
from danelaw.app.config import Config
from danelaw.core.model import DanelawError
from danelaw.core.model.instants import rfc3339, to_second
from danelaw.core.notify.record import Failing
from danelaw.faces.cli import terminal


async def failing(config: Config) -> dict[str, Failing]:
    """By name, of the ways that are configured. What cannot be read is told by the run that cannot write it."""
    if not config.notify:
        return {}
    try:
        record = await wiring.outlets(config).book.read()
    except DanelawError:
        return {}
    return {name: why for name, why in record.failing.items() if name in config.notify}


def tell(ways: dict[str, Failing]) -> None:
    for name, why in ways.items():
        terminal.show_hanging("notify." + name + "  ", f"fails since {to_second(why.since)}: {why.because}", 2)
        terminal.show("  type         danelaw run --test-notifications")


def failing_json(ways: dict[str, Failing]) -> list[dict[str, object]]:
    """The ``notify`` of ``danelaw status --json``: empty where all ways work."""
    return [
        {"way": name, "code": why.code, "because": why.because, "since": rfc3339(why.since)}
        for name, why in ways.items()
    ]
