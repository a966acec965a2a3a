"""Trust anchors: keys or digests of keys that are believed without proof (RFC 4033 §2, RFC 4035 §4.4)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from dns.name import Name

from danelaw.core.dnssec.algorithms import AlgorithmPolicy
from danelaw.core.dnssec.anchor_records import AnchorRecord, AnchorText, fault, master_anchors
from danelaw.core.dnssec.bind_anchors import bind_anchors, is_bind
from danelaw.core.dnssec.iana_anchors import iana_anchors
from danelaw.core.dnssec.keys import DNSKEY, DS
from danelaw.core.model import Instant


@dataclass(frozen=True, slots=True)
class Anchor:
    """What is believed of one zone: DS records, DNSKEY records, or both."""

    zone: Name
    ds: frozenset[DS] = frozenset()
    keys: frozenset[DNSKEY] = frozenset()

    def usable(self, policy: AlgorithmPolicy) -> Anchor | None:
        """What of it has a supported algorithm and digest; None where nothing has.

        Such an anchor can prove neither that an answer is right nor that it is wrong: as with a DS RRset that leads to
        no supported key (RFC 4035 §5.2), there is no authentication path from it. Unbound ignores it, and so goes on to
        the next one above.
        """
        ds = [one for one in self.ds if policy.validates(one.algorithm) and policy.validates_digest(one.digest_type)]
        keys = [key for key in self.keys if policy.validates(key.algorithm)]
        return Anchor(self.zone, frozenset(ds), frozenset(keys)) if ds or keys else None


@dataclass(frozen=True, slots=True)
class Anchors:
    """Trust anchors by zone. ``passed_over``: what stood beside them and is not believed, in words."""

    zones: tuple[Anchor, ...] = field(default=())
    passed_over: tuple[str, ...] = field(default=(), compare=False)

    def __iter__(self) -> Iterator[Anchor]:
        return iter(self.zones)

    def enclosing(self, name: Name) -> list[Anchor]:
        """The anchors of the zones that ``name`` may lie in, the deepest first (RFC 6840 §5.10)."""
        found = [anchor for anchor in self.zones if name.is_subdomain(anchor.zone)]
        return sorted(found, key=lambda anchor: len(anchor.zone), reverse=True)

    def usable(self, policy: AlgorithmPolicy) -> Anchors:
        """Those that this policy can use: see ``Anchor.usable``."""
        kept = (anchor.usable(policy) for anchor in self.zones)
        return Anchors(tuple(anchor for anchor in kept if anchor is not None), self.passed_over)


def read_anchors(text: str, now: Instant | None = None) -> Anchors:
    """Trust anchors from a text in any of the forms in which they are kept, which is found out from the text.

    - DS and DNSKEY records in master-file form: absolute owners, TTL and class optional;
    - the file of Unbound's ``auto-trust-anchor-file``: keys that are VALID or MISSING (RFC 5011 §4.2);
    - BIND's statements ``trust-anchors``, ``managed-keys`` and ``trusted-keys``, as in ``bind.keys``;
    - the IANA's XML: digests that hold at ``now``, without which this form cannot be read (``ValueError``).

    A key with the REVOKE bit is in no form an anchor (RFC 5011 §2.1). Raises ``DanelawError("ANCHOR_SYNTAX")`` for text
    that cannot be read or in which nothing is believed.
    """
    found = _read(text, now)
    revoked = [(zone, key) for zone, key in found.records if isinstance(key, DNSKEY) and key.revoked]
    passed_over = (*found.passed_over, *(f"key {key.tag} of {zone} is revoked" for zone, key in revoked))
    anchors = _by_zone(record for record in found.records if record not in revoked)
    if not anchors:
        why = "; ".join(passed_over) or f"none in {text[:80]!r}"
        hint = "name a file with a key or digest that holds now, or none: the IANA's anchors of the root come along"
        raise fault(f"there is no trust anchor: {why}", hint)
    return Anchors(anchors, passed_over)


def _read(text: str, now: Instant | None) -> AnchorText:
    if text.startswith(";BIND LOG") or re.search(r"^[^;\n]*\b(KEYDATA|TYPE65533)\b", text, flags=re.MULTILINE):
        raise fault("the keys that BIND manages for itself", "name bind.keys, or the trust anchors of named.conf")
    if text.lstrip("\ufeff \t\r\n").startswith("<"):
        if now is None:
            raise ValueError("digests in XML hold for a time: when is now?")
        return iana_anchors(text, now)
    return bind_anchors(text) if is_bind(text) else master_anchors(text)


def _by_zone(records: Iterable[AnchorRecord]) -> tuple[Anchor, ...]:
    held: dict[Name, list[DS | DNSKEY]] = {}
    for zone, record in records:
        held.setdefault(zone, []).append(record)
    return tuple(
        Anchor(
            zone,
            frozenset(record for record in held[zone] if isinstance(record, DS)),
            frozenset(record for record in held[zone] if isinstance(record, DNSKEY)),
        )
        for zone in sorted(held)
    )
