"""Which names may be ordered (RFC 8555 §7.1.3, RFC 1123 §2.1)."""

from __future__ import annotations

import re
from typing import Final

from danelaw.worlds.lab.ca.problem import Problem

MOST_NAMES: Final = 25
"""Public CAs allow no more in their newer profiles."""

_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LONGEST_NAME: Final = 253


def parse_identifiers(given: object) -> tuple[str, ...]:
    """The ordered names, lower case, in their order; a leading ``*.`` is kept."""
    if not isinstance(given, list) or not given:
        raise Problem("malformed", "identifiers must be a list of at least one")
    if len(given) > MOST_NAMES:
        raise Problem("malformed", f"{len(given)} identifiers; at most {MOST_NAMES} are allowed")
    names = [_name(identifier) for identifier in given]
    if len(set(names)) != len(names):
        raise Problem("malformed", "an identifier is given twice")
    return tuple(names)


def _name(identifier: object) -> str:
    match identifier:
        case {"type": "dns", "value": str(value)}:
            pass
        case {"type": "dns"} | {"type": None}:
            raise Problem("malformed", "an identifier has a type and a value")
        case {"type": kind}:
            raise Problem("unsupportedIdentifier", f"identifiers of type {kind!r} are not supported")
        case _:
            raise Problem("malformed", "an identifier is an object")
    name = value.lower()
    labels = name.removeprefix("*.").split(".")
    if len(labels) < 2 or len(name) > _LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise Problem("rejectedIdentifier", f"{value!r} is not a name that can be certified")
    if labels[-1].isdigit():
        raise Problem("rejectedIdentifier", f"{value!r} looks like an address")
    return name
