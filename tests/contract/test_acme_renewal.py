"""Profiles, renewal information (RFC 9773), replacement and revocation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import requests
from acme import messages
from acme.errors import ConflictError
from acme_world import WWW, World, csr_for, drive, in_world, issue, leaf_of, world
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from josepy.jwk import JWKEC, JWKRSA
from josepy.util import ComparableECKey

from danelaw.adapters.clock import SystemClock
from danelaw.adapters.issue.account import AccountFiles
from danelaw.adapters.issue.ordering import NewOrder
from danelaw.adapters.issue.renewal import certificate_id
from danelaw.adapters.issue.transport import Transport
from danelaw.core.model import (
    Chain,
    Challenge,
    DanelawError,
    Failed,
    Issued,
    OrderState,
    RevocationReason,
)


@pytest.mark.parametrize(
    ("profile", "lifetime", "common_name"), [("classic", 90 * 24, "www.example.net"), ("shortlived", 160, None)]
)
def test_a_profile_decides_lifetime_and_subject(
    tmp_path: Path, profile: str, lifetime: int, common_name: str | None
) -> None:
    async def test(here: World) -> None:
        leaf = leaf_of(await issue(here, OrderState((WWW,), profile=profile)))
        # notBefore lies an hour before the issuance that the lifetime counts from
        assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == timedelta(hours=lifetime + 1)
        names = [attribute.value for attribute in leaf.subject]
        assert names == ([common_name] if common_name else [])

    in_world(tmp_path, test)


def test_an_unknown_profile_is_told_with_those_there_are(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        with pytest.raises(DanelawError) as caught:
            await here.issuer(profile="eternal").advance(OrderState((WWW,)), csr_for((WWW,)))
        assert caught.value.code == "PROFILE_UNKNOWN"
        assert "shortlived" in caught.value.evidence

    in_world(tmp_path, test)


def test_the_suggested_window_is_the_last_third_unless_the_lab_says_now(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        chain = (await issue(here, OrderState((WWW,), profile="shortlived"))).chain
        window = await here.issuer().renewal_window(chain)
        assert window is not None
        leaf = x509.load_der_x509_certificate(chain.ders[0])
        assert abs(leaf.not_valid_after_utc - window.start - timedelta(hours=160 / 3)) < timedelta(minutes=1)
        now = datetime.now(UTC)
        here.ca.window_for = lambda certificate: (now, now + timedelta(milliseconds=500))
        window = await here.issuer().renewal_window(chain)
        assert window is not None
        assert (window.start, window.end) == (now, now + timedelta(milliseconds=500))

    in_world(tmp_path, test)


def test_the_ca_tells_what_time_it_is_and_is_asked_only_when_it_has_not_lately(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        issuer, clock = here.issuer(), SystemClock()
        begun = clock.monotonic()
        said = await issuer.date(begun)
        assert said is not None
        date, heard = said
        assert abs(date - clock.now()) < timedelta(seconds=30)
        assert begun <= heard <= clock.monotonic()
        assert await issuer.date(begun) == said
        again = await issuer.date(clock.monotonic())
        assert again is not None
        assert again[1] > heard

    in_world(tmp_path, test)


def test_a_certificate_of_another_ca_has_no_window(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        (tmp_path / "other").mkdir()
        async with world(tmp_path / "other") as elsewhere:
            chain = (await issue(elsewhere, OrderState((WWW,)))).chain
        assert await here.issuer().renewal_window(chain) is None

    in_world(tmp_path, test)


def test_a_renewal_names_its_predecessor_and_a_second_one_goes_without(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        first = await issue(here, OrderState((WWW,)))
        renewal = OrderState((WWW,), replaces=first.chain)
        await issue(here, renewal)
        assert here.ca.replaced(first.chain.ders[0])
        await issue(here, renewal)  # the CA answers alreadyReplaced; the order goes without
        assert here.ca.orders == 3

    in_world(tmp_path, test)


def order_that_replaces(here: World, chain: Chain) -> int:
    """The status that a bare newOrder naming this predecessor gets, in a process of its own."""
    files = AccountFiles(here.tmp / "account")
    net = Transport(files.key(), here.ca.url, here.ca.api_bundle, 10)
    net.account = messages.RegistrationResource(uri=files.url(here.ca.url), body=messages.Registration())
    directory = net.get(here.ca.url).json()
    www = messages.Identifier(typ=messages.IDENTIFIER_FQDN, value="www.example.net")
    wish = NewOrder(identifiers=[www], replaces=certificate_id(chain))
    with suppress(ConflictError):  # acme says so of every 409
        net.post(directory["newOrder"], wish, new_nonce_url=directory["newNonce"])
    assert net.last is not None
    if net.last.status_code == 409:
        assert net.last.json()["type"] == "urn:ietf:params:acme:error:alreadyReplaced"
    return net.last.status_code


def test_a_certificate_is_replaced_by_one_order_unless_that_failed(tmp_path: Path) -> None:
    """RFC 9773 §5."""

    async def test(here: World) -> None:
        async def place(challenge: Challenge) -> None:
            """Forgets to."""

        chain = (await issue(here, OrderState((WWW,)))).chain
        issuer = here.issuer()
        failed, _ = await drive(here, lambda: issuer, OrderState((WWW,), replaces=chain), csr_for((WWW,)), place)
        assert isinstance(failed, Failed)
        assert await asyncio.to_thread(order_that_replaces, here, chain) == 201
        assert await asyncio.to_thread(order_that_replaces, here, chain) == 409

    in_world(tmp_path, test)


def test_a_predecessor_of_another_ca_does_not_stop_the_order(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        (tmp_path / "other").mkdir()
        async with world(tmp_path / "other") as elsewhere:
            foreign = (await issue(elsewhere, OrderState((WWW,)))).chain
        await issue(here, OrderState((WWW,), replaces=foreign))

    in_world(tmp_path, test)


def revoke(
    here: World, leaf: x509.Certificate, key: JWKEC | JWKRSA, account: str | None, reason: int = 0
) -> requests.Response:
    """Sign with the account (``account`` is its URL) or with the certificate's own key (RFC 8555 §7.6)."""
    net = Transport(key, here.ca.url, here.ca.api_bundle, 10)
    if account is not None:
        net.account = messages.RegistrationResource(uri=account, body=messages.Registration())
    directory = net.get(here.ca.url).json()
    wish = messages.Revocation(certificate=leaf, reason=reason)
    return net.post(directory["revokeCert"], wish, new_nonce_url=directory["newNonce"])


def test_a_certificate_is_revoked_by_its_account_and_its_window_is_past(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        issued = await issue(here, OrderState((WWW,)))
        files = AccountFiles(tmp_path / "account")
        by_account = partial(revoke, here, leaf_of(issued), files.key(), files.url(here.ca.url))
        with pytest.raises(messages.Error, match="badRevocationReason"):
            await asyncio.to_thread(by_account, reason=7)
        assert (await asyncio.to_thread(by_account, reason=1)).status_code == 200
        with pytest.raises(messages.Error, match="alreadyRevoked"):
            await asyncio.to_thread(by_account)
        window = await here.issuer().renewal_window(issued.chain)
        assert window is not None
        assert window.end < datetime.now(UTC)

    in_world(tmp_path, test)


def test_a_certificate_is_revoked_by_its_own_key_and_by_no_other(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = here.issuer()
        end, _ = await drive(here, lambda: issuer, OrderState((WWW,)), csr_for((WWW,), key))
        assert isinstance(end, Issued), end
        stranger = JWKEC(key=ComparableECKey(ec.generate_private_key(ec.SECP256R1())))
        with pytest.raises(messages.Error, match="unauthorized"):
            await asyncio.to_thread(revoke, here, leaf_of(end), stranger, None)
        own = JWKEC(key=ComparableECKey(key))
        assert (await asyncio.to_thread(revoke, here, leaf_of(end), own, None)).status_code == 200

    in_world(tmp_path, test)


KINDS = (lambda: ec.generate_private_key(ec.SECP256R1()), lambda: rsa.generate_private_key(65537, 2048))


class Kept:
    """Has one key, or none."""

    def __init__(self, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None) -> None:
        self.key = key

    async def key_of(self, chain: Chain) -> bytes | None:
        pkcs8 = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, *pkcs8) if self.key is not None else None


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("known", [True, False])
def test_what_another_account_ordered_is_revoked_by_its_own_key(
    tmp_path: Path, known: bool, make: Callable[[], ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey]
) -> None:
    """RFC 8555 §7.6. No account is made for it."""

    async def test(here: World) -> None:
        key = make()
        issuer = here.issuer()
        end, _ = await drive(here, lambda: issuer, OrderState((WWW,)), csr_for((WWW,), key))
        assert isinstance(end, Issued), end
        (tmp_path / "account").rename(tmp_path / "before")
        if known:
            await issue(here, OrderState((WWW,)))
        accounts = here.ca.accounts
        without = here.issuer(keys=Kept(None)) if known else None
        if without is not None:
            with pytest.raises(DanelawError) as told:
                await without.revoke(end.chain, RevocationReason.KEY_COMPROMISE)
            assert (told.value.code, "unauthorized" in told.value.evidence) == ("REVOCATION_REFUSED", True)
        issuer = here.issuer(keys=Kept(key))
        for _ in range(2):  # once more is no error
            await issuer.revoke(end.chain, RevocationReason.KEY_COMPROMISE)
        assert here.ca.revoked == (leaf_of(end),)
        assert here.ca.accounts == accounts

    in_world(tmp_path, test)
