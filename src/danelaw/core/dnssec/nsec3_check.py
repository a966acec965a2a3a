"""Whether a zone's NSEC3 records are the chains that its names ask for (RFC 5155 §4, §6, §7.1)."""

from __future__ import annotations

from bisect import bisect
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, MutableMapping

from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.nsec3 import (
    NSEC3,
    NSEC3PARAM,
    OPT_OUT,
    SHA1,
    MalformedNSEC3Error,
    hash_from_label,
    hash_name,
    hash_owner,
)
from danelaw.core.dnssec.nsec3_chain import hashed_types, is_insecure_cut
from danelaw.core.dnssec.nsec_check import types_differ
from danelaw.core.dnssec.zone_findings import ZoneFinding
from danelaw.core.model import RRset


def nsec3_faults(
    apex: Name, names: Mapping[Name, Collection[int]], nsec3s: Iterable[RRset], params: Iterable[bytes]
) -> Iterator[ZoneFinding]:
    """What is wrong with the zone's NSEC3 records; the one code is NSEC3_WRONG.

    ``names``: each owner of authoritative data or of a delegation, with its types; ``params``: the rdata of the apex'
    NSEC3PARAM RRset. For each of these whose flags are zero there must be a complete chain (RFC 5155 §4), and no record
    beside. Signatures are judged elsewhere.
    """
    chains: dict[NSEC3PARAM, dict[bytes, NSEC3]] = defaultdict(dict)
    for rdata in params:
        try:
            param = NSEC3PARAM.from_rdata(rdata)
        except MalformedNSEC3Error as error:
            yield _wrong("§4.2", apex, str(error), T.NSEC3PARAM)
            continue
        if param.flags == 0:
            chains[param] = {}
    announced = frozenset(chains)
    for rrset in nsec3s:
        yield from _sort_in(apex, rrset, chains)
    for parameters, chain in chains.items():
        if parameters in announced:
            yield from _chain_faults(apex, names, parameters, chain)
        else:
            said = f"{len(chain)} NSEC3 records have parameters that no NSEC3PARAM tells"
            yield _wrong("§4", apex, said, T.NSEC3PARAM)


def _sort_in(apex: Name, rrset: RRset, chains: MutableMapping[NSEC3PARAM, dict[bytes, NSEC3]]) -> Iterator[ZoneFinding]:
    """Put the records of an NSEC3 RRset in the chains that they belong to."""
    below = rrset.owner != apex and rrset.owner.parent() == apex
    digest = hash_from_label(rrset.owner.labels[0]) if below else None
    if digest is None:
        yield _wrong("§3", rrset.owner, "the owner is not a hash right below the apex")
        return
    try:
        records = [NSEC3.from_rdata(rdata) for rdata in rrset.rdatas]
    except MalformedNSEC3Error as error:
        yield _wrong("§3.2", rrset.owner, str(error))
        return
    for nsec3 in records:
        if chains[nsec3.parameters].setdefault(digest, nsec3) != nsec3:
            yield _wrong("§7.1", rrset.owner, "two records of one chain")


def _wrong(section: str, owner: Name, detail: str, type: int = T.NSEC3) -> ZoneFinding:
    return ZoneFinding("NSEC3_WRONG", f"RFC 5155 {section}", owner, type, detail)


def _chain_faults(
    apex: Name, names: Mapping[Name, Collection[int]], parameters: NSEC3PARAM, chain: Mapping[bytes, NSEC3]
) -> Iterator[ZoneFinding]:
    """Every name has its record with its types, no other has one, and each record points to the next one.

    An insecure delegation, and an empty non-terminal that leads to such alone, may lack it where a record with the
    Opt-Out flag covers it (RFC 5155 §6).
    """
    if parameters.hash_algorithm != SHA1:
        yield _wrong("§3.1.1", apex, f"hash algorithm {parameters.hash_algorithm} is not known")
        return
    known = hashed_types(apex, names)
    hashes = {name: hash_name(name, parameters.salt, parameters.iterations) for name in known}
    absent = {name for name, types in names.items() if is_insecure_cut(apex, name, types) and hashes[name] not in chain}
    required = hashed_types(apex, {name: types for name, types in names.items() if name not in absent})
    ordered = sorted(chain)
    for name, digest in hashes.items():
        nsec3 = chain.get(digest)
        if nsec3 is not None:
            if nsec3.types != known[name]:
                yield _wrong("§7.1", name, types_differ(nsec3.types, known[name]))
        elif name in required:
            yield _wrong("§7.1", name, "no NSEC3 record")
        elif not (ordered and chain[ordered[bisect(ordered, digest) - 1]].opt_out):
            yield _wrong("§6", name, "left out, and not by an opt-out")
    owners = frozenset(hashes.values())
    if len(owners) < len(hashes):
        yield _wrong("§7.1", apex, "two names have one hash under this salt")
    for digest, following in zip(ordered, [*ordered[1:], *ordered[:1]], strict=True):
        blamed = hash_owner(digest, apex)
        if digest not in owners:
            yield _wrong("§7.1", blamed, "an NSEC3 record of no name in the zone")
        if chain[digest].next != following:
            yield _wrong("§7.1", blamed, "the next hashed owner name is not that of the next record")
        if chain[digest].flags & ~OPT_OUT:
            yield _wrong("§3.1.2", blamed, "a flag is set that is not defined")
