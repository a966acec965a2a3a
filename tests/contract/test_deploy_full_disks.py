"""A host whose disk is full when a credential is copied there: another is served whole, or the one before is."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import dns.name
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from deploy_hosts import issued, ssh_host
from full_disks import Elsewhere, into, small_disk

from danelaw.adapters.clock import SubprocessCommands, SubprocessPrograms, ThreadBlocking
from danelaw.adapters.deploy import CopyingDeployer, DirectoryCredentials, DirectoryDeployer, Server, Way, by_ssh
from danelaw.core.model import Chain, DanelawError, HostName, Lineage, SubjectName
from danelaw.core.rollover.actions import Switch

WWW: Final = Lineage(SubjectName("www.example.net:443/tcp"))
NAMES: Final = [dns.name.from_text("www.example.net.")]
NOON: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
WEB2: Final = HostName("web2")
PAGES: Final = 32
INODES: Final = 40


class Noon:
    def now(self) -> datetime:
        return NOON

    def monotonic(self) -> float:
        return 0.0

    async def sleep_until(self, when: datetime) -> None:
        raise AssertionError("nothing here waits")


@pytest.fixture
def elsewhere(tmp_path: Path, require_program: Callable[..., str]) -> Iterator[Elsewhere]:
    with small_disk(tmp_path, require_program, PAGES, INODES) as made:
        yield made


@pytest.fixture(params=["by a command", "by ssh"])
def way(
    request: pytest.FixtureRequest, elsewhere: Elsewhere, tmp_path: Path, require_program: Callable[..., str]
) -> Iterator[Way]:
    if request.param == "by a command":
        yield Way(into(elsewhere, "sh", "-c"))
        return
    if os.geteuid() != 0:
        pytest.skip("an sshd within other mounts needs root")
    host = ssh_host(tmp_path / "ssh", require_program)
    host = replace(host, start=into(elsewhere, *host.start))
    with host.up():
        yield by_ssh(host.destination, host.config)


async def made(store: DirectoryCredentials) -> Switch:
    generation = await store.make_key(WWW)
    chain = issued(await store.csr(WWW, generation, NAMES), NOON)
    await store.complete(WWW, generation, chain)
    return Switch(WWW, WEB2, generation, chain)


class Site:
    """Two generations in the store; the first is served."""

    def __init__(self, folder: Path, elsewhere: Elsewhere, way: Way) -> None:
        self.elsewhere = elsewhere
        self.live = elsewhere.disk / "live" / "www"
        self.view = elsewhere.view / "live"
        self.log = folder / "reloads"
        store = DirectoryCredentials(folder / "credentials", ThreadBlocking(), Noon())
        self.way, self.store = way, store
        self.deployer = self.deploying((("sh", "-c", f"echo tested; test -e {self.live}/privkey.pem"),))

        self.first, self.second = asyncio.run(made(store)), asyncio.run(made(store))
        self.switch(self.first)
        assert self.serves() == self.first.chain

    def deploying(self, tests: Sequence[Sequence[str]]) -> CopyingDeployer:
        reloads = (("sh", "-c", f"echo once >>{self.log}"),)
        limit = timedelta(seconds=100)
        programs = SubprocessPrograms()
        return CopyingDeployer(
            WEB2, {WWW: self.live}, self.store, self.way, programs, tests=tests, reloads=reloads, limit=limit
        )

    def switch(self, change: Switch) -> DanelawError | None:
        try:
            asyncio.run(self.deployer.switch(change))
        except DanelawError as error:
            return error
        return None

    def serves(self) -> Chain:
        """Of a whole credential."""
        pems = {
            name: (self.view / "www" / name).read_bytes()
            for name in ("privkey.pem", "cert.pem", "chain.pem", "fullchain.pem", "combined.pem")
        }
        key = serialization.load_pem_private_key(pems["privkey.pem"], None)
        presented = x509.load_pem_x509_certificates(pems["fullchain.pem"])
        assert presented[0].public_key() == key.public_key()
        assert pems["cert.pem"] + pems["chain.pem"] == pems["fullchain.pem"]
        assert pems["combined.pem"] == pems["privkey.pem"] + pems["fullchain.pem"]
        return Chain(tuple(one.public_bytes(serialization.Encoding.DER) for one in presented))

    def unharmed(self) -> bool:
        """It serves the first generation, and nothing else is left there."""
        copies = [path.name.partition("-")[0] for path in (self.view / ".www.copies").iterdir()]
        others = {path.name for path in self.view.iterdir()} - {".www.copies", "www"}
        return self.serves() == self.first.chain and copies == ["000001"] and not others


def test_from_a_full_disk_the_credential_before_is_served_and_the_next_once_there_is_room(
    tmp_path: Path, elsewhere: Elsewhere, way: Way
) -> None:
    site = Site(tmp_path, elsewhere, way)
    few = [(0, 20), (9, 7)]
    room = [*few, (2, 20), (4, 20), (9, 0), (9, 1), (9, 3), (9, 6)] if not way.nested else few
    for pages, inodes in room:
        before = site.log.read_text()
        elsewhere.fill(pages, inodes)
        error = site.switch(site.second)
        assert error is not None, (pages, inodes)
        assert error.code == "DEPLOY_FAILED"
        assert "No space left on device" in error.evidence
        assert "space" in error.hint
        assert site.unharmed(), (pages, inodes)
        assert site.log.read_text() == before, "nothing was reloaded"
        elsewhere.free()
        assert site.switch(site.second) is None
        assert site.serves() == site.second.chain
        assert site.switch(site.first) is None
        assert site.unharmed()


def test_the_last_room_that_is_needed_is_enough(tmp_path: Path, elsewhere: Elsewhere) -> None:
    site = Site(tmp_path, elsewhere, Way(into(elsewhere, "sh", "-c")))
    elsewhere.fill(5, 8)
    assert site.switch(site.second) is None
    assert site.serves() == site.second.chain


FILLING: Final = """
    count=0
    (while touch "$1/filler-$count"; do count=$((count + 1)); done) 2>/dev/null
    echo wrong
    exit 1
"""


def test_a_disk_that_gets_full_during_the_test_does_not_keep_the_link_from_being_put_back(
    tmp_path: Path, elsewhere: Elsewhere
) -> None:
    site = Site(tmp_path, elsewhere, Way(into(elsewhere, "sh", "-c")))
    site.deployer = site.deploying((("sh", "-c", FILLING, "sh", str(elsewhere.disk)),))
    error = site.switch(site.second)
    assert error is not None
    assert error.code == "DEPLOY_CONFIG_TEST"
    assert len(list(elsewhere.view.glob("filler-*"))) > INODES // 2, "it was full"
    elsewhere.free()
    assert site.unharmed()
    assert site.log.read_text() == "once\n"


def test_nor_does_it_where_the_store_itself_is_linked_to(tmp_path: Path, elsewhere: Elsewhere) -> None:
    live = elsewhere.view / "live" / "www"
    store = DirectoryCredentials(tmp_path / "credentials", ThreadBlocking(), Noon(), {WWW: live})
    passing, failing = ("true",), ("sh", "-c", FILLING, "sh", str(elsewhere.view))

    def deployer(*tests: tuple[str, ...]) -> DirectoryDeployer:
        server = Server(SubprocessCommands(), tests=tests, limit=timedelta(seconds=100))
        return DirectoryDeployer(store, server, ThreadBlocking(), host=WEB2)

    async def story() -> None:
        first, second = await made(store), await made(store)
        await deployer(passing).switch(first)
        with pytest.raises(DanelawError, match="DEPLOY_CONFIG_TEST"):
            await deployer(failing).switch(second)
        assert os.statvfs(elsewhere.view).f_ffree < 3, "it was full"
        assert live.readlink().name == "000001"
        assert [path.name for path in live.parent.iterdir()] == ["www"]
        elsewhere.free()
        elsewhere.fill(9, 0)
        with pytest.raises(DanelawError, match="DEPLOY_FAILED") as caught:
            await deployer(passing).switch(second)
        assert "No space left on device" in caught.value.evidence
        assert live.readlink().name == "000001"
        elsewhere.free()
        await deployer(passing).switch(second)
        assert live.readlink().name == "000002"

    asyncio.run(story())
