"""What is told of each certificate of certbot's, and what is published of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from danelaw import wiring
from danelaw.app.config import Config
from danelaw.app.service_sections import ServiceConfig
from danelaw.core.model import DanelawError, RRset, Security
from danelaw.core.rollover.lookups import TLSA
from danelaw.core.tlsa import tlsa_owner
from danelaw.faces.cli import saying, terminal
from danelaw.faces.cli.terminal import Ink


@dataclass(frozen=True, slots=True)
class Told:
    """What was done to one certificate. ``lines``: what else is to be said, each with a word before it."""

    name: str
    subject: str | None
    what: str
    file: Path
    lines: tuple[tuple[str, str], ...]

    def show(self) -> None:
        terminal.show(Ink(self.name, bold=True), f"  {self.what}")
        for head, rest in self.lines:
            saying.line(head, rest)

    def as_json(self) -> dict[str, object]:
        told = [{"about": head, "text": rest} for head, rest in self.lines]
        return {"name": self.name, "subject": self.subject, "what": self.what, "file": str(self.file), "told": told}


async def published(config: Config, service: ServiceConfig) -> tuple[Sequence[RRset], Sequence[str]]:
    """The TLSA RRsets of a service, and what could not be found out, in sentences."""
    try:
        resolver = wiring.build(config, wiring.open_world({})).tools.resolver
    except DanelawError as error:
        return [], [f"no TLSA records could be looked up: {error}"]
    found, unknown = list[RRset](), list[str]()
    for endpoint in service.endpoints:
        owner = tlsa_owner(endpoint.port, endpoint.transport, endpoint.host)
        answer = await resolver.resolve(owner, TLSA)
        if answer.rrset is not None:
            found.append(answer.rrset)
        elif answer.state in (Security.BOGUS, Security.INDETERMINATE):
            unknown.append(f"whether there are TLSA records at {owner} is not known: {answer.state.value}")
    return found, unknown
