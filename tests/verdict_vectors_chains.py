"""Evidence for the rules about chains and records: of each, what it speaks of, finds good, and does not apply to."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from danelaw.core.model import Chain, Evidence, Handshake, HandshakeFailure
from danelaw.core.verdict.rules.empty_digest import OF_NOTHING
from tlsa_chains import DAY, INTERMEDIATE, LEAF, NOW, RENEWED, ROOT, issue
from verdict_evidence import (
    FOUR,
    HTTPS,
    OTHER,
    PRESENT,
    SIX,
    SMTP,
    SOUND,
    XMPP,
    at_all,
    presenting,
    probes,
    publishing,
    record,
    text,
)

ENDING: Final = issue("leaf", INTERMEDIATE, names=("www.example.net",), start=NOW - 80 * DAY, end=NOW + 10 * DAY)
SELF_SIGNED: Final = issue("leaf", names=("www.example.net",), start=NOW - 80 * DAY, end=NOW + 10 * DAY)
NAMELESS: Final = issue("leaf", INTERMEDIATE)
OF_THE_DOMAIN: Final = issue("leaf", INTERMEDIATE, names=("example.net",))
NOBODY_S: Final = issue("leaf", issue("Private", ca=True), names=("www.example.net",))


def rsa_leaf(bits: int) -> bytes:
    """A self-signed certificate with an RSA key of that size."""
    key = rsa.generate_private_key(65537, bits)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"RSA {bits}")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW - DAY, NOW + 90 * DAY)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def shows(*ders: bytes) -> Handshake:
    return replace(PRESENT, chain=Chain(ders))


def stops(code: str, evidence: Evidence = SMTP) -> Evidence:
    return at_all(evidence, HandshakeFailure(code, "it said so"))


def with_chain(handshake: Handshake, *rdatas: bytes, of: Evidence = SOUND) -> Evidence:
    return replace(of, tlsa=publishing(*rdatas).tlsa, probes=probes(handshake))


ONE: Final = record("3 1 1")
NEXT: Final = record("3 1 1", RENEWED)
TWO_OLD: Final = tuple(record("3 1 1", issue("leaf", INTERMEDIATE)) for _ in range(2))
DOMAIN_ALONE: Final = shows(OF_THE_DOMAIN.der, INTERMEDIATE.der)
WITH_ROOT: Final = Chain((LEAF.der, INTERMEDIATE.der, ROOT.der))

FAILING: Final[dict[str, dict[str, Evidence]]] = {
    **{
        code: {"of SMTP": stops(code), "of XMPP": stops(code, XMPP)}
        for code in ("STARTTLS_NOT_OFFERED", "STARTTLS_REFUSED", "STARTTLS_INJECTED", "NOT_THIS_PROTOCOL")
    },
    "ALGORITHM_UNCOVERED": {
        "RSA beside ECDSA": presenting(*probes(rsa=OTHER)),
        "at one address": presenting(*probes(ips=[SIX]), *probes(rsa=OTHER, ips=[FOUR])),
    },
    "EMPTY_DIGEST": {
        "SHA-256": publishing(ONE, text(f"3 1 1 {OF_NOTHING[0].hex()}")),
        "SHA-512": publishing(ONE, text(f"2 0 2 {OF_NOTHING[1].hex()}")),
    },
    "DUPLICATE_RECORD": {"a key and its digest": publishing(ONE, record("3 1 0"))},
    "FULL_DATA": {"a leaf": publishing(record("3 0 0")), "a CA": publishing(record("2 0 0"))},
    "BREAKS_AT_RENEWAL": {"DANE-EE": publishing(record("3 0 1")), "PKIX-EE": publishing(ONE, record("1 0 1"))},
    "DIGEST_OPTIONAL": {
        "alone": publishing(record("3 1 2")),
        "beside another selector": publishing(ONE, record("3 0 2")),
    },
    "PKIX_ON_SMTP": {"beside DANE-EE": with_chain(PRESENT, ONE, record("1 1 1"), of=SMTP)},
    "TA_ONLY_IN_DNS": {
        "the whole certificate": with_chain(shows(LEAF.der), record("2 0 0")),
        "a bare key": with_chain(shows(LEAF.der), record("2 1 0")),
        "of a root that is not sent": with_chain(PRESENT, bytes((2, 0, 0)) + ROOT.der),
    },
    "NAME_LACKING": {"the domain's name alone": with_chain(DOMAIN_ALONE, record("2 0 1"), of=SMTP)},
    "CHAIN_DISORDERED": {
        "the leaf twice": with_chain(shows(LEAF.der, LEAF.der, INTERMEDIATE.der), ONE),
        "out of order": with_chain(shows(LEAF.der, ROOT.der, INTERMEDIATE.der), ONE),
        "one that belongs elsewhere": with_chain(shows(LEAF.der, INTERMEDIATE.der, NOBODY_S.der), ONE),
    },
    "CERTIFICATE_DATES_IGNORED": {
        "of a mail server": with_chain(shows(ENDING.der), ONE, of=SMTP),
        "self-signed": with_chain(shows(SELF_SIGNED.der), record("3 1 1", SELF_SIGNED)),
    },
    "ROLL_IN_PROGRESS": {
        "the next key's": publishing(ONE, NEXT),
        "of two combinations": publishing(ONE, NEXT, record("3 0 1"), record("3 0 1", RENEWED)),
    },
    "WEAK_KEY": {"RSA of 1024 bits": with_chain(shows(rsa_leaf(1024)), ONE)},
    "TLS_OUTDATED": {"TLS 1.0": presenting(*probes(HandshakeFailure("TLS_OUTDATED", "the server wants TLS 1.0")))},
    "PKIX_REFUSES": {
        "a CA that no browser knows": with_chain(shows(NOBODY_S.der), record("3 1 1", NOBODY_S), of=HTTPS),
        "another name": with_chain(DOMAIN_ALONE, record("3 1 1", OF_THE_DOMAIN), of=HTTPS),
    },
    "PKIX_BRITTLE": {
        "PKIX-EE alone": publishing(record("1 1 1")),
        "both": publishing(record("1 1 1"), record("0 0 1")),
    },
    "CA_KEY_ALONE": {"2 1 1": publishing(record("2 1 1"))},
    "CLIENT_REFUSES": {
        "OpenSSL, which wants a name under DANE-EE": with_chain(
            shows(NAMELESS.der, INTERMEDIATE.der), record("3 1 1", NAMELESS)
        ),
    },
    "ADDRESSES_DIFFER": {
        "each matches": replace(publishing(ONE, NEXT), probes=(*probes(ips=[SIX]), *probes(OTHER, ips=[FOUR])))
    },
}

PASSING: Final[dict[str, dict[str, Evidence]]] = {
    **{
        code: {"TLS": at_all(SMTP, PRESENT), "another failure": stops("TLS_ALERT")}
        for code in ("STARTTLS_NOT_OFFERED", "STARTTLS_REFUSED", "STARTTLS_INJECTED", "NOT_THIS_PROTOCOL")
    },
    "ALGORITHM_UNCOVERED": {
        "one key": SOUND,
        "each has its record": replace(publishing(ONE, NEXT), probes=probes(rsa=OTHER)),
        "nothing matches, which TLSA_MISMATCH says": presenting(*probes(OTHER)),
        "neither key matches, which it says too": presenting(*probes(OTHER, rsa=shows(NOBODY_S.der))),
        "another at the next connection, which it says too": presenting(*probes(ecdsa=OTHER)),
    },
    "EMPTY_DIGEST": {"of a key": SOUND},
    "DUPLICATE_RECORD": {
        "two digests": publishing(ONE, record("3 1 2")),
        "of others": publishing(NEXT, record("3 1 0")),
    },
    "FULL_DATA": {"a digest": SOUND, "a key, which is short": publishing(record("3 1 0"))},
    "BREAKS_AT_RENEWAL": {"the key": SOUND, "a CA's": publishing(record("2 0 1"))},
    "DIGEST_OPTIONAL": {
        "beside SHA-256": publishing(ONE, record("3 1 2")),
        "the key itself": publishing(record("3 1 0")),
    },
    "PKIX_ON_SMTP": {"DANE-EE": SMTP},
    "TA_ONLY_IN_DNS": {"sent": publishing(record("2 0 1")), "its key sent": publishing(record("2 1 0"))},
    "NAME_LACKING": {"the host's": publishing(record("2 0 1"))},
    "CHAIN_DISORDERED": {"in order": SOUND, "with the root": with_chain(replace(PRESENT, chain=WITH_ROOT), ONE)},
    "CERTIFICATE_DATES_IGNORED": {"sixty days left": SMTP},
    "ROLL_IN_PROGRESS": {"one": SOUND, "more than a roll needs": publishing(ONE, *TWO_OLD)},
    "WEAK_KEY": {"RSA of 2048 bits": with_chain(shows(rsa_leaf(2048)), ONE), "ECDSA": SOUND},
    "TLS_OUTDATED": {"TLS 1.2": presenting(*probes(replace(PRESENT, version="TLSv1.2")))},
    "PKIX_REFUSES": {
        "a CA that browsers know": HTTPS,
        "nobody accepts it, which TLSA_MISMATCH says": with_chain(shows(NOBODY_S.der), ONE, of=HTTPS),
    },
    "PKIX_BRITTLE": {"beside DANE-EE": publishing(ONE, record("1 1 1"))},
    "CA_KEY_ALONE": {"the certificate": publishing(record("2 0 1"))},
    "CLIENT_REFUSES": {
        "all accept it": SOUND,
        "mail servers would not, and none comes": publishing(record("1 1 1"), NEXT),
        "all refuse it, which TLSA_MISMATCH says": presenting(*probes(OTHER)),
        "no names are checked behind SRV": with_chain(
            shows(NAMELESS.der, INTERMEDIATE.der), record("3 1 1", NAMELESS), of=XMPP
        ),
    },
    "ADDRESSES_DIFFER": {
        "the same everywhere": SOUND,
        "by algorithm alone": replace(publishing(ONE, NEXT), probes=probes(rsa=OTHER)),
    },
}

NOTHING_SEEN: Final = presenting(*probes(HandshakeFailure("TLS_ALERT")))

NOT_APPLICABLE: Final[dict[str, Evidence]] = {
    **dict.fromkeys(("STARTTLS_NOT_OFFERED", "STARTTLS_REFUSED", "STARTTLS_INJECTED", "NOT_THIS_PROTOCOL"), SOUND),
    **dict.fromkeys(("EMPTY_DIGEST", "DUPLICATE_RECORD", "FULL_DATA", "BREAKS_AT_RENEWAL"), publishing()),
    **dict.fromkeys(("DIGEST_OPTIONAL", "PKIX_BRITTLE", "CA_KEY_ALONE"), publishing()),
    **dict.fromkeys(("ALGORITHM_UNCOVERED", "CHAIN_DISORDERED", "CERTIFICATE_DATES_IGNORED"), NOTHING_SEEN),
    **dict.fromkeys(("ROLL_IN_PROGRESS", "CLIENT_REFUSES", "WEAK_KEY"), NOTHING_SEEN),
    "TLS_OUTDATED": presenting(),
    "ADDRESSES_DIFFER": presenting(*probes(ips=[SIX]), *probes(OTHER, ips=[FOUR])),
    "PKIX_ON_SMTP": publishing(record("1 1 1")),
    "TA_ONLY_IN_DNS": SOUND,
    "NAME_LACKING": SOUND,
    "PKIX_REFUSES": SOUND,
}
