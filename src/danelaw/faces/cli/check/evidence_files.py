"""Files of saved evidence: the document of one target on each line."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import IO, Final

from danelaw.core.model import DanelawError, TargetEvidence
from danelaw.core.verdict.saved import LONGEST, from_text

STDIN: Final = "-"


def read_evidence(files: Sequence[str]) -> Iterator[TargetEvidence]:
    """One after the other, so that no file need fit into memory. Raises ``DanelawError("EVIDENCE_UNREADABLE")``."""
    for file in files:
        try:
            yield from _of(file)
        except (OSError, ValueError) as error:  # UnicodeDecodeError is a ValueError
            raise DanelawError(
                "EVIDENCE_UNREADABLE",
                f"{_called(file)} cannot be read",
                evidence=(error.strerror or "") if isinstance(error, OSError) else str(error),
                hint="name a file that danelaw check --save has written, or - for standard input",
            ) from error


def _of(file: str) -> Iterator[TargetEvidence]:
    with _opened(file) as stream:
        number = 0
        while line := stream.readline(LONGEST + 1):
            number += 1
            if not line.strip():
                continue
            text, place = line.decode("utf-8"), f"{_called(file)}, line {number}"
            if text.strip() == "{":  # somebody had it laid out for reading: then it is one document
                text, place = (line + stream.read(LONGEST + 1)).decode("utf-8"), _called(file)
            yield _read(text, place)


def _opened(file: str) -> IO[bytes] | nullcontext[IO[bytes]]:
    if file != STDIN:
        return open(file, "rb")  # noqa: PTH123  # the name is as typed; the caller closes it
    if sys.stdin is None:  # so Python finds a closed one
        raise ValueError("it is closed")
    return nullcontext(sys.stdin.buffer)


def _read(text: str, place: str) -> TargetEvidence:
    try:
        return from_text(text)
    except DanelawError as error:
        raise DanelawError(error.code, f"{place}: {error.message}", evidence=error.evidence, hint=error.hint) from error


def _called(file: str) -> str:
    return "standard input" if file == STDIN else file
