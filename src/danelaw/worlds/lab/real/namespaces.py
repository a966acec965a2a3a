"""Namespaces of one's own: the network, the mounts, the processes, and where need be the users.

``run`` starts a program again inside them, and passes on what ends it. The program inside is the first process there
(``pid_namespaces(7)``): when it ends, in whatever way, the kernel ends everything that it started, and the network and
the mounts go with them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from danelaw.core.model import DanelawError
from danelaw.worlds.lab.real.addresses import EVERYBODY

OUTSIDE: Final = "DANELAW_OUTSIDE"
"""The variable that tells a program inside which namespaces it has left."""
KINDS: Final = ("net", "mnt", "pid")

RUN: Final = Path("/dev/shm")  # noqa: S108  # hidden under a mount of our own before anything is written to it
"""Where the world's files are: every Linux has this folder, and nobody keeps anything in it that is wanted inside."""

REQUESTS: Final = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
PATIENCE: Final = 15.0
"""Seconds that the inside has for taking everything down."""
LOOK_EVERY: Final = 0.02


def inside() -> bool:
    """Whether this process is in namespaces that ``run`` made."""
    left = os.environ.get(OUTSIDE, "").split()
    return len(left) == len(KINDS) and not set(left) & set(_own())


def _own() -> list[str]:
    return [str(Path(f"/proc/self/ns/{kind}").readlink()) for kind in KINDS]


def _unshare(programs: Mapping[str, str]) -> tuple[str, ...]:
    """The words before a command that starts it in namespaces of its own. It dies with whoever starts it."""
    users = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    return (
        *(programs["setpriv"], "--pdeathsig", signal.SIGKILL.name),
        *(programs["unshare"], *users, "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
    )


def run(argv: Sequence[str], programs: Mapping[str, str]) -> int:
    """Run a program inside until it ends; its exit status. It has a session of its own.

    Ctrl-C, SIGTERM and SIGHUP reach it as one SIGTERM, however early they come; it must call ``furnish``. Raises
    ``DanelawError("NAMESPACES_FORBIDDEN")``.
    """
    prefix = _unshare(programs)
    _try(prefix)
    heeded = {request for request in REQUESTS if signal.getsignal(request) is not signal.SIG_IGN}  # not under nohup
    heard = heeded | {signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, heard)  # inherited: a signal that comes too early waits inside
    try:
        process = subprocess.Popen(  # noqa: S603  # this very program, no shell
            [*prefix, *argv], env=os.environ | {OUTSIDE: " ".join(_own())}, start_new_session=True
        )
        try:
            _pass_on(process, heard)
        finally:
            process.kill()
            status = process.wait()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return status if status >= 0 else 128 - status


def _pass_on(process: subprocess.Popen[bytes], heard: Iterable[signal.Signals]) -> None:
    """Wait for the end, and hand over the first request to end; patience is limited from then on."""
    deadline, told = None, False
    while process.poll() is None:
        info = signal.sigwaitinfo(heard) if deadline is None else signal.sigtimedwait(heard, LOOK_EVERY)
        if info is not None and info.si_signo in REQUESTS and deadline is None:
            deadline = time.monotonic() + PATIENCE
        if deadline is not None and time.monotonic() > deadline:
            return
        if deadline is not None and not told:
            told = _tell(process.pid)


def _tell(unshare: int) -> bool:
    """Ask the first process inside to end; False: it has not been born yet, and ``unshare`` itself will not listen."""
    with contextlib.suppress(ProcessLookupError, FileNotFoundError):
        for child in Path(f"/proc/{unshare}/task/{unshare}/children").read_text("ascii").split():
            os.kill(int(child), signal.SIGTERM)
            return True
    return False


def _try(prefix: Sequence[str]) -> None:
    tried = subprocess.run([*prefix, "true"], capture_output=True, text=True, check=False)  # noqa: S603  # no shell
    if tried.returncode != 0:
        raise DanelawError(
            "NAMESPACES_FORBIDDEN",
            "this machine does not let us make namespaces of our own",
            evidence=tried.stderr.strip(),
            hint="run it as root, or allow user namespaces; in a container, start that with --privileged",
        )


# -- inside ------------------------------------------------------------------------------------------------------------


def furnish(programs: Mapping[str, str]) -> None:
    """Make the room ready, as the first thing in it: signals, loopback with its addresses, an empty folder at ``RUN``.

    Raises ``DanelawError("NAMESPACES_FORBIDDEN")`` where the kernel refuses.
    """
    os.umask(0o022)
    _do(programs["mount"], "-t", "tmpfs", "-o", "mode=0755", "danelaw", str(RUN))
    _do(programs["ip"], "link", "set", "lo", "up")
    lines = [f"addr add {ip}/{ip.max_prefixlen} dev lo" for place in EVERYBODY for ip in place]
    for family in ("-4", "-6"):  # rules before that of the local table, where Roads puts the broken ones
        _do(programs["ip"], family, "-batch", "-", text="rule add pref 100 table local\nrule del pref 0\n")
    _do(programs["ip"], "-batch", "-", text="\n".join(lines) + "\n")
    if not may_change_user():  # the servers that change their user cannot bind 80 and 443 first
        Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").write_text("0\n", encoding="ascii")
    signal.pthread_sigmask(signal.SIG_UNBLOCK, REQUESTS | {signal.SIGCHLD})


def may_change_user() -> bool:
    """Whether there are other users here: not so in a user namespace that maps none but its maker."""
    return sum(int(line.split()[2]) for line in Path("/proc/self/uid_map").read_text("ascii").splitlines()) > 1


def hide(path: Path, by: Path, programs: Mapping[str, str]) -> None:
    """Everybody in here sees the file or folder ``by`` at ``path``. Does nothing where there is no ``path``."""
    if path.exists():
        _do(programs["mount"], "--bind", str(by), str(path))


def _do(*argv: str, text: str | None = None) -> None:
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)  # noqa: S603  # no shell
    if done.returncode != 0:
        raise DanelawError(
            "NAMESPACES_FORBIDDEN",
            f"{' '.join(argv)} failed inside namespaces of our own",
            evidence=(done.stderr or done.stdout).strip(),
            hint="run it as root; in a container, start that with --privileged",
        )
