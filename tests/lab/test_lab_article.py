"""The article's own parameters: 3 0 2, beside the 3 1 1 that every client knows, and proof of control by dns-01."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

import dns.exception
import dns.name
import dns.rdatatype
import dns.zone
import pytest
from living_lab import OWNER, LivingLab, living_lab

from danelaw.core.rollover.actions import Action, MakeKey, PlaceChallenge, Publish
from danelaw.core.rollover.progress import Progress
from danelaw.worlds.lab.crowd import Outcome, Over

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

CHALLENGE = dns.name.from_text("_acme-challenge.www.dotnxdomain.net.")


def by_openssl(program: str, pem: Path) -> str:
    """``openssl x509 -outform DER | openssl sha512`` of the first certificate: the data of its 3 0 2 record, in hex."""
    der = subprocess.run([program, "x509", "-in", pem, "-outform", "DER"], capture_output=True, check=True)  # noqa: S603  # an oracle
    said = subprocess.run([program, "sha512", "-r"], input=der.stdout, capture_output=True, check=True)  # noqa: S603  # likewise
    return said.stdout.decode().split()[0]


def served(lab: LivingLab) -> dns.zone.Zone:
    return lab.world.primary.zone.zone


def records(lab: LivingLab, matching: str) -> list[str]:
    """The data of the TLSA records with these parameters that the primary serves."""
    return [
        text.removeprefix(matching).strip()
        for text in (rdata.to_text(chunksize=0) for rdata in served(lab).find_rdataset(OWNER, dns.rdatatype.TLSA))
        if text.startswith(matching)
    ]


def test_a_roll_with_3_0_2_and_dns_01_refuses_nobody_and_publishes_what_openssl_computes(
    tmp_path: Path, require_program: Callable[..., str]
) -> None:
    openssl = require_program("openssl", package="openssl")
    acted: list[Action] = []

    def note(progress: Progress) -> None:
        if progress.acting is not None:
            acted.append(progress.acting)

    async def story() -> None:
        async with living_lab(tmp_path / "lab", tlsa=("3 0 2", "3 1 1"), challenge="dns-01", lag=1.0) as lab:
            scene = await lab.enter()
            await lab.settle(note)
            first = by_openssl(openssl, lab.world.live / "fullchain.pem")
            assert records(lab, "3 0 2") == [first]
            lab.world.suggest_renewal()
            await lab.settle(note, after=MakeKey)
            second = by_openssl(openssl, lab.world.live / "fullchain.pem")
            assert second != first
            assert records(lab, "3 0 2") == [second]
            assert len(records(lab, "3 1 1")) == 1
            assert served(lab).get_node(CHALLENGE) is None, "the proof is cleared away"
            await lab.witnesses.rounds(2)
            assert lab.connections(scene, Outcome.REFUSED) == []
            assert Over.DANE in {c.over for c in lab.connections(scene, Outcome.ACCEPTED)}
            assert (await lab.stage.check())[1]

    asyncio.run(story())
    assert not any(isinstance(action, PlaceChallenge) for action in acted)
    owners = [a.replace.owner for a in acted if isinstance(a, Publish) and a.replace.type == dns.rdatatype.TXT]
    assert set(owners) == {CHALLENGE}
    assert len(owners) == 4, "each of two orders publishes its proof and clears it"
