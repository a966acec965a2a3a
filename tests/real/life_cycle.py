"""A whole life cycle on real servers: ``python life_cycle.py STACK`` plays it in namespaces of its own, and prints what
came of it as JSON. ``… STACK FOLDER`` keeps what there is to look into. The runner is the product as its operator
starts it; the crowd and verifiers of others watch."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import dns.asyncquery
import dns.message
import dns.name
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from life_mail import Mail, MailHost
from life_name_servers import SCHEMA, BindPrimary, KnotPrimary, NsdPrimary, PowerDNSPrimary
from life_runner import Operator, done, failed, settled
from life_services import ApacheServers, HAProxy, Nginx
from life_world import FOLDER, Keeping, LifeWorld, Primary, Room, until

from danelaw import wiring
from danelaw.core.model import DanelawError
from danelaw.worlds.lab.crowd import KINDS, Crowd
from danelaw.worlds.lab.real import addresses, namespaces, programs
from danelaw.worlds.lab.real.oracles import ORACLES, Oracles, Subject

MORE: Final[Mapping[str, str]] = {
    "nginx": "nginx-light",
    "knotd": "knot",
    "postfix": "postfix",
    "dovecot": "dovecot-core",
    "doveadm": "dovecot-core",
    "/usr/lib/dovecot/imap-login": "dovecot-imapd",
    "pdns_server": "pdns-server",
    "pdnsutil": "pdns-server",
    SCHEMA: "pdns-backend-sqlite3",
    "haproxy": "haproxy",
}
"""What stacks are made of beside the programs of every world, and the Debian packages that bring them."""


@dataclass(frozen=True)
class Stack:
    """``primary`` and ``service``: of what make. ``by_cron``: Danelaw is called again and again, and does not stay."""

    primary: Callable[[Room], Primary]
    service: Callable[[Room], Keeping]
    by_cron: bool = False


STACKS: Final[Mapping[str, Stack]] = {
    "nsd-nginx": Stack(NsdPrimary, Nginx),
    "knot-mail": Stack(KnotPrimary, MailHost),
    "powerdns-haproxy": Stack(PowerDNSPrimary, HAProxy),
    "bind-apache": Stack(BindPrimary, ApacheServers, by_cron=True),
}
PATIENCE: Final = 150.0
"""Seconds for one part of a life, on a busy machine."""
SMTP: Final = (25, 587)
"""Where TLS begins by STARTTLS."""
CLIENTS: Final = 10
PACE: Final = 0.6


def find() -> Mapping[str, str]:
    """Where each program is. Raises ``DanelawError("PROGRAM_MISSING")``."""
    path = os.pathsep.join([*os.get_exec_path(), *programs.MORE_PATH])
    named = {name: shutil.which(name, path=path) for name in MORE}  # a full path may be any file's
    named |= {name: name if Path(name).exists() else None for name in MORE if name.startswith("/")}
    if missing := {MORE[name] for name, where in named.items() if where is None}:
        raise DanelawError("PROGRAM_MISSING", "a whole life needs more programs", evidence=" ".join(sorted(missing)))
    return {**programs.find(), **{name: where for name, where in named.items() if where is not None}}


@dataclass
class Life:
    """Its parts, played one after the other. ``told``: what came of each."""

    world: LifeWorld
    operator: Operator
    crowds: list[Crowd]
    oracles: list[Oracles]
    mail: list[Mail]
    told: dict[str, Any] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    _since: int = 0
    """How many passes there were when the part began."""

    # -- looking ------------------------------------------------------------------------------------------------------

    async def enter(self, part: str) -> None:
        await asyncio.gather(*(one.enter(part) for one in self.witnesses()))
        self.told[part] = {"began": round(time.monotonic() - self.began, 1)}
        self._since = len(self.operator.passes)

    def witnesses(self) -> Sequence[Crowd | Oracles | Mail]:
        found: list[Crowd | Oracles | Mail] = [*self.crowds, *self.oracles, *self.mail]
        return found

    async def close(self, part: str, **more: object) -> None:
        """Everybody has looked once more since all was at rest."""
        await asyncio.gather(*(one.rounds() for one in self.witnesses()))
        tallies = [crowd.tally(part) for crowd in self.crowds]
        passes = self.operator.passes[self._since :]
        self.told[part] |= {
            "seconds": round(time.monotonic() - self.began - self.told[part]["began"], 1),
            "connections": sum(tally.connections for tally in tallies),
            "accepted": sum(tally.accepted for tally in tallies),
            "refused": sum(tally.refused for tally in tallies),
            "over": {str(over): count for over, count in sum((tally.over for tally in tallies), Counter()).items()},
            "examples": [str(example) for tally in tallies for example in tally.examples.values()],
            "oracles": {
                f"{one.subject.port}{'/rsa' * one.subject.rsa}/{said.oracle}": {
                    "accepted": said.accepted,
                    "refused": said.refused,
                    "undecided": said.undecided,
                    "example": str(said.example),
                }
                for one in self.oracles
                for said in one.tally(part)
            },
            "presented": [_leaf(crowd) for crowd in self.crowds],
            "mail": [one.tally(part) for one in self.mail],
            "actions": dict(done(passes)),
            "failed": [(one["action"], one["outcome"]["code"], one["outcome"]["says"]) for one in failed(passes)],
            "records": await self.records(),
            "violations": sorted({text for one in passes for text in one["violations"]}),
            **more,
        }

    async def settles(self, part: str, *after: str) -> None:
        """All is at rest, and these actions were taken in this part."""
        since = self._since
        try:
            async with until(f"{part}: at rest after {after}", PATIENCE):
                await self.operator.until(lambda passes: settled(passes) and set(after) <= set(done(passes)), since)
        except AssertionError:
            sys.stderr.write(json.dumps(self.operator.passes[-4:], indent=1) + "\n".join(self.operator.talk[-20:]))
            raise

    async def records(self) -> dict[str, list[str]]:
        """The TLSA records of each endpoint, at every authority."""
        found: dict[str, set[str]] = {}
        for endpoint in self.world.service.endpoints:
            host, _, port = endpoint.partition(":")
            for at in (addresses.PRIMARY, addresses.SECONDARY):
                query = dns.message.make_query(f"_{port}._tcp.{host}", "TLSA")
                reply = await dns.asyncquery.udp(query, str(at.v4), timeout=10)
                found.setdefault(port, set()).update(r.to_text() for rrset in reply.answer for r in rrset)
        return {port: sorted(records) for port, records in found.items()}

    # -- doing --------------------------------------------------------------------------------------------------------

    async def play(self) -> None:
        async with self.operator.running():
            await self.enrolled()
            await self.rolled("standby", "Switch", "Publish", "MakeKey", "DestroyKey")
            self.change("staged")
            await self.rolled("staged", "Switch", "Publish", "DestroyKey")
            self.change("standby")
            await self.emergency()
        await self.naive()
        await self.enter("withdrawn")
        await self.operator.does("withdraw", self.operator.service)
        words = ("--for", "1h", "--reason", "nobody must have DANE here")
        await self.operator.does("accept", self.operator.service, "MANDATORY_CLIENTS", *words)
        async with self.operator.running():
            await self.withdrawn()

    async def enrolled(self) -> None:
        await self.enter("enrolled")
        await self.settles("enrolled", "Switch", "Publish")
        await self.close("enrolled")

    def change(self, strategy: str) -> None:
        self.operator.strategy(strategy)
        self.operator.reads_again()

    async def rolled(self, part: str, *actions: str) -> None:
        await self.enter(part)
        await self.operator.does("roll", self.operator.service)
        await self.settles(part, *actions)
        await self.close(part)

    async def emergency(self) -> None:
        """The standby key that is published long since takes over at once."""
        await self.enter("standby-again")
        await self.settles("standby-again", "MakeKey", "Publish")
        await self.close("standby-again")
        await self.enter("emergency")
        since = self._since
        old = [_serial(path) for path in self.live()]
        await self.operator.does("roll", self.operator.service, "--emergency", "--yes")
        asked = time.monotonic()
        async with until("the emergency's switch", PATIENCE):
            await self.operator.until(lambda passes: done(passes)["Switch"] >= len(old), since)
        took = time.monotonic() - asked
        await self.settles("emergency", "Switch", "Publish", "Revoke", "DestroyKey")
        revoked = [await self.world.ca.revoked(serial) for serial in old]
        await self.close("emergency", switched_within=round(took, 1), revoked=revoked)

    def live(self) -> list[Path]:
        """The live path of each credential."""
        directory = self.world.service.directory
        suffixes = {"ecdsa": "", "rsa": ".rsa"}
        return [directory.with_name(directory.name + suffixes[kind]) for kind in self.world.service.algorithms]

    async def naive(self) -> None:
        """Somebody renews by hand, with another key, and does not think of the records; then takes it back."""
        await self.enter("naive")
        live = self.world.service.directory
        held = live.readlink()
        by_hand = self.world.room.made("by-hand")
        _self_made(by_hand, self.world.service.host)
        _point(live, by_hand)
        await self.reload()
        await asyncio.gather(*(crowd.rounds(3) for crowd in self.crowds))
        await self.close("naive")
        await self.enter("taken-back")
        _point(live, held)
        await self.reload()
        await asyncio.gather(*(crowd.rounds(3) for crowd in self.crowds))

    async def reload(self) -> None:
        done = await self.world.room.commands.run(self.world.service.reload, timedelta(seconds=30))
        assert done.status == 0, done.output

    async def withdrawn(self) -> None:
        await self.settles("withdrawn", "Publish")
        await self.close("withdrawn")


def _leaf(crowd: Crowd) -> str:
    """The certificate that a client of this crowd was shown last, as a digest."""
    return next(connection.chain[0] for connection in reversed(crowd.connections) if connection.chain)


def _serial(live: Path) -> int:
    """Of the certificate that is deployed."""
    return x509.load_pem_x509_certificate((live / "cert.pem").read_bytes()).serial_number


def _now() -> datetime:
    return datetime.now(UTC)


def _point(link: Path, to: Path) -> None:
    beside = link.with_name("by-hand.new")
    beside.symlink_to(to)
    beside.replace(link)


def _self_made(folder: Path, host: str) -> None:
    """A new key with a certificate, under certbot's names."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(_now() - timedelta(days=1)).not_valid_after(_now() + timedelta(days=90))
    alternative = x509.SubjectAlternativeName([x509.DNSName(host)])
    certificate = builder.add_extension(alternative, critical=False).sign(key, hashes.SHA256())
    pem = certificate.public_bytes(Encoding.PEM)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    files = {"cert.pem": pem, "fullchain.pem": pem, "privkey.pem": secret, "combined.pem": pem + secret}
    for name_, content in files.items():
        (folder / name_).write_bytes(content)


def _keep(folder: Path, life: Life) -> None:
    """What there is to look into: files, logs, what was told."""
    room = life.world.room
    pipes = [path.name for path in room.folder.rglob("*") if path.is_socket() or path.is_fifo()]
    shutil.copytree(room.folder, folder, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*pipes))
    for name, document in (("passes", life.operator.passes), ("told", life.told), ("talk", life.operator.talk)):
        (folder / f"{name}.json").write_text(json.dumps(document, indent=1), encoding="utf-8")


async def _play(stack: Stack, found: Mapping[str, str], keep: Path | None) -> dict[str, Any]:
    room = Room(FOLDER, found, wiring.commands())
    dialer = wiring.dialer()
    async with LifeWorld(room, dialer, stack.primary, stack.service) as world:
        operator = Operator(world, stack.by_cron)
        operator.write()
        await operator.enrols()
        service = world.service
        ports = [int(endpoint.rpartition(":")[2]) for endpoint in service.endpoints]
        resolvers = [str(ip) for ip in addresses.CLIENTS]
        kinds = [(port, algorithm == "rsa") for port in ports for algorithm in service.algorithms]
        crowds = [
            Crowd(
                host=f"{service.host}.",
                root_servers=[str(addresses.ROOT.v4)],
                trust_anchor=world.above.anchor,
                roots_pem=world.ca.roots.read_bytes(),
                locate=lambda ip, port: dialer.locate(ip_address(ip), port),
                port=port,
                size=max(CLIENTS // len(kinds), len(resolvers)),
                pace=PACE,
                kinds=KINDS[3 * number :],
                resolvers=resolvers,
                smtp=port in SMTP,
                rsa=rsa,
            )
            for number, (port, rsa) in enumerate(kinds)
        ]
        scratch = room.made("oracles")
        oracles = []
        for port, rsa in kinds:
            host = dns.name.from_text(service.host)
            known = (host, addresses.CACHE.v4, world.above.anchor_file, world.above.bind_keys_file, scratch, found)
            subject = Subject(*known, port, smtp=port in SMTP, rsa=rsa)
            names = (
                ("openssl",) if rsa or port == 25 else tuple(ORACLES)
            )  # danetool waits for ever where no TLS is offered
            names = tuple(name for name in names if name != "ldns-dane" or port not in SMTP)
            oracles.append(Oracles(subject, room.commands, pace=2.0 * len(kinds), names=names))
        mail = [Mail(room.folder / "sender" / "log")] if isinstance(service, MailHost) else []
        async with AsyncExitStack() as entered:
            for crowd in crowds:
                await entered.enter_async_context(crowd)
            for witness in oracles:
                await entered.enter_async_context(witness)
            for flow in mail:
                await entered.enter_async_context(flow)
            life = Life(world, operator, crowds, oracles, mail)
            try:
                await life.play()
            finally:
                if keep is not None:
                    _keep(keep, life)
            return life.told


if __name__ == "__main__":
    try:
        everything = find()
        if not namespaces.inside():
            sys.exit(namespaces.run((sys.executable, *sys.argv), everything))
        namespaces.furnish(everything)
        keep = Path(sys.argv[2]) if sys.argv[2:] else None
        print(json.dumps(asyncio.run(_play(STACKS[sys.argv[1]], everything, keep)), indent=1))
    except DanelawError as error:
        sys.exit(f"{error}\n{error.evidence}")
