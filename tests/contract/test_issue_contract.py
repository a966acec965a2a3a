"""What an issuer must do, at each of three CAs that share no code: the lab's, Pebble, and Caddy's ``acme_server``."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import dns.name
import pytest
from acme import messages
from acme_world import WWW, csr_for, drive, leaf_of, needed
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from issue_benches import EVERY, LAB, PEBBLE, IssuerWorld, in_issuer_world

from danelaw.adapters.issue.account import AccountFiles, Known
from danelaw.adapters.issue.registration import Binding
from danelaw.adapters.issue.transport import Transport
from danelaw.core.model import (
    ChallengeType,
    DanelawError,
    Failed,
    Issued,
    NeedChallenge,
    OrderState,
    Pending,
    RevocationReason,
)

pytestmark = pytest.mark.slow

EXAMPLE = dns.name.from_text("example.net.")
WILD = dns.name.from_text("*.example.net.")
MAC = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"

every_ca = pytest.mark.parametrize("kind", EVERY)


async def issued(
    here: IssuerWorld,
    order: OrderState,
    challenge: ChallengeType = ChallengeType.HTTP_01,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None,
    **changes: object,
) -> Issued:
    issuer = here.issuer(challenge, **changes)
    end, _ = await drive(here, lambda: issuer, order, csr_for(order.names, key))
    assert isinstance(end, Issued), end
    return end


def names_of(leaf: x509.Certificate) -> set[str]:
    san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(san.get_values_for_type(x509.DNSName))


def at(kind: str, tmp: Path, test: Callable[[IssuerWorld], Awaitable[None]], **settings: object) -> None:
    in_issuer_world(kind, tmp, test, **settings)


# -- every CA ---------------------------------------------------------------------------------------------------------


@every_ca
def test_http_01_for_a_pair_of_keys_with_one_account_that_is_found_again(tmp_path: Path, kind: str) -> None:
    async def test(here: IssuerWorld) -> None:
        keys = (ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048))
        roots = await here.place_of.roots()
        for key in keys:
            leaf, intermediate = (
                x509.load_der_x509_certificate(der)
                for der in (await issued(here, OrderState((WWW,)), key=key)).chain.ders
            )
            assert leaf.public_key() == key.public_key()
            assert names_of(leaf) == {"www.example.net"}
            leaf.verify_directly_issued_by(intermediate)
            intermediate.verify_directly_issued_by(roots[0])
        account = tmp_path / "account"
        assert stat.S_IMODE((account / "key.pem").stat().st_mode) == 0o600
        known = (account / "urls.json").read_text()
        (account / "urls.json").unlink()  # as after a restored backup: the CA knows the key
        assert isinstance(await here.issuer().advance(OrderState((WWW,)), csr_for((WWW,))), NeedChallenge | Pending)
        again = (account / "urls.json").read_text()
        assert json.loads(again)[here.place_of.url]["url"] == json.loads(known)[here.place_of.url]["url"]

    at(kind, tmp_path, test)


@every_ca
def test_dns_01_for_a_name_and_a_wildcard(tmp_path: Path, kind: str) -> None:
    async def test(here: IssuerWorld) -> None:
        end = await issued(here, OrderState((EXAMPLE, WILD)), ChallengeType.DNS_01)
        assert names_of(leaf_of(end)) == {"example.net", "*.example.net"}

    at(kind, tmp_path, test)


@every_ca
def test_a_wildcard_is_not_to_be_had_by_http_01(tmp_path: Path, kind: str) -> None:
    async def test(here: IssuerWorld) -> None:
        with pytest.raises(DanelawError) as caught:
            await here.issuer().advance(OrderState((WILD,)), csr_for((WILD,)))
        assert caught.value.code == "CHALLENGE_NOT_OFFERED"

    at(kind, tmp_path, test)


@every_ca
def test_a_new_issuer_for_every_step_ends_in_one_order_which_can_be_fetched_again(tmp_path: Path, kind: str) -> None:
    async def test(here: IssuerWorld) -> None:
        csr = csr_for((WWW,))
        end, steps = await drive(here, here.issuer, OrderState((WWW,)), csr)
        assert isinstance(end, Issued), end
        assert len({step.order.url for step in steps}) == 1
        before_the_download = steps[-2].order
        again = await here.issuer().advance(before_the_download, csr)
        assert isinstance(again, Issued)
        assert again.chain == end.chain

    at(kind, tmp_path, test)


@every_ca
def test_a_wrong_response_ends_the_order_and_says_why(tmp_path: Path, kind: str) -> None:
    async def test(here: IssuerWorld) -> None:
        async def place(challenge: object) -> None:
            """Forgets to."""

        issuer = here.issuer()
        end, _ = await drive(here, lambda: issuer, OrderState((WWW,)), csr_for((WWW,)), place)
        assert isinstance(end, Failed)
        assert end.code in ("unauthorized", "connection", "incorrectResponse", "rejectedIdentifier"), end
        assert end.detail

    at(kind, tmp_path, test)


@every_ca
def test_a_certificate_is_revoked_and_once_more_is_no_error(tmp_path: Path, kind: str) -> None:
    async def test(here: IssuerWorld) -> None:
        chain = (await issued(here, OrderState((WWW,)))).chain
        issuer = here.issuer()
        await issuer.revoke(chain, RevocationReason.SUPERSEDED)
        await issuer.revoke(chain, RevocationReason.SUPERSEDED)

    at(kind, tmp_path, test)


@every_ca
def test_a_new_contact_is_told(tmp_path: Path, kind: str) -> None:
    async def test(here: IssuerWorld) -> None:
        for contact in ("mailto:one@example.net", "mailto:two@example.net"):
            issuer = here.issuer(contact=contact)
            await needed(issuer, OrderState((WWW,)), csr_for((WWW,)))
            known = issuer.account.known(here.place_of.url)
            assert known is not None
            assert known.contact == contact

    at(kind, tmp_path, test)


# -- what Pebble can be told to do ------------------------------------------------------------------------------------


@pytest.mark.parametrize("percent", [50, 80])
def test_nonces_refused_again_and_again_and_it_still_issues(tmp_path: Path, percent: int) -> None:
    async def test(here: IssuerWorld) -> None:
        await issued(here, OrderState((WWW,)))

    at(PEBBLE, tmp_path, test, environment={"PEBBLE_WFE_NONCEREJECT": str(percent)})


def test_while_the_ca_validates_each_step_returns_with_the_time_to_come_back(tmp_path: Path) -> None:
    async def test(here: IssuerWorld) -> None:
        _, steps = await drive(here, here.issuer, OrderState((WWW,)), csr_for((WWW,)))
        assert isinstance(steps[-1], Issued)
        assert len([step for step in steps if isinstance(step, Pending)]) >= 2

    at(PEBBLE, tmp_path, test, environment={"PEBBLE_VA_NOSLEEP": "0", "PEBBLE_VA_SLEEPTIME": "1"})


def test_an_authorization_that_the_ca_uses_again_needs_no_challenge(tmp_path: Path) -> None:
    async def test(here: IssuerWorld) -> None:
        await issued(here, OrderState((WWW,)))
        _, steps = await drive(here, here.issuer, OrderState((WWW,)), csr_for((WWW,)))
        assert isinstance(steps[-1], Issued)
        assert not [step for step in steps if isinstance(step, NeedChallenge)]

    at(PEBBLE, tmp_path, test, environment={"PEBBLE_AUTHZREUSE": "100"})


def test_the_chain_below_the_preferred_root_is_taken_whatever_its_length(tmp_path: Path) -> None:
    async def test(here: IssuerWorld) -> None:
        roots = await here.place_of.roots()
        assert len(roots) == 3
        for root in roots:
            name = str(root.subject.rfc4514_string()).removeprefix("CN=")
            end = await issued(here, OrderState((WWW,)), preferred=name)
            chain = [x509.load_der_x509_certificate(der) for der in end.chain.ders]
            assert len(chain) == 4
            chain[-1].verify_directly_issued_by(root)

    at(PEBBLE, tmp_path, test, environment={"PEBBLE_ALTERNATE_ROOTS": "2", "PEBBLE_CHAIN_LENGTH": "3"})


def binding(folder: Path, kid: str, key: str) -> Binding:
    path = folder / "eab.key"
    path.touch(0o600)
    path.write_text(key)
    return Binding(kid, path)


def test_a_customer_of_the_ca_gets_an_account(tmp_path: Path) -> None:
    """RFC 8555 §7.3.4."""

    async def test(here: IssuerWorld) -> None:
        await issued(here, OrderState((WWW,)), binding=binding(tmp_path, "kid-1", MAC))

    at(PEBBLE, tmp_path, test, customers={"kid-1": MAC})


@pytest.mark.parametrize(("kid", "key"), [("kid-2", MAC), ("kid-1", MAC[::-1])])
def test_a_binding_that_the_ca_does_not_take_is_told_with_what_to_look_at(tmp_path: Path, kid: str, key: str) -> None:
    async def test(here: IssuerWorld) -> None:
        issuer = here.issuer(binding=binding(tmp_path, kid, key))
        end = await issuer.advance(OrderState((WWW,)), csr_for((WWW,)))
        assert isinstance(end, Failed), end
        assert kid in end.detail
        assert "key_file" in end.detail
        assert key not in end.detail

    at(PEBBLE, tmp_path, test, customers={"kid-1": MAC})


def test_of_two_keys_that_got_one_order_the_second_has_another_at_once(tmp_path: Path) -> None:
    """Boulder gives who orders the same names again the order that is not finalized yet; it is for one key only."""

    async def test(here: IssuerWorld) -> None:
        assert here.ca is not None
        here.ca.hand_out_again()
        issuer, keys = here.issuer(), [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
        first, second = (csr_for((WWW,), key) for key in keys)

        async def shared(failed: int) -> Failed:
            begun = [await issuer.advance(OrderState((WWW,), failed=failed), csr) for csr in (first, second)]
            assert begun[0].order.url == begun[1].order.url
            end, _ = await drive(here, lambda: issuer, begun[0].order, first)
            assert isinstance(end, Issued), end
            late, _ = await drive(here, lambda: issuer, begun[1].order, second)
            assert isinstance(late, Failed), late
            return late

        assert (await shared(0)).retry_at <= issuer._clock.now()
        assert (await shared(1)).retry_at > issuer._clock.now()  # whatever it is, it is not asked for on and on
        end, _ = await drive(here, lambda: issuer, OrderState((WWW,), failed=1), second)
        assert isinstance(end, Issued), end
        assert leaf_of(end).public_key() == keys[1].public_key()

    at(LAB, tmp_path, test)


# -- a CA that begins anew --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [LAB, PEBBLE])
def test_a_ca_that_lost_everything_gets_a_new_account_and_the_order_is_begun_again(tmp_path: Path, kind: str) -> None:
    async def test(here: IssuerWorld) -> None:
        issuer = here.issuer()
        first = await issuer.advance(OrderState((WWW,)), csr_for((WWW,)))
        url = issuer.account.url(here.place_of.url)
        assert url is not None
        files = issuer.account
        files.remember(here.place_of.url, Known(f"{url}0"))  # one that the CA does not know
        lost = await issuer.advance(first.order, csr_for((WWW,)))
        assert isinstance(lost, Failed), lost
        assert lost.code == "accountDoesNotExist"
        assert "a new one is made" in lost.detail
        assert lost.retry_at <= issuer._clock.now()
        await issued(here, OrderState((WWW,), failed=1))

    at(kind, tmp_path, test)


@pytest.mark.parametrize("kind", [LAB, PEBBLE])
def test_an_account_that_was_deactivated_is_told_with_what_to_do_and_what_that_is_helps(
    tmp_path: Path, kind: str
) -> None:
    async def test(here: IssuerWorld) -> None:
        issuer = here.issuer()
        begun = await issuer.advance(OrderState((WWW,)), csr_for((WWW,)))
        await asyncio.to_thread(deactivate, here, issuer.account)
        for order in (OrderState((WWW,)), begun.order):
            end = await issuer.advance(order, csr_for((WWW,)))
            assert isinstance(end, Failed), end
            assert (end.code, f"{issuer.account.directory} moved away" in end.detail) == ("unauthorized", True)
        issuer.account.directory.rename(tmp_path / "before")
        await issued(here, OrderState((WWW,)))

    at(kind, tmp_path, test)


def deactivate(here: IssuerWorld, files: AccountFiles) -> None:
    """RFC 8555 §7.3.6."""
    net = Transport(files.key(), here.place_of.url, here.place_of.bundle, 60)
    url = files.url(here.place_of.url)
    net.account = messages.RegistrationResource(uri=url, body=messages.Registration())
    wish = messages.UpdateRegistration(status="deactivated")
    net.post(url, wish, new_nonce_url=net.get(here.place_of.url).json()["newNonce"])
