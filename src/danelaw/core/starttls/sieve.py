"""STARTTLS in ManageSieve (RFC 5804 §2.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from danelaw.core.starttls.conversation import (
    Exchange,
    Octets,
    Reading,
    Script,
    not_offered,
    not_this_protocol,
    readable,
    refused,
)

FAREWELL: Final = b"LOGOUT\r\n"
_LITERAL: Final = re.compile(r"\{([0-9]{1,5})\+?\}$")
_STATUS: Final = re.compile(r"(OK|NO|BYE)(?: (.*))?", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Response:
    """``lines``: those before the one that tells the status, which are capabilities."""

    ok: bool
    text: str
    lines: tuple[str, ...]


def sieve(exchange: Exchange) -> Script:
    """The greeting lists the capabilities (RFC 5804 §1.7)."""
    greeting = yield from _response(exchange)
    if not greeting.ok:
        raise refused(greeting.text)
    if not any(line.partition(" ")[0].upper() == '"STARTTLS"' for line in greeting.lines):
        raise not_offered("its capabilities do not include STARTTLS")
    exchange.say("STARTTLS")
    answer = yield from _response(exchange)
    if not answer.ok:
        raise refused(answer.text)


def _response(exchange: Exchange) -> Reading[Response]:
    lines: list[str] = []
    while True:
        line = yield from _whole_line(exchange)
        if line.startswith('"'):
            lines.append(line)
            continue
        status = _STATUS.fullmatch(line)
        if status is None:
            raise not_this_protocol(line, "a response of ManageSieve")
        return Response(status[1].upper() == "OK", status[2] or line, tuple(lines))


def _whole_line(exchange: Exchange) -> Reading[str]:
    """A line, with the literal strings in it (RFC 5804 §4)."""
    line = yield from exchange.line()
    while literal := _LITERAL.search(line):
        count = int(literal[1])
        text = readable((yield Octets(count))) if count else ""
        rest = yield from exchange.line()
        line = f'{line[: literal.start()]}"{text}"{rest}'
    return line
