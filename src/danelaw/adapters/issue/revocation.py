"""Taking a certificate back (RFC 8555 §7.6)."""

from __future__ import annotations

from typing import Final

from acme import messages
from cryptography import x509

from danelaw.adapters.issue.session import Session
from danelaw.adapters.issue.transport import code_of, detail_of, signing_key
from danelaw.core.model import Chain, DanelawError, RevocationReason

_NOT_OURS: Final = ("unauthorized", "accountDoesNotExist")


def by_account(session: Session, chain: Chain, reason: RevocationReason) -> DanelawError | None:
    """As the account that is known at this CA. What is returned is the refusal where another one ordered it.

    Raises ``DanelawError("REVOCATION_REFUSED")``, and what ``acme`` does where the CA is in trouble.
    """
    try:
        session.log_in(tell=False)
        _post(session, chain, reason)
    except messages.Error as problem:
        refused = _refused(session, chain, problem)
        if code_of(problem) not in _NOT_OURS:
            raise refused from problem
        return refused
    return None


def by_key(session: Session, chain: Chain, reason: RevocationReason, key: bytes) -> None:
    """By the certificate's own key (PEM), whoever ordered it. Raises as ``by_account`` does."""
    session.net.sign_with(signing_key(key))
    try:
        _post(session, chain, reason)
    except messages.Error as problem:
        raise _refused(session, chain, problem) from problem


def _post(session: Session, chain: Chain, reason: RevocationReason) -> None:
    leaf = x509.load_der_x509_certificate(chain.ders[0])
    try:
        session.post(session.resources["revokeCert"], messages.Revocation(certificate=leaf, reason=int(reason)))
    except messages.Error as problem:
        if code_of(problem) != "alreadyRevoked":
            raise


def _refused(session: Session, chain: Chain, problem: messages.Error) -> DanelawError:
    """Raises the problem itself where the CA has no time."""
    if session.net.busy:
        raise problem
    leaf = x509.load_der_x509_certificate(chain.ders[0])
    return DanelawError(
        "REVOCATION_REFUSED",
        f"the CA at {session.terms.directory} does not revoke certificate {leaf.serial_number:x}",
        evidence=f"{code_of(problem)}: {detail_of(problem)}",
        hint="the certificate goes on being valid; revoke it at the CA by hand, or with its own key",
    )
