"""Notices to a web hook: JSON by POST, with a code that shows who sent it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import msgspec

from danelaw.core.model import DanelawError, Instant
from danelaw.core.notify import texts
from danelaw.core.notify.record import Notice
from danelaw.core.secrecy import hide

SIGNATURE: Final = "Danelaw-Signature"


class Post(Protocol):
    """A place that takes documents by HTTPS."""

    async def post(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Raises ``DanelawError`` and ``TimeoutError``."""
        ...


class WebhookWay:
    """``ports.Way``. ``secret``: ASCII, shared with the receiver, who checks by it what arrives; None: none is signed.

    ``tell`` raises ``HOOK_NOT_TAKEN``.
    """

    def __init__(self, place: Post, secret: bytes | None, host: str) -> None:
        self._place = place
        self._secret = secret
        self._host = host

    async def tell(self, notices: Sequence[Notice], at: Instant) -> None:
        body = msgspec.json.encode(texts.document(notices, self._host, at))
        headers = {} if self._secret is None else {SIGNATURE: signature(self._secret, body, at)}
        try:
            await self._place.post(body, headers)
        except DanelawError as error:
            said = error.evidence if self._secret is None else hide(error.evidence, [self._secret.decode("ascii")])
            raise DanelawError("HOOK_NOT_TAKEN", error.message, evidence=said, hint=error.hint) from None
        except TimeoutError as error:
            hint = "does it run? What a hook has to do that takes long, it does after its reply"
            raise DanelawError("HOOK_NOT_TAKEN", "the hook does not reply in time", hint=hint) from error


def signature(secret: bytes, body: bytes, at: Instant) -> str:
    """``t=SECONDS,v1=HEX``: HMAC-SHA256 of ``SECONDS.BODY``, so that no old document passes for a new one."""
    seconds = int(at.timestamp())
    return f"t={seconds},v1={hmac.new(secret, b'%d.' % seconds + body, hashlib.sha256).hexdigest()}"
