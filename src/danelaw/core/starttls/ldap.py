"""StartTLS in LDAP: an extended operation, in BER (RFC 4511 §4.14)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from danelaw.core.starttls.conversation import (
    Exchange,
    Octets,
    Reading,
    Script,
    foreign_octet,
    not_offered,
    not_this_protocol,
    readable,
    refused,
)
from danelaw.core.starttls.dialogue import MAX_OCTETS

START_TLS: Final = b"1.3.6.1.4.1.1466.20037"
DISCONNECTION: Final = b"1.3.6.1.4.1.1466.20036"
"""The name of the response by which a server takes its leave (RFC 4511 §4.4.1)."""

_INTEGER, _OCTETS, _ENUMERATED, _SEQUENCE = 0x02, 0x04, 0x0A, 0x30
_EXTENDED_REQUEST, _EXTENDED_RESPONSE = 0x77, 0x78
_REQUEST_NAME, _RESPONSE_NAME = 0x80, 0x8A

FAREWELL: Final = bytes([_SEQUENCE, 5, _INTEGER, 1, 2, 0x42, 0])
"""UnbindRequest (RFC 4511 §4.3), the second message."""

SUCCESS: Final = 0
PROTOCOL_ERROR: Final = 2
RESULTS: Final = {
    0: "success",
    1: "operationsError",
    2: "protocolError",
    3: "timeLimitExceeded",
    7: "authMethodNotSupported",
    8: "strongerAuthRequired",
    10: "referral",
    11: "adminLimitExceeded",
    12: "unavailableCriticalExtension",
    13: "confidentialityRequired",
    48: "inappropriateAuthentication",
    49: "invalidCredentials",
    50: "insufficientAccessRights",
    51: "busy",
    52: "unavailable",
    53: "unwillingToPerform",
    80: "other",
}
"""Those result codes that an extended operation may meet (RFC 4511 §4.1.9); others are told as numbers."""


class BERError(Exception):
    """These octets are not what was expected."""


@dataclass(frozen=True, slots=True)
class Response:
    """An ExtendedResponse. ``name``: empty where the server tells none, as it may."""

    message: int
    code: int
    text: str
    name: bytes

    def __str__(self) -> str:
        result = RESULTS.get(self.code, f"result code {self.code}")
        return f"{result}: {self.text}" if self.text else result


def ldap(exchange: Exchange) -> Script:
    """A server that cannot do TLS answers protocolError (RFC 4511 §4.14.1); nothing is announced before."""
    exchange.send(_request(), "StartTLS")
    response = yield from _response(exchange)
    exchange.heard(str(response))
    if response.name == DISCONNECTION or response.message == 0:
        raise refused(f"it disconnects: {response}")
    if response.code == PROTOCOL_ERROR:
        raise not_offered(f"it does not know StartTLS: {response}")
    if response.code != SUCCESS:
        raise refused(str(response))


def _request() -> bytes:
    operation = _element(_EXTENDED_REQUEST, _element(_REQUEST_NAME, START_TLS))
    return _element(_SEQUENCE, _element(_INTEGER, b"\x01") + operation)


def _element(tag: int, content: bytes) -> bytes:
    """In BER; ``content`` of less than 128 octets."""
    return bytes([tag, len(content)]) + content


def _response(exchange: Exchange) -> Reading[Response]:
    tag = yield Octets(1)
    if tag[0] != _SEQUENCE:
        yield from foreign_octet(tag, "a message of LDAP")
    length = (yield Octets(1))[0]
    if length > 0x80:
        more = length - 0x80
        length = int.from_bytes((yield Octets(more))) if more <= 4 else MAX_OCTETS + 1
    if not 0 < length <= MAX_OCTETS or length == 0x80:
        raise not_this_protocol(tag, "a message of LDAP with a length that can be")
    body = yield Octets(length)
    try:
        return _read(body)
    except BERError as error:
        raise not_this_protocol(body, f"an ExtendedResponse of LDAP ({error})") from error


def _read(body: bytes) -> Response:
    """LDAPMessage without its outermost tag and length (RFC 4511 §4.1.1, §4.12). Raises ``BERError``."""
    message, rest = _take(body, _INTEGER)
    operation, _ = _take(rest, _EXTENDED_RESPONSE)
    code, rest = _take(operation, _ENUMERATED)
    _, rest = _take(rest, _OCTETS)
    text, rest = _take(rest, _OCTETS)
    name = b""
    while rest and not name:
        if rest[0] == _RESPONSE_NAME:
            name, rest = _take(rest, _RESPONSE_NAME)
        else:
            _, rest = _take(rest, rest[0])
    return Response(int.from_bytes(message), int.from_bytes(code), readable(text), name)


def _take(octets: bytes, tag: int) -> tuple[bytes, bytes]:
    """The content of the element at the start, which has that tag; and what follows. Only the definite form of lengths
    is used (RFC 4511 §5.1). Raises ``BERError``."""
    if len(octets) < 2 or octets[0] != tag:
        raise BERError(f"no element with tag {tag:#04x}")
    start, length = 2, octets[1]
    if length & 0x80:
        start += length & 0x7F
        if not 2 < start <= 6 or len(octets) < start:
            raise BERError("a length that cannot be")
        length = int.from_bytes(octets[2:start])
    if len(octets) < start + length:
        raise BERError("an element that is cut short")
    return octets[start : start + length], octets[start + length :]
