"""The resolvers of resolv.conf(5), read as the C library reads them."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest

from danelaw.adapters.resolve import system_forwarders
from danelaw.core.model import DanelawError, Do53

CASES: dict[str, tuple[str, tuple[str, ...]]] = {
    "one": ("nameserver 192.0.2.53\n", ("192.0.2.53",)),
    "other lines": ("# made by hand\nsearch example.net\noptions edns0\nnameserver 192.0.2.53", ("192.0.2.53",)),
    "in order": ("nameserver 192.0.2.54\nnameserver 2001:db8::53\n", ("192.0.2.54", "2001:db8::53")),
    "with a scope": ("nameserver fe80::1%eth0\n", ("fe80::1%eth0",)),
    "tabs, and what follows": ("nameserver\t192.0.2.53 \t# the first\r\n", ("192.0.2.53",)),
    "three at most": (
        "".join(f"nameserver 192.0.2.{n}\n" for n in range(1, 6)),
        ("192.0.2.1", "192.0.2.2", "192.0.2.3"),
    ),
    "no address": ("nameserver dns.example.net\nnameserver\nnameserver 192.0.2.53\n", ("192.0.2.53",)),
    "comments": ("#nameserver 192.0.2.1\n;nameserver 192.0.2.2\nnameserver 192.0.2.4\n", ("192.0.2.4",)),
    "not at the margin": (" nameserver 192.0.2.3\nnameserver 192.0.2.4\n", ("192.0.2.4",)),
    "another word": ("nameservers 192.0.2.1\nnameserver 192.0.2.4\n", ("192.0.2.4",)),
}


@pytest.mark.parametrize("what", CASES)
def test_name_servers(tmp_path: Path, what: str) -> None:
    text, addresses = CASES[what]
    (tmp_path / "resolv.conf").write_text(text)
    found = system_forwarders(tmp_path / "resolv.conf")
    assert found == tuple(Do53(ip_address(address), 53) for address in addresses)


@pytest.mark.parametrize("content", [None, b"", b"search example.net\n", b"nameserver \xff\xfe\n", b"\0" * 99])
def test_where_there_are_none_somebody_must_say(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "resolv.conf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DanelawError) as raised:
        system_forwarders(path)
    assert raised.value.code == "NO_FORWARDERS"
    assert str(path) in raised.value.message
    assert "forwarders" in raised.value.hint
