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
    offers = [offer(hello) for hello in hellos]
    return "clients" if "any" in offers else f"clients that offer only {' or only '.join(offers)}"
