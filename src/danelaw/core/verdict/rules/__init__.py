"""The rules, one per file, in the order in which a reader wants to hear of them."""

from __future__ import annotations

from typing import Final

from danelaw.core.verdict.report import Rule
from danelaw.core.verdict.rules import (
    address_unreachable,
    answer_bogus,
    answer_undecided,
    certificate_expiring,
    combination_unmatched,
    handshake_failed,
    no_address,
    no_tlsa,
    nothing_usable,
    stale_record,
    tlsa_mismatch,
    unusable_record,
    zone_insecure,
)

RULES: Final[tuple[Rule, ...]] = (
    answer_bogus.RULE,
    zone_insecure.RULE,
    no_tlsa.RULE,
    nothing_usable.RULE,
    no_address.RULE,
    tlsa_mismatch.RULE,
    handshake_failed.RULE,
    combination_unmatched.RULE,
    answer_undecided.RULE,
    address_unreachable.RULE,
    unusable_record.RULE,
    certificate_expiring.RULE,
    stale_record.RULE,
)
