"""STLS in POP3 (RFC 2595 §4)."""

from __future__ import annotations

from typing import Final

from danelaw.core.starttls.conversation import Exchange, Script, not_offered, not_this_protocol, refused

FAREWELL: Final = b"QUIT\r\n"


def pop3(exchange: Exchange) -> Script:
    """The capabilities are asked for (RFC 2449 §5); a server that does not tell any is asked to start TLS anyway."""
    greeting = yield from exchange.line()
    if not _positive(greeting, "a greeting of POP3"):
        raise refused(greeting)
    exchange.say("CAPA")
    line = yield from exchange.line()
    told = _positive(line, "the response to CAPA")
    if told:
        capabilities = yield from exchange.listed()
        if "STLS" not in capabilities:
            raise not_offered("its capabilities do not include STLS")
    exchange.say("STLS")
    line = yield from exchange.line()
    if not _positive(line, "the response to STLS"):
        raise refused(line) if told else not_offered(f"it knows neither CAPA nor STLS: {line}")


def _positive(line: str, what: str) -> bool:
    """Whether the status is positive (RFC 1939 §3)."""
    match line.split(" ", 1)[0].upper():
        case "+OK":
            return True
        case "-ERR":
            return False
        case _:
            raise not_this_protocol(line, what)
