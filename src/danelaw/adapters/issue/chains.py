"""Which of the chains that a CA offers for one certificate is taken (RFC 8555 §7.4.2)."""

from __future__ import annotations

from typing import Final
from urllib.parse import urljoin

import requests
from cryptography import x509
from cryptography.x509.oid import NameOID
from requests.utils import parse_header_links

MOST_ALTERNATES: Final = 8


def alternates(reply: requests.Response) -> list[str]:
    """The URLs of the other chains, in the order of the CA, a bounded number of them."""
    # ``Response.links`` keeps one link of each relation; there may be several.
    links = parse_header_links(reply.headers.get("Link", ""))
    found = [urljoin(reply.url, link["url"]) for link in links if link.get("rel") == "alternate" and "url" in link]
    return found[:MOST_ALTERNATES]


def ends_at(certificates: list[x509.Certificate], root: str) -> bool:
    """Whether the last certificate of the chain names ``root`` (a common name) as its issuer."""
    names = certificates[-1].issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    return any(name.value == root for name in names)
