"""The programs that the real world is made of, and the Debian packages that bring them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import Final

from danelaw.core.model import DanelawError

PACKAGES: Final[Mapping[str, str]] = {
    "unshare": "util-linux",
    "setpriv": "util-linux",
    "mount": "mount",
    "ip": "iproute2",
    "named": "bind9",
    "rndc": "bind9-utils",
    "nsd": "nsd",
    "nsd-control": "nsd",
    "unbound": "unbound",
    "unbound-control": "unbound",
    "pebble": "pebble",
    "apache2": "apache2-bin",
    "openssl": "openssl",
    "ldns-dane": "ldnsutils",
    "delv": "bind9-dnsutils",
    "danetool": "gnutls-bin",
    "env": "coreutils",
}

CONFINED: Final = ("named", "unbound")
"""Debian's AppArmor profiles let these read nothing but their usual folders. Profiles go by path: a copy has none."""

MORE_PATH: Final = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""On Debian only root has these in PATH."""


def find() -> Mapping[str, str]:
    """Where each program is. Raises ``DanelawError("PROGRAM_MISSING")``, naming every one that is not there."""
    path = os.pathsep.join([*os.get_exec_path(), *MORE_PATH])
    found = {name: shutil.which(name, path=path) for name in PACKAGES}
    missing = [name for name, where in found.items() if where is None]
    if missing:
        packages = " ".join(sorted({PACKAGES[name] for name in missing}))
        raise DanelawError(
            "PROGRAM_MISSING",
            f"the real world needs programs that are not here: {', '.join(missing)}",
            evidence=f"Debian packages: {packages}",
            hint=f"apt-get install --no-install-recommends {packages}",
        )
    return {name: where for name, where in found.items() if where is not None}
