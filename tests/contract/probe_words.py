"""What TLS servers say first, octet by octet, for servers that are none."""

from __future__ import annotations

TLS10, TLS11, TLS12 = 0x0301, 0x0302, 0x0303
ALERT, HANDSHAKE = 21, 22
SERVER_HELLO, CERTIFICATE = 2, 11
ECDHE_ECDSA = 0xC02B
"""TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256."""


def record(type: int, version: int, content: bytes) -> bytes:
    return bytes([type]) + version.to_bytes(2) + len(content).to_bytes(2) + content


def message(type: int, body: bytes, length: int | None = None) -> bytes:
    return bytes([type]) + (len(body) if length is None else length).to_bytes(3) + body


def server_hello(version: int) -> bytes:
    """With an empty renegotiation_info, and no other extension."""
    extensions = b"\xff\x01\x00\x01\x00"
    body = version.to_bytes(2) + bytes(32) + b"\0" + ECDHE_ECDSA.to_bytes(2) + b"\0" + len(extensions).to_bytes(2)
    return message(SERVER_HELLO, body + extensions)


def presenting(*ders: bytes) -> bytes:
    """The first words of a TLS 1.2 server: its hello and its certificates."""
    chain = b"".join(len(der).to_bytes(3) + der for der in ders)
    return record(HANDSHAKE, TLS12, server_hello(TLS12) + message(CERTIFICATE, len(chain).to_bytes(3) + chain))
