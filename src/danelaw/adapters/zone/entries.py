"""The entries of a master file with their places in it (RFC 1035 §5.1).

Text is what ISO 8859-1 makes of the file's bytes, so that offsets are the bytes' and writing it back changes none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

ENCODING: Final = "latin-1"

_PIECE: Final = re.compile(
    r"""(?P<newline>\n)
      | (?P<space>[ \t\r\f\v]+)
      | (?P<comment>;[^\n]*)
      | (?P<parenthesis>[()])
      | (?P<quoted>"(?:[^"\\\n]|\\[^\n])*")
      | (?P<word>(?:[^ \t\r\n\f\v;()"\\]|\\[^\n])+
          (?:(?<==)"(?:[^"\\\n]|\\[^\n])*")?)  # key="value" is one word: RFC 9460 §2.1""",
    re.VERBOSE,
)


class EntryError(ValueError):
    """The text cannot be split into entries. ``line`` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Token:
    """A word as it is written, with its quotes and escapes; ``at`` is its offset in the text."""

    text: str
    at: int

    @property
    def plain(self) -> str:
        """In ASCII: octets above 127 as ``\\DDD`` (RFC 1035 §5.1), so that libraries guess at no encoding."""
        return "".join(c if c < "\x80" else f"\\{ord(c):03d}" for c in self.text)


@dataclass(frozen=True, slots=True)
class Entry:
    """One record or control entry, over several lines where it has parentheses.

    ``text[start:end]`` are its whole lines. ``continues``: it begins with blanks, and so has the last stated owner.
    """

    line: int
    start: int
    end: int
    continues: bool
    tokens: tuple[Token, ...]


def split_entries(text: str) -> Iterator[Entry]:
    """The entries that are not empty, in order. Raises ``EntryError``."""
    at, line, depth = 0, 1, 0
    start, first_line, tokens = 0, 1, list[Token]()
    while at < len(text):
        piece = _PIECE.match(text, at)
        if piece is None:
            raise EntryError(line, "a quoted string or an escape does not end on its line")
        match piece.lastgroup:
            case "parenthesis":
                depth += 1 if piece.group() == "(" else -1
                if depth < 0:
                    raise EntryError(line, "a closing parenthesis without an opening one")
            case "quoted" | "word":
                tokens.append(Token(piece.group(), at))
            case "newline":
                line += 1
        at = piece.end()
        if (piece.lastgroup == "newline" and not depth) or at == len(text):
            if depth:
                raise EntryError(first_line, "an opening parenthesis is never closed")
            if tokens:
                yield Entry(first_line, start, at, text[start] in " \t", tuple(tokens))
            start, first_line, tokens = at, line, []
