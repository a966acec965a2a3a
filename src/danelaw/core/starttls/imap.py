"""STARTTLS in IMAP (RFC 9051 §6.2.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from danelaw.core.starttls.conversation import (
    Exchange,
    Reading,
    Script,
    not_offered,
    not_this_protocol,
    refused,
    unexpected,
)

FAREWELL: Final = b"z LOGOUT\r\n"
_GREETING: Final = re.compile(r"\* (OK|PREAUTH|BYE)(?: (.*))?", re.IGNORECASE | re.DOTALL)
_BYE: Final = re.compile(r"\* BYE(?: (.*))?", re.IGNORECASE | re.DOTALL)
_TAGGED: Final = re.compile(r"(\S+) (OK|NO|BAD)(?: (.*))?", re.IGNORECASE | re.DOTALL)
_CAPABILITIES: Final = re.compile(r"(?:\[|^\* )CAPABILITY ([^\]]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Response:
    """What came of a command. ``text``: behind the status of the tagged line. ``lines``: all lines of the response."""

    ok: bool
    text: str
    lines: tuple[str, ...]


def imap(exchange: Exchange) -> Script:
    """The greeting may tell the capabilities; where STARTTLS is not among those, they are asked for.

    A server that greets with PREAUTH takes no STARTTLS any more (RFC 9051 §7.1.4).
    """
    line = yield from exchange.line()
    greeting = _GREETING.fullmatch(line)
    if greeting is None:
        raise not_this_protocol(line, "a greeting of IMAP")
    status, text = greeting[1].upper(), greeting[2] or ""
    if status == "PREAUTH":
        raise not_offered("it greets with PREAUTH, after which TLS cannot be started")
    if status == "BYE":
        raise refused(text)
    if not _announced(line):
        asked = yield from _ask(exchange, "a", "CAPABILITY")
        if not any(_announced(line) for line in asked.lines):
            raise not_offered("its capabilities do not include STARTTLS")
    answer = yield from _ask(exchange, "b", "STARTTLS")
    if not answer.ok:
        raise refused(answer.text)


def _announced(line: str) -> bool:
    found = _CAPABILITIES.search(line)
    return found is not None and "STARTTLS" in found[1].upper().split()


def _ask(exchange: Exchange, tag: str, command: str) -> Reading[Response]:
    """Say a command, and read until the line with its tag; untagged responses before it are part of the answer."""
    exchange.say(f"{tag} {command}")
    lines: list[str] = []
    while True:
        line = yield from exchange.line()
        lines.append(line)
        if farewell := _BYE.fullmatch(line):
            raise refused(farewell[1] or "")
        if line.startswith("* "):
            continue
        tagged = _TAGGED.fullmatch(line)
        if tagged is None or tagged[1] != tag:
            raise unexpected(line, f"the response to {command}")
        return Response(tagged[2].upper() == "OK", tagged[3] or "", tuple(lines))
