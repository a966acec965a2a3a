"""What each place has of its own: settings, refusals, records that others keep there, and how it fails."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dns.name
import pytest
from api_stand_ins import TOKEN, Cloudflare, Desec, Reply, StandIn, serving
from dns.name import Name
from dns.rdatatype import RdataType as T
from ended_processes import hearing
from pdns_server import ZONES, PowerDNS
from publish_benches import Benches
from update_servers import LOOPBACK, ZONE

from danelaw.adapters.clock import SubprocessPrograms, SystemClock, ThreadBlocking
from danelaw.adapters.publish.compared import ComparedPublisher, Place
from danelaw.adapters.publish.desec import DesecZone
from danelaw.adapters.publish.exec import ProgramZone
from danelaw.adapters.publish.manual import ManualPublisher
from danelaw.adapters.publish.octodns import OctoDNSZone
from danelaw.adapters.publish.secret import Secret
from danelaw.adapters.publish.web import Site, WebApi
from danelaw.adapters.resolve import ForwardingResolver
from danelaw.core.dnssec.anchors import read_anchors
from danelaw.core.model import Absence, Answer, DanelawError, Do53, RRset, Security, same_content
from danelaw.core.rollover.actions import Conflict, Publish, Receipt
from danelaw.ports import SocketAddress

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*is DEPRECATED:DeprecationWarning:octodns_bind"),  # its own affair
]

OWNER = dns.name.from_text("_443._tcp.www.example.net.")
ELSEWHERE = dns.name.from_text("example.org.")


def rrset(*ends: int, ttl: int = 3600, owner: Name = OWNER) -> RRset:
    return RRset(owner, T.TLSA, ttl, frozenset(bytes((3, 1, 1)) + bytes(31) + bytes((end,)) for end in ends))


def absent(owner: Name = OWNER, type: int = T.TLSA) -> Absence:
    return Absence(owner, type, 60)


def publish(place: Place, expect: Answer, wanted: Answer, zone: Name = ZONE) -> Receipt | Conflict:
    return asyncio.run(ComparedPublisher(place).publish(Publish(zone, expect, wanted)))


def error(place: Place, expect: Answer | None = None, wanted: Answer | None = None, zone: Name = ZONE) -> DanelawError:
    with pytest.raises(DanelawError) as caught:
        publish(place, expect or absent(), wanted or rrset(1), zone)
    return caught.value


# -- PowerDNS ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, ExitStack, dict[str, Any]]]:
    with ExitStack() as stack:
        yield tmp_path_factory.mktemp("places"), stack, {}


@pytest.fixture
def benches(kept: tuple[Path, ExitStack, dict[str, Any]], require_program: Callable[..., str]) -> Benches:
    folder, stack, made = kept
    return Benches(folder, require_program, stack, made)


@pytest.fixture
def pdns(benches: Benches) -> Iterator[PowerDNS]:
    """Without what the test has left behind at ``OWNER``."""
    running = benches.pdns()
    yield running
    running.set(kind="Native", soa_edit="", soa_edit_api="INCREASE", api_rectify=True)
    gone = {"name": OWNER.to_text(), "type": "TLSA", "changetype": "DELETE"}
    running.call("PATCH", f"{ZONES}/{ZONE}", {"rrsets": [gone]})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"soa_edit_api": ""}, "serial"),
        ({"api_rectify": False}, "rectified"),
        ({"kind": "Slave", "masters": ["127.0.0.1"]}, "Slave"),
    ],
)
def test_a_zone_whose_changes_would_not_be_served_is_left_as_it_is(
    settings: dict[str, Any], said: str, pdns: PowerDNS, benches: Benches
) -> None:
    pdns.set(**settings)
    refused = error(benches.powerdns_zone())
    assert refused.code == "ZONE_UNSUITED"
    assert said in refused.evidence
    pdns.set(kind="Native", soa_edit_api="INCREASE", api_rectify=True)
    assert isinstance(publish(benches.powerdns_zone(), absent(), rrset(1)), Receipt)


def test_a_served_serial_that_stands_still_is_found_out(pdns: PowerDNS, benches: Benches) -> None:
    pdns.set(soa_edit="INCEPTION-INCREMENT")
    assert error(benches.powerdns_zone()).code == "SERIAL_STUCK"


def test_records_that_are_disabled_stay_so_and_count_for_nothing(pdns: PowerDNS, benches: Benches) -> None:
    asleep = {"content": "3 1 1 " + "ab" * 32, "disabled": True}
    entry = {"name": OWNER.to_text(), "type": "TLSA", "ttl": 60, "changetype": "REPLACE", "records": [asleep]}
    pdns.call("PATCH", f"{ZONES}/{ZONE}", {"rrsets": [entry]})

    def disabled() -> list[dict[str, Any]]:
        shown = pdns.call("GET", f"{ZONES}/{ZONE}")["rrsets"]
        return [record for entry in shown for record in entry["records"] if record["disabled"]]

    for expect, wanted in ((absent(), rrset(1)), (rrset(1), rrset(1, 2)), (rrset(1, 2), absent())):
        assert isinstance(publish(benches.powerdns_zone(), expect, wanted), Receipt)
        assert disabled() == [asleep]


def test_a_wrong_key_and_an_unknown_zone_are_told_apart(benches: Benches) -> None:
    wrong = error(benches.powerdns_zone(key="wr0ng-k3y"))
    assert wrong.code == "API_DENIED"
    assert "wr0ng-k3y" not in f"{wrong} {wrong.hint}"
    owner = dns.name.from_text("_443._tcp", ELSEWHERE)
    unknown = error(benches.powerdns_zone(ELSEWHERE), absent(owner), rrset(1, owner=owner), ELSEWHERE)
    assert unknown.code == "API_NOT_FOUND"


def test_a_record_that_the_server_cannot_read_is_refused_with_its_words(benches: Benches) -> None:
    malformed = RRset(OWNER, T.TLSA, 60, frozenset({bytes.fromhex("0301019999"), bytes.fromhex("03")}))
    refused = error(benches.powerdns_zone(), absent(), malformed)
    assert refused.code == "API_REFUSED"
    assert "TLSA" in refused.evidence


def test_what_powerdns_signs_validates(pdns: PowerDNS, benches: Benches) -> None:
    class Everywhere:
        def locate(self, ip: object, port: int) -> SocketAddress:
            return str(LOOPBACK), pdns.server.port

    keys = [key["dnskey"] for key in pdns.call("GET", f"{ZONES}/{ZONE}/cryptokeys")]
    anchors = read_anchors("".join(f"{ZONE} DNSKEY {key}\n" for key in keys))
    resolver = ForwardingResolver([Do53(LOOPBACK)], Everywhere(), SystemClock(), anchors)
    versions: tuple[Answer, ...] = (absent(), rrset(1), rrset(1, 2), absent())
    for expect, wanted in itertools.pairwise(versions):
        publish(benches.powerdns_zone(), expect, wanted)
        found = asyncio.run(resolver.resolve(OWNER, T.TLSA))
        assert found.state is Security.SECURE, found.reasons
        answer = found.rrset or found.absence
        assert answer is not None
        assert same_content(answer, wanted)


# -- deSEC ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def desec() -> Iterator[Desec]:
    stand_in = Desec()
    with serving(stand_in):
        yield stand_in


def desec_zone(at: StandIn, zone: Name = ZONE, token: str = TOKEN) -> DesecZone:
    return DesecZone(
        WebApi(Site(f"{at.url}/api/v1", "Authorization", Secret(token, "x"), "Token"), SystemClock()), zone
    )


def test_a_ttl_below_the_minimum_of_the_domain_is_not_sent(desec: Desec) -> None:
    low = error(desec_zone(desec), absent(), rrset(1, ttl=300))
    assert low.code == "TTL_TOO_LOW"
    assert "3600" in low.hint
    assert desec.writes == 0
    desec.minimum_ttl = 60
    assert isinstance(publish(desec_zone(desec), absent(), rrset(1, ttl=300)), Receipt)


def test_desec_is_left_alone_for_as_long_as_it_wants_to_be(desec: Desec) -> None:
    desec.busy, zone = 1, desec_zone(desec)
    busy = error(zone)
    assert busy.code == "API_BUSY"
    assert "7 s" in busy.hint
    asked = len(desec.seen)
    assert error(zone).code == "API_BUSY"
    assert len(desec.seen) == asked


def test_a_wrong_token_and_a_domain_of_somebody_else_are_told_apart(desec: Desec) -> None:
    assert error(desec_zone(desec, token="n0-t0ken")).code == "API_DENIED"  # noqa: S106 - it opens nothing
    owner = dns.name.from_text("_443._tcp", ELSEWHERE)
    assert error(desec_zone(desec, ELSEWHERE), absent(owner), rrset(1, owner=owner), ELSEWHERE).code == "API_NOT_FOUND"


# -- octoDNS ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def cloudflare() -> Iterator[Cloudflare]:
    stand_in = Cloudflare()
    with serving(stand_in):
        yield stand_in


CLOUDFLARE = "octodns_cloudflare.CloudflareProvider"


def octodns(at: StandIn | None, provider: str = CLOUDFLARE, token: str = TOKEN, **options: object) -> OctoDNSZone:
    given = {"api_url": f"{at.url}/client/v4", "pagerules": False} if at is not None else {}
    secrets = {"token": Secret(token, "x")} if at is not None else {}
    return OctoDNSZone(ZONE, provider, given | options, secrets, ThreadBlocking())


def test_a_wrong_token_is_not_told_in_any_error_or_log(
    cloudflare: Cloudflare, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    refused = error(octodns(cloudflare, token="n0-t0ken"))  # noqa: S106 - it opens nothing
    assert refused.code == "PROVIDER_FAILED"
    assert "Invalid access token" in refused.evidence
    assert "n0-t0ken" not in f"{refused} {refused.hint} {refused.__cause__!r} {caplog.text}"


def test_a_provider_that_was_told_to_wait_does_not_wait_by_itself(cloudflare: Cloudflare) -> None:
    cloudflare.busy = 1
    started = datetime.now(UTC)
    assert error(octodns(cloudflare)).code == "PROVIDER_FAILED"
    assert datetime.now(UTC) - started < timedelta(seconds=30)
    assert len(cloudflare.seen) == 1


def test_of_a_change_made_record_by_record_what_stays_is_there_all_the_time(cloudflare: Cloudflare) -> None:
    one, two, three = ("3 1 1 " + "00" * 31 + f"0{end}" for end in (1, 2, 3))
    steps: tuple[tuple[Answer, Answer, str], ...] = (
        (absent(), rrset(1), one),
        (rrset(1), rrset(1, 2), one),
        (rrset(1, 2), rrset(2, 3), two),
        (rrset(2, 3), rrset(3), three),
    )
    for expect, wanted, stays in steps:
        cloudflare.versions.clear()
        publish(octodns(cloudflare), expect, wanted)
        assert cloudflare.versions
        assert all(stays in version for version in cloudflare.versions)


def test_a_provider_that_writes_whole_zones_is_not_used(tmp_path: Path) -> None:
    zone = tmp_path / "example.net."
    zone.write_text("what people have written")
    whole = octodns(None, "octodns_bind.ZoneFileProvider", directory=str(tmp_path), file_extension=".")
    assert error(whole).code == "PROVIDER_UNSUITED"
    assert zone.read_text() == "what people have written"


def test_records_that_a_provider_does_not_know_are_not_lost_in_it(cloudflare: Cloudflare) -> None:
    unknown = RRset(OWNER, 65280, 3600, frozenset({b"\x00\xff"}))
    assert error(octodns(cloudflare), absent(OWNER, 65280), unknown).code == "PROVIDER_UNSUITED"
    assert cloudflare.writes == 0


@pytest.mark.parametrize("name", ["octodns_nobody.Provider", "octodns_bind.Nobody"])
def test_a_provider_that_is_not_installed_is_named(name: str) -> None:
    missing = error(octodns(None, name))
    assert missing.code == "PROVIDER_MISSING"
    assert "octodns-" in missing.hint


def test_wrong_options_are_an_error_of_the_provider() -> None:
    assert error(octodns(None, CLOUDFLARE, no_such_option=1)).code == "PROVIDER_FAILED"


class Moved(StandIn):
    """Lets everybody in, and sends them on."""

    to = ""

    def admit(self, authorization: str) -> None:
        pass

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Reply:
        return Reply(308, None, {"Location": f"{self.to}{path}?{TOKEN}"})


@pytest.mark.parametrize("provider", ["octodns_powerdns.PowerDnsProvider", CLOUDFLARE])
def test_no_secret_follows_a_redirection(provider: str) -> None:
    """PowerDNS's is in a header that would go along to any host."""
    here, elsewhere = Moved(), Moved()
    with serving(here), serving(elsewhere):
        here.to = elsewhere.url
        if provider == CLOUDFLARE:
            place = octodns(here)
        else:
            at = urlsplit(here.url)
            options = {"host": at.hostname, "port": at.port}
            place = OctoDNSZone(ZONE, provider, options, {"api_key": Secret(TOKEN, "x")}, ThreadBlocking())
        moved = error(place)
    assert (moved.code, TOKEN in moved.evidence) == ("API_REDIRECTS", False)
    assert elsewhere.url in moved.evidence
    assert (len(here.seen), elsewhere.seen) == (1, [])


# -- programs ---------------------------------------------------------------------------------------------------------


def program(folder: Path, text: str, patience: float = 30) -> ProgramZone:
    script = folder / "program.py"
    script.write_text(f"import json, os, sys, time\nrequest = json.load(sys.stdin)\n{text}\n")
    return ProgramZone((sys.executable, str(script)), ZONE, SubprocessPrograms(), timedelta(seconds=patience))


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("sys.exit('no zone today')", "PROGRAM_FAILED", "no zone today"),
        ("os.kill(os.getpid(), 9)", "PROGRAM_FAILED", ""),
        ("print('{')", "PROGRAM_ANSWER_UNREADABLE", ""),
        ("print(json.dumps({'records': 'one'}))", "PROGRAM_ANSWER_UNREADABLE", "records"),
        ("print(json.dumps({'records': ['3 1']}))", "PROGRAM_ANSWER_UNREADABLE", "3 1"),
        ("pass", "PROGRAM_ANSWER_UNREADABLE", ""),
        ("print(' ' * (1 << 20), '{}')", "PROGRAM_ANSWER_UNREADABLE", "longer"),
    ],
)
def test_programs_that_fail(text: str, code: str, said: str, tmp_path: Path) -> None:
    failed = error(program(tmp_path, text))
    assert failed.code == code
    assert said in failed.evidence


def test_there_is_no_such_program(tmp_path: Path) -> None:
    assert error(ProgramZone((str(tmp_path / "none"),), ZONE, SubprocessPrograms())).code == "COMMAND_NOT_FOUND"


def test_a_program_that_takes_too_long_is_ended_with_what_it_started(tmp_path: Path) -> None:
    with hearing(tmp_path) as (listens, alive):
        argv = ("sh", "-c", f"{listens} & sleep 1000")
        with pytest.raises(TimeoutError):
            publish(ProgramZone(argv, ZONE, SubprocessPrograms(), timedelta(seconds=1.5)), absent(), rrset(1))
        assert not alive()


def test_a_place_that_has_bounds_for_ttls_is_told_with_what_would_suit_it(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    bounded = f"""\
kept = {str(kept)!r}
if request['action'] == 'replace': json.dump({{'records': request['records'], 'ttl': 600}}, open(kept, 'w'))
done = {{'done': True}} if request['action'] == 'replace' else {{}}
print(json.dumps(done or (json.load(open(kept)) if os.path.exists(kept) else {{}})))
"""
    refused = error(program(tmp_path, bounded), absent(), rrset(1))
    assert (refused.code, refused.evidence) == ("UPDATE_WITHOUT_EFFECT", "TTL 600, not 3600")
    assert "tlsa_ttl be 600" in refused.hint
    refused = error(program(tmp_path, bounded), rrset(1, ttl=600), rrset(1, 2))
    assert refused.evidence == "TTL 600, not 3600"


def test_a_program_that_says_it_did_what_it_did_not_is_found_out(tmp_path: Path) -> None:
    lazy = "print(json.dumps({'done': True} if request['action'] == 'replace' else {'records': []}))"
    assert error(program(tmp_path, lazy)).code == "UPDATE_WITHOUT_EFFECT"


def test_a_program_that_sees_something_else_makes_a_conflict(tmp_path: Path) -> None:
    """Somebody wrote between its two looks."""
    mark = str(tmp_path / "mark")
    meddled = f"""
if request["action"] == "replace":
    open({mark!r}, "w").close()
    print(json.dumps({{"done": False}}))
else:
    records = ["3 1 1 " + "00" * 32] if os.path.exists({mark!r}) else []
    print(json.dumps({{"records": records, "ttl": 60}}))
"""
    outcome = publish(program(tmp_path, meddled), absent(), rrset(1))
    assert isinstance(outcome, Conflict)
    assert same_content(outcome.found, RRset(OWNER, T.TLSA, 60, frozenset({bytes((3, 1, 1)) + bytes(32)})))


def test_what_the_program_gets_is_what_the_page_says(tmp_path: Path) -> None:
    log = tmp_path / "log"
    text = f"""
with open({str(log)!r}, "a") as log:
    print(json.dumps(request), file=log)
there = {{"records": ["3 1 1 " + "00" * 32], "ttl": 60}}
print(json.dumps({{"done": True}} if request["action"] == "replace" else there))
"""
    old = RRset(OWNER, T.TLSA, 60, frozenset({bytes((3, 1, 1)) + bytes(32)}))
    error(program(tmp_path, text), old, rrset(1))
    read, replace, _ = map(json.loads, log.read_text().splitlines())
    where = {
        "schema": "danelaw/publish/1",
        "zone": "example.net.",
        "name": "_443._tcp.www.example.net.",
        "type": "TLSA",
    }
    assert read == {**where, "action": "read"}
    records = {"expect": ["3 1 1 " + "00" * 32], "ttl": 3600, "records": ["3 1 1 " + "00" * 31 + "01"]}
    assert replace == {**where, "action": "replace", **records}


# -- people -----------------------------------------------------------------------------------------------------------


def asked(expect: Answer, wanted: Answer, instructions: Path | None = None) -> Receipt:
    person = ManualPublisher(ZONE, SystemClock(), ThreadBlocking(), instructions)
    return asyncio.run(person.publish(Publish(ZONE, expect, wanted)))


def test_a_person_is_told_what_comes_and_what_goes() -> None:
    receipt = asked(rrset(1, 2), rrset(2, 3, ttl=60))
    assert receipt.serial is None
    assert receipt.note.split("; ") == [
        f"publish {OWNER} 60 IN TLSA 3 1 1 {'00' * 31}03",
        f"remove {OWNER} IN TLSA 3 1 1 {'00' * 31}01",
        f"set the TTL of {OWNER} TLSA to 60",
    ]


def test_the_instructions_are_a_zone_file_with_the_fields_of_a_form(tmp_path: Path) -> None:
    file = tmp_path / "todo"
    asked(absent(), rrset(1), file)
    text = file.read_text()
    lines = [line for line in text.splitlines() if not line.startswith(";")]
    assert lines == [f"{OWNER} 3600 IN TLSA 3 1 1 {'00' * 31}01"]
    assert "usage 3   selector 1   matching type 1" in text
    assert f"data   {'00' * 31}01" in text
    assert "name   _443._tcp.www" in text
    asked(rrset(1), absent(), file)
    assert "remove all TLSA records" in file.read_text()
    assert os.listdir(tmp_path) == ["todo"]  # noqa: PTH208 - the names alone


def test_instructions_are_for_everybody_to_read_and_follow_no_link(tmp_path: Path) -> None:
    """In a folder where others may write they could lie in wait for the name of what is written."""
    precious, file = tmp_path / "precious", tmp_path / "todo"
    precious.write_text("untouched")
    for name in ("todo", ".todo.new"):
        (tmp_path / name).symlink_to(precious)
    asked(absent(), rrset(1), file)
    assert precious.read_text() == "untouched"
    assert not file.is_symlink()
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


def test_instructions_that_cannot_be_written_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DanelawError, match="INSTRUCTIONS_UNWRITABLE"):
        asked(absent(), rrset(1), tmp_path / "none" / "todo")
