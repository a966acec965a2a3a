"""What a probe offers when it asks for the credential of one key algorithm."""

from __future__ import annotations

import pytest
from OpenSSL import SSL

from danelaw.adapters.probe import sigalgs
from danelaw.core.model import DanelawError, KeyAlgorithm, TLSVersion


@pytest.mark.parametrize("version", [None, *TLSVersion])
def test_eddsa_keys_are_asked_for_with_nothing_that_another_key_could_answer_with(version: TLSVersion | None) -> None:
    offered = sigalgs.signature_algorithms(KeyAlgorithm.EDDSA, version)
    assert {name for name in offered if not name.startswith("rsa_pkcs1")} == {"ed25519", "ed448"}


@pytest.mark.parametrize("version", [None, *TLSVersion])
def test_ecdsa_keys_may_have_certificates_that_an_rsa_ca_signed(version: TLSVersion | None) -> None:
    """PKCS #1 in TLS 1.3 is for certificates only (RFC 8446 §4.2.3): no RSA key can answer with it."""
    offered = sigalgs.signature_algorithms(KeyAlgorithm.ECDSA, version)
    assert {name.split("_")[0] for name in offered} == {"ecdsa", "rsa"}
    assert not any("pss" in name for name in offered)


@pytest.mark.parametrize(("version", "ecdsa_too"), [(None, False), (TLSVersion.TLS13, False), (TLSVersion.TLS12, True)])
def test_rsa_keys_are_asked_for_with_no_ecdsa_where_that_could_answer(
    version: TLSVersion | None, ecdsa_too: bool
) -> None:
    offered = sigalgs.signature_algorithms(KeyAlgorithm.RSA, version)
    assert "rsa_pss_rsae_sha256" in offered
    assert any(name.startswith("ecdsa") for name in offered) is ecdsa_too


def test_an_installation_without_the_binding_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sigalgs, "lib", object())
    with pytest.raises(DanelawError) as raised:
        sigalgs.restrict(SSL.Context(SSL.TLS_CLIENT_METHOD), KeyAlgorithm.RSA, None)
    assert raised.value.code == "SIGALGS_UNSUPPORTED"
    assert "is missing" in raised.value.evidence
