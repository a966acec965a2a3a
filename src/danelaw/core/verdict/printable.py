"""Text from the network, made fit for a terminal and for a line of a report."""

from __future__ import annotations

from typing import Final

import dns.exception
import dns.name
from dns.name import Name

LONGEST: Final = 256
"""Characters that are shown of one text: a DNS name has at most 253."""


def printable(text: str) -> str:
    """``text`` on one line: what is neither a visible character nor a space is escaped, ``\\x1b`` or ``\\u202e``.

    That takes the power from terminal sequences, from line breaks, and from marks that turn the direction of writing.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def clip(text: str) -> str:
    """At most ``LONGEST`` characters of a text whose length somebody else chose."""
    return text[:LONGEST] + "…" if len(text) > LONGEST else text


def shown(name: Name) -> str:
    """The name for people: U-labels first where there are any, and always the A-labels that they stand for."""
    wire = printable(name.to_text())
    if "xn--" not in wire:
        return wire
    try:
        unicode = printable(name.to_unicode(idna_codec=dns.name.IDNA_2008_Practical))
    except (dns.exception.DNSException, UnicodeError):
        return wire
    return wire if unicode == wire else f"{unicode} ({wire})"
