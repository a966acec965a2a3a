"""Who is where in the mail world, and the zones that say so: signed from the root down, but for one.

Each host is at 192.0.2.N and 2001:db8::N. What is wrong with it, if anything, is its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Final

import dns.name
from cryptography.hazmat.primitives.asymmetric import ec
from dns.name import Name
from mail_credentials import DAY, Authority, Credential

from danelaw.adapters.zone.master_file import parse_zone, zone_text
from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.keys import ZoneKey, make_ds
from danelaw.core.dnssec.sign import sign_zone
from danelaw.worlds.lab.real.addresses import Place

TTL: Final = 300
HOSTS: Final[Mapping[str, int]] = {
    "mx": 100,  # Postfix
    "mail": 101,  # Dovecot
    "xmpp": 102,  # Prosody
    "www": 103,  # Apache
    "dual": 104,  # nginx, with RSA and ECDSA
    "db": 105,  # PostgreSQL
    "ftp": 106,  # vsftpd
    "ldap": 107,  # slapd
    # Postfix, with a fault
    "mismatch": 110,
    "bare": 119,  # it has no TLSA records
    # all of the above but Apache and nginx: TLSA records, and no server offers STARTTLS
    "deaf": 112,
    # nginx, with a fault, or with what looks like one
    "half": 111,  # IPv6 presents another key
    "uncovered": 113,  # RSA and ECDSA, and a TLSA record for ECDSA alone
    "expired": 114,
    "misnamed": 115,
    "misnamed-ta": 116,
    "stale": 117,  # a TLSA record too many
    "expired-ta": 123,
    "ending": 124,  # a certificate that ends in days, under DANE-TA
    "unusable": 125,  # beside a good record, some that no client can use
    "combined": 126,  # its 3 0 1 record matches nothing, its 3 1 1 does
    "v4only": 127,
    "slow": 128,  # a TLSA record that caches hold for two days
    "old": 129,  # TLS 1.0 and no other
    "aliased": 131,  # its TLSA owner is an alias
    "shared": 132,  # on one address with
    "tenant": 132,  # another: who sends no name gets the certificate of the first
    "bogus": 120,  # the TLSA record was changed after it was signed
    # in other zones
    "www.plain": 118,  # in an unsigned zone
    "www.late.net.": 121,  # in a zone whose secondary lags: it has one TLSA record of two
    "www.ending.net.": 130,  # in a zone whose signatures end soon
    "gone": 122,  # nobody is there
}
EXAMPLE, LATE, ENDING = "example.net.", "late.net.", "ending.net."


def place(host: str) -> Place:
    number = HOSTS[host]
    return Place(IPv4Address(f"192.0.2.{number}"), IPv6Address(f"2001:db8::{number}"))


def full(host: str) -> str:
    """The host's name, without the last dot."""
    return (host if host.endswith(".") else f"{host}.{EXAMPLE}").rstrip(".")


ROOT_ADDRESSES: Final = "192.0.2.1", "2001:db8::1"
NET_ADDRESSES: Final = "192.0.2.2", "2001:db8::2"
PRIMARY: Final = "192.0.2.11", "2001:db8::11"
SECONDARY: Final = "192.0.2.12", "2001:db8::12"


@dataclass(frozen=True)
class Credentials:
    """Which host presents what. ``other``: what is in TLSA records, or on an address, where it should not be."""

    authority: Authority
    by_name: dict[str, Credential] = field(default_factory=dict)

    @classmethod
    def made(cls, now: datetime) -> Credentials:
        authority = Authority(now)
        issue = authority.issue
        names = {host: full(host) for host in HOSTS}
        made = {host: issue(name) for host, name in names.items() if not host.startswith(("misnamed", "expired"))}
        made["www"] = issue(names["www"], "alias.example.net")
        made["www.plain"] = issue(names["www.plain"], "alias-out.example.net")
        made["xmpp"] = issue("example.net", names["xmpp"])
        made |= {host: issue(names[host], until=-3 * DAY) for host in ("expired", "expired-ta")}
        made["ending"] = issue(names["ending"], until=5 * DAY)
        made["misnamed"] = made["misnamed-ta"] = issue("elsewhere.example.net")
        made["ftp"] = issue(names["ftp"], rsa_key=True)
        for host in ("mx", "dual", "uncovered"):
            made[f"{host}-rsa"] = issue(names[host], rsa_key=True)
        made["other"] = issue(names["half"])
        return cls(authority, made)

    def __getitem__(self, name: str) -> Credential:
        return self.by_name[name]

    def save(self, folder: Path) -> None:
        for name, credential in self.by_name.items():
            credential.save(folder / name)


@dataclass(frozen=True)
class Zones:
    """Master files by zone; those of ``lagging`` are what the secondary serves of it. ``anchor``: the root's DS."""

    texts: Mapping[str, str]
    lagging: Mapping[str, str]
    anchor: str

    @classmethod
    def made(cls, credentials: Credentials, now: datetime) -> Zones:
        sign = _Signer(now)
        late = [_late(credentials, serial) for serial in (1, 2)]
        texts = {
            "plain.example.net.": _apex("plain.example.net.", 1) + _plain(credentials),
            EXAMPLE: _damaged(sign(EXAMPLE, _apex(EXAMPLE, 1) + _example(credentials))),
            LATE: sign(LATE, late[1]),
            ENDING: sign(ENDING, _ending(credentials), since=13 * DAY, until=timedelta(hours=20)),
        }
        lagging = {**texts, LATE: sign(LATE, late[0])}
        net = f"@ {TTL} IN SOA a.net. host.net. 1 1800 900 604800 60\n@ {TTL} IN NS a.net.\n"
        net += _addresses("a", NET_ADDRESSES) + "".join(map(sign.delegated, (EXAMPLE, LATE, ENDING)))
        texts["net."] = sign("net.", net)
        root = f"@ {TTL} IN SOA a.root. host.root. 1 1800 900 604800 60\n@ {TTL} IN NS a.root.\n"
        root += _addresses("a.root.", ROOT_ADDRESSES) + f"net. {TTL} IN NS a.net.\n" + sign.ds("net.")
        texts["."] = sign(".", root + _addresses("a.net.", NET_ADDRESSES))
        return cls(texts, lagging, f". 1 IN DS {sign.ds('.').split(None, 4)[4]}")


class _Signer:
    """Our own signer, with a key for each zone."""

    def __init__(self, now: datetime) -> None:
        self._now = now.replace(microsecond=0)
        self._keys: dict[str, ZoneKey] = {}

    def __call__(self, zone: str, text: str, since: timedelta = timedelta(hours=1), until: timedelta = 14 * DAY) -> str:
        apex = dns.name.from_text(zone)
        span = self._now - since, self._now + until
        rrsets = parse_zone(text, Path(zone), apex).rrsets().values()
        return zone_text(sign_zone(apex, rrsets, [self._key(zone, apex)], [], *span), zone)

    def ds(self, zone: str) -> str:
        apex = dns.name.from_text(zone)
        made = make_ds(apex, self._key(zone, apex).dnskey)
        return f"{zone} {TTL} IN DS {made.tag} {made.algorithm} {made.digest_type} {made.digest.hex()}\n"

    def delegated(self, zone: str) -> str:
        """What the parent says of the zone."""
        servers = (("ns1", PRIMARY), ("ns2", SECONDARY))
        records = [f"{zone} {TTL} IN NS {ns}.{zone}\n{_addresses(f'{ns}.{zone}', at)}" for ns, at in servers]
        return "".join(records) + self.ds(zone)

    def _key(self, zone: str, apex: Name) -> ZoneKey:
        if zone not in self._keys:
            private = ec.generate_private_key(ec.SECP256R1())
            self._keys[zone] = ZoneKey.of(apex, 257, Algorithm.ECDSAP256SHA256, private)
        return self._keys[zone]


def _apex(zone: str, serial: int) -> str:
    lines = f"@ {TTL} IN SOA ns1.{zone} host.{zone} {serial} 1800 900 604800 60\n"
    for ns, at in (("ns1", PRIMARY), ("ns2", SECONDARY)):
        lines += f"@ {TTL} IN NS {ns}.{zone}\n" + _addresses(f"{ns}.{zone}", at)
    return lines


def _addresses(owner: str, at: Iterable[object]) -> str:
    return "".join(f"{owner} {TTL} IN {'AAAA' if ':' in str(ip) else 'A'} {ip}\n" for ip in at)


def _tlsa(host: str, ports: Iterable[int], *rdatas: str) -> str:
    return "".join(f"_{port}._tcp.{host} {TTL} IN TLSA {rdata}\n" for port in ports for rdata in rdatas)


def _example(credentials: Credentials) -> str:
    c, ta = credentials, credentials.authority.ta
    lines = [_addresses(host, place(host)) for host in HOSTS if "." not in host and host != "v4only"]
    lines.append(_addresses("v4only", (place("v4only").v4,)))
    lines += [
        _tlsa("mx", (25, 465, 587), c["mx"].ee, c["mx-rsa"].ee),
        _tlsa("mail", (24, 110, 143, 993, 995, 4190), ta),
        _tlsa("xmpp", (5222, 5223, 5269, 5270), c["xmpp"].ee),
        _tlsa("www", (443,), c["www"].ee),
        _tlsa("dual", (443,), c["dual"].ee, c["dual-rsa"].ee),
        _tlsa("db", (5432,), c["db"].ee),
        _tlsa("ftp", (21,), c["ftp"].ee),
        _tlsa("ldap", (389, 636), c["ldap"].ee),
        _tlsa("mismatch", (25, 443), c["other"].ee),
        _tlsa("deaf", (21, 24, 25, 110, 143, 389, 4190, 5222, 5269, 5432), c["deaf"].ee),
        _tlsa("half", (443,), c["half"].ee),
        _tlsa("uncovered", (443,), c["uncovered"].ee),
        _tlsa("expired", (443,), c["expired"].ee),
        _tlsa("misnamed", (443,), c["misnamed"].ee),
        _tlsa("misnamed-ta", (443,), ta),
        _tlsa("stale", (443,), c["stale"].ee, c["other"].ee),
        _tlsa("expired-ta", (443,), ta),
        _tlsa("ending", (443,), ta),
        _tlsa("unusable", (443,), c["unusable"].ee, "3 1 1 abcd", "3 1 9 abcd"),
        _tlsa("combined", (443,), c["combined"].ee, c["other"].ee.replace("3 1 1", "3 0 1")),
        _tlsa("v4only", (443,), c["v4only"].ee),
        _tlsa("slow", (443,), c["slow"].ee).replace(f" {TTL} ", " 172800 "),
        _tlsa("old", (443,), c["old"].ee),
        f"_443._tcp.aliased {TTL} IN CNAME tlsa.aliased\ntlsa.aliased {TTL} IN TLSA {c['aliased'].ee}\n",
        _tlsa("shared", (443,), c["shared"].ee),
        _tlsa("tenant", (443,), c["tenant"].ee),
        _tlsa("alias-out", (443,), c["www.plain"].ee),
        _tlsa("bogus", (443,), c["bogus"].ee),
        _tlsa("gone", (443,), c["gone"].ee),
    ]
    domains = {
        "@": ("10 mx",),
        "mixed": ("10 mx", "20 bare"),
        "null": ("0 .",),
        "aliases": ("10 mx-alias",),
        "mismatched": ("10 mismatch",),
        "deafened": ("10 deaf",),
    }
    lines += [f"{domain} {TTL} IN MX {mx}\n" for domain, found in domains.items() for mx in found]
    services = {
        ("submission", 587): "mx",
        ("submissions", 465): "mx",
        ("imap", 143): "mail",
        ("imaps", 993): "mail",
        ("pop3", 110): "mail",
        ("pop3s", 995): "mail",
        ("sieve", 4190): "mail",
        ("xmpp-client", 5222): "xmpp",
        ("xmpps-client", 5223): "xmpp",
        ("xmpp-server", 5269): "xmpp",
        ("xmpps-server", 5270): "xmpp",
        ("ldap", 389): "ldap",
    }
    lines += [f"_{name}._tcp {TTL} IN SRV 0 1 {port} {host}\n" for (name, port), host in services.items()]
    lines += [
        f"alias {TTL} IN CNAME www\nalias-out {TTL} IN CNAME www.plain\nmx-alias {TTL} IN CNAME mx\n",
        _delegated_plainly("plain"),
    ]
    return "".join(lines)


def _delegated_plainly(child: str) -> str:
    servers = (("ns1", PRIMARY), ("ns2", SECONDARY))
    return "".join(
        f"{child} {TTL} IN NS {ns}.{child}\n" + _addresses(f"{ns}.{child}", addresses) for ns, addresses in servers
    )


def _plain(credentials: Credentials) -> str:
    return _addresses("www", place("www.plain")) + _tlsa("www", (443,), credentials["www.plain"].ee)


def _late(credentials: Credentials, serial: int) -> str:
    """First with the TLSA record of the present key, then with that of the next one too."""
    present = credentials["www.late.net."].ee
    rdatas = (present, credentials["other"].ee)[:serial]
    return _apex(LATE, serial) + _addresses("www", place("www.late.net.")) + _tlsa("www", (443,), *rdatas)


def _ending(credentials: Credentials) -> str:
    host = _addresses("www", place("www.ending.net.")) + _tlsa("www", (443,), credentials["www.ending.net."].ee)
    return _apex(ENDING, 1) + host


def _damaged(signed: str) -> str:
    """The TLSA record of ``bogus`` is not the one that was signed any more."""
    text, count = re.subn(r"(_443\._tcp\.bogus\.\S+ \d+ IN TLSA 3 1 1 )[0-9A-Fa-f]{4}", r"\1dead", signed)
    assert count == 1, count
    return text
