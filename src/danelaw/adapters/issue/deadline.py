"""The end of a step: every connection that was made in it is cut off then, however slowly a server goes on sending.

The timeouts of ``requests`` bound each read by itself: a server that drips octets would hold a thread for ever.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType


class Deadline:
    """Runs within ``with``. ``seconds``: from then on."""

    def __init__(self, seconds: float) -> None:
        self.over = False
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._ends: list[socket.socket] = []

    def watch(self, connection: socket.socket) -> None:
        """Cut this one off too. A duplicate is kept: TLS takes the socket itself away from its object."""
        with self._lock:
            self._ends.append(connection.dup())
            if self.over:
                _shut(self._ends[-1])

    def __enter__(self) -> Deadline:
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._timer.cancel()
        with self._lock:
            for end in self._ends:
                end.close()
            self._ends.clear()

    def _cut(self) -> None:
        with self._lock:
            self.over = True
            for end in self._ends:
                _shut(end)


def _shut(end: socket.socket) -> None:
    with suppress(OSError):  # it is closed at the other end
        end.shutdown(socket.SHUT_RDWR)
