"""As much XML as an XMPP stream may hold (RFC 6120 §11.1), read tag by tag: no comments, no processing instructions,
no DTD, no entities but the five predefined. Nothing is ever expanded, so what is kept is never more than what was read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from danelaw.core.starttls.conversation import Reading, StoppedError, Until, not_this_protocol

MAX_DEPTH: Final = 16
STREAM: Final = "http://etherx.jabber.org/streams"
"""The namespace of streams (RFC 6120 §4.8.1)."""

_NAME: Final = r"[^\W\d][\w.-]*"
_ATTRIBUTE: Final = rf"\s++({_NAME}(?::{_NAME})?)\s*+=\s*+('[^'<]*+'|\"[^\"<]*+\")"
_OPENING: Final = re.compile(rf"<({_NAME}(?::{_NAME})?)((?:{_ATTRIBUTE})*+)\s*+(/?)>")
_CLOSING: Final = re.compile(rf"</({_NAME}(?::{_NAME})?)\s*+>")
_EACH: Final = re.compile(_ATTRIBUTE)
_DECLARATION: Final = re.compile(r"<\?xml\s[^<>&]*\?>")
_REFERENCE: Final = re.compile(r"&([^;&<>]{0,8};)?")
_PREDEFINED: Final = {"lt;": "<", "gt;": ">", "amp;": "&", "apos;": "'", "quot;": '"'}


@dataclass(slots=True)
class Element:
    """Names are ``(namespace, local name)``; that of attributes without prefix is ``""``."""

    name: tuple[str, str]
    attributes: Mapping[tuple[str, str], str]
    children: list[Element] = field(default_factory=list)
    text: str = ""


@dataclass(frozen=True, slots=True)
class _Tag:
    before: str
    name: str
    attributes: tuple[tuple[str, str], ...] = ()
    opens: bool = False
    closes: bool = False


Scope = Mapping[str, str]
"""Namespaces by prefix."""
_PREFIXES: Final[Scope] = {"xml": "http://www.w3.org/XML/1998/namespace", "": ""}


class StreamReader:
    """One direction of a stream. ``raw``: the markup since the last element was given, for the transcript."""

    def __init__(self) -> None:
        self._raw: list[str] = []
        self._scope: Scope = _PREFIXES
        self._root = ""

    def take_raw(self) -> str:
        raw = "".join(self._raw)
        self._raw.clear()
        return raw

    def header(self) -> Reading[Element]:
        """The opening tag of the stream. Raises ``StoppedError``, as all of them."""
        markup = yield from self._markup()
        if _DECLARATION.fullmatch(markup.strip()):
            markup = yield from self._markup()
        tag = _tag(markup)
        if tag.before.strip() or not tag.opens:
            raise _wrong(markup)
        element, self._scope = _element(tag, _PREFIXES, markup)
        self._root = tag.name
        if tag.closes or element.name != (STREAM, "stream"):
            raise _wrong(markup)
        return element

    def element(self) -> Reading[Element | None]:
        """The next child of the stream, whole; None: the stream is closed."""
        open_: list[tuple[str, Element, Scope]] = []
        while True:
            markup = yield from self._markup()
            if markup.endswith("]]>"):
                _append(open_, _cdata(markup), markup)
                continue
            tag = _tag(markup)
            _append(open_, tag.before, markup)
            if tag.opens:
                element, scope = _element(tag, open_[-1][2] if open_ else self._scope, markup)
                if open_:
                    open_[-1][1].children.append(element)
                open_.append((tag.name, element, scope))
                if len(open_) > MAX_DEPTH:
                    raise StoppedError("NOT_THIS_PROTOCOL", f"its XML is more than {MAX_DEPTH} elements deep")
            if tag.closes:
                if not open_ and tag.name == self._root:
                    return None
                if not open_ or open_[-1][0] != tag.name:
                    raise _wrong(markup)
                _, element, _ = open_.pop()
                if not open_:
                    return element

    def _markup(self) -> Reading[str]:
        """Character data, and the tag or section behind it."""
        pieces = [(yield _GREATER)]
        while b"<" not in pieces[-1]:
            pieces.append((yield _GREATER))
        inside = pieces[-1].partition(b"<")[2]
        if inside.startswith(b"![CDATA["):
            while not pieces[-1].endswith(b"]]>"):
                pieces.append((yield _GREATER))
        else:
            quote = _open_quote(inside, b"")
            while quote:
                pieces.append((yield _GREATER))
                quote = _open_quote(pieces[-1], quote)
        markup = b"".join(pieces).decode("utf-8", "replace")
        self._raw.append(markup)
        return markup


_GREATER: Final = Until(b">")


def _open_quote(piece: bytes, quote: bytes) -> bytes:
    """The quote that is open behind the piece, if ``quote`` was before it; empty: none."""
    for mark in re.findall(rb"['\"]", piece):
        quote = b"" if quote == mark else quote or mark
    return quote


def _tag(markup: str) -> _Tag:
    before, _, inside = markup.partition("<")
    inside = f"<{inside}"
    before = _text(before)
    if closing := _CLOSING.fullmatch(inside):
        return _Tag(before, closing[1], closes=True)
    opening = _OPENING.fullmatch(inside)
    if opening is None:
        raise _wrong(markup)
    attributes = tuple((found[1], _text(found[2][1:-1])) for found in _EACH.finditer(opening[2]))
    return _Tag(before, opening[1], attributes, opens=True, closes=opening[5] == "/")


def _element(tag: _Tag, outer: Scope, markup: str) -> tuple[Element, Scope]:
    """The element that a tag opens, and the namespaces in it."""
    declared = dict(_declared(tag.attributes))
    scope = {**outer, **declared} if declared else outer
    attributes = {
        _resolved(name, scope if ":" in name else _PREFIXES, markup): value
        for name, value in tag.attributes
        if name != "xmlns" and not name.startswith("xmlns:")
    }
    return Element(_resolved(tag.name, scope, markup), attributes), scope


def _declared(attributes: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, str]]:
    for name, value in attributes:
        if name == "xmlns":
            yield "", value
        elif name.startswith("xmlns:"):
            yield name.removeprefix("xmlns:"), value


def _resolved(name: str, scope: Scope, markup: str) -> tuple[str, str]:
    prefix, _, local = name.rpartition(":")
    if prefix not in scope:
        raise _wrong(markup)
    return scope[prefix], local


def _append(open_: list[tuple[str, Element, Scope]], text: str, markup: str) -> None:
    if open_:
        open_[-1][1].text += text
    elif text.strip():
        raise _wrong(markup)


def _text(raw: str) -> str:
    """With the predefined entities in place of their references; other references are left: nothing rests on them."""
    return _REFERENCE.sub(lambda found: _PREDEFINED.get(found[1] or "", found[0]), raw)


def _cdata(markup: str) -> str:
    before, _, inside = markup.partition("<![CDATA[")
    return _text(before) + inside.removesuffix("]]>")


def _wrong(markup: str) -> StoppedError:
    return not_this_protocol(markup.strip(), "an XMPP stream")
