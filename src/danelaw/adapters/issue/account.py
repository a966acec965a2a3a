"""The ACME account on disk: a key made once, and the URL under which each CA knows it (RFC 8555 §7.3)."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from josepy.jwk import JWKEC
from josepy.util import ComparableECKey

from danelaw.core.model import DanelawError


@dataclass(frozen=True, slots=True)
class AccountFiles:
    """``directory`` holds ``key.pem`` (mode 0600) and ``urls.json`` (CA directory URL → account URL)."""

    directory: Path

    def key(self) -> JWKEC:
        """The account key, ECDSA P-256; made at the first call, by whoever comes first.

        Raises ``DanelawError("ACCOUNT_UNREADABLE")``.
        """
        path = self.directory / "key.pem"
        try:
            if not path.exists():
                self._make_key(path)
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise self._unreadable(path, error) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise self._unreadable(path, "not an ECDSA P-256 key")
        return JWKEC(key=ComparableECKey(key))

    def url(self, ca: str) -> str | None:
        """The account's URL at this CA, where it is known."""
        return self._urls().get(ca)

    def remember(self, ca: str, url: str) -> None:
        self._save(self._urls() | {ca: url})

    def forget(self, ca: str) -> None:
        """The CA does not know the account any more."""
        self._save({known: url for known, url in self._urls().items() if known != ca})

    def _urls(self) -> dict[str, str]:
        path = self.directory / "urls.json"
        try:
            urls = json.loads(path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise self._unreadable(path, error) from error
        return {str(ca): str(url) for ca, url in urls.items()} if isinstance(urls, dict) else {}

    def _save(self, urls: dict[str, str]) -> None:
        path = self.directory / "urls.json"
        try:
            self._prepared(json.dumps(urls, indent=1).encode()).replace(path)
        except OSError as error:
            raise self._unreadable(path, error) from error

    def _make_key(self, path: Path) -> None:
        secret = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        new = self._prepared(secret)
        try:
            with suppress(FileExistsError):  # another process was first: its key is the account's
                os.link(new, path)
        finally:
            new.unlink()

    def _prepared(self, content: bytes) -> Path:
        """A new file on disk, mode 0600, whole: ready to be linked or renamed into place."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.directory, prefix=".new-")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return Path(name)

    def _unreadable(self, path: Path, why: object) -> DanelawError:
        return DanelawError(
            "ACCOUNT_UNREADABLE",
            f"the ACME account in {path} cannot be used",
            evidence=str(why),
            hint="restore the file, or move it away: a new account is made then",
        )
