"""What Unbound and delv say of every damage in the garden, beside what we say: each difference is written down.

docs/divergences.md lists them, with the reason; one that is not listed fails here, and so does a listed one that is no
more. That holds of the releases that the page names: what another changed, its makers may have mended. The garden is
planted around the present: delv has no other time.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from garden_oracles import Told, anchor_lines, forwarder, plots, said_by_delv, said_by_unbound, unbound, word

from danelaw.core.model import Question
from fault_garden.damages import Entry
from fault_garden.entries import GARDEN

DIVERGENCES: Final = Path(__file__).parent.parent.parent / "docs" / "divergences.md"
SECTION: Final = "## The garden of faults"
COLUMNS: Final = ["entry", "Danelaw", "Unbound", "delv", "decided by", "why"]
OF_RELEASES: Final = ["entry", "release", "says"]
LISTED: Final = frozenset({"Unbound 1.17.1", "delv 9.18.49-1~deb12u3"})
"""The releases that the page is about."""
SERVED: Final = [entry for entry in GARDEN if entry.served]
DELVS, CONNECTIONS = 4, 5  # at once; Unbound has room for ten connections

Judgements = Mapping[str, tuple[Told, Told]]
"""By the entry's name: Unbound's and delv's."""


async def _asked(folder: Path, unbound_path: str, delv_path: str) -> Judgements:
    gardens = plots(SERVED, datetime.now(UTC))
    questions = [gardens[entry.name].question(entry.asked) for entry in SERVED]
    at_once = asyncio.Semaphore(DELVS)
    async with (
        forwarder(gardens) as upstream,
        unbound(unbound_path, folder, upstream.address, anchor_lines(gardens)) as port,
    ):

        async def ask_delv(entry: Entry, asked: Question) -> Told:
            async with at_once:
                return await said_by_delv(delv_path, folder, upstream.address, gardens[entry.name], asked)

        shares = [questions[first::CONNECTIONS] for first in range(CONNECTIONS)]
        shared = await asyncio.gather(*(said_by_unbound(port, share) for share in shares))
        by_delv = await asyncio.gather(*map(ask_delv, SERVED, questions))
    by_unbound = [shared[number % CONNECTIONS][number // CONNECTIONS] for number in range(len(SERVED))]
    return {entry.name: (one, other) for entry, one, other in zip(SERVED, by_unbound, by_delv, strict=True)}


def _tables() -> list[list[list[str]]]:
    """The rows of each table of the section, with its head."""
    section = DIVERGENCES.read_text(encoding="utf-8").split(SECTION)[1].split("\n## ")[0]
    found: list[list[list[str]]] = [[]]
    for line in section.splitlines():
        if line[:1] == "|":
            found[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        elif found[-1]:
            found.append([])
    main, of_releases = filter(None, found)
    assert (main[0], of_releases[0]) == (COLUMNS, OF_RELEASES)
    return [main[2:], of_releases[2:]]


def _said_by(releases: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """What the page says of these releases of Unbound and of delv: by the entry, our word and both of theirs."""
    main, of_releases = _tables()
    found = {name: tuple(words) for name, *words, _, _ in main}
    for name, release, says in of_releases:
        ours, *theirs = found[name]
        found[name] = (ours, *(says if of == release else said for of, said in zip(releases, theirs, strict=True)))
    return {name: words for name, words in found.items() if len(set(words)) > 1}


def _release(*command: str) -> str:
    """How a program names itself; what is built from its source bears no revision of Debian's."""
    said = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True).stdout  # noqa: S603  # no shell
    return said.splitlines()[0].split()[-1].removesuffix("-Debian")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_others_say_otherwise_is_listed_and_nothing_else(
    tmp_path: Path, require_program: Callable[..., str]
) -> None:
    paths = require_program("unbound", package="unbound"), require_program("delv", package="bind9-dnsutils")
    releases = f"Unbound {_release(paths[0], '-V')}", f"delv {_release(paths[1], '-v')}"
    judgements = asyncio.run(_asked(tmp_path, *paths))
    found = {}
    for entry in SERVED:
        words = (word(entry.state), *(told[0] for told in judgements[entry.name]))
        if len(set(words)) > 1:
            found[entry.name] = words
    listed = _said_by(releases)
    new = {name: (*words, judgements[name]) for name, words in found.items() if listed.get(name) != words}
    gone = {name: words for name, words in listed.items() if name not in found}
    unlisted = set(releases) - LISTED - {release for _, release, _ in _tables()[1]}
    if unlisted and (new or gone):
        pytest.xfail(f"{' and '.join(sorted(unlisted))} is not on the page, and says otherwise: {sorted(new | gone)}")
    assert (new, gone) == ({}, {})


def test_each_divergence_is_of_an_entry_and_says_which_text_decides_and_why() -> None:
    rows, of_releases = _tables()
    assert [name for name, count in Counter(row[0] for row in rows).items() if count > 1] == []
    assert {row[0] for row in rows} <= {entry.name for entry in SERVED}
    for name, *words, decided, why in rows:
        assert set(words) <= {"secure", "insecure", "refused", "unjudged"}, name
        assert decided.startswith("RFC "), name
        assert why, name
    assert {name for name, *_ in of_releases} <= {row[0] for row in rows}
    assert {says for *_, says in of_releases} <= {"secure", "insecure", "refused", "unjudged"}
