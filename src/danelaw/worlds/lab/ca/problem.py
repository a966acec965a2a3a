"""Problem documents: how an ACME server refuses (RFC 8555 §6.7, RFC 7807)."""

from __future__ import annotations

from typing import Any, Final

NAMESPACE: Final = "urn:ietf:params:acme:error:"

STATUS: Final = {
    "accountDoesNotExist": 400,
    "alreadyReplaced": 409,
    "alreadyRevoked": 400,
    "badCSR": 400,
    "badNonce": 400,
    "badPublicKey": 400,
    "badRevocationReason": 400,
    "badSignatureAlgorithm": 400,
    "caa": 403,
    "connection": 400,
    "dns": 400,
    "externalAccountRequired": 403,
    "invalidContact": 400,
    "invalidProfile": 400,
    "malformed": 400,
    "orderNotReady": 403,
    "rateLimited": 429,
    "rejectedIdentifier": 400,
    "serverInternal": 500,
    "tls": 400,
    "unauthorized": 403,
    "unsupportedContact": 400,
    "unsupportedIdentifier": 400,
    "userActionRequired": 403,
}
"""Problem types with the HTTP status each goes with here: RFC 8555 §6.7, ``alreadyReplaced`` from RFC 9773 §5,
``invalidProfile`` from draft-ietf-acme-profiles. Types of features that this CA lacks are left out."""


class Problem(Exception):  # noqa: N818 - RFC 8555 calls it a problem
    """A refusal. ``code`` is the last part of the problem type; ``retry_after`` is in seconds."""

    def __init__(
        self, code: str, detail: str, *, status: int | None = None, retry_after: int | None = None, **extra: object
    ) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.status = STATUS[code] if status is None else status
        self.retry_after = retry_after
        self.extra = extra

    def to_json(self) -> dict[str, Any]:
        return {"type": NAMESPACE + self.code, "detail": self.detail, "status": self.status, **self.extra}
