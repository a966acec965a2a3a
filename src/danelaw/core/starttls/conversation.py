"""The engine under every dialogue: a script that reads as the protocol does, and what feeds it octets.

A script is a generator. It speaks through an ``Exchange``, asks for a line or for a number of octets, and is resumed
when they are there. If it comes to its end, the server waits for TLS; every other outcome it raises. Bounds, the
transcript, the end of the connection, and what stands behind the last reply are minded here, once for all protocols.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Final, NoReturn, TypeAlias, TypeVar

from danelaw.core.starttls.dialogue import MAX_OCTETS, MAX_SAID, Ready, Step, Stopped
from danelaw.core.starttls.strangers import TLS_RECORD, stranger

MAX_LINE: Final = 8192
"""Octets of one line, or of one piece of XML."""
MAX_SHOWN: Final = 512
"""Characters of a line that are kept of what was said."""
MAX_DETAIL: Final = 256
"""Characters of the server's words that are kept in the detail of an outcome."""


@dataclass(frozen=True, slots=True)
class Until:
    """Everything up to this octet, with it; ``MAX_LINE`` octets at most."""

    octet: bytes


@dataclass(frozen=True, slots=True)
class Octets:
    """So many octets: at least one."""

    count: int


Ask: TypeAlias = Until | Octets
T = TypeVar("T")
Reading: TypeAlias = Generator[Ask, bytes, T]
"""Part of a script that reads something."""
Script: TypeAlias = Reading[None]
"""When it returns, the server waits for TLS. Raises ``StoppedError``."""

_OTHER: Final = "NOT_THIS_PROTOCOL"
LINE: Final = Until(b"\n")


class StoppedError(Exception):
    """A script's way to say that no TLS will come of it."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.stopped = Stopped(code, detail)


def not_offered(detail: str) -> StoppedError:
    return StoppedError("STARTTLS_NOT_OFFERED", detail)


def refused(reason: str) -> StoppedError:
    """``reason``: the server's."""
    return StoppedError("STARTTLS_REFUSED", shortened(reason, MAX_DETAIL) or "it gives no reason")


def not_this_protocol(said: bytes | str, wanted: str) -> StoppedError:
    """``said`` is not how anything of this protocol begins. ``wanted``: what should have been there."""
    octets = said.encode() if isinstance(said, str) else said
    other = stranger(octets)
    return unexpected(readable(octets), wanted) if other is None else StoppedError(_OTHER, f"it speaks {other}")


def unexpected(said: str, wanted: str) -> StoppedError:
    """``said`` belongs to the protocol, and not here."""
    shown = shortened(said, MAX_DETAIL) or "an empty line"
    return StoppedError(_OTHER, f"{wanted} was due, and it says: {shown}")


def readable(octets: bytes) -> str:
    """As text, without the end of the line; control characters are left in it."""
    return octets.rstrip(b"\r\n").decode("utf-8", "replace")


def shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


class Exchange:
    """What a script speaks through, and the transcript. ``farewell``: see ``Dialogue``; scripts keep it."""

    def __init__(self, farewell: bytes = b"") -> None:
        self.farewell = farewell
        self.said: list[str] = []
        self.outgoing = bytearray()

    def say(self, line: str) -> None:
        """Send a line."""
        self.send(line.encode() + b"\r\n", line)

    def send(self, octets: bytes, shown: str) -> None:
        """Send octets, of which the transcript says ``shown``."""
        self.outgoing += octets
        self._note(f"> {shown}")

    def heard(self, shown: str) -> None:
        """The server said that."""
        self._note(f"< {shown}")

    def line(self) -> Reading[str]:
        """The server's next line, without its end: LF, or CR LF."""
        text = readable((yield LINE))
        self.heard(text)
        return text

    def listed(self) -> Reading[set[str]]:
        """The first words, in capitals, of the server's lines up to the one that is a dot."""
        words: set[str] = set()
        while (line := (yield from self.line())) != ".":
            words.add(line.partition(" ")[0].upper())
        return words

    def _note(self, line: str) -> None:
        self.said.append(shortened(line, MAX_SHOWN))
        if len(self.said) > MAX_SAID:
            middle = MAX_SAID // 2
            self.said[middle : middle + 2] = ["…"]


def foreign_octet(octet: bytes, wanted: str) -> Reading[NoReturn]:
    """The first octet of an answer is not ``wanted``: it is told what speaks so. Raises ``StoppedError``."""
    more = (yield Octets(4)) if octet == b"H" else b"\x03" if octet in (b"\x15", b"\x16") else b""
    raise not_this_protocol(octet + more, wanted)


class Conversation:
    """A dialogue that a script leads (``dialogue.Dialogue``)."""

    def __init__(self, script: Callable[[Exchange], Script], farewell: bytes = b"") -> None:
        """``farewell``: what the script may put another in the place of."""
        self._exchange = Exchange(farewell)
        self._script = script(self._exchange)
        self._ask: Ask = LINE
        self._buffer = bytearray()
        self._received = 0

    @property
    def said(self) -> tuple[str, ...]:
        return tuple(self._exchange.said)

    @property
    def farewell(self) -> bytes:
        return self._exchange.farewell

    def begin(self) -> Step:
        self._ask = next(self._script)
        return self._step(None)

    def receive(self, octets: bytes) -> Step:
        if not octets:
            return self._step(self._closed())
        self._buffer += octets[: max(0, MAX_OCTETS - self._received)]
        self._received += len(octets)
        try:
            while (taken := self._taken()) is not None:
                self._ask = self._script.send(taken)
        except StopIteration:
            return self._step(self._ready())
        except StoppedError as error:
            return self._step(error.stopped)
        if self._received > MAX_OCTETS:
            return self._step(Stopped(_OTHER, f"it says more than {MAX_OCTETS} octets before TLS starts"))
        return self._step(None)

    def _taken(self) -> bytes | None:
        """What the script asked for, out of the buffer; None if it is not yet there."""
        match self._ask:
            case Octets(count):
                size = count if len(self._buffer) >= count else 0
            case Until(octet):
                if self._buffer.startswith(TLS_RECORD):
                    raise not_this_protocol(bytes(self._buffer), "text")
                size = self._buffer.find(octet, 0, MAX_LINE) + 1
                if not size and len(self._buffer) >= MAX_LINE:
                    raise StoppedError(_OTHER, f"it says more than {MAX_LINE} octets in one line")
        if not size:
            return None
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _ready(self) -> Ready | Stopped:
        """Octets behind the reply that starts TLS came in cleartext, whoever sent them: a client that kept them would
        take them for the server's."""
        if not self._buffer and self._received <= MAX_OCTETS:
            return Ready()
        behind = shortened(readable(bytes(self._buffer)), MAX_DETAIL)
        return Stopped("STARTTLS_INJECTED", f"cleartext stands behind the reply that starts TLS: {behind}")

    def _closed(self) -> Stopped:
        said = self._exchange.said
        if self._buffer:
            rest = shortened(readable(bytes(self._buffer)), MAX_DETAIL)
            return Stopped("CLOSED", f"it closed the connection within a reply: {rest}")
        if not any(line.startswith("<") for line in said):
            return Stopped("CLOSED", "it closed the connection, and had said nothing")
        last = said[-1]
        return Stopped("CLOSED", f"it closed the connection after {shortened(last[2:], MAX_DETAIL)}")

    def _step(self, end: Ready | Stopped | None) -> Step:
        send = bytes(self._exchange.outgoing)
        self._exchange.outgoing.clear()
        return Step(send, end)
