"""Certificates without ACME of our own: by a program, by the key itself, or from another client's directory."""

from __future__ import annotations

import asyncio
import shutil
import stat
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dns.name
import pytest
from acme_world import WWW, csr_for
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from danelaw.adapters.clock import StoppedClock, SubprocessPrograms, ThreadBlocking
from danelaw.adapters.deploy import DirectoryCredentials
from danelaw.adapters.issue.command import ASK_AGAIN, CommandIssuer
from danelaw.adapters.issue.selfsigned import Own, SelfSignedIssuer
from danelaw.adapters.issue.watch import Client, Watched, WatchedCredentials, WatchIssuer
from danelaw.core.model import (
    Chain,
    DanelawError,
    Failed,
    Issued,
    KeyAlgorithm,
    Lineage,
    OrderState,
    Pending,
    RevocationReason,
    SubjectName,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
CLOCK = StoppedClock(NOW)
LINEAGE = Lineage(SubjectName("www.example.net:443/tcp"), KeyAlgorithm.ECDSA)
ORDER = OrderState((WWW,), profile="short")

CA = """
import os, sys
from datetime import UTC, datetime, timedelta
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
request = x509.load_pem_x509_csr(sys.stdin.buffer.read())
san = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
assert os.environ["DANELAW_NAMES"] == "www.example.net" and os.environ["DANELAW_PROFILE"] == "short"
name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "in-house")])
certificate = (x509.CertificateBuilder().subject_name(request.subject).issuer_name(name).serial_number(7)
    .public_key(request.public_key()).add_extension(san, critical=False).not_valid_before(datetime.now(UTC))
    .not_valid_after(datetime.now(UTC) + timedelta(days=9))
    .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()))
sys.stdout.buffer.write(certificate.public_bytes(serialization.Encoding.PEM))
"""


def program(code: str, patience: timedelta = timedelta(seconds=60)) -> CommandIssuer:
    return CommandIssuer((sys.executable, "-c", code), SubprocessPrograms(), CLOCK, patience, HOUR)


def store(folder: Path) -> DirectoryCredentials:
    return DirectoryCredentials(folder / "credentials", ThreadBlocking(), CLOCK)


# -- a program --------------------------------------------------------------------------------------------------------


def test_a_program_gets_the_request_and_gives_the_chain() -> None:
    csr = csr_for((WWW,))
    end = asyncio.run(program(CA).advance(ORDER, csr))
    assert isinstance(end, Issued), end
    leaf = x509.load_der_x509_certificate(end.chain.ders[0])
    assert leaf.public_key() == x509.load_der_x509_csr(csr).public_key()
    assert leaf.serial_number == 7


@pytest.mark.parametrize(
    ("code", "failed", "said", "wait"),
    [
        ("import sys; sys.exit('no such customer\\x1b[31m')", 0, "status 1: no such customer", HOUR),
        ("import sys; sys.exit('no')", 2, "status 1: no", 4 * HOUR),
        ("print('nothing of use')", 0, "no chain in PEM", HOUR),
        ("import os; os.write(1, b'x' * 2000000)", 0, "more than 1048576 octets", HOUR),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", 0, "status -15", HOUR),
    ],
)
def test_a_program_that_refuses_or_gives_rubbish_fails_the_order(
    code: str, failed: int, said: str, wait: timedelta
) -> None:
    end = asyncio.run(program(code).advance(OrderState((WWW,), failed=failed), csr_for((WWW,))))
    assert isinstance(end, Failed)
    assert (end.code, said in end.detail, end.retry_at - NOW) == ("commandFailed", True, wait)
    assert end.detail.isprintable()


def test_a_certificate_for_other_names_is_not_taken() -> None:
    order = OrderState((WWW, dns.name.from_text("example.net.")), profile="short")
    code = CA.replace('os.environ["DANELAW_NAMES"] == "www.example.net"', "True")
    end = asyncio.run(program(code).advance(order, csr_for((WWW,))))
    assert isinstance(end, Failed)
    assert "not what was asked for" in end.detail


def test_status_75_says_that_it_is_not_there_yet() -> None:
    assert asyncio.run(program("raise SystemExit(75)").advance(ORDER, csr_for((WWW,)))) == Pending(
        ORDER, NOW + ASK_AGAIN
    )


def test_a_program_that_does_not_end_is_killed_and_one_that_is_not_there_is_told() -> None:
    endless = program("import threading; threading.Event().wait()", timedelta(seconds=0.2))
    with pytest.raises(TimeoutError):
        asyncio.run(endless.advance(ORDER, csr_for((WWW,))))
    missing = CommandIssuer(("/no/such/program",), SubprocessPrograms(), CLOCK, HOUR, HOUR)
    with pytest.raises(DanelawError) as caught:
        asyncio.run(missing.advance(ORDER, csr_for((WWW,))))
    assert caught.value.code == "COMMAND_NOT_FOUND"


# -- the key itself ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", [KeyAlgorithm.ECDSA, KeyAlgorithm.RSA])
def test_a_key_signs_its_own_certificate_and_the_store_takes_it(tmp_path: Path, algorithm: KeyAlgorithm) -> None:
    async def test() -> None:
        lineage, credentials = Lineage(LINEAGE.service, algorithm), store(tmp_path)
        await credentials.make_key(lineage)
        generation = await credentials.make_key(lineage)
        issuer = SelfSignedIssuer(lineage, credentials, CLOCK, timedelta(days=365))
        csr = await credentials.csr(lineage, generation, ORDER.names)
        end = await issuer.advance(ORDER, csr)
        assert isinstance(end, Issued)
        await credentials.complete(lineage, generation, end.chain)
        leaf = x509.load_der_x509_certificate(end.chain.ders[0])
        leaf.verify_directly_issued_by(leaf)
        assert leaf.not_valid_before_utc == NOW - timedelta(hours=1)
        assert leaf.not_valid_after_utc == NOW + timedelta(days=365)
        san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert san.get_values_for_type(x509.DNSName) == ["www.example.net"]
        with pytest.raises(DanelawError) as caught:
            await issuer.advance(ORDER, csr_for((WWW,)))
        assert caught.value.code == "NO_SUCH_GENERATION"
        await issuer.revoke(end.chain, RevocationReason.KEY_COMPROMISE)  # of itself it is no one's concern

    asyncio.run(test())


def test_a_certificate_of_a_ca_is_not_called_revoked_where_the_keys_sign_their_own_by_now() -> None:
    """As one that was taken over from another client before: nobody wrote down which CA it is of."""
    leaf = x509.load_pem_x509_certificate(certificate(ec.generate_private_key(ec.SECP256R1()), 17))
    chain = Chain((leaf.public_bytes(serialization.Encoding.DER),))
    with pytest.raises(DanelawError) as caught:
        asyncio.run(Own().revoke(chain, RevocationReason.KEY_COMPROMISE))
    assert (caught.value.code, "some CA" in caught.value.evidence) == ("REVOCATION_REFUSED", True)


def test_the_store_finds_the_key_of_a_certificate_while_it_is_there(tmp_path: Path) -> None:
    """A CA is shown it that is to revoke the certificate (RFC 8555 §7.6)."""

    async def test() -> None:
        credentials, chains = store(tmp_path), list[Chain]()
        for service in ("one.example.net", "two.example.net"):
            lineage = Lineage(SubjectName(service))
            await credentials.make_key(lineage)  # without a certificate
            generation = await credentials.make_key(lineage)
            issuer = SelfSignedIssuer(lineage, credentials, CLOCK, timedelta(days=365))
            end = await issuer.advance(ORDER, await credentials.csr(lineage, generation, ORDER.names))
            assert isinstance(end, Issued)
            await credentials.complete(lineage, generation, end.chain)
            chains.append(end.chain)
        for chain in chains:
            pem = await credentials.key_of(chain)
            assert pem is not None
            public = serialization.load_pem_private_key(pem, None).public_key()
            assert public == x509.load_der_x509_certificate(chain.ders[0]).public_key()
        await credentials.destroy(lineage, generation)
        assert await credentials.key_of(chains[1]) is None
        assert await credentials.key_of(chains[0]) is not None

    asyncio.run(test())


def test_a_short_certificate_that_a_key_signs_is_not_old_when_it_is_issued(tmp_path: Path) -> None:
    """With most of its life over, it would be due to be renewed at once, and so would the next."""

    async def test() -> None:
        credentials = store(tmp_path)
        generation = await credentials.make_key(LINEAGE)
        issuer = SelfSignedIssuer(LINEAGE, credentials, CLOCK, timedelta(seconds=80))
        end = await issuer.advance(ORDER, await credentials.csr(LINEAGE, generation, ORDER.names))
        assert isinstance(end, Issued)
        leaf = x509.load_der_x509_certificate(end.chain.ders[0])
        assert NOW - leaf.not_valid_before_utc == timedelta(seconds=8)
        assert leaf.not_valid_after_utc == NOW + timedelta(seconds=80)

    asyncio.run(test())


# -- another client ---------------------------------------------------------------------------------------------------

ROOT = ec.generate_private_key(ec.SECP256R1())


def certificate(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, serial: int) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "some CA")])
    builder = x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(serial).not_valid_before(NOW).not_valid_after(NOW + timedelta(days=90))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("www.example.net")]), critical=False)
    return builder.sign(ROOT, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


@dataclass
class OtherClient:
    """Lays its files down as the real one does."""

    folder: Path
    client: Client
    number: int = 0
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = ROOT

    @property
    def watched(self) -> Watched:
        return Watched.of_name(self.client, self.folder, WWW)

    def renew(self, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None, *, left: str = "") -> None:
        """``key`` None: the same. ``left``: which file is not changed yet, the key or the chain."""
        self.number += 1
        key = self.key = key or self.key
        if self.client == "lego":
            self.folder.mkdir(exist_ok=True)
            for name, end, content in (("key", "key", pem(key)), ("chain", "crt", certificate(key, self.number))):
                if name != left:
                    (self.folder / f"www.example.net.{end}").write_bytes(content)
            return
        archive, live = self.folder.parent / "archive", self.folder / "www.example.net"
        archive.mkdir(exist_ok=True)
        live.mkdir(parents=True, exist_ok=True)
        written = (("key", "privkey", pem(key)), ("chain", "fullchain", certificate(key, self.number)))
        for what, name, content in written:
            file = archive / f"{name}{self.number}.pem"
            file.write_bytes(content)
            if what != left:
                (live / f"{name}.pem").unlink(missing_ok=True)
                (live / f"{name}.pem").symlink_to(file)


def watching(
    tmp_path: Path, client: Client, test: Callable[[OtherClient, WatchedCredentials], Coroutine[Any, Any, None]]
) -> None:
    other = OtherClient(tmp_path / "theirs", client)
    asyncio.run(test(other, WatchedCredentials(store(tmp_path), other.watched, ThreadBlocking())))


CLIENTS = pytest.mark.parametrize("client", ["certbot", "lego", "dehydrated"])


@CLIENTS
def test_what_another_client_got_is_a_generation_once_and_its_files_stay(tmp_path: Path, client: Client) -> None:
    async def test(other: OtherClient, credentials: WatchedCredentials) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        other.renew(key)
        before = {path: path.read_bytes() for path in other.folder.rglob("*") if path.is_file()}
        (first,) = await credentials.list(LINEAGE)
        assert first.chain is not None
        assert x509.load_der_x509_certificate(first.chain.ders[0]).serial_number == 1
        assert await credentials.list(LINEAGE) == [first]
        other.renew(None)
        _, same_key = await credentials.list(LINEAGE)
        assert (same_key.spki, same_key.chain == first.chain) == (first.spki, False)
        other.renew(ec.generate_private_key(ec.SECP256R1()))
        *_, new_key = await credentials.list(LINEAGE)
        assert new_key.spki != first.spki
        assert [g.generation for g in await credentials.list(LINEAGE)] == [1, 2, 3]
        await credentials.destroy(LINEAGE, first.generation)
        assert all(path.exists() for path in before)

    watching(tmp_path, client, test)


@pytest.mark.parametrize("left", ["key", "chain"])
@CLIENTS
def test_amid_a_renewal_nothing_is_taken_over(tmp_path: Path, client: Client, left: str) -> None:
    async def test(other: OtherClient, credentials: WatchedCredentials) -> None:
        other.renew(ec.generate_private_key(ec.SECP256R1()))
        held = await credentials.list(LINEAGE)
        other.renew(ec.generate_private_key(ec.SECP256R1()), left=left)
        assert await credentials.list(LINEAGE) == held

    watching(tmp_path, client, test)


def test_the_copy_of_the_key_is_private(tmp_path: Path) -> None:
    async def test(other: OtherClient, credentials: WatchedCredentials) -> None:
        other.renew(ec.generate_private_key(ec.SECP256R1()))
        await credentials.list(LINEAGE)
        (copy,) = (tmp_path / "credentials").rglob("privkey.pem")
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600

    watching(tmp_path, "certbot", test)


def test_a_directory_that_goes_away_is_an_error_only_where_nothing_was_taken_over_yet(tmp_path: Path) -> None:
    async def test(other: OtherClient, credentials: WatchedCredentials) -> None:
        with pytest.raises(DanelawError) as caught:
            await credentials.list(LINEAGE)
        assert caught.value.code == "WATCHED_UNREADABLE"
        assert "first certificate" in caught.value.hint
        other.renew(ec.generate_private_key(ec.SECP256R1()))
        held = await credentials.list(LINEAGE)
        shutil.rmtree(other.folder)
        assert await credentials.list(LINEAGE) == held

    watching(tmp_path, "certbot", test)


def test_what_is_no_credential_or_of_another_kind_is_not_taken_over(tmp_path: Path) -> None:
    async def test(other: OtherClient, credentials: WatchedCredentials) -> None:
        other.renew(rsa.generate_private_key(65537, 2048))
        with pytest.raises(DanelawError) as caught:
            await credentials.list(LINEAGE)
        assert (caught.value.code, "RSA" in caught.value.evidence) == ("BAD_KEY", True)
        secret = b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"
        other.watched.key.resolve().write_bytes(secret)
        with pytest.raises(DanelawError) as caught:
            await credentials.list(LINEAGE)
        assert caught.value.code == "WATCHED_UNREADABLE"
        assert "c2VjcmV0" not in f"{caught.value} {caught.value.evidence}"
        assert not (tmp_path / "credentials").exists() or not list((tmp_path / "credentials").rglob("*.pem"))

    watching(tmp_path, "certbot", test)


def test_keys_and_revocations_are_the_clients(tmp_path: Path) -> None:
    async def test(other: OtherClient, credentials: WatchedCredentials) -> None:
        other.renew(ec.generate_private_key(ec.SECP256R1()))
        (held,) = await credentials.list(LINEAGE)
        with pytest.raises(DanelawError) as caught:
            await credentials.make_key(LINEAGE)
        assert caught.value.code == "KEYS_ARE_ANOTHERS"
        again = await credentials.reuse_key(LINEAGE, held.generation)
        csr = await credentials.csr(LINEAGE, again, ORDER.names)
        issuer = WatchIssuer(CLOCK)
        assert isinstance(await issuer.advance(ORDER, csr), Pending)
        with pytest.raises(DanelawError) as caught:
            await issuer.revoke(held.chain or Chain(()), RevocationReason.KEY_COMPROMISE)
        assert caught.value.code == "REVOCATION_REFUSED"

    watching(tmp_path, "certbot", test)


def test_a_wildcard_has_its_own_file_names_with_lego() -> None:
    watched = Watched.of("lego", Path("/c"), "*.example.net")
    assert (watched.key, watched.chain) == (Path("/c/_.example.net.key"), Path("/c/_.example.net.crt"))
