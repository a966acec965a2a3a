"""An operator at a command line of 80 columns, in a folder with a zone file."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dns.name
import pytest
from dns.name import Name

from command_said import Said
from danelaw.adapters.zone.key_directory import make_key, read_keys
from danelaw.adapters.zone.master_file import read_zone
from danelaw.core.model import RRset
from danelaw.faces import cli

ZONE = dns.name.from_text("example.net.")
MADE = datetime(2026, 11, 1, tzinfo=UTC)
NOW = "2026-11-23T12:00:00Z"
SOURCE = """\
$TTL 1h
@    SOA  ns1 hostmaster (
          2016122202 ; serial
          1h 15m 2w 5m )
     NS   ns1
     MX   10 mail
ns1  A    192.0.2.1
mail A    192.0.2.2   ; in the cellar
www  300  A  192.0.2.80
"""
LOCK = ".danelaw-lock"


@dataclass(frozen=True)
class Operator:
    """``run`` types a command, in this process. Files are named relative to ``folder``, which is where it happens."""

    folder: Path
    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]

    @classmethod
    def at(cls, folder: Path, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> Operator:
        patch.chdir(folder)
        patch.setenv("COLUMNS", "80")
        patch.delenv("DANELAW_CONFIG", raising=False)
        (folder / "zone").write_text(SOURCE)
        return cls(folder, patch, capture)

    def run(self, *arguments: str | Path) -> Said:
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        self.patch.setattr(sys, "argv", ["danelaw", *map(str, arguments)])
        try:
            with pytest.raises(SystemExit) as ended:
                cli.main()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        out, err = self.capture.readouterr()
        return Said(int(ended.value.code or 0), out, err)

    def make_keys(self, *flags: int, zone: Name = ZONE) -> None:
        for flag in flags:
            make_key(self.folder / "keys", zone, flag, MADE)

    def sign(self, *options: str) -> Said:
        return self.run("zone", "sign", "example.net", "--file", "zone", "--keys", "keys", "--now", NOW, *options)

    def add(self, *words: str) -> Said:
        return self.run("zone", "add", "example.net", *words, "--file", "zone", "--keys", "keys", "--now", NOW)

    def remove(self, *words: str) -> Said:
        return self.run("zone", "remove", "example.net", *words, "--file", "zone", "--keys", "keys", "--now", NOW)

    @property
    def tags(self) -> list[int]:
        return [key.tag for key, _ in read_keys(self.folder / "keys", ZONE)]

    @property
    def source(self) -> str:
        return (self.folder / "zone").read_text()

    def served(self) -> dict[tuple[Name, int], RRset]:
        return read_zone(self.folder / "zone.signed", ZONE).rrsets()

    def files(self) -> dict[str, bytes]:
        """All there is, with its content; not the lock files, which hold none and stay for the next to lock."""
        there = (path for path in self.folder.rglob("*") if path.is_file() and not path.name.endswith(LOCK))
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in there}


def named(text: str) -> Name:
    return dns.name.from_text(text, ZONE)
