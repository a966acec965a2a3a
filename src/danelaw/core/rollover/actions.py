"""What Danelaw may do, as values: the planner proposes one, the gate judges it, the engine hands it to a port."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from dns.name import Name

from danelaw.core.model import (
    Advance,
    Answer,
    Chain,
    Challenge,
    GenerationId,
    HostName,
    Lineage,
    OrderState,
    RevocationReason,
)


@dataclass(frozen=True, slots=True)
class MakeZoneKeys:
    """A KSK and a ZSK for a zone that has none. ``algorithm``: as of ``MakeZoneKey``; None: the usual one."""

    zone: Name
    algorithm: int | None = None


@dataclass(frozen=True, slots=True)
class MakeZoneKey:
    """One more key for a zone that has some, with the SEP flag or without. It is neither published nor signs yet.

    ``algorithm`` is a number of the IANA's registry (``core.dnssec.algorithms``).
    """

    zone: Name
    sep: bool
    algorithm: int


@dataclass(frozen=True, slots=True)
class SignZone:
    """Sign the zone, so that its DNSKEY RRset holds exactly ``keys`` (DNSKEY rdata).

    ``signing``: the keys that sign it, None: all of ``keys``. One that is not published signs all but the keys: so the
    signatures of an algorithm come before its keys, and outlast them (RFC 6781 §4.1.4).
    """

    zone: Name
    keys: frozenset[bytes]
    signing: frozenset[bytes] | None = None

    @classmethod
    def by(cls, zone: Name, keys: frozenset[bytes], signing: frozenset[bytes]) -> SignZone:
        """The same signing is always the same value."""
        return cls(zone, keys, None if signing == keys else signing)

    @property
    def signers(self) -> frozenset[bytes]:
        return self.keys if self.signing is None else self.signing


@dataclass(frozen=True, slots=True)
class DestroyZoneKey:
    """Destroy a zone key (DNSKEY rdata) whose signatures and DS nobody can need any more."""

    zone: Name
    key: bytes


@dataclass(frozen=True, slots=True)
class SubmitDS:
    """Hand the DS RRset of ``zone`` to the parent, replacing ``expect``."""

    zone: Name
    expect: Answer
    replace: Answer


@dataclass(frozen=True, slots=True)
class Publish:
    """Replace one RRset of a zone by compare-and-swap: nothing happens unless the primary holds ``expect``.

    Both answers have the same owner and type; ``replace`` may be an ``Absence``, and then the RRset is removed.
    """

    zone: Name
    expect: Answer
    replace: Answer


@dataclass(frozen=True, slots=True)
class MakeKey:
    """A new generation that has a key and no certificate yet."""

    lineage: Lineage


@dataclass(frozen=True, slots=True)
class ReuseKey:
    """A new generation with the key of another one, and no certificate yet: a renewal that changes no record."""

    lineage: Lineage
    generation: GenerationId


@dataclass(frozen=True, slots=True)
class AdvanceOrder:
    """One step of the order for a generation's certificate; the certificate is stored when it comes."""

    lineage: Lineage
    generation: GenerationId
    order: OrderState


@dataclass(frozen=True, slots=True)
class PlaceChallenge:
    """Put an http-01 response where the CA looks for it. (dns-01 is a ``Publish``.)"""

    lineage: Lineage
    generation: GenerationId
    challenge: Challenge


@dataclass(frozen=True, slots=True)
class ClearChallenge:
    """Take an http-01 response away again."""

    lineage: Lineage
    generation: GenerationId
    challenge: Challenge


@dataclass(frozen=True, slots=True)
class Switch:
    """Put a generation on a host's serving path and reload the server. ``chain`` is what it will present."""

    lineage: Lineage
    host: HostName
    generation: GenerationId
    chain: Chain


@dataclass(frozen=True, slots=True)
class Retire:
    """Take what lies on a host's serving path for a lineage away, for no server presents it any more."""

    lineage: Lineage
    host: HostName


@dataclass(frozen=True, slots=True)
class Revoke:
    """Have the CA revoke a generation's certificate, which no server presents any more.

    ``ca``: which one issued it, as ``OrderState.issuer`` says; None: that is not known.
    """

    lineage: Lineage
    generation: GenerationId
    chain: Chain
    reason: RevocationReason
    ca: str | None = None


@dataclass(frozen=True, slots=True)
class DestroyKey:
    """Destroy a private key that no client can need any more."""

    lineage: Lineage
    generation: GenerationId


Action: TypeAlias = (
    MakeZoneKeys
    | MakeZoneKey
    | SignZone
    | DestroyZoneKey
    | SubmitDS
    | Publish
    | MakeKey
    | ReuseKey
    | AdvanceOrder
    | PlaceChallenge
    | ClearChallenge
    | Switch
    | Retire
    | Revoke
    | DestroyKey
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """It was accepted. ``serial``: the zone's SOA serial with the change in it, where the port knows it."""

    serial: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Nothing was changed: the precondition did not hold, and ``found`` is there instead."""

    found: Answer


@dataclass(frozen=True, slots=True)
class Failure:
    """It was tried and may have taken effect or not: the gate counts with both."""

    code: str
    message: str
    hint: str = ""


Outcome: TypeAlias = Receipt | Conflict | Failure | Advance
