"""What a process that was killed in the midst of writing left behind is gone once the next one has written there: keys
above all."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

import dns.name

from danelaw.adapters.clock import SystemClock, ThreadBlocking
from danelaw.adapters.deploy import durable
from danelaw.adapters.deploy.credentials import DirectoryCredentials
from danelaw.adapters.issue.account import AccountFiles
from danelaw.adapters.issue.webroot import WebrootSolver
from danelaw.adapters.zone.key_directory import KSK_FLAGS, KeyDirectory, destroy_key, set_times
from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.bind_keys import KeyTimes
from danelaw.core.model import Challenge, ChallengeType, KeyAlgorithm, Lineage, SubjectName

NOW = datetime(2026, 11, 1, tzinfo=UTC)
ZONE = dns.name.from_text("example.net.")
LINEAGE = Lineage(SubjectName("www.example.net:443/tcp"), KeyAlgorithm.ECDSA)
HEX = "0123456789abcdef"


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob(".*"))


def made(directory: Path) -> tuple[Path, Path]:
    """A private key's file, and the public one."""
    _, public = KeyDirectory(directory).make(ZONE, KSK_FLAGS, NOW, Algorithm.ECDSAP256SHA256)
    return public.with_suffix(".private"), public


def test_half_a_pair_of_zone_keys_goes_with_its_second_name(tmp_path: Path) -> None:
    private, public = made(tmp_path)
    os.link(private, tmp_path / f".{private.name}.ab_34xyz")
    public.unlink()
    assert sorted(made(tmp_path)) == sorted(tmp_path.iterdir())


def test_a_zone_key_that_has_no_second_name_is_the_operators(tmp_path: Path) -> None:
    private, public = made(tmp_path)
    public.unlink()
    assert sorted((private, *made(tmp_path))) == sorted(tmp_path.iterdir())


def test_a_whole_pair_loses_nothing_but_its_second_name(tmp_path: Path) -> None:
    pair = made(tmp_path)
    os.link(pair[0], tmp_path / f".{pair[0].name}.ab_34xyz")
    made(tmp_path)
    assert hidden(tmp_path) == []
    assert all(path.exists() for path in pair)


def test_no_copy_of_a_zone_key_outlives_it(tmp_path: Path) -> None:
    private, public = made(tmp_path)
    ((key, _),) = KeyDirectory(tmp_path).keys(ZONE)
    staged = [tmp_path / f".{path.name}.danelaw-ab_34xyz" for path in (private, public)]
    for path in staged:
        path.write_text("PrivateKey: …", encoding="utf-8")
    set_times(tmp_path, key, KeyTimes.at_once(NOW))
    assert hidden(tmp_path) == []
    staged[0].write_text("PrivateKey: …", encoding="utf-8")
    destroy_key(tmp_path, key)
    assert list(tmp_path.iterdir()) == []


def test_a_half_made_generation_goes_when_the_next_is_made_and_files_with_its_key_when_that_is_destroyed(
    tmp_path: Path,
) -> None:
    credentials = DirectoryCredentials(tmp_path, ThreadBlocking(), SystemClock())
    generation = asyncio.run(credentials.make_key(LINEAGE))
    (folder,) = tmp_path.glob("**/generations/*")
    (folder.parent / f".new-{HEX}").mkdir()
    (folder.parent / f".new-{HEX}" / "privkey.pem").write_text("a key")
    asyncio.run(credentials.make_key(LINEAGE))
    assert hidden(tmp_path) == []
    (folder / f".combined.pem.{HEX}.new").write_text("a key")
    asyncio.run(credentials.destroy(LINEAGE, generation))
    assert hidden(tmp_path) == []


def test_a_link_that_was_not_put_in_place_goes_and_that_of_a_longer_name_does_not(tmp_path: Path) -> None:
    mine, others = tmp_path / f".www.{HEX}.new", tmp_path / f".www.example.{HEX}.new"
    for link in (mine, others):
        link.symlink_to("nowhere")
    durable.point_link(tmp_path / "www", tmp_path)
    assert hidden(tmp_path) == [others.name]


def test_an_account_key_that_was_not_put_in_place_goes(tmp_path: Path) -> None:
    (tmp_path / ".new-ab_34xyz").write_text("a key")
    AccountFiles(tmp_path).key()
    assert [path.name for path in tmp_path.iterdir()] == ["key.pem"]


def test_a_response_that_was_not_put_in_place_goes(tmp_path: Path) -> None:
    challenge = Challenge("https://ca.example/1", ChallengeType.HTTP_01, ZONE, "token-of-a-ca", "response")
    folder = tmp_path / ".well-known" / "acme-challenge"
    folder.mkdir(parents=True)
    (folder / ".token-of-a-ca-ab_34xyz").touch()
    asyncio.run(WebrootSolver(tmp_path).place(challenge))
    assert [path.name for path in folder.iterdir()] == ["token-of-a-ca"]
