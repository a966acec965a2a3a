"""What others say, without the secrets that they quote: who refuses may repeat all that it was sent."""

from __future__ import annotations

import base64
import string
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

HIDDEN: Final = "[secret]"

RUN: Final = 8
"""Characters of a secret that tell something of it. It may have been cut off, at either end."""

_SHORTEST: Final = 4
"""Of a form other than the secret itself: less of it may stand in any text."""

_NUMBER: Final = 1024
"""Octets. Nobody writes more than that in decimal, Python neither."""

_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def hide(text: str, keys: Iterable[str | bytes]) -> str:
    """``text`` without whatever it has of secret keys: as they are, in hexadecimal, in decimal, in base64 of either
    alphabet and so in all that is written by it, as a login is. Upper or lower case is all the same."""
    flat = text.translate(_LOWER)
    told = bytearray(len(flat))
    for form in {form.translate(_LOWER) for key in keys for form in _forms(key)}:
        size = min(RUN, len(form))
        runs = {form[at : at + size] for at in range(len(form) - size + 1)}
        for at in range(len(flat) - size + 1):
            if flat[at : at + size] in runs:
                told[at : at + size] = b"\1" * size
    pieces = groupby(range(len(text)), lambda at: told[at])
    return "".join(HIDDEN if secret else "".join(text[at] for at in ats) for secret, ats in pieces)


def _forms(secret: str | bytes) -> Iterator[str]:
    if not secret:
        return
    if isinstance(secret, str):
        yield secret
    octets = secret.encode() if isinstance(secret, str) else secret
    others = [octets.hex()]
    if len(octets) <= _NUMBER:
        others.append(str(int.from_bytes(octets)))
    for before in range(3):
        text = base64.b64encode(bytes(before) + octets).decode("ascii")
        whole = text.rstrip("=")[before:]
        # What stands before and after it shares a character with it at either end, and need not be NUL or nothing.
        inner = whole[before > 0 : len(whole) - (text[-1] == "=")]
        others += [form.translate(url) for form in (whole, inner) for url in ({}, str.maketrans("+/", "-_"))]
    yield from (other for other in others if len(other) >= _SHORTEST)
