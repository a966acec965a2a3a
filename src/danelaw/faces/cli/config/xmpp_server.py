"""Prosody: it never is root, so that its key has to be its group's; and it serves one kind of key."""

from __future__ import annotations

from typing import Final

from danelaw.faces.cli.config.site import Site

_PORTS: Final = (
    ("c2s_ports", "xmpp-client", (5222,)),
    ("s2s_ports", "xmpp-server", (5269,)),
    ("c2s_direct_tls_ports", "xmpps-client", ()),
    ("s2s_direct_tls_ports", "xmpps-server", ()),
)
"""The option, the application, and the ports without it."""


def prosody(site: Site) -> str:
    """Prosody 0.12 or later. A virtual host for each domain that the service is of, or for the host itself."""
    (key, chain), *others = site.keys_and_chains
    lines = [f"-- Prosody: {site.host}. In prosody.cfg.lua. Check: prosodyctl check config"]
    for option, application, usual in _PORTS:
        ports = site.numbers(application)
        if ports and ports != usual:
            lines += [f"{option} = {{ {', '.join(map(str, ports))} }}"]
    if site.group is None:
        lines += ['-- Prosody is not root: its key needs group = "prosody" under deploy.']
    if others:
        lines += ["-- Prosody serves one kind of key: the other one is left out here."]
    lines += ["-- To go by the TLSA records of others it needs lua-unbound, and:", "-- use_dane = true"]
    for domain in site.domains or (site.host,):
        lines += [
            f"VirtualHost {_quoted(domain)}",
            "    ssl = {",
            f"        certificate = {_quoted(str(chain))};",
            f"        key = {_quoted(str(key))};",
            "    }",
        ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A Lua string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
