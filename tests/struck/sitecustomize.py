"""For PYTHONPATH: Python imports this before it runs a program, which is then struck by a signal at a chosen instant.

STRIKE names the instant, an audit event and the start of its first argument (such as ``import click``), and a signal.
Python audits an import before it looks for the module. Just before the signal, ``struck`` is written to standard error.
"""

import os
import signal
import sys
from typing import Any

CHOSEN = os.environ.pop("STRIKE", "").split()  # the programs that the struck one starts are left alone


def strike(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook; it strikes once."""
    if CHOSEN and event == CHOSEN[0]:
        _, first, number = CHOSEN
        if os.path.basename(str(arguments[0])).startswith(first):  # noqa: PTH119 - pathlib's import would be audited
            CHOSEN.clear()
            os.write(2, b"struck\n")
            signal.raise_signal(signal.Signals[number])


if CHOSEN:
    sys.addaudithook(strike)
