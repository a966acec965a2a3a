"""Apache as the web server: plain HTTP for the CA's challenges from the first day, HTTPS once a credential is live."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from danelaw.worlds.lab.real import namespaces
from danelaw.worlds.lab.real.addresses import Place
from danelaw.worlds.lab.real.asking import answers_http
from danelaw.worlds.lab.real.supervise import Server

MODULES: Final = Path("/usr/lib/apache2/modules")
NOBODY: Final = 65534


@dataclass(frozen=True, slots=True)
class Apache:
    """``host``: the name that it serves. ``live``: the folder with certbot's names for key and chain."""

    folder: Path
    at: Place
    programs: Mapping[str, str]
    host: str
    webroot: Path
    live: Path

    def server(self) -> Server:
        """Write the configuration; what to start."""
        self.folder.mkdir(parents=True, exist_ok=True)
        conf = self.folder / "apache.conf"
        everywhere = (str(self.at.v4), f"[{self.at.v6}]")
        conf.write_text(
            f"""\
ServerRoot "{self.folder}"
DefaultRuntimeDir "{self.folder}"
PidFile "{self.pid_file}"
Mutex file:{self.folder} default
ErrorLog "{self.log}"
LogLevel warn
ServerName {self.host}
{f"User #{NOBODY}{chr(10)}Group #{NOBODY}" if namespaces.may_change_user() else ""}
LoadModule mpm_event_module {MODULES}/mod_mpm_event.so
LoadModule authz_core_module {MODULES}/mod_authz_core.so
LoadModule ssl_module {MODULES}/mod_ssl.so
StartServers 1
DocumentRoot "{self.webroot}"
<Directory "{self.webroot}">
  Require all granted
</Directory>
{chr(10).join(f"Listen {ip}:80" for ip in everywhere)}
<IfFile "{self.live}/fullchain.pem">
  {f"{chr(10)}  ".join(f"Listen {ip}:443" for ip in everywhere)}
  SSLSessionCache none
  SSLSessionTickets off
  <VirtualHost {" ".join(f"{ip}:443" for ip in everywhere)}>
    SSLEngine on
    SSLCertificateFile "{self.live}/fullchain.pem"
    SSLCertificateKeyFile "{self.live}/privkey.pem"
  </VirtualHost>
</IfFile>
""",
            encoding="utf-8",
        )
        users = () if namespaces.may_change_user() else _as_nobody(self.programs)
        return Server(
            name=f"apache2 at {self.at.v4}",
            argv=(*users, self.programs["apache2"], "-f", str(conf), "-DFOREGROUND"),
            log=self.log,
            ready=answers_http(self.at.v4, 80, "/"),
        )

    @property
    def pid_file(self) -> Path:
        return self.folder / "apache.pid"

    @property
    def log(self) -> Path:
        return self.folder / "apache.log"

    @property
    def deaf(self) -> Path:
        """While this file is there, ``reload_script`` passes this server by."""
        return self.folder / "deaf"


def _as_nobody(programs: Mapping[str, str]) -> tuple[str, ...]:
    """Apache will not run as root, and where there is no other user to change to it must not find itself root."""
    return (programs["unshare"], "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}")


def reload_script(servers: tuple[Apache, ...], programs: Mapping[str, str]) -> str:
    """A shell script that makes them read their files again.

    ``apache2 -t`` finds nothing wrong with a key that does not fit, and a graceful restart then ends the server: so
    that is compared first.
    """
    live, openssl = servers[0].live, programs["openssl"]
    lines = [
        "#!/bin/sh",
        "set -eu",
        f"certified=$({openssl} x509 -in '{live}/fullchain.pem' -noout -pubkey)",
        f"held=$({openssl} pkey -in '{live}/privkey.pem' -pubout)",
        'if [ "$certified" != "$held" ]; then echo "the key does not fit the certificate"; exit 1; fi',
        *(f"[ -e '{s.deaf}' ] || kill -USR1 \"$(cat '{s.pid_file}')\"" for s in servers),
    ]
    return "\n".join(lines) + "\n"
