"""``danelaw`` and ``python -m danelaw``.

Ctrl-C may come while Python still imports what the command line needs, which takes a moment. Nothing has been made by
then, so the process just ends. That is why this module imports next to nothing, and the face only inside ``main``.
"""

import gc
import os
import signal
from types import FrameType


def main() -> None:
    """Run the command line, which ends the process. From here on each of three signals is an interruption."""
    for request in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(request) is not signal.SIG_IGN:  # as under nohup
            signal.signal(request, _end)
    gc.disable()  # what is imported is no garbage
    from danelaw.faces import cli

    collect_rarely()
    cli.main()


def collect_rarely() -> None:
    """Zones are hundreds of thousands of objects without a cycle: to look for one among them is a fifth of the work."""
    gc.enable()
    gc.freeze()
    gc.set_threshold(100_000, 10, 10)


def _end(number: int, frame: FrameType | None) -> None:
    """End at once: an exception may be caught, or lost, wherever in somebody's import it comes up."""
    del number, frame
    try:
        os.write(2, b"interrupted\n")
    finally:
        os._exit(130)


if __name__ == "__main__":
    main()
