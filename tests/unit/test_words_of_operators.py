"""What an operator says by commands: recorded with who and when, told back, and refused where it makes no sense."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from command_said import Said
from danelaw import wiring
from danelaw.adapters.clock import StoppedClock, ThreadBlocking
from danelaw.adapters.store.sql import SQLStore
from danelaw.core.model import KeyAlgorithm, Lineage
from danelaw.core.rollover.answers import zone_subject
from danelaw.core.rollover.facts import Fact, Holding, Requested
from danelaw.core.rollover.words import Accepted, Adopted, Disowned, Paused, RequestedRemoval, Waived, Word
from danelaw.faces import cli
from rollover_history import (
    FIRST,
    LIMITS,
    LINEAGE,
    NS1,
    NS2,
    OLD,
    SERVICE,
    WEB1,
    WEB2,
    ZONE,
    at,
    record,
    rrset,
    served,
)
from tlsa_chains import ROOT

pytestmark = pytest.mark.slow

OfRecords = type[Adopted] | type[Disowned] | type[RequestedRemoval]
RSA = Lineage(SERVICE, KeyAlgorithm.RSA)
FOREIGN = bytes((3, 1, 1)) + bytes(range(32))
MAIN = """\
[resolver]
forwarders = ["127.0.0.1@1"]
[clients]
roots = "roots.pem"
[state]
credentials = "credentials"
store = "store.sqlite"
[issuers.letsencrypt]
type = "acme"
directory = "letsencrypt"
account = "account"
challenge = {{ type = "http-01", webroot = "web" }}
[issuers.certbot]
type = "watch"
client = "certbot"
directory = "etc"
[publishers.example-net]
type = "zonefile"
zone = "example.net"
file = "example.net.zone"
keys = "keys"
reload = ["true"]
[limits]
{limits}
"""
WWW = """\
# of a person
endpoints = ["www.example.net:443"]
issuer = "{issuer}"
publisher = "example-net"
strategy = "{strategy}"
algorithms = {algorithms}
tlsa_ttl = 30
deploy = {{ directory = "live", reload = ["true"] }}
"""


@dataclass
class Desk:
    """Where an operator sits: a configuration, a store, and a clock that stands at ``second``."""

    folder: Path
    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]

    def configure(self, *, algorithms: Sequence[str] = ("ecdsa",), issuer: str = "letsencrypt") -> None:
        limits = "\n".join(f"{key} = {value}" for key, value in LIMITS.as_seconds().items())
        (self.folder / "danelaw.toml").write_text(MAIN.format(limits=limits), encoding="utf-8")
        root = x509.load_der_x509_certificate(ROOT.der).public_bytes(Encoding.PEM)
        (self.folder / "roots.pem").write_bytes(root)
        (self.folder / "services.d").mkdir(exist_ok=True)
        strategy = "pinned" if issuer == "certbot" else "staged"
        text = WWW.format(issuer=issuer, strategy=strategy, algorithms=json.dumps(list(algorithms)))
        (self.folder / "services.d" / "www.toml").write_text(text, encoding="utf-8")

    def record(self, *facts: Fact) -> None:
        async def write(store: SQLStore) -> None:
            await store.append(SERVICE, await store.lease(SERVICE), *sorted(facts, key=lambda fact: fact.at))

        self._with_store(write)

    def words(self, kind: type[Word]) -> list[Word]:
        found: list[Word] = []

        async def read(store: SQLStore) -> None:
            facts = await store.facts(SERVICE, zone_subject(ZONE))
            found.extend(word for word in facts.words if isinstance(word, kind))

        self._with_store(read)
        return found

    def requested(self, lineage: Lineage = LINEAGE) -> Requested | None:
        found: list[Requested | None] = []

        async def read(store: SQLStore) -> None:
            found.append((await store.facts(SERVICE)).requested(lineage))

        self._with_store(read)
        return found[0]

    def _with_store(self, work: Any) -> None:
        async def opened() -> None:
            store = SQLStore(self.folder / "store.sqlite", LIMITS, ThreadBlocking())
            try:
                await work(store)
            finally:
                await store.close()

        asyncio.run(opened())

    def clock(self, second: float) -> None:
        self.patch.setattr(wiring, "clock", lambda: StoppedClock(at(second)))

    def types(self, *words: str) -> Said:
        self.patch.setattr("sys.argv", ["danelaw", *words])
        self.capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = self.capture.readouterr()
        wide = [line for line in said.out.splitlines() if len(line.replace(str(self.folder), "/etc/x")) > 80]
        assert "--json" in words or wide == []
        assert isinstance(ended.value.code, int)
        return Said(ended.value.code, said.out, said.err)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Desk:
    """A service that is known: ``FIRST`` serves, and a record of somebody else's stands beside its own."""
    found = Desk(tmp_path, monkeypatch, capfd)
    found.configure()
    monkeypatch.setenv("DANELAW_CONFIG", str(tmp_path / "danelaw.toml"))
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("LOGNAME", "USER"):
        monkeypatch.setenv(name, "eva")
    monkeypatch.delenv("SUDO_USER", raising=False)
    found.clock(1)
    known = served(rrset(record(OLD), FOREIGN), since=-40)
    found.record(*(fact for fact in known.log if not isinstance(fact, Holding)))
    found.record(Holding(at(0), LINEAGE, (FIRST,), FIRST.generation), Holding(at(0), RSA, ()))
    return found


# -- a pause ----------------------------------------------------------------------------------------------------------


def test_a_pause_is_recorded_with_who_said_it_and_for_how_long_and_is_told(desk: Desk) -> None:
    said = desk.types("pause", "www", "--for", "2h", "--reason", "the  server\nmoves")
    assert (said.status, said.err) == (0, "")
    assert desk.words(Paused) == [Paused(at(1), SERVICE, at(7201), "eva", "the server moves")]
    status = desk.types("status", "www", "--json").json["subjects"][0]
    assert (status["state"], status["paused"]["by"], status["trouble"]) == ("paused", "eva", [])
    assert "paused by eva" in desk.types("status", "www").out
    assert "danelaw resume www.example.net:443/tcp" in desk.types("status", "www").out
    assert "paused: paused by eva until" in " ".join(desk.types("history", "www").out.split())


def test_a_pause_ends_by_itself(desk: Desk) -> None:
    desk.types("pause", "www", "--for", "10s")
    assert desk.types("status", "www", "--json").json["subjects"][0]["state"] == "paused"
    desk.clock(11)
    status = desk.types("status", "www", "--json").json["subjects"][0]
    assert (status["state"], status["paused"]) == ("settled", None)


def test_a_later_pause_takes_the_place_of_the_one_before_and_resume_ends_it(desk: Desk) -> None:
    desk.types("pause", "www")
    desk.clock(2)
    assert "the pause of eva until" in desk.types("pause", "www", "--for", "30m").out
    desk.clock(3)
    assert desk.types("resume", "www").status == 0
    assert desk.types("resume", "www").status == 2
    assert "NOT_PAUSED" in desk.types("resume", "www").err
    assert [word.until for word in desk.words(Paused) if isinstance(word, Paused)] == [at(86401), at(1802), at(3)]


@pytest.mark.parametrize(
    ("length", "status", "endangered"),
    [("1d", 0, 0), ("30d", 0, 1)],
)
def test_what_a_pause_endangers_is_told(desk: Desk, length: str, status: int, endangered: int) -> None:
    """The certificate is valid for 60 days more, and to be renewed in 30."""
    said = desk.types("pause", "www", "--for", length, "--json")
    assert (said.status, len(said.json["endangers"])) == (status, endangered)


def test_a_certificate_that_ends_in_the_pause_is_wrong(desk: Desk) -> None:
    desk.clock(50 * 86400)
    said = desk.types("pause", "www", "--for", "20d")
    assert said.status == 1
    assert "before the pause does" in " ".join(said.out.split())
    trouble = desk.types("status", "www", "--json").json["subjects"][0]["trouble"]
    assert "PAUSE_TOO_LONG" in {one["code"] for one in trouble}


def test_a_zone_may_be_paused_too(desk: Desk) -> None:
    assert desk.types("pause", "example.net.").status == 0
    assert [word.subject for word in desk.words(Paused) if isinstance(word, Paused)] == [zone_subject(ZONE)]


# -- another key ------------------------------------------------------------------------------------------------------


def test_another_key_is_asked_for_once_and_an_emergency_on_top(desk: Desk) -> None:
    assert desk.types("roll", "www").status == 0
    assert desk.requested() == Requested(at(1), LINEAGE, "eva")
    desk.clock(2)
    again = desk.types("roll", "www")
    assert "ECDSA, already, by eva" in again.out
    assert desk.requested() == Requested(at(1), LINEAGE, "eva")
    desk.clock(3)
    said = desk.types("roll", "www", "--emergency", "--yes", "--json").json
    assert said["requests"][0]["recorded"]
    assert [one["step"] for one in said["timetable"]][-1] == "confirm"
    assert desk.requested() == Requested(at(3), LINEAGE, "eva", emergency=True)


def test_an_emergency_is_asked_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/null").open(encoding="utf-8") as nobody:
        monkeypatch.setattr("sys.stdin", nobody)
        said = desk.types("roll", "www", "--emergency")
    assert said.status == 2
    assert "keyCompromise" in said.err
    assert "NOBODY_TO_ASK" in said.err
    assert desk.requested() is None


def test_both_keys_of_a_pair_are_rolled_or_the_one_that_is_named(desk: Desk) -> None:
    desk.configure(algorithms=["ecdsa", "rsa"])
    assert desk.types("roll", "www", "--lineage", "rsa").status == 0
    assert (desk.requested(LINEAGE), desk.requested(RSA)) == (None, Requested(at(1), RSA, "eva"))
    desk.clock(2)
    desk.types("roll", "www")
    assert desk.requested(LINEAGE) == Requested(at(2), LINEAGE, "eva")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["roll", "example.net."], "NOT_A_SERVICE"),
        (["roll", "www", "--lineage", "rsa"], "LINEAGE_UNKNOWN"),
        (["roll", "ww.example.org"], "SERVICE_UNKNOWN"),
        (["pause", "www", "--for", "2 days"], "BAD_DURATION"),
        (["pause", "www", "--for", "P1D"], "BAD_DURATION"),
        (["pause", "www", "--for", "0h"], "BAD_DURATION"),
        (["pause", "www", "--for", "31d"], "DURATION_TOO_LONG"),
        (["waive", "www", "198.51.100.9", "--for", "1d", "--reason", "x"], "ADDRESS_UNKNOWN"),
        (["waive", "www", "web1", "--for", "1d", "--reason", "x"], "BAD_ADDRESS"),
        (["waive", "www", "198.51.100.1", "--undo"], "NOT_WAIVED"),
        (["accept", "www", "ANSWER_HELT", "--for", "1d", "--reason", "x"], "CODE_UNKNOWN"),
        (["accept", "www", "KEY_IN_USE", "--for", "1d", "--reason", "x"], "NEVER_ACCEPTED"),
        (["accept", "www", "--undo"], "NOTHING_ACCEPTED"),
        (["records", "www", "--adopt", "3 1 1 ffff"], "RECORD_UNKNOWN"),
        (["records", "www", "--adopt", "3 1 1"], "RECORD_UNKNOWN"),
        (["records", "example.net."], "NOT_A_SERVICE"),
        (["withdraw", "example.net."], "NOT_A_SERVICE"),
    ],
)
def test_what_makes_no_sense_is_an_error_and_nothing_is_recorded(desk: Desk, words: list[str], code: str) -> None:
    said = desk.types(*words)
    assert (said.status, said.out) == (2, "")
    assert code in said.err
    assert desk.words(Waived) + desk.words(Accepted) + desk.words(Paused) + desk.words(Adopted) == []


@pytest.mark.parametrize(
    "words",
    [
        ["waive", "www", "198.51.100.1"],
        ["waive", "www", "198.51.100.1", "--for", "1d"],
        ["waive", "www", "198.51.100.1", "--for", "1d", "--undo"],
        ["accept", "www", "ANSWER_HELD"],
        ["accept", "www", "ANSWER_HELD", "--for", "1d"],
        ["accept", "www", "--for", "1d"],
        ["records", "www", "--adopt", "all", "--remove", "all"],
        ["pause"],
    ],
)
def test_what_is_only_half_said_is_a_usage_error(desk: Desk, words: list[str]) -> None:
    said = desk.types(*words)
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith("Usage: ")


def test_keys_that_another_client_makes_are_not_rolled_here(desk: Desk) -> None:
    desk.configure(issuer="certbot")
    said = desk.types("roll", "www")
    assert (said.status, "KEYS_MADE_ELSEWHERE" in said.err) == (2, True)


@pytest.mark.parametrize("words", [["pause", "www"], ["roll", "www"], ["records", "www"], ["accept", "www"]])
def test_nothing_is_said_of_what_nobody_has_begun_with(desk: Desk, words: list[str]) -> None:
    (desk.folder / "store.sqlite").unlink()
    said = desk.types(*words)
    assert (said.status, "NOTHING_RECORDED" in said.err) == (2, True)
    assert "danelaw run www.example.net:443/tcp" in said.err
    assert not (desk.folder / "store.sqlite").exists()


def test_a_store_that_cannot_be_read_is_told_of(desk: Desk) -> None:
    for file in desk.folder.glob("store.sqlite*"):
        file.unlink()
    (desk.folder / "store.sqlite").write_bytes(b"no database at all" * 100)
    said = desk.types("pause", "www")
    assert (said.status, "STORE_DAMAGED" in said.err) == (2, True)


# -- whom not to wait for, whom to refuse -----------------------------------------------------------------------------


def test_an_authority_or_a_server_is_waived_for_a_time_and_waited_for_again(desk: Desk) -> None:
    assert desk.types("waive", "example.net.", str(NS2), "--for", "8w", "--reason", "gone").status == 0
    assert desk.types("waive", "www", str(WEB2), "--for", "1d", "--reason", "no way there").status == 0
    desk.clock(2)
    assert desk.types("waive", "www", str(WEB2), "--undo").status == 0
    assert desk.words(Waived) == [
        Waived(at(1), zone_subject(ZONE), NS2, at(1 + 8 * 7 * 86400), "eva", "gone"),
        Waived(at(1), SERVICE, WEB2, at(86401), "eva", "no way there"),
        Waived(at(2), SERVICE, WEB2, at(2), "eva"),
    ]
    told = " ".join(desk.types("history").out.split())
    assert "waits again: www.example.net:443/tcp: for 198.51.100.2, by eva" in told


def test_the_last_of_its_kind_is_waited_for_and_that_is_told(desk: Desk) -> None:
    words = ["--for", "1d", "--reason", "x", "--json"]
    assert not desk.types("waive", "www", str(WEB1), *words).json["without_effect"]
    assert desk.types("waive", "www", str(WEB2), *words).json["without_effect"]
    assert not desk.types("waive", "example.net.", str(NS1), *words).json["without_effect"]


def test_what_is_accepted_is_named_explained_and_taken_back(desk: Desk) -> None:
    said = desk.types("accept", "www", "answer_held", "--for", "30m", "--reason", "the key is out")
    assert said.status == 0
    assert "clients that hold an older answer may be refused" in " ".join(said.out.split())
    desk.clock(2)
    assert desk.types("accept", "www", "--undo").status == 0
    assert desk.words(Accepted) == [
        Accepted(at(1), SERVICE, frozenset({"ANSWER_HELD"}), at(1801), "eva", "the key is out"),
        Accepted(at(2), SERVICE, frozenset(), at(2), "eva"),
    ]


def test_without_codes_it_is_told_what_may_be_accepted_and_what_nobody_may(desk: Desk) -> None:
    told = desk.types("accept", "www", "--json").json
    assert {"ANSWER_HELD", "MANDATORY_CLIENTS"} <= set(told["acceptable"])
    assert {"KEY_IN_USE", "CERTIFICATE_IN_USE"} <= set(told["never"])
    shown = desk.types("accept", "www").out
    assert "What nobody may accept, and why" in shown
    assert desk.words(Accepted) == []


# -- whose records they are -------------------------------------------------------------------------------------------


def test_each_record_is_told_with_whose_it_is(desk: Desk) -> None:
    said = desk.types("records", "www", "--json")
    assert said.status == 1
    told = {one["record"]: (one["whose"], one["generation"], one["serving"]) for one in said.json["records"]}
    assert told[record(OLD).to_text()] == ("ours", 1, True)
    assert told[f"3 1 1 {FOREIGN[3:].hex()}"] == ("nobody's that is known", None, False)
    assert "danelaw records www.example.net:443/tcp --adopt all" in " ".join(desk.types("records", "www").out.split())


@pytest.mark.parametrize("text", ["all", "3 1 1 000102", "3 1 1 00 01 02", "3 1 1 0001020304050607…"])
@pytest.mark.parametrize(
    ("option", "kind"), [("--adopt", Adopted), ("--disown", Disowned), ("--remove", RequestedRemoval)]
)
def test_records_of_others_are_decided_upon_by_their_text(desk: Desk, text: str, option: str, kind: OfRecords) -> None:
    assert desk.types("records", "www", option, text).status == 0
    assert desk.words(kind) == [kind(at(1), LINEAGE, frozenset({FOREIGN}), "eva")]
    assert desk.types("records", "www").status == 0


def test_a_record_of_a_key_that_serves_is_not_removed(desk: Desk) -> None:
    said = desk.types("records", "www", "--remove", record(OLD).to_text())
    assert (said.status, "RECORD_IN_USE" in said.err) == (2, True)
    assert desk.words(RequestedRemoval) == []


def test_who_says_it_is_told_also_where_he_became_root(desk: Desk) -> None:
    desk.patch.setenv("SUDO_USER", "eva")
    for name in ("LOGNAME", "USER"):
        desk.patch.setenv(name, "root")
    desk.types("pause", "www")
    (word,) = desk.words(Paused)
    assert word == replace(word, by="eva (root)")


# -- a new service ----------------------------------------------------------------------------------------------------

MAIL = ("enroll", "mail.example.net:25", "mail.example.net:465", "--server", "postfix", "--dry-run", "--json")


def test_what_is_not_said_of_a_new_service_is_guessed_where_only_one_thing_fits(desk: Desk) -> None:
    """Two issuers are configured: which, is asked. Of the zones there is one above the host."""
    asked = desk.types(*MAIL)
    assert (asked.status, "ISSUER_UNCLEAR" in asked.err) == (2, True)
    assert "--issuer certbot or letsencrypt" in asked.err
    told = desk.types(*MAIL, "--issuer", "letsencrypt").json
    assert (told["subject"], told["written"]) == ("mail.example.net:25/tcp", False)
    assert 'endpoints = ["mail.example.net:25", "mail.example.net:465"]' in told["text"]
    assert 'strategy = "standby"' in told["text"]
    assert f'directory = "{desk.folder}/live/mail.example.net"' in told["text"]
    assert 'strategy = "pinned"' in desk.types(*MAIL, "--issuer", "certbot").json["text"], "it makes the keys"
    assert [path.name for path in (desk.folder / "services.d").iterdir()] == ["www.toml"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["mail.example.org", "--server", "nginx"], "PUBLISHER_UNCLEAR"),
        (["mail.example.net"], "RELOAD_UNCLEAR"),
        (["smtp:example.net", "--server", "postfix"], "BAD_ENDPOINT"),
        (["mail.example.net:70000", "--server", "postfix"], "BAD_TARGET"),
        (["mail.example.net", "--reload", "'"], "BAD_COMMAND"),
        (["mail.example.net", "--server", "nginx", "--service", "../x"], "BAD_NAME"),
        (["mail.example.net", "--server", "nginx", "--service", "www"], "SERVICE_FILE_EXISTS"),
        (["www.example.net", "--server", "nginx"], "CONFIG_INVALID"),
        (["mail.example.net", "--server", "nginx", "--issuer", "none"], "CONFIG_INVALID"),
        (["mail.example.net", "--server", "nginx", "--issuer", "certbot", "--strategy", "staged"], "CONFIG_INVALID"),
    ],
)
def test_a_service_that_could_not_be_kept_is_refused_and_nothing_is_left_behind(
    desk: Desk, words: list[str], code: str
) -> None:
    issuer = [] if "--issuer" in words else ["--issuer", "letsencrypt"]
    said = desk.types("enroll", *words, *issuer)
    assert (said.status, said.out) == (2, "")
    assert code in said.err
    assert [path.name for path in (desk.folder / "services.d").iterdir()] == ["www.toml"]
