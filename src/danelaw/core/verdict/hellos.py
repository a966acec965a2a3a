"""Kinds of client, as a report names them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from dns.name import Name

from danelaw.core.model import Hello


def offer(hello: Hello, usual: Name | None = None) -> str:
    """``any``, ``ecdsa``, ``rsa``, ``TLSv1.2``, or two of these; with the name that it sends, unless that is ``usual``
    or no name is usual."""
    parts = [part.value for part in (hello.version, hello.algorithm) if part is not None]
    said = " ".join(parts) or "any"
    return said if usual is None or hello.sni == usual else f"{said} for {_name(hello.sni)}"


def whom(hellos: Iterable[Hello], asked_for: Collection[Name | None] = ()) -> str:
    """The clients that see a chain: all, unless only restricted ones do, or those that send one name of several.

    ``asked_for``: the names that unrestricted clients sent.
    """
    seen = list(hellos)
    if all(hello.restricted for hello in seen):
        return f"clients that offer only {' or only '.join(dict.fromkeys(map(offer, seen)))}"
    names = {hello.sni for hello in seen if not hello.restricted}
    if len(set(asked_for) - names):
        return f"clients that ask for {' or '.join(sorted(map(_name, names)))}"
    return "clients"


def _name(sni: Name | None) -> str:
    return sni.to_text(omit_final_dot=True) if sni is not None else "no name"
