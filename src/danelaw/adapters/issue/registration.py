"""Our account at a CA: made, found again, told of a new contact (RFC 8555 §7.3)."""

from __future__ import annotations

import base64
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from acme import client, messages
from acme import errors as acme_errors

from danelaw.adapters.issue.account import AccountFiles, Known
from danelaw.adapters.issue.transport import Transport
from danelaw.core.model import DanelawError
from danelaw.core.secrecy import hide

_BASE64URL: Final = re.compile(rb"[A-Za-z0-9_-]+={0,2}")
_LONGEST_SECRET: Final = 4096
"""In octets."""


@dataclass(frozen=True, slots=True)
class Binding:
    """What ties a new account to one that the CA has otherwise: a key identifier, and a file with the MAC key."""

    kid: str
    key: Path

    def secret(self) -> str:
        """The MAC key as the CA gave it, in base64url. Raises ``DanelawError("BINDING_UNUSABLE")``; quotes nothing."""
        try:
            with self.key.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                text = file.read(_LONGEST_SECRET).strip()
        except OSError as error:
            raise self._unusable(str(error)) from error
        if mode & (stat.S_IRWXO | stat.S_IWGRP):
            raise self._unusable(f"its mode is {mode:04o}, it must not be open to others")
        key = text.rstrip(b"=")
        if not _BASE64URL.fullmatch(text) or len(key) % 4 == 1:  # which is no number of octets
            raise self._unusable("it is not base64url")
        return key.decode("ascii")

    def hide(self, text: str) -> str:
        """``text`` without the key, which the CA knows too. A key that is not there any more is not in use."""
        try:
            key = self.secret()
        except DanelawError:
            return text
        return hide(text, (key, base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))))

    def _unusable(self, why: str) -> DanelawError:
        return DanelawError(
            "BINDING_UNUSABLE",
            f"the key in {self.key}, which binds the account, cannot be used",
            evidence=why,
            hint="write into the file the HMAC key that the CA shows, alone, with mode 600",
        )


def log_in(
    net: Transport,
    resources: messages.Directory,
    ca: str,
    files: AccountFiles,
    contact: str | None,
    binding: Binding | None,
    *,
    tell: bool,
) -> None:
    """Sign as our account from here on; the CA learns of it, or tells us its URL (RFC 8555 §7.3, §7.3.1).

    ``tell``: of a contact that is another than the CA was told (§7.3.2). Raises ``DanelawError``:
    ``ACCOUNT_BINDING_REQUIRED``, ``BINDING_UNUSABLE``, ``ACCOUNT_UNREADABLE``; acme's errors.
    """
    known = files.known(ca)
    if known is None:
        known = _registered(net, resources, ca, files, contact, binding)
        files.remember(ca, known)
    net.account = messages.RegistrationResource(uri=known.url, body=messages.Registration())
    if tell and known.contact != contact:
        told = messages.UpdateRegistration(contact=(contact,) if contact is not None else ())
        net.post(known.url, told, new_nonce_url=resources["newNonce"])
        files.remember(ca, Known(known.url, contact))


def _registered(
    net: Transport,
    resources: messages.Directory,
    ca: str,
    files: AccountFiles,
    contact: str | None,
    binding: Binding | None,
) -> Known:
    wish: dict[str, Any] = {"terms_of_service_agreed": True}
    if contact is not None:
        wish["contact"] = (contact,)
    if binding is not None:  # RFC 8555 §7.3.4
        wish["external_account_binding"] = messages.ExternalAccountBinding.from_data(
            files.key().public_key(), binding.kid, binding.secret(), resources
        )
    elif resources["meta"].external_account_required:
        raise DanelawError(
            "ACCOUNT_BINDING_REQUIRED",
            f"the CA at {ca} makes accounts only for customers that it knows",
            evidence="externalAccountRequired",
            hint="get a key identifier and an HMAC key there, and set binding = { kid = …, key_file = … }",
        )
    try:
        return Known(client.ClientV2(resources, net).new_account(messages.NewRegistration(**wish)).uri, contact)
    except acme_errors.ConflictError as found:
        return Known(found.location, None)  # whatever it was told of a contact then
