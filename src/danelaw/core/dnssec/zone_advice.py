"""What of a signed zone is allowed, and yet serves nobody well: advice, not faults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.keys import DNSKEY
from danelaw.core.dnssec.nsec3_chain import NSEC3Chain
from danelaw.core.dnssec.rrsig import RRSIG, MalformedSignatureError
from danelaw.core.dnssec.signing_keys import SigningKeys
from danelaw.core.model import Reason, RRset
from danelaw.core.model.length import in_words

_SHORT_EXPIRE: Final = timedelta(weeks=1)
"""An outage of the primary over some holidays is longer than this."""
_LONG_MINIMUM: Final = timedelta(hours=3)
"""RFC 2308 §5: one to three hours work well."""


@dataclass(frozen=True, slots=True)
class SOATimers:
    """The intervals in a SOA record (RFC 1035 §3.3.13)."""

    refresh: timedelta
    retry: timedelta
    expire: timedelta
    minimum: timedelta

    @classmethod
    def of(cls, soa: RRset) -> SOATimers:
        """Of a SOA RRset of one record."""
        (rdata,) = soa.rdatas
        return cls(
            *(timedelta(seconds=int.from_bytes(rdata[at : at + 4])) for at in range(len(rdata) - 16, len(rdata), 4))
        )


def zone_advice(
    soa: RRset, longest_ttl: timedelta, validity: timedelta, nsec3: NSEC3Chain | None = None
) -> Iterator[Reason]:
    """Codes: SOA_EXPIRE_SHORT, SOA_EXPIRE_LONG, NEGATIVE_TTL_LONG, TTL_LONG, NSEC3_COSTLY.

    ``validity``: how long the signatures are valid when they are new.
    """
    timers, blamed = SOATimers.of(soa), f"{soa.owner} SOA"
    negative, expire = min(timers.minimum, timedelta(seconds=soa.ttl)), in_words(timers.expire)
    if timers.expire < _SHORT_EXPIRE or timers.expire < timers.refresh + timers.retry:
        said = f"EXPIRE is {expire}: secondaries that cannot reach the primary for so long stop answering"
        yield Reason("SOA_EXPIRE_SHORT", "RFC 1912 §2.2", blamed, said)
    if timers.expire + longest_ttl >= validity:
        said = f"EXPIRE is {expire}: a secondary cut off for so long would serve signatures that have expired"
        yield Reason("SOA_EXPIRE_LONG", "RFC 6781 §4.4.1", blamed, said)
    if negative > _LONG_MINIMUM:
        said = f"what is added is not seen for up to {in_words(negative)} by whoever asked before"
        yield Reason("NEGATIVE_TTL_LONG", "RFC 2308 §5", blamed, said)
    if longest_ttl >= validity:
        said = f"a TTL of {in_words(longest_ttl)} outlives every signature"
        yield Reason("TTL_LONG", "RFC 6781 §4.4.1", str(soa.owner), said)
    if nsec3 is not None and (nsec3.iterations or nsec3.salt):
        said = f"{nsec3.iterations} iterations and a salt of {len(nsec3.salt)} octets keep nothing secret"
        yield Reason(
            "NSEC3_COSTLY", "RFC 9276 §3.1", f"{soa.owner} NSEC3PARAM", f"{said}, and cost every resolver work"
        )


def key_advice(apex: Name, before: Mapping[tuple[Name, int], RRset], keys: SigningKeys) -> Iterator[Reason]:
    """KEYS_REPLACED where caches may hold, of the zone that was served ``before``, what does not go with ``keys``.

    A key has to be published for a TTL before it alone signs, and to stay for one after it signed (RFC 6781 §4.1.1).
    """
    dnskeys, soa = before.get((apex, int(T.DNSKEY))), before.get((apex, int(T.SOA)))
    if dnskeys is None or soa is None or not soa.rrsigs:
        return
    try:
        signed = {(made.algorithm, made.key_tag) for made in map(RRSIG.from_rdata, soa.rrsigs)}
    except MalformedSignatureError:
        return  # somebody else's file, of which nothing is known
    signing = keys.signers(T.SOA)
    if not any(key.dnskey.to_rdata() in dnskeys.rdatas for key in signing):
        said = f"none of the keys that sign now was published before: for {dnskeys.ttl} s caches may lack them"
    elif not signed & {(key.algorithm, key.tag) for key in map(DNSKEY.from_rdata, keys.dnskeys)}:
        said = "the keys that signed before are gone: what caches hold cannot be validated with those that are left"
    else:
        return
    hint = "let keys be published for a while before they sign, and after"
    yield Reason("KEYS_REPLACED", "RFC 6781 §4.1.1", f"{apex} DNSKEY", f"{said}; {hint}")
