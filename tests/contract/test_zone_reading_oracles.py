"""What a master file says, in whatever style: we and the name servers' own readers agree."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.zone
import pytest
from dns.rdatatype import RdataType
from hypothesis import HealthCheck, given, settings

from danelaw.adapters.zone.master_file import read_zone, zone_text
from danelaw.adapters.zone.zone_rules import remarks
from danelaw.core.dnssec.canonical import canonical_rdata
from zone_styles import STYLES, TOO_MUCH_FOR, files

pytestmark = pytest.mark.slow

Require = Callable[..., str]
ZONE = dns.name.from_text("example.net.")
Record = tuple[str, int, str, bytes]


def lay_out(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return folder / "zone"


def ours(path: Path) -> set[Record]:
    return {
        (str(rrset.owner).lower(), rrset.ttl, RdataType.make(rrset.type).name, canonical_rdata(rrset.type, rdata))
        for rrset in read_zone(path, ZONE).rrsets().values()
        for rdata in rrset.rdatas
    }


def theirs(text: str) -> set[Record]:
    """Their output, one record a line, read by dnspython."""
    zone = dns.zone.from_text(text, ZONE, relativize=False, check_origin=False)
    return {
        (str(owner).lower(), ttl, rdata.rdtype.name, canonical_rdata(rdata.rdtype, rdata.to_generic().data))
        for owner, ttl, rdata in zone.iterate_rdatas()
    }


def run(*argv: str | Path, cwd: Path) -> str:
    done = subprocess.run(argv, capture_output=True, cwd=cwd, timeout=60, check=False)  # noqa: S603 - our own words
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.decode("latin-1")


def bind(path: Path, require: Require) -> str:
    compile_zone = require("named-compilezone", package="bind9-utils")
    lenient = [word for check in "ikMnrSW" for word in (f"-{check}", "none" if check == "i" else "ignore")]
    run(compile_zone, *lenient, "-s", "full", "-o", "compiled", "example.net", path, cwd=path.parent)
    return (path.parent / "compiled").read_text(encoding="latin-1")


def nsd(path: Path, require: Require) -> str:
    said = run(require("nsd-checkzone", package="nsd"), "-p", "example.net", path, cwd=path.parent)
    return "".join(line for line in said.splitlines(keepends=True) if not line.startswith("zone example.net is ok"))


def ldns(path: Path, require: Require) -> str:
    path.write_bytes(b"$ORIGIN example.net.\n" + path.read_bytes())  # it takes none from the command line
    return run(require("ldns-read-zone", package="ldnsutils"), path, cwd=path.parent)


READERS = {"BIND": bind, "NSD": nsd, "ldns": ldns}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("style", STYLES)
def test_we_read_what_they_read(
    style: str, reader: str, tmp_path: Path, require_program: Require, request: pytest.FixtureRequest
) -> None:
    """What is too much for a reader is tried all the same: once it is no more, the entry has to go."""
    if style in TOO_MUCH_FOR[reader]:
        request.applymarker(pytest.mark.xfail(reason=TOO_MUCH_FOR[reader][style], strict=True))
    path = lay_out(tmp_path, STYLES[style])
    assert ours(path) == theirs(READERS[reader](path, require_program))


@pytest.mark.parametrize("style", STYLES)
def test_bind_reads_what_we_write(style: str, tmp_path: Path, require_program: Require) -> None:
    path = lay_out(tmp_path, STYLES[style])
    written = tmp_path / "written"
    written.write_text(zone_text(read_zone(path, ZONE).rrsets().values(), "a test's"), encoding="latin-1")
    assert theirs(bind(written, require_program)) == ours(path)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files())
def test_we_read_what_bind_reads_in_files_made_up(tmp_path: Path, require_program: Require, text: str) -> None:
    path = tmp_path / "zone"
    path.write_text(f"{text}\nexample.net. 5 IN NS ns.example.org.\n", encoding="latin-1", newline="")
    read = theirs(bind(path, require_program))
    if any(remark.code == "ZONE_TTLS_DIFFER" for remark in remarks(ZONE, read_zone(path, ZONE).records)):
        # BIND takes one of an RRset's TTLs, not always the least, and gives it to what states none later on.
        assert without_ttls(ours(path)) == without_ttls(read)
    else:
        assert ours(path) == read


def without_ttls(records: set[Record]) -> set[tuple[str, str, bytes]]:
    return {(owner, type, rdata) for owner, _, type, rdata in records}
