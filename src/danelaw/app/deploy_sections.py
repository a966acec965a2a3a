"""Where credentials are deployed to: the ``deploy`` of a file of ``services.d/``, and what is made of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from ipaddress import ip_address
from os.path import normpath
from pathlib import Path, PurePath
from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from danelaw.app.section import Section, invalid
from danelaw.core.model import IP, HostName, KeyAlgorithm, Lineage

LOCAL: Final = HostName("local")

Argv: TypeAlias = tuple[str, ...]
_Server: TypeAlias = Literal["apache", "nginx", "haproxy", "postfix", "dovecot", "prosody"]
_Account: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")]

_DESTINATION: Final = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?([A-Za-z0-9][A-Za-z0-9.:-]*)")
_SSH_URL: Final = re.compile(
    r"ssh://(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?"
)
_KEY_MODES: Final = 0o640


class DeploySection(Section, frozen=True):
    """One host that gets the credential. ``directory``: the live directory, with certbot's four names and
    ``combined.pem``; that of an RSA credential is beside it, with ``.rsa`` at its end. ``server``: what reads it, which
    brings the usual ``test`` of its configuration, and ``reload``. ``owner``, ``group``, ``mode``: of the private key.
    ``host``: its name. ``ssh`` or ``command``: how it is reached; without either it is this machine. ``addresses``: of
    the service, those that are this host's. ``timeout``: seconds."""

    directory: str
    server: _Server | tuple[_Server, ...] = ()
    test: Argv | None = None
    reload: Argv | None = None
    owner: _Account | None = None
    group: _Account | None = None
    mode: Annotated[str, msgspec.Meta(pattern=r"\A0?[0-7]{3}\Z")] | None = None
    host: Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")] | None = None
    ssh: str | None = None
    ssh_config: str | None = None
    command: Annotated[Argv, msgspec.Meta(min_length=1)] | None = None
    addresses: tuple[str, ...] = ()
    timeout: Annotated[int, msgspec.Meta(ge=1, le=600)] = 60


class Usual(msgspec.Struct, frozen=True):
    """How a server is told, where the operator does not say. ``group``: whose its private key must be to be read by it:
    None for one that reads it as root."""

    test: Argv
    reload: Argv
    group: str | None = None


USUAL: Final[Mapping[str, Usual]] = {
    "apache": Usual(("apachectl", "configtest"), ("apachectl", "graceful")),
    "nginx": Usual(("nginx", "-t"), ("nginx", "-s", "reload")),
    "haproxy": Usual(("haproxy", "-c", "-f", "/etc/haproxy/haproxy.cfg"), ("systemctl", "reload", "haproxy")),
    "postfix": Usual(("postfix", "check"), ("postfix", "reload")),
    "dovecot": Usual(("doveconf", "-n"), ("doveadm", "reload")),
    "prosody": Usual(("prosodyctl", "check", "config"), ("prosodyctl", "reload"), "prosody"),
}


class HostConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A host that a service's credentials are deployed to. ``tests`` and ``reloads``: one for each of its servers.
    ``ssh`` or ``command``: how it is reached; neither: it is this machine. ``mode``: of private keys. ``addresses``:
    the service's, as far as they are this host's; empty: all that are no other's."""

    name: HostName
    directory: Path
    servers: tuple[str, ...] = ()
    tests: tuple[Argv, ...] = ()
    reloads: tuple[Argv, ...] = ()
    owner: str | None = None
    group: str | None = None
    mode: int = 0o600
    ssh: str | None = None
    ssh_config: Path | None = None
    command: Argv | None = None
    addresses: frozenset[IP] = frozenset()
    timeout: timedelta = timedelta(seconds=60)

    @property
    def here(self) -> bool:
        """Whether it is this machine."""
        return self.ssh is None and self.command is None

    @property
    def linked(self) -> bool:
        """Whether its server can read the credential where it is stored, as root of this machine."""
        return self.here and self.owner is None and self.group is None and self.mode == 0o600

    def path(self, lineage: Lineage) -> Path:
        """The live directory of a lineage."""
        if lineage.algorithm is KeyAlgorithm.RSA:
            return self.directory.with_name(f"{self.directory.name}.rsa")
        return self.directory


def read_hosts(path: Path, base: Path, sections: Sequence[DeploySection]) -> tuple[HostConfig, ...]:
    """The hosts of a service. ``path``: the file that names them; ``base``: where its relative paths start."""
    if not sections:
        raise invalid(path, "deploy: there is no host", 'deploy = { directory = "…", server = "nginx" }')
    hosts = tuple(_host(path, base, section) for section in sections)
    for what, given in (("name", [host.name for host in hosts]), ("directory", [_place(host) for host in hosts])):
        if len(set(given)) < len(given):
            raise invalid(path, f"deploy: two hosts have the same {what}", 'name them: host = "web2"')
    if len(hosts) > 1 and (lost := next((host.name for host in hosts if not host.addresses), None)):
        hint = f'say which are its: addresses = ["192.0.2.1"]; so it is told whether {lost} serves what it was given'
        raise invalid(path, f"deploy: there are several hosts, and {lost} has no addresses", hint)
    return hosts


def require_own_directories(
    path: Path, services: Mapping[str, tuple[Collection[Lineage], Sequence[HostConfig]]]
) -> None:
    """Two services with one live directory would each serve the other's clients what these know nothing of.

    ``services``: by name, with every lineage. ``path``: where their files are.
    """
    taken: dict[tuple[object, ...], str] = {}
    for name, (lineages, hosts) in services.items():
        for host in hosts:
            for directory in dict.fromkeys(map(host.path, lineages)):
                other = taken.setdefault(_place(host, directory), name)
                if other != name:
                    hint = "make them one service with all these endpoints, or give each a directory of its own"
                    raise invalid(path, f"deploy: {name} and {other} both have {directory} of {host.name}", hint)


def _place(host: HostConfig, directory: Path | None = None) -> tuple[object, ...]:
    return (host.ssh, host.ssh_config, host.command, normpath(directory or host.directory))


def _host(path: Path, base: Path, section: DeploySection) -> HostConfig:
    servers = (section.server,) if isinstance(section.server, str) else section.server
    if not servers and section.reload is None:
        hint = f'write server = "nginx" (or {", ".join(USUAL)}), or reload = ["…"]; reload = [] if it needs none'
        raise invalid(path, "deploy: it is not said what makes the server read its credential", hint)
    if section.ssh is not None and section.command is not None:
        raise invalid(path, "deploy: a host is reached by ssh or by a command, not by both", "leave one out")
    if section.ssh_config is not None and section.ssh is None:
        raise invalid(path, "deploy: ssh_config is for ssh alone", 'ssh = "danelaw@web2.example.net"')
    here = section.ssh is None and section.command is None
    if not PurePath(section.directory).name.strip(".") or not section.directory.isprintable():
        hint = 'directory = "/var/lib/danelaw/live/www.example.net"'
        raise invalid(path, f"deploy: {section.directory!r} is no name that a live directory can have", hint)
    if not here and not section.directory.startswith("/"):
        raise invalid(path, f"deploy: {section.directory!r} is no absolute path", "relative ones are for this machine")
    group = section.group or next((USUAL[name].group for name in servers if USUAL[name].group), None)
    return HostConfig(
        name=_name(path, section),
        directory=base / section.directory,
        servers=servers,
        tests=_commands(section.test, (USUAL[name].test for name in servers)),
        reloads=_commands(section.reload, (USUAL[name].reload for name in servers)),
        owner=section.owner,
        group=group,
        mode=_mode(path, section.mode, shared=group is not None),
        ssh=section.ssh,
        ssh_config=base / section.ssh_config if section.ssh_config is not None else None,
        command=section.command,
        addresses=_addresses(path, section.addresses),
        timeout=timedelta(seconds=section.timeout),
    )


def _commands(given: Argv | None, usual: Iterable[Argv]) -> tuple[Argv, ...]:
    if given is None:
        return tuple(usual)
    return (given,) if given else ()


def _name(path: Path, section: DeploySection) -> HostName:
    found = None
    if section.ssh is not None:
        found = (_SSH_URL if section.ssh.startswith("ssh://") else _DESTINATION).fullmatch(section.ssh)
        if found is None:
            hint = 'write ssh = "user@host" or ssh = "ssh://user@host:port"'
            raise invalid(path, f"deploy: ssh {section.ssh!r} is no destination", hint)
    if section.host is not None:
        return HostName(section.host)
    if section.command is not None:
        raise invalid(path, "deploy: a host that is reached by a command needs a name", 'host = "web2"')
    return HostName(found.group(1).strip("[]")) if found is not None else LOCAL


def _mode(path: Path, text: str | None, *, shared: bool) -> int:
    if text is None:
        return 0o640 if shared else 0o600
    mode = int(text, 8)
    if mode & ~_KEY_MODES or not mode & 0o400:
        hint = '"0600", or "0640" and the group of the server'
        raise invalid(path, f"deploy: mode {text} would not keep a private key to its owner and group", hint)
    return mode


def _addresses(path: Path, texts: Iterable[str]) -> frozenset[IP]:
    try:
        return frozenset(map(ip_address, texts))
    except ValueError as error:
        raise invalid(path, f"deploy: addresses: {error}", 'addresses = ["192.0.2.1", "2001:db8::1"]') from error
