"""A request as the service takes it, and what it answers, without the HTTP around them."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Request:
    """``url`` is what the client must have signed; ``path`` its parts below the base."""

    method: str
    url: str
    path: tuple[str, ...]
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


def json_reply(status: int, value: object, *headers: tuple[str, str]) -> Reply:
    return Reply(status, json.dumps(value).encode(), headers=headers)
