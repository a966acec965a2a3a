"""The rules about targets as a whole, one per file, in the order in which a reader wants to hear of them."""

from __future__ import annotations

from typing import Final

from danelaw.core.verdict.target import TargetRule
from danelaw.core.verdict.target_rules import (
    dane_mixed,
    lookup_bogus,
    lookup_signature_expiring,
    lookup_undecided,
    mx_implicit,
    mx_insecure,
    mx_is_address,
    null_mx,
    null_mx_beside_others,
    server_alias,
    servers_left_out,
    servers_unreadable,
    srv_absent,
    srv_insecure,
    srv_no_service,
)

TARGET_RULES: Final[tuple[TargetRule, ...]] = (
    lookup_bogus.RULE,
    null_mx_beside_others.RULE,
    servers_unreadable.RULE,
    mx_is_address.RULE,
    mx_insecure.RULE,
    srv_insecure.RULE,
    lookup_undecided.RULE,
    dane_mixed.RULE,
    server_alias.RULE,
    servers_left_out.RULE,
    lookup_signature_expiring.RULE,
    null_mx.RULE,
    srv_no_service.RULE,
    mx_implicit.RULE,
    srv_absent.RULE,
)
