"""What the validator says of honest zones, signed by another hand (dnspython), and how it asks."""

from __future__ import annotations

from datetime import timedelta

import dns.rdatatype
import pytest
from dns.rdatatype import RdataType as T

from danelaw.core.dnssec.algorithms import DEFAULT_POLICY
from danelaw.core.dnssec.anchors import Anchors, read_anchors
from danelaw.core.dnssec.validate import Validation, drive
from danelaw.core.dnssec.zonekeys import ZoneKeyCache
from danelaw.core.model import DanelawError, Question, Security, Silence, Validated
from signed_tree import MALFORMED_TLSA, NOW, Tree, name, question

SECURE, INSECURE, INDETERMINATE = Security.SECURE, Security.INSECURE, Security.INDETERMINATE

HONEST = [
    # asked for, state, the reasons' codes, how many links
    ("www A", SECURE, ["SIGNATURE_VALID"], 1),
    ("_443._tcp.www TLSA", SECURE, ["SIGNATURE_VALID"], 1),
    ("_25._tcp.mail TLSA", SECURE, ["SIGNATURE_VALID"], 1),
    ("example.net. SOA", SECURE, ["SIGNATURE_VALID"], 1),
    ("example.net. DNSKEY", SECURE, ["SIGNATURE_VALID"], 1),
    ("example.net. DS", SECURE, ["SIGNATURE_VALID"], 1),
    (". NS", SECURE, ["SIGNATURE_VALID"], 1),
    (". DS", SECURE, ["DENIED_NODATA"], 0),
    ("alias A", SECURE, ["SIGNATURE_VALID"] * 2, 2),
    ("far A", SECURE, ["SIGNATURE_VALID"] * 3, 3),
    ("alias CNAME", SECURE, ["SIGNATURE_VALID"], 1),
    ("alias DS", SECURE, ["SIGNATURE_VALID", "DENIED_NODATA"], 1),
    ("dangling A", SECURE, ["SIGNATURE_VALID", "DENIED_NO_NAME"], 1),
    ("loop A", INDETERMINATE, ["ALIAS_LOOP"], 0),
    ("out A", INSECURE, ["INSECURE_DELEGATION"], 2),
    ("x.wild TXT", SECURE, ["SIGNATURE_VALID"], 1),
    ("a.b.wild TXT", SECURE, ["SIGNATURE_VALID"], 1),
    ("x.wild A", SECURE, ["DENIED_WILDCARD_NODATA"], 0),
    ("*.wild TXT", SECURE, ["SIGNATURE_VALID"], 1),
    ("there.wild TXT", SECURE, ["DENIED_NODATA"], 0),
    ("a.there.wild TXT", SECURE, ["DENIED_NO_NAME"], 0),
    ("y.links A", SECURE, ["SIGNATURE_VALID"] * 2, 2),
    ("host.old TXT", SECURE, ["SIGNATURE_VALID"] * 2, 2),
    ("host.old CNAME", SECURE, ["SIGNATURE_VALID"], 1),
    ("nope.old TXT", SECURE, ["SIGNATURE_VALID", "DENIED_NO_NAME"], 1),
    ("www TXT", SECURE, ["DENIED_NODATA"], 0),
    ("nope A", SECURE, ["DENIED_NO_NAME"], 0),
    ("a.b.c.nope A", SECURE, ["DENIED_NO_NAME"], 0),
    ("_tcp.www A", SECURE, ["DENIED_EMPTY_NON_TERMINAL"], 0),
    ("org. A", SECURE, ["DENIED_NO_NAME"], 0),
    ("plain.net. DS", SECURE, ["DENIED_NODATA"], 0),
    ("www.plain.net. A", INSECURE, ["INSECURE_DELEGATION"], 1),
    ("nope.plain.net. A", INSECURE, ["INSECURE_DELEGATION"], 0),
    ("a.b.c.plain.net. TLSA", INSECURE, ["INSECURE_DELEGATION"], 0),
]


def validate(tree: Tree, asked: Question, *, recursive: bool = False, cache: ZoneKeyCache | None = None) -> Validated:
    validation = Validation(asked.name, asked.type, tree.anchors, DEFAULT_POLICY, NOW, cache)
    return drive(validation, tree.recursive if recursive else tree.answer)


@pytest.fixture(scope="module")
def shared() -> Tree:
    return Tree()


@pytest.fixture
def tree() -> Tree:
    return Tree()


@pytest.mark.parametrize("recursive", [False, True], ids=["authorities", "forwarder"])
@pytest.mark.parametrize(("asked", "state", "codes", "links"), HONEST, ids=[row[0] for row in HONEST])
def test_honest_answers(
    shared: Tree, asked: str, state: Security, codes: list[str], links: int, recursive: bool
) -> None:
    verdict = validate(shared, question(*asked.split()), recursive=recursive)
    assert (verdict.state, [reason.code for reason in verdict.reasons], len(verdict.rrsets)) == (state, codes, links)
    assert all(reason.section and reason.blamed for reason in verdict.reasons)


def test_a_malformed_record_keeps_its_rrset_secure(tree: Tree) -> None:
    """dane-edge-cases row 23: dnspython's own reader would drop the message."""
    verdict = validate(tree, question("_25._tcp.mail", "TLSA"))
    assert verdict.rrset is not None
    assert len(verdict.rrset.rdatas) == 2
    assert MALFORMED_TLSA in verdict.rrset.rdatas


def test_an_absence_says_how_long_it_may_be_cached(tree: Tree) -> None:
    """min(SOA TTL 600, MINIMUM 60) is 60, and so are dnspython's NSEC TTLs (RFC 2308 §5, RFC 9077 §3)."""
    absence = validate(tree, question("nope", "A")).absence
    assert absence is not None
    assert (absence.owner, absence.ttl) == (name("nope"), 60)
    assert {rrset.type for rrset in absence.proof} == {T.SOA, T.NSEC}


def test_a_ttl_never_outlasts_the_signature() -> None:
    """RFC 4035 §5.3.3: at most the signature's remaining life."""
    verdict = validate(Tree(expiration=NOW + timedelta(seconds=30)), question("www", "A"))
    assert verdict.rrset is not None
    assert verdict.rrset.ttl == 30


def test_an_unsigned_zone_is_never_asked_for_its_keys(tree: Tree) -> None:
    """DS first, from the top: to walk up from an unsigned zone's DNSKEY recurses for ever."""
    validate(tree, question("a.b.c.plain.net.", "A"))
    asked_keys = {asked.name for asked in tree.asked if asked.type == T.DNSKEY}
    assert asked_keys == {name("."), name("net.")}


def test_questions_come_in_few_batches(tree: Tree) -> None:
    """The question with the root's keys; every DS; every DNSKEY."""
    validation = Validation(name("www"), T.A, tree.anchors, DEFAULT_POLICY, NOW)
    batches = []
    while batch := validation.next_queries():
        batches.append([f"{one.name} {dns.rdatatype.to_text(T.make(one.type))}" for one in batch])
        for one in batch:
            validation.receive(one, tree.answer(one))
    assert batches == [
        ["www.example.net. A", ". DNSKEY"],
        ["net. DS", "example.net. DS"],
        ["net. DNSKEY", "example.net. DNSKEY"],
    ]


def test_replies_may_come_in_any_order_and_twice(tree: Tree) -> None:
    validation = Validation(name("far"), T.A, tree.anchors, DEFAULT_POLICY, NOW)
    while batch := validation.next_queries():
        assert validation.result is None
        for one in reversed(batch):
            validation.receive(one, tree.answer(one))
            validation.receive(one, Silence("TIMEOUT"))
    validation.receive(question("never.asked", "A"), Silence("TIMEOUT"))
    assert validation.result is not None
    assert validation.result.state is SECURE


def test_cached_keys_spare_the_way_down(tree: Tree) -> None:
    cache = ZoneKeyCache()
    validate(tree, question("www", "A"), cache=cache)
    tree.asked.clear()
    assert validate(tree, question("_443._tcp.www", "TLSA"), cache=cache).state is SECURE
    assert tree.asked == [question("_443._tcp.www", "TLSA")]


@pytest.mark.parametrize(("age", "good"), [(599, True), (600, False)])
def test_cached_keys_last_as_long_as_their_ttl(tree: Tree, age: int, good: bool) -> None:
    cache = ZoneKeyCache()
    validate(tree, question("www", "A"), cache=cache)
    held = cache.closest(name("www"), name("example.net."), NOW + timedelta(seconds=age))
    assert (held is not None) == good


def test_cached_keys_do_not_outlast_the_ds_that_led_to_them(tree: Tree) -> None:
    nodes, at = tree.zones[name("net.")].nodes, (name("example.net."), int(T.DS))
    nodes[at] = (50, *nodes[at][1:])
    cache = ZoneKeyCache()
    validate(tree, question("www", "A"), cache=cache)
    assert cache.closest(name("www"), name("example.net."), NOW + timedelta(seconds=49)) is not None
    assert cache.closest(name("www"), name("example.net."), NOW + timedelta(seconds=50)) is None


def test_without_an_anchor_above_nothing_can_be_said(tree: Tree) -> None:
    only_org = read_anchors("org. DS 1 13 2 " + "00" * 32)
    verdict = drive(Validation(name("www"), T.A, only_org, DEFAULT_POLICY, NOW), tree.answer)
    assert (verdict.state, verdict.reasons[0].code) == (INDETERMINATE, "NO_TRUST_ANCHOR")
    assert drive(Validation(name("www"), T.A, Anchors(), DEFAULT_POLICY, NOW), tree.answer).state is INDETERMINATE


WRONG = f"DS 1 13 2 {'00' * 32}"


def test_the_closest_anchor_is_tried_first(tree: Tree) -> None:
    """And where it proves the answer, the root is not asked for anything."""
    key = tree.keys[name("example.net.")][1]
    island = read_anchors(f"example.net. IN DNSKEY {key}\n. DS 1 13 2 {'00' * 32}")
    verdict = drive(Validation(name("www"), T.A, island, DEFAULT_POLICY, NOW), tree.answer)
    assert verdict.state is SECURE
    assert [asked.name for asked in tree.asked] == [name("www"), name("example.net.")]


@pytest.mark.parametrize(
    ("asked", "anchors", "state", "code"),
    [
        ("www A", f"example.net. {WRONG}\n. {{right}}", SECURE, "SIGNATURE_VALID"),
        ("nope A", f"example.net. {WRONG}\n. {{right}}", SECURE, "DENIED_NO_NAME"),
        ("www A", f"example.net. {WRONG}\n. {WRONG}", Security.BOGUS, "DS_MISMATCH"),
        ("www.plain.net. A", f"net. {WRONG}\n. {{right}}", Security.BOGUS, "DS_MISMATCH"),
        ("www.plain.net. A", f"plain.net. {WRONG}\n. {{right}}", Security.BOGUS, "DNSKEY_MISSING"),
        ("nope.org. A", f"org. {WRONG}\n. {{right}}", SECURE, "DENIED_NO_NAME"),
    ],
)
def test_of_nested_anchors_any_success_is_accepted(
    tree: Tree, asked: str, anchors: str, state: Security, code: str
) -> None:
    """RFC 6840 §5.10: and where none succeeds, one bogus end outweighs an insecure one."""
    (right,) = next(iter(tree.anchors)).ds
    text = anchors.format(right=f"DS {right.tag} {right.algorithm} {right.digest_type} {right.digest.hex()}")
    where = question(*asked.split())
    verdict = drive(Validation(where.name, where.type, read_anchors(text), DEFAULT_POLICY, NOW), tree.answer)
    assert (verdict.state, verdict.reasons[0].code) == (state, code), verdict.reasons


def test_an_anchor_says_nothing_of_its_own_ds(tree: Tree) -> None:
    """The DS is the parent's, and no anchor is above that."""
    island = read_anchors(f"example.net. IN DNSKEY {tree.keys[name('example.net.')][1]}")
    verdict = drive(Validation(name("example.net."), T.DS, island, DEFAULT_POLICY, NOW), tree.answer)
    assert (verdict.state, verdict.reasons[0].code) == (INDETERMINATE, "NO_TRUST_ANCHOR")


@pytest.mark.parametrize(
    "text",
    ["", "; nothing\n", "www.example.net. A 192.0.2.1", ". DS 1 2", ". CH DS 1 13 2 00", "$INCLUDE nowhere\n. DS x"],
)
def test_anchors_that_cannot_be_read(text: str) -> None:
    with pytest.raises(DanelawError) as raised:
        read_anchors(text)
    assert raised.value.code == "ANCHOR_SYNTAX"
    assert raised.value.hint
