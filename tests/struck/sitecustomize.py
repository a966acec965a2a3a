"""For PYTHONPATH: Python imports this before it runs a program, which is then struck by a signal at a chosen instant.

STRIKE names the instant, an audit event and the start of its first argument (such as ``import click``), and a signal.
Python audits an import before it looks for the module. Just before the signal, ``struck`` is written to standard error.
"""

import os
import signal
import sys
from typing import Any

EVENT, FIRST, SIGNAL = os.environ["STRIKE"].split()


def strike(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook; it strikes once."""
    if event == EVENT and os.path.basename(str(arguments[0])).startswith(FIRST) and "STRIKE" in os.environ:  # noqa: PTH119 - pathlib would be imported by this
        del os.environ["STRIKE"]
        os.write(2, b"struck\n")
        signal.raise_signal(signal.Signals[SIGNAL])


sys.addaudithook(strike)
