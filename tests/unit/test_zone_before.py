"""How a zone was signed before is known from the state beside it, else from the zone itself."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dns.name
import pytest

from danelaw.adapters.zone.before import signed_before
from danelaw.adapters.zone.file_zones import FileZones
from danelaw.adapters.zone.key_directory import KSK_FLAGS, make_key
from danelaw.adapters.zone.signing import Signing, ZoneFile
from danelaw.core.dnssec.nsec3_chain import NSEC3Chain
from zone_surroundings import Surroundings

ZONE = dns.name.from_text("example.net.")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SOURCE = "$TTL 300\n@ SOA ns1 host 1 3600 900 604800 60\n  NS ns1\nns1 A 192.0.2.1\nsub NS ns.example.org.\n"

EVERYTHING = Signing(NSEC3Chain(b"\xaa\xbb", 3, True), True, True, timedelta(days=30), 60)


def signed(folder: Path, signing: Signing) -> ZoneFile:
    files = ZoneFile(folder / "zone", folder / "keys", folder / "signed", (), signing)
    files.file.write_text(SOURCE)
    make_key(files.keys, ZONE, KSK_FLAGS, NOW)
    world = Surroundings(NOW)
    asyncio.run(FileZones({ZONE: files}, world, world, world).serve(ZONE, NOW))
    return files


def bare(files: ZoneFile) -> ZoneFile:
    """The same files, of which nobody says how they are signed."""
    return ZoneFile(files.file, files.keys, files.served)


@pytest.mark.parametrize("signing", [Signing(), EVERYTHING], ids=["plain", "everything"])
def test_the_state_says_it_all(tmp_path: Path, signing: Signing) -> None:
    assert signed_before(bare(signed(tmp_path, signing)), ZONE) == signing


@pytest.mark.parametrize(
    "chain",
    [None, NSEC3Chain(), NSEC3Chain(b"\xaa", 5), NSEC3Chain(opt_out=True)],
    ids=["NSEC", "NSEC3", "salt", "opt-out"],
)
@pytest.mark.parametrize("zonemd", [False, True])
def test_without_a_state_the_zone_shows_its_chain_and_its_digest(
    tmp_path: Path, chain: NSEC3Chain | None, zonemd: bool
) -> None:
    files = signed(tmp_path, Signing(chain, zonemd))
    files.state.unlink()
    assert signed_before(bare(files), ZONE) == Signing(chain, zonemd)


@pytest.mark.parametrize(
    "asked",
    [
        5,
        "all",
        {"nsec3": 1},
        {"nsec3": {"iterations": 1 << 20}},
        {"nsec3": {"salt": "no base64"}},
        {"validity": "-P1D"},
        {"validity": "P99999999999D"},
        {"validity": "soon"},
    ],
    ids=repr,
)
def test_what_a_damaged_state_says_is_not_heeded(tmp_path: Path, asked: Any) -> None:
    files = signed(tmp_path, Signing(NSEC3Chain(), validity=timedelta(days=30)))
    state = json.loads(files.state.read_bytes())
    files.state.write_text(json.dumps(state | {"asked": asked}))
    assert signed_before(bare(files), ZONE) == Signing(NSEC3Chain())


def test_a_state_from_before_this_was_noted_is_read_and_the_zone_shows_the_rest(tmp_path: Path) -> None:
    files = signed(tmp_path, Signing(NSEC3Chain()))
    state = json.loads(files.state.read_bytes())
    del state["asked"]
    files.state.write_text(json.dumps(state))
    assert signed_before(bare(files), ZONE) == Signing(NSEC3Chain())


def test_of_a_zone_that_was_never_signed_nothing_is_known(tmp_path: Path) -> None:
    files = signed(tmp_path, Signing())
    files.served.unlink()
    files.state.unlink()
    assert signed_before(bare(files), ZONE) is None
    files.served.write_text(SOURCE)
    assert signed_before(bare(files), ZONE) is None
