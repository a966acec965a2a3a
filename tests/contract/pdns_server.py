"""PowerDNS's authoritative server on SQLite with its HTTP API, on loopback, for a test's lifetime."""

from __future__ import annotations

import contextlib
import json
import secrets
import sqlite3
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ended_processes import stopped
from update_servers import LOOPBACK, RECORDS, ZONE, Server, free_port, until

SCHEMA: Final = Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
ZONES: Final = "/api/v1/servers/localhost/zones"


@dataclass(frozen=True)
class PowerDNS:
    """``server.key_file`` holds the API key."""

    server: Server
    api_port: int
    key: str

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.api_port}"

    def call(self, method: str, path: str, document: object = None) -> Any:
        body = json.dumps(document).encode() if document is not None else None
        request = urllib.request.Request(  # noqa: S310 - a URL of ours
            self.url + path, body, {"X-API-Key": self.key, "Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310 - as above
            text = reply.read()
        return json.loads(text) if text else None

    def answers(self) -> bool:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            self.call("GET", ZONES)
            return True
        return False

    def set(self, **what: object) -> None:
        """Settings of the zone."""
        self.call("PUT", f"{ZONES}/{ZONE}", what)


@contextlib.contextmanager
def powerdns(program: str, folder: Path) -> Iterator[PowerDNS]:
    """``pdns_server``, in the foreground, with the zone signed."""
    port, api_port, key = free_port(), free_port(), secrets.token_urlsafe(24)
    with contextlib.closing(sqlite3.connect(folder / "zones.sqlite")) as database:
        database.executescript(SCHEMA.read_text())
    key_file = folder / "api.key"
    key_file.write_text(f"{key}\n")
    key_file.chmod(0o600)
    (folder / "pdns.conf").write_text(
        f"launch=gsqlite3\ngsqlite3-database={folder}/zones.sqlite\ngsqlite3-dnssec=yes\n"
        f"local-address={LOOPBACK}\nlocal-port={port}\nsocket-dir={folder}\n"
        f"api=yes\napi-key={key}\nwebserver-address={LOOPBACK}\nwebserver-port={api_port}\n"
        "domain-metadata-cache-ttl=0\ndaemon=no\nguardian=no\ndisable-syslog=yes\nsecurity-poll-suffix=\nreceiver-threads=1\ndistributor-threads=1\n"
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own words
            [program, f"--config-dir={folder}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    running = PowerDNS(Server(folder, port, key_file, process), api_port, key)
    try:
        until(running.answers, running.server)
        zone = {
            "name": ZONE.to_text(),
            "kind": "Native",
            "dnssec": True,
            "api_rectify": True,
            "soa_edit_api": "INCREASE",
            "nameservers": [],
            "zone": f"$ORIGIN {ZONE}\n$TTL 300\n{RECORDS}",
        }
        running.call("POST", ZONES, zone)
        yield running
    finally:
        stopped(process)
