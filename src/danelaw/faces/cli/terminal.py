"""The one module that prints. Data to standard output, talk to standard error.

Colour and redrawing only on a terminal, and no colour under ``NO_COLOR``. Control characters never get through: what is
shown may come from the network.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TextIO

import click

from danelaw.core.model import DanelawError

UNDECIDED: Final = frozenset(
    {
        "SCENE_TIMEOUT",
        "TIMEOUT",
        "CA_UNREACHABLE",
        "RUNNER_BUSY",
        "SERIAL_NOT_SERVED",
        "SERVERS_UNKNOWN",
        "SERVER_UNSEEN",
        "SOURCE_CHANGED",
        "ZONE_LOCKED",
    }
)
"""Errors after which nothing is known for certain: exit status 3."""

FULL: Final = frozenset({errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC, errno.EPIPE})
"""How a write fails where opening did not."""


@dataclass(frozen=True, slots=True)
class Ink:
    """Text with a look."""

    text: str
    fg: str | None = None
    bold: bool = False
    dim: bool = False


class _Line:
    """The last line of the terminal, where it tells what is awaited."""

    waiting = False


def width() -> int:
    return min(shutil.get_terminal_size((80, 24)).columns, 100)


def interactive() -> bool:
    """Whether talk goes to a terminal, where lines can be redrawn."""
    return sys.stderr.isatty()


def data(text: str) -> None:
    """A result, to standard output."""
    _clear()
    click.echo(text)


def raw(text: str) -> None:
    """A whole document to standard output, its last line ended already, in UTF-8 whatever the locale."""
    _clear()
    sys.stdout.buffer.write(text.encode("utf-8"))


def show(*segments: str | Ink) -> None:
    """A line of a result, to standard output, with its looks where that is a terminal."""
    _clear()
    click.echo("".join(_inked(segment, sys.stdout) for segment in segments), color=True)


def show_hanging(head: str, text: str, indent: int | None = None) -> None:
    """As ``hanging``, to standard output; what goes on below does so at ``indent``, or where the text began."""
    pad = " " * (len(head) if indent is None else indent)
    lines = textwrap.wrap(
        text,
        max(30, width()),
        initial_indent=head,
        subsequent_indent=pad,
        break_on_hyphens=False,
        break_long_words=False,
    )
    for line in lines or [head]:
        show(line)


def plain_only(text: str) -> bool:
    """Whether standard output cannot show all of these characters."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return True
    return False


def need_output() -> None:
    """Raises ``DanelawError("OUTPUT_UNWRITABLE")`` where standard output is closed, or takes nothing."""
    try:
        if sys.stdout is None:  # so Python finds a closed one; its number may be somebody else's by now
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        os.write(sys.stdout.fileno(), b"")
    except OSError as error:
        raise DanelawError(
            "OUTPUT_UNWRITABLE",
            "cannot write to standard output",
            evidence=error.strerror or "",
            hint="the result goes there: redirect it to a file or a pipe",
        ) from error


def say(*segments: str | Ink) -> None:
    """A line of talk, to standard error; it takes the place of a line that told of a wait."""
    _clear()
    click.echo("".join(map(_inked, segments)), err=True, color=True)


def wait(text: str) -> None:
    """What is awaited, on one line of a terminal that is redrawn."""
    _clear()
    shown = text if len(text) < width() else f"{text[: width() - 2]}…"
    click.echo(_inked(Ink(shown, dim=True)), nl=False, err=True, color=True)
    _Line.waiting = True


def paragraph(text: str, indent: str = "") -> None:
    for line in textwrap.wrap(text, width() - len(indent), break_long_words=False, break_on_hyphens=False) or [""]:
        say(indent + line)


def hanging(head: Sequence[str | Ink], text: str) -> None:
    """A line that begins with ``head``, and whose text goes on below where it began."""
    indent = sum(len(part.text if isinstance(part, Ink) else part) for part in head)
    lines = textwrap.wrap(text, max(20, width() - indent), break_on_hyphens=False) or [""]
    say(*head, lines[0])
    for line in lines[1:]:
        say(" " * indent + line)


def error(problem: DanelawError) -> None:
    """What happened, the evidence, and the next step."""
    say(Ink("error: ", fg="red", bold=True), str(problem))
    if problem.hint:
        say(Ink("hint: ", bold=True), problem.hint)


def is_full(problem: OSError) -> bool:
    """Whether this says that something could not be written."""
    return problem.errno in FULL


def give_up(problem: OSError) -> None:
    """Say, where anything can still be said, that something could not be written. A reader who went away knows."""
    if problem.errno != errno.EPIPE:
        what = f" {problem.filename}" if problem.filename else ""
        with contextlib.suppress(OSError):
            say(Ink("error: ", fg="red", bold=True), f"cannot write{what}: {problem.strerror}")
    for stream in (sys.stdout, sys.stderr):
        if stream is None:
            continue
        try:
            stream.flush()
        except OSError:  # Python would try once more when it ends, and complain
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def _inked(segment: str | Ink, stream: TextIO | None = None) -> str:
    ink = segment if isinstance(segment, Ink) else Ink(segment)
    text = "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in ink.text)
    onto = stream or sys.stderr
    if onto is None or not onto.isatty() or os.environ.get("NO_COLOR") or ink == Ink(ink.text):
        return text
    return click.style(text, fg=ink.fg, bold=ink.bold or None, dim=ink.dim or None)


def _clear() -> None:
    if _Line.waiting:
        click.echo("\r\033[K", nl=False, err=True, color=True)
        _Line.waiting = False
