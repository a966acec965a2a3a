"""Which protocols start in cleartext, and the dialogue of each."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from dns.name import Name

from danelaw.core.model.errors import DanelawError
from danelaw.core.starttls import smtp
from danelaw.core.starttls.conversation import Conversation, Exchange, Script
from danelaw.core.starttls.dialogue import Dialogue

_CLIENT: Final = re.compile(r"[!-~]{1,255}")


def _smtp(hello: str) -> Callable[[Exchange, str, str], Script]:
    return lambda exchange, _, client: smtp.smtp(exchange, f"{hello} {client}")


_SCRIPTS: Final[dict[str, tuple[Callable[[Exchange, str, str], Script], bytes]]] = {
    "smtp": (_smtp("EHLO"), smtp.FAREWELL),
    "submission": (_smtp("EHLO"), smtp.FAREWELL),
    "lmtp": (_smtp("LHLO"), smtp.FAREWELL),
}

PROTOCOLS: Final[tuple[str, ...]] = (
    "smtp",
    "submission",
    "lmtp",
    "imap",
    "pop3",
    "sieve",
    "xmpp-client",
    "xmpp-server",
    "postgres",
    "ftp",
    "ldap",
)
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
