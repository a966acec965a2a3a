"""Validated answers, and what they rest on: every cut, key, digest, signature and denial that was looked at.

Plain data, made by ``core.dnssec.validate``: to be drawn, kept as evidence, or judged again. Whatever has a ``fault``
did not count, and the fault says why; the absence of one means that it did.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from dns.name import Name

from danelaw.core.model.dns import Absence, RRset
from danelaw.core.model.security import Reason, Security
from danelaw.core.model.service import Instant


class Outcome(enum.Enum):
    """What was found of a signature or a digest."""

    VALID = "valid"
    FAILED = "failed"
    NOT_TRIED = "not tried"
    """Another one had proved the matter already."""


@dataclass(frozen=True, slots=True)
class JudgedSignature:
    """One RRSIG (RFC 4034 §3.1). ``inception`` and ``expiration`` are the instants nearest to the validation's."""

    type_covered: int
    algorithm: int
    labels: int
    original_ttl: int
    inception: Instant
    expiration: Instant
    key_tag: int
    signer: Name
    outcome: Outcome
    fault: Reason | None = None


@dataclass(frozen=True, slots=True)
class JudgedRRset:
    """An RRset as ``zone``'s keys authenticate it; the TTL is lowered where that is so (RFC 4035 §5.3.3).

    ``wildcard``: the name that it was expanded from (RFC 4035 §5.3.4). ``malformed_signatures``: RRSIGs that could not
    be read.
    """

    zone: Name
    rrset: RRset
    state: Security
    signatures: tuple[JudgedSignature, ...] = ()
    wildcard: Name | None = None
    reasons: tuple[Reason, ...] = ()
    malformed_signatures: int = 0


@dataclass(frozen=True, slots=True)
class JudgedDigest:
    """One DS record, of the parent's or of a trust anchor (RFC 4034 §5.1), and whether it leads to a key."""

    key_tag: int
    algorithm: int
    digest_type: int
    digest: bytes
    outcome: Outcome
    fault: Reason | None = None


@dataclass(frozen=True, slots=True)
class JudgedKey:
    """One DNSKEY record (RFC 4034 §2.1).

    ``vouched_for``: a DS record or a trust anchor leads to it. ``bits``: the size of the public key, None where it is
    not known. ``fault``: why it may verify nothing.
    """

    rdata: bytes
    flags: int
    algorithm: int
    tag: int
    bits: int | None
    vouched_for: bool
    fault: Reason | None = None


@dataclass(frozen=True, slots=True)
class JudgedDenial:
    """A proof that something is absent: ``how``, and the NSEC or NSEC3 RRsets that it rests on, with the SOA.

    ``opt_out``: it covers a span in which unsigned delegations may be (RFC 5155 §6). ``how`` is empty where nothing was
    proved.
    """

    how: str
    records: tuple[JudgedRRset, ...] = ()
    opt_out: bool = False


@dataclass(frozen=True, slots=True)
class JudgedZone:
    """One zone on the way from the trust anchor, and its cut from the zone above.

    ``parent`` is None at the trust anchor, where ``digests`` are the anchor's. ``ds`` is the parent's DS RRset, or
    ``denial`` the proof that it has none. ``state``: SECURE when the keys are authenticated; else ``reasons`` say what
    broke, and at an unsigned delegation nothing below is looked at.
    """

    name: Name
    parent: Name | None
    state: Security
    ds: JudgedRRset | None = None
    digests: tuple[JudgedDigest, ...] = ()
    denial: JudgedDenial | None = None
    dnskey: JudgedRRset | None = None
    keys: tuple[JudgedKey, ...] = ()
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class JudgedLink:
    """One link of the answer: an RRset, a CNAME or DNAME that leads ``onward``, or the denial of what was asked.

    ``zone``: where it was judged; None where that could not be told. ``synthesized``: the CNAME made of a DNAME
    (RFC 6672 §5.3.1), which is not signed itself; ``rrset`` is then the DNAME.
    """

    name: Name
    type: int
    state: Security
    zone: Name | None = None
    rrset: JudgedRRset | None = None
    denial: JudgedDenial | None = None
    synthesized: RRset | None = None
    onward: Name | None = None
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """``zones``: parents before children; ``links``: as the answer follows them. ``now``: when it was judged."""

    now: Instant
    zones: tuple[JudgedZone, ...] = ()
    links: tuple[JudgedLink, ...] = ()

    def zone(self, name: Name) -> JudgedZone | None:
        return next((zone for zone in self.zones if zone.name == name), None)


@dataclass(frozen=True, slots=True)
class Validated:
    """An answer with our own verdict on it.

    ``rrsets``: the links of a CNAME chain in order, the asked RRset last; empty where it is absent.
    ``absence``: the denial, where there is one. ``reasons`` explain the state; ``notes`` list what was wrong and not
    decisive. ``proof``: all that the validation looked at.
    """

    name: Name
    type: int
    state: Security
    rrsets: tuple[RRset, ...] = ()
    absence: Absence | None = None
    reasons: tuple[Reason, ...] = ()
    notes: tuple[Reason, ...] = ()
    proof: Proof | None = field(default=None, repr=False, compare=False)

    @property
    def rrset(self) -> RRset | None:
        """The asked RRset, if it is there."""
        if self.rrsets and self.rrsets[-1].type == self.type:
            return self.rrsets[-1]
        return None
