"""Feasibility: what fits in before a certificate ends, and what is refused, with the numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danelaw.core.model import Limits
from danelaw.core.rollover.feasibility import (
    LETS_ENCRYPT,
    Feasible,
    Infeasible,
    Terms,
    announced_lifetime,
    backdated,
    feasible,
    least_lifetime,
    told,
)
from danelaw.core.rollover.steps import RENEWAL, Step
from danelaw.core.rollover.succession import Strategy

SIX_DAYS = timedelta(hours=160)
DAYS = timedelta(days=1)
LETS_ENCRYPT_URL = "https://acme-v02.api.letsencrypt.org/directory"


def terms(strategy: Strategy = Strategy.STAGED, **changed: object) -> Terms:
    """With the defaults of a configuration, and a certificate of 45 days."""
    base = Terms(strategy, Limits(), 3600, 45 * DAYS, timedelta(hours=1))
    return replace(base, **changed)  # type: ignore[arg-type] # each test names fields and gives their types


def refusal(given: Terms) -> Infeasible:
    verdict = feasible(given)
    assert isinstance(verdict, Infeasible)
    return verdict


def accepted(given: Terms) -> Feasible:
    verdict = feasible(given)
    assert isinstance(verdict, Feasible), verdict
    return verdict


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize("ttl", [60, 3600, 86400])
@pytest.mark.parametrize("lifetime", [45 * DAYS, 64 * DAYS, 90 * DAYS, None])
def test_the_defaults_suit_every_strategy(strategy: Strategy, ttl: int, lifetime: timedelta | None) -> None:
    accepted(terms(strategy, tlsa_ttl=ttl, lifetime=lifetime))


def test_a_six_day_certificate_under_staged_with_a_day_long_ttl_is_refused_with_the_numbers() -> None:
    no = refusal(terms(lifetime=SIX_DAYS, tlsa_ttl=86400))
    assert no.needs > 2 * DAYS
    assert no.has == SIX_DAYS * (5 / 6) - SIX_DAYS * (2 / 3)
    assert "settle 48 h 6 min (2 TTLs of 86400 s, 1 min of look-up, and a pass)" in no.numbers
    assert "tlsa_ttl" in no.remedy
    assert "standby" in no.remedy


def test_what_the_remedy_says_of_the_ttl_helps() -> None:
    no = refusal(terms(lifetime=SIX_DAYS, tlsa_ttl=86400, limits=replace(Limits(), linger=timedelta(hours=12))))
    (ttl,) = [int(word) for word in no.remedy.split() if word.isdigit()]
    accepted(terms(lifetime=SIX_DAYS, tlsa_ttl=ttl, limits=replace(Limits(), linger=timedelta(hours=12))))


def test_a_six_day_certificate_under_staged_whose_old_records_linger_for_a_week_is_refused() -> None:
    no = refusal(terms(lifetime=SIX_DAYS))
    assert "due again before the records of its roll are gone" in no.why
    (linger,) = [int(word) for word in no.remedy.split() if word.isdigit()]
    accepted(terms(lifetime=SIX_DAYS, limits=replace(Limits(), linger=timedelta(seconds=linger))))


@pytest.mark.parametrize("strategy", [Strategy.STANDBY, Strategy.PINNED])
def test_a_six_day_certificate_suits_the_strategies_that_keep_the_key(strategy: Strategy) -> None:
    given = terms(strategy, lifetime=SIX_DAYS, tlsa_ttl=86400)
    verdict = accepted(given)
    assert [span.step for span in verdict.spans] == list(RENEWAL[strategy])
    assert verdict.slack is not None
    assert verdict.slack > 2 * DAYS


@pytest.mark.parametrize("strategy", Strategy)
def test_a_certificate_that_is_due_as_soon_as_it_is_issued_is_refused(strategy: Strategy) -> None:
    """Whatever of its life is over then counts as lived."""
    hasty = Limits(
        pass_interval=timedelta(seconds=1),
        hold_floor=timedelta(0),
        lookup_delay=timedelta(seconds=1),
        in_flight=timedelta(seconds=1),
        linger=timedelta(seconds=1),
        clock_skew=timedelta(0),
        standby_settle=timedelta(0),
    )
    given = terms(strategy, limits=hasty, tlsa_ttl=1, lifetime=timedelta(hours=1), back_off=timedelta(seconds=1))
    accepted(replace(given, spent=timedelta(minutes=30)))
    assert "due again before" in refusal(replace(given, spent=timedelta(minutes=40))).why


def test_a_certificate_begins_an_hour_before_its_issue_or_a_tenth_of_its_life() -> None:
    assert backdated(90 * DAYS) == backdated(SIX_DAYS) == timedelta(hours=1)
    assert backdated(timedelta(seconds=80)) == timedelta(seconds=8)


def test_records_of_whole_certificates_put_the_wait_into_every_renewal() -> None:
    path = [span.step for span in accepted(terms(Strategy.PINNED, full=True)).spans]
    assert Step.SETTLE in path
    refusal(terms(Strategy.PINNED, full=True, lifetime=SIX_DAYS, tlsa_ttl=86400))


def test_the_cas_window_counts_where_it_begins_sooner() -> None:
    late, early = accepted(terms()), accepted(terms(window=30 * DAYS))
    assert late.slack is not None
    assert early.slack is not None
    assert early.slack - late.slack == timedelta(days=15)


def test_orders_that_fail_take_their_time() -> None:
    none, many = accepted(terms(attempts=0)), accepted(terms(attempts=10))
    assert none.slack is not None
    assert many.slack is not None
    assert none.slack - many.slack == 10 * (timedelta(hours=1) + timedelta(minutes=15))


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        ({"gap_passes": 1}, "nothing would ever settle"),
        ({"pass_interval": 5 * DAYS}, "for longer than a secondary keeps the zone"),
        ({"pass_interval": DAYS, "retention": 2 * DAYS}, "for longer than a secondary keeps the zone"),
        ({"renew_fraction": 0.9}, "urgent before it is due"),
        ({"urgent_fraction": 1.1}, "urgent before it is due"),
        ({"key_lifetime": 15 * DAYS}, "before its standby has settled"),
        ({"standby_settle": 160 * DAYS}, "before its standby has settled"),
        ({"linger": 160 * DAYS}, "before its standby has settled"),
    ],
)
def test_limits_that_contradict_each_other_are_refused(limits: dict[str, timedelta], why: str) -> None:
    no = refusal(terms(Strategy.STANDBY, limits=replace(Limits(), **limits)))  # type: ignore[arg-type] # as ``terms``
    assert why in no.why
    assert no.remedy


def test_what_just_fits_is_accepted_and_has_no_slack_to_speak_of() -> None:
    least = least_lifetime(terms())
    verdict = accepted(terms(lifetime=least))
    assert verdict.slack is not None
    assert verdict.slack < timedelta(hours=1) or least < Limits().linger * 2
    refusal(terms(lifetime=least - timedelta(hours=1)))


limits = st.builds(
    Limits,
    pass_interval=st.timedeltas(timedelta(seconds=1), timedelta(hours=12)),
    linger=st.timedeltas(timedelta(0), timedelta(days=10)),
    propagation=st.timedeltas(timedelta(0), timedelta(hours=1)),
    in_flight=st.timedeltas(timedelta(seconds=1), timedelta(hours=1)),
)


@given(
    strategy=st.sampled_from(Strategy),
    limits=limits,
    ttl=st.integers(1, 172800),
    lifetime=st.timedeltas(timedelta(hours=1), timedelta(days=100)),
    failures=st.integers(0, 3),
)
def test_what_is_accepted_ends_in_time_with_the_slack_that_it_said(
    strategy: Strategy, limits: Limits, ttl: int, lifetime: timedelta, failures: int
) -> None:
    """A roll is played, step by step, each as slow as it may be."""
    back_off = 12 * limits.pass_interval
    verdict = feasible(Terms(strategy, limits, ttl, lifetime, back_off))
    if not isinstance(verdict, Feasible):
        return
    a_pass, now = limits.pass_interval, lifetime * limits.renew_fraction
    now += a_pass  # it is due right after a pass
    for _ in range(failures):
        now += 2 * a_pass + limits.in_flight + back_off
    now += 2 * a_pass + limits.in_flight  # issued
    if strategy is Strategy.STAGED:
        now += limits.in_flight  # at the primary
        left = now + limits.in_flight + a_pass  # the last authority was seen with it
        now = left + max(2 * timedelta(seconds=ttl), limits.hold_floor) + limits.propagation + limits.lookup_delay
        now += a_pass
    now += limits.in_flight + a_pass  # switched, and seen
    assert now <= lifetime - limits.clock_skew
    assert verdict.slack is not None
    spared = (3 - failures) * (2 * a_pass + limits.in_flight + back_off)
    deadline = lifetime - limits.clock_skew
    if strategy is Strategy.STAGED:
        deadline = min(deadline, lifetime * limits.urgent_fraction)
    assert abs(deadline - now - verdict.slack - spared) < timedelta(seconds=1)


@given(strategy=st.sampled_from(Strategy), ttl=st.integers(1, 172800), hours=st.integers(1, 3000))
def test_a_longer_certificate_is_never_worse(strategy: Strategy, ttl: int, hours: int) -> None:
    given = terms(strategy, tlsa_ttl=ttl, lifetime=timedelta(hours=hours))
    if isinstance(feasible(given), Feasible):
        accepted(replace(given, lifetime=timedelta(hours=hours + 1)))


# what is known of a CA


@pytest.mark.parametrize(
    ("profile", "lifetime"),
    [(None, 45 * DAYS), ("classic", 45 * DAYS), ("tlsserver", 45 * DAYS), ("shortlived", SIX_DAYS), ("other", None)],
)
def test_the_shortest_lifetime_that_a_ca_has_announced_counts(profile: str | None, lifetime: timedelta | None) -> None:
    assert announced_lifetime(LETS_ENCRYPT_URL, profile) == lifetime


def test_of_another_ca_nothing_is_known() -> None:
    assert announced_lifetime("https://ca.example/directory", "shortlived") is None


def test_the_calendar_of_the_classic_profile() -> None:
    """Let's Encrypt: 64 days from 2027-02-10, and 45 from 2028-02-16."""
    (classic,) = [profile for profile in LETS_ENCRYPT if profile.name == "classic"]
    assert dict(classic.lifetimes)[date(2027, 2, 10)] == 64 * DAYS
    assert dict(classic.lifetimes)[date(2028, 2, 16)] == 45 * DAYS


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(0), "0 s"),
        (timedelta(seconds=1.5), "1.5 s"),
        (timedelta(minutes=90), "1 h 30 min"),
        (timedelta(hours=48, minutes=6), "48 h 6 min"),
        (SIX_DAYS, "6 d 16 h"),
        (timedelta(days=1, seconds=61), "24 h 1 min 1 s"),
    ],
)
def test_lengths_are_told_in_units_that_suit_them(length: timedelta, text: str) -> None:
    assert told(length) == text
