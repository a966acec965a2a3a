"""Files that a lab leaves in a folder of somebody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from danelaw.worlds.lab.artifacts import put


def test_a_file_is_made_with_the_usual_mode_and_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "usual").write_bytes(b"")
    put(tmp_path / "report.json", b"{}")
    assert (tmp_path / "report.json").read_bytes() == b"{}"
    assert (tmp_path / "report.json").stat().st_mode == (tmp_path / "usual").stat().st_mode
    assert {path.name for path in tmp_path.iterdir()} == {"report.json", "usual"}


def test_a_file_of_an_earlier_lab_is_replaced(tmp_path: Path) -> None:
    put(tmp_path / "report.json", b"a longer one of before")
    put(tmp_path / "report.json", b"{}")
    assert (tmp_path / "report.json").read_bytes() == b"{}"


@pytest.mark.parametrize("there", [True, False], ids=["to a file", "to nothing"])
def test_a_link_in_its_place_is_replaced_and_not_followed(tmp_path: Path, there: bool) -> None:
    victim, target = tmp_path / "victim", tmp_path / "report.json"
    if there:
        victim.write_bytes(b"precious")
    target.symlink_to(victim)
    put(target, b"{}")
    assert not target.is_symlink()
    assert target.read_bytes() == b"{}"
    assert victim.exists() == there
    assert not there or victim.read_bytes() == b"precious"


def test_where_it_cannot_be_put_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "report.json").mkdir()
    with pytest.raises(OSError, match=r"report\.json"):
        put(tmp_path / "report.json", b"{}")
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
