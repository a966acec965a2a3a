"""The lab's CA as a bare client meets it: RFC 8555, RFC 9773 and profiles, refusals included."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import dns.message
import dns.rcode
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from danelaw.worlds.lab.ca import AcmeCA

JOSE = "application/jose+json"
WWW = [{"type": "dns", "value": "www.example.net"}]
AGREED = {"termsOfServiceAgreed": True}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class Client:
    """Signs by hand, so that it can also sign wrongly."""

    session: requests.Session
    directory: dict[str, Any]
    key: ec.EllipticCurvePrivateKey
    kid: str | None = None

    def nonce(self) -> str:
        return self.session.head(self.directory["newNonce"], timeout=60).headers["Replay-Nonce"]

    def jwk(self) -> dict[str, str]:
        numbers = self.key.public_key().public_numbers()
        return {"kty": "EC", "crv": "P-256", "x": b64(numbers.x.to_bytes(32)), "y": b64(numbers.y.to_bytes(32))}

    def post(
        self, to: str, payload: object = None, content_type: str = JOSE, as_key: bool = False, **protected: object
    ) -> requests.Response:
        """``payload`` None is POST-as-GET; ``as_key`` signs with jwk; ``protected`` overrides the header."""
        header: dict[str, object] = {"alg": "ES256", "nonce": self.nonce(), "url": to}
        header |= {"jwk": self.jwk()} if self.kid is None or as_key else {"kid": self.kid}
        text = b64(json.dumps(header | protected).encode())
        body = "" if payload is None else b64(json.dumps(payload).encode())
        r, s = decode_dss_signature(self.key.sign(f"{text}.{body}".encode(), ec.ECDSA(hashes.SHA256())))
        signed = {"protected": text, "payload": body, "signature": b64(r.to_bytes(32) + s.to_bytes(32))}
        return self.session.post(to, data=json.dumps(signed), headers={"Content-Type": content_type}, timeout=60)

    def register(self) -> Client:
        reply = self.post(self.directory["newAccount"], AGREED)
        assert reply.status_code == 201, reply.text
        self.kid = reply.headers["Location"]
        return self

    def order(self, **fields: object) -> requests.Response:
        return self.post(self.directory["newOrder"], {"identifiers": WWW} | fields)


def problem(reply: requests.Response) -> tuple[int, str]:
    """Status and type of a refusal, which must look like one (RFC 8555 §6.7) and bring a nonce (§6.5)."""
    assert reply.headers["Content-Type"] == "application/problem+json", reply.text
    assert reply.headers["Replay-Nonce"]
    told = reply.json()
    assert told["status"] == reply.status_code
    return reply.status_code, told["type"].removeprefix("urn:ietf:params:acme:error:")


class Refusing(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = dns.message.make_response(dns.message.from_wire(data))
        reply.set_rcode(dns.rcode.REFUSED)
        self.transport.sendto(reply.to_wire(), addr)


@asynccontextmanager
async def refusing_resolver() -> AsyncIterator[tuple[str, int]]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Refusing, local_addr=("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")
    finally:
        transport.close()


def nowhere(ip: object, port: int) -> tuple[str, int]:
    raise AssertionError(f"nobody should go to {ip}:{port}")


def against_ca(tmp: Path, test: Callable[[Client], None], **settings: Any) -> None:
    """Run a blocking test beside the CA. Its resolver refuses every question: no name here is looked at."""

    async def run() -> None:
        async with refusing_resolver() as resolver, AcmeCA(tmp, resolver, nowhere, **settings) as ca:

            def client() -> None:
                with requests.Session() as session:
                    session.trust_env = False
                    session.verify = str(ca.api_bundle)
                    directory = session.get(ca.url, timeout=60).json()
                    test(Client(session, directory, ec.generate_private_key(ec.SECP256R1())))

            await asyncio.to_thread(client)

    asyncio.run(run())


# -- the envelope ---------------------------------------------------------------------------------------------------


def test_the_directory_names_every_resource_and_the_profiles(tmp_path: Path) -> None:
    def test(client: Client) -> None:
        assert {"newNonce", "newAccount", "newOrder", "revokeCert", "keyChange", "renewalInfo", "meta"} == set(
            client.directory
        )
        assert set(client.directory["meta"]["profiles"]) == {"classic", "tlsserver", "shortlived"}
        got = client.session.get(client.directory["newNonce"], timeout=60)
        assert (got.status_code, got.headers["Cache-Control"]) == (204, "no-store")
        assert 'rel="index"' in got.headers["Link"]
        assert client.nonce() != client.nonce()

    against_ca(tmp_path, test)


def inner(client: Client, new: ec.EllipticCurvePrivateKey, account: str | None, **protected: object) -> dict[str, str]:
    """The object within a key change (RFC 8555 §7.3.5): the new key's word, without a nonce."""
    own = Client(client.session, client.directory, new)
    header = {"alg": "ES256", "url": client.directory["keyChange"], "jwk": own.jwk()} | protected
    text, body = (
        b64(json.dumps(header).encode()),
        b64(json.dumps({"account": account, "oldKey": client.jwk()}).encode()),
    )
    r, s = decode_dss_signature(new.sign(f"{text}.{body}".encode(), ec.ECDSA(hashes.SHA256())))
    return {"protected": text, "payload": body, "signature": b64(r.to_bytes(32) + s.to_bytes(32))}


def test_an_account_goes_over_to_a_new_key_and_the_old_one_signs_no_more(tmp_path: Path) -> None:
    def test(client: Client) -> None:
        client.register()
        new = ec.generate_private_key(ec.SECP256R1())
        for wrong in (
            inner(client, new, "https://127.0.0.1/account/another"),
            inner(client, new, client.kid, url=client.directory["newOrder"]),
            inner(client, new, client.kid, nonce="of no use here"),
        ):
            assert client.post(client.directory["keyChange"], wrong).status_code == 400
        taken = client.post(client.directory["keyChange"], inner(client, client.key, client.kid))
        assert problem(taken) == (409, "malformed")
        assert client.post(client.directory["keyChange"], inner(client, new, client.kid)).status_code == 200
        assert problem(client.order())[0] == 400
        client.key = new
        assert client.order().status_code == 201

    against_ca(tmp_path, test)


def test_a_nonce_is_good_once_and_only_if_the_ca_gave_it(tmp_path: Path) -> None:
    def test(client: Client) -> None:
        nonce = client.nonce()
        new_account = client.directory["newAccount"]
        assert client.post(new_account, AGREED, nonce=nonce).status_code == 201
        assert problem(client.post(new_account, AGREED, nonce=nonce)) == (400, "badNonce")
        assert problem(client.post(new_account, AGREED, nonce="bm90LW91cnM")) == (400, "badNonce")

    against_ca(tmp_path, test)


def test_refusing_every_nonce_refuses_everything(tmp_path: Path) -> None:
    def test(client: Client) -> None:
        assert problem(client.post(client.directory["newAccount"], AGREED)) == (400, "badNonce")

    against_ca(tmp_path, test, nonce_rejection=1.0)


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"url": "https://ca.example/other"}, (403, "unauthorized")),
        ({"alg": "HS256"}, (400, "badSignatureAlgorithm")),
        ({"alg": "RS256"}, (400, "badSignatureAlgorithm")),
        ({"kid": "https://ca.example/account/none"}, (400, "accountDoesNotExist")),
        ({"jwk": {"kty": "EC"}}, (400, "malformed")),
        ({"content_type": "application/json"}, (415, "malformed")),
    ],
)
def test_a_request_that_is_signed_wrongly_is_refused(
    tmp_path: Path, wrong: dict[str, Any], expected: tuple[int, str]
) -> None:
    def test(client: Client) -> None:
        client.register()
        assert problem(client.post(client.directory["newOrder"], {"identifiers": WWW}, **wrong)) == expected

    against_ca(tmp_path, test)


def test_another_key_cannot_use_an_account(tmp_path: Path) -> None:
    def test(client: Client) -> None:
        client.register()
        client.key = ec.generate_private_key(ec.SECP256R1())
        assert problem(client.order()) == (400, "malformed")

    against_ca(tmp_path, test)


def test_jwk_is_for_new_accounts_and_kid_for_the_rest(tmp_path: Path) -> None:
    def test(client: Client) -> None:
        client.register()
        assert problem(client.post(client.directory["newOrder"], {"identifiers": WWW}, as_key=True))[1] == "malformed"
        assert problem(client.post(client.directory["newAccount"], AGREED))[1] == "malformed"

    against_ca(tmp_path, test)


def test_unknown_resources_and_methods_are_malformed(tmp_path: Path) -> None:
    def test(client: Client) -> None:
        client.register()
        base = client.directory["newOrder"].removesuffix("/new-order")
        assert problem(client.post(f"{base}/order/none")) == (404, "malformed")
        assert problem(client.post(f"{base}/nothing/like/that")) == (404, "malformed")
        assert problem(client.session.get(client.directory["newOrder"], timeout=60)) == (405, "malformed")
        assert problem(client.session.get(f"{base}/renewal-info/none.none", timeout=60)) == (404, "malformed")

    against_ca(tmp_path, test)


# -- accounts -------------------------------------------------------------------------------------------------------


def test_an_account_is_found_by_its_key(tmp_path: Path) -> None:
    def test(client: Client) -> None:
        new_account = client.directory["newAccount"]
        assert problem(client.post(new_account, {"onlyReturnExisting": True})) == (400, "accountDoesNotExist")
        first = client.post(new_account, AGREED | {"contact": ["mailto:hostmaster@example.net"]})
        again = client.post(new_account, {"onlyReturnExisting": True})
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.headers["Location"] == again.headers["Location"]
        assert again.json()["contact"] == ["mailto:hostmaster@example.net"]

    against_ca(tmp_path, test)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "userActionRequired"),
        (AGREED | {"contact": ["tel:+4412345"]}, "unsupportedContact"),
        (AGREED | {"contact": ["mailto:nobody"]}, "invalidContact"),
        (AGREED | {"contact": ["mailto:a@example.net?subject=x"]}, "invalidContact"),
        (AGREED | {"contact": "mailto:a@example.net"}, "malformed"),
    ],
)
def test_an_account_needs_agreement_and_contacts_that_can_be_written_to(
    tmp_path: Path, fields: dict[str, Any], code: str
) -> None:
    def test(client: Client) -> None:
        assert problem(client.post(client.directory["newAccount"], fields))[1] == code

    against_ca(tmp_path, test)


def test_an_account_is_updated_and_once_deactivated_gets_nothing(tmp_path: Path) -> None:
    def test(client: Client) -> None:
        client.register()
        assert client.kid is not None
        updated = client.post(client.kid, {"contact": ["mailto:new@example.net"]}).json()
        assert updated["contact"] == ["mailto:new@example.net"]
        order = client.order().headers["Location"]
        assert client.post(updated["orders"]).json() == {"orders": [order]}
        assert client.post(client.kid, {"status": "deactivated"}).json()["status"] == "deactivated"
        assert problem(client.order()) == (401, "unauthorized")

    against_ca(tmp_path, test)


def test_one_account_does_not_see_anothers_resources(tmp_path: Path) -> None:
    def test(client: Client) -> None:
        client.register()
        order = client.order()
        stranger = Client(client.session, client.directory, ec.generate_private_key(ec.SECP256R1())).register()
        for url in (order.headers["Location"], *order.json()["authorizations"], order.json()["finalize"], client.kid):
            assert problem(stranger.post(str(url))) == (403, "unauthorized")

    against_ca(tmp_path, test)


# -- orders ---------------------------------------------------------------------------------------------------------


def test_a_new_order_is_pending_with_fresh_authorizations(tmp_path: Path) -> None:
    def test(client: Client) -> None:
        client.register()
        names = [{"type": "dns", "value": value} for value in ("*.example.net", "www.example.net")]
        replies = [client.order(identifiers=names, profile="shortlived") for _ in range(2)]
        first, second = (reply.json() for reply in replies)
        assert [reply.status_code for reply in replies] == [201, 201]
        assert (first["status"], first["profile"], first["identifiers"]) == ("pending", "shortlived", names)
        assert not set(first["authorizations"]) & set(second["authorizations"])
        wildcard, plain = (client.post(url).json() for url in first["authorizations"])
        assert (wildcard["identifier"]["value"], wildcard["wildcard"]) == ("example.net", True)
        assert [challenge["type"] for challenge in wildcard["challenges"]] == ["dns-01"]
        assert [challenge["type"] for challenge in plain["challenges"]] == ["http-01", "dns-01"]
        assert "wildcard" not in plain

    against_ca(tmp_path, test)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"identifiers": []}, (400, "malformed")),
        ({"identifiers": [{"type": "ip", "value": "192.0.2.1"}]}, (400, "unsupportedIdentifier")),
        ({"identifiers": [{"type": "dns", "value": "localhost"}]}, (400, "rejectedIdentifier")),
        ({"profile": "eternal"}, (400, "invalidProfile")),
        ({"profile": ["classic"]}, (400, "invalidProfile")),
        ({"notAfter": "2030-01-01T00:00:00Z"}, (400, "malformed")),
        ({"replaces": "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"}, (404, "malformed")),
        ({"replaces": 7}, (400, "malformed")),
    ],
)
def test_an_order_that_cannot_be_met_is_refused(
    tmp_path: Path, fields: dict[str, Any], expected: tuple[int, str]
) -> None:
    def test(client: Client) -> None:
        assert problem(client.register().order(**fields)) == expected

    against_ca(tmp_path, test)


def test_an_order_is_finalized_only_when_ready_and_read_only_by_post_as_get(tmp_path: Path) -> None:
    def test(client: Client) -> None:
        order = client.register().order()
        assert problem(client.post(order.json()["finalize"], {"csr": ""})) == (403, "orderNotReady")
        assert problem(client.post(order.headers["Location"], {})) == (400, "malformed")

    against_ca(tmp_path, test)


def test_a_deactivated_authorization_ends_its_order(tmp_path: Path) -> None:
    def test(client: Client) -> None:
        order = client.register().order()
        (url,) = order.json()["authorizations"]
        assert client.post(url, {"status": "deactivated"}).json()["status"] == "deactivated"
        assert client.post(order.headers["Location"]).json()["status"] == "invalid"

    against_ca(tmp_path, test)


def test_a_name_that_cannot_be_looked_up_ends_in_a_dns_problem_with_the_challenge_told(tmp_path: Path) -> None:
    def test(client: Client) -> None:
        order = client.register().order()
        (url,) = order.json()["authorizations"]
        challenge = client.post(url).json()["challenges"][0]
        reply = client.post(challenge["url"], {})
        assert reply.json()["status"] == "processing"
        assert (reply.headers["Retry-After"], reply.links["up"]["url"]) == ("1", url)
        while (shown := client.post(url).json())["status"] == "pending":
            pass
        assert shown["status"] == "invalid"
        (told,) = shown["challenges"]
        assert told["error"]["type"] == "urn:ietf:params:acme:error:dns"
        assert client.post(order.headers["Location"]).json()["status"] == "invalid"
        again = client.post(challenge["url"], {})
        assert again.json()["status"] == "invalid"

    against_ca(tmp_path, test)


# -- revocation -----------------------------------------------------------------------------------------------------


def test_a_certificate_of_another_ca_is_not_revoked(tmp_path: Path) -> None:
    def test(client: Client) -> None:
        client.register()
        foreign = x509.load_pem_x509_certificate((tmp_path / "api-root.pem").read_bytes())
        der = foreign.public_bytes(serialization.Encoding.DER)
        revoke = client.directory["revokeCert"]
        assert problem(client.post(revoke, {"certificate": b64(der)})) == (400, "malformed")
        assert problem(client.post(revoke, {"certificate": "AAAA"})) == (400, "malformed")
        assert problem(client.post(revoke, {})) == (400, "malformed")

    against_ca(tmp_path, test)
