"""The prober against servers that are old, weak, broken or hostile: what is told of each, and that it stays bounded."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from OpenSSL import SSL
from OpenSSL._util import lib
from probe_servers import (
    ANY,
    HERE,
    HTTPS,
    WWW,
    CountingLoop,
    Credential,
    Key,
    certificate,
    der,
    in_file,
    listening,
    say,
    shake,
)
from probe_words import (
    ALERT,
    CERTIFICATE,
    HANDSHAKE,
    SERVER_HELLO,
    TLS10,
    TLS11,
    TLS12,
    message,
    presenting,
    record,
    server_hello,
)

from danelaw.adapters.probe import TLSProber
from danelaw.adapters.probe.tls import MAX_RECEIVED
from danelaw.core.model import Chain, Handshake, HandshakeFailure, Hello, KeyAlgorithm, Unreachable
from danelaw.ports import ProbeLimits

pytestmark = pytest.mark.filterwarnings("error::ResourceWarning", "error::pytest.PytestUnraisableExceptionWarning")
"""No probe leaves a socket behind, whatever it meets."""

Serve = Callable[[socket.socket], None]


def spki(cert: x509.Certificate) -> bytes:
    encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return cert.public_key().public_bytes(encoding, form)


@pytest.fixture(scope="module")
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="module")
def leaf(ec_key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    return certificate("www.example.net", ec_key, "www.example.net", ec_key)


@contextlib.contextmanager
def openssl(
    credential: Credential,
    version: ssl.TLSVersion,
    *,
    ciphers: str = "DEFAULT:@SECLEVEL=0",
    wants_certificate: bool = False,
) -> Iterator[TLSProber]:
    """A server of one TLS version that takes what is weak."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(ciphers)
    context.minimum_version = context.maximum_version = version
    if wants_certificate:
        context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(credential.file)

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(1)

    with listening(serve) as prober:
        yield prober


# -- old ---------------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_a_server_of_an_old_version_is_known_by_it(
    tmp_path: Path, ec_key: Key, leaf: x509.Certificate, version: ssl.TLSVersion
) -> None:
    with openssl(in_file(tmp_path / "old.pem", ec_key, leaf), version) as prober:
        got = shake(prober)
    name = version.name.replace("_", ".")
    assert got == HandshakeFailure("TLS_OUTDATED", f"protocol_version: the server speaks {name} at best")


@pytest.mark.parametrize(
    ("version", "name"), [(0x0300, "SSL 3.0"), (TLS10, "TLS 1.0"), (TLS11, "TLS 1.1")], ids=["SSL 3", "1.0", "1.1"]
)
def test_a_server_that_answers_with_an_old_version_is_known_by_it(version: int, name: str) -> None:
    with listening(say(record(HANDSHAKE, version, server_hello(version)))) as prober:
        assert shake(prober) == HandshakeFailure("TLS_OUTDATED", f"the server wants {name}")


def test_of_a_server_that_speaks_no_version_nothing_more_is_claimed() -> None:
    with listening(say(record(ALERT, TLS10, b"\x02\x46"))) as prober:
        assert shake(prober) == HandshakeFailure("TLS_ALERT", "protocol_version")


# -- weak --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("algorithm", [None, KeyAlgorithm.RSA])
def test_a_small_key_is_looked_at_all_the_same(
    tmp_path: Path, version: ssl.TLSVersion, algorithm: KeyAlgorithm | None
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - the weakness is the case
    small = in_file(tmp_path / "small.pem", key, certificate("www.example.net", key, "ca", key))
    with openssl(small, version) as prober:
        got = shake(prober, Hello(WWW, None, algorithm))
    assert isinstance(got, Handshake)
    assert got.chain == small.presented


def test_a_certificate_signed_with_sha1_is_looked_at_all_the_same(tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    modern = der(certificate("www.example.net", key, "ca", key))
    sha256_with_rsa, sha1_with_rsa = (bytes.fromhex(f"2a864886f70d0101{last}") for last in ("0b", "05"))
    assert modern.count(sha256_with_rsa) == 2
    leaf = x509.load_der_x509_certificate(modern.replace(sha256_with_rsa, sha1_with_rsa))  # nobody verifies it here
    old = in_file(tmp_path / "sha1.pem", key, leaf)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with openssl(old, version) as prober:
            got = shake(prober)
        assert isinstance(got, Handshake)
        assert got.chain == old.presented


@pytest.mark.parametrize("algorithm", [None, KeyAlgorithm.ECDSA, KeyAlgorithm.RSA])
def test_a_server_that_signs_with_sha1_alone_is_looked_at_all_the_same(
    ec_key: Key, leaf: x509.Certificate, algorithm: KeyAlgorithm | None
) -> None:
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key, cert = (ec_key, leaf)
    if algorithm is KeyAlgorithm.RSA:
        key, cert = rsa_key, certificate("www.example.net", rsa_key, "ca", rsa_key)
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_cipher_list(b"DEFAULT:@SECLEVEL=0")
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    assert lib.SSL_CTX_set1_sigalgs_list(context._context, b"RSA+SHA1:ECDSA+SHA1") == 1
    context.use_privatekey(key)
    context.use_certificate(cert)

    def serve(connection: socket.socket) -> None:
        tls = SSL.Connection(context, connection)
        tls.set_accept_state()
        with contextlib.suppress(SSL.Error):
            tls.do_handshake()
            tls.recv(1)

    with listening(serve) as prober:
        got = shake(prober, Hello(WWW, None, algorithm))
    assert isinstance(got, Handshake), got
    assert got.chain == Chain((der(cert),))


def test_nothing_weak_is_agreed_upon_but_what_a_server_insists_on(
    tmp_path: Path, ec_key: Key, leaf: x509.Certificate
) -> None:
    """No anonymous and no NULL cipher suite is offered, whatever the security level."""
    with openssl(in_file(tmp_path / "leaf.pem", ec_key, leaf), ssl.TLSVersion.TLSv1_2, ciphers="aNULL:@SECLEVEL=0") as (
        prober
    ):
        assert shake(prober) == HandshakeFailure("TLS_ALERT", "handshake_failure")


# -- demanding ---------------------------------------------------------------------------------------------------------


def test_a_server_that_demands_a_certificate_of_clients_has_shown_its_own(
    tmp_path: Path, ec_key: Key, leaf: x509.Certificate
) -> None:
    """In TLS 1.3 its certificate_required comes behind our Finished, and says nothing of its chain."""
    credential = in_file(tmp_path / "leaf.pem", ec_key, leaf)
    with openssl(credential, ssl.TLSVersion.TLSv1_3, wants_certificate=True) as prober:
        got = shake(prober)
    assert isinstance(got, Handshake)
    assert got.chain == credential.presented


def test_in_tls_12_no_handshake_comes_of_such_a_server_and_the_reason_is_told(
    tmp_path: Path, ec_key: Key, leaf: x509.Certificate
) -> None:
    credential = in_file(tmp_path / "leaf.pem", ec_key, leaf)
    with openssl(credential, ssl.TLSVersion.TLSv1_2, wants_certificate=True) as prober:
        got = shake(prober)
    assert got == HandshakeFailure("TLS_ALERT", "handshake_failure: the server asks clients for a certificate")


# -- chains ------------------------------------------------------------------------------------------------------------


def test_a_hundred_certificates_come_as_they_were_sent(tmp_path: Path, ec_key: Key, leaf: x509.Certificate) -> None:
    rest = [certificate(f"ca{n}", ec_key, f"ca{n + 1}", ec_key) for n in range(99)]
    credential = in_file(tmp_path / "long.pem", ec_key, leaf, *rest)
    with openssl(credential, ssl.TLSVersion.TLSv1_3) as prober:
        got = shake(prober)
    assert isinstance(got, Handshake)
    assert got.chain == credential.presented
    assert len(got.chain.ders) == 100


def test_a_chain_that_no_client_takes_is_a_failure(leaf: x509.Certificate) -> None:
    """OpenSSL's clients take 100 KiB."""
    chain = [der(leaf)] * (110_000 // len(der(leaf)))
    hello, body = server_hello(TLS12), b"".join(len(one).to_bytes(3) + one for one in chain)
    words = hello + message(CERTIFICATE, len(body).to_bytes(3) + body)
    records = b"".join(record(HANDSHAKE, TLS12, words[at : at + 16384]) for at in range(0, len(words), 16384))
    with listening(say(records)) as prober:
        got = shake(prober)
    assert isinstance(got, HandshakeFailure)
    assert got.code == "PROTOCOL"
    assert "excessive message size" in got.detail


MALFORMED = {
    "no certificate": ([], "malformed or empty"),
    "an empty certificate": ([b""], "a certificate is malformed"),
    "no DER": ([b"\x30\x03xyz"], "a certificate is malformed"),
    "half a certificate": ([b"half"], "a certificate is malformed"),
    "no DER behind a good one": ([b"leaf", b"\x30\x03xyz"], "a certificate is malformed"),
    "a good one with octets behind": ([b"more"], "malformed"),
    "a bare key": ([b"key"], "a certificate is malformed"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_chain_is_a_failure_that_says_so(leaf: x509.Certificate, case: str) -> None:
    parts, told = MALFORMED[case]
    octets = {b"leaf": der(leaf), b"half": der(leaf)[:-20], b"more": der(leaf) + b"\0", b"key": spki(leaf)}
    with listening(say(presenting(*(octets.get(part, part) for part in parts)))) as prober:
        got = shake(prober)
    assert isinstance(got, HandshakeFailure)
    assert got.code == "PROTOCOL"
    assert told in got.detail


def test_a_server_that_has_a_bare_key_alone_says_so() -> None:
    """To a client that takes certificates only, servers of raw public keys send unsupported_certificate
    (RFC 7250 §4.2)."""
    with listening(say(record(ALERT, TLS12, b"\x02\x2b"))) as prober:
        assert shake(prober) == HandshakeFailure("TLS_ALERT", "unsupported_certificate")


# -- other protocols, and the ends of patience -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "the server speaks HTTP, not TLS"),
        (b"220 mx.example.net ESMTP\r\n", "the server speaks SMTP or FTP, not TLS"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "the server speaks SSH, not TLS"),
        (b"\x1b]0;gotcha\x07 hello\r\n", r"what the server says is not TLS: b'\x1b]0;gotcha\x07 hello\r\n'"),
        (b"?", "what the server says is not TLS: b'?'"),
    ],
)
def test_another_protocol_is_told(words: bytes, told: str) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(words)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(65536)

    with listening(serve) as prober:
        assert shake(prober) == HandshakeFailure("PROTOCOL", told)


def test_a_server_that_goes_amid_the_handshake_has_closed() -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(record(HANDSHAKE, TLS12, server_hello(TLS12)))

    with listening(serve) as prober:
        got = shake(prober)
    assert isinstance(got, HandshakeFailure)
    assert got.code == "CLOSED"


def test_a_server_that_stalls_amid_the_handshake_is_given_up_at_the_limit() -> None:
    hello = record(HANDSHAKE, TLS12, server_hello(TLS12))
    over = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(hello)
        over.wait(60)

    limits = ProbeLimits(handshake=timedelta(milliseconds=200))
    with listening(serve) as prober:
        got = shake(TLSProber(prober._dialer, limits))
        over.set()
    assert got == Unreachable("TIMEOUT", f"no handshake within 0.2 s; {len(hello)} octets came")


NO_END = 0xFFFFFF
"""The length of the longest handshake message."""

FLOODS = {
    "HelloRequests": (b"", b"\x16\x03\x03\x00\x04\x00\x00\x00\x00" * 1000),
    "warnings": (b"", record(ALERT, TLS12, b"\x01\x70") * 1000),
    "a hello that has no end": (
        record(HANDSHAKE, TLS12, message(SERVER_HELLO, b"", NO_END)),
        record(HANDSHAKE, TLS12, bytes(16384)),
    ),
    "a chain that has no end": (
        record(HANDSHAKE, TLS12, server_hello(TLS12) + message(CERTIFICATE, b"", NO_END)),
        record(HANDSHAKE, TLS12, bytes(16384)),
    ),
    "records of nothing": (b"", record(HANDSHAKE, TLS12, b"") * 1000),
    "banners": (b"", b"220-so much to tell you before we begin\r\n" * 1000),
}
"""What is sent first, and what over and over."""


@pytest.mark.parametrize("flood", FLOODS)
def test_of_a_flood_no_more_is_read_than_any_handshake_needs(flood: str) -> None:
    first, again = FLOODS[flood]

    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(first)
        while True:
            connection.sendall(again)

    with listening(serve) as prober, asyncio.Runner(loop_factory=CountingLoop) as runner:
        got = runner.run(prober.handshake(HTTPS, HERE, ANY))
        loop = runner.get_loop()
    assert isinstance(got, HandshakeFailure)
    assert got.code in ("PROTOCOL", "TLS_ALERT")
    assert isinstance(loop, CountingLoop)
    assert loop.octets <= MAX_RECEIVED + 16384
