"""Notices in words: a line, a letter of plain text, a JSON document."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from danelaw.core.model import Instant, SubjectName
from danelaw.core.model.instants import rfc3339, to_minute
from danelaw.core.model.length import in_words
from danelaw.core.notify.concern import RANK, Concern, Severity
from danelaw.core.notify.record import Moment, Notice
from danelaw.core.verdict.printable import printable

SCHEMA: Final = "danelaw/notice/1"
COLUMNS: Final = 72
_LONGEST_LINE: Final = 160


def headline(notices: Sequence[Notice], host: str) -> str:
    """One line, of one notice or of several: which host, which subjects, how bad."""
    if len(notices) == 1:
        (only,) = notices
        about = f"{word(only)}: {only.concern.subject} {only.concern.code}"
    else:
        lasting = [one for one in notices if one.moment is not Moment.ENDS]
        over = len(notices) - len(lasting)
        counts = [f"{len(lasting)} {_worst(lasting).value}" if lasting else "", f"{over} over" if over else ""]
        subjects = dict.fromkeys(str(one.concern.subject) for one in notices)
        about = f"{', '.join(filter(None, counts))}: {', '.join(subjects)}"
    return _clipped(printable(f"[danelaw] {host}: {about}"))


def worst(notices: Sequence[Notice]) -> Severity | None:
    """Of those that last; None: all are over."""
    lasting = [one for one in notices if one.moment is not Moment.ENDS]
    return _worst(lasting) if lasting else None


def word(notice: Notice) -> str:
    """What kind of notice it is, as people call it."""
    if notice.moment is Moment.ENDS:
        return "over"
    if notice.moment is Moment.TEST:
        return "test"
    return ("still " if notice.moment is Moment.GOES_ON else "") + notice.concern.severity.value


def letter(notices: Sequence[Notice], host: str, at: Instant) -> str:
    """Plain text, lines of at most ``COLUMNS`` characters but for what cannot be broken, such as names."""
    parts = [f"danelaw on {printable(host)}, {to_minute(at)}", *("\n".join(_lines(one)) for one in notices)]
    return "\n\n".join(parts) + "\n\nHow all stands now: danelaw status\n"


def document(notices: Sequence[Notice], host: str, at: Instant) -> dict[str, object]:
    """``danelaw/notice/1``."""
    bad = worst(notices)
    return {
        "schema": SCHEMA,
        "host": host,
        "at": rfc3339(at),
        "severity": bad.value if bad is not None else None,
        "says": headline(notices, host),
        "notices": [
            {
                "moment": one.moment.value,
                "subject": one.concern.subject,
                "code": one.concern.code,
                "severity": one.concern.severity.value,
                "because": list(one.concern.because),
                "todo": list(one.concern.todo),
                "since": rfc3339(one.since),
                "over": rfc3339(one.at) if one.moment is Moment.ENDS else None,
                "deadline": rfc3339(one.concern.deadline),
            }
            for one in notices
        ],
    }


def _lines(notice: Notice) -> Iterator[str]:
    concern = notice.concern
    yield from _wrapped(f"{word(notice).upper()}: {concern.subject} [{concern.code}]", "")
    for sentence in concern.because:
        yield from _wrapped(sentence, "  ")
    yield from _wrapped(_dates(notice), "  ")
    if concern.deadline is not None and notice.moment is not Moment.ENDS:
        left = concern.deadline - notice.at
        when = f"in {in_words(left)}" if left.total_seconds() > 0 else "which is past"
        yield from _wrapped(f"Deadline: {to_minute(concern.deadline)}, {when}.", "  ")
    if concern.todo and notice.moment is not Moment.ENDS:
        yield "  What to do:"
        for command in concern.todo:
            yield from _wrapped(command, "    ")


def _dates(notice: Notice) -> str:
    if notice.moment is Moment.TEST:
        return f"Sent {to_minute(notice.at)}."
    if notice.moment is Moment.ENDS:
        return f"It lasted from {to_minute(notice.since)} to {to_minute(notice.at)}."
    return f"Since {to_minute(notice.since)}."


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        printable(text),
        COLUMNS,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def _worst(notices: Sequence[Notice]) -> Severity:
    return min((one.concern.severity for one in notices), key=RANK.index)


def _clipped(line: str) -> str:
    return line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 1]}…"


def trial(host: str, at: Instant) -> Notice:
    """A notice of nothing, to see whether notices arrive."""
    says = ("This is a test of danelaw's notifications. Nothing is wrong.",)
    return Notice(Moment.TEST, Concern(SubjectName(host), "TEST_NOTICE", Severity.NOTE, says), at, at)
