"""HTTPS to an ACME server, over EFF's ``acme``: nonces tried more than twice, replies bounded, the last one kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from io import BytesIO
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import urllib3
from acme import client, errors, messages
from josepy.jwa import ES256
from josepy.jwk import JWKEC
from requests.adapters import HTTPAdapter

NONCE_TRIES: Final = 6
"""``acme`` tries twice; at 20 % rejection one issuance in four failed then, and none with six tries."""

LONGEST_REPLY: Final = 1 << 20
"""In octets; directories, orders and certificate chains take thousands."""

LONGEST_PATIENCE: Final = timedelta(days=1)
"""No Retry-After holds an order longer than this."""
_MOST_DIGITS: Final = 9


class Transport(client.ClientNetwork):
    """Signed requests with the account's key. Not shared between threads: one is made for each step."""

    def __init__(self, key: JWKEC, directory: str, bundle: Path | None, seconds: float) -> None:
        super().__init__(key, alg=ES256, user_agent="danelaw", timeout=int(seconds))
        if bundle is not None:
            self.verify_ssl = str(bundle)  # type: ignore[assignment] # requests takes a path; acme only passes it on
        # A proxy of the environment is no way to this machine itself.
        self.session.trust_env = not _is_loopback(urlsplit(directory).hostname)
        self.session.headers["Accept-Encoding"] = "identity"
        for scheme in ("https://", "http://"):
            self.session.mount(scheme, _Bounded())
        self.last: requests.Response | None = None

    def post(self, *args: Any, **kwargs: Any) -> requests.Response:
        """POST with a fresh nonce as often as the CA wants one, within reason (RFC 8555 §6.5)."""
        for _ in range(NONCE_TRIES - 1):
            try:
                return self._post_once(*args, **kwargs)
            except messages.Error as problem:
                if code_of(problem) != "badNonce":
                    raise
        return self._post_once(*args, **kwargs)

    def _send_request(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:
        self.last = None
        self.last = super()._send_request(method, url, *args, **kwargs)
        return self.last

    @property
    def server_failed(self) -> bool:
        """Whether the last reply says that the server is at fault, for now."""
        return self.last is not None and self.last.status_code >= 500

    @property
    def busy(self) -> bool:
        """Whether the last reply says that the server will not answer now, or that we ask too often."""
        return self.server_failed or (self.last is not None and self.last.status_code == 429)

    @property
    def date(self) -> datetime | None:
        """When the last reply left the server (Date, RFC 9110 §6.6.1); None if it does not say, or a cache gave it."""
        headers = self.last.headers if self.last is not None else {}
        if "Date" not in headers or "Age" in headers:
            return None
        try:
            date = parsedate_to_datetime(headers["Date"])
        except ValueError:
            return None
        return date if date.tzinfo else date.replace(tzinfo=UTC)

    def retry_at(self, now: datetime, default: timedelta) -> datetime:
        """When the last reply wants the client back (Retry-After, RFC 9110 §10.2.3), else after ``default``."""
        return now + (default if self.last is None else retry_after(self.last.headers.get("Retry-After"), now, default))


class ReplyTooLongError(errors.Error):
    """The server sends more than any reply of RFC 8555 takes."""


class _Bounded(HTTPAdapter):
    """Reads each reply, up to a bound and as it comes: what a short packed reply may become has none."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        reply = super().send(request, *args, **kwargs)
        try:
            body = reply.raw.read(LONGEST_REPLY + 1, decode_content=False)
        except urllib3.exceptions.HTTPError as error:
            raise requests.ConnectionError(error, request=request) from error
        if len(body) > LONGEST_REPLY:
            reply.close()
            raise ReplyTooLongError(f"{request.url} gives more than {LONGEST_REPLY} octets")
        reply.raw = BytesIO(body)
        return reply


def retry_after(header: str | None, now: datetime, default: timedelta) -> timedelta:
    """The wait that a Retry-After header asks for, as seconds or as a date; ``default`` where there is none."""
    if header is None:
        return default
    if (digits := header.strip()).isdecimal():
        # Not more digits than a day has: int refuses thousands of them.
        wait = timedelta(seconds=int(digits)) if len(digits) <= _MOST_DIGITS else LONGEST_PATIENCE
    else:
        try:
            date = parsedate_to_datetime(header)
        except ValueError:
            return default
        wait = (date if date.tzinfo else date.replace(tzinfo=UTC)) - now
    return min(max(wait, timedelta()), LONGEST_PATIENCE)


def code_of(problem: messages.Error) -> str:
    """The last part of a problem's type, also of those that ``acme`` has not heard of."""
    return str(problem.typ).rsplit(":", maxsplit=1)[-1]


def _is_loopback(host: str | None) -> bool:
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"
