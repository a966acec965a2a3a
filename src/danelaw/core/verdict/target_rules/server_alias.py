"""An MX or SRV record that names an alias, which it must not do, and which not every client follows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from danelaw.core.verdict.report import Level, Said
from danelaw.core.verdict.target import TargetCase, TargetRule


def _look(case: TargetCase) -> Iterable[Said]:
    for report in case.reports:
        host, expanded = report.evidence.endpoint.host, report.case.expanded
        if expanded != host and host in {server.host for server in case.servers}:
            yield Said(
                case.subject,
                f"{host.to_text(omit_final_dot=True)} is an alias of {expanded.to_text(omit_final_dot=True)}; records "
                "that name servers must name hosts, and some clients do not follow",
            )


RULE: Final = TargetRule(
    id="SERVER_ALIAS",
    level=Level.WARNING,
    citation="RFC 7671 §7",
    remedy="name the host itself, which the alias leads to, and have TLSA records there",
    applies=lambda case: case.found,
    look=_look,
)
