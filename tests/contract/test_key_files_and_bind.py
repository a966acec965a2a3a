"""BIND's tools on our key files, and ours on BIND's: algorithms, times, what a time means; and making keys at once."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import dns.name
import pytest

from danelaw.adapters.zone import key_directory
from danelaw.adapters.zone.key_directory import KSK_FLAGS, ZSK_FLAGS, KeyDirectory, make_key, read_keys
from danelaw.core.dnssec.algorithms import Algorithm
from danelaw.core.dnssec.bind_keys import KeyState, KeyTimes, key_file_name
from danelaw.core.dnssec.crypto import verify_bytes
from danelaw.core.dnssec.delegation_records import DelegationRecords, delegated_keys
from danelaw.core.dnssec.key_choice import OFFERED
from danelaw.core.model import DanelawError

pytestmark = pytest.mark.slow

Require = Callable[..., str]
ZONE: Final = dns.name.from_text("example.net.")
DAY: Final = timedelta(days=1)
DANELAW: Final = str(Path(sys.executable).with_name("danelaw"))

PLAIN = """\
$TTL 300
@   SOA ns hostmaster 1 3600 600 86400 300
    NS  ns
ns  A   192.0.2.1
"""


@pytest.fixture
def tool(require_program: Require, tmp_path: Path) -> Callable[..., str]:
    """A tool of BIND's, in the directory of the keys; what it prints."""

    def run(program: str, *arguments: str) -> str:
        path = require_program(program, package="bind9-utils")
        done = subprocess.run(  # noqa: S603  # a program of the test packages
            [path, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


Tool = Callable[..., str]


def seconds(when: datetime) -> datetime:
    return when.astimezone(UTC).replace(microsecond=0)


# -- our files, BIND's tools --------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", OFFERED, ids=lambda a: a.name)
def test_binds_tools_take_our_keys(tool: Tool, tmp_path: Path, algorithm: Algorithm) -> None:
    """dnssec-settime changes their times, dnssec-dsfromkey makes the same DS, dnssec-signzone signs with them."""
    now = seconds(datetime.now(UTC))
    ksk = make_key(tmp_path, ZONE, KSK_FLAGS, now, algorithm)
    make_key(tmp_path, ZONE, ZSK_FLAGS, now, algorithm)
    stem = key_file_name(ZONE, ksk.dnskey)
    told = tool("dnssec-settime", "-u", "-p", "all", stem)
    assert [int(when) for when in re.findall(r"(?:Created|Publish|Activate): (\d+)", told)] == [now.timestamp()] * 3

    records = DelegationRecords(ZONE, (ksk.dnskey,))
    theirs = tool("dnssec-dsfromkey", "-a", "SHA-256", "-a", "SHA-384", f"{stem}.key").splitlines()
    assert [line.split() for line in theirs] == [line.split() for line in records.ds_lines()]
    cds = tool("dnssec-dsfromkey", "-C", "-a", "SHA-256", "-a", "SHA-384", f"{stem}.key").splitlines()
    assert [line.split() for line in cds] == [line.split() for line in records.cds_lines()]

    (tmp_path / "zone").write_text(PLAIN)
    tool("dnssec-signzone", "-S", "-K", ".", "-o", "example.net", "-f", "signed", "zone")
    tool("dnssec-verify", "-o", "example.net", "signed")

    tool("dnssec-settime", "-I", f"{now + DAY:%Y%m%d%H%M%S}", "-D", f"{now + 2 * DAY:%Y%m%d%H%M%S}", stem)
    (times,) = (times for key, times in read_keys(tmp_path, ZONE) if key == ksk)
    assert times == KeyTimes(now, now, now, None, now + DAY, now + 2 * DAY)


@pytest.mark.parametrize("name", [".", "xn--caf-dma.example.", "a/b.*.EXAMPLE.", "_tcp.example."])
def test_files_of_unusual_names_are_named_as_bind_names_them(tool: Tool, tmp_path: Path, name: str) -> None:
    zone = dns.name.from_text(name)
    theirs = tool("dnssec-keygen", "-q", "-a", "13", name).strip()
    ours = make_key(tmp_path, zone, ZSK_FLAGS, datetime.now(UTC))
    assert key_file_name(zone, ours.dnskey)[:-6] == theirs[:-6]
    assert len(read_keys(tmp_path, zone)) == 2


# -- BIND's files, our reading ------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", [*OFFERED, Algorithm.RSASHA512], ids=lambda a: a.name)
@pytest.mark.parametrize("ksk", [True, False], ids=["KSK", "ZSK"])
def test_keys_of_dnssec_keygen_are_used_as_they_are(
    tool: Tool, tmp_path: Path, algorithm: Algorithm, ksk: bool
) -> None:
    tool("dnssec-keygen", "-q", "-a", str(int(algorithm)), *(["-f", "KSK"] if ksk else []), "-L", "3600", "Example.NET")
    ((key, times),) = read_keys(tmp_path, ZONE)
    assert (key.dnskey.is_sep, key.dnskey.algorithm) == (ksk, algorithm)
    assert times.signs(datetime.now(UTC))
    assert verify_bytes(algorithm, key.dnskey.public_key, b"data", key.sign(b"data"))


def test_every_time_of_dnssec_keygen_is_read(tool: Tool, tmp_path: Path) -> None:
    start = datetime(2030, 1, 1, tzinfo=UTC)
    stamps = [f"{start + n * DAY:%Y%m%d%H%M%S}" for n in range(7)]
    options = [part for option, stamp in zip("PARID", stamps, strict=False) for part in (f"-{option}", stamp)]
    tool(
        "dnssec-keygen",
        "-q",
        "-a",
        "13",
        "-f",
        "KSK",
        *options,
        "-P",
        "sync",
        stamps[5],
        "-D",
        "sync",
        stamps[6],
        "example.net",
    )
    ((_, times),) = read_keys(tmp_path, ZONE)
    wanted = KeyTimes(times.created, *(start + n * DAY for n in range(7)))
    assert times == wanted
    assert abs((times.created or start) - datetime.now(UTC)) < timedelta(minutes=2)


LIVES = {
    "now": KeyState.ACTIVE,
    "-P now -A none": KeyState.PUBLISHED,
    "-P now -A +1d": KeyState.PUBLISHED,
    "-P none -A now": KeyState.ACTIVE,
    "-P none -A +1d": KeyState.GENERATED,
    "-P +1d -A +1d": KeyState.GENERATED,
    "-G": KeyState.GENERATED,
    "-P -3d -A -2d -I -1d": KeyState.RETIRED,
    "-P -3d -A none -I -1d": KeyState.RETIRED,
    "-P -3d -A -2d -I +1d": KeyState.ACTIVE,
    "-P -3d -A -2d -R -1d": KeyState.REVOKED,
    "-P -3d -A +2d -R -1d": KeyState.REVOKED,
    "-P -3d -A -2d -R -1d -I -1d": KeyState.REVOKED,
    "-P -3d -A -2d -D -1d": KeyState.REMOVED,
    "-P -3d -A -2d -R -2d -D -1d": KeyState.REMOVED,
}


def test_times_mean_what_dnssec_signzone_takes_them_to_mean(tool: Tool, tmp_path: Path) -> None:
    """Which keys it publishes, revokes and signs with, all of them in one directory."""
    tool("dnssec-keygen", "-q", "-a", "13", "-f", "KSK", "example.net")
    names = {}
    for options in LIVES:
        words = [] if options == "now" else options.split()
        names[tool("dnssec-keygen", "-q", "-a", "13", *words, "example.net").strip()] = options
    now = datetime.now(UTC)
    ours = {key_file_name(ZONE, key.dnskey): (key, times.state(now)) for key, times in read_keys(tmp_path, ZONE)}
    assert {options: ours[name][1] for name, options in names.items()} == LIVES

    (tmp_path / "zone").write_text(PLAIN)
    tool("dnssec-signzone", "-S", "-K", ".", "-O", "full", "-o", "example.net", "-f", "signed", "zone")
    lines = [line.split() for line in (tmp_path / "signed").read_text().splitlines()]
    published = {"".join(line[7:]): int(line[4]) for line in lines if line[3:4] == ["DNSKEY"]}
    signers = {int(line[10]) for line in lines if line[3:5] == ["RRSIG", "SOA"]}
    theirs = {}
    for name, options in names.items():
        key, _ = ours[name]
        public = (tmp_path / f"{name}.key").read_text().splitlines()[-1].split()[6:]
        flags = published.get("".join(public))
        if flags is None:
            theirs[options] = {KeyState.GENERATED, KeyState.REMOVED}
        elif flags & 0x80:
            theirs[options] = {KeyState.REVOKED}
        else:
            theirs[options] = {KeyState.ACTIVE} if key.tag in signers else {KeyState.PUBLISHED, KeyState.RETIRED}
    assert {options: LIVES[options] in states for options, states in theirs.items()} == dict.fromkeys(LIVES, True)


def test_a_key_without_times_of_the_old_format_is_active(tool: Tool, tmp_path: Path) -> None:
    tool("dnssec-keygen", "-q", "-C", "-a", "8", "-f", "KSK", "example.net")
    ((key, times),) = read_keys(tmp_path, ZONE)
    assert times.state(datetime.now(UTC)) is KeyState.ACTIVE
    assert delegated_keys([(key, times)], datetime.now(UTC)) == (key.dnskey,)


def test_the_articles_keys_are_told_apart_with_the_command_that_helps(tool: Tool, tmp_path: Path) -> None:
    """It makes keys for www.dotnxdomain.net, with SHA-1, and signs dotnxdomain.net with them."""
    tool("dnssec-keygen", "-q", "-f", "KSK", "-a", "RSASHA1", "-b", "2048", "-n", "ZONE", "www.dotnxdomain.net")
    with pytest.raises(DanelawError) as caught:
        KeyDirectory(tmp_path).needed(dns.name.from_text("dotnxdomain.net."))
    assert caught.value.code == "KEYS_MISSING"
    assert "www.dotnxdomain.net." in caught.value.evidence
    assert caught.value.hint == f"danelaw zone keygen dotnxdomain.net --keys {tmp_path}"
    with pytest.raises(DanelawError, match="KEYS_UNREADABLE") as caught:
        read_keys(tmp_path, dns.name.from_text("www.dotnxdomain.net."))
    assert "RFC 9905" in caught.value.evidence
    assert "danelaw zone keygen" in caught.value.hint


# -- making keys --------------------------------------------------------------------------------------------------


def test_processes_that_make_keys_at_once_make_them_all(tmp_path: Path) -> None:
    keys = tmp_path / "new" / "keys"
    command = [DANELAW, "zone", "keygen", "example.net", "--keys", str(keys), "--zsk"]
    makers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603  # the installed program, without a shell
        for _ in range(6)
    ]
    said = [maker.communicate(timeout=60) for maker in makers]
    assert [maker.returncode for maker in makers] == [0] * 6, said
    made = read_keys(keys, ZONE)
    tags = [tag for key, _ in made for tag in (key.tag, key_directory._revoked_tag(key))]
    assert len(set(tags)) == 12
    names = {f"{key_file_name(ZONE, key.dnskey)}{ending}" for key, _ in made for ending in (".key", ".private")}
    assert {path.name for path in keys.iterdir()} == names
    assert {out.strip() for out, _ in said} == {name.removesuffix(".key") for name in names if name.endswith(".key")}


@pytest.mark.parametrize("call", ["fsync", "link", "fchmod"])
@pytest.mark.parametrize("nth", [1, 2])
def test_a_kill_leaves_no_key_that_is_half_there(tmp_path: Path, call: str, nth: int) -> None:
    """Killed at each step of the writing, a directory holds only whole keys, and making goes on."""
    script = f"""
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
import dns.name
from danelaw.adapters.zone.key_directory import make_key
real, calls = os.{call}, []
def dying(*arguments, **named):
    calls.append(1)
    if len(calls) == {nth}:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **named)
os.{call} = dying
make_key(Path(sys.argv[1]), dns.name.from_text("example.net."), 257, datetime.now(UTC))
"""
    died = subprocess.run([sys.executable, "-c", script, tmp_path], check=False, timeout=60)  # noqa: S603  # the installed program, without a shell
    assert died.returncode == -9
    assert read_keys(tmp_path, ZONE) == []
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir() if "private" in path.name)
    key = make_key(tmp_path, ZONE, KSK_FLAGS, datetime.now(UTC))
    assert [found for found, _ in read_keys(tmp_path, ZONE)] == [key]


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_modes_do_not_hang_on_the_umask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        key, public = KeyDirectory(tmp_path / "keys").make(ZONE, KSK_FLAGS, datetime.now(UTC), Algorithm.ED25519)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (public.parent, public, public.with_suffix(".private"))]
    assert modes == [0o700, 0o644, 0o600]
    assert public.name == f"{key_file_name(ZONE, key.dnskey)}.key"


@pytest.mark.parametrize("ending", [".key", ".private"])
def test_no_file_is_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    """Not even one that another program puts there at the last moment."""
    first, second = (key_directory._generate(Algorithm.ED25519) for _ in range(2))
    offered = [first, second]
    monkeypatch.setattr(key_directory, "_generate", lambda algorithm: offered.pop(0))
    probe = make_key(tmp_path / "elsewhere", ZONE, KSK_FLAGS, datetime.now(UTC), Algorithm.ED25519)
    there = tmp_path / f"{key_file_name(ZONE, probe.dnskey)}{ending}"
    created = key_directory._created

    def late(path: Path, data: bytes, mode: int) -> AbstractContextManager[None]:
        if path == there:
            there.write_text("somebody else's")
        return created(path, data, mode)

    monkeypatch.setattr(key_directory, "_created", late)
    offered[:] = [first, second]
    made = make_key(tmp_path, ZONE, KSK_FLAGS, datetime.now(UTC), Algorithm.ED25519)
    assert made.private is second
    assert there.read_text() == "somebody else's"
    left = {path.name for path in tmp_path.iterdir() if path.is_file()} - {there.name}
    assert left == {f"{key_file_name(ZONE, made.dnskey)}{ending}" for ending in (".key", ".private")}


def test_who_waits_too_long_for_another_process_is_told(tmp_path: Path) -> None:
    with key_directory._alone(tmp_path, timedelta(0)), pytest.raises(DanelawError, match="KEYS_LOCKED"):
        KeyDirectory(tmp_path, patience=timedelta(0)).make(ZONE, KSK_FLAGS, datetime.now(UTC), Algorithm.ED25519)
    assert list(tmp_path.iterdir()) == []


# -- files that cannot be used ------------------------------------------------------------------------------------


def lose_private(public: Path, private: Path) -> None:
    private.unlink()


def open_private(public: Path, private: Path) -> None:
    private.chmod(0o644)


def halve_private(public: Path, private: Path) -> None:
    private.write_text(private.read_text()[:60])


def swap_public(public: Path, private: Path) -> None:
    public.write_text(public.read_text().replace("DNSKEY 257", "DNSKEY 256"))


def put_binary(public: Path, private: Path) -> None:
    public.write_bytes(b"\xff\xfe")


def rename_both(public: Path, private: Path) -> None:
    for path in (public, private):
        path.rename(path.with_name(f"Kexample.net.+015+00001{path.suffix}"))


def rename_zone(public: Path, private: Path) -> None:
    public.write_text(public.read_text().replace("example.net. IN", "example.org. IN"))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lose_private, "a key is two files"),
        (open_private, "chmod 600"),
        (halve_private, "restore"),
        (swap_public, "was renamed or edited"),
        (put_binary, "restore"),
        (rename_both, "was renamed or edited"),
        (rename_zone, "was renamed or edited"),
    ],
)
def test_a_key_that_cannot_be_used_is_named_with_what_helps(
    tmp_path: Path, damage: Callable[[Path, Path], None], said: str
) -> None:
    _, public = KeyDirectory(tmp_path).make(ZONE, KSK_FLAGS, datetime.now(UTC), Algorithm.ED25519)
    private = public.with_suffix(".private")
    secret = private.read_text().splitlines()[2].split()[1]
    damage(public, private)
    with pytest.raises(DanelawError, match="KEYS_UNREADABLE") as caught:
        read_keys(tmp_path, ZONE)
    assert said in caught.value.hint
    assert ".key" in str(caught.value) or ".private" in str(caught.value)
    assert secret[:8] not in str(caught.value) + caught.value.hint


def test_where_no_key_can_be_kept_that_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DanelawError, match="KEYS_UNWRITABLE"):
        make_key(tmp_path / "file" / "keys", ZONE, KSK_FLAGS, datetime.now(UTC))
    with pytest.raises(DanelawError, match="KEYS_UNREADABLE"):
        read_keys(tmp_path / "file", ZONE)
    with pytest.raises(DanelawError, match="KEYS_MISSING") as caught:
        KeyDirectory(tmp_path / "nowhere").needed(ZONE)
    assert "no such directory" in caught.value.evidence
