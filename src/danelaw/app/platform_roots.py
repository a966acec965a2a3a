"""What clients on this platform trust where nobody says otherwise."""

from __future__ import annotations

from typing import Final

PLATFORM_ROOTS: Final = "/etc/ssl/certs/ca-certificates.crt"
"""A PEM file, where there is one: as Debian has it."""
