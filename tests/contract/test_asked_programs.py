"""Programs that are given a document and answer with one."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from datetime import timedelta

from danelaw.adapters.clock import SubprocessPrograms
from danelaw.ports import LONGEST_ANSWER, ProgramAnswer


def ask(code: str, document: bytes = b"", env: Mapping[str, str] = {}) -> ProgramAnswer:
    return asyncio.run(SubprocessPrograms().ask((sys.executable, "-c", code), document, timedelta(seconds=60), env))


def test_it_gets_the_document_and_what_stands_in_its_environment() -> None:
    code = "import os, sys; print(sys.stdin.read() + os.environ['OF'] + str('PATH' in os.environ), end='')"
    assert ask(code, b"a document ", {"OF": "ours "}) == ProgramAnswer(0, b"a document ours True", "")


def test_one_that_does_not_listen_is_heard_all_the_same() -> None:
    assert ask("print('no need', end='')", b"x" * 5_000_000).answer == b"no need"


def test_no_more_is_kept_than_tells_that_an_answer_is_too_long() -> None:
    told = ask(f"import os\nfor _ in range(40): os.write(1, b'x' * {1 << 16})")
    assert (told.status, len(told.answer)) == (0, LONGEST_ANSWER + 1)


def test_the_end_of_what_it_complains_of_is_one_printable_line() -> None:
    told = ask("import sys; sys.exit('begin' + 'x' * 9000 + '\\n\\x1b[31m what\\twent wrong')")
    assert (told.status, told.said.endswith(" [31m what went wrong"), "begin" in told.said) == (1, True, False)
    assert told.said.isprintable()
