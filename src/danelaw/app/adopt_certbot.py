"""What certbot's renewal configuration tells of a certificate, and what a file of ``services.d/`` makes of it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final

from dns.name import Name

from danelaw.app.issuer_sections import DIRECTORIES, AcmeConfig, IssuerConfig
from danelaw.core.model import DanelawError

_TABLE: Final = re.compile(r"\[+\s*([^\[\]]+?)\s*\]+")
_LONG: Final = re.compile(r"(\"\"\"|''')(.*?)\1", re.DOTALL)
_SHORT: Final = re.compile(r"""(["'])(.*?)\1""")
_SERVERS: Final = {"apache": "apache2", "nginx": "nginx"}
"""The servers that certbot configures, and their units of systemd as Debian has them."""
_UNTOLD: Final = ("systemctl", "service")
"""What a hook may begin with that cares for none of what certbot tells it."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """``directory``: URL of the CA. ``authenticator``, ``installer``: plugins. ``webroot``: the first one. ``hook``: a
    shell command that runs after each renewal; ``other_hooks``: those that run whether there was one or not.
    ``reuses_key``: renewals keep the key. ``fullchain``: where it puts the certificate. ``account``: the name of its
    account at the CA."""

    directory: str | None
    authenticator: str | None
    installer: str | None
    webroot: str | None
    hook: str | None
    reuses_key: bool
    other_hooks: tuple[str, ...] = ()
    fullchain: str | None = None
    account: str | None = None

    @property
    def server(self) -> str | None:
        """The server that it configures, by the name under which Danelaw knows it."""
        return next((name for name in (self.installer, self.authenticator) if name in _SERVERS), None)

    @property
    def unit_reload(self) -> tuple[str, ...]:
        """What reloads that server, if whoever asks is not root and systemd lets him; nothing: there is none."""
        return ("systemctl", "reload", _SERVERS[self.server]) if self.server is not None else ()


def read_renewal(text: str) -> Renewal:
    """Reads as much of ``renewal/NAME.conf`` as is of use: keys and values in tables, a value on one line or within
    three quotes."""
    table, found = "", dict[tuple[str, str], str]()
    lines = iter(text.splitlines())
    for line in lines:
        stripped = line.strip()
        if heading := _TABLE.fullmatch(stripped):
            table = heading[1]
        elif stripped and not stripped.startswith("#") and "=" in stripped:
            key, _, value = stripped.partition("=")
            found[table, key.strip()] = _value(value.strip(), lines)
    params = {key: value for (within, key), value in found.items() if within == "renewalparams" and value != "None"}
    roots = [value for (within, _), value in found.items() if within == "webroot_map"]
    roots += [root.strip() for root in params.get("webroot_path", "").split(",") if root.strip()]
    return Renewal(
        params.get("server"),
        params.get("authenticator"),
        params.get("installer"),
        roots[0] if roots else None,
        params.get("renew_hook"),
        params.get("reuse_key", "").lower() == "true",
        tuple(params[key] for key in ("pre_hook", "post_hook") if key in params),
        found.get(("", "fullchain")),
        params.get("account"),
    )


def _value(text: str, further: Iterator[str]) -> str:
    """What a value says without its quotes. ``further``: the lines after its first, for one that has several."""
    if text.startswith(('"""', "'''")):
        while not (within := _LONG.match(text)):
            following = next(further, None)
            if following is None:
                return text[3:]
            text += "\n" + following
        return within[2]
    quoted = _SHORT.match(text)
    return quoted[2] if quoted else text.partition("#")[0].strip()


def issuer_of(renewal: Renewal, issuers: Mapping[str, IssuerConfig]) -> str:
    """The issuer of the configuration that is the same CA.

    Raises ``DanelawError("ISSUER_UNCLEAR")``, with the table that would be one.
    """
    fitting = [
        name for name, one in issuers.items() if isinstance(one, AcmeConfig) and one.directory == renewal.directory
    ]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise DanelawError(
            "ISSUER_UNCLEAR",
            f"there are several issuers for {renewal.directory}",
            evidence=f"there are {', '.join(sorted(fitting))}",
            hint=f"--issuer {' or '.join(sorted(fitting))}",
        )
    raise DanelawError(
        "ISSUER_UNCLEAR",
        f"certbot has the certificate from {renewal.directory or 'a CA that it does not name'}, and no issuer of the "
        "configuration is that CA",
        evidence=f"there are {', '.join(sorted(issuers))}" if issuers else "there is none",
        hint="write into danelaw.toml, or take another with --issuer:\n" + _as_table(renewal),
    )


def _as_table(renewal: Renewal) -> str:
    """An issuer that does as certbot did."""
    directory = next((n for n, url in sorted(DIRECTORIES.items()) if url == renewal.directory), renewal.directory)
    name = directory if directory in DIRECTORIES else "ca"
    return "\n".join(
        (
            f"[issuers.{name}]",
            'type = "acme"',
            f'directory = "{directory}"',
            f'account = "/var/lib/danelaw/accounts/{name}"',
            f"challenge = {_challenge(renewal)}",
        )
    )


def _challenge(renewal: Renewal) -> str:
    match renewal.authenticator:
        case "standalone":
            return '{ type = "http-01", standalone = true }'
        case "webroot" | "apache" | "nginx" | None:
            return f'{{ type = "http-01", webroot = "{renewal.webroot or "/var/www/html"}" }}'
        case _:  # one of many for the DNS, or a script of the operator's
            return '{ type = "dns-01" }'


def reload_of(renewal: Renewal, live: Path, names: Sequence[str]) -> tuple[str, ...]:
    """What certbot runs after a renewal, as a command without a shell; nothing where it needs one, or there is none.

    It is told what certbot tells it: where the certificate lies, and what names it is for.
    """
    if renewal.hook is None or re.search(r"[|&;<>$`*?\n(){}\[\]~]", renewal.hook):
        return ()
    try:
        argv = tuple(shlex.split(renewal.hook, comments=True))
    except ValueError:
        return ()
    if not argv or "=" in argv[0]:
        return ()
    if PurePath(argv[0]).name in _UNTOLD:
        return argv
    return ("env", f"RENEWED_LINEAGE={live}", f"RENEWED_DOMAINS={' '.join(names)}", *argv)


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a certificate: ``served``, which become endpoints, and all others."""

    zone: Name
    served: tuple[Name, ...]
    others: tuple[Name, ...]


def sorted_names(names: Sequence[Name], zones: Sequence[Name], asked: Sequence[Name] = ()) -> Names | None:
    """Those that lie in the longest zone of the first that lies in any; or those ``asked`` for. None: none does."""
    candidates = [name for name in asked or names if not name.is_wild()]
    nearest = {name: max((z for z in zones if name.is_subdomain(z)), key=len, default=None) for name in candidates}
    zone = next((zone for zone in nearest.values() if zone is not None), None)
    if zone is None:
        return None
    served = tuple(asked) or tuple(name for name in candidates if nearest[name] == zone)
    return Names(zone, served, tuple(name for name in names if name not in served))
