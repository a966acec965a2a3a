"""What the tables of the configuration's files have in common, and how they are read."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TypeAlias, TypeVar

import dns.exception
import dns.name
import msgspec
from dns.name import Name

from danelaw.core.model import DanelawError

TTL: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
"""Seconds (RFC 2181 §8)."""


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file. Every default stands here."""


_S = TypeVar("_S", bound=Section)


def decode(path: Path, section: type[_S], text: str | None = None) -> _S:
    """``text``: what the file is to hold, where it does not yet.

    Raises ``DanelawError``: ``CONFIG_UNREADABLE``, ``CONFIG_SYNTAX``, ``CONFIG_INVALID``.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8") if text is None else text)
    except (OSError, UnicodeDecodeError) as error:
        raise DanelawError(
            "CONFIG_UNREADABLE", f"{path} cannot be read", evidence=str(error), hint="name the file with --config"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise DanelawError("CONFIG_SYNTAX", f"{path} is not TOML", evidence=str(error)) from error
    try:
        return msgspec.convert(data, section)
    except msgspec.ValidationError as error:
        raise invalid(path, str(error), _suggestion(str(error))) from error


def _suggestion(message: str) -> str:
    """A did-you-mean for an unknown key, out of every key that there is."""
    unknown = re.search(r"unknown field `([^`]+)`", message)
    if unknown is None:
        return ""
    known = {field.name for section in Section.__subclasses__() for field in msgspec.structs.fields(section)}
    if unknown.group(1) in known:
        return "other tables have it: docs/reference/configuration.md says which keys this one has"
    near = difflib.get_close_matches(unknown.group(1), sorted(known), n=1)
    return f"did you mean {near[0]!r}?" if near else ""


def invalid(path: Path, evidence: str, hint: str = "") -> DanelawError:
    """The error of a file that says what cannot be."""
    return DanelawError("CONFIG_INVALID", f"{path} is not right", evidence=evidence, hint=hint)


def read_name(path: Path, text: str) -> Name:
    """Absolute and canonical. Raises ``DanelawError("CONFIG_INVALID")``."""
    try:
        return dns.name.from_text(text, idna_codec=dns.name.IDNA_2008_Practical).canonicalize()
    except (dns.exception.DNSException, UnicodeError) as error:
        raise invalid(path, f"{text!r} is no domain name: {error}") from error


def one_of(what: str, known: Mapping[str, object]) -> str:
    """A hint: what there is to choose from."""
    return f"{what} are: {', '.join(sorted(known))}" if known else f"no {what} are configured"
