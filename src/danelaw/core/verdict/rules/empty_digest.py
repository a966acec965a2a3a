"""A record with the digest of nothing: whatever made it was given an empty file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said

OF_NOTHING: Final = (hashlib.sha256(b"").digest(), hashlib.sha512(b"").digest())


def _look(case: Case) -> Iterable[Said]:
    for record in case.usable:
        if record.data in OF_NOTHING:
            yield Said(
                f"TLSA {record.brief()}",
                "this record holds the digest of no octets at all, and names no certificate and no key",
            )


RULE: Final = Rule(
    id="EMPTY_DIGEST",
    level=Level.WARNING,
    citation="RFC 6698 §2.1.4",
    remedy="make the record again, from the certificate or key that the server uses",
    applies=lambda case: bool(case.usable),
    look=_look,
)
