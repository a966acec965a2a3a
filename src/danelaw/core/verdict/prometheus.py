"""Reports as Prometheus reads them: its text format, version 0.0.4, for the textfile collector of the node exporter.

Every family stands together, with its help and type, whatever the order in which targets come to their end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from danelaw.core.model import DanelawError, Instant
from danelaw.core.verdict.figures import certificate_ends, signature_end, tlsa_ttl
from danelaw.core.verdict.printable import printable
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


@dataclass(frozen=True, slots=True)
class Sample:
    """``labels``: names and values, in order; the values are not escaped yet."""

    family: str
    labels: tuple[tuple[str, str], ...]
    value: int


def samples(report: TargetReport) -> tuple[Sample, ...]:
    """All that is to be told of one target."""
    return tuple(_samples(report))


def failed(target: str, error: DanelawError) -> tuple[Sample, ...]:
    """What is to be told of a target that could not be checked."""
    at = (("target", target),)
    return (Sample("danelaw_check_good", at, 0), Sample("danelaw_check_error", (*at, ("code", error.code)), 1))


def text(told: Iterable[Sample]) -> str:
    """The whole file. Of several samples that differ in nothing but their value, the last one counts."""
    by_family: dict[str, dict[tuple[tuple[str, str], ...], int]] = {family: {} for family in FAMILIES}
    for sample in told:
        by_family[sample.family][sample.labels] = sample.value
    return "".join(line + "\n" for family, values in by_family.items() if values for line in _family(family, values))


def _family(family: str, values: dict[tuple[tuple[str, str], ...], int]) -> Iterator[str]:
    yield f"# HELP {family} {FAMILIES[family]}"
    yield f"# TYPE {family} gauge"
    for labels, value in values.items():
        told = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels)
        yield f"{family}{{{told}}} {value}"


def _escaped(text: str) -> str:
    """The format's own escapes; control characters are escaped before, since the file may be looked at."""
    return printable(text).replace("\\", "\\\\").replace('"', '\\"')


def _samples(report: TargetReport) -> Iterator[Sample]:
    at = (("target", report.case.subject),)
    yield Sample("danelaw_check_good", at, int(report.good))
    for verdict in Verdict:
        yield Sample("danelaw_check_verdict", (*at, ("verdict", verdict.value)), int(report.verdict is verdict))
    for level in Level:
        count = sum(finding.level is level for finding in report.findings)
        yield Sample("danelaw_check_findings", (*at, ("level", level.name.lower())), count)
    yield Sample("danelaw_check_time_seconds", at, _unix(report.evidence.at))
    for endpoint in report.reports:
        yield from _of_endpoint(endpoint, (*at, ("endpoint", str(endpoint.evidence.endpoint))))


def _of_endpoint(report: Report, at: tuple[tuple[str, str], ...]) -> Iterator[Sample]:
    for address, end in certificate_ends(report).items():
        yield Sample("danelaw_certificate_not_after_seconds", (*at, ("address", str(address))), _unix(end))
    if (expiration := signature_end(report)) is not None:
        yield Sample("danelaw_rrsig_expiration_seconds", at, _unix(expiration))
    if (ttl := tlsa_ttl(report)) is not None:
        yield Sample("danelaw_tlsa_ttl_seconds", at, ttl)


def _unix(instant: Instant) -> int:
    return int(instant.timestamp())
