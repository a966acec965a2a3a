"""A certificate order as stored between two passes (RFC 8555 §7.1.3): resumable, so that nothing sleeps."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TypeAlias

from dns.name import Name

from danelaw.core.model.service import Chain, Instant


class ChallengeType(enum.Enum):
    """Ways to prove control of a name (RFC 8555 §8)."""

    HTTP_01 = "http-01"
    DNS_01 = "dns-01"


class RevocationReason(enum.IntEnum):
    """Why a certificate is revoked, of the CRLReasons those that a subscriber may give (RFC 5280 §5.3.1)."""

    UNSPECIFIED = 0
    KEY_COMPROMISE = 1
    AFFILIATION_CHANGED = 3
    SUPERSEDED = 4
    CESSATION_OF_OPERATION = 5


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge to be placed.

    ``response`` is what must be found: the key authorization for http-01 (RFC 8555 §8.3), the TXT value for dns-01
    (§8.4). ``url`` names the challenge at the CA.
    """

    url: str
    type: ChallengeType
    identifier: Name
    token: str
    response: str


@dataclass(frozen=True, slots=True)
class OrderState:
    """Where an order stands. ``url``: None until the CA has it. ``placed``: challenges that wait for the CA's look.

    ``replaces``: the certificate that this order renews (RFC 9773 §5). ``failed``: how many before it failed in a row.
    ``issuer``: which CA it is placed at; None: at the only one there ever was. ``since``: from when on the CA has been
    at work on what was last asked of it; None: it was asked for nothing, or was not to be asked meanwhile.
    """

    names: tuple[Name, ...]
    profile: str | None = None
    url: str | None = None
    replaces: Chain | None = None
    placed: frozenset[str] = frozenset()
    failed: int = 0
    issuer: str | None = None
    since: Instant | None = None


@dataclass(frozen=True, slots=True)
class NeedChallenge:
    """Place these, then advance the order with their URLs in ``placed``."""

    order: OrderState
    challenges: tuple[Challenge, ...]


@dataclass(frozen=True, slots=True)
class Pending:
    """The CA is at work, or in ``trouble``, in its words. Ask again at ``until`` (its Retry-After, or a default)."""

    order: OrderState
    until: Instant
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Issued:
    order: OrderState
    chain: Chain


@dataclass(frozen=True, slots=True)
class Failed:
    """The order is over. ``code`` is the ACME problem type's last part, e.g. ``unauthorized``; a new order may be
    placed at ``retry_at``."""

    order: OrderState
    code: str
    detail: str
    retry_at: Instant


Advance: TypeAlias = NeedChallenge | Pending | Issued | Failed
