"""A directory of zone keys in BIND's key files: those of dnssec-keygen are read, and ours are read by BIND."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from dns.name import Name

from danelaw.adapters.zone.disk import write_atomically
from danelaw.core.dnssec.algorithms import DEFAULT_POLICY, Algorithm
from danelaw.core.dnssec.bind_keys import KeyFileError, KeyTimes, key_file_texts, read_key_files
from danelaw.core.dnssec.crypto import CURVES, PrivateKey
from danelaw.core.dnssec.keys import REVOKE_FLAG, SEP_FLAG, ZONE_FLAG, ZoneKey
from danelaw.core.model import DanelawError

KSK_FLAGS: Final = ZONE_FLAG | SEP_FLAG
ZSK_FLAGS: Final = ZONE_FLAG
_RSA_BITS: Final = 2048
_PLAIN_CHARACTERS: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_")


def read_keys(directory: Path, zone: Name) -> list[tuple[ZoneKey, KeyTimes]]:
    """The zone's key pairs, by algorithm and tag; none where there is no directory.

    Raises ``KEYS_UNREADABLE``, also for a private key that is open to others than its owner and group.
    """
    keys = []
    # Whatever a glob pattern gives meaning to is in hexadecimal in the stem.
    for path in sorted(directory.glob(f"{_file_stem(zone)}+*.key")):
        try:
            key, times = read_key_files(path.read_text(), _private_text(path.with_suffix(".private")))
        except (OSError, UnicodeDecodeError, KeyFileError) as error:
            raise DanelawError("KEYS_UNREADABLE", f"cannot use the key {path}", evidence=str(error)) from error
        if key.zone != zone:
            raise DanelawError("KEYS_UNREADABLE", f"{path} holds a key of {key.zone}, not of {zone}")
        keys.append((key, times))
    return keys


def _private_text(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & (stat.S_IRWXO | stat.S_IWGRP):
            raise DanelawError(
                "KEYS_UNREADABLE",
                f"{path} is open to others, so its key is not used",
                evidence=f"its mode is {mode:04o}",
                hint=f"chmod 600 {path}, or 640 if a group must read it; was it read by others, then replace the key",
            )
        return file.read()


def make_key(
    directory: Path, zone: Name, flags: int, created: datetime, algorithm: Algorithm = DEFAULT_POLICY.sign_default
) -> ZoneKey:
    """Generates a key pair and stores it, the private file first and for its owner only.

    Its tag differs from those of the zone's other keys of the algorithm, also after a revocation, which changes tags.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    taken = {
        tag
        for key, _ in read_keys(directory, zone)
        if key.dnskey.algorithm == algorithm
        for tag in (key.tag, _revoked_tag(key))
    }
    while True:
        key = ZoneKey.of(zone, flags, algorithm, _generate(algorithm))
        private = directory / f"{_file_stem(zone)}+{algorithm:03d}+{key.tag:05d}.private"
        if taken.isdisjoint({key.tag, _revoked_tag(key)}) and not private.exists():
            break
    key_text, private_text = key_file_texts(key, created)
    write_atomically(private, private_text.encode(), 0o600)
    write_atomically(private.with_suffix(".key"), key_text.encode(), 0o644)
    return key


def _revoked_tag(key: ZoneKey) -> int:
    """The tag with the REVOKE bit the other way (RFC 5011 §2.1 sets it)."""
    return replace(key.dnskey, flags=key.dnskey.flags ^ REVOKE_FLAG).tag


def _generate(algorithm: Algorithm) -> PrivateKey:
    if algorithm in CURVES:
        return ec.generate_private_key(CURVES[algorithm])
    match algorithm:
        case Algorithm.ED25519:
            return ed25519.Ed25519PrivateKey.generate()
        case Algorithm.ED448:
            return ed448.Ed448PrivateKey.generate()
        case Algorithm.RSASHA256:
            return rsa.generate_private_key(65537, _RSA_BITS)
    raise DanelawError("ALGORITHM_UNSUPPORTED", f"no keys of algorithm {algorithm.name} are made here")


def _file_stem(zone: Name) -> str:
    """``Kexample.net.``: lower case, and what is unusual in file names in hexadecimal, as BIND writes it."""
    if len(zone.labels) == 1:
        return "K."
    labels = (
        "".join(chr(c) if c in _PLAIN_CHARACTERS else f"%{c:02X}" for c in label.lower()) for label in zone.labels
    )
    return "K" + ".".join(labels)
