"""A signer that is killed at any file operation: the old zone is served, or the new one, and the next run goes on."""

from __future__ import annotations

import asyncio
import builtins
import io
import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dns.name
import pytest
from dns.rdatatype import RdataType as T

from danelaw.adapters.zone.edit import replace_rrset
from danelaw.adapters.zone.file_zones import FileZones, Signing, ZoneFile
from danelaw.adapters.zone.key_directory import KSK_FLAGS, make_key
from danelaw.adapters.zone.master_file import ZoneSource, read_zone
from danelaw.core.dnssec.signing_report import SigningReport
from danelaw.core.dnssec.zone_check import zone_faults
from danelaw.core.model import RRset
from zone_surroundings import Surroundings

pytestmark = pytest.mark.slow

ZONE = dns.name.from_text("example.net.")
OWNER = dns.name.from_text("_443._tcp.www.example.net.")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TLSA = RRset(OWNER, T.TLSA, 30, frozenset({b"\x03\x01\x01" + bytes(32)}))
SOURCE = "$TTL 30\n@ SOA ns1 host 2016122202 3600 900 604800 60\n  NS ns1\nns1 A 192.0.2.1\n"


def publish(folder: Path) -> SigningReport:
    def edit(source: ZoneSource) -> ZoneSource:
        return replace_rrset(source, TLSA)

    world, signing = Surroundings(NOW), Signing(zonemd=True)
    files = ZoneFile(folder / "zone", folder / "keys", folder / "signed", (), signing)
    return asyncio.run(FileZones({ZONE: files}, world, world, world).serve(ZONE, NOW, edit=edit))


class Executioner:
    """Counts file operations, each with an instant before and one after it, and kills the process at one of them."""

    def __init__(self, instant: int) -> None:
        self._left = instant

    def pass_by(self) -> None:
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        def done(*args: Any, **kwargs: Any) -> Any:
            self.pass_by()
            result = operation(*args, **kwargs)
            self.pass_by()
            return result

        return done

    def opened(self, opener: Callable[..., Any]) -> Callable[..., Any]:
        """Files to be written are opened, written half, flushed, and then wholly."""

        def opening(*args: Any, **kwargs: Any) -> Any:
            file = opener(*args, **kwargs)
            if not file.writable():
                return file
            self.pass_by()
            write = file.write

            class InHalves:
                def __enter__(self) -> InHalves:
                    return self

                def __exit__(self, *args: object) -> None:
                    file.close()

                def __getattr__(self, name: str) -> Any:
                    return getattr(file, name)

                def write(inner, data: Any) -> None:  # noqa: N805 - self is the executioner's
                    for part in (data[: len(data) // 2], data[len(data) // 2 :]):
                        write(part)
                        file.flush()
                        self.pass_by()

            return InHalves()

        return opening


def die_while_publishing(folder: Path, instant: int) -> bool:
    """Whether the process was killed at the instant; if not, it had come to its end before."""
    child = os.fork()
    if not child:
        executioner = Executioner(instant)
        for holder, name in ((os, "fsync"), (os, "fchmod"), (tempfile, "mkstemp"), (Path, "replace"), (Path, "unlink")):
            setattr(holder, name, executioner.around(getattr(holder, name)))
        for holder, name in ((os, "fdopen"), (io, "open"), (builtins, "open")):
            setattr(holder, name, executioner.opened(getattr(holder, name)))
        try:
            publish(folder)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize("first", [True, False], ids=["first signing", "signed before"])
def test_killed_anywhere_the_served_zone_is_the_old_or_the_new_one_and_the_next_run_goes_on(
    tmp_path: Path, first: bool
) -> None:
    pristine = tmp_path / "pristine"
    pristine.mkdir()
    make_key(pristine / "keys", ZONE, KSK_FLAGS, NOW - timedelta(days=1))
    (pristine / "zone").write_text(SOURCE)
    if not first:
        publish(pristine)
        text = (pristine / "zone").read_text()
        (pristine / "zone").write_text(text.replace(f"{OWNER} 30 IN TLSA", f"{OWNER} 31 IN TLSA"))
    old = None if first else (pristine / "signed").read_bytes()

    instant, seen = 0, set[str]()
    while True:
        instant += 1
        folder = tmp_path / "at-work"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(pristine, folder)
        killed = die_while_publishing(folder, instant)
        served = (folder / "signed").read_bytes() if (folder / "signed").exists() else None
        if served == old:
            seen.add("old")
        else:
            seen.add("new")
            zone = read_zone(folder / "signed", ZONE).rrsets()
            assert zone[OWNER, int(T.TLSA)].ttl == TLSA.ttl
            assert list(zone_faults(ZONE, zone.values(), NOW)) == []
        if not killed:
            assert seen == {"old", "new"}
            break
        report = publish(folder)
        assert report.changed or served != old
        zone = read_zone(folder / "signed", ZONE).rrsets()
        assert zone[OWNER, int(T.TLSA)].ttl == TLSA.ttl
        assert list(zone_faults(ZONE, zone.values(), NOW)) == []
        assert read_zone(folder / "zone", ZONE).serial == report.serial
        assert not publish(folder).changed
        if report.changed:
            assert not [path.name for path in folder.iterdir() if path.name.startswith(".")], "nothing is left lying"
    assert instant > 30, "the instants were not seen"
