"""A DNS message with every rdata raw (RFC 1035 §4): one malformed record makes nothing else unreadable."""

from __future__ import annotations

from dataclasses import dataclass

from dns.name import Name


@dataclass(frozen=True, slots=True)
class Question:
    name: Name
    type: int
    klass: int = 1


@dataclass(frozen=True, slots=True)
class Record:
    """One resource record; names inside the rdata of the well-known types are uncompressed (RFC 3597 §4)."""

    owner: Name
    type: int
    klass: int
    ttl: int
    rdata: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """``rcode`` includes the extended bits of EDNS (RFC 6891 §6.1.3); the OPT record is not in ``additional``."""

    id: int
    flags: int
    rcode: int
    question: tuple[Question, ...] = ()
    answer: tuple[Record, ...] = ()
    authority: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()

    @property
    def authoritative(self) -> bool:
        return bool(self.flags & 0x0400)

    @property
    def truncated(self) -> bool:
        return bool(self.flags & 0x0200)


@dataclass(frozen=True, slots=True)
class Silence:
    """No usable reply. ``code``: TIMEOUT, UNREACHABLE, MALFORMED, REFUSED, SERVFAIL, LAME; of a forwarder also NO_EDNS,
    NO_SIGNATURES, TLS_FAILED, HTTP_ERROR."""

    code: str
    detail: str = ""
