"""The file of a service: what is written of a new one, and how one word is changed in one that a person wrote."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from danelaw.app.service_file import Enrolment, enrolled, with_withdrawn
from danelaw.core.model import DanelawError
from danelaw.faces.cli import service_files

FILE = Path("services.d/www.toml")
BARE = 'endpoints = ["www.example.net:443"]\nissuer = "own"\n'
INLINE = BARE + 'deploy = { directory = "live", reload = ["true"] }\n'


def withdrawn(text: str) -> str:
    return with_withdrawn(FILE, text, withdrawn=True)


def back(text: str) -> str:
    return with_withdrawn(FILE, text, withdrawn=False)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (INLINE, INLINE + "withdrawn = true\n"),
        (BARE + "\n[deploy]\nx = 1\n", BARE + "withdrawn = true\n\n[deploy]\nx = 1\n"),
        (BARE + "# the server\n[deploy]\nx = 1\n", BARE + "withdrawn = true\n# the server\n[deploy]\nx = 1\n"),
        (BARE + "\n[[deploy]]\nx = 1\n", BARE + "withdrawn = true\n\n[[deploy]]\nx = 1\n"),
        ("tlsa = [\n[1],\n]\n[deploy]\n", "tlsa = [\n[1],\n]\nwithdrawn = true\n[deploy]\n"),
        (BARE.replace("\n", "\r\n"), BARE.replace("\n", "\r\n") + "withdrawn = true\r\n"),
        ("[deploy]\nx = 1\n", "withdrawn = true\n[deploy]\nx = 1\n"),
        ("", "withdrawn = true\n"),
    ],
)
def test_one_line_is_written_where_a_person_would_and_taken_out_again(before: str, after: str) -> None:
    assert withdrawn(before) == after
    assert withdrawn(after) == after
    assert back(after) == before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("withdrawn = false\n", "withdrawn = true\n"),
        ("  'withdrawn'\t= false # not yet\nx = 1\n", "  'withdrawn'\t= true # not yet\nx = 1\n"),
        ('"withdrawn"=false\r\nx = 1\r\n', '"withdrawn"=true\r\nx = 1\r\n'),
        ('why = """\nwithdrawn = true\n"""\nwithdrawn = false', 'why = """\nwithdrawn = true\n"""\nwithdrawn = true'),
        ("a = 1\nwithdrawn = false\n[d]\nwithdrawn = false\n", "a = 1\nwithdrawn = true\n[d]\nwithdrawn = false\n"),
    ],
)
def test_what_stands_there_already_is_changed_and_nothing_beside_it(before: str, after: str) -> None:
    assert withdrawn(before) == after
    assert tomllib.loads(back(after)).get("withdrawn", False) is False


def test_a_file_that_cannot_be_changed_in_one_line_is_left_to_its_owner() -> None:
    with pytest.raises(DanelawError) as refused:
        withdrawn('"with\\u0064rawn" = false\n')
    assert refused.value.code == "SERVICE_FILE_UNEDITABLE"


def test_what_is_written_of_a_new_service_reads_as_it_was_meant() -> None:
    new = Enrolment(
        ("www.example.net:443", "smtp:mail.example.net:2525"),
        'a "quoted" one',
        "example-net",
        "standby",
        "/var/lib/ä\\b",
        ("nginx", "postfix"),
        ("systemctl", "reload", "x\ty"),
        "eva",
        datetime(2026, 11, 23, tzinfo=UTC),
    )
    read = tomllib.loads(enrolled(new))
    assert read == {
        "endpoints": list(new.endpoints),
        "issuer": new.issuer,
        "publisher": new.publisher,
        "strategy": new.strategy,
        "deploy": {"directory": new.directory, "server": ["nginx", "postfix"], "reload": list(new.reload)},
    }
    assert enrolled(new).startswith("# Enrolled 2026-11-23 by eva.")


def test_a_new_file_is_written_whole_and_over_nothing(tmp_path: Path) -> None:
    file = tmp_path / "services.d" / "www.toml"
    service_files.create(file, BARE)
    with pytest.raises(DanelawError) as refused:
        service_files.create(file, "other")
    assert refused.value.code == "SERVICE_FILE_EXISTS"
    assert [path.read_text(encoding="utf-8") for path in file.parent.iterdir()] == [BARE]


def test_where_nothing_can_be_written_nothing_is_left_behind(tmp_path: Path) -> None:
    (tmp_path / "here").write_text("", encoding="utf-8")
    with pytest.raises(DanelawError) as refused:
        service_files.create(tmp_path / "here" / "www.toml", BARE)
    assert refused.value.code == "SERVICE_FILE_UNWRITABLE"
    with pytest.raises(DanelawError):
        service_files.create(tmp_path / "services.d" / ("w" * 300), BARE)
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_a_file_keeps_its_mode_and_a_link_to_it_stays_one(tmp_path: Path) -> None:
    file, link = tmp_path / "www.toml", tmp_path / "link.toml"
    file.write_bytes(BARE.replace("\n", "\r\n").encode())
    file.chmod(0o640)
    link.symlink_to(file)
    text = service_files.read(link)
    service_files.replace(link, withdrawn(text))
    assert (link.is_symlink(), file.stat().st_mode & 0o777) == (True, 0o640)
    assert file.read_bytes() == BARE.replace("\n", "\r\n").encode() + b"withdrawn = true\r\n"
