"""Which other protocol it is that a server speaks, by its first words: a wrong port is told as such."""

from __future__ import annotations

import re
from typing import Final

TLS_RECORD: Final = (b"\x15\x03", b"\x16\x03")
"""How an alert or a handshake begins (RFC 8446 §5.1)."""

_FIRST_WORDS: Final = (
    (rb"[\x15\x16]\x03", "TLS from the first octet"),
    (rb"HTTP/", "HTTP"),
    (rb"SSH-\d", "SSH"),
    (rb"RFB \d", "RFB, the protocol of VNC"),
    (rb"@RSYNCD:", "rsync"),
    (rb"\* (?:OK|BYE|PREAUTH)\b", "IMAP"),
    (rb"\+OK\b|-ERR\b", "POP3"),
    (rb'"IMPLEMENTATION" ', "ManageSieve"),
    (rb"220[ -]", "SMTP or FTP"),
    (rb"20[01][ -]", "NNTP"),
    (rb"<!DOCTYPE|<html", "HTML"),
)
_KNOWN: Final = tuple((re.compile(words, re.IGNORECASE), protocol) for words, protocol in _FIRST_WORDS)


def stranger(octets: bytes) -> str | None:
    """The protocol, if it is known by how these octets begin."""
    return next((protocol for words, protocol in _KNOWN if words.match(octets)), None)
