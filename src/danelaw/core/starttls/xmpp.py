"""STARTTLS in XMPP, between clients and servers and between servers (RFC 6120 §5)."""

from __future__ import annotations

import re
from html import escape
from typing import Final

from danelaw.core.starttls.conversation import Exchange, Reading, Script, not_offered, refused, unexpected
from danelaw.core.starttls.xml_stream import STREAM, Element, StreamReader

TLS: Final = "urn:ietf:params:xml:ns:xmpp-tls"
CLOSING: Final = b"</stream:stream>"
_VERSION: Final = re.compile(r"([0-9]{1,5})\.([0-9]{1,5})")


def xmpp(exchange: Exchange, namespace: str, host: str, client: str) -> Script:
    """``namespace``: ``jabber:client`` or ``jabber:server``. ``host``: the domain that is asked for. ``client``: that
    which asks; only servers tell it (RFC 6120 §4.7.1), and only a name."""
    header = stream_header(namespace, host, client)
    exchange.farewell = CLOSING
    exchange.send(header, header.decode())
    reader = StreamReader()
    opened = yield from reader.header()
    exchange.heard(reader.take_raw().strip())
    if not _has_features(opened):
        raise not_offered("it speaks a version of XMPP that has no features")
    features = yield from _next(exchange, reader)
    if features.name != (STREAM, "features"):
        raise unexpected(features.name[1], "the features of the stream")
    if not any(feature.name == (TLS, "starttls") for feature in features.children):
        raise not_offered("the features of the stream do not include starttls")
    exchange.send(f"<starttls xmlns='{TLS}'/>".encode(), f"<starttls xmlns='{TLS}'/>")
    answer = yield from _next(exchange, reader)
    if answer.name == (TLS, "failure"):
        raise refused("it answers <starttls/> with <failure/>")
    if answer.name != (TLS, "proceed"):
        raise unexpected(answer.name[1], "the answer to <starttls/>")
    exchange.farewell = header + CLOSING  # under TLS there is a new stream (RFC 6120 §5.4.3.3)


def stream_header(namespace: str, host: str, client: str) -> bytes:
    """How a stream is opened (RFC 6120 §4.2)."""
    asks = f" from='{escape(client)}'" if namespace == "jabber:server" and not client.startswith("[") else ""
    return (
        f"<?xml version='1.0'?><stream:stream xmlns='{namespace}' xmlns:stream='{STREAM}'{asks}"
        f" to='{escape(host)}' version='1.0'>"
    ).encode()


def _has_features(opened: Element) -> bool:
    """Whether the server speaks version 1.0 at least; one that tells none speaks 0.9 (RFC 6120 §4.7.5)."""
    version = _VERSION.fullmatch(opened.attributes.get(("", "version"), "0.9"))
    return version is not None and int(version[1]) >= 1


def _next(exchange: Exchange, reader: StreamReader) -> Reading[Element]:
    """The next element; an error of the stream (RFC 6120 §4.9) is a refusal, and so is its end."""
    element = yield from reader.element()
    exchange.heard(reader.take_raw().strip())
    if element is None:
        raise refused("it closes the stream")
    if element.name == (STREAM, "error"):
        raise refused(": ".join(filter(None, (_condition(child) for child in element.children))) or "a stream error")
    return element


def _condition(child: Element) -> str:
    """The name of the condition, or the text that is told with it."""
    return child.text.strip() if child.name[1] == "text" else child.name[1]
