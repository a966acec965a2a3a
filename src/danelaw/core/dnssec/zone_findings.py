"""What is found in a signed zone: where, by which rule, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dns.name import Name

from danelaw.core.dnssec.rrsig import type_text
from danelaw.core.model import Reason


@dataclass(frozen=True, slots=True)
class ZoneFinding:
    """One thing that is wrong, or could be better, with the RRset of ``owner`` and ``type``.

    ``code`` is stable; ``section`` cites the rule.
    """

    code: str
    section: str
    owner: Name
    type: int
    detail: str = ""

    @property
    def blamed(self) -> str:
        return f"{self.owner} {type_text(self.type)}"

    @property
    def hint(self) -> str:
        """The next thing to do."""
        return _HINTS.get(self.code, _AGAIN)

    def __str__(self) -> str:
        return str(Reason(self.code, self.section, self.blamed, self.detail))


_AGAIN: Final = "sign the zone again"

_HINTS: Final = {
    "ALGORITHM_DEPRECATED": "have keys of ECDSAP256SHA256 (13), and a DS of SHA-256, which every validator knows",
    "ALGORITHM_UNSUPPORTED": "roll to keys of ECDSAP256SHA256 (13), which every validator knows",
    "CDS_DELETE": "leave it if the zone is to become unsigned; else take the CDS and CDNSKEY records out",
    "CDS_DISAGREES": "let CDS and CDNSKEY records name the same keys, or publish one of the types alone",
    "CDS_INVALID": "make the CDS and CDNSKEY records anew, and sign them with the key that the DS points to",
    "CDS_MISPLACED": "put CDS and CDNSKEY records at the zone's apex alone",
    "CDS_UNMATCHED": "make the CDS and CDNSKEY records anew, from a key that signs the DNSKEY records",
    "CHAINS_MIXED": "right while a zone goes from one chain to the other; when that is done, take the old one out",
    "DNSKEY_MISSING": "sign the zone, or name the signed file",
    "DS_MISMATCH": "hand the parent the DS of a key that signs the DNSKEY records, or sign them with the key it has",
    "DS_MISPLACED": "put DS records beside the NS records of a delegation, and nowhere else",
    "DS_UNMATCHED": "have the parent take it away, unless its key is about to come",
    "KEY_MALFORMED": "take the key out of the DNSKEY records",
    "KEY_NOT_FOR_ZONE": "use a key with the Zone flag (flags 256 or 257) and protocol 3",
    "KEY_REVOKED": "sign with a key that is not revoked",
    "KEY_TAGS_COLLIDE": "replace one of the keys when it is next rolled",
    "KEY_WITHOUT_SEP": "give the key that the DS points to the SEP flag (flags 257) when it is next rolled",
    "KSK_NOT_SIGNING": "sign the DNSKEY records with the key that the DS points to",
    "NEGATIVE_TTL_LONG": "lower the last number of the SOA record",
    "NSEC3_COSTLY": "sign again with no salt and 0 iterations",
    "NSEC3_ITERATIONS": "sign again with no salt and 0 iterations",
    "NSEC3_OPT_OUT": "sign without opt-out, unless the zone has very many delegations",
    "REVOCATION_UNSIGNED": "sign the DNSKEY records with the revoked key too, or take it out",
    "SIGNATURE_EXPIRED": "sign the zone again, and find out why its signer stopped",
    "SIGNATURE_EXPIRING": "sign the zone again, and see that it is done in time",
    "SIGNATURE_KEYLESS": "right while keys are rolled; when that is done, sign without it",
    "SIGNATURE_NOT_YET_VALID": "compare the clocks of the signer and of this machine",
    "SIGNATURES_OUTLIVED": "sign more often, or lower the SOA's EXPIRE",
    "SIGNER_MISMATCH": "sign the records with the keys of the zone that they are in",
    "SIGNING_KEY_MISSING": "publish the key that signed, or sign again with one that is published",
    "SOA_EXPIRE_LONG": "lower the SOA's EXPIRE, or let signatures be valid for longer",
    "SOA_EXPIRE_SHORT": "raise the SOA's EXPIRE to two weeks or more",
    "TTL_LONG": "lower the TTL, or let signatures be valid for longer",
    "ZONE_CNAME_CLASH": "keep the CNAME, or the other records",
    "ZONE_DNAME_CLASH": "keep the DNAME, or the records that it hides",
    "ZONE_NO_NS": "list the zone's name servers at its apex",
    "ZONE_NO_SOA": "leave exactly one SOA record, at the zone's apex",
    "ZONE_OCCLUDED": "take the records out: nobody ever sees them",
    "ZONE_OUT_OF_ZONE": "take the records out; a name that ends in a dot is not continued by the zone's",
    "ZONE_TTLS_DIFFER": "give all records of a name and type the same TTL, and sign again",
    "ZONEMD_WRONG": "sign the zone again, with its digest made last, or take the ZONEMD records out",
}
