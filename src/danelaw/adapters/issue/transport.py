"""HTTPS to an ACME server, over EFF's ``acme``: nonces tried more than twice, replies bounded, the last one kept.

Nothing a CA says leads to another server, neither a redirection nor a link: whoever speaks for the CA could otherwise
have this machine ask for anything within its network.
"""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from io import BytesIO
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import requests
import urllib3
from acme import client, errors, messages
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from josepy.jwa import ES256, ES384, ES512, RS256, JWASignature
from josepy.jwk import JWKEC, JWKRSA
from josepy.util import ComparableECKey, ComparableRSAKey
from requests.adapters import HTTPAdapter

from danelaw.adapters.issue.deadline import Deadline

NONCE_TRIES: Final = 6
"""``acme`` tries twice; at 20 % rejection one issuance in four failed then, and none with six tries."""

LONGEST_REPLY: Final = 1 << 20
"""In octets; directories, orders and certificate chains take thousands."""

LONGEST_PATIENCE: Final = timedelta(days=1)
"""No Retry-After holds an order longer than this."""
_MOST_DIGITS: Final = 9
_ALGORITHMS: Final = {256: ES256, 384: ES384, 521: ES512}
SigningKey: TypeAlias = JWKEC | JWKRSA
_PORTS: Final = {"https": 443, "http": 80}


class Transport(client.ClientNetwork):
    """Requests signed with a key: an account's, once ``account`` is set. Not shared between threads: one is made for
    each step."""

    def __init__(
        self, key: SigningKey, directory: str, bundle: Path | None, seconds: float, deadline: Deadline | None = None
    ) -> None:
        super().__init__(key, alg=_algorithm(key), user_agent="danelaw", timeout=int(seconds))
        if bundle is not None:
            self.verify_ssl = str(bundle)  # type: ignore[assignment] # requests takes a path; acme only passes it on
        # A proxy of the environment is no way to this machine itself.
        self.session.trust_env = not _is_loopback(urlsplit(directory).hostname)
        self.session.headers["Accept-Encoding"] = "identity"
        for scheme in ("https://", "http://"):
            self.session.mount(scheme, _Bounded(deadline))
        self._directory = directory
        self.last: requests.Response | None = None

    def sign_with(self, key: SigningKey) -> None:
        """From here on by this key, of which the CA knows no account (RFC 8555 §6.2)."""
        self.key, self.alg, self.account = key, _algorithm(key), None

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
        if _origin(url) != _origin(self._directory):
            raise ElsewhereError(f"it names {url}")
        self.last = super()._send_request(method, url, *args, allow_redirects=False, **kwargs)
        if self.last.is_redirect:
            raise ElsewhereError(f"{url} leads to {self.last.headers['Location']}")
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


def signing_key(pem: bytes) -> SigningKey:
    """A private key in PEM, as ``acme`` takes it. Raises ``ValueError``, ``TypeError``."""
    key = serialization.load_pem_private_key(pem, password=None)
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size in _ALGORITHMS:
        return JWKEC(key=ComparableECKey(key))
    if isinstance(key, rsa.RSAPrivateKey):
        return JWKRSA(key=ComparableRSAKey(key))
    raise ValueError("neither RSA nor ECDSA on P-256, P-384 or P-521")


def _algorithm(key: SigningKey) -> JWASignature:
    """The one that every CA knows for this kind of key."""
    if isinstance(key, JWKRSA):
        return RS256
    return _ALGORITHMS[key.key.curve.key_size]


class ReplyTooLongError(errors.Error):
    """The server sends more than any reply of RFC 8555 takes."""


class ElsewhereError(errors.Error):
    """A URL of the server is none of its own."""


class _Bounded(HTTPAdapter):
    """Reads each reply, up to a bound and as it comes: what a short packed reply may become has none."""

    def __init__(self, deadline: Deadline | None) -> None:
        self._deadline = deadline
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self._watch(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        return self._watch(super().proxy_manager_for(*args, **kwargs))

    def _watch(self, manager: Any) -> Any:
        if self._deadline is not None:
            manager.pool_classes_by_scheme = _watched_pools(self._deadline)
        return manager

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        reply = super().send(request, *args, **kwargs)
        try:
            body = reply.raw.read(LONGEST_REPLY + 1, decode_content=False)
        except urllib3.exceptions.HTTPError as error:
            raise requests.ConnectionError(error, request=request) from error
        if len(body) > LONGEST_REPLY:
            reply.close()
            raise ReplyTooLongError(f"{request.url} gives more than {LONGEST_REPLY} octets")
        if self._deadline is not None and self._deadline.over:
            raise requests.Timeout(f"{request.url} was still sending", request=request)
        reply.raw = BytesIO(body)
        return reply


def _watched_pools(deadline: Deadline) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    """urllib3's pools of connections, each of which ``deadline`` will cut off."""

    class Plain(urllib3.connection.HTTPConnection):
        def _new_conn(self) -> socket.socket:
            made = super()._new_conn()
            deadline.watch(made)
            return made

    class Secure(urllib3.connection.HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            made = super()._new_conn()
            deadline.watch(made)
            return made

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
    except ValueError as error:
        raise ElsewhereError(f"it names {url!r}: {error}") from error


def json_object(reply: requests.Response) -> dict[str, Any]:
    """The JSON object in a reply; raises acme's ``ClientError`` on anything else."""
    try:
        value = reply.json()
    except requests.JSONDecodeError as error:
        raise errors.ClientError(f"{reply.url} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise errors.ClientError(f"{reply.url} is not a JSON object")
    return value


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


def detail_of(problem: messages.Error) -> str:
    """What it says to people (RFC 7807 §3.1): text, whatever JSON stands there."""
    said: object = problem.detail
    return said if isinstance(said, str) else "" if said is None else str(said)


def _is_loopback(host: str | None) -> bool:
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"
