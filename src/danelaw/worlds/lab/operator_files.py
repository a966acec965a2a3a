"""What the operator of the lab's zone has on the first day: its names, and files; no key and no credential yet."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import dns.name
from dns.name import Name
from dns.rdatatype import AAAA, A

from danelaw.core.model import IP, DanelawError

NET: Final = dns.name.from_text("net.")
ZONE: Final = dns.name.from_text("dotnxdomain.net.")
HOST: Final = dns.name.from_text("www.dotnxdomain.net.")

HEAD: Final = """\
; The zone of the article, before the first key. Its times are scaled: 15 minutes there are 2 seconds here.
$TTL 2
@           IN SOA  ns1.dotnxdomain.net. research.apnic.net. (
                2016122202 ; serial
                2          ; refresh
                1          ; retry
                604800     ; expire (1 week; the article's 1 second makes secondaries fall silent)
                1          ; minimum (1 second)
            )

                NS   ns1.dotnxdomain.net.
                NS   ns2.dotnxdomain.net.
"""


def zone_text(primary: Iterable[IP], secondary: Iterable[IP], web: Iterable[IP]) -> str:
    """The zone's master file, unsigned. The arguments: where these servers are."""
    web = tuple(web)
    places = (("", web), ("ns1", primary), ("ns2", secondary), ("www", web))
    return HEAD + "".join(f"\n{_addresses(owner, at)}" for owner, at in places)


def _addresses(owner: str, at: Iterable[IP]) -> str:
    owners, types = iter((owner,)), {4: A.name, 6: AAAA.name}
    return "".join(f"{next(owners, ''):<15} {types[ip.version]:<4} {ip}\n" for ip in at)


class OperatorFiles:
    """Where they are in ``directory``: attributes of every world."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.zone: Name = ZONE
        self.host: Name = HOST
        self.zone_file = directory / "zone" / "dotnxdomain.net"
        self.served_zone_file = directory / "zone" / "dotnxdomain.net.signed"
        self.keys = directory / "zone" / "keys"
        self.webroot = directory / "webroot"
        self.credentials = directory / "credentials"
        self.live = directory / "live" / "www.dotnxdomain.net"

    def lay_out(self, zone: str) -> None:
        """Write ``zone``, which is served as it is, and make the folders. Raises ``LAB_DIRECTORY_IN_USE``."""
        if self.zone_file.parent.exists():
            raise DanelawError(
                "LAB_DIRECTORY_IN_USE",
                f"another lab has lived in {self.directory}",
                hint="give it an empty directory",
            )
        for folder in (self.keys, self.webroot, self.credentials, self.live.parent):
            folder.mkdir(parents=True, exist_ok=True)
        self.keys.chmod(0o700)
        self.zone_file.write_text(zone, encoding="utf-8")
        shutil.copyfile(self.zone_file, self.served_zone_file)
