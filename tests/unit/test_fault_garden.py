"""What the validator says of every damage in the garden: the state and, always, the first reason.

A verdict of "bogus" for a wrong reason hides a bug, so each entry names the reason that must be said first.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import dns.name
import pytest

from danelaw.core.dnssec.algorithms import DEFAULT_POLICY
from danelaw.core.dnssec.validate import Validation, drive
from danelaw.core.model import Security
from fault_garden.damages import Entry
from fault_garden.entries import GARDEN
from fault_garden.garden import plant

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize("entry", GARDEN, ids=lambda entry: entry.name)
def test_every_damage_has_its_verdict_and_its_reason(entry: Entry) -> None:
    garden = plant(entry.layout, dns.name.root, NOW)
    entry.damage(garden)
    asked = garden.question(entry.asked)
    verdict = drive(Validation(asked.name, asked.type, garden.anchors, DEFAULT_POLICY, NOW), garden.answer)
    assert (verdict.state, verdict.reasons[0].code) == (entry.state, entry.code), [*map(str, verdict.reasons)]
    if entry.state in (Security.BOGUS, Security.INDETERMINATE):
        assert not verdict.rrsets
        assert verdict.absence is None


def test_entries_have_names_of_their_own_and_say_where_their_verdict_is_written() -> None:
    assert [name for name, count in Counter(entry.name for entry in GARDEN).items() if count > 1] == []
    assert all(entry.section.startswith("RFC ") for entry in GARDEN)
