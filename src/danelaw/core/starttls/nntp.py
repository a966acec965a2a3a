"""STARTTLS in NNTP (RFC 4642 §2.2)."""

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
_RESPONSE: Final = re.compile(r"([1-5][0-9]{2})(?: .*)?", re.DOTALL)
_GREETINGS: Final = (200, 201)
"""Posting allowed, or not (RFC 3977 §5.1.1)."""


def nntp(exchange: Exchange) -> Script:
    """The capabilities are asked for (RFC 3977 §5.2); a server from before there were any cannot start TLS."""
    code, line = yield from _response(exchange)
    if code not in _GREETINGS:
        raise refused(line) if code >= 400 else not_this_protocol(line, "a greeting of NNTP")
    exchange.say("CAPABILITIES")
    code, line = yield from _response(exchange)
    if code == 500:
        raise not_offered("it does not know CAPABILITIES")
    if code != 101:
        raise refused(line) if code >= 400 else unexpected(line, "the response to CAPABILITIES")
    if "STARTTLS" not in (yield from exchange.listed()):
        raise not_offered("its capabilities do not include STARTTLS")
    exchange.say("STARTTLS")
    code, line = yield from _response(exchange)
    if code != 382:
        raise refused(line) if code >= 400 else unexpected(line, "the response to STARTTLS")


def _response(exchange: Exchange) -> Reading[tuple[int, str]]:
    line = yield from exchange.line()
    parts = _RESPONSE.fullmatch(line)
    if parts is None:
        raise not_this_protocol(line, "a response of NNTP")
    return int(parts[1]), line
