"""``danelaw check`` as a user types it, on a signed tree and servers on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from check_world import World, standing

from command_said import Said
from danelaw.core.verdict.prometheus import FAMILIES
from danelaw.faces import cli
from danelaw.faces.cli.check import check as command

pytestmark = pytest.mark.slow

DANELAW: Final = str(Path(sys.executable).with_name("danelaw"))
PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "check.md"
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with standing(tmp_path_factory.mktemp("world")) as world:
        yield world


Run = Callable[..., Said]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """``danelaw check``, in this process, 80 columns wide."""
    monkeypatch.setenv("COLUMNS", "80")
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def run(*arguments: str | Path) -> Said:
        monkeypatch.setattr(sys, "argv", ["danelaw", "check", *map(str, arguments)])
        try:
            with pytest.raises(SystemExit) as ended:
                cli.main()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        out, err = capfd.readouterr()
        return Said(int(ended.value.code or 0), out, err)

    return run


@pytest.fixture
def check(run: Run, world: World) -> Run:
    """Asking the world's resolver, by its anchor, as of its day."""
    return lambda *arguments: run(*arguments, *world.options)


def evidence(check: Run, world: World, file: Path) -> Path:
    """Of one good target and one bad one."""
    assert check(f"good.example.net:{world.port}", f"bad.example.net:{world.port}", "--save", file).status == 1
    return file


# -- one target -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "options", "status", "headline"),
    [
        ("good.example.net:{port}", [], 0, "DANE authentication successful: a DANE client connects to "),
        ("bad.example.net:{port}", [], 1, "DANE authentication FAILED: a DANE client does not connect to"),
        ("closed.example.net:{closed}", [], 1, "DANE authentication FAILED: a DANE client does not connect to"),
        ("bare.example.net:{port}", [], 1, "No DANE authentication: "),
        ("bare.example.net:{port}", ["--opportunistic"], 0, "No DANE authentication: "),
        ("slow.example.net:{stalled}", ["--timeout", "0.3"], 3, "DANE authentication UNDECIDED: "),
        ("smtp:example.net", ["--address", "127.0.0.1@{smtp}"], 0, "DANE authentication successful: "),
        ("smtp:nomail.example.net", [], 0, "No service: smtp:nomail.example.net "),
        ("dual.example.net:{port}", [], 1, "DANE authentication FAILED: "),
        ("dual.example.net:{port}", ["-4"], 0, "DANE authentication successful: "),
        ("good.example.net:{port}", ["-6"], 3, "DANE authentication UNDECIDED: "),
    ],
    ids=[
        *("good", "mismatch", "closed", "no TLSA", "no TLSA is no fault", "stalled", "MX", "null MX"),
        *("IPv6 is broken", "IPv4 alone", "IPv6 alone"),
    ],
)
def test_the_first_line_says_whether_a_dane_client_connects(
    check: Run, world: World, target: str, options: list[str], status: int, headline: str
) -> None:
    said = check(*(text.format_map(vars(world)) for text in (target, *options)))
    assert said.status == status
    assert said.lines[0].startswith(headline)
    assert said.err == ""
    assert max(map(len, said.lines)) <= 80
    assert "\x1b" not in said.out


def test_a_step_takes_no_longer_than_it_may(check: Run, world: World) -> None:
    assert "TIMEOUT: no handshake within 0.3 s" in check(f"slow.example.net:{world.stalled}", "--timeout", "0.3").out


@pytest.mark.parametrize("listed", [False, True], ids=["as an argument", "in a file"])
def test_how_tls_begins_is_said_for_ports_that_do_not_tell(
    check: Run, world: World, tmp_path: Path, listed: bool
) -> None:
    target, file = f"mx.example.net:{world.smtp}", tmp_path / "targets"
    file.write_text(target, encoding="ascii")
    named = ["--file", str(file)] if listed else [target]
    assert check(*named).status == 1
    assert check(*named, "--starttls", "smtp").status == 0


def test_json_goes_to_standard_output_alone(check: Run, world: World) -> None:
    said = check(f"bad.example.net:{world.port}", "--json")
    assert (said.status, said.err) == (1, "")
    assert said.json["schema"] == "danelaw/check/1"
    assert said.json["verdict"] == "mismatch"
    assert "TLSA_MISMATCH" in {finding["code"] for finding in said.json["findings"]}
    assert (said.json["errors"], said.json["unfinished"]) == ([], [])


def test_a_certificate_is_told_of_in_time(check: Run, world: World) -> None:
    """It has 60 days left, and dates count where a CA is named (RFC 7671 §5.2)."""
    options = f"www.example.net:{world.port}", "--address", "127.0.0.1"
    assert "CERTIFICATE_EXPIRING" not in check(*options).out
    assert "CERTIFICATE_EXPIRING" in check(*options, "--days", "61").out


def test_another_day_is_judged_by_signatures_too(check: Run, world: World) -> None:
    target = f"good.example.net:{world.port}"
    said = check(target)
    assert said.status == 0
    later = [text if text != world.options[-1] else "2027-01-01T00:00:00Z" for text in world.options]
    assert "a DANE client does not connect" in subprocess_says(target, *later).out


def subprocess_says(*arguments: str, **environment: str) -> Said:
    done = subprocess.run(  # noqa: S603  # our own command
        [DANELAW, "check", *arguments], capture_output=True, text=True, timeout=60, check=False,
        env=os.environ | environment,
    )  # fmt: skip
    return Said(done.returncode, done.stdout, done.stderr)


def test_a_terminal_of_ascii_is_shown_ascii(world: World) -> None:
    said = subprocess_says(f"good.example.net:{world.port}", *world.options, PYTHONIOENCODING="ascii")
    assert (said.status, said.err) == (0, "")
    assert said.out.isascii()
    assert "Matched TLSA record: '3 1 1 " in said.out


def test_where_no_resolver_answers_nothing_is_decided(run: Run) -> None:
    said = run("www.example.net", "--resolver", "127.0.0.1@1", "--timeout", "0.2")
    assert said.status == 3
    assert said.lines[0].startswith("DANE authentication UNDECIDED: ")


# -- many -----------------------------------------------------------------------------------------------------------


def test_targets_are_told_in_the_order_given_and_each_once(check: Run, world: World, tmp_path: Path) -> None:
    file = tmp_path / "targets"
    file.write_text(
        f"\ufeff# the bad one first\n\nbad.example.net:{world.port}   # for sure\n"
        f"good.example.net:{world.port}\nBAD.example.net:{world.port}\n",
        encoding="utf-8",
    )
    said = check(f"slow.example.net:{world.stalled}", "--file", file, "--brief", "--timeout", "0.3")
    assert [tuple(line.split()[:2]) for line in said.lines] == [
        ("undecided", f"slow.example.net:{world.stalled}"),
        ("mismatch", f"bad.example.net:{world.port}"),
        ("valid", f"good.example.net:{world.port}"),
    ]
    assert said.status == 1
    assert said.err == "3 targets: 1 valid, 1 undecided, 1 mismatch\n"


def test_targets_come_from_standard_input(check: Run, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.write(write, f"good.example.net:{world.port}\n".encode())
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        said = check("-", "--json-lines")
    (line,) = said.lines
    assert json.loads(line)["target"] == f"good.example.net:{world.port}"


def test_each_target_has_a_line_of_json(check: Run, world: World) -> None:
    said = check(f"bad.example.net:{world.port}", "good.example.net:853/udp", "--json-lines")
    first, second = map(json.loads, said.lines)
    assert (first["schema"], first["verdict"]) == ("danelaw/check/1", "mismatch")
    assert (second["verdict"], second["good"]) == ("undecided", False)
    assert list(second) == list(first)
    assert first["error"] is None
    assert second["error"]["code"] == "TRANSPORT_UNSUPPORTED"
    assert said.status == 1


def test_what_cannot_be_checked_keeps_nobody_else_from_it(check: Run, world: World) -> None:
    targets = f"good.example.net:{world.port}", "good.example.net:853/udp"
    said = check(*targets)
    assert said.status == 2
    assert said.lines[0].startswith("DANE authentication successful")
    assert "good.example.net:853/udp" in said.err
    assert "[TRANSPORT_UNSUPPORTED]" in said.err
    told = check(*targets, "--json").json
    assert [error["code"] for error in told["errors"]] == ["TRANSPORT_UNSUPPORTED"]
    assert (told["verdict"], told["good"], len(told["targets"])) == ("undecided", False, 1)


def test_one_at_a_time_comes_to_the_same(check: Run, world: World) -> None:
    targets = [f"{host}.example.net:{world.port}" for host in ("good", "bad", "better", "bare")]
    assert check(*targets, "--brief", "--jobs", "1").out == check(*targets, "--brief").out


@dataclass(frozen=True)
class Watched:
    """A check whose talk goes to a terminal."""

    process: subprocess.Popen[bytes]
    terminal: int

    def until(self, words: str) -> str:
        """What the terminal shows until these words are there."""
        shown = b""
        while words.encode() not in shown:
            shown += os.read(self.terminal, 4096)
        return shown.decode()

    def rest(self) -> tuple[str, str]:
        """Standard output, and the terminal."""
        out, _ = self.process.communicate(timeout=60)
        shown = b""
        with contextlib.suppress(OSError):  # so Linux tells that nobody has the other side open
            while more := os.read(self.terminal, 4096):
                shown += more
        return out.decode(), shown.decode()


@contextmanager
def watched(*arguments: str) -> Iterator[Watched]:
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(  # noqa: S603  # our own command
            [DANELAW, "check", *arguments], stdout=subprocess.PIPE, stderr=theirs, env=os.environ | {"COLUMNS": "100"}
        ) as process:
            os.close(theirs)
            try:
                yield Watched(process, ours)
            finally:
                process.kill()
    finally:
        os.close(ours)


@pytest.mark.parametrize(
    ("form", "end"),
    [("--brief", signal.SIGINT), ("--json", signal.SIGTERM), ("--nagios", signal.SIGTERM)],
    ids=["brief, Ctrl-C", "JSON, SIGTERM", "a plugin, SIGTERM"],
)
def test_interrupted_it_tells_what_is_done(world: World, tmp_path: Path, form: str, end: signal.Signals) -> None:
    """What comes first in order is still awaited; what comes after it has been seen."""
    kept, figures = tmp_path / "seen.jsonl", tmp_path / "danelaw.prom"
    figures.write_text("those of yesterday\n", encoding="ascii")
    slow, good = f"slow.example.net:{world.stalled}", f"good.example.net:{world.port}"
    files = ["--save", str(kept), "--prometheus", str(figures)]
    with watched(slow, good, form, "--timeout", "60", *files, *world.options) as check:
        assert f"waiting for {slow} (" in check.until("1 of 2 checked; waiting for ") + check.until(" s)")
        check.process.send_signal(end)
        out, talk = check.rest()
    if form == "--nagios":
        assert check.process.returncode == 3
        assert out.startswith("DANELAW UNKNOWN - ")
        assert f"{slow} TIMEOUT" in out
    else:
        assert check.process.returncode == 130
        assert "interrupted" in talk
    if form == "--brief":
        assert [tuple(line.split()[:2]) for line in out.splitlines()] == [("valid", good)]
        assert f"not finished: {slow}" in talk
    if form == "--json":
        told = json.loads(out)
        assert ([one["target"] for one in told["targets"]], told["unfinished"]) == ([good], [slow])
        assert (told["verdict"], told["good"]) == ("undecided", False)
    assert len(kept.read_text(encoding="ascii").splitlines()) == 1
    assert figures.read_text(encoding="ascii") == "those of yesterday\n"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["danelaw.prom", "seen.jsonl"]


# -- monitors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "options", "status", "word"),
    [
        ("better.example.net:{port}", [], 1, "WARNING"),
        ("bad.example.net:{port}", [], 2, "CRITICAL"),
        ("bare.example.net:{port}", [], 2, "CRITICAL"),
        ("slow.example.net:{stalled}", ["--timeout", "0.3"], 3, "UNKNOWN"),
        ("good.example.net:853/udp", [], 3, "UNKNOWN"),
        ("no host", [], 3, "UNKNOWN"),
        ("www.example.net", ["--no-such-option"], 3, "UNKNOWN"),
        ("www.example.net", ["--json"], 3, "UNKNOWN"),
        ("www.example.net", ["--days", "many"], 3, "UNKNOWN"),
    ],
    ids=[
        "warnings",
        "mismatch",
        "no DANE",
        "stalled",
        "not possible",
        "no target",
        "no option",
        "two forms",
        "no number",
    ],
)
def test_a_plugin_speaks_in_one_line_and_by_its_own_status(
    check: Run, world: World, target: str, options: list[str], status: int, word: str
) -> None:
    said = check(target.format_map(vars(world)), "--nagios", *options)
    assert said.status == status
    assert said.lines[0].startswith(f"DANELAW {word} - ")
    assert said.err == ""


def test_figures_for_prometheus_take_the_place_of_the_old_ones(check: Run, world: World, tmp_path: Path) -> None:
    file = tmp_path / "danelaw.prom"
    file.write_text("old\n", encoding="ascii")
    said = check(f"good.example.net:{world.port}", "--prometheus", file, "--brief")
    assert said.lines[0].startswith("valid ")
    told = file.read_text(encoding="utf-8")
    assert f'danelaw_check_good{{target="good.example.net:{world.port}"}} 1\n' in told
    assert [path.name for path in tmp_path.iterdir()] == ["danelaw.prom"]
    assert stat.S_IMODE(file.stat().st_mode) & 0o444 == 0o444 & ~current_umask()


def current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_figures_may_go_to_standard_output(check: Run, world: World) -> None:
    said = check(f"good.example.net:{world.port}", "--prometheus", "-")
    assert said.lines[0].startswith("# HELP ")
    assert all(line.startswith(("# ", "danelaw_")) for line in said.lines)


# -- evidence -------------------------------------------------------------------------------------------------------


def test_what_was_kept_is_judged_again_to_the_same_end(check: Run, run: Run, world: World, tmp_path: Path) -> None:
    file = evidence(check, world, tmp_path / "seen.jsonl")
    targets = f"good.example.net:{world.port}", f"bad.example.net:{world.port}"
    again = run("--evidence", file, "--ca", world.ca)
    assert again.status == 1
    assert again.out == check(*targets).out
    assert run("--evidence", file, "--json", "--ca", world.ca).json["verdict"] == "mismatch"


def test_nothing_is_asked_when_evidence_is_judged(check: Run, run: Run, world: World, tmp_path: Path) -> None:
    """There is no resolver, and nobody to connect to."""
    file = evidence(check, world, tmp_path / "seen.jsonl")
    before = world.queries()
    run("--evidence", file)
    assert world.queries() == before > 0


def test_evidence_goes_through_a_pipe_and_may_be_laid_out(
    check: Run, run: Run, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = check(f"bad.example.net:{world.port}", "--save", "-").out
    assert json.loads(line)["schema"] == "danelaw/evidence/1"
    file = tmp_path / "seen.json"
    file.write_text(json.dumps(json.loads(line), indent=2), encoding="ascii")
    with file.open(encoding="ascii") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert run("--evidence", "-", "--brief").lines[0].startswith("mismatch ")


def test_certificates_are_judged_as_of_another_day(check: Run, run: Run, world: World, tmp_path: Path) -> None:
    file = tmp_path / "seen.jsonl"
    check(f"www.example.net:{world.port}", "--address", "127.0.0.1", "--save", file)
    assert run("--evidence", file).status == 0
    later = run("--evidence", file, "--now", "2027-03-01T00:00:00Z")
    assert later.status == 1
    assert "a DANE client does not connect" in later.out


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"", None),
        (b"\n\n", None),
        (b"{}\n", "line 1"),
        (b"\xff\xfe", ""),
        (b'\n{"schema": "danelaw/evidence/9"}', "line 2"),
        (b"{\n" + b"[" * 100_000, ""),
    ],
    ids=["empty", "empty lines", "no evidence", "no text", "of another version", "deep"],
)
def test_what_is_no_evidence_is_refused(run: Run, tmp_path: Path, content: bytes, where: str | None) -> None:
    file = tmp_path / "seen.jsonl"
    file.write_bytes(content)
    said = run("--evidence", file)
    assert said.status == 2
    assert ("[NO_TARGETS]" if where is None else "[EVIDENCE_UNREADABLE]") in said.err
    assert (where or "") in said.err
    assert str(file) in said.err
    assert "hint: " in said.err


# -- mistakes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "hint"),
    [
        ([], "NO_TARGETS", "smtp:example.net"),
        (["--file", "/dev/null"], "NO_TARGETS", "--file"),
        (["--file", "/nowhere/targets"], "TARGETS_UNREADABLE", "one target on each line"),
        (["--file", "/dev/zero"], "TARGETS_UNREADABLE", "one target on each line"),
        (["www.example.net:0"], "BAD_TARGET", "1 to 65535"),
        (["www.example.net:65536"], "BAD_TARGET", "1 to 65535"),
        (["192.0.2.1"], "BAD_TARGET", "--address"),
        (["a..b"], "BAD_NAME", "www.example.net"),
        (["gopher://www.example.net"], "BAD_TARGET", "known are"),
        (["www.example.net", "--starttls", "gopher"], "BAD_TARGET", "smtp"),
        (["www.example.net", "--address", "www"], "BAD_ADDRESS", "IP@PORT"),
        (["www.example.net", "--address", "::1@0"], "BAD_ADDRESS", "IP@PORT"),
        (["www.example.net", "--now", "yesterday"], "BAD_INSTANT", "2026-11-23T12:00:00Z"),
        (["www.example.net", "--anchor", "/nowhere"], "ANCHOR_UNREADABLE", "trust anchors"),
        (["www.example.net", "--ca", "/nowhere"], "ROOTS_UNREADABLE", "--ca"),
        (["www.example.net", "--ca", "/dev/zero"], "ROOTS_UNREADABLE", "--ca"),
        (["www.example.net", "--resolver", "example"], "BAD_RESOLVER", "IP@PORT"),
        (["www.example.net", "--config", "/nowhere"], "CONFIG_UNREADABLE", "--config"),
        (["www.example.net", "--save", "/nowhere/at/all"], "OUTPUT_UNWRITABLE", "--save"),
        (["www.example.net", "--prometheus", "/nowhere/at/all"], "OUTPUT_UNWRITABLE", "--prometheus"),
        (["--evidence", "/nowhere"], "EVIDENCE_UNREADABLE", "--save"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_a_mistake_is_told_with_its_code_and_what_to_type(run: Run, arguments: list[str], code: str, hint: str) -> None:
    resolver = [] if "--evidence" in arguments or "--resolver" in arguments else ["--resolver", "127.0.0.1@1"]
    said = run(*arguments, *resolver)
    error, advice = said.err.splitlines()
    assert said.status == 2
    assert f"[{code}]" in error
    assert advice.startswith("hint: ")
    assert hint in advice
    assert said.out == ""


def test_all_bad_lines_of_a_file_are_told_at_once(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "targets"
    file.write_text("www.example.net\nwww.example.net:0\n\na..b\n", encoding="utf-8")
    said = run("--file", file)
    assert said.status == 2
    assert "line 2: " in said.err
    assert "line 4: " in said.err
    assert str(file) in said.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["www.example.net", "--json", "--brief"],
        ["www.example.net", "--json", "--save", "-"],
        ["www.example.net", "--prometheus", "-", "--save", "-"],
        ["www.example.net", "--evidence", "seen"],
        ["--evidence", "seen", "--resolver", "127.0.0.1"],
        ["www.example.net", "--days", "-1"],
        ["www.example.net", "--jobs", "0"],
        ["www.example.net", "-4", "-6"],
        ["--evidence", "seen", "-4"],
        ["www.example.net", "--timeout", "0"],
    ],
    ids=" ".join,
)
def test_what_does_not_go_together_is_a_usage_error(run: Run, arguments: list[str]) -> None:
    said = run(*arguments)
    assert (said.status, said.out) == (2, "")
    assert "Error: " in said.err


def test_control_characters_of_a_target_reach_no_terminal(run: Run) -> None:
    said = run("www\x1b[2J.example.net", "--resolver", "127.0.0.1@1", "--timeout", "0.1")
    assert "\x1b" not in said.out + said.err


@pytest.mark.parametrize("option", ["--save", "--prometheus"])
def test_a_disk_that_is_full_is_told(check: Run, world: World, option: str) -> None:
    said = check(f"good.example.net:{world.port}", option, "/dev/full")
    assert said.status == 2
    assert "cannot write to /dev/full [OUTPUT_UNWRITABLE]" in said.err
    assert Path("/dev/full").is_char_device()


def test_a_link_stays_a_link(check: Run, world: World, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link, file = tmp_path / "link", tmp_path / "there" / "seen.jsonl"
    link.symlink_to(file)
    check(f"good.example.net:{world.port}", "--save", link)
    assert link.is_symlink()
    assert file.read_text(encoding="ascii").startswith('{"schema":"danelaw/evidence/1"')


# -- the reference --------------------------------------------------------------------------------------------------


def test_the_reference_has_every_option_and_every_metric() -> None:
    page = PAGE.read_text(encoding="utf-8")
    options = [max(parameter.opts, key=len) for parameter in command.params if parameter.name != "targets"]
    assert [option for option in options if f"`{option}" not in page] == []
    assert set(re.findall(r"^\| `(danelaw_\w+)`", page, flags=re.MULTILINE)) == set(FAMILIES)
