"""What NSEC3 records prove absent (RFC 5155 §8 with RFC 6840 §4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.denials.proof import Delegation, Denial, Denied, hides_names_below, lacks, once
from danelaw.core.dnssec.nsec3 import (
    NSEC3,
    OPT_OUT,
    SHA1,
    SHA1_OCTETS,
    MalformedNSEC3Error,
    hash_from_label,
    hash_name,
)
from danelaw.core.dnssec.rrsig import RRSIG, label_count
from danelaw.core.model import Reason, RRset


@dataclass(frozen=True, slots=True)
class ProvenNSEC3:
    """One verified NSEC3 record, the hash that its owner stands for, and the RRset that it was read from."""

    digest: bytes
    nsec3: NSEC3
    rrset: RRset

    def covers(self, digest: bytes) -> bool:
        """Whether a hash lies in the gap after this one; the last record leads back to the first (RFC 5155 §3.1.7).

        The only record of a zone covers everything but itself.
        """
        if self.digest < self.nsec3.next:
            return self.digest < digest < self.nsec3.next
        return digest > self.digest or digest < self.nsec3.next


def read_nsec3(zone: Name, rrset: RRset, rrsig: RRSIG) -> ProvenNSEC3 | Reason:
    """The NSEC3 in an RRset that ``rrsig`` was found to verify, or why it can prove nothing.

    Unknown hash algorithms and flags are to be ignored (RFC 5155 §8.1, §8.2). The owner is a hash right below the zone
    (§3); what came of a wildcard has an owner that nobody hashed.
    """
    digest = hash_from_label(rrset.owner.labels[0])
    if digest is None or Name(rrset.owner.labels[1:]) != zone:
        return _unusable(rrset, "RFC 5155 §3", f"the owner is no hash right below {zone}")
    if rrsig.labels < label_count(rrset.owner):
        return _unusable(rrset, "RFC 4035 §5.4", "expanded from a wildcard")
    if len(rrset.rdatas) != 1:
        return _unusable(rrset, "RFC 5155 §3", f"{len(rrset.rdatas)} records at one name")
    (rdata,) = rrset.rdatas
    try:
        nsec3 = NSEC3.from_rdata(rdata)
    except MalformedNSEC3Error as error:
        return _unusable(rrset, "RFC 5155 §3.2", str(error))
    if nsec3.hash_algorithm != SHA1:
        return _unusable(rrset, "RFC 5155 §8.1", f"hash algorithm {nsec3.hash_algorithm}")
    if nsec3.flags not in (0, OPT_OUT):
        return _unusable(rrset, "RFC 5155 §8.2", f"flags {nsec3.flags}")
    if len(digest) != SHA1_OCTETS or len(nsec3.next) != SHA1_OCTETS:
        return _unusable(rrset, "RFC 5155 §3.1.7", "not the length of a SHA-1 hash")
    return ProvenNSEC3(digest, nsec3, rrset)


def of_one_chain(records: Collection[ProvenNSEC3]) -> tuple[tuple[ProvenNSEC3, ...], tuple[Reason, ...]]:
    """The records that share one salt and number of iterations, and a complaint about each other (RFC 5155 §8.2).

    The parameters that most records have are used, the cheapest of several such: what honest servers send has one set,
    and whoever mixes them has no claim to more work.
    """
    if not records:
        return (), ()
    counts = Counter(record.nsec3.parameters for record in records)
    chosen = min(counts, key=lambda one: (-counts[one], one.iterations, one.salt))
    other = "salt or iterations differ from those of the other records"
    complaints = [
        _unusable(record.rrset, "RFC 5155 §8.2", other) for record in records if record.nsec3.parameters != chosen
    ]
    return tuple(record for record in records if record.nsec3.parameters == chosen), tuple(complaints)


@dataclass(frozen=True, slots=True)
class _NotThere:
    """A closest encloser proof (RFC 5155 §8.3): ``encloser`` exists, and ``covering`` denies the next closer name."""

    encloser: Name
    matching: ProvenNSEC3
    covering: ProvenNSEC3

    @property
    def opt_out(self) -> bool:
        return self.covering.nsec3.opt_out

    def denied(self, how: Denial, *more: ProvenNSEC3) -> Denied:
        records = once(*(one.rrset for one in (self.matching, self.covering, *more)))
        return Denied(how, records, self.opt_out)


class NSEC3Denials:
    """What some NSEC3 records of one zone, all with the same parameters, prove together.

    ``on_hash`` is told before each hash how many times SHA-1 will be run for it; it may raise. No name is hashed twice.
    """

    def __init__(self, zone: Name, records: Sequence[ProvenNSEC3], on_hash: Callable[[int], None]) -> None:
        self.records = tuple(records)
        self._zone = zone
        self._on_hash = on_hash
        self._by_digest = {record.digest: record for record in records}
        self._digests: dict[Name, bytes] = {}

    def denies(self, name: Name, type: int) -> Denied | None:
        """How the RRset is proved absent; None if it is not (RFC 5155 §8.4, §8.5, §8.6, §8.7)."""
        if not self._speaks_of(name):
            return None
        matching = self._matching(name)
        if matching is not None:
            return self._nodata(name, matching) if self._lacks(name, matching, type) else None
        gone = self._not_there(name)
        if gone is None:
            return None
        wildcard = Name((b"*", *gone.encloser.labels))
        at_wildcard = self._matching(wildcard)
        if at_wildcard is not None:
            if not self._lacks(wildcard, at_wildcard, type):
                return None
            return gone.denied(Denial.WILDCARD_NODATA, at_wildcard)
        over_wildcard = self._covering(wildcard)
        if over_wildcard is not None:
            return gone.denied(Denial.NO_NAME, over_wildcard)
        # §8.6 has it for the DS; other types are as unsigned where there is but an unsigned delegation, or an empty
        # non-terminal that only leads to one (§7.1).
        return gone.denied(Denial.OPT_OUT) if gone.opt_out else None

    def rules_out_closer_match(self, name: Name, labels: int) -> Denied | None:
        """See ``Denials.rules_out_closer_match`` (RFC 5155 §8.8): the wildcard's signature proves the encloser."""
        next_closer = Name(name.labels[-labels - 2 :])
        if not self._speaks_of(next_closer):
            return None
        covering = self._covering(next_closer)
        if covering is None:
            return None
        return Denied(Denial.NO_CLOSER_NAME, (covering.rrset,), covering.nsec3.opt_out)

    def delegation(self, name: Name) -> tuple[Delegation, Denied] | None:
        """See ``Denials.delegation`` (RFC 5155 §8.6, §8.9)."""
        if not self._speaks_of(name):
            return None
        matching = self._matching(name)
        if matching is not None:
            if not self._lacks(name, matching, T.DS):
                return None
            what = Delegation.INSECURE_CUT if T.NS in matching.nsec3.types else Delegation.NO_CUT
            return what, self._nodata(name, matching)
        gone = self._not_there(name)
        if gone is None:
            return None
        if gone.opt_out:
            return Delegation.OPT_OUT, gone.denied(Denial.OPT_OUT)
        return Delegation.NOTHING_BELOW, gone.denied(Denial.NO_CLOSER_NAME)

    def _not_there(self, name: Name) -> _NotThere | None:
        """The closest encloser proof for a name that no record matches (RFC 5155 §8.3).

        Sought from the apex down, to the first name that is covered: that takes as many hashes as the encloser is deep,
        however long the name is. What a cut or a DNAME hides cannot be denied (RFC 6840 §4.1).
        """
        encloser: Name | None = None
        matching: ProvenNSEC3 | None = None
        for count in range(len(self._zone), len(name) + 1):
            ancestor = Name(name.labels[-count:])
            covering = self._covering(ancestor) if ancestor != self._zone else None  # whatever is said, the zone exists
            if covering is not None:
                return _NotThere(encloser, matching, covering) if encloser and matching else None
            encloser, matching = ancestor, self._matching(ancestor)
            if matching is not None and hides_names_below(ancestor, self._zone, matching.nsec3.types):
                return None
        return None

    def _nodata(self, name: Name, matching: ProvenNSEC3) -> Denied:
        how = Denial.NODATA if matching.nsec3.types else Denial.EMPTY_NON_TERMINAL
        return Denied(how, (matching.rrset,))

    def _lacks(self, name: Name, matching: ProvenNSEC3, type: int) -> bool:
        return lacks(name, self._zone, matching.nsec3.types, type)

    def _speaks_of(self, name: Name) -> bool:
        return bool(self.records) and name.is_subdomain(self._zone)

    def _matching(self, name: Name) -> ProvenNSEC3 | None:
        return self._by_digest.get(self._digest(name))

    def _covering(self, name: Name) -> ProvenNSEC3 | None:
        digest = self._digest(name)
        return next((record for record in self.records if record.covers(digest)), None)

    def _digest(self, name: Name) -> bytes:
        if name not in self._digests:
            parameters = self.records[0].nsec3.parameters
            self._on_hash(parameters.iterations + 1)
            self._digests[name] = hash_name(name, parameters.salt, parameters.iterations)
        return self._digests[name]


def _unusable(rrset: RRset, section: str, detail: str) -> Reason:
    return Reason("NSEC3_UNUSABLE", section, f"{rrset.owner} NSEC3", detail)
