"""The lab CA's JOSE: vectors of the RFCs, and what ACME forbids (RFC 8555 §6.2)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from danelaw.worlds.lab.ca.identifiers import parse_identifiers
from danelaw.worlds.lab.ca.jws import AccountKey, Signed, b64decode, b64encode
from danelaw.worlds.lab.ca.problem import Problem

# RFC 7638 §3.1
RSA_JWK = {
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjB"
    "ZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8"
    "KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_"
    "xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}
# RFC 8037 appendix A.2
ED25519_JWK = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
# RFC 7515 appendix A.3.1
EC_JWK = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}


@pytest.mark.parametrize(
    ("jwk", "thumbprint"),
    [
        (RSA_JWK, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),  # RFC 7638 §3.1
        (ED25519_JWK, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),  # RFC 8037 appendix A.3
    ],
)
def test_thumbprints_are_those_of_the_rfcs(jwk: dict[str, str], thumbprint: str) -> None:
    assert AccountKey.from_jwk(jwk).thumbprint == thumbprint


def test_an_es256_signature_of_the_rfc_verifies_and_a_changed_message_does_not() -> None:
    """RFC 7515 appendix A.3.1."""
    message = (
        b"eyJhbGciOiJFUzI1NiJ9"
        b".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    )
    signature = b64decode("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q")
    key = AccountKey.from_jwk(EC_JWK)
    key.verify("ES256", signature, message)
    with pytest.raises(Problem, match="does not verify"):
        key.verify("ES256", signature, message + b"x")


def test_an_eddsa_signature_of_the_rfc_verifies() -> None:
    """RFC 8037 appendix A.4."""
    signature = b64decode("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg")
    AccountKey.from_jwk(ED25519_JWK).verify(
        "EdDSA", signature, b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
    )


@pytest.mark.parametrize(
    "jwk",
    [
        None,
        {},
        {"kty": "oct", "k": "AAAA"},
        {"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"},
        EC_JWK | {"y": EC_JWK["x"]},  # a point that is not on the curve
        {name: value for name, value in EC_JWK.items() if name != "y"},
        {"kty": "RSA", "n": b64encode(b"\xff" * 128), "e": "AQAB"},  # 1024 bits
        ED25519_JWK | {"x": "AAAA"},
    ],
)
def test_a_key_that_is_none_or_weak_is_a_bad_public_key(jwk: object) -> None:
    with pytest.raises(Problem) as caught:
        AccountKey.from_jwk(jwk)
    assert caught.value.code == "badPublicKey"


def body(protected: dict[str, Any] | None = None, **outer: Any) -> bytes:
    header = {"alg": "ES256", "nonce": "n", "url": "https://ca/x", "kid": "https://ca/account/1"} | (protected or {})
    shown = {name: value for name, value in header.items() if value is not None}
    fields = {"protected": b64encode(json.dumps(shown).encode()), "payload": "", "signature": "AAAA"}
    return json.dumps(fields | outer).encode()


def test_a_flattened_jws_is_parsed() -> None:
    signed = Signed.from_body(body())
    assert (signed.algorithm, signed.nonce, signed.url) == ("ES256", "n", "https://ca/x")
    assert (signed.jwk, signed.kid, signed.payload) == (None, "https://ca/account/1", b"")


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"", "malformed"),
        (b"[]", "malformed"),
        (b"\xff", "malformed"),
        (b"[" * 100_000, "malformed"),
        (body(header={"kid": "x"}), "malformed"),
        (body(signatures=[]), "malformed"),
        (body(signature="AA=="), "malformed"),
        (body(payload=None), "malformed"),
        (body({"alg": "none"}), "badSignatureAlgorithm"),
        (body({"alg": "HS256"}), "badSignatureAlgorithm"),
        (body({"alg": None}), "badSignatureAlgorithm"),
        (body({"nonce": None}), "badNonce"),
        (body({"url": None}), "malformed"),
        (body({"kid": None}), "malformed"),
        (body({"jwk": EC_JWK}), "malformed"),
        (body({"kid": 7}), "malformed"),
    ],
)
def test_what_acme_forbids_in_a_jws_is_refused(sent: bytes, code: str) -> None:
    with pytest.raises(Problem) as caught:
        Signed.from_body(sent)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (None, "malformed"),
        ([], "malformed"),
        ([{"value": "example.net"}], "malformed"),
        (["example.net"], "malformed"),
        ([{"type": "dns", "value": 7}], "malformed"),
        ([{"type": "ip", "value": "192.0.2.1"}], "unsupportedIdentifier"),
        ([{"type": "dns", "value": "192.0.2.1"}], "rejectedIdentifier"),
        ([{"type": "dns", "value": "net"}], "rejectedIdentifier"),
        ([{"type": "dns", "value": "a.*.example.net"}], "rejectedIdentifier"),
        ([{"type": "dns", "value": "example.net."}], "rejectedIdentifier"),
        ([{"type": "dns", "value": "bücher.example"}], "rejectedIdentifier"),
        ([{"type": "dns", "value": "under_score.example"}], "rejectedIdentifier"),
        ([{"type": "dns", "value": "a" * 64 + ".example"}], "rejectedIdentifier"),
        ([{"type": "dns", "value": "Example.net"}, {"type": "dns", "value": "example.net"}], "malformed"),
        ([{"type": "dns", "value": f"{n}.example.net"} for n in range(26)], "malformed"),
    ],
)
def test_names_that_cannot_be_certified_are_refused(given: object, code: str) -> None:
    with pytest.raises(Problem) as caught:
        parse_identifiers(given)
    assert caught.value.code == code


def test_names_are_lower_case_and_keep_their_order() -> None:
    given = [{"type": "dns", "value": value} for value in ("*.Example.net", "xn--bcher-kva.example")]
    assert parse_identifiers(given) == ("*.example.net", "xn--bcher-kva.example")
