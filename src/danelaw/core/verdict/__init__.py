"""Rules over evidence: what a look from outside means for clients that honour DANE."""

from danelaw.core.verdict.dates import EXPIRY_NOTICE
from danelaw.core.verdict.identity import reference_of
from danelaw.core.verdict.judge import judge, judge_target
from danelaw.core.verdict.report import Finding, Level, Report, Rule, Verdict
from danelaw.core.verdict.target import TargetReport, TargetRule, exit_status
from danelaw.core.verdict.target_json import check_json, target_json
from danelaw.core.verdict.target_transcript import target_transcript
from danelaw.core.verdict.transcript import transcript

__all__ = [
    "EXPIRY_NOTICE",
    "Finding",
    "Level",
    "Report",
    "Rule",
    "TargetReport",
    "TargetRule",
    "Verdict",
    "check_json",
    "exit_status",
    "judge",
    "judge_target",
    "reference_of",
    "target_json",
    "target_transcript",
    "transcript",
]
