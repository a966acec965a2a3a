"""What every dialogue is: steps, and the two ways to end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

MAX_OCTETS: Final = 1 << 16
"""What a server may say before TLS starts, all in all."""

MAX_SAID: Final = 64
"""Lines that are kept of what was said, to be shown."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The server waits for a TLS handshake, and nothing of it stands behind its last reply."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """No TLS will come of it.

    ``code``: ``STARTTLS_NOT_OFFERED``, the server does not announce it; ``STARTTLS_REFUSED``, it announced it and said
    no, or wants nobody now; ``STARTTLS_INJECTED``, cleartext stands behind its reply; ``NOT_THIS_PROTOCOL``, what it
    says is something else, or too much of it; ``CLOSED``, it closed the connection.
    """

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Step:
    """Send these octets, if any; then, unless there is an ``end``, read on."""

    send: bytes = b""
    end: Ready | Stopped | None = None


class Dialogue(Protocol):
    """One conversation. After a step with an ``end``, no method is called any more."""

    def begin(self) -> Step:
        """Before anything was read."""
        ...

    def receive(self, octets: bytes) -> Step:
        """Whatever was read, in pieces of any size; no octets: the server closed the connection."""
        ...

    @property
    def said(self) -> tuple[str, ...]:
        """What was said, a line each, ``> `` before ours and ``< `` before the server's; unescaped, and bounded by
        ``MAX_SAID`` lines."""
        ...

    @property
    def farewell(self) -> bytes:
        """What a polite client says under TLS before it goes, so that servers note no lost connection; or nothing."""
        ...
