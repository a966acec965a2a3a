"""``danelaw chain`` as a user types it, against a name server on loopback that has the whole signed tree."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import dns.dnssec
import pytest
from dns.rdatatype import RdataType as T

from danelaw.core.model import Message, Question, Security, Validated
from danelaw.core.picture.seen import Picture, Presented
from danelaw.faces.cli.chain import exit_status
from name_servers import answering
from signed_tree import Tree, name

DANELAW: Final = str(Path(sys.executable).with_name("danelaw"))
NOW: Final = "2026-11-23T12:00:00Z"
LATER: Final = "2027-01-01T00:00:00+01:00"
HELD: Final = "_443._tcp.www.example.net"


@pytest.fixture(scope="module")
def tree() -> Tree:
    return Tree()


@pytest.fixture(scope="module")
def resolver(tree: Tree) -> Iterator[str]:
    """A recursive server in a thread of its own, as IP@PORT."""
    with serving(tree.recursive) as address:
        yield address


class serving:  # noqa: N801  # reads as what it does in a with statement
    """Runs a server in a thread until the block ends."""

    def __init__(self, answer: Callable[[Question], Message | None]) -> None:
        self._answer = answer
        self._up = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self._port = 0

    async def _serve(self) -> None:
        async with answering(self._answer) as server:
            self._port = server.address[1]
            self._up.set()
            await self._stop.wait()

    def __enter__(self) -> str:
        self._thread.start()
        assert self._up.wait(30)
        return f"127.0.0.1@{self._port}"

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        self._loop.close()


@pytest.fixture(scope="module")
def anchor(tree: Tree, tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("anchors") / "root.ds"
    ds = dns.dnssec.make_ds(name("."), tree.keys[name(".")][1], "SHA256")
    file.write_text(f". IN DS {ds}\n", encoding="ascii")
    return str(file)


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603 - our own command
        [DANELAW, "chain", *arguments], capture_output=True, timeout=60, check=False, env=os.environ | environment
    )


@pytest.fixture
def chain(resolver: str, anchor: str) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """The command, asking our server, judging by our anchor, as of the day that the tree was signed for."""

    def asked(*arguments: str, now: str = NOW, **environment: str) -> subprocess.CompletedProcess[bytes]:
        return run(*arguments, "--resolver", resolver, "--anchor", anchor, "--now", now, **environment)

    return asked


Chain = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.mark.parametrize(
    ("arguments", "now", "status", "word"),
    [
        ([HELD], NOW, 0, "SECURE"),
        (["www.example.net", "AAAA"], NOW, 0, "SECURE"),
        (["nothing.example.net"], NOW, 0, "SECURE"),
        (["www.plain.net"], NOW, 0, "INSECURE"),
        (["www.example.net"], LATER, 1, "BOGUS"),
        (["loop.example.net"], NOW, 3, "INDETERMINATE"),
    ],
    ids=["secure", "of another type", "securely denied", "insecure", "bogus", "indeterminate"],
)
def test_the_exit_status_is_the_verdict(chain: Chain, arguments: list[str], now: str, status: int, word: str) -> None:
    said = chain(*arguments, now=now)
    assert said.returncode == status
    assert f"{word}: ".encode() in said.stdout.splitlines()[0]
    assert said.stderr == b""


def test_without_a_type_tlsa_is_meant_where_such_records_stand_and_else_a(chain: Chain) -> None:
    assert "_443._tcp.www.example.net. TLSA" in chain(HELD).stdout.decode()
    assert "www.example.net. A" in chain("www.example.net").stdout.decode()


def test_json_goes_to_standard_output_alone(chain: Chain) -> None:
    said = chain(HELD, "--json")
    given = json.loads(said.stdout)
    assert (given["schema"], given["state"], given["type"]) == ("danelaw/chain/1", "secure", "TLSA")
    assert said.stderr == b""


def test_the_picture_goes_to_a_file_beside_the_tree(chain: Chain, tmp_path: Path) -> None:
    file = tmp_path / "chain.svg"
    said = chain(HELD, "--svg", str(file))
    assert said.stdout.startswith("✓ SECURE".encode())
    assert said.stderr.decode() == f"wrote {file}\n"
    assert ElementTree.parse(file).getroot().get("role") == "img"  # noqa: S314  # our own text


def test_the_picture_goes_to_standard_output(chain: Chain, tmp_path: Path) -> None:
    file = tmp_path / "chain.svg"
    chain(HELD, "--svg", str(file))
    assert chain(HELD, "--svg", "-", PYTHONIOENCODING="ascii").stdout == file.read_bytes()


def test_a_terminal_of_ascii_is_shown_ascii(chain: Chain) -> None:
    said = chain("www.example.net", now=LATER, PYTHONIOENCODING="ascii")
    assert said.stdout.startswith(b"X BOGUS: ")
    assert said.stdout.isascii()


def test_no_colour_into_a_pipe(chain: Chain) -> None:
    assert b"\x1b" not in chain(HELD).stdout


def test_a_name_in_u_labels_is_asked_for_in_a_labels(chain: Chain) -> None:
    said = chain("straße.example.net").stdout.decode()
    assert "straße.example.net. (xn--strae-oqa.example.net.) A" in said


def test_the_name_servers_that_cannot_be_found_are_told(chain: Chain) -> None:
    given = json.loads(chain("www.example.net", "--all-servers", "--json").stdout)
    unknown = {zone["zone"]: zone["unknown"] for zone in given["servers"]}
    assert "could not all be found" in unknown["."]


@pytest.mark.parametrize(
    ("arguments", "code", "hint"),
    [
        (["a..b"], "BAD_NAME", "www.example.net"),
        ([""], "BAD_NAME", "www.example.net"),
        (["x" * 64 + ".net"], "BAD_NAME", "www.example.net"),
        (["www.example.net", "NONSENSE"], "BAD_TYPE", "TLSA"),
        (["www.example.net", "ANY"], "BAD_TYPE", "TLSA"),
        (["www.example.net", "RRSIG"], "BAD_TYPE", "TLSA"),
        (["www.example.net", "--now", "yesterday"], "BAD_INSTANT", "2026-11-23T12:00:00Z"),
        (["www.example.net", "--now", "2026-11-23T12:00:00"], "BAD_INSTANT", "2026-11-23T12:00:00Z"),
        (["www.example.net", "--now", "1969-12-31T23:59:59Z"], "BAD_INSTANT", "2026-11-23T12:00:00Z"),
        (["www.example.net", "--now", "9999-12-31T23:59:59Z"], "BAD_INSTANT", "2026-11-23T12:00:00Z"),
        (["www.example.net", "--anchor", "/nowhere/root.ds"], "ANCHOR_UNREADABLE", "trust anchors"),
        (["www.example.net", "--anchor", "/dev/zero"], "ANCHOR_UNREADABLE", "trust anchors"),
        (["www.example.net", "--resolver", "example"], "BAD_RESOLVER", "IP@PORT"),
        (["www.example.net", "--svg", "/nowhere/at/all.svg"], "OUTPUT_UNWRITABLE", "--svg"),
        (["www.example.net", "--config", "/nowhere/danelaw.toml"], "CONFIG_UNREADABLE", "--config"),
        (["www.example.net", "--probe"], "BAD_ENDPOINT", "_443._tcp.www.example.net"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_a_mistake_is_told_with_its_code_and_what_to_type(arguments: list[str], code: str, hint: str) -> None:
    said = run("--resolver", "127.0.0.1@1", *arguments)
    error, advice = said.stderr.decode().splitlines()
    assert said.returncode == 2
    assert f"[{code}]" in error
    assert advice.startswith("hint: ")
    assert hint in advice
    assert said.stdout == b""


@pytest.mark.parametrize("now", ["1970-01-01T00:00:00Z", "8999-12-31T23:59:59Z"])
def test_any_instant_that_signatures_can_tell_of_can_be_judged(chain: Chain, now: str) -> None:
    said = chain("www.example.net", now=now)
    assert (said.returncode, said.stderr) == (1, b"")
    assert b"BOGUS" in said.stdout


def test_a_bad_signature_beside_a_good_one_is_told(tree: Tree, anchor: str) -> None:
    """One good signature is enough (RFC 6840 §5.4); who looks at the chain wants to know of the other."""

    def spoilt(asked: Question) -> Message:
        reply = tree.recursive(asked)
        signatures = [record for record in reply.answer if record.type == T.RRSIG and asked.type == T.A]
        worse = [replace(one, rdata=one.rdata + b"\0") for one in signatures]  # tried after the good one
        return replace(reply, answer=(*reply.answer, *worse))

    with serving(spoilt) as resolver:
        said = run("www.example.net", "--resolver", resolver, "--anchor", anchor, "--now", NOW)
    assert said.returncode == 0
    assert b"SIGNATURE_INVALID" in said.stdout


def test_a_picture_that_does_not_fit_its_disk_is_no_verdict(chain: Chain) -> None:
    said = chain("www.example.net", "--svg", "/dev/full")
    assert said.returncode == 2
    assert b"cannot write to /dev/full [OUTPUT_UNWRITABLE]" in said.stderr


def test_the_verdict_is_told_where_nothing_else_can_be(resolver: str, anchor: str, tmp_path: Path) -> None:
    """Standard error is closed."""
    options = f"--resolver {resolver} --anchor {anchor} --now {NOW} --svg {tmp_path}/chain.svg"
    said = subprocess.run(  # noqa: S602  # our own words, and a shell to close it
        f"{DANELAW} chain www.example.net {options} 2>&-", shell=True, capture_output=True, timeout=60, check=False
    )
    assert said.returncode == 0
    assert b"SECURE" in said.stdout


def test_two_results_do_not_fit_one_output() -> None:
    said = run("www.example.net", "--json", "--svg", "-")
    assert said.returncode == 2
    assert b"--svg -" in said.stderr


def test_where_nobody_answers_nothing_is_decided_and_that_is_said() -> None:
    said = run("www.example.net", "--resolver", "127.0.0.1@1", "--now", NOW)
    assert said.returncode == 3
    told = said.stdout.decode()
    assert "? INDETERMINATE: www.example.net. A" in told
    assert "NO_ANSWER" in told
    assert "hint: ask another resolver with --resolver" in told


def test_the_second_resolver_is_asked_where_the_first_is_silent(resolver: str, anchor: str) -> None:
    said = run("www.example.net", "--resolver", "127.0.0.1@1", "--resolver", resolver, "--anchor", anchor, "--now", NOW)
    assert said.returncode == 0


def test_a_configuration_names_resolver_and_anchor(resolver: str, anchor: str, tmp_path: Path) -> None:
    file = tmp_path / "danelaw.toml"
    file.write_text(f'[resolver]\nforwarders = ["{resolver}"]\ntrust_anchor = "{anchor}"\n', encoding="utf-8")
    assert run("www.example.net", "--config", str(file), "--now", NOW).returncode == 0


@pytest.mark.parametrize(
    ("matched", "status"),
    [((True, True), 0), ((True, False), 1), ((None, False), 1), ((True, None), 3), ((), 3)],
    ids=["all match", "one does not", "one does not, one is not known", "one is not known", "no address"],
)
def test_certificates_count_for_the_exit_status(matched: tuple[bool | None, ...], status: int) -> None:
    """What is wrong goes before what is not known."""
    answer = Validated(name("www"), 52, Security.SECURE)
    seen = tuple(Presented(ip_address("192.0.2.1"), one, "CN: www") for one in matched)
    assert exit_status(Picture(answer, presented=seen)) == status
    assert exit_status(Picture(replace(answer, state=Security.BOGUS), presented=seen)) == 1
