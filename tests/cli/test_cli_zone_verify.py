"""``danelaw zone verify`` as a user types it: what it says, its exit status, its JSON."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from command_said import Said
from danelaw.faces import cli
from fault_garden.damages import nothing, together, unsigned
from zone_damage_tools import APEX, HASHED, OPT_OUT, PLAIN, ZoneDamage, everything, zone_file
from zone_damages import TABLE

NOW: Final = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
AT: Final = ("--now", "2026-11-23T12:00:00Z")
PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "zone-verify.md"
HONEST: Final = ZoneDamage("honest", nothing, "", "", PLAIN)


Verify = Callable[..., Said]


@pytest.fixture
def verify(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Verify:
    """``danelaw zone verify example.net``, in this process, 80 columns wide."""
    monkeypatch.setenv("COLUMNS", "80")
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def run(*arguments: str | Path, zone: str = "example.net") -> Said:
        monkeypatch.setattr(sys, "argv", ["danelaw", "zone", "verify", zone, *map(str, arguments)])
        try:
            with pytest.raises(SystemExit) as ended:
                cli.main()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        out, err = capfd.readouterr()
        return Said(int(ended.value.code or 0), out, err)

    return run


@pytest.fixture
def signed(tmp_path: Path) -> Callable[[ZoneDamage], Path]:
    def signed(damage: ZoneDamage) -> Path:
        file = tmp_path / "example.net.signed"
        file.write_text(zone_file(damage.zone(NOW)), encoding="ascii")
        return file

    return signed


Signed = Callable[[ZoneDamage], Path]


def unsigned_everywhere() -> ZoneDamage:
    return ZoneDamage("no signatures", everything(lambda _, r: type(r)(r.owner, r.type, r.ttl, r.rdatas)), "", "")


def test_a_right_zone_ends_with_0_and_says_what_was_judged(verify: Verify, signed: Signed) -> None:
    said = verify("--file", signed(HONEST), *AT)
    assert (said.status, said.err) == (0, "")
    assert said.out.splitlines()[-1] == "example.net is right"
    assert "serial 7" in said.out
    assert "signatures checked" in said.out.replace("\n     ", "")
    assert "2026-12-06T12:00:00Z, in 13 days" in said.out
    assert "KSK" in said.out


def test_advice_leaves_it_at_0(verify: Verify, signed: Signed) -> None:
    said = verify("--file", signed(ZoneDamage("opt-out", nothing, "", "", OPT_OUT)), *AT)
    assert said.status == 0
    assert "advice: NSEC3_OPT_OUT (RFC 9276 §3.1)" in said.out
    assert "is right, with advice" in said.out


def test_a_fault_ends_with_1_and_says_where_why_and_what_to_do(verify: Verify, signed: Signed) -> None:
    damage = ZoneDamage("two", together(unsigned("www A"), unsigned("mail A")), "", "")
    said = verify("--file", signed(damage), *AT)
    assert (said.status, said.err) == (1, "")
    assert "fault: SIGNATURE_MISSING, 2 times (RFC 4035 §2.2)" in said.out
    assert "  www.example.net. A: no signature of algorithm 13" in said.out
    assert "  hint: sign the zone again" in said.out
    assert said.out.splitlines()[-1] == "example.net is not right: 2 faults at 2 RRsets"


def test_of_many_of_a_kind_a_few_are_shown_and_the_others_counted(verify: Verify, signed: Signed) -> None:
    file = signed(unsigned_everywhere())
    count = len(json.loads(verify("--file", file, *AT, "--json").out)["findings"])
    assert count > 40
    said = verify("--file", file, *AT)
    assert f"  and {count - 5} more" in said.out
    assert said.out.count(": no signature of algorithm 13") == 5
    assert f"  and {count - 12} more" in verify("--file", file, *AT, "--shown", "12").out


def test_lines_fit_eighty_columns(verify: Verify, signed: Signed) -> None:
    for damage in TABLE[:20]:
        said = verify("--file", signed(damage), *AT)
        assert max(map(len, said.out.splitlines())) <= 80, said.out


def test_what_expires_soon_is_told_by_days(verify: Verify, signed: Signed) -> None:
    file, late = signed(HONEST), ("--now", f"{NOW + timedelta(days=9):%Y-%m-%dT%H:%M:%SZ}")
    assert "SIGNATURE_EXPIRING" not in verify("--file", file, *late).out
    told = verify("--file", file, *late, "--days", "5")
    assert told.status == 0
    assert "SIGNATURE_EXPIRING" in told.out


class TestTheParent:
    def dnskeys(self, held: Path) -> str:
        lines = held.read_text().splitlines()
        return "\n".join(line for line in lines if " IN DNSKEY 257" in line)

    @pytest.mark.parametrize("option", ["--ds", "--anchor"])
    def test_records_that_lead_into_the_zone_are_right(
        self, option: str, verify: Verify, signed: Signed, tmp_path: Path
    ) -> None:
        file = signed(HONEST)
        (tmp_path / "parent").write_text(self.dnskeys(file))
        assert verify("--file", file, *AT, option, tmp_path / "parent").status == 0

    def test_others_are_not(self, verify: Verify, signed: Signed, tmp_path: Path) -> None:
        (tmp_path / "parent").write_text(f"example.net. IN DS 1 13 2 {'00' * 32}\n")
        said = verify("--file", signed(HONEST), *AT, "--ds", tmp_path / "parent")
        assert said.status == 1
        assert "DS_MISMATCH" in said.out

    def test_those_of_another_zone_are_a_mistake(self, verify: Verify, signed: Signed, tmp_path: Path) -> None:
        (tmp_path / "parent").write_text(f"example.com. IN DS 1 13 2 {'00' * 32}\n")
        said = verify("--file", signed(HONEST), *AT, "--ds", tmp_path / "parent")
        assert (said.status, said.out) == (2, "")
        assert "DS_NOT_FOR_ZONE" in said.err


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("example.net. 60 IN A 192.0.2.300\n", "ZONE_SYNTAX", "zone:1:22:"),
        ("\n$TTL 1h\nwww IN BLAH x\n", "ZONE_SYNTAX", "zone:3:8:"),
        ("$INCLUDE nothing\n", "ZONE_UNREADABLE", "zone:1:"),
        ("example.com. 60 IN A 192.0.2.3\n", "ZONE_OUT_OF_ZONE", "example.com."),
        ("; nothing\n", "ZONE_OUT_OF_ZONE", "no records at all"),
    ],
)
def test_what_cannot_be_read_ends_with_2_and_says_where(
    text: str, code: str, place: str, verify: Verify, tmp_path: Path
) -> None:
    (tmp_path / "zone").write_text(text)
    said = verify("--file", tmp_path / "zone")
    assert (said.status, said.out) == (2, "")
    assert code in said.err
    assert place in said.err


def test_a_file_that_is_not_there_ends_with_2(verify: Verify, tmp_path: Path) -> None:
    said = verify("--file", tmp_path / "zone")
    assert (said.status, said.out) == (2, "")
    assert "ZONE_UNREADABLE" in said.err


def test_an_unsigned_zone_is_wrong(verify: Verify, tmp_path: Path) -> None:
    (tmp_path / "zone").write_text("$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n")
    said = verify("--file", tmp_path / "zone")
    assert said.status == 1
    assert "DNSKEY_MISSING" in said.out


# -- JSON -----------------------------------------------------------------------------------------------------------


def documented() -> dict[str, set[str]]:
    """Fields by heading."""
    found: dict[str, set[str]] = {}
    for line in PAGE.read_text(encoding="utf-8").split("## JSON")[1].splitlines():
        if line.startswith("### "):
            found[heading := line.removeprefix("### ")] = set()
        elif line.startswith("| `"):
            found[heading] |= set(re.findall(r"`(\w+)`", line.split("|")[1]))
    return found


@pytest.mark.parametrize("layout", [PLAIN, HASHED], ids=["NSEC", "NSEC3"])
def test_the_json_has_the_documented_fields_and_every_finding(layout: Any, verify: Verify, signed: Signed) -> None:
    said = verify("--file", signed(ZoneDamage("one", unsigned("www A"), "", "", layout)), *AT, "--json")
    document, fields = json.loads(said.out), documented()
    assert said.status == 1
    assert set(document) == fields["Document"]
    assert {frozenset(key) for key in document["keys"]} == {frozenset(fields["Key"])}
    assert set(document["first_expiration"]) == fields["Expiration"]
    assert {frozenset(finding) for finding in document["findings"]} == {frozenset(fields["Finding"])}
    assert (document["schema"], document["verdict"]) == ("danelaw/zone-verify/1", "bogus")
    (finding,) = document["findings"]
    assert (finding["level"], finding["code"], finding["owner"], finding["type"]) == (
        "fault",
        "SIGNATURE_MISSING",
        f"www.{APEX}",
        "A",
    )


def test_the_json_of_a_right_zone_says_valid(verify: Verify, signed: Signed) -> None:
    document = json.loads(verify("--file", signed(HONEST), *AT, "--json").out)
    assert (document["verdict"], document["findings"]) == ("valid", [])
