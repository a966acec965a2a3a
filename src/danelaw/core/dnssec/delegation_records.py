"""What a zone wants of its parent, in records: DS, and CDS and CDNSKEY (RFC 7344 §3) in the zone itself."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dns.name import Name

from danelaw.core.dnssec.algorithms import DEFAULT_POLICY, DigestType
from danelaw.core.dnssec.bind_keys import KeyState, KeyTimes
from danelaw.core.dnssec.keys import DNSKEY, DS, ZoneKey, make_ds
from danelaw.core.model import DanelawError

DIGESTS: Final = (DigestType.SHA256, DigestType.SHA384)
"""What DS records are made with. SHA-1 is out of use (RFC 9905)."""


@dataclass(frozen=True, slots=True)
class DelegationRecords:
    """The records for some keys of a zone, each key's digests side by side."""

    zone: Name
    keys: tuple[DNSKEY, ...]
    digests: tuple[DigestType, ...] = DIGESTS

    @property
    def ds(self) -> tuple[DS, ...]:
        """The DS records, by key and then digest; CDS records have the same rdata (RFC 7344 §3.1)."""
        return tuple(make_ds(self.zone, key, digest) for key in self.keys for digest in self.digests)

    def ds_lines(self) -> list[str]:
        """In master-file form, on one line each."""
        return [f"{self.zone} IN DS {ds_text(ds)}" for ds in self.ds]

    def cds_lines(self) -> list[str]:
        return [f"{self.zone} IN CDS {ds_text(ds)}" for ds in self.ds]

    def cdnskey_lines(self) -> list[str]:
        """CDNSKEY records have the rdata of the DNSKEY records (RFC 7344 §3.2)."""
        return [f"{self.zone} IN CDNSKEY {dnskey_text(key)}" for key in self.keys]


def delegated_keys(keys: Iterable[tuple[ZoneKey, KeyTimes]], now: datetime) -> tuple[DNSKEY, ...]:
    """The keys that the parent's DS shall point to: those with the SEP flag that sign the DNSKEY RRset at ``now``."""
    return tuple(
        key.dnskey
        for key, times in keys
        if key.dnskey.is_sep and not key.dnskey.revoked and times.state(now) is KeyState.ACTIVE
    )


def ds_text(ds: DS) -> str:
    """The rdata in presentation form (RFC 4034 §5.3)."""
    return f"{ds.tag} {ds.algorithm} {ds.digest_type} {ds.digest.hex().upper()}"


def dnskey_text(key: DNSKEY) -> str:
    """The rdata in presentation form (RFC 4034 §2.2)."""
    return f"{key.flags} {key.protocol} {key.algorithm} {base64.b64encode(key.public_key).decode()}"


def digest_name(digest_type: int) -> str:
    """``SHA-256``, as people and forms call it."""
    known = {DigestType.SHA1: "SHA-1", DigestType.SHA256: "SHA-256", DigestType.SHA384: "SHA-384"}
    return next((name for type, name in known.items() if type == digest_type), f"digest type {digest_type}")


def read_digests(text: str) -> tuple[DigestType, ...]:
    """``sha256,sha384`` or their numbers. Raises ``DanelawError("DIGEST_UNSUPPORTED")``."""
    return tuple(dict.fromkeys(_digest(word) for word in text.split(",")))


def _digest(word: str) -> DigestType:
    plain = word.strip().lower().replace("-", "")
    for digest in DigestType:
        if plain in (digest.name.lower(), str(int(digest))):
            if DEFAULT_POLICY.validates_digest(digest):
                return digest
            why = "validators count it as none (RFC 9905)" if digest is DigestType.SHA1 else "few validators know it"
            break
    else:
        why = "it is not known here"
    raise DanelawError(
        "DIGEST_UNSUPPORTED",
        f"no DS records with the digest {word.strip()!r} are made",
        evidence=why,
        hint="choose sha256, sha384, or both as sha256,sha384",
    )


def without_entry_point(zone: Name, keys: Sequence[tuple[ZoneKey, KeyTimes]], now: datetime) -> DanelawError:
    """The error where no key may be pointed to by a DS."""
    states = ", ".join(
        f"{'KSK' if key.dnskey.is_sep else 'ZSK'} {key.tag} is {times.state(now).value}" for key, times in keys
    )
    return DanelawError(
        "KEY_NOT_ACTIVE",
        f"no key that a DS for {zone} could point to is active",
        evidence=states,
        hint=f"danelaw zone keygen {zone.to_text(omit_final_dot=True)} --ksk --keys DIR, or change the times of one",
    )
