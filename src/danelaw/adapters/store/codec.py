"""Facts as text, and back: JSON that says of every value what it is, derived from the dataclasses themselves.

A dataclass is an object whose ``is`` names its class; every field stands there, so that a default that is changed
later changes nothing that was written. Names are text, octets base64, instants microseconds since 1970 in UTC, sets
sorted: the same value is always the same text. What is not known here was written by a later Danelaw, and is refused,
never dropped.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import enum
import typing
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final, cast

import dns.exception
import dns.name
import msgspec
from dns.name import Name

from danelaw.core.model import DanelawError, Instant
from danelaw.core.rollover import fold
from danelaw.core.rollover.facts import Fact

FORM: Final = 1
"""Of what is written here. It grows when something that was written means something else from then on."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

KINDS: Final[Mapping[str, type[Fact]]] = {kind.__name__: kind for kind in typing.get_args(Fact)}
"""Every kind of fact, by name."""


def encode_fact(fact: Fact) -> tuple[str, str]:
    """The kind of a fact and all that it says, but when: sights of the same are the same text."""
    kind = type(fact).__name__
    return kind, _text({name: _plain(getattr(fact, name)) for name in _classes()[kind].fields if name != "at"})


def decode_fact(kind: str, form: int, text: str) -> Callable[[Instant], Fact]:
    """What makes the fact of an instant. Raises ``DanelawError``: ``STORE_NEWER``, ``STORE_DAMAGED``."""
    cls = KINDS.get(kind)
    if cls is None or form > FORM:
        raise _newer(f"a fact of kind {kind}, in form {form}")
    said = _object(_classes()[kind], _json(text), apart="at")

    def at(when: Instant) -> Fact:
        return cls(when, **said)

    return at


def encode(value: object) -> str:
    """Any value that facts are made of, or folded into."""
    return _text(_plain(value))


def decode(text: str) -> object:
    """What ``encode`` made the text of. Raises ``DanelawError``: ``STORE_NEWER``, ``STORE_DAMAGED``."""
    return _value(_json(text))


def micros(at: Instant) -> int:
    return (at - _EPOCH) // _MICROSECOND


def instant(micros: int) -> Instant:
    return _EPOCH + timedelta(microseconds=micros)


@cache
def schema() -> str:
    """Every class that is written and what it consists of: another text means that folds are to be made anew."""
    return "\n".join((f"form {FORM}", *(f"{name}({known.said})" for name, known in sorted(_classes().items()))))


# -- writing ----------------------------------------------------------------------------------------------------------


def _plain(value: object) -> object:
    match value:
        case enum.Enum():  # before what it may be beside that
            return {"enum": f"{_known(value).name}.{value.name}"}
        case str():
            # Half a surrogate pair has no octets, and would keep what somebody said from being recorded at all.
            return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode("utf-8")
        case None | bool() | float():
            return value
        case int():
            return value
        case bytes():
            return {"b64": base64.b64encode(value).decode("ascii")}
        case Name():
            return {"name": value.to_text()}
        case IPv4Address() | IPv6Address():
            return {"ip": str(value)}
        case datetime():
            return {"at": micros(value)}
        case timedelta():
            return {"us": value // _MICROSECOND}
        case tuple():
            return [_plain(item) for item in value]
        case frozenset():
            return {"set": sorted((_plain(item) for item in value), key=_text)}
        case dict():
            return {"map": [[_plain(key), _plain(item)] for key, item in value.items()]}
        case _:
            known = _known(value)
            return {"is": known.name} | {name: _plain(getattr(value, name)) for name in known.fields}


def _text(plain: object) -> str:
    return msgspec.json.encode(plain).decode("utf-8")


def _known(value: object) -> _Class:
    known = _classes().get(type(value).__name__)
    if known is None or known.cls is not type(value):
        raise TypeError(f"{type(value).__qualname__} is no part of any fact")
    return known


# -- reading ----------------------------------------------------------------------------------------------------------


def _json(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise _damaged(text) from error


def _value(plain: object) -> object:
    if isinstance(plain, list):
        return tuple(map(_value, plain))
    if not isinstance(plain, dict):
        return plain
    name = plain.get("is")
    if name is not None:
        known = _classes().get(name)
        if known is None:
            raise _newer(f"a value of kind {name}")
        return known.cls(**_object(known, plain))
    if len(plain) != 1:
        raise _damaged(repr(plain))
    ((tag, inner),) = plain.items()
    read = _READERS.get(tag)
    if read is None:
        raise _newer(f"a value of kind {tag}")
    try:
        return read(inner)
    except (TypeError, ValueError, OverflowError, binascii.Error, dns.exception.DNSException) as error:
        raise _damaged(repr(plain)) from error


def _object(known: _Class, plain: object, *, apart: str = "") -> dict[str, Any]:
    """The fields of a dataclass but the one that stands ``apart``. What an earlier Danelaw did not have is left out."""
    if not isinstance(plain, dict):
        raise _damaged(repr(plain))
    said = {name: _value(item) for name, item in plain.items() if name != "is"}
    strange = said.keys() - (set(known.fields) - {apart})
    if strange:
        raise _newer(f"{known.name} with {', '.join(sorted(strange))}")
    missing = known.required - said.keys() - {apart}
    if missing:
        raise _damaged(f"{known.name} without {', '.join(sorted(missing))}")
    return said


def _member(text: str) -> enum.Enum:
    name, _, member = text.partition(".")
    known = _classes().get(name)
    if known is None or not hasattr(known.cls, member):
        raise _newer(f"a value of {text}")
    return cast(enum.Enum, getattr(known.cls, member))


@lru_cache(maxsize=4096)
def _name(text: str) -> Name:
    return dns.name.from_text(text, origin=None)


_READERS: Final[Mapping[str, Callable[[Any], object]]] = {
    "enum": _member,
    "b64": lambda text: base64.b64decode(text, validate=True),
    "name": _name,
    "ip": ip_address,
    "at": instant,
    "us": lambda count: timedelta(microseconds=count),
    "set": lambda items: frozenset(map(_value, items)),
    "map": lambda pairs: {_value(key): _value(item) for key, item in pairs},
}


# -- what there is ----------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class _Class:
    """A dataclass, or an enumeration, which has no fields. ``said``: what it consists of, in words."""

    cls: type[Any]
    fields: tuple[str, ...] = ()
    required: frozenset[str] = frozenset()
    said: str = ""

    @property
    def name(self) -> str:
        return self.cls.__name__


@cache
def _classes() -> dict[str, _Class]:
    """Every dataclass and enumeration that facts and their fold consist of, by name."""
    folded = [cls for cls in vars(fold).values() if isinstance(cls, type) and dataclasses.is_dataclass(cls)]
    found: dict[str, _Class] = {}
    _collect([*KINDS.values(), *folded], found)
    return found


def _collect(hints: Iterable[object], found: dict[str, _Class]) -> None:
    for hint in hints:
        _collect(typing.get_args(hint), found)
        if not isinstance(hint, type) or not (dataclasses.is_dataclass(hint) or issubclass(hint, enum.Enum)):
            continue
        known = found.get(hint.__name__)
        if known is None:
            found[hint.__name__] = _class(hint)
            _collect(typing.get_type_hints(hint).values() if dataclasses.is_dataclass(hint) else (), found)
        elif known.cls is not hint:
            raise TypeError(f"{known.cls.__module__} and {hint.__module__} both have a {hint.__name__}")


def _class(cls: type[Any]) -> _Class:
    if issubclass(cls, enum.Enum):
        return _Class(cls, said=", ".join(cls.__members__))
    fields = dataclasses.fields(cls)
    none = dataclasses.MISSING
    return _Class(
        cls,
        tuple(field.name for field in fields),
        frozenset(f.name for f in fields if f.default is none and f.default_factory is none),
        ", ".join(f"{field.name}: {field.type}" for field in fields),
    )


# -- errors -----------------------------------------------------------------------------------------------------------


def _newer(what: str) -> DanelawError:
    return DanelawError(
        "STORE_NEWER",
        "the store was written by a later Danelaw",
        evidence=what,
        hint="use the Danelaw that wrote it, or go back to a backup from before",
    )


def _damaged(what: str) -> DanelawError:
    return DanelawError(
        "STORE_DAMAGED",
        "the store holds what cannot be read",
        evidence=what[:200],
        hint="stop Danelaw, put a backup in its place, and start it again: docs/how-to/back-up-and-restore.md",
    )
