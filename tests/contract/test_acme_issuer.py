"""Getting a certificate: the ACME issuer against the lab's CA, step by step, whatever interrupts it."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from acme_world import WWW, World, csr_for, drive, in_world, issue, leaf_of, needed
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from danelaw.adapters.issue.webroot import WebrootSolver
from danelaw.core.model import (
    Challenge,
    ChallengeType,
    DanelawError,
    Issued,
    NeedChallenge,
    OrderState,
    Pending,
)

# -- getting a certificate ------------------------------------------------------------------------------------------


def test_http_01_ends_in_a_leaf_and_an_intermediate_under_the_published_root(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = here.issuer()
        end, steps = await drive(here, lambda: issuer, OrderState((WWW,)), csr_for((WWW,), key))
        assert isinstance(end, Issued), end
        assert [type(step) for step in steps[:3]] == [Pending, NeedChallenge, Pending]
        leaf, intermediate = map(x509.load_der_x509_certificate, end.chain.ders)
        root = x509.load_pem_x509_certificate(here.ca.roots.read_bytes())
        leaf.verify_directly_issued_by(intermediate)
        intermediate.verify_directly_issued_by(root)
        assert leaf.public_key() == key.public_key()
        san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert san.get_values_for_type(x509.DNSName) == ["www.example.net"]
        verifier = x509.verification.PolicyBuilder().store(x509.verification.Store([root]))
        verifier.build_server_verifier(x509.DNSName("www.example.net")).verify(leaf, [intermediate])

    in_world(tmp_path, test)


def test_the_response_is_served_while_the_ca_looks_and_only_then(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        placed: list[Challenge] = []

        async def place(challenge: Challenge) -> None:
            placed.append(challenge)
            await here.place(challenge)

        issuer = here.issuer()
        await drive(here, lambda: issuer, OrderState((WWW,)), csr_for((WWW,)), place)
        (challenge,) = placed
        path = here.webroot / ".well-known" / "acme-challenge" / challenge.token
        assert path.read_text() == challenge.response
        assert challenge.response.startswith(f"{challenge.token}.")
        await WebrootSolver(here.webroot).clear(challenge)
        assert list(path.parent.iterdir()) == []

    in_world(tmp_path, test)


def test_dns_01_proves_several_names_and_a_wildcard(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        names = (dns.name.from_text("example.net."), dns.name.from_text("*.example.net."), WWW)
        issued = await issue(here, OrderState(names), ChallengeType.DNS_01)
        san = leaf_of(issued).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert san.get_values_for_type(x509.DNSName) == ["example.net", "*.example.net", "www.example.net"]

    in_world(tmp_path, test)


def test_a_wildcard_is_not_to_be_had_by_http_01(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        names = (dns.name.from_text("*.example.net."),)
        with pytest.raises(DanelawError) as caught:
            await here.issuer().advance(OrderState(names), csr_for(names))
        assert caught.value.code == "CHALLENGE_NOT_OFFERED"
        assert "dns-01" in caught.value.hint

    in_world(tmp_path, test)


def test_half_of_all_nonces_refused_and_it_still_issues(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        await issue(here, OrderState((WWW,)))

    in_world(tmp_path, test, nonce_rejection=0.5, seed=7)


def test_a_new_process_after_every_step_finishes_the_same_order_with_the_same_account(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        end, steps = await drive(here, here.issuer, OrderState((WWW,)), csr_for((WWW,)))
        assert isinstance(end, Issued), end
        assert len({step.order.url for step in steps}) == 1
        assert (here.ca.orders, here.ca.accounts) == (1, 1)

    in_world(tmp_path, test)


def test_what_was_placed_before_a_crash_is_not_asked_for_again_and_the_rest_is(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        names = (WWW, dns.name.from_text("example.net."))
        first = await needed(here.issuer(), OrderState(names), csr_for(names))
        assert len(first.challenges) == 2
        done, left = first.challenges
        again = await here.issuer().advance(replace(first.order, placed=frozenset({done.url})), csr_for(names))
        assert isinstance(again, NeedChallenge)
        assert again.challenges == (left,)

    in_world(tmp_path, test)


def test_asking_twice_before_anything_is_placed_gives_the_same_challenges(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        first = await needed(here.issuer(), OrderState((WWW,)), csr_for((WWW,)))
        assert await here.issuer().advance(first.order, csr_for((WWW,))) == first

    in_world(tmp_path, test)


def test_an_issued_order_can_be_fetched_again(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        csr, issuer = csr_for((WWW,)), here.issuer()
        end, _ = await drive(here, lambda: issuer, OrderState((WWW,)), csr)
        assert await here.issuer().advance(end.order, csr) == end

    in_world(tmp_path, test)


# -- the account ----------------------------------------------------------------------------------------------------


def test_the_account_key_is_private_and_a_lost_url_is_found_again(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        await here.issuer().advance(OrderState((WWW,)), csr_for((WWW,)))
        account = here.tmp / "account"
        assert stat.S_IMODE((account / "key.pem").stat().st_mode) == 0o600
        assert sorted(path.name for path in account.iterdir()) == ["key.pem", "urls.json"]
        (account / "urls.json").unlink()
        await here.issuer().advance(OrderState((WWW,)), csr_for((WWW,)))
        assert here.ca.accounts == 1

    in_world(tmp_path, test)


def test_an_account_that_the_ca_lost_is_registered_anew(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        (here.tmp / "account").mkdir()
        (here.tmp / "account" / "urls.json").write_text(f'{{"{here.ca.url}": "{here.ca.url}/gone"}}')
        issuer = here.issuer()
        lost = await issuer.advance(OrderState((WWW,)), csr_for((WWW,)))
        assert isinstance(lost, Pending)
        assert lost.order.url is None
        await needed(issuer, lost.order, csr_for((WWW,)))

    in_world(tmp_path, test)
