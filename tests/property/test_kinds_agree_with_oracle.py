"""Whom the product takes for refused, and whom the independent oracle does: for every kind, of any answer and chain.

So whoever judges by ``core.tlsa.refused``, as the gate and the explorer of small worlds do, judges as the oracle does.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from truth_worlds import CHAINS, NAME, SHOWN, answer_of, shown

from danelaw.core.tlsa import ClientKind, Combination, Fallback, TLSARecord, associate, client_kinds, refused
from oracle.clients import Client, Presented, Records, Service, accepts, kinds, parameters
from rollover_history import NEW, OLD, reach
from tlsa_chains import DAY, NOW, ROOT

COMBINATIONS = tuple(
    f"{usage} {selector} {matching}" for usage in range(4) for selector in (0, 1) for matching in range(3)
)
RECORDS = (
    *(
        associate(Combination.from_text(combination), chain).to_rdata()
        for combination in COMBINATIONS
        for chain in (OLD, NEW, CHAINS[3], CHAINS[4], CHAINS[5])
        if combination[0] in "13" or len(chain.ders) > 1
    ),
    b"\x03\x01\x01short",
    TLSARecord(Combination(9, 1, 1), bytes(32)).to_rdata(),
    b"\x03\x01",
)
LIKELY = tuple(
    associate(Combination.from_text(combination), chain).to_rdata()
    for combination, chain in [
        ("3 1 1", OLD),
        ("3 1 2", OLD),
        ("3 1 2", NEW),
        ("3 1 1", CHAINS[5]),
        ("3 0 1", CHAINS[5]),
        ("1 1 1", CHAINS[3]),
        ("2 0 1", OLD),
    ]
)
"""Those in which kinds differ most."""
INSTANTS = (NOW, NOW + timedelta(seconds=199), NOW + timedelta(seconds=201), NOW + 90 * DAY, NOW - 90 * DAY)


def counterpart(kind: ClientKind) -> Client:
    known = frozenset((c.usage, c.selector, c.mtype) for c in kind.supported)
    return Client(known, kind.agility, kind.fallback is Fallback.PKIX, not kind.lenient)


@settings(max_examples=300)
@given(
    st.one_of(
        st.none(),
        st.frozensets(st.sampled_from(RECORDS), min_size=1, max_size=4),
        st.frozensets(st.sampled_from(LIKELY), min_size=1, max_size=4),
    ),
    st.sampled_from(SHOWN),
    st.sampled_from(INSTANTS),
    st.booleans(),
)
def test_every_kind_refuses_what_its_counterpart_refuses(
    records: Records, presented: Presented, at: datetime, opportunistic: bool
) -> None:
    service = Service(NAME, (ROOT.der,), opportunistic)
    reference = reach((ROOT.der,), opportunistic).endpoints[0].reference
    every = client_kinds(frozenset(Combination(*one) for one in parameters(records) if max(one) < 4))
    who = refused(answer_of(records, 20), shown(presented), at, reference, every, timedelta(0))
    for kind in every:
        assert accepts(counterpart(kind), records, presented, at, service) == (kind not in who), kind


@pytest.mark.parametrize("records", [None, frozenset({RECORDS[0]}), frozenset(RECORDS[:9])])
def test_the_oracle_has_a_client_for_each_kind_and_no_other(records: Records) -> None:
    present = parameters(records)
    every = client_kinds(frozenset(Combination(*one) for one in present))
    assert sorted(map(counterpart, every), key=str) == sorted(kinds(present), key=str)
