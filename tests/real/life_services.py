"""The services of a whole life cycle, on servers that people run. TLS comes with the first credential: until then its
configuration would name files that are not there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from life_world import DOMAIN, Room, listens

from danelaw.core.model import IP
from danelaw.worlds.lab.real import addresses
from danelaw.worlds.lab.real.addresses import Place
from danelaw.worlds.lab.real.apache import Apache, reload_script
from danelaw.worlds.lab.real.supervise import Server


def literal(ip: IP) -> str:
    return f"[{ip}]" if ip.version == 6 else str(ip)


def everywhere(at: Iterable[Place]) -> list[IP]:
    return [ip for place in at for ip in place]


@dataclass(frozen=True)
class Nginx:
    """One nginx for all addresses. Its test of the configuration listens at every port of it for a moment, and resets
    who connects where nobody else listens yet: so it is left out before the first reload."""

    room: Room
    host: ClassVar[str] = f"www.{DOMAIN}"
    at: ClassVar[tuple[Place, ...]] = addresses.WEB
    endpoints: ClassVar[tuple[str, ...]] = (f"www.{DOMAIN}:443",)
    algorithms: ClassVar[tuple[str, ...]] = ("ecdsa",)
    records: ClassVar[str] = ""

    @property
    def challenge(self) -> str:
        return f'{{ type = "http-01", webroot = "{self.room.webroot}" }}'

    @property
    def directory(self) -> Path:
        return self.room.folder / "live" / self.host

    @property
    def _folder(self) -> Path:
        return self.room.folder / "nginx"

    @property
    def reload(self) -> tuple[str, ...]:
        nginx = f"{self.room.programs['nginx']} -p {self._folder} -c {self._folder}/nginx.conf -e stderr"
        tls = f"{self._folder}/tls.conf"
        return self.room.script(
            "reload-service",
            f"if [ -e {tls} ]; then {nginx} -t -q; else cp {self._folder}/tls {tls}; fi",
            f"{nginx} -s reload",
        )

    def servers(self) -> list[Server]:
        folder = self.room.made("nginx")
        plain = " ".join(f"listen {literal(ip)}:80;" for ip in everywhere(self.at))
        tls = " ".join(f"listen {literal(ip)}:443 ssl;" for ip in everywhere(self.at))
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "\n".join(f"  {kind}_temp_path {folder}/{kind};" for kind in kinds)
        (folder / "tls").write_text(
            f"server {{ {tls} server_name {self.host}; ssl_certificate {self.directory}/fullchain.pem;"
            f" ssl_certificate_key {self.directory}/privkey.pem; return 204; }}\n",
            encoding="utf-8",
        )
        (folder / "nginx.conf").write_text(
            f"""\
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
worker_processes 1;
user nobody nogroup;
events {{ }}
http {{
  access_log off;
  ssl_protocols TLSv1.2 TLSv1.3;
{temporary}
  server {{ {plain} server_name {self.host}; root {self.room.webroot}; }}
  include {folder}/tls*.conf;
}}
""",
            encoding="utf-8",
        )
        argv = (self.room.programs["nginx"], "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr")
        ports = [(ip, 80) for ip in everywhere(self.at)]
        return [Server("nginx", argv, folder / "log", listens(*ports))]


@dataclass(frozen=True)
class ApacheServers:
    """Two of them behind one name, on the same files."""

    room: Room
    host: ClassVar[str] = f"www.{DOMAIN}"
    at: ClassVar[tuple[Place, ...]] = addresses.WEB
    endpoints: ClassVar[tuple[str, ...]] = (f"www.{DOMAIN}:443",)
    algorithms: ClassVar[tuple[str, ...]] = ("ecdsa",)
    records: ClassVar[str] = ""

    @property
    def challenge(self) -> str:
        return f'{{ type = "http-01", webroot = "{self.room.webroot}" }}'

    @property
    def directory(self) -> Path:
        return self.room.folder / "live" / self.host

    @property
    def _servers(self) -> tuple[Apache, ...]:
        return tuple(
            Apache(
                self.room.folder / f"web{number}",
                place,
                self.room.programs,
                self.host,
                self.room.webroot,
                self.directory,
            )
            for number, place in enumerate(self.at, 1)
        )

    @property
    def reload(self) -> tuple[str, ...]:
        lines = reload_script(self._servers, self.room.programs).splitlines()
        return self.room.script("reload-service", *lines[2:])

    def servers(self) -> list[Server]:
        return [server.server() for server in self._servers]


@dataclass(frozen=True)
class HAProxy:
    """With an RSA certificate beside the ECDSA one. Challenges go to Danelaw, which listens for itself."""

    room: Room
    host: ClassVar[str] = f"www.{DOMAIN}"
    at: ClassVar[tuple[Place, ...]] = addresses.WEB
    endpoints: ClassVar[tuple[str, ...]] = (f"www.{DOMAIN}:443",)
    algorithms: ClassVar[tuple[str, ...]] = ("ecdsa", "rsa")
    challenge: ClassVar[str] = '{ type = "http-01", standalone = true, listen = ["127.0.0.1"] }'
    records: ClassVar[str] = ""

    @property
    def directory(self) -> Path:
        return self.room.folder / "live" / self.host

    @property
    def _folder(self) -> Path:
        return self.room.folder / "haproxy"

    @property
    def reload(self) -> tuple[str, ...]:
        """It wants key and chain in one file. TLS is switched on when both credentials are there: clients that know RSA
        alone would be refused until then."""
        folder, rsa = self._folder, self.directory.with_name(f"{self.host}.rsa")
        joined = [
            f"cat {live}/fullchain.pem {live}/privkey.pem > {folder}/new && mv {folder}/new {folder}/{kind}.pem"
            for kind, live in (("ecdsa", self.directory), ("rsa", rsa))
        ]
        return self.room.script(
            "reload-service",
            f"[ -e {self.directory} ] && [ -e {rsa} ] || exit 0",
            "umask 077",
            *joined,
            f"{self.room.programs['haproxy']} -c -q -f {folder}/tls.cfg",
            f"cp {folder}/tls.cfg {folder}/haproxy.cfg",
            f"kill -USR2 $(cat {folder}/haproxy.pid)",
        )

    def servers(self) -> list[Server]:
        folder = self.room.made("haproxy")
        plain = "\n".join(f"  bind {ip}:80" for ip in everywhere(self.at))
        crt = f"crt {folder}/ecdsa.pem crt {folder}/rsa.pem"
        tls = "\n".join(f"  bind {ip}:443 ssl {crt}" for ip in everywhere(self.at))
        common = f"""\
global
  nbthread 1
  stats socket {folder}/haproxy.sock mode 600 expose-fd listeners level admin
  ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
frontend plain
{plain}
  acl challenge path_beg /.well-known/acme-challenge/
  http-request return status 204 unless challenge
  use_backend danelaw if challenge
backend danelaw
  server danelaw 127.0.0.1:80
"""
        (folder / "haproxy.cfg").write_text(common, encoding="utf-8")
        more = f"frontend tls\n{tls}\n  http-request return status 204\n"
        (folder / "tls.cfg").write_text(common + more, encoding="utf-8")
        argv = (
            self.room.programs["haproxy"],
            "-W",
            "-db",
            "-p",
            f"{folder}/haproxy.pid",
            "-f",
            f"{folder}/haproxy.cfg",
        )
        return [Server("haproxy", argv, folder / "log", listens(*((ip, 80) for ip in everywhere(self.at))))]
