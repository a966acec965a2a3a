"""What goes wrong between issuer and CA, and what is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from acme_world import WEB, WWW, World, csr_for, drive, in_world, issue, needed
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from danelaw.adapters.issue.account import AccountFiles
from danelaw.core.model import (
    Challenge,
    ChallengeType,
    DanelawError,
    Failed,
    OrderState,
    Pending,
)


def test_a_wrong_response_fails_the_order_as_unauthorized_and_says_what_was_found(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        async def place(challenge: Challenge) -> None:
            await here.place(replace(challenge, response="something else"))

        issuer = here.issuer()
        before = datetime.now(UTC)
        end, _ = await drive(here, lambda: issuer, OrderState((WWW,)), csr_for((WWW,)), place)
        assert isinstance(end, Failed)
        assert end.code == "unauthorized"
        assert "something else" in end.detail
        assert end.retry_at - before >= timedelta(minutes=15)

    in_world(tmp_path, test)


@pytest.mark.parametrize(
    ("name", "records", "challenge", "code"),
    [
        ("no-such.example.net.", {}, ChallengeType.HTTP_01, "dns"),
        ("no-address.example.net.", {"TXT": ['"x"']}, ChallengeType.HTTP_01, "dns"),
        ("elsewhere.example.net.", {"A": ["192.0.2.99"]}, ChallengeType.HTTP_01, "connection"),
        ("no-file.example.net.", {"A": [WEB]}, ChallengeType.HTTP_01, "unauthorized"),
        ("no-txt.example.net.", {}, ChallengeType.DNS_01, "dns"),
    ],
)
def test_the_ca_sees_the_world_as_it_is(
    tmp_path: Path, name: str, records: Mapping[str, list[str]], challenge: ChallengeType, code: str
) -> None:
    async def test(here: World) -> None:
        here.dns.records.update({(name, kind): values for kind, values in records.items()})
        names = (dns.name.from_text(name),)

        async def place(challenge: Challenge) -> None:
            """Forgets to."""

        issuer = here.issuer(challenge)
        end, _ = await drive(here, lambda: issuer, OrderState(names), csr_for(names), place)
        assert isinstance(end, Failed)
        assert end.code == code, end

    in_world(tmp_path, test)


def test_a_wrong_txt_record_fails_and_a_right_one_beside_it_does_not(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        here.dns.records["_acme-challenge.www.example.net.", "TXT"] = ['"of an older order"']

        async def place(challenge: Challenge) -> None:
            """Forgets to."""

        issuer = here.issuer(ChallengeType.DNS_01)
        end, _ = await drive(here, lambda: issuer, OrderState((WWW,)), csr_for((WWW,)), place)
        assert isinstance(end, Failed)
        assert (end.code, "of an older order" in end.detail) == ("unauthorized", True)
        await issue(here, OrderState((WWW,)), ChallengeType.DNS_01)

    in_world(tmp_path, test)


def test_a_dead_first_address_does_not_stop_the_ca(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        here.dns.records["www.example.net.", "AAAA"] = ["2001:db8::99"]
        await issue(here, OrderState((WWW,)))

    in_world(tmp_path, test)


def test_a_csr_for_other_names_is_refused(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        issuer = here.issuer()
        csr = csr_for((dns.name.from_text("other.example.net."),))
        end, _ = await drive(here, lambda: issuer, OrderState((WWW,)), csr)
        assert isinstance(end, Failed)
        assert end.code == "badCSR"

    in_world(tmp_path, test)


def test_a_csr_that_nobody_signed_is_refused(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        issuer = here.issuer()
        csr = csr_for((WWW,))
        end, _ = await drive(here, lambda: issuer, OrderState((WWW,)), csr[:-1] + bytes([csr[-1] ^ 1]))
        assert isinstance(end, Failed)
        assert (end.code, "signature" in end.detail) == ("badCSR", True)

    in_world(tmp_path, test)


def test_the_account_key_cannot_be_certified(tmp_path: Path) -> None:
    """RFC 8555 §11.1."""

    async def test(here: World) -> None:
        pem = (
            AccountFiles(tmp_path / "account")
            .key()
            .key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        key = serialization.load_pem_private_key(pem, password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        issuer = here.issuer()
        end, _ = await drive(here, lambda: issuer, OrderState((WWW,)), csr_for((WWW,), key))
        assert isinstance(end, Failed)
        assert (end.code, "account" in end.detail) == ("badCSR", True)

    in_world(tmp_path, test)


def test_a_weak_key_is_refused(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        issuer = here.issuer()
        weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - the CA must refuse it
        end, _ = await drive(here, lambda: issuer, OrderState((WWW,)), csr_for((WWW,), weak))
        assert isinstance(end, Failed)
        assert (end.code, "1024" in end.detail) == ("badCSR", True)

    in_world(tmp_path, test)


def test_a_certificate_for_another_key_is_not_accepted(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        issued = await issue(here, OrderState((WWW,)))
        end = await here.issuer().advance(issued.order, csr_for((WWW,)))
        assert isinstance(end, Failed)
        assert "its key is not the request's" in end.detail

    in_world(tmp_path, test)


def test_an_order_that_the_ca_does_not_know_is_over(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        lost = OrderState((WWW,), url=here.ca.url.replace("/directory", "/order/lost"))
        end = await here.issuer().advance(lost, csr_for((WWW,)))
        assert isinstance(end, Failed)
        assert end.code == "malformed"

    in_world(tmp_path, test)


def test_a_rate_limit_says_when_to_come_back(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        here.ca.refuse("rateLimited", "too many certificates for this set of names", retry_after=3600)
        before = datetime.now(UTC)
        end = await here.issuer().advance(OrderState((WWW,)), csr_for((WWW,)))
        assert isinstance(end, Failed)
        assert end.code == "rateLimited"
        assert timedelta(minutes=59) < end.retry_at - before < timedelta(minutes=61)

    in_world(tmp_path, test)


def test_a_server_error_is_waited_out(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        here.ca.refuse("serverInternal", retry_after=30)
        before = datetime.now(UTC)
        step = await here.issuer().advance(OrderState((WWW,)), csr_for((WWW,)))
        assert isinstance(step, Pending)
        assert step.order.url is None
        assert timedelta(seconds=29) < step.until - before < timedelta(seconds=40)
        await needed(here.issuer(), step.order, csr_for((WWW,)))

    in_world(tmp_path, test)


def test_an_unreachable_ca_is_told_with_a_hint(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        gone = here.issuer(directory="https://127.0.0.1:1/directory")
        with pytest.raises(DanelawError) as caught:
            await gone.advance(OrderState((WWW,)), csr_for((WWW,)))
        assert caught.value.code == "CA_UNREACHABLE"
        assert caught.value.hint

    in_world(tmp_path, test)


def test_a_ca_whose_https_certificate_is_not_trusted_is_not_spoken_to(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        stranger = here.issuer(bundle=here.ca.roots)
        with pytest.raises(DanelawError) as caught:
            await stranger.advance(OrderState((WWW,)), csr_for((WWW,)))
        assert caught.value.code == "CA_UNREACHABLE"
        assert "certificate verify failed" in caught.value.evidence

    in_world(tmp_path, test)


def test_a_bundle_that_is_not_there_is_told_as_what_to_mend(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        with pytest.raises(DanelawError) as caught:
            await here.issuer(bundle=tmp_path / "none.pem").advance(OrderState((WWW,)), csr_for((WWW,)))
        assert caught.value.code == "CA_UNREACHABLE"
        assert "none.pem" in caught.value.evidence
        assert "bundle" in caught.value.hint

    in_world(tmp_path, test)


def test_something_that_is_no_acme_server_is_told_apart(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        (here.webroot / "directory").write_text("<html>")
        port = here.hosts[WEB]
        wrong = here.issuer(directory=f"http://127.0.0.1:{port}/directory")
        with pytest.raises(DanelawError) as caught:
            await wrong.advance(OrderState((WWW,)), csr_for((WWW,)))
        assert caught.value.code == "CA_MALFORMED"

    in_world(tmp_path, test)


def test_cancelling_a_step_against_a_hanging_ca_returns_at_once(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        here.ca.hang = True
        loop = asyncio.get_running_loop()
        step = loop.create_task(here.issuer().advance(OrderState((WWW,)), csr_for((WWW,))))
        await here.ca.hanging.wait()
        begun = loop.time()
        step.cancel()
        with pytest.raises(asyncio.CancelledError):
            await step
        assert loop.time() - begun < 10  # nobody else would have ended it

    in_world(tmp_path, test)
