"""The steps of zone-key rolls in the docs are those of the code."""

from __future__ import annotations

from pathlib import Path

from danelaw.core.rollover.zone_rolls import STEPS, RollKind, Which

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "zone-keys.md"
NAMES = {RollKind.ZSK: "ZSK", RollKind.KSK: "KSK or CSK", RollKind.ALGORITHM: "algorithm"}


def table() -> list[str]:
    lines = ["| roll | step | published | sign | the DS names |", "|---|---|---|---|---|"]
    for kind, steps in STEPS.items():
        for number, step in enumerate(steps):
            roll = f" {NAMES[kind]}" if number == 0 else ""
            lines.append(
                f"|{roll} | {step.name} | {step.published.value} | {step.signing.value} | {step.delegated.value} |"
            )
    return lines


def test_the_page_has_the_table_of_steps() -> None:
    text = PAGE.read_text(encoding="utf-8")
    start, end = text.index("<!-- steps:"), text.index("<!-- end of steps -->")
    shown = [line for line in text[start:end].splitlines() if line.startswith("|")]
    assert shown == table()


def test_every_roll_begins_with_the_old_keys_and_ends_with_the_new_ones() -> None:
    for steps in STEPS.values():
        assert Which.OLD in (steps[0].published, steps[0].signing, steps[0].delegated)
        assert (steps[-1].published, steps[-1].signing) == (Which.NEW, Which.NEW)
