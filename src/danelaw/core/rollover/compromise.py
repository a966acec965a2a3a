"""What an emergency asks for beside another key: that nobody believes the certificates of the old one any more.

Clients that know no DANE go by these until they end, whoever presents them. They are revoked as soon as no server
presents them, and only then is their key destroyed: what is not there any more is revoked by nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from danelaw.core.model import CredentialFacts, RevocationReason
from danelaw.core.rollover.actions import Failure, Revoke
from danelaw.core.rollover.gate import Allowed
from danelaw.core.rollover.plans import Outlook, Plan, refused_wait
from danelaw.core.rollover.revocation import issued_by
from danelaw.core.rollover.succession import Key
from danelaw.core.tlsa.credential import leaf_validity

SELDOM: Final = timedelta(days=1)
"""A CA that does not revoke a certificate is asked again that often at least."""


def unrevoked(compromised: Iterable[Key], outlook: Outlook) -> tuple[CredentialFacts, ...]:
    """The generations of keys that are not to be trusted whose certificates are valid still."""
    found = []
    for generation in (generation for key in compromised for generation in key.generations):
        validity = leaf_validity(generation.chain) if generation.chain is not None else None
        if validity is not None and validity.end > outlook.now and not outlook.accepted(_revoking(generation, outlook)):
            found.append(generation)
    return tuple(found)


def revoking(compromised: Iterable[Key], outlook: Outlook) -> Iterable[Plan]:
    """Have each certificate revoked. That holds nothing else up, but the end of its key."""
    for generation in unrevoked(compromised, outlook):
        yield _step(generation, outlook)


def _step(generation: CredentialFacts, outlook: Outlook) -> Plan:
    revoke, which = _revoking(generation, outlook), f"the certificate of generation {generation.generation}"
    failed = [
        (deed.done, deed.outcome)
        for deed in outlook.facts.deeds
        if deed.action == revoke and deed.done is not None and isinstance(deed.outcome, Failure)
    ]
    if failed:
        last, outcome = failed[-1]
        doubled: timedelta = outlook.limits.in_flight * 2 ** min(len(failed) - 1, 20)
        again = last + min(doubled, SELDOM)
        if outlook.now < again:
            why = f"{which} is not revoked: {outcome.message}"
            return outlook.wait("REVOCATION_FAILED", why, failed[0][0], again)
    judgement = outlook.judge(revoke)
    if isinstance(judgement, Allowed):
        return revoke
    kept = refused_wait(judgement, outlook.now)
    return outlook.wait("NOT_REVOKED", f"{which} is not revoked yet: {kept.because}", until=kept.until)


def _revoking(generation: CredentialFacts, outlook: Outlook) -> Revoke:
    assert generation.chain is not None  # noqa: S101 - for mypy
    reason = RevocationReason.KEY_COMPROMISE
    ca = issued_by(generation, outlook.facts)
    return Revoke(generation.lineage, generation.generation, generation.chain, reason, ca)
