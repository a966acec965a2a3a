"""This machine: its time, its threads, its programs, its network as it is."""

from danelaw.adapters.clock.blocking import ThreadBlocking
from danelaw.adapters.clock.commands import SubprocessCommands
from danelaw.adapters.clock.dialer import DirectDialer, StatedPorts
from danelaw.adapters.clock.programs import SubprocessPrograms
from danelaw.adapters.clock.stopped import StoppedClock
from danelaw.adapters.clock.system import SystemClock, boot_id

__all__ = [
    "DirectDialer",
    "StatedPorts",
    "StoppedClock",
    "SubprocessCommands",
    "SubprocessPrograms",
    "SystemClock",
    "ThreadBlocking",
    "boot_id",
]
