"""The command line as a user types it: help, mistakes, pipes that close, colour."""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import danelaw.faces.cli
from danelaw import __version__
from danelaw.faces.cli import COMMANDS, cli

DANELAW = Path(sys.executable).parent / "danelaw"
README = Path(__file__).parents[2] / "README.md"


def danelaw_says(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [DANELAW, *arguments], capture_output=True, text=True, timeout=110, check=False, env=os.environ | environment
    )


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_names_every_command_and_goes_to_standard_output(flag: str) -> None:
    said = danelaw_says(flag)
    assert (said.returncode, said.stderr) == (0, "")
    for name in COMMANDS:
        assert re.search(rf"^  {name}\b", said.stdout, re.MULTILINE)


def test_help_fits_eighty_columns() -> None:
    for arguments in [["--help"], *([name, "--help"] for name in COMMANDS)]:
        said = danelaw_says(*arguments, COLUMNS="80")
        assert said.returncode == 0
        assert max(len(line) for line in said.stdout.splitlines()) <= 80


def test_without_a_command_the_help_is_shown_and_that_is_a_usage_error() -> None:
    said = danelaw_says()
    assert said.returncode == 2
    assert "Usage: danelaw" in said.stdout + said.stderr


def test_the_version_is_told() -> None:
    said = danelaw_says("--version")
    assert (said.returncode, said.stderr) == (0, "")
    assert __version__ in said.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_module_of_its_own_with_help(name: str) -> None:
    command = getattr(importlib.import_module(f"danelaw.faces.cli.{name}"), name)
    assert isinstance(command, click.Command)
    assert command.help
    said = danelaw_says(name, "--help")
    assert (said.returncode, said.stderr) == (0, "")
    for parameter in command.params:
        assert any(option in said.stdout for option in parameter.opts)
        assert isinstance(parameter, click.Argument) or parameter.help


def test_the_help_of_every_command_says_what_its_exit_statuses_mean() -> None:
    silent = [path for path, command in _every(cli, ()) if "Exit status" not in (command.help or "")]
    assert silent == []


def _every(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _every(command, (*path, name))
        elif command is not None:
            yield (*path, name), command


def test_every_module_with_a_command_is_listed() -> None:
    found = set()
    for module in pkgutil.iter_modules(danelaw.faces.cli.__path__):
        if isinstance(
            getattr(importlib.import_module(f"danelaw.faces.cli.{module.name}"), module.name, None), click.Command
        ):
            found.add(module.name)
    assert found == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_front_page_names_every_command(name: str) -> None:
    assert f"danelaw {name}" in README.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "said_of_it"),
    [
        (["labb"], "labb"),
        (["check-everything"], "check-everything"),
        (["--no-such-option"], "--no-such-option"),
        (["lab", "--no-such-option"], "--no-such-option"),
        (["lab", "too", "many"], "too"),
        (["lab", "--seed"], "--seed"),
        (["lab", "--seed", "many"], "many"),
    ],
)
def test_a_mistake_is_a_usage_error_that_quotes_it(arguments: list[str], said_of_it: str) -> None:
    said = danelaw_says(*arguments)
    assert (said.returncode, said.stdout) == (2, "")
    assert said_of_it in said.stderr
    assert "Traceback" not in said.stderr


def test_a_folder_that_is_a_file_is_a_usage_error(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    said = danelaw_says("lab", "--artifacts", str(file))
    assert said.returncode == 2
    assert "Traceback" not in said.stderr


def test_help_into_a_pipe_that_closes_early_gives_no_traceback() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as pipe:
        said = subprocess.run(  # noqa: S603 - our own command
            [DANELAW, "--help"], stdout=pipe, stderr=subprocess.PIPE, text=True, timeout=110, check=False
        )
    assert said.returncode in (0, 1)
    assert "Traceback" not in said.stderr
    assert "Exception ignored" not in said.stderr


def test_into_a_pipe_there_is_no_colour() -> None:
    for said in (danelaw_says("--help"), danelaw_says("labb")):
        assert "\x1b" not in said.stdout + said.stderr


def test_a_subcommand_is_imported_only_when_it_is_called() -> None:
    code = "import sys, danelaw.faces.cli; print(*(m for m in sys.modules if m.startswith('danelaw.')))"
    said = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=110, check=True
    )
    loaded = set(said.stdout.split())
    assert "danelaw.faces.cli" in loaded
    assert not loaded & {"danelaw.wiring", "danelaw.app", "danelaw.worlds"}
