"""The parts of the ACME issuer that need no CA: identifiers, windows, waits, files, checks of what came."""

from __future__ import annotations

import asyncio
import os
import stat
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.name
import pytest
import requests
from acme import messages
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID
from josepy.jwk import JWKEC
from josepy.util import ComparableECKey

from danelaw.adapters.issue.account import AccountFiles, Known
from danelaw.adapters.issue.received import read_chain, unlike
from danelaw.adapters.issue.renewal import certificate_id, window_from_json
from danelaw.adapters.issue.transport import Transport, retry_after
from danelaw.adapters.issue.webroot import WebrootSolver
from danelaw.core.model import Chain, Challenge, ChallengeType, DanelawError, Window
from danelaw.worlds.lab.ca.resources import certificate_id as certificate_id_of_the_ca

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
KEY = ec.generate_private_key(ec.SECP256R1())
ROOT_KEY = ec.generate_private_key(ec.SECP256R1())


def certificate(
    *names: str,
    key: ec.EllipticCurvePrivateKey = KEY,
    subject: str = "leaf",
    issuer: str = "root",
    signer: ec.EllipticCurvePrivateKey = ROOT_KEY,
    serial: int = 1,
    authority: bytes | None = None,
) -> x509.Certificate:
    def common_name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    builder = (
        x509.CertificateBuilder()
        .subject_name(common_name(subject))
        .issuer_name(common_name(issuer))
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
    )
    if names:
        san = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(san, critical=False)
    if authority is not None:
        builder = builder.add_extension(x509.AuthorityKeyIdentifier(authority, None, None), critical=False)
    return builder.sign(signer, hashes.SHA256())


def chain_of(*certificates: x509.Certificate) -> Chain:
    return Chain(tuple(c.public_bytes(serialization.Encoding.DER) for c in certificates))


# -- renewal information (RFC 9773) ---------------------------------------------------------------------------------


def test_the_identifier_of_a_certificate_is_that_of_the_rfc() -> None:
    """RFC 9773 §4.1: its example's key identifier and serial, whose top bit is set."""
    authority = bytes.fromhex("69885B6B87464041E1B37B847BA0AE2CDE01C8D4")
    example = certificate(serial=0x87654321, authority=authority)
    assert certificate_id(chain_of(example)) == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"
    assert certificate_id_of_the_ca(example) == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"


def test_a_certificate_without_authority_key_identifier_has_no_identifier() -> None:
    assert certificate_id(chain_of(certificate())) is None


@pytest.mark.parametrize(
    ("told", "window"),
    [
        (
            # RFC 9773 §4.2, its example
            {
                "suggestedWindow": {"start": "2025-01-02T04:00:00Z", "end": "2025-01-03T04:00:00Z"},
                "explanationURL": "https://acme.example.com/docs/ari",
            },
            Window(datetime(2025, 1, 2, 4, tzinfo=UTC), datetime(2025, 1, 3, 4, tzinfo=UTC)),
        ),
        ({"suggestedWindow": {"start": "2025-01-03T04:00:00Z", "end": "2025-01-02T04:00:00Z"}}, None),
        ({"suggestedWindow": {"start": "2025-01-02T04:00:00Z", "end": "2025-01-02T04:00:00Z"}}, None),
        ({"suggestedWindow": {"start": "2025-01-02T04:00:00", "end": "2025-01-03T04:00:00"}}, None),
        ({"suggestedWindow": {"start": "soon", "end": "later"}}, None),
        ({"suggestedWindow": {"start": 1, "end": 2}}, None),
        ({"suggestedWindow": None}, None),
        ({}, None),
        ([], None),
    ],
)
def test_a_suggested_window_has_a_zone_and_an_end_after_its_start(told: object, window: Window | None) -> None:
    assert window_from_json(told) == window


# -- waiting --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        (None, MINUTE),
        ("120", 2 * MINUTE),
        (" 0 ", timedelta()),
        ("Mon, 23 Nov 2026 12:05:00 GMT", 5 * MINUTE),
        ("Mon, 23 Nov 2026 13:05:00 +0100", 5 * MINUTE),
        ("Mon, 23 Nov 2026 11:00:00 GMT", timedelta()),
        ("soon", MINUTE),
        ("-5", MINUTE),
        ("99999999999999999999", timedelta(days=1)),
        ("9" * 5000, timedelta(days=1)),
        ("Mon, 23 Nov 2099 12:00:00 GMT", timedelta(days=1)),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_no_longer_than_a_day(header: str | None, wait: timedelta) -> None:
    """RFC 9110 §10.2.3; the bound is ours."""
    assert retry_after(header, NOW, MINUTE) == wait


class NoncesRefused(Transport):
    """The CA refuses this many nonces, then answers."""

    def __init__(self, refused: int) -> None:
        super().__init__(JWKEC(key=ComparableECKey(KEY)), "https://127.0.0.1/directory", None, 1)
        self.refused = refused
        self.tries = 0

    def _post_once(self, *args: object, **kwargs: object) -> requests.Response:
        self.tries += 1
        if self.tries <= self.refused:
            raise messages.Error.with_code("badNonce")
        return requests.Response()


@pytest.mark.parametrize(("refused", "gives_up"), [(0, False), (1, False), (5, False), (6, True)])
def test_a_refused_nonce_is_tried_six_times(refused: int, gives_up: bool) -> None:
    transport = NoncesRefused(refused)
    with pytest.raises(messages.Error) if gives_up else nullcontext():
        transport.post("https://127.0.0.1/new-order", None)
    assert transport.tries == min(refused + 1, 6)


@pytest.mark.parametrize(
    ("directory", "proxies"),
    [
        ("https://acme.example/directory", True),
        ("https://127.0.0.1:14000/directory", False),
        ("https://[::1]:14000/directory", False),
        ("https://localhost/directory", False),
    ],
)
def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(directory: str, proxies: bool) -> None:
    assert Transport(JWKEC(key=ComparableECKey(KEY)), directory, None, 1).session.trust_env is proxies


# -- what came, against what was asked ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chain", "wrong"),
    [
        ([certificate("www.example.net")], None),
        ([certificate("WWW.example.NET")], None),
        ([certificate("www.example.net"), certificate(subject="root", key=ROOT_KEY)], None),
        ([certificate("www.example.net", key=ROOT_KEY)], "key"),
        ([certificate("www.example.org")], "is for www.example.org"),
        ([certificate("www.example.net", "example.net")], "is for example.net, www.example.net"),
        ([certificate()], "no names"),
        ([certificate("www.example.net"), certificate(subject="root", key=KEY)], "not issued by"),
        ([certificate("www.example.net"), certificate(subject="other", key=ROOT_KEY)], "not issued by"),
    ],
)
def test_a_certificate_must_have_our_key_our_names_and_a_chain_that_links(
    chain: list[x509.Certificate], wrong: str | None
) -> None:
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(KEY, hashes.SHA256())
    found = unlike(chain, csr, (dns.name.from_text("www.Example.net."),))
    assert found is None if wrong is None else wrong in str(found)


LEAF_PEM = certificate("www.example.net").public_bytes(serialization.Encoding.PEM)
KEY_PEM = KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def test_a_chain_is_read_in_its_order() -> None:
    root = certificate(subject="root", key=ROOT_KEY)
    pem = LEAF_PEM + b"\n" + root.public_bytes(serialization.Encoding.PEM)
    assert read_chain(pem) == [x509.load_pem_x509_certificate(LEAF_PEM), root]


@pytest.mark.parametrize("pem", [b"", b"<html>", LEAF_PEM + KEY_PEM, KEY_PEM + LEAF_PEM, LEAF_PEM[:-40]])
def test_a_chain_with_anything_but_certificates_in_it_is_rejected_whole(pem: bytes) -> None:
    """RFC 8555 §11.4: a CA could slip in a key of its choosing."""
    with pytest.raises(ValueError, match=r"\w"):
        read_chain(pem)


# -- files ----------------------------------------------------------------------------------------------------------


PUBLISHED = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"  # the token in RFC 8555 §8.3's example


def challenge(token: str = PUBLISHED, type: ChallengeType = ChallengeType.HTTP_01) -> Challenge:
    return Challenge("https://ca/chall/1", type, dns.name.from_text("example.net."), token, f"{token}.thumbprint")


def test_a_response_is_a_world_readable_file_and_goes_alone(tmp_path: Path) -> None:
    solver = WebrootSolver(tmp_path)
    asyncio.run(solver.place(challenge()))
    asyncio.run(solver.place(challenge("other")))
    folder = tmp_path / ".well-known" / "acme-challenge"
    path = folder / challenge().token
    assert path.read_bytes() == challenge().response.encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    asyncio.run(solver.clear(challenge()))
    asyncio.run(solver.clear(challenge()))  # a crash between clearing and recording it repeats it
    assert [entry.name for entry in folder.iterdir()] == ["other"]


def test_a_web_server_may_enter_whatever_the_umask_is_and_folders_of_others_stay_as_they_are(tmp_path: Path) -> None:
    known = tmp_path / ".well-known"
    known.mkdir()
    known.chmod(0o2710)
    umask = os.umask(0o077)
    try:
        asyncio.run(WebrootSolver(tmp_path).place(challenge()))
        asyncio.run(WebrootSolver(tmp_path / "not" / "there").place(challenge()))
    finally:
        os.umask(umask)
    assert stat.S_IMODE(known.stat().st_mode) == 0o2710
    made = (known / "acme-challenge", tmp_path / "not", tmp_path / "not" / "there" / ".well-known")
    assert [stat.S_IMODE(folder.stat().st_mode) & 0o777 for folder in made] == [0o755] * 3


def test_placing_again_replaces_the_response_whole(tmp_path: Path) -> None:
    folder = tmp_path / ".well-known" / "acme-challenge"
    folder.mkdir(parents=True)
    (folder / challenge().token).write_text("half of an old respo")
    asyncio.run(WebrootSolver(tmp_path).place(challenge()))
    assert (folder / challenge().token).read_text() == challenge().response


@pytest.mark.parametrize("token", ["", "..", "../index", "a/b", "/etc/passwd", "a.html", "a\0", "a\n", "ü"])
def test_a_token_can_be_no_path(tmp_path: Path, token: str) -> None:
    for work in (WebrootSolver(tmp_path).place, WebrootSolver(tmp_path).clear):
        with pytest.raises(DanelawError) as caught:
            asyncio.run(work(challenge(token)))
        assert caught.value.code == "CHALLENGE_UNSUITABLE"
    assert list(tmp_path.iterdir()) == []


def test_a_web_root_does_not_answer_dns_01(tmp_path: Path) -> None:
    with pytest.raises(DanelawError) as caught:
        asyncio.run(WebrootSolver(tmp_path).place(challenge(type=ChallengeType.DNS_01)))
    assert caught.value.code == "CHALLENGE_UNSUITABLE"


def test_a_web_root_that_cannot_be_written_is_told_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / ".well-known").write_text("a file where the folder should be")
    with pytest.raises(DanelawError) as caught:
        asyncio.run(WebrootSolver(tmp_path).place(challenge()))
    assert caught.value.code == "WEBROOT_UNWRITABLE"
    assert caught.value.hint


def test_the_account_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    files = AccountFiles(tmp_path / "new" / "account")
    assert files.key() == files.key() == AccountFiles(files.directory).key()
    assert stat.S_IMODE((files.directory / "key.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE(files.directory.stat().st_mode) == 0o700
    assert [path.name for path in files.directory.iterdir()] == ["key.pem"]


def test_whoever_makes_the_account_key_second_uses_the_first(tmp_path: Path) -> None:
    files = AccountFiles(tmp_path)
    first = files.key()
    files._put_key(tmp_path / "key.pem", b"another")
    assert files.key() == first


@pytest.mark.parametrize("content", [b"", b"not a key", ed25519.Ed25519PrivateKey.generate()])
def test_an_account_key_that_is_none_is_told_and_left_alone(
    tmp_path: Path, content: bytes | ed25519.Ed25519PrivateKey
) -> None:
    if not isinstance(content, bytes):
        content = content.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    (tmp_path / "key.pem").write_bytes(content)
    with pytest.raises(DanelawError) as caught:
        AccountFiles(tmp_path).key()
    assert caught.value.code == "ACCOUNT_UNREADABLE"
    assert (tmp_path / "key.pem").read_bytes() == content


def test_an_account_has_one_url_at_each_ca(tmp_path: Path) -> None:
    files = AccountFiles(tmp_path)
    files.remember("https://one/directory", Known("https://one/account/1"))
    files.remember("https://two/directory", Known("https://two/account/7"))
    files.forget("https://one/directory")
    assert files.url("https://one/directory") is None
    assert files.url("https://two/directory") == "https://two/account/7"
