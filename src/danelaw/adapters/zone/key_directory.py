"""A directory of zone keys in BIND's key files: those of dnssec-keygen are read, and ours are read by BIND."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from dns.name import Name

from danelaw.adapters.zone.disk import remove_leftovers, staged
from danelaw.core.dnssec.algorithms import DEFAULT_POLICY, Algorithm
from danelaw.core.dnssec.bind_keys import (
    KeyFileError,
    KeyTimes,
    key_file_name,
    key_file_stem,
    key_file_texts,
    read_key_files,
)
from danelaw.core.dnssec.crypto import CURVES, PrivateKey
from danelaw.core.dnssec.keys import REVOKE_FLAG, SEP_FLAG, ZONE_FLAG, ZoneKey
from danelaw.core.model import DanelawError

KSK_FLAGS: Final = ZONE_FLAG | SEP_FLAG
ZSK_FLAGS: Final = ZONE_FLAG
RSA_BITS: Final = 2048
_MOST_NAMED: Final = 5


class KeyDirectory:
    """Implements ``ports.KeyFiles``. ``patience``: how long another process may take to make a key."""

    def __init__(self, directory: Path, *, patience: timedelta = timedelta(seconds=30)) -> None:
        self.directory = directory
        self._patience = patience

    def keys(self, zone: Name) -> list[tuple[ZoneKey, KeyTimes]]:
        """As ``read_keys``."""
        return read_keys(self.directory, zone)

    def needed(self, zone: Name) -> list[tuple[ZoneKey, KeyTimes]]:
        """As ``needed_keys``."""
        return needed_keys(self.directory, zone)

    def make(
        self, zone: Name, flags: int, created: datetime, algorithm: Algorithm, bits: int | None = None
    ) -> tuple[ZoneKey, Path]:
        """As ``make_key``; with the path of the public file."""
        key = make_key(self.directory, zone, flags, created, algorithm, bits=bits, patience=self._patience)
        return key, self.directory / f"{key_file_name(zone, key.dnskey)}.key"


def read_keys(directory: Path, zone: Name) -> list[tuple[ZoneKey, KeyTimes]]:
    """The zone's key pairs, by algorithm and tag; none where there is no directory. Keys of other zones are no matter.

    Raises ``KEYS_UNREADABLE``, also for a private key that is open to others than its owner and group.
    """
    keys = []
    for path in _public_files(directory, zone):
        try:
            key, times = read_key_files(path.read_text(encoding="utf-8"), _private_text(path.with_suffix(".private")))
        except (OSError, UnicodeDecodeError, KeyFileError) as error:
            raise _unusable(path, error) from error
        if key.zone != zone:
            raise DanelawError(
                "KEYS_UNREADABLE",
                f"{path} holds a key of {key.zone}, not of {zone}",
                hint="the file was renamed or edited: move it away, or name it as it was made",
            )
        if path.stem != key_file_name(zone, key.dnskey):
            raise DanelawError(
                "KEYS_UNREADABLE",
                f"{path} holds another key than its name says",
                evidence=f"that key's file is {key_file_name(zone, key.dnskey)}.key",
                hint="the file was renamed or edited: restore it, or move it away",
            )
        keys.append((key, times))
    return keys


def needed_keys(directory: Path, zone: Name) -> list[tuple[ZoneKey, KeyTimes]]:
    """As ``read_keys``, where there must be some. Raises ``KEYS_MISSING``, which says whose keys are there instead."""
    keys = read_keys(directory, zone)
    if keys:
        return keys
    others = sorted({path.name.partition("+")[0][1:] for path in _listed(directory, "K*+*.key")})
    if others:
        named = ", ".join(others[:_MOST_NAMED])
        more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
        evidence = f"its keys are of {named}{more}; a zone is signed by keys of its own name"
    else:
        evidence = "it has no key files" if directory.is_dir() else "there is no such directory"
    raise DanelawError(
        "KEYS_MISSING",
        f"{directory} holds no keys of {zone}",
        evidence=evidence,
        hint=f"danelaw zone keygen {_plain(zone)} --keys {directory}",
    )


def make_key(
    directory: Path,
    zone: Name,
    flags: int,
    created: datetime,
    algorithm: Algorithm = DEFAULT_POLICY.sign_default,
    *,
    bits: int | None = None,
    patience: timedelta = timedelta(seconds=30),
    idle: bool = False,
) -> ZoneKey:
    """Generates a key pair, active from ``created``, and stores it; the private file, for its owner only, goes first.
    ``idle``: it is neither published nor active until its times say so.

    Its tag differs from those of the zone's other keys, also after a revocation, which changes tags; nothing is ever
    overwritten. ``bits``: of an RSA key, 2048 if not given. Raises ``DanelawError``: ``KEYS_UNREADABLE``,
    ``KEYS_UNWRITABLE``, ``KEYS_LOCKED``, ``ALGORITHM_UNSUPPORTED``.
    """
    times = KeyTimes.at_once(created)
    if idle:
        times = KeyTimes(created=times.created)
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(directory, patience):
            _remove_leftovers(directory, zone)
            taken = {tag for key, _ in read_keys(directory, zone) for tag in (key.tag, _revoked_tag(key))}
            while True:
                private = _generate(algorithm) if bits is None else rsa.generate_private_key(65537, bits)
                key = ZoneKey.of(zone, flags, algorithm, private)
                if taken.isdisjoint({key.tag, _revoked_tag(key)}) and _stored(directory, key, times):
                    return key
    except OSError as error:
        raise DanelawError(
            "KEYS_UNWRITABLE",
            f"cannot keep keys in {directory}",
            evidence=error.strerror or str(error),
            hint="name a directory with --keys that is yours to write to, or may be made",
        ) from error


def set_times(directory: Path, key: ZoneKey, times: KeyTimes) -> None:
    """Writes the key's two files anew with other times, which both have. Raises ``FILE_UNWRITABLE``."""
    public = directory / f"{key_file_name(key.zone, key.dnskey)}.key"
    public_text, private_text = key_file_texts(key, times)
    for path in (public, public.with_suffix(".private")):
        remove_leftovers(path)
    with (
        staged(public.with_suffix(".private"), private_text.encode(), 0o600) as put_private,
        staged(public, public_text.encode(), 0o644) as put_public,
    ):
        put_private()
        put_public()


def destroy_key(directory: Path, key: ZoneKey) -> None:
    """Removes the key's two files; the public one, by which the pair is found, goes first.

    Raises ``KEYS_UNWRITABLE``.
    """
    public = directory / f"{key_file_name(key.zone, key.dnskey)}.key"
    try:
        public.unlink(missing_ok=True)
        public.with_suffix(".private").unlink(missing_ok=True)
        for path in (public, public.with_suffix(".private")):
            remove_leftovers(path)
        _sync(directory)
    except OSError as error:
        raise DanelawError(
            "KEYS_UNWRITABLE",
            f"cannot remove the key {public}",
            evidence=error.strerror or str(error),
            hint="remove its two files yourself: nothing is signed by it any more",
        ) from error


def _stored(directory: Path, key: ZoneKey, times: KeyTimes) -> bool:
    """Writes the two files; False, and nothing written, where a file of that name is there already."""
    public_text, private_text = key_file_texts(key, times)
    private = directory / f"{key_file_name(key.zone, key.dnskey)}.private"
    public = private.with_suffix(".key")
    with ExitStack() as stack:
        try:
            stack.enter_context(_created(private, private_text.encode(), 0o600))
        except FileExistsError:
            return False
        try:
            stack.enter_context(_created(public, public_text.encode(), 0o644))
        except OSError as error:
            private.unlink()
            if isinstance(error, FileExistsError):
                return False
            raise
    return True


@contextmanager
def _created(path: Path, data: bytes, mode: int) -> Iterator[None]:
    """A new file, durably, whole or not at all. Raises ``FileExistsError`` rather than replace one.

    It has a second, hidden name meanwhile, by which it is known whose maker was killed: ``_remove_leftovers``.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(name, path)
        _sync(path.parent)
        yield
    finally:
        Path(name).unlink(missing_ok=True)


def _remove_leftovers(directory: Path, zone: Name) -> None:
    """Removes what was left by a process that was killed while it made a key, and the private half of a pair that has
    no other. Only for who holds the lock of the directory."""
    for left in _listed(directory, f".{key_file_stem(zone)}+*.*"):
        path, _, random = left.name[1:].rpartition(".")
        made = directory / path
        if made.suffix not in (".private", ".key") or random.startswith("danelaw-"):
            continue  # those are of ``set_times``, which may be at work
        alone = made.suffix == ".private" and not made.with_suffix(".key").exists()
        if alone and made.exists() and made.samefile(left):
            made.unlink()
        left.unlink(missing_ok=True)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _alone(directory: Path, patience: timedelta) -> Iterator[None]:
    """Holds the lock of the directory itself, so that no other process looks for a free tag meanwhile."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        end = time.monotonic() + patience.total_seconds()
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= end:
                    raise DanelawError(
                        "KEYS_LOCKED",
                        f"another process has been making keys in {directory} for too long",
                        evidence=f"waited {patience.total_seconds():g} s",
                        hint="see which: fuser -v " + str(directory),
                    ) from error
                time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


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


def _unusable(path: Path, error: Exception) -> DanelawError:
    private = path.with_suffix(".private")
    hint = f"restore {path.name} and {private.name} from a copy, or move them out of the directory"
    evidence = str(error)
    if isinstance(error, OSError):
        at = error.filename or path
        evidence = f"{at}: {error.strerror or error}"
        if error.errno == errno.ENOENT:
            hint = f"a key is two files: put {private.name} beside {path.name}, or move that out of the directory"
        elif error.errno == errno.EACCES:
            hint = f"run as the owner of {at}, or let a group read it: chmod 640"
    elif isinstance(error, KeyFileError) and "RFC 9905" in evidence:
        hint = "make a new key with danelaw zone keygen, and move the two files of the old one away"
    return DanelawError("KEYS_UNREADABLE", f"cannot use the key {path}", evidence=evidence, hint=hint)


def _public_files(directory: Path, zone: Name) -> list[Path]:
    # Whatever a glob pattern gives meaning to is in hexadecimal in the stem.
    return _listed(directory, f"{key_file_stem(zone)}+*.key")


def _listed(directory: Path, pattern: str) -> list[Path]:
    try:
        if directory.exists():
            os.scandir(directory).close()  # glob finds nothing where it may not look
        return sorted(directory.glob(pattern))
    except OSError as error:
        raise DanelawError(
            "KEYS_UNREADABLE",
            f"cannot look for keys in {directory}",
            evidence=error.strerror or str(error),
            hint="name the directory of the key files with --keys",
        ) from error


def _plain(zone: Name) -> str:
    return zone.to_text(omit_final_dot=True)


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
            return rsa.generate_private_key(65537, RSA_BITS)
    raise DanelawError("ALGORITHM_UNSUPPORTED", f"no keys of algorithm {algorithm.name} are made here")
