"""Signatures and the links between zones. The cryptography is dnspython's; what it means is decided here."""

from __future__ import annotations

import hmac
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, cast

import dns.dnssec
import dns.exception
import dns.node
import dns.rdata
import dns.rdataset
import dns.rdatatype
from dns.dnssectypes import Algorithm, DSDigest
from dns.name import Name
from dns.rdatatype import DNSKEY
from dns.rdtypes.ANY.DNSKEY import DNSKEY as Key  # noqa: N811  # the rdata's class; the type's number has its name

from danelaw.worlds.lab.crowd.reasons import Reason, RefusedError
from danelaw.worlds.lab.crowd.wire import Records

ALGORITHMS: Final = frozenset(
    {Algorithm.RSASHA256, Algorithm.RSASHA512, Algorithm.ECDSAP256SHA256, Algorithm.ECDSAP384SHA384, Algorithm.ED25519}
)
"""What every client here can verify. A zone with none of these is insecure (RFC 4035 §5.2)."""
DIGESTS: Final = frozenset({DSDigest.SHA256, DSDigest.SHA384})
ZONE_KEY, REVOKED = 0x0100, 0x0080
MAX_TRIALS: Final = 16
"""Signatures tried for one RRset: a flood of them is no reason to compute (CVE-2023-50387)."""


@dataclass(frozen=True, slots=True)
class Verified:
    """``ttl``: how long it may be held; ``life``: seconds until the signature expires; ``labels``: the RRSIG's."""

    ttl: int
    life: float
    labels: int


def verify(records: Records, zone: Name, keys: Sequence[Key], now: float) -> Verified:
    """One good signature by a key of ``zone`` over ``records`` (RFC 4035 §5.3). ``now``: seconds since the epoch.

    Raises RefusedError with the most telling reason.
    """
    if not records.sigs:
        raise RefusedError(Reason.SIGNATURE_MISSING, f"{records} is unsigned in the signed zone {zone}")
    rdataset = dns.rdataset.from_rdata_list(records.ttl, list(records.rdatas))
    held: dict[Name, dns.node.Node | dns.rdataset.Rdataset] = {zone: dns.rdataset.from_rdata_list(0, list(keys))}
    failure = RefusedError(Reason.BOGUS_SIGNATURE, f"{records}: no RRSIG is by {zone}")
    for sig in records.sigs[:MAX_TRIALS]:
        if sig.signer != zone or sig.labels > _labels(records.owner):
            continue
        if sig.expiration < now:
            failure = RefusedError(Reason.SIGNATURE_EXPIRED, f"{records}: expired {now - sig.expiration:.0f} s ago")
            continue
        if sig.inception > now:
            failure = RefusedError(Reason.SIGNATURE_EARLY, f"{records}: valid in {sig.inception - now:.0f} s")
            continue
        try:
            dns.dnssec.validate_rrsig((records.owner, rdataset), sig, held, now=now)
        except (dns.exception.ValidationFailure, dns.exception.UnsupportedAlgorithm) as error:
            tags = ", ".join(str(dns.dnssec.key_id(key)) for key in keys)
            failure = RefusedError(
                Reason.BOGUS_SIGNATURE, f"{records}: RRSIG by key {sig.key_tag}: {error} (keys held: {tags})"
            )
            continue
        life = sig.expiration - now
        return Verified(int(min(records.ttl, sig.original_ttl, life)), life, sig.labels)
    raise failure


def is_expanded(owner: Name, verified: Verified) -> bool:
    """Whether the records were made from a wildcard (RFC 4035 §5.3.4)."""
    return verified.labels < _labels(owner)


def _labels(owner: Name) -> int:
    return len(owner) - 1 - int(owner.is_wild())


def entry_keys(zone: Name, found: Iterable[dns.rdata.Rdata], anchors: Iterable[dns.rdata.Rdata]) -> list[Key]:
    """Those of a zone's DNSKEYs that its DS records, or trust anchors in DNSKEY form, vouch for.

    Zone keys that are not revoked only (RFC 4034 §2.1.1, RFC 5011 §2.1). Raises RefusedError if there are none.
    """
    keys = [cast(Key, key) for key in found]
    usable = [key for key in keys if key.flags & ZONE_KEY and not key.flags & REVOKED]
    vouched = [key for key in usable if any(_vouches(anchor, zone, key) for anchor in anchors)]
    if vouched:
        return vouched
    wanted = ", ".join(str(_tag(anchor)) for anchor in anchors)
    tags = ", ".join(str(dns.dnssec.key_id(key)) for key in keys)
    raise RefusedError(Reason.DS_MISMATCH, f"{zone} DNSKEY: the DS asks for key {wanted}; served: {tags}")


def _vouches(anchor: dns.rdata.Rdata, zone: Name, key: Key) -> bool:
    if anchor.rdtype == DNSKEY:
        return anchor.to_wire() == key.to_wire()
    tag, algorithm, digest_type, digest = read_ds(anchor)
    if tag != dns.dnssec.key_id(key) or algorithm != key.algorithm or digest_type not in DIGESTS:
        return False
    made = dns.dnssec.make_ds(zone, key, DSDigest.make(digest_type), validating=True)
    return hmac.compare_digest(made.digest, digest)


def _tag(anchor: dns.rdata.Rdata) -> int:
    return dns.dnssec.key_id(cast(Key, anchor)) if anchor.rdtype == DNSKEY else read_ds(anchor)[0]


def read_ds(rdata: dns.rdata.Rdata) -> tuple[int, int, int, bytes]:
    """Key tag, algorithm, digest type and digest (RFC 4034 §5.1). One that is too short names nothing known."""
    wire = rdata.to_wire() or b""
    if len(wire) < 5:
        return 0, 0, 0, b""
    tag, algorithm, digest_type = struct.unpack("!HBB", wire[:4])
    return tag, algorithm, digest_type, wire[4:]


def supported(anchors: Iterable[dns.rdata.Rdata]) -> tuple[dns.rdata.Rdata, ...]:
    """The DS records that a client can use. If none is, the child zone is insecure (RFC 4035 §5.2)."""
    return tuple(ds for ds in anchors if read_ds(ds)[1] in ALGORITHMS and read_ds(ds)[2] in DIGESTS)
