"""The gate: each refusal with what just reaches it and what just passes; repairs; violations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import dns.name
import dns.rdatatype
import pytest

from danelaw.core.model import (
    Absence,
    Answer,
    Chain,
    GenerationId,
    HandshakeFailure,
    HostName,
    OrderState,
    RRset,
    Security,
    Unreachable,
)
from danelaw.core.rollover.actions import (
    Action,
    AdvanceOrder,
    DestroyKey,
    MakeKey,
    MakeZoneKeys,
    Publish,
    Switch,
)
from danelaw.core.rollover.facts import Began, Judged, Sight
from danelaw.core.rollover.fold import Facts
from danelaw.core.rollover.gate import Allowed, Judgement, Refused, judge, violations
from danelaw.core.rollover.reach import Reach
from rollover_history import (
    AAAA,
    FIRST,
    HOST,
    LIMITS,
    LINEAGE,
    LOCAL,
    NEW,
    NS1,
    NS2,
    OLD,
    OWNER,
    RSA,
    SECOND,
    TLSA,
    WEB1,
    WEB2,
    ZONE,
    A,
    History,
    absent,
    addresses,
    at,
    chain_of,
    credential,
    reach,
    record,
    rrset,
    served,
)
from tlsa_chains import INTERMEDIATE, LEAF, RENEWED, ROOT, issue

X, XY, Y = rrset(record(OLD)), rrset(record(OLD), record(NEW)), rrset(record(NEW))
FAILED = HandshakeFailure("TLS_ALERT")
SELFISH = issue("self-signed", names=("www.example.net",))
SELF_SIGNED = chain_of(SELFISH)
FOREIGN = b"\x03\x01\x01" + bytes(32)
TO_NEW = Switch(LINEAGE, LOCAL, GenerationId(2), NEW)
DESTROY_OLD = DestroyKey(LINEAGE, GenerationId(1))


def verdict(action: Action, history: History | Facts, second: float = 0, through: Reach | None = None) -> Judgement:
    facts = history.facts() if isinstance(history, History) else history
    return judge(action, facts, through or reach(), at(second), LIMITS)


def codes(judgement: Judgement) -> set[str]:
    return {fault.code for fault in judgement.because} if isinstance(judgement, Refused) else set()


def publish(old: Answer, new: Answer) -> Publish:
    return Publish(ZONE, old, new)


def rolled() -> History:
    """The union is everywhere since 0, and nobody holds anything else since 65."""
    history = served(X).sees(10, 100, 2, XY, addresses(WEB1, WEB2), absent(HOST, AAAA))
    return history.presents(10, 100, OLD).holds(100, FIRST, SECOND, live=1).judged(100)


def switched() -> History:
    """Every address presents the new chain since 110, and the union is still published."""
    history = rolled().sees(110, 200, 2, XY, addresses(WEB1, WEB2), absent(HOST, AAAA))
    return history.presents(110, 200, NEW).holds(200, FIRST, SECOND, live=2).judged(200)


def withdrawn() -> History:
    history = switched().sees(210, 300, 3, Y, addresses(WEB1, WEB2), absent(HOST, AAAA))
    return history.presents(210, 300, NEW).holds(300, FIRST, SECOND, live=2).judged(300)


# -- publish ---------------------------------------------------------------------------------------------------------


def test_the_union_may_be_published_and_exactly_the_old_record_withdrawn_after_the_switch() -> None:
    assert verdict(publish(X, XY), served(X)) == Allowed()
    assert verdict(publish(XY, Y), switched(), 200) == Allowed()


def test_a_first_record_may_be_published_where_every_address_presents_what_it_matches() -> None:
    """It helps those who must have DANE: without a record they refused."""
    assert verdict(publish(absent(), X), served(absent())) == Allowed(repair=True)


@pytest.mark.parametrize("state", [Security.INSECURE, Security.BOGUS, Security.INDETERMINATE])
def test_nothing_is_published_in_a_zone_that_is_not_secure(state: Security) -> None:
    assert codes(verdict(publish(X, XY), served(X).judged(0.1, state), 1)) == {"ZONE_NOT_SECURE"}
    assert verdict(publish(X, XY), served(X).judged(0.1, Security.SECURE), 1) == Allowed()


def test_nothing_is_published_in_a_zone_that_was_never_judged() -> None:
    history = served(X)
    history.log = [fact for fact in history.log if type(fact).__name__ != "Judged"]
    assert codes(verdict(publish(X, XY), history)) == {"ZONE_NOT_SECURE"}


def test_records_may_be_withdrawn_from_a_zone_that_is_not_secure() -> None:
    assert verdict(publish(XY, Y), switched().judged(200, Security.BOGUS), 200) == Allowed()


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        ([record(OLD), record(OLD, "3 1 2")], set()),
        ([record(OLD, "3 1 2")], {"NO_SHA256"}),
        ([record(OLD, "3 1 0")], {"NO_SHA256"}),
        ([record(OLD, "3 0 2"), record(OLD, "3 0 1")], set()),
    ],
)
def test_some_record_has_the_digest_that_every_client_knows(new: list[bytes], expected: set[str]) -> None:
    assert codes(verdict(publish(absent(), rrset(*new)), served(absent()))) == expected


def test_a_record_of_no_stored_key_is_not_published_but_one_that_is_there_is_kept() -> None:
    assert codes(verdict(publish(X, rrset(record(OLD), FOREIGN)), served(X))) == {"FOREIGN_ASSOCIATION"}
    there = rrset(record(OLD), FOREIGN)
    assert verdict(publish(there, rrset(record(OLD), record(NEW), FOREIGN)), served(there)) == Allowed()


def test_a_key_without_a_certificate_may_be_published_as_a_key() -> None:
    waiting = served(X).holds(0, FIRST, credential(2, RENEWED, None), live=1)
    assert verdict(publish(X, XY), waiting) == Allowed()
    whole = rrset(record(OLD), record(NEW, "3 0 1"))
    assert "FOREIGN_ASSOCIATION" in codes(verdict(publish(X, whole), waiting))


@pytest.mark.parametrize("chain", [OLD, Chain((b"not a certificate",)), Chain(())])
def test_a_certificate_that_is_not_for_its_key_is_neither_published_nor_served(chain: Chain) -> None:
    spoilt = served(X).holds(0, FIRST, credential(2, RENEWED, chain), live=1)
    switch = Switch(LINEAGE, LOCAL, GenerationId(2), chain)
    assert "KEY_MISMATCH" in codes(verdict(switch, spoilt))
    assert codes(verdict(publish(X, XY), spoilt)) == {"FOREIGN_ASSOCIATION"}


def test_records_of_a_certificate_that_is_not_for_its_key_say_so() -> None:
    third = issue("third", INTERMEDIATE, names=("www.example.net",))
    spoilt = served(X).holds(0, FIRST, credential(2, RENEWED, chain_of(third)), live=1)
    new = rrset(record(OLD), record(chain_of(third)))
    assert "KEY_MISMATCH" in codes(verdict(publish(X, new), spoilt))
    assert (
        verdict(publish(X, new), served(X).holds(0, FIRST, credential(2, third, chain_of(third)), live=1)) == Allowed()
    )


def test_an_rrset_of_nothing_is_not_published() -> None:
    assert codes(verdict(publish(absent(), rrset()), served(absent()))) == {"EMPTY_RRSET"}
    assert codes(verdict(publish(X, rrset()), served(X))) == {"EMPTY_RRSET"}


def test_nothing_is_published_over_an_address_that_was_never_probed() -> None:
    history = served(absent())
    history.log = [fact for fact in history.log if getattr(fact, "address", None) != WEB2]
    assert codes(verdict(publish(absent(), X), history)) == {"UNPROBED"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (X, XY, set()),  # one more record of a combination that is there: who accepted accepts
        (X, rrset(record(OLD), record(OLD, "3 1 2")), {"UNPROBED"}),
        (XY, X, {"UNPROBED"}),
        (X, Y, {"UNPROBED"}),
        (X, absent(), {"UNPROBED"}),
    ],
)
def test_unprobed_addresses_allow_to_add_to_combinations_that_are_there(
    old: Answer, new: Answer, expected: set[str]
) -> None:
    """What lies on the serving path is known; what else the address presents is not."""
    history = served(old)
    history.log = [fact for fact in history.log if getattr(fact, "address", None) != WEB2]
    assert codes(verdict(publish(old, new), history)) & {"UNPROBED"} == expected


def test_a_first_record_is_not_published_where_an_address_speaks_no_tls() -> None:
    history = served(absent()).presents(10, 10, FAILED, by=[WEB2])
    assert codes(verdict(publish(absent(), X), history, 16)) == {"NO_TLS"}


def test_where_records_are_there_a_server_without_tls_blocks_nothing() -> None:
    history = served(X).presents(10, 10, FAILED, by=[WEB2])
    assert verdict(publish(X, XY), history, 16) == Allowed()


@pytest.mark.parametrize("presented", [NEW, SELF_SIGNED])
def test_a_first_record_is_not_published_where_an_address_presents_what_it_does_not_match(presented: Chain) -> None:
    """Whether clients without DANE accept that chain or not."""
    history = served(absent()).presents(10, 10, presented, by=[WEB2])
    judgement = verdict(publish(absent(), X), history, 16)
    assert codes(judgement) == {"CHAIN_UNMATCHED"}
    assert isinstance(judgement, Refused)
    assert {fault.address for fault in judgement.because} == {WEB2}


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (X, Y, "CHAIN_UNMATCHED"),
        (XY, Y, "CHAIN_UNMATCHED"),
        (X, absent(), "MANDATORY_CLIENTS"),
        (X, rrset(FOREIGN, record(NEW)), "CHAIN_UNMATCHED"),
    ],
)
def test_nothing_is_withdrawn_that_some_address_still_needs(old: Answer, new: Answer, code: str) -> None:
    assert code in codes(verdict(publish(old, new), served(old)))


def test_an_old_record_is_withdrawn_only_after_the_look_up_delay_of_the_last_address() -> None:
    history = rolled().presents(110, 110, NEW, by=[WEB1]).presents(120, 120, NEW, by=[WEB2])
    history.holds(120, FIRST, SECOND, live=2)
    judgement = verdict(publish(XY, Y), history, 125)
    assert codes(judgement) == {"CHAIN_UNMATCHED"}
    assert isinstance(judgement, Refused)
    assert judgement.earliest == at(130)
    assert verdict(publish(XY, Y), history, 125.1) == Allowed()


def test_an_old_record_is_kept_for_an_address_that_was_not_reached_since() -> None:
    history = rolled().sees(110, 200, 2, XY, addresses(WEB1, WEB2), absent(HOST, AAAA))
    history.presents(110, 200, NEW, by=[WEB1]).presents(110, 200, Unreachable("TIMEOUT"), by=[WEB2])
    assert codes(verdict(publish(XY, Y), history.holds(200, FIRST, SECOND, live=2), 200)) == {"CHAIN_UNMATCHED"}


def test_an_address_that_never_answered_one_kind_of_client_is_not_known() -> None:
    history = switched().presents(110, 200, Unreachable("TIMEOUT"), hellos=[RSA])
    assert codes(verdict(publish(XY, Y), history, 200)) == {"UNPROBED"}


def test_an_old_record_is_kept_for_a_second_algorithm_that_presents_it() -> None:
    history = switched().presents(110, 200, OLD, hellos=[RSA])
    assert codes(verdict(publish(XY, Y), history, 200)) == {"CHAIN_UNMATCHED"}


def test_different_digests_for_different_keys_are_no_union() -> None:
    """Each combination needs a match of its own (RFC 7671 §8)."""
    old = rrset(record(OLD, "3 1 2"), record(OLD))
    assert codes(verdict(publish(old, rrset(record(OLD, "3 1 2"), record(NEW))), served(old))) == {"CHAIN_UNMATCHED"}
    both = rrset(record(OLD, "3 1 2"), record(OLD), record(NEW))
    assert verdict(publish(old, both), served(old)) == Allowed()


def test_a_stronger_digest_of_another_key_is_no_addition_where_nothing_but_dane_accepts() -> None:
    """Who prefers SHA-512 looks at nothing else then (RFC 7671 §9); who knows it alone was refused before already."""
    old, new = rrset(record(SELF_SIGNED)), rrset(record(SELF_SIGNED), record(NEW, "3 1 2"))
    history = served(old).presents(-10, 0, SELF_SIGNED).holds(0, credential(1, SELFISH, SELF_SIGNED), SECOND, live=1)
    judgement = verdict(publish(old, new), history, 10)
    assert codes(judgement) == {"CHAIN_UNMATCHED"}
    assert isinstance(judgement, Refused)
    assert {kind.agility for fault in judgement.because for kind in fault.kinds} == {True}
    assert verdict(publish(old, rrset(record(SELF_SIGNED), record(SELF_SIGNED, "3 1 2"))), history, 10) == Allowed(True)


def test_a_combination_that_some_client_needs_is_not_withdrawn() -> None:
    old = rrset(record(OLD, "3 1 2"), record(OLD))
    assert codes(verdict(publish(old, X), served(old))) == {"MANDATORY_CLIENTS"}


def test_whoever_is_refused_already_does_not_block_the_repair_of_others() -> None:
    """A foreign renewal: one address presents the new chain, which nobody has published yet."""
    history = served(X).presents(10, 10, NEW).holds(10, FIRST, SECOND, live=2)
    assert verdict(publish(X, XY), history, 16) == Allowed(repair=True)


def test_a_foreign_record_of_a_combination_of_its_own_blocks_nothing() -> None:
    foreign = b"\x03\x00\x02" + bytes(64)
    old, new = rrset(record(OLD), foreign), rrset(record(OLD), record(NEW), foreign)
    assert verdict(publish(old, new), served(old)) == Allowed()


def test_a_certificate_that_ends_within_the_longest_hold_counts() -> None:
    """Usage 1 judges dates: {3 1 1} goes on to match, {1 1 1} does not."""
    ending = issue("leaf", INTERMEDIATE, names=("www.example.net",), end=at(200), key=LEAF.key)
    chain = chain_of(ending)
    old, new = rrset(record(chain)), rrset(record(chain), record(chain, "1 1 1"))
    history = served(old).presents(-10, 0, chain).holds(0, credential(1, LEAF, chain), live=1)
    judgement = verdict(publish(old, new), history, 10)
    assert codes(judgement) == {"CHAIN_UNMATCHED"}
    assert isinstance(judgement, Refused)
    assert {fault.at for fault in judgement.because} == {at(200 + 1 - 10)}  # ten seconds of clock skew
    later = issue("leaf", INTERMEDIATE, names=("www.example.net",), end=at(500), key=LEAF.key)
    chain = chain_of(later)
    old, new = rrset(record(chain)), rrset(record(chain), record(chain, "1 1 1"))
    history = served(old).presents(-10, 0, chain).holds(0, credential(1, LEAF, chain), live=1)
    assert verdict(publish(old, new), history, 10) == Allowed(repair=True)
    longer = replace(new, ttl=250)  # may be held until 10 + 505
    assert codes(verdict(publish(old, longer), history, 10)) == {"CHAIN_UNMATCHED"}


def test_nothing_is_said_of_servers_whose_addresses_nobody_has_told() -> None:
    history = served(X)
    history.log = [fact for fact in history.log if getattr(fact, "owner", None) != HOST]
    assert codes(verdict(publish(X, XY), history)) == {"ADDRESSES_UNSEEN", "NO_ADDRESS"}
    assert codes(verdict(TO_NEW, history)) == {"ADDRESSES_UNSEEN", "NO_ADDRESS"}


CNAME = int(dns.rdatatype.CNAME)


def alias(owner: dns.name.Name) -> RRset:
    return RRset(owner, CNAME, 30, frozenset({b"\x05other\x00"}))


@pytest.mark.parametrize("owner", [HOST, OWNER])
def test_while_an_alias_may_be_held_that_nobody_followed_nothing_is_published_or_switched(owner: dns.name.Name) -> None:
    """Where it leads, clients find other records and other servers, and nobody has looked there (RFC 7671 §7)."""
    history = served(XY)
    type = A if owner == HOST else TLSA
    for second in (-395, -385):
        history.log += [Sight(at(second), ZONE, ip, 0, owner, type, alias(owner)) for ip in (NS1, NS2)]
    soon, late = -380 + 10, 0
    assert "ALIAS_UNSEEN" in codes(verdict(publish(XY, X), history, soon))
    assert "ALIAS_UNSEEN" in codes(verdict(TO_NEW, history, soon))
    assert "ALIAS_UNSEEN" not in codes(verdict(publish(XY, X), history, late))


def wildcard(labels: int) -> RRset:
    expiration = int(at(14 * 86400).timestamp()).to_bytes(4)
    signature = A.to_bytes(2) + bytes((13, labels)) + bytes(4) + expiration + bytes(6) + b"\x00" + bytes(64)
    return RRset(HOST, A, 30, frozenset({WEB1.packed}), frozenset({signature}))


@pytest.mark.parametrize(("labels", "expected"), [(3, False), (2, True)])
@pytest.mark.parametrize("owner", [OWNER, dns.name.from_text("_acme-challenge.www.example.net.")])
def test_a_host_that_lives_by_a_wildcard_gets_no_name_below_it(
    owner: dns.name.Name, labels: int, expected: bool
) -> None:
    """It would exist then, and the wildcard would give it addresses no longer (RFC 4592 §2.2.2)."""
    history = History().roster(-400, NS1, NS2, primary=NS1)
    history.sees(-400, 0, 1, absent(), wildcard(labels), absent(HOST, AAAA)).presents(-400, 0, OLD, by=[WEB1])
    history.holds(0, FIRST, live=1).judged(0)
    type = TLSA if owner == OWNER else int(dns.rdatatype.TXT)
    new = X if owner == OWNER else RRset(owner, type, 30, frozenset({b"\x01x"}))
    assert ("WILDCARD_HOST" in codes(verdict(Publish(ZONE, Absence(owner, type, 30), new), history))) is expected


def test_a_first_record_waits_until_no_unknown_address_may_be_cached() -> None:
    """Whoever moved the host lately has clients at its old address, whose server presents who knows what."""
    history = served(absent(), since=-20)
    for second in range(-400, 10, 10):
        history.log += [Sight(at(second), ZONE, ip, 1, OWNER, TLSA, absent()) for ip in (NS1, NS2)]
        history.roster(second, NS1, NS2, primary=NS1)
    assert codes(verdict(publish(absent(), X), history)) == {"ADDRESSES_UNKNOWN"}


def test_a_verdict_on_the_zone_does_not_last() -> None:
    history = served(absent())
    history.log = [fact for fact in history.log if not isinstance(fact, Judged)]
    history.judged(-31)
    assert codes(verdict(publish(absent(), X), history)) == {"ZONE_NOT_SECURE"}


@pytest.mark.parametrize(
    ("owner", "type", "expected"),
    [
        (HOST, A, {"NOT_JUDGED"}),
        (OWNER, int(dns.rdatatype.CNAME), {"NOT_JUDGED"}),
        (ZONE, int(dns.rdatatype.DNSKEY), {"NOT_JUDGED"}),
        (ZONE, int(dns.rdatatype.NS), {"NOT_JUDGED"}),
        (dns.name.from_text("_acme-challenge.www.example.net."), int(dns.rdatatype.TXT), set()),
        (dns.name.from_text("mail.example.net."), A, {"NOT_JUDGED"}),
        (dns.name.from_text("_tcp.www.example.net."), int(dns.rdatatype.DNAME), {"NOT_JUDGED"}),
    ],
)
def test_of_other_rrsets_only_proofs_for_the_ca_are_changed(
    owner: dns.name.Name, type: int, expected: set[str]
) -> None:
    change = Publish(ZONE, Absence(owner, type, 30), RRset(owner, type, 30, frozenset({WEB1.packed})))
    assert codes(verdict(change, served(X))) == expected


def test_records_of_an_endpoint_that_nobody_here_serves_follow_the_rules_that_need_no_server() -> None:
    assert codes(verdict(publish(absent(), X), served(X), through=Reach())) == {"FOREIGN_ASSOCIATION", "UNREACHED"}


# -- switch ----------------------------------------------------------------------------------------------------------


def test_a_switch_waits_until_nobody_holds_an_answer_without_the_new_key() -> None:
    history = rolled()
    judgement = verdict(TO_NEW, history, 74.9)
    assert codes(judgement) == {"ANSWER_HELD"}
    assert isinstance(judgement, Refused)
    assert judgement.earliest == at(10 + 65)
    assert verdict(TO_NEW, history, 75) == Allowed()


def test_a_switch_waits_for_the_last_authority() -> None:
    history = served(X).sees(10, 200, 2, XY, addresses(WEB1, WEB2), absent(HOST, AAAA), by=[NS1])
    history.sees(10, 200, 1, X, addresses(WEB1, WEB2), absent(HOST, AAAA), by=[NS2]).presents(10, 200, OLD)
    judgement = verdict(TO_NEW, history, 200)
    assert codes(judgement) == {"ANSWER_HELD"}
    assert isinstance(judgement, Refused)
    assert judgement.earliest is None


def test_a_switch_waits_for_the_last_of_several_holds() -> None:
    old = replace(X, ttl=100)
    history = served(old).sees(10, 20, 2, rrset(record(OLD), FOREIGN), addresses(WEB1, WEB2), absent(HOST, AAAA))
    history.sees(30, 40, 3, XY, addresses(WEB1, WEB2), absent(HOST, AAAA)).presents(10, 40, OLD)
    history.holds(40, FIRST, SECOND, live=1)
    judgement = verdict(TO_NEW, history, 40)
    assert isinstance(judgement, Refused)
    assert judgement.earliest == at(10 + 205)
    ends = {fault.held.until for fault in judgement.because if fault.held is not None}
    assert ends == {at(10 + 205), at(30 + 65)}


def test_only_a_stored_generation_with_the_stored_chain_is_served() -> None:
    history = rolled()
    assert codes(verdict(replace(TO_NEW, generation=GenerationId(3)), history, 100)) == {"NOT_STORED"}
    assert codes(verdict(replace(TO_NEW, chain=OLD), history, 100)) == {"NOT_STORED"}
    waiting = rolled().holds(100, FIRST, credential(2, RENEWED, None), live=1)
    assert codes(verdict(TO_NEW, waiting, 100)) == {"NOT_STORED"}
    assert codes(verdict(TO_NEW, History(), 0)) == {"NOT_STORED"}


def young() -> History:
    """Watched for 100 s only: the past is unknown until 205."""
    return served(X, since=0, until=100)


def test_with_an_unknown_history_only_the_same_key_is_served() -> None:
    judgement = verdict(TO_NEW, served(XY, since=0, until=100), 100)
    assert codes(judgement) == {"HISTORY_UNKNOWN"}
    assert isinstance(judgement, Refused)
    assert judgement.earliest == at(205)
    renewed = issue("leaf", INTERMEDIATE, names=("www.example.net",), key=LEAF.key)
    same = Switch(LINEAGE, LOCAL, GenerationId(2), chain_of(renewed))
    history = young().holds(100, FIRST, credential(2, LEAF, chain_of(renewed)), live=1)
    assert verdict(same, history, 100) == Allowed()


def test_with_an_unknown_history_a_whole_certificate_record_forbids_even_the_same_key() -> None:
    renewed = issue("leaf", INTERMEDIATE, names=("www.example.net",), key=LEAF.key)
    both = rrset(record(OLD), record(OLD, "3 0 1"), record(chain_of(renewed), "3 0 1"))
    history = served(both, since=0, until=100).holds(100, FIRST, credential(2, LEAF, chain_of(renewed)), live=1)
    same = Switch(LINEAGE, LOCAL, GenerationId(2), chain_of(renewed))
    assert codes(verdict(same, history, 100)) == {"HISTORY_UNKNOWN"}


def test_with_an_unknown_history_even_the_same_key_has_to_be_of_the_same_ca_where_a_ca_is_named() -> None:
    """Clients may hold the record of the CA that is presented, and not yet that of the next one."""
    other = issue("Other Intermediate", ROOT, ca=True, path_length=0)
    for ca, expected in ((INTERMEDIATE, set[str]()), (other, {"HISTORY_UNKNOWN"})):
        renewed = chain_of(issue("leaf", ca, names=("www.example.net",), key=LEAF.key), ca)
        both = rrset(record(OLD), record(OLD, "2 1 1"), record(renewed, "2 1 1"))
        history = served(both, since=0, until=100).holds(100, FIRST, credential(2, LEAF, renewed), live=1)
        judgement = verdict(Switch(LINEAGE, LOCAL, GenerationId(2), renewed), history, 100)
        assert (codes(judgement) if isinstance(judgement, Refused) else set()) == expected


def test_a_server_that_everybody_refuses_has_nothing_to_lose_by_an_unknown_history() -> None:
    history = young()
    history.log = [fact for fact in history.log if type(fact).__name__ not in ("Presented", "Holding")]
    history.presents(0, 100, FAILED).holds(100, FIRST, SECOND)
    assert verdict(TO_NEW, history, 100) == Allowed(repair=True)


def test_where_an_address_was_never_probed_every_client_that_can_be_helped_has_to_accept() -> None:
    def unprobed(answer: Answer) -> History:
        history = served(answer)
        history.log = [fact for fact in history.log if getattr(fact, "address", None) != WEB2]
        return history

    assert verdict(TO_NEW, unprobed(XY)) == Allowed()
    assert codes(verdict(TO_NEW, unprobed(X))) == {"ANSWER_HELD"}
    assert verdict(TO_NEW, unprobed(absent())) == Allowed()  # PKIX accepts the new chain


def test_where_no_address_was_ever_probed_clients_have_to_accept_what_is_switched_to() -> None:
    def unprobed(answer: Answer) -> History:
        history = served(answer).holds(0.1, FIRST, SECOND)
        history.log = [fact for fact in history.log if type(fact).__name__ != "Presented"]
        return history

    assert codes(verdict(TO_NEW, unprobed(X), 1)) == {"ANSWER_HELD"}
    assert verdict(TO_NEW, unprobed(XY), 1) == Allowed()


def test_where_an_address_was_never_probed_an_unknown_history_forbids_a_switch() -> None:
    history = served(XY, since=0, until=100).presents(0, 100, FAILED)
    history.log = [fact for fact in history.log if getattr(fact, "address", None) != WEB2]
    assert "HISTORY_UNKNOWN" in codes(verdict(TO_NEW, history, 100))


def test_after_a_foreign_hand_all_that_was_seen_of_the_servers_is_not_vouched_for() -> None:
    history = rolled()
    history.log.append(Began(at(99), LINEAGE.service, "generation 2 was made by other hands"))
    history.log = [f for f in history.log if type(f).__name__ != "Presented" or f.at < at(99)]
    assert verdict(TO_NEW, history, 100) == Allowed()
    assert codes(verdict(publish(XY, Y), history, 100)) >= {"UNPROBED"}


def test_absence_that_may_be_cached_needs_a_chain_that_pkix_accepts() -> None:
    selfish = issue("self-signed", names=("www.example.net",))
    chain = chain_of(selfish, selfish)
    history = served(absent()).sees(10, 20, 2, rrset(record(OLD), record(chain)), addresses(WEB1, WEB2))
    history.holds(20, FIRST, credential(2, selfish, chain), live=1).presents(10, 20, OLD)
    switch = Switch(LINEAGE, LOCAL, GenerationId(2), chain)
    judgement = verdict(switch, history, 20)
    assert codes(judgement) == {"ANSWER_HELD"}
    assert isinstance(judgement, Refused)
    assert judgement.earliest is None  # who knows neither 3 1 1 nor DANE falls back to PKIX for ever
    opportunistic = reach(opportunistic=True)
    history.sees(30, 80, 2, rrset(record(OLD), record(chain)), addresses(WEB1, WEB2), absent(HOST, AAAA))
    history.presents(30, 80, OLD)
    assert verdict(switch, history, 80, through=opportunistic) == Allowed()


def test_a_switch_that_ends_a_refusal_is_a_repair() -> None:
    history = served(Y).holds(0, FIRST, SECOND, live=1)
    assert verdict(TO_NEW, history, 0) == Allowed(repair=True)


def test_a_switch_that_only_helps_later_is_no_repair_now() -> None:
    assert verdict(TO_NEW, rolled(), 100) == Allowed(repair=False)


def test_a_chain_that_ends_within_the_hold_is_not_switched_to_where_dates_count() -> None:
    ending = issue("leaf", INTERMEDIATE, names=("www.example.net",), end=at(150), key=RENEWED.key)
    chain = chain_of(ending)
    both = rrset(*(record(c, u) for c in (OLD, chain) for u in ("1 1 1", "3 1 1")))
    history = served(both).holds(0, FIRST, credential(2, ending, chain), live=1)
    assert codes(verdict(Switch(LINEAGE, LOCAL, GenerationId(2), chain), history)) == {"ANSWER_HELD"}
    assert verdict(TO_NEW, served(rrset(*(record(c, u) for c in (OLD, NEW) for u in ("1 1 1", "3 1 1"))))) == Allowed()


def test_a_switch_at_a_host_that_nobody_is_known_to_reach_is_not_judged() -> None:
    assert codes(verdict(replace(TO_NEW, host=HostName("spare")), served(X))) == {"UNREACHED"}


# -- destruction -----------------------------------------------------------------------------------------------------


def test_a_key_is_destroyed_when_nobody_presents_it_and_nobody_can_hold_its_records() -> None:
    history = withdrawn()
    judgement = verdict(DESTROY_OLD, history, 274.9)
    assert codes(judgement) == {"KEY_PUBLISHED"}
    assert isinstance(judgement, Refused)
    assert judgement.earliest == at(210 + 65)
    assert verdict(DESTROY_OLD, history, 275) == Allowed()


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda h: h.holds(300, FIRST, SECOND, live=1), {"KEY_IN_USE"}),
        (lambda h: h.holds(300, SECOND, live=2), {"NOT_STORED"}),
        (lambda h: h.presents(300, 300, OLD, by=[WEB2]), {"KEY_IN_USE"}),
        (lambda h: h.presents(250, 300, OLD, hellos=[RSA]), {"KEY_IN_USE"}),
        (lambda h: h.presents(300, 300, FAILED, by=[WEB2]), set()),
        (lambda h: h.sees(300, 300, 4, XY), {"KEY_PUBLISHED"}),
    ],
)
def test_a_key_is_kept_while_it_is_in_use_or_named(spoil: Callable[[History], History], expected: set[str]) -> None:
    assert codes(verdict(DESTROY_OLD, spoil(withdrawn()), 306)) == expected


def test_a_key_is_kept_while_an_address_was_never_probed() -> None:
    history = withdrawn()
    history.log = [fact for fact in history.log if getattr(fact, "address", None) != WEB2]
    assert codes(verdict(DESTROY_OLD, history, 306)) == {"KEY_IN_USE"}


def test_a_key_is_kept_while_the_history_is_unknown() -> None:
    history = served(Y, since=200, until=300).presents(200, 300, NEW).holds(300, FIRST, SECOND, live=2)
    history.log = [f for f in history.log if getattr(f, "got", None) != OLD]
    judgement = verdict(DESTROY_OLD, history, 300)
    assert codes(judgement) == {"HISTORY_UNKNOWN"}
    assert isinstance(judgement, Refused)
    assert judgement.earliest == at(200 + 205)


def test_the_key_on_the_serving_path_is_kept_whoever_is_reached_through_it() -> None:
    history = History().holds(0, FIRST, SECOND, live=1)
    assert codes(verdict(DESTROY_OLD, history, through=Reach())) == {"KEY_IN_USE"}
    assert verdict(DESTROY_OLD, history.holds(1, FIRST, SECOND, live=2), through=Reach()) == Allowed()


def test_without_a_store_nothing_is_destroyed() -> None:
    assert codes(verdict(DESTROY_OLD, History(), 0)) == {"NOT_STORED"}


# -- what no client sees ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "action",
    [MakeKey(LINEAGE), MakeZoneKeys(ZONE), AdvanceOrder(LINEAGE, GenerationId(1), OrderState((HOST,)))],
)
def test_what_no_client_sees_is_allowed(action: Action) -> None:
    assert verdict(action, History()) == Allowed()


# -- violations ------------------------------------------------------------------------------------------------------


def seen_violations(history: History, second: float, through: Reach | None = None) -> set[object]:
    return {v.address for v in violations(history.facts(), through or reach(), at(second), LIMITS)}


def test_where_all_agree_nobody_is_refused() -> None:
    assert seen_violations(rolled(), 100) == set()
    assert seen_violations(served(absent()), 0) == set()


def test_each_address_that_presents_what_some_cached_answer_refuses_is_told() -> None:
    assert seen_violations(served(X).presents(10, 10, NEW, by=[WEB2]), 16) == {WEB2}
    assert seen_violations(served(X).presents(10, 10, FAILED, by=[WEB1]), 16) == {WEB1}


def test_of_an_address_that_was_never_probed_nothing_is_told() -> None:
    history = served(X)
    history.log = [fact for fact in history.log if getattr(fact, "address", None) != WEB2]
    assert seen_violations(history, 0) == set()


def test_a_chain_that_pkix_refuses_is_told_where_there_is_no_record() -> None:
    history = served(absent()).presents(10, 10, SELF_SIGNED, by=[WEB2])
    assert seen_violations(history, 16) == {WEB2}
    assert seen_violations(history, 16, reach(opportunistic=True)) == set()


def test_before_a_credential_of_ours_lies_there_a_service_without_records_is_no_matter_of_ours() -> None:
    for answer, refused in ((absent(), set()), (X, {WEB2})):
        history = served(answer).presents(10, 10, FAILED, by=[WEB2]).holds(10, FIRST)
        assert seen_violations(history, 16) == refused


def test_a_counterexample_says_what_stands_against_it() -> None:
    judgement = verdict(TO_NEW, served(X), 0)
    assert isinstance(judgement, Refused)
    (text,) = {str(fault) for fault in judgement.because}
    assert "[ANSWER_HELD]" in text
    assert "serves serial 1" in text
    assert "3 1 1" in text
