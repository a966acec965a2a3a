"""``danelaw zone sign`` as an operator types it: what it says, what it writes, and what it leaves alone."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dns.rdatatype import RdataType as T

from danelaw import wiring
from danelaw.adapters.zone.key_directory import KSK_FLAGS, ZSK_FLAGS
from danelaw.core.dnssec.canonical import plain_wire
from danelaw.core.model import Message, Question, Record
from danelaw.wiring import looking
from delegation_world import RESOLVER, World, standing
from name_servers import answering
from zone_operator import LOCK, SOURCE, ZONE, Operator, named

pytestmark = pytest.mark.slow


@pytest.fixture
def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Operator:
    return Operator.at(tmp_path, monkeypatch, capfd)


@pytest.fixture
def signer(operator: Operator) -> Operator:
    """One who has made a key."""
    operator.make_keys(KSK_FLAGS)
    return operator


# -- what it says and does ----------------------------------------------------------------------------------------


def test_the_first_signing_says_what_was_made_and_what_comes_next(signer: Operator) -> None:
    said = signer.sign()
    assert (said.status, said.err) == (0, "")
    text = said.out.replace(str(signer.tags[0]), "TAG")
    assert re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "INSTANT", text) == (
        "example.net. signed, serial 2026112300\n"
        "  file       zone.signed\n"
        "  keys       CSK TAG ECDSAP256SHA256\n"
        "  RRsets     11 signed anew, 0 kept their signatures\n"
        "  all anew   zone.signed is not there yet\n"
        "  validity   19 days, since the SOA's EXPIRE and the TTLs need as much\n"
        "  first ends INSTANT UTC\n"
        "  sign again INSTANT UTC at the latest\n"
        "  next       let the name server load zone.signed, or give its command with\n"
        "             --reload\n"
    )


def test_of_the_file_that_is_edited_only_the_serial_changes(signer: Operator) -> None:
    signer.sign()
    assert signer.source == SOURCE.replace("2016122202", "2026112300")


def test_what_is_right_is_not_written_again(signer: Operator) -> None:
    signer.sign()
    before = {path: path.stat().st_mtime_ns for path in signer.folder.rglob("*")}
    said = signer.sign()
    assert said.status == 0
    assert said.out.startswith("example.net. unchanged, serial 2026112300: every signature is good\n")
    assert {path: path.stat().st_mtime_ns for path in signer.folder.rglob("*")} == before


def test_what_was_edited_is_signed_and_the_rest_keeps_its_signatures(signer: Operator) -> None:
    signer.sign()
    (signer.folder / "zone").write_text(signer.source + "new A 192.0.2.3\n")
    said = signer.sign()
    assert "example.net. signed, serial 2026112301, was 2026112300\n" in said.out
    # The SOA, the new record, its NSEC and that of the name before it.
    assert "  RRsets     4 signed anew, 9 kept their signatures\n" in said.out
    assert "  went live  new.example.net. A\n" in said.out


def test_on_request_all_is_made_anew(signer: Operator) -> None:
    signer.sign()
    said = signer.sign("--full")
    assert "  RRsets     11 signed anew, 0 kept their signatures\n  all anew   it was asked for\n" in said.out


def test_the_same_input_at_the_same_instant_gives_the_same_bytes(signer: Operator) -> None:
    signer.sign()
    first = signer.files()
    for path in ("zone.signed", "zone.signed.danelaw-state"):
        (signer.folder / path).unlink()
    (signer.folder / "zone").write_text(SOURCE)
    signer.sign()
    assert signer.files() == first


def test_json_tells_the_same(signer: Operator) -> None:
    told = json.loads(signer.sign("--json").out)
    first, again = told.pop("first_expiration"), told.pop("sign_again_by")
    assert again < first
    assert told == {
        "schema": "danelaw/zone-sign/1",
        "zone": "example.net.",
        "file": "zone",
        "signed_file": "zone.signed",
        "changed": True,
        "serial": 2026112300,
        "served_before": None,
        "keys": [{"tag": signer.tags[0], "role": "csk", "flags": 257, "algorithm": 13}],
        "rrsets": {"signed": 11, "kept": 0},
        "full": "zone.signed is not there yet",
        "went_live": [],
        "validity": 1717800,
        "reload": [],
        "served": None,
        "servers": [],
        "findings": [],
    }


def test_each_key_is_told_by_what_it_does(operator: Operator) -> None:
    operator.make_keys(KSK_FLAGS, ZSK_FLAGS)
    keys = operator.sign().out.partition("keys")[2].splitlines()[:2]
    assert [line.split()[0] for line in keys] == ["KSK", "ZSK"]
    assert {int(line.split()[1]) for line in keys} == set(operator.tags)


@pytest.mark.parametrize(
    ("options", "types"),
    [
        ([], {T.NSEC}),
        (["--nsec3"], {T.NSEC3, T.NSEC3PARAM}),
        (["--zonemd"], {T.NSEC, T.ZONEMD}),
        (["--cds"], {T.NSEC, T.CDS, T.CDNSKEY}),
    ],
    ids=["nsec", "nsec3", "zonemd", "cds"],
)
def test_what_is_asked_for_is_in_the_zone(signer: Operator, options: list[str], types: set[T]) -> None:
    signer.sign(*options)
    there = {type for _, type in signer.served()}
    assert there & {T.NSEC, T.NSEC3, T.NSEC3PARAM, T.ZONEMD, T.CDS, T.CDNSKEY} == types


def test_nsec3_is_as_rfc_9276_wants_it_and_opt_out_is_for_who_asks(signer: Operator) -> None:
    signer.sign("--nsec3")
    assert signer.served()[ZONE, T.NSEC3PARAM].rdatas == {b"\x01\x00\x00\x00\x00"}
    assert {min(rrset.rdatas)[1] for (_, type), rrset in signer.served().items() if type == T.NSEC3} == {0}
    said = signer.sign("--nsec3", "--opt-out")
    assert "chained by NSEC3 0 - opt-out" in said.out
    assert {min(rrset.rdatas)[1] for (_, type), rrset in signer.served().items() if type == T.NSEC3} == {1}


def test_signatures_last_as_long_as_is_asked_for(signer: Operator) -> None:
    assert json.loads(signer.sign("--json", "--validity", "30d").out)["validity"] == 30 * 86400


def test_advice_and_oddities_are_told_and_change_nothing(signer: Operator) -> None:
    (signer.folder / "zone").write_text(SOURCE.replace("2w", "1") + "www.example.net A 192.0.2.3\n")
    said = signer.sign()
    assert said.status == 0
    assert "[SOA_EXPIRE_SHORT]" in said.out
    assert "[ZONE_NAME_DOUBLED]" in said.out
    assert max(map(len, said.out.splitlines())) <= 80


# -- what is amiss ------------------------------------------------------------------------------------------------


def _no_ns(operator: Operator) -> None:
    (operator.folder / "zone").write_text(SOURCE.replace("     NS   ns1\n", ""))


def _no_soa(operator: Operator) -> None:
    (operator.folder / "zone").write_text("$TTL 1h\n@ NS ns1\nns1 A 192.0.2.1\n")


def _misspelt(operator: Operator) -> None:
    (operator.folder / "zone").write_text(SOURCE + "bad A 192.0.2.300\n")


def _stray(operator: Operator) -> None:
    (operator.folder / "zone").write_text(SOURCE + "www.example.org. A 192.0.2.3\n")


def _keys_of_www(operator: Operator) -> None:
    shutil.rmtree(operator.folder / "keys")
    operator.make_keys(KSK_FLAGS, zone=named("www"))


def _no_private_key(operator: Operator) -> None:
    next((operator.folder / "keys").glob("*.private")).unlink()


def _open_key(operator: Operator) -> None:
    next((operator.folder / "keys").glob("*.private")).chmod(0o644)


def _only_a_zsk(operator: Operator) -> None:
    shutil.rmtree(operator.folder / "keys")
    operator.make_keys(ZSK_FLAGS)


def _signed_source(operator: Operator) -> None:
    public = next((operator.folder / "keys").glob("*.key"))
    (operator.folder / "zone").write_text(f"{SOURCE}$INCLUDE {public}\n")


def _other_zone(operator: Operator) -> None:
    (operator.folder / "other").write_text("example.org. 300 IN SOA . . 1 1 1 1 1\nexample.org. 300 IN NS .\n")


def _linked_key(operator: Operator) -> None:
    private = next((operator.folder / "keys").glob("*.private"))
    (operator.folder / "key").symlink_to(private)


def _pipe(operator: Operator) -> None:
    os.mkfifo(operator.folder / "pipe")


def _nothing(operator: Operator) -> None:
    del operator


@pytest.mark.parametrize(
    ("before", "options", "code", "hint"),
    [
        (_misspelt, [], "ZONE_SYNTAX", ""),
        (_stray, [], "ZONE_OUT_OF_ZONE", "hint: a name that ends in a dot is complete"),
        (_no_soa, [], "ZONE_NO_SOA", "hint: "),
        (_no_ns, [], "ZONE_NO_NS", "hint: name its servers"),
        (_keys_of_www, [], "KEYS_MISSING", "hint: danelaw zone keygen example.net --keys keys"),
        (_no_private_key, [], "KEYS_UNREADABLE", "hint: a key is two files"),
        (_open_key, [], "KEYS_UNREADABLE", "hint: chmod 600"),
        (_only_a_zsk, [], "ZONE_UNSIGNABLE", "hint: danelaw zone keygen example.net --ksk --keys keys"),
        (_signed_source, [], "ZONE_ALREADY_SIGNED", "without $INCLUDE of key files"),
        (_nothing, ["--keys", "elsewhere"], "KEYS_MISSING", "hint: danelaw zone keygen example.net --keys elsewhere"),
        (_nothing, ["--file", "elsewhere"], "ZONE_UNREADABLE", "hint: name the file that you edit with --file"),
        (_nothing, ["--now", "2020-01-01T00:00:00Z"], "KEY_NOT_ACTIVE", "hint: see their times"),
        (_nothing, ["--now", "yesterday"], "BAD_INSTANT", "hint: write it as"),
        (_nothing, ["-o", "zone"], "SIGNED_IS_SOURCE", "hint: name another file"),
        (_nothing, ["-o", "./keys/../zone"], "SIGNED_IS_SOURCE", "hint: name another file"),
        (_nothing, ["-o", "no/where"], "FILE_UNWRITABLE", "hint: name a file in a directory that is there with -o"),
        (_nothing, ["-o", "keys"], "FILE_UNWRITABLE", "hint: a directory is in the way"),
        (_other_zone, ["-o", "other"], "SIGNED_IS_FOREIGN", "hint: name another file for the signed zone"),
        (_linked_key, ["-o", "key"], "SIGNED_IS_FOREIGN", "hint: name another file for the signed zone"),
        (_nothing, ["-o", "."], "FILE_UNWRITABLE", "hint: a directory is in the way"),
        (_nothing, ["-o", "/dev/zero"], "FILE_UNWRITABLE", "hint: what is there, such as a device or a pipe"),
        (_pipe, ["-o", "pipe"], "FILE_UNWRITABLE", "hint: what is there, such as a device or a pipe"),
        (_pipe, ["--file", "pipe"], "ZONE_UNREADABLE", "hint: name the file that you edit with --file"),
        (_nothing, ["--file", "."], "ZONE_UNREADABLE", "hint: name the file that you edit with --file"),
        (_nothing, ["--validity", "soon"], "BAD_DURATION", "hint: write it as 14d"),
        (_nothing, ["--validity", "10"], "BAD_DURATION", "hint: from 1h to 365d"),
        (_nothing, ["--reload", "rndc 'reload"], "BAD_COMMAND", "hint: a program and its arguments"),
        (_nothing, ["--reload", " "], "BAD_COMMAND", "hint: leave --reload out"),
        (_nothing, ["--server", "ns1"], "BAD_SERVER", "hint: write IP or IP@PORT"),
        (_nothing, ["--server", "127.0.0.1@0"], "BAD_SERVER", "hint: write IP or IP@PORT"),
        (_nothing, ["--resolver", "ns1"], "BAD_RESOLVER", "hint: "),
    ],
)
def test_what_is_amiss_is_told_and_nothing_is_written(
    signer: Operator, before: object, options: list[str], code: str, hint: str
) -> None:
    assert callable(before)
    before(signer)
    files = signer.files()
    said = signer.sign(*options)
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith("error: ")
    assert f"[{code}]" in said.err
    assert hint in said.err
    assert signer.files() == files
    assert [path.name for path in signer.folder.glob("elsewhere*")] == []


def test_keys_of_another_name_are_named(signer: Operator) -> None:
    """The article of 2016 makes keys for www and signs the zone above."""
    _keys_of_www(signer)
    assert "its keys are of www.example.net.; a zone is signed by keys of its own name" in signer.sign().err


@pytest.mark.parametrize("when", ["first", "again"])
def test_on_a_read_only_file_system_all_stays_as_it_was(
    signer: Operator, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if when == "again":
        signer.sign()
        (signer.folder / "zone").write_text(signer.source + "new A 192.0.2.3\n")
    files = signer.files()

    def read_only(**_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(tempfile, "mkstemp", read_only)
    said = signer.sign()
    assert (said.status, said.out) == (2, "")
    assert "[FILE_UNWRITABLE]: Read-only file system\nhint: its file system is mounted read-only" in said.err
    assert signer.files() == files


def test_a_lock_file_that_leads_elsewhere_is_not_opened(signer: Operator) -> None:
    (signer.folder / f"zone{LOCK}").symlink_to("elsewhere")
    said = signer.sign()
    assert (said.status, said.out) == (2, "")
    assert "[ZONE_LOCK_UNUSABLE]" in said.err
    assert not (signer.folder / "elsewhere").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--file", "zone"], "--keys is missing"),
        ([], "which zone file?"),
        (["--keys", "keys", "--nsec3"], "--keys and --nsec3: that needs --file"),
        (["--file", "zone", "--config", "danelaw.toml"], "--file and --config"),
        (["--file", "zone", "--keys", "keys", "--opt-out"], "--opt-out is a way of --nsec3"),
        (["--file", "zone", "--keys", "keys", "--server", "::1", "--server", "::1@54"], "each address once"),
    ],
)
def test_options_that_do_not_go_together_are_told(signer: Operator, arguments: list[str], said: str) -> None:
    files = signer.files()
    ended = signer.run("zone", "sign", "example.net", *arguments)
    assert ended.status == 2
    assert said in ended.err
    assert signer.files() == files


# -- configuration ------------------------------------------------------------------------------------------------

CONFIG = """\
[publishers.net]
type = "zonefile"
zone = "example.net"
file = "zone"
keys = "keys"
signed = "out"
reload = ["cp", "out", "loaded"]
nsec3 = true
[publishers.org]
type = "rfc2136"
zone = "example.org"
server = "127.0.0.1"
key_file = "tsig"
"""


@pytest.mark.parametrize("where", ["danelaw.toml", "other.toml", "variable.toml"])
def test_with_a_configuration_the_zone_s_name_is_enough(
    signer: Operator, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (signer.folder / where).write_text(CONFIG)
    options = ["--config", where] if where == "other.toml" else []
    if where == "variable.toml":
        monkeypatch.setenv("DANELAW_CONFIG", where)
    said = signer.run("zone", "sign", "example.net", "--wait", "0", *options)
    assert said.status == 0
    assert "reloaded   by cp out loaded" in said.out
    loaded = (signer.folder / "loaded").read_bytes()
    assert b" NSEC3 " in loaded
    assert (signer.folder / "out").read_bytes() == loaded


@pytest.mark.parametrize(
    ("zone", "because"),
    [("example.com", "has no zone file for example.com."), ("example.org", "kept and signed by its name server")],
)
def test_a_zone_that_the_configuration_has_no_file_of_is_told(signer: Operator, zone: str, because: str) -> None:
    (signer.folder / "danelaw.toml").write_text(CONFIG)
    said = signer.run("zone", "sign", zone, "--wait", "0")
    assert said.status == 2
    assert "[ZONE_UNKNOWN]" in said.err
    assert because in said.err
    assert "its zone files are of example.net." in said.err


# -- reload and serving -------------------------------------------------------------------------------------------


def test_no_shell_sees_the_reload_command(signer: Operator) -> None:
    assert signer.sign("--reload", "touch 'a b' $HOME;id", "--wait", "0").status == 0
    assert {"a b", "$HOME;id"} <= signer.files().keys()


@pytest.mark.parametrize(
    ("command", "code"),
    [("false", "RELOAD_FAILED"), ("ls --nonsense", "RELOAD_FAILED"), ("no-such-program", "COMMAND_NOT_FOUND")],
)
def test_a_reload_that_fails_is_told_and_tried_again_by_the_next_run(signer: Operator, command: str, code: str) -> None:
    said = signer.sign("--reload", command, "--wait", "0")
    assert said.status == 2
    assert f"[{code}]" in said.err
    assert signer.sign("--reload", "touch reloaded", "--wait", "0").out.startswith("example.net. unchanged")
    assert "reloaded" in signer.files()


@contextmanager
def serving(serials: list[int]) -> Iterator[str]:
    """A name server whose SOA has these serials, one after another; the last one stays. Gives IP@PORT."""

    def answer(question: Question) -> Message:
        serial = serials.pop(0) if len(serials) > 1 else serials[0]
        rdata = plain_wire(ZONE) * 2 + b"".join(n.to_bytes(4) for n in (serial, 1, 1, 1, 1))
        return Message(0, 0x0400, 0, (question,), (Record(question.name, T.SOA, 1, 60, rdata),))

    up, stop, loop, port = threading.Event(), asyncio.Event(), asyncio.new_event_loop(), 0

    async def serve() -> None:
        nonlocal port
        async with answering(answer) as server:
            port = server.address[1]
            up.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert up.wait(30)
        yield f"127.0.0.1@{port}"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()


def test_the_servers_are_asked_until_they_serve_the_new_serial(signer: Operator) -> None:
    with serving([2016122202, 2016122202, 2026112300]) as server:
        said = signer.sign("--server", server)
    assert said.status == 0
    assert said.err == "waiting for serial 2026112300 at 127.0.0.1 has 2016122202\n"
    assert said.out.endswith("  served     127.0.0.1 has 2026112300\n")


def test_a_later_serial_that_somebody_else_made_is_as_good(signer: Operator) -> None:
    with serving([2026112307]) as server:
        told = json.loads(signer.sign("--server", server, "--json").out)
    assert told["served"] is True
    assert [(one["address"], one["loaded"], one["serial"]) for one in told["servers"]] == [
        ("127.0.0.1", "ahead", 2026112307)
    ]


def test_a_reload_that_claims_success_and_does_nothing_is_found_out(signer: Operator) -> None:
    with serving([2016122202]) as server:
        said = signer.sign("--server", server, "--reload", "true", "--wait", "0.4")
        assert said.status == 3
        assert "example.net. signed, serial 2026112300" in said.out
        assert "1 of 1 servers did not serve 2026112300 within 0.4 s [SERIAL_NOT_SERVED]" in said.err
        assert "127.0.0.1 has 2016122202" in said.err
        assert "hint: does true load zone.signed, and do the secondaries hear of it?" in said.err
        told = signer.sign("--server", server, "--reload", "true", "--wait", "0.4", "--json")
    assert told.status == 3
    assert json.loads(told.out)["served"] is False


def test_every_address_that_the_dns_has_for_the_zone_is_asked(
    signer: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    (signer.folder / "zone").write_text(SOURCE.replace("2016122202", "0"))
    with standing(World()) as world:  # whose servers serve serial 1
        monkeypatch.setattr(looking, "dialer", lambda: world.dialer)
        said = signer.sign("--resolver", RESOLVER.compressed)
        assert said.status == 0
        assert "  served     ns1.example.net. 192.0.2.11 has 1\n" in said.out
        assert "             ns2.example.net. 192.0.2.12 has 1\n" in said.out
        later = signer.sign("--resolver", RESOLVER.compressed, "--full", "--wait", "0.2")
    assert later.status == 3
    assert "2 of 2 servers did not serve 2 within 0.2 s" in later.err


def test_where_the_servers_cannot_be_found_the_signed_zone_is_told_of_first(
    signer: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with standing(World()) as world:
        monkeypatch.setattr(looking, "dialer", lambda: world.dialer)
        said = signer.sign("--resolver", "192.0.2.199")
    assert said.status == 3
    assert said.out.startswith("example.net. signed, serial 2026112300\n")
    assert "[SERVERS_UNKNOWN]" in said.err


# -- others at work -----------------------------------------------------------------------------------------------


@contextmanager
def somebody_at(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def test_who_waits_too_long_for_somebody_else_gives_up_and_says_so(signer: Operator) -> None:
    files = signer.files()
    with somebody_at(signer.folder / f"zone{LOCK}"):
        said = signer.sign("--wait", "0.2")
    assert (said.status, said.out) == (3, "")
    assert said.err.startswith("waiting for another process that is changing example.net. (it holds ")
    assert f"zone{LOCK})\n" in said.err
    assert "[ZONE_LOCKED]: waited 0.2 s" in said.err
    assert re.search(rf"^hint: see which: fuser -v .*zone{LOCK}$", said.err, flags=re.MULTILINE)
    assert signer.files() == files


def test_once_the_other_is_done_the_work_goes_on(signer: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    with somebody_at(signer.folder / f"zone{LOCK}") as held:
        told = wiring.zone_desk

        def letting_go(*arguments: object, **options: object) -> object:
            """The other ends when he is waited for."""
            zone, patience, reload, waiting = arguments
            assert callable(waiting)

            def heard(path: Path) -> None:
                waiting(path)
                fcntl.flock(held, fcntl.LOCK_UN)

            return told(zone, patience, reload, heard, **options)  # type: ignore[arg-type]  # as they came

        monkeypatch.setattr(wiring, "zone_desk", letting_go)
        said = signer.sign()
    assert said.status == 0
    assert said.err.startswith("waiting for another process")
    assert said.out.startswith("example.net. signed, ")
