"""What befalls a client between itself and the lab's CA.

The CA's own URLs lead to the proxy: requests are signed for where they are sent to (RFC 8555 §6.4).
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from issue_benches import credential, trusting

from danelaw.worlds.lab.ca import AcmeCA
from go_between import GoBetween


@dataclass
class FaultProxy(GoBetween):
    """``url``: of the CA's directory, by this way. ``bundle``: what its HTTPS is checked by."""

    url: str = ""
    bundle: Path = field(default_factory=Path)


def what_for(_method: str, path: str) -> str:
    """``directory``, ``new-nonce``, ``new-account``, ``new-order``, ``order``, ``authorization``, ``finalize``, ..."""
    parts = path.strip("/").split("/")
    return parts[-1] if parts[-1] == "finalize" else parts[0]


@asynccontextmanager
async def fault_proxy(ca: AcmeCA, folder: Path) -> AsyncIterator[FaultProxy]:
    bundle, chain, key = credential(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    behind = urlsplit(ca.url)
    assert behind.hostname is not None
    assert behind.port is not None
    proxy = FaultProxy(what_for, bundle=bundle)
    async with proxy.listening((behind.hostname, behind.port), trusting(ca.api_bundle), context) as port:
        origin = f"https://127.0.0.1:{port}"
        ca._service.ledger.base = origin
        proxy.url = f"{origin}/directory"
        yield proxy
