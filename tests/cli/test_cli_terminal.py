"""What is printed: colour on a terminal alone, and nothing from the network that moves the cursor."""

from __future__ import annotations

import sys

import pytest

from danelaw.core.model import DanelawError
from danelaw.faces.cli import terminal
from danelaw.faces.cli.terminal import Ink


def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)


def test_on_a_terminal_there_is_colour(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    on_a_terminal(monkeypatch)
    terminal.say(Ink("bad", fg="red"))
    assert "\x1b[31mbad" in capsys.readouterr().err


def test_under_no_color_there_is_none(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    on_a_terminal(monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")
    terminal.say(Ink("bad", fg="red", bold=True))
    assert capsys.readouterr().err == "bad\n"


def test_elsewhere_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say(Ink("bad", fg="red", bold=True))
    assert capsys.readouterr().err == "bad\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("a\rb", "a\\x0db"),
        ("a\x07\x08", "a\\x07\\x08"),
        ("\x9b31m", "\\x9b31m"),
        ("straße", "straße"),
    ],
)
def test_control_characters_are_shown_and_not_obeyed(text: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say(text)
    assert capsys.readouterr().err == f"{shown}\n"


def test_data_go_to_standard_output_and_talk_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.data("{}")
    terminal.say("talk")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("{}\n", "talk\n")


def test_an_error_says_what_happened_its_code_its_evidence_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.error(DanelawError("ZONE_LOCKED", "the zone is locked", evidence="by 17", hint="wait"))
    said = capsys.readouterr().err
    assert "error: the zone is locked [ZONE_LOCKED]: by 17" in said
    assert "hint: wait" in said


def test_a_result_takes_the_place_of_the_line_that_told_of_a_wait(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.wait("waiting")
    terminal.show("done")
    terminal.data("more")
    said = capsys.readouterr()
    assert said.out == "done\nmore\n"
    assert said.err == "waiting\r\033[K"
