"""Accounts, chains, waits and revocation: what an operator may ask of a CA, and what the CA may ask for."""

from __future__ import annotations

import json
import stat
from base64 import urlsafe_b64encode
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import dns.name
import dns.rdata
import pytest
from acme_world import WWW, World, csr_for, drive, in_world, issue, needed
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from dns.name import Name

from danelaw.adapters.clock import SystemClock
from danelaw.adapters.issue.account import AccountFiles, Known
from danelaw.adapters.issue.acme import AcmeIssuer
from danelaw.adapters.issue.registration import Binding
from danelaw.core.model import (
    ChallengeType,
    DanelawError,
    Failed,
    Issued,
    OrderState,
    Pending,
    RevocationReason,
    RRset,
    Security,
    Validated,
)

MAC_KEY = b"what the CA gave its customer 17"


def binding(folder: Path, kid: str = "customer-17", key: bytes = MAC_KEY, mode: int = 0o600) -> Binding:
    path = folder / "eab.key"
    path.write_bytes(urlsafe_b64encode(key) + b"\n")
    path.chmod(mode)
    return Binding(kid, path)


def test_a_ca_that_knows_its_customers_makes_an_account_for_one(tmp_path: Path) -> None:
    """RFC 8555 §7.3.4."""

    async def test(here: World) -> None:
        issuer = here.issuer(binding=binding(tmp_path))
        end, _ = await drive(here, lambda: issuer, OrderState((WWW,)), csr_for((WWW,)))
        assert isinstance(end, Issued), end
        (tmp_path / "eab.key").unlink()  # it was needed once
        await needed(issuer, OrderState((WWW,)), csr_for((WWW,)))
        assert here.ca.accounts == 1

    in_world(tmp_path, test, customers={"customer-17": MAC_KEY})


@pytest.mark.parametrize(
    ("kid", "key", "said"),
    [("customer-18", MAC_KEY, "no customer"), ("customer-17", b"another key", "not made with the key")],
)
def test_somebody_whom_the_ca_does_not_know_gets_no_account(tmp_path: Path, kid: str, key: bytes, said: str) -> None:
    async def test(here: World) -> None:
        end = await here.issuer(binding=binding(tmp_path, kid, key)).advance(OrderState((WWW,)), csr_for((WWW,)))
        assert isinstance(end, Failed)
        assert (end.code, said in end.detail) == ("unauthorized", True)
        assert here.ca.accounts == 0

    in_world(tmp_path, test, customers={"customer-17": MAC_KEY})


def test_without_a_binding_it_is_told_that_the_ca_wants_one(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        with pytest.raises(DanelawError) as caught:
            await here.issuer().advance(OrderState((WWW,)), csr_for((WWW,)))
        assert caught.value.code == "ACCOUNT_BINDING_REQUIRED"
        assert "binding" in caught.value.hint

    in_world(tmp_path, test, customers={"customer-17": MAC_KEY})


@pytest.mark.parametrize(
    ("content", "mode"), [(b"secret", 0o644), (b"not base64!", 0o600), (b"secre", 0o600), (b"", 0o600), (None, 0)]
)
def test_a_key_that_others_may_read_or_that_is_none_binds_nothing(
    tmp_path: Path, content: bytes | None, mode: int
) -> None:
    path = tmp_path / "eab.key"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)
    with pytest.raises(DanelawError) as caught:
        Binding("customer-17", path).secret()
    assert caught.value.code == "BINDING_UNUSABLE"
    assert content is None or content.decode() not in f"{caught.value}{caught.value.evidence}" or not content


def test_a_changed_contact_is_told_to_the_ca_once(tmp_path: Path) -> None:
    """RFC 8555 §7.3.2."""

    async def test(here: World) -> None:
        order, csr = OrderState((WWW,)), csr_for((WWW,))
        await here.issuer(contact="mailto:first@example.net").advance(order, csr)
        assert here.ca.contacts == (("mailto:first@example.net",),)
        await here.issuer(contact="mailto:second@example.net").advance(order, csr)
        assert here.ca.contacts == (("mailto:second@example.net",),)
        await here.issuer(contact=None).advance(order, csr)
        assert [*map(list, here.ca.contacts)] == [[]]
        known = json.loads((tmp_path / "account" / "urls.json").read_text())
        assert known[here.ca.url]["contact"] is None

    in_world(tmp_path, test)


def test_an_account_of_before_contacts_were_kept_is_known_and_is_told_of_its_contact(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        await here.issuer(contact=None).advance(OrderState((WWW,)), csr_for((WWW,)))
        path = tmp_path / "account" / "urls.json"
        path.write_text(json.dumps({ca: known["url"] for ca, known in json.loads(path.read_text()).items()}))
        await here.issuer().advance(OrderState((WWW,)), csr_for((WWW,)))
        assert here.ca.contacts == (("mailto:hostmaster@example.net",),)

    in_world(tmp_path, test)


def test_a_contact_that_the_ca_refuses_ends_the_order_that_would_begin(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        await here.issuer().advance(OrderState((WWW,)), csr_for((WWW,)))
        end = await here.issuer(contact="mailto:nobody").advance(OrderState((WWW,)), csr_for((WWW,)))
        assert isinstance(end, Failed)
        assert end.code == "invalidContact"

    in_world(tmp_path, test)


def rsa_account() -> bytes:
    """As certbot makes it."""
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def test_the_account_of_another_client_is_taken_over_with_its_url(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        theirs = rsa_account()
        client = here.issuer(account=tmp_path / "theirs", contact=None)
        (tmp_path / "theirs").mkdir()
        (tmp_path / "theirs" / "key.pem").write_bytes(theirs)
        await issue_with(here, client)
        url = client.account.url(here.ca.url)
        assert url is not None
        issuer = here.issuer()
        for _ in range(2):
            assert issuer.account.take(theirs, here.ca.url, url)
        assert stat.S_IMODE((tmp_path / "account" / "key.pem").stat().st_mode) == 0o600
        await issue_with(here, issuer)
        assert here.ca.accounts == 1
        assert here.ca.contacts == (("mailto:hostmaster@example.net",),)  # what is configured is told
        assert issuer.account.url(here.ca.url) == url

    in_world(tmp_path, test)


def test_an_account_that_is_there_stays(tmp_path: Path) -> None:
    files = AccountFiles(tmp_path / "account")
    own = files.key()
    files.remember("https://ca.test/dir", Known("https://ca.test/account/1"))
    assert not files.take(rsa_account(), "https://ca.test/dir", "https://ca.test/account/2")
    assert (files.key(), files.url("https://ca.test/dir")) == (own, "https://ca.test/account/1")


async def issue_with(here: World, issuer: AcmeIssuer) -> None:
    end, _ = await drive(here, lambda: issuer, OrderState((WWW,)), csr_for((WWW,)))
    assert isinstance(end, Issued), end


# -- chains -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("preferred", "root"),
    [
        (None, "Danelaw Lab Root X1"),
        ("Danelaw Lab Root X1", "Danelaw Lab Root X1"),
        ("Danelaw Lab Root X3", "Danelaw Lab Root X3"),
        ("Some Other Root", "Danelaw Lab Root X1"),
    ],
)
def test_the_chain_below_the_preferred_root_is_taken_where_there_is_one(
    tmp_path: Path, preferred: str | None, root: str
) -> None:
    """RFC 8555 §7.4.2."""

    async def test(here: World) -> None:
        issuer = here.issuer(preferred=preferred)
        end, _ = await drive(here, lambda: issuer, OrderState((WWW,)), csr_for((WWW,)))
        assert isinstance(end, Issued), end
        top = x509.load_der_x509_certificate(end.chain.ders[-1])
        assert top.issuer.rfc4514_string() == f"CN={root}"

    in_world(tmp_path, test, alternates=2)


# -- waiting ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("failed", "times"), [(0, 1), (1, 2), (3, 8)])
def test_the_wait_grows_with_the_orders_that_failed(tmp_path: Path, failed: int, times: int) -> None:
    async def test(here: World) -> None:
        here.ca.refuse("rejectedIdentifier")
        before = SystemClock().now()
        end = await here.issuer(back_off=timedelta(hours=1)).advance(OrderState((WWW,), failed=failed), csr_for((WWW,)))
        assert isinstance(end, Failed)
        assert timedelta() <= end.retry_at - before - timedelta(hours=times) < timedelta(minutes=1)

    in_world(tmp_path, test)


# -- what the zone allows ---------------------------------------------------------------------------------------------


@dataclass
class Permissions:
    """``ports.Resolver``: one CAA record at example.net."""

    text: str

    async def resolve(self, name: Name, type: int) -> Validated:
        record = dns.rdata.from_text("IN", "CAA", self.text).to_wire()
        assert record is not None
        found = (RRset(name, type, 60, frozenset({record})),) if name.to_text() == "example.net." else ()
        return Validated(name, type, Security.SECURE, found)


def test_an_account_that_is_just_made_is_none_that_a_caa_record_names(tmp_path: Path) -> None:
    """RFC 8657 §3. What it is called is told, so that the record can name it."""

    async def test(here: World) -> None:
        another = "https://ca.lab.test/account/another"
        issuer = here.issuer(resolver=Permissions(f'0 issue "ca.lab.test; accounturi={another}"'))
        for _ in range(2):
            end = await issuer.advance(OrderState((WWW,)), csr_for((WWW,)))
            assert isinstance(end, Failed)
            assert (here.ca.accounts, here.ca.orders) == (1, 0)
            known = issuer.account.url(here.ca.url)
            assert known is not None
            assert (end.code, another in end.detail, known in end.detail) == ("caa", True, True)
        named = here.issuer(resolver=Permissions(f'0 issue "ca.lab.test; accounturi={known}"'))
        assert isinstance(await named.advance(OrderState((WWW,)), csr_for((WWW,))), Pending)
        assert here.ca.orders == 1

    in_world(tmp_path, test)


def test_no_account_is_made_at_a_ca_that_is_forbidden(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        end = await here.issuer(resolver=Permissions('0 issue ";"')).advance(OrderState((WWW,)), csr_for((WWW,)))
        assert isinstance(end, Failed)
        assert here.ca.accounts == 0

    in_world(tmp_path, test)


@pytest.mark.parametrize(
    ("record", "forbidden"),
    [
        ('0 issue "ca.lab.test"', False),
        ('0 issue "ca.lab.test; validationmethods=http-01"', False),
        ('0 issue "ca.lab.test; validationmethods=dns-01"', True),
        ('0 issue "ca.lab.test; accounturi=https://ca.lab.test/account/another"', True),
        ('0 issue ";"', True),
    ],
)
def test_an_order_that_caa_records_forbid_is_never_placed(tmp_path: Path, record: str, forbidden: bool) -> None:
    """RFC 8659 §3 and §4.2, RFC 8657 §3 and §4."""

    async def test(here: World) -> None:
        await here.issuer().advance(OrderState((WWW,)), csr_for((WWW,)))  # so that there is an account
        issuer = here.issuer(resolver=Permissions(record))
        end = await issuer.advance(OrderState((WWW,)), csr_for((WWW,)))
        assert isinstance(end, Failed if forbidden else Pending), end
        assert here.ca.orders == (1 if forbidden else 2)
        if isinstance(end, Failed):
            assert (end.code, "example.net." in end.detail) == ("caa", True)

    in_world(tmp_path, test)


# -- revocation -------------------------------------------------------------------------------------------------------


def test_a_certificate_is_revoked_once_and_asking_again_is_no_error(tmp_path: Path) -> None:
    """RFC 8555 §7.6."""

    async def test(here: World) -> None:
        chain = (await issue(here, OrderState((WWW,)))).chain
        await here.issuer().revoke(chain, RevocationReason.KEY_COMPROMISE)
        assert [one.serial_number for one in here.ca.revoked] == [
            x509.load_der_x509_certificate(chain.ders[0]).serial_number
        ]
        await here.issuer().revoke(chain, RevocationReason.KEY_COMPROMISE)

    in_world(tmp_path, test)


def test_a_certificate_of_another_account_is_not_revoked_and_that_is_told(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        chain = (await issue(here, OrderState((WWW,)))).chain
        with pytest.raises(DanelawError) as caught:
            await here.issuer(account=tmp_path / "other").revoke(chain, RevocationReason.SUPERSEDED)
        assert caught.value.code == "REVOCATION_REFUSED"
        assert "unauthorized" in caught.value.evidence
        assert here.ca.revoked == ()

    in_world(tmp_path, test)


def test_a_wildcard_and_an_order_with_a_failed_count_go_through_dns_01(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        names = (dns.name.from_text("*.example.net."),)
        await issue(here, replace(OrderState(names), failed=2), ChallengeType.DNS_01)

    in_world(tmp_path, test)
