"""How a zone in a file is signed, and where its files are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from danelaw.core.dnssec.nsec3_chain import NSEC3Chain
from danelaw.core.dnssec.sign import SigningParameters
from danelaw.core.dnssec.signing_times import SigningTimes


@dataclass(frozen=True, slots=True)
class Signing:
    """What is asked for: ``nsec3``, else NSEC; ``zonemd``, the digest of the zone; ``cds``, CDS and CDNSKEY records of
    the KSKs. ``validity``: how long signatures are valid at least. ``dnskey_ttl`` in seconds, None: the SOA's."""

    nsec3: NSEC3Chain | None = None
    zonemd: bool = False
    cds: bool = False
    validity: timedelta = SigningTimes().validity
    dnskey_ttl: int | None = None

    @property
    def parameters(self) -> SigningParameters:
        return SigningParameters(self.nsec3, self.dnskey_ttl, self.zonemd)

    @property
    def times(self) -> SigningTimes:
        return SigningTimes(validity=self.validity)


@dataclass(frozen=True, slots=True)
class ZoneFile:
    """Where one zone is kept.

    ``file``: the operator's source. ``served``: what the name server loads. ``reload``: the program that makes it do
    so; empty: none is needed.
    """

    file: Path
    keys: Path
    served: Path
    reload: tuple[str, ...] = ()
    signing: Signing = Signing()

    @property
    def state(self) -> Path:
        """What is known of the served file: see ``adapters.zone.state``."""
        return self.served.parent / f"{self.served.name}.danelaw-state"

    @property
    def lock(self) -> Path:
        """Beside the file itself, so that who names it by a link takes the same."""
        file = self.file.resolve()
        return file.parent / f"{file.name}.danelaw-lock"
