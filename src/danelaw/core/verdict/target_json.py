"""Reports on targets as programs read them."""

from __future__ import annotations

from collections.abc import Iterable

from danelaw.core.model import Named, Validated
from danelaw.core.verdict.case import Case
from danelaw.core.verdict.json_form import SCHEMA, endpoint_json, escaped, finding_json
from danelaw.core.verdict.target import TargetReport, worst


def check_json(reports: Iterable[TargetReport]) -> dict[str, object]:
    """Reports on any number of targets in one document, in lists, dictionaries, strings, numbers, booleans and None.

    ``verdict`` is the worst of them, ``findings`` are those of all. Nothing in it has power over a terminal.
    """
    listed = tuple(reports)
    return escaped(
        {
            "schema": SCHEMA,
            "verdict": worst(report.verdict for report in listed).value,
            "good": all(report.good for report in listed),
            "findings": [finding for report in listed for finding in _findings(report)],
            "targets": [_target(report) for report in listed],
        }
    )


def target_json(report: TargetReport) -> dict[str, object]:
    """A report on one target, as it is in ``targets`` of ``check_json``, with its schema."""
    return escaped({"schema": SCHEMA, **_target(report)})


def _target(report: TargetReport) -> dict[str, object]:
    case = report.case
    return {
        "target": case.subject,
        "at": case.evidence.at.isoformat(),
        "verdict": report.verdict.value,
        "good": report.good,
        "findings": _findings(report),
        "lookup": _lookup(report, case.lookup) if case.lookup is not None else None,
        "endpoints": [endpoint_json(endpoint) for endpoint in report.reports],
        "leftOut": case.evidence.left_out,
    }


def _findings(report: TargetReport) -> list[dict[str, object]]:
    return [finding_json(finding, report.case.subject) for finding in report.findings]


def _lookup(report: TargetReport, lookup: Validated) -> dict[str, object]:
    return {
        "asked": Case.asked(lookup),
        "state": lookup.state.value,
        "ttl": lookup.rrset.ttl if lookup.rrset is not None else None,
        "reasons": [str(reason) for reason in lookup.reasons],
        "servers": [_server(server) for server in report.case.servers],
    }


def _server(server: Named) -> dict[str, object]:
    return {
        "host": server.host.to_text(),
        "preference": server.preference,
        "port": server.port,
        "weight": server.weight,
    }
