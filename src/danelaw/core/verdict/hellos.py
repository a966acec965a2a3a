"""Kinds of client, as a report names them."""

from __future__ import annotations

from collections.abc import Iterable

from danelaw.core.model import Hello


def offer(hello: Hello) -> str:
    """``any``, ``ecdsa``, ``rsa``, ``TLSv1.2``, or two of these."""
    parts = [part.value for part in (hello.version, hello.algorithm) if part is not None]
    return " ".join(parts) or "any"


def whom(hellos: Iterable[Hello]) -> str:
    """The clients that see a chain: all of them, unless only restricted ones do."""
    seen = list(hellos)
    if all(hello.restricted for hello in seen):
        return f"clients that offer only {' or only '.join(map(offer, seen))}"
    return "clients"
