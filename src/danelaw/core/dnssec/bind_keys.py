"""The text of BIND's key files, ``K<zone>+<algorithm>+<tag>.key`` and ``.private`` (format v1.3).

There is no RFC of this format: dnssec-keygen's files are the measure. Key tags and the names of the private fields are
as it writes them.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Final

import dns.exception
import dns.name
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from dns.name import Name

from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.crypto import CURVES, PrivateKey, UnusableKeyError
from danelaw.core.dnssec.keys import DNSKEY, ZoneKey

_RSA_FIELDS: Final = (
    "Modulus",
    "PublicExponent",
    "PrivateExponent",
    "Prime1",
    "Prime2",
    "Exponent1",
    "Exponent2",
    "Coefficient",
)
_TIMES: Final = (
    "Created",
    "Publish",
    "Activate",
    "Revoke",
    "Inactive",
    "Delete",
    "SyncPublish",
    "SyncDelete",
)
"""The fields of ``KeyTimes``, in their order, as the files call them."""


_PLAIN_CHARACTERS: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_")


NEVER: Final = datetime(2105, 1, 1, tzinfo=UTC)
"""The time to be published of a key that only signs, and to be asked for of one that the parent is not to know yet.
BIND counts seconds in 32 bits, so later ones are none to it."""


class KeyFileError(ValueError):
    """Text that is not that of a BIND key file. Never quotes the private file."""


class KeyState(Enum):
    """Where a key stands between its making and its end (RFC 7583 §3.1; a key that is Ready is here Published)."""

    GENERATED = "generated"
    """Not in the DNSKEY RRset yet."""
    PUBLISHED = "published"
    """In the DNSKEY RRset, and signs nothing yet."""
    ACTIVE = "active"
    """In the DNSKEY RRset, and signs."""
    RETIRED = "retired"
    """In the DNSKEY RRset, and signs nothing any more."""
    REVOKED = "revoked"
    """In the DNSKEY RRset with the REVOKE bit, and signs that RRset and nothing else (RFC 5011 §2.1)."""
    REMOVED = "removed"
    """No longer in the DNSKEY RRset."""


@dataclass(frozen=True, slots=True)
class KeyTimes:
    """The timing metadata of a key, aware UTC instants; None: not set. They mean what BIND takes them to mean.

    Without any, as in files of format v1.2, a key is active from ever (where BIND asks that it stands in the zone).
    ``sync_publish`` and ``sync_delete`` bound the time in which CDS and CDNSKEY records (RFC 7344 §5) name the key.
    """

    created: datetime | None = None
    publish: datetime | None = None
    activate: datetime | None = None
    revoke: datetime | None = None
    inactive: datetime | None = None
    delete: datetime | None = None
    sync_publish: datetime | None = None
    sync_delete: datetime | None = None

    @classmethod
    def at_once(cls, created: datetime) -> KeyTimes:
        """Published and active from the beginning."""
        instant = created.astimezone(UTC).replace(microsecond=0)
        return cls(created=instant, publish=instant, activate=instant)

    def state(self, now: datetime) -> KeyState:
        """Where the key stands at ``now``. One without a time to be published is so once it is activated."""
        if self == KeyTimes():
            return KeyState.ACTIVE
        if _past(self.delete, now):
            return KeyState.REMOVED
        if not _past(self.publish if self.publish is not None else self.activate, now):
            return KeyState.GENERATED
        if _past(self.revoke, now):
            return KeyState.REVOKED
        if _past(self.inactive, now):
            return KeyState.RETIRED
        return KeyState.ACTIVE if _past(self.activate, now) else KeyState.PUBLISHED

    def published(self, now: datetime) -> bool:
        """Whether the key is in the DNSKEY RRset at ``now``."""
        return self.state(now) not in (KeyState.GENERATED, KeyState.REMOVED)

    def signs(self, now: datetime) -> bool:
        """Whether the key signs the zone at ``now``. A revoked one does not: see ``revoked``."""
        return self.state(now) is KeyState.ACTIVE

    def signs_unpublished(self, now: datetime) -> bool:
        """Whether the key signs, and is not in the DNSKEY RRset: while algorithms are rolled (RFC 6781 §4.1.4)."""
        ended = _past(self.delete, now) or _past(self.inactive, now) or _past(self.revoke, now)
        return self.publish == NEVER and _past(self.activate, now) and not ended

    def changed(self, now: datetime, *, published: bool, signs: bool) -> KeyTimes:
        """The times of a key that from ``now`` on is published or not, and signs or not; the same where it does so."""
        if (self.published(now), self.signs(now) or self.signs_unpublished(now)) == (published, signs):
            return self
        instant = now.astimezone(UTC).replace(microsecond=0)
        been = self.publish if _past(self.publish, now) and self.publish != NEVER else None
        if not published and not signs:
            return replace(self, inactive=self.inactive or instant, delete=instant)
        if not signs:
            was = _past(self.activate, now)
            idle = (self.activate, self.inactive if _past(self.inactive, now) else instant) if was else (None, None)
            return replace(self, publish=been or instant, activate=idle[0], inactive=idle[1], delete=None)
        active = self.activate if _past(self.activate, now) else instant
        shown = (been or instant) if published else NEVER
        return replace(self, publish=shown, activate=active, inactive=None, delete=None)

    def revoked(self, now: datetime) -> bool:
        """Whether the key is in the DNSKEY RRset with the REVOKE bit at ``now``, and so signs that RRset alone."""
        return self.state(now) is KeyState.REVOKED

    def synced(self, now: datetime) -> bool:
        """Whether the key's own times ask for CDS and CDNSKEY records that name it."""
        return self.published(now) and _past(self.sync_publish, now) and not _past(self.sync_delete, now)

    def asked_for(self, now: datetime, *, named: bool) -> KeyTimes:
        """The times of a key that CDS and CDNSKEY records name from ``now`` on, or do not name; the same where its own
        times say so already."""
        if named:
            instant = now.astimezone(UTC).replace(microsecond=0)
            return self if self.synced(now) else replace(self, sync_publish=instant, sync_delete=None)
        if self.sync_publish is None and self.sync_delete is None:
            return replace(self, sync_publish=NEVER)
        return replace(self, sync_delete=now.astimezone(UTC).replace(microsecond=0)) if self.synced(now) else self

    def next_change(self, now: datetime) -> datetime | None:
        """When after ``now`` the key's state, or ``synced``, is next another; None: never."""
        turns = sorted({when for when in astuple(self) if when is not None and now < when != NEVER})
        present = self.state(now), self.synced(now)
        return next((when for when in turns if (self.state(when), self.synced(when)) != present), None)


def _past(when: datetime | None, now: datetime) -> bool:
    return when is not None and when <= now


def read_key_files(key_text: str, private_text: str) -> tuple[ZoneKey, KeyTimes]:
    """The key pair of the two files' texts. Raises ``KeyFileError``."""
    zone, dnskey = _read_public(key_text)
    fields = _fields(private_text)
    if "Label" in fields and "Modulus" not in fields and "PrivateKey" not in fields:
        raise KeyFileError("the private key is in a hardware module, and none is used here")
    if not fields.get("Private-key-format", "").startswith("v1."):
        raise KeyFileError("the private key file is not of format v1")
    if fields.get("Algorithm", "").split(" ")[0] != str(dnskey.algorithm):
        raise KeyFileError("the two key files are not of the same algorithm")
    try:
        key = ZoneKey(zone, dnskey, _read_private(dnskey.algorithm, fields))
        times = [_instant(fields[name]) if name in fields else None for name in _TIMES]
    except KeyError as error:
        raise KeyFileError(f"the private key file has no field {error}") from error
    except binascii.Error as error:
        raise KeyFileError("the private key file is not in base 64") from error
    except UnusableKeyError as error:
        raise KeyFileError(str(error)) from error
    except ValueError as error:
        raise KeyFileError("the private key file holds impossible values") from error
    return key, KeyTimes(*times)


def key_file_name(zone: Name, dnskey: DNSKEY) -> str:
    """The name of the key's two files without its ending, ``Kexample.net.+013+12345``."""
    return f"{key_file_stem(zone)}+{dnskey.algorithm:03d}+{dnskey.tag:05d}"


def key_file_stem(zone: Name) -> str:
    """``Kexample.net.``: lower case, and what is unusual in file names in hexadecimal, as BIND writes it."""
    if len(zone.labels) == 1:
        return "K."
    labels = (
        "".join(chr(c) if c in _PLAIN_CHARACTERS else f"%{c:02X}" for c in label.lower()) for label in zone.labels
    )
    return "K" + ".".join(labels)


def key_file_texts(key: ZoneKey, times: KeyTimes) -> tuple[str, str]:
    """The texts of the ``.key`` and the ``.private`` file."""
    dnskey = key.dnskey
    kind = ("revoked " if dnskey.revoked else "") + ("key-signing key" if dnskey.is_sep else "zone-signing key")
    owner = key.zone.canonicalize().to_text()
    public = base64.b64encode(dnskey.public_key).decode()
    instants = zip(_TIMES, astuple(times), strict=True)
    utc = [(name, when.astimezone(UTC)) for name, when in instants if when is not None]
    stamps = [(name, f"{when:%Y%m%d%H%M%S}", when.ctime()) for name, when in utc]
    key_text = f"; This is a {kind}, keyid {key.tag}, for {owner}\n"
    key_text += "".join(f"; {name}: {stamp} ({spoken})\n" for name, stamp, spoken in stamps)
    key_text += f"{owner} IN DNSKEY {dnskey.flags} {dnskey.protocol} {dnskey.algorithm} {public}\n"
    private_text = f"Private-key-format: v1.3\nAlgorithm: {dnskey.algorithm} ({Algorithm(dnskey.algorithm).name})\n"
    secret = _private_fields(key.private)
    private_text += "".join(f"{name}: {base64.b64encode(value).decode()}\n" for name, value in secret.items())
    private_text += "".join(f"{name}: {stamp}\n" for name, stamp, _ in stamps)
    return key_text, private_text


def _read_public(text: str) -> tuple[Name, DNSKEY]:
    lines = [line.split(";")[0].split() for line in text.splitlines()]
    records = [line for line in lines if line]
    if len(records) != 1:
        raise KeyFileError("the public key file does not hold exactly one record")
    words = [word for i, word in enumerate(records[0]) if not (i in (1, 2) and (word.isdigit() or word == "IN"))]
    if len(words) < 6 or words[1] != "DNSKEY":
        raise KeyFileError("the public key file does not hold a DNSKEY record")
    try:
        flags, protocol, algorithm = map(int, words[2:5])
        public = base64.b64decode("".join(words[5:]), validate=True)
        return dns.name.from_text(words[0]), DNSKEY(flags, protocol, algorithm, public)
    except (ValueError, dns.exception.DNSException) as error:
        raise KeyFileError("the DNSKEY record is malformed") from error


def _fields(text: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in text.splitlines())
    return {name.strip(): value.strip() for name, colon, value in pairs if colon}


def _instant(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def _read_private(algorithm: int, fields: Mapping[str, str]) -> PrivateKey:
    def octets(name: str) -> bytes:
        return base64.b64decode(fields[name], validate=True)

    if algorithm in CURVES:
        return ec.derive_private_key(int.from_bytes(octets("PrivateKey")), CURVES[algorithm])
    if algorithm == Algorithm.ED25519:
        return ed25519.Ed25519PrivateKey.from_private_bytes(octets("PrivateKey"))
    if algorithm == Algorithm.ED448:
        return ed448.Ed448PrivateKey.from_private_bytes(octets("PrivateKey"))
    if algorithm in (Algorithm.RSASHA1, Algorithm.RSASHA1_NSEC3_SHA1, Algorithm.DSA, Algorithm.DSA_NSEC3_SHA1):
        raise UnusableKeyError(f"nothing is to be signed by algorithm {algorithm}, with SHA-1, any more (RFC 9905)")
    if algorithm in (Algorithm.RSASHA256, Algorithm.RSASHA512):
        n, e, d, p, q, dmp1, dmq1, iqmp = (int.from_bytes(octets(name)) for name in _RSA_FIELDS)
        return rsa.RSAPrivateNumbers(p, q, d, dmp1, dmq1, iqmp, rsa.RSAPublicNumbers(e, n)).private_key()
    raise UnusableKeyError(f"keys of algorithm {algorithm} are not read here")


def _private_fields(key: PrivateKey) -> dict[str, bytes]:
    match key:
        case ec.EllipticCurvePrivateKey():
            return {"PrivateKey": key.private_numbers().private_value.to_bytes(key.curve.key_size // 8)}
        case ed25519.Ed25519PrivateKey() | ed448.Ed448PrivateKey():
            return {"PrivateKey": key.private_bytes_raw()}
        case rsa.RSAPrivateKey():
            secret = key.private_numbers()
            public = secret.public_numbers
            values = (public.n, public.e, secret.d, secret.p, secret.q, secret.dmp1, secret.dmq1, secret.iqmp)
            return {
                name: value.to_bytes((value.bit_length() + 7) // 8)
                for name, value in zip(_RSA_FIELDS, values, strict=True)
            }
