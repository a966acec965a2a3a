"""AUTH TLS in FTP (RFC 4217 §4)."""

from __future__ import annotations

import re
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
_REPLY: Final = re.compile(r"([1-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_READY_SOON: Final = 120
_UNKNOWN: Final = {500: "AUTH", 502: "AUTH", 504: "AUTH TLS"}
"""What a server does not know, by the code it answers with."""


def ftp(exchange: Exchange) -> Script:
    """AUTH TLS is tried, since servers need not tell their features; what it does not know, a server says."""
    code, text = yield from _reply(exchange)
    if code == _READY_SOON:
        code, text = yield from _reply(exchange)
    if code != 220:
        raise refused(text) if code >= 400 else not_this_protocol(text, "a greeting of FTP")
    exchange.say("AUTH TLS")
    code, text = yield from _reply(exchange)
    if code in _UNKNOWN:
        raise not_offered(f"it does not know {_UNKNOWN[code]}: {text}")
    if code != 234:
        raise refused(text) if code >= 400 else unexpected(text, "the reply to AUTH TLS")


def _reply(exchange: Exchange) -> Reading[tuple[int, str]]:
    """A reply; one of several lines ends with the line that repeats its code (RFC 959)."""
    line = yield from exchange.line()
    first = _REPLY.fullmatch(line)
    if first is None:
        raise not_this_protocol(line, "a reply of FTP")
    last = line
    while first[2] == "-" and not last.startswith(f"{first[1]} "):
        last = yield from exchange.line()
    return int(first[1]), last
