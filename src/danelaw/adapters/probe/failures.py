"""Why there was no handshake, in words that tell an operator what stands there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from OpenSSL import SSL

from danelaw.core.model import HandshakeFailure
from danelaw.core.starttls.strangers import TLS_RECORD, stranger

_SHOWN: Final = 80
_HANDSHAKE: Final = b"\x16"
"""How a record with handshake messages begins (RFC 8446 §5.1)."""
_SERVER_HELLO, _CERTIFICATE_REQUEST = 2, 13
"""Types of handshake messages, the same in TLS 1.2."""
_OUTDATED: Final[dict[int | None, str]] = {0x0002: "SSL 2.0", 0x0300: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1"}

_ALERTS: Final = {
    10: "unexpected_message",
    20: "bad_record_mac",
    22: "record_overflow",
    40: "handshake_failure",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
}
"""Error alerts (RFC 8446 §6.2). Numbers that are not here are told as numbers."""

VERSION_REFUSED: Final = HandshakeFailure("TLS_ALERT", "protocol_version")

_MEANING: Final = {
    "ASN1 lib": "a certificate is malformed",
    "cert length mismatch": "a certificate is malformed",
    "excessive message size": "a message, such as the chain of certificates, is longer than OpenSSL takes",
    "length mismatch": "a message, such as the chain of certificates, is malformed or empty",
}
"""What OpenSSL's reasons say to nobody else."""


@dataclass(slots=True)
class Heard:
    """What the server said during a handshake: its octets, and the alerts by number."""

    octets: bytearray = field(default_factory=bytearray)
    alerts: list[int] = field(default_factory=list)

    @property
    def cleartext(self) -> bool:
        """Whether it began with what begins no TLS."""
        began = self.octets[:2]
        return not any(start.startswith(began) for start in TLS_RECORD)

    @property
    def version(self) -> int | None:
        """The version of the server's hello (RFC 8446 §4.1.3), where that came first."""
        first, body = next(iter(self.messages()), (None, b""))
        return int.from_bytes(body[:2]) if first == _SERVER_HELLO and len(body) > 1 else None

    def messages(self) -> list[tuple[int, bytes]]:
        """The handshake messages that came unencrypted, type and body; the last one may have been cut off."""
        flight, at = bytearray(), 0
        while self.octets[at : at + 1] == _HANDSHAKE:
            end = at + 5 + int.from_bytes(self.octets[at + 3 : at + 5])
            flight += self.octets[at + 5 : end]
            at = end
        found, at = [], 0
        while at + 4 <= len(flight):
            end = at + 4 + int.from_bytes(flight[at + 1 : at + 4])
            found.append((flight[at], bytes(flight[at + 4 : end])))
            at = end
        return found

    def __str__(self) -> str:
        return f"{len(self.octets)} octets came" if self.octets else "not an octet came"


def no_handshake(error: SSL.Error, heard: Heard) -> HandshakeFailure:
    """The failure that ``error`` was, seen with what the server had said."""
    if heard.cleartext:
        return HandshakeFailure("PROTOCOL", _not_tls(bytes(heard.octets[:_SHOWN])))
    if isinstance(error, (SSL.SysCallError, SSL.ZeroReturnError)):
        return HandshakeFailure("CLOSED", "the server closed the connection in the middle of the handshake")
    if heard.alerts:
        alert = _ALERTS.get(heard.alerts[-1], str(heard.alerts[-1]))
        if any(message == _CERTIFICATE_REQUEST for message, _ in heard.messages()):
            alert += ": the server asks clients for a certificate"
        return HandshakeFailure("TLS_ALERT", alert)
    if heard.version in _OUTDATED:
        return HandshakeFailure("TLS_OUTDATED", f"the server wants {_OUTDATED[heard.version]}")
    return HandshakeFailure("PROTOCOL", _reasons(error))


def _not_tls(beginning: bytes) -> str:
    protocol = stranger(beginning)
    return f"the server speaks {protocol}, not TLS" if protocol else f"what the server says is not TLS: {beginning!r}"


def _reasons(error: SSL.Error) -> str:
    reasons = [reason[-1] for reason in error.args[0]] if error.args and isinstance(error.args[0], list) else []
    meaning = [_MEANING[reason] for reason in reasons if reason in _MEANING]
    return "; ".join([*meaning, *dict.fromkeys(reasons)]) or type(error).__name__
