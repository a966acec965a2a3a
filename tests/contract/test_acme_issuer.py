"""The ACME issuer against the lab's CA: HTTPS, DNS and HTTP over real sockets on loopback."""

from __future__ import annotations

import asyncio
import stat
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
import requests
from acme import messages
from acme.errors import ConflictError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from dns.name import Name
from josepy.jwk import JWKEC
from josepy.util import ComparableECKey

from danelaw.adapters.clock import SystemClock, ThreadBlocking
from danelaw.adapters.issue.account import AccountFiles
from danelaw.adapters.issue.acme import AcmeIssuer, NewOrder
from danelaw.adapters.issue.renewal import certificate_id
from danelaw.adapters.issue.transport import Transport
from danelaw.adapters.issue.webroot import WebrootSolver
from danelaw.core.model import (
    IP,
    Advance,
    Chain,
    Challenge,
    ChallengeType,
    DanelawError,
    Failed,
    Issued,
    NeedChallenge,
    OrderState,
    Pending,
)
from danelaw.worlds.lab.ca import AcmeCA

WWW = dns.name.from_text("www.example.net.")
WEB = "192.0.2.80"
MOST_STEPS = 2000


class StubDNS(asyncio.DatagramProtocol):
    """Answers from a table of (name, type); NODATA for a known name, NXDOMAIN for others."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[str]] = {}
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        asked = query.question[0]
        name, kind = asked.name.to_text().lower(), dns.rdatatype.to_text(asked.rdtype)
        reply = dns.message.make_response(query)
        found = self.records.get((name, kind), [])
        if found:
            reply.answer.append(dns.rrset.from_text(asked.name, 60, "IN", kind, *found))
        elif not any(known == name for known, _ in self.records):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        assert self.transport is not None
        self.transport.sendto(reply.to_wire(), addr)


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """A test's server has nothing to say."""


@dataclass
class World:
    """A CA, a name server and a web server whose root is ``webroot``; ``WEB`` is the web server's address."""

    tmp: Path
    ca: AcmeCA
    dns: StubDNS
    webroot: Path
    hosts: dict[str, int] = field(default_factory=dict)

    def issuer(self, challenge: ChallengeType = ChallengeType.HTTP_01, **changes: object) -> AcmeIssuer:
        settings: dict[str, object] = {
            "directory": self.ca.url,
            "contact": "mailto:hostmaster@example.net",
            "account": self.tmp / "account",
            "bundle": self.ca.api_bundle,
            "challenge": challenge,
            "profile": None,
            "blocking": ThreadBlocking(),
            "clock": SystemClock(),
        }
        return AcmeIssuer(**(settings | changes))  # type: ignore[arg-type] # settings of many types, checked at run time

    async def place(self, challenge: Challenge) -> None:
        if challenge.type is ChallengeType.HTTP_01:
            await WebrootSolver(self.webroot).place(challenge)
        else:
            owner = f"_acme-challenge.{challenge.identifier.to_text()}"
            self.dns.records.setdefault((owner, "TXT"), []).append(f'"{challenge.response}"')


@asynccontextmanager
async def world(tmp: Path, **ca_settings: object) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        loop = asyncio.get_running_loop()
        transport, stub = await loop.create_datagram_endpoint(StubDNS, local_addr=("127.0.0.1", 0))
        stack.callback(transport.close)
        resolver = transport.get_extra_info("sockname")
        webroot = tmp / "www"
        webroot.mkdir()
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(webroot)))
        stack.callback(server.server_close)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        stack.callback(server.shutdown)
        hosts = {WEB: server.server_address[1]}

        def locate(ip: IP, port: int) -> tuple[str, int]:
            if port != 80 or str(ip) not in hosts:
                raise DanelawError("NOT_IN_THIS_WORLD", f"{ip}:{port}")
            return "127.0.0.1", hosts[str(ip)]

        settings: dict[str, object] = {"retry_after": 0} | ca_settings
        ca = await stack.enter_async_context(AcmeCA(tmp / "ca", resolver, locate, **settings))  # type: ignore[arg-type] # as above
        stub.records["www.example.net.", "A"] = [WEB]
        yield World(tmp, ca, stub, webroot, hosts)


def in_world(tmp: Path, test: Callable[[World], object], **ca_settings: object) -> None:
    async def run() -> None:
        async with world(tmp, **ca_settings) as here:
            await test(here)  # type: ignore[misc] # every test here is a coroutine function

    asyncio.run(run())


def csr_for(names: tuple[Name, ...], key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None) -> bytes:
    texts = [x509.DNSName(name.to_text(omit_final_dot=True)) for name in names]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    builder = builder.add_extension(x509.SubjectAlternativeName(texts), critical=False)
    return builder.sign(key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()).public_bytes(
        serialization.Encoding.DER
    )


async def drive(
    here: World,
    issuer: Callable[[], AcmeIssuer],
    order: OrderState,
    csr: bytes,
    place: Callable[[Challenge], object] | None = None,
) -> tuple[Advance, list[Advance]]:
    """Advance until it is over, placing what is asked for; the steps as they came."""
    steps: list[Advance] = []
    for _ in range(MOST_STEPS):
        step = await issuer().advance(order, csr)
        steps.append(step)
        order = step.order
        match step:
            case NeedChallenge(challenges=challenges):
                for challenge in challenges:
                    await (place or here.place)(challenge)  # type: ignore[misc] # a coroutine function
                order = replace(order, placed=order.placed | {challenge.url for challenge in challenges})
            case Issued() | Failed():
                return step, steps
    raise AssertionError(f"not over after {MOST_STEPS} steps: {steps[-1]}")


async def issue(here: World, order: OrderState, challenge: ChallengeType = ChallengeType.HTTP_01) -> Issued:
    csr = csr_for(order.names)
    issuer = here.issuer(challenge)
    end, _ = await drive(here, lambda: issuer, order, csr)
    assert isinstance(end, Issued), end
    return end


def leaf_of(issued: Issued) -> x509.Certificate:
    return x509.load_der_x509_certificate(issued.chain.ders[0])


# -- getting a certificate ------------------------------------------------------------------------------------------


def test_http_01_ends_in_a_leaf_and_an_intermediate_under_the_published_root(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = here.issuer()
        end, steps = await drive(here, lambda: issuer, OrderState((WWW,)), csr_for((WWW,), key))
        assert isinstance(end, Issued), end
        assert [type(step) for step in steps[:2]] == [NeedChallenge, Pending]
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
        first = await here.issuer().advance(OrderState(names), csr_for(names))
        assert isinstance(first, NeedChallenge)
        assert len(first.challenges) == 2
        done, left = first.challenges
        again = await here.issuer().advance(replace(first.order, placed=frozenset({done.url})), csr_for(names))
        assert isinstance(again, NeedChallenge)
        assert again.challenges == (left,)

    in_world(tmp_path, test)


def test_asking_twice_before_anything_is_placed_gives_the_same_challenges(tmp_path: Path) -> None:
    async def test(here: World) -> None:
        first = await here.issuer().advance(OrderState((WWW,)), csr_for((WWW,)))
        assert isinstance(first, NeedChallenge)
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
        assert isinstance(await issuer.advance(OrderState((WWW,)), csr_for((WWW,))), Pending)
        assert isinstance(await issuer.advance(OrderState((WWW,)), csr_for((WWW,))), NeedChallenge)

    in_world(tmp_path, test)


# -- what goes wrong ------------------------------------------------------------------------------------------------


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
        assert isinstance(await here.issuer().advance(step.order, csr_for((WWW,))), NeedChallenge)

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
        assert loop.time() - begun < 1.0

    in_world(tmp_path, test)


# -- profiles and renewal -------------------------------------------------------------------------------------------


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


def revoke(here: World, leaf: x509.Certificate, key: JWKEC, account: str | None, reason: int = 0) -> requests.Response:
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
