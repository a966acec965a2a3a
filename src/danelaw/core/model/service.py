"""Services, their endpoints, and what a server presents."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from typing import NewType, TypeAlias

from dns.name import Name

IP: TypeAlias = IPv4Address | IPv6Address
Instant: TypeAlias = datetime
"""An aware instant in UTC."""

SubjectName = NewType("SubjectName", str)
"""What is reconciled: a service (``www.example.net:443/tcp``) or a zone (``example.net.``)."""

HostName = NewType("HostName", str)
"""A machine that credentials are deployed to, as the configuration names it; ``local`` is this one."""

GenerationId = NewType("GenerationId", int)
"""The number of one immutable stored credential within its lineage; later ones are larger."""


class KeyAlgorithm(enum.Enum):
    """Kinds of server key that a client may ask for: each is a credential of its own."""

    ECDSA = "ecdsa"
    RSA = "rsa"
    EDDSA = "eddsa"
    """Ed25519 and Ed448."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where clients connect. ``starttls`` names the protocol that upgrades; None: TLS from the first byte."""

    host: Name
    port: int
    transport: str = "tcp"
    starttls: str | None = None

    def __str__(self) -> str:
        return f"{self.host.to_text(omit_final_dot=True)}:{self.port}/{self.transport}"


class TLSVersion(enum.Enum):
    TLS12 = "TLSv1.2"
    TLS13 = "TLSv1.3"


@dataclass(frozen=True, slots=True)
class Hello:
    """What a probing client offers. None: no SNI; any version; any key algorithm."""

    sni: Name | None
    version: TLSVersion | None = None
    algorithm: KeyAlgorithm | None = None

    @property
    def restricted(self) -> bool:
        """Whether this client leaves out versions or key algorithms that it could offer."""
        return self.version is not None or self.algorithm is not None


@dataclass(frozen=True, slots=True)
class Chain:
    """Certificates in DER, exactly what the server sent, in its order: the leaf first."""

    ders: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Handshake:
    """A handshake that succeeded: the chain as presented, and what was agreed upon, by OpenSSL's names.

    ``said``: the dialogue before it, where there was one: lines, ``> `` before ours, ``< `` before the server's.
    """

    chain: Chain
    version: str
    cipher: str
    said: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class HandshakeFailure:
    """The server answered, and no TLS came of it: a chain that every kind of client refuses.

    ``code``: CONNECTION_REFUSED, TLS_ALERT, TLS_OUTDATED, CLOSED, PROTOCOL; of a dialogue before TLS also
    STARTTLS_NOT_OFFERED, STARTTLS_REFUSED, STARTTLS_INJECTED, NOT_THIS_PROTOCOL.
    """

    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class NotOffered:
    """The unrestricted handshake succeeded in the same sweep, and this one failed: no such credential."""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Nothing was learnt about what the server presents. ``code``: TIMEOUT, UNREACHABLE."""

    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Lineage:
    """The succession of credentials of one service and key algorithm: RSA beside ECDSA is two lineages."""

    service: SubjectName
    algorithm: KeyAlgorithm = KeyAlgorithm.ECDSA


@dataclass(frozen=True, slots=True)
class CredentialFacts:
    """What may be known of a stored credential: never the private key.

    ``spki``: DER SubjectPublicKeyInfo. ``chain``: None until the certificate has come.
    """

    generation: GenerationId
    lineage: Lineage
    spki: bytes
    chain: Chain | None
    created: Instant


@dataclass(frozen=True, slots=True)
class Window:
    """When the CA would like the renewal to happen (RFC 9773 §4.2, suggestedWindow)."""

    start: Instant
    end: Instant
