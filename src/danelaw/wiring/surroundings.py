"""This machine, and the Internet as it reaches it."""

from __future__ import annotations

from collections.abc import Mapping

from dns.name import Name

from danelaw.adapters.clock import DirectDialer, SubprocessCommands, SubprocessPrograms, SystemClock, ThreadBlocking
from danelaw.ports import Blocking, Clock, Commands, Dialer, Parent, Programs, Surroundings


def clock() -> Clock:
    return SystemClock()


def blocking() -> Blocking:
    return ThreadBlocking()


def commands() -> Commands:
    return SubprocessCommands()


def programs() -> Programs:
    return SubprocessPrograms()


def dialer() -> Dialer:
    return DirectDialer()


def open_world(parents: Mapping[Name, Parent]) -> Surroundings:
    """The Internet, this machine's clock and its programs. ``parents``: who takes the DS of which zone."""
    return Surroundings(clock(), dialer(), blocking(), commands(), programs(), parents)
