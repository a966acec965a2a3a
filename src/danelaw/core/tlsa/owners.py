"""Where TLSA records live: base domains and owner names."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import dns.name
from dns.name import Name

from danelaw.core.model import DanelawError, Endpoint
from danelaw.core.model.names import hashed

_TRANSPORTS: Final = frozenset({"tcp", "udp", "sctp"})


def tlsa_owner(port: int, transport: str, base: Name) -> Name:
    """The owner name of an endpoint's TLSA records (RFC 6698 §3): ``_443._tcp.www.example.com.``

    Raises ``DanelawError``: ``BAD_ENDPOINT`` for a port or a transport that there is not, ``NAME_TOO_LONG``.
    """
    return _owner(port, transport, base.labels)


@lru_cache(maxsize=4096)
def _owner(port: int, transport: str, labels: tuple[bytes, ...]) -> Name:
    if not 0 < port < 65536 or transport.lower() not in _TRANSPORTS:
        raise DanelawError(
            "BAD_ENDPOINT",
            f"no TLSA owner name for port {port} of {transport}",
            hint="ports are 1 to 65535; transports are tcp, udp and sctp",
        )
    base = Name(labels)
    try:
        return hashed(dns.name.from_text(f"_{port}._{transport.lower()}", None).concatenate(base))
    except dns.name.NameTooLong as error:
        raise DanelawError(
            "NAME_TOO_LONG", "no room for the labels of a TLSA owner name", evidence=base.to_text()
        ) from error


def base_domains(host: Name, expanded: Name | None = None) -> tuple[Name, ...]:
    """The TLSA base domains of a host, in the order in which clients try them (RFC 7671 §7).

    ``expanded``: where a chain of CNAMEs from ``host`` ends, if each of its links is secure.
    """
    return (host,) if expanded is None or expanded == host else (expanded, host)


def owners(endpoint: Endpoint, expanded: Name | None = None) -> tuple[Name, ...]:
    """The owner names that clients of an endpoint may ask for, preferred first."""
    return tuple(tlsa_owner(endpoint.port, endpoint.transport, base) for base in base_domains(endpoint.host, expanded))
