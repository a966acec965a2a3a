"""Forwarders, and the three ways to reach one: classic DNS, DNS over TLS, DNS over HTTPS (RFC 9499)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, TypeAlias

import dns.exception
import dns.name

from danelaw.core.model.service import IP

_DO53: Final = 53
_DOT: Final = 853
_HTTPS: Final = 443
_LDH_NAME: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))*")
_URL: Final = re.compile(
    r"https://(?P<host>\[[0-9A-Fa-f:.]+\]|[^/:@\[\]?#]+)(?::(?P<port>[^/?#]*))?"
    r"(?P<path>/[!-z|~]*?)(?:\{\?dns\})?(?:#(?P<address>.*))?"
)


@dataclass(frozen=True, slots=True)
class Do53:
    """A forwarder asked by UDP, and by TCP where that is not enough."""

    ip: IP
    port: int = _DO53

    def __str__(self) -> str:
        return f"{self.ip} port {self.port}"


@dataclass(frozen=True, slots=True)
class DoT:
    """A forwarder asked over TLS (RFC 7858). ``server_name``: what its certificate must name; None: whoever answers is
    taken, and the wire alone is kept from being read along: opportunistic (RFC 8310 §5)."""

    ip: IP
    port: int = _DOT
    server_name: str | None = None

    def __str__(self) -> str:
        name = f" as {self.server_name}" if self.server_name else ""
        return f"{self.ip} port {self.port} over TLS{name}"


@dataclass(frozen=True, slots=True)
class DoH:
    """A forwarder asked over HTTPS (RFC 8484): ``host``, a name or an IP literal, is what its certificate must name.

    ``path`` has no variables left in it. ``ip`` is where the host is, so that no name needs to be resolved to resolve
    names.
    """

    ip: IP
    host: str
    path: str
    port: int = _HTTPS

    @property
    def authority(self) -> str:
        """The host, and the port unless it is HTTPS's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _HTTPS else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"https://{self.authority}{self.path} at {self.ip}"


Forwarder: TypeAlias = Do53 | DoT | DoH


def read_forwarder(text: str) -> Forwarder:
    """``IP[@PORT]``, ``tls://IP[@PORT][#SERVER.NAME]`` or ``https://SERVER.NAME[:PORT]/PATH[{?dns}]#IP``.

    The host of an HTTPS URL may be an IP literal, IPv6 in brackets, and then needs no ``#IP``. Raises ``ValueError``,
    which says what is wrong.
    """
    if text.startswith("https://"):
        return _doh(text)
    if text.startswith("tls://"):
        address, marked, name = text.removeprefix("tls://").partition("#")
        ip, port = _socket(address, _DOT)
        if port == _DO53:
            raise ValueError("DNS over TLS is never spoken on port 53")  # RFC 7858 §3.1
        return DoT(ip, port, _host_name(name) if marked else None)
    if "://" in text:
        raise ValueError("only tls:// and https:// are known")
    return Do53(*_socket(text, _DO53))


def _doh(text: str) -> DoH:
    """RFC 8484 §4.1: a template's variables are left empty for POST."""
    found = _URL.fullmatch(text)
    if found is None:
        raise ValueError("no https:// URL with a host and a path")
    host, port, path, address = found.group("host", "port", "path", "address")
    at = _port(port) if port is not None else _HTTPS
    try:
        literal = ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        if address is None:
            raise ValueError("the address of the host is missing") from None
        return DoH(ip_address(address), _host_name(host), path, at)
    return DoH(literal if address is None else ip_address(address), str(literal), path, at)


def _socket(text: str, default: int) -> tuple[IP, int]:
    address, marked, port = text.partition("@")
    return ip_address(address), _port(port) if marked else default


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is no port")
    if not 0 < int(text[:6]) < 65536:
        raise ValueError(f"there is no port {text[:6]}")
    return int(text)


def _host_name(text: str) -> str:
    """The A-labels of a host name, without the final dot: the form in certificates."""
    try:
        name = dns.name.from_text(text, idna_codec=dns.name.IDNA_2008_Practical).canonicalize()
    except (dns.exception.DNSException, UnicodeError) as error:
        raise ValueError(f"{text!r} is no host name: {error}") from error
    plain = name.to_text(omit_final_dot=True)
    if not _LDH_NAME.fullmatch(plain):
        raise ValueError(f"{text!r} is no host name")
    return plain
