"""SSLRequest in PostgreSQL's protocol: a question of eight octets, an answer of one.

https://www.postgresql.org/docs/current/protocol-flow.html, "SSL Session Encryption". What follows the answer at once is
what CVE-2021-23222 is about. There is no farewell: a server that hears nothing more notes nothing.
"""

from __future__ import annotations

from typing import Final

from danelaw.core.starttls.conversation import (
    Exchange,
    Octets,
    Reading,
    Script,
    Until,
    foreign_octet,
    readable,
    refused,
)

SSL_REQUEST: Final = (8).to_bytes(4) + (1234).to_bytes(2) + (5679).to_bytes(2)

MAX_ERROR: Final = 30000
"""An error that claims to be longer is one of the old form: only a text that ends with NUL."""


def postgres(exchange: Exchange) -> Script:
    exchange.send(SSL_REQUEST, "SSLRequest")
    match (yield Octets(1)):
        case b"S":
            exchange.heard("S")
        case b"N":
            exchange.heard("N")
            raise refused("it answers N: it does not start TLS")
        case b"E":
            text = yield from _error(exchange)
            raise refused(text)
        case octet:
            yield from foreign_octet(octet, "S or N")


def _error(exchange: Exchange) -> Reading[str]:
    """The text of an ErrorResponse: a length, itself included; then fields, each a letter and a text that NUL ends."""
    head = yield Octets(4)
    length = int.from_bytes(head)
    if 5 <= length <= MAX_ERROR:
        body = yield Octets(length - 4)
        fields = {field[:1]: field[1:] for field in body.split(b"\0") if field}
        text = readable(fields.get(b"M", b""))
    else:
        text = readable((head + (yield Until(b"\0"))).rstrip(b"\0"))
    exchange.heard(f"E {text}")
    return text
