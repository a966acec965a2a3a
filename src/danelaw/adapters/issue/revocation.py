"""Taking a certificate back (RFC 8555 §7.6)."""

from __future__ import annotations

from acme import messages
from cryptography import x509

from danelaw.adapters.issue.session import Session
from danelaw.adapters.issue.transport import code_of
from danelaw.core.model import Chain, DanelawError, RevocationReason


def revoke(session: Session, chain: Chain, reason: RevocationReason) -> None:
    """Raises ``DanelawError("REVOCATION_REFUSED")``, and what ``acme`` does where the CA is in trouble."""
    leaf = x509.load_der_x509_certificate(chain.ders[0])
    try:
        session.log_in(tell=False)
        session.post(session.resources["revokeCert"], messages.Revocation(certificate=leaf, reason=int(reason)))
    except messages.Error as problem:
        if code_of(problem) == "alreadyRevoked":
            return
        if session.net.busy:
            raise
        raise DanelawError(
            "REVOCATION_REFUSED",
            f"the CA at {session.terms.directory} does not revoke certificate {leaf.serial_number:x}",
            evidence=f"{code_of(problem)}: {problem.detail or ''}",
            hint="the certificate goes on being valid; revoke it at the CA by hand, or with its own key",
        ) from problem
