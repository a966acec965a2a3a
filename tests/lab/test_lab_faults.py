"""The witnesses really validate: whatever is damaged, every client notices, for the right reason, and Danelaw's own
check and BIND's validator agree."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.message
import dns.rdata
import dns.rdataclass
import dns.rrset
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from dns.rdatatype import DS, RRSIG, TLSA, RdataType
from living_lab import OWNER, LivingLab, living_lab

from danelaw.app.check import check
from danelaw.core.model import IP, RRset
from danelaw.core.rollover.actions import Publish, Receipt
from danelaw.core.verdict.report import Report, Verdict
from danelaw.worlds.lab.crowd import Outcome, Over, Reason
from danelaw.worlds.lab.embedded import WEB4, WEB6
from danelaw.worlds.lab.operator_files import HOST, ZONE

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

VALIDATED = "; fully validated"
FAILED = "resolution failed"
UNSIGNED = "; unsigned answer"


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def lab(runner: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivingLab]:
    """One settled lab for all: whoever damages it heals it."""
    stack = contextlib.AsyncExitStack()

    async def begin() -> LivingLab:
        lab = await stack.enter_async_context(living_lab(tmp_path_factory.mktemp("faults") / "lab", lag=0.0))
        await lab.settle()
        await lab.healed()
        return lab

    try:
        yield runner.run(begin())
    finally:
        runner.run(stack.aclose())


# -- what is damaged, and how it is healed -------------------------------------------------------------------------


Tamper = Callable[[dns.message.Message], dns.message.Message]
Require = Callable[..., str]
Inflict = Callable[[LivingLab, Require], AbstractAsyncContextManager[None]]


@contextlib.asynccontextmanager
async def tampered(lab: LivingLab, tamper: Tamper, where: str = "zone") -> AsyncIterator[None]:
    """Every reply of the zone's (or the parent's) servers, changed on its way."""
    servers = [lab.world.primary, lab.world.secondary] if where == "zone" else [lab.world.net.server]
    for server in servers:
        server.tamper = tamper
    yield
    for server in servers:
        server.tamper = None


def without(type: RdataType) -> Inflict:
    """The signatures over RRsets of this type are gone."""

    def tamper(message: dns.message.Message) -> dns.message.Message:
        for section in (message.answer, message.authority):
            section[:] = [rrset for rrset in section if not (rrset.rdtype == RRSIG and rrset.covers == type)]
        return message

    return lambda lab, _: tampered(lab, tamper)


def flipped(rdata: bytes) -> bytes:
    return rdata[:-1] + bytes((rdata[-1] ^ 1,))


def tlsa_flipped_on_its_way(lab: LivingLab, _: Require) -> AbstractAsyncContextManager[None]:
    def flip(rrset: dns.rrset.RRset) -> dns.rrset.RRset:
        if rrset.rdtype != TLSA:
            return rrset
        wires = [flipped(rdata.to_wire() or b"") for rdata in rrset]
        rdatas = [dns.rdata.from_wire(dns.rdataclass.IN, TLSA, wire, 0, len(wire)) for wire in wires]
        return dns.rrset.from_rdata_list(rrset.name, rrset.ttl, rdatas)

    def tamper(message: dns.message.Message) -> dns.message.Message:
        message.answer[:] = [flip(rrset) for rrset in message.answer]
        return message

    return tampered(lab, tamper)


def tlsa_denied_without_proof(lab: LivingLab, _: Require) -> AbstractAsyncContextManager[None]:
    def tamper(message: dns.message.Message) -> dns.message.Message:
        if message.question[0].rdtype == TLSA:
            message.answer, message.authority = [], []
        return message

    return tampered(lab, tamper)


def ds_stripped(lab: LivingLab, _: Require) -> AbstractAsyncContextManager[None]:
    """The attack that makes a signed zone look unsigned."""

    def tamper(message: dns.message.Message) -> dns.message.Message:
        for section in (message.answer, message.authority):
            section[:] = [rrset for rrset in section if DS not in (rrset.rdtype, rrset.covers)]
        return message

    return tampered(lab, tamper, "parent")


@contextlib.asynccontextmanager
async def tlsa_of_another_key(lab: LivingLab, _: Require) -> AsyncIterator[None]:
    """A byte of the record is flipped in the zone itself, and properly signed."""
    publisher = lab.stage.wired.tools.publishers[ZONE]
    right = await lab.published()
    wrong: RRset = replace(right, rdatas=frozenset(flipped(rdata) for rdata in right.rdatas), rrsigs=frozenset())
    assert isinstance(await publisher.publish(Publish(ZONE, right, wrong)), Receipt)
    yield
    assert isinstance(await publisher.publish(Publish(ZONE, wrong, right)), Receipt)


@contextlib.asynccontextmanager
async def signatures_expired(lab: LivingLab, require: Require) -> AsyncIterator[None]:
    """BIND has signed the zone, with its own keys, for a fortnight that is over; nobody came back."""
    program = require("dnssec-signzone", package="bind9-utils")
    world = lab.world
    right = world.served_zone_file.read_bytes()
    source = world.directory / "to-be-signed"
    keys = [path.read_text(encoding="ascii") for path in sorted(world.keys.glob("*.key"))]
    source.write_text("".join((world.zone_file.read_text(encoding="utf-8"), *keys)), encoding="utf-8")
    today = datetime.now(UTC)
    start, end = (f"{today - timedelta(days=days):%Y%m%d%H%M%S}" for days in (44, 30))
    process = await asyncio.create_subprocess_exec(
        program, "-P", "-o", ZONE.to_text(), "-K", str(world.keys), "-s", start, "-e", end,
        "-f", str(world.served_zone_file), str(source), cwd=world.directory,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    _serve_what_is_there(lab)
    yield
    world.served_zone_file.write_bytes(right)
    _serve_what_is_there(lab)


def _serve_what_is_there(lab: LivingLab) -> None:
    loaded = lab.world.primary.reload()
    assert loaded.status == 0, loaded.output
    lab.world.secondary.restore()


@contextlib.asynccontextmanager
async def ds_of_another_key(lab: LivingLab, _: Require) -> AsyncIterator[None]:
    found = lab.world.net.found(ZONE)
    assert isinstance(found, RRset)
    lab.world.net.delegate(ZONE, frozenset(flipped(rdata) for rdata in found.rdatas))
    yield
    lab.world.net.delegate(ZONE, found.rdatas)


@contextlib.asynccontextmanager
async def wrong_chain_at_one_address(lab: LivingLab, _: Require) -> AsyncIterator[None]:
    certificate, key = self_signed(lab.world.directory)
    lab.world.web.pin(WEB4, certificate, key)
    yield
    lab.world.web.unpin(WEB4)


@contextlib.asynccontextmanager
async def silent_authorities(lab: LivingLab, _: Require) -> AsyncIterator[None]:
    lab.world.primary.silent = lab.world.secondary.silent = True
    yield
    lab.world.primary.silent = lab.world.secondary.silent = False


def self_signed(directory: Path) -> tuple[Path, Path]:
    """A certificate for the right name, and a key, that nobody knows."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST.to_text(omit_final_dot=True))])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST.to_text(omit_final_dot=True))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = directory / "forgotten.pem", directory / "forgotten.key"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


# -- who notices -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Damage:
    """``reasons``: what clients refuse for. ``address``: where alone they do. ``verdict`` and ``code``: what our own
    check says. ``delv``: what BIND's validator says of the TLSA records."""

    what: str
    inflict: Inflict
    reasons: frozenset[Reason]
    verdict: Verdict
    code: str
    delv: str
    address: IP | None = None


DAMAGES = [
    Damage(
        "a byte of a TLSA record is flipped on its way", tlsa_flipped_on_its_way,
        frozenset({Reason.BOGUS_SIGNATURE}), Verdict.BOGUS, "ANSWER_BOGUS", FAILED,
    ),
    Damage(
        "a byte of a TLSA record is flipped before signing", tlsa_of_another_key,
        frozenset({Reason.TLSA_MISMATCH}), Verdict.MISMATCH, "TLSA_MISMATCH", VALIDATED,
    ),
    Damage(
        "the signature over the TLSA records is stripped", without(TLSA),
        frozenset({Reason.SIGNATURE_MISSING}), Verdict.BOGUS, "ANSWER_BOGUS", FAILED,
    ),
    Damage(
        "the signatures have expired", signatures_expired,
        frozenset({Reason.SIGNATURE_EXPIRED}), Verdict.BOGUS, "ANSWER_BOGUS", FAILED,
    ),
    Damage(
        "the TLSA records are denied without a proof", tlsa_denied_without_proof,
        frozenset({Reason.DENIAL_INVALID}), Verdict.BOGUS, "ANSWER_BOGUS", FAILED,
    ),
    Damage(
        "the DS is of another key", ds_of_another_key,
        frozenset({Reason.DS_MISMATCH}), Verdict.BOGUS, "ANSWER_BOGUS", FAILED,
    ),
    Damage(
        "the DS is stripped", ds_stripped,
        frozenset({Reason.DENIAL_INVALID}), Verdict.BOGUS, "ANSWER_BOGUS", FAILED,
    ),
    Damage(
        "one address presents another chain", wrong_chain_at_one_address,
        frozenset({Reason.TLSA_MISMATCH}), Verdict.MISMATCH, "TLSA_MISMATCH", VALIDATED, WEB4,
    ),
    Damage(
        "the authorities are silent", silent_authorities,
        frozenset({Reason.NO_ANSWER, Reason.TOO_SLOW}), Verdict.UNDECIDED, "ANSWER_UNDECIDED", FAILED,
    ),
]  # fmt: skip


async def our_check(lab: LivingLab) -> Report:
    reached = lab.stage.wired.subjects.reach.endpoints[0]
    return await check(reached.endpoint, lab.stage.wired.tools.eyes, reached.reference)


async def delv(lab: LivingLab, program: str) -> str:
    """What BIND's validator says of the TLSA records, through the world's forwarder and from its trust anchor."""
    anchor = lab.world.directory / "anchor"
    _, _, _, _, tag, algorithm, digest_type, *digest = lab.world.trust_anchors.split()
    anchor.write_text(f'trust-anchors {{ . static-ds {tag} {algorithm} {digest_type} "{"".join(digest)}"; }};')
    host, port = lab.world.dialer.locate(*lab.world.forwarder)
    process = await asyncio.create_subprocess_exec(
        program, f"@{host}", "-p", str(port), "-a", str(anchor), "+root=.", OWNER.to_text(), "TLSA",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    return out.decode()


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.what)
def test_every_client_notices_for_the_right_reason_and_so_does_our_check(
    lab: LivingLab, runner: asyncio.Runner, damage: Damage, require_program: Require
) -> None:
    async def story() -> None:
        async with damage.inflict(lab, require_program):
            scene = await lab.enter()
            await lab.until_each_client(scene, Outcome.REFUSED, reasons=damage.reasons)
            report = await our_check(lab)
        refused = lab.connections(scene, Outcome.REFUSED)
        assert {c.reason for c in refused} <= damage.reasons, {c.detail for c in refused}
        assert report.verdict is damage.verdict, report.findings
        assert damage.code in {finding.code for finding in report.findings}
        assert not report.good
        if damage.address is not None:
            assert {c.address for c in refused} == {str(damage.address)}
            others = {c.address for c in lab.connections(scene, Outcome.ACCEPTED)}
            assert {str(WEB4), str(WEB6)} - {str(damage.address)} <= others
            assert {f.address for f in report.findings if f.code == damage.code} == {damage.address}
        await lab.healed()
        assert (await our_check(lab)).good

    runner.run(story())


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.what)
def test_binds_validator_agrees_about_the_records(
    lab: LivingLab, runner: asyncio.Runner, damage: Damage, require_program: Require
) -> None:
    program = require_program("delv", package="bind9-dnsutils")

    async def story() -> None:
        async with damage.inflict(lab, require_program):
            said = await delv(lab, program)
            assert damage.delv in said, said
        assert VALIDATED in await delv(lab, program)

    runner.run(story())


def test_a_zone_without_ds_is_insecure_for_everybody_and_the_roots_decide(
    lab: LivingLab, runner: asyncio.Runner, require_program: Require
) -> None:
    program = require_program("delv", package="bind9-dnsutils")

    async def story() -> None:
        found = lab.world.net.found(ZONE)
        assert isinstance(found, RRset)
        lab.world.net.delegate(ZONE, frozenset())
        async with asyncio.timeout(120):
            over: set[Over] = set()
            while over != {Over.PKIX}:
                scene = await lab.enter()
                await lab.witnesses.rounds(2)
                assert lab.connections(scene, Outcome.REFUSED) == []
                over = {c.over for c in lab.connections(scene)}
        report = await our_check(lab)
        assert report.verdict is Verdict.INSECURE
        assert not report.good
        assert UNSIGNED in await delv(lab, program)
        lab.world.net.delegate(ZONE, found.rdatas)
        await lab.healed()

    runner.run(story())
