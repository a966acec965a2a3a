"""What the lab's CA says of its resources follows from what belongs to them (RFC 8555 §7.1.6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from danelaw.worlds.lab.ca.jws import AccountKey
from danelaw.worlds.lab.ca.problem import Problem
from danelaw.worlds.lab.ca.resources import Account, Authorization, Challenge, Order, Status

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
WEEK = timedelta(days=7)
KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
ACCOUNT = Account("https://ca/account/1", AccountKey(KEY, "thumbprint"), [])


def authorization(status: Status) -> Authorization:
    challenges = [Challenge(f"https://ca/challenge/{kind}", kind, "token") for kind in ("http-01", "dns-01")]
    return Authorization("https://ca/authz/1", ACCOUNT, "example.net", False, NOW + WEEK, challenges, status)


def order(*statuses: Status) -> Order:
    parts = [authorization(status) for status in statuses]
    return Order("https://ca/order/1", ACCOUNT, ("example.net",), "classic", None, NOW + WEEK, parts)


@pytest.mark.parametrize(
    ("authorizations", "state"),
    [
        ((Status.PENDING,), Status.PENDING),
        ((Status.VALID, Status.PENDING), Status.PENDING),
        ((Status.VALID, Status.VALID), Status.READY),
        ((Status.VALID, Status.INVALID), Status.INVALID),
        ((Status.PENDING, Status.INVALID), Status.INVALID),
        ((Status.VALID, Status.DEACTIVATED), Status.INVALID),
    ],
)
def test_an_order_stands_where_its_authorizations_let_it(authorizations: tuple[Status, ...], state: Status) -> None:
    assert order(*authorizations).state(NOW) is state


@pytest.mark.parametrize(
    ("status", "state"),
    [(Status.PENDING, Status.EXPIRED), (Status.VALID, Status.EXPIRED), (Status.INVALID, Status.INVALID)],
)
def test_an_authorization_expires_and_takes_its_order_with_it(status: Status, state: Status) -> None:
    assert authorization(status).state(NOW + WEEK) is state
    assert authorization(status).state(NOW + WEEK - timedelta(seconds=1)) is status
    assert order(status).state(NOW + WEEK) is Status.INVALID


def test_finalizing_is_processing_until_it_fails() -> None:
    at_work = order(Status.VALID)
    at_work.finalizing = True
    assert at_work.state(NOW) is Status.PROCESSING
    at_work.error = Problem("serverInternal", "the key ceremony was interrupted")
    assert at_work.state(NOW) is Status.INVALID
    assert at_work.to_json(NOW)["error"]["type"] == "urn:ietf:params:acme:error:serverInternal"


def test_a_decided_authorization_shows_only_the_challenge_that_decided_it() -> None:
    decided = authorization(Status.INVALID)
    decided.challenges[0].status = Status.INVALID
    assert [challenge["type"] for challenge in decided.to_json(NOW)["challenges"]] == ["http-01"]
    assert len(authorization(Status.PENDING).to_json(NOW)["challenges"]) == 2
