"""What a page of the manual has somebody do.

Blocks of ``console``: lines that begin with ``# `` are typed as root, those with ``$ `` as Danelaw's user, and the
others are what is printed. Other blocks whose first line is a comment with a path are files. Comments of the page,
which readers do not see, hold for the block below: ``<!-- when: TEXT -->``, its first command is typed again until it
prints that;
``<!-- to the registrar -->``, the DS records that it prints are handed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_BLOCK: Final = re.compile(r"((?:^ *<!--[^\n]*-->\n\s*)*)^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_NAMED: Final = re.compile(r"(?:#|//) (/\S+)\n")
_WHEN: Final = re.compile(r"<!-- when: (.+?) -->")


@dataclass(frozen=True)
class File:
    path: Path
    text: str


@dataclass(frozen=True)
class Command:
    """``awaited``: what it prints at last."""

    user: str
    line: str
    awaited: str = ""
    to_registrar: bool = False


def steps(page: str) -> Iterator[File | Command]:
    for notes, indent, kind, raw in _BLOCK.findall(page):
        text = re.sub(f"^{indent}", "", raw, flags=re.MULTILINE)
        if kind == "console":
            when = _WHEN.search(notes)
            awaited = when[1] if when else ""
            for line in text.splitlines():
                if line.startswith(("# ", "$ ")):
                    user = "root" if line[0] == "#" else "danelaw"
                    yield Command(user, line[2:], awaited, "<!-- to the registrar -->" in notes)
                    awaited = ""
        elif named := _NAMED.match(text):
            yield File(Path(named[1]), text)
