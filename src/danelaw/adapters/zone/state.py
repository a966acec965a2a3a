"""What is remembered beside a signed file: that these very bytes were made here, and proved.

The file says nothing that is believed by itself: it vouches for a signed file by the digest of it, and whatever does
not fit makes the zone be signed and proved from the start.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import dns.rdatatype
import msgspec

from danelaw.adapters.zone.signing import Signing

FORMAT: Final = 1
_MOST_OCTETS: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class State:
    """``served``: the SHA-256 of the signed file. ``chain`` and ``algorithms``: what it was signed with. ``made``: the
    types at the apex that signing added, and that may also be an operator's. ``asked``: what that signing was to be."""

    served: str
    chain: str
    algorithms: tuple[int, ...]
    made: tuple[str, ...] = ()
    asked: Signing | None = None

    @classmethod
    def of(cls, served: bytes, signing: Signing, algorithms: Iterable[int], made: Iterable[int] = ()) -> State:
        types = sorted(dns.rdatatype.to_text(dns.rdatatype.RdataType.make(type)) for type in made)
        return cls(digest(served), chain_text(signing), tuple(sorted(set(algorithms))), tuple(types), signing)

    @property
    def types_made(self) -> frozenset[int]:
        return frozenset(int(dns.rdatatype.from_text(text)) for text in self.made)

    def to_bytes(self) -> bytes:
        content = {
            "format": FORMAT,
            "served": self.served,
            "chain": self.chain,
            "algorithms": self.algorithms,
            "made": self.made,
            "asked": msgspec.to_builtins(self.asked),
        }
        return json.dumps(content, indent=1).encode() + b"\n"


def digest(served: bytes) -> str:
    return hashlib.sha256(served).hexdigest()


def chain_text(signing: Signing) -> str:
    """The parameters of the chain of names in one line."""
    if (how := signing.nsec3) is None:
        return "plain NSEC"
    return f"NSEC3 {how.iterations} {how.salt.hex() or '-'}{' opt-out' if how.opt_out else ''}"


def read_state(path: Path) -> State | str:
    """The state at ``path``, or why there is none that can be used."""
    try:
        if not path.is_file():
            return "there is no state of an earlier signing"
        with path.open("rb") as file:
            data = file.read(_MOST_OCTETS + 1)
    except OSError as error:
        return f"{path} cannot be read: {error.strerror or error}"
    try:
        content = json.loads(data[:_MOST_OCTETS])
        if not isinstance(content, dict):
            return f"{path} is damaged"
        if content.get("format") != FORMAT:
            return f"{path} is of another version"
        served, chain, algorithms, made = (content[name] for name in ("served", "chain", "algorithms", "made"))
        good = isinstance(served, str) and isinstance(chain, str)
        good = good and isinstance(algorithms, list) and all(isinstance(number, int) for number in algorithms)
        good = good and isinstance(made, list) and all(isinstance(text, str) for text in made)
        asked = msgspec.convert(content.get("asked"), Signing | None)
        good = good and (asked is None or asked.validity > timedelta(0))
        if not good:
            return f"{path} is damaged"
        state = State(served, chain, tuple(algorithms), tuple(made), asked)
        _ = state.types_made
    except (
        ValueError,
        KeyError,
        RecursionError,
        OverflowError,
        msgspec.ValidationError,
        dns.rdatatype.UnknownRdatatype,
    ):
        return f"{path} is damaged"
    return state
