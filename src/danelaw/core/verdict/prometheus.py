"""Reports as Prometheus reads them, for the textfile collector of the node exporter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from danelaw.core import exposition
from danelaw.core.exposition import Family, Sample, unix
from danelaw.core.model import DanelawError
from danelaw.core.verdict.figures import certificate_ends, signature_end, tlsa_ttl
from danelaw.core.verdict.report import Level, Report, Verdict
from danelaw.core.verdict.target import TargetReport

FAMILIES: Final = {
    "danelaw_check_good": "Whether every DANE client connects, and nothing is wrong that would refuse one (1 or 0).",
    "danelaw_check_verdict": "1 for the verdict that the target has, 0 for those that it has not.",
    "danelaw_check_findings": "How many findings of each level there are.",
    "danelaw_check_error": "1 for a target that could not be checked, with the code of the error.",
    "danelaw_check_time_seconds": "When the look at the target began, in Unix time.",
    "danelaw_certificate_not_after_seconds": "The end of the certificate that an address presents, in Unix time; the "
    "first, where it has several.",
    "danelaw_rrsig_expiration_seconds": "When the signatures on the endpoint's TLSA and address records are no longer "
    "valid, in Unix time; the first of them.",
    "danelaw_tlsa_ttl_seconds": "The TTL of the endpoint's TLSA records.",
}
"""Names of metrics, all gauges, with their help."""


def samples(report: TargetReport) -> tuple[Sample, ...]:
    """All that is to be told of one target."""
    return tuple(_samples(report))


def failed(target: str, error: DanelawError) -> tuple[Sample, ...]:
    """What is to be told of a target that could not be checked."""
    at = (("target", target),)
    return (Sample("danelaw_check_good", at, 0), Sample("danelaw_check_error", (*at, ("code", error.code)), 1))


def text(told: Iterable[Sample]) -> str:
    """The whole file. Of several samples that differ in nothing but their value, the last one counts."""
    return exposition.text(told, {name: Family(said) for name, said in FAMILIES.items()})


def _samples(report: TargetReport) -> Iterator[Sample]:
    at = (("target", report.case.subject),)
    yield Sample("danelaw_check_good", at, int(report.good))
    for verdict in Verdict:
        yield Sample("danelaw_check_verdict", (*at, ("verdict", verdict.value)), int(report.verdict is verdict))
    for level in Level:
        count = sum(finding.level is level for finding in report.findings)
        yield Sample("danelaw_check_findings", (*at, ("level", level.name.lower())), count)
    yield Sample("danelaw_check_time_seconds", at, unix(report.evidence.at))
    for endpoint in report.reports:
        yield from _of_endpoint(endpoint, (*at, ("endpoint", str(endpoint.evidence.endpoint))))


def _of_endpoint(report: Report, at: tuple[tuple[str, str], ...]) -> Iterator[Sample]:
    for address, end in certificate_ends(report).items():
        yield Sample("danelaw_certificate_not_after_seconds", (*at, ("address", str(address))), unix(end))
    if (expiration := signature_end(report)) is not None:
        yield Sample("danelaw_rrsig_expiration_seconds", at, unix(expiration))
    if (ttl := tlsa_ttl(report)) is not None:
        yield Sample("danelaw_tlsa_ttl_seconds", at, ttl)
