"""What can be wrong on the way down: DS records, keys, and the proof that a zone is not signed (RFC 4035 §5.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.algorithms import Algorithm, DigestType
from danelaw.core.dnssec.keys import DNSKEY, ZoneKey, make_ds
from danelaw.core.model import Message
from fault_garden.damages import (
    BOGUS,
    INDETERMINATE,
    INSECURE,
    SECURE,
    Damage,
    Entry,
    as_if_of,
    dated,
    delegated,
    denied_by,
    emptied,
    failing,
    fields,
    flipped,
    keys,
    nsec,
    rdatas,
    removed,
    replanted,
    reply,
    rrsigs,
    same,
    signed,
    together,
    truncated,
    unsigned,
    without,
)
from fault_garden.garden import Garden
from fault_garden.keys import COLLIDING, ZSK, same_tag, zone_key
from fault_garden.signatures import DAY, bit, ksk, stranger

DELEGATION, KEYS, PLAIN = "example.net. DS", "example.net. DNSKEY", "www.plain.net. A"
NO_DS = "plain.net. DS"


def zsk(garden: Garden) -> ZoneKey:
    return garden.bed("example.net.").keys[1]


def digests(*kinds: tuple[int, bool]) -> Damage:
    """DS records of these digest types, right or wrong."""

    def damage(garden: Garden) -> None:
        made = []
        for kind, right in kinds:
            ds = make_ds(garden.name("example.net."), ksk(garden).dnskey, kind)
            made.append(ds if right else replace(ds, digest=ds.digest[::-1]))
        garden.put(DELEGATION, [ds.to_rdata() for ds in made])

    return damage


SHA1, SHA256, SHA384 = DigestType.SHA1, DigestType.SHA256, DigestType.SHA384


def of_no_key(garden: Garden) -> DNSKEY:
    return stranger(garden).dnskey


def other_keys(change: Callable[[DNSKEY], DNSKEY], whose: Callable[[Garden], ZoneKey] = stranger) -> Damage:
    """A key beside the others."""
    return keys(lambda garden: change(whose(garden).dnskey))


def beside(*rdatas_: bytes) -> Damage:
    return rdatas(KEYS, lambda held: [*held, *rdatas_])


def colliding_zsks(garden: Garden) -> None:
    """Four ZSKs of one tag; the addresses are signed by one of them."""
    apex = garden.name("example.net.")
    found = [zone_key(apex, secret) for secret in COLLIDING]
    keys(*(lambda _, one=one: one.dnskey for one in found))(garden)
    signed("www A", by=lambda _: found[2])(garden)


def many_of_one_tag(garden: Garden) -> None:
    """Twenty-five keys of the ZSK's tag, and 30 signatures that fit none of them (KeyTrap, CVE-2023-50387)."""
    keys(*(lambda _, one=one: one for one in same_tag(zsk(garden).dnskey, 25)))(garden)
    rrsigs("www A", lambda one: [one[:-2] + number.to_bytes(2) for number in range(30)])(garden)


def many_ds(garden: Garden) -> None:
    """DS records that name the KSK by its tag and lead to nothing, beside the right one."""
    good = make_ds(garden.name("example.net."), ksk(garden).dnskey)
    bad = [replace(good, digest=number.to_bytes(32)) for number in range(20)]
    garden.put(DELEGATION, [ds.to_rdata() for ds in (good, *bad)])


def second_ds(of: Callable[[Garden], DNSKEY]) -> Damage:
    """A DS of another key beside the KSK's."""

    def damage(garden: Garden) -> None:
        other = make_ds(garden.name("example.net."), of(garden))
        garden.put(DELEGATION, [*garden.rrset(DELEGATION).rdatas, other.to_rdata()])

    return damage


def led_to(change: Callable[[DNSKEY], DNSKEY]) -> Damage:
    """The KSK's record is changed, and the DS leads to what it is then; its signature stays the KSK's."""

    def damage(garden: Garden) -> None:
        changed = change(ksk(garden).dnskey)
        held = {zsk(garden).dnskey.to_rdata(), changed.to_rdata()}
        garden.put(KEYS, held, key_tag=changed.tag, algorithm=changed.algorithm)
        garden.put(DELEGATION, [make_ds(garden.name("example.net."), changed).to_rdata()])

    return damage


def revoked_beside(garden: Garden) -> None:
    """The DS leads to a key that is revoked, and another DS to one that is not."""
    apex = garden.name("example.net.")
    old = ZoneKey.of(apex, 0x0181, Algorithm.ECDSAP256SHA256, zone_key(apex, 88).private)
    held = {*garden.rrset(KEYS).rdatas, old.dnskey.to_rdata()}
    garden.put(KEYS, held, old, ksk(garden))
    second_ds(lambda _: old.dnskey)(garden)


def from_the_child(garden: Garden) -> None:
    """The DS is denied by the zone's own apex, with its SOA bit (RFC 4035 §5.2)."""
    denied_by(DELEGATION, "=example.net.")(garden)


def unsigned_parent_proof(message: Message) -> Message:
    return replace(message, authority=tuple(one for one in message.authority if one.type != T.RRSIG))


def without_ns(garden: Garden) -> None:
    nsec("plain.net.", lambda one, _: replace(one, types=one.types - {int(T.NS)}), "net.")(garden)


def with_ds(garden: Garden) -> None:
    nsec("plain.net.", lambda one, _: replace(one, types=one.types | {int(T.DS)}), "net.")(garden)


def with_soa(garden: Garden) -> None:
    nsec("plain.net.", lambda one, _: replace(one, types=one.types | {int(T.SOA)}), "net.")(garden)


def abandoned(garden: Garden) -> None:
    """Zone and parent say that example.net. is not signed; its servers still sign."""
    nsec("example.net.", lambda one, _: replace(one, types=one.types - {int(T.DS)}), zone="net.")(garden)
    removed(DELEGATION)(garden)


def another(key: ZoneKey) -> ZoneKey:
    return zone_key(key.zone, 99, key.dnskey.flags)


def _bogus(name: str, damage: Damage, code: str, section: str = "RFC 4035 §5.2", asked: str = "www A") -> Entry:
    return Entry(name, damage, asked, BOGUS, code, section)


def _secure(name: str, damage: Damage, section: str, asked: str = "www A") -> Entry:
    return Entry(name, damage, asked, SECURE, "SIGNATURE_VALID", section)


def _insecure(
    name: str, damage: Damage, code: str = "ALGORITHM_UNSUPPORTED", section: str = "RFC 4035 §5.2", asked: str = "www A"
) -> Entry:
    return Entry(name, damage, asked, INSECURE, code, section)


def _unknown(name: str, damage: Damage, asked: str = "www A") -> Entry:
    return Entry(name, damage, asked, INDETERMINATE, "NO_ANSWER", "RFC 4035 §4.3")


MISMATCH: Final = "DS_MISMATCH"
DS_ENTRIES: Final = [
    _bogus("a DS of another digest", delegated(lambda ds: [replace(ds, digest=bytes(32))]), MISMATCH),
    _bogus("a DS of another tag", delegated(lambda ds: [replace(ds, tag=ds.tag ^ 1)]), MISMATCH),
    _bogus("a DS of another algorithm", delegated(lambda ds: [replace(ds, algorithm=15)]), MISMATCH),
    _bogus("a DS cut short", delegated(lambda ds: [replace(ds, digest=ds.digest[:-1])]), MISMATCH),
    _bogus("a DS that is too long", delegated(lambda ds: [replace(ds, digest=ds.digest + b"\0")]), MISMATCH),
    _bogus("a DS without digest", delegated(lambda ds: [replace(ds, digest=b"")]), MISMATCH),
    _secure("a DS of another digest beside the right one", digests((SHA256, True), (SHA256, False)), "RFC 4035 §5.2"),
    _secure(
        "a DS cut short beside the right one", delegated(lambda ds: [ds, replace(ds, digest=b"x")]), "RFC 4035 §5.2"
    ),
    _secure(
        "a DS without digest beside the right one", delegated(lambda ds: [ds, replace(ds, digest=b"")]), "RFC 4035 §5.2"
    ),
    _secure("a DS of no key beside the right one", second_ds(of_no_key), "RFC 4035 §5.2"),
    _secure("a DS with SHA-384", digests((SHA384, True)), "RFC 6605 §2"),
    _secure("SHA-384 wrong beside SHA-256", digests((SHA384, False), (SHA256, True)), "RFC 4035 §5.2"),
    _secure("SHA-256 wrong beside SHA-384", digests((SHA384, True), (SHA256, False)), "RFC 4035 §5.2"),
    _insecure("a DS with SHA-1 alone", digests((SHA1, True)), "ALGORITHM_UNSUPPORTED", "RFC 9905 §2"),
    _insecure("a wrong DS with SHA-1 alone", digests((SHA1, False)), "ALGORITHM_UNSUPPORTED", "RFC 9905 §2"),
    _secure("SHA-1 wrong beside SHA-256", digests((SHA1, False), (SHA256, True)), "RFC 4509 §3"),
    _bogus("SHA-256 wrong beside SHA-1", digests((SHA1, True), (SHA256, False)), MISMATCH, "RFC 4509 §3"),
    _insecure("a digest that nobody knows", delegated(lambda ds: [replace(ds, digest_type=200)])),
    _insecure("an algorithm that nobody knows, in the DS", delegated(lambda ds: [replace(ds, algorithm=200)])),
    _insecure("the algorithm of DSA, in the DS", delegated(lambda ds: [replace(ds, algorithm=3)])),
    _insecure(
        "neither algorithm nor digest known",
        delegated(lambda ds: [replace(ds, algorithm=200), replace(ds, digest_type=200)]),
    ),
    _secure(
        "unknown algorithm and digest beside the right one",
        delegated(lambda ds: [ds, replace(ds, algorithm=200), replace(ds, digest_type=200)]),
        "RFC 4035 §5.2",
    ),
    _bogus(
        "an unknown digest beside a wrong one",
        delegated(lambda ds: [replace(ds, digest_type=200), replace(ds, digest=bytes(32))]),
        MISMATCH,
    ),
    _secure("twenty DS of one key, one right", many_ds, "RFC 4035 §5.2"),
    _bogus("a bit of the DS", reply(DELEGATION, flipped(int(T.DS))), "SIGNATURE_INVALID"),
    _bogus("a DS unsigned", unsigned(DELEGATION), "SIGNATURE_MISSING"),
    _bogus("a DS signed long ago", dated(DELEGATION, lambda now: (now - 9 * DAY, now - 3 * DAY)), "SIGNATURE_EXPIRED"),
    _bogus("a DS signed by the child", signed(DELEGATION, by=ksk), "SIGNER_MISMATCH"),
    _bogus("a DS of a wildcard", as_if_of(DELEGATION, "*.net."), "SIGNATURE_INVALID"),
    _bogus("no DS and no denial", reply(DELEGATION, emptied), "DENIAL_MISSING"),
    _bogus("no DS, denied by another name", denied_by(DELEGATION, "=m.net.", zone="net."), "DENIAL_INSUFFICIENT"),
    _bogus("no DS, by the name's own bits", denied_by(DELEGATION, "=example.net.", zone="net."), "DENIAL_INSUFFICIENT"),
    _bogus("no DS, says the child", from_the_child, "SIGNER_MISMATCH"),
    _bogus("no DS, says the root", denied_by(DELEGATION, ">net.", zone="."), "SIGNER_MISMATCH"),
    _bogus("no such name, says the parent's liar", reply(DELEGATION, failing(3)), "DENIAL_MISSING"),
    _unknown("SERVFAIL for the DS", reply(DELEGATION, failing(2))),
    _unknown("REFUSED for the DS", reply(DELEGATION, failing(5))),
    _insecure("a zone that left DNSSEC and still signs", abandoned, "INSECURE_DELEGATION"),
    # The proof that there is no DS
    _bogus("an unsigned zone without proof", reply(NO_DS, emptied), "DENIAL_MISSING", asked=PLAIN),
    _bogus("an unsigned zone, proof unsigned", reply(NO_DS, unsigned_parent_proof), "SIGNATURE_MISSING", asked=PLAIN),
    _bogus("an unsigned zone, no NSEC", reply(NO_DS, without(T.NSEC)), "DENIAL_MISSING", asked=PLAIN),
    _bogus("an unsigned zone, proof forged", reply(NO_DS, flipped(int(T.NSEC))), "SIGNATURE_INVALID", asked=PLAIN),
    _bogus(
        "an unsigned zone, another name's proof",
        denied_by(NO_DS, "=m.net.", zone="net."),
        "DENIAL_INSUFFICIENT",
        asked=PLAIN,
    ),
    _bogus("an unsigned zone, its NSEC with DS", with_ds, "DENIAL_INSUFFICIENT", asked=PLAIN),
    _bogus("an unsigned zone, its NSEC with SOA", with_soa, "DENIAL_INSUFFICIENT", "RFC 6840 §4.4", PLAIN),
    _bogus("an unsigned zone, its NSEC without NS", without_ns, "DENIAL_MISSING", "RFC 6840 §4.4", PLAIN),
    _bogus(
        "an unsigned zone, proof expired",
        dated("plain.net. NSEC net.", lambda now: (now - 9 * DAY, now - 3 * DAY)),
        "SIGNATURE_EXPIRED",
        asked=PLAIN,
    ),
]

KEY_ENTRIES: Final = [
    _bogus("no keys", reply(KEYS, emptied), "DNSKEY_MISSING"),
    _bogus("no such name, for the keys", reply(KEYS, failing(3)), "DNSKEY_MISSING"),
    _bogus("keys unsigned", unsigned(KEYS), "SIGNATURE_MISSING"),
    _bogus("keys signed by the ZSK alone", signed(KEYS, by=zsk), "SIGNING_KEY_MISSING"),
    _bogus("keys signed by a key that is not there", signed(KEYS, by=stranger), "SIGNING_KEY_MISSING"),
    _bogus("keys signed long ago", dated(KEYS, lambda now: (now - 9 * DAY, now - 3 * DAY)), "SIGNATURE_EXPIRED"),
    _bogus("keys signed too early", dated(KEYS, lambda now: (now + 3 * DAY, now + 9 * DAY)), "SIGNATURE_NOT_YET_VALID"),
    _bogus("keys of a wildcard", as_if_of(KEYS, "*.net."), "SIGNATURE_INVALID"),
    _bogus("a bit of each key", reply(KEYS, flipped(int(T.DNSKEY))), MISMATCH),
    _bogus("a bit of the keys' signature", rrsigs(KEYS, lambda one: [bit(one)]), "SIGNATURE_INVALID"),
    _unknown("SERVFAIL for the keys", reply(KEYS, failing(2))),
    _unknown("keys truncated", reply(KEYS, truncated)),
    _bogus("the ZSK missing", keys(lambda g: ksk(g).dnskey, only=True), "SIGNING_KEY_MISSING"),
    _bogus("the KSK missing", keys(lambda g: zsk(g).dnskey, only=True), MISMATCH),
    _bogus("other keys altogether", keys(of_no_key, only=True), MISMATCH),
    # Flags and protocol
    _secure("keys without SEP", replanted("example.net.", fields(flags=ZSK), same), "RFC 4034 §2.1.1"),
    _secure("a ZSK with SEP", replanted("example.net.", same, fields(flags=257)), "RFC 4034 §2.1.1"),
    _secure("flags that nobody knows", replanted("example.net.", fields(flags=0x4101), same), "RFC 4034 §2.1.1"),
    _bogus("a KSK for no zone", replanted("example.net.", fields(flags=1), same), "KEY_NOT_FOR_ZONE"),
    _bogus("a ZSK for no zone", replanted("example.net.", same, fields(flags=0)), "KEY_NOT_FOR_ZONE"),
    _bogus("a KSK of protocol 2", replanted("example.net.", fields(protocol=2), same), "KEY_NOT_FOR_ZONE"),
    _bogus("a ZSK of protocol 2", replanted("example.net.", same, fields(protocol=2)), "KEY_NOT_FOR_ZONE"),
    _bogus("a KSK revoked", replanted("example.net.", fields(flags=0x0181), same), "KEY_REVOKED", "RFC 5011 §2.1"),
    _bogus("a ZSK revoked", replanted("example.net.", same, fields(flags=0x0180)), "KEY_REVOKED", "RFC 5011 §2.1"),
    _secure("a revoked key beside", other_keys(lambda key: replace(key, flags=0x0181)), "RFC 5011 §2.1"),
    _secure("a revoked key beside, with a DS", revoked_beside, "RFC 5011 §2.1"),
    # Other keys in the set
    _secure("a standby key", keys(of_no_key), "RFC 4035 §5.2"),
    _secure("a standby key with a DS", together(keys(of_no_key), second_ds(of_no_key)), "RFC 4035 §5.2"),
    _secure("a key of an unknown algorithm beside", other_keys(lambda k: replace(k, algorithm=200)), "RFC 4035 §5.2"),
    _secure("a key of three octets beside", beside(b"\1\0\3"), "RFC 4035 §5.2"),
    _secure("a key of no octets beside", beside(b"\1\0\3\x0d"), "RFC 4035 §5.2"),
    _secure("a key too short beside", other_keys(lambda k: replace(k, public_key=k.public_key[:-1])), "RFC 4035 §5.2"),
    _secure("a key off the curve beside", other_keys(lambda k: replace(k, public_key=b"\1" * 64)), "RFC 4035 §5.2"),
    _bogus("a KSK too short", led_to(lambda k: replace(k, public_key=k.public_key[:-1])), "SIGNATURE_INVALID"),
    _bogus("a KSK off the curve", led_to(lambda k: replace(k, public_key=b"\1" * 64)), "SIGNATURE_INVALID"),
    _bogus("a KSK of another algorithm's form", led_to(lambda k: replace(k, algorithm=8)), "SIGNATURE_INVALID"),
    # Key tags
    _secure("four ZSKs of one tag", colliding_zsks, "RFC 4034 appendix B"),
    _bogus("twenty-six keys of one tag and thirty bad signatures", many_of_one_tag, "WORK_LIMIT", "RFC 4035 §5.4"),
    # The anchor
    _bogus("other keys at the anchor", replanted(".", another, another), MISMATCH),
]

ENTRIES: Final = [*DS_ENTRIES, *KEY_ENTRIES]
