"""Certificates that another client gets: its directory is read, and nothing in it is ever changed.

What it leaves there becomes a generation of the credential store, key and all; from there on it is like any other. A
new certificate for the same key is served at once. A new key is published first, and served when every client can know
of it: until then the servers keep the credential before it, so they must read theirs from Danelaw's directory and not
from the client's, which changes at the moment of renewal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal, Protocol, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from dns.name import Name

from danelaw.adapters.issue.received import acme_text, read_chain
from danelaw.core.model import (
    Advance,
    Chain,
    CredentialFacts,
    DanelawError,
    GenerationId,
    Lineage,
    OrderState,
    Pending,
    RevocationReason,
    Window,
)
from danelaw.ports import Blocking, Clock, Credentials

Client: TypeAlias = Literal["certbot", "lego", "dehydrated"]

LOOK_AGAIN: Final = timedelta(minutes=10)
LONGEST_FILE: Final = 1 << 20
_LIMIT: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Watched:
    """Where a client keeps one credential: its private key, and the chain with the leaf first, both in PEM."""

    key: Path
    chain: Path

    @classmethod
    def of(cls, client: Client, directory: Path, name: str) -> Watched:
        """``directory``: certbot's ``live``, lego's ``certificates``, dehydrated's ``certs``."""
        if client == "lego":
            stem = name.replace("*", "_")
            return cls(directory / f"{stem}.key", directory / f"{stem}.crt")
        return cls(directory / name / "privkey.pem", directory / name / "fullchain.pem")

    @classmethod
    def of_name(cls, client: Client, directory: Path, name: Name) -> Watched:
        return cls.of(client, directory, acme_text(name))

    def read(self) -> tuple[bytes, Chain] | None:
        """The private key in PEM and the chain; None while they do not belong together, as amid a renewal.

        Raises ``DanelawError("WATCHED_UNREADABLE")``; quotes nothing of the key.
        """
        try:
            key, text = self._octets(self.key), self._octets(self.chain)
            certificates = read_chain(text)
            public = serialization.load_pem_private_key(key, None).public_key()
        except FileNotFoundError as error:
            hint = "let the client get its first certificate; look at client, directory and name of the issuer"
            raise self._unreadable(str(error), hint) from error
        except OSError as error:
            raise self._unreadable(str(error), "let this user read both; nothing is ever written there") from error
        except (ValueError, TypeError) as error:
            raise self._unreadable("it is no PEM of a chain and its unencrypted key", "see what is there") from error
        if certificates[0].public_key() != public:
            return None
        return key, Chain(tuple(certificate.public_bytes(Encoding.DER) for certificate in certificates))

    def _octets(self, path: Path) -> bytes:
        with path.open("rb") as file:
            return file.read(LONGEST_FILE)

    def _unreadable(self, evidence: str, hint: str) -> DanelawError:
        return DanelawError(
            "WATCHED_UNREADABLE",
            f"there is no credential to be read in {self.chain} and {self.key}",
            evidence=evidence,
            hint=hint,
        )


class AdoptingCredentials(Credentials, Protocol):
    """A store that takes credentials made elsewhere."""

    async def adopt(self, lineage: Lineage, key: bytes, chain: Chain) -> GenerationId:
        """A new generation of a key (PEM) and its certificate."""
        ...


class WatchedCredentials:
    """``ports.Credentials``: the store, and what the client has that is not there yet. It makes no keys."""

    def __init__(self, store: AdoptingCredentials, watched: Watched, blocking: Blocking) -> None:
        self._store = store
        self._watched = watched
        self._blocking = blocking

    async def list(self, lineage: Lineage) -> Sequence[CredentialFacts]:
        """Every generation, after what the client has was taken over.

        Raises ``DanelawError("WATCHED_UNREADABLE")`` where there is neither.
        """
        held = await self._store.list(lineage)
        try:
            found = await self._blocking.call(self._watched.read, _LIMIT)
        except DanelawError:
            if not held:
                raise
            return held  # what was taken over serves on
        if found is None:
            return held
        key, chain = found
        spki = x509.load_der_x509_certificate(chain.ders[0]).public_key()
        der = spki.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if any((generation.spki, generation.chain) == (der, chain) for generation in held):
            return held
        await self._store.adopt(lineage, key, chain)
        return await self._store.list(lineage)

    async def live(self, lineage: Lineage) -> GenerationId | None:
        return await self._store.live(lineage)

    async def make_key(self, lineage: Lineage) -> GenerationId:
        """Raises ``DanelawError("KEYS_ARE_ANOTHERS")``: keys are made by the client."""
        raise DanelawError(
            "KEYS_ARE_ANOTHERS",
            f"keys of {lineage.service} are made by the client whose directory is watched",
            evidence=str(self._watched.key),
            hint="let it renew with a new key: certbot renew --new-key --cert-name NAME, or as the client has it",
        )

    async def reuse_key(self, lineage: Lineage, generation: GenerationId) -> GenerationId:
        return await self._store.reuse_key(lineage, generation)

    async def csr(self, lineage: Lineage, generation: GenerationId, names: Sequence[Name]) -> bytes:
        return await self._store.csr(lineage, generation, names)

    async def complete(self, lineage: Lineage, generation: GenerationId, chain: Chain) -> None:
        await self._store.complete(lineage, generation, chain)

    async def destroy(self, lineage: Lineage, generation: GenerationId) -> None:
        """Destroys the copy in the store; the client's own key is the client's."""
        await self._store.destroy(lineage, generation)


class WatchIssuer:
    """``ports.Issuer`` that waits for the client: what that gets appears in ``WatchedCredentials.list``."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def advance(self, order: OrderState, csr: bytes) -> Advance:
        return Pending(order, self._clock.now() + LOOK_AGAIN)

    async def renewal_window(self, chain: Chain) -> Window | None:
        del chain
        return None

    async def revoke(self, chain: Chain, reason: RevocationReason) -> None:
        raise DanelawError(
            "REVOCATION_REFUSED",
            "certificates of another client are revoked by that client",
            hint="certbot revoke --cert-name NAME --reason keycompromise, or as the client has it",
        )

    async def date(self, since: float) -> tuple[datetime, float] | None:
        del since
        return None
