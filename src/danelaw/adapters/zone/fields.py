"""The words of a master file that make rdata, read one by one (RFC 1035 §5.1, and the RFC of each type).

Every reader takes a word as ``entries`` gives it, in ASCII with its quotes and escapes, and gives octets of wire form.
"""

from __future__ import annotations

import base64
import binascii
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import dns.dnssectypes
import dns.exception
import dns.rdatatype
from dns.rdatatype import RdataType

from danelaw.adapters.zone.names import MisreadError, Names, name_in

MOST_TTL: Final = 2**31 - 1

_ESCAPE: Final = re.compile(rb"\\(?:(\d\d\d)|([^\d]))")
_TTL: Final = re.compile(r"(?:\d+[wdhms])+", re.IGNORECASE)
_TTL_PART: Final = re.compile(r"(\d+)([wdhms])")
_SECONDS: Final = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_TAG: Final = re.compile(r"[A-Za-z0-9]{1,255}")
_PLAIN: Final = re.compile(rb"[ !#-\[\]-~]*")
_BASE32HEX: Final = re.compile(r"[0-9A-Va-v]+")


@dataclass(frozen=True, slots=True)
class Field:
    """One word. ``expected`` names it in messages. Both functions raise ``ValueError``.

    ``write`` gives the text of what stands in rdata at an offset, and where that ends.
    """

    expected: str
    read: Callable[[str, Names], bytes]
    write: Callable[[bytes, int], tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Rest:
    """All words that are left, one at least unless ``may_lack``; ``read`` and ``write`` as those of ``Field``."""

    expected: str
    read: Callable[[Sequence[str]], bytes]
    write: Callable[[bytes], str]
    may_lack: bool = False


def number(word: str, octets: int) -> bytes:
    if not word.isdigit():
        raise MisreadError
    try:
        return int(word).to_bytes(octets)
    except (OverflowError, ValueError):  # int() takes no more than some thousand digits
        raise MisreadError from None


def ttl_seconds(word: str) -> int:
    """Seconds, also with units as in ``1h30m``; at most 2^31 - 1 (RFC 2181 §8). Raises ``MisreadError``."""
    if len(word) > 30:
        raise MisreadError
    if word.isdigit():
        seconds = int(word)
    elif _TTL.fullmatch(word):
        seconds = sum(int(count) * _SECONDS[unit] for count, unit in _TTL_PART.findall(word.lower()))
    else:
        raise MisreadError
    if seconds > MOST_TTL:
        raise MisreadError(f"at most {MOST_TTL} s")
    return seconds


def _period(word: str, names: Names) -> bytes:
    """The SOA's times: 32 bits (RFC 1035 §3.3.13), in units too."""
    return number(word, 4) if word.isdigit() else ttl_seconds(word).to_bytes(4)


@lru_cache(maxsize=1024)
def type_number(word: str) -> int:
    """By its mnemonic or ``TYPEnnn`` (RFC 3597 §5), in any case. Raises ``MisreadError``."""
    try:
        return int(dns.rdatatype.from_text(word))
    except (dns.exception.DNSException, ValueError):
        raise MisreadError from None


def string_octets(word: str) -> bytes:
    """The octets of a character-string, without its quotes and escapes (RFC 1035 §5.1). Raises ``MisreadError``."""
    octets = word.encode("ascii")
    if len(octets) > 1 and octets.startswith(b'"'):
        octets = octets[1:-1]
    if b"\\" not in octets:
        return octets

    def octet(escape: re.Match[bytes]) -> bytes:
        if escape[2] is not None:
            return escape[2]
        if int(escape[1]) > 255:
            raise MisreadError(f"\\{escape[1].decode()} is no octet")
        return bytes((int(escape[1]),))

    if re.search(rb"\\\d", _ESCAPE.sub(b"", octets)):
        raise MisreadError("a backslash and a digit are followed by two more digits")
    return _ESCAPE.sub(octet, octets)


def _counted(word: str) -> bytes:
    octets = string_octets(word)
    if len(octets) > 255:
        raise MisreadError(f"it has {len(octets)} octets, and a string at most 255")
    return bytes((len(octets),)) + octets


def _ipv4(word: str, names: Names) -> bytes:
    return _address(socket.AF_INET, word)


def _ipv6(word: str, names: Names) -> bytes:
    return _address(socket.AF_INET6, word)


def _address(family: int, word: str) -> bytes:
    try:
        return socket.inet_pton(family, word)
    except (OSError, ValueError):
        raise MisreadError from None


def _algorithm(word: str, names: Names) -> bytes:
    if word.isdigit():
        return number(word, 1)
    try:
        return dns.dnssectypes.Algorithm.from_text(word).to_bytes(1)
    except (dns.exception.DNSException, ValueError):
        raise MisreadError from None


def _tag(word: str, names: Names) -> bytes:
    if not _TAG.fullmatch(word):
        raise MisreadError
    return bytes((len(word),)) + word.encode("ascii")


def _instant(word: str, names: Names) -> bytes:
    """``YYYYMMDDHHmmSS`` in UTC, or seconds since 1970 (RFC 4034 §3.2)."""
    if not word.isdigit():
        raise MisreadError
    if len(word) != 14:
        return number(word, 4)
    month, day, hour, minute, second = (int(word[at : at + 2]) for at in range(4, 14, 2))
    instant = datetime(int(word[:4]), month, day, hour, minute, second, tzinfo=UTC)
    return (int(instant.timestamp()) & 0xFFFFFFFF).to_bytes(4)


def hexadecimal(words: Sequence[str]) -> bytes:
    """However it is split; blanks are not allowed anywhere else. Raises ``ValueError``."""
    return binascii.unhexlify("".join(words))


def _base64(words: Sequence[str]) -> bytes:
    return binascii.a2b_base64("".join(words), strict_mode=True)


def _salt(word: str, names: Names) -> bytes:
    """One octet of length, ``-`` for none (RFC 5155 §3.3)."""
    salt = b"" if word == "-" else hexadecimal([word])
    return number(str(len(salt)), 1) + salt


def _hash(word: str, names: Names) -> bytes:
    """In base32 with extended hex alphabet, without padding (RFC 5155 §3.3)."""
    if not _BASE32HEX.fullmatch(word):
        raise MisreadError
    octets = base64.b32hexdecode(word.upper() + "=" * (-len(word) % 8))
    return number(str(len(octets)), 1) + octets


def _bitmap(words: Sequence[str]) -> bytes:
    """Type bit maps (RFC 4034 §4.1.2)."""
    windows: dict[int, bytearray] = {}
    for word in words:
        try:
            type = type_number(word)
        except MisreadError:
            raise MisreadError(f"{word} is none") from None
        window = windows.setdefault(type >> 8, bytearray())
        window.extend(bytes(max(0, (type & 255) // 8 + 1 - len(window))))
        window[(type & 255) // 8] |= 0x80 >> (type & 7)
    return b"".join(bytes((number, len(windows[number]))) + windows[number] for number in sorted(windows))


def _strings(words: Sequence[str]) -> bytes:
    return b"".join(map(_counted, words))


# -- written -------------------------------------------------------------------------------------------------------


def _cut(data: bytes, at: int, octets: int) -> bytes:
    if at + octets > len(data):
        raise MisreadError("the rdata ends too early")
    return data[at : at + octets]


def _octets(count: int) -> Field:
    def write(data: bytes, at: int) -> tuple[str, int]:
        return str(int.from_bytes(_cut(data, at, count))), at + count

    return Field(f"a number of at most {2 ** (8 * count) - 1}", lambda word, names: number(word, count), write)


def _address_text(family: int, octets: int) -> Callable[[bytes, int], tuple[str, int]]:
    return lambda data, at: (socket.inet_ntop(family, _cut(data, at, octets)), at + octets)


@lru_cache(maxsize=1024)
def type_text(type: int) -> str:
    """Its mnemonic, or ``TYPEnnn``."""
    return dns.rdatatype.to_text(RdataType.make(type))


def _covered_text(data: bytes, at: int) -> tuple[str, int]:
    return type_text(int.from_bytes(_cut(data, at, 2))), at + 2


def _quoted(octets: bytes) -> str:
    if _PLAIN.fullmatch(octets):
        return f'"{octets.decode("ascii")}"'
    escaped = (
        f"\\{chr(octet)}" if octet in b'"\\' else chr(octet) if 0x20 <= octet < 0x7F else f"\\{octet:03d}"
        for octet in octets
    )
    return f'"{"".join(escaped)}"'


def _counted_in(data: bytes, at: int) -> tuple[bytes, int]:
    length = _cut(data, at, 1)[0]
    return _cut(data, at + 1, length), at + 1 + length


def _string_text(data: bytes, at: int) -> tuple[str, int]:
    octets, end = _counted_in(data, at)
    return _quoted(octets), end


def _bare_text(data: bytes, at: int) -> tuple[str, int]:
    return _quoted(data[at:]), len(data)


def _tag_text(data: bytes, at: int) -> tuple[str, int]:
    octets, end = _counted_in(data, at)
    text = octets.decode("ascii")
    if not _TAG.fullmatch(text):
        raise MisreadError
    return text, end


def _instant_text(data: bytes, at: int) -> tuple[str, int]:
    instant = datetime.fromtimestamp(int.from_bytes(_cut(data, at, 4)), UTC)
    return f"{instant:%Y%m%d%H%M%S}", at + 4


def _salt_text(data: bytes, at: int) -> tuple[str, int]:
    octets, end = _counted_in(data, at)
    return octets.hex() or "-", end


def _hash_text(data: bytes, at: int) -> tuple[str, int]:
    octets, end = _counted_in(data, at)
    if not octets:
        raise MisreadError
    return base64.b32hexencode(octets).decode("ascii").rstrip("="), end


def _some(write: Callable[[bytes], str]) -> Callable[[bytes], str]:
    def write_some(data: bytes) -> str:
        if not data:
            raise MisreadError("there is nothing to write")
        return write(data)

    return write_some


def _strings_text(data: bytes) -> str:
    at, texts = 0, []
    while at < len(data):
        text, at = _string_text(data, at)
        texts.append(text)
    return " ".join(texts)


def _bitmap_text(data: bytes) -> str:
    at, types = 0, list[str]()
    while at < len(data):
        window, length = _cut(data, at, 2)
        for index, octet in enumerate(_cut(data, at + 2, length)):
            types += [type_text(window << 8 | index << 3 | bit) for bit in range(8) if octet & 0x80 >> bit]
        at += 2 + length
    if _bitmap(types) != data:
        raise MisreadError("the bit maps are not as they should be")
    return " ".join(types)


# -- the fields ----------------------------------------------------------------------------------------------------

NAME: Final = Field("a domain name", lambda word, names: names.wire(word), name_in)
OCTET: Final = _octets(1)
SHORT: Final = _octets(2)
LONG: Final = _octets(4)
PERIOD: Final = Field("seconds, or a time such as 1h30m", _period, LONG.write)
IPV4: Final = Field("an IPv4 address", _ipv4, _address_text(socket.AF_INET, 4))
IPV6: Final = Field("an IPv6 address", _ipv6, _address_text(socket.AF_INET6, 16))
STRING: Final = Field("a string", lambda word, names: _counted(word), _string_text)
BARE_STRING: Final = Field("a string", lambda word, names: string_octets(word), _bare_text)
TAG: Final = Field("a property tag of letters and digits", _tag, _tag_text)
ALGORITHM: Final = Field("a DNSSEC algorithm", _algorithm, OCTET.write)
COVERED: Final = Field("a record type", lambda word, names: type_number(word).to_bytes(2), _covered_text)
INSTANT: Final = Field("a time as YYYYMMDDHHmmSS", _instant, _instant_text)
SALT: Final = Field("a salt in hexadecimal, or -", _salt, _salt_text)
HASH: Final = Field("a hash in base32hex", _hash, _hash_text)

STRINGS: Final = Rest("a string", _strings, _some(_strings_text))
HEXADECIMAL: Final = Rest("hexadecimal digits", hexadecimal, _some(bytes.hex))
BASE64: Final = Rest("base64", _base64, _some(lambda data: base64.b64encode(data).decode("ascii")))
TYPES: Final = Rest("record types", _bitmap, _bitmap_text, may_lack=True)
