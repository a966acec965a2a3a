"""Pebble as the CA: strict, and turning away every fifth nonce."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from danelaw.core.model import IP, DanelawError
from danelaw.worlds.lab.ca.pki import https_credential
from danelaw.worlds.lab.real.addresses import Place
from danelaw.worlds.lab.real.asking import LOOK_EVERY, answers_http, fetch
from danelaw.worlds.lab.real.supervise import UP_WITHIN, Server

API_PORT: Final = 14000
MANAGEMENT_PORT: Final = 15000
NONCES_REFUSED: Final = 20
"""Percent."""


@dataclass(frozen=True, slots=True)
class Pebble:
    """``resolver``: whom it asks for the addresses and records of those who want certificates."""

    folder: Path
    at: Place
    programs: Mapping[str, str]
    resolver: IP

    @property
    def url(self) -> str:
        return f"https://{self.at.v4}:{API_PORT}/dir"

    @property
    def api_bundle(self) -> Path:
        """PEM: what its HTTPS is checked by."""
        return self.folder / "api-root.pem"

    @property
    def roots(self) -> Path:
        """PEM: what its certificates end in. There once ``fetch_roots`` was called; each start makes another."""
        return self.folder / "roots.pem"

    def server(self, now: datetime) -> Server:
        """Write the configuration; what to start."""
        self.folder.mkdir(parents=True, exist_ok=True)
        certificate, key, conf = (self.folder / name for name in ("api.pem", "api.key", "pebble.json"))
        root, leaf, secret = https_credential(now, str(self.at.v4))
        for path, content in ((self.api_bundle, root), (certificate, leaf), (key, secret)):
            path.write_bytes(content)
        settings = {
            "listenAddress": f"{self.at.v4}:{API_PORT}",
            "managementListenAddress": f"{self.at.v4}:{MANAGEMENT_PORT}",
            "certificate": str(certificate),
            "privateKey": str(key),
            "httpPort": 80,
            "tlsPort": 443,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
        }
        conf.write_text(json.dumps({"pebble": settings}, indent=2), encoding="utf-8")
        return Server(
            name="pebble",
            argv=(self.programs["pebble"], "-strict", "-config", str(conf), "-dnsserver", f"{self.resolver}:53"),
            log=self.folder / "pebble.log",
            ready=answers_http(self.at.v4, API_PORT, "/dir", self._trust()),
            environment={
                "PEBBLE_VA_NOSLEEP": "1",
                "PEBBLE_WFE_NONCEREJECT": str(NONCES_REFUSED),
                "PEBBLE_AUTHZREUSE": "0",
            },
        )

    async def fetch_roots(self) -> None:
        """Ask the running CA for its root, at a port that it opens when it comes to it.

        Raises ``DanelawError("SERVER_FAILED")``.
        """
        try:
            async with asyncio.timeout(UP_WITHIN):
                while (got := await fetch(self.at.v4, MANAGEMENT_PORT, "/roots/0", self._trust())) is None:  # noqa: ASYNC110  # no event
                    await asyncio.sleep(LOOK_EVERY)
        except TimeoutError:
            raise DanelawError("SERVER_FAILED", "pebble does not tell its root", evidence="no answer") from None
        if got[0] != 200:
            raise DanelawError("SERVER_FAILED", "pebble does not tell its root", evidence=repr(got))
        self.roots.write_bytes(got[1])

    async def revoked(self, serial: int) -> bool:
        """Whether the certificate of this serial number is. Raises ``DanelawError("SERVER_FAILED")``."""
        path = f"/cert-status-by-serial/{serial:x}"
        got = await fetch(self.at.v4, MANAGEMENT_PORT, path, self._trust())
        if got is None or got[0] != 200:
            raise DanelawError("SERVER_FAILED", "pebble does not tell of a certificate", evidence=repr(got))
        return bool(json.loads(got[1])["Status"] == "Revoked")

    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.api_bundle))
