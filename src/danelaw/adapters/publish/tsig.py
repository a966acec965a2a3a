"""Transaction signatures (RFC 8945): keys in BIND's key files, signing what is sent, checking what comes back."""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

import dns.exception
import dns.name
import dns.rcode
import dns.rdata
import dns.tsig
import dns.wire
from dns.name import Name
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.TSIG import TSIG

from danelaw.core.dnssec.canonical import plain_wire
from danelaw.core.model import DanelawError, Instant

ALGORITHMS: Final = {
    name.to_text(omit_final_dot=True): name
    for name in (dns.tsig.HMAC_SHA256, dns.tsig.HMAC_SHA384, dns.tsig.HMAC_SHA512, dns.tsig.HMAC_SHA224)
}
"""Those of RFC 8945 §6 that are neither forbidden nor advised against, without the truncated ones."""

MAX_FUDGE: Final = timedelta(seconds=300)
"""What RFC 8945 §10 recommends."""

_HEADER: Final = 12
_ARCOUNT: Final = slice(10, 12)


@dataclass(frozen=True, slots=True)
class TsigKey:
    """A secret shared with a server. The secret has no representation."""

    name: Name
    algorithm: Name
    secret: bytes = field(repr=False)


# -- key files --------------------------------------------------------------------------------------------------------

_COMMENT: Final = re.compile(r'("[^"\n]*")|/\*.*?\*/|//[^\n]*|#[^\n]*', re.DOTALL)
"""Or what is quoted, where nothing is one: base64 may hold ``//``."""
_KEY: Final = re.compile(r'key\s+(?:"([^"]*)"|([^\s"{};]+))\s*\{([^{}]*)\}\s*;?', re.IGNORECASE)
_STATEMENT: Final = re.compile(r'(algorithm|secret)\s+(?:"([^"]*)"|([^\s"{};]+))\s*;', re.IGNORECASE)


def read_key(path: Path) -> TsigKey:
    """The one key of a file in BIND's form: ``key "name" { algorithm hmac-sha256; secret "…"; };``.

    Raises ``TSIG_KEY_UNUSABLE``: no such file, not one key in it, or open to others than its owner and group.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            data = file.read(65536)
    except OSError as error:
        raise _unusable(path, str(error), "make one with tsig-keygen, and name it with key_file") from error
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise _unusable(path, f"its mode is {mode:04o}", f"chmod 600 {path}, or 640 if a group must read it")
    return _parse(path, data)


def _parse(path: Path, data: bytes) -> TsigKey:
    """No evidence quotes what the file holds: it is a secret."""
    hint = 'write key "NAME" { algorithm hmac-sha256; secret "BASE64"; }; as tsig-keygen does'
    try:
        text = _COMMENT.sub(lambda found: found[1] or " ", data.decode("ascii"))
    except UnicodeDecodeError as error:
        raise _unusable(path, "it is no ASCII text", hint) from error
    keys = _KEY.findall(text)
    if len(keys) != 1 or _KEY.sub("", text).strip():
        raise _unusable(path, "it does not hold exactly one key, and nothing else", hint)
    quoted, bare, body = keys[0]
    statements = {kind.lower(): first or second for kind, first, second in _STATEMENT.findall(body)}
    if set(statements) != {"algorithm", "secret"} or _STATEMENT.sub("", body).strip():
        raise _unusable(path, "the key does not have an algorithm and a secret, and nothing else", hint)
    algorithm = ALGORITHMS.get(statements["algorithm"].lower().removesuffix("."))
    if algorithm is None:
        known = f"make a key of one of: {', '.join(ALGORITHMS)}"
        raise _unusable(path, f"the algorithm {statements['algorithm']!r} is not used here", known)
    try:
        name = dns.name.from_text(quoted or bare)
        secret = base64.b64decode(statements["secret"], validate=True)
    except (dns.exception.DNSException, binascii.Error) as error:
        raise _unusable(path, "the key's name or its base64 cannot be read", hint) from error
    if not secret:
        raise _unusable(path, "the secret is empty", hint)
    return TsigKey(name, algorithm, secret)


def _unusable(path: Path, evidence: str, hint: str) -> DanelawError:
    return DanelawError("TSIG_KEY_UNUSABLE", f"the TSIG key in {path} cannot be used", evidence=evidence, hint=hint)


# -- messages ---------------------------------------------------------------------------------------------------------


def sign(wire: bytes, key: TsigKey, now: Instant, fudge: timedelta) -> tuple[bytes, bytes]:
    """The message with a TSIG record at its end, and its MAC.

    A server refuses the message once its clock is more than ``fudge`` (whole seconds) from ``now`` (RFC 8945 §5.2.3).
    """
    blank = TSIG(  # type: ignore[no-untyped-call]  # dnspython has no types there
        RdataClass.ANY,
        RdataType.TSIG,
        key.algorithm,
        int(now.timestamp()),
        int(fudge.total_seconds()),
        b"",
        int.from_bytes(wire[:2]),
        0,
        b"",
    )
    signed, _ = dns.tsig.sign(wire, _secret(key), blank, blank.time_signed)  # type: ignore[no-untyped-call]  # dnspython has no types there
    rdata = signed.to_wire()
    record = (
        plain_wire(key.name)
        + RdataType.TSIG.to_bytes(2)
        + RdataClass.ANY.to_bytes(2)
        + bytes(4)
        + len(rdata).to_bytes(2)
        + rdata
    )
    count = int.from_bytes(wire[_ARCOUNT]) + 1
    return wire[:10] + count.to_bytes(2) + wire[_HEADER:] + record, signed.mac


def check(wire: bytes, key: TsigKey, request_mac: bytes, now: Instant) -> None:
    """Whether a reply is signed by the key, over the request, and in time (RFC 8945 §5.4).

    Raises ``TSIG_REJECTED`` where the server says that it does not take the key or the signature, ``CLOCK_WRONG``,
    ``REPLY_UNAUTHENTIC``.
    """
    try:
        start, owner, rdata = _last_tsig(wire)
        at = int(now.timestamp())
        dns.tsig.validate(wire, _secret(key), owner, rdata, at, request_mac, start)  # type: ignore[no-untyped-call]  # dnspython has no types there
    except (dns.tsig.PeerBadKey, dns.tsig.PeerBadSignature, dns.tsig.PeerBadTruncation) as error:
        raise DanelawError(
            "TSIG_REJECTED",
            f"the server does not accept the TSIG key {key.name}",
            evidence=str(error),
            hint="name, algorithm and secret must be the same in key_file and at the server",
        ) from error
    except (dns.tsig.PeerBadTime, dns.tsig.BadTime) as error:
        raise DanelawError(
            "CLOCK_WRONG",
            "the clocks of this machine and of the server are too far apart for a signed update",
            evidence=str(error),
            hint="let NTP set both clocks",
        ) from error
    except dns.exception.DNSException as error:
        raise DanelawError(
            "REPLY_UNAUTHENTIC",
            f"the reply is not signed by the TSIG key {key.name}",
            evidence=f"{str(error) or type(error).__name__}; RCODE {_rcode(wire)}",
            hint="is this the primary of the zone, and does it know the key?",
        ) from error


class _NoTsigError(dns.exception.DNSException):
    """It has no TSIG record."""


def _secret(key: TsigKey) -> dns.tsig.Key:
    return dns.tsig.Key(key.name, key.secret, key.algorithm)


def _last_tsig(wire: bytes) -> tuple[int, Name, TSIG]:
    """Where the TSIG record begins, its owner and rdata. It is the last record, in the additional section.

    Raises ``DNSException`` where there is none.
    """
    parser = dns.wire.Parser(wire)
    _, _, questions, *records = parser.get_struct("!HHHHHH")
    for _ in range(questions):
        parser.get_name(decompress=True)
        parser.get_bytes(4)
    start, owner, type = 0, dns.name.root, 0
    for _ in range(sum(records)):
        start = parser.current
        owner = parser.get_name(decompress=True)
        type, klass, _, length = parser.get_struct("!HHIH")
        at = parser.current
        parser.get_bytes(length)
    if type != RdataType.TSIG or klass != RdataClass.ANY or not records[-1] or parser.remaining():
        raise _NoTsigError
    rdata = dns.rdata.from_wire(RdataClass.ANY, RdataType.TSIG, wire, at, length)
    if not isinstance(rdata, TSIG):
        raise _NoTsigError
    return start, owner, rdata


def _rcode(wire: bytes) -> str:
    return str(dns.rcode.to_text(dns.rcode.Rcode.make(wire[3] & 0xF))) if len(wire) >= _HEADER else "none"
