"""Whether a secret is where it must not be: in what programs say, in their arguments and environment, in files.

Keys are looked for by what is secret of them alone, the private number, whatever form it has: octets, hexadecimal,
decimal, or a part of something in base64 (and so in PEM and JWK).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

PACE: Final = 0.05


def forms(secret: bytes) -> set[bytes]:
    """How the octets may be written; of base64 what does not hang on the neighbours, in each of three alignments."""
    hexadecimal = secret.hex().encode()
    found = {secret, hexadecimal, hexadecimal.upper(), str(int.from_bytes(secret)).encode()}
    for before in range(3):
        whole = bytes(before) + secret
        text = base64.b64encode(whole[: len(whole) // 3 * 3])[4 * (before > 0) :]
        found |= {text[:32], text.translate(bytes.maketrans(b"+/", b"-_"))[:32]}
    return found


def private_octets(pem: bytes) -> bytes:
    """Of a private key: its scalar, or a prime."""
    key = serialization.load_pem_private_key(pem, None)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.private_numbers().private_value.to_bytes(32)
    assert isinstance(key, rsa.RSAPrivateKey)
    prime = key.private_numbers().p
    return prime.to_bytes((prime.bit_length() + 7) // 8)


@dataclass(slots=True)
class Hunt:
    """``keys``: folders in which private keys in PEM appear and go. ``may_hold``: names of files that are secret."""

    keys: tuple[Path, ...]
    may_hold: frozenset[str]
    secrets: dict[str, bytes] = field(default_factory=dict)
    _texts: dict[str, set[bytes]] = field(default_factory=dict)
    processes: int = 0

    def read(self, where: str, text: str | bytes) -> None:
        """Something that somebody may read; looked through at the end, when all secrets are known."""
        self._texts.setdefault(where, set()).add(text.encode() if isinstance(text, str) else text)

    @contextlib.asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        """Every process is looked at, and every key learnt, again and again."""
        task = asyncio.create_task(self._look())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _look(self) -> None:
        while True:
            self.sample()
            await asyncio.sleep(PACE)

    def sample(self) -> None:
        for folder in self.keys:
            for file in folder.rglob("*.pem"):
                with contextlib.suppress(FileNotFoundError):
                    text = file.read_bytes()
                    if b"PRIVATE KEY" in text and b"END" in text:
                        self.secrets[str(file)] = private_octets(text)
        for process in Path("/proc").glob("[0-9]*"):
            for what in ("cmdline", "environ"):
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    self.read(what, (process / what).read_bytes())
            self.processes += 1

    def leaks(self, *roots: Path) -> list[str]:
        """Which secret was found where: in what was read, and in files below ``roots``."""
        return [f"{name} in {where}" for where, text in self._everything(roots) for name in self._in(text)]

    def _everything(self, roots: tuple[Path, ...]) -> Iterator[tuple[str, bytes]]:
        for where, texts in self._texts.items():
            yield where, b"\n".join(texts)
        for root in roots:
            for file in sorted(root.rglob("*")):
                if file.is_symlink() or not file.is_file():
                    continue
                closed = file.stat().st_mode & 0o077 == 0
                if not (closed and file.name in self.may_hold):
                    yield f"{file} of mode {file.stat().st_mode & 0o777:03o}", file.read_bytes()

    def _in(self, text: bytes) -> Iterator[str]:
        flat = text.replace(b"\\n", b"").replace(b"\n", b"")  # PEM has its lines, in JSON too
        for name, secret in self.secrets.items():
            if any(form in text or form in flat for form in forms(secret)):
                yield name
