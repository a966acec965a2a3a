"""An MX record that names an address where a host's name belongs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.report import Level, Said
from danelaw.core.verdict.target import TargetCase, TargetRule

_LITERAL: Final = re.compile(r"\[.*\]|[0-9]+(\.[0-9]+){3}")


def _look(case: TargetCase) -> Iterable[Said]:
    for server in case.servers:
        if _LITERAL.fullmatch(server.host.to_text(omit_final_dot=True)):
            yield Said(
                case.subject,
                f"an MX record names {server.host.to_text(omit_final_dot=True)}, which looks like an address; no DANE "
                "applies to it, and few clients connect",
            )


RULE: Final = TargetRule(
    id="MX_IS_ADDRESS",
    level=Level.ERROR,
    citation="RFC 7672 §2.2",
    remedy="give the server a name with A and AAAA records, and put that name into the MX record",
    applies=lambda case: case.by_mx and case.found,
    look=_look,
)
