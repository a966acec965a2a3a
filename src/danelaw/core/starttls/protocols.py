"""Which protocols start in cleartext, and the dialogue of each."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from dns.name import Name

from danelaw.core.model.errors import DanelawError
from danelaw.core.starttls import ftp, imap, ldap, nntp, pop3, postgres, sieve, smtp, xmpp
from danelaw.core.starttls.conversation import Conversation, Exchange, Script
from danelaw.core.starttls.dialogue import Dialogue

_CLIENT: Final = re.compile(r"[!-~]{1,255}")


Start = Callable[[Exchange, str, str], Script]
"""A script for a connection: through what it speaks, whom it asks for, and the name of the client."""

_SCRIPTS: Final[dict[str, tuple[Start, bytes]]] = {
    "smtp": (lambda exchange, _, client: smtp.smtp(exchange, f"EHLO {client}"), smtp.FAREWELL),
    "submission": (lambda exchange, _, client: smtp.smtp(exchange, f"EHLO {client}"), smtp.FAREWELL),
    "lmtp": (lambda exchange, _, client: smtp.smtp(exchange, f"LHLO {client}"), smtp.FAREWELL),
    "imap": (lambda exchange, *_: imap.imap(exchange), imap.FAREWELL),
    "pop3": (lambda exchange, *_: pop3.pop3(exchange), pop3.FAREWELL),
    "sieve": (lambda exchange, *_: sieve.sieve(exchange), sieve.FAREWELL),
    "xmpp-client": (lambda exchange, *names: xmpp.xmpp(exchange, "jabber:client", *names), b""),
    "xmpp-server": (lambda exchange, *names: xmpp.xmpp(exchange, "jabber:server", *names), b""),
    "postgres": (lambda exchange, *_: postgres.postgres(exchange), b""),
    "nntp": (lambda exchange, *_: nntp.nntp(exchange), nntp.FAREWELL),
    "ftp": (lambda exchange, *_: ftp.ftp(exchange), ftp.FAREWELL),
    "ldap": (lambda exchange, *_: ldap.ldap(exchange), ldap.FAREWELL),
}

PROTOCOLS: Final[tuple[str, ...]] = tuple(_SCRIPTS)
"""By the names that ``Application.starttls`` and ``Endpoint.starttls`` use."""


def dialogue(protocol: str, host: Name, client: str) -> Dialogue:
    """A new dialogue: it serves for one connection.

    ``host``: whom the client asks for, where the protocol says that: XMPP's service domain, which need not be the name
    of the server. ``client``: the name that we give ourselves: a host name, or an address literal such as
    ``[192.0.2.1]``. Raises ``DanelawError``: ``STARTTLS_UNSUPPORTED``; ``BAD_NAME`` for a client's name that cannot be
    said.
    """
    if protocol not in _SCRIPTS:
        raise DanelawError(
            "STARTTLS_UNSUPPORTED",
            f"no dialogue {protocol!r} starts TLS",
            hint=f"known are {', '.join(PROTOCOLS)}",
        )
    if not _CLIENT.fullmatch(client):
        raise DanelawError("BAD_NAME", f"{client!r} is no name for a client to give itself")
    script, farewell = _SCRIPTS[protocol]
    name = host.to_text(omit_final_dot=True)
    return Conversation(lambda exchange: script(exchange, name, client), farewell)
