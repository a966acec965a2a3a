"""The whole play, as ``danelaw lab`` shows it: nobody is refused by Danelaw, somebody is by the naive operator."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.dnssec
import dns.name
import dns.rdatatype
import dns.zone
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from lab_process import DANELAW, Ended, ended, start

pytestmark = [pytest.mark.lab, pytest.mark.timeout(800)]

ZONE = "dotnxdomain.net"
HOST = "www.dotnxdomain.net"
OWNER = dns.name.from_text(f"_443._tcp.{HOST}.")
LIMIT = 700.0
"""Seconds that a play may take; about fifty on an idle machine."""

OURS = ("dnssec", "certificate", "tlsa", "staged", "mend")


@dataclass(frozen=True, slots=True)
class Played:
    """One play: how it ended, where its files are, and where its temporary files were."""

    ended: Ended
    folder: Path
    temporary: Path

    @property
    def result(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ended.out)
        return found

    def read(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")

    def signed_zone(self) -> dns.zone.Zone:
        return dns.zone.from_text(self.read(f"{ZONE}.signed"), origin=f"{ZONE}.", relativize=False)

    def certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificates(self.read(f"{HOST}.pem").encode())[0]


@pytest.fixture(scope="module")
def plays(tmp_path_factory: pytest.TempPathFactory) -> tuple[Played, Played]:
    """Two labs at once: one for scripts, with a folder of the user's; one for people, with none given."""
    temporaries = tmp_path_factory.mktemp("script"), tmp_path_factory.mktemp("people")
    folder = tmp_path_factory.mktemp("kept") / "made" / "by the lab"
    script = start((*DANELAW, "lab", "--json", "--artifacts", str(folder)), temporaries[0])
    people = start((*DANELAW, "lab", "--seed", "7"), temporaries[1])
    try:
        first, second = ended(script, LIMIT), ended(people, LIMIT)
    finally:
        for process in (script, people):
            process.kill()
    (chosen,) = temporaries[1].glob("danelaw-lab-*")
    return Played(first, folder, temporaries[0]), Played(second, chosen, temporaries[1])


@pytest.fixture(scope="module")
def script(plays: tuple[Played, Played]) -> Played:
    return plays[0]


@pytest.fixture(scope="module")
def people(plays: tuple[Played, Played]) -> Played:
    return plays[1]


def test_both_labs_end_well_although_they_play_at_once(plays: tuple[Played, Played]) -> None:
    for played in plays:
        assert played.ended.status == 0, played.ended


# -- for scripts -------------------------------------------------------------------------------------------------------


def test_the_result_has_the_documented_form(script: Played) -> None:
    result = script.result
    assert result["schema"] == "danelaw/lab/1"
    assert result["artifacts"] == str(script.folder)
    assert set(result["runs"]) == {"staged", "naive"}
    for run in result["runs"].values():
        assert run["connections"] > 0
        assert run["connections"] >= run["accepted"] + run["refused"]
    assert script.ended.err == ""


@pytest.mark.parametrize("scene", OURS)
def test_nobody_is_refused_in_a_scene_of_ours(script: Played, scene: str) -> None:
    told = script.result["scenes"][scene]
    assert (told["refused"], told["reasons"], told["seconds_refused"]) == (0, {}, 0)
    assert told["accepted"] > 0


def test_the_staged_run_refuses_nobody_and_the_naive_run_does(script: Played) -> None:
    runs = script.result["runs"]
    assert runs["staged"]["refused"] == 0
    assert runs["naive"]["refused"] > 0
    assert runs["naive"]["seconds_refused"] > 0


def test_the_naive_run_refuses_because_the_records_match_nothing(script: Played) -> None:
    naive = script.result["runs"]["naive"]
    assert naive["reasons"] == {"TLSA_MISMATCH": naive["refused"]}


def test_a_staged_roll_publishes_waits_switches_and_withdraws(script: Played) -> None:
    steps = [step for step in script.result["steps"] if step["scene"] == "staged"]
    done = [step["action"] for step in steps if step["action"] in ("MakeKey", "Publish", "Switch", "DestroyKey")]
    assert done == ["MakeKey", "Publish", "Switch", "Publish", "DestroyKey"]
    published, switched = (next(s["seconds"] for s in steps if s["action"] == kind) for kind in ("Publish", "Switch"))
    assert switched - published > 2 + 2 * 1  # the secondary's lag, and twice the TTL of what was there before


def test_nothing_temporary_stays(script: Played, people: Played) -> None:
    assert list(script.temporary.iterdir()) == []
    assert list(people.temporary.iterdir()) == [people.folder]


# -- for people --------------------------------------------------------------------------------------------------------


def test_the_talk_goes_to_standard_error_and_fits_80_columns(people: Played) -> None:
    assert people.ended.out == ""
    assert [line for line in people.ended.err.splitlines() if len(line) > 80] == []


def test_without_a_terminal_no_control_character_is_written(people: Played) -> None:
    assert all(c.isprintable() or c == "\n" for c in people.ended.err)


def test_the_talk_tells_the_outcome_and_where_the_files_are(people: Played) -> None:
    lines = people.ended.err.splitlines()
    assert any(line.startswith("Staged by Danelaw: 0 of ") for line in lines)
    assert f"Files made, in {people.folder}:" in " ".join(people.ended.err.split())
    named = {line.strip() for line in lines if (people.folder / line.strip()).is_file()}
    assert named == {path.name for path in people.folder.iterdir()}


# -- the files made ----------------------------------------------------------------------------------------------------


def test_no_private_key_is_among_the_files(plays: tuple[Played, Played]) -> None:
    for played in plays:
        for path in played.folder.rglob("*"):
            content = path.read_bytes()
            assert b"PRIVATE KEY" not in content, path
            assert b"Private-key-format" not in content, path
            assert b"PrivateKey:" not in content, path


def test_the_signed_zone_verifies_with_bind(script: Played, require_program: Callable[..., str]) -> None:
    program = require_program("dnssec-verify", package="bind9-utils")
    _assert_accepts(program, "-o", ZONE, str(script.folder / f"{ZONE}.signed"))


def test_the_signed_zone_verifies_with_ldns(script: Played, require_program: Callable[..., str]) -> None:
    program = require_program("ldns-verify-zone", package="ldnsutils")
    _assert_accepts(program, str(script.folder / f"{ZONE}.signed"))


def test_the_ds_file_names_a_key_of_the_zone(script: Played) -> None:
    owner, _, _, type, *rdata = script.read(f"dsset-{ZONE}.").split()
    assert (owner, type) == (f"{ZONE}.", "DS")
    dnskeys = script.signed_zone().find_rdataset(f"{ZONE}.", dns.rdatatype.DNSKEY)
    made = [
        dns.dnssec.make_ds(f"{ZONE}.", key, "SHA256", policy=dns.dnssec.allow_all_policy).to_text()
        for key in dnskeys
        if isinstance(key, DNSKEY) and key.flags & 1
    ]
    assert " ".join(rdata[:3]) + " " + "".join(rdata[3:]).lower() in made


def test_the_one_tlsa_record_left_is_of_the_certificate_left(script: Played) -> None:
    spki = script.certificate().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    expected = f"3 1 1 {hashlib.sha256(spki).hexdigest()}"
    served = script.signed_zone().find_rdataset(OWNER, dns.rdatatype.TLSA)
    assert [rdata.to_text() for rdata in served] == [expected]
    owner, _, _, type, *rdata = script.read(f"{HOST}.tlsa").split()
    assert (owner, type, " ".join(rdata)) == (OWNER.to_text(), "TLSA", expected)


def test_the_source_zone_has_no_signatures_in_it(script: Played) -> None:
    """What the operator edits stays the operator's: Danelaw adds its block of TLSA records, and signs elsewhere."""
    source = dns.zone.from_text(script.read(f"{ZONE}.zone"), origin=f"{ZONE}.", relativize=False)
    types = {rdataset.rdtype for _, rdataset in source.iterate_rdatasets()}
    assert dns.rdatatype.TLSA in types
    assert not types & {dns.rdatatype.RRSIG, dns.rdatatype.NSEC}


def test_the_report_agrees_with_what_was_printed(script: Played) -> None:
    report = json.loads(script.read("report.json"))
    assert report.pop("limits")
    assert report == script.result


def _assert_accepts(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603  # an oracle
    assert done.returncode == 0, done.stdout + done.stderr
