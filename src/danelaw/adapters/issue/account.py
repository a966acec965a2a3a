"""The ACME account on disk: a key made once, and the URL under which each CA knows it (RFC 8555 §7.3)."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from danelaw.adapters.issue.transport import SigningKey, signing_key
from danelaw.core.model import DanelawError

KEY: Final = "key.pem"


@dataclass(frozen=True, slots=True)
class Known:
    """An account at a CA: its URL, and the contact that the CA was told."""

    url: str
    contact: str | None = None


@dataclass(frozen=True, slots=True)
class AccountFiles:
    """``directory`` holds ``key.pem`` (mode 0600; ECDSA, or RSA, as other clients make it) and ``urls.json`` (CA
    directory URL → ``Known``)."""

    directory: Path

    def key(self) -> SigningKey:
        """The account key; made at the first call, ECDSA P-256, by whoever comes first.

        Raises ``DanelawError("ACCOUNT_UNREADABLE")``.
        """
        path = self.directory / KEY
        try:
            if not path.exists():
                self._put_key(path, _new_key())
            return signing_key(path.read_bytes())
        except (OSError, ValueError, TypeError) as error:
            raise self._unreadable(path, error) from error

    def take(self, key: bytes, ca: str, url: str) -> bool:
        """Be the account that another client has at this CA from now on; ``key`` is its, in PEM.

        False: there is another account here, which stays. Raises ``DanelawError("ACCOUNT_UNREADABLE")``.
        """
        path = self.directory / KEY
        try:
            if not path.exists():
                self._put_key(path, key)
        except OSError as error:
            raise self._unreadable(path, error) from error
        if self.key() != signing_key(key):
            return False
        if self.known(ca) is None:
            self.remember(ca, Known(url))
        return True

    def known(self, ca: str) -> Known | None:
        """The account at this CA, where one is known."""
        return self._accounts().get(ca)

    def url(self, ca: str) -> str | None:
        known = self.known(ca)
        return known.url if known is not None else None

    def remember(self, ca: str, account: Known) -> None:
        self._save(self._accounts() | {ca: account})

    def forget(self, ca: str) -> None:
        """The CA does not know the account any more."""
        self._save({known: account for known, account in self._accounts().items() if known != ca})

    def _accounts(self) -> dict[str, Known]:
        path = self.directory / "urls.json"
        try:
            accounts = json.loads(path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise self._unreadable(path, error) from error
        found: dict[str, Known] = {}
        for ca, account in accounts.items() if isinstance(accounts, dict) else ():
            match account:
                case str(url):  # as it was written before contacts were kept
                    found[ca] = Known(url)
                case {"url": str(url), "contact": str() | None as contact}:
                    found[ca] = Known(url, contact)
        return found

    def _save(self, accounts: dict[str, Known]) -> None:
        path = self.directory / "urls.json"
        text = json.dumps({ca: asdict(known) for ca, known in accounts.items()}, indent=1)
        try:
            with self._alone():
                new = self._prepared(text.encode())
                try:
                    new.replace(path)
                finally:
                    new.unlink(missing_ok=True)
        except OSError as error:
            raise self._unreadable(path, error) from error

    def _put_key(self, path: Path, secret: bytes) -> None:
        with self._alone():
            new = self._prepared(secret)
            try:
                with suppress(FileExistsError):  # another process was first: its key is the account's
                    os.link(new, path)
            finally:
                new.unlink()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Holds the lock of the directory, and removes what a process left there that was killed: keys, it may be."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            for left in self.directory.glob(".new-*"):
                left.unlink(missing_ok=True)
            yield
        finally:
            os.close(handle)

    def _prepared(self, content: bytes) -> Path:
        """A new file on disk, mode 0600, whole: ready to be linked or renamed into place."""
        handle, name = tempfile.mkstemp(dir=self.directory, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError:  # a full disk is not to be filled with what did not fit
            Path(name).unlink(missing_ok=True)
            raise
        return Path(name)

    def _unreadable(self, path: Path, why: object) -> DanelawError:
        return DanelawError(
            "ACCOUNT_UNREADABLE",
            f"the ACME account in {path} cannot be used",
            evidence=str(why),
            hint="restore the file, or move it away: a new account is made then",
        )


def _new_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
