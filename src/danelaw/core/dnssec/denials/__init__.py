"""What a zone's verified NSEC and NSEC3 records prove absent (RFC 4035 §5.4, RFC 5155 §8).

``Denials`` is the one face for both kinds. A zone has one kind or the other; where both came, either may prove, each by
itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.denials.by_nsec import NSECDenials, ProvenNSEC, read_nsec
from danelaw.core.dnssec.denials.by_nsec3 import NSEC3Denials, ProvenNSEC3, of_one_chain, read_nsec3
from danelaw.core.dnssec.denials.proof import Delegation, Denial, Denied
from danelaw.core.dnssec.rrsig import RRSIG
from danelaw.core.model import Reason, RRset

__all__ = ["Delegation", "Denial", "Denials", "Denied"]


class Denials:
    """What some verified NSEC and NSEC3 records of ``zone`` prove.

    ``excessive``: an NSEC3 RRset with more iterations than are believed. Then no NSEC3 proves anything, nothing is
    hashed, and what it would have proved is to be taken as insecure (RFC 9276 §3.2). ``unusable``: what else came and
    can prove nothing, with codes ``NSEC_UNUSABLE`` and ``NSEC3_UNUSABLE``. False if no record is of use.
    """

    def __init__(
        self, nsec: NSECDenials, nsec3: NSEC3Denials, excessive: RRset | None, unusable: tuple[Reason, ...]
    ) -> None:
        self.excessive = excessive
        self.unusable = unusable
        self._nsec = nsec
        self._nsec3 = nsec3

    @classmethod
    def read(
        cls,
        zone: Name,
        proven: Iterable[tuple[RRset, RRSIG]],
        *,
        max_iterations: int,
        on_hash: Callable[[int], None],
    ) -> Denials:
        """From RRsets that the zone's own keys verified, each with the RRSIG that did; other types are passed over.

        ``on_hash`` is called before each NSEC3 hash with how many times SHA-1 will be run for it, and may raise: it is
        where the caller bounds the work (CVE-2023-50868).
        """
        nsecs: list[ProvenNSEC] = []
        nsec3s: list[ProvenNSEC3] = []
        unusable: list[Reason] = []
        for rrset, rrsig in proven:
            if rrset.type not in (T.NSEC, T.NSEC3):
                continue
            read = read_nsec(zone, rrset, rrsig) if rrset.type == T.NSEC else read_nsec3(zone, rrset, rrsig)
            if isinstance(read, Reason):
                unusable.append(read)
            elif isinstance(read, ProvenNSEC):
                nsecs.append(read)
            else:
                nsec3s.append(read)
        excessive = next((one.rrset for one in nsec3s if one.nsec3.iterations > max_iterations), None)
        chain, complaints = of_one_chain(() if excessive else nsec3s)
        denying = NSEC3Denials(zone, chain, on_hash)
        return cls(NSECDenials(tuple(nsecs)), denying, excessive, (*unusable, *complaints))

    def __bool__(self) -> bool:
        return bool(self._nsec.records or self._nsec3.records)

    def denies(self, name: Name, type: int) -> Denied | None:
        """How the RRset is proved absent; None if it is not."""
        return self._nsec.denies(name, type) or self._nsec3.denies(name, type)

    def rules_out_closer_match(self, name: Name, labels: int) -> Denied | None:
        """The proof that an answer expanded from the wildcard under the last ``labels`` labels was right to be.

        That takes a proof that the next closer name, and with it ``name``, does not exist. ``labels`` is the RRSIG's.
        """
        return self._nsec.rules_out_closer_match(name, labels) or self._nsec3.rules_out_closer_match(name, labels)

    def delegation(self, name: Name) -> tuple[Delegation, Denied] | None:
        """What begins at a name whose DS was asked for and not given, with the proof; None if that is not known."""
        return self._nsec.delegation(name) or self._nsec3.delegation(name)
