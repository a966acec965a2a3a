"""The credential store and the deployer on a real file system, with real keys and a real program to reload."""

# ruff: noqa: ASYNC240 - each story is alone in its event loop, and nobody waits for it to read a file

from __future__ import annotations

import asyncio
import os
import stat
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.name
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from danelaw.adapters.clock import SubprocessCommands, ThreadBlocking
from danelaw.adapters.deploy import DirectoryCredentials, DirectoryDeployer, Server
from danelaw.core.model import Chain, DanelawError, GenerationId, HostName, KeyAlgorithm, Lineage, SubjectName
from danelaw.core.rollover.actions import Retire, Switch
from danelaw.ports import CommandResult

WWW = Lineage(SubjectName("www.example.net:443/tcp"))
WWW_RSA = Lineage(SubjectName("www.example.net:443/tcp"), KeyAlgorithm.RSA)
NAMES = [dns.name.from_text("www.example.net."), dns.name.from_text("example.net.")]
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
FIRST, SECOND = GenerationId(1), GenerationId(2)
LOCAL = HostName("local")


class Noon:
    def now(self) -> datetime:
        return NOON

    def monotonic(self) -> float:
        return 0.0

    async def sleep_until(self, when: datetime) -> None:
        raise AssertionError("nothing here waits")


@dataclass
class Recorded:
    """``ports.Commands`` that looks at the world at the moment of the reload."""

    look: Callable[[], object]
    status: int = 0
    output: str = ""
    calls: list[tuple[tuple[str, ...], object]] = field(default_factory=list)

    async def run(self, argv: Sequence[str], limit: timedelta) -> CommandResult:
        self.calls.append((tuple(argv), self.look()))
        return CommandResult(self.status, self.output)


@pytest.fixture
def live(tmp_path: Path) -> Path:
    return tmp_path / "live" / "www.example.net"


@pytest.fixture
def credentials(tmp_path: Path, live: Path) -> DirectoryCredentials:
    return DirectoryCredentials(tmp_path / "credentials", ThreadBlocking(), Noon(), {WWW: live})


def folder(tmp_path: Path, number: int, algorithm: str = "ecdsa") -> Path:
    return tmp_path / f"credentials/www.example.net%3A443%2Ftcp/{algorithm}/generations/{number:06d}"


def issue(csr: bytes) -> Chain:
    """What a CA makes of a request: a leaf for its key and names, and an intermediate."""
    request = x509.load_der_x509_csr(csr)
    ca_key = ec.generate_private_key(ec.SECP256R1())
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test CA")])

    def certificate(subject: x509.Name, key: x509.CertificateSigningRequest | ec.EllipticCurvePrivateKey) -> bytes:
        return (
            x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(NOON)
            .not_valid_after(NOON + timedelta(days=45))
            .add_extension(names.value, critical=True)
            .sign(ca_key, hashes.SHA256())
            .public_bytes(serialization.Encoding.DER)
        )

    return Chain((certificate(x509.Name([]), request), certificate(issuer, ca_key)))


async def make_whole(credentials: DirectoryCredentials, lineage: Lineage = WWW) -> tuple[GenerationId, Chain]:
    generation = await credentials.make_key(lineage)
    chain = issue(await credentials.csr(lineage, generation, NAMES))
    await credentials.complete(lineage, generation, chain)
    return generation, chain


def code_of(raised: pytest.ExceptionInfo[DanelawError]) -> str:
    return raised.value.code


# -- keys -------------------------------------------------------------------------------------------------------------


def test_a_key_alone_is_a_generation(credentials: DirectoryCredentials) -> None:
    async def story() -> None:
        assert await credentials.list(WWW) == []
        assert await credentials.make_key(WWW) == FIRST
        (facts,) = await credentials.list(WWW)
        assert (facts.generation, facts.lineage, facts.chain, facts.created) == (FIRST, WWW, None, NOON)
        request = x509.load_der_x509_csr(await credentials.csr(WWW, FIRST, NAMES))
        assert facts.spki == request.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    asyncio.run(story())


def test_a_renewal_may_keep_the_key_in_a_generation_of_its_own(
    credentials: DirectoryCredentials, tmp_path: Path
) -> None:
    async def story() -> None:
        await credentials.make_key(WWW)
        assert await credentials.reuse_key(WWW, FIRST) == SECOND
        first, second = await credentials.list(WWW)
        assert (second.generation, second.spki, second.chain) == (SECOND, first.spki, None)
        await credentials.destroy(WWW, FIRST)
        request = x509.load_der_x509_csr(await credentials.csr(WWW, SECOND, NAMES))  # each has a file of its own
        assert request.is_signature_valid
        assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("privkey.pem")} == {0o600}

    asyncio.run(story())


def test_a_key_that_is_not_there_cannot_be_kept(credentials: DirectoryCredentials) -> None:
    with pytest.raises(DanelawError) as raised:
        asyncio.run(credentials.reuse_key(WWW, FIRST))
    assert code_of(raised) == "NO_SUCH_GENERATION"


def test_keys_are_p256_or_rsa_3072_and_lineages_are_apart(credentials: DirectoryCredentials) -> None:
    async def story() -> None:
        assert await credentials.make_key(WWW) == await credentials.make_key(WWW_RSA) == FIRST
        ecdsa_key, rsa_key = [
            x509.load_der_x509_csr(await credentials.csr(lineage, FIRST, NAMES)).public_key()
            for lineage in (WWW, WWW_RSA)
        ]
        assert isinstance(ecdsa_key, ec.EllipticCurvePublicKey)
        assert ecdsa_key.curve.name == "secp256r1"
        assert isinstance(rsa_key, rsa.RSAPublicKey)
        assert rsa_key.key_size == 3072

    asyncio.run(story())


def test_a_request_has_its_names_in_the_san_alone(credentials: DirectoryCredentials) -> None:
    async def story() -> None:
        await credentials.make_key(WWW)
        request = x509.load_der_x509_csr(await credentials.csr(WWW, FIRST, NAMES))
        assert list(request.subject) == []
        assert request.is_signature_valid
        (extension,) = request.extensions
        assert isinstance(extension.value, x509.SubjectAlternativeName)
        assert extension.value.get_values_for_type(x509.DNSName) == ["www.example.net", "example.net"]
        with pytest.raises(DanelawError) as raised:
            await credentials.csr(WWW, FIRST, [])
        assert code_of(raised) == "NO_NAMES"

    asyncio.run(story())


def test_private_keys_are_the_owners_alone(credentials: DirectoryCredentials, tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        asyncio.run(make_whole(credentials))
    finally:
        os.umask(umask)
    root = tmp_path / "credentials"
    modes = {path.relative_to(root): stat.S_IMODE(path.stat().st_mode) for path in (root, *root.rglob("*"))}
    assert {mode for path, mode in modes.items() if (root / path).is_dir()} == {0o700}
    assert {path.name: mode for path, mode in modes.items() if (root / path).is_file()} == {
        "privkey.pem": 0o600,
        "pubkey.pem": 0o644,
        "created": 0o644,
        "cert.pem": 0o644,
        "chain.pem": 0o644,
        "fullchain.pem": 0o644,
        "combined.pem": 0o600,
    }


def test_a_private_key_is_never_in_a_file_that_others_can_open(
    credentials: DirectoryCredentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    created: dict[str, int] = {}
    real = os.open

    def watch(path: os.PathLike[str], flags: int, mode: int = 0o777) -> int:
        if flags & os.O_CREAT:
            created[Path(path).name] = mode
            assert flags & os.O_EXCL
        return real(path, flags, mode)

    monkeypatch.setattr(os, "open", watch)
    asyncio.run(credentials.make_key(WWW))
    assert created["privkey.pem"] == 0o600


def test_half_made_generations_are_not_there(credentials: DirectoryCredentials, tmp_path: Path) -> None:
    async def story() -> None:
        await credentials.make_key(WWW)
        unborn = folder(tmp_path, 1).with_name(".new-0123456789abcdef")
        unborn.mkdir()
        (unborn / "privkey.pem").write_text("half")
        assert [facts.generation for facts in await credentials.list(WWW)] == [FIRST]
        assert await credentials.make_key(WWW) == SECOND

    asyncio.run(story())


def test_a_key_that_cannot_be_stored_leaves_nothing_behind(
    credentials: DirectoryCredentials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    async def story() -> None:
        await credentials.make_key(WWW)
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            with pytest.raises(DanelawError) as raised:
                await credentials.make_key(WWW)
        assert code_of(raised) == "CREDENTIAL_STORE_FAILED"
        assert "No space left" in raised.value.evidence
        assert [path.name for path in folder(tmp_path, 1).parent.iterdir()] == ["000001"]

    asyncio.run(story())


def test_processes_that_make_keys_at_once_get_numbers_of_their_own(tmp_path: Path) -> None:
    made: list[GenerationId] = []

    def one_process() -> None:
        own = DirectoryCredentials(tmp_path / "credentials", ThreadBlocking(), Noon())

        async def story() -> None:
            for _ in range(10):
                made.append(await own.make_key(WWW))  # noqa: PERF401 - an append is atomic, an extend may not be

        asyncio.run(story())

    threads = [threading.Thread(target=one_process) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == list(range(1, 41))


@pytest.mark.parametrize("service", ["..", ".", ".hidden:443/tcp", "../../etc/passwd", "a/b", "*.example.net:443/tcp"])
def test_a_service_name_is_one_directory_below_the_root(tmp_path: Path, service: str) -> None:
    store = DirectoryCredentials(tmp_path / "credentials", ThreadBlocking(), Noon())
    asyncio.run(store.make_key(Lineage(SubjectName(service))))
    (only,) = (tmp_path / "credentials").iterdir()
    assert [path.name for path in only.iterdir()] == ["ecdsa"]
    assert [path.name for path in tmp_path.iterdir()] == ["credentials"]


# -- certificates -----------------------------------------------------------------------------------------------------


def test_a_completed_generation_has_certbots_four_names(credentials: DirectoryCredentials, tmp_path: Path) -> None:
    async def story() -> None:
        generation, chain = await make_whole(credentials)
        (facts,) = await credentials.list(WWW)
        assert facts.chain == chain
        there = {path.name: path.read_bytes() for path in folder(tmp_path, generation).iterdir()}
        parts = [
            tuple(c.public_bytes(serialization.Encoding.DER) for c in x509.load_pem_x509_certificates(there[name]))
            for name in ("cert.pem", "chain.pem", "fullchain.pem")
        ]
        assert parts == [chain.ders[:1], chain.ders[1:], chain.ders]

    asyncio.run(story())


def test_completing_again_with_the_same_chain_changes_nothing(
    credentials: DirectoryCredentials, tmp_path: Path
) -> None:
    async def story() -> None:
        generation, chain = await make_whole(credentials)
        before = (folder(tmp_path, 1) / "fullchain.pem").stat()
        await credentials.complete(WWW, generation, chain)
        assert (folder(tmp_path, 1) / "fullchain.pem").stat().st_ino == before.st_ino

        other = issue(await credentials.csr(WWW, generation, NAMES))
        with pytest.raises(DanelawError) as raised:
            await credentials.complete(WWW, generation, other)
        assert code_of(raised) == "ALREADY_COMPLETE"
        assert (await credentials.list(WWW))[0].chain == chain

    asyncio.run(story())


def test_a_certificate_for_another_key_is_refused(credentials: DirectoryCredentials, tmp_path: Path) -> None:
    """acme.sh #6621: a failed renewal left a key beside another key's certificate, and the web server died."""

    async def story() -> None:
        await credentials.make_key(WWW)
        await credentials.make_key(WWW)
        for_second = issue(await credentials.csr(WWW, SECOND, NAMES))
        with pytest.raises(DanelawError) as raised:
            await credentials.complete(WWW, FIRST, for_second)
        assert code_of(raised) == "KEY_MISMATCH"
        assert {path.name for path in folder(tmp_path, 1).iterdir()} == {"privkey.pem", "pubkey.pem", "created"}

    asyncio.run(story())


@pytest.mark.parametrize(
    "spoil",
    [lambda ders: (), lambda ders: (b"",), lambda ders: (ders[0][:-9],), lambda ders: (ders[0], b"no certificate")],
    ids=["empty", "of nothing", "cut off", "followed by garbage"],
)
def test_what_is_no_chain_is_refused(
    credentials: DirectoryCredentials, spoil: Callable[[tuple[bytes, ...]], tuple[bytes, ...]]
) -> None:
    async def story() -> None:
        await credentials.make_key(WWW)
        good = issue(await credentials.csr(WWW, FIRST, NAMES))
        with pytest.raises(DanelawError) as raised:
            await credentials.complete(WWW, FIRST, Chain(spoil(good.ders)))
        assert code_of(raised) == "BAD_CHAIN"
        assert (await credentials.list(WWW))[0].chain is None

    asyncio.run(story())


def test_a_generation_whose_storing_was_cut_short_can_be_completed(
    credentials: DirectoryCredentials, tmp_path: Path
) -> None:
    async def story() -> None:
        await credentials.make_key(WWW)
        chain = issue(await credentials.csr(WWW, FIRST, NAMES))
        (folder(tmp_path, 1) / "cert.pem").write_text("half")
        assert (await credentials.list(WWW))[0].chain is None
        await credentials.complete(WWW, FIRST, chain)
        assert (await credentials.list(WWW))[0].chain == chain

    asyncio.run(story())


# -- destroying -------------------------------------------------------------------------------------------------------


def test_destroying_removes_the_key_and_keeps_the_certificate(
    credentials: DirectoryCredentials, tmp_path: Path
) -> None:
    async def story() -> None:
        await make_whole(credentials)
        await credentials.destroy(WWW, FIRST)
        await credentials.destroy(WWW, FIRST)
        assert await credentials.list(WWW) == []
        there = {path.name for path in folder(tmp_path, 1).iterdir()}
        assert there == {"pubkey.pem", "created", "cert.pem", "chain.pem", "fullchain.pem", "destroyed"}
        with pytest.raises(DanelawError) as raised:
            await credentials.csr(WWW, FIRST, NAMES)
        assert code_of(raised) == "NO_SUCH_GENERATION"

    asyncio.run(story())


def test_a_number_is_never_used_twice(credentials: DirectoryCredentials) -> None:
    async def story() -> None:
        await credentials.make_key(WWW)
        await credentials.destroy(WWW, FIRST)
        assert await credentials.make_key(WWW) == SECOND

    asyncio.run(story())


def test_what_was_never_there_cannot_be_destroyed(credentials: DirectoryCredentials) -> None:
    with pytest.raises(DanelawError) as raised:
        asyncio.run(credentials.destroy(WWW, FIRST))
    assert code_of(raised) == "NO_SUCH_GENERATION"


def test_a_lost_key_is_told_and_not_passed_over(credentials: DirectoryCredentials, tmp_path: Path) -> None:
    async def story() -> None:
        _, chain = await make_whole(credentials)
        (folder(tmp_path, 1) / "privkey.pem").unlink()
        for attempt in (credentials.csr(WWW, FIRST, NAMES), credentials.deployable(WWW, FIRST, chain)):
            with pytest.raises(DanelawError) as raised:
                await attempt
            assert code_of(raised) == "CREDENTIAL_DAMAGED"

    asyncio.run(story())


# -- deploying --------------------------------------------------------------------------------------------------------


def deployer(
    credentials: DirectoryCredentials, commands: Recorded | SubprocessCommands, *reload: str
) -> DirectoryDeployer:
    return DirectoryDeployer(credentials, Server(commands, (reload,) if reload else ()), ThreadBlocking())


def test_a_switch_moves_the_live_path_and_then_reloads(credentials: DirectoryCredentials, live: Path) -> None:
    async def story() -> None:
        server = Recorded(look=lambda: (live / "fullchain.pem").read_bytes())
        deploy = deployer(credentials, server, "reload", "it")
        assert await credentials.live(WWW) is None
        for expected in (FIRST, SECOND):
            generation, chain = await make_whole(credentials)
            await deploy.switch(Switch(WWW, LOCAL, generation, chain))
            assert await credentials.live(WWW) == generation == expected
            argv, read_by_the_server = server.calls[-1]
            assert argv == ("reload", "it")
            assert read_by_the_server == (live / "fullchain.pem").read_bytes()
            names = {path.name for path in live.iterdir()}
            assert names >= {"privkey.pem", "cert.pem", "chain.pem", "fullchain.pem"}
        assert [path.name for path in live.parent.iterdir()] == [live.name]

    asyncio.run(story())


def test_readers_never_find_the_live_path_missing_or_mixed(credentials: DirectoryCredentials, live: Path) -> None:
    """A server that restarts at any instant reads a key and a certificate that belong together."""

    async def story() -> None:
        deploy = deployer(credentials, Recorded(look=lambda: None))
        both = [await make_whole(credentials), await make_whole(credentials)]
        whole = {chain.ders for _, chain in both}
        await deploy.switch(Switch(WWW, LOCAL, *both[0]))
        wrong: list[object] = []
        stop = threading.Event()

        def read() -> None:
            while not stop.is_set():
                try:
                    seen = x509.load_pem_x509_certificates((live / "fullchain.pem").read_bytes())
                    if tuple(c.public_bytes(serialization.Encoding.DER) for c in seen) not in whole:
                        wrong.append(seen)
                except OSError as error:
                    wrong.append(error)

        reader = threading.Thread(target=read)
        reader.start()
        try:
            for turn in range(100):
                await deploy.switch(Switch(WWW, LOCAL, *both[turn % 2]))
        finally:
            stop.set()
            reader.join()
        assert wrong == []

    asyncio.run(story())


def test_switching_again_reloads_again_and_moves_nothing(credentials: DirectoryCredentials, live: Path) -> None:
    async def story() -> None:
        server = Recorded(look=lambda: live.lstat().st_ino)
        change = Switch(WWW, LOCAL, *await make_whole(credentials))
        for _ in range(2):
            await deployer(credentials, server, "reload").switch(change)
        (_, first), (_, second) = server.calls
        assert first == second

    asyncio.run(story())


def test_a_chain_that_was_not_judged_is_not_deployed(credentials: DirectoryCredentials, live: Path) -> None:
    async def story() -> None:
        server = Recorded(look=lambda: None)
        (first, chain), (second, _) = await make_whole(credentials), await make_whole(credentials)
        await deployer(credentials, server, "reload").switch(Switch(WWW, LOCAL, first, chain))
        with pytest.raises(DanelawError) as raised:
            await deployer(credentials, server, "reload").switch(Switch(WWW, LOCAL, second, chain))
        assert code_of(raised) == "CHAIN_MISMATCH"
        assert await credentials.live(WWW) == first
        assert len(server.calls) == 1

    asyncio.run(story())


def test_a_key_that_was_replaced_on_disk_is_not_deployed(
    credentials: DirectoryCredentials, tmp_path: Path, live: Path
) -> None:
    async def story() -> None:
        generation, chain = await make_whole(credentials)
        await make_whole(credentials)
        (folder(tmp_path, 2) / "privkey.pem").replace(folder(tmp_path, 1) / "privkey.pem")
        with pytest.raises(DanelawError) as raised:
            await deployer(credentials, Recorded(look=lambda: None)).switch(Switch(WWW, LOCAL, generation, chain))
        assert code_of(raised) == "KEY_MISMATCH"
        assert not live.is_symlink()

    asyncio.run(story())


@pytest.mark.parametrize("kind", ["directory", "file"])
def test_what_someone_else_put_on_the_live_path_is_left_alone(
    credentials: DirectoryCredentials, live: Path, kind: str
) -> None:
    async def story() -> None:
        change = Switch(WWW, LOCAL, *await make_whole(credentials))
        kept = live / "privkey.pem" if kind == "directory" else live
        kept.parent.mkdir(parents=True)
        kept.write_text("precious")
        with pytest.raises(DanelawError) as raised:
            await deployer(credentials, Recorded(look=lambda: None)).switch(change)
        assert code_of(raised) == "LIVE_PATH_TAKEN"
        assert str(live) in raised.value.hint
        assert kept.read_text() == "precious"
        assert await credentials.live(WWW) is None

    asyncio.run(story())


def test_a_foreign_link_counts_as_nothing_live_and_is_moved(
    credentials: DirectoryCredentials, live: Path, tmp_path: Path
) -> None:
    async def story() -> None:
        foreign = tmp_path / "letsencrypt"
        foreign.mkdir()
        live.parent.mkdir()
        live.symlink_to(foreign)
        assert await credentials.live(WWW) is None
        generation, chain = await make_whole(credentials)
        await deployer(credentials, Recorded(look=lambda: None)).switch(Switch(WWW, LOCAL, generation, chain))
        assert await credentials.live(WWW) == generation
        assert foreign.is_dir()

    asyncio.run(story())


def test_what_no_server_needs_is_taken_off_the_live_path(credentials: DirectoryCredentials, live: Path) -> None:
    async def story() -> None:
        generation, chain = await make_whole(credentials)
        server = Recorded(look=live.is_symlink)
        deploy = deployer(credentials, server, "reload")
        await deploy.switch(Switch(WWW, LOCAL, generation, chain))
        await deploy.retire(Retire(WWW, LOCAL))
        assert await deploy.live(WWW) is None
        assert [there for _, there in server.calls] == [True, False]
        await deploy.retire(Retire(WWW, LOCAL))  # once more changes nothing, and nothing is reloaded
        assert len(server.calls) == 2
        await credentials.destroy(WWW, generation)

    asyncio.run(story())


def test_a_server_that_does_not_reload_without_a_credential_keeps_it(
    credentials: DirectoryCredentials, live: Path
) -> None:
    async def story() -> None:
        generation, chain = await make_whole(credentials)
        deploy = deployer(credentials, SubprocessCommands(), "test", "-e", str(live / "fullchain.pem"))
        await deploy.switch(Switch(WWW, LOCAL, generation, chain))
        with pytest.raises(DanelawError) as raised:
            await deploy.retire(Retire(WWW, LOCAL))
        assert code_of(raised) == "RELOAD_FAILED"
        assert await deploy.live(WWW) == generation

    asyncio.run(story())


@pytest.mark.parametrize("kind", ["directory", "link"])
def test_what_someone_else_put_on_the_live_path_is_not_removed(
    credentials: DirectoryCredentials, live: Path, tmp_path: Path, kind: str
) -> None:
    live.parent.mkdir()
    if kind == "directory":
        live.mkdir()
    else:
        live.symlink_to(tmp_path)
    server = Recorded(look=lambda: None)
    asyncio.run(deployer(credentials, server, "reload").retire(Retire(WWW, LOCAL)))
    assert live.is_dir()
    assert server.calls == []


def test_a_reload_that_fails_is_told_with_what_it_said_and_the_link_has_moved(
    credentials: DirectoryCredentials,
) -> None:
    async def story() -> None:
        generation, chain = await make_whole(credentials)
        fails = (sys.executable, "-c", "import sys; sys.exit('AH00526: Syntax error')")
        with pytest.raises(DanelawError) as raised:
            await deployer(credentials, SubprocessCommands(), *fails).switch(Switch(WWW, LOCAL, generation, chain))
        assert code_of(raised) == "RELOAD_FAILED"
        assert raised.value.evidence == "AH00526: Syntax error"
        assert await credentials.live(WWW) == generation

    asyncio.run(story())


def test_a_configuration_test_comes_first_and_where_it_fails_the_link_is_put_back_and_nothing_is_reloaded(
    credentials: DirectoryCredentials, live: Path, tmp_path: Path
) -> None:
    """The test looks at what is to be served."""
    log = tmp_path / "log"

    def told(test: str) -> DirectoryDeployer:
        reload = ("sh", "-c", f"echo reloaded >>{log}")
        tests = (("true",), ("sh", "-c", f"readlink {live} >>{log}; {test}"))
        return DirectoryDeployer(credentials, Server(SubprocessCommands(), (reload,), tests), ThreadBlocking())

    async def story() -> None:
        first, second = await make_whole(credentials), await make_whole(credentials)
        await told("true").switch(Switch(WWW, LOCAL, *first))
        with pytest.raises(DanelawError) as raised:
            await told("echo AH00526: no good; exit 1").switch(Switch(WWW, LOCAL, *second))
        assert (code_of(raised), raised.value.evidence) == ("DEPLOY_CONFIG_TEST", "AH00526: no good")
        assert await credentials.live(WWW) == FIRST
        with pytest.raises(DanelawError) as raised:
            await told("exit 1").retire(Retire(WWW, LOCAL))
        assert code_of(raised) == "DEPLOY_CONFIG_TEST"
        assert await credentials.live(WWW) == FIRST

    asyncio.run(story())
    said = [line.rpartition("/")[2] for line in log.read_text().splitlines()]
    assert said == ["000001", "reloaded", "000002"]  # and none where it was taken away


@pytest.mark.parametrize("before", ["nothing", "a relative link", "another client's"])
def test_what_was_there_before_a_first_switch_is_put_back_as_it_was(
    credentials: DirectoryCredentials, live: Path, tmp_path: Path, before: str
) -> None:
    async def story() -> None:
        live.parent.mkdir()
        if before != "nothing":
            live.symlink_to("../elsewhere" if before == "a relative link" else tmp_path)
        was = live.readlink() if live.is_symlink() else None
        server = Server(SubprocessCommands(), (), (("false",),))
        deploy = DirectoryDeployer(credentials, server, ThreadBlocking())
        with pytest.raises(DanelawError) as raised:
            await deploy.switch(Switch(WWW, LOCAL, *await make_whole(credentials)))
        assert code_of(raised) == "DEPLOY_CONFIG_TEST"
        assert (live.readlink() if live.is_symlink() else None) == was

    asyncio.run(story())


@pytest.mark.parametrize("first", [True, False])
def test_what_was_killed_before_it_had_passed_its_test_is_not_what_is_put_back(
    credentials: DirectoryCredentials, live: Path, first: bool
) -> None:
    class Killed(BaseException):
        pass

    def killed() -> None:
        raise Killed

    def tested(*test: str) -> DirectoryDeployer:
        return DirectoryDeployer(credentials, Server(SubprocessCommands(), (), (test,)), ThreadBlocking())

    async def story() -> None:
        if not first:
            await tested("true").switch(Switch(WWW, LOCAL, *await make_whole(credentials)))
        before = await credentials.live(WWW)
        change = Switch(WWW, LOCAL, *await make_whole(credentials))
        dying = DirectoryDeployer(credentials, Server(Recorded(look=killed), (), (("test",),)), ThreadBlocking())
        with pytest.raises(Killed):
            await dying.switch(change)
        assert await credentials.live(WWW) == change.generation
        with pytest.raises(DanelawError) as raised:
            await tested("false").switch(change)
        assert (code_of(raised), await credentials.live(WWW)) == ("DEPLOY_CONFIG_TEST", before)
        await tested("true").switch(change)
        assert await credentials.live(WWW) == change.generation
        assert [path.name for path in live.parent.iterdir()] == [live.name]

    asyncio.run(story())


def test_a_test_that_is_not_there_is_told_and_changes_nothing(credentials: DirectoryCredentials) -> None:
    async def story() -> None:
        server = Server(SubprocessCommands(), (), (("/no/such/apachectl", "configtest"),))
        with pytest.raises(DanelawError) as raised:
            await DirectoryDeployer(credentials, server, ThreadBlocking()).switch(
                Switch(WWW, LOCAL, *await make_whole(credentials))
            )
        assert code_of(raised) == "COMMAND_NOT_FOUND"
        assert await credentials.live(WWW) is None

    asyncio.run(story())


def test_every_server_that_reads_the_credential_is_reloaded_whatever_comes_of_the_others(
    credentials: DirectoryCredentials,
) -> None:
    async def story() -> None:
        reloads: list[tuple[str, ...]] = []

        class First(Recorded):
            async def run(self, argv: Sequence[str], limit: timedelta) -> CommandResult:
                reloads.append(tuple(argv))
                return CommandResult(int(argv[0] == "postfix"), "mail system is down")

        server = Server(First(look=lambda: None), (("postfix", "reload"), ("doveadm", "reload")))
        with pytest.raises(DanelawError) as raised:
            await DirectoryDeployer(credentials, server, ThreadBlocking()).switch(
                Switch(WWW, LOCAL, *await make_whole(credentials))
            )
        assert (code_of(raised), raised.value.evidence) == ("RELOAD_FAILED", "mail system is down")
        assert reloads == [("postfix", "reload"), ("doveadm", "reload")]

    asyncio.run(story())


def test_key_and_chain_are_in_one_file_too_the_key_first(credentials: DirectoryCredentials, tmp_path: Path) -> None:
    """HAProxy and Postfix want it so; a generation of an older version gets it when it is deployed."""

    async def story() -> None:
        generation, chain = await make_whole(credentials)
        made = folder(tmp_path, generation)
        both = (made / "privkey.pem").read_bytes() + (made / "fullchain.pem").read_bytes()
        assert (made / "combined.pem").read_bytes() == both
        (made / "combined.pem").unlink()
        await credentials.deployable(WWW, generation, chain)
        assert (made / "combined.pem").read_bytes() == both
        assert stat.S_IMODE((made / "combined.pem").stat().st_mode) == 0o600

    asyncio.run(story())


def test_the_generation_on_the_serving_path_cannot_be_destroyed(credentials: DirectoryCredentials, live: Path) -> None:
    async def story() -> None:
        generation, chain = await make_whole(credentials)
        await deployer(credentials, Recorded(look=lambda: None)).switch(Switch(WWW, LOCAL, generation, chain))
        with pytest.raises(DanelawError) as raised:
            await credentials.destroy(WWW, generation)
        assert code_of(raised) == "GENERATION_LIVE"
        assert (live / "privkey.pem").exists()

    asyncio.run(story())


def test_another_host_or_an_unnamed_live_path_is_refused(credentials: DirectoryCredentials) -> None:
    async def story() -> None:
        whole = await make_whole(credentials)
        deploy = deployer(credentials, Recorded(look=lambda: None))
        for change, code in (
            (Switch(WWW, HostName("web2"), *whole), "UNKNOWN_HOST"),
            (Switch(WWW_RSA, LOCAL, *whole), "NO_LIVE_PATH"),
        ):
            for attempt in (deploy.switch(change), deploy.retire(Retire(change.lineage, change.host))):
                with pytest.raises(DanelawError) as raised:
                    await attempt
                assert code_of(raised) == code

    asyncio.run(story())


def test_a_live_path_that_leads_to_itself_leads_to_nothing(credentials: DirectoryCredentials, live: Path) -> None:
    async def story() -> None:
        generation, chain = await make_whole(credentials)
        live.parent.mkdir(parents=True, exist_ok=True)
        live.symlink_to(live.name)
        assert await credentials.live(WWW) is None
        await deployer(credentials, SubprocessCommands()).switch(Switch(WWW, LOCAL, generation, chain))
        assert await credentials.live(WWW) == generation

    asyncio.run(story())


def test_a_configuration_test_that_hangs_is_quoted_briefly_and_without_what_a_terminal_acts_on(
    credentials: DirectoryCredentials, live: Path
) -> None:
    talking = ("sh", "-c", "head -c 60000 /dev/zero | tr '\\0' x; printf '\\033[31m'; sleep 60")
    server = Server(SubprocessCommands(), tests=(talking,), limit=timedelta(seconds=1))

    async def story() -> None:
        generation, chain = await make_whole(credentials)
        with pytest.raises(DanelawError) as raised:
            await DirectoryDeployer(credentials, server, ThreadBlocking()).switch(Switch(WWW, LOCAL, generation, chain))
        assert code_of(raised) == "COMMAND_TIMEOUT"
        assert len(raised.value.evidence) <= 2000
        assert "\x1b" not in raised.value.evidence
        assert not live.is_symlink()

    asyncio.run(story())
