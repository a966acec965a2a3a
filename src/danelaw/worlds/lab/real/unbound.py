"""Unbound as a resolver that starts at the world's root."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import dns.name

from danelaw.core.model import IP
from danelaw.worlds.lab.real.asking import serves_zone
from danelaw.worlds.lab.real.supervise import Server


@dataclass(frozen=True, slots=True)
class Unbound:
    """``at``: where it listens; the first is asked whether it is ready. ``options``: lines of ``server:``.

    ``hints`` and ``anchor`` are files in master form.
    """

    folder: Path
    at: tuple[IP, ...]
    programs: Mapping[str, str]
    hints: Path
    anchor: Path
    options: tuple[str, ...] = ()

    def server(self) -> Server:
        """Write the configuration; what to start."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = (*(f"interface: {ip}" for ip in self.at), *self.options)
        self.conf.write_text(
            f"""\
server:
  directory: "{self.folder}"
  chroot: ""
  username: ""
  pidfile: "{self.folder}/unbound.pid"
  use-syslog: no
  logfile: ""
  num-threads: 1
  do-not-query-localhost: no
  access-control: 0.0.0.0/0 allow
  access-control: ::0/0 allow
  root-hints: "{self.hints}"
  trust-anchor-file: "{self.anchor}"
  qname-minimisation: no
  val-log-level: 2
  {f"{chr(10)}  ".join(lines)}
remote-control:
  control-enable: yes
  control-interface: "{self.folder}/unbound.sock"
  control-use-cert: no
""",
            encoding="utf-8",
        )
        return Server(
            name=f"unbound at {self.at[0]}",
            argv=(self.programs["unbound"], "-d", "-c", str(self.conf)),
            log=self.folder / "unbound.log",
            ready=serves_zone(self.at[0], dns.name.root),
        )

    @property
    def conf(self) -> Path:
        return self.folder / "unbound.conf"

    def control(self, *words: str) -> tuple[str, ...]:
        """The command that tells this server something."""
        return (self.programs["unbound-control"], "-c", str(self.conf), *words)


FRESH = ('module-config: "iterator"', "cache-max-ttl: 1", "cache-max-negative-ttl: 1", "infra-host-ttl: 1")
"""Options of a resolver that validates nothing and holds nothing longer than a second."""
VALIDATING = ('module-config: "validator iterator"', "infra-host-ttl: 1")
"""Options of a resolver that validates, and holds answers as long as their TTLs say."""
