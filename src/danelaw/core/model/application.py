"""Application protocols over TLS: where their servers are found, on which port, and how TLS begins there."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final


class Lookup(enum.Enum):
    """How clients that have a service domain find its servers."""

    HOST = "host"
    """They don't look: the name is the server's."""
    MX = "MX"
    """RFC 5321 §5.1."""
    SRV = "SRV"
    """RFC 2782; without records the name is the server's."""


@dataclass(frozen=True, slots=True)
class Application:
    """``name`` is also the label of its SRV records, with an underscore before it. ``port``: the one that is assigned.

    ``starttls``: the dialogue by which TLS begins, see ``core.starttls``; None: with the first octet.
    """

    name: str
    port: int
    starttls: str | None = None
    lookup: Lookup = Lookup.HOST

    @property
    def opportunistic(self) -> bool:
        """Whether clients do without authentication unless TLSA records are there: SMTP between servers
        (RFC 7672 §2.2)."""
        return self.name == "smtp"


_SRV: Final = Lookup.SRV
APPLICATIONS: Final[dict[str, Application]] = {
    application.name: application
    for application in (
        Application("https", 443),
        Application("smtp", 25, "smtp", Lookup.MX),
        Application("lmtp", 24, "lmtp"),
        Application("submission", 587, "submission", _SRV),  # RFC 6186 §3.1
        Application("submissions", 465, None, _SRV),  # RFC 8314 §5.1
        Application("imap", 143, "imap", _SRV),  # RFC 6186 §3.2
        Application("imaps", 993, None, _SRV),
        Application("pop3", 110, "pop3", _SRV),  # RFC 6186 §3.3
        Application("pop3s", 995, None, _SRV),
        Application("sieve", 4190, "sieve", _SRV),  # RFC 5804 §1.8
        Application("xmpp-client", 5222, "xmpp-client", _SRV),  # RFC 6120 §3.2.1
        Application("xmpps-client", 5223, None, _SRV),  # XEP-0368
        Application("xmpp-server", 5269, "xmpp-server", _SRV),  # RFC 6120 §3.2.1
        Application("xmpps-server", 5270, None, _SRV),  # XEP-0368
        Application("ldap", 389, "ldap", _SRV),  # RFC 2782, the example of the format
        Application("ldaps", 636),
        Application("nntp", 119, "nntp"),
        Application("nntps", 563),
        Application("ftp", 21, "ftp"),
        Application("ftps", 990),
        Application("postgres", 5432, "postgres"),
    )
}
"""By name. What an operator may write before a colon: ``smtp:example.net``."""

BY_PORT: Final[dict[int, Application]] = {application.port: application for application in APPLICATIONS.values()}

TLS: Final = "tls"
"""What is said to speak TLS from the first octet, on a port that tells no more."""


def at_port(port: int) -> Application:
    """What a port stands for; one that is not in the table speaks TLS from the first octet."""
    return BY_PORT.get(port) or Application(TLS, port)
