"""What people type as arguments, read: names, instants, resolvers."""

from __future__ import annotations

from datetime import UTC, datetime

import dns.exception
import dns.name
from dns.name import Name

from danelaw.core.model import DanelawError, Forwarder, Instant, read_forwarder


def domain_name(text: str) -> Name:
    """A domain name in lower case, IDN as A-labels. Raises ``DanelawError("BAD_NAME")``."""
    try:
        return dns.name.from_text(text, idna_codec=dns.name.IDNA_2008_Practical).canonicalize()
    except (dns.exception.DNSException, UnicodeError) as error:
        raise DanelawError(
            "BAD_NAME", f"{text!r} is no domain name", evidence=str(error), hint="write it as www.example.net"
        ) from error


def forwarder(text: str) -> Forwarder:
    """As ``read_forwarder``. Raises ``DanelawError("BAD_RESOLVER")``."""
    try:
        return read_forwarder(text)
    except ValueError as error:
        raise DanelawError(
            "BAD_RESOLVER",
            f"{text!r} is no resolver",
            evidence=str(error),
            hint="write IP, IP@PORT, tls://IP[#NAME] or https://NAME/PATH#IP",
        ) from error


def instant(text: str | None) -> Instant | None:
    """An instant of RFC 3339; None for None. Raises ``DanelawError("BAD_INSTANT")``."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise ValueError("the offset from UTC is missing")
        return found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise DanelawError(
            "BAD_INSTANT", f"{text!r} is no instant", evidence=str(error), hint="write it as 2026-11-23T12:00:00Z"
        ) from error
