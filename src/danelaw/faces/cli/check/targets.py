"""The targets of a check: as arguments, from files, from standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TextIO

from danelaw.core.model import DanelawError, Target, read_target

STDIN: Final = "-"
LONGEST_LINE: Final = 4096
MOST_LINES: Final = 1 << 20
MOST_TOLD: Final = 10
"""Lines of a file that are no targets, of which people are told at once."""


def read_targets(arguments: Sequence[str], files: Sequence[str], starttls: str | None) -> tuple[Target, ...]:
    """Each once, in the order given. ``-`` among the arguments or the files is standard input.

    Raises ``DanelawError``: ``BAD_TARGET``, ``BAD_NAME``, ``TARGETS_UNREADABLE``, ``NO_TARGETS``.
    """
    found: dict[Target, None] = {}
    for argument in arguments:
        found |= dict.fromkeys(_listed(STDIN, starttls) if argument == STDIN else [read_target(argument, starttls)])
    for file in files:
        found |= dict.fromkeys(_listed(file, starttls))
    if not found:
        raise DanelawError(
            "NO_TARGETS",
            "there is nothing to check",
            evidence=f"{', '.join(files or arguments)}: no target in it" if files or arguments else "",
            hint="name a target, such as www.example.net or smtp:example.net, or --file FILE with one on each line",
        )
    return tuple(found)


def _listed(file: str, starttls: str | None) -> list[Target]:
    """Of a file, one on each line; ``#`` begins a comment. All that are none are told at once."""
    targets: list[Target] = []
    wrong: list[str] = []
    for number, text in _lines(file):
        written = text.partition("#")[0].strip()
        try:
            if written:
                targets.append(read_target(written, starttls))
        except DanelawError as error:
            wrong.append(f"line {number}: {error}")
            if len(wrong) == MOST_TOLD:
                break
    if wrong:
        raise DanelawError(
            "BAD_TARGET",
            f"{_called(file)} has lines that cannot be checked"
            if len(wrong) > 1
            else f"{_called(file)} has a bad line",
            evidence="\n".join(wrong) if len(wrong) > 1 else wrong[0],
            hint="write one target on each line, such as www.example.net, host:port or smtp:example.net",
        )
    return targets


def _lines(file: str) -> Iterator[tuple[int, str]]:
    try:
        if file == STDIN:
            yield from _bounded(sys.stdin)
        else:
            with open(file, encoding="utf-8-sig") as opened:  # noqa: PTH123  # the name is as typed, not a Path
                yield from _bounded(opened)
    except (OSError, ValueError) as error:  # UnicodeDecodeError is a ValueError
        raise DanelawError(
            "TARGETS_UNREADABLE",
            f"no targets can be read from {_called(file)}",
            evidence=(error.strerror or "") if isinstance(error, OSError) else str(error),
            hint="name a text file with one target on each line, or - for standard input",
        ) from error


def _bounded(stream: TextIO | None) -> Iterable[tuple[int, str]]:
    if stream is None:  # so Python finds a closed standard input
        raise ValueError("it is closed")
    number = 0
    while line := stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise ValueError(f"line {number} has more than {LONGEST_LINE} characters")
        if number > MOST_LINES:
            raise ValueError(f"it has more than {MOST_LINES} lines")
        yield number, line


def _called(file: str) -> str:
    return "standard input" if file == STDIN else file
