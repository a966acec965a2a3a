"""The walks of the manual, done as they stand there, from the installation on: each command, each file, in a world
where names resolve, every port is the real one, and nothing of Danelaw is there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from walk_page import Command, File, steps
from walk_world import MORE, ROOT, find

from danelaw.core.model import DanelawError
from danelaw.worlds.lab.real import namespaces

pytestmark = [pytest.mark.real, pytest.mark.lab, pytest.mark.timeout(300)]

WORLD: Final = Path(__file__).with_name("walk_world.py")
WALKS: Final = ("a-web-server", "a-mail-server")


@pytest.fixture(scope="module")
def walking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[subprocess.Popen[bytes], Path]]]:
    """Both at once: they wait for most of their time."""
    try:
        namespaces.run(("true",), find())
    except DanelawError as error:
        if error.code not in {"NAMESPACES_FORBIDDEN", "PROGRAM_MISSING"}:
            raise
        pytest.skip(f"{error}: {error.evidence}")
    if not namespaces.may_change_user():
        pytest.skip("these servers change their users, which takes root")
    folder = tmp_path_factory.mktemp("walks")
    begun: dict[str, tuple[subprocess.Popen[bytes], Path]] = {}
    for walk in WALKS:
        said = folder / walk
        argv = (sys.executable, str(WORLD), str(ROOT / "docs" / "how-to" / f"{walk}.md"))
        with said.open("wb") as out:
            begun[walk] = (
                subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out),  # noqa: S603  # of these tests
                said,
            )
    try:
        yield begun
    finally:
        for process, _ in begun.values():
            process.kill()
            process.wait()


@pytest.mark.parametrize("program", MORE)
def test_what_the_walks_need_is_listed(program: str) -> None:
    listed = {
        word for line in (ROOT / "tools/test-packages.txt").read_text("utf-8").splitlines() for word in line.split()
    }
    assert {program, MORE[program]} <= listed


@pytest.mark.parametrize("walk", WALKS)
def test_a_stranger_who_types_what_the_page_says_ends_at_a_protected_host(
    walking: dict[str, tuple[subprocess.Popen[bytes], Path]], walk: str
) -> None:
    process, path = walking[walk]
    status = process.wait(timeout=240)
    said = path.read_text("utf-8")
    assert status == 0, said
    assert "tcp  settled" in said
    assert "DANE authentication successful" in said or "smtp:example.net" in said


def test_a_page_is_taken_apart_into_commands_files_and_what_is_printed() -> None:
    page = (
        "As root:\n\n```console\n# systemctl restart nsd\n```\n\n<!-- when: settled -->\n<!-- to the registrar -->\n"
        "```console\n$ danelaw status\nexample.net.  settled\n$ danelaw check\n```\n\n"
        "```toml\n# /etc/danelaw/danelaw.toml\n[state]\n```\n\n```toml\n[notify.me]\n```\n\n"
        "- And so:\n\n  ```console\n  # tar -cf x y\n  ```\n"
    )
    assert list(steps(page)) == [
        Command("root", "systemctl restart nsd"),
        Command("danelaw", "danelaw status", "settled", to_registrar=True),
        Command("danelaw", "danelaw check", "", to_registrar=True),
        File(Path("/etc/danelaw/danelaw.toml"), "# /etc/danelaw/danelaw.toml\n[state]\n"),
        Command("root", "tar -cf x y"),
    ]
