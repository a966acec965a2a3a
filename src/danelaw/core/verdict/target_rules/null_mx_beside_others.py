"""A null MX beside other MX records: the domain says both that it takes mail and that it does not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.report import Level, Said
from danelaw.core.verdict.target import TargetCase, TargetRule


def _look(case: TargetCase) -> Iterable[Said]:
    if any(server.nobody for server in case.servers) and len(case.servers) > 1:
        yield Said(
            case.subject,
            "one MX record says that the domain takes no mail, and others name servers for it",
            details=tuple(str(server.host) for server in case.servers),
        )


RULE: Final = TargetRule(
    id="NULL_MX_BESIDE_OTHERS",
    level=Level.ERROR,
    citation="RFC 7505 §3",
    remedy="withdraw the MX record that names the root, or all others",
    applies=lambda case: case.by_mx and case.found,
    look=_look,
)
