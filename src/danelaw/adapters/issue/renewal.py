"""Renewal information (RFC 9773): which certificate is meant, and when its CA would like to see it renewed."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

from acme import errors as acme_errors
from acme import messages
from cryptography import x509

from danelaw.adapters.issue.session import Session
from danelaw.adapters.issue.transport import json_object
from danelaw.core.model import Chain, DanelawError, Window


def renewal_window(session: Session, chain: Chain) -> Window | None:
    """What the CA suggests; None where it suggests nothing. Raises ``DanelawError("RENEWAL_INFO_UNAVAILABLE")``."""
    resources = session.resources.to_partial_json()
    identifier = certificate_id(chain)
    if identifier is None or "renewalInfo" not in resources:
        return None
    try:
        reply = session.net.get(f"{str(resources['renewalInfo']).rstrip('/')}/{identifier}")
    except (messages.Error, acme_errors.ClientError) as refusal:
        if session.net.last is not None and session.net.last.status_code == 404:
            return None
        raise DanelawError(
            "RENEWAL_INFO_UNAVAILABLE",
            f"the CA at {session.terms.directory} gives no renewal information now",
            evidence=str(refusal),
            hint="it is asked again at the next pass; renewal goes by the certificate's dates meanwhile",
        ) from refusal
    return window_from_json(json_object(reply))


def window_from_json(told: Any) -> Window | None:
    """The ``suggestedWindow`` of a RenewalInfo object (RFC 9773 §4.2); None where it makes no sense."""
    match told:
        case {"suggestedWindow": {"start": str(start), "end": str(end)}}:
            try:
                window = Window(datetime.fromisoformat(start), datetime.fromisoformat(end))
            except ValueError:
                return None
        case _:
            return None
    if window.start.tzinfo is None or window.end.tzinfo is None:
        return None
    return window if window.start < window.end else None


def certificate_id(chain: Chain) -> str | None:
    """The leaf's identifier: authority key identifier, dot, serial number (RFC 9773 §4.1); None without the former."""
    leaf = x509.load_der_x509_certificate(chain.ders[0])
    try:
        authority = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        return None
    if authority is None:
        return None
    # The content octets of a DER INTEGER: one more where the top bit is set.
    serial = leaf.serial_number.to_bytes(leaf.serial_number.bit_length() // 8 + 1, "big")
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode("ascii") for part in (authority, serial))
