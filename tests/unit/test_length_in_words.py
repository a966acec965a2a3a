"""Lengths of time as people read them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from danelaw.core.model.length import in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (61, "61 seconds"),
        (3600, "1 hour"),
        (5400, "90 minutes"),
        (86_400, "1 day"),
        (100_000, "27 hours"),
        (1_209_600, "14 days"),
    ],
)
def test_in_words(seconds: int, words: str) -> None:
    assert in_words(timedelta(seconds=seconds)) == words
