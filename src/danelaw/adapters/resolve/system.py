"""The resolvers that this machine is configured with."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Final

from danelaw.core.model import DanelawError, Do53

RESOLV_CONF: Final = Path("/etc/resolv.conf")
_MOST: Final = 3
"""More than so many the C library does not look at (``MAXNS`` of resolv.conf(5))."""
_LONGEST: Final = 1 << 16


def system_forwarders(path: Path = RESOLV_CONF) -> tuple[Do53, ...]:
    """The first three ``nameserver`` lines of resolv.conf(5). A line that holds no address is passed over, as the C
    library does.

    Raises ``DanelawError("NO_FORWARDERS")`` where there are none: what to trust is for the operator to say.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_LONGEST).decode("utf-8", "replace")
    except OSError as error:
        raise _none(path, error.strerror or str(error)) from error
    found = tuple(_nameservers(text))[:_MOST]
    if not found:
        raise _none(path, "it has no nameserver line with an address")
    return found


def _nameservers(text: str) -> list[Do53]:
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) < 2 or not line.startswith("nameserver"):
            continue
        if words[0] == "nameserver":
            try:
                found.append(Do53(ip_address(words[1])))
            except ValueError:
                continue
    return found


def _none(path: Path, evidence: str) -> DanelawError:
    return DanelawError(
        "NO_FORWARDERS",
        f"no resolver is configured, and {path} names none",
        evidence=evidence,
        hint='name one that passes DNSSEC on, in danelaw.toml: [resolver] forwarders = ["IP"]',
    )
