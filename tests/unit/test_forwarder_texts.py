"""How forwarders are written: what each text means, and what is no forwarder."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from danelaw.core.model import Do53, DoH, DoT, Forwarder, read_forwarder

V4, V6 = ip_address("192.0.2.53"), ip_address("2001:db8::53")
NAME = "dns.example.net"

MEANT: list[tuple[str, Forwarder]] = [
    ("192.0.2.53", Do53(V4, 53)),
    ("192.0.2.53@5353", Do53(V4, 5353)),
    ("2001:db8::53", Do53(V6, 53)),
    ("2001:db8::53@5353", Do53(V6, 5353)),
    ("fe80::1%eth0", Do53(ip_address("fe80::1%eth0"), 53)),
    ("tls://192.0.2.53", DoT(V4, 853, None)),
    ("tls://192.0.2.53#dns.example.net", DoT(V4, 853, NAME)),
    ("tls://192.0.2.53@8853#DNS.example.net.", DoT(V4, 8853, NAME)),
    ("tls://2001:db8::53@8853", DoT(V6, 8853, None)),
    ("tls://192.0.2.53#dns.bücher.example", DoT(V4, 853, "dns.xn--bcher-kva.example")),
    ("https://dns.example.net/dns-query#192.0.2.53", DoH(V4, NAME, "/dns-query", 443)),
    ("https://dns.example.net/dns-query{?dns}#192.0.2.53", DoH(V4, NAME, "/dns-query", 443)),
    ("https://dns.example.net:8443/#2001:db8::53", DoH(V6, NAME, "/", 8443)),
    ("https://dns.example.net/a/b?c=d&e#192.0.2.53", DoH(V4, NAME, "/a/b?c=d&e", 443)),
    ("https://192.0.2.53/dns-query", DoH(V4, "192.0.2.53", "/dns-query", 443)),
    ("https://[2001:db8::53]:8443/dns-query", DoH(V6, "2001:db8::53", "/dns-query", 8443)),
    ("https://192.0.2.1/dns-query#192.0.2.53", DoH(V4, "192.0.2.1", "/dns-query", 443)),
]


@pytest.mark.parametrize(("text", "meant"), MEANT, ids=[text for text, _ in MEANT])
def test_what_is_meant(text: str, meant: Forwarder) -> None:
    assert read_forwarder(text) == meant


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "IPv4 or IPv6"),
        ("dns.example.net", "dns.example.net"),
        ("192.0.2.256", "192.0.2.256"),
        ("192.0.2.53:5353", "192.0.2.53:5353"),
        ("[2001:db8::53]", "2001:db8::53"),
        ("192.0.2.53@", "no port"),
        ("192.0.2.53@x", "no port"),
        ("192.0.2.53@5_3", "no port"),
        ("192.0.2.53@٥٣", "no port"),
        ("192.0.2.53@0", "no port 0"),
        ("192.0.2.53@65536", "no port 65536"),
        ("192.0.2.53@" + "9" * 5000, "no port 999999"),
        ("udp://192.0.2.53", "tls:// and https://"),
        ("http://dns.example.net/#192.0.2.53", "tls:// and https://"),
        ("TLS://192.0.2.53", "tls:// and https://"),
        ("tls://dns.example.net", "dns.example.net"),
        ("tls://192.0.2.53#", "no host name"),
        ("tls://192.0.2.53#a b", "no host name"),
        ("tls://192.0.2.53#-a.example", "no host name"),
        ("tls://192.0.2.53#_a.example", "no host name"),
        ("tls://192.0.2.53#a..example", "no host name"),
        ("tls://192.0.2.53#" + "a" * 64, "no host name"),
        ("tls://192.0.2.53#" + ".".join(["a" * 60] * 5), "no host name"),
        ("tls://192.0.2.53@53#dns.example.net", "port 53"),
        ("https://dns.example.net/dns-query", "address"),
        ("https://dns.example.net/dns-query#", "IPv4 or IPv6"),
        ("https://dns.example.net/dns-query#dns.example.net", "dns.example.net"),
        ("https://dns.example.net/dns-query#192.0.2.53@443", "192.0.2.53@443"),
        ("https://dns.example.net#192.0.2.53", "path"),
        ("https:///dns-query#192.0.2.53", "host"),
        ("https://user@dns.example.net/#192.0.2.53", "host"),
        ("https://dns.example.net/{dns}#192.0.2.53", "URL"),
        ("https://dns.example.net/a b#192.0.2.53", "URL"),
        ("https://dns.example.net/\r\nx: y#192.0.2.53", "URL"),
        ("https://dns.example.net/ü#192.0.2.53", "URL"),
        ("https://dns.example.net:/#192.0.2.53", "no port"),
        ("https://dns.example.net:443x/#192.0.2.53", "no port"),
        ("https://[fe80::1%eth0]/dns-query", "URL"),
    ],
)
def test_what_is_no_forwarder(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        read_forwarder(text)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("forwarder", "authority"),
    [
        (DoH(V4, NAME, "/"), NAME),
        (DoH(V4, NAME, "/", 8443), f"{NAME}:8443"),
        (DoH(V6, str(V6), "/"), "[2001:db8::53]"),
        (DoH(V6, str(V6), "/", 8443), "[2001:db8::53]:8443"),
    ],
)
def test_the_authority_of_a_url(forwarder: DoH, authority: str) -> None:
    assert forwarder.authority == authority
