"""What is quoted of a secret is not told on, however it was written, and whatever of it was cut off."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from danelaw.core.secrecy import HIDDEN, hide

TOKEN = "i-T3b1h_OI-H9ab8tRS98stGtURe"  # noqa: S105  # one of deSEC's own pages


@pytest.mark.parametrize("around", ["", "x", "\0me\0", "abcd"])
@pytest.mark.parametrize("after", ["", "y", "zz", ":no"])
def test_base64_of_whatever_it_stands_in_does_not_tell_it(around: str, after: str) -> None:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        written = encode(f"{around}{TOKEN}{after}".encode()).decode()
        shown = hide(f"535 no: {written}", [TOKEN])
        assert shown.startswith("535 no: ")
        assert HIDDEN in shown
        left = shown.replace(HIDDEN, "").removeprefix("535 no: ")
        assert len(left) <= len(written) - len(TOKEN) * 4 // 3 + 2, "what is left is of what stood around it"


@pytest.mark.parametrize(
    "written",
    [
        TOKEN,
        TOKEN.upper(),
        TOKEN.encode().hex(),
        TOKEN.encode().hex().upper(),
        str(int.from_bytes(TOKEN.encode())),
        base64.b64encode(TOKEN.encode()).decode(),
        json.dumps({"token": TOKEN}),
        quote(f"token={TOKEN}"),
        TOKEN[:12],
        TOKEN[-9:],
        TOKEN.encode().hex()[5:25],
    ],
)
def test_it_is_known_in_every_form(written: str) -> None:
    shown = hide(f"what is {written} ?", [TOKEN])
    assert shown.startswith("what is ")
    assert shown.endswith(" ?")
    assert HIDDEN in shown
    assert all(written[at : at + 8] not in shown for at in range(8, len(written) - 8))


def test_the_rest_stays_as_it_is() -> None:
    said = f"ÄÖ\u0130 the token {TOKEN}, and {TOKEN} again\nis not the i-T3b of ours"
    assert hide(said, [TOKEN]) == f"ÄÖ\u0130 the token {HIDDEN}, and {HIDDEN} again\nis not the i-T3b of ours"
    assert hide(said, []) == hide(said, [""]) == said


def test_a_long_one_is_hidden_too() -> None:
    assert hide(f"no: {TOKEN * 140}.", [TOKEN * 140]) == f"no: {HIDDEN}."


def test_a_short_one_is_hidden_whole_and_nothing_else() -> None:
    assert hide("an ape has none: abc, ABC and ab", ["abc"]) == f"an ape has none: {HIDDEN}, {HIDDEN} and ab"
    assert hide("535 AG1lAGhpZGRlbg== is wrong", ["hidden"]) == f"535 AG1lA{HIDDEN}== is wrong"
