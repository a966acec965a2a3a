"""Copies of a credential on a host that is reached by a shell: this machine's, one behind ssh, one behind a command."""

from __future__ import annotations

import asyncio
import grp
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.name
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from deploy_hosts import SSHHost, issued, ssh_host
from ended_processes import hearing
from update_servers import free_port

from danelaw.adapters.clock import SubprocessCommands, SubprocessPrograms, ThreadBlocking
from danelaw.adapters.deploy import (
    HERE,
    CopyingDeployer,
    DirectoryCredentials,
    DirectoryDeployer,
    Owned,
    Server,
    Way,
    by_ssh,
    scripts,
)
from danelaw.adapters.deploy.scripts import PRIVATE
from danelaw.core.model import Chain, DanelawError, GenerationId, HostName, KeyAlgorithm, Lineage, SubjectName
from danelaw.core.rollover.actions import Retire, Switch

WWW = Lineage(SubjectName("www.example.net:443/tcp"))
WWW_RSA = Lineage(SubjectName("www.example.net:443/tcp"), KeyAlgorithm.RSA)
NAMES = [dns.name.from_text("www.example.net.")]
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
FIRST, SECOND = GenerationId(1), GenerationId(2)
WEB2 = HostName("web2")
FILES = {"privkey.pem", "cert.pem", "chain.pem", "fullchain.pem", "combined.pem"}


class Noon:
    def now(self) -> datetime:
        return NOON

    def monotonic(self) -> float:
        return 0.0

    async def sleep_until(self, when: datetime) -> None:
        raise AssertionError("nothing here waits")


@pytest.fixture
def ssh(tmp_path: Path, require_program: Callable[..., str]) -> Iterator[SSHHost]:
    host = ssh_host(tmp_path / "ssh", require_program)
    with host.up():
        yield host


@pytest.fixture(params=["here", "by ssh", "by a command"])
def way(request: pytest.FixtureRequest) -> Way:
    if request.param == "here":
        return Way(HERE)
    if request.param == "by a command":
        return Way(("env", "WHERE=web2", "sh", "-c"))
    host: SSHHost = request.getfixturevalue("ssh")
    return by_ssh(host.destination, host.config)


@dataclass
class Site:
    """A store, and a host with a live directory that has a quote in its name."""

    folder: Path
    way: Way
    tests: tuple[Sequence[str], ...] = ()
    reloads: tuple[Sequence[str], ...] = ()
    owned: Owned = PRIVATE
    limit: timedelta = timedelta(seconds=30)

    def __post_init__(self) -> None:
        self.live = self.folder / "the web's" / "www"
        self.copies = self.live.with_name(".www.copies")
        self.log = self.folder / "reloads"
        self.store = DirectoryCredentials(self.folder / "credentials", ThreadBlocking(), Noon())

    @property
    def store_folder(self) -> Path:
        """Of the first generation."""
        (folder,) = (self.folder / "credentials").glob("*/ecdsa/generations/000001")
        return folder

    @property
    def deployer(self) -> CopyingDeployer:
        return CopyingDeployer(
            WEB2,
            {WWW: self.live},
            self.store,
            self.way,
            SubprocessPrograms(),
            tests=self.tests,
            reloads=self.reloads,
            owned=self.owned,
            limit=self.limit,
        )

    async def made(self) -> tuple[GenerationId, Chain]:
        generation = await self.store.make_key(WWW)
        chain = issued(await self.store.csr(WWW, generation, NAMES), NOON)
        await self.store.complete(WWW, generation, chain)
        return generation, chain

    async def switched(self) -> Switch:
        change = Switch(WWW, WEB2, *await self.made())
        await self.deployer.switch(change)
        return change

    def serves(self, chain: Chain) -> bool:
        """The live directory has a whole credential: that of this chain."""
        pems = {name: (self.live / name).read_bytes() for name in FILES}
        key = serialization.load_pem_private_key(pems["privkey.pem"], None)
        presented = x509.load_pem_x509_certificates(pems["fullchain.pem"])
        return (
            tuple(c.public_bytes(serialization.Encoding.DER) for c in presented) == chain.ders
            and presented[0].public_key() == key.public_key()
            and pems["cert.pem"] + pems["chain.pem"] == pems["fullchain.pem"]
            and pems["combined.pem"] == pems["privkey.pem"] + pems["fullchain.pem"]
        )

    def fails(self, change: Switch | Retire) -> DanelawError:
        deployer = self.deployer
        with pytest.raises(DanelawError) as raised:
            asyncio.run(deployer.switch(change) if isinstance(change, Switch) else deployer.retire(change))
        return raised.value

    def lying(self) -> list[str]:
        """The copies, half-made ones too."""
        return sorted(path.name.partition("-")[0] for path in self.copies.iterdir()) if self.copies.exists() else []


@pytest.fixture
def site(tmp_path: Path, way: Way) -> Site:
    return Site(tmp_path, way)


@pytest.fixture
def here(tmp_path: Path) -> Site:
    return Site(tmp_path, Way(HERE))


# -- switching --------------------------------------------------------------------------------------------------------


def test_a_host_gets_whole_copies_one_after_the_other_and_keeps_the_one_that_serves(site: Site) -> None:
    site.reloads = (("sh", "-c", f'readlink "$1" >>{site.log}', "sh", str(site.live)),)

    async def story() -> None:
        assert await site.deployer.live(WWW) is None
        for number in (FIRST, SECOND):
            change = await site.switched()
            assert await site.deployer.live(WWW) == change.generation == number
            assert site.serves(change.chain)
            assert site.lying() == [f"{number:06d}"]

    asyncio.run(story())
    assert [line.partition("-")[0] for line in site.log.read_text().splitlines()] == [
        ".www.copies/000001",
        ".www.copies/000002",
    ]
    assert sorted(path.name for path in site.live.parent.iterdir()) == [".www.copies", "www"]


def test_switching_again_reloads_again(here: Site) -> None:
    here.reloads = (("sh", "-c", f"echo reloaded >>{here.log}"),)

    async def story() -> None:
        change = await here.switched()
        await here.deployer.switch(change)
        assert here.serves(change.chain)

    asyncio.run(story())
    assert here.log.read_text() == "reloaded\n" * 2
    assert here.lying() == ["000001"]


def test_a_server_that_a_reload_starts_goes_on(site: Site) -> None:
    with hearing(site.folder) as (listens, alive):
        site.reloads = (("sh", "-c", f"{listens} &"),)
        asyncio.run(site.switched())
        assert alive()


def test_private_keys_are_open_to_nobody_at_any_time(here: Site) -> None:
    """Looked at by the test of the configuration, and by tar's stand-in while the copy is made."""
    umask = os.umask(0)
    try:
        asyncio.run(here.switched())
    finally:
        os.umask(umask)
    modes = {name: stat.S_IMODE((here.live / name).stat().st_mode) for name in FILES}
    assert modes == dict.fromkeys(FILES, 0o644) | {"privkey.pem": 0o600, "combined.pem": 0o600}
    assert stat.S_IMODE(here.live.stat().st_mode) == 0o700


def test_while_a_copy_is_made_only_its_owner_can_enter(here: Site, tmp_path: Path) -> None:
    tar = tmp_path / "bin" / "tar"
    tar.parent.mkdir()
    tar.write_text(f'#!/bin/sh\nls -ld . | cut -c1-10 >{tmp_path}/mode\nexec /bin/tar "$@"\n')
    tar.chmod(0o755)
    here.way = Way(("env", f"PATH={tar.parent}:{os.environ['PATH']}", "sh", "-c"))
    asyncio.run(here.switched())
    assert (tmp_path / "mode").read_text() == "drwx------\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_server_that_is_not_root_gets_a_key_that_its_group_can_read(here: Site) -> None:
    here.owned = Owned("nobody", "daemon", 0o640)
    asyncio.run(here.switched())
    key = (here.live / "privkey.pem").stat()
    assert stat.S_IMODE(key.st_mode) == 0o640
    assert (key.st_uid, grp.getgrgid(key.st_gid).gr_name) == (65534, "daemon")
    assert stat.S_IMODE(here.live.stat().st_mode) == 0o750


def test_no_secret_is_on_a_command_line(here: Site) -> None:
    said: list[str] = []

    class Overheard(SubprocessPrograms):
        async def ask(self, argv: Sequence[str], *rest: object, **more: object):  # type: ignore[no-untyped-def] # it is what it is above
            said.extend(argv)
            return await super().ask(argv, *rest, **more)  # type: ignore[arg-type] # as above

    async def story() -> None:
        change = Switch(WWW, WEB2, *await here.made())
        await CopyingDeployer(WEB2, {WWW: here.live}, here.store, here.way, Overheard()).switch(change)

    asyncio.run(story())
    key = "".join((here.live / "privkey.pem").read_text().splitlines()[1:-1])
    assert len(said) == 3
    assert key[:20] not in "".join(said)
    assert "PRIVATE" not in "".join(said)


# -- what goes wrong --------------------------------------------------------------------------------------------------


def test_a_configuration_test_that_fails_leaves_all_as_it_was_and_reloads_nothing(site: Site) -> None:
    before = asyncio.run(site.switched())
    site.tests = (("true",), (sys.executable, "-c", "import sys; sys.exit('AH00526: it is no good')"))
    site.reloads = (("sh", "-c", f"echo reloaded >>{site.log}"),)
    error = site.fails(Switch(WWW, WEB2, *asyncio.run(site.made())))
    assert error.code == "DEPLOY_CONFIG_TEST"
    assert "AH00526: it is no good" in error.evidence
    assert asyncio.run(site.deployer.live(WWW)) == before.generation
    assert site.serves(before.chain)
    assert site.lying() == ["000001"]
    assert not site.log.exists()


def test_the_test_sees_what_is_to_be_served(here: Site) -> None:
    here.tests = (("test", "-s", str(here.live / "fullchain.pem")),)
    change = asyncio.run(here.switched())
    assert here.serves(change.chain)


def test_a_first_credential_that_does_not_pass_is_taken_away_again(here: Site) -> None:
    here.tests = (("false",),)
    assert here.fails(Switch(WWW, WEB2, *asyncio.run(here.made()))).code == "DEPLOY_CONFIG_TEST"
    assert not here.live.is_symlink()
    assert here.lying() == []


def test_a_reload_that_fails_is_told_and_the_next_server_is_reloaded_all_the_same(site: Site) -> None:
    asyncio.run(site.switched())
    site.reloads = (("sh", "-c", "echo no such unit >&2; exit 5"), ("sh", "-c", f"echo reloaded >>{site.log}"))
    change = Switch(WWW, WEB2, *asyncio.run(site.made()))
    error = site.fails(change)
    assert (error.code, error.evidence) == ("RELOAD_FAILED", "no such unit")
    assert site.serves(change.chain)
    assert site.lying() == ["000001", "000002"]  # so that there is a way back
    assert site.log.read_text() == "reloaded\n"
    site.reloads = ()
    asyncio.run(site.deployer.switch(change))
    assert site.lying() == ["000002"]


def test_a_stream_that_is_cut_off_changes_nothing(here: Site) -> None:
    before = asyncio.run(here.switched())
    here.way = Way(("sh", "-c", 'head -c 3000 | sh -c "$0"'))
    error = here.fails(Switch(WWW, WEB2, *asyncio.run(here.made())))
    assert error.code == "DEPLOY_FAILED"
    assert here.serves(before.chain)
    assert here.lying() == ["000001"]


def test_a_shell_that_is_killed_before_the_reload_is_taken_up_by_the_next_switch(here: Site) -> None:
    asyncio.run(here.switched())
    here.tests = (("sh", "-c", 'kill -9 $(cut -d " " -f 4 /proc/$PPID/stat)'),)
    change = Switch(WWW, WEB2, *asyncio.run(here.made()))
    assert here.fails(change).code == "HOST_UNREACHABLE"
    assert here.serves(change.chain)  # whole, if not reloaded
    here.tests = ()
    asyncio.run(here.deployer.switch(change))
    assert here.serves(change.chain)
    assert here.lying() == ["000002"]


def test_what_was_killed_before_it_had_passed_its_test_is_not_what_is_put_back(here: Site) -> None:
    before = asyncio.run(here.switched())
    here.tests = (("sh", "-c", 'kill -9 $(cut -d " " -f 4 /proc/$PPID/stat)'),)
    change = Switch(WWW, WEB2, *asyncio.run(here.made()))
    assert here.fails(change).code == "HOST_UNREACHABLE"
    here.tests = (("false",),)
    assert here.fails(change).code == "DEPLOY_CONFIG_TEST"
    assert here.serves(before.chain)
    here.tests = ()
    asyncio.run(here.deployer.switch(change))
    assert here.serves(change.chain)
    assert {path.name for path in here.live.parent.iterdir()} == {here.live.name, here.copies.name}


def test_a_shell_that_was_killed_while_it_copied_leaves_no_key_for_long(here: Site) -> None:
    asyncio.run(here.switched())
    half = here.copies / ".new-000002-0123abcd"
    half.mkdir()
    (half / "privkey.pem").write_text("half")
    asyncio.run(here.switched())
    assert here.lying() == ["000002"]


@pytest.mark.parametrize("kind", ["directory", "file"])
def test_what_somebody_else_put_there_is_left_alone(site: Site, kind: str) -> None:
    kept = site.live / "privkey.pem" if kind == "directory" else site.live
    kept.parent.mkdir(parents=True)
    kept.write_text("precious")
    change = Switch(WWW, WEB2, *asyncio.run(site.made()))
    error = site.fails(change)
    assert error.code == "LIVE_PATH_TAKEN"
    assert "mv " in error.hint
    assert kept.read_text() == "precious"
    assert asyncio.run(site.deployer.live(WWW)) is None
    assert site.lying() == []


def test_a_place_that_cannot_be_written_to_is_told(here: Site) -> None:
    here.live.parent.write_text("no directory")
    error = here.fails(Switch(WWW, WEB2, *asyncio.run(here.made())))
    assert error.code == "DEPLOY_FAILED"
    assert str(here.live.parent) in error.hint


def test_an_account_that_the_host_does_not_have_changes_nothing(here: Site) -> None:
    before = asyncio.run(here.switched())
    here.owned = Owned(None, "no-such-group", 0o640)
    error = here.fails(Switch(WWW, WEB2, *asyncio.run(here.made())))
    assert error.code == "DEPLOY_FAILED"
    assert "no-such-group" in error.evidence
    assert here.serves(before.chain)


def test_a_host_that_does_not_answer_in_time_is_told(here: Site) -> None:
    here.limit, here.way = timedelta(seconds=0.2), Way(("sh", "-c", "exec tail -f /dev/null"))
    change = Switch(WWW, WEB2, *asyncio.run(here.made()))
    with pytest.raises(TimeoutError):
        asyncio.run(here.deployer.switch(change))


# -- what lies there --------------------------------------------------------------------------------------------------


def test_what_is_no_generation_of_the_store_is_not_taken_for_one(here: Site) -> None:
    """Somebody restored a backup, or renewed by hand: the number alone says nothing."""

    async def story() -> None:
        change = await here.switched()
        other = issued(await here.store.csr(WWW, change.generation, NAMES), NOON)
        pems = [x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM) for der in other.ders]
        (here.live / "fullchain.pem").write_bytes(b"".join(pems))
        assert await here.deployer.live(WWW) is None
        (here.live / "fullchain.pem").write_bytes(b"\xff no certificate")
        assert await here.deployer.live(WWW) is None

    asyncio.run(story())


def test_a_link_into_the_store_is_known_when_a_host_goes_over_to_copies(here: Site) -> None:
    async def story() -> None:
        generation, chain = await here.made()
        here.live.parent.mkdir()
        here.live.symlink_to(await here.store.deployable(WWW, generation, chain))
        assert await here.deployer.live(WWW) == generation
        await here.deployer.switch(Switch(WWW, WEB2, generation, chain))
        assert here.lying() == ["000001"]

    asyncio.run(story())


# -- retiring ---------------------------------------------------------------------------------------------------------


def test_what_no_server_needs_is_taken_away_with_every_copy(site: Site) -> None:
    asyncio.run(site.switched())
    site.reloads = (("sh", "-c", f"echo reloaded >>{site.log}"),)
    for _ in range(2):  # once more changes nothing, and nothing is reloaded
        asyncio.run(site.deployer.retire(Retire(WWW, WEB2)))
        assert [path.name for path in site.live.parent.iterdir()] == []
        assert site.log.read_text() == "reloaded\n"


@pytest.mark.parametrize("what", ["tests", "reloads"])
def test_a_server_that_cannot_do_without_keeps_it(here: Site, what: str) -> None:
    change = asyncio.run(here.switched())
    setattr(here, what, (("test", "-e", str(here.live / "fullchain.pem")),))
    error = here.fails(Retire(WWW, WEB2))
    assert error.code == {"tests": "DEPLOY_CONFIG_TEST", "reloads": "RELOAD_FAILED"}[what]
    assert here.serves(change.chain)
    assert asyncio.run(here.deployer.live(WWW)) == change.generation


def test_what_somebody_else_put_there_is_not_taken_away(here: Site, tmp_path: Path) -> None:
    here.live.parent.mkdir()
    here.live.symlink_to(tmp_path)
    asyncio.run(here.deployer.retire(Retire(WWW, WEB2)))
    assert here.live.is_symlink()


# -- reaching it ------------------------------------------------------------------------------------------------------


def test_a_host_whose_key_is_not_known_is_told_nothing(tmp_path: Path, ssh: SSHHost) -> None:
    for config in (ssh.strange, ssh.wrong):
        site = Site(tmp_path, by_ssh(ssh.destination, config))
        error = site.fails(Switch(WWW, WEB2, *asyncio.run(site.made())))
        assert error.code == "HOST_UNREACHABLE"
        assert "Host key verification failed" in error.evidence
        assert "known_hosts" in error.hint
        assert not site.live.parent.exists()


def test_a_host_that_does_not_listen_is_unreachable_and_says_so_of_every_question(tmp_path: Path, ssh: SSHHost) -> None:
    site = Site(tmp_path, by_ssh(f"ssh://nobody@127.0.0.1:{free_port()}", ssh.config))
    error = site.fails(Switch(WWW, WEB2, *asyncio.run(site.made())))
    assert error.code == "HOST_UNREACHABLE"
    assert "refused" in error.evidence
    with pytest.raises(DanelawError) as raised:
        asyncio.run(site.deployer.live(WWW))
    assert raised.value.code == "HOST_UNREACHABLE"


def test_ssh_asks_nobody_forwards_nothing_and_goes_where_it_is_told() -> None:
    words = by_ssh("danelaw@web2.example.net", Path("/etc/danelaw/ssh_config")).to("true")
    for option in ("BatchMode=yes", "StrictHostKeyChecking=yes", "ClearAllForwardings=yes"):
        assert words[words.index(option) - 1] == "-o"
    assert {"-a", "-x", "-T"} <= set(words)
    assert words[-3:] == ("--", "danelaw@web2.example.net", "sh -c true")


@pytest.mark.parametrize("shell", [*filter(shutil.which, ("sh", "bash", "zsh", "ksh", "fish", "tcsh"))])
def test_what_ssh_hands_over_is_read_alike_by_whichever_shell_the_account_has(tmp_path: Path, shell: str) -> None:
    """csh would do some lines of a script by itself: it takes the end of a line for that of a quoted word."""
    live = tmp_path / "wow!" / "the web's \\c 50% {of} [it] *?~ é" / '$HOME `id` "www"'
    live.parent.mkdir(parents=True)
    (tmp_path / "generations" / "000017").mkdir(parents=True)
    live.symlink_to(tmp_path / "generations" / "000017")
    word = by_ssh("web2").to(scripts.look(live))[-1]
    assert word.isascii()
    assert not set(word) & set("\n!")
    read = subprocess.run([shell, "-c", word], capture_output=True, check=True)  # noqa: S603 - our own words
    assert scripts.heard(read.stdout.decode()) == (scripts.Word.DONE, str(tmp_path / "generations" / "000017"))


def test_another_host_or_an_unnamed_directory_is_refused(here: Site) -> None:
    whole = asyncio.run(here.made())
    assert here.fails(Switch(WWW, HostName("web3"), *whole)).code == "UNKNOWN_HOST"
    assert here.fails(Switch(WWW_RSA, WEB2, *whole)).code == "NO_LIVE_PATH"


def test_a_key_that_was_replaced_on_disk_is_not_sent(here: Site) -> None:
    generation, chain = asyncio.run(here.made())
    asyncio.run(here.made())
    folders = sorted((here.folder / "credentials").glob("*/ecdsa/generations/0*"))
    (folders[1] / "privkey.pem").replace(folders[0] / "privkey.pem")
    assert here.fails(Switch(WWW, WEB2, generation, chain)).code == "KEY_MISMATCH"
    assert not here.live.parent.exists()


# -- hosts that are not as they should be -----------------------------------------------------------------------------


def test_what_a_host_says_when_somebody_comes_in_is_no_answer(here: Site) -> None:
    """Many a start-up file greets programs too."""
    here.way = Way(("sh", "-c", 'printf "Welcome to web2\\ndanelaw: done"; eval "$1"', "sh"))
    change = asyncio.run(here.switched())
    assert here.serves(change.chain)
    assert asyncio.run(here.deployer.live(WWW)) == FIRST


def test_a_host_that_only_greets_has_done_nothing(here: Site) -> None:
    here.way = Way(("sh", "-c", 'echo "danelaw: done"', "sh"))
    assert here.fails(Switch(WWW, WEB2, *asyncio.run(here.made()))).code == "HOST_UNREACHABLE"


@pytest.mark.parametrize("what", ["tests", "reloads"])
def test_a_program_that_shows_the_private_key_is_not_quoted(here: Site, what: str) -> None:
    show = 'cat "$1"/combined.pem; echo this is wrong; exit 1'
    setattr(here, what, (("sh", "-c", show, "sh", str(here.live)),))
    change = Switch(WWW, WEB2, *asyncio.run(here.made()))
    error = here.fails(change)
    key = (here.store_folder / "privkey.pem").read_text().splitlines()[1]
    assert "this is wrong" in error.evidence
    assert "[private key]" in error.evidence
    assert key not in str(error)


def test_a_host_that_gives_back_what_it_was_given_is_not_quoted(here: Site) -> None:
    here.way = Way(("sh", "-c", "cat", "sh"))
    change = Switch(WWW, WEB2, *asyncio.run(here.made()))
    error = here.fails(change)
    secret = (here.store_folder / "privkey.pem").read_text().splitlines()[1:-1]
    assert error.code == "HOST_UNREACHABLE"
    assert not any(line in error.evidence for line in secret)


def test_a_configuration_test_that_hangs_is_one_that_fails(here: Site) -> None:
    served = asyncio.run(here.switched())
    with hearing(here.folder) as (listens, alive):
        here.tests, here.limit = (("sh", "-c", listens),), timedelta(seconds=5)
        error = here.fails(Switch(WWW, WEB2, *asyncio.run(here.made())))
        assert not alive()
    assert error.code == "DEPLOY_CONFIG_TEST"
    assert "did not end within 5 seconds" in error.evidence
    assert here.serves(served.chain)
    assert here.lying() == ["000001"]


def test_what_could_not_be_taken_away_is_told_as_such(here: Site) -> None:
    asyncio.run(here.switched())
    here.reloads = (("false",),)
    error = here.fails(Retire(WWW, WEB2))
    assert error.code == "RELOAD_FAILED"
    assert "left where it was" in error.message


def test_a_host_that_goes_over_to_the_link_keeps_no_copy_of_a_key(here: Site) -> None:
    change = asyncio.run(here.switched())
    store = DirectoryCredentials(here.folder / "credentials", ThreadBlocking(), Noon(), {WWW: here.live})
    linking = DirectoryDeployer(store, Server(SubprocessCommands()), ThreadBlocking(), host=WEB2)
    asyncio.run(linking.switch(change))
    assert here.serves(change.chain)
    assert here.lying() == []
    assert not here.copies.exists()
