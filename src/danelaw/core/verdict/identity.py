"""What the clients of an endpoint know of it beforehand: which names they check, and whether they look for TLSA."""

from __future__ import annotations

import enum

from danelaw.core.model import APPLICATIONS, Evidence, Lookup, Security, Validated
from danelaw.core.tlsa import Reference


class PassedOver(enum.Enum):
    """Why clients of an endpoint do not ask for its TLSA records, whatever those would say."""

    ADDRESSES = "its addresses are not signed"
    SERVICE = "the records that name it are not signed"


def reference_of(evidence: Evidence, roots: tuple[bytes, ...], lookup: Validated | None = None) -> Reference:
    """The names that a certificate may bear, the TLSA base domain first. ``lookup``: the MX or SRV answer, if any.

    A host's clients know it by the base domain and by its own name (RFC 7671 §7). Behind a secure MX they know the
    next-hop domain too, and what that is an alias of; behind an insecure one, the MX host alone (RFC 7672 §3.2.2).
    Behind SRV the service domain counts beside the host (RFC 7673 §4). ``roots``: what clients that do PKIX trust,
    certificates in DER.
    """
    opportunistic = _opportunistic(evidence)
    secure = evidence.service_state is Security.SECURE
    names = [evidence.base]
    if not opportunistic or evidence.service is None:
        names.append(evidence.endpoint.host)
    if evidence.service is not None and (secure or not opportunistic):
        names.append(evidence.service)
        if secure and opportunistic and lookup is not None and lookup.rrset is not None:
            names.append(lookup.rrset.owner)
    distinct = tuple(dict.fromkeys(name.canonicalize() for name in names))
    return Reference(distinct, roots, opportunistic=opportunistic, smtp_or_srv=opportunistic or by_srv(evidence))


def passed_over(evidence: Evidence) -> PassedOver | None:
    """Why clients do not ask for TLSA; None if they do.

    Of SMTP: the host's own zone is not signed, be it that its addresses lie elsewhere (RFC 7672 §2.2.2). Behind SRV:
    no address answer is signed (RFC 7673 §3.2), or the SRV records are not (RFC 7673 §3.1).
    """
    if _opportunistic(evidence):
        return PassedOver.ADDRESSES if evidence.initial is Security.INSECURE else None
    if not by_srv(evidence):
        return None
    if evidence.service_state is Security.INSECURE and evidence.service != evidence.endpoint.host:
        return PassedOver.SERVICE
    found = [answer for answer in (evidence.a, evidence.aaaa) if answer.rrset is not None]
    insecure = bool(found) and all(answer.state is Security.INSECURE for answer in found)
    return PassedOver.ADDRESSES if insecure else None


def by_srv(evidence: Evidence) -> bool:
    """Whether SRV records named the host."""
    application = APPLICATIONS.get(evidence.application)
    return evidence.service is not None and application is not None and application.lookup is Lookup.SRV


def _opportunistic(evidence: Evidence) -> bool:
    application = APPLICATIONS.get(evidence.application)
    return application is not None and application.opportunistic
