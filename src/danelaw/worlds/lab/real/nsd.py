"""NSD as a secondary that hears of a new zone by NOTIFY alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dns.name import Name

from danelaw.worlds.lab.real.addresses import Place
from danelaw.worlds.lab.real.asking import serves_zone
from danelaw.worlds.lab.real.bind import Key
from danelaw.worlds.lab.real.supervise import Server


@dataclass(frozen=True, slots=True)
class Nsd:
    """``primary``: where transfers come from, signed with ``key``. ``messenger``: whose NOTIFY is heeded,
    signed or not.

    The zone's own refresh and expiry are overruled: what the messenger does not bring, nobody brings.
    """

    folder: Path
    at: Place
    origin: Name
    programs: Mapping[str, str]
    primary: Place
    messenger: Place
    key: Key

    def server(self) -> Server:
        """Write the configuration; what to start."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.conf.write_text(
            f"""\
server:
  ip-address: {self.at.v4}
  ip-address: {self.at.v6}
  username: ""
  chroot: ""
  database: ""
  zonesdir: "{self.folder}"
  pidfile: "{self.folder}/nsd.pid"
  xfrdfile: "{self.xfrd_state}"
  xfrdir: "{self.folder}"
  zonelistfile: "{self.folder}/zone.list"
  xfrd-reload-timeout: 0
  server-count: 1
  verbosity: 2
remote-control:
  control-enable: yes
  control-interface: "{self.folder}/nsd.sock"
key:
  name: "{self.key.name}"
  algorithm: hmac-sha256
  secret: "{self.key.secret}"
zone:
  name: "{self.origin}"
  zonefile: "{self.zone_file}"
  request-xfr: AXFR {self.primary.v4} {self.key.name}
  allow-notify: {self.messenger.v4} NOKEY
  allow-notify: {self.messenger.v4} {self.key.name}
  outgoing-interface: {self.at.v4}
  provide-xfr: 0.0.0.0/0 NOKEY
  min-refresh-time: 86400
  min-expire-time: 604800
""",
            encoding="utf-8",
        )
        return Server(
            name="nsd",
            argv=(self.programs["nsd"], "-d", "-c", str(self.conf)),
            log=self.folder / "nsd.log",
            ready=serves_zone(self.at.v4, self.origin),
        )

    @property
    def conf(self) -> Path:
        return self.folder / "nsd.conf"

    @property
    def zone_file(self) -> Path:
        return self.folder / "secondary.zone"

    @property
    def xfrd_state(self) -> Path:
        """What it remembers of transfers, beside the zone."""
        return self.folder / "xfrd.state"

    def control(self, *words: str) -> tuple[str, ...]:
        """The command that tells this server something."""
        return (self.programs["nsd-control"], "-c", str(self.conf), *words)
