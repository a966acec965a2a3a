"""Certificates that nobody vouches for but the zone: each signed by its own key, for records of usage 3 alone.

DANE-EE clients check neither names, dates nor issuers (RFC 7671 §5.1); all others refuse such a certificate, or, like
mail servers without DANE, look at none.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from danelaw.core.model import Advance, Chain, DanelawError, Issued, Lineage, OrderState, RevocationReason, Window
from danelaw.core.rollover.feasibility import backdated
from danelaw.ports import Clock


class SelfSigner(Protocol):
    """Has the keys, which never leave it."""

    async def self_signed(self, lineage: Lineage, csr: bytes, begin: datetime, end: datetime) -> Chain:
        """A certificate for the key and the names of a request, by that key."""
        ...


class Own:
    """``ports.Revoker`` of certificates that their own keys signed."""

    async def revoke(self, chain: Chain, reason: RevocationReason) -> None:
        """Nobody relies on it but by the records of the zone: there is nothing to revoke.

        Raises ``DanelawError("REVOCATION_REFUSED")`` where another key signed it, from before the service had this
        issuer: whoever believes the CA goes by it.
        """
        leaf = x509.load_der_x509_certificate(chain.ders[0])
        try:
            leaf.verify_directly_issued_by(leaf)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise DanelawError(
                "REVOCATION_REFUSED",
                f"certificate {leaf.serial_number:x} is a CA's, and the service has none now",
                evidence=f"it was issued by {leaf.issuer.rfc4514_string()!r}, and nobody wrote down where",
                hint="the certificate goes on being valid; revoke it at the CA by hand, or with its own key",
            ) from error


class SelfSignedIssuer(Own):
    """``ports.Issuer`` of one lineage; it never says no. ``lifetime``: of the certificates, from their issue."""

    def __init__(self, lineage: Lineage, signer: SelfSigner, clock: Clock, lifetime: timedelta) -> None:
        self._lineage = lineage
        self._signer = signer
        self._clock = clock
        self._lifetime = lifetime

    async def advance(self, order: OrderState, csr: bytes) -> Advance:
        now = self._clock.now()
        begin = now - backdated(self._lifetime)
        chain = await self._signer.self_signed(self._lineage, csr, begin, now + self._lifetime)
        return Issued(order, chain)

    async def renewal_window(self, chain: Chain) -> Window | None:
        del chain
        return None

    async def date(self, since: float) -> tuple[datetime, float] | None:
        del since
        return None
