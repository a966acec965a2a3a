"""Names as people write them."""

from __future__ import annotations

import dns.exception
import dns.name
from dns.name import Name

from danelaw.core.model.errors import DanelawError


def domain_name(text: str) -> Name:
    """A domain name in lower case, IDN as A-labels; the root is a dot. Raises ``DanelawError("BAD_NAME")``."""
    if not text.strip():
        raise DanelawError("BAD_NAME", "the domain name is empty", hint="write it as www.example.net; the root is .")
    try:
        return dns.name.from_text(text, idna_codec=dns.name.IDNA_2008_Practical).canonicalize()
    except (dns.exception.DNSException, UnicodeError) as error:
        raise DanelawError(
            "BAD_NAME", f"{text!r} is no domain name", evidence=str(error), hint="write it as www.example.net"
        ) from error
