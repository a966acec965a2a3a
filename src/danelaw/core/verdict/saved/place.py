"""A value somewhere in a JSON document, which is taken for what it must be, or refused with where it stands."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Final, TypeVar

import dns.exception
import dns.name
from dns.name import Name

from danelaw.core.model import IP, DanelawError, Instant

T = TypeVar("T")
E = TypeVar("E", bound=enum.Enum)

LONGEST_TEXT: Final = 1 << 16
MOST_ITEMS: Final = 1 << 16
LONGEST_OCTETS: Final = 1 << 24  # a certificate in a handshake message of TLS has its length in three octets
_QUOTED: Final = 60
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9000, 1, 1, tzinfo=UTC)
"""So that whatever lies near an instant is one too."""


def unreadable(where: str, why: str) -> DanelawError:
    """``where``: a path such as ``$.endpoints[0].tlsa``."""
    return DanelawError(
        "EVIDENCE_UNREADABLE",
        "this is no evidence that can be judged",
        evidence=f"{where}: {why}",
        hint="give a file that danelaw check --save has written",
    )


@dataclass(frozen=True, slots=True)
class Place:
    """``value`` is what JSON gave; ``path`` is where it stood. Every method raises
    ``DanelawError("EVIDENCE_UNREADABLE")`` for a value that is not what it is asked to be."""

    value: object
    path: str = "$"

    def wrong(self, why: str) -> DanelawError:
        return unreadable(self.path, why)

    def table(self, *names: str) -> Fields:
        """An object with exactly these fields."""
        if not isinstance(self.value, dict):
            raise self._not("an object")
        missing = [name for name in names if name not in self.value]
        if missing:
            raise self.wrong(f"the field {missing[0]!r} is missing")
        unknown = [name for name in self.value if name not in names]
        if unknown:
            raise self.wrong(f"the field {str(unknown[0])[:_QUOTED]!r} is not known")
        return Fields({name: Place(value, f"{self.path}.{name}") for name, value in self.value.items()})

    def choice(self, *names: str) -> tuple[str, Place]:
        """An object with one field, which has one of these names."""
        if not isinstance(self.value, dict) or len(self.value) != 1:
            raise self._not("an object with one field")
        ((name, value),) = self.value.items()
        if name not in names:
            raise self.wrong(f"{str(name)[:_QUOTED]!r} is none of {', '.join(names)}")
        return name, Place(value, f"{self.path}.{name}")

    def items(self) -> Iterator[Place]:
        if not isinstance(self.value, list):
            raise self._not("a list")
        if len(self.value) > MOST_ITEMS:
            raise self.wrong(f"more than {MOST_ITEMS} items")
        return (Place(value, f"{self.path}[{number}]") for number, value in enumerate(self.value))

    def each(self, read: Callable[[Place], T]) -> tuple[T, ...]:
        return tuple(read(item) for item in self.items())

    def maybe(self, read: Callable[[Place], T]) -> T | None:
        """None for null."""
        return None if self.value is None else read(self)

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self._not("a string")
        if len(self.value) > LONGEST_TEXT:
            raise self.wrong(f"more than {LONGEST_TEXT} characters")
        return self._encodable()

    def flag(self) -> bool:
        if not isinstance(self.value, bool):
            raise self._not("true or false")
        return self.value

    def number(self, least: int, most: int) -> int:
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            raise self._not("a whole number")
        if not least <= self.value <= most:
            raise self.wrong(f"not from {least} to {most}")
        return self.value

    def octet(self) -> int:
        return self.number(0, 0xFF)

    def short(self) -> int:
        return self.number(0, 0xFFFF)

    def long(self) -> int:
        return self.number(0, 0xFFFFFFFF)

    def member(self, registry: type[E]) -> E:
        """By its value."""
        text = self.text()
        for member in registry:
            if member.value == text:
                return member
        raise self.wrong(f"{text[:_QUOTED]!r} is none of {', '.join(str(member.value) for member in registry)}")

    def name(self) -> Name:
        """A domain name, absolute, in ASCII."""
        text = self.text()
        try:
            if not text.isascii():
                raise self.wrong("no domain name in ASCII")
            name = dns.name.from_text(text, None)
        except (dns.exception.DNSException, ValueError) as error:
            raise self.wrong(f"no domain name: {error}") from error
        if not name.is_absolute():
            raise self.wrong("a domain name that is not absolute")
        return name

    def address(self) -> IP:
        try:
            return ip_address(self.text())
        except ValueError as error:
            raise self.wrong("no IP address") from error

    def instant(self) -> Instant:
        try:
            found = datetime.fromisoformat(self.text())
            if found.tzinfo is None:
                raise ValueError("the offset from UTC is missing")
            found = found.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise self.wrong(f"no instant: {str(error)[: 2 * _QUOTED]}") from error
        if not _FIRST <= found < _LAST:
            raise self.wrong(f"not of the years {_FIRST.year} to {_LAST.year - 1}")
        return found

    def hexadecimal(self, most: int) -> bytes:
        text = self._octets(2 * most, most)
        try:
            return binascii.unhexlify(text)
        except ValueError as error:
            raise self.wrong("not hexadecimal") from error

    def base64(self, most: int = LONGEST_OCTETS) -> bytes:
        text = self._octets(4 * (most // 3 + 1), most)
        try:
            return base64.b64decode(text, validate=True)
        except ValueError as error:
            raise self.wrong("not in base64") from error

    def _octets(self, characters: int, most: int) -> str:
        if not isinstance(self.value, str):
            raise self._not("a string")
        if len(self.value) > characters:
            raise self.wrong(f"more than {most} octets")
        return self._encodable()

    def _encodable(self) -> str:
        """A lone surrogate, which JSON can spell, is no character and could not be printed."""
        assert isinstance(self.value, str)  # noqa: S101  # for the type checker: callers have looked
        try:
            self.value.encode()
        except UnicodeEncodeError as error:
            raise self.wrong("no text: half of a surrogate pair") from error
        return self.value

    def _not(self, wanted: str) -> DanelawError:
        kinds = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
        return self.wrong(f"{kinds.get(type(self.value), 'a number')} where {wanted} should be")


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of an object, each at its place."""

    places: dict[str, Place] = dataclasses.field(repr=False)

    def __getitem__(self, name: str) -> Place:
        return self.places[name]
