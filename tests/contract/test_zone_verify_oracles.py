"""Whole signed zones, judged by us and by dnssec-verify, ldns-verify-zone and kzonecheck; and what others have signed.

docs/divergences.md lists where they differ from us, with the reason: what is not listed fails here, and so does what is
listed and is no more. The zones are signed around the present: not all of them can be told another time.
"""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from danelaw.adapters.zone.records import read_records
from danelaw.core.dnssec.zone_verdict import ZoneVerdict, judge_zone
from fault_garden.damages import nothing
from zone_damage_tools import APEX, HASHED, OPT_OUT, PLAIN, SALTED, ZoneDamage, zone_file
from zone_damages import TABLE

pytestmark = [pytest.mark.slow]

Require = Callable[..., str]

DIVERGENCES: Final = Path(__file__).parent.parent.parent / "docs" / "divergences.md"
SECTION: Final = "## Whole zones"
COLUMNS: Final = ["damage", "Danelaw", "dnssec-verify", "ldns-verify-zone", "kzonecheck", "decided by", "why"]
HONEST: Final = [
    ZoneDamage(f"honest, {name}", nothing, "", "", layout)
    for name, layout in {"NSEC": PLAIN, "NSEC3": HASHED, "a salt": SALTED, "opt-out": OPT_OUT}.items()
]


def run(*words: str | Path, cwd: Path | None = None) -> tuple[int, str]:
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, cwd=cwd)  # noqa: S603 - our own words
    return done.returncode, done.stdout + done.stderr


def word(status: int) -> str:
    return "wrong" if status else "right"


def listed() -> list[list[str]]:
    """The rows of the table, without its head."""
    section = DIVERGENCES.read_text(encoding="utf-8").split(SECTION)[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    assert rows[0] == COLUMNS
    return rows[2:]


@pytest.fixture
def others(require_program: Require) -> Callable[[Path], tuple[tuple[int, str], ...]]:
    """What each of them says of a file."""
    bind = require_program("dnssec-verify", package="bind9-utils")
    ldns = require_program("ldns-verify-zone", package="ldnsutils")
    knot = require_program("kzonecheck", package="knot-dnssecutils")

    def judge(file: Path) -> tuple[tuple[int, str], ...]:
        return run(bind, "-o", "example.net", file), run(ldns, file), run(knot, "-d", "on", "-o", "example.net", file)

    return judge


def test_where_others_judge_otherwise_is_listed_and_nothing_else(
    tmp_path: Path, others: Callable[[Path], tuple[tuple[int, str], ...]]
) -> None:
    now = datetime.now(UTC)
    found, said = {}, {}
    for number, damage in enumerate([*HONEST, *TABLE]):
        file = tmp_path / f"{number}.zone"
        file.write_text(zone_file(damage.zone(now)), encoding="ascii")
        ours = "right" if judge_zone(APEX, read_records(file, APEX), now).right else "wrong"
        said[damage.name] = others(file)
        words = (ours, *(word(status) for status, _ in said[damage.name]))
        if len(set(words)) > 1:
            found[damage.name] = words
    rows = {name: tuple(words) for name, *words, _, _ in listed()}
    new = {name: (*words, said[name]) for name, words in found.items() if rows.get(name) != words}
    gone = {name: words for name, words in rows.items() if name not in found}
    assert (new, gone) == ({}, {})


def test_each_divergence_says_which_text_decides_and_why() -> None:
    rows = listed()
    assert [name for name, count in Counter(row[0] for row in rows).items() if count > 1] == []
    assert {row[0] for row in rows} <= {damage.name for damage in TABLE}
    for name, *words, decided, why in rows:
        assert set(words) == {"right", "wrong"}, name
        assert decided.startswith("RFC "), name
        assert why, name


# -- zones that others have signed ----------------------------------------------------------------------------------

SOURCE: Final = """\
$TTL 3600
@ IN SOA ns hostmaster 2026112301 7200 3600 1209600 300
@ NS ns
@ NS ns.elsewhere.example.
@ MX 10 mail
ns A 192.0.2.1
mail A 192.0.2.2
mail AAAA 2001:db8::2
WWW A 192.0.2.3
_443._tcp.www TLSA 3 1 1 8d02536c887482bc34ff54e41d2ba659bf85b341a0a20afadb5813dcfbcf286d
alias CNAME www
moved DNAME elsewhere.example.
sub NS ns.sub
ns.sub A 192.0.2.4
ns.sub AAAA 2001:db8::4
deep.ent.sub2 NS ns.elsewhere.example.
sec NS ns.sub
sec DS 12345 13 2 8d02536c887482bc34ff54e41d2ba659bf85b341a0a20afadb5813dcfbcf286d
*.wild TXT "w"
*.links CNAME www
a.b.ent TXT "below two empty names"
odd TYPE65280 \\# 3 abcdef
"""


def verdict_on(file: Path, **more: datetime) -> ZoneVerdict:
    return judge_zone(APEX, read_records(file, APEX), more.get("now", datetime.now(UTC)))


def right(verdict: ZoneVerdict) -> None:
    assert [str(fault) for fault in verdict.faults] == []


class TestZonesThatBindSigned:
    @pytest.fixture
    def sign(self, tmp_path: Path, require_program: Require) -> Callable[..., Path]:
        keygen = require_program("dnssec-keygen", package="bind9-utils")
        signzone = require_program("dnssec-signzone", package="bind9-utils")

        def sign(*options: str, keys: tuple[tuple[str, ...], ...]) -> Path:
            folder = tmp_path / "keys"
            folder.mkdir()
            with ThreadPoolExecutor() as pool:
                made = pool.map(lambda words: run(keygen, "-q", "-K", folder, *words, "example.net"), keys)
            assert [status for status, _ in made] == [0] * len(keys)
            (tmp_path / "zone").write_text(SOURCE)
            where = ("-K", folder, "-d", tmp_path, "-o", "example.net", "-f", tmp_path / "signed")
            status, said = run(signzone, "-S", "-q", *options, *where, tmp_path / "zone")
            assert status == 0, said
            return tmp_path / "signed"

        return sign

    PAIR = (("-a", "13"), ("-a", "13", "-f", "KSK"))

    @pytest.mark.parametrize(
        ("options", "chain"),
        [
            ((), "NSEC"),
            (("-3", "-", "-H", "0"), "NSEC3 (0 iterations, no salt)"),
            (("-3", "aabb", "-H", "5"), "NSEC3 (5 iterations, salt aabb)"),
            (("-3", "-", "-H", "0", "-A"), "NSEC3 (0 iterations, no salt, opt-out)"),
            (("-O", "full"), "NSEC"),
            (("-x",), "NSEC"),
        ],
        ids=["NSEC", "NSEC3", "NSEC3 with a salt", "opt-out", "full output", "keys signed by the KSK alone"],
    )
    def test_are_right(self, options: tuple[str, ...], chain: str, sign: Callable[..., Path]) -> None:
        verdict = verdict_on(sign(*options, keys=self.PAIR))
        right(verdict)
        assert verdict.chains == (chain,)

    def test_by_two_algorithms(self, sign: Callable[..., Path]) -> None:
        verdict = verdict_on(sign(keys=(*self.PAIR, ("-a", "8", "-b", "2048"), ("-a", "8", "-b", "2048", "-f", "KSK"))))
        right(verdict)
        assert {seen.dnskey.algorithm for seen in verdict.keys} == {13, 8}

    def test_by_one_key_for_all(self, sign: Callable[..., Path]) -> None:
        right(verdict_on(sign("-z", keys=(("-a", "15", "-f", "KSK"),))))

    def test_with_a_standby_key_and_cds(self, sign: Callable[..., Path]) -> None:
        ksk = ("-a", "13", "-f", "KSK", "-P", "sync", "now")
        verdict = verdict_on(sign(keys=(*self.PAIR[:1], ksk, ("-a", "13", "-P", "now", "-A", "+30d"))))
        right(verdict)
        assert len(verdict.keys) == 3

    def test_are_wrong_once_they_have_expired(self, sign: Callable[..., Path]) -> None:
        signed, now = sign(keys=self.PAIR), datetime.now(UTC)
        right(verdict_on(signed, now=now + timedelta(days=29)))
        assert {fault.code for fault in verdict_on(signed, now=now + timedelta(days=31)).faults} == {
            "SIGNATURE_EXPIRED"
        }
        assert {f.code for f in verdict_on(signed, now=now - timedelta(days=1)).faults} == {"SIGNATURE_NOT_YET_VALID"}


@pytest.mark.parametrize("options", [(), ("-n",), ("-n", "-p"), ("-n", "-s", "aabb", "-t", "3")])
def test_zones_that_ldns_signed_are_right(options: tuple[str, ...], tmp_path: Path, require_program: Require) -> None:
    keygen = require_program("ldns-keygen", package="ldnsutils")
    signzone = require_program("ldns-signzone", package="ldnsutils")
    (tmp_path / "zone").write_text(SOURCE)
    made = [run(keygen, "-a", "ECDSAP256SHA256", *more, "example.net", cwd=tmp_path) for more in ((), ("-k",))]
    assert [status for status, _ in made] == [0, 0]
    keys = [said.strip() for _, said in made]
    status, said = run(signzone, *options, "-o", "example.net", "-f", "signed", "zone", *keys, cwd=tmp_path)
    assert status == 0, said
    right(verdict_on(tmp_path / "signed"))


@pytest.mark.parametrize(
    "policy",
    ["", "nsec3: on", "nsec3: on\n    nsec3-opt-out: on", "single-type-signing: on", "algorithm: ed25519"],
    ids=["NSEC", "NSEC3", "opt-out", "one key for all", "Ed25519"],
)
def test_zones_that_knot_signed_are_right(policy: str, tmp_path: Path, require_program: Require) -> None:
    sign = require_program("kzonesign", package="knot-dnssecutils")
    (tmp_path / "example.net.zone").write_text(SOURCE)
    conf = f"""\
database:
    storage: {tmp_path}
policy:
  - id: test
    {policy}
zone:
  - domain: example.net
    storage: {tmp_path}
    file: example.net.zone
    dnssec-signing: on
    dnssec-policy: test
    zonemd-generate: zonemd-sha384
"""
    (tmp_path / "knot.conf").write_text(conf)
    status, said = run(sign, "-c", tmp_path / "knot.conf", "-o", tmp_path, "example.net")
    assert status == 0, said
    verdict = verdict_on(tmp_path / "example.net.zone")
    right(verdict)
    assert verdict.signatures > 20
