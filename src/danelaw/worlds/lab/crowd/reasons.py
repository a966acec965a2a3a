"""Why a client refuses: one stable code each."""

from __future__ import annotations

import enum


class Reason(enum.StrEnum):
    """The stable codes of refusals, and of connections that found no service."""

    TLSA_MISMATCH = "TLSA_MISMATCH"
    """Secure, usable TLSA records are there and none matches the presented chain (RFC 6698 §4.1)."""
    DANE_NAME = "DANE_NAME"
    """A trust anchor from DANE-TA(2) matched; the certificate names another host (RFC 7671 §5.2)."""
    DANE_EXPIRED = "DANE_EXPIRED"
    """A trust anchor from DANE-TA(2) matched; a certificate is outside its dates."""
    PKIX_NAME = "PKIX_NAME"
    PKIX_EXPIRED = "PKIX_EXPIRED"
    PKIX_UNTRUSTED = "PKIX_UNTRUSTED"
    """No path to a root."""
    BOGUS_SIGNATURE = "BOGUS_SIGNATURE"
    """An RRSIG is there and no key that is held verifies it."""
    SIGNATURE_MISSING = "SIGNATURE_MISSING"
    """Unsigned data in a zone that has a DS."""
    SIGNATURE_EXPIRED = "SIGNATURE_EXPIRED"
    SIGNATURE_EARLY = "SIGNATURE_EARLY"
    """Before the RRSIG's inception."""
    DS_MISMATCH = "DS_MISMATCH"
    """No DNSKEY of the zone is one that the DS speaks of (RFC 4035 §5.2)."""
    DENIAL_INVALID = "DENIAL_INVALID"
    """An absence is claimed that the NSEC records do not prove (RFC 4035 §5.4)."""
    BOGUS = "BOGUS"
    """A validating resolver fails, and answers when told not to check (RFC 4035 §3.2.2)."""
    NO_ANSWER = "NO_ANSWER"
    """No authoritative address, or resolver, gave a usable answer in time."""
    TLS_FAILED = "TLS_FAILED"
    STARTTLS_MISSING = "STARTTLS_MISSING"
    """The server does not offer STARTTLS though TLSA records say that TLS is served there (RFC 7672 §2.2)."""
    CONNECTION_REFUSED = "CONNECTION_REFUSED"
    """The port is closed though TLSA records say that TLS is served there."""
    CONNECTION_FAILED = "CONNECTION_FAILED"
    """No TCP connection for another cause: unreachable, or not in time."""
    HTTP_FAILED = "HTTP_FAILED"
    TOO_SLOW = "TOO_SLOW"
    """The whole connection, look-ups included, took longer than a client waits."""
    NO_ADDRESS = "NO_ADDRESS"
    """The host has neither A nor AAAA."""
    CLOSED = "CLOSED"
    """Both the TLS port and port 80 are closed, and no TLSA record promises otherwise."""


class RefusedError(Exception):
    """A client gives up. ``detail`` names the record or certificate that is to blame."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail
