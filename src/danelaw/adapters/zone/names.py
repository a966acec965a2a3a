"""Domain names in master files, read and written (RFC 1035 §5.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import dns.exception
import dns.name
from dns.name import Name

_ANY_ESCAPE: Final = re.compile(r"\\.")
_USUAL: Final = re.compile(rb"[A-Za-z0-9_*-]+")
_SPECIAL: Final = frozenset(b'"().;\\@$')


class MisreadError(ValueError):
    """A word is not what it should be. The text, if any, says why."""


class Names:
    """Reads domain names, relative to an origin unless they end in a dot (RFC 1035 §5.1). Remembers them."""

    def __init__(self, origin: Name) -> None:
        self.origin = origin
        self._names: dict[str, Name] = {"@": origin}
        self._wires: dict[str, bytes] = {}

    def name(self, word: str) -> Name:
        """Raises ``MisreadError``."""
        known = self._names.get(word)
        if known is None:
            known = self._names[word] = self._read(word)
        return known

    def wire(self, word: str) -> bytes:
        """Uncompressed, its case kept. Raises ``MisreadError``."""
        known = self._wires.get(word)
        if known is None:
            known = b"".join(bytes((len(label),)) + label for label in self.name(word).labels)
            self._wires[word] = known
        return known

    def _read(self, word: str) -> Name:
        if '"' in word and '"' in _ANY_ESCAPE.sub("", word):
            raise MisreadError("names have no quotes")
        try:
            if "\\" in word or word == ".":
                return dns.name.from_text(word, self.origin)
            labels = word.encode("ascii").split(b".")
            if labels[-1]:
                labels += self.origin.labels
            return Name(labels)
        except dns.name.EmptyLabel:
            raise MisreadError("a label is empty") from None
        except dns.name.LabelTooLong:
            raise MisreadError("a label is longer than 63 octets") from None
        except dns.name.NameTooLong:
            raise MisreadError("it is longer than 255 octets") from None
        except dns.exception.DNSException as error:
            raise MisreadError(str(error)) from None


def name_text(labels: Iterable[bytes]) -> str:
    """An absolute name, whose last label is the empty one, as master files have it."""
    text = ".".join(map(_label_text, labels))
    return text or "."


@lru_cache(maxsize=4096)
def _label_text(label: bytes) -> str:
    if _USUAL.fullmatch(label):
        return label.decode("ascii")
    return "".join(
        f"\\{chr(octet)}" if octet in _SPECIAL else chr(octet) if 0x20 < octet < 0x7F else f"\\{octet:03d}"
        for octet in label
    )


def name_in(data: bytes, at: int) -> tuple[str, int]:
    """The text of the uncompressed name in wire form at an offset, and where it ends. Raises ``ValueError``."""
    labels, start = [], at
    while True:
        length = data[at] if at < len(data) else 64
        label = data[at + 1 : at + 1 + length]
        at += 1 + length
        if length > 63 or at > len(data) or at - start > 255:
            raise MisreadError("no name in wire form")
        labels.append(label)
        if not length:
            return name_text(labels), at
