"""HTTPS to the interface of a place that keeps zones: one request at a time, one reply, no redirects, no proxies."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

import h11
import msgspec

from danelaw.adapters.publish.secret import Secret
from danelaw.core.model import DanelawError
from danelaw.ports import Clock

T = TypeVar("T")

PATIENCE: Final = timedelta(seconds=20)
"""For one request with its reply, the connection included."""

LONGEST_REPLY: Final = 1 << 26
"""In octets. Some servers give a whole zone where one name was asked for."""

LONGEST_HOOK_REPLY: Final = 1 << 16
"""In octets, of a hook: nobody reads it."""

LONGEST_QUIET: Final = timedelta(days=1)
"""No Retry-After keeps us quiet longer than this."""

_SHOWN: Final = 400
_READ: Final = 1 << 12
_SHORT: Final = 3


@dataclass(frozen=True, slots=True)
class Site:
    """Where an API is, and how to get in.

    ``header``: the one that carries the secret, none if it is empty; ``scheme``: what stands before the secret there.
    ``ca``: PEM certificates to check it by, None: the system's.
    """

    url: str
    header: str
    secret: Secret
    scheme: str = ""
    ca: Path | None = None


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes


class WebApi:
    """Requests to one API.

    Raises ``API_URL_UNUSABLE`` when it is made. Requests raise ``API_CA_UNREADABLE``, ``API_UNREACHABLE`` and
    ``API_UNTRUSTED`` before anything is sent; ``API_DENIED``, ``API_NOT_FOUND``, ``API_REFUSED``, ``API_BUSY`` and
    ``API_REDIRECTS``, after which nothing was changed; ``API_FAILED``, ``API_REPLY_UNREADABLE``, ``REPLY_LOST`` and
    ``TimeoutError``, after which it may have been changed or not.
    """

    def __init__(
        self, site: Site, clock: Clock, patience: timedelta = PATIENCE, longest_reply: int = LONGEST_REPLY
    ) -> None:
        parts = _parts(site.url)
        self._site = site
        self._clock = clock
        self._patience = patience
        self._longest_reply = longest_reply
        self._host, self._path = parts.hostname or "", parts.path.rstrip("/")
        self._secure = parts.scheme == "https"
        self._port = parts.port or (443 if self._secure else 80)
        self._netloc = parts.netloc
        self._quiet_until = 0.0

    async def get(self, path: str, shape: type[T], **query: str) -> T:
        """What is there, of a JSON document of this shape."""
        question = f"?{urlencode(query)}" if query else ""
        reply = await self._request("GET", path + question, None)
        try:
            return msgspec.json.decode(reply.body, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._unreadable(f"{self.shown(str(error))}: {self._excerpt(reply.body)}") from None

    async def send(self, method: str, path: str, document: object) -> None:
        """A change. What the reply holds beside that it was made is of no interest."""
        await self._request(method, path, msgspec.json.encode(document))

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        """A document that is JSON already, with headers of its own."""
        await self._request("POST", path, body, headers)

    async def _request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str] | None = None
    ) -> _Reply:
        """Paths are under the site's, and quoted already."""
        if (wait := self._quiet_until - self._clock.monotonic()) > 0:
            raise self._busy("it said so before, and was not asked now", wait)
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience.total_seconds()
        reader, writer = await self._connect(until)
        try:
            async with asyncio.timeout_at(until):
                reply = await self._exchange(reader, writer, method, path, body, headers or {})
        except ConnectionError as error:
            raise self._lost(str(error)) from error
        except ssl.SSLError as error:
            raise self._lost(str(error)) from error
        finally:
            # Not close(): that would wait for a peer that does not read.
            writer.transport.abort()
        return self._accepted(reply)

    async def _connect(self, until: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            async with asyncio.timeout_at(until):
                return await asyncio.open_connection(
                    self._host, self._port, ssl=_context(self._site.ca) if self._secure else None
                )
        except ssl.SSLCertVerificationError as error:
            raise DanelawError(
                "API_UNTRUSTED",
                f"{self._netloc} does not show a certificate that can be believed",
                evidence=error.verify_message,
                hint="name the CA's PEM file with ca, if it is one of your own",
            ) from error
        except OSError as error:  # a timeout is one too
            raise DanelawError(
                "API_UNREACHABLE",
                f"{self._netloc} cannot be reached",
                evidence=str(error) or "no connection in time",
                hint="does it run, and is url its address?",
            ) from error

    async def _exchange(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        method: str,
        path: str,
        body: bytes | None,
        more: Mapping[str, str],
    ) -> _Reply:
        talk = h11.Connection(h11.CLIENT)
        headers = [
            ("Host", self._netloc),
            ("User-Agent", "danelaw"),
            ("Accept", "application/json"),
            ("Accept-Encoding", "identity"),
            ("Connection", "close"),
            *more.items(),
        ]
        if self._site.header:
            headers.append((self._site.header, f"{self._site.scheme} {self._site.secret.value}".strip()))
        if body is not None:
            headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        sent = talk.send(h11.Request(method=method, target=self._path + path, headers=headers)) or b""
        if body is not None:
            sent += talk.send(h11.Data(data=body)) or b""
        writer.write(sent + (talk.send(h11.EndOfMessage()) or b""))
        head: h11.Response | None = None
        received = bytearray()
        try:
            while True:
                match talk.next_event():
                    case h11.NEED_DATA:
                        if talk.trailing_data[1]:
                            raise self._lost("it ended in the middle")
                        talk.receive_data(await reader.read(1 << 16))
                    case h11.InformationalResponse():
                        pass  # the reply is still to come (RFC 9110 §15.2)
                    case h11.Response() as last:
                        head = last
                    case h11.Data(data=data):
                        received += data
                        if len(received) > self._longest_reply:
                            raise self._unreadable(f"it sends more than {self._longest_reply} octets")
                    case h11.EndOfMessage() if head is not None:
                        break
                    case _:
                        raise self._lost("it closed the connection without a word")
        except h11.RemoteProtocolError as error:
            said = self.shown(str(error))  # which quotes what came
            raise (self._lost(said) if talk.trailing_data[1] else self._unreadable(said)) from None
        named = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in head.headers}
        return _Reply(head.status_code, named, bytes(received))

    def _accepted(self, reply: _Reply) -> _Reply:
        status = reply.status
        if 200 <= status < 300:
            return reply
        said = f"HTTP {status}: {self._excerpt(reply.body)}".rstrip(": ")
        if status == 429 or (status == 503 and "retry-after" in reply.headers):
            wait = _seconds(reply.headers.get("retry-after"))
            self._quiet_until = self._clock.monotonic() + wait
            raise self._busy(said, wait)
        if 300 <= status < 400:
            code, what, hint = "API_REDIRECTS", "sends us elsewhere", "name with url where it really is"
        elif status in (401, 403):
            code, what = "API_DENIED", f"does not let in who has the secret of {self._site.secret.source}"
            hint = "is it the right one, may it change this zone, and from this address?"
        elif status == 404:
            code, what = "API_NOT_FOUND", "knows nothing of what it was asked for"
            hint = "does it keep this very zone, for whoever has this secret, and is url right?"
        elif status < 500:
            code, what, hint = "API_REFUSED", "does not take the request", "what it says of it stands above"
        else:
            code, what, hint = "API_FAILED", "has failed", "see its own log; it is asked again at a later pass"
        raise DanelawError(code, f"{self._netloc} {what}", evidence=said, hint=hint)

    def _busy(self, evidence: str, seconds: float) -> DanelawError:
        hint = f"it wants to be left alone for {seconds:.0f} s, and is; is the same secret used elsewhere too?"
        return DanelawError("API_BUSY", f"{self._netloc} takes no more requests for now", evidence=evidence, hint=hint)

    def _lost(self, evidence: str) -> DanelawError:
        return DanelawError(
            "REPLY_LOST",
            f"{self._netloc} closed the connection before its reply was whole",
            evidence=evidence,
            hint="whether an update was made is seen at the next pass",
        )

    def _unreadable(self, evidence: str) -> DanelawError:
        return DanelawError(
            "API_REPLY_UNREADABLE",
            f"what {self._netloc} replies cannot be read",
            evidence=evidence,
            hint="is url the API itself, and not a page for people?",
        )

    def _excerpt(self, body: bytes) -> str:
        return self.shown(body[:_READ].decode("utf-8", "replace"))

    def shown(self, said: str) -> str:
        """The beginning of what it said, on one line, without the secret that it may have quoted."""
        text = self._site.secret.hide(said[:_READ])
        shown = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"


class Hook:
    """One address that takes documents: all of it is secret, since whoever knows it may send there.

    Raises as ``WebApi`` does.
    """

    def __init__(self, url: Secret, clock: Clock, patience: timedelta, ca: Path | None = None) -> None:
        where, _, query = url.value.partition("?")
        parts = _parts(where)
        self._path = (parts.path or "/") + (f"?{query}" if query else "")
        telling = _telling(parts.path, query)
        # Which host it is may be told.
        secret = replace(url, value=self._path if len(self._path) > _SHORT else url.value, parts=telling)
        site = Site(f"{parts.scheme}://{parts.netloc}", "", secret, ca=ca)
        self._api = WebApi(site, clock, patience, LONGEST_HOOK_REPLY)

    async def post(self, body: bytes, headers: Mapping[str, str]) -> None:
        await self._api.post(self._path, body, headers)


def _telling(path: str, query: str) -> tuple[str, ...]:
    """What servers quote of an address that they do not know; short words such as ``in`` and ``v2`` tell nobody."""
    pieces = (*path.split("/"), *(value for _, value in parse_qsl(query)), *query.split("&"))
    found = {text for piece in pieces for text in (piece, unquote(piece)) if len(text) > _SHORT}
    return tuple(found)


def segment(text: str) -> str:
    """One segment of a path."""
    return quote(text, safe="")


def _parts(url: str) -> SplitResult:
    """Raises ``API_URL_UNUSABLE``: the secret goes in the clear to this machine only."""
    try:
        parts = urlsplit(url)
        usable = parts.port is None or parts.port > 0
    except ValueError:
        parts, usable = urlsplit(""), False
    plain = parts.scheme == "http" and _is_loopback(parts.hostname or "")
    bare = not (parts.username or parts.password or parts.query or parts.fragment)
    if usable and bare and parts.hostname and (parts.scheme == "https" or plain) and url.isascii():
        return parts
    raise DanelawError(
        "API_URL_UNUSABLE",
        "url is no address of an API",
        evidence=f"{parts.scheme or 'no scheme'}, host {parts.hostname or 'missing'}",
        hint="write https://HOST[:PORT]/PATH, without user, query or fragment; http only to this machine itself",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _context(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise DanelawError(
            "API_CA_UNREADABLE",
            f"the certificates of {ca} cannot be read",
            evidence=str(error),
            hint="ca names a file of PEM certificates",
        ) from error


def _seconds(header: str | None) -> float:
    """What a Retry-After asks for (RFC 9110 §10.2.3); a minute where it gives a date, or nothing."""
    given = header.strip() if header is not None else ""
    return min(float(given), LONGEST_QUIET.total_seconds()) if given.isdecimal() else 60.0
