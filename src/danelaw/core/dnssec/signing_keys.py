"""Which of a zone's keys sign what (RFC 4035 §2.2), and which are only published."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.bind_keys import KeyTimes
from danelaw.core.dnssec.keys import DNSKEY, REVOKE_FLAG, ZoneKey

_BY_KSK: Final = frozenset({T.DNSKEY, T.CDS, T.CDNSKEY})
"""What the parent's DS must vouch for by itself (RFC 4035 §2.2; RFC 7344 §4.1 for CDS and CDNSKEY)."""


class UnsignableError(ValueError):
    """The zone or the keys do not allow a right signing."""


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """A zone's keys, by what they do.

    ``ksks`` sign DNSKEY, CDS and CDNSKEY, and ``zsks`` the rest; of an algorithm without a ZSK the KSKs sign all (a
    CSK). ``published`` stand in the DNSKEY RRset and sign nothing. ``revoked`` sign that RRset alone (RFC 5011 §2.1).
    ``delegated`` are named by CDS and CDNSKEY records. ``unpublished`` are not in the DNSKEY RRset and do not sign it;
    they sign the rest by the same rule as the others (RFC 6781 §4.1.4).
    """

    ksks: tuple[ZoneKey, ...] = ()
    zsks: tuple[ZoneKey, ...] = ()
    published: tuple[DNSKEY, ...] = ()
    revoked: tuple[ZoneKey, ...] = ()
    delegated: tuple[DNSKEY, ...] = ()
    unpublished: tuple[ZoneKey, ...] = ()

    @classmethod
    def at(cls, keys: Iterable[tuple[ZoneKey, KeyTimes]], now: datetime, *, cds: bool = False) -> SigningKeys:
        """What the keys do at ``now`` by the times in their files; those that are not published do nothing.

        ``cds``: each KSK that signs is delegated to, unless its own times have a say in that.
        """
        ksks, zsks, published, revoked, delegated, unpublished = [], [], [], [], [], []
        for key, times in keys:
            if times.signs_unpublished(now) and not key.dnskey.revoked:
                unpublished.append(key)
            if not times.published(now):
                continue
            if key.dnskey.revoked or times.revoked(now):
                dnskey = replace(key.dnskey, flags=key.dnskey.flags | REVOKE_FLAG)
                revoked.append(ZoneKey(key.zone, dnskey, key.private))
                continue
            if not times.signs(now):
                published.append(key.dnskey)
            elif key.dnskey.is_sep:
                ksks.append(key)
            else:
                zsks.append(key)
            unsaid = times.sync_publish is None and times.sync_delete is None
            if times.synced(now) or (cds and unsaid and key in ksks):
                delegated.append(key.dnskey)
        by_role = tuple(ksks), tuple(zsks), tuple(published), tuple(revoked), tuple(delegated)
        return cls(*by_role, tuple(unpublished))

    @property
    def dnskeys(self) -> frozenset[bytes]:
        """The rdata of the DNSKEY RRset."""
        signing = (key.dnskey for key in (*self.ksks, *self.zsks, *self.revoked))
        return frozenset(dnskey.to_rdata() for dnskey in (*signing, *self.published))

    def signers(self, type: int) -> tuple[ZoneKey, ...]:
        """The keys that sign RRsets of ``type``."""
        if type in _BY_KSK:
            return (*self.ksks, *(self.revoked if type == T.DNSKEY else ()))
        seps = (*self.ksks, *(key for key in self.unpublished if key.dnskey.is_sep))
        zsks = (*self.zsks, *(key for key in self.unpublished if not key.dnskey.is_sep))
        with_zsk = {key.dnskey.algorithm for key in zsks}
        return (*(key for key in seps if key.dnskey.algorithm not in with_zsk), *zsks)

    def check(self, apex: Name) -> None:
        """Raises ``UnsignableError`` if these keys cannot sign the zone rightly."""
        if not self.ksks:
            raise UnsignableError("there is no key to sign the DNSKEY RRset with")
        for key in (*self.ksks, *self.zsks, *self.revoked, *self.unpublished):
            if key.zone != apex or not key.dnskey.is_zone_key:
                raise UnsignableError(f"key {key.tag} is no zone key of {apex}")
        for key in (*self.ksks, *self.zsks):
            if key.dnskey.revoked:
                raise UnsignableError(f"key {key.tag} is revoked, so it signs nothing but the DNSKEY RRset")
        # Every algorithm of the DNSKEY RRset must sign everything: RFC 4035 §2.2.
        signing = {key.dnskey.algorithm for key in self.ksks}
        for dnskey in (*(key.dnskey for key in self.zsks), *self.published):
            if dnskey.algorithm not in signing:
                raise UnsignableError(f"key {dnskey.tag} is of algorithm {dnskey.algorithm}, of which no KSK signs")
