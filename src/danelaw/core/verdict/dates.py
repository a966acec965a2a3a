"""The dates of certificates, and which clients mind them."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from danelaw.core.model.length import in_words
from danelaw.core.tlsa import CertificateUsage
from danelaw.core.tlsa.paths import pkix_paths
from danelaw.core.verdict.case import Case, View

EXPIRY_NOTICE: Final = timedelta(days=14)
_SECOND: Final = timedelta(seconds=1)
_LAST_PART: Final = 4
"""A short-lived certificate is reported in the last quarter of its life: by then a renewal is late."""


def ends(view: View, notice: timedelta | None) -> str | None:
    """``ends in 10 days, at …`` for a certificate that ends within the notice, or has ended; else None.

    Who names no notice is told in time for the certificate's own length of life.
    """
    leaf = view.leaf
    if leaf is None:
        return None
    validity = leaf.validity
    left = validity.end - view.at
    if left > (notice if notice is not None else min(EXPIRY_NOTICE, (validity.end - validity.start) / _LAST_PART)):
        return None
    when = f"{validity.end - _SECOND:%Y-%m-%d %H:%M:%S} UTC"  # as the certificate says it
    return f"has been out of date since {when}" if left <= timedelta(0) else f"ends in {in_words(left)}, at {when}"


def minds_dates(case: Case) -> bool:
    """Whether some client refuses a certificate that is out of date.

    Under every usage but DANE-EE all do (RFC 7671 §5.1). Of a service with DANE-EE alone those do that know no DANE, if
    they ever accepted it: not mail servers, which take any certificate then, and nobody where no CA of theirs stands
    behind it.
    """
    if not case.usable or any(record.combination.usage != CertificateUsage.DANE_EE for record in case.usable):
        return True
    if case.reference.opportunistic:
        return False
    names, roots = (case.evidence.endpoint.host,), case.reference.roots
    return not roots or any(
        pkix_paths(view.handshake.chain, names, roots).found for view in case.views if view.leaf is not None
    )
