"""Services and zones as people name them: by the whole name, or by as much of it as says which."""

from __future__ import annotations

from collections.abc import Iterable

from danelaw.core.model import SubjectName


def named(every: Iterable[SubjectName], text: str) -> tuple[SubjectName, ...]:
    """Those that are meant, one if that is clear: by the whole name, without the transport or the last dot, by host."""
    known, wanted = tuple(every), text.strip().lower()
    for fits in (_is, _is_short, _is_host):
        if fitting := tuple(name for name in known if fits(name.lower(), wanted)):
            return fitting
    return ()


def short(name: str) -> str:
    """Without the transport, without the last dot."""
    return name.lower().removesuffix("/tcp").removesuffix(".")


def _is(name: str, wanted: str) -> bool:
    return name == wanted


def _is_short(name: str, wanted: str) -> bool:
    return short(name) == short(wanted)


def _is_host(name: str, wanted: str) -> bool:
    return ":" in name and name.partition(":")[0] == wanted
