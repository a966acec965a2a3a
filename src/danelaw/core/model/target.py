"""What an operator asks about: a host, a port of it, or a service domain."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Final

from dns.name import Name

from danelaw.core.model.application import APPLICATIONS, TLS, Application, Lookup, at_port
from danelaw.core.model.errors import DanelawError
from danelaw.core.model.names import domain_name
from danelaw.core.model.service import Endpoint

DEFAULT: Final = APPLICATIONS["https"]
_ALIASES: Final = {"smtps": "submissions", "postgresql": "postgres", "managesieve": "sieve", "http": "https"}
_OWNER: Final = re.compile(r"_([0-9]{1,5})\._(tcp|udp|sctp)\.(.+)", re.IGNORECASE)
_SCHEME: Final = re.compile(r"([a-zA-Z][a-zA-Z0-9+-]*):(//)?(.*)")
_LABEL: Final = re.compile(rb"(?!-)[a-z0-9_-]+(?<!-)")
"""Of a host's name (RFC 1123 §2.1); the underscore, which is not allowed, is in use."""
_HINT: Final = "write a host, HOST:PORT, a URL, or a service such as smtp:example.net or imap:example.net"


@dataclass(frozen=True, slots=True)
class Target:
    """``name``: a host, or, where ``searched``, a service domain whose servers its MX or SRV records name."""

    name: Name
    application: Application
    port: int
    transport: str = "tcp"
    searched: bool = False

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint on the host of that name."""
        return Endpoint(self.name, self.port, self.transport, self.application.starttls)

    def __str__(self) -> str:
        """As it may be written: ``read_target`` reads it as the same target."""
        name = self.name.to_text(omit_final_dot=True)
        if self.searched:
            return f"{self.application.name}:{name}"
        if self.transport != "tcp":
            return f"{name}:{self.port}/{self.transport}"
        usual = self.application.name == at_port(self.port).name
        return f"{name}:{self.port}" if usual else f"{self.application.name}:{name}:{self.port}"


def read_target(text: str, starttls: str | None = None) -> Target:
    """Read ``www.example.net``, ``https://www.example.net/``, ``host:port``, ``host:port/tcp``, ``smtp:example.net``,
    or the owner name of TLSA records.

    A service is looked up where its protocol defines that, unless a port is named. ``starttls``: how TLS begins, for
    targets that do not say; the host of the name itself is meant then. Raises ``DanelawError``: ``BAD_TARGET``,
    ``BAD_NAME``.
    """
    stripped = text.strip()
    owner = _OWNER.fullmatch(stripped)
    target = _written(stripped, text) if owner is None else _at(owner[3], _port(owner[1], text), owner[2].lower())
    if starttls is None:
        return target
    chosen = APPLICATIONS.get(_ALIASES.get(starttls, starttls))
    if chosen is None or chosen.starttls is None:
        raise _bad(text, f"no dialogue {starttls!r} starts TLS", f"one of {', '.join(starttls_names())}")
    named = ":" in stripped or owner is not None
    return replace(target, application=chosen, port=target.port if named else chosen.port, searched=False)


def starttls_names() -> tuple[str, ...]:
    """The applications in which TLS begins after a dialogue."""
    return tuple(name for name, application in APPLICATIONS.items() if application.starttls is not None)


def _written(stripped: str, text: str) -> Target:
    scheme = _SCHEME.fullmatch(stripped)
    name = scheme[1].lower() if scheme is not None else ""
    application = APPLICATIONS.get(_ALIASES.get(name, name))
    if scheme is None or (not scheme[2] and (application is None or scheme[3].isdigit())):  # a host may be called smtp
        return _plain(stripped, text)
    if application is None:
        raise _bad(text, f"nothing is known of {name!r}", f"known are {', '.join(APPLICATIONS)}")
    rest = scheme[3].partition("?")[0].partition("#")[0].partition("/")[0].rpartition("@")[2]
    host, port = _split(rest, text)
    if port is not None:
        return _checked(text, host, application, port, "tcp", searched=False)
    return _checked(text, host, application, application.port, "tcp", searched=application.lookup is not Lookup.HOST)


def _plain(stripped: str, text: str) -> Target:
    rest, slash, transport = stripped.partition("/")
    if slash and transport.lower() not in ("tcp", "udp", "sctp"):
        raise _bad(text, f"{transport!r} is no transport protocol", _HINT)
    host, port = _split(rest, text)
    if port is None:
        if slash:
            raise _bad(text, "a transport protocol and no port", _HINT)
        return _checked(text, host, DEFAULT, DEFAULT.port, "tcp", searched=False)
    return _at(host, port, transport.lower() or "tcp")


def _at(host: str, port: int, transport: str) -> Target:
    application = at_port(port) if transport == "tcp" else Application(TLS, port)
    return _checked(host, host, application, port, transport, searched=False)


def _checked(text: str, host: str, application: Application, port: int, transport: str, *, searched: bool) -> Target:
    if not host:
        raise _bad(text, "there is no host", _HINT)
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        pass
    else:
        raise _bad(text, "DANE is about names, and this is an address", "name the host, and add --address IP")
    name = domain_name(host)
    if len(name) == 1:
        raise _bad(text, "the root of the DNS is no host", _HINT)
    if not all(_LABEL.fullmatch(label) for label in name.labels[:-1]):
        raise _bad(text, "a domain name, and no host's", _HINT)
    return Target(name, application, port, transport, searched)


def _split(text: str, whole: str) -> tuple[str, int | None]:
    """A host and its port; an IPv6 address in brackets, or by its many colons, is left whole."""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        return host, _port(port[1:], whole) if port.startswith(":") else None
    if text.count(":") > 1:
        try:
            ip_address(text)
        except ValueError as error:
            raise _bad(whole, "more than one colon", _HINT) from error
        return text, None
    host, colon, port = text.partition(":")
    return host, _port(port, whole) if colon else None


def _port(text: str, whole: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536):
        raise _bad(whole, f"{text!r} is no port", "ports are 1 to 65535")
    return int(text)


def _bad(text: str, evidence: str, hint: str) -> DanelawError:
    return DanelawError("BAD_TARGET", f"{text!r} cannot be checked", evidence=evidence, hint=hint)
