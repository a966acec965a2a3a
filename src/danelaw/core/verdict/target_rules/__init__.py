"""The rules about targets as a whole, one per file, in the order in which a reader wants to hear of them."""

from __future__ import annotations

from typing import Final

from danelaw.core.verdict.target import TargetRule

TARGET_RULES: Final[tuple[TargetRule, ...]] = ()
