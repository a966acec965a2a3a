"""Rules over evidence: what a look from outside means for clients that honour DANE."""

from danelaw.core.verdict.json_form import as_json
from danelaw.core.verdict.judge import EXPIRY_NOTICE, judge
from danelaw.core.verdict.report import Finding, Level, Report, Rule, Verdict
from danelaw.core.verdict.transcript import transcript

__all__ = ["EXPIRY_NOTICE", "Finding", "Level", "Report", "Rule", "Verdict", "as_json", "judge", "transcript"]
