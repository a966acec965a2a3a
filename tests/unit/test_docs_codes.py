"""docs/reference/codes.md: every stable code that the code can give, each with one line, and no other."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from danelaw.faces.cli.terminal import UNDECIDED

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "reference" / "codes.md"

CODE: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*_?")
SHORTEST: Final = 4  # shorter capitals are names of types, algorithms and methods

NO_CODES: Final = frozenset(
    {
        *("AAAA", "CNAME", "DNSKEY", "NODATA", "NXDOMAIN", "TLSA", "TYPE", "SPKI"),  # words of the DNS
        *("ES256", "HS256", "RS256", "SHA256"),  # algorithms
        *("HEAD", "PATCH", "POST"),  # HTTP methods
        *("DELETE", "REPLACE"),  # what PowerDNS calls changes
        *("HTML", "HTTP", "IMAP", "NNTP", "POP3"),  # protocols
        *(
            "AUTH",
            "CAPA",
            "CAPABILITIES",
            "CAPABILITY",
            "PREAUTH",
            "STARTTLS",
            "STLS",
        ),  # words of those that start in cleartext
        *(
            "COMMAND",
            "FILE",
            "INSTANT",
            "NAME",
            "PROTO",
            "SECONDS",
            "SERVICE",
            "SIGNED",
            "TARGET",
            "TEXT",
            "TIME",
            "ZONEFILE",
        ),  # what the command line takes
        *("MATCHING_TYPE", "SELECTOR", "USAGE"),  # ends of PRIVATE_… and UNKNOWN_…
        *(
            "NO_COLOR",
            "DANELAW_CONFIG",
            "DANELAW_NAMES",
            "DANELAW_OUTSIDE",
            "DANELAW_PROFILE",
            "SUDO_USER",
        ),  # environment variables
        *("DANELAW_CODES", "DANELAW_HOST", "DANELAW_SAYS", "DANELAW_SEVERITY", "DANELAW_SUBJECTS"),  # and a notice's
        *("PEBBLE_AUTHZREUSE", "PEBBLE_VA_NOSLEEP", "PEBBLE_WFE_NONCEREJECT"),  # and those of the lab's CA
    }
)
INTERNAL: Final = (
    "worlds/replay/",
    "worlds/sim/explorer/",
    "worlds/sim/following.py",
    "worlds/sim/validators.py",
)
"""Rooms whose codes only tests hear of."""


def codes_in(path: Path) -> Iterator[str]:
    """The string constants that look like codes; those of ``__all__`` are names."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        exported = isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets
        )
        if exported:
            continue
        for part in ast.walk(node):
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and CODE.fullmatch(part.value):
                yield part.value


def codes_given() -> dict[str, str]:
    found: dict[str, str] = {}
    source = ROOT / "src" / "danelaw"
    for path in sorted(source.rglob("*.py")):
        where = path.relative_to(source).as_posix()
        if not where.startswith(INTERNAL):
            found |= {code: where for code in codes_in(path) if len(code) >= SHORTEST and code not in NO_CODES}
    return found


def codes_documented() -> list[str]:
    return re.findall(r"^\| `([A-Z0-9_]+)` \|", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)


def test_the_reader_of_codes_sees_them_in_calls_enums_and_conditions() -> None:
    given = codes_given()
    assert {"CONFIG_INVALID", "KEY_REVOKED", "LINGERING", "ANSWER_HELD", "TOO_SLOW", "TLSA_MISMATCH"} <= set(given)


def test_every_code_has_its_line() -> None:
    documented = codes_documented()
    missing = {
        code: where
        for code, where in codes_given().items()
        if not any(line.startswith(code) if code.endswith("_") else line == code for line in documented)
    }
    assert not missing


def test_no_line_is_left_of_a_code_that_is_gone() -> None:
    given = codes_given()
    prefixes = tuple(code for code in given if code.endswith("_"))
    assert [code for code in codes_documented() if code not in given and not code.startswith(prefixes)] == []


def test_a_code_stands_in_one_place() -> None:
    assert [code for code, times in Counter(codes_documented()).items() if times > 1] == []


def test_no_line_is_empty() -> None:
    lines = re.findall(r"^\| `[A-Z0-9_]+` \|(.*)\|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert len(lines) == len(codes_documented())
    assert all(line.strip() for line in lines)


def test_the_errors_that_leave_things_undecided_are_listed() -> None:
    (listed,) = re.findall(r"undecided: (.*?)\.\n", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert set(re.findall(r"`([A-Z_]+)`", listed)) == UNDECIDED
