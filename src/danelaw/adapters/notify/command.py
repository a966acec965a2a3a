"""Notices to a program of the operator's: JSON on standard input, the gist in the environment."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import timedelta

import msgspec

from danelaw.core.model import DanelawError, Instant
from danelaw.core.notify import texts
from danelaw.core.notify.record import Notice
from danelaw.ports import Programs


class CommandWay:
    """``ports.Way``. ``tell`` raises ``COMMAND_FAILED`` and ``COMMAND_NOT_FOUND``."""

    def __init__(self, argv: Sequence[str], programs: Programs, patience: timedelta, host: str) -> None:
        self._argv = tuple(argv)
        self._programs = programs
        self._patience = patience
        self._host = host

    async def tell(self, notices: Sequence[Notice], at: Instant) -> None:
        document = msgspec.json.encode(texts.document(notices, self._host, at)) + b"\n"
        bad = texts.worst(notices)
        gist = {
            "DANELAW_HOST": self._host,
            "DANELAW_SAYS": texts.headline(notices, self._host),
            "DANELAW_SEVERITY": bad.value if bad is not None else "over",
            "DANELAW_SUBJECTS": " ".join(dict.fromkeys(str(one.concern.subject) for one in notices)),
            "DANELAW_CODES": " ".join(dict.fromkeys(one.concern.code for one in notices)),
        }
        name = shlex.quote(self._argv[0])
        try:
            ended = await self._programs.ask(self._argv, document, self._patience, gist)
        except TimeoutError as error:
            seconds = self._patience.total_seconds()
            hint = "what takes long it starts in a session of its own (setsid): whatever else it started was killed"
            raise DanelawError("COMMAND_FAILED", f"{name} did not end within {seconds:.0f} s", hint=hint) from error
        if ended.status:
            hint = "it is started again at the next pass, with what is to be told then"
            raise DanelawError(
                "COMMAND_FAILED", f"{name} ended with status {ended.status}", evidence=ended.said, hint=hint
            )
