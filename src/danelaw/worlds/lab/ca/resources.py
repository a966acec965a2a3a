"""What the CA keeps: accounts, orders, authorizations, challenges, certificates (RFC 8555 §7.1)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from cryptography import x509

from danelaw.worlds.lab.ca.jws import AccountKey, b64encode
from danelaw.worlds.lab.ca.problem import Problem


class Status(StrEnum):
    """States of every kind of resource (RFC 8555 §7.1.6)."""

    PENDING = "pending"
    READY = "ready"
    PROCESSING = "processing"
    VALID = "valid"
    INVALID = "invalid"
    DEACTIVATED = "deactivated"
    EXPIRED = "expired"


@dataclass(slots=True)
class Account:
    """RFC 8555 §7.1.2."""

    url: str
    key: AccountKey
    contact: list[str]
    status: Status = Status.VALID

    def to_json(self) -> dict[str, Any]:
        return {"status": self.status, "contact": self.contact, "orders": f"{self.url}/orders"}


@dataclass(slots=True)
class Challenge:
    """RFC 8555 §8. ``token`` has 256 random bits."""

    url: str
    type: str
    token: str
    status: Status = Status.PENDING
    validated: datetime | None = None
    error: Problem | None = None

    def to_json(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"type": self.type, "url": self.url, "token": self.token, "status": self.status}
        if self.validated is not None:
            shown["validated"] = timestamp(self.validated)
        if self.error is not None:
            shown["error"] = self.error.to_json()
        return shown


@dataclass(slots=True)
class Authorization:
    """RFC 8555 §7.1.4. ``name`` has no ``*.``: ``wildcard`` says whether it was asked for."""

    url: str
    account: Account
    name: str
    wildcard: bool
    expires: datetime
    challenges: list[Challenge]
    status: Status = Status.PENDING

    def state(self, now: datetime) -> Status:
        return Status.EXPIRED if now >= self.expires and self.status is not Status.INVALID else self.status

    def to_json(self, now: datetime) -> dict[str, Any]:
        status = self.state(now)
        # A decided authorization shows only the challenge that decided it (RFC 8555 §7.1.4).
        told = [c for c in self.challenges if status is Status.PENDING or c.status is not Status.PENDING]
        shown: dict[str, Any] = {
            "identifier": {"type": "dns", "value": self.name},
            "status": status,
            "expires": timestamp(self.expires),
            "challenges": [challenge.to_json() for challenge in told],
        }
        if self.wildcard:
            shown["wildcard"] = True
        return shown


@dataclass(slots=True)
class Certificate:
    """An issued certificate. ``issued`` is the instant of signing; notBefore lies before it."""

    url: str
    account: Account
    certificate: x509.Certificate
    pem: bytes
    issued: datetime
    revoked: bool = False

    @property
    def names(self) -> frozenset[str]:
        san = self.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return frozenset(san.value.get_values_for_type(x509.DNSName))


@dataclass(slots=True)
class Order:
    """RFC 8555 §7.1.3; ``replaces`` RFC 9773 §5; ``profile`` draft-ietf-acme-profiles."""

    url: str
    account: Account
    names: tuple[str, ...]
    profile: str
    replaces: str | None
    expires: datetime
    authorizations: list[Authorization]
    finalizing: bool = False
    certificate: Certificate | None = None
    error: Problem | None = None

    def state(self, now: datetime) -> Status:
        """Where the order stands: a function of what belongs to it (RFC 8555 §7.1.6)."""
        if self.certificate is not None:
            return Status.VALID
        if self.error is not None:
            return Status.INVALID
        if self.finalizing:
            return Status.PROCESSING
        states = {authorization.state(now) for authorization in self.authorizations}
        if states == {Status.VALID}:
            return Status.READY
        return Status.PENDING if states <= {Status.VALID, Status.PENDING} else Status.INVALID

    def to_json(self, now: datetime) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "status": self.state(now),
            "expires": timestamp(self.expires),
            "identifiers": [{"type": "dns", "value": name} for name in self.names],
            "profile": self.profile,
            "authorizations": [authorization.url for authorization in self.authorizations],
            "finalize": f"{self.url}/finalize",
        }
        if self.replaces is not None:
            shown["replaces"] = self.replaces
        if self.error is not None:
            shown["error"] = self.error.to_json()
        if self.certificate is not None:
            shown["certificate"] = self.certificate.url
        return shown


@dataclass(slots=True)
class Ledger:
    """Everything that exists, by URL below ``base``; certificates also by their ARI identifier."""

    base: str = ""
    accounts: dict[str, Account] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    authorizations: dict[str, Authorization] = field(default_factory=dict)
    challenges: dict[str, tuple[Authorization, Challenge]] = field(default_factory=dict)
    certificates: dict[str, Certificate] = field(default_factory=dict)

    def new_url(self, kind: str) -> str:
        """A URL for one more resource, not to be guessed."""
        return f"{self.base}/{kind}/{b64encode(secrets.token_bytes(9))}"

    def account_of(self, key: AccountKey) -> Account | None:
        return next((a for a in self.accounts.values() if a.key.thumbprint == key.thumbprint), None)

    def certificate_by_id(self, identifier: str) -> Certificate | None:
        return next((c for c in self.certificates.values() if certificate_id(c.certificate) == identifier), None)

    def replaced(self, identifier: str, now: datetime) -> bool:
        """Whether an order that is not invalid already replaces this certificate (RFC 9773 §5)."""
        return any(o.replaces == identifier and o.state(now) is not Status.INVALID for o in self.orders.values())


def certificate_id(certificate: x509.Certificate) -> str:
    """The identifier of a certificate for renewal information: key identifier, dot, serial (RFC 9773 §4.1)."""
    authority = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    serial = certificate.serial_number
    content = serial.to_bytes(serial.bit_length() // 8 + 1, "big")  # DER: one more octet where the top bit is set
    return f"{b64encode(authority or b'')}.{b64encode(content)}"


def timestamp(when: datetime, precision: str = "seconds") -> str:
    """RFC 3339, UTC; ``precision`` as ``datetime.isoformat`` has it."""
    return when.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def default_window(certificate: Certificate) -> tuple[datetime, datetime]:
    """The suggested window of a certificate: two thirds into its life, for a twenty-fourth of it."""
    begin, end = certificate.issued, certificate.certificate.not_valid_after_utc
    start = begin + (end - begin) * 2 / 3
    return start, max(start + (end - begin) / 24, start + timedelta(seconds=1))
