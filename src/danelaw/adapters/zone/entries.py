"""The entries of a master file with their places in it (RFC 1035 §5.1).

Text is what ISO 8859-1 makes of the file's bytes, so that offsets are the bytes' and writing it back changes none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

ENCODING: Final = "latin-1"

_BYTE_ORDER_MARK: Final = "\xef\xbb\xbf"
"""UTF-8's, which some editors put before the text; it says nothing and stays where it is."""

_USUAL: Final = re.compile(r"[ \t]*[!#-'*-:<-\[\]-~][!#-'*-:<-\[\]-~ \t]*(?:\r?\n|\Z)")
"""A line that is an entry of its own: ASCII without quotes, escapes, parentheses and remarks."""

_PIECE: Final = re.compile(
    r"""(?P<newline>\n)
      | (?P<space>[ \t\r\f\v]+)
      | (?P<comment>;[^\n]*)
      | (?P<parenthesis>[()])
      | (?P<quoted>"(?:[^"\\\n]|\\[^\r\n])*")
      | (?P<word>(?:[^ \t\r\n\f\v;()"\\]|\\[^\r\n])+
          (?:(?<==)"(?:[^"\\\n]|\\[^\r\n])*")?)  # key="value" is one word: RFC 9460 §2.1""",
    re.VERBOSE,
)


class EntryError(ValueError):
    """The text cannot be split into entries. ``at`` is the offset of what is wrong."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(message)
        self.at = at


@dataclass(frozen=True, slots=True)
class Token:
    """A word as it is written, with its quotes and escapes; ``at`` is its offset in the text."""

    text: str
    at: int

    @property
    def plain(self) -> str:
        """In ASCII: octets above 127 as ``\\DDD`` (RFC 1035 §5.1), so that libraries guess at no encoding."""
        if self.text.isascii():
            return self.text
        return "".join(c if c < "\x80" else f"\\{ord(c):03d}" for c in self.text)


@dataclass(frozen=True, slots=True)
class Entry:
    """One record or control entry, over several lines where it has parentheses.

    ``text[start:end]`` are its whole lines, ``text`` being that of the whole file. ``line`` counts from 1.
    ``continues``: it begins with blanks, and so has the last stated owner.
    """

    line: int
    start: int
    end: int
    continues: bool
    text: str = field(repr=False)

    @property
    def tokens(self) -> tuple[Token, ...]:
        """Its words and where they are, found anew each time."""
        pieces = _PIECE.finditer(self.text, self.start, self.end)
        return tuple(Token(piece.group(), piece.start()) for piece in pieces if piece.lastgroup in ("quoted", "word"))


def split_entries(text: str) -> Iterator[tuple[Entry, list[str]]]:
    """The entries that are not empty, in order, each with its words, ``Token.plain``. Raises ``EntryError``."""
    at = len(_BYTE_ORDER_MARK) if text.startswith(_BYTE_ORDER_MARK) else 0
    line = 1
    usual = _USUAL.match
    while at < len(text):
        if found := usual(text, at):
            end = found.end()
            yield Entry(line, at, end, text[at] in " \t", text), text[at:end].split()
            at, line = end, line + 1
            continue
        end, tokens = _one_entry(text, at)
        if tokens:
            yield Entry(line, at, end, text[at] in " \t", text), [token.plain for token in tokens]
        line += text.count("\n", at, end)
        at = end


def split_words(text: str) -> list[str]:
    """The words of a line, as those of ``split_entries``; what is no word is passed over."""
    pieces = _PIECE.finditer(text)
    return [Token(piece.group(), 0).plain for piece in pieces if piece.lastgroup in ("quoted", "word")]


def _one_entry(text: str, at: int) -> tuple[int, list[Token]]:
    """Where the entry that begins at ``at`` ends, and its words, if it has any."""
    tokens, opened = list[Token](), list[int]()
    while at < len(text):
        piece = _PIECE.match(text, at)
        if piece is None:
            what = "a quoted string is not closed on its line" if text[at] == '"' else "an escape without a character"
            raise EntryError(at, what)
        match piece.lastgroup:
            case "parenthesis" if piece.group() == "(":
                opened.append(at)
            case "parenthesis":
                if not opened:
                    raise EntryError(at, "a closing parenthesis without an opening one")
                opened.pop()
            case "quoted" | "word":
                tokens.append(Token(piece.group(), at))
        at = piece.end()
        if piece.lastgroup == "newline" and not opened:
            break
    if opened:
        raise EntryError(opened[0], "an opening parenthesis is never closed")
    return at, tokens
