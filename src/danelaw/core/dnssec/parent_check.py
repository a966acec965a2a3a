"""Whether the parent's DS records and the zone's served keys belong together, server by server; and what to do.

A DS is handed over by people, who can break a zone by it: one that points to a key which is not served, or which does
not sign the DNSKEY RRset, makes the zone bogus for every validator (RFC 4035 §5.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

import dns.rdatatype
from dns.name import Name

from danelaw.core.dnssec.algorithms import DEFAULT_POLICY, AlgorithmPolicy
from danelaw.core.dnssec.delegation_records import DelegationRecords, digest_name
from danelaw.core.dnssec.keys import DNSKEY, DS, MalformedKeyError, ds_matches
from danelaw.core.dnssec.rrsig import RRSIG, MalformedSignatureError, date_fault, verify
from danelaw.core.dnssec.zonekeys import usable_ds
from danelaw.core.model import IP, Answer, Instant, RRset, Silence

DS_TYPE: Final = int(dns.rdatatype.DS)
DNSKEY_TYPE: Final = int(dns.rdatatype.DNSKEY)

Reply: TypeAlias = Answer | Silence
Server: TypeAlias = tuple[Name, IP]


class Match(Enum):
    """What one server of the parent says, compared with what the zone wants."""

    RIGHT = "right"
    """Every key that is wanted has a DS, and no DS points to nothing."""
    MISSING = "missing"
    """No DS at all: the zone is insecure."""
    OTHER = "other"
    """DS records, but not those."""
    SILENT = "silent"


class Target(Enum):
    """What a DS at the parent points to."""

    WANTED = "a key that it shall point to"
    SERVED = "another key that the zone serves and signs with"
    IDLE = "a key that does not sign the zone's keys"
    UNKNOWN = "no key of the zone"
    UNUSED = "a key, by a digest or algorithm that validators pass over"


@dataclass(frozen=True, slots=True)
class ParentDS:
    """A DS record at the parent, and what it points to. ``key`` is its DNSKEY, where one is known."""

    ds: DS
    target: Target
    key: DNSKEY | None


@dataclass(frozen=True, slots=True)
class ParentSays:
    """What one server of the parent says of the zone's DS. ``detail``: why it is silent."""

    server: Server
    match: Match
    records: tuple[ParentDS, ...] = ()
    ttl: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ZoneSays:
    """What one server of the zone serves. ``signing``: the keys with which its DNSKEY RRset verifies.

    None for both: it is silent, and ``detail`` says why.
    """

    server: Server
    served: tuple[DNSKEY, ...] | None
    signing: tuple[DNSKEY, ...] | None
    ttl: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Advice:
    """Something to do, or to know. ``wrong``: all is not as it should be."""

    code: str
    text: str
    wrong: bool = True


@dataclass(frozen=True, slots=True)
class Comparison:
    """The parent and the zone, compared."""

    records: DelegationRecords
    parent: Name
    parent_servers: tuple[ParentSays, ...]
    zone_servers: tuple[ZoneSays, ...]
    advice: tuple[Advice, ...]

    @property
    def handed_over(self) -> bool:
        """Whether every server of the parent has the DS records that are wanted."""
        return bool(self.parent_servers) and all(says.match is Match.RIGHT for says in self.parent_servers)

    @property
    def verdict(self) -> str:
        """``valid``, ``mismatch``, or ``undecided`` where somebody was silent and nothing is known to be wrong."""
        if any(one.wrong for one in self.advice):
            return "mismatch"
        heard = self.parent_servers and self.zone_servers
        if not heard or not self.handed_over or any(says.signing is None for says in self.zone_servers):
            return "undecided"
        return "valid"


def compare(
    records: DelegationRecords,
    parent: Name,
    ours: Iterable[DNSKEY],
    parent_replies: Sequence[tuple[Server, Reply]],
    zone_replies: Sequence[tuple[Server, Reply]],
    now: Instant,
    policy: AlgorithmPolicy = DEFAULT_POLICY,
) -> Comparison:
    """``ours``: all keys in the zone's key directory. The replies: for DS of the parent's servers, for DNSKEY of the
    zone's."""
    zone = records.zone
    zone_says = tuple(_zone_says(zone, server, reply, now) for server, reply in zone_replies)
    heard = [says for says in zone_says if says.signing is not None]
    signing = frozenset.intersection(*(frozenset(says.signing or ()) for says in heard)) if heard else frozenset()
    known = {*records.keys, *ours, *(key for says in heard for key in says.served or ())}
    reader = _Parents(records, frozenset(known), signing if heard else frozenset(records.keys), policy)
    parent_says = tuple(reader.says(server, reply) for server, reply in parent_replies)
    advice = tuple(_advice(records, parent, parent_says, zone_says, policy))
    return Comparison(records, parent, parent_says, zone_says, advice)


@dataclass(frozen=True, slots=True)
class _Parents:
    """How replies for DS are read. ``signing``: the keys that sign at every server of the zone that answers."""

    records: DelegationRecords
    known: frozenset[DNSKEY]
    signing: frozenset[DNSKEY]
    policy: AlgorithmPolicy

    def says(self, server: Server, reply: Reply) -> ParentSays:
        if isinstance(reply, Silence):
            return ParentSays(server, Match.SILENT, detail=f"{reply.code} {reply.detail}".strip())
        if not isinstance(reply, RRset) or reply.type != DS_TYPE:
            return ParentSays(server, Match.MISSING, ttl=reply.ttl)
        found = parsed_ds(reply.rdatas)
        records = tuple(self._target(ds, found) for ds in found)
        covered = {one.key for one in records if one.target is Target.WANTED}
        strange = len(found) < len(reply.rdatas) or any(one.target in (Target.UNKNOWN, Target.IDLE) for one in records)
        match = Match.RIGHT if covered == set(self.records.keys) and not strange else Match.OTHER
        return ParentSays(server, match, records, reply.ttl)

    def _target(self, ds: DS, beside: Sequence[DS]) -> ParentDS:
        key = next((key for key in self.known if ds_matches(ds, self.records.zone, key)), None)
        if key is None:
            return ParentDS(ds, Target.UNKNOWN, None)
        if ds not in usable_ds(beside, self.policy):
            return ParentDS(ds, Target.UNUSED, key)
        if key in self.records.keys:
            return ParentDS(ds, Target.WANTED, key)
        serves = key in self.signing and key.is_zone_key and not key.revoked
        return ParentDS(ds, Target.SERVED if serves else Target.IDLE, key)


def parsed_ds(rdatas: Iterable[bytes]) -> tuple[DS, ...]:
    """The DS records that can be read, in order."""
    found = []
    for rdata in sorted(rdatas):
        try:
            found.append(DS.from_rdata(rdata))
        except MalformedKeyError:
            continue
    return tuple(found)


def _zone_says(zone: Name, server: Server, reply: Reply, now: Instant) -> ZoneSays:
    if isinstance(reply, Silence):
        return ZoneSays(server, None, None, detail=f"{reply.code} {reply.detail}".strip())
    if not isinstance(reply, RRset) or reply.type != DNSKEY_TYPE:
        return ZoneSays(server, (), (), reply.ttl)
    served = []
    for rdata in sorted(reply.rdatas):
        try:
            served.append(DNSKEY.from_rdata(rdata))
        except MalformedKeyError:
            continue
    signing = tuple(key for key in served if _signs(zone, key, reply, now))
    return ZoneSays(server, tuple(served), signing, reply.ttl)


def _signs(zone: Name, key: DNSKEY, dnskeys: RRset, now: Instant) -> bool:
    """Whether a DS for this key would lead to the RRset: the key signs it, and signs it now (RFC 4035 §5.2)."""
    if not key.is_zone_key or key.revoked:
        return False
    for rdata in dnskeys.rrsigs:
        try:
            rrsig = RRSIG.from_rdata(rdata)
        except MalformedSignatureError:
            continue
        if rrsig.key_tag != key.tag or rrsig.signer != zone or date_fault(rrsig, now) is not None:
            continue
        if verify(rrsig, dnskeys, key):
            return True
    return False


# -- what to do ---------------------------------------------------------------------------------------------------


def _advice(
    records: DelegationRecords,
    parent: Name,
    parents: Sequence[ParentSays],
    zones: Sequence[ZoneSays],
    policy: AlgorithmPolicy,
) -> Iterable[Advice]:
    answering = [says for says in parents if says.match is not Match.SILENT]
    lacking = _lacking(records, answering)
    broken = list(_broken(records.zone, answering, zones, policy))
    unready = list(_unready(records, zones))
    yield from (*broken, *unready)
    if lacking and not unready:
        yield Advice("DS_MISSING", _hand_over(parent, lacking, answering, zones, broken=bool(broken)))
    stale = _strange(answering, (Target.UNKNOWN, Target.IDLE))
    if stale:
        where = f"the DS of {_ds(stale)} at {parent} {'leads' if len(stale) == 1 else 'lead'} to no key that signs"
        heard = len(answering) == len(parents) and zones and all(says.signing is not None for says in zones)
        if lacking or unready:
            when = "let it be removed once the right DS is there at every server, not before"
        elif not heard:
            when = "let it be removed once every server has answered and is seen to be right, not before"
        else:
            when = "it may safely be removed, as long as the others stay"
        yield Advice("DS_STALE", f"{where}: {when}")
    weak = _strange(answering, (Target.UNUSED,))
    if weak:
        yield Advice(
            "DS_PASSED_OVER",
            f"the DS of {_ds(weak)} at {parent} counts for nothing, and may safely be removed",
            wrong=False,
        )
    if len({tuple(sorted(one.ds.to_rdata() for one in says.records)) for says in answering}) > 1:
        yield Advice(
            "PARENT_DIFFERS",
            f"the servers of {parent} do not say the same: a change is on its way, or one lags",
        )


def _broken(
    zone: Name, parents: Sequence[ParentSays], zones: Sequence[ZoneSays], policy: AlgorithmPolicy
) -> Iterable[Advice]:
    """Where a validator that asks two of the servers finds the zone bogus (RFC 4035 §5.2)."""
    bogus = [
        (asked.server, says.server)
        for says in zones
        for asked in parents
        if says.signing is not None
        and (usable := usable_ds([one.ds for one in asked.records], policy))
        and not any(ds_matches(ds, zone, key) for ds in usable for key in says.signing)
    ]
    if bogus:
        at_parent, at_zone = (_at(list(dict.fromkeys(servers))) for servers in zip(*bogus, strict=True))
        yield Advice(
            "DS_BREAKS_ZONE",
            f"the DS at {at_parent} leads to no key that signs at {at_zone}: validators find the zone bogus now."
            " Let those servers serve it signed by that key again, or have the DS replaced or removed",
        )


def _unready(records: DelegationRecords, zones: Sequence[ZoneSays]) -> Iterable[Advice]:
    for key in records.keys:
        absent = [says for says in zones if says.served is not None and key not in says.served]
        unsigned = [says for says in zones if says.served is not None and says not in absent]
        unsigned = [says for says in unsigned if key not in (says.signing or ())]
        for servers, fault in ((absent, "is not served"), (unsigned, "does not validly sign the DNSKEY records")):
            if servers:
                yield Advice(
                    "DS_NOT_YET",
                    f"key {key.tag} {fault} at {_at([says.server for says in servers])}: a DS for it would break the"
                    " zone. Sign it, and let every server load it, before the DS is handed over",
                )


def _hand_over(
    parent: Name, lacking: Sequence[DNSKEY], parents: Sequence[ParentSays], zones: Sequence[ZoneSays], *, broken: bool
) -> str:
    """What to do about keys that lack their DS at some server of the parent, and when."""
    heard = [says.ttl for says in zones if says.signing is not None]
    if not heard:
        return (
            f"{_keys(lacking)} lacks its DS at {parent}, but no server of the zone says whether it signs with that"
            " key: hand nothing over until one does"
        )
    if any({one.key for one in says.records if one.target is Target.WANTED} >= set(lacking) for says in parents):
        return f"the DS of {_keys(lacking)} has not reached every server of {parent} yet: wait for it, as --watch does"
    text = f"give the registrar, for {parent}, the DS of {_keys(lacking)}, or the DNSKEY"
    if broken:
        return f"{text}, in place of the DS that is there, and at once: nothing works with that"
    if any(one.target is not Target.UNUSED for says in parents for one in says.records):
        return (
            f"{text}, once every server has served the DNSKEY records with it for {max(heard)} s, which is their TTL;"
            " the DS that is there may be replaced by it, not before"
        )
    return (
        f"{text}, once every server has served the zone signed for as long as its longest TTL, at least {max(heard)} s"
    )


def _lacking(records: DelegationRecords, parents: Sequence[ParentSays]) -> list[DNSKEY]:
    """The keys that some server of the parent has no DS for."""
    return [
        key
        for key in records.keys
        if any(all(one.key != key or one.target is not Target.WANTED for one in says.records) for says in parents)
    ]


def _strange(parents: Sequence[ParentSays], targets: Sequence[Target]) -> list[ParentDS]:
    found = {one.ds: one for says in parents for one in says.records if one.target in targets}
    return [found[ds] for ds in sorted(found, key=DS.to_rdata)]


def _ds(records: Sequence[ParentDS]) -> str:
    return ", ".join(f"key {one.ds.tag} ({digest_name(one.ds.digest_type)})" for one in records)


def _keys(keys: Sequence[DNSKEY]) -> str:
    return ", ".join(f"key {key.tag}" for key in keys)


def _at(servers: Sequence[Server]) -> str:
    more = f" and {len(servers) - 1} more" if len(servers) > 1 else ""
    return f"{servers[0][0]} ({servers[0][1]}){more}"
