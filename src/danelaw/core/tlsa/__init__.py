"""DANE TLSA: the records (RFC 6698, RFC 7218), how clients match them (RFC 7671), and which kinds of client refuse."""

from typing import TYPE_CHECKING

from danelaw.deferred import names_of

if TYPE_CHECKING:
    from danelaw.core.tlsa.acceptance import Acceptance, Basis, acceptance
    from danelaw.core.tlsa.associate import associate, from_spki
    from danelaw.core.tlsa.clients import (
        ClientKind,
        Fallback,
        client_kinds,
        combinations_of,
        records_of,
        refused,
        safe_match,
        validity_changes,
    )
    from danelaw.core.tlsa.match import Match, RecordMatch, Verdict, match
    from danelaw.core.tlsa.owners import base_domains, owners, tlsa_owner
    from danelaw.core.tlsa.paths import pkix_valid
    from danelaw.core.tlsa.profiles import PROFILES, Profile
    from danelaw.core.tlsa.records import (
        TLSA,
        CertificateUsage,
        Combination,
        MalformedTLSA,
        MatchingType,
        Selector,
        TLSARecord,
        unusable,
    )
    from danelaw.core.tlsa.reference import Reference
else:
    __getattr__ = names_of(
        __name__,
        {
            "acceptance": "Acceptance Basis acceptance",
            "associate": "associate from_spki",
            "clients": "ClientKind Fallback client_kinds combinations_of records_of refused safe_match "
            "validity_changes",
            "match": "Match RecordMatch Verdict match",
            "owners": "base_domains owners tlsa_owner",
            "paths": "pkix_valid",
            "profiles": "PROFILES Profile",
            "records": "TLSA CertificateUsage Combination MalformedTLSA MatchingType Selector TLSARecord unusable",
            "reference": "Reference",
        },
    )

__all__ = [
    "PROFILES",
    "TLSA",
    "Acceptance",
    "Basis",
    "CertificateUsage",
    "ClientKind",
    "Combination",
    "Fallback",
    "MalformedTLSA",
    "Match",
    "MatchingType",
    "Profile",
    "RecordMatch",
    "Reference",
    "Selector",
    "TLSARecord",
    "Verdict",
    "acceptance",
    "associate",
    "base_domains",
    "client_kinds",
    "combinations_of",
    "from_spki",
    "match",
    "owners",
    "pkix_valid",
    "records_of",
    "refused",
    "safe_match",
    "tlsa_owner",
    "unusable",
    "validity_changes",
]
