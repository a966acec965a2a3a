"""Chains and TLSA records, spoilt in all places: nothing is raised, and nothing is believed that nobody signed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from random import Random
from typing import Final

import dns.name
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from danelaw.core.model import Chain
from danelaw.core.tlsa import PROFILES, Combination, Profile, Reference, TLSARecord, acceptance, match
from danelaw.core.tlsa.associate import project
from danelaw.core.tlsa.der import MalformedDER, certificate_fields, is_certificate, is_spki
from danelaw.core.tlsa.match import Match
from danelaw.core.tlsa.profiles import RFC, STRICT
from danelaw.core.tlsa.x509 import parse
from fuzz.lies import flip_octets

NOW: Final = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DAY: Final = timedelta(days=1)
NAMES: Final = ("www.example.net", "*.example.net", "example.org")
TAGS: Final = (0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0C, 0x13, 0x16, 0x17, 0x18, 0x30, 0x31, 0x82, 0x86, 0xA0, 0xA3)


class ForgeryError(AssertionError):
    """What nobody signed was believed, or a publisher counts on what a client refuses."""


def _issued(number: int, issuer: int, name: str, issuers_name: str, *, ca: bool) -> x509.Certificate:
    """The same on every machine: keys, serial numbers and signatures are drawn from nothing but the number."""
    key, signer = (ec.derive_private_key(1000 + n, ec.SECP256R1()) for n in (number, issuer))
    subject, above = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, n)]) for n in (name, issuers_name))
    builder = (
        x509.CertificateBuilder(above, subject, key.public_key(), 7 + number, NOW - 30 * DAY, NOW + 30 * DAY)
        .add_extension(x509.BasicConstraints(ca, 3 if ca else None), critical=True)
        .add_extension(x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    if ca:
        permitted = [x509.DNSName("net"), x509.IPAddress(ip_network("192.0.2.0/24")), x509.DirectoryName(x509.Name([]))]
        builder = builder.add_extension(x509.NameConstraints(permitted, [x509.DNSName("a.net")]), critical=True)
    else:
        others = [
            x509.IPAddress(ip_address("192.0.2.1")),
            x509.RFC822Name("a@example.net"),
            x509.UniformResourceIdentifier("https://example.net/"),
            x509.RegisteredID(x509.ObjectIdentifier("2.999.1")),
        ]
        san = x509.SubjectAlternativeName([x509.DNSName("www.example.net"), *others])
        builder = builder.add_extension(san, critical=False)
    return builder.sign(signer, hashes.SHA256(), ecdsa_deterministic=True)


ROOT: Final = _issued(0, 0, "Root", "Root", ca=True)
LINK: Final = _issued(1, 0, "Link", "Root", ca=True)
CROSS: Final = _issued(1, 3, "Link", "Other", ca=True)
OTHER: Final = _issued(3, 3, "Other", "Other", ca=True)
LEAF: Final = _issued(2, 1, "leaf", "Link", ca=False)
ALONE: Final = _issued(4, 4, "alone", "alone", ca=False)
HONEST: Final = (LEAF, LINK, ROOT, CROSS, OTHER, ALONE)
DERS: Final = tuple(certificate.public_bytes(Encoding.DER) for certificate in HONEST)
SIGNED: Final = frozenset(certificate.tbs_certificate_bytes for certificate in HONEST)


def chains(random: Random) -> str:
    """``match`` and all that it stands upon."""
    pool = [_spoilt(random, der) if random.random() < 0.3 else der for der in DERS]
    sent = random.choices(pool[1:], k=random.randrange(6)) if random.random() < 0.3 else pool[1:4]
    leaf = random.choice([pool[0], pool[0], pool[0], pool[5], _spoilt(random, DERS[0]), certificate_key(DERS[0])])
    chain = Chain((leaf, *sent) if random.random() < 0.98 else ())
    records = tuple(_record(random, [*pool, *chain.ders]) for _ in range(random.choice([1, 1, 2, 8])))
    names = tuple(dns.name.from_text(random.choice(NAMES)) for _ in range(random.choice([1, 1, 2])))
    roots = tuple(random.choices(pool, k=random.randrange(3)))
    reference = Reference(names, roots, opportunistic=random.random() < 0.2)
    for der in chain.ders:
        if parse(der) is not None and not is_certificate(der):
            raise ForgeryError("a certificate is read that is none")
    found = {name: match(records, chain, reference, NOW, profile) for name, profile in PROFILES.items()}
    for name, profile in PROFILES.items():
        acceptance(found[name], chain, reference, NOW, profile)
        _believable(found[name], chain, roots, name)
    counted_on = match(records, chain, reference, NOW, STRICT)
    _believable(counted_on, chain, roots, "publisher")
    if counted_on.by is not None and match(records, chain, reference, NOW, RFC).by is None:
        raise ForgeryError("a publisher counts on what a client by the standards refuses")
    if match(records, chain, reference, NOW, Profile(strict=True)) != counted_on:
        raise ForgeryError("judged otherwise the second time")
    return f"{[der.hex() for der in chain.ders]} {[record.to_text() for record in records]}"


def _believable(found: Match, chain: Chain, roots: tuple[bytes, ...], who: str) -> None:
    """A record that matched names what it says; and but for DANE-EE somebody signed the leaf, or trusts it as it is."""
    for outcome in found.records:
        if not outcome.matched:
            continue
        if outcome.certificate is None or outcome.depth is None:
            raise ForgeryError(f"{who}: a match of nothing")
        combination = outcome.record.combination
        content = certificate_key(outcome.certificate) if combination.selector else outcome.certificate
        if project(combination.mtype, content) != outcome.record.data:
            raise ForgeryError(f"{who}: the record names something else")
        if combination.usage == 3:
            if outcome.depth != 0:
                raise ForgeryError(f"{who}: DANE-EE above the leaf")
        elif x509.load_der_x509_certificate(chain.ders[0]).tbs_certificate_bytes not in SIGNED and not (
            combination.usage < 2 and chain.ders[0] in roots
        ):
            raise ForgeryError(f"{who}: a leaf that nobody signed")


def certificate_key(der: bytes) -> bytes:
    """The key of a certificate, or a key itself; of anything else no octets."""
    if is_spki(der):
        return der
    try:
        return certificate_fields(der).spki
    except MalformedDER:
        return b""


def _record(random: Random, certificates: list[bytes]) -> TLSARecord:
    usage, selector, mtype = random.choice([0, 1, 2, 2, 3, 3]), random.randrange(2), random.randrange(3)
    certificate = random.choice(certificates)
    content = certificate_key(certificate) if selector else certificate
    data = project(mtype, content) if content else random.randbytes(32)
    if random.random() < 0.1:
        data = random.choice([_spoilt(random, data), b"", random.randbytes(64)])
    if random.random() < 0.05:
        usage, selector, mtype = (random.randrange(256) for _ in range(3))
    return TLSARecord(Combination(usage, selector, mtype), data)


def _spoilt(random: Random, der: bytes) -> bytes:
    """Other octets, fewer, more; other tags; parts twice, or from elsewhere."""
    made = bytearray(der)
    for _ in range(random.choice([1, 1, 2, 5, 30])):
        at = random.randrange(len(made) + 1)
        end = min(len(made), at + random.choice([0, 1, 2, 20]))
        match random.randrange(5):
            case 0:
                made = bytearray(flip_octets(random, bytes(made))) if made else made
            case 1:
                made[at:end] = random.randbytes(end - at)
            case 2:
                made[at:end] = bytes([random.choice(TAGS)]) * (end - at)
            case 3:
                made[at:end] = b"" if random.random() < 0.5 else made[at:end] * 2
            case _:
                other = random.choice(DERS)
                made[at:end] = other[at:end]
    return bytes(made)
