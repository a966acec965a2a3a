"""STARTTLS in SMTP and submission (RFC 3207), and in LMTP, which greets with LHLO (RFC 2033 §4.1)."""

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

FAREWELL: Final = b"QUIT\r\n"
_REPLY: Final = re.compile(r"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_UNKNOWN_COMMAND: Final = (500, 502)


@dataclass(frozen=True, slots=True)
class Reply:
    """``code``: of its last line. ``lines``: the text of each, without the code."""

    code: int
    lines: tuple[str, ...]

    @property
    def negative(self) -> bool:
        """Not now, or never (RFC 5321 §4.2.1)."""
        return self.code >= 400

    def __str__(self) -> str:
        return f"{self.code} {' '.join(self.lines)}"


def smtp(exchange: Exchange, hello: str) -> Script:
    """``hello``: the command by which the client introduces itself. A server that does not know it offers no
    extensions."""
    greeting = yield from _reply(exchange)
    if greeting.code != 220:
        raise refused(str(greeting)) if greeting.negative else not_this_protocol(str(greeting), "a greeting of SMTP")
    exchange.say(hello)
    features = yield from _reply(exchange)
    if features.code in _UNKNOWN_COMMAND:
        raise not_offered(f"it does not know {hello.split()[0]}")
    _expect(250, features, f"the reply to {hello.split()[0]}")
    if "STARTTLS" not in {line.upper().strip() for line in features.lines[1:]}:
        raise not_offered(f"the reply to {hello.split()[0]} does not announce STARTTLS")
    exchange.say("STARTTLS")
    _expect(220, (yield from _reply(exchange)), "the reply to STARTTLS")


def _expect(code: int, reply: Reply, what: str) -> None:
    if reply.code == code:
        return
    raise refused(str(reply)) if reply.negative else unexpected(str(reply), what)


def _reply(exchange: Exchange) -> Reading[Reply]:
    """One reply, of as many lines as it has (RFC 5321 §4.2.1)."""
    lines: list[str] = []
    while True:
        line = yield from exchange.line()
        parts = _REPLY.fullmatch(line)
        if parts is None:
            raise not_this_protocol(line, "a reply of SMTP")
        lines.append(parts[3] or "")
        if parts[2] != "-":
            return Reply(int(parts[1]), tuple(lines))
