"""A server's key that is too small: DANE names it all the same, and clients refuse it, today or soon."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.tlsa.advice import SMALLEST_RSA
from danelaw.core.tlsa.outline import rsa_bits
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said


def _look(case: Case) -> Iterable[Said]:
    for view in case.views:
        bits = rsa_bits(view.leaf.spki) if view.leaf is not None else None
        if bits is not None and bits < SMALLEST_RSA:
            yield Said(
                str(view.leaf),
                f"the server's RSA key has {bits} bits, where {SMALLEST_RSA} are the least that is accepted everywhere",
                view.address,
            )


RULE: Final = Rule(
    id="WEAK_KEY",
    level=Level.WARNING,
    citation="RFC 9325 §4.5",
    remedy="make an ECDSA key, or an RSA key of 2048 bits or more, and publish its record before it is served",
    applies=lambda case: bool(case.views),
    look=_look,
)
