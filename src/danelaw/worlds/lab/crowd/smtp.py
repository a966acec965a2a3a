"""What a mail server says and hears before TLS starts (RFC 3207)."""

from __future__ import annotations

import asyncio

from danelaw.worlds.lab.crowd.reasons import Reason, RefusedError


async def start_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Up to where TLS starts; False: the server does not offer it. Raises RefusedError(TLS_FAILED)."""
    try:
        await _reply(reader, b"220")
        writer.write(b"EHLO client.invalid\r\n")
        offered = await _reply(reader, b"250")
        if not any(line[4:].strip().upper() == b"STARTTLS" for line in offered):
            return False
        writer.write(b"STARTTLS\r\n")
        await _reply(reader, b"220")
    except (OSError, ValueError) as error:
        raise RefusedError(Reason.TLS_FAILED, f"closed before TLS: {error}") from error
    return True


async def _reply(reader: asyncio.StreamReader, code: bytes) -> list[bytes]:
    """The lines of one reply (RFC 5321 §4.2.1), which has this code."""
    lines: list[bytes] = []
    while not lines or lines[-1][3:4] == b"-":
        lines.append(await reader.readline())
        if lines[-1][:3] != code:
            raise RefusedError(Reason.TLS_FAILED, f"{lines[-1][:80]!r} where {code.decode()} was expected")
    return lines
