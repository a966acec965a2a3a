"""Files of trust anchors that others make: the root's in Debian, and the one that Unbound keeps up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import dns.name
import pytest
from dns.rdatatype import RdataType as T
from update_servers import free_port

from danelaw import wiring
from danelaw.adapters.zone.key_directory import KSK_FLAGS, make_key
from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.anchors import Anchor, Anchors
from danelaw.core.dnssec.keys import ZoneKey, make_ds
from danelaw.core.dnssec.rrsig import make
from danelaw.core.model import DanelawError, Message, Question, Record, RRset
from name_servers import name_server, saying

Require = Callable[..., str]
ROOT: Final = dns.name.root
NOT_IMPLEMENTED: Final = 4
AUTHORITATIVE: Final = 0x0400
DEADLINE: Final = 60.0


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


def test_the_digests_that_debian_ships_are_those_that_come_along(require_program: Require, now: datetime) -> None:
    theirs = wiring.trust_anchors(Path(require_program("/usr/share/dns/root.ds", package="dns-root-data")), now)
    (root,) = theirs
    if {ds.tag for ds in root.ds} == {20326}:
        pytest.skip("this dns-root-data is from before KSK-2024 (July 2024)")
    assert theirs == wiring.trust_anchors(None, now)


def test_the_keys_that_debian_ships_have_those_digests(require_program: Require, now: datetime) -> None:
    (root,) = wiring.trust_anchors(Path(require_program("/usr/share/dns/root.key", package="dns-root-data")), now)
    (ours,) = wiring.trust_anchors(None, now)
    assert root.keys
    assert {make_ds(ROOT, key) for key in root.keys} <= ours.ds


def root_server(keys: list[ZoneKey], signed_by: list[ZoneKey], now: datetime) -> Callable[[Question], Message | None]:
    """What a root says that has nothing but its keys."""
    rrset = RRset(ROOT, int(T.DNSKEY), 60, frozenset(key.dnskey.to_rdata() for key in keys))
    day = timedelta(days=1)
    rrsigs = [make(rrset, ROOT, key, now - day, now + day) for key in signed_by]
    records = [Record(ROOT, int(T.DNSKEY), 1, 60, rdata) for rdata in sorted(rrset.rdatas)]
    records += [Record(ROOT, int(T.RRSIG), 1, 60, rdata) for rdata in rrsigs]

    def answer(asked: Question) -> Message:
        if (asked.name, asked.type) != (ROOT, T.DNSKEY):
            return Message(id=0, flags=AUTHORITATIVE, rcode=NOT_IMPLEMENTED, question=(asked,))
        return Message(id=0, flags=AUTHORITATIVE, rcode=0, question=(asked,), answer=tuple(records))

    return answer


async def probed(program: str, folder: Path, answer: Callable[[Question], Message | None]) -> Path:
    """The anchor file after Unbound has asked this root for its keys and has written down what it makes of them."""
    anchors, conf, port = folder / "root.key", folder / "unbound.conf", free_port()
    before = anchors.read_text()
    async with name_server(lambda query: [reply] if (reply := saying(answer)(query)) else []) as root:
        conf.write_text(
            f"""\
server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  logfile: ""
  interface: 127.0.0.1@{port}
  port: {port}
  do-not-query-localhost: no
  module-config: "validator iterator"
  trust-anchor-signaling: no
  auto-trust-anchor-file: "{anchors}"
remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@{root.address[1]}
"""
        )
        unbound = await asyncio.create_subprocess_exec(
            program, "-d", "-c", str(conf), stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
        )
        said = asyncio.create_task(unbound.communicate())
        try:
            async with asyncio.timeout(DEADLINE):
                # Unbound tells nobody when it has written.
                while anchors.read_text() == before:
                    await asyncio.wait([said], timeout=0.02)
                    assert not said.done(), said.result()
        finally:
            if unbound.returncode is None:
                unbound.terminate()
            await said
    return anchors


@pytest.fixture
def old(tmp_path: Path, now: datetime) -> ZoneKey:
    return make_key(tmp_path / "keys", ROOT, KSK_FLAGS, now, Algorithm.ECDSAP256SHA256)


@pytest.fixture
def new(tmp_path: Path, now: datetime) -> ZoneKey:
    return make_key(tmp_path / "keys", ROOT, KSK_FLAGS, now, Algorithm.ECDSAP256SHA256)


def test_of_the_file_that_unbound_keeps_the_key_that_it_believes_is_read(
    require_program: Require, tmp_path: Path, now: datetime, old: ZoneKey, new: ZoneKey
) -> None:
    """A second key has just come: Unbound waits thirty days before it believes it (RFC 5011 §2.4.1)."""
    program = require_program("unbound", package="unbound")
    (tmp_path / "root.key").write_text(f". IN DS {old.tag} 13 2 {make_ds(ROOT, old.dnskey).digest.hex()}\n")
    file = asyncio.run(probed(program, tmp_path, root_server([old, new], [old], now)))
    anchors = wiring.trust_anchors(file, now)
    assert anchors == Anchors((Anchor(ROOT, keys=frozenset({old.dnskey})),)), file.read_text()
    (said,) = anchors.passed_over
    assert f"key {new.tag} of . is in the state ADDPEND" in said


def test_of_the_file_that_unbound_keeps_nothing_is_believed_once_all_keys_are_revoked(
    require_program: Require, tmp_path: Path, now: datetime, old: ZoneKey, new: ZoneKey
) -> None:
    program = require_program("unbound", package="unbound")
    (tmp_path / "root.key").write_text(f". IN DS {old.tag} 13 2 {make_ds(ROOT, old.dnskey).digest.hex()}\n")
    file = asyncio.run(probed(program, tmp_path, root_server([old], [old], now)))
    revoked = ZoneKey.of(ROOT, old.dnskey.flags | 0x80, Algorithm.ECDSAP256SHA256, old.private)
    due = "\n".join(
        ";;next_probe_time: 1" if line.startswith(";;next_probe_time") else line
        for line in file.read_text().split("\n")
    )
    file.write_text(due)
    asyncio.run(probed(program, tmp_path, root_server([revoked, new], [revoked, new], now)))
    with pytest.raises(DanelawError, match="all keys of the zone are revoked"):
        wiring.trust_anchors(file, now)
