"""Names as people write them, and names that are looked up again and again."""

from __future__ import annotations

from collections.abc import Container, Iterable

import dns.exception
import dns.name
from dns.name import Name

from danelaw.core.model.errors import DanelawError


class HashedName(Name):
    """The same name, quicker to look up: dnspython hashes names anew each time, octet by octet, and so it compares."""

    __slots__ = ("_hash",)
    _hash: int

    def __init__(self, labels: Iterable[bytes | str]) -> None:
        super().__init__(labels)
        self._remember()

    def _remember(self) -> None:
        object.__setattr__(self, "_hash", super().__hash__())  # names are immutable, and so is this

    def __setstate__(self, state: dict[str, tuple[bytes, ...]]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]  # dnspython leaves it untyped
        self._remember()

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if isinstance(other, HashedName):
            if self._hash != other._hash:
                return False
            if self.labels == other.labels:
                return True
        return isinstance(other, Name) and self.fullcompare(other)[1] == 0

    def __ne__(self, other: object) -> bool:
        return not self == other


def hashed(name: Name) -> Name:
    """An equal name, spelt alike, for those that are looked up often."""
    return name if isinstance(name, HashedName) else HashedName(name.labels)


def longest_above(name: Name, zones: Container[Name]) -> Name | None:
    """The longest of these that the absolute ``name`` lies in or is, whatever their number; None: it lies in none."""
    while name not in zones:
        if len(name) <= 1:
            return None
        name = name.parent()
    return name


def domain_name(text: str) -> Name:
    """A domain name in lower case, IDN as A-labels; the root is a dot. Raises ``DanelawError("BAD_NAME")``."""
    if not text.strip():
        raise DanelawError("BAD_NAME", "the domain name is empty", hint="write it as www.example.net; the root is .")
    try:
        return hashed(dns.name.from_text(text, idna_codec=dns.name.IDNA_2008_Practical).canonicalize())
    except (dns.exception.DNSException, UnicodeError) as error:
        raise DanelawError(
            "BAD_NAME", f"{text!r} is no domain name", evidence=str(error), hint="write it as www.example.net"
        ) from error
