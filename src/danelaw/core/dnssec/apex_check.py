"""Whether a zone's keys are in order (RFC 4034 §2, RFC 4035 §2.1), whatever they sign."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Final

from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.algorithms import DEFAULT_POLICY
from danelaw.core.dnssec.crypto import VERIFIABLE, key_fault
from danelaw.core.dnssec.keys import DNSKEY, PROTOCOL, MalformedKeyError
from danelaw.core.dnssec.zone_findings import ZoneFinding
from danelaw.core.model import RRset

_USABLE: Final = DEFAULT_POLICY.validate_algorithms


def key_faults(dnskeys: RRset, signers: Collection[DNSKEY], targets: Collection[DNSKEY]) -> Iterator[ZoneFinding]:
    """What is wrong with the keys themselves, and with who signs them.

    ``signers``: those that sign the DNSKEY RRset rightly; ``targets``: those that the parent points to, as far as that
    is known. Codes: KEY_MALFORMED, KEY_NOT_FOR_ZONE, ALGORITHM_UNSUPPORTED, REVOCATION_UNSIGNED, KSK_NOT_SIGNING.
    """
    apex, keys = dnskeys.owner, []
    for rdata in sorted(dnskeys.rdatas):
        try:
            key = DNSKEY.from_rdata(rdata)
        except MalformedKeyError as error:
            yield _found("KEY_MALFORMED", "RFC 4034 §2.1", apex, str(error))
            continue
        keys.append(key)
        if key.protocol != PROTOCOL:
            yield _found("KEY_NOT_FOR_ZONE", "RFC 4034 §2.1.2", apex, f"key {key.tag} has protocol {key.protocol}")
        elif key.algorithm not in VERIFIABLE:
            said = f"key {key.tag} is of algorithm {key.algorithm}: what it signs cannot be verified"
            yield _found("ALGORITHM_UNSUPPORTED", "RFC 4035 §5.2", apex, said)
        elif why := key_fault(key.algorithm, key.public_key):
            yield _found("KEY_MALFORMED", "RFC 4034 §2.1.4", apex, f"key {key.tag} ({key.algorithm}): {why}")
        if key.is_zone_key and key.revoked and key not in signers:
            said = f"key {key.tag} is revoked and does not sign the keys, so that nobody may believe it"
            yield _found("REVOCATION_UNSIGNED", "RFC 5011 §2.1", apex, said)
    entries = [key for key in keys if key.is_sep and key.is_zone_key and not key.revoked]
    active = [key for key in signers if not key.revoked]
    if entries and active and not any(key.is_sep for key in active) and not set(active) & set(targets):
        said = f"{_tags(entries)} would be pointed to, and only {_tags(active)} signs the keys"
        yield _found("KSK_NOT_SIGNING", "RFC 4035 §2.1", apex, said)


def key_advice(dnskeys: RRset) -> Iterator[ZoneFinding]:
    """Codes: KEY_NOT_FOR_ZONE, KEY_WITHOUT_SEP, KEY_TAGS_COLLIDE, ALGORITHM_DEPRECATED."""
    apex, keys = dnskeys.owner, []
    for rdata in sorted(dnskeys.rdatas):
        try:
            keys.append(DNSKEY.from_rdata(rdata))
        except MalformedKeyError:
            continue  # it is a fault
    for key in keys:
        if key.protocol == PROTOCOL and not key.is_zone_key:
            yield _found(
                "KEY_NOT_FOR_ZONE", "RFC 4034 §2.1.1", apex, f"key {key.tag} has no Zone flag: it signs nothing"
            )
    zone_keys = [key for key in keys if key.is_zone_key and not key.revoked]
    if zone_keys and not any(key.is_sep for key in zone_keys):
        said = f"{_tags(zone_keys)}: none has the flag that tells which the DS is to point to"
        yield _found("KEY_WITHOUT_SEP", "RFC 4034 §2.1.1", apex, said)
    for (tag, algorithm), count in Counter((key.tag, key.algorithm) for key in zone_keys).items():
        if count > 1:
            said = f"{count} keys of algorithm {algorithm} have the tag {tag}, so that validators have to try each"
            yield _found("KEY_TAGS_COLLIDE", "RFC 4034 appendix B", apex, said)
    for algorithm in sorted({key.algorithm for key in zone_keys} & VERIFIABLE - _USABLE):
        said = f"algorithm {algorithm} signs with SHA-1: validators count the zone as unsigned"
        yield _found("ALGORITHM_DEPRECATED", "RFC 9905", apex, said)


def _tags(keys: Collection[DNSKEY]) -> str:
    return " and ".join(sorted(f"key {key.tag}" for key in keys))


def _found(code: str, section: str, apex: Name, detail: str) -> ZoneFinding:
    return ZoneFinding(code, section, apex, T.DNSKEY, detail)
