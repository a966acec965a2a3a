"""In which forms others may say a secret back, and whether a text has it in one of them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Final

FORMS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "as it came": bytes,
    "base64": base64.b64encode,
    "base64 from its second octet": lambda octets: base64.b64encode(octets[1:]),
    "base64 from its third octet": lambda octets: base64.b64encode(octets[2:]),
    "base64url": base64.urlsafe_b64encode,
    "hexadecimal": lambda octets: octets.hex().encode(),
    "HEXADECIMAL": lambda octets: octets.hex().upper().encode(),
}


def told_in(text: str, secret: str) -> list[str]:
    """The forms in which a text has a secret, or half of it."""
    octets = secret.encode()
    half = octets[len(octets) // 2 :]
    found = []
    for part in (octets, octets[: len(octets) // 2], half):
        written = {"itself": part.decode(), "hex": part.hex(), "decimal": str(int.from_bytes(part))}
        for before in range(3):
            whole = base64.b64encode(bytes(before) + part + b"\0\0").decode()
            written[f"base64/{before}"] = whole[4 * (before > 0) : 4 * (before > 0) + len(part)]
        folded = text.lower().replace("-", "+").replace("_", "/")
        found += [name for name, form in written.items() if form.lower().replace("-", "+").replace("_", "/") in folded]
    return found
