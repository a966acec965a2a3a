"""The primaries of a whole life cycle: each keeps the zone in its own way, and is changed in its own way."""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from life_world import DOMAIN, Room

from danelaw.worlds.lab.operator_files import ZONE
from danelaw.worlds.lab.real import addresses
from danelaw.worlds.lab.real.asking import serves_zone
from danelaw.worlds.lab.real.bind import Named
from danelaw.worlds.lab.real.supervise import Server

AT: Final = addresses.PRIMARY
API_PORT: Final = 8081
SCHEMA: Final = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"


@dataclass(frozen=True)
class NsdPrimary:
    """NSD serves the file that Danelaw signs."""

    room: Room

    @property
    def _folder(self) -> Path:
        return self.room.folder / "primary"

    @property
    def _signed(self) -> Path:
        return self.room.zone_file.with_name(f"{DOMAIN}.signed")

    @property
    def publisher(self) -> str:
        reload = (self.room.programs["nsd-control"], "-c", str(self._folder / "nsd.conf"), "reload", DOMAIN)
        return f"""\
type = "zonefile"
file = "{self.room.zone_file}"
signed = "{self._signed}"
keys = "{self.room.folder}/zone/keys"
reload = {list(reload)}"""

    def server(self) -> Server:
        folder = self._folder
        folder.mkdir()
        (self.room.folder / "zone" / "keys").mkdir(mode=0o700)
        self._signed.write_bytes(self.room.zone_file.read_bytes())
        key = self.room.transfer
        (folder / "nsd.conf").write_text(
            f"""\
server:
  ip-address: {AT.v4}
  ip-address: {AT.v6}
  username: ""
  chroot: ""
  database: ""
  zonesdir: "{folder}"
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  zonelistfile: "{folder}/zone.list"
  server-count: 1
  verbosity: 1
remote-control:
  control-enable: yes
  control-interface: "{folder}/nsd.sock"
key:
  name: "{key.name}"
  algorithm: hmac-sha256
  secret: "{key.secret}"
zone:
  name: "{ZONE}"
  zonefile: "{self._signed}"
  notify: {addresses.MESSENGER.v4} NOKEY
  outgoing-interface: {AT.v4}
  provide-xfr: {addresses.SECONDARY.v4} {key.name}
""",
            encoding="utf-8",
        )
        argv = (self.room.programs["nsd"], "-d", "-c", str(folder / "nsd.conf"))
        return Server("nsd, the primary", argv, folder / "log", serves_zone(AT.v4, ZONE))


@dataclass(frozen=True)
class KnotPrimary:
    """Knot keeps and signs the zone, and takes updates."""

    room: Room

    @property
    def _key_file(self) -> Path:
        return self.room.folder / "zone" / "update.key"

    @property
    def publisher(self) -> str:
        return _updated(self._key_file)

    def server(self) -> Server:
        folder = self.room.made("primary")
        (folder / "db").mkdir()
        _write_secret(self._key_file, self.room.update.statement())
        update, transfer = self.room.update, self.room.transfer
        (folder / "knot.conf").write_text(
            f"""\
server:
    rundir: "{folder}"
    listen: [ {AT.v4}@53, {AT.v6}@53 ]
    pidfile: "{folder}/knot.pid"
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: "{folder}/db"
key:
  - id: {update.name}
    algorithm: hmac-sha256
    secret: {update.secret}
  - id: {transfer.name}
    algorithm: hmac-sha256
    secret: {transfer.secret}
remote:
  - id: messenger
    address: {addresses.MESSENGER.v4}
    via: {AT.v4}
acl:
  - id: update
    key: {update.name}
    action: update
  - id: transfer
    key: {transfer.name}
    action: transfer
policy:
  - id: life
    algorithm: ecdsap256sha256
    dnskey-ttl: 2
    zone-max-ttl: 2
    propagation-delay: 2
zone:
  - domain: {ZONE}
    storage: "{self.room.zone_file.parent}"
    file: "{DOMAIN}"
    acl: [ update, transfer ]
    notify: messenger
    dnssec-signing: on
    dnssec-policy: life
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
""",
            encoding="utf-8",
        )
        argv = (self.room.programs["knotd"], "-c", str(folder / "knot.conf"))
        return Server("knotd", argv, folder / "log", serves_zone(AT.v4, ZONE))


POLICY: Final = """\
dnssec-policy "life" {
    keys { csk lifetime unlimited algorithm ecdsap256sha256; };
    dnskey-ttl 2;
    max-zone-ttl 2;
    zone-propagation-delay 2;
    parent-ds-ttl 1;
    parent-propagation-delay 1;
    publish-safety 1;
    retire-safety 1;
};
"""


@dataclass(frozen=True)
class BindPrimary:
    """BIND keeps and signs the zone by a policy, and takes updates."""

    room: Room

    @property
    def _key_file(self) -> Path:
        return self.room.folder / "zone" / "update.key"

    @property
    def publisher(self) -> str:
        return _updated(self._key_file)

    def server(self) -> Server:
        folder = self.room.made("primary/keys").parent
        update, transfer = self.room.update, self.room.transfer
        _write_secret(self._key_file, update.statement())
        return Named(
            folder,
            AT,
            ZONE,
            self.room.programs,
            zone=(
                f'file "{self.room.zone_file}"; dnssec-policy "life"; inline-signing no; '
                f'update-policy {{ grant "{update.name}" zonesub ANY; }};'
            ),
            options=(
                f'allow-transfer {{ key "{transfer.name}"; }}; notify explicit; '
                f"also-notify {{ {addresses.MESSENGER.v4}; }}; notify-source {AT.v4}; notify-delay 0; "
                f'key-directory "{folder}/keys";'
            ),
            statements=transfer.statement() + update.statement() + POLICY,
        ).server()


@dataclass(frozen=True)
class PowerDNSPrimary:
    """PowerDNS keeps the zone in SQLite, signs as it answers, and is changed by its HTTP API."""

    room: Room

    @property
    def _key_file(self) -> Path:
        return self.room.folder / "zone" / "api.key"

    @property
    def publisher(self) -> str:
        return f'type = "powerdns"\nurl = "http://127.0.0.1:{API_PORT}"\napi_key_file = "{self._key_file}"'

    def server(self) -> Server:
        folder = self.room.made("primary")
        secret = secrets.token_urlsafe(24)
        _write_secret(self._key_file, f"{secret}\n")
        with contextlib.closing(sqlite3.connect(folder / "zones.sqlite")) as database:
            database.executescript(Path(SCHEMA).read_text("utf-8"))
        (folder / "pdns.conf").write_text(
            f"""\
launch=gsqlite3
gsqlite3-database={folder}/zones.sqlite
gsqlite3-dnssec=yes
local-address={AT.v4},{AT.v6}
socket-dir={folder}
primary=yes
xfr-cycle-interval=1
only-notify=
also-notify={addresses.MESSENGER.v4}
query-local-address={AT.v4}
allow-axfr-ips=
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
domain-metadata-cache-ttl=0
api=yes
api-key={secret}
webserver-address=127.0.0.1
webserver-port={API_PORT}
daemon=no
guardian=no
disable-syslog=yes
security-poll-suffix=
receiver-threads=1
distributor-threads=1
""",
            encoding="utf-8",
        )
        key = self.room.transfer
        for words in (
            ("load-zone", DOMAIN, str(self.room.zone_file)),
            ("set-kind", DOMAIN, "primary"),
            ("secure-zone", DOMAIN),
            ("rectify-zone", DOMAIN),
            ("set-meta", DOMAIN, "API-RECTIFY", "1"),
            ("set-meta", DOMAIN, "SOA-EDIT-API", "INCREASE"),
            ("import-tsig-key", key.name, "hmac-sha256", key.secret),
            ("activate-tsig-key", DOMAIN, key.name, "primary"),
        ):
            argv = (self.room.programs["pdnsutil"], f"--config-dir={folder}", *words)
            subprocess.run(argv, check=True, capture_output=True)  # noqa: S603  # our own words
        argv = (self.room.programs["pdns_server"], f"--config-dir={folder}")
        return Server("pdns_server", argv, folder / "log", serves_zone(AT.v4, ZONE))


def _updated(key_file: Path) -> str:
    return f'type = "rfc2136"\nserver = "{AT.v4}"\nkey_file = "{key_file}"'


def _write_secret(path: Path, text: str) -> None:
    path.touch(0o600)
    path.write_text(text, encoding="utf-8")
