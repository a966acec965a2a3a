"""``danelaw zone keygen`` and ``danelaw zone ds`` as a user types them; the delegation is one on loopback."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from command_said import Said
from danelaw.adapters.zone.key_directory import KSK_FLAGS, ZSK_FLAGS, make_key, read_keys
from danelaw.core.dnssec.algorithms import Algorithm, DigestType
from danelaw.core.dnssec.bind_keys import key_file_name
from danelaw.core.dnssec.keys import DNSKEY, ZoneKey, make_ds
from danelaw.core.model import IP
from danelaw.faces import cli
from danelaw.wiring import looking
from delegation_world import A_NET, B_NET, NS1, NS2, RESOLVER, ZONE, World, dnskeys, standing

Danelaw = Callable[..., Said]


@pytest.fixture
def danelaw(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Danelaw:
    """The command line, in this process, on a terminal of 80 columns that is none."""
    monkeypatch.setenv("COLUMNS", "80")
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def run(*arguments: str | Path) -> Said:
        monkeypatch.setattr(sys, "argv", ["danelaw", *map(str, arguments)])
        try:
            with pytest.raises(SystemExit) as ended:
                cli.main()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        out, err = capfd.readouterr()
        return Said(int(ended.value.code or 0), out, err)

    return run


# -- keygen -------------------------------------------------------------------------------------------------------


def test_a_zone_gets_one_key_that_signs_everything(danelaw: Danelaw, tmp_path: Path) -> None:
    said = danelaw("zone", "keygen", "Example.NET", "--keys", tmp_path / "keys")
    ((key, times),) = read_keys(tmp_path / "keys", ZONE)
    assert (said.status, said.out) == (0, f"{key_file_name(ZONE, key.dnskey)}\n")
    assert (key.dnskey.flags, key.dnskey.algorithm) == (257, 13)
    assert times.signs(datetime.now(UTC))
    assert f"CSK {key.tag} of example.net" in said.err
    assert "signs the whole zone" in said.err
    assert "next: danelaw zone sign example.net" in said.err
    assert "then: danelaw zone ds example.net" in said.err


@pytest.mark.parametrize(
    ("options", "flags", "algorithm", "bits"),
    [
        (["--zsk"], 256, 13, 256),
        (["--ksk", "--algorithm", "14"], 257, 14, 384),
        (["-a", "ED25519"], 257, 15, 256),
        (["-a", "ed448"], 257, 16, 456),
        (["-a", "RSASHA256"], 257, 8, 2048),
        (["-a", "8", "--bits", "3072", "--zsk"], 256, 8, 3072),
    ],
)
def test_keys_of_each_role_and_algorithm_are_made(
    danelaw: Danelaw, tmp_path: Path, options: list[str], flags: int, algorithm: int, bits: int
) -> None:
    said = danelaw("zone", "keygen", "example.net", "--keys", tmp_path, "--json", *options)
    ((key, _),) = read_keys(tmp_path, ZONE)
    told = json.loads(said.out)
    assert (said.status, said.err) == (0, "")
    assert (key.dnskey.flags, key.dnskey.algorithm) == (flags, algorithm)
    assert told["schema"] == "danelaw/zone-keygen/1"
    assert (told["tag"], told["flags"], told["algorithm"], told["bits"]) == (key.tag, flags, algorithm, bits)
    assert Path(told["public"]).exists()
    assert Path(told["private"]).exists()


@pytest.mark.parametrize(
    ("options", "said_of_it"),
    [
        (["-a", "RSASHA1"], "RFC 9905"),
        (["-a", "5"], "RFC 9905"),
        (["-a", "NSEC3RSASHA1"], "RFC 9905"),
        (["-a", "DSA"], "SHA-1"),
        (["-a", "RSASHA512"], "RFC 9904"),
        (["-a", "ECCGOST"], "out of use"),
        (["-a", "17"], "not made here"),
        (["-a", "0"], "not known"),
        (["-a", "99999999999999999999"], "not known"),
        (["-a", "\u00b2"], "not known"),
        (["-a", ""], "not known"),
        (["-a", "8", "-b", "1024"], "too weak"),
        (["-a", "8", "-b", "8192"], "no longer"),
        (["-b", "2048"], "one size only"),
    ],
)
def test_what_no_new_key_shall_be_is_refused_with_the_reason(
    danelaw: Danelaw, tmp_path: Path, options: list[str], said_of_it: str
) -> None:
    said = danelaw("zone", "keygen", "example.net", "--keys", tmp_path / "keys", *options)
    assert (said.status, said.out) == (2, "")
    assert said_of_it in said.err
    assert "hint: " in said.err
    assert not (tmp_path / "keys").exists()


def test_a_new_key_is_of_the_algorithm_of_those_that_are_there(danelaw: Danelaw, tmp_path: Path) -> None:
    make_key(tmp_path, ZONE, KSK_FLAGS, datetime.now(UTC), Algorithm.ED25519)
    assert (
        json.loads(danelaw("zone", "keygen", "example.net", "--keys", tmp_path, "--zsk", "--json").out)["algorithm"]
        == 15
    )


@pytest.mark.parametrize(
    ("there", "options", "note"),
    [
        ([], ["--zsk"], "also needs a KSK"),
        ([], ["--ksk"], "until there is a ZSK"),
        ([KSK_FLAGS], ["--zsk"], "keys only, and this key the rest"),
        ([KSK_FLAGS], [], "Leave the DS as it is"),
        ([ZSK_FLAGS], [], "this key signs the keys only"),
        ([KSK_FLAGS, ZSK_FLAGS], ["--zsk"], "signs the zone already"),
        ([KSK_FLAGS, ZSK_FLAGS], ["--zsk"], "both do"),
        ([KSK_FLAGS, ZSK_FLAGS, ZSK_FLAGS], ["--zsk"], "all do"),
        ([KSK_FLAGS], ["--ksk", "-a", "15"], "of another algorithm"),
    ],
)
def test_what_a_key_changes_for_those_that_are_there_is_told(
    danelaw: Danelaw, tmp_path: Path, there: list[int], options: list[str], note: str
) -> None:
    for flags in there:
        make_key(tmp_path, ZONE, flags, datetime.now(UTC))
    notes = json.loads(danelaw("zone", "keygen", "example.net", "--keys", tmp_path, "--json", *options).out)["notes"]
    assert any(note in one for one in notes)


# -- ds -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def key(tmp_path: Path) -> ZoneKey:
    return make_key(tmp_path, ZONE, KSK_FLAGS, datetime.now(UTC))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with standing(World()) as here:
        monkeypatch.setattr(looking, "dialer", lambda: here.dialer)
        yield here


def test_offline_the_records_are_printed_and_nobody_is_asked(danelaw: Danelaw, tmp_path: Path, key: ZoneKey) -> None:
    said = danelaw("zone", "ds", "example.net", "--keys", tmp_path, "--offline")
    lines = said.out.splitlines()
    digests = [make_ds(ZONE, key.dnskey, digest).digest.hex().upper() for digest in (2, 4)]
    assert said.status == 0
    for type in ("DS", "CDS"):
        for digest_type, digest in zip((2, 4), digests, strict=True):
            assert f"example.net. IN {type} {key.tag} 13 {digest_type} {digest}" in lines
    assert sum(" IN CDNSKEY 257 3 13 " in line for line in lines) == 1
    assert f"key tag      {key.tag}" in said.err
    assert "Servers of" not in said.err
    assert max(map(len, said.err.splitlines())) <= 80


def test_a_key_that_does_not_sign_yet_has_no_ds_and_is_named(danelaw: Danelaw, tmp_path: Path, key: ZoneKey) -> None:
    later = make_key(tmp_path, ZONE, KSK_FLAGS, datetime.now(UTC) + timedelta(days=30))
    said = danelaw("zone", "ds", "example.net", "--keys", tmp_path, "--offline")
    assert f"IN DS {key.tag} " in said.out
    assert f" {later.tag} " not in said.out
    assert f"no DS for KSK {later.tag}, which is generated" in said.err


def test_other_digests_can_be_asked_for(danelaw: Danelaw, tmp_path: Path, key: ZoneKey) -> None:
    said = danelaw("zone", "ds", "example.net", "--keys", tmp_path, "--offline", "--json", "--digest", "sha384")
    told = json.loads(said.out)
    assert told["schema"] == "danelaw/zone-ds/1"
    assert [(one["key_tag"], one["digest_type"]) for one in told["ds"]] == [(key.tag, 4)]
    assert danelaw("zone", "ds", "example.net", "--keys", tmp_path, "--digest", "sha1").status == 2


def test_a_zone_without_keys_is_told_whose_keys_are_there(danelaw: Danelaw, tmp_path: Path, key: ZoneKey) -> None:
    said = danelaw("zone", "ds", "www.example.net", "--keys", tmp_path)
    assert (said.status, said.out) == (2, "")
    assert "KEYS_MISSING" in said.err
    assert "its keys are of example.net." in said.err
    assert f"hint: danelaw zone keygen www.example.net --keys {tmp_path}" in said.err


def test_a_zone_with_only_a_zsk_has_nothing_that_a_ds_could_point_to(danelaw: Danelaw, tmp_path: Path) -> None:
    make_key(tmp_path, ZONE, ZSK_FLAGS, datetime.now(UTC))
    said = danelaw("zone", "ds", "example.net", "--keys", tmp_path, "--offline")
    assert (said.status, said.out) == (2, "")
    assert "KEY_NOT_ACTIVE" in said.err
    assert "--ksk" in said.err


def set_right(world: World, key: ZoneKey) -> None:
    world.ds |= {ip: frozenset({make_ds(ZONE, key.dnskey).to_rdata()}) for ip in (A_NET, B_NET)}
    world.dnskey |= dict.fromkeys((NS1, NS2), dnskeys([key]))


def ds(danelaw: Danelaw, directory: Path, *options: str) -> Said:
    return danelaw("zone", "ds", "example.net", "--keys", directory, "--resolver", RESOLVER.compressed, *options)


def test_when_every_server_has_what_it_should_that_is_told(
    danelaw: Danelaw, tmp_path: Path, key: ZoneKey, world: World
) -> None:
    set_right(world, key)
    said = ds(danelaw, tmp_path)
    assert said.status == 0
    for server in (
        "a.net. 192.0.2.1",
        "b.net. 192.0.2.2",
        "ns1.example.net. 192.0.2.11",
        "ns2.example.net. 192.0.2.12",
    ):
        assert server in said.err
    assert "The parent and the zone agree." in said.err
    assert "to do: " not in said.err


def no_ds(world: World, key: ZoneKey) -> None:
    world.ds |= {A_NET: frozenset(), B_NET: frozenset()}


def another_ds(world: World, key: ZoneKey) -> None:
    other = DNSKEY(257, 3, 13, bytes(64))
    world.ds[B_NET] = frozenset({make_ds(ZONE, other).to_rdata()})


def unsigned(world: World, key: ZoneKey) -> None:
    no_ds(world, key)
    world.dnskey.clear()


def parent_silent(world: World, key: ZoneKey) -> None:
    world.ds[B_NET] = None


def server_silent(world: World, key: ZoneKey) -> None:
    world.dnskey[NS2] = None


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        (no_ds, 1, ["missing no DS", "[DS_MISSING]", "give the registrar"]),
        (another_ds, 1, ["other   DS", "[DS_BREAKS_ZONE]", "[DS_STALE]", "[PARENT_DIFFERS]"]),
        (unsigned, 1, ["no DNSKEY records", "[DS_NOT_YET]"]),
        (parent_silent, 3, ["silent  REFUSED", "Not decided"]),
        (server_silent, 3, ["silent  REFUSED", "Not decided"]),
    ],
)
def test_what_is_wrong_is_told_with_what_to_do(
    danelaw: Danelaw,
    tmp_path: Path,
    key: ZoneKey,
    world: World,
    change: Callable[[World, ZoneKey], None],
    status: int,
    words: list[str],
) -> None:
    set_right(world, key)
    change(world, key)
    said = ds(danelaw, tmp_path)
    assert said.status == status
    for word in words:
        assert word in " ".join(said.err.split()) or word in said.err
    assert max(map(len, said.err.splitlines())) <= 80


def test_a_script_reads_the_verdict_as_json(danelaw: Danelaw, tmp_path: Path, key: ZoneKey, world: World) -> None:
    set_right(world, key)
    another_ds(world, key)
    said = ds(danelaw, tmp_path, "--json")
    told = json.loads(said.out)
    assert (said.status, said.err) == (1, "")
    assert (told["verdict"], told["parent"]) == ("mismatch", "net.")
    assert [one["match"] for one in told["parent_servers"]] == ["right", "other"]
    assert [one["signing"] for one in told["zone_servers"]] == [[key.tag]] * 2
    assert {one["code"] for one in told["findings"]} >= {"DS_BREAKS_ZONE", "DS_STALE"}


def test_watching_lasts_until_every_server_of_the_parent_has_the_ds(
    danelaw: Danelaw, tmp_path: Path, key: ZoneKey, world: World
) -> None:
    """The second server lags, and is silent for a while."""
    set_right(world, key)
    right = world.ds[A_NET]
    world.ds |= {A_NET: frozenset(), B_NET: frozenset()}
    looks: list[IP] = []

    def asked(ip: IP) -> None:
        looks.append(ip)
        if looks.count(A_NET) >= 3:
            world.ds[A_NET] = right
        world.ds[B_NET] = None if looks.count(B_NET) == 4 else right if looks.count(B_NET) >= 6 else frozenset()

    world.asked = asked
    said = ds(danelaw, tmp_path, "--watch", "--every", "0.1")
    assert said.status == 0
    assert looks.count(B_NET) == 6
    waits = [line for line in said.err.splitlines() if "waiting for" in line]
    assert [line.split("Z ", 1)[1] for line in waits] == [
        "waiting for 2 of 2 servers of net.: a.net. (192.0.2.1): no DS, b.net. (192.0.2.2): no DS",
        "waiting for 1 of 2 servers of net.: b.net. (192.0.2.2): no DS",
        "waiting for 1 of 2 servers of net.: b.net. (192.0.2.2): silent",
        "waiting for 1 of 2 servers of net.: b.net. (192.0.2.2): no DS",
    ]


def test_watching_can_be_interrupted(danelaw: Danelaw, tmp_path: Path, key: ZoneKey, world: World) -> None:
    looks: list[IP] = []

    def asked(ip: IP) -> None:
        looks.append(ip)
        if len(looks) == 4:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    world.asked = asked
    said = ds(danelaw, tmp_path, "--watch", "--every", "0.1")
    assert said.status == 130
    assert said.err.endswith("interrupted\n")
    assert "Traceback" not in said.err


def test_without_a_resolver_that_answers_the_records_are_there_and_nothing_is_decided(
    danelaw: Danelaw, tmp_path: Path, key: ZoneKey, world: World
) -> None:
    del world.places[RESOLVER]
    said = ds(danelaw, tmp_path)
    assert said.status == 3
    assert f"example.net. IN DS {key.tag} 13 {DigestType.SHA256:d} " in said.out
    assert "SERVERS_UNKNOWN" in said.err
    assert "--offline" in said.err


def test_nothing_is_asked_of_anybody_where_options_contradict(danelaw: Danelaw, tmp_path: Path) -> None:
    assert danelaw("zone", "ds", "example.net", "--keys", tmp_path, "--offline", "--watch").status == 2
    assert danelaw("zone", "ds", "..", "--keys", tmp_path).status == 2
    assert list(tmp_path.iterdir()) == []
