"""The text of a file of ``services.d/``: one for a new service, and another word in one that is there.

What a person wrote stays as it is, byte for byte, but for the one line that has to change.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from danelaw.core.model import DanelawError, Instant

_KEY: Final = re.compile(r"""([ \t]*(?:withdrawn|"withdrawn"|'withdrawn')[ \t]*=[ \t]*)(true|false)(.*)""", re.DOTALL)
_STRATEGIES: Final = {
    "standby": "the next key is published long before it serves",
    "staged": "a new key at each renewal",
    "pinned": "the same key until another is asked for",
}


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What is written of a new service. ``servers`` or ``reload``: what makes it read a new certificate. ``names``:
    what else it is for, beside the hosts. ``algorithms``: what is usual if none. ``how``: it came to be a service."""

    endpoints: tuple[str, ...]
    issuer: str
    publisher: str
    strategy: str
    directory: str
    servers: tuple[str, ...]
    reload: tuple[str, ...]
    by: str
    at: Instant
    names: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = ()
    how: str = "Enrolled"


def enrolled(new: Enrolment) -> str:
    """The text of its file."""
    lines = [
        ("endpoints", _list(new.endpoints), "the first one names the service"),
        ("issuer", _quoted(new.issuer), f"who issues its certificates: [issuers.{new.issuer}] of danelaw.toml"),
        ("publisher", _quoted(new.publisher), f"who publishes its records: [publishers.{new.publisher}]"),
        ("strategy", _quoted(new.strategy), _STRATEGIES.get(new.strategy, "")),
    ]
    if new.names:
        lines.insert(1, ("names", _list(new.names), "what else its certificates are for"))
    if new.algorithms:
        lines.append(("algorithms", _list(new.algorithms), "the kind of its keys"))
    deploy = [("directory", _quoted(new.directory), "the server reads fullchain.pem and privkey.pem here")]
    if new.servers:
        servers = _list(new.servers) if len(new.servers) > 1 else _quoted(new.servers[0])
        deploy.append(("server", servers, "how its configuration is tested, and how it is reloaded, is known"))
    if new.reload:
        deploy.append(("reload", _list(new.reload), "what makes the server read a new certificate"))
    head = f"# {new.how} {new.at:%Y-%m-%d} by {new.by}. What else may stand here: docs/reference/configuration.md"
    return "\n".join((head, "", *_commented(lines), "", "[deploy]", *_commented(deploy), ""))


def _commented(lines: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    for key, value, why in lines:
        yield f"# {why[:1].upper()}{why[1:]}." if why else ""
        yield f"{key} = {value}"


def _quoted(text: str) -> str:
    """A basic string of TOML: its escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _list(texts: Sequence[str]) -> str:
    return f"[{', '.join(map(_quoted, texts))}]"


def with_withdrawn(path: Path, text: str, *, withdrawn: bool) -> str:
    """The text of a service's file, with this said, and nothing else said otherwise.

    Raises ``DanelawError("SERVICE_FILE_UNEDITABLE")`` where no line can be found to do it in.
    """
    said = tomllib.loads(text)
    if said.get("withdrawn", False) is withdrawn:
        return text
    kept = {key: value for key, value in said.items() if key != "withdrawn"}
    wanted = [kept | {"withdrawn": withdrawn}, *([] if withdrawn else [kept])]
    for candidate in _candidates(text, withdrawn=withdrawn):
        if _read(candidate) in wanted:
            return candidate
    raise DanelawError(
        "SERVICE_FILE_UNEDITABLE",
        f"{path} is written in a way that cannot be changed without you",
        hint=f"write withdrawn = {str(withdrawn).lower()} above its first table yourself, and then: danelaw run",
    )


def _candidates(text: str, *, withdrawn: bool) -> Iterator[str]:
    """The texts that might say it, the best first: whether they do is seen when they are read."""
    lines = text.splitlines(keepends=True)
    ending = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    for place, line in enumerate(lines):
        key = _KEY.fullmatch(line)
        if key is None:
            continue
        if not withdrawn and line.strip() == "withdrawn = true":
            yield "".join((*lines[:place], *lines[place + 1 :]))
        yield "".join((*lines[:place], key[1], str(withdrawn).lower(), key[3], *lines[place + 1 :]))
    new = f"withdrawn = {str(withdrawn).lower()}{ending}"
    tables = [place for place, line in enumerate(lines) if line.lstrip().startswith("[")]
    for place in (*tables, len(lines)):
        above = place
        while above and not lines[above - 1].strip():
            above -= 1
        while 0 < above == place < len(lines) and lines[above - 1].lstrip().startswith("#"):
            above = place = above - 1  # a comment belongs to what follows it
        before = "".join(lines[:above])
        yield before + ("" if not before or before.endswith(("\n", "\r")) else ending) + new + "".join(lines[above:])
    yield new + text


def _read(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
