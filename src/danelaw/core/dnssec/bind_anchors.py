"""Trust anchors as BIND's statements: ``trust-anchors``, and the older ``managed-keys`` and ``trusted-keys``.

There is no RFC of this form: the BIND 9 Administrator Reference Manual and Debian's ``bind.keys`` are the measure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from danelaw.core.dnssec.anchor_records import AnchorRecord, AnchorText, fault, read_dnskey, read_ds, read_zone
from danelaw.core.dnssec.keys import DNSKEY, DS

STATEMENTS: Final = ("trust-anchors", "managed-keys", "trusted-keys")
KINDS: Final[dict[str, Callable[[str], DS | DNSKEY]]] = {
    "initial-key": read_dnskey,
    "static-key": read_dnskey,
    "initial-ds": read_ds,
    "static-ds": read_ds,
}
"""An initial key or digest is one that BIND may replace by itself later; here all are believed alike."""

_TOKEN: Final = re.compile(
    r"""(?P<nothing>\s+|//[^\n]*|\#[^\n]*|/\*.*?\*/)|"(?P<string>[^"]*)"|(?P<word>[{};]|[^\s{};"]+)""",
    flags=re.DOTALL | re.VERBOSE,
)
_HINT: Final = 'write: trust-anchors { . initial-ds 20326 8 2 "E06D44B8…"; };'


@dataclass(frozen=True, slots=True)
class _Token:
    """``line`` counts from 1. A quoted word is never punctuation."""

    text: str
    line: int
    quoted: bool = False

    def marks(self, mark: str) -> bool:
        return self.text == mark and not self.quoted


def is_bind(text: str) -> bool:
    """Whether a statement of BIND's begins in one of the lines."""
    return re.search(rf"^[^;#\n]*\b({'|'.join(STATEMENTS)})\s*(\{{|$)", text, flags=re.MULTILINE) is not None


def bind_anchors(text: str) -> AnchorText:
    """The anchors of all statements. Raises ``DanelawError("ANCHOR_SYNTAX")``, also for statements of other kinds."""
    tokens = _Tokens(text)
    records: list[AnchorRecord] = []
    while (statement := tokens.next_or_none()) is not None:
        if statement.text not in STATEMENTS:
            raise fault(
                f"{statement.text!r} is not a statement of trust anchors",
                f"give a file with {', '.join(STATEMENTS)} alone, such as bind.keys",
                statement.line,
            )
        tokens.expect("{")
        while entry := tokens.until_semicolon():
            records.append(_entry(entry, statement.text))
    return AnchorText(tuple(records))


class _Tokens:
    """What stands in the text besides space and comments, front to back."""

    def __init__(self, text: str) -> None:
        self._rest = self._scan(text)
        self._line = 1

    def _scan(self, text: str) -> Iterator[_Token]:
        at = 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise fault("a quotation mark without its pair", _HINT, self._line)
            if match["nothing"] is None:
                quoted = match["string"] is not None
                yield _Token(match["string"] if quoted else match["word"], self._line, quoted)
            self._line += match[0].count("\n")
            at = match.end()

    def next_or_none(self) -> _Token | None:
        return next(self._rest, None)

    def next(self) -> _Token:
        token = self.next_or_none()
        if token is None:
            raise fault("the text ends within a statement", _HINT, self._line)
        return token

    def expect(self, mark: str) -> None:
        token = self.next()
        if not token.marks(mark):
            raise fault(f"{token.text!r} where {mark!r} belongs", _HINT, token.line)

    def until_semicolon(self) -> list[_Token]:
        """The words of one entry; none where the statement ends instead."""
        words: list[_Token] = []
        while not (token := self.next()).marks(";"):
            if token.marks("}") and not words:
                self.expect(";")
                return []
            if token.marks("{") or token.marks("}"):
                raise fault(f"{token.text!r} where ';' belongs", _HINT, token.line)
            words.append(token)
        if not words:
            raise fault("an empty entry", _HINT, token.line)
        return words


def _entry(words: list[_Token], statement: str) -> AnchorRecord:
    line = words[0].line
    read: Callable[[str], DS | DNSKEY] = read_dnskey
    if statement != "trusted-keys":
        if len(words) < 2 or words[1].text not in KINDS:
            raise fault(f"an entry without one of: {', '.join(KINDS)}", _HINT, line)
        read = KINDS[words.pop(1).text]
    if len(words) != 5:
        raise fault("an entry has a name, three numbers and a string", _HINT, line)
    try:
        return read_zone(words[0].text), read(" ".join(word.text for word in words[1:]))
    except ValueError as error:
        raise fault(str(error), _HINT, line) from error
