"""RSA beside ECDSA: two lineages of one service, whose records stand in one RRset."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID

from danelaw.core.model import (
    Answer,
    Chain,
    Challenge,
    ChallengeType,
    CredentialFacts,
    Failed,
    GenerationId,
    Hello,
    KeyAlgorithm,
    Lineage,
    NeedChallenge,
    NotOffered,
    OrderState,
    TLSVersion,
    Unreachable,
    Window,
)
from danelaw.core.rollover.actions import (
    Action,
    AdvanceOrder,
    DestroyKey,
    MakeKey,
    Publish,
    Receipt,
    Retire,
    ReuseKey,
    Switch,
)
from danelaw.core.rollover.chains import possible_chains
from danelaw.core.rollover.facts import Began, Got, Holding, RenewalInfo
from danelaw.core.rollover.gate import Allowed, Refused, judge
from danelaw.core.rollover.planner import DesiredService, Plan, Settled, Wait, plan
from danelaw.core.rollover.succession import Strategy
from danelaw.core.tlsa import Combination
from danelaw.core.tlsa.credential import leaf_spki
from danelaw.worlds.sim.rsa_keys import rsa_key
from rollover_history import (
    AAAA,
    ECDSA,
    FIRST,
    HOST,
    LIMITS,
    LINEAGE,
    LOCAL,
    NEW,
    OLD,
    PLAIN,
    RSA,
    SECOND,
    SERVICE,
    WEB1,
    WEB2,
    ZONE,
    History,
    absent,
    addresses,
    at,
    chain_of,
    reach,
    record,
    rrset,
    served,
)
from tlsa_chains import INTERMEDIATE, LEAF, issue

RSA_LINE = Lineage(SERVICE, KeyAlgorithm.RSA)


def rsa_chain(number: int) -> Chain:
    """For the RSA key of this number."""
    builder = (
        x509.CertificateBuilder().subject_name(LEAF.certificate.subject).issuer_name(INTERMEDIATE.certificate.subject)
    )
    builder = builder.public_key(rsa_key(number).public_key()).serial_number(number)
    builder = builder.not_valid_before(LEAF.certificate.not_valid_before_utc)
    builder = builder.not_valid_after(LEAF.certificate.not_valid_after_utc)
    for extension in (e for e in LEAF.certificate.extensions if e.oid != ExtensionOID.SUBJECT_KEY_IDENTIFIER):
        builder = builder.add_extension(extension.value, extension.critical)
    leaf = builder.sign(INTERMEDIATE.key, hashes.SHA256())
    return Chain((leaf.public_bytes(Encoding.DER), INTERMEDIATE.der))


def spki(chain: Chain) -> bytes:
    found = leaf_spki(chain)
    assert found is not None
    return found


RSA_OLD, RSA_NEW = rsa_chain(1), rsa_chain(2)
RSA_FIRST = CredentialFacts(GenerationId(1), RSA_LINE, spki(RSA_OLD), RSA_OLD, at(-999))
RSA_SECOND = CredentialFacts(GenerationId(2), RSA_LINE, spki(RSA_NEW), RSA_NEW, at(-998))
BOTH = rrset(record(OLD), record(RSA_OLD))
REACH = reach(lineages=(LINEAGE, RSA_LINE))
ALSO = (addresses(WEB1, WEB2), absent(HOST, AAAA))
MODERN = Hello(HOST, TLSVersion.TLS13)
TO_RSA = Switch(RSA_LINE, LOCAL, GenerationId(1), RSA_OLD)


def desired(
    *lineages: Lineage,
    strategy: Strategy = Strategy.STAGED,
    challenge: ChallengeType = ChallengeType.HTTP_01,
) -> DesiredService:
    wanted = lineages or (LINEAGE, RSA_LINE)
    leaving = tuple(line for line in (LINEAGE, RSA_LINE) if line not in wanted)
    return DesiredService(
        SERVICE,
        wanted,
        ZONE,
        (HOST,),
        (Combination(3, 1, 1),),
        30,
        (LOCAL,),
        challenge,
        strategy=strategy,
        leaving=leaving,
    )


def planned(history: History, second: float, wanted: DesiredService | None = None) -> Plan:
    return plan(wanted or desired(), history.facts(), REACH, at(second), LIMITS)


def code(step: Plan) -> str:
    assert isinstance(step, Wait), step
    return step.code


def change(old: Answer, new: Answer) -> Publish:
    return Publish(ZONE, old, new)


def rsa(history: History, second: float, *generations: CredentialFacts, live: int | None = 1) -> History:
    """What the store holds of the second lineage."""
    history.log.append(Holding(at(second), RSA_LINE, generations, None if live is None else GenerationId(live)))
    return history


def shows(history: History, start: float, end: float, ecdsa: Got, rsa: Got) -> History:
    """Servers that prefer ECDSA, and have an RSA key for those who know no other, or not."""
    history.presents(start, end, ecdsa, hellos=(PLAIN, ECDSA, MODERN))
    return history.presents(start, end, rsa, hellos=(RSA,))


def pair(answer: Answer = BOTH, rsa_got: Got = RSA_OLD) -> History:
    """Both are served, and what is published was so for long."""
    history = shows(served(answer).holds(0, FIRST, live=1), -400, 0, OLD, rsa_got)
    return rsa(history, 0, RSA_FIRST)


def after(history: History, answer: Answer, ecdsa: Got, rsa_got: Got, end: float = 100, serial: int = 1) -> History:
    """From 10 on all say and present this."""
    return shows(history.sees(10, end, serial, answer, *ALSO), 10, end, ecdsa, rsa_got).judged(end)


# -- the RRset -------------------------------------------------------------------------------------------------------


def test_a_pair_that_is_published_and_presented_is_settled() -> None:
    assert isinstance(planned(pair(), 0), Settled)


@pytest.mark.parametrize("published", [OLD, RSA_OLD])
def test_the_records_of_both_stand_in_one_rrset(published: Chain) -> None:
    answer = rrset(record(published))
    assert planned(pair(answer), 0) == change(answer, BOTH)


def test_a_combination_that_is_there_names_both_keys() -> None:
    """Who knows only that combination may know only RSA (RFC 7671 §8)."""
    answer = rrset(record(OLD), record(RSA_OLD), record(OLD, "3 0 1"))
    wanted = rrset(record(OLD), record(RSA_OLD), record(OLD, "3 0 1"), record(RSA_OLD, "3 0 1"))
    assert planned(pair(answer), 0) == change(answer, wanted)


def test_a_lineage_that_is_new_begins_with_a_key() -> None:
    history = rsa(pair(rrset(record(OLD)), NotOffered()), 0, live=None)
    assert planned(history, 0) == MakeKey(RSA_LINE)


def test_the_record_of_a_lineage_that_is_new_comes_before_its_switch() -> None:
    history = rsa(pair(rrset(record(OLD)), NotOffered()), 0, RSA_FIRST, live=None)
    assert planned(history, 0) == change(rrset(record(OLD)), BOTH)
    history = rsa(pair(BOTH, NotOffered()), 0, RSA_FIRST, live=None)
    assert planned(history, 0) == TO_RSA


def test_a_first_publication_waits_for_no_server_that_offers_the_second_key_later() -> None:
    history = pair(absent(), NotOffered())
    assert planned(history, 0) == TO_RSA  # it has not been told to yet
    history = pair(absent(), NotOffered()).does(-1, TO_RSA, Receipt())
    assert planned(history, 0) == change(absent(), BOTH)


def test_a_first_publication_waits_for_the_switch_of_all_that_can_be() -> None:
    history = rsa(pair(absent(), NotOffered()), 0, RSA_FIRST, live=None).holds(0, FIRST, live=None)
    assert planned(history, 0) == Switch(LINEAGE, LOCAL, GenerationId(1), OLD)


# -- a roll of one of them -------------------------------------------------------------------------------------------

UNION = rrset(record(OLD), record(RSA_OLD), record(RSA_NEW))


def test_a_new_rsa_key_is_published_beside_all_others() -> None:
    history = rsa(pair(), 0, RSA_FIRST, RSA_SECOND)
    assert planned(history, 0) == change(BOTH, UNION)


def test_only_the_lineage_that_rolls_is_switched() -> None:
    history = rsa(pair(UNION), 0, RSA_FIRST, RSA_SECOND)
    assert planned(history, 0) == Switch(RSA_LINE, LOCAL, GenerationId(2), RSA_NEW)


def test_what_most_clients_are_presented_says_nothing_of_the_second_key() -> None:
    switch = Switch(RSA_LINE, LOCAL, GenerationId(2), RSA_NEW)
    history = rsa(pair(UNION), 0, RSA_FIRST, RSA_SECOND).does(5, switch, Receipt())
    history = after(rsa(history, 20, RSA_FIRST, RSA_SECOND, live=2), UNION, OLD, RSA_OLD, 20)
    step = planned(history, 20)
    assert code(step) == "NOT_CONFIRMED"
    assert isinstance(step, Wait)
    assert "to a client that asks for RSA key" in step.because


def rolled(rsa_got: Got = RSA_NEW, end: float = 100) -> History:
    history = rsa(pair(UNION), end, RSA_FIRST, RSA_SECOND, live=2).holds(end, FIRST, live=1)
    return after(history, UNION, OLD, rsa_got, end)


def test_the_old_record_of_the_one_is_withdrawn_and_the_other_not_touched() -> None:
    assert code(planned(rolled(end=30), 30)) == "LINGERING"
    assert planned(rolled(), 100) == change(UNION, rrset(record(OLD), record(RSA_NEW)))


def test_an_address_that_could_not_be_asked_for_its_rsa_key_confirms_nothing() -> None:
    history = rolled(Unreachable("TIMEOUT"))
    assert planned(history, 100) == Switch(RSA_LINE, LOCAL, GenerationId(2), RSA_NEW)


@pytest.mark.parametrize("got", [NotOffered(), Unreachable("TIMEOUT"), RSA_OLD])
def test_whatever_becomes_of_the_one_the_other_goes_on(got: Got) -> None:
    """An ECDSA key was rolled; the RSA server is not as it should be."""
    answer = rrset(record(OLD), record(NEW), record(RSA_OLD), record(RSA_NEW))
    history = shows(served(answer), -400, 0, OLD, RSA_OLD).holds(100, FIRST, SECOND, live=2)
    rsa(history, 100, RSA_FIRST, RSA_SECOND, live=2)
    history.does(95, Switch(RSA_LINE, LOCAL, GenerationId(2), RSA_NEW), Receipt())
    after(history, answer, NEW, got)
    assert planned(history, 100) == change(answer, rrset(record(NEW), record(RSA_OLD), record(RSA_NEW)))


# -- orders ----------------------------------------------------------------------------------------------------------


def test_the_responses_of_two_orders_never_stand_in_dns_at_once() -> None:
    """There is one RRset for them, and the CA of the first has not found its own yet."""
    order = OrderState((HOST,), url="https://ca.test/order")
    challenge = Challenge("https://ca.test/1", ChallengeType.DNS_01, HOST, "token", "response")
    waiting = CredentialFacts(GenerationId(3), LINEAGE, issue("third").spki, None, at(-10))
    also = CredentialFacts(GenerationId(3), RSA_LINE, issue("third rsa").spki, None, at(-10))
    history = rsa(pair().holds(0, FIRST, waiting, live=1), 0, RSA_FIRST, also)
    history.does(-5, AdvanceOrder(LINEAGE, GenerationId(3), OrderState((HOST,))), NeedChallenge(order, (challenge,)))
    fresh = AdvanceOrder(RSA_LINE, GenerationId(3), OrderState((HOST,), replaces=RSA_OLD))
    assert planned(history, 0, desired(challenge=ChallengeType.DNS_01)) != fresh
    first = AdvanceOrder(LINEAGE, GenerationId(3), OrderState((HOST,), replaces=OLD))
    failed = rsa(pair().holds(0, FIRST, waiting, live=1), 0, RSA_FIRST, also)
    failed.does(-5, first, Failed(OrderState((HOST,)), "unauthorized", "no", at(1000)))
    assert planned(failed, 0, desired(challenge=ChallengeType.DNS_01)) == fresh


# -- leaving ---------------------------------------------------------------------------------------------------------


def leaving(history: History, second: float) -> Plan:
    return planned(history, second, desired(LINEAGE))


def test_a_key_that_is_configured_no_longer_keeps_its_record_while_it_is_presented() -> None:
    step = leaving(pair(), 0)
    assert code(step) == "STILL_OFFERED"
    assert isinstance(step, Wait)
    assert step.because.startswith("198.51.100.1 port 443 presents the RSA key")


def test_and_is_renewed_with_the_same_key_while_it_is() -> None:
    history = pair()
    history.log.append(RenewalInfo(at(0), RSA_OLD, Window(at(-10), at(10))))
    assert leaving(history, 0) == ReuseKey(RSA_LINE, GenerationId(1))


def gone(*, live: int | None, end: float = 100) -> History:
    history = rsa(pair(), end, RSA_FIRST, live=live).holds(end, FIRST, live=1)
    return after(history, BOTH, OLD, NotOffered(), end)


def test_what_nobody_presents_any_more_is_taken_off_the_path_and_then_out_of_dns() -> None:
    assert leaving(gone(live=1), 100) == Retire(RSA_LINE, LOCAL)
    assert code(leaving(gone(live=None, end=30), 30)) == "LINGERING"
    assert leaving(gone(live=None), 100) == change(BOTH, rrset(record(OLD)))


def test_its_keys_are_destroyed_when_no_client_can_need_them() -> None:
    only = rrset(record(OLD))
    history = rsa(pair(), 400, RSA_FIRST, live=None).holds(400, FIRST, live=1)
    history = after(history, only, OLD, NotOffered(), 400, serial=2)
    assert leaving(history, 400) == DestroyKey(RSA_LINE, GenerationId(1))


def test_a_lineage_that_there_never_was_needs_nothing() -> None:
    history = rsa(pair(rrset(record(OLD)), NotOffered()), 0, live=None)
    assert isinstance(leaving(history, 0), Settled)


def test_nothing_is_withdrawn_for_one_that_leaves_before_the_other_is_there() -> None:
    """ECDSA is to give way to RSA, and the operator took it out of the servers before there was an RSA key."""
    history = rsa(served(rrset(record(OLD))).holds(100, FIRST, live=None), 100, live=None)
    after(history, rrset(record(OLD)), NotOffered(), NotOffered())
    assert planned(history, 100, desired(RSA_LINE)) == MakeKey(RSA_LINE)


# -- the gate --------------------------------------------------------------------------------------------------------


def verdict(action: Action, history: History, second: float = 100) -> set[str]:
    judgement = judge(action, history.facts(), REACH, at(second), LIMITS)
    return {fault.code for fault in judgement.because} if isinstance(judgement, Refused) else set()


def test_a_path_is_emptied_only_if_no_address_presents_what_lies_there() -> None:
    retire = Retire(RSA_LINE, LOCAL)
    assert verdict(retire, gone(live=1)) == set()
    assert verdict(retire, pair(), 0) == {"KEY_IN_USE"}
    one = gone(live=1).presents(110, 110, RSA_OLD, by=(WEB2,), hellos=(RSA,))
    assert verdict(retire, one, 110) == {"KEY_IN_USE"}
    renewed = gone(live=1).presents(110, 110, RSA_NEW, by=(WEB2,), hellos=(RSA,))
    rsa(renewed, 110, RSA_FIRST, RSA_SECOND)
    assert verdict(retire, renewed, 110) == {"KEY_IN_USE"}


def test_a_path_is_not_emptied_where_nobody_knows_what_is_presented() -> None:
    retire = Retire(RSA_LINE, LOCAL)
    unknown = gone(live=1)
    unknown.log.append(Began(at(105), SERVICE, "the store was lost"))
    assert verdict(retire, unknown, 110) == {"UNPROBED"}
    silent = pair(rsa_got=Unreachable("TIMEOUT"))
    assert verdict(retire, silent, 0) == {"UNPROBED"}
    assert verdict(retire, rsa(History(), 0, RSA_FIRST), 0) == {"ADDRESSES_UNSEEN"}
    assert verdict(retire, History(), 0) == {"NOT_STORED"}


RENEWED = chain_of(issue("leaf", INTERMEDIATE, names=("www.example.net",), key=LEAF.key))
SAME_KEY = CredentialFacts(GenerationId(3), LINEAGE, LEAF.spki, RENEWED, at(-5))


def beginner() -> History:
    """Facts that began a minute ago: what clients hold from before is not known."""
    history = served(BOTH, since=-60).holds(0, FIRST, SECOND, SAME_KEY, live=1)
    return rsa(shows(history, -60, 0, OLD, RSA_OLD), 0, RSA_FIRST)


def test_in_an_unknown_history_each_of_a_pair_is_renewed_with_its_own_key() -> None:
    """No client comes from the one key to the other by that: whatever it is presented, its key stays."""
    assert verdict(Switch(LINEAGE, LOCAL, GenerationId(3), RENEWED), beginner(), 0) == set()
    assert verdict(Switch(LINEAGE, LOCAL, GenerationId(2), NEW), beginner(), 0) == {"HISTORY_UNKNOWN", "ANSWER_HELD"}


def test_a_key_of_a_kind_that_the_server_does_not_have_yet_may_come_to_anybody() -> None:
    """Which of two keys a client is presented is the server's choice."""
    history = rsa(pair(rrset(record(OLD)), NotOffered()), 0, RSA_FIRST, live=None)
    assert verdict(TO_RSA, history, 0) == {"ANSWER_HELD"}


def test_where_rsa_clients_are_refused_anyway_another_rsa_key_does_them_no_harm() -> None:
    history = rsa(pair(rrset(record(OLD))), 0, RSA_FIRST, RSA_SECOND)
    assert verdict(Switch(RSA_LINE, LOCAL, GenerationId(2), RSA_NEW), history, 0) == set()


def presented(history: History, second: float) -> frozenset[object]:
    return possible_chains(history.facts(), REACH.endpoints[0], WEB1, at(second), LIMITS)


def test_a_switch_of_the_one_ends_no_hand_over_of_the_other() -> None:
    """Neither server did anything: whatever was handed over lies on its path, and comes with the next restart."""
    ecdsa, second = Switch(LINEAGE, LOCAL, GenerationId(2), NEW), Switch(RSA_LINE, LOCAL, GenerationId(2), RSA_NEW)
    history = pair().does(1, ecdsa, Receipt()).does(2, second, Receipt())
    shows(history, 10, 100, OLD, RSA_OLD)
    assert presented(history, 100) == {OLD, NEW, RSA_OLD, RSA_NEW}


def test_who_asks_for_no_rsa_key_does_not_see_that_a_new_one_was_loaded() -> None:
    history = pair().does(5, Switch(RSA_LINE, LOCAL, GenerationId(2), RSA_NEW), Receipt())
    history.presents(10, 100, OLD, hellos=(PLAIN, ECDSA)).presents(10, 100, Unreachable("TIMEOUT"), hellos=(RSA,))
    rsa(history, 100, RSA_FIRST, RSA_SECOND)  # and by now the old one lies there again
    assert RSA_NEW in presented(history, 100)


def test_what_was_handed_over_before_the_history_began_anew_is_not_seen_to_have_done_nothing() -> None:
    history = pair().does(5, Switch(RSA_LINE, LOCAL, GenerationId(2), RSA_NEW), Receipt())
    shows(history, 10, 20, OLD, RSA_OLD)
    rsa(history, 20, RSA_FIRST, RSA_SECOND)
    assert RSA_NEW not in presented(history, 25)
    history.log.append(Began(at(25), SERVICE, "the store was lost"))
    assert RSA_NEW in presented(history, 25)


def test_a_record_that_only_rsa_clients_need_is_not_withdrawn() -> None:
    assert verdict(change(BOTH, rrset(record(OLD))), pair(), 0) == {"CHAIN_UNMATCHED"}
    assert isinstance(judge(change(BOTH, rrset(record(OLD))), gone(live=None).facts(), REACH, at(100), LIMITS), Allowed)
