"""certbot's account at a CA, as certbot keeps it: it is read, and nothing there is ever changed.

CONFIG/accounts/HOST/PATH/NAME/private_key.json   the key, a JWK; HOST and PATH are those of the CA's directory
                               regr.json          the account's URL, as ``uri``
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from josepy.errors import Error as JoseError
from josepy.jwk import JWK

from danelaw.adapters.issue.transport import signing_key
from danelaw.core.model import DanelawError

_NAME: Final = re.compile(r"[0-9A-Za-z]+")
_LONGEST: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class CertbotAccount:
    """``key``: in PEM. ``url``: under which the CA knows it."""

    key: bytes
    url: str


def account(directory: Path, ca: str, name: str) -> CertbotAccount | None:
    """The account that a certificate was ordered by. ``directory``: certbot's. ``ca``: the URL of the CA's directory.
    ``name``: of the account, as ``renewal/*.conf`` has it.

    None where certbot has none of this name. Raises ``DanelawError("ACCOUNT_UNREADABLE")``; quotes nothing of the key.
    """
    at = urlsplit(ca)
    parts = [part for part in f"{at.netloc}{at.path}".split("/") if part]
    if ".." in parts or not _NAME.fullmatch(name):
        return None
    folder = directory.joinpath("accounts", *parts, name)
    try:
        key: Any = JWK.from_json(_object(folder / "private_key.json"))
        pem: bytes = key.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        signing_key(pem)
        url = _object(folder / "regr.json")["uri"]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(folder, str(error)) from error
    except (ValueError, JoseError, AttributeError, TypeError, KeyError) as error:
        raise _unreadable(folder, f"it is no account of certbot's ({type(error).__name__})") from error
    if not isinstance(url, str) or urlsplit(url).scheme not in ("https", "http"):
        raise _unreadable(folder, "regr.json names no URL")
    return CertbotAccount(pem, url)


def _object(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        found = json.loads(file.read(_LONGEST))
    if not isinstance(found, dict):
        raise ValueError(f"{path} is no JSON object")
    return found


def _unreadable(folder: Path, evidence: str) -> DanelawError:
    return DanelawError(
        "ACCOUNT_UNREADABLE",
        f"certbot's account in {folder} cannot be used",
        evidence=evidence,
        hint="a new account is made instead; where CAA records name certbot's (accounturi), change them",
    )
