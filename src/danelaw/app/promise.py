"""Whether the services of a configuration can be kept as it asks: before anything is done for them."""

from __future__ import annotations

from datetime import timedelta

from danelaw.app.config import Config
from danelaw.app.issuer_sections import AcmeConfig, IssuerConfig, SelfSignedConfig
from danelaw.app.service_sections import ServiceConfig
from danelaw.core.model import DanelawError
from danelaw.core.rollover.feasibility import Infeasible, Terms, announced_lifetime, backdated, feasible, told
from danelaw.core.tlsa import CertificateUsage, Selector


def terms_of(service: ServiceConfig, config: Config) -> Terms:
    """What a service is configured with. How long its certificates live is configured, or what its CA announced."""
    issuer = config.issuers[service.issuer]
    lifetime = issuer.lifetime or _announced(issuer)
    spent = backdated(lifetime) if lifetime is not None else timedelta(0)
    if lifetime is not None and isinstance(issuer, SelfSignedConfig):
        lifetime += spent  # ours are told from their issue, a CA's from their first instant
    return Terms(
        service.strategy,
        config.limits,
        service.tlsa_ttl,
        lifetime,
        config.back_off,
        full=any(c.selector == Selector.CERT and c.usage in (1, 3) for c in service.combinations),
        ta=any(c.usage in (CertificateUsage.PKIX_TA, CertificateUsage.DANE_TA) for c in service.combinations),
        spent=spent,
    )


def _announced(issuer: IssuerConfig) -> timedelta | None:
    return announced_lifetime(issuer.directory, issuer.profile) if isinstance(issuer, AcmeConfig) else None


def require_feasible(config: Config) -> None:
    """Raises ``DanelawError("CONFIG_INFEASIBLE")`` for the first service whose steps do not fit in, with numbers."""
    for service in config.services:
        terms = terms_of(service, config)
        verdict = feasible(terms)
        if isinstance(verdict, Infeasible):
            lifetime = f"; certificates live for {told(terms.lifetime)}" if terms.lifetime is not None else ""
            raise DanelawError(
                "CONFIG_INFEASIBLE",
                f"{service.subject} cannot be kept as it is configured: {verdict.why}",
                evidence=f"{verdict.numbers}{lifetime}",
                hint=verdict.remedy,
            )
