"""What the validator says of damaged zones and of forged replies: the state and, always, the reason.

A verdict of "bogus" for a wrong reason hides a bug, so each case names the reason that must be said first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from dns.name import Name
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.algorithms import DEFAULT_POLICY, Algorithm, AlgorithmPolicy, DigestType
from danelaw.core.dnssec.keys import DNSKEY, DS, ZoneKey, make_ds
from danelaw.core.dnssec.nsec import NSEC
from danelaw.core.dnssec.rrsig import RRSIG, make
from danelaw.core.dnssec.validate import Validation, drive
from danelaw.core.dnssec.authenticate import Bounds
from danelaw.core.model import Message, Question, Record, RRset, Security, Silence, Validated
from signed_tree import EXPIRATION, INCEPTION, NOW, Tree, name, question

BOGUS, INSECURE, INDETERMINATE, SECURE = Security.BOGUS, Security.INSECURE, Security.INDETERMINATE, Security.SECURE
Reply = Message | Silence
Damage = Callable[[Tree], Callable[[Question], Reply]]
WWW, TLSA = question("www", "A"), question("_443._tcp.www", "TLSA")


def judged(
    damage: Damage, asked: Question, policy: AlgorithmPolicy = DEFAULT_POLICY, bounds: Bounds | None = None
) -> Validated:
    tree = Tree()
    answer = damage(tree)
    return drive(Validation(asked.name, asked.type, tree.anchors, policy, NOW, bounds=bounds), answer)


# Damages of single replies: to one question, or to all.


def reply_changed(asked: Question | None, change: Callable[[Message], Reply]) -> Damage:
    def damage(tree: Tree) -> Callable[[Question], Reply]:
        def answer(one: Question) -> Reply:
            honest = tree.answer(one)
            return change(honest) if asked in (None, one) else honest

        return answer

    return damage


def without(*types: int) -> Callable[[Message], Message]:
    def change(reply: Message) -> Message:
        return replace(
            reply,
            answer=tuple(record for record in reply.answer if record.type not in types),
            authority=tuple(record for record in reply.authority if record.type not in types),
        )

    return change


def flipped(type: int, octet: int = -1) -> Callable[[Message], Message]:
    """One bit of each record of a type."""

    def flip(record: Record) -> Record:
        if record.type != type:
            return record
        rdata = bytearray(record.rdata)
        rdata[octet] ^= 1
        return replace(record, rdata=bytes(rdata))

    def change(reply: Message) -> Message:
        return replace(reply, answer=tuple(map(flip, reply.answer)), authority=tuple(map(flip, reply.authority)))

    return change


def emptied(reply: Message) -> Message:
    return replace(reply, rcode=0, answer=(), authority=())


def with_denial_of(asked: Question) -> Damage:
    """The reply to WWW is replaced by an honest denial of something else."""

    def damage(tree: Tree) -> Callable[[Question], Reply]:
        other = tree.answer(asked)
        return lambda one: replace(other, question=(WWW,)) if one == WWW else tree.answer(one)

    return damage


def referring(reply: Message) -> Message:
    ns = Record(name("plain.net."), int(T.NS), 1, 600, name("ns.plain.net.").to_wire())
    return replace(reply, flags=0x8000, answer=(), authority=(ns,))


# Damages of zones, signed again where that belongs to the case.


def zone_key(tree: Tree, zone: str) -> ZoneKey:
    return ZoneKey.of(name(zone), 257, Algorithm.ECDSAP256SHA256, tree.keys[name(zone)][0])


def resign(tree: Tree, zone: str, owner: Name, type: int, rdatas: Iterable[bytes], *keys: ZoneKey) -> None:
    ttl = tree.zones[name(zone)].nodes.get((owner, type), (600, (), ()))[0]
    rrset = RRset(owner, type, ttl, frozenset(rdatas))
    signed = tuple(make(rrset, name(zone), key, INCEPTION, EXPIRATION) for key in keys or (zone_key(tree, zone),))
    tree.zones[name(zone)].nodes[owner, type] = (ttl, tuple(rrset.rdatas), signed)


def ds_replaced(change: Callable[[DS], Iterable[DS]]) -> Damage:
    """The DS RRset of example.net. in net., well signed."""

    def damage(tree: Tree) -> Callable[[Question], Reply]:
        owner = name("example.net.")
        (rdata,) = tree.zones[name("net.")].nodes[owner, int(T.DS)][1]
        resign(tree, "net.", owner, int(T.DS), [ds.to_rdata() for ds in change(DS.from_rdata(rdata))])
        return tree.answer

    return damage


def key_flags(flags: int) -> Damage:
    """The only key of example.net. has other flags; DS and signatures are made for that."""

    def damage(tree: Tree) -> Callable[[Question], Reply]:
        owner = name("example.net.")
        private = tree.keys[owner][0]
        key = ZoneKey.of(owner, flags, Algorithm.ECDSAP256SHA256, private)
        for (at, type), (_, rdatas, rrsigs) in list(tree.zones[owner].nodes.items()):
            if rrsigs and type != T.DNSKEY:
                resign(tree, "example.net.", at, type, rdatas, key)
        resign(tree, "example.net.", owner, int(T.DNSKEY), [key.dnskey.to_rdata()], key)
        resign(tree, "net.", owner, int(T.DS), [make_ds(owner, key.dnskey).to_rdata()])
        return tree.answer

    return damage


def two_keys(flags: int, *, keys_signed_by: int = 0) -> Damage:
    """example.net. has a KSK, which the DS points to, and a ZSK with these flags, which signs WWW."""

    def damage(tree: Tree) -> Callable[[Question], Reply]:
        apex = name("example.net.")
        private = ec.derive_private_key(1004, ec.SECP256R1())
        keys = (zone_key(tree, "example.net."), ZoneKey.of(apex, flags, Algorithm.ECDSAP256SHA256, private))
        rdatas = [key.dnskey.to_rdata() for key in keys]
        resign(tree, "example.net.", apex, int(T.DNSKEY), rdatas, keys[keys_signed_by])
        resign(tree, "example.net.", WWW.name, int(T.A), tree.zones[apex].nodes[WWW.name, int(T.A)][1], keys[1])
        return tree.answer

    return damage


def expanded_from(wildcard: str, zone: str, type: int) -> Damage:
    """The DS or DNSKEY of example.net. with the signature of a wildcard that would expand to it."""

    def damage(tree: Tree) -> Callable[[Question], Reply]:
        nodes, at = tree.zones[name(zone)].nodes, (name("example.net."), type)
        ttl, rdatas, _ = nodes[at]
        rrset = RRset(name(wildcard), type, ttl, frozenset(rdatas))
        nodes[at] = (ttl, rdatas, (make(rrset, name(zone), zone_key(tree, zone), INCEPTION, EXPIRATION),))
        return tree.answer

    return damage


def nsec_at(owner: str, change: Callable[[NSEC], NSEC], zone: str = "example.net.") -> Damage:
    def damage(tree: Tree) -> Callable[[Question], Reply]:
        (rdata,) = tree.zones[name(zone)].nodes[name(owner), int(T.NSEC)][1]
        resign(tree, zone, name(owner), int(T.NSEC), [change(NSEC.from_rdata(rdata)).to_rdata()])
        return tree.answer

    return damage


def signed_by_parent(tree: Tree) -> Callable[[Question], Reply]:
    """net. signs an address that belongs to example.net."""
    rdatas = tree.zones[name("example.net.")].nodes[WWW.name, int(T.A)][1]
    rrset = RRset(WWW.name, int(T.A), 600, frozenset(rdatas))
    signed = make(rrset, WWW.name, zone_key(tree, "net."), INCEPTION, EXPIRATION)
    tree.zones[name("example.net.")].nodes[WWW.name, int(T.A)] = (600, rdatas, (signed,))
    return tree.answer


def signed_by_a_key_that_is_not_there(tree: Tree) -> Callable[[Question], Reply]:
    stranger = ZoneKey.of(
        name("example.net."), 256, Algorithm.ECDSAP256SHA256, ec.derive_private_key(77, ec.SECP256R1())
    )
    rdatas = tree.zones[name("example.net.")].nodes[WWW.name, int(T.A)][1]
    resign(tree, "example.net.", WWW.name, int(T.A), rdatas, stranger)
    return tree.answer


def signer_changed(signer: str) -> Callable[[Message], Message]:
    def change(reply: Message) -> Message:
        rrsig = RRSIG.from_rdata(next(record.rdata for record in reply.answer if record.type == T.RRSIG))
        forged = replace(rrsig, signer=name(signer)).to_rdata()
        return with_records(Record(reply.question[0].name, int(T.RRSIG), 1, 600, forged))(reply)

    return change


def rrsig_changed(**fields: int) -> Callable[[Message], Message]:
    def change(reply: Message) -> Message:
        return replace(
            reply,
            answer=tuple(
                replace(record, rdata=replace(RRSIG.from_rdata(record.rdata), **fields).to_rdata())  # type: ignore[arg-type]  # the fields named here are all integers
                if record.type == T.RRSIG
                else record
                for record in reply.answer
            ),
        )

    return change


def with_records(*records: Record) -> Callable[[Message], Message]:
    """These in place of the signatures."""

    def change(reply: Message) -> Message:
        return replace(reply, answer=(*without(T.RRSIG)(reply).answer, *records))

    return change


def expanded_to_a_name_that_exists(tree: Tree) -> Callable[[Question], Reply]:
    """The wildcard's text at a name that has its own records, with the proof of another name's expansion."""
    other = tree.answer(WILD)
    moved = tuple(replace(record, owner=THERE.name) for record in other.answer)
    forged = replace(other, question=(THERE,), answer=moved)
    return lambda one: forged if one == THERE else tree.answer(one)


def denied_by(asked: Question, owner: str, zone: str = "example.net.", at: str | None = None) -> Damage:
    """The question is denied by one honest NSEC, which may be shown at another name."""

    def damage(tree: Tree) -> Callable[[Question], Reply]:
        nsec = tree.zones[name(zone)].records(name(owner), int(T.NSEC), name(at or owner))
        assert nsec
        soa = tree.zones[name(zone)].records(name(zone), int(T.SOA))
        denial = Message(1, 0x8400, 0, (asked,), (), (*soa, *nsec))
        return lambda one: denial if one == asked else tree.answer(one)

    return damage


def ds_without_its_name(tree: Tree) -> Callable[[Question], Reply]:
    """The insecure delegation is denied with the NSEC of a name that is none (RFC 6840 §4.4)."""
    denial = tree.answer(question("a.net.", "DS"))
    asked = question("plain.net.", "DS")
    return lambda one: replace(denial, question=(asked,)) if one == asked else tree.answer(one)


def from_the_child(tree: Tree) -> Callable[[Question], Reply]:
    """The DS of example.net. is denied by the NSEC of its own apex, which has the SOA bit (RFC 4035 §5.2)."""
    child, asked = tree.zones[name("example.net.")], question("example.net.", "DS")
    authority = (*child.records(child.apex, int(T.SOA)), *child.records(child.apex, int(T.NSEC)))
    denial = Message(1, 0x8400, 0, (asked,), (), authority)
    return lambda one: denial if one == asked else tree.answer(one)


def silent(asked: Question) -> Damage:
    return reply_changed(asked, lambda _: Silence("TIMEOUT"))


def nsec3_instead(tree: Tree) -> Callable[[Question], Reply]:
    """A signed NSEC3 RRset in place of the NSECs (RFC 5155 §3)."""
    owner = name("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom")
    rrset = RRset(owner, int(T.NSEC3), 60, frozenset({bytes.fromhex("01000000" + "00" + "14" + "00" * 20)}))
    signed = make(rrset, name("example.net."), zone_key(tree, "example.net."), INCEPTION, EXPIRATION)
    records = (
        Record(owner, int(T.NSEC3), 1, 60, next(iter(rrset.rdatas))),
        Record(owner, int(T.RRSIG), 1, 60, signed),
    )

    def answer(one: Question) -> Reply:
        honest = without(T.NSEC)(tree.answer(one))
        return (
            replace(honest, authority=(*honest.authority, *records)) if one.name == name("nope") else tree.answer(one)
        )

    return answer


DNSKEYS, DELEGATION = question("example.net.", "DNSKEY"), question("example.net.", "DS")
NOPE, ALIAS, OLD = question("nope", "A"), question("alias", "A"), question("host.old", "TXT")
PLAIN = question("www.plain.net.", "A")
WILD, THERE = question("x.wild", "TXT"), question("there.wild", "TXT")
NO_RRSIG = Record(WWW.name, int(T.RRSIG), 1, 600, b"\0\1")
DAMAGES: list[tuple[str, Damage, Question, Security, str]] = [
    # Positive answers
    ("a bit of the record", reply_changed(TLSA, flipped(T.TLSA)), TLSA, BOGUS, "SIGNATURE_INVALID"),
    ("a bit of the signature", reply_changed(TLSA, flipped(T.RRSIG)), TLSA, BOGUS, "SIGNATURE_INVALID"),
    ("no signature", reply_changed(TLSA, without(T.RRSIG)), TLSA, BOGUS, "SIGNATURE_MISSING"),
    ("nothing at all", reply_changed(TLSA, emptied), TLSA, BOGUS, "DENIAL_MISSING"),
    ("no reply", silent(TLSA), TLSA, INDETERMINATE, "NO_ANSWER"),
    ("SERVFAIL", reply_changed(TLSA, lambda m: replace(m, rcode=2)), TLSA, INDETERMINATE, "NO_ANSWER"),
    ("truncated", reply_changed(TLSA, lambda m: replace(m, flags=m.flags | 0x200)), TLSA, INDETERMINATE, "NO_ANSWER"),
    ("signed by the parent", signed_by_parent, WWW, BOGUS, "SIGNER_MISMATCH"),
    ("signed by a stranger", signed_by_a_key_that_is_not_there, WWW, BOGUS, "SIGNING_KEY_MISSING"),
    # The insecurity of a zone that the name is not in is no excuse
    ("signed as an insecure zone", reply_changed(WWW, signer_changed("plain.net.")), WWW, BOGUS, "SIGNER_MISMATCH"),
    ("signed as a name below", reply_changed(WWW, signer_changed("a.www")), WWW, BOGUS, "SIGNER_MISMATCH"),
    ("signed as no zone", reply_changed(WWW, signer_changed("www")), WWW, BOGUS, "SIGNER_MISMATCH"),
    ("too many labels", reply_changed(WWW, rrsig_changed(labels=4)), WWW, BOGUS, "SIGNATURE_INVALID"),
    ("too few labels", reply_changed(WWW, rrsig_changed(labels=2)), WWW, BOGUS, "SIGNATURE_INVALID"),
    ("a longer TTL", reply_changed(WWW, rrsig_changed(original_ttl=99999)), WWW, BOGUS, "SIGNATURE_INVALID"),
    ("longer life", reply_changed(WWW, rrsig_changed(expiration=0xFFFFFFFF)), WWW, BOGUS, "SIGNATURE_EXPIRED"),
    ("another algorithm", reply_changed(WWW, rrsig_changed(algorithm=99)), WWW, BOGUS, "ALGORITHM_UNSUPPORTED"),
    ("the answer of another name", with_denial_of(question("ns", "A")), WWW, BOGUS, "DENIAL_MISSING"),
    ("garbage for a signature", reply_changed(WWW, with_records(NO_RRSIG)), WWW, BOGUS, "SIGNATURE_MALFORMED"),
    # Wildcards
    ("expansion without denial", reply_changed(WILD, without(T.NSEC)), WILD, BOGUS, "DENIAL_MISSING"),
    ("expansion over a name that exists", expanded_to_a_name_that_exists, THERE, BOGUS, "DENIAL_INSUFFICIENT"),
    # Denials
    ("denial without NSEC", reply_changed(NOPE, without(T.NSEC)), NOPE, BOGUS, "DENIAL_MISSING"),
    ("denial without signatures", reply_changed(NOPE, without(T.RRSIG)), NOPE, BOGUS, "SIGNATURE_MISSING"),
    ("a forged gap", reply_changed(NOPE, flipped(T.NSEC)), NOPE, BOGUS, "SIGNATURE_INVALID"),
    ("the gap beside it", with_denial_of(question("zzz", "A")), WWW, BOGUS, "DENIAL_INSUFFICIENT"),
    ("NODATA for a type that is there", with_denial_of(question("www", "TXT")), WWW, BOGUS, "DENIAL_INSUFFICIENT"),
    ("NODATA over a CNAME", denied_by(ALIAS, "alias"), ALIAS, BOGUS, "DENIAL_INSUFFICIENT"),
    ("wildcard not denied", denied_by(WILD, "there.wild"), WILD, BOGUS, "DENIAL_INSUFFICIENT"),
    ("denied by the parent's side", denied_by(WWW, "example.net.", "net."), WWW, BOGUS, "DENIAL_INSUFFICIENT"),
    ("denied by the NSEC of a DNAME", denied_by(OLD, "old"), OLD, BOGUS, "DENIAL_INSUFFICIENT"),
    ("denied by a wildcard's NSEC", denied_by(THERE, "*.wild", at="there.wild"), THERE, BOGUS, "DENIAL_MISSING"),
    ("a DS denied by a name without NS", denied_by(DELEGATION, "a.net.", "net."), WWW, BOGUS, "DENIAL_INSUFFICIENT"),
    (
        "a next name outside",
        nsec_at("_443._tcp.www", lambda n: replace(n, next=name("org."))),
        question("zzz", "A"),
        BOGUS,
        "DENIAL_INSUFFICIENT",
    ),
    ("NSEC3 of another name", nsec3_instead, NOPE, BOGUS, "DENIAL_INSUFFICIENT"),
    # Delegations
    ("DS of another key", ds_replaced(lambda ds: [replace(ds, digest=bytes(32))]), WWW, BOGUS, "DS_MISMATCH"),
    ("DS of another tag", ds_replaced(lambda ds: [replace(ds, tag=ds.tag ^ 1)]), WWW, BOGUS, "DS_MISMATCH"),
    ("DS cut short", ds_replaced(lambda ds: [replace(ds, digest=ds.digest[:-1])]), WWW, BOGUS, "DS_MISMATCH"),
    (
        "a wrong DS beside the right one",
        ds_replaced(lambda ds: [ds, replace(ds, digest=b"x")]),
        WWW,
        SECURE,
        "SIGNATURE_VALID",
    ),
    (
        "only an unknown algorithm",
        ds_replaced(lambda ds: [replace(ds, algorithm=200)]),
        WWW,
        INSECURE,
        "ALGORITHM_UNSUPPORTED",
    ),
    (
        "only an unknown digest",
        ds_replaced(lambda ds: [replace(ds, digest_type=200)]),
        WWW,
        INSECURE,
        "ALGORITHM_UNSUPPORTED",
    ),
    (
        "unknown beside wrong",
        ds_replaced(lambda ds: [replace(ds, digest_type=200), replace(ds, digest=bytes(32))]),
        WWW,
        BOGUS,
        "DS_MISMATCH",
    ),
    (
        "only a SHA-1 digest",
        ds_replaced(lambda ds: [replace(ds, digest_type=1, digest=bytes(20))]),
        WWW,
        INSECURE,
        "ALGORITHM_UNSUPPORTED",
    ),
    ("a bit of the DS", reply_changed(DELEGATION, flipped(T.DS)), WWW, BOGUS, "SIGNATURE_INVALID"),
    ("DS unsigned", reply_changed(DELEGATION, without(T.RRSIG)), WWW, BOGUS, "SIGNATURE_MISSING"),
    ("DS withheld", reply_changed(DELEGATION, emptied), WWW, BOGUS, "DENIAL_MISSING"),
    ("DS denied by another name", ds_without_its_name, question("www.plain.net.", "A"), BOGUS, "DENIAL_INSUFFICIENT"),
    ("DS denied by the child", from_the_child, WWW, BOGUS, "SIGNER_MISMATCH"),
    ("no reply for the DS", silent(DELEGATION), WWW, INDETERMINATE, "NO_ANSWER"),
    ("no reply for the keys", silent(DNSKEYS), WWW, INDETERMINATE, "NO_ANSWER"),
    ("no keys", reply_changed(DNSKEYS, emptied), WWW, BOGUS, "DNSKEY_MISSING"),
    ("keys unsigned", reply_changed(DNSKEYS, without(T.RRSIG)), WWW, BOGUS, "SIGNATURE_MISSING"),
    ("a bit of the key", reply_changed(DNSKEYS, flipped(T.DNSKEY)), WWW, BOGUS, "DS_MISMATCH"),
    ("a bit of the keys' signature", reply_changed(DNSKEYS, flipped(T.RRSIG)), WWW, BOGUS, "SIGNATURE_INVALID"),
    ("a revoked key", key_flags(0x0181), WWW, BOGUS, "KEY_REVOKED"),
    ("no zone key", key_flags(0x0001), WWW, BOGUS, "KEY_NOT_FOR_ZONE"),
    ("a key without SEP", key_flags(0x0100), WWW, SECURE, "SIGNATURE_VALID"),
    ("DS only malformed", ds_replaced(lambda ds: [replace(ds, digest=b"")]), WWW, BOGUS, "DS_MISMATCH"),
    ("DS by a wildcard", expanded_from("*.net.", "net.", T.DS), WWW, BOGUS, "SIGNATURE_INVALID"),
    ("keys by a wildcard", expanded_from("*.net.", "example.net.", T.DNSKEY), WWW, BOGUS, "SIGNATURE_INVALID"),
    ("a ZSK", two_keys(0x0100), WWW, SECURE, "SIGNATURE_VALID"),
    ("a revoked ZSK", two_keys(0x0180), WWW, BOGUS, "KEY_REVOKED"),
    ("a ZSK for no zone", two_keys(0x0000), WWW, BOGUS, "KEY_NOT_FOR_ZONE"),
    ("keys signed by the ZSK alone", two_keys(0x0100, keys_signed_by=1), WWW, BOGUS, "SIGNING_KEY_MISSING"),
    ("a referral for an answer", reply_changed(PLAIN, referring), PLAIN, INDETERMINATE, "NO_ANSWER"),
    # DNAME
    ("a CNAME that the DNAME does not make", reply_changed(OLD, flipped(T.CNAME, 2)), OLD, BOGUS, "DNAME_MISMATCH"),
    ("a forged DNAME", reply_changed(OLD, flipped(T.DNAME, 2)), OLD, BOGUS, "SIGNATURE_INVALID"),
    ("only the CNAME", reply_changed(OLD, without(T.DNAME)), OLD, BOGUS, "SIGNATURE_MISSING"),
    ("a weak last link", reply_changed(WWW, flipped(T.A)), question("alias", "A"), BOGUS, "SIGNATURE_INVALID"),
]


@pytest.mark.parametrize(("damage", "asked", "state", "code"), [r[1:] for r in DAMAGES], ids=[r[0] for r in DAMAGES])
def test_damage(damage: Damage, asked: Question, state: Security, code: str) -> None:
    verdict = judged(damage, asked)
    assert (verdict.state, verdict.reasons[0].code) == (state, code), [str(reason) for reason in verdict.reasons]
    if state in (BOGUS, INDETERMINATE):
        assert not verdict.rrsets
        assert verdict.absence is None


@pytest.mark.parametrize(
    ("shift", "state", "code"),
    [
        (timedelta(days=-1, seconds=-1), BOGUS, "SIGNATURE_NOT_YET_VALID"),
        (timedelta(days=-1), SECURE, "SIGNATURE_VALID"),
        (timedelta(days=13), SECURE, "SIGNATURE_VALID"),
        (timedelta(days=13, seconds=1), BOGUS, "SIGNATURE_EXPIRED"),
    ],
)
def test_signatures_hold_from_inception_to_expiration_inclusive(shift: timedelta, state: Security, code: str) -> None:
    tree = Tree()
    verdict = drive(Validation(WWW.name, WWW.type, tree.anchors, DEFAULT_POLICY, NOW + shift), tree.answer)
    assert (verdict.state, verdict.reasons[0].code) == (state, code)


def test_a_good_signature_beside_a_bad_one_is_enough_and_the_bad_one_is_told() -> None:
    """RFC 6840 §5.4."""

    def beside(reply: Message) -> Message:
        bad = [record for record in flipped(T.RRSIG)(reply).answer if record.type == T.RRSIG]
        return replace(reply, answer=(*reply.answer, *bad))

    verdict = judged(reply_changed(WWW, beside), WWW)
    assert verdict.state is SECURE
    codes = [note.code for note in verdict.notes]
    assert codes in ([], ["SIGNATURE_INVALID"])  # the bad one is only met if it is tried first


def test_the_signature_may_stand_in_another_section() -> None:
    """dane-edge-cases row 23."""

    def displaced(reply: Message) -> Message:
        rrsigs = tuple(record for record in reply.answer if record.type == T.RRSIG)
        return replace(reply, answer=without(T.RRSIG)(reply).answer, authority=(*reply.authority, *rrsigs))

    assert judged(reply_changed(WWW, displaced), WWW).state is SECURE


def test_sha1_digests_count_where_the_policy_says_so_and_nothing_better_is_there() -> None:
    """RFC 4509 §3: beside SHA-256 neither does a wrong SHA-1 harm nor a right one help."""
    lenient = AlgorithmPolicy(validate_digests=frozenset({DigestType.SHA1, DigestType.SHA256}))
    key = DNSKEY.from_rdata(Tree().keys[name("example.net.")][1].to_wire() or b"")
    right = make_ds(name("example.net."), key, DigestType.SHA1)
    assert judged(ds_replaced(lambda _: [right]), WWW, lenient).state is SECURE
    assert judged(ds_replaced(lambda ds: [ds, replace(right, digest=bytes(20))]), WWW, lenient).state is SECURE
    downgraded = judged(ds_replaced(lambda ds: [replace(ds, digest=bytes(32)), right]), WWW, lenient)
    assert (downgraded.state, downgraded.reasons[0].code) == (BOGUS, "DS_MISMATCH")


def test_work_is_bounded_for_one_rrset() -> None:
    """Many signatures that name the right key (KeyTrap, CVE-2023-50387)."""

    def crowded(reply: Message) -> Message:
        (rrsig,) = [record for record in reply.answer if record.type == T.RRSIG]
        forged = [replace(rrsig, rdata=rrsig.rdata[:-2] + n.to_bytes(2)) for n in range(500)]
        return replace(reply, answer=(*without(T.RRSIG)(reply).answer, *forged))

    verdict = judged(reply_changed(WWW, crowded), WWW)
    assert (verdict.state, verdict.reasons[0].code) == (BOGUS, "WORK_LIMIT")


@pytest.mark.parametrize("bounds", [Bounds(signatures=2), Bounds(questions=3), Bounds(links=1)])
def test_work_is_bounded_in_all(bounds: Bounds) -> None:
    verdict = judged(lambda tree: tree.answer, question("far", "A"), bounds=bounds)
    assert (verdict.state, verdict.reasons[0].code) == (BOGUS, "WORK_LIMIT")
