"""What to do about the reasons that the validator gives."""

from __future__ import annotations

from typing import Final

from danelaw.core.model import Reason

_HINTS: Final = {
    "SIGNATURE_EXPIRED": "sign the zone again, and find out why its signer stopped",
    "SIGNATURE_NOT_YET_VALID": "compare the clocks of the signer and of this machine",
    "SIGNATURE_INVALID": "sign the zone again; if only some servers give this answer, see --all-servers",
    "SIGNATURE_MISSING": "sign the zone again, and see with --all-servers whether one server has an unsigned copy",
    "SIGNATURE_MALFORMED": "sign the zone again; if only some servers give this answer, see --all-servers",
    "SIGNER_MISMATCH": "the records were signed as another zone's: sign them with the keys of the zone they are in",
    "SIGNING_KEY_MISSING": "publish the key that signed, or sign again with one of the keys that are published",
    "DS_MISMATCH": "hand the parent the DS of a key that the zone has now, or put the old key back until it is there",
    "DNSKEY_MISSING": "serve the signed zone, or have the parent take its DS away",
    "KEY_REVOKED": "have the parent's DS point to a key that is not revoked",
    "KEY_NOT_FOR_ZONE": "use a key with the Zone flag (flags 256 or 257) and protocol 3",
    "DENIAL_MISSING": "ask another resolver: this one, or the server, leaves out NSEC or NSEC3 records",
    "DENIAL_INSUFFICIENT": "sign the zone again: its NSEC or NSEC3 chain does not cover the name",
    "DNAME_MISMATCH": "the CNAME is not the one that the DNAME makes: ask another resolver",
    "ALGORITHM_UNSUPPORTED": "sign with ECDSAP256SHA256 (13), which every validator knows",
    "INSECURE_DELEGATION": "to have the zone secured, sign it and hand its DS to the parent",
    "OPT_OUT": "to have the zone secured, sign it and hand its DS to the parent",
    "NO_ANSWER": "ask another resolver with --resolver, or try again",
    "NO_TRUST_ANCHOR": "name a file with a trust anchor at or above the name with --anchor",
    "ALIAS_LOOP": "have the last alias point somewhere else",
}


def hint(reason: Reason) -> str:
    """The next thing to do; empty where nothing general can be said."""
    if reason.code == "DNSKEY_MISSING" and reason.blamed == ". DNSKEY":
        return "ask another resolver with --resolver: the root is signed, and this one hides its keys"
    return _HINTS.get(reason.code, "")
