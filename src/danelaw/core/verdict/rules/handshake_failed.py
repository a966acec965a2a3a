"""A server that answers and speaks no TLS: a TLSA record promised that it would."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.case import Case
from danelaw.core.verdict.report import Level, Rule, Said

_TOLD_ELSEWHERE: Final = frozenset(
    {"STARTTLS_NOT_OFFERED", "STARTTLS_REFUSED", "STARTTLS_INJECTED", "NOT_THIS_PROTOCOL", "TLS_OUTDATED"}
)


def _look(case: Case) -> Iterable[Said]:
    """What a dialogue before TLS ended with has rules of its own, and so have old versions of TLS."""
    for address, failure in case.failures.items():
        if failure.code in _TOLD_ELSEWHERE:
            continue
        yield Said(
            str(case.evidence.endpoint),
            "nothing listens there: the connection was refused"
            if failure.code == "CONNECTION_REFUSED"
            else "the server answers, and no TLS comes of it",
            address,
            (f"{failure.code}: {failure.detail}" if failure.detail else failure.code,),
        )


RULE: Final = Rule(
    id="HANDSHAKE_FAILED",
    level=Level.ERROR,
    citation="RFC 7671 §10.3",
    remedy="make the server accept TLS at this address, or take the address out of DNS",
    applies=lambda case: bool(case.addresses),
    look=_look,
)
