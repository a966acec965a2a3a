"""``danelaw config``: what to write into a server's configuration."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import click

from danelaw.app.config import Config
from danelaw.app.deploy_sections import HostConfig
from danelaw.app.service_sections import ServiceConfig
from danelaw.core.model import DanelawError, domain_name
from danelaw.faces.cli import terminal
from danelaw.faces.cli.config import mail_servers, web_servers, xmpp_server
from danelaw.faces.cli.config.site import Site
from danelaw.faces.cli.configured import found as configuration

SNIPPETS: Final[Mapping[str, Callable[[Site], str]]] = {
    "apache": web_servers.apache,
    "nginx": web_servers.nginx,
    "haproxy": web_servers.haproxy,
    "postfix": mail_servers.postfix,
    "dovecot": mail_servers.dovecot,
    "prosody": xmpp_server.prosody,
}
SPEAKS: Final[Mapping[str, frozenset[str]]] = {
    "apache": frozenset({"https", "tls"}),
    "nginx": frozenset({"https", "tls"}),
    "haproxy": frozenset({"https", "tls", "submissions", "imaps", "pop3s", "ldaps", "nntps", "xmpps-client"}),
    "postfix": frozenset({"smtp", "submission", "submissions"}),
    "dovecot": frozenset({"imap", "imaps", "pop3", "pop3s", "sieve", "lmtp"}),
    "prosody": frozenset({"xmpp-client", "xmpps-client", "xmpp-server", "xmpps-server"}),
}
"""What each serves, by the names of applications."""


@click.command()
@click.argument("server", type=click.Choice(list(SNIPPETS)))
@click.argument("host")
@click.option(
    "--config",
    "named",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The configuration; else $DANELAW_CONFIG, ./danelaw.toml or /etc/danelaw/danelaw.toml.",
)
@click.option("--on", "machine", metavar="NAME", help="Which of several hosts under deploy; the first if not given.")
def config(server: str, host: str, named: Path | None, machine: str | None) -> None:
    """Print what to write into the configuration of SERVER for HOST.

    The live directory's files in the way that this server wants them, for every service of the configuration that
    SERVER serves at the name HOST, of one key or of an ECDSA and an RSA key. For Postfix also what makes it go by the
    TLSA records of those whom it sends mail to, and what would undo that. Looks at the configuration alone, and changes
    nothing.

    Exit status: 0 good; 2 the configuration is not, or has no such service.
    """
    terminal.need_output()
    _, read = configuration(named)
    sites = _sites(read, server, host, machine)
    terminal.raw("\n".join(SNIPPETS[server](site) for site, _ in sites))
    for site, place in sites:
        for folder in site.credentials:
            if place.here and not folder.exists():
                terminal.hanging(("note: ",), f"{folder} comes with the first credential, by danelaw run")
    if server in ("postfix", "dovecot") and len(sites) > 1:
        others = " and ".join(site.service for site, _ in sites[1:])
        what = f"{server} has one credential for all; make {others} one service with {sites[0][0].service}"
        terminal.hanging(("note: ",), what)


def _sites(read: Config, server: str, host: str, machine: str | None) -> list[tuple[Site, HostConfig]]:
    wanted = domain_name(host).canonicalize()
    sites: list[tuple[Site, HostConfig]] = []
    names: set[str] = set()
    for service in read.services:
        names.update(target.name.to_text(omit_final_dot=True) for target in service.targets)
        ports = tuple(
            (target.application.name, target.endpoint.port)
            for target in service.targets
            if target.name == wanted and target.application.name in SPEAKS[server]
        )
        if ports:
            place = _place(service, machine)
            domains = tuple(name.to_text(omit_final_dot=True) for name in service.domains)
            text = wanted.to_text(omit_final_dot=True)
            folders = tuple(place.path(lineage) for lineage in service.lineages)
            sites.append((Site(text, service.subject, ports, folders, domains, place.group), place))
    if not sites:
        there = host.strip(".").lower() in names
        speaks = ", ".join(sorted(SPEAKS[server]))
        near = difflib.get_close_matches(host, sorted(names), n=1, cutoff=0.5)
        raise DanelawError(
            "SERVICE_UNKNOWN",
            f"the configuration has no service of {host} that {server} serves",
            evidence=f"the hosts of its services are {', '.join(sorted(names)) or 'none'}",
            hint=f"did you mean {near[0]}?" if near and not there else f"{server} serves {speaks}",
        )
    return sites


def _place(service: ServiceConfig, machine: str | None) -> HostConfig:
    if machine is None:
        return service.hosts[0]
    for place in service.hosts:
        if place.name == machine:
            return place
    raise DanelawError(
        "UNKNOWN_HOST",
        f"{service.subject} is not deployed to {machine!r}",
        evidence=f"its hosts are {', '.join(place.name for place in service.hosts)}",
        hint="name one of them with --on",
    )
