"""BIND's ``named`` as an authoritative server, and ``rndc`` to tell it things."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dns.name import Name

from danelaw.worlds.lab.real.addresses import Place
from danelaw.worlds.lab.real.asking import serves_zone
from danelaw.worlds.lab.real.supervise import Server


@dataclass(frozen=True, slots=True)
class Key:
    """A secret that two servers share, HMAC-SHA256."""

    name: str
    secret: str = field(default_factory=lambda: base64.b64encode(secrets.token_bytes(32)).decode(), repr=False)

    def statement(self) -> str:
        """As ``tsig-keygen`` prints it."""
        return f'key "{self.name}" {{ algorithm hmac-sha256; secret "{self.secret}"; }};\n'


@dataclass(frozen=True, slots=True)
class Named:
    """One ``named`` for one zone. ``options``, ``zone`` and ``statements`` are parts of its configuration.

    ``options`` goes into the block of that name, ``zone`` into the zone's, ``statements`` before everything.
    """

    folder: Path
    at: Place
    origin: Name
    programs: Mapping[str, str]
    zone: str
    options: str = "allow-transfer { none; }; notify no;"
    statements: str = ""

    def server(self) -> Server:
        """Write the configuration; what to start."""
        self.folder.mkdir(parents=True, exist_ok=True)
        control = Key("control")
        (self.folder / "named.conf").write_text(
            f"""\
{control.statement()}{self.statements}
options {{
    directory "{self.folder}";
    pid-file "{self.folder}/named.pid";
    lock-file none;
    session-keyfile none;
    managed-keys-directory "{self.folder}";
    listen-on {{ {self.at.v4}; }};
    listen-on-v6 {{ {self.at.v6}; }};
    recursion no;
    dnssec-validation no;
    {self.options}
}};
controls {{ inet {self.at.v4} port 953 allow {{ any; }} keys {{ "{control.name}"; }}; }};
zone "{self.origin}" {{ type primary; {self.zone} }};
""",
            encoding="utf-8",
        )
        self.rndc_conf.write_text(
            f"""\
{control.statement()}
options {{ default-key "{control.name}"; default-server {self.at.v4}; default-port 953; }};
""",
            encoding="utf-8",
        )
        return Server(
            name=f"named for {self.origin}",
            argv=(self.programs["named"], "-g", "-n", "1", "-c", str(self.folder / "named.conf")),
            log=self.folder / "named.log",
            ready=serves_zone(self.at.v4, self.origin),
        )

    @property
    def rndc_conf(self) -> Path:
        return self.folder / "rndc.conf"

    def rndc(self, *words: str) -> tuple[str, ...]:
        """The command that tells this server something."""
        return (self.programs["rndc"], "-c", str(self.rndc_conf), *words)
